#ifndef STORE_ANNOTATION_TEXT_H
#define STORE_ANNOTATION_TEXT_H

/* The text of a file of annotations (RFC 5464): "annotations 1" LF, then for each, in the order of their
 * names,
 * "<bytes of the name> <bytes of the value>" LF, the name in lower case, LF, the value, LF. Values are any
 * bytes. Pure. */

#include "base/arena.h"
#include "base/buf.h"

#define ANNOTATIONS_NAME        "annotations"
#define ANNOTATIONS_SERVER_NAME "server-annotations"

enum {
        ANNOTATIONS_MAX = 200,               /* of one mailbox, or the server */
        ANNOTATION_NAME_MAX = 255,           /* bytes */
        ANNOTATION_VALUE_MAX = 32 * 1024,    /* bytes: what fits a command */
        ANNOTATIONS_MAX_BYTES = 1024 * 1024, /* of a file */
};

struct annotation {
        struct slice name, value; /* value.p NULL: none */
};

/* At most ANNOTATIONS_MAX; slices into the text, which must stay. -EBADMSG: it is not such a text. */
int annotation_text_parse(struct slice text, struct arena *a, struct annotation **ret, size_t *ret_n);
void annotation_text_put(struct buf *to, const struct annotation *list, size_t n);

/* Puts the changes into a list with room for n more, kept in order of names; those without a value go.
 * Returns how many there are then; more than ANNOTATIONS_MAX is the caller's to refuse. */
size_t annotation_merge(struct annotation *list, size_t list_n, const struct annotation *changes, size_t n);
/* NULL: not there. */
const struct annotation *annotation_find(const struct annotation *list, size_t n, struct slice name);

#endif

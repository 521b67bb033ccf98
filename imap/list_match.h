#ifndef IMAP_LIST_MATCH_H
#define IMAP_LIST_MATCH_H

/* The wildcards of LIST and LSUB (RFC 3501 section 6.3.8): "*" is any text, "%" any text without a separator.
 * Pure. Time is the length of the pattern times that of the name, whatever the wildcards. */

#include "base/arena.h"

enum {
        LIST_MAX_PATTERN =
                4096, /* bytes with runs of wildcards made one; as long as a path: longer names are none */
};

struct list_pattern {
        struct slice text;
        size_t literals; /* bytes that are not wildcards */
        bool any;        /* has "*" */
        bool level;      /* ends with "%" */
};

/* Reference and pattern are put together as they are (RFC 3501 leaves it to the server). 0, or -E2BIG: such a
 * pattern matches nothing. */
int list_pattern_make(struct arena *a, struct slice reference, struct slice pattern,
                      struct list_pattern *ret);

/* Names are UTF-8. The level "INBOX" at the start of a name is matched in any case. */
bool list_pattern_match(const struct list_pattern *pattern, char separator, struct slice name);

#endif

#ifndef MIME_HEADER_H
#define MIME_HEADER_H

/* Header fields of a message or a MIME part (RFC 5322 sections 2.2 and 3.6.8, obsolete forms of 4.5).
 *
 * A header ends with its first empty line (LF or CRLF) and includes it; without one the header is all there
 * is. A line that is no field (no colon, a name with spaces, mbox's "From ", a fold with nothing before it)
 * belongs to the header but has no name. Bare CRs are ordinary bytes. */

#include "base/arena.h"

enum {
        HEADER_MAX_FIELDS = 10000, /* no list or trace header comes near it; beyond, fields are not seen */
        HEADER_MAX_BYTES =
                1 << 20,       /* CVE-2024-23185: a header is sent whole, but only this much is looked into */
        HEADER_MAX_NAME = 998, /* RFC 5322 line limit; a longer "name" is no field */
};

struct header_field {
        struct slice
                name; /* as written, without blanks before the colon; n == 0: not a field, only raw is set */
        struct slice value; /* after the colon, with folds and comments, without the final line break */
        struct slice raw;   /* the whole lines, including folds and the final line break */
        size_t offset;      /* of raw in the header */
};

struct header_iter {
        struct slice header;
        size_t offset;
        unsigned fields;
        const struct header_field *listed, *listed_end; /* come first */
        bool everything; /* ignore the limits: whoever copies raw lines must not lose any */
};

/* Bytes of the header at the start of a message or part, including the empty line. */
size_t header_size(struct slice message);

/* `header` may be the header alone, with or without its empty line, or be followed by a body. */
struct header_iter header_iter(struct slice header);
/* Of fields that were found before, so that several may look for theirs in one pass over a header. */
struct header_iter header_iter_listed(const struct header_field *fields, size_t n);
/* The next field or nameless line; false at the empty line, the end, or a limit. */
bool header_next(struct header_iter *it, struct header_field *ret);

/* The nth (from 0) field of that name, ASCII case-insensitive. */
bool header_find_nth(struct slice header, struct slice name, unsigned nth, struct header_field *ret);
static inline bool header_find(struct slice header, struct slice name, struct header_field *ret)
{
        return header_find_nth(header, name, 0, ret);
}

/* Line breaks that are followed by a blank go, the blank stays (RFC 5322 section 2.2.3); other CRs and LFs
 * become spaces; blanks at both ends go. The result points into `value` when nothing had to change. */
struct slice header_unfold(struct arena *a, struct slice value);

#endif

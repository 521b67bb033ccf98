#ifndef IMAP_PARSE_APPEND_H
#define IMAP_PARSE_APPEND_H

/* What APPEND and REPLACE save, from behind the mailbox (RFC 4466 section 6, append-message; RFC 3502, 4469,
 * 3516, 6855 section 4), taken apart piece by piece as it comes: a stretch of the command up to a message
 * literal's mark, then, when that was read, the next stretch. Pure: no I/O, and what one stretch gave is of
 * no use to the next. */

#include <time.h>

#include "imap/command.h"

enum append_kind {
        APPEND_MESSAGE, /* one begins: .flags, .date */
        APPEND_LITERAL, /* bytes of it: .size of them follow the stretch, which ends here; .whole */
        APPEND_URL,     /* or those that .url names */
        APPEND_WHOLE,   /* it is complete */
        APPEND_END,     /* the command is; there was at least one message */
};

struct append_item {
        enum append_kind kind;
        struct imap_flags flags;
        time_t date;   /* -1: none given */
        uint64_t size; /* UINT64_MAX: more than 64 bits hold */
        bool binary;   /* literal8: NULs and bare line ends are content */
        bool utf8;     /* within UTF8 (...): the header may be UTF-8 (RFC 6855) */
        bool whole;    /* the message is this literal, not a part of CATENATE */
        struct slice url;
};

enum append_state {
        APPEND_AT_MESSAGE, /* or at the end */
        APPEND_AT_DATA,
        APPEND_BEHIND_PART,
        APPEND_BEHIND_UTF8_PART,
        APPEND_BEHIND_DATA,
        APPEND_BEHIND_UTF8,
};

struct append_parse {
        struct arena *arena; /* for what is unescaped and for lists: may be reset with each stretch */
        struct slice rest;   /* of the stretch */
        bool one;            /* REPLACE: one message, no more */
        const char *error;   /* static or in the arena: what is wrong, without a full stop */
        /* its own */
        enum append_state state;
        bool begun;
};

/* The next item. 0; -EINVAL with ->error, and nothing can follow. */
int append_parse_next(struct append_parse *p, struct append_item *ret);

#endif

#ifndef IMAP_APPEND_H
#define IMAP_APPEND_H

/* For append*.c and catenate.c alone: an APPEND or REPLACE while it is received. */

#include "imap/parse_append.h"
#include "imap/session.h"

struct append {
        struct imap_session *s;
        const struct imap_command *c;
        const char *what; /* "APPEND", for the log and for BAD */
        const char *name; /* of the target */
        struct save *save;
        struct imap_reader_limits limits;
        struct append_parse parse;
        struct buf stretch;   /* of the command, behind the first one */
        struct arena scratch; /* what that gave */

        /* the message that is being received */
        struct save_message message;
        uint64_t size; /* bytes so far */
        size_t parts;
        bool spooled;           /* it began with a literal8: kept aside until it can be turned into text */
        bool binary;            /* a literal8 within it now */
        bool ascii_only;        /* what comes is of a header that must not have 8-bit bytes */
        bool line_empty;        /* of that: no byte of the line yet */
        size_t messages;        /* that are whole */
        struct mailbox *source; /* the last one that a URL named, unless it is the selected one */

        uint32_t replaced; /* REPLACE: sequence number of the message that goes, 0: none */
};

/* All of these: 0, or -errno when the tagged answer was given (or the connection is lost). */

/* Bytes of a literal, which the stretch ended with, and then the next stretch of the command. */
int append_literal(struct append *a, const struct append_item *item);
/* What a part's URL names. */
int append_part(struct append *a, const struct append_item *item);
/* Bytes that were kept aside, when the message is whole. */
int append_spooled(struct append *a);

/* Whether so many bytes more may come; else -E2BIG. */
int append_fits(struct append *a, uint64_t size);
/* A message begins: what its header may have. */
void append_header(struct append *a);

/* Bytes of the message, from wherever. */
int append_bytes(struct append *a, struct slice bytes);
int append_url(struct append *a, struct slice url);

/* Say NO for what the store said, and BAD. They return the error. */
int append_fail(struct append *a, int error);
int append_bad(struct append *a, const char *text);

#endif

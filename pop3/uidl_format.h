#ifndef POP3_UIDL_FORMAT_H
#define POP3_UIDL_FORMAT_H

/* pop3_uidl_format, taken apart once, so that a listing writes digits and nothing else for each message. */

#include "base/slice.h"

enum {
        UIDL_MAX = 70,           /* RFC 1939: one to 70 characters from 0x21 to 0x7e */
        UIDL_FORMAT_PARTS = 16,  /* formats that sites have are of four or five */
        UIDL_FORMAT_WIDTH = 32,  /* of a number, filled up with zeros */
        UIDL_FORMAT_TEXT = 1024, /* characters */
};

/* What a message's id can be made of. */
struct uidl_source {
        uint32_t uid, uidvalidity;
        const char *file; /* its name */
        const char *guid;
        const char *md5;    /* NULL: messages in this mailbox have none */
        const char *stored; /* that another server gave it; "": the file's name was it; NULL: none */
};

struct uidl_part {
        enum { UIDL_LITERAL, UIDL_UID, UIDL_UIDVALIDITY, UIDL_FILE, UIDL_GUID, UIDL_MD5 } kind;
        bool hex;
        unsigned width; /* at least so many digits */
        struct slice literal;
};

struct uidl_format {
        const char *text; /* borrowed, as are the literals */
        struct uidl_part part[UIDL_FORMAT_PARTS];
        unsigned n;
        size_t longest; /* characters of literals and numbers */
        unsigned texts; /* UIDL_FILE and those behind it */
        bool guid, md5; /* it has such a part, or is odd and may have */
        bool odd;       /* it has what parts cannot tell, or is wrong: it is for conf_expand() */
        bool plain;     /* every id it makes is within RFC 1939 as it is, and no two UIDs have the same */
};

void uidl_format_compile(const char *text, struct uidl_format *ret);

/* Room for what the format gives; not for odd ones, nor for a source without what the format needs. */
size_t uidl_format_room(const struct uidl_format *f, const struct uidl_source *source);
/* Writes it, without a NUL, and returns where it ends. */
char *uidl_format_write(const struct uidl_format *f, const struct uidl_source *source, char *to);

#endif

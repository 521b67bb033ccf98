#ifndef IMAP_INTERNALDATE_H
#define IMAP_INTERNALDATE_H

/* INTERNALDATE as text (RFC 3501 date-time), in the server's zone: "17-Jul-1996 02:44:25 -0700" with its
 * quotes. For great numbers of them: what the zone says about a day is asked once. */

#include <time.h>

#include "base/macro.h"

enum {
        INTERNALDATE_MAX = 48, /* bytes of one; a year may have eleven characters */
        INTERNALDATE_DAYS = 256,
};

/* Begin with {0}. */
struct internaldate_memory {
        struct internaldate_day {
                int32_t day; /* since 1970, UTC; kept at day modulo INTERNALDATE_DAYS */
                int32_t offset;
                bool set, whole; /* whole: the offset is that of the whole day */
        } days[INTERNALDATE_DAYS];
        int64_t date; /* the day whose text this is, in local time */
        char text[12];
        bool has_text;
};

/* Returns where it ends; no NUL. */
char *internaldate_write(struct internaldate_memory *mem, time_t t, char *to);

#endif

#ifndef STORE_RECORD_H
#define STORE_RECORD_H

/* What the index knows of one message, in memory as on disk (README has the format). Records stand in rows by
 * ascending UID; a row keeps its message as long as the index is loaded. */

#include <stdint.h>

#define RECORD_SIZE_UNKNOWN UINT64_MAX
#define RECORD_DATE_UNKNOWN INT64_MIN

enum {
        RECORD_IN_NEW = 1 << 0,  /* the file is in new/, else in cur/ */
        RECORD_RECENT = 1 << 1,  /* no session has claimed it as \Recent yet */
        RECORD_COUNTED = 1 << 2, /* size was counted, not believed of the file's name */
        RECORD_ODD = 1 << 3, /* the info part of the file's name is not the one that flags and letters give:
                                it stands behind the fields in the names */
        RECORD_STORED = RECORD_IN_NEW | RECORD_RECENT | RECORD_COUNTED | RECORD_ODD,

        /* in memory only */
        RECORD_GONE = 1 << 8,     /* expunged */
        RECORD_UNLISTED = 1 << 9, /* has no line in the uidlist, which cannot be written */
        RECORD_MINE = 1 << 10,    /* \Recent in this session */
        RECORD_CHANGED = 1 << 11, /* others changed its flags and this session's client was not told */
        RECORD_SEEN = 1 << 12,    /* while the directories are read: the file was found */
        RECORD_LINE = 1 << 13,    /* while the whole uidlist is read: it has a line */
};

struct record {
        uint32_t uid;
        uint16_t state; /* RECORD_* */
        uint8_t flags;  /* FLAG_* */
        uint8_t zero;
        uint32_t letters; /* keywords, bit 0: a */
        uint32_t name;    /* offset in the names: base, fields and, when ODD, info, each with a NUL */
        uint64_t modseq;  /* of its last change of flags, or of its arrival */
        uint64_t size;    /* as sent: every line end CRLF; RECORD_SIZE_UNKNOWN */
        int64_t date;     /* INTERNALDATE, seconds since 1970; RECORD_DATE_UNKNOWN */
        uint64_t note;    /* the protocol's, see mailbox_note() */
        uint32_t cache;   /* newest group in the cache file, in units of 8 bytes; 0: none */
        uint32_t hash;    /* of the base */
};

_Static_assert(sizeof(struct record) == 56, "records are written as they are");

#endif

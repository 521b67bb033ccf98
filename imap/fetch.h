#ifndef IMAP_FETCH_H
#define IMAP_FETCH_H

/* For fetch*.c alone: a FETCH while it is answered. */

#include "imap/cached.h"
#include "imap/internaldate.h"
#include "imap/session.h"

enum fetch_need {
        FETCH_NEEDS_TEXT = 1 << 0, /* always: what is asked is never in the cache */
        FETCH_NEEDS_DATE = 1 << 1,
        FETCH_NEEDS_SIZE = 1 << 2,
        FETCH_SEES = 1 << 3, /* the command sets \Seen */
        FETCH_NEEDS_SAVEDATE = 1 << 4,
};

/* An item as it is answered, worked out once for the command. */
struct fetch_item {
        enum imap_fetch_kind kind;
        struct slice label;                 /* " RFC822.SIZE ", " BODY[TEXT] {", " BINARY[1] " */
        unsigned cached;                    /* enum cached_kind it can come from, 0: none */
        const struct imap_section *section; /* NULL: it is none */
        uint64_t fields;                    /* see cached_fields_mask() */
};

/* The texts of flags that were sent: the same few come again and again. */
enum { FETCH_FLAG_SLOTS = 64, FETCH_FLAG_TEXTS_MAX = 64 * 1024 };
struct fetch_flags {
        struct {
                uint64_t keywords;
                uint32_t at, n; /* in texts; n == 0: none */
        } slots[FETCH_FLAG_SLOTS];
        struct buf texts;
};

struct fetch {
        struct imap_session *s;
        const struct imap_command *c;
        struct fetch_item *items; /* UID, if it was a UID FETCH, first; sections last */
        size_t items_n;
        struct fetch_item flags; /* for telling that \Seen was set */
        unsigned needs;
        uint32_t kinds; /* of cached kinds that items can come from */
        uint32_t lazy;  /* of those that are sent when they are there: PREVIEW (LAZY) */
        bool asks_flags;
        bool decodes;   /* BINARY is asked for */
        bool unknown;   /* a message was left out, for its content transfer encoding is not known */
        uint32_t *seen; /* sequence numbers that were sent and are to be \Seen */
        size_t seen_n;
        bool gone;    /* a message was expunged meanwhile */
        uint32_t bad; /* the first message that could not be read, 0: none */
        int error;    /* why */

        /* the message at hand */
        uint32_t seq;
        struct message message; /* a copy, with the \Seen that this command sets */
        bool has_text, has_head;
        struct message_text text; /* or its header, if that is all that was read */
        const struct part *root;  /* parsed on first use */
        time_t date, savedate;
        bool saved; /* savedate is known */
        uint64_t size;
        struct slice cached[MAILBOX_KINDS]; /* of kinds */
        bool first;                         /* no item was sent yet */

        struct fetch_flags flag_texts;
        struct internaldate_memory *dates; /* in the command's arena; NULL: not needed */
        struct cached_maker maker;
        struct buf buf;
        struct arena arena;
};

/* Works out the items. */
void fetch_plan(struct fetch *f);
const struct part *fetch_parts(struct fetch *f);
/* The memory of where the last partials ended, for the message at hand. */
struct imap_partial_marks *fetch_partial(struct fetch *f);
/* Sends the response of the message at hand; everything it needs is there. */
void fetch_write(struct fetch *f, bool tell_flags);

#endif

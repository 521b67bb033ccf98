#ifndef IMAP_CACHED_H
#define IMAP_CACHED_H

/* What FETCH, SEARCH, SORT and THREAD keep about messages in the store's cache (store/mailbox.h), so that a
 * message is read for it once. Shared by all sessions and by later versions of this program: the numbers and
 * what they stand for are a file format. A kind is never given another meaning, and a changed encoding (what
 * envelope.c, bodystructure.c or the set of fields puts out) takes a new number. Those from 24 on are POP3's
 * (pop3/header_md5.h).
 *
 * An item that is there and empty (n == 0) says: looked at, too large to keep or failed; read the message.
 * The cache file may be hostile: whoever takes an item apart checks its bounds.
 *
 * Only FETCH of these kinds, SEARCH, SORT and THREAD fill the cache. Who fetches bodies alone (mbsync) pays
 * nothing. */

#include "imap/command.h"
#include "mime/date.h"
#include "mime/header.h"
#include "mime/part.h"
#include "store/mailbox.h"

enum cached_kind {
        /* of the header; made and kept together */
        CACHED_ENVELOPE = 1, /* as sent: "(...)" */
        CACHED_FIELDS = 2,   /* lines of often asked fields, see cached_pick() */
        CACHED_SEARCH = 3,   /* what SEARCH compares: imap/search_keys.h */
        CACHED_SORT = 6,     /* what SORT and THREAD compare: imap/sort_keys.h */
        /* of the whole message */
        CACHED_BODYSTRUCTURE = 4, /* as sent, with extension data */
        CACHED_BODY = 5,          /* as sent, without; kept when it was asked for */
        CACHED_PREVIEW = 7,       /* as sent: a string; kept when it was asked for */
};

#define CACHED_BIT(kind) (UINT32_C(1) << (kind))
enum {
        CACHED_HEADER = CACHED_BIT(CACHED_ENVELOPE) | CACHED_BIT(CACHED_FIELDS) | CACHED_BIT(CACHED_SEARCH) |
                        CACHED_BIT(CACHED_SORT),
        CACHED_STRUCTURE = CACHED_BIT(CACHED_BODYSTRUCTURE) | CACHED_BIT(CACHED_BODY),
        CACHED_NEEDS_PARTS = CACHED_STRUCTURE | CACHED_BIT(CACHED_PREVIEW),

        /* A larger item is kept as an empty one. Every look at a message checks the hash of all that is kept
         * of it, and a header that long (a mailing to thousands, a broken References) is rare. */
        CACHED_ITEM_MAX = 16 * 1024,
};

/* mailbox_note(): the Date field of the message's header, first one, as date_parse() reads it.
 *
 *   63..56  version, CACHED_NOTE_VERSION: a note with another is none
 *   55..52  0
 *   51..29  day + CACHED_DAY_ZERO   the day as written, disregarding the zone, in days since 1970
 *   28..12  second of that day as written, 0 to 86400
 *   11..0   zone: minutes east of Greenwich + 2048, never 0
 *
 * All of the low 56 bits 0: looked at, there is no valid Date. Notes of messages that have a date are ordered
 * by day: SENTSINCE is one comparison of cached_note_day(). */
enum {
        CACHED_NOTE_VERSION = 2, /* 1: a Date with an invalid time was none */
        CACHED_DAY_ZERO = 65536, /* the year 1790: date_parse() begins at 1900 */
};
#define CACHED_NO_DATE ((uint64_t)CACHED_NOTE_VERSION << 56)

/* Something is known of the date, if only that there is none. */
static inline bool cached_note_known(uint64_t note)
{
        return note >> 56 == CACHED_NOTE_VERSION;
}
static inline bool cached_note_has_date(uint64_t note)
{
        return cached_note_known(note) && (note & 0xfff);
}
/* Days since 1970 as date_of_day() / 86400 gives them; of a note that has a date. */
static inline int64_t cached_note_day(uint64_t note)
{
        return (int64_t)(note >> 29 & 0x7fffff) - CACHED_DAY_ZERO;
}
/* Seconds since 1970. */
static inline int64_t cached_note_utc(uint64_t note)
{
        int zone = (int)(note & 0xfff) - 2048;
        return cached_note_day(note) * 86400 + (int64_t)(note >> 12 & 0x1ffff) - zone * 60;
}
uint64_t cached_note_of(struct header_iter header);

/* Makes and keeps items; begin with {0}. What it made stays until the next call. */
struct cached_maker {
        struct buf items[MAILBOX_KINDS];
        struct buf list; /* of the header's fields */
};
void cached_maker_free(struct cached_maker *mk); /* also a _cleanup_ function */

/* A message was read because some kind of the mask `want` was not found, or was there as an empty item. Makes
 * all that is wanted, and of the header what `have`, the mask of what was found, does not have; keeps what is
 * not in `have`, with one call to the store, and the date's note when there is none. `parts` is the parsed
 * message; it may be NULL when no structure is wanted, else BODYSTRUCTURE is made too. Fills ret[kind] for
 * each kind made, in full even when it is too large to keep (but CACHED_FIELDS: then empty), and returns
 * their mask; valid until the next call with this maker. What the store gave before is not valid any more. */
uint32_t cached_make(struct cached_maker *mk, struct mailbox *m, uint32_t seq, struct slice message,
                     const struct part *parts, uint32_t want, uint32_t have, struct slice ret[MAILBOX_KINDS]);

/* BODY[HEADER.FIELDS (...)] from CACHED_FIELDS. The item is the byte 1, then for each field of the set, in
 * the order of the header, a uint32_t (its number in the set in the low 8 bits, its length above) and its
 * lines as sent: CRLF, and 0x80 for NUL. */

/* The fields of the set that a section asks for, by bit; 0: it is no HEADER.FIELDS of the message's header,
 * or asks for a field that is not in the set, so that the message has to be read. */
uint64_t cached_fields_mask(const struct imap_section *what);
/* Appends a header's item; with nothing appended and false when it is too large. */
bool cached_fields_write(struct header_iter header, struct buf *to);
/* Appends the fields in the set, each a struct header_field that points into the message, to an empty list.
 * What is made of a header needs no others, and most of a header is others. False: the header is too long for
 * that. */
bool cached_fields_list(struct slice message, struct buf *to);
struct header_iter cached_fields_listed(const struct buf *list);
/* False: the item is empty or broken. */
bool cached_fields_check(struct slice item);
/* Appends the fields of the mask with the empty line: the whole section, disregarding <partial>. The item was
 * checked. */
void cached_fields_pick(struct slice item, uint64_t mask, struct buf *to);

#endif

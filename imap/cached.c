#include "imap/cached.h"

#include "imap/bodystructure.h"
#include "imap/envelope.h"
#include "imap/preview.h"
#include "imap/search_keys.h"
#include "imap/sort_keys.h"
#include "mime/header.h"

/* Of a parsed date; NULL: there is none. */
static uint64_t note_make(const struct date *date)
{
        if (!date)
                return CACHED_NO_DATE;
        int64_t day = date_of_day(date->year, date->month, date->day) / 86400 + CACHED_DAY_ZERO;
        int second = date->hour * 3600 + date->minute * 60 + date->second;
        return CACHED_NO_DATE | (uint64_t)day << 29 | (uint64_t)second << 12 |
               (uint64_t)(date->zone_minutes + 2048);
}

uint64_t cached_note_of(struct header_iter header)
{
        struct header_field field;
        struct date date;
        while (header_next(&header, &field))
                if (field.name.n && slice_ieq(field.name, SLICE("Date")))
                        return note_make(date_parse(field.value, &date) == 0 ? &date : NULL);
        return note_make(NULL);
}

void cached_maker_free(struct cached_maker *mk)
{
        for (unsigned kind = 0; kind < MAILBOX_KINDS; kind++)
                buf_free(&mk->items[kind]);
        buf_free(&mk->list);
}

/* False: it could not be made. */
static bool make(enum cached_kind kind, struct header_iter header, struct slice message,
                 const struct part *parts, struct buf *to)
{
        *to = (struct buf){.p = to->p, .cap = to->cap, .max = ENVELOPE_MAX};
        switch (kind) {
        case CACHED_ENVELOPE:
                return envelope_write(header, to) == 0;
        case CACHED_FIELDS:
                return cached_fields_write(header, to);
        case CACHED_SEARCH:
                return search_keys_write(header, to) == 0;
        case CACHED_SORT:
                return sort_keys_write(header, to) == 0;
        case CACHED_BODYSTRUCTURE:
                return bodystructure_write(message, parts, true, to) == 0;
        case CACHED_BODY:
                return bodystructure_write(message, parts, false, to) == 0;
        case CACHED_PREVIEW:
                return preview_write(message, parts, to) == 0;
        }
        return false;
}

uint32_t cached_make(struct cached_maker *mk, struct mailbox *m, uint32_t seq, struct slice message,
                     const struct part *parts, uint32_t want, uint32_t have, struct slice ret[MAILBOX_KINDS])
{
        struct mailbox_item keep[MAILBOX_KINDS];
        size_t n = 0;
        want |= CACHED_HEADER & ~have;
        mk->list.n = 0;
        bool listed = cached_fields_list(message, &mk->list);
        struct header_iter header = listed ? cached_fields_listed(&mk->list) : header_iter(message);
        if (parts)
                want |= CACHED_BIT(CACHED_BODYSTRUCTURE) & ~have;
        for (unsigned kind = 0; kind < MAILBOX_KINDS; kind++) {
                if (!(want >> kind & 1))
                        continue;
                struct buf *b = &mk->items[kind];
                ret[kind] = make(kind, header, message, parts, b) ? buf_slice(b) : SLICE("");
                if (!(have >> kind & 1))
                        keep[n++] = (struct mailbox_item){kind, ret[kind].n <= CACHED_ITEM_MAX ? ret[kind]
                                                                                               : SLICE("")};
        }
        if (n)
                mailbox_cache(m, seq, keep, n);
        if (!cached_note_known(mailbox_note(m, seq)))
                mailbox_set_note(m, seq, cached_note_of(header));
        return want;
}

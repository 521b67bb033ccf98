/* The fields that clients ask for in lists of messages, line by line. */

#include "base/crlf.h"
#include "imap/cached.h"
#include "imap/quote.h"
#include "mime/header.h"

/* What mail programs ask for when they show a folder, by what they were seen to send or have in their source:
 * Thunderbird, Roundcube, K-9, Apple Mail, mutt and NeoMutt, Evolution, Outlook Express and its heirs,
 * Alpine, Horde. Fields that are missing cost nothing; long ones that few ask for (Received, DKIM-Signature,
 * Autocrypt, reports of spam filters) are not here. The numbers are in the file: only ever add at the end,
 * with a new kind, for the items of the old one say nothing about a new field. */
static const struct slice names[] = {
        /* everybody */
        SLICE("From"),
        SLICE("To"),
        SLICE("Cc"),
        SLICE("Bcc"),
        SLICE("Subject"),
        SLICE("Date"),
        SLICE("Message-ID"),
        SLICE("References"),
        SLICE("In-Reply-To"),
        SLICE("Reply-To"),
        SLICE("Sender"),
        SLICE("Content-Type"),
        /* icons and templates: Roundcube, Thunderbird, K-9 */
        SLICE("X-Priority"),
        SLICE("Priority"),
        SLICE("Importance"),
        SLICE("X-MSMail-Priority"),
        SLICE("Disposition-Notification-To"),
        SLICE("MIME-Version"),
        SLICE("Content-Transfer-Encoding"),
        SLICE("X-Draft-Info"),
        SLICE("Return-Path"),
        SLICE("X-K9mail-Identity"),
        SLICE("Chat-Version"),
        SLICE("X-Mailer"),
        SLICE("User-Agent"),
        SLICE("X-Spam-Flag"),
        /* lists and news: Evolution, Roundcube, mutt, Alpine */
        SLICE("List-Id"),
        SLICE("List-Post"),
        SLICE("List-Unsubscribe"),
        SLICE("List-Subscribe"),
        SLICE("Newsgroups"),
        SLICE("Followup-To"),
        SLICE("Mail-Followup-To"),
        SLICE("Mail-Reply-To"),
        SLICE("X-Mailing-List"),
        SLICE("X-Loop"),
        SLICE("Mailing-List"),
        SLICE("Originator"),
        SLICE("X-List"),
        SLICE("X-BeenThere"),
        /* mutt, Evolution, Alpine, Apple's notes, Outlook Express */
        SLICE("Lines"),
        SLICE("X-Label"),
        SLICE("X-Original-To"),
        SLICE("Content-Description"),
        SLICE("Content-Class"),
        SLICE("X-Calendar-Attachment"),
        SLICE("Content-MD5"),
        SLICE("Content-Disposition"),
        SLICE("Content-Language"),
        SLICE("Content-Location"),
        SLICE("X-Universally-Unique-Identifier"),
        SLICE("X-Uniform-Type-Identifier"),
        SLICE("X-Ref"),
        SLICE("X-MSOESRec"),
};
_Static_assert(ARRAY_LEN(names) <= 64, "a mask has a bit for each");

enum {
        FORM = 1, /* the first byte, so that an item without a field is not empty */
        /* Of a shorter header nobody stops at HEADER_MAX_FIELDS or HEADER_MAX_BYTES, so that what is left out
         * changes nothing; and the list stays small. */
        LIST_MAX = 16 * 1024,
};
_Static_assert(LIST_MAX / 2 < HEADER_MAX_FIELDS, "the shortest line of a header is two bytes");

/* The fields with a name that long, by bit: every line of a header is looked for. */
static const uint64_t of_length[] = {[2] = 0x6,
                                     [3] = 0x8,
                                     [4] = 0x21,
                                     [5] = 0x10010000000000,
                                     [6] = 0x4800000400,
                                     [7] = 0x20004000010,
                                     [8] = 0x802200,
                                     [9] = 0x8000000,
                                     [10] = 0x200020410050c0,
                                     [11] = 0x408082100100,
                                     [12] = 0x10004a0800,
                                     [13] = 0x140200000000,
                                     [14] = 0x420000000,
                                     [16] = 0x3000110000000,
                                     [17] = 0x208000,
                                     [19] = 0x880000000000,
                                     [21] = 0x200000000000,
                                     [25] = 0x8000000040000,
                                     [27] = 0x10000,
                                     [31] = 0x4000000000000};

/* ARRAY_LEN(names) when it is not in the set. */
static unsigned find(struct slice name)
{
        uint64_t left = name.n < ARRAY_LEN(of_length) ? of_length[name.n] : 0;
        for (; left; left &= left - 1) {
                unsigned i = (unsigned)__builtin_ctzll(left);
                if (ascii_lower(names[i].p[0]) == ascii_lower(name.p[0]) && slice_ieq(names[i], name))
                        return i;
        }
        return ARRAY_LEN(names);
}

uint64_t cached_fields_mask(const struct imap_section *what)
{
        uint64_t mask = 0;
        if (what->text != SECTION_HEADER_FIELDS || what->part_n > 0)
                return 0;
        for (size_t i = 0; i < what->fields_n; i++) {
                unsigned number = find(what->fields[i]);
                if (number == ARRAY_LEN(names))
                        return 0;
                mask |= UINT64_C(1) << number;
        }
        return mask;
}

static void write_field(unsigned number, struct slice raw, struct buf *to)
{
        size_t start = to->n;
        uint32_t head = 0;
        char last = '\0';
        char *p = buf_reserve(to, sizeof(head) + 2 * raw.n);
        if (!p)
                return;
        uint32_t n = (uint32_t)crlf_copy(p + sizeof(head), 2 * raw.n, &raw, &last);
        to->n += sizeof(head) + n;
        head = number | n << 8;
        memcpy(to->p + start, &head, sizeof(head));
        for (char *nul; (nul = memchr(to->p + start + sizeof(head), '\0', n));)
                *nul = QUOTE_NUL[0];
}

bool cached_fields_write(struct header_iter it, struct buf *to)
{
        size_t start = to->n;
        struct header_field field;
        it.everything = true;
        buf_char(to, FORM);
        while (header_next(&it, &field)) {
                unsigned number = field.name.n ? find(field.name) : ARRAY_LEN(names);
                if (number == ARRAY_LEN(names))
                        continue;
                if (field.raw.n <= CACHED_ITEM_MAX)
                        write_field(number, field.raw, to);
                if (field.raw.n > CACHED_ITEM_MAX || to->n - start > CACHED_ITEM_MAX) {
                        to->n = start;
                        return false;
                }
        }
        return true;
}

bool cached_fields_list(struct slice message, struct buf *to)
{
        struct header_iter it = header_iter(message);
        struct header_field field;
        it.everything = true;
        while (header_next(&it, &field)) {
                if (it.offset > LIST_MAX)
                        return false;
                if (field.name.n && find(field.name) < ARRAY_LEN(names))
                        buf_append(to, slice_make(&field, sizeof(field)));
        }
        return true;
}

struct header_iter cached_fields_listed(const struct buf *list)
{
        const void *fields = list->p; /* from malloc(), so it is aligned */
        return header_iter_listed(fields, list->n / sizeof(struct header_field));
}

/* Takes the next field off the item. */
static bool next(struct slice *item, uint32_t *ret_number, struct slice *ret)
{
        uint32_t head;
        if (item->n < sizeof(head))
                return false;
        memcpy(&head, item->p, sizeof(head));
        struct slice rest = slice_from(*item, sizeof(head));
        if (head >> 8 > rest.n || (head & 0xff) >= ARRAY_LEN(names))
                return false;
        *ret_number = head & 0xff;
        *ret = slice_head(rest, head >> 8);
        *item = slice_from(rest, head >> 8);
        return true;
}

bool cached_fields_check(struct slice item)
{
        uint32_t number;
        struct slice field;
        if (item.n == 0 || item.p[0] != FORM)
                return false;
        item = slice_from(item, 1);
        while (next(&item, &number, &field))
                ;
        return item.n == 0;
}

void cached_fields_pick(struct slice item, uint64_t mask, struct buf *to)
{
        uint32_t number;
        struct slice field;
        bool unfinished = false;
        item = slice_from(item, 1);
        while (next(&item, &number, &field)) {
                if (!(mask >> number & 1))
                        continue;
                buf_append(to, field);
                unfinished = !slice_ends(field, SLICE("\n"));
        }
        buf_str(to, unfinished ? "\r\n\r\n" : "\r\n");
}

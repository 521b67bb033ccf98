#include "imap/sort_keys.h"

#include <errno.h>

#include "base/hash.h"
#include "imap/base_subject.h"
#include "mime/address.h"
#include "mime/charset.h"
#include "mime/encoded_word.h"
#include "mime/message_id.h"

enum field { SUBJECT, FROM, TO, CC, MESSAGE_ID, IN_REPLY_TO, REFERENCES, FIELDS };

static const struct slice names[FIELDS] = {
        [SUBJECT] = SLICE("Subject"),
        [FROM] = SLICE("From"),
        [TO] = SLICE("To"),
        [CC] = SLICE("Cc"),
        [MESSAGE_ID] = SLICE("Message-ID"),
        [IN_REPLY_TO] = SLICE("In-Reply-To"),
        [REFERENCES] = SLICE("References"),
};

/* What has a text of an address, and what of it. */
static const struct {
        enum sort_text text;
        enum field field;
        bool display;
} addresses[] = {
        {SORT_TEXT_FROM, FROM, false},       {SORT_TEXT_TO, TO, false},       {SORT_TEXT_CC, CC, false},
        {SORT_TEXT_DISPLAYFROM, FROM, true}, {SORT_TEXT_DISPLAYTO, TO, true},
};

struct head {
        uint8_t reply, zero;
        uint16_t sizes[SORT_TEXTS];
};
_Static_assert(sizeof(struct head) == 2 + 2 * SORT_TEXTS, "the format");

/* The first field of each name; of lists of addresses, the first address of the first field that has one, as
 * in ENVELOPE. */
struct found {
        struct slice values[FIELDS]; /* p == NULL: absent */
        struct address *first[FIELDS];
};

static bool is_list(enum field f)
{
        return f == FROM || f == TO || f == CC;
}

static void find_fields(struct arena *a, struct header_iter it, struct found *found)
{
        struct header_field field;

        while (header_next(&it, &field))
                for (enum field f = 0; f < FIELDS; f++) {
                        if (field.name.n != names[f].n || !slice_ieq(field.name, names[f]))
                                continue;
                        if (is_list(f) && !found->first[f])
                                found->first[f] = address_parse(a, field.value);
                        if (!found->values[f].p)
                                found->values[f] = field.value;
                        break;
                }
}

/* RFC 5957 section 3. */
static struct slice display_of(struct arena *a, const struct address *address)
{
        struct slice name = address->name.p ? encoded_word_decode(a, address->name) : SLICE("");

        if (name.n > 0)
                return name;
        if (!address->mailbox.p || !address->host.p)
                return address->mailbox;
        return slice_of(arena_printf(a, "%.*s@%.*s", SLICE_ARG(address->mailbox), SLICE_ARG(address->host)));
}

/* Appends the text as it is compared. */
static uint16_t write_text(struct slice utf8, struct buf *to)
{
        size_t start = to->n;

        if (charset_fold(utf8, to) < 0)
                return 0;
        to->n = MIN(to->n, start + SORT_TEXT_MAX);
        for (char *nul; (nul = memchr(to->p + start, '\0', to->n - start));)
                *nul = ' ';
        return (uint16_t)(to->n - start);
}

static void write_texts(struct arena *a, const struct found *found, struct head *head, struct buf *to)
{
        bool reply = false;

        head->sizes[SORT_TEXT_SUBJECT] = write_text(base_subject(a, found->values[SUBJECT], &reply), to);
        head->reply = reply;
        for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
                const struct address *first = found->first[addresses[i].field];

                if (first)
                        head->sizes[addresses[i].text] =
                                write_text(addresses[i].display ? display_of(a, first) : first->mailbox, to);
        }
}

static bool next_id(struct slice *value, struct buf *text, uint64_t *ret)
{
        uint64_t hash;

        if (!message_id_next(value, text))
                return false;
        hash = hash_bytes(buf_slice(text), 0);
        *ret = hash ? hash : 1;
        return true;
}

static void write_hash(uint64_t hash, struct buf *to)
{
        buf_append(to, slice_make(&hash, sizeof(hash)));
}

/* Of more than SORT_REFERENCES_MAX hashes from `start` on, the first one and the last ones stay. */
static size_t cut_references(struct buf *to, size_t start, size_t n)
{
        size_t kept = (SORT_REFERENCES_MAX - 1) * sizeof(uint64_t);

        if (n <= SORT_REFERENCES_MAX)
                return n;
        memmove(to->p + start + sizeof(uint64_t), to->p + to->n - kept, kept);
        to->n = start + sizeof(uint64_t) + kept;
        return SORT_REFERENCES_MAX;
}

/* The references of RFC 5256 section 3, THREAD REFERENCES: those of References, or else the first msg-id of
 * In-Reply-To. */
static void write_references(const struct found *found, struct buf *text, struct buf *to)
{
        struct slice value = found->values[REFERENCES];
        size_t start = to->n, n = 0;
        uint64_t hash;

        for (; next_id(&value, text, &hash) && !to->error; n++) {
                write_hash(hash, to);
                if (n >= 2 * SORT_REFERENCES_MAX) /* now and then: the list may have any length */
                        n = cut_references(to, start, n + 1) - 1;
        }
        if (!to->error)
                cut_references(to, start, n);
        value = found->values[IN_REPLY_TO];
        if (n == 0 && next_id(&value, text, &hash))
                write_hash(hash, to);
}

int sort_keys_write(struct header_iter header, struct buf *to)
{
        _cleanup_(arena_free) struct arena a = {};
        _cleanup_(buf_free) struct buf text = {};
        struct found found = {};
        struct head head = {};
        struct slice own;
        size_t start = to->n;
        uint64_t id = 0;

        find_fields(&a, header, &found);
        buf_append(to, slice_make(&head, sizeof(head)));
        write_texts(&a, &found, &head, to);
        own = found.values[MESSAGE_ID];
        next_id(&own, &text, &id);
        write_hash(id, to);
        write_references(&found, &text, to);
        if (to->error)
                return to->error;
        memcpy(to->p + start, &head, sizeof(head));
        return 0;
}

int sort_keys_read(struct slice item, struct sort_keys *ret)
{
        struct head head;
        struct sort_keys made;

        if (item.n < sizeof(head))
                return -EBADMSG;
        memcpy(&head, item.p, sizeof(head));
        item = slice_from(item, sizeof(head));
        made.reply = head.reply & 1;
        for (size_t i = 0; i < SORT_TEXTS; i++) {
                if (head.sizes[i] > item.n || head.sizes[i] > SORT_TEXT_MAX)
                        return -EBADMSG;
                made.texts[i] = slice_head(item, head.sizes[i]);
                item = slice_from(item, head.sizes[i]);
        }
        if (item.n < sizeof(made.id) || item.n % sizeof(made.id) ||
            item.n / sizeof(made.id) > 1 + SORT_REFERENCES_MAX)
                return -EBADMSG;
        memcpy(&made.id, item.p, sizeof(made.id));
        made.references = slice_from(item, sizeof(made.id));
        *ret = made;
        return 0;
}

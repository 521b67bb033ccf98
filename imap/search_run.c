#include "imap/search_run.h"

#include <errno.h>

#include "base/log.h"
#include "imap/cached.h"
#include "imap/reply.h"

struct search_run {
        struct imap_session *session;
        struct mailbox *mailbox;
        struct search *search;
        uint64_t fields; /* for cached_fields_pick(); 0: some header is not among those */
        uint32_t looked; /* messages, for telling progress */
        bool failed;     /* a message could not be read */
        struct cached_maker maker;
        struct buf keys, header; /* copies, for what the store gives is not valid for long */

        /* the message at hand */
        uint32_t seq;
        bool opened;
        struct message_text text;
        uint32_t made; /* mask of kinds */
        struct slice kinds[MAILBOX_KINDS];
};

static int ask_size(void *context, uint64_t *ret)
{
        const struct search_run *s = context;

        return mailbox_size(s->mailbox, s->seq, ret);
}

static int ask_internaldate(void *context, time_t *ret)
{
        const struct search_run *s = context;

        return mailbox_internaldate(s->mailbox, s->seq, ret);
}

static int ask_savedate(void *context, time_t *ret)
{
        const struct search_run *s = context;

        return mailbox_savedate(s->mailbox, s->seq, ret);
}

static int ask_guid(void *context, char ret[MAILBOX_GUID_LEN + 1])
{
        const struct search_run *s = context;

        mailbox_message_guid(s->mailbox, s->seq, ret);
        return 0;
}

static int ask_text(void *context, struct slice *ret)
{
        struct search_run *s = context;
        int r = s->opened ? 0 : mailbox_read(s->mailbox, s->seq, &s->text);

        if (r < 0)
                return r;
        s->opened = true;
        *ret = s->text.raw;
        return 0;
}

/* Something of the header is not in the cache: the header is read, and everything about it made and kept. */
static int learn(struct search_run *s)
{
        _cleanup_(message_text_release) struct message_text head = {};
        struct slice there[MAILBOX_KINDS];
        int r = s->opened ? 0 : mailbox_read_head(s->mailbox, s->seq, &head);

        if (r < 0)
                return r;
        s->made = cached_make(&s->maker, s->mailbox, s->seq, s->opened ? s->text.raw : head.raw, NULL,
                              CACHED_HEADER, mailbox_cached_all(s->mailbox, s->seq, there), s->kinds);
        return 0;
}

static int ask_kind(struct search_run *s, enum cached_kind kind, struct slice *ret)
{
        int r;

        if (!(s->made & CACHED_BIT(kind))) {
                if (mailbox_cached(s->mailbox, s->seq, kind, ret))
                        return 0;
                r = learn(s);
                if (r < 0)
                        return r;
        }
        *ret = s->kinds[kind];
        return 0;
}

static int ask_note(struct search_run *s, uint64_t *ret)
{
        *ret = mailbox_note(s->mailbox, s->seq);
        if (!cached_note_known(*ret)) {
                int r = learn(s);

                if (r < 0)
                        return r;
                *ret = mailbox_note(s->mailbox, s->seq);
        }
        return 0;
}

static int ask_sent(void *context, int64_t *ret_day, bool *ret_valid)
{
        uint64_t note;
        int r = ask_note(context, &note);

        if (r < 0)
                return r;
        *ret_valid = cached_note_has_date(note);
        *ret_day = cached_note_day(note);
        return 0;
}

static int ask_keys(void *context, struct slice *ret)
{
        struct search_run *s = context;
        struct slice item;
        int r = ask_kind(s, CACHED_SEARCH, &item);

        if (r < 0)
                return r;
        s->keys.n = 0;
        buf_append(&s->keys, item);
        *ret = buf_slice(&s->keys);
        return 0;
}

/* The kept fields have another byte in the place of a NUL: then the message itself says what there is. */
static int ask_header(void *context, struct slice *ret)
{
        struct search_run *s = context;
        struct slice item;
        int r = s->fields ? ask_kind(s, CACHED_FIELDS, &item) : 0;

        if (r < 0)
                return r;
        if (!s->fields || !cached_fields_check(item))
                return ask_text(s, ret);
        s->header.n = 0;
        cached_fields_pick(item, s->fields, &s->header);
        if (slice_find(buf_slice(&s->header), '\x80') < s->header.n)
                return ask_text(s, ret);
        *ret = buf_slice(&s->header);
        return 0;
}

static int folder_keyword(void *context, struct slice name, unsigned *ret_bit)
{
        return mailbox_keyword(context, name, false, ret_bit);
}

/* Whether the message is found. One that went just now is not; of others that cannot be read the log knows
 * the first. */
static bool match_message(struct search_run *s, uint32_t seq, const struct message *message)
{
        const struct search_message asked = {
                .seq = seq,
                .uid = message->uid,
                .flags = (uint8_t)(message->flags.system | (message->recent ? IMAP_FLAG_RECENT : 0)),
                .keywords = message->flags.keywords,
                .modseq = message->modseq,
                .size = ask_size,
                .internaldate = ask_internaldate,
                .savedate = ask_savedate,
                .guid = ask_guid,
                .sent = ask_sent,
                .keys = ask_keys,
                .header = ask_header,
                .text = ask_text,
                .context = s,
        };
        int r;

        r = search_match(s->search, &asked);
        if (r < 0)
                search_run_fail(s, r);
        return r > 0;
}

static void take_message(struct search_run *s, uint32_t seq)
{
        s->seq = seq;
        s->made = 0;
}

static void leave_message(struct search_run *s)
{
        if (s->opened)
                message_text_release(&s->text);
        s->opened = false;
}

void search_run_fail(struct search_run *s, int error)
{
        if (error != -ENOENT && !s->failed) {
                log_error("SEARCH failed: %s", store_error(s->session->store));
                s->failed = true;
        }
}

int search_run_sort_keys(struct search_run *s, struct sort_keys *ret)
{
        struct slice item;
        int r = ask_kind(s, CACHED_SORT, &item);

        if (r < 0 || sort_keys_read(item, ret) == 0)
                return r;
        r = ask_text(s, &item);
        if (r < 0)
                return r;
        s->keys.n = 0;
        r = sort_keys_write(header_iter(item), &s->keys);
        return r < 0 ? r : sort_keys_read(buf_slice(&s->keys), ret);
}

int search_run_sent(struct search_run *s, int64_t *ret)
{
        uint64_t note;
        time_t arrived = 0;
        int r = ask_note(s, &note);

        if (r == 0 && !cached_note_has_date(note))
                r = mailbox_internaldate(s->mailbox, s->seq, &arrived);
        if (r == 0)
                *ret = cached_note_has_date(note) ? cached_note_utc(note) : (int64_t)arrived;
        return r;
}

bool search_run_one(struct search_run *s, uint32_t seq)
{
        struct message message = mailbox_message(s->mailbox, seq);

        bool found;

        if (!search_filter(s->search, seq, &message, 1))
                return false;
        take_message(s, seq);
        found = search_is_filter(s->search) || match_message(s, seq, &message);
        leave_message(s);
        return found;
}

/* n messages from `low` on; false: it is over. */
static bool run_batch(struct search_run *s, uint32_t low, size_t n, bool from_end, search_found found,
                      void *context)
{
        struct message messages[SEARCH_BATCH];
        bool decided = search_is_filter(s->search);
        bool more = true;
        /* of several mailboxes nobody knows how many messages they have */
        uint64_t left, all = s->mailbox == s->session->mailbox ? mailbox_count(s->mailbox) : 0;

        imap_progress(s->session, s->looked, all);
        mailbox_messages(s->mailbox, low, messages, n);
        left = search_filter(s->search, low, messages, n);
        while (left && more) {
                unsigned i = (unsigned)(from_end ? 63 - __builtin_clzll(left) : __builtin_ctzll(left));

                left &= ~(UINT64_C(1) << i);
                imap_progress(s->session, s->looked + (from_end ? n - 1 - i : i), all);
                take_message(s, low + i);
                if (decided || match_message(s, low + i, &messages[i]))
                        more = found(context, low + i, &messages[i]);
                leave_message(s);
        }
        s->looked += n;
        return more && !conn_error(&s->session->conn);
}

static bool run_range(struct search_run *s, uint32_t low, uint32_t high, bool from_end, search_found found,
                      void *context)
{
        while (low <= high) {
                uint32_t n = MIN(high - low + 1, (uint32_t)SEARCH_BATCH);

                if (!run_batch(s, from_end ? high - n + 1 : low, n, from_end, found, context))
                        return false;
                if (from_end)
                        high -= n;
                else
                        low += n;
        }
        return true;
}

/* Only where a set that the keys have lets something be found. */
void search_run_all(struct search_run *s, bool from_end, search_found found, void *context)
{
        uint32_t count = mailbox_count(s->mailbox);
        bool uid = false, more = count > 0;
        const struct imap_set *set = search_set(s->search, &uid);

        if (!set && more)
                run_range(s, 1, count, from_end, found, context);
        for (size_t i = 0; set && i < set->n && more; i++) {
                const struct imap_range *range = &set->ranges[from_end ? set->n - 1 - i : i];
                uint32_t low = range->low, high = range->high;

                if (uid) {
                        low = mailbox_seq_at_or_after(s->mailbox, low);
                        high = high == UINT32_MAX ? count : mailbox_seq_at_or_after(s->mailbox, high + 1) - 1;
                }
                more = run_range(s, low, MIN(high, count), from_end, found, context);
        }
}

/* The headers that keys name, as a section that may be in the cache. */
static uint64_t fields_of(struct arena *a, const struct search *search)
{
        struct imap_section section = {.text = SECTION_HEADER_FIELDS};
        const struct slice *names = search_headers(search, &section.fields_n);

        section.fields = arena_array(a, struct slice, section.fields_n);
        for (size_t i = 0; i < section.fields_n; i++)
                section.fields[i] = names[i];
        return cached_fields_mask(&section);
}

int search_run_open(struct imap_session *s, struct mailbox *m, const struct imap_search *what,
                    struct arena *arena, struct search_run **ret)
{
        uint32_t count = mailbox_count(m);
        const struct search_folder folder = {
                .messages = count,
                .last_uid = count ? mailbox_message(m, count).uid : 0,
                .keyword = folder_keyword,
                .context = m,
                .saved = m == s->mailbox ? s->saved : (struct imap_set){0},
                .now = time(NULL),
        };
        struct search *search = NULL;
        struct search_run *run;
        int r;

        if (what->modseq && mailbox_highest_modseq(m) == 0)
                return -ENOTSUP;
        if (what->modseq)
                imap_enable(s, FEATURE_CONDSTORE);
        r = search_make(arena, what->key, what->charset, &folder, &search);
        if (r < 0)
                return r;
        run = arena_new(arena, struct search_run);
        *run = (struct search_run){
                .session = s, .mailbox = m, .search = search, .fields = fields_of(arena, search)};
        *ret = run;
        return 0;
}

void search_run_close(struct search_run **run)
{
        struct search_run *s = *run;

        if (s) {
                search_free(&s->search);
                cached_maker_free(&s->maker);
                buf_free(&s->keys);
                buf_free(&s->header);
                message_text_release(&s->text);
        }
        *run = NULL;
}

bool search_run_failed(const struct search_run *run)
{
        return run->failed;
}

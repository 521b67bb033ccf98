#include "pop3/maildrop.h"

#include <errno.h>

#include "base/alloc.h"

static int find_keyword(struct maildrop *d, const char **ret_why)
{
        const struct settings *s = d->settings;
        d->hides = s->pop3_deleted_flag[0] != '\0';
        if (!d->hides && s->pop3_delete_type == SETTINGS_POP3_DELETE_FLAG) {
                *ret_why = "pop3_delete_type=flag, but pop3_deleted_flag not set";
                return -EINVAL;
        }
        if (!d->hides)
                return 0;
        int r = mailbox_keyword(d->mailbox, slice_of(s->pop3_deleted_flag), true, &d->deleted_keyword);
        if (r == -EINVAL || r == -ENOBUFS) {
                *ret_why = r == -EINVAL ? "pop3_deleted_flag is not a keyword"
                                        : "pop3_deleted_flag: the mailbox has no room for another keyword";
                return -EINVAL;
        }
        return r;
}

static bool is_hidden(const struct maildrop *d, uint32_t seq)
{
        struct message m = mailbox_message(d->mailbox, seq);
        return m.gone || (m.flags.keywords >> d->deleted_keyword & 1);
}

/* Nothing of a view that was opened just now is gone. */
static void number_messages(struct maildrop *d)
{
        uint32_t count = mailbox_count(d->mailbox);
        if (!d->hides) {
                d->n = count;
                /* later it may be of more messages than these */
                d->measured = mailbox_total_size(d->mailbox, &d->total);
                d->bytes = d->measured ? d->total : 0;
                return;
        }
        d->seqs = arena_array(&d->arena, uint32_t, count);
        for (uint32_t seq = 1; seq <= count; seq++)
                if (!is_hidden(d, seq))
                        d->seqs[d->n++] = seq;
}

int maildrop_open(struct store *s, const struct settings *settings, struct maildrop *ret,
                  const char **ret_why)
{
        struct maildrop d = {.settings = settings};
        *ret_why = NULL;
        int r = mailbox_open(s, "INBOX", false, &d.mailbox);
        if (r == 0)
                r = find_keyword(&d, ret_why);
        if (r < 0) {
                mailbox_close(&d.mailbox);
                return r;
        }
        number_messages(&d);
        *ret = d;
        return 0;
}

void maildrop_free(struct maildrop *d)
{
        mailbox_close(&d->mailbox);
        arena_free(&d->arena);
        *d = (struct maildrop){0};
}

/* Sizes */

int maildrop_size(struct maildrop *d, uint32_t number, uint64_t *ret)
{
        int r = mailbox_size(d->mailbox, maildrop_seq(d, number), ret);
        if (r != -ENOENT)
                return r;
        *ret = 0;
        return 0;
}

/* No other message will do better. */
static bool concerns_all(int error)
{
        return error == -ESTALE || error == -ETIMEDOUT || error == -ENOMEM || error == -EMFILE ||
               error == -ENFILE;
}

int maildrop_measure(struct maildrop *d)
{
        uint64_t total, bytes = 0, deleted_bytes = 0;
        uint32_t unreadable = 0;
        /* The total moves when a size turns out to be another than a file's name says, whoever counted it;
         * new mail moves it too, which is the time of a look at what is known for nothing. */
        if (d->measured && mailbox_total_size(d->mailbox, &total) && total == d->total)
                return 0;
        for (uint32_t i = 1; i <= d->n; i++) {
                uint64_t size = 0;
                int r = maildrop_size(d, i, &size);
                if (r < 0 && concerns_all(r))
                        return r;
                unreadable += r < 0;
                bytes += size;
                deleted_bytes += maildrop_is_deleted(d, i) ? size : 0;
        }
        d->bytes = bytes;
        d->deleted_bytes = deleted_bytes;
        d->unreadable = unreadable;
        d->total = mailbox_total_size(d->mailbox, &total) ? total : UINT64_MAX;
        d->measured = true;
        return 0;
}

/* Names */

/* Whether all ids come from the format, and differ because the UIDs do. */
static bool is_plain(const struct maildrop *d)
{
        if (!d->format.plain || d->settings->pop3_reuse_xuidl)
                return false;
        for (uint32_t i = 1; i <= d->n; i++)
                if (uidl_is_stored(d->mailbox, maildrop_seq(d, i)))
                        return false;
        return true;
}

int maildrop_name(struct maildrop *d, const char **ret_why)
{
        *ret_why = NULL;
        if (d->named)
                return 0;
        uidl_format_compile(d->settings->pop3_uidl_format, &d->format);
        if (is_plain(d)) {
                d->named = true;
                return 0;
        }
        _cleanup_(uidl_names_free) struct uidl_names names = {
                .format = &d->format,
                .reuse_header = d->settings->pop3_reuse_xuidl,
                .md5_fields = d->settings->mbox_md5,
                .arena = &d->arena,
        };
        const char **uidls = arena_array(&d->arena, const char *, d->n);
        for (uint32_t i = 1; i <= d->n; i++) {
                int r = uidl_of_message(&names, d->mailbox, maildrop_seq(d, i), &uidls[i - 1], ret_why);
                if (r < 0)
                        return r;
        }
        d->uidls = uidls;
        d->named = true;
        return 0;
}

char *maildrop_write_uidl(const struct maildrop *d, uint32_t number, char *to)
{
        if (d->uidls) {
                struct slice id = slice_of(d->uidls[number - 1]);
                memcpy(to, id.p, id.n);
                return to + id.n;
        }
        const struct uidl_source source = {
                .uid = mailbox_message(d->mailbox, maildrop_seq(d, number)).uid,
                .uidvalidity = mailbox_uidvalidity(d->mailbox),
        };
        return uidl_format_write(&d->format, &source, to);
}

/* Marks */

static size_t words_of(const struct maildrop *d)
{
        return ((size_t)d->n + 63) / 64;
}

static void mark(struct maildrop *d, uint64_t **set, uint32_t number)
{
        if (!*set)
                *set = arena_array(&d->arena, uint64_t, words_of(d));
        (*set)[(number - 1) / 64] |= UINT64_C(1) << (number - 1) % 64;
}

void maildrop_delete(struct maildrop *d, uint32_t number)
{
        uint64_t size;
        if (d->measured && maildrop_size(d, number, &size) == 0)
                d->deleted_bytes += size;
        mark(d, &d->deleted_set, number);
        d->deleted++;
}

void maildrop_retrieved(struct maildrop *d, uint32_t number)
{
        mark(d, &d->retrieved_set, number);
        d->last = MAX(d->last, number);
}

void maildrop_reset(struct maildrop *d)
{
        if (d->deleted_set)
                memset(d->deleted_set, 0, words_of(d) * sizeof(*d->deleted_set));
        if (d->retrieved_set)
                memset(d->retrieved_set, 0, words_of(d) * sizeof(*d->retrieved_set));
        d->deleted = d->last = 0;
        d->deleted_bytes = 0;
}

static bool is_seen(const struct maildrop *d, uint32_t number)
{
        return mailbox_message(d->mailbox, maildrop_seq(d, number)).flags.system & FLAG_SEEN;
}

uint32_t maildrop_last(struct maildrop *d)
{
        if (!d->has_last_at_start) {
                d->last_at_start = d->n;
                while (d->last_at_start && !is_seen(d, d->last_at_start))
                        d->last_at_start--;
                d->has_last_at_start = true;
        }
        return MAX(d->last, d->last_at_start);
}

/* The update */

static bool is_to_be_seen(const struct maildrop *d, uint32_t number)
{
        return !maildrop_is_deleted(d, number) && !is_seen(d, number);
}

/* Sequence numbers of those of a set for which `wanted`, unless NULL, is true, ascending, in the arena. */
static size_t collect(struct maildrop *d, const uint64_t *set,
                      bool (*wanted)(const struct maildrop *, uint32_t), uint32_t **ret)
{
        size_t marked = 0, n = 0;
        for (size_t i = 0; set && i < words_of(d); i++)
                marked += (size_t)__builtin_popcountll(set[i]);
        uint32_t *seqs = arena_array(&d->arena, uint32_t, marked);
        for (size_t i = 0; n < marked && i < words_of(d); i++)
                for (uint64_t word = set[i]; word; word &= word - 1) {
                        uint32_t number = (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(word) + 1;
                        if (!wanted || wanted(d, number))
                                seqs[n++] = maildrop_seq(d, number);
                }
        *ret = seqs;
        return n;
}

int maildrop_update(struct maildrop *d, int *ret_flags_error)
{
        uint32_t *seqs = NULL;
        size_t gone, n = 0;
        struct flags seen = {.system = FLAG_SEEN};
        if (!d->settings->pop3_no_flag_updates)
                n = collect(d, d->retrieved_set, is_to_be_seen, &seqs);
        *ret_flags_error = n ? mailbox_store_flags(d->mailbox, seqs, n, FLAGS_ADD, seen, &gone) : 0;
        n = collect(d, d->deleted_set, NULL, &seqs);
        if (n == 0)
                return 0;
        if (!d->hides || d->settings->pop3_delete_type == SETTINGS_POP3_DELETE_EXPUNGE)
                return mailbox_expunge(d->mailbox, seqs, n);
        struct flags hidden = {.keywords = UINT64_C(1) << d->deleted_keyword};
        return mailbox_store_flags(d->mailbox, seqs, n, FLAGS_ADD, hidden, &gone);
}

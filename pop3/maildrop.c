#include "pop3/maildrop.h"

#include <errno.h>
#include <stdlib.h>

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

static bool is_hidden(const struct maildrop *d, const struct message *m)
{
        return m->gone || (d->hides && (m->flags.keywords >> d->deleted_keyword & 1));
}

static void list_messages(struct maildrop *d)
{
        uint32_t count = mailbox_count(d->mailbox);
        d->messages = arena_array(&d->arena, struct maildrop_message, count);
        for (uint32_t seq = 1; seq <= count; seq++) {
                struct message m = mailbox_message(d->mailbox, seq);
                if (is_hidden(d, &m))
                        continue;
                d->messages[d->n++] = (struct maildrop_message){.seq = seq};
                if (m.flags.system & FLAG_SEEN)
                        d->last_at_start = d->n;
        }
        d->last = d->last_at_start;
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
        list_messages(&d);
        *ret = d;
        return 0;
}

void maildrop_free(struct maildrop *d)
{
        mailbox_close(&d->mailbox);
        arena_free(&d->arena);
        *d = (struct maildrop){0};
}

struct maildrop_message *maildrop_message(struct maildrop *d, uint32_t number)
{
        return number >= 1 && number <= d->n ? &d->messages[number - 1] : NULL;
}

int maildrop_measure(struct maildrop *d)
{
        if (d->measured)
                return 0;
        uint64_t bytes = 0, deleted = 0;
        for (uint32_t i = 0; i < d->n; i++) {
                struct maildrop_message *m = &d->messages[i];
                int r = mailbox_size(d->mailbox, m->seq, &m->size);
                if (r == -ENOENT) {
                        m->gone = true;
                        m->size = 0;
                } else if (r < 0)
                        return r;
                bytes += m->size;
                deleted += m->deleted ? m->size : 0;
        }
        d->bytes = bytes;
        d->deleted_bytes = deleted;
        d->measured = true;
        return 0;
}

int maildrop_name(struct maildrop *d, const char **ret_why)
{
        if (d->named)
                return 0;
        _cleanup_(uidl_names_free) struct uidl_names names = {.settings = d->settings, .arena = &d->arena};
        *ret_why = NULL;
        for (uint32_t i = 0; i < d->n; i++) {
                int r = uidl_of_message(&names, d->mailbox, d->messages[i].seq, &d->messages[i].uidl,
                                        ret_why);
                if (r < 0)
                        return r;
        }
        d->named = true;
        return 0;
}

void maildrop_delete(struct maildrop *d, struct maildrop_message *m)
{
        m->deleted = true;
        d->deleted++;
        d->deleted_bytes += m->size;
}

void maildrop_reset(struct maildrop *d)
{
        for (uint32_t i = 0; i < d->n; i++)
                d->messages[i].deleted = d->messages[i].retrieved = false;
        d->deleted = 0;
        d->deleted_bytes = 0;
        d->last = d->last_at_start;
}

static bool is_to_be_seen(const struct maildrop *d, const struct maildrop_message *m)
{
        return m->retrieved && !m->deleted &&
               !(mailbox_message(d->mailbox, m->seq).flags.system & FLAG_SEEN);
}

static bool is_to_be_deleted(const struct maildrop *d, const struct maildrop_message *m)
{
        return m->deleted;
}

/* Their sequence numbers, ascending. */
static size_t collect(const struct maildrop *d,
                      bool (*wanted)(const struct maildrop *, const struct maildrop_message *),
                      uint32_t *seqs)
{
        size_t n = 0;
        for (uint32_t i = 0; i < d->n; i++)
                if (wanted(d, &d->messages[i]))
                        seqs[n++] = d->messages[i].seq;
        return n;
}

int maildrop_update(struct maildrop *d, int *ret_flags_error)
{
        uint32_t *seqs = arena_array(&d->arena, uint32_t, d->n);
        size_t gone, n = d->settings->pop3_no_flag_updates ? 0 : collect(d, is_to_be_seen, seqs);
        struct flags seen = {.system = FLAG_SEEN};
        *ret_flags_error = n ? mailbox_store_flags(d->mailbox, seqs, n, FLAGS_ADD, seen, &gone) : 0;
        n = collect(d, is_to_be_deleted, seqs);
        if (n == 0)
                return 0;
        if (!d->hides || d->settings->pop3_delete_type == SETTINGS_POP3_DELETE_EXPUNGE)
                return mailbox_expunge(d->mailbox, seqs, n);
        struct flags hidden = {.keywords = UINT64_C(1) << d->deleted_keyword};
        return mailbox_store_flags(d->mailbox, seqs, n, FLAGS_ADD, hidden, &gone);
}

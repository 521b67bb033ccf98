/* STATUS (RFC 3501 section 6.3.10), and the same answer where other commands give it. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "imap/capability.h"
#include "imap/check.h"
#include "imap/reply.h"

struct state {
        struct mailbox_summary all;
        uint64_t deleted_storage;
};

/* 0 when a file cannot be looked at: an estimate is what is asked for (RFC 9208 section 4.1.4). */
static uint64_t deleted_storage(struct mailbox *m, unsigned items)
{
        return items & STATUS_DELETED_STORAGE ? mailbox_deleted_storage(m) : 0;
}

/* RFC 8438: the sum of what FETCH says is each message's size. */
static uint64_t total_size(struct imap_session *s, struct mailbox *m)
{
        uint64_t total = 0, size;

        for (uint32_t seq = 1; seq <= mailbox_count(m); seq++) {
                imap_progress_step(s, seq - 1, mailbox_count(m));
                if (mailbox_size(m, seq, &size) == 0)
                        total += size;
        }
        return total;
}

/* What items need to know of an open mailbox. */
static void look(struct imap_session *s, struct mailbox *m, unsigned items, struct state *ret)
{
        struct mailbox_summary *all = &ret->all;

        mailbox_status(m, &all->status);
        snprintf(all->guid, sizeof(all->guid), "%s", mailbox_guid(m));
        all->size_known = mailbox_total_size(m, &all->size);
        if ((items & STATUS_SIZE) && !all->size_known)
                all->size = total_size(s, m);
        ret->deleted_storage = deleted_storage(m, items);
}

/* Without a look at its files, which is what these would need. */
static int look_from_afar(struct imap_session *s, const char *name, unsigned items, struct state *ret)
{
        const struct mailbox_summary *all = &ret->all;
        int r = mailbox_peek(s->store, name, &ret->all);

        if (r < 0)
                return r;
        return ((items & STATUS_SIZE) && !all->size_known) ||
                               ((items & STATUS_DELETED_STORAGE) && all->status.deleted)
                       ? -EAGAIN
                       : 0;
}

static void items_text(struct imap_session *s, const char *name, unsigned items, const struct state *state,
                       struct buf *to)
{
        const struct mailbox_status status = state->all.status;
        const struct {
                enum imap_status_item item;
                const char *name;
                uint64_t value;
                const char *id; /* in parentheses, instead of a number */
        } rows[] = {
                {STATUS_MESSAGES, "MESSAGES", status.messages, NULL},
                {STATUS_RECENT, "RECENT", status.recent, NULL},
                {STATUS_UIDNEXT, "UIDNEXT", status.uidnext, NULL},
                {STATUS_UIDVALIDITY, "UIDVALIDITY", status.uidvalidity, NULL},
                {STATUS_UNSEEN, "UNSEEN", status.unseen, NULL},
                {STATUS_DELETED, "DELETED", status.deleted, NULL},
                {STATUS_SIZE, "SIZE", state->all.size, NULL},
                {STATUS_MAILBOXID, "MAILBOXID", 0, state->all.guid},
                {STATUS_APPENDLIMIT, "APPENDLIMIT", imap_append_limit(s->settings), NULL},
                {STATUS_DELETED_STORAGE, "DELETED-STORAGE", state->deleted_storage, NULL},
                {STATUS_HIGHESTMODSEQ, "HIGHESTMODSEQ", status.highest_modseq, NULL},
        };
        const char *space = "";

        buf_str(to, "* STATUS ");
        imap_mailbox_text(s, name, to);
        buf_str(to, " (");
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                if (!(items & rows[i].item))
                        continue;
                buf_printf(to, "%s%s ", space, rows[i].name);
                if (rows[i].id)
                        buf_printf(to, "(%s)", rows[i].id);
                else
                        buf_number(to, rows[i].value);
                space = " ";
        }
        buf_str(to, ")\r\n");
}

bool imap_is_selected(const struct imap_session *s, const char *name)
{
        return s->mailbox && strcmp(mailbox_name(s->mailbox), name) == 0;
}

static int look_inside(struct imap_session *s, const char *name, unsigned items, struct state *ret)
{
        _cleanup_(mailbox_close) struct mailbox *m = NULL;
        int r = mailbox_open(s->store, name, true, &m);

        if (r < 0)
                return r;
        imap_log_index(m);
        look(s, m, items, ret);
        return 0;
}

static int look_at(struct imap_session *s, const char *name, unsigned items, struct state *ret)
{
        int r = look_from_afar(s, name, items, ret);

        return r == -EAGAIN ? look_inside(s, name, items, ret) : r;
}

int imap_count(struct imap_session *s, const char *name, struct mailbox_status *ret)
{
        struct state state = {};
        int r = look_at(s, name, 0, &state);

        if (r == 0)
                *ret = state.all.status;
        return r;
}

int imap_status_text(struct imap_session *s, const char *name, unsigned items, struct buf *to)
{
        struct state state = {};
        int r = 0;

        if (imap_is_selected(s, name))
                look(s, s->mailbox, items, &state);
        else
                r = look_at(s, name, items, &state);
        if (r == 0)
                items_text(s, name, items, &state, to);
        return r;
}

int imap_write_status(struct imap_session *s, const char *name, unsigned items)
{
        _cleanup_(buf_free) struct buf text = {};
        int r = imap_status_text(s, name, items, &text);

        conn_write(&s->conn, buf_slice(&text));
        return r;
}

void imap_exec_status(struct imap_session *s, const struct imap_command *c)
{
        const char *name = imap_mailbox_name(s, c->status.mailbox);
        bool selected = imap_is_selected(s, name);
        int r;

        /* Of the selected mailbox clients should not ask; they get what EXISTS and FETCH just told them. */
        if (c->status.items & STATUS_HIGHESTMODSEQ)
                imap_enable(s, FEATURE_CONDSTORE);
        if (selected)
                imap_sync(s, true, false);
        if (s->over)
                return;
        r = imap_write_status(s, name, c->status.items);
        if (r < 0)
                imap_fail_mailbox(s, c, r, name, "STATUS");
        else if (selected)
                imap_ok(s, c, "[CLIENTBUG] Status on selected mailbox completed.");
        else
                imap_done(s, c, "Status completed.");
}

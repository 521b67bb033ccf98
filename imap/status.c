/* STATUS (RFC 3501 section 6.3.10), and the same answer where other commands give it. */

#include <string.h>

#include "imap/capability.h"
#include "imap/check.h"
#include "imap/reply.h"

/* 0 when a file cannot be looked at: an estimate is what is asked for (RFC 9208 section 4.1.4). */
static uint64_t deleted_storage(struct mailbox *m, unsigned items)
{
        uint64_t size = 0;

        if (items & STATUS_DELETED_STORAGE)
                (void)!mailbox_deleted_storage(m, &size);
        return size;
}

/* RFC 8438: the sum of what FETCH says is each message's size. */
static uint64_t total_size(struct mailbox *m)
{
        uint64_t total = 0, size;

        if (mailbox_total_size(m, &total))
                return total;
        for (uint32_t seq = 1; seq <= mailbox_count(m); seq++)
                if (mailbox_size(m, seq, &size) == 0)
                        total += size;
        return total;
}

static void items_text(struct imap_session *s, const char *name, unsigned items, struct mailbox *m,
                       struct buf *to)
{
        struct mailbox_status status = {};

        mailbox_status(m, &status);
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
                {STATUS_SIZE, "SIZE", items & STATUS_SIZE ? total_size(m) : 0, NULL},
                {STATUS_MAILBOXID, "MAILBOXID", 0, mailbox_guid(m)},
                {STATUS_APPENDLIMIT, "APPENDLIMIT", imap_append_limit(s->settings), NULL},
                {STATUS_DELETED_STORAGE, "DELETED-STORAGE", deleted_storage(m, items), NULL},
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

int imap_status_text(struct imap_session *s, const char *name, unsigned items, struct buf *to)
{
        _cleanup_(mailbox_close) struct mailbox *other = NULL;
        int r;

        if (imap_is_selected(s, name)) {
                items_text(s, name, items, s->mailbox, to);
                return 0;
        }
        r = mailbox_open(s->store, name, true, &other);
        if (r < 0)
                return r;
        imap_log_index(other);
        items_text(s, name, items, other, to);
        return 0;
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

/* STATUS (RFC 3501 section 6.3.10), and the same answer where other commands give it. */

#include <string.h>

#include "imap/check.h"
#include "imap/reply.h"

static void write_items(struct imap_session *s, const char *name, unsigned items,
                        const struct mailbox_status *status)
{
        const struct {
                enum imap_status_item item;
                const char *name;
                uint64_t value;
        } rows[] = {
                {STATUS_MESSAGES, "MESSAGES", status->messages},
                {STATUS_RECENT, "RECENT", status->recent},
                {STATUS_UIDNEXT, "UIDNEXT", status->uidnext},
                {STATUS_UIDVALIDITY, "UIDVALIDITY", status->uidvalidity},
                {STATUS_UNSEEN, "UNSEEN", status->unseen},
        };
        const char *space = "";

        conn_puts(&s->conn, "* STATUS ");
        imap_write_mailbox(s, name);
        conn_puts(&s->conn, " (");
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                if (!(items & rows[i].item))
                        continue;
                conn_printf(&s->conn, "%s%s %llu", space, rows[i].name, (unsigned long long)rows[i].value);
                space = " ";
        }
        conn_puts(&s->conn, ")\r\n");
}

bool imap_is_selected(const struct imap_session *s, const char *name)
{
        return s->mailbox && strcmp(mailbox_name(s->mailbox), name) == 0;
}

int imap_write_status(struct imap_session *s, const char *name, unsigned items)
{
        _cleanup_(mailbox_close) struct mailbox *other = NULL;
        struct mailbox_status status = {};
        int r;

        if (imap_is_selected(s, name)) {
                mailbox_status(s->mailbox, &status);
                write_items(s, name, items, &status);
                return 0;
        }
        r = mailbox_open(s->store, name, true, &other);
        if (r < 0)
                return r;
        imap_log_index(other);
        mailbox_status(other, &status);
        write_items(s, name, items, &status);
        return 0;
}

void imap_exec_status(struct imap_session *s, const struct imap_command *c)
{
        const char *name = imap_mailbox_name(s, c->status.mailbox);
        bool selected = imap_is_selected(s, name);
        int r;

        /* Of the selected mailbox clients should not ask; they get what EXISTS and FETCH just told them. */
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

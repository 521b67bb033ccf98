/* STATUS (RFC 3501 section 6.3.10). */

#include <string.h>

#include "imap/check.h"
#include "imap/reply.h"

static void write_status(struct imap_session *s, const char *name, unsigned items,
                         const struct mailbox_status *status)
{
        const struct {
                enum imap_status_item item;
                const char *name;
                uint32_t value;
        } rows[] = {
                {STATUS_MESSAGES, "MESSAGES", status->messages},
                {STATUS_RECENT, "RECENT", status->recent},
                {STATUS_UIDNEXT, "UIDNEXT", status->uidnext},
                {STATUS_UIDVALIDITY, "UIDVALIDITY", status->uidvalidity},
                {STATUS_UNSEEN, "UNSEEN", status->unseen},
        };
        const char *space = "";

        conn_puts(&s->conn, "* STATUS ");
        imap_write_mailbox(&s->conn, name);
        conn_puts(&s->conn, " (");
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                if (!(items & rows[i].item))
                        continue;
                conn_printf(&s->conn, "%s%s %u", space, rows[i].name, rows[i].value);
                space = " ";
        }
        conn_puts(&s->conn, ")\r\n");
}

void imap_exec_status(struct imap_session *s, const struct imap_command *c)
{
        const char *name = imap_mailbox_name(s, c->status.mailbox);
        _cleanup_(mailbox_close) struct mailbox *other = NULL;
        struct mailbox_status status = {};
        int r;

        /* Of the selected mailbox clients should not ask; they get what EXISTS and FETCH just told them. */
        if (s->mailbox && strcmp(mailbox_name(s->mailbox), name) == 0) {
                imap_sync(s, true, false);
                if (s->over || !s->mailbox)
                        return;
                mailbox_status(s->mailbox, &status);
                write_status(s, name, c->status.items, &status);
                imap_ok(s, c, "[CLIENTBUG] Status on selected mailbox completed.");
                return;
        }
        r = mailbox_open(s->store, name, true, &other);
        if (r < 0) {
                imap_fail_mailbox(s, c, r, name, "STATUS");
                return;
        }
        imap_log_index(other);
        mailbox_status(other, &status);
        write_status(s, name, c->status.items, &status);
        imap_done(s, c, "Status completed.");
}

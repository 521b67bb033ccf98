/* SELECT, EXAMINE (RFC 3501 sections 6.3.1 and 6.3.2, RFC 9051 sections 6.3.2 and 6.3.3), CLOSE (6.4.2),
 * UNSELECT (RFC 3691); MAILBOXID (RFC 8474). */

#include <errno.h>

#include "imap/check.h"
#include "imap/context.h"
#include "imap/reply.h"

static void tell_mailbox(struct imap_session *s, const struct imap_command *c)
{
        struct mailbox_status status;
        mailbox_status(s->mailbox, &status);
        bool rev2 = s->enabled & FEATURE_REV2;
        imap_tell_keywords(s);
        conn_printf(&s->conn, "* %u EXISTS\r\n", status.messages);
        /* what IMAP4rev2 has left out, and what it has in its place (RFC 9051 section 6.3.2) */
        if (rev2)
                imap_tell_folder(s, mailbox_name(s->mailbox), arena_str(&s->arena, c->mailbox));
        else
                conn_printf(&s->conn, "* %u RECENT\r\n", status.recent);
        if (!rev2 && status.first_unseen)
                conn_printf(&s->conn, "* OK [UNSEEN %u] First unseen.\r\n", status.first_unseen);
        conn_printf(&s->conn, "* OK [UIDVALIDITY %u] UIDs valid\r\n* OK [UIDNEXT %u] Predicted next UID\r\n",
                    status.uidvalidity, status.uidnext);
        conn_printf(&s->conn, "* OK [MAILBOXID (%s)] Ok\r\n", mailbox_guid(s->mailbox));
        s->told_messages = status.messages;
        s->told_recent = status.recent;
}

/* A level without messages, or one that is implied by what is below it. */
static bool only_has_children(struct imap_session *s, const char *name)
{
        unsigned flags;
        if (store_lookup(s->store, name, &flags) < 0)
                return false;
        return flags & FOLDER_NOSELECT || (flags & FOLDER_NONEXISTENT && flags & FOLDER_CHILDREN);
}

void imap_unselect(struct imap_session *s)
{
        imap_contexts_free(s);
        mailbox_close(&s->mailbox);
}

void imap_exec_select(struct imap_session *s, const struct imap_command *c)
{
        const char *name = imap_mailbox_name(s, c->mailbox);
        bool read_only = c->id == IMAP_EXAMINE;
        /* the mailbox that was selected is closed even when the new one cannot be opened */
        if (s->mailbox)
                conn_puts(&s->conn, "* OK [CLOSED] Previous mailbox closed.\r\n");
        imap_unselect(s);
        int r = mailbox_open(s->store, name, read_only, &s->mailbox);
        if (r == -ENOENT && only_has_children(s, name)) {
                imap_no(s, c, "[NONEXISTENT] Mailbox isn't selectable: it only has folders below it");
                return;
        }
        if (r < 0) {
                imap_fail_mailbox(s, c, r, name, read_only ? "EXAMINE" : "SELECT");
                return;
        }
        imap_log_index(s->mailbox);
        imap_log_waiting(s);
        imap_save_set(s, NULL);
        tell_mailbox(s, c);
        imap_ok(s, c, "[%s] %s completed.", mailbox_read_only(s->mailbox) ? "READ-ONLY" : "READ-WRITE",
                read_only ? "Examine" : "Select");
}

/* CLOSE removes what is marked \Deleted now, whatever the view knows of it, without telling; a failure leaves
 * the messages where they are. */
static int expunge_deleted(struct imap_session *s)
{
        struct mailbox_changes untold;
        int r = mailbox_sync(s->mailbox, true, &s->arena, &untold);
        if (r < 0)
                return r;
        uint32_t count = mailbox_count(s->mailbox);
        uint32_t *seqs = arena_array(&s->arena, uint32_t, count);
        size_t n = 0;
        for (uint32_t seq = 1; seq <= count; seq++)
                if (mailbox_message(s->mailbox, seq).flags.system & FLAG_DELETED)
                        seqs[n++] = seq;
        r = n ? mailbox_expunge(s->mailbox, seqs, n) : 0;
        if (r == 0)
                s->counts.expunged += n;
        return r;
}

void imap_exec_close(struct imap_session *s, const struct imap_command *c)
{
        int r = c->id == IMAP_CLOSE && !mailbox_read_only(s->mailbox) ? expunge_deleted(s) : 0;
        imap_unselect(s);
        if (r < 0)
                imap_fail(s, c, r, "CLOSE");
        else
                imap_ok(s, c, "%s completed.", c->id == IMAP_CLOSE ? "Close" : "Unselect");
}

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
                imap_tell_folder(s, mailbox_name(s->mailbox), arena_str(&s->arena, c->select.mailbox));
        else
                conn_printf(&s->conn, "* %u RECENT\r\n", status.recent);
        /* a message number, which UIDONLY has none of (RFC 9586) */
        if (!rev2 && status.first_unseen && !(s->enabled & FEATURE_UIDONLY))
                conn_printf(&s->conn, "* OK [UNSEEN %u] First unseen.\r\n", status.first_unseen);
        conn_printf(&s->conn, "* OK [UIDVALIDITY %u] UIDs valid\r\n* OK [UIDNEXT %u] Predicted next UID\r\n",
                    status.uidvalidity, status.uidnext);
        conn_printf(&s->conn, "* OK [MAILBOXID (%s)] Ok\r\n", mailbox_guid(s->mailbox));
        imap_tell_modseq(s);
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

/* The highest of n UIDs from `uid` on that the messages from `seq` on have in the same order, 0: none. UIDs
 * grow at least as fast as message numbers, so that those that fit are next to each other. */
static uint32_t last_match(const struct mailbox *m, uint32_t seq, uint32_t uid, uint32_t n)
{
        uint32_t low = 0, high = seq <= mailbox_count(m) ? MIN(n, mailbox_count(m) - seq + 1) : 0;
        while (low < high) {
                uint32_t mid = low + (high - low) / 2;
                if (mailbox_message(m, seq + mid).uid <= uid + mid)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low > 0 && mailbox_message(m, seq + low - 1).uid == uid + low - 1 ? uid + low - 1 : 0;
}

/* Up to this UID the client knows of all expunges: its numbers are ours (RFC 7162 section 3.2.5.2). */
static uint32_t matched_uid(const struct mailbox *m, const struct imap_set *seqs, const struct imap_set *uids)
{
        uint32_t matched = 0, seq_at = 0, uid_at = 0;
        for (size_t i = 0, k = 0; i < seqs->n && k < uids->n;) {
                uint32_t seq = seqs->ranges[i].low + seq_at, uid = uids->ranges[k].low + uid_at;
                uint32_t seq_more = seqs->ranges[i].high - seq, uid_more = uids->ranges[k].high - uid;
                uint32_t more = MIN(seq_more, uid_more);
                matched = MAX(matched, last_match(m, seq, uid, more + (more < UINT32_MAX)));
                i += seq_more == more;
                k += uid_more == more;
                seq_at = seq_more == more ? 0 : seq_at + more + 1;
                uid_at = uid_more == more ? 0 : uid_at + more + 1;
        }
        return matched;
}

/* RFC 7162 section 3.2.5.1: what went and what changed since the client was here. */
static void resynchronise(struct imap_session *s, const struct imap_command *c)
{
        struct mailbox *m = s->mailbox;
        struct imap_range all = {1, IMAP_STAR};
        struct imap_set everything = {.ranges = &all, .n = 1}, known = c->select.known;
        uint64_t since = mailbox_modseq_known(m, c->select.modseq);
        if (mailbox_highest_modseq(m) == 0 || c->select.uidvalidity != mailbox_uidvalidity(m) ||
            since == mailbox_highest_modseq(m))
                return;
        if (known.n == 0)
                known = everything;
        imap_tell_vanished(s, &known, since, matched_uid(m, &c->select.match_seqs, &c->select.match_uids));
        known = imap_set_normalise(&s->arena, &known, UINT32_MAX);
        for (uint32_t seq = 0; (seq = mailbox_seq_changed(m, seq + 1, since)) <= mailbox_count(m);) {
                uint32_t uid = mailbox_message(m, seq).uid;
                size_t at = imap_set_at(&known, uid);
                if (conn_error(&s->conn))
                        return;
                if (at < known.n && known.ranges[at].low <= uid)
                        imap_tell_flags(s, seq, true);
        }
}

void imap_exec_select(struct imap_session *s, const struct imap_command *c)
{
        const char *name = imap_mailbox_name(s, c->select.mailbox);
        bool read_only = c->id == IMAP_EXAMINE;
        /* the mailbox that was selected is closed even when the new one cannot be opened */
        if (s->mailbox)
                conn_puts(&s->conn, "* OK [CLOSED] Previous mailbox closed.\r\n");
        imap_unselect(s);
        s->told_modseq = s->fetched_modseq = 0;
        if (c->select.condstore || c->select.qresync)
                imap_enable(s, FEATURE_CONDSTORE);
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
        if (c->select.qresync)
                resynchronise(s, c);
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

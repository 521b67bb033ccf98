/* COPY, MOVE and their UID forms (RFC 3501 section 6.4.7, RFC 6851), with COPYUID (RFC 4315 section 3).
 *
 * All or nothing: the copies become visible together. Of a MOVE that is cut off each message has been moved
 * or has not. */

#include <errno.h>

#include "imap/check.h"
#include "imap/reply.h"

/* A message of the set that is gone already: nothing is copied (RFC 2180 section 4.4.1). */
static void say_expunged(struct imap_session *s, const struct imap_command *c)
{
        imap_sync(s, true, c->uid);
        imap_no(s, c, "[EXPUNGEISSUED] Some of the requested messages no longer exist.");
}

/* 0 with the copies made; else the tagged answer was given. */
static int copy_messages(struct imap_session *s, const struct imap_command *c, const uint32_t *seqs, size_t n,
                         struct save_result *ret)
{
        _cleanup_(save_close) struct save *save = NULL;
        const char *name = imap_mailbox_name(s, c->copy.mailbox);
        const char *what = c->id == IMAP_MOVE ? "MOVE" : "COPY";
        int r;

        r = save_open(s->store, name, &save);
        if (r < 0) {
                imap_fail_target(s, c, r, name, what);
                return r;
        }
        for (size_t i = 0; i < n; i++) {
                imap_progress(s, i / 2, n); /* the other half is the commit */
                r = c->id == IMAP_MOVE ? save_move(save, s->mailbox, seqs[i])
                                       : save_copy(save, s->mailbox, seqs[i]);
                if (r == -ENOENT) {
                        say_expunged(s, c);
                        return r;
                }
                if (r < 0) {
                        imap_fail(s, c, r, what);
                        return r;
                }
        }
        imap_progress_rest(s);
        r = save_commit(save, &s->arena, ret);
        if (r == -ENODATA) {
                say_expunged(s, c);
                return -ENODATA;
        }
        if (r < 0)
                imap_fail_target(s, c, r, name, what);
        return r;
}

/* Before a sync moves the numbers. */
static const uint32_t *uids_of(struct imap_session *s, const struct save_result *result)
{
        uint32_t *uids = arena_array(&s->arena, uint32_t, result->n);

        for (size_t i = 0; i < result->n; i++)
                uids[i] = mailbox_message(s->mailbox, result->seqs[i]).uid;
        return uids;
}

/* "[COPYUID 38505 304,319:320 3956:3958] " */
static void write_copyuid(struct imap_session *s, const uint32_t *uids, const struct save_result *result)
{
        conn_printf(&s->conn, "[COPYUID %u ", result->uidvalidity);
        imap_write_uid_set(&s->conn, uids, result->n);
        conn_puts(&s->conn, " ");
        imap_write_uid_set(&s->conn, result->uids, result->n);
        conn_puts(&s->conn, "] ");
}

static void finish_copy(struct imap_session *s, const struct imap_command *c,
                        const struct save_result *result)
{
        const uint32_t *uids = uids_of(s, result);

        imap_sync(s, true, c->uid);
        /* not imap_ok(): the sets may be long */
        conn_write(&s->conn, c->tag);
        conn_puts(&s->conn, " OK ");
        write_copyuid(s, uids, result);
        conn_puts(&s->conn, "Copy completed.\r\n");
}

/* Of n messages, some may have gone meanwhile: the client learns what became of the others (RFC 6851 section
 * 4.3). */
static void finish_move(struct imap_session *s, const struct imap_command *c, size_t n,
                        const struct save_result *result)
{
        if (result->n || result->left_behind == 0) {
                conn_puts(&s->conn, "* OK ");
                write_copyuid(s, uids_of(s, result), result);
                conn_puts(&s->conn, "Moved UIDs.\r\n");
        }
        if (result->left_behind < 0) {
                imap_sync(s, true, c->uid);
                imap_fail(s, c, result->left_behind, "MOVE");
                return;
        }
        s->counts.expunged += result->n;
        if (result->n < n)
                say_expunged(s, c);
        else
                imap_done(s, c, "Move completed.");
}

void imap_exec_copy(struct imap_session *s, const struct imap_command *c)
{
        struct save_result result = {};
        uint32_t *seqs;
        size_t n;

        if (imap_resolve_set(s, &c->copy.set, c->uid, &seqs, &n) < 0) {
                imap_bad(s, c, "Error in IMAP command %s: Invalid messageset.",
                         c->id == IMAP_MOVE ? "MOVE" : "COPY");
                return;
        }
        if (n == 0) {
                imap_done(s, c, "No messages found.");
                return;
        }
        if (c->id == IMAP_MOVE && !imap_check_writable(s, c))
                return;
        for (size_t i = 0; i < n; i++) {
                if (mailbox_message(s->mailbox, seqs[i]).gone) {
                        say_expunged(s, c);
                        return;
                }
        }
        if (copy_messages(s, c, seqs, n, &result) < 0)
                return;
        if (c->id == IMAP_MOVE)
                finish_move(s, c, n, &result);
        else
                finish_copy(s, c, &result);
}

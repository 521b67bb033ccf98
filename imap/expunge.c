/* EXPUNGE (RFC 3501 section 6.4.3) and UID EXPUNGE (RFC 4315 section 2.1). */

#include "imap/check.h"
#include "imap/reply.h"

/* Those of seqs that have \Deleted, moved to the front. */
static size_t keep_deleted(const struct imap_session *s, uint32_t *seqs, size_t n)
{
        size_t kept = 0;

        for (size_t i = 0; i < n; i++)
                if (mailbox_message(s->mailbox, seqs[i]).flags.system & FLAG_DELETED)
                        seqs[kept++] = seqs[i];
        return kept;
}

void imap_exec_expunge(struct imap_session *s, const struct imap_command *c)
{
        struct imap_range all = {1, IMAP_STAR};
        struct imap_set everything = {.ranges = &all, .n = 1};
        uint32_t *seqs;
        size_t n;
        int r;

        if (!imap_check_writable(s, c))
                return;
        /* What another session has undeleted meanwhile must stay: look again before choosing. */
        imap_sync(s, true, c->uid);
        if (s->over || !s->mailbox)
                return;
        if (imap_resolve_set(s, c->uid ? &c->expunge : &everything, true, &seqs, &n) < 0) {
                imap_bad(s, c, "Error in IMAP command EXPUNGE: Invalid messageset.");
                return;
        }
        n = keep_deleted(s, seqs, n);
        if (n > 0) {
                r = mailbox_expunge(s->mailbox, seqs, n);
                if (r < 0) {
                        imap_sync(s, true, c->uid);
                        imap_fail(s, c, r, "EXPUNGE");
                        return;
                }
                s->counts.expunged += n;
        }
        imap_done(s, c, "Expunge completed.");
}

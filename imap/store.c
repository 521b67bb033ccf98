/* STORE and UID STORE (RFC 3501 sections 6.4.6 and 6.4.8). */

#include <errno.h>

#include "imap/check.h"
#include "imap/reply.h"

#define SAME(a, b) ((int)(a) == (int)(b))
_Static_assert(SAME(IMAP_FLAG_SEEN, FLAG_SEEN) && SAME(IMAP_FLAG_ANSWERED, FLAG_ANSWERED) &&
                       SAME(IMAP_FLAG_FLAGGED, FLAG_FLAGGED) && SAME(IMAP_FLAG_DELETED, FLAG_DELETED) &&
                       SAME(IMAP_FLAG_DRAFT, FLAG_DRAFT),
               "the parser's flags are the store's");

/* Names to bits. A keyword that nobody has need not be made to be removed. False: NO was said. */
static bool store_keywords(struct imap_session *s, const struct imap_command *c, uint64_t *ret_mask,
                           bool *ret_new)
{
        const struct imap_flags *flags = &c->store.flags;
        uint64_t mask = 0;
        bool new = false;

        if (!imap_check_keywords(s, c, flags))
                return false;
        for (size_t i = 0; i < flags->keywords_n; i++) {
                unsigned bit = 0;
                int r = mailbox_keyword(s->mailbox, flags->keywords[i], false, &bit);

                if (r == -ENOENT && c->store.op == STORE_REMOVE)
                        continue;
                if (r == -ENOENT) {
                        r = mailbox_keyword(s->mailbox, flags->keywords[i], true, &bit);
                        new = true;
                }
                if (r == -ENOBUFS) {
                        imap_no(s, c, "[LIMIT] Too many keywords in this mailbox.");
                        return false;
                }
                if (r == -EINVAL) {
                        imap_no(s, c, "[CANNOT] Invalid keyword.");
                        return false;
                }
                if (r < 0) {
                        imap_fail(s, c, r, "STORE");
                        return false;
                }
                mask |= UINT64_C(1) << bit;
        }
        *ret_mask = mask;
        *ret_new = new;
        return true;
}

/* For the line at the end of the session. */
static uint64_t count_deleted(const struct imap_session *s, const uint32_t *seqs, size_t n)
{
        uint64_t deleted = 0;

        for (size_t i = 0; i < n; i++)
                deleted += (mailbox_message(s->mailbox, seqs[i]).flags.system & FLAG_DELETED) != 0;
        return deleted;
}

/* Messages that a conditional STORE found changed (RFC 7162 section 3.1.3), ascending. */
struct modified {
        uint32_t *seqs, *numbers; /* numbers: what the client calls them */
        size_t n;
};

/* What became of the messages: all that the client cannot know. Those that are gone are passed over without a
 * word, their EXPUNGE follows (RFC 2180 section 4.2.1). `before`: their modseqs. */
static void tell_stored(struct imap_session *s, const struct imap_command *c, const uint32_t *seqs, size_t n,
                        const uint64_t *before, const struct modified *modified)
{
        bool modseq = s->enabled & FEATURE_CONDSTORE && mailbox_highest_modseq(s->mailbox) > 0;

        for (size_t i = 0, at = 0; i < n; i++) {
                struct message m = mailbox_message(s->mailbox, seqs[i]);
                bool failed = at < modified->n && modified->seqs[at] == seqs[i];

                at += failed;
                if (m.gone)
                        continue;
                if (!c->store.silent || failed)
                        imap_tell_flags(s, seqs[i], c->uid);
                else if (modseq && (c->store.has_since || m.modseq != before[i]))
                        imap_tell_changed(s, seqs[i]);
        }
}

static void finish_store(struct imap_session *s, const struct imap_command *c,
                         const struct modified *modified)
{
        if (modified->n == 0) {
                imap_done(s, c, "Store completed.");
                return;
        }
        imap_sync(s, c->uid, c->uid);
        if (s->over)
                return;
        /* not imap_ok(): the set may be long */
        conn_write(&s->conn, c->tag);
        conn_puts(&s->conn, " OK [MODIFIED ");
        imap_write_uid_set(&s->conn, modified->numbers, modified->n);
        conn_puts(&s->conn, "] Conditional store failed for some messages.\r\n");
}

static void store_apply(struct imap_session *s, const struct imap_command *c, const uint32_t *seqs, size_t n,
                        struct flags flags, bool new_keyword)
{
        static const enum flags_op ops[] = {
                [STORE_SET] = FLAGS_SET, [STORE_ADD] = FLAGS_ADD, [STORE_REMOVE] = FLAGS_REMOVE};
        uint64_t deleted = count_deleted(s, seqs, n), deleted_now;
        uint64_t *before = arena_array(&s->arena, uint64_t, n);
        struct modified modified = {.seqs = arena_array(&s->arena, uint32_t, n),
                                    .numbers = arena_array(&s->arena, uint32_t, n)};
        size_t gone = 0;
        int r;

        for (size_t i = 0; i < n; i++)
                before[i] = mailbox_message(s->mailbox, seqs[i]).modseq;
        r = mailbox_store_flags_since(s->mailbox, seqs, n, ops[c->store.op], flags,
                                      c->store.has_since ? c->store.since : UINT64_MAX, modified.seqs,
                                      &modified.n, &gone);
        if (r < 0) {
                imap_fail(s, c, r, "STORE");
                return;
        }
        for (size_t i = 0; i < modified.n; i++)
                modified.numbers[i] =
                        c->uid ? mailbox_message(s->mailbox, modified.seqs[i]).uid : modified.seqs[i];
        deleted_now = count_deleted(s, seqs, n);
        if (deleted_now > deleted)
                s->counts.deleted += deleted_now - deleted;
        /* FLAGS names a new keyword before a FETCH shows it; HIGHESTMODSEQ has to wait until all are told */
        if (new_keyword)
                imap_tell_new_keywords(s);
        tell_stored(s, c, seqs, n, before, &modified);
        finish_store(s, c, &modified);
}

void imap_exec_store(struct imap_session *s, const struct imap_command *c)
{
        struct flags flags = {.system = c->store.flags.system & FLAG_ALL};
        uint32_t *seqs;
        bool new_keyword;
        size_t n;

        if (imap_resolve_set(s, &c->store.set, c->uid, &seqs, &n) < 0) {
                imap_bad(s, c, "Error in IMAP command STORE: Invalid messageset.");
                return;
        }
        if (c->store.flags.system & IMAP_FLAG_RECENT) {
                imap_bad(s, c, "Error in IMAP command STORE: Invalid system flag \\Recent.");
                return;
        }
        if (c->store.has_since && !imap_require_modseq(s, c))
                return;
        if (!imap_check_writable(s, c) || !store_keywords(s, c, &flags.keywords, &new_keyword))
                return;
        if (n == 0)
                imap_done(s, c, "Store completed.");
        else
                store_apply(s, c, seqs, n, flags, new_keyword);
}

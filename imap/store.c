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

/* Messages that are gone are passed over without a word, their EXPUNGE follows (RFC 2180 section 4.2.1). */
static void store_apply(struct imap_session *s, const struct imap_command *c, const uint32_t *seqs, size_t n,
                        struct flags flags, bool new_keyword)
{
        static const enum flags_op ops[] = {
                [STORE_SET] = FLAGS_SET, [STORE_ADD] = FLAGS_ADD, [STORE_REMOVE] = FLAGS_REMOVE};
        uint64_t deleted = count_deleted(s, seqs, n), deleted_now;
        size_t gone = 0;
        int r;

        r = mailbox_store_flags(s->mailbox, seqs, n, ops[c->store.op], flags, &gone);
        if (r < 0) {
                imap_fail(s, c, r, "STORE");
                return;
        }
        deleted_now = count_deleted(s, seqs, n);
        if (deleted_now > deleted)
                s->counts.deleted += deleted_now - deleted;
        /* FLAGS names a new keyword before a FETCH shows it */
        if (new_keyword)
                imap_sync(s, false, c->uid);
        for (size_t i = 0; i < n && !c->store.silent; i++)
                if (!mailbox_message(s->mailbox, seqs[i]).gone)
                        imap_tell_flags(s, seqs[i], c->uid);
        imap_done(s, c, "Store completed.");
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
        if (!imap_check_writable(s, c) || !store_keywords(s, c, &flags.keywords, &new_keyword))
                return;
        if (n == 0)
                imap_done(s, c, "Store completed.");
        else
                store_apply(s, c, seqs, n, flags, new_keyword);
}

/* Modification sequences as clients see them (RFC 7162). */

#include <errno.h>

#include "base/number.h"
#include "imap/context.h"
#include "imap/notify.h"
#include "imap/reply.h"

enum { VANISHED_LINE_MAX = 8000 /* RFC 7162 section 4: what a line should not exceed */ };

const char imap_no_modseq[] = "This mailbox keeps no modification sequences";

void imap_tell_modseq(struct imap_session *s)
{
        uint64_t modseq = mailbox_highest_modseq(s->mailbox);
        if (modseq == 0) {
                conn_printf(&s->conn, "* OK [NOMODSEQ] %s.\r\n", imap_no_modseq);
                return;
        }
        conn_printf(&s->conn, "* OK [HIGHESTMODSEQ %llu] Highest\r\n", (unsigned long long)modseq);
        s->told_modseq = modseq;
        s->fetched_modseq = 0;
}

/* What a client makes of the MODSEQs it was told must not be higher than what the view tells, or it would
 * never hear of what is kept back; and it should not fall behind (RFC 7162 section 6). */
bool imap_modseq_is_due(struct imap_session *s)
{
        uint64_t view = s->mailbox ? mailbox_highest_modseq(s->mailbox) : 0;
        uint64_t client = MAX(s->told_modseq, s->fetched_modseq);
        /* who was not told of flags must not believe to know them */
        if (!(s->enabled & FEATURE_CONDSTORE) || view == 0 || !notify_tells_flags(s))
                return false;
        s->told_modseq = client;
        s->fetched_modseq = 0;
        if (client <= view && !(client < view && s->enabled & FEATURE_QRESYNC))
                return false;
        s->told_modseq = view;
        return true;
}

void imap_enable(struct imap_session *s, unsigned features)
{
        bool first = features & ~s->enabled & FEATURE_CONDSTORE;
        if (features & ~s->enabled & FEATURE_UIDONLY)
                imap_contexts_use_uids(s);
        s->enabled |= features;
        if (first && s->mailbox && mailbox_highest_modseq(s->mailbox) > 0)
                imap_tell_modseq(s);
}

bool imap_require_modseq(struct imap_session *s, const struct imap_command *c)
{
        if (mailbox_highest_modseq(s->mailbox) == 0) {
                imap_bad(s, c, "Error in IMAP command %s: %s.", imap_command_type(c->id)->name,
                         imap_no_modseq);
                return false;
        }
        imap_enable(s, FEATURE_CONDSTORE);
        return true;
}

/* VANISHED (EARLIER) while it is written: ranges that touch are one, lines are bounded. */
struct vanished {
        struct conn *conn;
        uint32_t low, high; /* 0: none yet */
        size_t line;
};

static void write_range(struct vanished *v)
{
        char text[2 * NUMBER_MAX + 2], *p = text;
        if (v->low == 0)
                return;
        if (v->line > VANISHED_LINE_MAX) {
                conn_puts(v->conn, "\r\n");
                v->line = 0;
        }
        if (v->line == 0)
                conn_puts(v->conn, "* VANISHED (EARLIER) ");
        else
                *p++ = ',';
        p = number_write(p, v->low);
        if (v->high > v->low) {
                *p++ = ':';
                p = number_write(p, v->high);
        }
        conn_write(v->conn, slice_make(text, (size_t)(p - text)));
        v->line += (size_t)(p - text);
}

static void add_range(struct vanished *v, uint32_t low, uint32_t high)
{
        if (v->low > 0 && low == v->high + 1) {
                v->high = high;
                return;
        }
        write_range(v);
        v->low = low;
        v->high = high;
}

/* What of low:high is not in the view. */
static void add_missing(struct imap_session *s, struct vanished *v, uint32_t low, uint32_t high)
{
        uint32_t count = mailbox_count(s->mailbox), seq = mailbox_seq_at_or_after(s->mailbox, low);
        for (; seq <= count && low <= high; seq++) {
                uint32_t uid = mailbox_message(s->mailbox, seq).uid;
                if (uid > high)
                        break;
                if (uid > low)
                        add_range(v, low, uid - 1);
                low = uid + 1;
        }
        if (low <= high)
                add_range(v, low, high);
}

void imap_tell_vanished(struct imap_session *s, const struct imap_set *uids, uint64_t since, uint32_t matched)
{
        struct mailbox_status status;
        struct mailbox_range all = {1, UINT32_MAX}, *gone = &all;
        size_t gone_n = 1;
        struct vanished v = {.conn = &s->conn};
        mailbox_status(s->mailbox, &status);
        if (since > 0 && mailbox_modseq_known(s->mailbox, since) > 0 &&
            mailbox_vanished(s->mailbox, since, &s->arena, &gone, &gone_n) < 0) {
                gone = &all;
                gone_n = 1;
        }
        struct imap_set wanted = imap_set_normalise(&s->arena, uids, status.uidnext - 1);
        for (size_t w = 0, g = 0; w < wanted.n && g < gone_n;) {
                uint32_t low = MAX(MAX(wanted.ranges[w].low, gone[g].low), matched + 1);
                uint32_t high = MIN(MIN(wanted.ranges[w].high, gone[g].high), status.uidnext - 1);
                if (low <= high)
                        add_missing(s, &v, low, high);
                if (wanted.ranges[w].high < gone[g].high)
                        w++;
                else
                        g++;
        }
        write_range(&v);
        if (v.line > 0)
                conn_puts(&s->conn, "\r\n");
}

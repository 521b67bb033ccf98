/* SEARCH and UID SEARCH (RFC 3501 section 6.4.4, RFC 4731). */

#include "base/number.h"
#include "imap/context.h"
#include "imap/reply.h"
#include "imap/search_return.h"
#include "imap/search_run.h"

struct teller {
        struct buf
                numbers; /* as they are sent: a line of progress may come before them, but not among them */
        bool uid;
        uint64_t modseq; /* the highest */
};

static bool tell(void *context, uint32_t seq, const struct message *m)
{
        struct teller *t = context;
        char *p = buf_reserve(&t->numbers, 1 + NUMBER_MAX);

        t->modseq = MAX(t->modseq, m->modseq);
        *p = ' ';
        t->numbers.n = (size_t)(number_write(p + 1, t->uid ? m->uid : seq) - t->numbers.p);
        return true;
}

static bool collect(void *context, uint32_t seq, const struct message *m)
{
        return search_return_add(context, seq, m->uid, m->modseq);
}

static void answer_plain(struct imap_session *s, const struct imap_command *c, struct search_run *run)
{
        struct teller t = {.uid = c->uid};

        search_run_all(run, false, tell, &t);
        conn_puts(&s->conn, "* SEARCH");
        conn_write(&s->conn, buf_slice(&t.numbers));
        if (c->search.modseq && t.modseq > 0)
                conn_printf(&s->conn, " (MODSEQ %llu)", (unsigned long long)t.modseq);
        conn_puts(&s->conn, "\r\n");
        buf_free(&t.numbers);
}

static void answer_extended(struct imap_session *s, const struct imap_command *c,
                            const struct imap_search *asked, struct search_run *run)
{
        _cleanup_(search_return_free) struct search_return result = {};
        struct imap_set saved;

        search_return_begin(&result, asked, c->uid, false);
        result.modseq = asked->modseq;
        search_run_all(run, result.from_end, collect, &result);
        search_return_end(&result);
        search_return_respond(&result, &s->conn, c->tag);
        if (asked->results & RETURN_UPDATE)
                imap_context_begin(s, c, c->uid, &result);
        if (asked->results & RETURN_SAVE) {
                saved = search_return_saved(&result, &s->arena);
                imap_save_set(s, &saved);
        }
}

/* RFC 5182 section 2.1: a NO empties "$", a BAD leaves it. */
static void refuse(struct imap_session *s, const struct imap_command *c, int error)
{
        if ((c->search.results & RETURN_SAVE) && search_run_says_no(error))
                imap_save_set(s, NULL);
        search_run_refuse(s, c, error);
}

void imap_exec_search(struct imap_session *s, const struct imap_command *c)
{
        _cleanup_(search_run_close) struct search_run *run = NULL;
        struct imap_search asked = c->search;
        int r;

        if ((c->search.results & RETURN_UPDATE) && imap_context_exists(s, c->tag)) {
                imap_bad(s, c, "Error in IMAP command SEARCH: Tag reuse.");
                return;
        }
        r = search_run_open(s, s->mailbox, &c->search, &s->arena, &run);
        if (r < 0) {
                refuse(s, c, r);
                return;
        }
        /* RFC 9051 section 6.4.4: there is no other answer, and ALL is what it has */
        if (!asked.extended && (s->enabled & FEATURE_REV2)) {
                asked.extended = true;
                asked.results = RETURN_ALL;
        }
        if (asked.extended)
                answer_extended(s, c, &asked, run);
        else
                answer_plain(s, c, run);
        if ((asked.results & RETURN_SAVE) && search_run_failed(run))
                imap_save_set(s, NULL);
        search_run_done(run, s, c, "Search completed.");
}

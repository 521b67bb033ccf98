/* SORT and UID SORT (RFC 5256, 5957; with RETURN, RFC 5267 section 3). */

#include "base/number.h"
#include "imap/context.h"
#include "imap/reply.h"
#include "imap/search_return.h"
#include "imap/search_run.h"
#include "imap/sort_table.h"

_Static_assert((int)SORT_ORDERS_MAX >= (int)SORT_KEYS, "an order for each key");

/* What each key compares: a text of the message's keys, or a number. */
enum source { TEXT, ARRIVED, SENT, SIZE };
static const struct {
        enum source source;
        enum sort_text text;
} sources[SORT_KEYS] = {
        [SORT_ARRIVAL] = {ARRIVED},
        [SORT_CC] = {TEXT, SORT_TEXT_CC},
        [SORT_DATE] = {SENT},
        [SORT_FROM] = {TEXT, SORT_TEXT_FROM},
        [SORT_SIZE] = {SIZE},
        [SORT_SUBJECT] = {TEXT, SORT_TEXT_SUBJECT},
        [SORT_TO] = {TEXT, SORT_TEXT_TO},
        [SORT_DISPLAYFROM] = {TEXT, SORT_TEXT_DISPLAYFROM},
        [SORT_DISPLAYTO] = {TEXT, SORT_TEXT_DISPLAYTO},
};

struct sorter {
        struct imap_session *session;
        const struct imap_sort *sort;
        struct search_run *run;
        struct sort_table table;
};

static void sorter_free(struct sorter *s)
{
        sort_table_free(&s->table);
}

static int number_of(struct sorter *s, enum source source, uint32_t seq, uint64_t *ret)
{
        time_t arrived;
        int64_t sent;
        int r;

        if (source == SIZE)
                return mailbox_size(s->session->mailbox, seq, ret);
        if (source == ARRIVED) {
                r = mailbox_internaldate(s->session->mailbox, seq, &arrived);
                sent = arrived;
        } else {
                r = search_run_sent(s->run, &sent);
        }
        if (r == 0)
                *ret = radix_signed(sent);
        return r;
}

/* Numbers first: to find them out may make texts invalid. */
static int values_of(struct sorter *s, uint32_t seq, struct sort_value values[SORT_KEYS])
{
        struct sort_keys keys;
        bool texts = false;
        int r = 0;

        for (size_t i = 0; i < s->sort->by_n && r == 0; i++) {
                enum source source = sources[s->sort->by[i].key].source;

                if (source == TEXT)
                        texts = true;
                else
                        r = number_of(s, source, seq, &values[i].number);
        }
        if (texts && r == 0)
                r = search_run_sort_keys(s->run, &keys);
        for (size_t i = 0; texts && i < s->sort->by_n && r == 0; i++)
                if (s->table.orders[i].text)
                        values[i].text = keys.texts[sources[s->sort->by[i].key].text];
        return r;
}

static bool collect(void *context, uint32_t seq, const struct message *m)
{
        struct sorter *s = context;
        struct sort_value values[SORT_KEYS];
        int r = values_of(s, seq, values);

        if (r == 0)
                sort_table_add(&s->table, seq, values);
        else
                search_run_fail(s->run, r);
        return true;
}

static void answer_plain(const struct sorter *s, bool uid)
{
        struct conn *conn = &s->session->conn;
        uint64_t modseq = 0; /* RFC 7162 section 3.1.9 */

        conn_puts(conn, "* SORT");
        for (uint32_t i = 0; i < s->table.n && !conn_error(conn); i++) {
                uint32_t seq = sort_table_at(&s->table, i);
                struct message m = mailbox_message(s->session->mailbox, seq);
                char *p = conn_room(conn, 1 + NUMBER_MAX);

                modseq = MAX(modseq, m.modseq);
                *p = ' ';
                conn_sent(conn, number_write(p + 1, uid ? m.uid : seq));
        }
        if (s->sort->search.modseq && modseq > 0)
                conn_printf(conn, " (MODSEQ %llu)", (unsigned long long)modseq);
        conn_puts(conn, "\r\n");
}

static void answer_extended(const struct sorter *s, const struct imap_command *c)
{
        _cleanup_(search_return_free) struct search_return result = {};
        const struct imap_search *asked = &s->sort->search;
        struct imap_session *session = s->session;
        struct imap_set saved;
        bool more = true;

        search_return_begin(&result, asked, c->uid, true);
        result.modseq = asked->modseq;
        for (uint32_t i = 0; i < s->table.n && more; i++) {
                uint32_t seq = sort_table_at(&s->table, result.from_end ? s->table.n - 1 - i : i);

                struct message m = mailbox_message(session->mailbox, seq);

                more = search_return_add(&result, seq, m.uid, m.modseq);
        }
        search_return_end(&result);
        search_return_respond(&result, &session->conn, c->tag);
        if (asked->results & RETURN_UPDATE)
                imap_context_refuse(session, c->tag); /* CONTEXT=SORT is not announced */
        if (asked->results & RETURN_SAVE) {
                saved = search_return_saved(&result, &session->arena);
                imap_save_set(session, &saved);
        }
}

/* RFC 5182 section 2.1: a NO empties "$", a BAD leaves it. */
static void refuse(struct imap_session *s, const struct imap_command *c, int error)
{
        if ((c->sort.search.results & RETURN_SAVE) && search_run_says_no(error))
                imap_save_set(s, NULL);
        search_run_refuse(s, c, error);
}

void imap_exec_sort(struct imap_session *s, const struct imap_command *c)
{
        _cleanup_(search_run_close) struct search_run *run = NULL;
        _cleanup_(sorter_free) struct sorter sorter = {.session = s, .sort = &c->sort};
        const struct imap_search *asked = &c->sort.search;
        int r = search_run_open(s, s->mailbox, asked, &s->arena, &run);

        if (r < 0) {
                refuse(s, c, r);
                return;
        }
        sorter.run = run;
        sorter.table.orders_n = c->sort.by_n;
        for (size_t i = 0; i < c->sort.by_n; i++)
                sorter.table.orders[i] = (struct sort_order){
                        .text = sources[c->sort.by[i].key].source == TEXT, .reverse = c->sort.by[i].reverse};
        search_run_all(run, false, collect, &sorter);
        sort_table_sort(&sorter.table);
        if (asked->extended)
                answer_extended(&sorter, c);
        else
                answer_plain(&sorter, c->uid);
        if ((asked->results & RETURN_SAVE) && search_run_failed(run))
                imap_save_set(s, NULL);
        search_run_done(run, s, c, "Sort completed.");
}

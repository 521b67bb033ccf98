#include "imap/search_return.h"

#include "base/number.h"

enum {
        /* RFC 6203 section 4: a FUZZY key finds what has its text, nothing less, so each is as relevant as
         * can be */
        SCORE = 100,
};

static bool wants(const struct search_return *r, unsigned any_of)
{
        return r->asked->results & any_of;
}

/* "$" is all that is found. */
static bool saves_all(const struct search_return *r)
{
        return wants(r, RETURN_SAVE) &&
               (wants(r, RETURN_ALL | RETURN_COUNT) || !wants(r, RETURN_MIN | RETURN_MAX | RETURN_PARTIAL));
}

/* Every result is needed, whatever the order. */
static bool needs_all(const struct search_return *r)
{
        return wants(r, RETURN_ALL | RETURN_COUNT | RETURN_RELEVANCY | RETURN_UPDATE) || saves_all(r);
}

static uint32_t partial_low(const struct search_return *r)
{
        return MIN(r->asked->partial.a, r->asked->partial.b);
}

static uint32_t partial_high(const struct search_return *r)
{
        return MAX(r->asked->partial.a, r->asked->partial.b);
}

/* Positions of PARTIAL are counted from where results begin to come in. */
static bool partial_is_ahead(const struct search_return *r)
{
        return r->asked->partial.from_end == r->from_end;
}

void search_return_begin(struct search_return *r, const struct imap_search *asked, bool uid, bool sorted)
{
        bool last = asked->results & RETURN_PARTIAL && asked->partial.from_end;
        bool first = asked->results & RETURN_MIN || (asked->results & RETURN_PARTIAL && !last);

        *r = (struct search_return){.asked = asked, .uid = uid};
        r->from_end = !sorted && !needs_all(r) && !first && (last || asked->results & RETURN_MAX);
}

void search_return_free(struct search_return *r)
{
        range_list_free(&r->numbers);
        range_list_free(&r->uids);
        range_list_free(&r->all);
}

static void keep(struct search_return *r, struct range_list *l, uint32_t number)
{
        if (r->from_end)
                range_list_add_down(l, number);
        else
                range_list_add(l, number);
}

bool search_return_add(struct search_return *r, uint32_t seq, uint32_t uid, uint64_t modseq)
{
        uint32_t number = r->uid ? uid : seq, at = ++r->count;
        bool in_partial = wants(r, RETURN_PARTIAL) &&
                          (!partial_is_ahead(r) || (at >= partial_low(r) && at <= partial_high(r)));

        if (at == 1) {
                r->first = number;
                r->first_uid = uid;
                r->first_modseq = modseq;
        }
        r->last = number;
        r->last_uid = uid;
        r->last_modseq = modseq;
        if (in_partial || wants(r, RETURN_ALL))
                keep(r, &r->numbers, number);
        if (wants(r, RETURN_UPDATE))
                range_list_add(&r->all, number);
        if (saves_all(r) || (wants(r, RETURN_SAVE) && in_partial))
                keep(r, &r->uids, uid);
        if (in_partial || wants(r, RETURN_ALL | RETURN_COUNT))
                r->highest_modseq = MAX(r->highest_modseq, modseq);
        if (needs_all(r) || wants(r, r->from_end ? RETURN_MIN : RETURN_MAX))
                return true;
        return wants(r, RETURN_PARTIAL) && (!partial_is_ahead(r) || at < partial_high(r));
}

/* All results are there: what PARTIAL counts from the other end can be found. */
static void settle(struct search_return *r)
{
        if (r->from_end) {
                range_list_reverse(&r->numbers);
                range_list_reverse(&r->uids);
        }
        if (wants(r, RETURN_PARTIAL) && !partial_is_ahead(r)) {
                uint64_t low = partial_low(r), high = MIN(partial_high(r), r->count);
                uint64_t n = high >= low ? high - low + 1 : 0;

                range_list_cut(&r->numbers, r->count - high, n);
                if (!saves_all(r))
                        range_list_cut(&r->uids, r->count - high, n);
        }
}

void search_return_end(struct search_return *r)
{
        settle(r);
        if (r->from_end) {
                struct search_return was = *r;

                r->first = was.last;
                r->first_uid = was.last_uid;
                r->first_modseq = was.last_modseq;
                r->last = was.first;
                r->last_uid = was.first_uid;
                r->last_modseq = was.first_modseq;
        }
        if (wants(r, RETURN_MIN))
                r->highest_modseq = MAX(r->highest_modseq, r->first_modseq);
        if (wants(r, RETURN_MAX))
                r->highest_modseq = MAX(r->highest_modseq, r->last_modseq);
}

bool search_return_is_silent(const struct search_return *r)
{
        return r->asked->results == RETURN_SAVE;
}

void search_return_write_set(struct conn *to, const struct imap_set *set)
{
        for (size_t i = 0; i < set->n; i++) {
                char *p = conn_room(to, 2 * (NUMBER_MAX + 1));

                if (i > 0)
                        *p++ = ',';
                p = number_write(p, set->ranges[i].low);
                if (set->ranges[i].high > set->ranges[i].low) {
                        *p++ = ':';
                        p = number_write(p, set->ranges[i].high);
                }
                conn_sent(to, p);
        }
}

static void write_partial(const struct search_return *r, struct conn *to)
{
        const struct imap_partial *p = &r->asked->partial;
        const char *sign = p->from_end ? "-" : "";
        struct imap_set set = range_list_set(&r->numbers);

        conn_printf(to, " PARTIAL (%s%u:%s%u ", sign, p->a, sign, p->b);
        if (set.n > 0)
                search_return_write_set(to, &set);
        else
                conn_puts(to, "NIL");
        conn_puts(to, ")");
}

/* One score for each message that is returned. */
static void write_relevancy(const struct search_return *r, struct conn *to)
{
        uint64_t n = r->count;

        if (wants(r, RETURN_PARTIAL)) {
                n = 0;
                for (size_t i = 0; i < r->numbers.n; i++)
                        n += (uint64_t)r->numbers.range[i].high - r->numbers.range[i].low + 1;
        }
        conn_puts(to, " RELEVANCY (");
        for (uint64_t i = 0; i < n; i++)
                conn_printf(to, "%s%d", i > 0 ? " " : "", SCORE);
        conn_puts(to, ")");
}

void search_return_write(const struct search_return *r, struct conn *to)
{
        struct imap_set all = range_list_set(&r->numbers);

        if (r->uid)
                conn_puts(to, " UID");
        if (wants(r, RETURN_MIN) && r->count > 0)
                conn_printf(to, " MIN %u", r->first);
        if (wants(r, RETURN_MAX) && r->count > 0)
                conn_printf(to, " MAX %u", r->last);
        if (wants(r, RETURN_ALL) && r->count > 0) {
                conn_puts(to, " ALL ");
                search_return_write_set(to, &all);
        }
        if (wants(r, RETURN_PARTIAL))
                write_partial(r, to);
        if (wants(r, RETURN_COUNT))
                conn_printf(to, " COUNT %u", r->count);
        if (wants(r, RETURN_RELEVANCY))
                write_relevancy(r, to);
        if (r->modseq && r->highest_modseq > 0)
                conn_printf(to, " MODSEQ %llu", (unsigned long long)r->highest_modseq);
}

void search_return_respond(const struct search_return *r, struct conn *to, struct slice tag)
{
        if (search_return_is_silent(r))
                return;
        conn_printf(to, "* ESEARCH (TAG \"%.*s\")", SLICE_ARG(tag));
        search_return_write(r, to);
        conn_puts(to, "\r\n");
}

struct imap_set search_return_saved(const struct search_return *r, struct arena *arena)
{
        struct imap_set set = {.ranges = arena_array(arena, struct imap_range, r->uids.n + 2),
                               .n = r->uids.n};

        if (set.n > 0)
                memcpy(set.ranges, r->uids.range, set.n * sizeof(*set.ranges));
        if (!saves_all(r) && r->count > 0 && wants(r, RETURN_MIN))
                set.ranges[set.n++] = (struct imap_range){r->first_uid, r->first_uid};
        if (!saves_all(r) && r->count > 0 && wants(r, RETURN_MAX))
                set.ranges[set.n++] = (struct imap_range){r->last_uid, r->last_uid};
        return imap_set_normalise(arena, &set, UINT32_MAX);
}

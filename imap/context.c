#include "imap/context.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "imap/reply.h"
#include "imap/search_run.h"

enum {
        /* OLDER and YOUNGER find other messages as time goes by: all are looked at again, not more often than
         * this (RFC 5032 section 2 lets a server delay) */
        CONTEXT_AGE_SECONDS = 60,
};

struct context {
        struct context *next;
        struct arena arena;
        struct slice tag;
        struct imap_search search; /* its sets are of UIDs, without "$" */
        bool uid;                  /* numbers are */
        bool ages;                 /* some key is OLDER or YOUNGER */
        time_t looked;             /* at all messages */
        uint64_t modseq;           /* what changed up to here was looked at */
        struct range_list numbers; /* of the messages in the result, as the client knows it */
};

static void context_free(struct context *c)
{
        range_list_free(&c->numbers);
        arena_free(&c->arena);
        free(c);
}

void imap_contexts_free(struct imap_session *s)
{
        while (s->contexts) {
                struct context *next = s->contexts->next;

                context_free(s->contexts);
                s->contexts = next;
        }
}

static struct context **find(struct context **at, struct slice tag)
{
        while (*at && !slice_eq((*at)->tag, tag))
                at = &(*at)->next;
        return at;
}

bool imap_context_exists(const struct imap_session *s, struct slice tag)
{
        struct context *first = s->contexts;

        return *find(&first, tag);
}

void imap_context_refuse(struct imap_session *s, struct slice tag)
{
        conn_printf(&s->conn, "* NO [NOUPDATE \"%.*s\"] Too many contexts\r\n", SLICE_ARG(tag));
}

/* A set of sequence numbers or "$", as UIDs: they stand for the messages they named when the command was
 * given (RFC 5267 section 4.3). */
static struct imap_set fix_set(struct imap_session *s, struct arena *arena, const struct imap_search_key *key)
{
        uint32_t count = mailbox_count(s->mailbox);
        struct imap_set set = key->set.saved ? s->saved : key->set;
        size_t n = 0;

        set = imap_set_normalise(arena, &set, key->set.saved ? UINT32_MAX : count);
        for (size_t i = 0; i < set.n && !key->set.saved; i++) {
                struct imap_range range = set.ranges[i];

                if (range.low > count)
                        break;
                set.ranges[n].low = mailbox_message(s->mailbox, range.low).uid;
                set.ranges[n++].high = mailbox_message(s->mailbox, MIN(range.high, count)).uid;
        }
        if (!key->set.saved)
                set.n = n;
        return set;
}

static void fix_keys(struct imap_session *s, struct context *c, struct imap_search_key *key)
{
        for (; key; key = key->next) {
                /* UIDs mean what they say: "100:*" has what comes */
                if (key->kind == SEARCH_SET || (key->kind == SEARCH_UID && key->set.saved)) {
                        key->set = fix_set(s, &c->arena, key);
                        key->kind = SEARCH_UID;
                }
                c->ages |= key->kind == SEARCH_OLDER || key->kind == SEARCH_YOUNGER;
                fix_keys(s, c, key->children);
        }
}

void imap_context_begin(struct imap_session *s, const struct imap_command *c, bool uid,
                        const struct search_return *result)
{
        struct imap_parse_error error;
        struct imap_command copy;
        struct context *made;
        size_t n = 0;

        for (const struct context *other = s->contexts; other; other = other->next)
                n++;
        if (n >= IMAP_CONTEXTS_MAX) {
                imap_context_refuse(s, c->tag);
                return;
        }
        made = xcalloc(1, sizeof(*made));
        /* the command's memory goes with it: it is read once more, into the context's */
        if (imap_command_parse(&made->arena, arena_slice(&made->arena, buf_slice(&s->command)), s->enabled,
                               &copy, &error) < 0) {
                context_free(made);
                imap_context_refuse(s, c->tag);
                return;
        }
        made->tag = copy.tag;
        made->search = copy.search;
        made->uid = uid;
        made->modseq = mailbox_highest_modseq(s->mailbox);
        made->looked = time(NULL);
        fix_keys(s, made, made->search.key);
        range_list_toggle(&made->numbers, &result->all);
        made->next = s->contexts;
        s->contexts = made;
}

static void tell(struct imap_session *s, const struct context *c, const char *word,
                 const struct range_list *numbers)
{
        struct imap_set set = range_list_set(numbers);

        if (set.n == 0)
                return;
        conn_printf(&s->conn, "* ESEARCH (TAG \"%.*s\")%s %s (0 ", SLICE_ARG(c->tag), c->uid ? " UID" : "",
                    word);
        search_return_write_set(&s->conn, &set);
        conn_puts(&s->conn, ")\r\n");
}

/* UIDs of the result that the view does not have any more. */
static void find_missing(struct imap_session *s, const struct range_list *uids, struct range_list *ret)
{
        for (size_t i = 0; i < uids->n; i++) {
                struct imap_range range = uids->range[i];
                uint32_t seq = mailbox_seq_at_or_after(s->mailbox, range.low),
                         count = mailbox_count(s->mailbox);

                for (uint64_t uid = range.low; uid <= range.high; uid++) {
                        uint32_t there = seq <= count ? mailbox_message(s->mailbox, seq).uid : 0;

                        if (there == uid)
                                seq++;
                        else
                                range_list_add(ret, (uint32_t)uid);
                }
        }
}

void imap_contexts_expunge(struct imap_session *s, const uint32_t *expunged, size_t n)
{
        uint32_t *ascending;

        if (n == 0 || !s->contexts)
                return;
        ascending = arena_array(&s->arena, uint32_t, n);
        for (size_t i = 0; i < n; i++)
                ascending[i] = expunged[n - 1 - i];
        for (struct context *c = s->contexts; c; c = c->next) {
                _cleanup_(range_list_free) struct range_list removed = {0};

                if (c->uid) {
                        find_missing(s, &c->numbers, &removed);
                        range_list_toggle(&c->numbers, &removed);
                } else {
                        range_list_expunge(&c->numbers, ascending, n, &removed);
                }
                tell(s, c, "REMOVEFROM", &removed);
        }
}

/* The next message from seq on that has to be looked at. */
static uint32_t next_changed(const struct imap_session *s, const struct context *c, bool all, uint32_t seq)
{
        return all ? seq : mailbox_seq_changed(s->mailbox, seq, c->modseq);
}

static void update(struct imap_session *s, struct context *c)
{
        _cleanup_(search_run_close) struct search_run *run = NULL;
        _cleanup_(range_list_free) struct range_list added = {0}, removed = {0};
        uint32_t count = mailbox_count(s->mailbox), seq;
        uint64_t highest = mailbox_highest_modseq(s->mailbox);
        time_t now = time(NULL);
        bool all = highest == 0 || (c->ages && now - c->looked >= CONTEXT_AGE_SECONDS);

        for (seq = 1; (seq = next_changed(s, c, all, seq)) <= count; seq++) {
                uint32_t number = c->uid ? mailbox_message(s->mailbox, seq).uid : seq;
                bool was = range_list_has(&c->numbers, number), is;

                /* keywords may have come since: the search is made anew */
                if (!run && search_run_open(s, s->mailbox, &c->search, &s->arena, &run) < 0)
                        return;
                is = search_run_one(run, seq);
                if (is != was)
                        range_list_add(is ? &added : &removed, number);
        }
        if (all)
                c->looked = now;
        c->modseq = highest;
        range_list_toggle(&c->numbers, &added);
        range_list_toggle(&c->numbers, &removed);
        tell(s, c, "REMOVEFROM", &removed);
        tell(s, c, "ADDTO", &added);
}

void imap_contexts_update(struct imap_session *s)
{
        for (struct context *c = s->contexts; c; c = c->next)
                update(s, c);
}

void imap_contexts_use_uids(struct imap_session *s)
{
        for (struct context *c = s->contexts; c; c = c->next) {
                struct range_list uids = {0};

                if (c->uid)
                        continue;
                for (size_t i = 0; i < c->numbers.n; i++)
                        for (uint32_t seq = c->numbers.range[i].low; seq <= c->numbers.range[i].high; seq++)
                                range_list_add(&uids, mailbox_message(s->mailbox, seq).uid);
                range_list_free(&c->numbers);
                c->numbers = uids;
                c->uid = true;
        }
}

void imap_exec_cancelupdate(struct imap_session *s, const struct imap_command *c)
{
        for (size_t i = 0; i < c->cancel.n; i++)
                if (!imap_context_exists(s, c->cancel.tags[i])) {
                        imap_bad(s, c, "Error in IMAP command CANCELUPDATE: Unknown tag.");
                        return;
                }
        for (size_t i = 0; i < c->cancel.n; i++) {
                struct context **at = find(&s->contexts, c->cancel.tags[i]), *gone = *at;

                if (!gone)
                        continue; /* named twice */
                *at = gone->next;
                context_free(gone);
        }
        imap_done(s, c, "No further updates.");
}

#ifndef TESTS_IMAP_RENDER_H
#define TESTS_IMAP_RENDER_H

/* A parsed command written out again, so that a test is a line to send and a line to expect. Strings stand in
 * <>. */

#include "base/buf.h"
#include "imap/command.h"

static void render_slice(struct buf *b, struct slice s)
{
        if (s.p)
                buf_printf(b, " <%.*s>", SLICE_ARG(s));
        else
                buf_str(b, " NIL");
}

static void render_slices(struct buf *b, const struct slice *s, size_t n)
{
        for (size_t i = 0; i < n; i++)
                render_slice(b, s[i]);
}

static void render_number(struct buf *b, uint32_t n)
{
        if (n == IMAP_STAR)
                buf_char(b, '*');
        else
                buf_printf(b, "%u", n);
}

static void render_set(struct buf *b, const struct imap_set *set)
{
        if (set->saved)
                buf_str(b, " $");
        for (size_t i = 0; i < set->n; i++) {
                buf_char(b, i ? ',' : ' ');
                render_number(b, set->ranges[i].low);
                if (set->ranges[i].low != set->ranges[i].high) {
                        buf_char(b, ':');
                        render_number(b, set->ranges[i].high);
                }
        }
}

static void render_flags(struct buf *b, const struct imap_flags *flags)
{
        buf_printf(b, " %02x", flags->system);
        render_slices(b, flags->keywords, flags->keywords_n);
}

static void render_section(struct buf *b, const struct imap_section *s)
{
        static const char *const texts[] = {"", "HEADER", "FIELDS", "NOT", "TEXT", "MIME"};
        buf_str(b, s->peek ? ".PEEK[" : "[");
        for (size_t i = 0; i < s->part_n; i++)
                buf_printf(b, "%u.", s->part[i]);
        buf_str(b, texts[s->text]);
        render_slices(b, s->fields, s->fields_n);
        buf_char(b, ']');
        if (s->partial)
                buf_printf(b, "<%u.%u>", s->offset, s->count);
}

static void render_partial(struct buf *b, const struct imap_partial *p)
{
        const char *sign = p->from_end ? "-" : "";
        buf_printf(b, " %s%u:%s%u", sign, p->a, sign, p->b);
}

static void render_sources(struct buf *b, const struct imap_search *search)
{
        for (size_t i = 0; i < search->sources_n; i++) {
                buf_printf(b, " IN %02x", search->sources[i].kind);
                render_slices(b, search->sources[i].names, search->sources[i].names_n);
        }
}

static void render_return(struct buf *b, const struct imap_search *search)
{
        if (search->extended)
                buf_printf(b, " RETURN %02x", search->results);
        if (search->results & RETURN_PARTIAL)
                render_partial(b, &search->partial);
}

static void render_fetch(struct buf *b, const struct imap_command *c)
{
        static const char *const kinds[] = {"FLAGS",   "UID",           "DATE",        "SIZE",
                                            "MODSEQ",  "ENVELOPE",      "BODY",        "STRUCTURE",
                                            "EMAILID", "THREADID",      "SAVEDATE",    "PREVIEW",
                                            "RFC822",  "RFC822.HEADER", "RFC822.TEXT", "SECTION"};
        render_set(b, &c->fetch.set);
        for (size_t i = 0; i < c->fetch.items_n; i++) {
                buf_printf(b, " %s", kinds[c->fetch.items[i].kind]);
                if (c->fetch.items[i].kind == FETCH_SECTION)
                        render_section(b, &c->fetch.items[i].section);
        }
        if (c->fetch.has_partial)
                render_partial(b, &c->fetch.partial);
        if (c->fetch.has_since)
                buf_printf(b, " since %llu%s", (unsigned long long)c->fetch.since,
                           c->fetch.vanished ? " vanished" : "");
}

static void render_select(struct buf *b, const struct imap_command *c)
{
        render_slice(b, c->select.mailbox);
        buf_str(b, c->select.condstore ? " condstore" : "");
        if (!c->select.qresync)
                return;
        buf_printf(b, " qresync %u %llu", c->select.uidvalidity, (unsigned long long)c->select.modseq);
        render_set(b, &c->select.known);
        if (c->select.match_seqs.n) {
                buf_str(b, " match");
                render_set(b, &c->select.match_seqs);
                render_set(b, &c->select.match_uids);
        }
}

static void render_key(struct buf *b, const struct imap_search_key *k)
{
        static const char *const kinds[] = {
                "ALL",         "SET",        "UID",        "FLAG",      "NOT_FLAG",
                "NEW",         "KEYWORD",    "UNKEYWORD",  "BEFORE",    "ON",
                "SINCE",       "SENTBEFORE", "SENTON",     "SENTSINCE", "SAVEDATESUPPORTED",
                "SAVEDBEFORE", "SAVEDON",    "SAVEDSINCE", "EMAILID",   "THREADID",
                "OLDER",       "YOUNGER",    "MODSEQ",     "LARGER",    "SMALLER",
                "HEADER",      "BODY",       "TEXT",       "NOT",       "OR",
                "AND"};
        buf_printf(b, " %s", kinds[k->kind]);
        render_set(b, &k->set);
        if (k->flag)
                buf_printf(b, " %02x", k->flag);
        if (k->header.p)
                render_slice(b, k->header);
        if (k->text.p)
                render_slice(b, k->text);
        if (k->date.month)
                buf_printf(b, " %04d-%02d-%02d", k->date.year, k->date.month, k->date.day);
        if (k->kind == SEARCH_MODSEQ)
                buf_printf(b, " %llu", (unsigned long long)k->modseq);
        else if (k->kind >= SEARCH_OLDER && k->kind <= SEARCH_SMALLER)
                buf_printf(b, " %u", k->number);
        if (k->kind < SEARCH_NOT)
                return;
        buf_str(b, " (");
        for (const struct imap_search_key *child = k->children; child; child = child->next)
                render_key(b, child);
        buf_str(b, " )");
}

static void render_list(struct buf *b, const struct imap_command *c)
{
        static const struct {
                unsigned bit;
                const char *name;
        } selects[] = {{LIST_SELECT_SUBSCRIBED, "subscribed"},
                       {LIST_SELECT_SPECIAL_USE, "special-use"},
                       {LIST_SELECT_RECURSIVEMATCH, "recursive"},
                       {LIST_SELECT_REMOTE, "remote"}},
          returns[] = {{LIST_RETURN_SUBSCRIBED, "subscribed"},
                       {LIST_RETURN_CHILDREN, "children"},
                       {LIST_RETURN_SPECIAL_USE, "special-use"},
                       {LIST_RETURN_MYRIGHTS, "rights"}};
        render_slice(b, c->list.reference);
        for (size_t i = 0; i < c->list.patterns_n; i++)
                render_slice(b, c->list.patterns[i]);
        buf_str(b, c->list.extended ? " extended" : "");
        for (size_t i = 0; i < ARRAY_LEN(selects); i++)
                buf_printf(b, "%s%s", c->list.select & selects[i].bit ? " select-" : "",
                           c->list.select & selects[i].bit ? selects[i].name : "");
        for (size_t i = 0; i < ARRAY_LEN(returns); i++)
                buf_printf(b, "%s%s", c->list.returns & returns[i].bit ? " " : "",
                           c->list.returns & returns[i].bit ? returns[i].name : "");
        if (c->list.returns & LIST_RETURN_STATUS)
                buf_printf(b, " status-%02x", c->list.status);
}

static void render_append(struct buf *b, const struct imap_command *c)
{
        if (c->id == IMAP_REPLACE)
                render_set(b, &c->append.set);
        render_slice(b, c->append.mailbox);
        render_slice(b, c->append.rest);
}

static void render_arguments(struct buf *b, const struct imap_command *c)
{
        switch (c->id) {
        case IMAP_LOGIN:
                render_slice(b, c->login.user);
                render_slice(b, c->login.password);
                break;
        case IMAP_AUTHENTICATE:
                render_slice(b, c->authenticate.mechanism);
                if (c->authenticate.has_initial)
                        render_slice(b, c->authenticate.initial);
                break;
        case IMAP_ENABLE:
                render_slices(b, c->enable.names, c->enable.n);
                break;
        case IMAP_ID:
                render_slices(b, c->id_params.fields, c->id_params.n);
                break;
        case IMAP_RENAME:
                render_slice(b, c->rename.from);
                render_slice(b, c->rename.to);
                break;
        case IMAP_STATUS:
                render_slice(b, c->status.mailbox);
                buf_printf(b, " %02x", c->status.items);
                break;
        case IMAP_STORE:
                render_set(b, &c->store.set);
                buf_printf(b, " %s%s",
                           c->store.op == STORE_ADD   ? "add"
                           : c->store.op == STORE_SET ? "set"
                                                      : "remove",
                           c->store.silent ? " silent" : "");
                if (c->store.has_since)
                        buf_printf(b, " since %llu", (unsigned long long)c->store.since);
                render_flags(b, &c->store.flags);
                break;
        case IMAP_COPY:
        case IMAP_MOVE:
                render_set(b, &c->copy.set);
                render_slice(b, c->copy.mailbox);
                break;
        case IMAP_CREATE:
                render_slice(b, c->create.mailbox);
                for (size_t i = 0; i < c->create.uses_n; i++)
                        render_slice(b, c->create.uses[i]);
                break;
        case IMAP_EXPUNGE:
                render_set(b, &c->expunge);
                break;
        case IMAP_CANCELUPDATE:
                render_slices(b, c->cancel.tags, c->cancel.n);
                break;
        case IMAP_ESEARCH:
                render_sources(b, &c->search);
                __attribute__((fallthrough));
        case IMAP_SEARCH:
                render_return(b, &c->search);
                if (c->search.charset.n)
                        render_slice(b, c->search.charset);
                render_key(b, c->search.key);
                break;
        case IMAP_SELECT:
        case IMAP_EXAMINE:
                render_select(b, c);
                break;
        default:
                if (c->id >= IMAP_SELECT && c->id <= IMAP_UNSUBSCRIBE)
                        render_slice(b, c->mailbox);
        }
}

static void render_command(struct buf *b, const struct imap_command *c)
{
        buf_printf(b, "%.*s %s%s", SLICE_ARG(c->tag), c->uid ? "UID " : "", imap_command_type(c->id)->name);
        if (c->id == IMAP_FETCH)
                render_fetch(b, c);
        else if (c->id == IMAP_APPEND || c->id == IMAP_REPLACE)
                render_append(b, c);
        else if (c->id == IMAP_LIST || c->id == IMAP_LSUB || c->id == IMAP_XLIST)
                render_list(b, c);
        else
                render_arguments(b, c);
}

#endif

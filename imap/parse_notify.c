/* NOTIFY (RFC 5465 section 8). The events of a group may stand without their parentheses, as in the RFC's
 * own examples. */

#include <errno.h>

#include "imap/parse.h"

static const struct {
        const char *name;
        enum imap_notify_event event;
} events[] = {
        {"MessageNew", NOTIFY_MESSAGE_NEW},
        {"MessageExpunge", NOTIFY_MESSAGE_EXPUNGE},
        {"FlagChange", NOTIFY_FLAG_CHANGE},
        {"MailboxName", NOTIFY_MAILBOX_NAME},
        {"SubscriptionChange", NOTIFY_SUBSCRIPTION_CHANGE},
        {"MailboxMetadataChange", NOTIFY_MAILBOX_METADATA},
        {"ServerMetadataChange", NOTIFY_SERVER_METADATA},
};

enum {
        SOURCES = SOURCE_SELECTED | SOURCE_SELECTED_DELAYED | SOURCE_INBOXES | SOURCE_PERSONAL |
                  SOURCE_SUBSCRIBED | SOURCE_SUBTREE | SOURCE_MAILBOXES
};

static bool is_selected(const struct imap_notify_group *g)
{
        return g->source.kind & (SOURCE_SELECTED | SOURCE_SELECTED_DELAYED);
}

/* Behind MessageNew: what is to be fetched. */
static int parse_attributes(struct lexer *l, struct imap_notify_group *g)
{
        struct imap_command scratch = {.id = IMAP_FETCH};
        if (!slice_starts(l->rest, SLICE(" (")))
                return 0;
        if (!is_selected(g))
                return lexer_fail(l, "FETCH items are for the selected mailbox only");
        l->rest = slice_from(l->rest, 1);
        int r = parse_fetch_list(l, &scratch);
        g->items = scratch.fetch.items;
        g->items_n = scratch.fetch.items_n;
        return r;
}

static int parse_event(struct lexer *l, struct imap_notify_group *g)
{
        struct slice name;
        int r = lexer_atom(l, &name);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_LEN(events); i++) {
                if (!slice_ieq(name, slice_of(events[i].name)))
                        continue;
                g->events |= events[i].event;
                return events[i].event == NOTIFY_MESSAGE_NEW ? parse_attributes(l, g) : 0;
        }
        g->events |= NOTIFY_UNSUPPORTED;
        return 0;
}

/* Up to and with the parenthesis that ends the events, or, when they have none, the group. */
static int parse_events(struct lexer *l, struct imap_notify_group *g)
{
        bool list = lexer_peek(l) == '(';
        int r = list ? lexer_list_start(l) : 0;
        for (bool end = false; r == 0 && !end;) {
                r = parse_event(l, g);
                if (r == 0)
                        r = lexer_list_next(l, &end);
        }
        if (r == 0 && list && !lexer_take(l, ')'))
                return lexer_fail(l, "Missing ')' behind a group of events");
        return r;
}

/* RFC 5465 sections 5 and 6.1 */
static int check(struct lexer *l, const struct imap_notify_group *g)
{
        unsigned new = g->events &NOTIFY_MESSAGE_NEW, expunge = g->events &NOTIFY_MESSAGE_EXPUNGE;
        if (!new != !expunge)
                return lexer_fail(l, "MessageNew and MessageExpunge go together");
        if (g->events & NOTIFY_FLAG_CHANGE && !new)
                return lexer_fail(l, "FlagChange needs MessageNew and MessageExpunge");
        if (is_selected(g) && g->events & (unsigned)~(NOTIFY_MESSAGE_EVENTS | NOTIFY_UNSUPPORTED))
                return lexer_fail(l, "The selected mailbox has events of messages only");
        return 0;
}

static int parse_group(struct lexer *l, struct imap_notify_group *g)
{
        *g = (struct imap_notify_group){.events = 0};
        int r = lexer_list_start(l);
        if (r == 0)
                r = parse_source(l, SOURCES, &g->source);
        if (r == 0)
                r = lexer_space(l);
        if (r < 0)
                return r;
        if (slice_istarts(l->rest, SLICE("NONE)"))) {
                l->rest = slice_from(l->rest, 5);
                return 0;
        }
        r = parse_events(l, g);
        return r < 0 ? r : check(l, g);
}

static int parse_groups(struct lexer *l, struct imap_command *c)
{
        size_t n = 0;
        bool selected = false;
        do {
                if (n == PARSE_NOTIFY_GROUPS_MAX)
                        return lexer_fail(l, "Too many groups of events");
                c->notify.groups = lexer_grow(l, c->notify.groups, n, sizeof(*c->notify.groups));
                struct imap_notify_group *g = &c->notify.groups[n++];
                int r = parse_group(l, g);
                if (r < 0)
                        return r;
                if (is_selected(g) && selected)
                        return lexer_fail(l, "The selected mailbox is specified twice");
                selected |= is_selected(g);
        } while (lexer_take(l, ' '));
        c->notify.groups_n = n;
        return 0;
}

int parse_notify(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        if (r < 0)
                return r;
        struct slice word = lexer_name(l);
        if (slice_ieq(word, SLICE("NONE")))
                return 0;
        if (!slice_ieq(word, SLICE("SET")))
                return lexer_fail_word(l, "Expected SET or NONE", word);
        r = lexer_space(l);
        if (r == 0 && slice_istarts(l->rest, SLICE("STATUS "))) {
                c->notify.status = true;
                l->rest = slice_from(l->rest, 7);
        }
        return r < 0 ? r : parse_groups(l, c);
}

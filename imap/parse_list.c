/* LIST, LSUB, XLIST and STATUS: patterns, the options of RFC 5258 by tables, status items. */

#include <errno.h>

#include "imap/parse.h"

struct option {
        const char *name;
        unsigned bit;
        int (*parse)(struct lexer *l, struct imap_command *c); /* what follows the name; NULL: nothing */
};

static const struct {
        const char *name;
        unsigned bit;
} status_items[] = {
        {"MESSAGES", STATUS_MESSAGES},
        {"RECENT", STATUS_RECENT},
        {"UIDNEXT", STATUS_UIDNEXT},
        {"UIDVALIDITY", STATUS_UIDVALIDITY},
        {"UNSEEN", STATUS_UNSEEN},
        {"DELETED", STATUS_DELETED},                 /* RFC 9051 section 6.3.11 */
        {"SIZE", STATUS_SIZE},                       /* RFC 8438 */
        {"MAILBOXID", STATUS_MAILBOXID},             /* RFC 8474 */
        {"APPENDLIMIT", STATUS_APPENDLIMIT},         /* RFC 7889 section 3.1 */
        {"DELETED-STORAGE", STATUS_DELETED_STORAGE}, /* RFC 9208 section 4.1.4 */
        {"HIGHESTMODSEQ", STATUS_HIGHESTMODSEQ},     /* RFC 7162 */
};

/* "(MESSAGES UNSEEN)" */
static int parse_items(struct lexer *l, unsigned *ret)
{
        unsigned items = 0;
        int r = lexer_list_start(l);
        for (bool end = false; r == 0 && !end;) {
                struct slice name = lexer_name(l);
                unsigned bit = 0;
                for (size_t i = 0; i < ARRAY_LEN(status_items); i++)
                        if (slice_ieq(name, slice_of(status_items[i].name)))
                                bit = status_items[i].bit;
                if (!bit)
                        return lexer_fail_word(l, "Unknown status item", name.n ? name : l->rest);
                items |= bit;
                r = lexer_list_next(l, &end);
        }
        if (r == 0)
                *ret = items;
        return r;
}

int parse_status(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        if (r == 0)
                r = parse_mailbox(l, &c->status.mailbox);
        if (r == 0)
                r = lexer_space(l);
        return r < 0 ? r : parse_items(l, &c->status.items);
}

/* RFC 5819 */
static int return_status(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        return r < 0 ? r : parse_items(l, &c->list.status);
}

/* RFC 9590 */
static int return_metadata(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        return r < 0 ? r : parse_entries(l, &c->list.metadata);
}

static const struct option selections[] = {
        {"SUBSCRIBED", LIST_SELECT_SUBSCRIBED, NULL},
        {"REMOTE", LIST_SELECT_REMOTE, NULL},
        {"RECURSIVEMATCH", LIST_SELECT_RECURSIVEMATCH, NULL},
        {"SPECIAL-USE", LIST_SELECT_SPECIAL_USE, NULL}, /* RFC 6154 */
};

static const struct option returns[] = {
        {"SUBSCRIBED", LIST_RETURN_SUBSCRIBED, NULL},
        {"CHILDREN", LIST_RETURN_CHILDREN, NULL},
        {"SPECIAL-USE", LIST_RETURN_SPECIAL_USE, NULL},      /* RFC 6154 */
        {"STATUS", LIST_RETURN_STATUS, return_status},       /* RFC 5819 */
        {"MYRIGHTS", LIST_RETURN_MYRIGHTS, NULL},            /* RFC 8440 */
        {"METADATA", LIST_RETURN_METADATA, return_metadata}, /* RFC 9590 */
};

static int parse_options(struct lexer *l, struct imap_command *c, const struct option *options, size_t n,
                         unsigned *bits)
{
        int r = lexer_list_start(l);
        if (r < 0)
                return r;
        for (bool end = lexer_take(l, ')'); !end;) {
                struct slice name = lexer_name(l);
                const struct option *found = NULL;
                for (size_t i = 0; i < n; i++)
                        if (slice_ieq(name, slice_of(options[i].name)))
                                found = &options[i];
                if (!found)
                        return lexer_fail_word(l, "Unknown option", name.n ? name : l->rest);
                *bits |= found->bit;
                if (found->parse)
                        r = found->parse(l, c);
                if (r == 0)
                        r = lexer_list_next(l, &end);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* RFC 5258 section 3.1: RECURSIVEMATCH asks about what other options select. */
static int parse_selection(struct lexer *l, struct imap_command *c)
{
        int r = parse_options(l, c, selections, ARRAY_LEN(selections), &c->list.select);
        if (r == 0 && (c->list.select & LIST_SELECT_RECURSIVEMATCH) &&
            !(c->list.select & LIST_SELECT_CRITERIA))
                return lexer_fail(l, "RECURSIVEMATCH needs another selection option");
        return r;
}

static int add_pattern(struct lexer *l, struct imap_command *c)
{
        struct slice pattern;
        int r = parse_pattern(l, &pattern);
        if (r < 0)
                return r;
        if (c->list.patterns_n == PARSE_LIST_PATTERNS_MAX)
                return lexer_fail(l, "Too many patterns");
        c->list.patterns = lexer_grow(l, c->list.patterns, c->list.patterns_n, sizeof(*c->list.patterns));
        c->list.patterns[c->list.patterns_n++] = pattern;
        return 0;
}

/* A pattern, or several in parentheses. */
static int parse_patterns(struct lexer *l, struct imap_command *c)
{
        if (c->id == IMAP_LSUB || lexer_peek(l) != '(')
                return add_pattern(l, c);
        c->list.extended = true;
        int r = lexer_list_start(l);
        for (bool end = false; r == 0 && !end;) {
                r = add_pattern(l, c);
                if (r == 0)
                        r = lexer_list_next(l, &end);
        }
        return r;
}

static int parse_returns(struct lexer *l, struct imap_command *c)
{
        struct slice word = lexer_name(l);
        if (!slice_ieq(word, SLICE("RETURN")))
                return lexer_fail_word(l, "Unexpected argument", word.n ? word : l->rest);
        c->list.extended = true;
        int r = lexer_space(l);
        return r < 0 ? r : parse_options(l, c, returns, ARRAY_LEN(returns), &c->list.returns);
}

int parse_list(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        if (r == 0 && c->id != IMAP_LSUB && lexer_peek(l) == '(') {
                c->list.extended = true;
                r = parse_selection(l, c);
                if (r == 0)
                        r = lexer_space(l);
        }
        if (r == 0)
                r = parse_mailbox(l, &c->list.reference);
        if (r == 0)
                r = lexer_space(l);
        if (r == 0)
                r = parse_patterns(l, c);
        if (r < 0)
                return r;
        lexer_skip_spaces(l);
        return c->id == IMAP_LSUB || l->rest.n == 0 ? 0 : parse_returns(l, c);
}

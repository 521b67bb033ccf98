/* GETMETADATA and SETMETADATA (RFC 5464 section 5). */

#include "imap/parse.h"

/* RFC 5464 section 3.2. Only these two scopes exist; one alone is of use with DEPTH. */
static bool entry_ok(struct slice name)
{
        size_t scope = slice_istarts(name, SLICE("/private"))  ? strlen("/private")
                       : slice_istarts(name, SLICE("/shared")) ? strlen("/shared")
                                                               : 0;
        if (!scope || name.n > PARSE_ENTRY_MAX || (name.n > scope && name.p[scope] != '/'))
                return false;
        for (size_t i = 0; i < name.n; i++) {
                char c = name.p[i];
                bool slash = c == '/' && (i + 1 == name.n || name.p[i + 1] == '/');
                if (c < ' ' || c > '~' || c == '*' || c == '%' || slash)
                        return false;
        }
        return true;
}

int parse_entry(struct lexer *l, struct slice *ret)
{
        struct slice name;
        int r = lexer_astring(l, &name);
        if (r < 0)
                return r;
        if (!entry_ok(name))
                return lexer_fail_word(l, "Invalid annotation entry", name);
        /* names are the same in any case */
        char *lower = arena_str(l->arena, name);
        for (char *p = lower; *p; p++)
                *p = ascii_lower(*p);
        *ret = slice_make(lower, name.n);
        return 0;
}

static int add_entry(struct lexer *l, struct imap_entries *to)
{
        struct slice name;
        int r = parse_entry(l, &name);
        if (r < 0)
                return r;
        if (to->n == PARSE_ENTRIES_MAX)
                return lexer_fail(l, "Too many annotation entries");
        to->names = lexer_grow(l, to->names, to->n, sizeof(*to->names));
        to->names[to->n++] = name;
        return 0;
}

int parse_entries(struct lexer *l, struct imap_entries *ret)
{
        struct imap_entries entries = {0};
        int r = lexer_list_start(l);
        for (bool end = false; r == 0 && !end;) {
                r = add_entry(l, &entries);
                if (r == 0)
                        r = lexer_list_next(l, &end);
        }
        if (r == 0)
                *ret = entries;
        return r;
}

/* One, or several as in the examples of section 4.4.1, which the grammar does not have. */
static int bare_entries(struct lexer *l, struct imap_entries *to)
{
        int r = add_entry(l, to);
        while (r == 0 && l->rest.n) {
                r = lexer_space(l);
                if (r == 0)
                        r = add_entry(l, to);
        }
        return r;
}

static int parse_depth(struct lexer *l, struct imap_command *c)
{
        struct slice word = lexer_name(l);
        if (slice_eq(word, SLICE("0")))
                c->getmetadata.depth = 0;
        else if (slice_eq(word, SLICE("1")))
                c->getmetadata.depth = 1;
        else if (slice_ieq(word, SLICE("infinity")))
                c->getmetadata.depth = IMAP_DEPTH_INFINITY;
        else
                return lexer_fail_word(l, "Invalid DEPTH", word.n ? word : l->rest);
        return 0;
}

static int parse_options(struct lexer *l, struct imap_command *c)
{
        int r = lexer_list_start(l);
        for (bool end = false; r == 0 && !end;) {
                struct slice name = lexer_name(l);
                bool maxsize = slice_ieq(name, SLICE("MAXSIZE"));
                if (!maxsize && !slice_ieq(name, SLICE("DEPTH")))
                        return lexer_fail_word(l, "Unknown option", name.n ? name : l->rest);
                r = lexer_space(l);
                if (r == 0)
                        r = maxsize ? lexer_number(l, &c->getmetadata.maxsize) : parse_depth(l, c);
                c->getmetadata.limited |= maxsize;
                if (r == 0)
                        r = lexer_list_next(l, &end);
        }
        return r;
}

/* Entries begin with a slash, or are strings. */
static bool at_options(const struct lexer *l)
{
        return lexer_peek(l) == '(' && l->rest.n > 1 && ascii_isalpha(l->rest.p[1]);
}

static int options_and_space(struct lexer *l, struct imap_command *c)
{
        int r = at_options(l) ? parse_options(l, c) : 0;
        return r < 0 || lexer_peek(l) != ' ' ? r : lexer_space(l);
}

/* The grammar has the options before the mailbox, the examples have them behind it: clients do both. */
int parse_getmetadata(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        if (r == 0)
                r = options_and_space(l, c);
        if (r == 0)
                r = parse_mailbox(l, &c->getmetadata.mailbox);
        if (r == 0)
                r = lexer_space(l);
        if (r == 0)
                r = options_and_space(l, c);
        if (r < 0)
                return r;
        return lexer_peek(l) == '(' ? parse_entries(l, &c->getmetadata.entries)
                                    : bare_entries(l, &c->getmetadata.entries);
}

static int add_value(struct lexer *l, struct imap_command *c)
{
        struct imap_annotation a = {0};
        int r = parse_entry(l, &a.entry);
        if (r == 0)
                r = lexer_space(l);
        if (r == 0)
                r = lexer_nstring8(l, &a.value);
        if (r < 0)
                return r;
        if (c->setmetadata.n == PARSE_ENTRIES_MAX)
                return lexer_fail(l, "Too many annotation entries");
        c->setmetadata.list =
                lexer_grow(l, c->setmetadata.list, c->setmetadata.n, sizeof(*c->setmetadata.list));
        c->setmetadata.list[c->setmetadata.n++] = a;
        return 0;
}

int parse_setmetadata(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        if (r == 0)
                r = parse_mailbox(l, &c->setmetadata.mailbox);
        if (r == 0)
                r = lexer_space(l);
        if (r == 0)
                r = lexer_list_start(l);
        for (bool end = false; r == 0 && !end;) {
                r = add_value(l, c);
                if (r == 0)
                        r = lexer_list_next(l, &end);
        }
        return r;
}

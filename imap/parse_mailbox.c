#include "imap/parse.h"

#include <errno.h>

int parse_one_mailbox(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        return r < 0 ? r : parse_mailbox(l, &c->mailbox);
}

int parse_rename(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        if (r == 0)
                r = parse_mailbox(l, &c->rename.from);
        if (r == 0)
                r = lexer_space(l);
        return r < 0 ? r : parse_mailbox(l, &c->rename.to);
}

/* "(USE (\\Drafts \\Sent))": RFC 6154 section 3 in the syntax of RFC 4466 section 2.2. */
static int parse_use(struct lexer *l, struct imap_command *c)
{
        int r = lexer_list_start(l);
        if (r < 0)
                return r;
        struct slice word = lexer_name(l);
        if (!slice_ieq(word, SLICE("USE")))
                return lexer_fail_word(l, "Unknown parameter", word.n ? word : l->rest);
        r = lexer_space(l);
        if (r == 0)
                r = lexer_list_start(l);
        if (r < 0)
                return r;
        for (bool end = lexer_take(l, ')'); !end;) {
                if (!lexer_take(l, '\\'))
                        return lexer_fail_word(l, "Expected a special use instead of", l->rest);
                r = lexer_atom(l, &word);
                if (r == 0 && c->create.uses_n == PARSE_CREATE_USES_MAX)
                        r = lexer_fail(l, "Too many special uses");
                if (r < 0)
                        return r;
                c->create.uses = lexer_grow(l, c->create.uses, c->create.uses_n, sizeof(*c->create.uses));
                c->create.uses[c->create.uses_n++] = word;
                r = lexer_list_next(l, &end);
                if (r < 0)
                        return r;
        }
        lexer_skip_spaces(l);
        return lexer_take(l, ')') ? 0 : lexer_fail(l, "Missing ')'");
}

int parse_create(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        if (r == 0)
                r = parse_mailbox(l, &c->create.mailbox);
        if (r < 0)
                return r;
        lexer_skip_spaces(l);
        return l->rest.n ? parse_use(l, c) : 0;
}

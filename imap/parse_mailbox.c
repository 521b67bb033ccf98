#include "imap/parse.h"

#include <errno.h>

int parse_select(struct lexer *l, struct imap_command *c)
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

/* The options RFC 6154 adds to LIST in the syntax of RFC 5258; the rest of LIST-EXTENDED is not announced. */
static int list_options(struct lexer *l, bool *special_use, bool *children)
{
        int r = lexer_list_start(l);
        if (r < 0)
                return r;
        bool end = lexer_take(l, ')');
        while (!end) {
                struct slice name = lexer_name(l);
                if (slice_ieq(name, SLICE("SPECIAL-USE")))
                        *special_use = true;
                else if (children && slice_ieq(name, SLICE("CHILDREN")))
                        *children = true;
                else
                        return lexer_fail_word(l, "Unknown option", name.n ? name : l->rest);
                r = lexer_list_next(l, &end);
                if (r < 0)
                        return r;
        }
        return 0;
}

int parse_list(struct lexer *l, struct imap_command *c)
{
        bool extended = c->id == IMAP_LIST;
        int r = lexer_space(l);
        if (r == 0 && extended && lexer_peek(l) == '(') {
                r = list_options(l, &c->list.select_special_use, NULL);
                if (r == 0)
                        r = lexer_space(l);
        }
        if (r == 0)
                r = parse_mailbox(l, &c->list.reference);
        if (r == 0)
                r = lexer_space(l);
        if (r == 0)
                r = parse_pattern(l, &c->list.pattern);
        if (r < 0)
                return r;
        lexer_skip_spaces(l);
        if (!extended || l->rest.n == 0)
                return 0;
        struct slice word = lexer_name(l);
        if (!slice_ieq(word, SLICE("RETURN")))
                return lexer_fail_word(l, "Unexpected argument", word.n ? word : l->rest);
        r = lexer_space(l);
        return r < 0 ? r : list_options(l, &c->list.return_special_use, &c->list.return_children);
}

int parse_status(struct lexer *l, struct imap_command *c)
{
        static const struct {
                const char *name;
                unsigned bit;
        } items[] = {
                {"MESSAGES", STATUS_MESSAGES},       {"RECENT", STATUS_RECENT}, {"UIDNEXT", STATUS_UIDNEXT},
                {"UIDVALIDITY", STATUS_UIDVALIDITY}, {"UNSEEN", STATUS_UNSEEN},
        };
        int r = lexer_space(l);
        if (r == 0)
                r = parse_mailbox(l, &c->status.mailbox);
        if (r == 0)
                r = lexer_space(l);
        if (r == 0)
                r = lexer_list_start(l);
        for (bool end = false; r == 0 && !end;) {
                struct slice name = lexer_name(l);
                unsigned bit = 0;
                for (size_t i = 0; i < ARRAY_LEN(items); i++)
                        if (slice_ieq(name, slice_of(items[i].name)))
                                bit = items[i].bit;
                if (!bit)
                        return lexer_fail_word(l, "Unknown status item", name.n ? name : l->rest);
                c->status.items |= bit;
                r = lexer_list_next(l, &end);
        }
        return r;
}

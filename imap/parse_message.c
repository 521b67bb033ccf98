#include "imap/parse.h"

#include <errno.h>

/* [ "(" "UNCHANGEDSINCE" SP modseq ")" SP ], RFC 7162 section 3.1.3 */
static int store_modifiers(struct lexer *l, struct imap_command *c)
{
        if (lexer_peek(l) != '(')
                return 0;
        int r = lexer_list_start(l);
        for (bool end = false; r == 0 && !end;) {
                struct slice name = lexer_name(l);
                if (!slice_ieq(name, SLICE("UNCHANGEDSINCE")))
                        return lexer_fail_word(l, "Unknown STORE modifier", name.n ? name : l->rest);
                if (c->store.has_since)
                        return lexer_fail_word(l, "Modifier given twice", name);
                c->store.has_since = true;
                r = lexer_space(l);
                if (r == 0)
                        r = lexer_modseq(l, &c->store.since);
                if (r == 0)
                        r = lexer_list_next(l, &end);
        }
        return r < 0 ? r : lexer_space(l);
}

int parse_store(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        if (r == 0)
                r = parse_set(l, &c->store.set);
        if (r == 0)
                r = lexer_space(l);
        if (r == 0)
                r = store_modifiers(l, c);
        if (r < 0)
                return r;
        c->store.op = lexer_take(l, '+') ? STORE_ADD : lexer_take(l, '-') ? STORE_REMOVE : STORE_SET;
        struct slice item = lexer_name(l);
        c->store.silent = slice_ieq(item, SLICE("FLAGS.SILENT"));
        if (!c->store.silent && !slice_ieq(item, SLICE("FLAGS")))
                return lexer_fail_word(l, "Unknown data item", item.n ? item : l->rest);
        r = lexer_space(l);
        return r < 0 ? r : parse_flag_list_bare(l, PARSE_RECENT_REFUSED, &c->store.flags);
}

int parse_copy(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        if (r == 0)
                r = parse_set(l, &c->copy.set);
        if (r == 0)
                r = lexer_space(l);
        return r < 0 ? r : parse_mailbox(l, &c->copy.mailbox);
}

int parse_expunge(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        return r < 0 ? r : parse_set(l, &c->expunge);
}

#include "imap/parse.h"

#include <errno.h>

static const struct {
        const char *name;
        enum imap_source_kind kind;
        bool names; /* mailboxes follow */
} kinds[] = {
        {"selected", SOURCE_SELECTED},
        {"selected-delayed", SOURCE_SELECTED_DELAYED},
        {"inboxes", SOURCE_INBOXES},
        {"personal", SOURCE_PERSONAL},
        {"subscribed", SOURCE_SUBSCRIBED},
        {"subtree", SOURCE_SUBTREE, true},
        {"subtree-one", SOURCE_SUBTREE_ONE, true},
        {"mailboxes", SOURCE_MAILBOXES, true},
};

static int add_name(struct lexer *l, struct imap_source *source)
{
        if (source->names_n == PARSE_SOURCE_NAMES_MAX)
                return lexer_fail(l, "Too many mailboxes");
        source->names = lexer_grow(l, source->names, source->names_n, sizeof(*source->names));
        return parse_mailbox(l, &source->names[source->names_n++]);
}

/* one-or-more-mailbox */
static int parse_names(struct lexer *l, struct imap_source *source)
{
        int r = lexer_space(l);
        if (r < 0 || lexer_peek(l) != '(')
                return r < 0 ? r : add_name(l, source);
        r = lexer_list_start(l);
        for (bool end = false; r == 0 && !end;) {
                r = add_name(l, source);
                if (r == 0)
                        r = lexer_list_next(l, &end);
        }
        return r;
}

int parse_source(struct lexer *l, unsigned allowed, struct imap_source *ret)
{
        struct slice word = lexer_name(l);
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                if (!(kinds[i].kind & allowed) || !slice_ieq(word, slice_of(kinds[i].name)))
                        continue;
                struct imap_source source = {.kind = kinds[i].kind};
                int r = kinds[i].names ? parse_names(l, &source) : 0;
                if (r == 0)
                        *ret = source;
                return r;
        }
        return lexer_fail_word(l, "Unknown mailbox specifier", word.n ? word : l->rest);
}

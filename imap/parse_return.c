/* RETURN (...) of SEARCH, SORT and ESEARCH (RFC 4466 section 2.6.1 and those who add options). */

#include "imap/parse.h"

#include <errno.h>

static const struct {
        const char *name;
        unsigned option;
} options[] = {
        {"MIN", RETURN_MIN},         {"MAX", RETURN_MAX},
        {"ALL", RETURN_ALL},         {"COUNT", RETURN_COUNT},
        {"PARTIAL", RETURN_PARTIAL}, {"SAVE", RETURN_SAVE},
        {"CONTEXT", RETURN_CONTEXT}, {"RELEVANCY", RETURN_RELEVANCY},
        {"UPDATE", RETURN_UPDATE},
};

/* partial-range (RFC 9394 section 4) */
int parse_partial_range(struct lexer *l, struct imap_partial *ret)
{
        struct imap_partial range = {.from_end = lexer_take(l, '-')};

        if (lexer_nz_number(l, &range.a) < 0 || !lexer_take(l, ':') || lexer_take(l, '-') != range.from_end ||
            lexer_nz_number(l, &range.b) < 0)
                return lexer_fail(l, "Invalid range of PARTIAL");
        *ret = range;
        return 0;
}

static int parse_option(struct lexer *l, struct imap_search *search)
{
        struct slice word = lexer_name(l);
        int r = 0;

        for (size_t i = 0; i < ARRAY_LEN(options); i++) {
                if (!slice_ieq(word, slice_of(options[i].name)))
                        continue;
                if (options[i].option == RETURN_PARTIAL) {
                        if (search->results & RETURN_PARTIAL)
                                return lexer_fail(l, "PARTIAL twice");
                        r = lexer_space(l);
                        if (r == 0)
                                r = parse_partial_range(l, &search->partial);
                }
                search->results |= options[i].option;
                return r;
        }
        return lexer_fail_word(l, "Unknown RETURN option", word.n ? word : l->rest);
}

int parse_return(struct lexer *l, struct imap_search *search)
{
        struct lexer ahead = *l;
        int r;

        if (lexer_space(&ahead) < 0 || !slice_ieq(lexer_name(&ahead), SLICE("RETURN")))
                return 0;
        *l = ahead;
        r = lexer_space(l);
        if (r == 0)
                r = lexer_list_start(l);
        if (r < 0)
                return r;
        search->extended = true;
        for (bool end = lexer_take(l, ')'); !end && r == 0;) {
                r = parse_option(l, search);
                if (r == 0)
                        r = lexer_list_next(l, &end);
        }
        if (r == 0 && search->results == 0)
                search->results = RETURN_ALL;
        if (r == 0 && (search->results & RETURN_PARTIAL) && (search->results & RETURN_ALL))
                r = lexer_fail(l, "PARTIAL and ALL exclude each other");
        return r;
}

/* 1*(SP quoted), RFC 5267 section 5 */
int parse_cancelupdate(struct lexer *l, struct imap_command *c)
{
        int r;

        do {
                if (c->cancel.n == PARSE_CANCEL_TAGS_MAX)
                        return lexer_fail(l, "Too many tags");
                c->cancel.tags = lexer_grow(l, c->cancel.tags, c->cancel.n, sizeof(*c->cancel.tags));
                r = lexer_space(l);
                if (r == 0)
                        r = lexer_string(l, &c->cancel.tags[c->cancel.n++]);
        } while (r == 0 && l->rest.n > 0);
        return r;
}

#include "imap/parse.h"

#include <errno.h>

int parse_login(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        if (r == 0)
                r = lexer_loose_astring(l, &c->login.user);
        if (r == 0)
                r = lexer_space(l);
        if (r == 0)
                r = lexer_loose_astring(l, &c->login.password);
        return r < 0 ? lexer_fail(l, "Expected a user name and a password") : 0; /* never repeat a password */
}

int parse_authenticate(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        if (r == 0)
                r = lexer_atom(l, &c->authenticate.mechanism);
        if (r < 0)
                return lexer_fail(l, "Expected the name of a mechanism");
        lexer_skip_spaces(l);
        if (l->rest.n == 0)
                return 0;
        c->authenticate.has_initial = true;
        if (lexer_word(l, &c->authenticate.initial) < 0)
                return -EINVAL;
        lexer_skip_spaces(l);
        if (l->rest.n)
                return lexer_fail(l, "Invalid initial response");
        if (slice_eq(c->authenticate.initial, SLICE("=")))
                c->authenticate.initial = SLICE_NULL;
        return 0;
}

int parse_enable(struct lexer *l, struct imap_command *c)
{
        struct slice *names = NULL;
        size_t n = 0;
        int r = lexer_space(l);
        if (r < 0)
                return r;
        while (l->rest.n) {
                if (n == PARSE_ENABLE_NAMES_MAX)
                        return lexer_fail(l, "Too many names");
                names = lexer_grow(l, names, n, sizeof(*names));
                r = lexer_atom(l, &names[n++]);
                if (r < 0)
                        return r;
                if (l->rest.n && lexer_peek(l) != ' ')
                        return lexer_fail_word(l, "Invalid characters at", l->rest);
                lexer_skip_spaces(l);
        }
        c->enable.names = names;
        c->enable.n = n;
        return 0;
}

/* string or nstring; atoms are tolerated. NIL is a NULL slice. */
static int id_string(struct lexer *l, bool nil_allowed, struct slice *ret)
{
        bool bare = lexer_peek(l) != '"' && lexer_peek(l) != '{';
        struct slice s;
        int r = lexer_astring(l, &s);
        if (r < 0)
                return r;
        bool nil = bare && slice_ieq(s, SLICE("NIL"));
        if (nil && !nil_allowed)
                return lexer_fail(l, "A field's name cannot be NIL");
        if (!nil && !s.p)
                s.p = "";
        *ret = nil ? SLICE_NULL : s;
        return 0;
}

int parse_compress(struct lexer *l, struct imap_command *c)
{
        struct slice algorithm;
        int r = lexer_space(l);
        if (r == 0)
                r = lexer_atom(l, &algorithm);
        if (r == 0 && !slice_ieq(algorithm, SLICE("DEFLATE")))
                return lexer_fail_word(l, "Unknown compression mechanism", algorithm);
        return r;
}

int parse_id(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        if (r < 0)
                return r;
        if (slice_istarts(l->rest, SLICE("NIL"))) {
                l->rest = slice_from(l->rest, 3);
                return 0;
        }
        r = lexer_list_start(l);
        if (r < 0)
                return r;
        struct slice *fields = NULL;
        size_t n = 0;
        bool end = lexer_take(l, ')');
        while (!end) {
                if (n == 2 * PARSE_ID_PAIRS_MAX)
                        return lexer_fail(l, "Too many fields");
                fields = lexer_grow(l, fields, n, sizeof(*fields));
                r = id_string(l, n % 2 == 1, &fields[n]);
                n++;
                if (r == 0)
                        r = lexer_list_next(l, &end);
                if (r < 0)
                        return r;
        }
        if (n % 2)
                return lexer_fail(l, "A field has no value");
        c->id_params.fields = fields;
        c->id_params.n = n;
        return 0;
}

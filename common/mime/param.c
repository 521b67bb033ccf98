#include "mime/param.h"

#include <errno.h>

#include "mime/lex.h"

/* Bytes that end a token. RFC 2045 has more tspecials; those are met unquoted in real mail ("name=a@b.txt")
 * and end nothing. */
static const unsigned char token_kinds[256] = {LEX_BLANKS, LEX_OPENING, [';'] = LEX_STOP, [','] = LEX_STOP};
static const unsigned char name_kinds[256] = {
        LEX_BLANKS, LEX_OPENING, ['/'] = LEX_STOP, [';'] = LEX_STOP, [','] = LEX_STOP, ['='] = LEX_STOP};
static const unsigned char type_kinds[256] = {
        LEX_BLANKS,       ['('] = LEX_COMMENT, ['"'] = LEX_STOP, ['/'] = LEX_STOP,
        [';'] = LEX_STOP, [','] = LEX_STOP,    ['='] = LEX_STOP};
static const unsigned char broken_kinds[256] = {LEX_BLANKS, LEX_OPENING, [';'] = LEX_STOP};

/* The next token or quoted string, in the value itself where nothing had to be removed. */
static struct slice take_value(struct arena *a, struct lex *l, const unsigned char kinds[static 256])
{
        lex_skip(l);
        if (lex_peek(l) != '"')
                return lex_run(l, kinds);
        size_t start = l->pos + 1;
        _cleanup_(buf_free) struct buf b = {0};
        if (!lex_quoted(l, &b))
                return slice_trim(lex_run(l, kinds));
        struct slice plain = slice_make(l->in.p + start, l->pos - 1 - start);
        return plain.n == b.n ? plain : arena_slice(a, buf_slice(&b));
}

/* A quote that is not closed is a byte of what it stands before; nobody wants to see it there. */
static struct slice without_quote(struct slice s)
{
        return s.n && s.p[0] == '"' ? slice_from(s, 1) : s;
}

static void skip_to_semicolon(struct lex *l)
{
        for (;;) {
                lex_skip(l);
                if (lex_end(l) || lex_peek(l) == ';')
                        return;
                if (!lex_quoted(l, NULL) && lex_run(l, broken_kinds).n == 0)
                        l->pos++;
        }
}

/* "; name=value" until the end. */
static struct param *take_params(struct arena *a, struct lex *l)
{
        struct param *first = NULL, **tail = &first;
        for (unsigned count = 0; count < PARAM_MAX;) {
                skip_to_semicolon(l);
                if (!lex_take(l, ';'))
                        break;
                lex_skip(l);
                struct slice name = lex_run(l, name_kinds);
                lex_skip(l);
                if (name.n == 0 || !lex_take(l, '='))
                        continue;
                struct slice value = take_value(a, l, token_kinds);
                struct param *p = arena_new(a, struct param);
                p->name = name;
                p->value = l->no_quote_end ? without_quote(value) : value;
                *tail = p;
                tail = &p->next;
                count++;
        }
        return first;
}

int content_type_parse(struct arena *a, struct slice value, struct content_type *ret)
{
        struct lex l = {.in = value};
        struct content_type ct = {0};
        lex_skip(&l);
        ct.type = lex_run(&l, type_kinds);
        lex_skip(&l);
        if (ct.type.n == 0 || !lex_take(&l, '/'))
                return -EINVAL;
        lex_skip(&l);
        ct.subtype = lex_run(&l, type_kinds);
        if (ct.subtype.n == 0)
                return -EINVAL;
        ct.params = take_params(a, &l);
        *ret = ct;
        return 0;
}

int content_disposition_parse(struct arena *a, struct slice value, struct content_disposition *ret)
{
        struct lex l = {.in = value};
        struct slice type = take_value(a, &l, name_kinds);
        if (type.n == 0)
                return -EINVAL;
        *ret = (struct content_disposition){type, take_params(a, &l)};
        return 0;
}

struct slice content_token(struct arena *a, struct slice value)
{
        struct lex l = {.in = value};
        return take_value(a, &l, token_kinds);
}

struct param *content_token_list(struct arena *a, struct slice value)
{
        struct lex l = {.in = value};
        struct param *first = NULL, **tail = &first;
        for (unsigned count = 0; count < PARAM_MAX && !lex_end(&l);) {
                struct slice token = take_value(a, &l, token_kinds);
                if (token.n == 0) {
                        if (!lex_end(&l))
                                l.pos++;
                        continue;
                }
                struct param *p = arena_new(a, struct param);
                p->name = token;
                *tail = p;
                tail = &p->next;
                count++;
        }
        return first;
}

struct slice param_find(const struct param *list, struct slice name)
{
        for (; list; list = list->next)
                if (slice_ieq(list->name, name))
                        return list->value;
        return SLICE_NULL;
}

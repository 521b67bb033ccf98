#include "mime/lex.h"

bool lex_take(struct lex *l, char c)
{
        if (lex_end(l) || l->in.p[l->pos] != c)
                return false;
        l->pos++;
        return true;
}

static void put(struct buf *to, char c)
{
        if (to && c != '\r' && c != '\n')
                buf_char(to, c);
}

bool lex_comment(struct lex *l, struct buf *to)
{
        if (l->no_comment_end || lex_peek(l) != '(')
                return false;
        size_t depth = 1, keep = to ? to->n : 0, i = l->pos + 1;
        for (; i < l->in.n; i++) {
                char c = l->in.p[i];
                if (c == '\\' && i + 1 < l->in.n) {
                        put(to, l->in.p[++i]);
                        continue;
                }
                if (c == '(')
                        depth++;
                else if (c == ')' && --depth == 0)
                        break;
                put(to, c);
        }
        if (depth) {
                l->no_comment_end = true;
                if (to)
                        to->n = keep;
                return false;
        }
        l->pos = i + 1;
        return true;
}

bool lex_quoted(struct lex *l, struct buf *to)
{
        if (l->no_quote_end || lex_peek(l) != '"')
                return false;
        size_t keep = to ? to->n : 0;
        for (size_t i = l->pos + 1; i < l->in.n; i++) {
                char c = l->in.p[i];
                if (c == '"') {
                        l->pos = i + 1;
                        return true;
                }
                if (c == '\\' && i + 1 < l->in.n)
                        c = l->in.p[++i];
                put(to, c);
        }
        l->no_quote_end = true;
        if (to)
                to->n = keep;
        return false;
}

void lex_skip(struct lex *l)
{
        for (;;) {
                while (!lex_end(l) && lex_is_blank(l->in.p[l->pos]))
                        l->pos++;
                if (!lex_comment(l, NULL))
                        return;
        }
}

struct slice lex_run(struct lex *l, const unsigned char kinds[static 256])
{
        const char *p = l->in.p;
        size_t start = l->pos, i = start;

        for (; i < l->in.n; i++) {
                unsigned char kind = kinds[(unsigned char)p[i]];

                if (kind == LEX_WORD || (kind == LEX_COMMENT && l->no_comment_end) ||
                    (kind == LEX_QUOTE && l->no_quote_end))
                        continue;
                break;
        }
        l->pos = i;
        return lex_since(l, start);
}

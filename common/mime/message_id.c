#include "mime/message_id.h"

#include "mime/lex.h"

/* Takes the bytes up to one that may mean something. */
static void take_plain(struct lex *l, struct buf *to)
{
        static const bool special[256] = {
                ['<'] = true, ['>'] = true,  ['@'] = true,  ['"'] = true, ['('] = true,
                [' '] = true, ['\t'] = true, ['\r'] = true, ['\n'] = true};
        size_t start = l->pos;

        while (!lex_end(l) && !special[(unsigned char)l->in.p[l->pos]])
                l->pos++;
        buf_append(to, lex_since(l, start));
}

/* Behind "<": up to and with ">". False: another "<" or the end came first, or it is no msg-id. */
static bool take(struct lex *l, struct buf *to)
{
        size_t at = 0; /* where the part behind the first "@" begins */

        for (;;) {
                take_plain(l, to);
                lex_skip(l);
                if (lex_end(l) || lex_peek(l) == '<')
                        return false;
                if (lex_take(l, '>'))
                        return at > 1 && to->n > at;
                if (lex_peek(l) == '"' && (to->n == 0 || to->p[to->n - 1] == '.') && lex_quoted(l, to))
                        continue;
                if (lex_peek(l) == '@' && at == 0)
                        at = to->n + 1;
                buf_char(to, lex_peek(l));
                l->pos++;
        }
}

bool message_id_next(struct slice *rest, struct buf *to)
{
        struct lex l = {.in = *rest};
        bool found = false;

        while (!found && !lex_end(&l)) {
                to->n = 0;
                if (lex_take(&l, '<'))
                        found = take(&l, to);
                else
                        l.pos += slice_find(slice_from(l.in, l.pos), '<');
        }
        *rest = slice_from(l.in, l.pos);
        return found;
}

#include "mime/message_id.h"

#include "mime/lex.h"

/* Behind "<": up to and with ">". False: another "<" or the end came first, or it is no msg-id. */
static bool take(struct lex *l, struct buf *to)
{
        size_t at = 0; /* where the part behind the first "@" begins */

        for (;;) {
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

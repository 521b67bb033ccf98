#include "mime/transfer.h"

#include <errno.h>

#include "mime/lex.h"

enum transfer transfer_of(struct slice name)
{
        if (slice_ieq(name, SLICE("base64")))
                return TRANSFER_BASE64;
        if (slice_ieq(name, SLICE("quoted-printable")))
                return TRANSFER_QP;
        if (name.n == 0 || slice_ieq(name, SLICE("7bit")) || slice_ieq(name, SLICE("8bit")) ||
            slice_ieq(name, SLICE("binary")))
                return TRANSFER_IDENTITY;
        return TRANSFER_UNKNOWN;
}

static int base64_value(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Not base64_decode_lenient(), because a piece may end within a quad. */
static int base64_piece(struct transfer_decoder *d, struct slice in, struct buf *to)
{
        if (!buf_reserve(to, in.n / 4 * 3 + 3))
                return -E2BIG;
        for (size_t i = 0; i < in.n && !d->ended; i++) {
                if (in.p[i] == '=') {
                        d->ended = true;
                        break;
                }
                int v = base64_value(in.p[i]);
                if (v < 0)
                        continue;
                d->bits = (d->bits << 6 | (uint32_t)v) & 0xffffff;
                d->bit_count += 6;
                if (d->bit_count >= 8) {
                        d->bit_count -= 8;
                        to->p[to->n++] = (char)(d->bits >> d->bit_count);
                }
        }
        return 0;
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static void flush_held(struct transfer_decoder *d, struct buf *to)
{
        buf_append(to, slice_make(d->held, d->held_n));
        d->held_n = 0;
}

static void hold(struct transfer_decoder *d, char c, struct buf *to)
{
        if (d->held_n == sizeof(d->held)) /* longer than a line may be: not padding of a line any more */
                flush_held(d, to);
        d->held[d->held_n++] = c;
}

/* With an "=" held: whether c was used up, else it is to be looked at again. */
static bool after_equals(struct transfer_decoder *d, char c, struct buf *to)
{
        char last = d->held[d->held_n - 1];
        if (c == '\n') { /* soft line break, blanks before it allowed */
                bool soft = d->held_n == 1 || lex_hex(last) < 0;
                if (soft) {
                        d->held_n = 0;
                        return true;
                }
        } else if (lex_hex(c) >= 0 && last == '=') {
                hold(d, c, to);
                return true;
        } else if (lex_hex(c) >= 0 && d->held_n == 2 && lex_hex(last) >= 0) {
                buf_char(to, (char)(lex_hex(last) << 4 | lex_hex(c)));
                d->held_n = 0;
                return true;
        } else if ((is_blank(c) || c == '\r') && lex_hex(last) < 0 && last != '\r' &&
                   d->held_n < sizeof(d->held)) {
                hold(d, c, to);
                return true;
        }
        flush_held(d, to); /* not an encoding: it stands for itself (RFC 2045 section 6.7, note) */
        return false;
}

static int qp_piece(struct transfer_decoder *d, struct slice in, struct buf *to)
{
        for (size_t i = 0; i < in.n; i++) {
                char c = in.p[i];
                if (d->held_n && d->held[0] == '=') {
                        if (after_equals(d, c, to))
                                continue;
                } else if (d->held_n && !is_blank(c)) {
                        if (c == '\n' || c == '\r')
                                d->held_n = 0; /* blanks at the end of a line were added on the way */
                        else
                                flush_held(d, to);
                }
                if (c == '=' || is_blank(c)) {
                        hold(d, c, to);
                        continue;
                }
                size_t run = i + 1;
                while (run < in.n && in.p[run] != '=' && !is_blank(in.p[run]))
                        run++;
                buf_append(to, slice_make(in.p + i, run - i));
                i = run - 1;
        }
        return to->error;
}

int transfer_decode(struct transfer_decoder *d, struct slice in, struct buf *to)
{
        switch (d->kind) {
        case TRANSFER_BASE64:
                return base64_piece(d, in, to);
        case TRANSFER_QP:
                return qp_piece(d, in, to);
        case TRANSFER_IDENTITY:
        case TRANSFER_UNKNOWN:
                break;
        }
        return buf_append(to, in);
}

int transfer_finish(struct transfer_decoder *d, struct buf *to)
{
        if (d->kind == TRANSFER_QP && d->held_n) {
                bool soft = d->held[0] == '=' && (d->held_n == 1 || lex_hex(d->held[1]) < 0);
                if (d->held[0] == '=' && !soft)
                        flush_held(d, to);
        }
        *d = (struct transfer_decoder){.kind = d->kind};
        return to->error;
}

int transfer_decode_all(enum transfer kind, struct slice in, struct buf *to)
{
        struct transfer_decoder d = {.kind = kind};
        int r = transfer_decode(&d, in, to);
        return r < 0 ? r : transfer_finish(&d, to);
}

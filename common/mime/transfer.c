#include "mime/transfer.h"

#include <errno.h>

#include "base/block.h"
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

/* A byte's value and one more; 0: it is none. */
static const unsigned char base64_digits[256] = {
        ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
        ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
        ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
        ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
        ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
        ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
        ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
        ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

static uint32_t base64_value(char c)
{
        return (uint32_t)base64_digits[(unsigned char)c] - 1;
}

/* Four digits at a time, from the start of a quad; returns how many bytes of `in` that was. */
static size_t base64_quads(struct slice in, struct buf *to)
{
        size_t i = 0;
        char *p = to->p + to->n;
        for (; in.n - i >= 4; i += 4) {
                uint32_t a = base64_value(in.p[i]), b = base64_value(in.p[i + 1]);
                uint32_t c = base64_value(in.p[i + 2]), d = base64_value(in.p[i + 3]);
                if ((a | b | c | d) > 63)
                        break;
                uint32_t v = a << 18 | b << 12 | c << 6 | d;
                *p++ = (char)(v >> 16);
                *p++ = (char)(v >> 8);
                *p++ = (char)v;
        }
        to->n = (size_t)(p - to->p);
        return i;
}

/* Not base64_decode_lenient(), because a piece may end within a quad. */
static int base64_piece(struct transfer_decoder *d, struct slice in, struct buf *to)
{
        if (!buf_reserve(to, in.n / 4 * 3 + 3))
                return -E2BIG;
        for (size_t i = 0; i < in.n && !d->ended; i++) {
                if (d->bit_count == 0)
                        i += base64_quads(slice_from(in, i), to);
                if (i == in.n)
                        break;
                if (in.p[i] == '=') {
                        d->ended = true;
                        break;
                }
                uint32_t v = base64_value(in.p[i]);
                if (v > 63)
                        continue;
                d->bits = (d->bits << 6 | v) & 0xffffff;
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

/* Bytes before the next "=" or end of a line. */
static size_t line_size(struct slice in)
{
        size_t n = 0;
        for (; in.n - n >= BLOCK; n += BLOCK) {
                block_t b = block_load(in.p + n);
                size_t found = block_first((block_t)((b == '=') | (b == '\r') | (b == '\n')));
                if (found < BLOCK)
                        return n + found;
        }
        while (n < in.n && in.p[n] != '=' && in.p[n] != '\r' && in.p[n] != '\n')
                n++;
        return n;
}

/* Bytes that stand for themselves whatever follows, from one that does: up to an "=", or to blanks that may
 * be at the end of the line. */
static size_t plain_run(struct slice in)
{
        for (size_t n = 0;;) {
                n += line_size(slice_from(in, n));
                size_t end = n;
                while (end && is_blank(in.p[end - 1]))
                        end--;
                if (end < n || n == in.n || in.p[n] == '=')
                        return end;
                while (n < in.n && (in.p[n] == '\r' || in.p[n] == '\n'))
                        n++;
        }
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
                size_t run = plain_run(slice_from(in, i));
                buf_append(to, slice_make(in.p + i, run));
                i += run - 1;
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

/* Mutations for libFuzzer that know a session to be lines: most inputs stay commands, and commands of two
 * inputs come together in one session. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *to, size_t max, unsigned seed);

/* Up to and with the LF at or behind `at`. */
static size_t line_end(struct slice s, size_t at)
{
        struct slice rest = slice_from(s, at);
        return s.n - rest.n + MIN(rest.n, slice_find(rest, '\n') + 1);
}

static size_t line_start(struct slice s, size_t at)
{
        size_t lf = slice_rfind(slice_head(s, at), '\n');
        return lf < MIN(at, s.n) ? lf + 1 : 0;
}

/* One line, or several in a row. */
static void choose(struct slice s, unsigned *seed, unsigned most, size_t *ret_start, size_t *ret_end)
{
        *ret_start = line_start(s, (size_t)rand_r(seed) % (s.n + 1));
        *ret_end = line_end(s, *ret_start);
        for (unsigned n = (unsigned)rand_r(seed) % most; n > 0; n--)
                *ret_end = line_end(s, *ret_end);
}

static size_t finish(const struct buf *b, uint8_t *to, size_t max)
{
        size_t n = MIN(b->n, max);
        if (n)
                memcpy(to, b->p, n);
        return n;
}

/* Bytes within one line. */
static void mutate_line(struct slice s, size_t start, size_t end, size_t room, struct buf *to)
{
        size_t n = end - start;
        _cleanup_(free_p) uint8_t *line = xmalloc(n + room + 1);
        if (n)
                memcpy(line, s.p + start, n);
        n = LLVMFuzzerMutate(line, n, n + room);
        buf_append(to, slice_head(s, start));
        buf_append(to, slice_make(line, n));
        buf_append(to, slice_from(s, end));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
        enum { LINES_MOST = 4, ROOM_MOST = 64 };
        struct slice s = slice_make(data, size);
        _cleanup_(buf_free) struct buf b = {0};
        size_t start, end, other, other_end;
        choose(s, &seed, LINES_MOST, &start, &end);
        choose(s, &seed, 1, &other, &other_end);
        switch (size ? rand_r(&seed) % 8 : 0) {
        case 0:
                return LLVMFuzzerMutate(data, size, max);
        case 1: /* without them */
                buf_append(&b, slice_head(s, start));
                buf_append(&b, slice_from(s, end));
                break;
        case 2: /* once more elsewhere */
                buf_append(&b, slice_head(s, other));
                buf_append(&b, slice_head(slice_from(s, start), end - start));
                buf_append(&b, slice_from(s, other));
                break;
        default:
                mutate_line(s, other, other_end, max > size ? MIN(max - size, (size_t)ROOM_MOST) : 0, &b);
        }
        return finish(&b, data, max);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *to, size_t max, unsigned seed)
{
        enum { LINES_MOST = 12 };
        struct slice from = slice_make(b, b_size), s = slice_make(a, a_size);
        _cleanup_(buf_free) struct buf made = {0};
        size_t start, end, at, behind;
        choose(from, &seed, LINES_MOST, &start, &end);
        choose(s, &seed, 1, &at, &behind);
        buf_append(&made, slice_head(s, at));
        buf_append(&made, slice_head(slice_from(from, start), end - start));
        buf_append(&made, slice_from(s, rand_r(&seed) % 4 ? at : behind));
        return finish(&made, to, max);
}

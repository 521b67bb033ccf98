/* The part tree: ranges lie in each other and in order, counts are those of the bytes, every part is found by
 * its numbers, and leaves can be decoded. */

#include <stdlib.h>

#include "base/utf8.h"
#include "mime/charset.h"
#include "mime/part.h"
#include "mime/unbinary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
        if (!ok)
                abort();
}

static void check_range(struct slice message, struct part_range r)
{
        size_t lines = 0, bare = 0;
        must(r.offset <= message.n && r.size <= message.n - r.offset);
        for (size_t i = r.offset; i < r.offset + r.size; i++)
                if (message.p[i] == '\n') {
                        lines++;
                        bare += i == 0 || message.p[i - 1] != '\r';
                }
        must(lines == r.lines && bare == r.bare_lf);
}

static void check_part(struct slice message, const struct part *p)
{
        check_range(message, p->header);
        check_range(message, p->body);
        must(p->body.offset == p->header.offset + p->header.size);
        must(p->type.n && p->subtype.n && p->depth < PART_MAX_DEPTH);
        must(p->kind != PART_LEAF || !p->children);
        must(p->kind != PART_MESSAGE || p->child_count == 1);
        size_t at = p->body.offset;
        for (const struct part *c = p->children; c; c = c->next) {
                must(c->header.offset >= at);
                at = c->body.offset + c->body.size;
                must(at <= p->body.offset + p->body.size);
        }
}

/* The numbers of a part, from the root's down; how many. A message in a part has none of its own, unless it
 * is no multipart: then it is part 1 of itself. */
static size_t numbers_of(const struct part *p, uint32_t *ret)
{
        size_t n = 0;
        for (; p; p = p->parent) {
                bool message = !p->parent || p->parent->kind == PART_MESSAGE;
                if (!message)
                        ret[n++] = p->number;
                else if (p->kind != PART_MULTIPART)
                        ret[n++] = 1;
        }
        for (size_t i = 0; i < n / 2; i++) {
                uint32_t swap = ret[i];
                ret[i] = ret[n - 1 - i];
                ret[n - 1 - i] = swap;
        }
        return n;
}

static void decode(struct slice message, const struct part *p)
{
        _cleanup_(buf_free) struct buf bytes = {0}, text = {0}, folded = {0};
        must(transfer_decode_all(p->transfer, part_bytes(message, p->body), &bytes) == 0);
        if (charset_to_utf8(param_find(p->params, SLICE("charset")), buf_slice(&bytes), &text) < 0)
                return;
        must(utf8_valid(buf_slice(&text)));
        must(charset_fold(buf_slice(&text), &folded) == 0);
        must(utf8_valid(buf_slice(&folded)));
}

static int take(void *context, struct slice bytes)
{
        return buf_append(context, bytes);
}

/* As text a message has no NULs, nothing says that it is binary, and it grows by what base64 takes. */
static void check_unbinary(struct slice message)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(buf_free) struct buf made = {0};
        if (unbinary(message, take, &made) < 0) {
                must(slice_find(message, '\0') < message.n);
                return;
        }
        must(slice_find(buf_slice(&made), '\0') == made.n);
        must(made.n <= 2 * message.n + 64 * (1 + slice_count(message, ':')));
        if (made.n == message.n && memcmp(made.p, message.p, made.n) == 0)
                return;
        for (const struct part *p = part_parse(&a, buf_slice(&made)); p; p = part_next(p))
                must(!slice_ieq(p->encoding, SLICE("binary")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct slice message = slice_make(data, size);
        const struct part *root = part_parse(&a, message);
        unsigned count = 0;
        must(root->header.offset == 0 && root->header.size + root->body.size == size);
        for (const struct part *p = root; p; p = part_next(p), count++) {
                uint32_t numbers[PART_MAX_DEPTH];
                check_part(message, p);
                size_t n = numbers_of(p, numbers);
                bool has_numbers = n > 0 && (p->kind != PART_MULTIPART ||
                                             (p->parent && p->parent->kind != PART_MESSAGE));
                must(!has_numbers || part_find(root, numbers, n) == p);
        }
        must(count <= PART_MAX_COUNT);
        for (const struct part *p = part_leaf(root); p; p = part_leaf(part_next(p)))
                decode(message, p);
        check_unbinary(message);
        return 0;
}

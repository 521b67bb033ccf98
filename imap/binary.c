#include "imap/binary.h"

#include <errno.h>

#include "base/crlf.h"

enum { PIECE = 16 * 1024 /* bytes that are decoded at once */ };

int binary_locate(struct slice message, const struct part *root, const struct imap_section *what,
                  struct binary *ret)
{
        struct binary b = {.what = what, .text = message};
        if (what->part_n) {
                const struct part *part = part_find(root, what->part, what->part_n);
                b.text = part ? part_bytes(message, part->body) : SLICE_NULL;
                if (part && part->kind == PART_LEAF)
                        b.transfer = part->transfer;
        }
        if (b.transfer == TRANSFER_UNKNOWN)
                return -EOPNOTSUPP;
        *ret = b;
        return 0;
}

/* What a partial leaves of what is decoded, and who takes it. */
struct window {
        uint64_t skip, left;
        void (*take)(void *context, struct slice bytes);
        void *context;
};

/* False: no more is wanted. */
static bool offer(struct window *w, struct slice s)
{
        uint64_t skipped = MIN(w->skip, (uint64_t)s.n);
        w->skip -= skipped;
        s = slice_from(s, (size_t)skipped);
        s = slice_head(s, (size_t)MIN(w->left, (uint64_t)s.n));
        w->left -= s.n;
        if (s.n)
                w->take(w->context, s);
        return w->left > 0;
}

/* The decoder sees lines as they are sent: in quoted-printable an encoded LF is another thing than a line's
 * end. */
static void decode(const struct binary *b, void (*take)(void *context, struct slice bytes), void *context)
{
        struct window w = {0, UINT64_MAX, take, context};
        struct transfer_decoder decoder = {.kind = b->transfer};
        _cleanup_(buf_free) struct buf out = {0};
        struct slice rest = b->text;
        char lines[PIECE], last = 0;
        bool more = true;
        if (b->what->partial) {
                w.skip = b->what->offset;
                w.left = b->what->count;
        }
        while (more && rest.n) {
                size_t n = crlf_copy(lines, sizeof(lines), &rest, &last);
                out.n = 0;
                transfer_decode(&decoder, slice_make(lines, n), &out);
                more = offer(&w, buf_slice(&out));
        }
        out.n = 0;
        if (more && transfer_finish(&decoder, &out) == 0)
                offer(&w, buf_slice(&out));
}

static void count(void *context, struct slice bytes)
{
        struct binary *b = context;
        b->size += bytes.n;
        b->has_nul = b->has_nul || slice_find(bytes, '\0') < bytes.n;
}

void binary_measure(struct binary *b)
{
        struct binary counted = *b;
        counted.size = 0;
        counted.has_nul = false;
        if (b->transfer == TRANSFER_IDENTITY && !b->what->partial) {
                counted.size = b->text.n + crlf_bare(b->text, '\0');
                counted.has_nul = slice_find(b->text, '\0') < b->text.n;
        } else {
                decode(b, count, &counted);
        }
        *b = counted;
}

static void send_bytes(void *context, struct slice bytes)
{
        conn_write(context, bytes);
}

void binary_write(struct conn *c, const struct binary *b)
{
        char last = 0;
        if (b->transfer == TRANSFER_IDENTITY && !b->what->partial)
                conn_write_crlf(c, b->text, &last);
        else
                decode(b, send_bytes, c);
}

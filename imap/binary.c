#include "imap/binary.h"

#include <errno.h>
#include <string.h>

#include "base/crlf.h"

static bool is_marked(const struct binary_mark *mark, const struct imap_section *what, struct slice message)
{
        return mark && mark->set && what->partial && mark->message == message.n &&
               mark->part_n == what->part_n &&
               (what->part_n == 0 || memcmp(mark->part, what->part, what->part_n * sizeof(*what->part)) == 0);
}

bool binary_needs_parts(const struct imap_section *what, const struct binary_mark *mark, struct slice message)
{
        return what->part_n > 0 && !is_marked(mark, what, message);
}

int binary_locate(struct slice message, const struct part *root, const struct imap_section *what,
                  const struct binary_mark *mark, struct binary *ret)
{
        struct binary b = {.what = what, .text = message};
        if (is_marked(mark, what, message)) {
                b.text = slice_head(slice_from(message, mark->offset), mark->n);
                b.transfer = mark->place.decoder.kind;
                if (mark->place.sent <= what->offset)
                        b.from = mark->place;
        } else if (what->part_n) {
                const struct part *part = part_find(root, what->part, what->part_n);
                b.text = part ? part_bytes(message, part->body) : SLICE_NULL;
                if (part && part->kind == PART_LEAF)
                        b.transfer = part->transfer;
        }
        if (b.transfer == TRANSFER_UNKNOWN)
                return -EOPNOTSUPP;
        b.from.decoder.kind = b.transfer;
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

/* The pieces with the first byte that is wanted and with the last. */
struct binary_places {
        struct binary_place first, last;
};

/* The decoder sees lines as they are sent: in quoted-printable an encoded LF is another thing than a line's
 * end. */
static void decode(const struct binary *b, void (*take)(void *context, struct slice bytes), void *context,
                   struct binary_places *ret)
{
        struct window w = {0, UINT64_MAX, take, context};
        struct binary_place at = b->from;
        struct slice rest = slice_from(b->text, at.raw);
        _cleanup_(buf_free) struct buf out = {0};
        char lines[BINARY_PIECE];
        bool more = true;
        if (b->what->partial) {
                w.skip = b->what->offset - at.sent;
                w.left = b->what->count;
        }
        *ret = (struct binary_places){at, at};
        while (more && rest.n) {
                ret->last = at;
                if (w.skip)
                        ret->first = at;
                size_t n = crlf_copy(lines, sizeof(lines), &rest, &at.last);
                out.n = 0;
                transfer_decode(&at.decoder, slice_make(lines, n), &out);
                at.raw = b->text.n - rest.n;
                at.sent += out.n;
                more = offer(&w, buf_slice(&out));
        }
        out.n = 0;
        if (more && transfer_finish(&at.decoder, &out) == 0)
                offer(&w, buf_slice(&out));
}

static void count(void *context, struct slice bytes)
{
        struct binary *b = context;
        b->size += bytes.n;
        b->has_nul = b->has_nul || slice_find(bytes, '\0') < bytes.n;
}

static void set_mark(struct binary_mark *mark, const struct binary *b, struct slice message,
                     const struct binary_place *place)
{
        const struct imap_section *what = b->what;
        *mark = (struct binary_mark){.set = what->part_n <= BINARY_MARK_PARTS && b->size > 0,
                                     .part_n = what->part_n,
                                     .message = message.n,
                                     .n = b->text.n,
                                     .place = *place};
        if (!mark->set)
                return;
        mark->offset = (size_t)(b->text.p - message.p);
        for (size_t i = 0; i < what->part_n; i++)
                mark->part[i] = what->part[i];
}

void binary_measure(struct binary *b, struct slice message, struct binary_mark *mark)
{
        struct binary counted = *b;
        struct binary_places places;
        counted.size = 0;
        counted.has_nul = false;
        if (b->transfer == TRANSFER_IDENTITY && !b->what->partial) {
                counted.size = b->text.n + crlf_bare(b->text, '\0');
                counted.has_nul = slice_find(b->text, '\0') < b->text.n;
        } else {
                decode(b, count, &counted, &places);
                counted.from = places.first;
        }
        *b = counted;
        if (b->what->partial && mark)
                set_mark(mark, b, message, &places.last);
}

static void send_bytes(void *context, struct slice bytes)
{
        conn_write(context, bytes);
}

void binary_write(struct conn *c, const struct binary *b)
{
        struct binary_places places;
        char last = 0;
        if (b->transfer == TRANSFER_IDENTITY && !b->what->partial)
                conn_write_crlf(c, b->text, &last);
        else
                decode(b, send_bytes, c, &places);
}

#include "mime/unbinary.h"

#include <errno.h>

#include "base/base64.h"
#include "mime/header.h"
#include "mime/part.h"

enum {
        LINE_BYTES = 57, /* 76 characters (RFC 2045 section 6.8) */
        LINES = 200,     /* that are encoded at once */
};

struct writer {
        struct slice message;
        size_t at; /* up to where it was given */
        int (*take)(void *context, struct slice bytes);
        void *context;
};

static int give(struct writer *w, struct slice s)
{
        return s.n ? w->take(w->context, s) : 0;
}

/* What stands before `end`, as it is. */
static int copy_to(struct writer *w, size_t end)
{
        struct slice s = slice_make(w->message.p + w->at, end - w->at);
        if (slice_find(s, '\0') < s.n)
                return -EILSEQ;
        w->at = end;
        return give(w, s);
}

/* The field that says so, with another value. */
static int relabel(struct writer *w, const struct part *p, const struct header_field *old, struct slice value)
{
        int r = copy_to(w, p->header.offset + old->offset);
        if (r == 0)
                r = give(w, SLICE("Content-Transfer-Encoding: "));
        if (r == 0)
                r = give(w, value);
        w->at += old->raw.n;
        return r < 0 ? r : give(w, SLICE("\r\n"));
}

static int encode_body(struct writer *w, const struct part *p)
{
        _cleanup_(buf_free) struct buf out = {0};
        struct slice body = part_bytes(w->message, p->body);
        int r = copy_to(w, p->body.offset);
        while (r == 0 && body.n) {
                out.n = 0;
                for (int i = 0; i < LINES && body.n; i++) {
                        base64_encode(&out, slice_head(body, LINE_BYTES));
                        body = slice_from(body, LINE_BYTES);
                        if (body.n || !p->parent) /* else the delimiter brings its own line end */
                                buf_str(&out, "\r\n");
                }
                r = give(w, buf_slice(&out));
        }
        w->at += p->body.size;
        return r;
}

int unbinary(struct slice message, int (*take)(void *context, struct slice bytes), void *context)
{
        _cleanup_(arena_free) struct arena arena = {0};
        struct writer w = {.message = message, .take = take, .context = context};
        int r = 0;
        for (const struct part *p = part_parse(&arena, message); p && r == 0; p = part_next(p)) {
                struct header_field field;
                if (!slice_ieq(p->encoding, SLICE("binary")) ||
                    !header_find(part_bytes(message, p->header), SLICE("Content-Transfer-Encoding"), &field))
                        continue;
                bool leaf = p->kind == PART_LEAF;
                r = relabel(&w, p, &field, leaf ? SLICE("base64") : SLICE("8bit"));
                if (r == 0 && leaf)
                        r = encode_body(&w, p);
        }
        return r < 0 ? r : copy_to(&w, message.n);
}

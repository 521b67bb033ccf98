#include "store/mbox_head.h"

#include <errno.h>
#include <inttypes.h>

#include "base/crlf.h"
#include "store/mailbox.h"

void mbox_head_visible(struct slice head, struct buf *to)
{
        struct header_iter it = {.header = head, .everything = true};
        struct mbox_passed passed = {0};
        for (struct header_field f; header_next(&it, &f);)
                if (mbox_field_of(&passed, &f) == MBOX_FIELD_MAIL)
                        buf_append(to, f.raw);
        buf_append(to, slice_from(head, it.offset)); /* the empty line */
}

void mbox_head_sizes(struct slice head, uint64_t *ret_bytes, uint64_t *ret_size)
{
        struct header_iter it = {.header = head, .everything = true};
        struct mbox_passed passed = {0};
        uint64_t bytes = 0, bare = 0;
        for (struct header_field f; header_next(&it, &f);)
                if (mbox_field_of(&passed, &f) == MBOX_FIELD_MAIL) {
                        bytes += f.raw.n;
                        bare += crlf_bare(f.raw, '\n');
                }
        struct slice end = slice_from(head, it.offset);
        *ret_bytes = bytes + end.n;
        *ret_size = bytes + end.n + bare + crlf_bare(end, '\n');
}

/* In the order in which they are written when there are none. */
static const enum mbox_field order[] = {
        MBOX_FIELD_BASE,     MBOX_FIELD_STATUS, MBOX_FIELD_X_STATUS,
        MBOX_FIELD_KEYWORDS, MBOX_FIELD_UID,    MBOX_FIELD_LENGTH,
};

/* A header on its way. */
struct writer {
        const struct mbox_want *want;
        struct mbox_status had;
        bool done[MBOX_FIELDS]; /* its line is written, or it is not to be */
        struct slice eol;       /* of the header */
        struct buf *to;
        size_t pad_at; /* of `to`: the end of the last keyword */
};

static void put_letters(struct writer *w, enum mbox_field kind)
{
        for (size_t i = 0; i < ARRAY_LEN(mbox_letters); i++)
                if (mbox_letters[i].kind == kind && w->want->flags & mbox_letters[i].flag)
                        buf_char(w->to, mbox_letters[i].letter);
}

static void put_keywords(struct writer *w, struct slice list)
{
        for (struct slice name; mbox_keyword(&list, &name);) {
                buf_char(w->to, ' ');
                buf_append(w->to, name);
        }
}

static void put_field(struct writer *w, enum mbox_field kind)
{
        const struct mbox_want *want = w->want;
        switch (kind) {
        case MBOX_FIELD_BASE:
                buf_printf(w->to, "%s: %" PRIu32 " %010" PRIu32, want->pseudo ? "X-IMAP" : "X-IMAPbase",
                           want->uidvalidity, want->last_uid);
                put_keywords(w, want->base_keywords);
                break;
        case MBOX_FIELD_STATUS:
                buf_str(w->to, "Status: ");
                put_letters(w, kind);
                buf_str(w->to, want->old ? "O" : "");
                break;
        case MBOX_FIELD_X_STATUS:
                buf_str(w->to, "X-Status: ");
                put_letters(w, kind);
                break;
        case MBOX_FIELD_KEYWORDS:
                buf_str(w->to, "X-Keywords:");
                put_keywords(w, want->keywords);
                w->pad_at = w->to->n;
                break;
        case MBOX_FIELD_UID:
                buf_printf(w->to, "X-UID: %" PRIu32, want->uid);
                break;
        case MBOX_FIELD_LENGTH:
                buf_printf(w->to, "Content-Length: %" PRIu64, want->length);
                break;
        default:
                break;
        }
        w->done[kind] = true;
}

/* The missing ones, before the empty line, or before a last line that does not end. */
static void put_missing(struct writer *w)
{
        for (size_t i = 0; i < ARRAY_LEN(order); i++)
                if (!w->done[order[i]]) {
                        put_field(w, order[i]);
                        buf_append(w->to, w->eol);
                }
}

static struct slice eol_of(struct slice line)
{
        return slice_ends(line, SLICE("\r\n")) ? SLICE("\r\n")
               : slice_ends(line, SLICE("\n")) ? SLICE("\n")
                                               : SLICE_NULL;
}

/* Whether lines of this kind, if there are any, give way to one of ours. */
static bool is_ours(const struct mbox_want *want, enum mbox_field kind)
{
        switch (kind) {
        case MBOX_FIELD_MAIL:
        case MBOX_FIELD_LINES:
                return false;
        case MBOX_FIELD_UID:
                return want->uid > 0;
        case MBOX_FIELD_LENGTH:
                return want->has_length;
        default:
                return true;
        }
}

static bool says_base(const struct mbox_status *st, const struct mbox_want *want)
{
        if (!want->base || !st->base)
                return want->base == st->base;
        return st->pseudo == want->pseudo && st->uidvalidity == want->uidvalidity &&
               st->last_uid == want->last_uid && mbox_keywords_same(st->base_keywords, want->base_keywords);
}

/* All but the flags. */
static bool says_rest(const struct mbox_status *st, const struct mbox_want *want)
{
        return says_base(st, want) && mbox_keywords_same(st->keywords, want->keywords) &&
               (!want->uid || st->uid == want->uid) &&
               (!want->has_length || (st->has_length && st->length == want->length));
}

static void put_line(struct writer *w, const struct header_field *f, enum mbox_field kind)
{
        struct slice eol = eol_of(f->raw);
        bool ours = is_ours(w->want, kind);
        if (!eol.n && !ours) {
                /* it would make metadata of the mail's own Lines, and there is no body */
                w->done[MBOX_FIELD_LENGTH] |= slice_ieq(f->name, SLICE("Lines"));
                put_missing(w);
        }
        if (!eol.n)
                eol = w->eol;
        if (kind != MBOX_FIELD_MAIL && !w->done[MBOX_FIELD_BASE]) {
                put_field(w, MBOX_FIELD_BASE);
                buf_append(w->to, eol);
        }
        if (!ours) {
                buf_append(w->to, f->raw);
        } else if (!w->done[kind]) {
                put_field(w, kind);
                buf_append(w->to, eol);
        }
}

static void put_head(struct writer *w, struct slice head)
{
        struct header_iter it = {.header = head, .everything = true};
        struct mbox_passed passed = {0};
        for (struct header_field f; header_next(&it, &f);)
                put_line(w, &f, mbox_field_of(&passed, &f));
        put_missing(w);
        buf_append(w->to, slice_from(head, it.offset));
}

/* Before a fold without a line end, which is all there is, a line would take it for its own. */
static bool has_place(struct slice head)
{
        struct header_iter it = {.header = head, .everything = true};
        struct header_field f;
        bool fold = head.n && (head.p[0] == ' ' || head.p[0] == '\t');
        return !fold || !header_next(&it, &f) || eol_of(f.raw).n;
}

/* How many blanks go behind X-Keywords; n: bytes of the header without them. What is left is enough for all
 * flags, unless they are what has changed. */
static size_t padding(const struct writer *w, struct slice head, size_t n)
{
        size_t flags = 6U - (size_t)__builtin_popcount(w->want->flags & FLAG_ALL) - w->want->old;
        if (n <= head.n && (head.n - n >= flags || says_rest(&w->had, w->want)))
                return head.n - n;
        return MBOX_HEAD_PADDING + flags;
}

int mbox_head_write(struct slice head, const struct mbox_want *want, struct buf *to)
{
        struct writer w = {.want = want, .had = mbox_status_of(head), .to = to};
        size_t from = to->n;
        if (w.had.flags == want->flags && w.had.old == want->old && says_rest(&w.had, want))
                return buf_append(to, head);
        if (!has_place(head))
                return -E2BIG;
        w.eol = eol_of(slice_head(head, slice_find(head, '\n') + 1));
        if (!w.eol.n)
                w.eol = SLICE("\n");
        w.done[MBOX_FIELD_BASE] = !want->base;
        w.done[MBOX_FIELD_UID] = !want->uid;
        w.done[MBOX_FIELD_LENGTH] = !want->has_length;
        put_head(&w, head);
        size_t pad = padding(&w, head, to->n - from);
        if (to->error || to->n - from + pad > MBOX_HEAD_MAX || !buf_reserve(to, pad)) {
                to->n = from;
                return -E2BIG;
        }
        memmove(to->p + w.pad_at + pad, to->p + w.pad_at, to->n - w.pad_at);
        memset(to->p + w.pad_at, ' ', pad);
        to->n += pad;
        return 0;
}

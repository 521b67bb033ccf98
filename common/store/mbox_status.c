#include "store/mbox_status.h"

#include "base/number.h"
#include "store/mailbox.h"

enum {
        /* Keywords in another order are the same; of more nobody looks: each is searched for in all, and a
         * sender's header may have 100,000. */
        ANY_ORDER_MAX = 256,
};

static const struct {
        struct slice name;
        enum mbox_field kind;
} names[] = {
        {SLICE("Status"), MBOX_FIELD_STATUS},
        {SLICE("X-Status"), MBOX_FIELD_X_STATUS},
        {SLICE("X-UID"), MBOX_FIELD_UID},
        {SLICE("X-Keywords"), MBOX_FIELD_KEYWORDS},
        {SLICE("X-IMAPbase"), MBOX_FIELD_BASE},
        {SLICE("X-IMAP"), MBOX_FIELD_BASE},
        {SLICE("Content-Length"), MBOX_FIELD_LENGTH},
        {SLICE("Lines"), MBOX_FIELD_LINES},
};

const struct mbox_letter mbox_letters[5] = {
        {'R', MBOX_FIELD_STATUS, FLAG_SEEN},      {'A', MBOX_FIELD_X_STATUS, FLAG_ANSWERED},
        {'F', MBOX_FIELD_X_STATUS, FLAG_FLAGGED}, {'T', MBOX_FIELD_X_STATUS, FLAG_DRAFT},
        {'D', MBOX_FIELD_X_STATUS, FLAG_DELETED},
};

static enum mbox_field kind_of(const struct header_field *f)
{
        /* most fields are something else, and this is asked of each */
        char c = f->name.n ? ascii_lower(f->name.p[0]) : '\0';
        if (c != 's' && c != 'x' && c != 'c' && c != 'l')
                return MBOX_FIELD_MAIL;
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (slice_ieq(f->name, names[i].name))
                        return names[i].kind;
        return MBOX_FIELD_MAIL;
}

/* Other metadata may come and go in between, and second Content-Lengths: that changes nothing. */
enum mbox_field mbox_field_of(struct mbox_passed *p, const struct header_field *f)
{
        enum mbox_field kind = kind_of(f);
        if (kind == MBOX_FIELD_LINES && !p->lines)
                kind = MBOX_FIELD_MAIL;
        if (kind == MBOX_FIELD_LENGTH && !p->length)
                p->length = p->lines = true;
        else if (kind == MBOX_FIELD_LINES || kind == MBOX_FIELD_MAIL)
                p->lines = false;
        return kind;
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool mbox_keyword(struct slice *list, struct slice *ret)
{
        size_t from = 0, to;
        while (from < list->n && is_blank(list->p[from]))
                from++;
        for (to = from; to < list->n && !is_blank(list->p[to]);)
                to++;
        if (to == from)
                return false;
        *ret = slice_make(list->p + from, to - from);
        *list = slice_from(*list, to);
        return true;
}

bool mbox_keywords_have(struct slice list, struct slice name)
{
        for (struct slice had; mbox_keyword(&list, &had);)
                if (slice_eq(had, name))
                        return true;
        return false;
}

static bool names_all(struct slice list, struct slice other)
{
        for (struct slice name; mbox_keyword(&other, &name);)
                if (!mbox_keywords_have(list, name))
                        return false;
        return true;
}

static bool in_same_order(struct slice a, struct slice b)
{
        struct slice one, other;
        bool more = true, same = true;
        while (more && same) {
                more = mbox_keyword(&a, &one);
                same = more == mbox_keyword(&b, &other) && (!more || slice_eq(one, other));
        }
        return same;
}

static bool is_short(struct slice list)
{
        struct slice name;
        size_t n = 0;
        while (n <= ANY_ORDER_MAX && mbox_keyword(&list, &name))
                n++;
        return n <= ANY_ORDER_MAX;
}

bool mbox_keywords_same(struct slice a, struct slice b)
{
        return in_same_order(a, b) || (is_short(a) && is_short(b) && names_all(a, b) && names_all(b, a));
}

static void add_letters(struct mbox_status *st, enum mbox_field kind, struct slice value)
{
        st->any = true;
        for (size_t i = 0; i < ARRAY_LEN(mbox_letters); i++)
                if (mbox_letters[i].kind == kind && slice_find(value, mbox_letters[i].letter) < value.n)
                        st->flags |= mbox_letters[i].flag;
        if (kind == MBOX_FIELD_STATUS && slice_find(value, 'O') < value.n)
                st->old = true;
}

static void add_base(struct mbox_status *st, const struct header_field *f)
{
        struct slice rest = f->value, word;
        uint32_t uidvalidity, last_uid = 0;
        if (st->base || !mbox_keyword(&rest, &word) || slice_to_u32(word, &uidvalidity) < 0 ||
            uidvalidity == 0)
                return;
        if (mbox_keyword(&rest, &word) && (slice_to_u32(word, &last_uid) < 0 || last_uid > MBOX_LAST_UID_MAX))
                return;
        st->base = true;
        st->pseudo = slice_ieq(f->name, SLICE("X-IMAP"));
        st->uidvalidity = uidvalidity;
        st->last_uid = last_uid;
        st->base_keywords = rest;
}

void mbox_status_add(struct mbox_status *st, enum mbox_field kind, const struct header_field *f)
{
        switch (kind) {
        case MBOX_FIELD_STATUS:
        case MBOX_FIELD_X_STATUS:
                add_letters(st, kind, f->value);
                break;
        case MBOX_FIELD_KEYWORDS:
                st->any = true;
                if (!st->keywords.p)
                        st->keywords = f->value;
                break;
        case MBOX_FIELD_UID:
                if (st->uid == 0)
                        slice_to_u32(slice_trim(f->value), &st->uid);
                break;
        case MBOX_FIELD_BASE:
                add_base(st, f);
                break;
        case MBOX_FIELD_LENGTH:
                if (!st->has_length)
                        st->has_length = slice_to_u64(slice_trim(f->value), &st->length) == 0;
                break;
        default:
                break;
        }
}

struct mbox_status mbox_status_of(struct slice head)
{
        struct mbox_status st = {0};
        struct mbox_passed passed = {0};
        struct header_iter it = {.header = head, .everything = true};
        for (struct header_field f; header_next(&it, &f);)
                mbox_status_add(&st, mbox_field_of(&passed, &f), &f);
        return st;
}

bool mbox_looks_pseudo(struct slice head)
{
        struct header_field from, subject;
        return header_find(head, SLICE("From"), &from) && header_find(head, SLICE("Subject"), &subject) &&
               slice_starts(slice_trim(from.value), SLICE("Mail System Internal Data <")) &&
               slice_eq(slice_trim(subject.value),
                        SLICE("DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA"));
}

#include "store/annotation_text.h"

#include <errno.h>

#include "base/number.h"

#define FIRST_LINE SLICE("annotations 1\n")

/* n bytes and a line feed. */
static int take(struct slice *rest, size_t n, struct slice *ret)
{
        if (rest->n <= n || rest->p[n] != '\n')
                return -EBADMSG;
        *ret = slice_head(*rest, n);
        *rest = slice_from(*rest, n + 1);
        return 0;
}

static int parse_one(struct slice *rest, struct annotation *ret)
{
        struct slice line, name_size;
        uint32_t name_n, value_n;
        if (!slice_split(rest, '\n', &line) || !slice_split(&line, ' ', &name_size) ||
            slice_to_u32(name_size, &name_n) < 0 || slice_to_u32(line, &value_n) < 0 || name_n == 0 ||
            name_n > ANNOTATION_NAME_MAX || value_n > ANNOTATION_VALUE_MAX)
                return -EBADMSG;
        int r = take(rest, name_n, &ret->name);
        return r < 0 ? r : take(rest, value_n, &ret->value);
}

int annotation_text_parse(struct slice text, struct arena *a, struct annotation **ret, size_t *ret_n)
{
        struct annotation *list = arena_array(a, struct annotation, ANNOTATIONS_MAX);
        size_t n = 0;
        if (!slice_starts(text, FIRST_LINE))
                return -EBADMSG;
        text = slice_from(text, FIRST_LINE.n);
        while (text.n) {
                struct annotation one;
                if (n == ANNOTATIONS_MAX || parse_one(&text, &one) < 0 ||
                    (n && slice_cmp(list[n - 1].name, one.name) >= 0))
                        return -EBADMSG;
                list[n++] = one;
        }
        *ret = list;
        *ret_n = n;
        return 0;
}

void annotation_text_put(struct buf *to, const struct annotation *list, size_t n)
{
        buf_append(to, FIRST_LINE);
        for (size_t i = 0; i < n; i++) {
                buf_printf(to, "%zu %zu\n", list[i].name.n, list[i].value.n);
                buf_append(to, list[i].name);
                buf_char(to, '\n');
                buf_append(to, list[i].value);
                buf_char(to, '\n');
        }
}

/* Where the name is, or belongs. */
static size_t place_of(const struct annotation *list, size_t n, struct slice name)
{
        size_t i = 0;
        while (i < n && slice_cmp(list[i].name, name) < 0)
                i++;
        return i;
}

const struct annotation *annotation_find(const struct annotation *list, size_t n, struct slice name)
{
        size_t i = place_of(list, n, name);
        return i < n && slice_eq(list[i].name, name) ? &list[i] : NULL;
}

size_t annotation_merge(struct annotation *list, size_t list_n, const struct annotation *changes, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                size_t at = place_of(list, list_n, changes[i].name);
                bool there = at < list_n && slice_eq(list[at].name, changes[i].name);
                size_t behind = list_n - at - there;
                if (changes[i].value.p) {
                        if (!there)
                                memmove(list + at + 1, list + at, behind * sizeof(*list));
                        list[at] = changes[i];
                        list_n += !there;
                } else if (there) {
                        memmove(list + at, list + at + 1, behind * sizeof(*list));
                        list_n--;
                }
        }
        return list_n;
}

#include "imap/sort_table.h"

#include <endian.h>
#include <stdlib.h>

#include "base/alloc.h"

enum {
        CHUNK = sizeof(uint64_t), /* bytes of a text that are one key */
        UNIT = 4,                 /* of places in `texts` */
        ROWS_FIRST = 256,
};

void sort_table_free(struct sort_table *t)
{
        for (size_t i = 0; i < t->orders_n; i++) {
                free(t->columns[i].keys);
                free(t->columns[i].rests);
        }
        free(t->messages);
        free(t->pairs);
        free(t->scratch);
        buf_free(&t->texts);
        *t = (struct sort_table){};
}

static void grow(struct sort_table *t)
{
        t->cap = t->cap ? t->cap * 2 : ROWS_FIRST;
        t->messages = xrealloc(t->messages, t->cap * sizeof(*t->messages));
        for (size_t i = 0; i < t->orders_n; i++) {
                struct sort_column *c = &t->columns[i];

                c->keys = xrealloc(c->keys, t->cap * sizeof(*c->keys));
                if (t->orders[i].text)
                        c->rests = xrealloc(c->rests, t->cap * sizeof(*c->rests));
        }
}

/* The first bytes as a number that has their order; zeros behind the end. */
static uint64_t chunk_key(const char *p, size_t n)
{
        uint64_t key = 0;

        if (n > 0)
                memcpy(&key, p, MIN(n, (size_t)CHUNK));
        return be64toh(key);
}

/* Keeps what is behind the first chunk, with zeros up to a whole one behind it. */
static uint32_t keep_rest(struct buf *texts, struct slice text)
{
        static const char zeros[CHUNK];
        size_t at;

        if (text.n <= CHUNK)
                return 0;
        if (texts->n == 0)
                buf_append(texts, slice_make(zeros, UNIT));
        at = texts->n;
        text = slice_from(text, CHUNK);
        buf_append(texts, text);
        buf_append(texts, slice_make(zeros, CHUNK - text.n % CHUNK));
        return (uint32_t)(at / UNIT);
}

void sort_table_add(struct sort_table *t, uint32_t message, const struct sort_value *values)
{
        if (t->n == t->cap)
                grow(t);
        t->messages[t->n] = message;
        for (size_t i = 0; i < t->orders_n; i++) {
                struct sort_column *c = &t->columns[i];

                if (!t->orders[i].text) {
                        c->keys[t->n] = values[i].number;
                        continue;
                }
                c->keys[t->n] = chunk_key(values[i].text.p, values[i].text.n);
                c->rests[t->n] = keep_rest(&t->texts, values[i].text);
        }
        t->n++;
}

/* A row's key for the chunk of a criterion. Not asked for behind the end of a text. */
static uint64_t key_of(const struct sort_table *t, uint32_t row, size_t order, size_t chunk)
{
        const struct sort_column *c = &t->columns[order];
        uint64_t key = c->keys[row];

        if (chunk > 0)
                key = c->rests[row]
                              ? chunk_key(t->texts.p + (size_t)c->rests[row] * UNIT + (chunk - 1) * CHUNK,
                                          CHUNK)
                              : 0;
        return t->orders[order].reverse ? ~key : key;
}

static void sort_run(struct sort_table *t, uint32_t from, uint32_t n, size_t order, size_t chunk);

/* Pairs that have the same key: by what comes next. Texts have no zeros, so one at a chunk's end is behind
 * the end of the text. */
static void sort_same(struct sort_table *t, uint32_t from, uint32_t n, size_t order, size_t chunk)
{
        uint64_t key = t->pairs[from].key;

        if (t->orders[order].reverse)
                key = ~key;
        if (t->orders[order].text && (key & 0xff))
                sort_run(t, from, n, order, chunk + 1);
        else if (order + 1 < t->orders_n)
                sort_run(t, from, n, order + 1, 0);
}

/* The recursion is as deep as there are chunks of SORT_TEXT_MAX bytes in all criteria. */
static void sort_run(struct sort_table *t, uint32_t from, uint32_t n, size_t order, size_t chunk)
{
        struct radix_pair *pairs = t->pairs + from;

        for (uint32_t i = 0; i < n; i++)
                pairs[i].key = key_of(t, pairs[i].value, order, chunk);
        radix_sort(pairs, n, t->scratch);
        for (uint32_t i = 0, same; i < n; i += same) {
                for (same = 1; i + same < n && pairs[i + same].key == pairs[i].key;)
                        same++;
                if (same > 1)
                        sort_same(t, from + i, same, order, chunk);
        }
}

void sort_table_sort(struct sort_table *t)
{
        t->pairs = xmalloc(t->n * sizeof(*t->pairs) + 1);
        t->scratch = xmalloc(t->n * sizeof(*t->scratch) + 1);
        for (uint32_t i = 0; i < t->n; i++)
                t->pairs[i].value = i;
        if (t->n > 0 && t->orders_n > 0)
                sort_run(t, 0, t->n, 0, 0);
        free(t->scratch);
        t->scratch = NULL;
}

/* From the parser's keys to what search_match() walks: numbers resolved, texts folded, keys by what they
 * cost. */

#include <errno.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "imap/search_keys.h"
#include "imap/search_tree.h"
#include "mime/charset.h"
#include "mime/date.h"

struct maker {
        struct arena *arena;
        struct slice charset;
        const struct search_folder *folder;
        struct search *search;
};

/* A text of the client's, in UTF-8 and folded. */
static int make_text(struct maker *m, struct slice sent, struct slice *ret)
{
        _cleanup_(buf_free) struct buf utf8 = {}, folded = {};
        bool is_utf8 = m->charset.n == 0 || slice_ieq(m->charset, SLICE("UTF-8")) ||
                       slice_ieq(m->charset, SLICE("US-ASCII"));
        int r;

        if (is_utf8 && !utf8_valid(sent))
                return -EILSEQ;
        r = is_utf8 ? buf_append(&utf8, sent) : charset_to_utf8(m->charset, sent, &utf8);
        if (r < 0)
                return r;
        /* U+FFFD is what a converter makes of bytes that are not of its charset */
        if (!is_utf8 && slice_find_slice(buf_slice(&utf8), SLICE("\xef\xbf\xbd")) < utf8.n)
                return -EILSEQ;
        r = search_text_fold(buf_slice(&utf8), &folded);
        if (r == 0)
                *ret = arena_slice(m->arena, buf_slice(&folded));
        return r;
}

static int make_needle(struct maker *m, struct search_node *node)
{
        struct search *s = m->search;

        if (node->text.n == 0) {
                node->kind = SEARCH_ALL;
                node->cost = SEARCH_COST_INDEX;
                return 0;
        }
        if (s->needles_n == SEARCH_MAX_TEXTS)
                return -E2BIG;
        node->needle = s->needles_n++;
        s->needles[node->needle] =
                (struct search_needle){.text = node->text, .headers = node->kind == SEARCH_TEXT};
        return 0;
}

static int make_header(struct maker *m, const struct imap_search_key *key, struct search_node *node)
{
        struct search *s = m->search;

        node->header = key->header;
        node->key = search_key_of(key->header);
        if (node->key >= 0) {
                node->cost = SEARCH_COST_KEYS;
        } else {
                if (s->headers_n == s->headers_cap) {
                        size_t cap = MAX(s->headers_cap * 2, (size_t)8);
                        struct slice *more = arena_array(m->arena, struct slice, cap);

                        if (s->headers_n)
                                memcpy(more, s->headers, s->headers_n * sizeof(*more));
                        s->headers = more;
                        s->headers_cap = cap;
                }
                s->headers[s->headers_n++] = key->header;
        }
        return make_text(m, key->text, &node->text);
}

static enum search_cost kind_cost(enum imap_search_kind kind)
{
        switch (kind) {
        case SEARCH_BEFORE:
        case SEARCH_ON:
        case SEARCH_SINCE:
        case SEARCH_SAVEDATESUPPORTED:
        case SEARCH_SAVEDBEFORE:
        case SEARCH_SAVEDON:
        case SEARCH_SAVEDSINCE:
        case SEARCH_EMAILID:
        case SEARCH_THREADID:
        case SEARCH_OLDER:
        case SEARCH_YOUNGER:
                return SEARCH_COST_STAT;
        case SEARCH_LARGER:
        case SEARCH_SMALLER:
                return SEARCH_COST_SIZE;
        case SEARCH_SENTBEFORE:
        case SEARCH_SENTON:
        case SEARCH_SENTSINCE:
                return SEARCH_COST_SENT;
        case SEARCH_HEADER:
                return SEARCH_COST_HEADER; /* SEARCH_COST_KEYS for some: see make_header() */
        case SEARCH_BODY:
        case SEARCH_TEXT:
                return SEARCH_COST_TEXT;
        default:
                return SEARCH_COST_INDEX;
        }
}

static void make_set(struct maker *m, const struct imap_search_key *key, struct search_node *node)
{
        const struct search_folder *folder = m->folder;
        bool uid = key->kind == SEARCH_UID;

        if (key->set.saved) {
                node->kind = SEARCH_UID;
                node->set = folder->saved;
        } else {
                node->set =
                        imap_set_normalise(m->arena, &key->set, uid ? folder->last_uid : folder->messages);
        }
}

static int make_node(struct maker *m, const struct imap_search_key *key, struct search_node **ret);

/* The order of keys does not matter for what they find: the cheap ones go first. */
static int make_children(struct maker *m, const struct imap_search_key *key, struct search_node *node)
{
        struct search_node *first[SEARCH_COST_TEXT + 1] = {}, **end[SEARCH_COST_TEXT + 1],
                                                     **at = &node->children;

        for (size_t i = 0; i < ARRAY_LEN(end); i++)
                end[i] = &first[i];
        for (const struct imap_search_key *k = key->children; k; k = k->next) {
                struct search_node *child = NULL;
                int r = make_node(m, k, &child);

                if (r < 0)
                        return r;
                *end[child->cost] = child;
                end[child->cost] = &child->next;
                node->cost = MAX(node->cost, child->cost);
        }
        for (size_t i = 0; i < ARRAY_LEN(end); i++) {
                *at = first[i];
                if (first[i])
                        at = end[i];
        }
        return 0;
}

static int make_node(struct maker *m, const struct imap_search_key *key, struct search_node **ret)
{
        struct search_node *node = arena_new(m->arena, struct search_node);
        unsigned bit = 0;
        int r = 0;

        node->kind = key->kind;
        node->cost = kind_cost(key->kind);
        node->flag = key->flag;
        node->number = key->number;
        node->modseq = key->modseq;
        switch (key->kind) {
        case SEARCH_SET:
        case SEARCH_UID:
                make_set(m, key, node);
                break;
        case SEARCH_OLDER:
        case SEARCH_YOUNGER:
                node->limit = (int64_t)m->folder->now - key->number;
                break;
        case SEARCH_KEYWORD:
        case SEARCH_UNKEYWORD:
                if (m->folder->keyword(m->folder->context, key->text, &bit) >= 0)
                        node->keyword = UINT64_C(1) << bit;
                break;
        case SEARCH_BEFORE:
        case SEARCH_ON:
        case SEARCH_SINCE:
        case SEARCH_SENTBEFORE:
        case SEARCH_SENTON:
        case SEARCH_SENTSINCE:
        case SEARCH_SAVEDBEFORE:
        case SEARCH_SAVEDON:
        case SEARCH_SAVEDSINCE:
                node->day = date_of_day(key->date.year, key->date.month, key->date.day) / 86400;
                break;
        case SEARCH_EMAILID:
                node->text = key->text;
                break;
        case SEARCH_SAVEDATESUPPORTED:
        case SEARCH_THREADID:
                break;
        case SEARCH_HEADER:
                r = make_header(m, key, node);
                break;
        case SEARCH_BODY:
        case SEARCH_TEXT:
                r = make_text(m, key->text, &node->text);
                if (r == 0)
                        r = make_needle(m, node);
                break;
        default:
                r = make_children(m, key, node);
        }
        if (r == 0)
                *ret = node;
        return r;
}

int search_make(struct arena *a, const struct imap_search_key *key, struct slice charset,
                const struct search_folder *folder, struct search **ret)
{
        struct search *s;
        struct maker m = {.arena = a, .charset = charset, .folder = folder};
        int r;

        if (charset.n > 0 && !charset_known(charset))
                return -ENOENT;
        s = arena_new(a, struct search);
        s->needles = arena_array(a, struct search_needle, SEARCH_MAX_TEXTS);
        m.search = s;
        r = make_node(&m, key, &s->root);
        if (r == 0)
                *ret = s;
        return r;
}

void search_free(struct search **s)
{
        if (*s) {
                arena_free(&(*s)->arena);
                search_scan_free(&(*s)->scan);
        }
        *s = NULL;
}

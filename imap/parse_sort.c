/* SORT and THREAD (RFC 5256 section 5, RFC 5267 section 3, RFC 5957 section 5). */

#include <errno.h>

#include "imap/parse.h"

static const char *const sort_names[SORT_KEYS] = {
        [SORT_ARRIVAL] = "ARRIVAL",
        [SORT_CC] = "CC",
        [SORT_DATE] = "DATE",
        [SORT_FROM] = "FROM",
        [SORT_SIZE] = "SIZE",
        [SORT_SUBJECT] = "SUBJECT",
        [SORT_TO] = "TO",
        [SORT_DISPLAYFROM] = "DISPLAYFROM",
        [SORT_DISPLAYTO] = "DISPLAYTO",
};

static const char *const thread_names[] = {
        [THREAD_ORDEREDSUBJECT] = "ORDEREDSUBJECT",
        [THREAD_REFERENCES] = "REFERENCES",
        [THREAD_REFS] = "REFS",
};

static int find(struct slice name, const char *const *names, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (slice_ieq(name, slice_of(names[i])))
                        return (int)i;
        return -1;
}

static void add_key(struct imap_sort *sort, enum imap_sort_key key, bool reverse)
{
        for (size_t i = 0; i < sort->by_n; i++)
                if (sort->by[i].key == key)
                        return;
        sort->by[sort->by_n].key = key;
        sort->by[sort->by_n++].reverse = reverse;
}

/* ["REVERSE" SP] sort-key */
static int parse_criterion(struct lexer *l, struct imap_sort *sort)
{
        struct slice name = lexer_name(l);
        bool reverse = slice_ieq(name, SLICE("REVERSE"));
        int key;

        if (reverse) {
                if (lexer_space(l) < 0)
                        return -EINVAL;
                name = lexer_name(l);
        }
        key = find(name, sort_names, SORT_KEYS);
        if (key < 0)
                return lexer_fail_word(l, "Unknown sort key", name.n ? name : l->rest);
        add_key(sort, (enum imap_sort_key)key, reverse);
        return 0;
}

static int parse_criteria(struct lexer *l, struct imap_sort *sort)
{
        bool done = false;
        int r = lexer_list_start(l);

        while (r == 0 && !done) {
                r = parse_criterion(l, sort);
                if (r == 0)
                        r = lexer_list_next(l, &done);
        }
        return r;
}

/* SP charset SP search keys */
static int parse_criteria_of_search(struct lexer *l, struct imap_search *search)
{
        int r = lexer_space(l);

        if (r == 0)
                r = lexer_astring(l, &search->charset);
        if (r == 0)
                r = lexer_space(l);
        return r < 0 ? r : parse_search_program(l, search);
}

int parse_sort(struct lexer *l, struct imap_command *c)
{
        int r = parse_return(l, &c->sort.search);

        if (r == 0)
                r = lexer_space(l);
        if (r == 0)
                r = parse_criteria(l, &c->sort);
        return r < 0 ? r : parse_criteria_of_search(l, &c->sort.search);
}

int parse_thread(struct lexer *l, struct imap_command *c)
{
        struct slice name;
        int algorithm, r = lexer_space(l);

        if (r == 0)
                r = lexer_atom(l, &name);
        if (r < 0)
                return r;
        algorithm = find(name, thread_names, ARRAY_LEN(thread_names));
        if (algorithm < 0)
                return lexer_fail_word(l, "Unknown thread algorithm", name);
        c->thread.algorithm = (enum imap_thread)algorithm;
        return parse_criteria_of_search(l, &c->thread.search);
}

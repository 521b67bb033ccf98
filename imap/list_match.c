#include "imap/list_match.h"

#include <errno.h>

static bool is_wildcard(char c)
{
        return c == '*' || c == '%';
}

int list_pattern_make(struct arena *a, struct slice reference, struct slice pattern, struct list_pattern *ret)
{
        char *text = arena_alloc(a, reference.n + pattern.n + 1);
        struct list_pattern made = {};
        size_t n = 0;

        for (size_t i = 0; i < reference.n + pattern.n; i++) {
                char c = i < reference.n ? reference.p[i] : pattern.p[i - reference.n];

                made.any |= c == '*';
                made.literals += !is_wildcard(c);
                if (!is_wildcard(c) || n == 0 || !is_wildcard(text[n - 1]))
                        text[n++] = c;
                else if (c == '*')
                        text[n - 1] = c; /* "%*" is "*" */
        }
        if (n > LIST_MAX_PATTERN)
                return -E2BIG;
        made.text = slice_make(text, n);
        made.level = n > 0 && text[n - 1] == '%';
        *ret = made;
        return 0;
}

/* A wildcard may stand for nothing: whoever is before it is behind it as well. */
static void pass_wildcards(struct slice pattern, bool *at)
{
        for (size_t i = 0; i < pattern.n; i++)
                if (at[i] && is_wildcard(pattern.p[i]))
                        at[i + 1] = true;
}

bool list_pattern_match(const struct list_pattern *pattern, char separator, struct slice name)
{
        struct slice p = pattern->text;
        bool rows[2][LIST_MAX_PATTERN +
                     1]; /* places in the pattern where a match of the name so far may stand */
        bool *at = rows[0], *next = rows[1], alive = true;
        bool inbox = slice_istarts(name, SLICE("INBOX")) && (name.n == 5 || name.p[5] == separator);

        if (pattern->literals > name.n)
                return false;
        memset(at, 0, p.n + 1);
        at[0] = true;
        pass_wildcards(p, at);
        for (size_t k = 0; k < name.n && alive; k++) {
                bool fold = inbox && k < 5;
                char c = fold ? ascii_upper(name.p[k]) : name.p[k];
                bool *swap = at;

                memset(next, 0, p.n + 1);
                alive = false;
                for (size_t i = 0; i < p.n; i++) {
                        if (!at[i])
                                continue;
                        if (p.p[i] == '*' || (p.p[i] == '%' && c != separator))
                                next[i] = alive = true;
                        else if (!is_wildcard(p.p[i]) && (fold ? ascii_upper(p.p[i]) : p.p[i]) == c)
                                next[i + 1] = alive = true;
                }
                pass_wildcards(p, next);
                at = next;
                next = swap;
        }
        return alive && at[p.n];
}

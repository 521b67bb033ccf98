#include "conf/quota.h"

#include <errno.h>

#include "base/number.h"

/* Sums of a few such limits stay clear of overflow. */
#define LIMIT_MAX ((int64_t)1 << 60)

enum { PERCENT_MAX = 100000 };

static const char *copy(struct arena *a, struct slice s)
{
        return arena_str(a, s);
}

static const char *apply_argument(struct arena *a, struct slice word, struct quota_root *to)
{
        if (slice_eq(word, SLICE("noenforcing")))
                to->no_enforcing = true;
        else if (slice_eq(word, SLICE("hidden")))
                to->hidden = true;
        else if (slice_starts(word, SLICE("ns=")))
                to->ns = copy(a, slice_from(word, strlen("ns=")));
        else if (!slice_eq(word, SLICE("ignoreunlimited")) && word.n)
                return arena_printf(a, "unknown argument '%.*s' of a quota root", SLICE_ARG(word));
        return NULL;
}

const char *quota_root_parse(struct arena *a, const char *text, struct quota_root *ret)
{
        struct quota_root root = {.name = ""};
        struct slice rest = slice_of(text), word;
        if (rest.n == 0) {
                *ret = root;
                return NULL;
        }
        if (!slice_split(&rest, ':', &word))
                word = SLICE_NULL;
        if (slice_eq(word, SLICE("maildir")))
                root.backend = QUOTA_MAILDIR;
        else if (slice_eq(word, SLICE("count")))
                root.backend = QUOTA_COUNT;
        else
                return arena_printf(a, "quota backend '%.*s' is not served (maildir and count are)",
                                    SLICE_ARG(word));
        if (slice_split(&rest, ':', &word))
                root.name = copy(a, word);
        for (const char *why; slice_split(&rest, ':', &word);)
                if ((why = apply_argument(a, word, &root)))
                        return why;
        *ret = root;
        return NULL;
}

/* A number with its sign and unit. `default_unit` is what it counts in without one. */
struct amount {
        int64_t value;
        int32_t percent; /* not 0: this, and no value */
        bool is_signed;
};

static int unit_shift(struct slice unit, int fallback)
{
        static const struct {
                char letter;
                int shift;
        } units[] = {{'B', 0}, {'K', 10}, {'M', 20}, {'G', 30}, {'T', 40}};
        if (unit.n == 0)
                return fallback;
        for (size_t i = 0; i < ARRAY_LEN(units); i++)
                if (ascii_upper(unit.p[0]) == units[i].letter)
                        return units[i].shift;
        return -1;
}

static const char *parse_amount(struct slice s, int fallback, struct amount *ret)
{
        struct amount m = {.is_signed = s.n && (s.p[0] == '+' || s.p[0] == '-')};
        bool minus = s.n && s.p[0] == '-';
        size_t digits = 0;
        uint64_t n;
        s = slice_from(s, m.is_signed);
        while (digits < s.n && ascii_isdigit(s.p[digits]))
                digits++;
        int r = slice_to_u64(slice_head(s, digits), &n);
        if (r < 0)
                return r == -ERANGE ? "is too large" : "needs a number";
        struct slice unit = slice_trim(slice_from(s, digits));
        if (unit.n && unit.p[0] == '%') {
                if (n == 0 || n > PERCENT_MAX || (minus && n >= 100))
                        return "has a percentage that cannot be";
                m.percent = minus ? -(int32_t)n : (int32_t)n;
                *ret = m;
                return NULL;
        }
        int shift = unit_shift(unit, fallback);
        if (shift < 0)
                return "has an unknown unit (B, k, M, G, T and % are known)";
        if (n > (uint64_t)LIMIT_MAX >> shift)
                return "is too large";
        m.value = (int64_t)(n << shift);
        if (minus)
                m.value = -m.value;
        *ret = m;
        return NULL;
}

static const struct limit_name {
        const char *name;
        int shift; /* of a number without unit */
        bool messages;
} limit_names[] = {{"storage", 10, false}, {"bytes", 0, false}, {"messages", 0, true}};

/* "storage=1G" of the default rule (rule NULL) or another one. */
static const char *apply_limit(struct arena *a, struct slice word, struct quota_root *root,
                               struct quota_rule *rule)
{
        size_t at = slice_find(word, '=');
        const struct limit_name *name = NULL;
        struct amount m;
        for (size_t i = 0; i < ARRAY_LEN(limit_names); i++)
                if (slice_eq(slice_head(word, at), slice_of(limit_names[i].name)))
                        name = &limit_names[i];
        if (!name)
                return arena_printf(a, "unknown limit '%.*s' (storage, bytes and messages are known)",
                                    SLICE_ARG(slice_head(word, at)));
        const char *why = parse_amount(slice_from(word, at + 1), name->shift, &m);
        if (!why && !rule && (m.is_signed || m.percent))
                why = "has a sign or is a percentage, which the rule for all mailboxes cannot";
        if (why)
                return arena_printf(a, "%s limit '%.*s' %s", name->name, SLICE_ARG(slice_from(word, at + 1)),
                                    why);
        if (!rule && name->messages)
                root->limits.messages = (uint64_t)m.value;
        else if (!rule)
                root->limits.bytes = (uint64_t)m.value;
        else if (name->messages) {
                rule->messages = m.value;
                rule->messages_percent = m.percent;
        } else {
                rule->bytes = m.value;
                rule->bytes_percent = m.percent;
        }
        return NULL;
}

static struct quota_rule *rule_for(struct arena *a, struct quota_root *root, struct slice mask)
{
        if (slice_ieq(mask, SLICE("INBOX")))
                mask = SLICE("INBOX");
        for (size_t i = 0; i < root->rules_n; i++)
                if (slice_eq(slice_of(root->rules[i].mask), mask))
                        return &root->rules[i];
        if (root->rules_n == QUOTA_RULES_MAX)
                return NULL;
        struct quota_rule *rule = &root->rules[root->rules_n++];
        *rule = (struct quota_rule){.mask = copy(a, mask)};
        return rule;
}

const char *quota_rule_add(struct arena *a, struct quota_root *root, const char *text)
{
        struct slice all = slice_of(text), word;
        size_t at = slice_find(all, ':');
        struct slice mask = slice_head(all, at), rest = slice_from(all, at + 1);
        if (at == all.n || at == 0 || rest.n == 0)
                return "expected MAILBOX:LIMIT=NUMBER, as in *:storage=1G";
        bool fixed = slice_eq(mask, SLICE("*")), is_default = fixed || slice_eq(mask, SLICE("?"));
        struct quota_rule *rule = is_default ? NULL : rule_for(a, root, mask);
        if (!is_default && !rule)
                return "too many quota rules";
        root->fixed |= fixed;
        if (slice_eq(rest, SLICE("ignore"))) {
                if (is_default)
                        root->limits = (struct quota_limits){0};
                else
                        rule->ignore = true;
                return NULL;
        }
        for (const char *why; slice_split(&rest, ':', &word);)
                if ((why = apply_limit(a, word, root, rule)))
                        return why;
        return NULL;
}

/* One star is gone back to: the last. */
static bool mask_matches(const char *mask, const char *name)
{
        const char *star = NULL, *again = NULL;
        while (*name) {
                if (*mask == '*') {
                        star = mask++;
                        again = name;
                } else if (*mask == '?' || *mask == *name) {
                        mask++;
                        name++;
                } else if (star) {
                        mask = star + 1;
                        name = ++again;
                } else {
                        return false;
                }
        }
        while (*mask == '*')
                mask++;
        return *mask == '\0';
}

/* What is limited stays limited, however much a rule takes away. */
static uint64_t adjusted(uint64_t limit, int64_t by, int32_t percent)
{
        if (limit == 0)
                return 0;
        int64_t all = (int64_t)MIN(limit, (uint64_t)LIMIT_MAX);
        if (percent)
                by = all / 100 > LIMIT_MAX / PERCENT_MAX ? 0
                                                         : all / 100 * percent + all % 100 * percent / 100;
        int64_t sum = all + by;
        return sum > 0 ? (uint64_t)sum : 1;
}

bool quota_limits_for(const struct quota_root *root, const struct quota_limits *limits, const char *mailbox,
                      struct quota_limits *ret)
{
        *ret = *limits;
        for (size_t i = 0; i < root->rules_n; i++) {
                const struct quota_rule *rule = &root->rules[i];
                if (!mask_matches(rule->mask, mailbox))
                        continue;
                if (rule->ignore)
                        return false;
                ret->bytes = adjusted(limits->bytes, rule->bytes, rule->bytes_percent);
                ret->messages = adjusted(limits->messages, rule->messages, rule->messages_percent);
                break;
        }
        return true;
}

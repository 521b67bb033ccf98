#include "conf/value.h"

#include <errno.h>
#include <inttypes.h>

#include "base/number.h"

struct unit {
        const char *name;
        uint64_t factor;
};

static const struct unit sizes[] = {
        {"b", 1},           {"", 1},
        {"k", 1ULL << 10},  {"m", 1ULL << 20},
        {"g", 1ULL << 30},  {"t", 1ULL << 40},
        {"kb", 1ULL << 10}, {"mb", 1ULL << 20},
        {"gb", 1ULL << 30}, {"tb", 1ULL << 40},
};

/* Milliseconds. */
static const struct unit times[] = {
        {"ms", 1},           {"msec", 1},          {"msecs", 1},       {"s", 1000},        {"sec", 1000},
        {"secs", 1000},      {"second", 1000},     {"seconds", 1000},  {"m", 60000},       {"min", 60000},
        {"mins", 60000},     {"minute", 60000},    {"minutes", 60000}, {"h", 3600000},     {"hour", 3600000},
        {"hours", 3600000},  {"d", 86400000},      {"day", 86400000},  {"days", 86400000}, {"w", 604800000},
        {"week", 604800000}, {"weeks", 604800000},
};

/* A quantity above this is a mistake, and stays clear of overflow when it is added to a clock. */
#define QUANTITY_MAX ((uint64_t)1 << 60)

static int parse_quantity(struct slice s, const struct unit *units, size_t count, uint64_t *ret)
{
        size_t digits = 0;
        while (digits < s.n && ascii_isdigit(s.p[digits]))
                digits++;
        struct slice word = slice_trim(slice_from(s, digits));
        uint64_t n;
        int error = slice_to_u64(slice_head(s, digits), &n);
        if (error < 0)
                return error;
        for (size_t i = 0; i < count; i++) {
                if (!slice_ieq(word, slice_of(units[i].name)))
                        continue;
                if (n > QUANTITY_MAX / units[i].factor)
                        return -ERANGE;
                *ret = n * units[i].factor;
                return 0;
        }
        if (n == 0 && word.n == 0) {
                *ret = 0;
                return 0;
        }
        return -EINVAL;
}

static bool is_any(const char *value, const char *const *words)
{
        for (; *words; words++)
                if (slice_ieq(slice_of(value), slice_of(*words)))
                        return true;
        return false;
}

static const char *parse_bool(const char *value, bool *ret)
{
        static const char *const yes[] = {"yes", "y", "1", "true", NULL};
        static const char *const no[] = {"no", "n", "0", "false", NULL};
        bool set = is_any(value, yes);
        if (!set && !is_any(value, no))
                return "expected yes or no";
        *ret = set;
        return NULL;
}

/* "expected A, B or C" */
static const char *expected_words(const struct conf_setting *s, struct arena *a)
{
        _cleanup_(buf_free) struct buf all = {0};
        for (unsigned i = 0; s->words[i]; i++)
                buf_printf(&all, "%s%s", i == 0 ? "" : s->words[i + 1] ? ", " : " or ", s->words[i]);
        return arena_printf(a, "expected %s", buf_cstr(&all));
}

static const char *parse_enum(const struct conf_setting *s, const char *value, struct arena *a, unsigned *ret)
{
        for (unsigned i = 0; s->words[i]; i++)
                if (strcmp(value, s->words[i]) == 0) {
                        *ret = i;
                        return NULL;
                }
        return expected_words(s, a);
}

/* Each item is one of the words, and there once. */
static const char *check_list(const struct conf_setting *s, const struct settings_list *list, struct arena *a)
{
        for (size_t i = 0; i < list->count; i++) {
                if (!is_any(list->items[i], s->words))
                        return arena_printf(a, "unknown word '%s', %s", list->items[i], expected_words(s, a));
                for (size_t j = 0; j < i; j++)
                        if (strcmp(list->items[i], list->items[j]) == 0)
                                return arena_printf(a, "'%s' is there twice", list->items[i]);
        }
        return NULL;
}

static void parse_list(const struct conf_setting *s, const char *value, struct arena *a,
                       struct settings_list *ret)
{
        size_t most = strlen(value) / 2 + 1, count = 0;
        const char **items = arena_array(a, const char *, most);
        for (const char *p = value; *p;) {
                if (table_list_separator(*p)) {
                        p++;
                        continue;
                }
                size_t n = 0;
                while (p[n] && !table_list_separator(p[n]))
                        n++;
                char *item = arena_str(a, slice_make(p, n));
                for (char *c = item; (s->flags & CONF_LOWER) && *c; c++)
                        *c = ascii_lower(*c);
                items[count++] = item;
                p += n;
        }
        *ret = (struct settings_list){items, count};
}

static const char *parse_file(const char *value, bool is_file, struct arena *a, struct settings_file *ret)
{
        if (!is_file && value[0] == '/')
                return arena_printf(a, "a '<' is missing before the path: <%s", value);
        const char *copy = arena_str(a, slice_of(value));
        *ret = is_file ? (struct settings_file){copy, ""} : (struct settings_file){"", copy};
        return NULL;
}

static const char *parse_number(const struct conf_setting *s, const char *value, void *field)
{
        uint64_t n = 0;
        uint32_t small = 0;
        int error;
        switch (s->type) {
        case CONF_UINT:
                error = slice_to_u32(slice_of(value), &small);
                if (error == 0)
                        *(uint32_t *)field = small;
                return error == -ERANGE ? "the number is too large" : error < 0 ? "expected a number" : NULL;
        case CONF_SIZE:
                error = parse_quantity(slice_of(value), sizes, ARRAY_LEN(sizes), &n);
                if (error == 0)
                        *(uint64_t *)field = n;
                return error == -ERANGE ? "the size is too large"
                       : error < 0      ? "expected a size: a number with B, k, M, G or T, as in '64 k'"
                                        : NULL;
        default:
                error = parse_quantity(slice_of(value), times, ARRAY_LEN(times), &n);
                if (error == 0)
                        *(int64_t *)field = (int64_t)n;
                return error == -ERANGE ? "the time is too long"
                       : error < 0 ? "expected a time: a number with msecs, secs, mins, hours, days or weeks"
                                   : NULL;
        }
}

const char *value_parse(const struct conf_setting *s, const char *value, bool is_file, struct arena *a,
                        void *base)
{
        void *field = (char *)base + s->offset;
        switch (s->type) {
        case CONF_BOOL:
                return parse_bool(value, field);
        case CONF_ENUM:
                return parse_enum(s, value, a, field);
        case CONF_STRING:
                *(const char **)field = arena_str(a, slice_of(value));
                return NULL;
        case CONF_LIST:
                parse_list(s, value, a, field);
                return s->words ? check_list(s, field, a) : NULL;
        case CONF_FILE:
                return parse_file(value, is_file, a, field);
        case CONF_HEADING:
                return NULL;
        default:
                return parse_number(s, value, field);
        }
}

void value_defaults(const struct conf_section *section, struct arena *a, void *base)
{
        for (size_t i = 0; i < section->count; i++)
                if (section->settings[i].type != CONF_HEADING)
                        value_parse(&section->settings[i], section->settings[i].initial, false, a, base);
        if (section->name && !section->flat)
                *(const char **)((char *)base + section->name_offset) = "";
        for (size_t i = 1; i < conf_section_count; i++)
                if (conf_sections[i].parent == section && conf_sections[i].flat)
                        value_defaults(&conf_sections[i], a, base);
}

static void format_size(uint64_t n, struct buf *to)
{
        static const char letters[] = {'k', 'M', 'G', 'T'};
        size_t unit = 0;
        for (; unit < ARRAY_LEN(letters) && n > 0 && n % 1024 == 0; unit++)
                n /= 1024;
        if (unit == 0)
                buf_printf(to, "%" PRIu64 " B", n);
        else
                buf_printf(to, "%" PRIu64 " %c", n, letters[unit - 1]);
}

static void format_time(int64_t ms, struct buf *to)
{
        static const struct unit units[] = {
                {"weeks", 604800000}, {"days", 86400000}, {"hours", 3600000},
                {"mins", 60000},      {"secs", 1000},     {"msecs", 1},
        };
        if (ms == 0) {
                buf_str(to, "0");
                return;
        }
        size_t i = 0;
        while (ms % (int64_t)units[i].factor != 0)
                i++;
        buf_printf(to, "%" PRId64 " %s", ms / (int64_t)units[i].factor, units[i].name);
}

void value_format(const struct conf_setting *s, const void *base, struct buf *to)
{
        const void *field = (const char *)base + s->offset;
        const struct settings_list *list = field;
        const struct settings_file *file = field;
        switch (s->type) {
        case CONF_HEADING:
                break;
        case CONF_BOOL:
                buf_str(to, *(const bool *)field ? "yes" : "no");
                break;
        case CONF_UINT:
                buf_printf(to, "%" PRIu32, *(const uint32_t *)field);
                break;
        case CONF_SIZE:
                format_size(*(const uint64_t *)field, to);
                break;
        case CONF_TIME:
                format_time(*(const int64_t *)field, to);
                break;
        case CONF_STRING:
                buf_str(to, *(const char *const *)field);
                break;
        case CONF_LIST:
                for (size_t i = 0; i < list->count; i++)
                        buf_printf(to, "%s%s", i ? " " : "", list->items[i]);
                break;
        case CONF_ENUM:
                buf_str(to, s->words[*(const unsigned *)field]);
                break;
        case CONF_FILE:
                buf_printf(to, "%s%s", file->path[0] ? "<" : "", file->path[0] ? file->path : file->text);
                break;
        }
}

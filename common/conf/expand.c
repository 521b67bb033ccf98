#include "conf/expand.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/number.h"

/* An expanded value is a path, a name or a log line. */
enum { EXPANDED_MAX = 64 * 1024, WIDTH_MAX = 1000, MODIFIERS_MAX = 8 };

/* One %..., parsed. */
struct reference {
        int offset;
        unsigned width; /* 0: all */
        bool zeros;
        char modifiers[MODIFIERS_MAX];
        size_t modifier_count;
        struct slice name; /* one character, or what is between braces */
        bool is_long;
};

void conf_user_split(struct slice user, struct slice *ret_name, struct slice *ret_domain)
{
        size_t at = slice_find(user, '@');
        *ret_name = slice_head(user, at);
        *ret_domain = slice_from(user, at + 1);
}

static int take_number(struct slice *s, unsigned *ret)
{
        size_t n = 0;
        while (n < s->n && ascii_isdigit(s->p[n]))
                n++;
        uint32_t value = 0;
        if (n > 0 && (slice_to_u32(slice_head(*s, n), &value) < 0 || value > WIDTH_MAX))
                return -EINVAL;
        *s = slice_from(*s, n);
        *ret = value;
        return (int)MIN(n, (size_t)WIDTH_MAX);
}

/* What follows a percent sign; *rest is moved behind it. NULL or what is wrong. */
static const char *parse_reference(struct slice *rest, struct reference *ref)
{
        bool negative = rest->n > 0 && rest->p[0] == '-';
        *rest = slice_from(*rest, negative);
        ref->zeros = rest->n > 0 && rest->p[0] == '0';
        unsigned number;
        if (take_number(rest, &number) < 0)
                return "a width is too large";
        if (rest->n > 0 && rest->p[0] == '.') {
                ref->offset = negative ? -(int)number : (int)number;
                negative = false;
                *rest = slice_from(*rest, 1);
                ref->zeros = rest->n > 0 && rest->p[0] == '0';
                if (take_number(rest, &number) <= 0)
                        return "a width is missing or too large";
        }
        if (negative)
                return "a negative width";
        ref->width = number;
        while (rest->n > 0 && strchr("LUEXRTHNMD", rest->p[0]) && rest->p[0] != '\0') {
                if (strchr("HNMD", rest->p[0]))
                        return "the modifiers H, N, M and D are not supported";
                if (ref->modifier_count == MODIFIERS_MAX)
                        return "too many modifiers";
                ref->modifiers[ref->modifier_count++] = rest->p[0];
                *rest = slice_from(*rest, 1);
        }
        if (rest->n == 0)
                return "a '%' at the end; a percent sign is written %%";
        if (rest->p[0] != '{') {
                ref->name = slice_head(*rest, 1);
                *rest = slice_from(*rest, 1);
                return NULL;
        }
        size_t end = slice_find(*rest, '}');
        if (end == rest->n)
                return "'}' is missing";
        ref->is_long = true;
        ref->name = slice_make(rest->p + 1, end - 1);
        *rest = slice_from(*rest, end + 1);
        return NULL;
}

static const struct conf_variable *find_variable(const struct conf_variable *vars, size_t count,
                                                 const struct reference *ref)
{
        for (size_t i = 0; i < count; i++) {
                if (ref->is_long ? vars[i].name && slice_eq(slice_of(vars[i].name), ref->name)
                                 : vars[i].key && vars[i].key == ref->name.p[0])
                        return &vars[i];
        }
        return NULL;
}

static struct slice modify(struct arena *a, struct slice value, char modifier)
{
        if (modifier == 'T')
                return slice_trim(value);
        _cleanup_(buf_free) struct buf out = {0};
        uint64_t number = 0;
        switch (modifier) {
        case 'X':
                slice_to_u64(value, &number); /* what is no number is 0, as in Dovecot */
                buf_printf(&out, "%" PRIx64, number);
                break;
        case 'R':
                for (size_t i = value.n; i > 0; i--)
                        buf_char(&out, value.p[i - 1]);
                break;
        default:
                for (size_t i = 0; i < value.n; i++) {
                        char c = value.p[i];
                        if (modifier == 'E' && c != '\0' && strchr("\"'\\", c))
                                buf_char(&out, '\\');
                        buf_char(&out, modifier == 'L'   ? ascii_lower(c)
                                       : modifier == 'U' ? ascii_upper(c)
                                                         : c);
                }
        }
        return arena_slice(a, buf_slice(&out));
}

/* The part that offset and width choose; a width with a leading zero fills up instead of cutting. */
static struct slice choose_part(struct arena *a, struct slice value, const struct reference *ref)
{
        if (ref->offset >= 0)
                value = slice_from(value, (size_t)ref->offset);
        else if ((size_t)-ref->offset < value.n)
                value = slice_from(value, value.n - (size_t)-ref->offset);
        if (ref->width == 0)
                return value;
        if (!ref->zeros)
                return slice_head(value, ref->width);
        if (value.n >= ref->width)
                return value;
        char *filled = arena_alloc(a, ref->width + 1);
        memset(filled, '0', ref->width);
        if (value.n)
                memcpy(filled + ref->width - value.n, value.p, value.n);
        return slice_make(filled, ref->width);
}

static bool unfit_for_path(struct slice s)
{
        return slice_eq(s, SLICE(".")) || slice_eq(s, SLICE("..")) || slice_find(s, '/') < s.n ||
               slice_find(s, '\0') < s.n;
}

static const char *expand_one(struct arena *a, const struct reference *ref, const struct conf_variable *vars,
                              size_t count, struct buf *out)
{
        const struct conf_variable *v = find_variable(vars, count, ref);
        char text[64];
        struct slice name = slice_head(ref->name, 40);
        if (ref->is_long)
                snprintf(text, sizeof(text), "%%{%.*s}", SLICE_ARG(name));
        else
                snprintf(text, sizeof(text), "%%%.*s", SLICE_ARG(name));
        if (!v)
                return arena_printf(a, "unknown variable %s", text);
        if (!v->value)
                return arena_printf(a, "variable %s has no value here", text);
        struct slice value = slice_of(v->value);
        for (size_t i = 0; i < ref->modifier_count; i++)
                value = modify(a, value, ref->modifiers[i]);
        value = choose_part(a, value, ref);
        if (v->path_part && unfit_for_path(value))
                return arena_printf(a, "the value of %s cannot be part of a path", text);
        buf_append(out, value);
        return NULL;
}

int conf_expand(struct arena *a, const char *template, const struct conf_variable *vars, size_t count,
                char **ret, const char **ret_error)
{
        _cleanup_(buf_free) struct buf out = BUF_BOUNDED(EXPANDED_MAX);
        struct slice rest = slice_of(template);
        const char *why = NULL;
        while (rest.n > 0 && !why) {
                size_t percent = slice_find(rest, '%');
                buf_append(&out, slice_head(rest, percent));
                if (percent == rest.n)
                        break;
                rest = slice_from(rest, percent + 1);
                if (rest.n > 0 && rest.p[0] == '%') {
                        buf_char(&out, '%');
                        rest = slice_from(rest, 1);
                        continue;
                }
                struct reference ref = {0};
                why = parse_reference(&rest, &ref);
                if (!why)
                        why = expand_one(a, &ref, vars, count, &out);
        }
        if (!why && out.error)
                why = "the result is too long";
        if (why) {
                *ret_error = why;
                return -EINVAL;
        }
        *ret = arena_str(a, buf_slice(&out));
        return 0;
}

static const char *number_or_null(struct arena *a, int64_t n, bool known)
{
        return known ? arena_printf(a, "%" PRId64, n) : NULL;
}

int conf_expand_user(struct arena *a, const char *template, const struct conf_variables *v, char **ret,
                     const char **ret_error)
{
        struct slice name, domain;
        conf_user_split(slice_of(v->user), &name, &domain);
        const struct conf_variable vars[] = {
                {'u', "user", v->user, true},
                {'n', "username", v->user ? arena_str(a, name) : NULL, true},
                {'d', "domain", v->user ? arena_str(a, domain) : NULL, true},
                {'h', "home", v->home, false},
                {'s', "service", v->service, false},
                {'l', "lip", v->local_ip, false},
                {'r', "rip", v->remote_ip, false},
                {'a', "lport", number_or_null(a, v->local_port, v->local_port > 0), false},
                {'b', "rport", number_or_null(a, v->remote_port, v->remote_port > 0), false},
                {0, "session", v->session, false},
                {'i', "uid", number_or_null(a, v->uid, v->uid >= 0), false},
                {0, "gid", number_or_null(a, v->gid, v->gid >= 0), false},
                {'p', "pid", number_or_null(a, v->pid, v->pid > 0), false},
                {0, "hostname", v->hostname, false},
        };
        return conf_expand(a, template, vars, ARRAY_LEN(vars), ret, ret_error);
}

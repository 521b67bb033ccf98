#include "conf/conf.h"

#include "conf/value.h"

enum { INDENT = 2, DEPTH_MAX = 4 };

/* A value that would be read otherwise goes between quotes. */
static bool needs_quotes(const struct conf_setting *s, struct slice v)
{
        if (v.n == 0 || s->type == CONF_FILE)
                return false;
        char first = v.p[0], last = v.p[v.n - 1];
        return first == ' ' || last == ' ' || first == '\t' || last == '\t' || first == '"' ||
               first == '\'' || first == '<' || last == '\\' || slice_find(v, '#') < v.n ||
               slice_find(v, '$') < v.n;
}

static void print_value(const struct conf_setting *s, struct slice v, struct buf *to)
{
        if ((s->flags & CONF_SECRET) && v.n > 0 && v.p[0] != '<') {
                buf_str(to, "# hidden");
                return;
        }
        if (!needs_quotes(s, v)) {
                buf_append(to, v);
                return;
        }
        buf_char(to, '"');
        for (size_t i = 0; i < v.n; i++) {
                if (v.p[i] == '"' || v.p[i] == '\\')
                        buf_char(to, '\\');
                buf_char(to, v.p[i]);
        }
        buf_char(to, '"');
}

static void print_setting(const struct conf_setting *s, const void *base, const void *defaults, bool all,
                          unsigned depth, struct buf *to)
{
        _cleanup_(buf_wipe) struct buf now = {0}, initial = {0};
        value_format(s, base, &now);
        value_format(s, defaults, &initial);
        if (!all && slice_eq(buf_slice(&now), buf_slice(&initial)))
                return;
        buf_printf(to, "%*s%s =", (int)(depth * INDENT), "", s->name);
        if (now.n > 0)
                buf_char(to, ' ');
        print_value(s, buf_slice(&now), to);
        buf_char(to, '\n');
}

static void print_section(const struct conf_section *section, const void *base, bool all, unsigned depth,
                          struct buf *to);

static void print_name(const char *name, struct buf *to)
{
        if (name[0] == '\0')
                return;
        bool plain = !strpbrk(name, " \t\"'\\#{}");
        buf_str(to, plain ? " " : " \"");
        for (const char *p = name; *p; p++) {
                if (!plain && (*p == '"' || *p == '\\'))
                        buf_char(to, '\\');
                buf_char(to, *p);
        }
        if (!plain)
                buf_char(to, '"');
}

static void print_flat(const struct conf_section *inner, const void *outer, bool all, unsigned depth,
                       struct buf *to)
{
        _cleanup_(buf_free) struct buf text = {0};
        print_section(inner, outer, all, depth + 1, &text);
        if (text.n)
                buf_printf(to, "%*s%s {\n%s%*s}\n", (int)(depth * INDENT), "", inner->name, buf_cstr(&text),
                           (int)(depth * INDENT), "");
}

static void print_inner(const struct conf_section *inner, const void *outer, bool all, unsigned depth,
                        struct buf *to)
{
        const char *items;
        memcpy(&items, (const char *)outer + inner->items_offset, sizeof(items));
        size_t count = *(const size_t *)((const char *)outer + inner->number_offset);
        for (size_t i = 0; i < count; i++) {
                const char *item = items + i * inner->size;
                buf_printf(to, "%*s%s", (int)(depth * INDENT), "", inner->name);
                print_name(*(const char *const *)(item + inner->name_offset), to);
                buf_str(to, " {\n");
                print_section(inner, item, all, depth + 1, to);
                buf_printf(to, "%*s}\n", (int)(depth * INDENT), "");
        }
}

static void print_section(const struct conf_section *section, const void *base, bool all, unsigned depth,
                          struct buf *to)
{
        _cleanup_(arena_free) struct arena scratch = {0};
        void *defaults = arena_alloc(&scratch, section->size);
        value_defaults(section, &scratch, defaults);
        for (size_t i = 0; i < section->count; i++)
                if (section->settings[i].type != CONF_HEADING)
                        print_setting(&section->settings[i], base, defaults, all, depth, to);
        for (size_t i = 1; i < conf_section_count && depth < DEPTH_MAX; i++)
                if (conf_sections[i].parent == section)
                        (conf_sections[i].flat ? print_flat : print_inner)(&conf_sections[i], base, all,
                                                                           depth, to);
}

void conf_print(const struct settings *s, bool all, struct buf *to)
{
        print_section(&conf_sections[0], s, all, 0, to);
}

#include "conf/conf.h"

#include "conf/check.h"
#include "conf/loaded.h"
#include "conf/value.h"

enum { INDENT = 2, DEPTH_MAX = 4 };

/* What goes with every line. */
struct print {
        struct buf *to;
        unsigned flags; /* CONF_PRINT_* */
};

static void indent(const struct print *p, unsigned depth)
{
        buf_printf(p->to, "%*s", (int)(depth * INDENT), "");
}

/* A value that would be read otherwise goes between quotes. */
static bool needs_quotes(struct slice v)
{
        if (v.n == 0)
                return false;
        char first = v.p[0], last = v.p[v.n - 1];
        return first == ' ' || last == ' ' || first == '\t' || last == '\t' || first == '"' ||
               first == '\'' || first == '<' || last == '\\' || slice_find(v, '#') < v.n ||
               slice_find(v, '$') < v.n;
}

/* The words that a database's arguments give a password in. */
static bool has_password(struct slice v)
{
        static const char *const names[] = {"password=", "passwd=", "pass="};
        for (size_t at = 0; at < v.n; at++) {
                bool at_word = at == 0 || !ascii_isalpha(v.p[at - 1]);
                for (size_t i = 0; at_word && i < ARRAY_LEN(names); i++)
                        if (slice_istarts(slice_from(v, at), slice_of(names[i])))
                                return true;
        }
        return false;
}

static bool is_secret(const struct conf_setting *s, struct slice v)
{
        return s->flags & CONF_SECRET ? v.n > 0 : s->type == CONF_STRING && has_password(v);
}

static bool is_path(const struct conf_setting *s, const void *base)
{
        const struct settings_file *file = (const void *)((const char *)base + s->offset);
        return s->type == CONF_FILE && file->path[0];
}

/* Without its password such a value would mean something else: all of it is left out. */
static void print_value(const struct print *p, const struct conf_setting *s, struct slice v)
{
        if (is_secret(s, v) && !(p->flags & CONF_PRINT_SECRETS)) {
                buf_str(p->to, "# hidden, use -P to show it");
                return;
        }
        if (!needs_quotes(v)) {
                buf_append(p->to, v);
                return;
        }
        buf_char(p->to, '"');
        for (size_t i = 0; i < v.n; i++) {
                if (v.p[i] == '"' || v.p[i] == '\\')
                        buf_char(p->to, '\\');
                buf_char(p->to, v.p[i]);
        }
        buf_char(p->to, '"');
}

/* The field of the struct at `base`. */
static void print_line(const struct print *p, const struct conf_setting *s, const void *base, unsigned depth)
{
        _cleanup_(buf_wipe) struct buf now = {0};
        value_format(s, base, &now);
        indent(p, depth);
        buf_printf(p->to, "%s =", s->name);
        if (now.n > 0)
                buf_char(p->to, ' ');
        if (is_path(s, base))
                buf_append(p->to, buf_slice(&now));
        else
                print_value(p, s, buf_slice(&now));
        buf_char(p->to, '\n');
}

static bool is_default(const struct conf_setting *s, const void *base, const void *defaults)
{
        _cleanup_(buf_wipe) struct buf now = {0}, initial = {0};
        value_format(s, base, &now);
        value_format(s, defaults, &initial);
        return slice_eq(buf_slice(&now), buf_slice(&initial));
}

static void print_begin(const struct print *p, const char *kind, const char *name, unsigned depth)
{
        bool plain = !strpbrk(name, " \t\"'\\#{}");
        indent(p, depth);
        buf_str(p->to, kind);
        if (name[0])
                buf_str(p->to, plain ? " " : " \"");
        for (; *name; name++) {
                if (!plain && (*name == '"' || *name == '\\'))
                        buf_char(p->to, '\\');
                buf_char(p->to, *name);
        }
        buf_str(p->to, plain ? " {\n" : "\" {\n");
}

static void print_end(const struct print *p, unsigned depth)
{
        indent(p, depth);
        buf_str(p->to, "}\n");
}

static void print_section(const struct print *p, const struct conf_section *section, const void *base,
                          unsigned depth);

static void print_flat(const struct print *p, const struct conf_section *inner, const void *outer,
                       unsigned depth)
{
        _cleanup_(buf_wipe) struct buf text = {0};
        print_section(&(struct print){&text, p->flags}, inner, outer, depth + 1);
        if (!text.n)
                return;
        print_begin(p, inner->name, "", depth);
        buf_append(p->to, buf_slice(&text));
        print_end(p, depth);
}

static void print_inner(const struct print *p, const struct conf_section *inner, const void *outer,
                        unsigned depth)
{
        const char *items;
        memcpy(&items, (const char *)outer + inner->items_offset, sizeof(items));
        size_t count = *(const size_t *)((const char *)outer + inner->number_offset);
        for (size_t i = 0; i < count; i++) {
                const char *item = items + i * inner->size;
                print_begin(p, inner->name, *(const char *const *)(item + inner->name_offset), depth);
                print_section(p, inner, item, depth + 1);
                print_end(p, depth);
        }
}

static void print_section(const struct print *p, const struct conf_section *section, const void *base,
                          unsigned depth)
{
        _cleanup_(arena_free) struct arena scratch = {0};
        void *defaults = arena_alloc(&scratch, section->size);
        value_defaults(section, &scratch, defaults);
        for (size_t i = 0; i < section->count; i++) {
                const struct conf_setting *s = &section->settings[i];
                if (s->type != CONF_HEADING &&
                    ((p->flags & CONF_PRINT_ALL) || !is_default(s, base, defaults)))
                        print_line(p, s, base, depth);
        }
        for (size_t i = 1; i < conf_section_count && depth < DEPTH_MAX; i++)
                if (conf_sections[i].parent == section)
                        (conf_sections[i].flat ? print_flat : print_inner)(p, &conf_sections[i], base, depth);
}

void conf_print(const struct settings *s, unsigned flags, struct buf *to)
{
        print_section(&(struct print){to, flags}, &conf_sections[0], s, 0);
}

/* A setting in a block counts, default or not: it may differ from what is outside. */
static void print_node(const struct print *p, const struct conf_section *in, const struct conf_node *n,
                       unsigned depth)
{
        _cleanup_(arena_free) struct arena scratch = {0};
        const struct conf_setting *s = table_setting(in, n->name);
        void *base = arena_alloc(&scratch, in->size);
        if (s && !value_parse(s, n->value, n->is_file, &scratch, base))
                print_line(p, s, base, depth);
}

static void print_block(const struct print *p, const struct conf_section *in, const struct conf_node *block,
                        unsigned depth)
{
        print_begin(p, block->name, block->value, depth);
        for (const struct conf_node *n = block->children; n; n = n->next) {
                const struct conf_section *inner = n->is_section ? table_section(in, n->name) : NULL;
                if (!n->is_section)
                        print_node(p, in, n, depth + 1);
                else if (inner)
                        print_block(p, inner, n, depth + 1);
                else if (check_is_served(n))
                        print_block(p, &conf_sections[0], n, depth + 1);
        }
        print_end(p, depth);
}

static void print_blocks(const struct print *p, const struct conf_node *root)
{
        for (const struct conf_node *n = root->children; n; n = n->next)
                if (check_is_served(n))
                        print_block(p, &conf_sections[0], n, 0);
}

void conf_print_file(const struct conf *c, unsigned flags, struct buf *to)
{
        _cleanup_(arena_free) struct arena scratch = {0};
        const struct print p = {to, flags};
        struct settings s;
        resolve_outside(c, &scratch, &s);
        conf_print(&s, flags, to);
        print_blocks(&p, &c->file);
        print_blocks(&p, &c->overrides);
}

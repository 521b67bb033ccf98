#include "conf/reader.h"

#include <errno.h>

#include "conf/line.h"

/* Each is far above what a real site has, and keeps a mistake (a file that includes itself, a log given as
 * settings) from taking all memory. */
enum {
        FILE_BYTES_MAX = 4 * 1024 * 1024,
        FILES_MAX = 2000,
        INCLUDE_DEPTH_MAX = 16,
        SECTION_DEPTH_MAX = 16,
        NODES_MAX = 20000,
        MEMORY_MAX = 64 * 1024 * 1024,
};

struct input {
        struct conf_reader *r;
        struct conf_place at;
        struct conf_node *section; /* the innermost open one */
        struct conf_node *bottom;  /* the one the file began in: it may not close it */
        unsigned depth;            /* of includes */
        unsigned open;             /* sections opened in this file */
};

static void read_file(struct conf_reader *r, const char *path, struct conf_node *into, struct conf_place from,
                      unsigned depth);

static void limit_met(struct conf_reader *r, struct conf_place at, const char *what)
{
        if (!r->full)
                message_error(r->messages, at, "%s", what);
        r->full = true;
}

void reader_watch(struct conf_reader *r, const char *path)
{
        for (const struct conf_watch *w = r->watches; w; w = w->next)
                if (strcmp(w->path, path) == 0)
                        return;
        struct conf_watch *w = arena_new(r->arena, struct conf_watch);
        w->path = arena_str(r->arena, slice_of(path));
        if (r->io->identify(r->io->context, path, &w->identity) < 0)
                w->identity = (struct conf_identity){0};
        w->next = r->watches;
        r->watches = w;
}

/* A path in a file is relative to the folder of that file; one in an override (line 0) to the working folder.
 */
static const char *full_path(struct conf_reader *r, struct conf_place at, struct slice path)
{
        struct slice from = slice_of(at.file);
        size_t slash = slice_rfind(from, '/');
        if ((path.n > 0 && path.p[0] == '/') || slash == from.n || at.line == 0)
                return arena_str(r->arena, path);
        return arena_printf(r->arena, "%.*s/%.*s", SLICE_ARG(slice_head(from, slash)), SLICE_ARG(path));
}

static struct conf_node *add_node(struct conf_reader *r, struct conf_node *section, struct conf_place at)
{
        struct conf_node *node = arena_new(r->arena, struct conf_node);
        node->at = at;
        node->value = "";
        node->parent = section;
        if (section->last_child)
                section->last_child->next = node;
        else
                section->children = node;
        section->last_child = node;
        r->nodes++;
        return node;
}

static struct conf_node *find_section(struct conf_node *in, struct slice kind, struct slice name)
{
        if (name.n == 0)
                return NULL;
        for (struct conf_node *n = in->children; n; n = n->next)
                if (n->is_section && slice_eq(slice_of(n->name), kind) && slice_eq(slice_of(n->value), name))
                        return n;
        return NULL;
}

static struct conf_node *open_section(struct conf_reader *r, struct conf_node *in, struct slice kind,
                                      struct slice name, struct conf_place at)
{
        struct conf_node *n = find_section(in, kind, name);
        if (n) {
                n->at = at; /* where it was opened last, for a missing '}' */
                return n;
        }
        n = add_node(r, in, at);
        n->is_section = true;
        n->name = arena_str(r->arena, kind);
        n->value = arena_str(r->arena, name);
        return n;
}

/* The value a setting has at this point: set before in this section or in one around it, or its default. */
static const char *current_value(struct conf_reader *r, const struct conf_node *section, struct slice key)
{
        const char *value = NULL;
        for (const struct conf_node *s = section; s && !value; s = s->parent)
                for (const struct conf_node *n = s->children; n; n = n->next)
                        if (!n->is_section && slice_eq(slice_of(n->name), key))
                                value = n->value;
        _cleanup_(arena_free) struct arena scratch = {0};
        return value ? value : r->default_of(section, arena_str(&scratch, key));
}

/* Replaces words that start with '$'. NULL when an error was told. */
static const char *expand_names(struct input *in, struct slice value)
{
        _cleanup_(buf_free) struct buf out = BUF_BOUNDED(LINE_MAX_BYTES);
        for (size_t i = 0; i < value.n;) {
                bool at_word = i == 0 || value.p[i - 1] == ' ' || value.p[i - 1] == '\t';
                if (!at_word || value.p[i] != '$') {
                        buf_char(&out, value.p[i++]);
                        continue;
                }
                size_t end = ++i;
                while (end < value.n && value.p[end] != ' ' && value.p[end] != '\t')
                        end++;
                struct slice key = slice_make(value.p + i, end - i);
                const char *now = current_value(in->r, in->section, key);
                if (!now) {
                        message_error(in->r->messages, in->at, "'$%.*s' names no setting", SLICE_ARG(key));
                        return NULL;
                }
                buf_str(&out, now);
                i = end;
        }
        if (out.error) {
                message_error(in->r->messages, in->at, "the value is too long");
                return NULL;
        }
        return arena_str(in->r->arena, buf_slice(&out));
}

static void take_key(struct input *in, const struct line *l)
{
        struct conf_reader *r = in->r;
        const char *value;
        if (l->kind == LINE_KEY_FILE) {
                if (l->value.n == 0) {
                        message_error(r->messages, in->at, "the name of the file is missing behind '<'");
                        return;
                }
                value = full_path(r, in->at, l->value);
        } else if (l->quoted) {
                _cleanup_(buf_free) struct buf text = {0};
                line_unescape(&text, l->value);
                value = arena_str(r->arena, buf_slice(&text));
        } else {
                value = expand_names(in, l->value);
        }
        if (!value)
                return;
        struct conf_node *n = add_node(r, in->section, in->at);
        n->name = arena_str(r->arena, l->name);
        n->value = value;
        n->is_file = l->kind == LINE_KEY_FILE;
}

static void take_section(struct input *in, const struct line *l)
{
        unsigned depth = 0;
        for (const struct conf_node *n = in->section; n; n = n->parent)
                depth++;
        if (depth > SECTION_DEPTH_MAX) {
                limit_met(in->r, in->at, "sections are nested too deeply");
                return;
        }
        _cleanup_(buf_free) struct buf name = {0};
        if (l->quoted)
                line_unescape(&name, l->value);
        else
                buf_append(&name, l->value);
        in->section = open_section(in->r, in->section, l->name, buf_slice(&name), in->at);
        in->open++;
}

static void take_end(struct input *in)
{
        if (in->section == in->bottom) {
                message_error(in->r->messages, in->at, "'}' closes nothing");
                return;
        }
        in->section = in->section->parent;
        in->open--;
}

static void take_include(struct input *in, const struct line *l)
{
        struct conf_reader *r = in->r;
        bool must = l->kind == LINE_INCLUDE;
        if (in->depth >= INCLUDE_DEPTH_MAX) {
                limit_met(r, in->at, "files include each other too deeply");
                return;
        }
        const char *pattern = full_path(r, in->at, l->value);
        if (strpbrk(pattern, "*?[")) {
                struct slice folder = slice_of(pattern);
                folder = slice_head(folder, slice_rfind(folder, '/'));
                reader_watch(r, folder.n ? arena_str(r->arena, folder) : "/");
        } else {
                reader_watch(r, pattern);
        }
        _cleanup_(buf_free) struct buf paths = {0};
        int error = r->io->glob(r->io->context, pattern, &paths);
        if (error < 0 && must)
                message_error(r->messages, in->at, "cannot include %s: %s", pattern,
                              error == -ENOENT ? "no such file" : strerror(-error));
        struct slice rest = error < 0 ? SLICE_NULL : buf_slice(&paths), path;
        while (slice_split(&rest, '\0', &path))
                read_file(r, arena_str(r->arena, path), in->section, in->at, in->depth + 1);
}

static void take_line(struct input *in, struct slice text)
{
        struct line l = line_parse(text);
        switch (l.kind) {
        case LINE_EMPTY:
                break;
        case LINE_KEY:
        case LINE_KEY_FILE:
                take_key(in, &l);
                break;
        case LINE_SECTION:
                take_section(in, &l);
                break;
        case LINE_END:
                take_end(in);
                break;
        case LINE_INCLUDE:
        case LINE_INCLUDE_TRY:
                take_include(in, &l);
                break;
        case LINE_ERROR:
                message_error(in->r->messages, in->at, "%s", l.error);
                break;
        }
}

static void read_text(struct conf_reader *r, const char *file, struct slice text, struct conf_node *into,
                      unsigned depth)
{
        struct input in = {.r = r, .at = {file, 0}, .section = into, .bottom = into, .depth = depth};
        if (memchr(text.p ? text.p : "", '\0', text.n)) {
                message_error(r->messages, in.at, "this is not text: it holds a NUL byte");
                return;
        }
        _cleanup_(buf_free) struct buf joined = BUF_BOUNDED(LINE_MAX_BYTES);
        unsigned lines = 0;
        bool ambiguous;
        while (!r->full && line_next(&text, &joined, &lines, &ambiguous)) {
                in.at.line = lines;
                if (joined.error) {
                        message_error(r->messages, in.at, "the line is too long");
                        return;
                }
                if (ambiguous)
                        message_warning(
                                r->messages, in.at,
                                "'#' starts a comment here; put a space before it, or quote the value");
                take_line(&in, buf_slice(&joined));
                if (r->nodes >= NODES_MAX || r->arena->used >= MEMORY_MAX)
                        limit_met(r, in.at, "there are too many settings");
        }
        if (in.open > 0 && !r->full)
                message_error(r->messages, in.at, "'}' is missing: '%s' opened at %s:%u is not closed",
                              in.section->name, in.section->at.file, in.section->at.line);
}

static void read_file(struct conf_reader *r, const char *path, struct conf_node *into, struct conf_place from,
                      unsigned depth)
{
        if (r->files >= FILES_MAX)
                limit_met(r, from, "too many files are included");
        if (r->full)
                return;
        r->files++;
        reader_watch(r, path);
        _cleanup_(buf_wipe) struct buf text = BUF_BOUNDED(FILE_BYTES_MAX);
        int error = r->io->read(r->io->context, path, &text);
        if (error < 0) {
                if (from.file)
                        message_error(r->messages, from, "cannot read %s: %s", path, strerror(-error));
                else
                        message_error(r->messages, (struct conf_place){path, 0}, "cannot read: %s",
                                      strerror(-error));
                return;
        }
        read_text(r, path, buf_slice(&text), into, depth);
}

void reader_file(struct conf_reader *r, const char *path, struct conf_node *root)
{
        read_file(r, arena_str(r->arena, slice_of(path)), root, (struct conf_place){0}, 0);
}

void reader_text(struct conf_reader *r, const char *file, struct slice text, struct conf_node *root)
{
        read_text(r, file, text, root, 0);
}

void reader_override(struct conf_reader *r, const char *override, struct conf_node *root)
{
        struct input in = {.r = r, .at = {arena_printf(r->arena, "-o %s", override), 0}, .section = root};
        struct slice all = slice_of(override);
        size_t equals = slice_find(all, '=');
        struct slice path = slice_trim(slice_head(all, equals)), kind, name;
        if (equals == all.n || path.n == 0) {
                message_error(r->messages, in.at, "expected key=value");
                return;
        }
        while (slice_find(path, '/') < path.n) {
                slice_split(&path, '/', &kind);
                if (slice_find(path, '/') == path.n) {
                        message_error(r->messages, in.at, "expected section/name/key=value");
                        return;
                }
                slice_split(&path, '/', &name);
                in.section = open_section(r, in.section, kind, name, in.at);
        }
        struct slice value = slice_trim(slice_from(all, equals + 1));
        struct line l = {.kind = LINE_KEY, .name = path, .value = value};
        if (value.n > 0 && value.p[0] == '<') {
                l.kind = LINE_KEY_FILE;
                l.value = slice_trim(slice_from(value, 1));
        }
        take_key(&in, &l);
}

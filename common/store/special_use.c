#include "store/special_use.h"

#include <errno.h>

#include "store/error.h"
#include "store/name.h"
#include "store/root_file.h"

#define SPECIAL_USE_NAME "mailsession-special-use"

/* Hidden where the root's files are folders. */
static const char *file_of(const struct user_namespace *ns)
{
        return ns->location.format == LOCATION_MBOX ? "." SPECIAL_USE_NAME : SPECIAL_USE_NAME;
}

void special_use_parse(struct slice text, struct arena *a, struct special_use **ret, size_t *ret_n)
{
        size_t lines = slice_count(text, '\n') + 1, n = 0;
        struct special_use *uses = arena_array(a, struct special_use, lines);
        struct slice line, disk;
        while (slice_split(&text, '\n', &line))
                if (slice_split(&line, '\t', &disk) && disk.n && line.n && line.p[0] == '\\')
                        uses[n++] = (struct special_use){disk, line};
        *ret = uses;
        *ret_n = n;
}

int special_use_read(struct store *s, const struct user_namespace *ns, struct arena *a,
                     struct special_use **ret, size_t *ret_n)
{
        _cleanup_(buf_free) struct buf text = BUF_BOUNDED(SPECIAL_USE_MAX_BYTES);
        int r = root_file_read(s, ns, file_of(ns), &text);
        if (r < 0 && r != -ENOENT)
                return r;
        special_use_parse(arena_slice(a, buf_slice(&text)), a, ret, ret_n);
        return 0;
}

/* `disk` is the folder, or below it; *ret_rest: what follows its name. */
static bool is_below(const struct name_form *form, struct slice disk, const char *folder,
                     struct slice *ret_rest)
{
        *ret_rest = slice_from(disk, strlen(folder));
        return slice_starts(disk, slice_of(folder)) && (ret_rest->n == 0 || ret_rest->p[0] == form->level);
}

struct edit {
        const char *disk;
        bool below;       /* and the folders below it */
        const char *copy; /* a name under which there are the same lines, then; NULL: they go */
        const char *uses; /* what it has from now on; "": none */
};

static void put_line(struct buf *to, const char *disk, struct slice rest, struct slice uses)
{
        buf_str(to, disk);
        buf_append(to, rest);
        buf_char(to, '\t');
        buf_append(to, uses);
        buf_char(to, '\n');
}

static int edit_text(struct store *s, const struct user_namespace *ns, struct slice text, const void *arg,
                     struct buf *to)
{
        _cleanup_(arena_free) struct arena a = {0};
        const struct edit *e = arg;
        struct special_use *lines;
        size_t n;
        bool changed = *e->uses;
        special_use_parse(text, &a, &lines, &n);
        for (size_t i = 0; i < n; i++) {
                struct slice rest, disk = lines[i].disk;
                bool it = is_below(&ns->form, disk, e->disk, &rest) && (e->below || rest.n == 0);
                /* of an older folder with the new name */
                bool old = !it && e->copy && slice_eq(disk, slice_of(e->copy));
                changed |= it || old;
                if (!old && (!it || e->copy))
                        put_line(to, "", disk, lines[i].uses);
                if (it && e->copy)
                        put_line(to, e->copy, rest, lines[i].uses);
        }
        if (*e->uses)
                put_line(to, e->disk, SLICE_NULL, slice_of(e->uses));
        return changed;
}

/* Most users have no such file: no lock then. */
static int follow(struct store *s, const struct user_namespace *ns, const struct edit *e)
{
        _cleanup_(buf_free) struct buf text = BUF_BOUNDED(SPECIAL_USE_MAX_BYTES);
        int r = root_file_read(s, ns, file_of(ns), &text);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        return root_file_change(s, ns, file_of(ns), SPECIAL_USE_MAX_BYTES, edit_text, e);
}

/* The name as the file has it, whatever its form on disk. */
static int name_in_file(const struct folder_place *f, struct buf *to)
{
        int r = name_to_disk(&f->ns->form, slice_of(f->below), to);
        buf_cstr(to);
        return r;
}

int special_use_copy(struct store *s, const struct folder_place *from, const struct folder_place *to)
{
        _cleanup_(buf_free) struct buf old = {0}, new = {0};
        int r = name_in_file(from, &old);
        if (r == 0)
                r = name_in_file(to, &new);
        const struct edit e = {.disk = old.p, .below = true, .copy = new.p, .uses = ""};
        return r < 0 ? r : follow(s, from->ns, &e);
}

int special_use_forget(struct store *s, const struct folder_place *f, bool below)
{
        _cleanup_(buf_free) struct buf disk = {0};
        int r = name_in_file(f, &disk);
        const struct edit e = {.disk = disk.p, .below = below, .uses = ""};
        return r < 0 ? r : follow(s, f->ns, &e);
}

int store_special_use_set(struct store *s, const char *name, const char *uses)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(buf_free) struct buf disk = {0};
        struct folder_place f;
        int r = folder_resolve(s, &a, name, &f);
        if (r == 0 && f.inbox)
                r = error_text(s, -EBUSY, "INBOX has no special use");
        if (r == 0)
                r = name_in_file(&f, &disk);
        if (r < 0)
                return r;
        const struct edit e = {.disk = disk.p, .uses = uses};
        return root_file_change(s, f.ns, file_of(f.ns), SPECIAL_USE_MAX_BYTES, edit_text, &e);
}

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/filename.h"
#include "store/saved.h"

enum { PLACE_TRIES = 5 /* others rename the same file at the same time */ };

/* As Dovecot: what has no flags is new mail, what has some is not. */
static char *path_of(const struct save *s, const struct saved *item)
{
        uint32_t letters = 0;
        (void)keywords_letters(&s->to->keywords, item->keywords, &letters);
        if (!item->flags && !letters)
                return xasprintf("new/%s", item->base);
        _cleanup_(buf_free) struct buf path = {0};
        buf_printf(&path, "cur/%s", item->base);
        filename_info_format(&path, SLICE_NULL, item->flags, letters);
        return xstrdup(buf_cstr(&path));
}

static bool is_new(const char *path)
{
        return slice_starts(slice_of(path), SLICE("new/"));
}

static int call_for(struct save *s, const struct saved *item, const char *path)
{
        int to = s->to->dir;
        switch (item->where) {
        case SAVED_LINK:
                return linkat(s->from->dir, item->source, to, path, 0);
        case SAVED_MOVE:
                return renameat(s->from->dir, item->source, to, path);
        default:
                return renameat(to, item->source, to, path);
        }
}

static int place_one(struct save *s, struct saved *item)
{
        _cleanup_(free_p) char *path = path_of(s, item);
        if (call_for(s, item, path) == 0) {
                item->path = TAKE_PTR(path);
                return 0;
        }
        if (item->where == SAVED_TMP)
                return save_error(s, -errno, "rename", path);
        switch (errno) {
        case ENOENT:
                return -EAGAIN;
        case EXDEV:
        case EMLINK:
        case EPERM:
        case EOPNOTSUPP:
                return -EXDEV;
        default:
                return save_error(s, -errno, item->where == SAVED_LINK ? "link" : "rename", path);
        }
}

/* What others renamed just now, by reading the directory: the folder it comes from is not locked, and what
 * has been moved out of it already must not come back, or it would get another UID there. */
static bool find_in(struct save *s, struct saved *item, const char *sub, struct slice base)
{
        int fd = openat(s->from->dir, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_(dir_close_p) DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) {
                fd_close_p(&fd);
                return false;
        }
        for (struct dirent *e; (e = readdir(d));) {
                struct slice found, info;
                filename_split(slice_of(e->d_name), &found, &info);
                if (!slice_eq(found, base))
                        continue;
                _cleanup_(free_p) char *path = xasprintf("%s/%s", sub, e->d_name);
                save_rename(s, item, slice_of(path));
                return true;
        }
        return false;
}

static bool find_again(struct save *s, struct saved *item)
{
        struct slice base, info;
        filename_split(slice_from(slice_of(item->source), strlen("cur/")), &base, &info);
        _cleanup_(free_p) char *copy = xstrndup(base.p, base.n);
        return find_in(s, item, "new", slice_of(copy)) || find_in(s, item, "cur", slice_of(copy));
}

/* 0; -ENOENT: it is gone. */
static int move_one(struct save *s, struct saved *item)
{
        int r = place_one(s, item);
        for (int i = 0; r == -EAGAIN && i < PLACE_TRIES; i++)
                r = find_again(s, item) ? place_one(s, item) : -EAGAIN;
        return r == -EAGAIN ? -ENOENT : r;
}

static void leave_out(struct save *s, size_t at)
{
        saved_free(&s->items[at]);
        memmove(s->items + at, s->items + at + 1, (s->n - at - 1) * sizeof(*s->items));
        s->n--;
}

int place_all(struct save *s, struct touch *to, struct touch *left)
{
        for (size_t i = 0; i < s->n; i++) {
                struct saved *item = &s->items[i];
                user_step(s->to->store, i, s->n);
                int r = item->where == SAVED_MOVE ? move_one(s, item) : place_one(s, item);
                if (r == -ENOENT && item->where == SAVED_MOVE) {
                        leave_out(s, i--);
                        continue;
                }
                if (r < 0)
                        return r;
                touch_did(to, is_new(item->path), !is_new(item->path));
                if (item->where == SAVED_MOVE)
                        touch_did(left, is_new(item->source), !is_new(item->source));
        }
        return 0;
}

void place_back(struct save *s)
{
        for (size_t i = 0; i < s->n; i++) {
                struct saved *item = &s->items[i];
                if (!item->path)
                        continue;
                int to = item->where == SAVED_MOVE ? s->from->dir : s->to->dir;
                int r = item->where == SAVED_LINK ? unlinkat(s->to->dir, item->path, 0)
                                                  : renameat(s->to->dir, item->path, to, item->source);
                if (r < 0)
                        continue; /* save_undo() knows where it is */
                free(item->path);
                item->path = NULL;
        }
}

/* What is moved from another folder is in one of the two at any time, and stays where a cut leaves it. */
void place_intend(struct save *s)
{
        _cleanup_(buf_free) struct buf paths = {0};
        for (size_t i = 0; i < s->n; i++) {
                if (s->items[i].where == SAVED_MOVE)
                        return;
                _cleanup_(free_p) char *path = path_of(s, &s->items[i]);
                buf_append(&paths, slice_make(path, strlen(path) + 1));
        }
        if (s->n > 1)
                index_intend(&s->to->index, buf_slice(&paths), save_fsyncs(s));
}

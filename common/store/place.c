#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/filename.h"
#include "store/saved.h"

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

int place_all(struct save *s, struct touch *to, struct touch *left)
{
        for (size_t i = 0; i < s->n; i++) {
                struct saved *item = &s->items[i];
                int r = place_one(s, item);
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

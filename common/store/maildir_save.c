/* Messages that wait in a Maildir's tmp/. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/filename.h"
#include "store/maildir.h"
#include "store/saved.h"

void saved_name(struct save *s)
{
        _cleanup_(buf_free) struct buf base = {0};
        filename_generate(&base, &s->to->store->last_name_us);
        s->now.base = xstrdup(buf_cstr(&base));
        s->now.source = xasprintf("tmp/%s", s->now.base);
}

int maildir_save_begin(struct save *s)
{
        saved_name(s);
        int r = perm_create(s->to->dir, s->now.source, &s->to->perm, &s->fd);
        if (r == -ENOENT) {
                r = folder_make_subdirs(s->to->store, s->to->place.dir, s->to->dir, &s->to->perm);
                if (r == 0)
                        r = perm_create(s->to->dir, s->now.source, &s->to->perm, &s->fd);
        }
        return r < 0 ? save_error(s, r, "open", s->now.source) : 0;
}

int maildir_save_bytes(struct save *s, struct slice bytes)
{
        int r = fd_write_all(s->fd, bytes);
        return r < 0 ? save_error(s, r, "write", s->now.source) : 0;
}

void saved_sizes(struct save *s, uint64_t size, uint64_t vsize)
{
        char *with = vsize == RECORD_SIZE_UNKNOWN
                             ? xasprintf("%s,S=%llu", s->now.base, (unsigned long long)size)
                             : xasprintf("%s,S=%llu,W=%llu", s->now.base, (unsigned long long)size,
                                         (unsigned long long)vsize);
        free(s->now.base);
        s->now.base = with;
        s->now.bytes = size;
}

int maildir_save_end(struct save *s)
{
        if (s->internaldate != -1) {
                struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = s->internaldate}};
                if (futimens(s->fd, times) < 0)
                        return save_error(s, -errno, "futimens", s->now.source);
        }
        if (save_fsyncs(s) && fsync(s->fd) < 0)
                return save_error(s, -errno, "fsync", s->now.source);
        fd_close_p(&s->fd);
        saved_sizes(s, s->now.bytes, s->now.size);
        return 0;
}

void maildir_save_drop(struct save *s)
{
        fd_close_p(&s->fd);
        if (s->now.source)
                unlinkat(s->to->dir, s->now.source, 0);
}

void maildir_save_undo(struct save *s)
{
        for (size_t i = 0; i < s->n; i++) {
                struct saved *item = &s->items[i];
                const char *made = item->path ? item->path : item->where == SAVED_TMP ? item->source : NULL;
                if (item->path && item->where == SAVED_MOVE)
                        (void)!renameat(s->to->dir, item->path, s->from->dir, item->source);
                else if (made)
                        unlinkat(s->to->dir, made, 0);
                saved_free(item);
        }
        s->n = 0;
}

/* In tmp/ as all that is written, and without a name as soon as it is open. */
int maildir_save_spool(struct save *s, int *ret_fd)
{
        _cleanup_(buf_free) struct buf path = {0};
        _cleanup_(fd_close_p) int fd = -1;
        buf_str(&path, "tmp/");
        filename_generate(&path, &s->to->store->last_name_us);
        int r = perm_create(s->to->dir, buf_cstr(&path), &s->to->perm, &fd);
        if (r < 0)
                return save_error(s, r, "open", buf_cstr(&path));
        if (unlinkat(s->to->dir, buf_cstr(&path), 0) < 0)
                return save_error(s, -errno, "unlink", buf_cstr(&path));
        *ret_fd = TAKE_FD(fd);
        return 0;
}

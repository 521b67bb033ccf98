/* Bytes and dates of a Maildir's messages. */

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "mime/header.h"
#include "store/maildir.h"

enum {
        TEXT_TRIES = 5,            /* others rename the same file at the same time */
        TEXT_COPY_MAX = 32 * 1024, /* smaller ones are read: quicker than mapping them */
        TEXT_HEAD = 8 * 1024,      /* the first read of a header: longer ones are few */
};

/* Calls f on the message's path until it finds the file; f gives -ENOENT when it does not. */
static int with_path(struct mailbox *m, uint32_t seq, int (*f)(struct mailbox *, const char *, void *),
                     void *arg)
{
        char text[600];
        for (int i = 0;; i++) {
                const struct record *rec = opened_record(m, seq);
                struct buf path = {.p = text, .cap = sizeof(text), .max = sizeof(text) - 1};
                if (!index_is_live(rec) && m->ghosts && i < TEXT_TRIES) {
                        int r = opened_sync(m, true);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (!index_is_live(rec))
                        return opened_error(m, -ENOENT, "open", "cur");
                maildir_path(m, rec, &path);
                if (path.error)
                        return opened_error(m, -ENAMETOOLONG, "open", "cur");
                text[path.n] = '\0';
                int r = f(m, text, arg);
                if (r != -ENOENT || i == TEXT_TRIES)
                        return r;
                r = opened_sync(m, true);
                if (r < 0)
                        return r;
        }
}

static int open_file(struct mailbox *m, const char *path, void *ret_fd)
{
        int fd = openat(m->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return opened_error(m, -errno, "open", path);
        *(int *)ret_fd = fd;
        return 0;
}

static int stat_file(struct mailbox *m, const char *path, void *ret_st)
{
        return fstatat(m->dir, path, ret_st, AT_SYMLINK_NOFOLLOW) < 0 ? opened_error(m, -errno, "stat", path)
                                                                      : 0;
}

static int read_file(struct mailbox *m, int fd, struct message_text *ret)
{
        struct stat st;
        if (fstat(fd, &st) < 0)
                return opened_error(m, -errno, "fstat", "cur");
        size_t size = (size_t)st.st_size;
        if (size <= TEXT_COPY_MAX) {
                ret->copy = xmalloc(size + 1);
                ssize_t n = fd_read_all(fd, ret->copy, size);
                if (n < 0)
                        return opened_error(m, (int)n, "read", "cur");
                ret->raw = slice_make(ret->copy, (size_t)n);
                return 0;
        }
        void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED)
                return opened_error(m, -errno, "mmap", "cur");
        ret->map = map;
        ret->map_size = size;
        ret->raw = slice_make(map, size);
        return 0;
}

static int read_head(struct mailbox *m, int fd, struct message_text *ret)
{
        _cleanup_(message_text_release) struct message_text t = {.copy = xmalloc(TEXT_HEAD)};
        ssize_t n = pread(fd, t.copy, TEXT_HEAD, 0);
        t.raw = slice_make(t.copy, n > 0 ? (size_t)n : 0);
        if (header_size(t.raw) == t.raw.n) /* it may go on */
                return read_file(m, fd, ret);
        *ret = t;
        t = (struct message_text){0};
        return 0;
}

int maildir_text(struct mailbox *m, uint32_t seq, bool head, struct message_text *ret)
{
        _cleanup_(fd_close_p) int fd = -1;
        _cleanup_(message_text_release) struct message_text t = {0};
        int r = with_path(m, seq, open_file, &fd);
        if (r == 0)
                r = head ? read_head(m, fd, &t) : read_file(m, fd, &t);
        if (r < 0)
                return r;
        *ret = t;
        t = (struct message_text){0};
        return 0;
}

int maildir_date(struct mailbox *m, uint32_t seq, time_t *ret)
{
        struct stat st;
        int r = with_path(m, seq, stat_file, &st);
        if (r == 0)
                *ret = st.st_mtim.tv_sec;
        return r;
}

/* Bytes, sizes, dates and names of messages. */

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/number.h"
#include "store/filename.h"
#include "store/maildir.h"

enum { CONTENT_TRIES = 5 /* others rename the same file at the same time */ };

/* Calls f on the message's path until it finds the file; f gives -ENOENT when it does not. */
static int with_path(struct mailbox *m, struct record *rec, int (*f)(struct mailbox *, const char *, void *),
                     void *arg)
{
        _cleanup_(buf_free) struct buf path = {0};
        for (int i = 0;; i++) {
                if (rec->message.gone)
                        return maildir_error(m, -ENOENT, "open", "cur");
                path.n = 0;
                maildir_path(rec, &path);
                int r = f(m, buf_cstr(&path), arg);
                if (r != -ENOENT || i == CONTENT_TRIES)
                        return r;
                r = maildir_sync(m, true);
                if (r < 0)
                        return r;
        }
}

static int open_file(struct mailbox *m, const char *path, void *ret_fd)
{
        int fd = openat(m->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return maildir_error(m, -errno, "open", path);
        *(int *)ret_fd = fd;
        return 0;
}

static int stat_file(struct mailbox *m, const char *path, void *ret_st)
{
        return fstatat(m->dir, path, ret_st, AT_SYMLINK_NOFOLLOW) < 0 ? maildir_error(m, -errno, "stat", path)
                                                                      : 0;
}

/* Line feeds that have no carriage return before them. */
static uint64_t count_bare_lf(struct slice s)
{
        uint64_t n = 0;
        const char *end = s.p + s.n;
        for (const char *p = s.p; s.n && (p = memchr(p, '\n', (size_t)(end - p))); p++)
                n += p == s.p || p[-1] != '\r';
        return n;
}

static int map_message(struct mailbox *m, struct record *rec, struct message_text *ret)
{
        _cleanup_(fd_close_p) int fd = -1;
        struct stat st;
        int r = with_path(m, rec, open_file, &fd);
        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0)
                return maildir_error(m, -errno, "fstat", "cur");
        struct message_text t = {.map_size = (size_t)st.st_size};
        if (t.map_size) {
                t.map = mmap(NULL, t.map_size, PROT_READ, MAP_PRIVATE, fd, 0);
                if (t.map == MAP_FAILED)
                        return maildir_error(m, -errno, "mmap", "cur");
        }
        t.raw = slice_make(t.map, t.map_size);
        if (!rec->counted) {
                rec->vsize = t.raw.n + count_bare_lf(t.raw);
                rec->counted = true;
        }
        *ret = t;
        return 0;
}

int mailbox_read(struct mailbox *m, uint32_t seq, struct message_text *ret)
{
        return map_message(m, maildir_record(m, seq), ret);
}

void message_text_release(struct message_text *t)
{
        if (t->map_size)
                munmap(t->map, t->map_size);
        *t = (struct message_text){0};
}

int mailbox_size(struct mailbox *m, uint32_t seq, uint64_t *ret)
{
        struct record *rec = maildir_record(m, seq);
        struct slice field;
        if (rec->vsize == RECORD_SIZE_UNKNOWN) {
                uint64_t size;
                if (filename_size(rec->base, 'W', &size) ||
                    (uidlist_field(rec->fields, 'W', &field) && slice_to_u64(field, &size) == 0)) {
                        rec->vsize = size;
                } else {
                        _cleanup_(message_text_release) struct message_text t = {0};
                        int r = map_message(m, rec, &t);
                        if (r < 0)
                                return r;
                }
        }
        *ret = rec->vsize;
        return 0;
}

int mailbox_internaldate(struct mailbox *m, uint32_t seq, time_t *ret)
{
        struct stat st;
        int r = with_path(m, maildir_record(m, seq), stat_file, &st);
        if (r == 0)
                *ret = st.st_mtim.tv_sec;
        return r;
}

const char *mailbox_base_name(struct mailbox *m, uint32_t seq)
{
        return maildir_record(m, seq)->base.p;
}

const char *mailbox_pop3_uidl(struct mailbox *m, uint32_t seq)
{
        struct record *rec = maildir_record(m, seq);
        struct slice value;
        if (!rec->pop3_uidl && uidlist_field(rec->fields, 'P', &value) && value.n)
                rec->pop3_uidl = arena_str(&m->uidlist.arena, value);
        return rec->pop3_uidl;
}

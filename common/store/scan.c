#include "store/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "store/filename.h"

enum {
        /* The coarsest time stamps, and clocks of file servers that are off by about as much: a directory
         * changed so shortly before it was read can change again without showing it. */
        SCAN_TICK_US = 2 * 1000 * 1000,
        /* A directory that takes longer than this to read is not read again and again while its time stamp is
         * young, but only after SCAN_PAUSE times as long. */
        SCAN_SLOW_MS = 20,
        SCAN_PAUSE = 4,
};

void scan_free(struct scan *s)
{
        free(s->unknown);
        free(s->twice);
        map_free(&s->unknown_by_base);
        arena_free(&s->arena);
}

bool scan_saw(const struct scan *s, const struct record *rec)
{
        return rec->pass >= s->first_pass && !rec->replaced;
}

static struct scan_file *add(struct scan *s, struct scan_file **list, size_t *n, size_t *cap,
                             struct slice base, struct slice info, bool in_new)
{
        if (*n == *cap) {
                *cap = *cap ? *cap * 2 : 64;
                *list = xrealloc(*list, *cap * sizeof(**list));
        }
        (*list)[*n] = (struct scan_file){arena_slice(&s->arena, base), arena_slice(&s->arena, info), in_new};
        return &(*list)[(*n)++];
}

static void found_again(struct scan *s, struct slice base, struct slice info, bool in_new)
{
        add(s, &s->twice, &s->twice_n, &s->twice_cap, base, info, in_new);
}

static void found_unknown(struct scan *s, struct slice base, struct slice info, bool in_new)
{
        uintptr_t index = (uintptr_t)map_get(&s->unknown_by_base, base);
        if (index) {
                struct scan_file *f = &s->unknown[index - 1];
                if (f->in_new == in_new && slice_eq(f->info, info))
                        return;
                found_again(s, f->base, f->info, f->in_new);
                f->in_new = in_new;
                f->info = arena_slice(&s->arena, info);
                return;
        }
        struct scan_file *f = add(s, &s->unknown, &s->unknown_n, &s->unknown_cap, base, info, in_new);
        map_put(&s->unknown_by_base, f->base, (void *)(uintptr_t)s->unknown_n);
}

static void found(struct scan *s, struct slice name, bool in_new)
{
        struct mailbox *m = s->m;
        struct slice base, text;
        filename_split(name, &base, &text);
        struct record *rec = uidlist_find(&m->uidlist, base);
        if (!maildir_uid_holds(m, rec)) {
                found_unknown(s, base, text, in_new);
                return;
        }
        const struct record_info *info = maildir_info(m, text);
        if (rec->pass == m->pass && (rec->info != info || rec->in_new != in_new))
                found_again(s, base, rec->info->text, rec->in_new);
        rec->pass = m->pass;
        rec->in_new = in_new;
        if (rec->info == info)
                return;
        rec->info = info;
        struct flags flags = maildir_flags(m, info);
        if (flags.system != rec->message.flags.system || flags.keywords != rec->message.flags.keywords) {
                rec->message.flags = flags;
                rec->changed = rec->viewed;
        }
}

static bool is_file(int dirfd, const struct dirent *e)
{
        struct stat st;
        if (e->d_type == DT_UNKNOWN)
                return fstatat(dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
        return e->d_type == DT_REG;
}

static int read_dir(struct scan *s, const char *name, bool in_new, struct maildir_seen *seen)
{
        struct mailbox *m = s->m;
        struct stat before, after;
        int fd = openat(m->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_(dir_close_p) DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) {
                int r = maildir_error(m, -errno, "open", name);
                fd_close_p(&fd);
                return r == -ENOENT ? -ESTALE : r;
        }
        if (fstat(fd, &before) < 0)
                return maildir_error(m, -errno, "fstat", name);
        int64_t start = clock_ms();
        struct maildir_seen now = {.mtime = before.st_mtim, .read_at_us = clock_realtime_us()};
        errno = 0;
        for (struct dirent *e; (e = readdir(d)); errno = 0)
                if (filename_usable(slice_of(e->d_name)) && is_file(fd, e))
                        found(s, slice_of(e->d_name), in_new);
        if (errno)
                return maildir_error(m, -errno, "readdir", name);
        now.took_ms = clock_ms() - start;
        if (fstat(fd, &after) < 0)
                return maildir_error(m, -errno, "fstat", name);
        int64_t age = now.read_at_us - (int64_t)before.st_mtim.tv_sec * 1000000;
        if (after.st_mtim.tv_sec != before.st_mtim.tv_sec || after.st_mtim.tv_nsec != before.st_mtim.tv_nsec)
                s->moving = true;
        if (age < SCAN_TICK_US || s->moving)
                s->stable = false;
        *seen = now;
        return 0;
}

int scan_pass(struct scan *s)
{
        struct mailbox *m = s->m;
        m->pass++;
        if (s->first_pass == 0)
                s->first_pass = m->pass;
        s->stable = true;
        s->moving = false;
        /* new/ first: what goes from new/ to cur/ meanwhile is seen twice and not missed */
        int r = read_dir(s, "new", true, &m->new);
        return r < 0 ? r : read_dir(s, "cur", false, &m->cur);
}

static int dir_is_due(struct mailbox *m, const char *name, const struct maildir_seen *seen, bool *due)
{
        struct stat st;
        if (fstatat(m->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                int r = maildir_error(m, -errno, "stat", name);
                return r == -ENOENT ? -ESTALE : r;
        }
        if (st.st_mtim.tv_sec != seen->mtime.tv_sec || st.st_mtim.tv_nsec != seen->mtime.tv_nsec) {
                *due = true;
                return 0;
        }
        int64_t mtime_us = (int64_t)seen->mtime.tv_sec * 1000000;
        if (seen->read_at_us - mtime_us < SCAN_TICK_US) {
                int64_t since_ms = (clock_realtime_us() - seen->read_at_us) / 1000;
                if (seen->took_ms < SCAN_SLOW_MS || since_ms > seen->took_ms * SCAN_PAUSE || since_ms < 0)
                        *due = true;
        }
        return 0;
}

int scan_is_due(struct mailbox *m, bool *ret)
{
        bool due = m->look_again || m->pass == 0;
        int r = dir_is_due(m, "new", &m->new, &due);
        if (r == 0)
                r = dir_is_due(m, "cur", &m->cur, &due);
        if (r == 0)
                *ret = due;
        return r;
}

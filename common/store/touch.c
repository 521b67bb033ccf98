#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/random.h"
#include "store/maildir.h"

enum {
        /* The coarsest time stamps, and clocks of file servers that are off by about as much: a directory
         * changed so shortly before it was read can change again without showing it. */
        TOUCH_TICK_US = 2 * 1000 * 1000,
        TOUCH_DRAIN = 2000,   /* changes between two looks at the queue, which holds 16384 events */
        TOUCH_MARKS = 100000, /* nanoseconds: less than the shortest tick */
};

/* File systems that the kernel's header does not name */
#define TOUCH_ZFS_MAGIC      0x2fc12fc1u
#define TOUCH_BCACHEFS_MAGIC 0xca451a4eu

static bool same_mtime(const struct stat *st, const struct index_dir *d)
{
        return st->st_mtim.tv_sec == d->sec && (uint32_t)st->st_mtim.tv_nsec == d->nsec;
}

static int look_at(int fd, const char *name, struct stat *ret)
{
        return name ? fstatat(fd, name, ret, AT_SYMLINK_NOFOLLOW) : fstat(fd, ret);
}

/* A stamp some nanoseconds behind that of the last change: whatever changes the directory later in the same
 * tick takes it back to the tick's own, and what comes after the tick has a later one. How many is chance: a
 * mark made earlier in the same tick, by us or by who does not share our index, must not come again behind a
 * change that was made in between. File systems with coarser stamps, and directories of others, do not take
 * it: they are unsettled while they are young. */
int touch_mark(int fd, const char *name, struct index_dir *ret, struct stat *ret_st)
{
        struct stat st;
        if (look_at(fd, name, &st) < 0)
                return -errno;
        int64_t now = clock_realtime_us();
        bool old = now - ((int64_t)st.st_mtim.tv_sec * 1000000) >= TOUCH_TICK_US;
        bool settled = old;
        if (!old && st.st_mtim.tv_nsec < 1000000000 - TOUCH_MARKS) {
                struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, st.st_mtim};
                times[1].tv_nsec += 1 + (long)(random_u32() % (TOUCH_MARKS - 1));
                settled = (name ? utimensat(fd, name, times, AT_SYMLINK_NOFOLLOW) : futimens(fd, times)) == 0;
                if (settled && look_at(fd, name, &st) < 0)
                        return -errno;
                settled = settled && st.st_mtim.tv_sec == times[1].tv_sec &&
                          st.st_mtim.tv_nsec == times[1].tv_nsec;
        }
        *ret = (struct index_dir){.sec = st.st_mtim.tv_sec,
                                  .nsec = (uint32_t)st.st_mtim.tv_nsec,
                                  .read_at_us = now,
                                  .settled = settled};
        if (ret_st)
                *ret_st = st;
        return 0;
}

static int watch_dir(const struct touch *t, const char *name)
{
        _cleanup_(free_p) char *path = xasprintf("%s/%s", t->m->place.dir, name);
        return inotify_add_watch(t->fd, path,
                                 IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR |
                                         IN_DONT_FOLLOW);
}

static bool is_as(const struct mailbox *m, const char *name, const struct index_dir *d)
{
        struct stat st;
        return d->settled && fstatat(m->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && same_mtime(&st, d);
}

/* Where inotify tells of all changes: what another machine does to a shared file system, it does not. */
static bool is_local(int dirfd)
{
        static const uint32_t local[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,     BTRFS_SUPER_MAGIC,
                                         F2FS_SUPER_MAGIC, TMPFS_MAGIC,         OVERLAYFS_SUPER_MAGIC,
                                         TOUCH_ZFS_MAGIC,  TOUCH_BCACHEFS_MAGIC};
        struct statfs st;
        if (fstatfs(dirfd, &st) < 0)
                return false;
        for (size_t i = 0; i < ARRAY_LEN(local); i++)
                if ((uint32_t)st.f_type == local[i])
                        return true;
        return false;
}

void touch_begin(struct touch *t, struct mailbox *m, const struct index_truth *truth)
{
        *t = (struct touch){.m = m, .fd = -1, .cur_wd = -1, .new_wd = -1};
        if (is_local(m->dir))
                t->fd = watch_take(m->store);
        if (t->fd < 0)
                return;
        t->cur_wd = watch_dir(t, "cur");
        t->new_wd = watch_dir(t, "new");
        t->cur = t->cur_wd >= 0 && is_as(m, "cur", &truth->cur);
        t->new = t->new_wd >= 0 && is_as(m, "new", &truth->new);
}

static void count_events(struct touch *t)
{
        _Alignas(struct inotify_event) char events[16384];
        ssize_t n;
        while ((n = read(t->fd, events, sizeof(events))) > 0)
                for (char *p = events; p < events + n;) {
                        const struct inotify_event *e = (const struct inotify_event *)(const void *)p;
                        if (e->mask & IN_Q_OVERFLOW)
                                t->cur = t->new = false;
                        else if (e->wd == t->cur_wd)
                                t->cur_n--;
                        else if (e->wd == t->new_wd)
                                t->new_n--;
                        p += sizeof(*e) + e->len;
                }
}

void touch_did(struct touch *t, unsigned in_new, unsigned in_cur)
{
        t->new_n += in_new;
        t->cur_n += in_cur;
        t->did_new |= in_new > 0;
        t->did_cur |= in_cur > 0;
        if (t->fd >= 0 && ++t->since_drained >= TOUCH_DRAIN) {
                count_events(t);
                t->since_drained = 0;
        }
}

static void end_one(struct touch *t, const char *name, bool tracked, struct index_dir *to)
{
        struct index_dir now;
        if (tracked && touch_mark(t->m->dir, name, &now, NULL) == 0)
                *to = now;
}

/* The marks come first: they wait for whoever is changing a directory just now, whose event is in the queue
 * then; who comes later changes the stamp. */
void touch_end(struct touch *t, struct index_truth *truth)
{
        struct index_dir cur = truth->cur, new = truth->new;
        if (t->did_cur)
                end_one(t, "cur", t->cur, &cur);
        if (t->did_new)
                end_one(t, "new", t->new, &new);
        if (t->fd >= 0)
                count_events(t);
        if (t->cur && t->cur_n == 0)
                truth->cur = cur;
        if (t->new && t->new_n == 0)
                truth->new = new;
        touch_free(t);
}

void touch_free(struct touch *t)
{
        const int watches[] = {t->cur_wd, t->new_wd};
        if (t->fd >= 0)
                watch_give(t->m->store, &t->fd, watches, ARRAY_LEN(watches));
}

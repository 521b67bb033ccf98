#ifndef TESTS_REWRITE_DISK_H
#define TESTS_REWRITE_DISK_H

/* The calls that change a file and its journals, counted, so that one of them can fail, or be the last one a
 * process makes: then the next ones do nothing. What was written and not synced is known, so that a power cut
 * can lose any of it: data by the sector, sizes and names from some moment on. */

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/rewrite.h"

/* STAYS: from there on nothing is written or synced, but the process goes on */
enum fault { FAULT_NONE, FAULT_CUT, FAULT_HALF, FAULT_FAIL, FAULT_FULL, FAULT_STAYS };
enum { MBOX, JOURNAL, KEPT_JOURNAL, FILES, LOG_MAX = 4096, SECTOR = 8 };
/* of the journal's name */
enum named { BEFORE, NAMED, GONE };
/* what has the name of the journal that stays: nothing, that one, or another journal */
enum kept { NONE, KEPT, REPLACED };

struct change {
        int file;
        off_t at; /* or the size */
        char *bytes;
        size_t n;
};

static struct disk {
        int dir;
        char path[64];
        ino_t mbox;
        unsigned calls, fault_at;
        enum fault fault;
        int error;
        off_t room[FILES]; /* FAULT_FULL: a file may be this long */
        bool dead;
        struct buf safe[FILES]; /* what is on the disk */
        struct change log[LOG_MAX];
        unsigned log_n;
        enum named named, safe_named;
        enum kept safe_kept;
        bool replaced;
        unsigned syncs;
        void (*meanwhile)(unsigned sync); /* what others do while a sync takes its time; NULL */
} disk;

int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_ftruncate64(int fd, off_t size);
int __real_fallocate64(int fd, int mode, off_t at, off_t n);
ssize_t __real_pwrite64(int fd, const void *p, size_t n, off_t at);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_unlinkat(int dir, const char *name, int flags);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_ftruncate64(int fd, off_t size);
int __wrap_fallocate64(int fd, int mode, off_t at, off_t n);
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_unlinkat(int dir, const char *name, int flags);

static uint32_t dice(uint32_t sides)
{
        static uint64_t state = 20261121;
        state = state * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t)(state >> 33) % sides;
}

static enum kept kept_now(void)
{
        struct stat st;
        bool there = fstatat(disk.dir, REWRITE_APPEND_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0;
        return !there ? NONE : disk.replaced ? REPLACED : KEPT;
}

static int file_of(int fd)
{
        struct stat st, kept;
        assert_int_equal(fstat(fd, &st), 0);
        if (st.st_ino == disk.mbox)
                return MBOX;
        bool there = fstatat(disk.dir, REWRITE_APPEND_NAME, &kept, AT_SYMLINK_NOFOLLOW) == 0;
        return there && kept.st_ino == st.st_ino && !disk.replaced ? KEPT_JOURNAL : JOURNAL;
}

static off_t size_of(int fd)
{
        struct stat st;
        assert_int_equal(fstat(fd, &st), 0);
        return st.st_size;
}

/* Whether the call is made; *ret_half: only half of it, and it is the last one. */
static bool goes_on(bool *ret_half)
{
        errno = EIO;
        if (disk.dead)
                return false;
        disk.calls++;
        if (disk.fault == FAULT_NONE || disk.fault >= FAULT_FULL || disk.calls != disk.fault_at)
                return true;
        if (disk.fault == FAULT_FAIL) {
                errno = disk.error;
                return false;
        }
        disk.dead = true;
        *ret_half = disk.fault == FAULT_HALF;
        return *ret_half;
}

static bool takes_no_more(void)
{
        errno = disk.error;
        return disk.fault == FAULT_STAYS && disk.calls >= disk.fault_at;
}

static bool has_room(int fd, off_t size)
{
        if (takes_no_more())
                return false;
        bool has = disk.fault != FAULT_FULL || size <= disk.room[file_of(fd)];
        errno = ENOSPC;
        return has;
}

static void keep(int fd, const void *p, size_t n, off_t at)
{
        assert_true(disk.log_n < LOG_MAX);
        struct change *c = &disk.log[disk.log_n++];
        *c = (struct change){.file = file_of(fd), .at = at, .n = n};
        if (p) {
                c->bytes = malloc(n + 1);
                memcpy(c->bytes, p, n);
        }
}

static void resize(struct buf *b, size_t n)
{
        if (n > b->n)
                memset(buf_reserve(b, n - b->n), 0, n - b->n);
        b->n = n;
}

/* Of what is not synced in a file: all, or (lose) some. */
static void settle(int file, bool lose)
{
        unsigned rest = 0, sizes = lose ? dice(disk.log_n + 1) : disk.log_n, data = lose ? dice(3) : 2;
        struct buf *b = &disk.safe[file];
        for (unsigned i = 0; i < disk.log_n; i++) {
                struct change *c = &disk.log[i];
                size_t end = (size_t)c->at + c->n;
                if (c->file != file) {
                        disk.log[rest++] = *c;
                        continue;
                }
                if (i < sizes && (!c->bytes || end > b->n))
                        resize(b, end);
                for (size_t k = 0; c->bytes && k < c->n; k++) {
                        size_t to = (size_t)c->at + k;
                        bool first = k == 0 || to % SECTOR == 0;
                        static bool kept;
                        if (first)
                                kept = data == 2 || (data == 1 && dice(2));
                        if (kept && to < b->n)
                                b->p[to] = c->bytes[k];
                }
                free(c->bytes);
        }
        disk.log_n = rest;
}

static int sync_file(int fd)
{
        bool half = false;
        struct stat st;
        if (!goes_on(&half) || half || takes_no_more())
                return -1;
        disk.syncs++;
        if (disk.meanwhile)
                disk.meanwhile(disk.syncs);
        assert_int_equal(fstat(fd, &st), 0);
        if (S_ISDIR(st.st_mode)) {
                disk.safe_named = disk.named;
                disk.safe_kept = kept_now();
        } else {
                settle(file_of(fd), false);
        }
        return 0;
}

int __wrap_fsync(int fd)
{
        return sync_file(fd);
}

int __wrap_fdatasync(int fd)
{
        return sync_file(fd);
}

int __wrap_ftruncate64(int fd, off_t size)
{
        bool half = false;
        if (!goes_on(&half) || half)
                return -1;
        keep(fd, NULL, 0, size);
        return __real_ftruncate64(fd, size);
}

int __wrap_fallocate64(int fd, int mode, off_t at, off_t n)
{
        bool half = false;
        if (!goes_on(&half) || half)
                return -1;
        if (!has_room(fd, at + n))
                return -1;
        if (at + n > size_of(fd))
                keep(fd, NULL, 0, at + n);
        return __real_fallocate64(fd, mode, at, n);
}

ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at)
{
        bool half = false;
        if (!goes_on(&half))
                return -1;
        if (!has_room(fd, at + (off_t)n))
                return -1;
        if (half)
                n /= 2;
        if (n)
                keep(fd, p, n, at);
        ssize_t r = __real_pwrite64(fd, p, n, at);
        return half ? -1 : r;
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
        bool half = false;
        if (!goes_on(&half) || half)
                return -1;
        if (strcmp(to, REWRITE_APPEND_NAME) == 0)
                disk.replaced = true;
        else
                disk.named = NAMED;
        return __real_renameat(from_dir, from, to_dir, to);
}

int __wrap_unlinkat(int dir, const char *name, int flags)
{
        bool half = false;
        if (!goes_on(&half) || half)
                return -1;
        if (strcmp(name, REWRITE_NAME) == 0 && disk.named == NAMED)
                disk.named = GONE;
        return __real_unlinkat(dir, name, flags);
}

static void write_whole(const char *name, struct slice bytes)
{
        int fd = openat(disk.dir, name, O_RDWR | O_CREAT, 0600);
        assert_true(fd >= 0);
        assert_int_equal(__real_pwrite64(fd, bytes.p, bytes.n, 0), bytes.n);
        assert_int_equal(__real_ftruncate64(fd, (off_t)bytes.n), 0);
        close(fd);
}

static void forget_log(void)
{
        for (unsigned i = 0; i < disk.log_n; i++)
                free(disk.log[i].bytes);
        disk.log_n = 0;
}

#endif

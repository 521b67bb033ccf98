#ifndef TESTS_UNIT_STORE_MBOX_LOCK_FIXTURE_H
#define TESTS_UNIT_STORE_MBOX_LOCK_FIXTURE_H

/* An mbox in a fresh spool, for each test, and another process that holds one of its locks. */

#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "store/mbox_lock.h"

enum {
        WAIT_MS = 100,         /* when nobody lets go */
        LONG_MS = 20 * 1000,   /* when somebody does */
        NOBODY_PID = 999999999 /* above any pid_max */
};

struct spool {
        char dir[64], path[96];
        int dirfd, fd;
        const char *read_locks[4], *write_locks[4];
        struct settings settings;
        struct mbox_lock lock;
};

static inline struct settings_list words(const char **items, const char *text)
{
        struct settings_list l = {.items = items};
        static const char *const known[] = {"fcntl", "dotlock_try", "dotlock", "flock", "lockf"};
        struct slice rest = slice_of(text), word;
        while (slice_split(&rest, ' ', &word))
                for (size_t i = 0; i < ARRAY_LEN(known); i++)
                        if (slice_eq(word, slice_of(known[i])))
                                items[l.count++] = known[i];
        return l;
}

static inline void use(struct spool *s, const char *read_locks, const char *write_locks)
{
        s->settings = (struct settings){.mbox_read_locks = words(s->read_locks, read_locks),
                                        .mbox_write_locks = words(s->write_locks, write_locks),
                                        .mbox_lock_timeout = WAIT_MS,
                                        .mbox_dotlock_change_timeout = 60000,
                                        .mail_privileged_group = ""};
}

static inline int setup(void **state)
{
        struct spool *s = calloc(1, sizeof(*s));
        snprintf(s->dir, sizeof(s->dir), "/tmp/mbox-lock-XXXXXX");
        assert_non_null(mkdtemp(s->dir));
        snprintf(s->path, sizeof(s->path), "%s/kevin", s->dir);
        s->dirfd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        s->fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(s->dirfd >= 0 && s->fd >= 0);
        s->lock = MBOX_LOCK_NONE;
        use(s, "fcntl", "fcntl dotlock");
        *state = s;
        return 0;
}

/* Nothing is left but the mbox. */
static inline int teardown(void **state)
{
        struct spool *s = *state;
        mbox_lock_release(&s->lock);
        close(s->fd);
        close(s->dirfd);
        unlink(s->path);
        int r = rmdir(s->dir);
        free(s);
        return r;
}

static inline int take(struct spool *s, bool write)
{
        return mbox_lock_take(&s->lock, s->fd, s->path, write, &s->settings);
}

static inline bool has_dotlock(const struct spool *s)
{
        return faccessat(s->dirfd, "kevin.lock", F_OK, 0) == 0;
}

static inline void put_file(const struct spool *s, const char *name, const void *text, size_t n)
{
        int fd = openat(s->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_int_equal(fd_write_all(fd, slice_make(text, n)), 0);
        close(fd);
}

static inline void put_dotlock(const struct spool *s, const void *text, size_t n)
{
        put_file(s, "kevin.lock", text, n);
}

static inline void set_time(const struct spool *s, const char *name, time_t t)
{
        const struct timespec times[2] = {{.tv_sec = t}, {.tv_sec = t}};
        assert_int_equal(utimensat(s->dirfd, name, times, 0), 0);
}

static inline void make_old(const struct spool *s)
{
        set_time(s, "kevin.lock", 1000);
}

/* --- another program */

struct holder {
        pid_t pid;
        int tell; /* closed: let go */
};

static inline bool hold_fcntl(const struct spool *s, short type)
{
        int fd = open(s->path, O_RDWR | O_CLOEXEC);
        struct flock f = {.l_type = type, .l_whence = SEEK_SET};
        return fcntl(fd, F_SETLK, &f) == 0;
}

static inline bool hold_read(const struct spool *s)
{
        return hold_fcntl(s, F_RDLCK);
}

static inline bool hold_write(const struct spool *s)
{
        return hold_fcntl(s, F_WRLCK);
}

static inline bool hold_lockf(const struct spool *s)
{
        int fd = open(s->path, O_RDWR | O_CLOEXEC);
        return lockf(fd, F_TLOCK, 0) == 0;
}

static inline bool hold_flock(const struct spool *s)
{
        int fd = open(s->path, O_RDWR | O_CLOEXEC);
        return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static inline struct holder hold(const struct spool *s, bool (*how)(const struct spool *))
{
        int ready[2], tell[2];
        char byte;
        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
        struct holder h = {.pid = fork(), .tell = tell[1]};
        if (h.pid == 0) {
                close(tell[1]);
                if (how(s) && write(ready[1], "x", 1) == 1)
                        (void)!read(tell[0], &byte, 1);
                _exit(0);
        }
        close(tell[0]);
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        return h;
}

static inline void let_go(struct holder *h)
{
        close(h->tell);
        waitpid(h->pid, NULL, 0);
}

/* Whether another process could have it now. */
static inline bool is_free(const struct spool *s, bool (*how)(const struct spool *))
{
        int status;
        pid_t pid = fork();
        if (pid == 0)
                _exit(how(s) ? 0 : 1);
        waitpid(pid, &status, 0);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#endif

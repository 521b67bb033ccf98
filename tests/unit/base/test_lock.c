#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/lock.h"

enum { WAITERS = 6, ROUNDS = 300 };

static int open_dir(char *path)
{
        assert_non_null(mkdtemp(path));
        int dir = open(path, O_RDONLY | O_DIRECTORY);
        assert_true(dir >= 0);
        return dir;
}

static void put_lock(int dir, const char *owner)
{
        int fd = openat(dir, "x.lock", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(fd_write_all(fd, slice_of(owner)), 0);
        close(fd);
}

/* What a waiter does with the lock: 0 when nobody else had it at the same time. */
static int hold(int dir, int start)
{
        struct dotlock l = DOTLOCK_NONE;
        char c;
        /* until all are there */
        if (read(start, &c, 1) != 0)
                return 3;
        if (dotlock_acquire(dir, "x", 0600, deadline_in_ms(20000), 0, NULL, &l) < 0)
                return 1;
        int inside = openat(dir, "inside", O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (inside < 0)
                return 2;
        close(inside);
        unlinkat(dir, "inside", 0);
        dotlock_release(&l);
        return 0;
}

/* Two that found a lock stale must not both break: the second would take the lock that the first one made. */
static void one_breaks_at_a_time(void **state)
{
        char path[] = "/tmp/lock-test-XXXXXX", host[256] = "", owner[300];
        int dir = open_dir(path);
        struct dotlock l = DOTLOCK_NONE;
        gethostname(host, sizeof(host) - 1);
        snprintf(owner, sizeof(owner), "999999999:%s", host);
        put_lock(dir, owner);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int other = openat(dir, "x.lock", O_RDWR);
        assert_int_equal(fcntl(other, F_OFD_SETLK, &lock), 0);
        assert_int_equal(dotlock_acquire(dir, "x", 0600, deadline_in_ms(0), 0, NULL, &l), -ETIMEDOUT);
        assert_int_equal(dotlock_try(dir, "x", 0600, 0, &l), -EAGAIN);
        assert_int_equal(faccessat(dir, "x.lock", F_OK, 0), 0);
        close(other);
        assert_int_equal(dotlock_try(dir, "x", 0600, 0, &l), 0);
        dotlock_release(&l);
        /* any user may read some locks */
        put_lock(dir, owner);
        other = openat(dir, "x.lock", O_RDONLY);
        assert_int_equal(flock(other, LOCK_EX), 0);
        assert_int_equal(dotlock_try(dir, "x", 0600, 0, &l), 0);
        dotlock_release(&l);
        close(other);
        close(dir);
        assert_int_equal(rmdir(path), 0);
}

static void a_stale_lock_goes_to_one_waiter(void **state)
{
        char path[] = "/tmp/lock-test-XXXXXX", host[256] = "", owner[300];
        int dir = open_dir(path);
        gethostname(host, sizeof(host) - 1);
        snprintf(owner, sizeof(owner), "999999999:%s", host);
        /* two break at the same moment in one of some hundred rounds */
        for (int round = 0; round < ROUNDS; round++) {
                pid_t pids[WAITERS];
                int start[2];
                assert_int_equal(pipe(start), 0);
                put_lock(dir, owner);
                for (int i = 0; i < WAITERS; i++)
                        if ((pids[i] = fork()) == 0) {
                                close(start[1]);
                                _exit(hold(dir, start[0]));
                        }
                close(start[0]);
                close(start[1]);
                for (int i = 0; i < WAITERS; i++) {
                        int status;
                        waitpid(pids[i], &status, 0);
                        assert_int_equal(status, 0);
                }
        }
        assert_int_equal(unlinkat(dir, "x.lock", 0), -1);
        close(dir);
        assert_int_equal(rmdir(path), 0);
}

static void only_ours_is_released(void **state)
{
        char path[] = "/tmp/lock-test-XXXXXX", host[256] = "", owner[300];
        int dir = open_dir(path);
        struct dotlock l = DOTLOCK_NONE;
        gethostname(host, sizeof(host) - 1);
        /* of a process that lives */
        snprintf(owner, sizeof(owner), "%ld:%s", (long)getppid(), host);
        put_lock(dir, owner);
        assert_int_equal(dotlock_acquire(dir, "x", 0600, deadline_in_ms(0), 0, NULL, &l), -ETIMEDOUT);
        /* without a name: made a moment ago, or left by somebody who was killed then */
        put_lock(dir, "");
        assert_int_equal(dotlock_acquire(dir, "x", 0600, deadline_in_ms(0), 0, NULL, &l), -ETIMEDOUT);
        struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
        utimensat(dir, "x.lock", old, 0);
        assert_int_equal(dotlock_acquire(dir, "x", 0600, deadline_in_ms(0), 0, NULL, &l), 0);
        dotlock_release(&l);
        /* with our own number: left by somebody who had it before, or by a release that failed */
        snprintf(owner, sizeof(owner), "%ld:%s", (long)getpid(), host);
        put_lock(dir, owner);
        assert_int_equal(linkat(dir, "x.lock", dir, "same", 0), 0);
        assert_int_equal(dotlock_acquire(dir, "x", 0600, deadline_in_ms(0), 0, NULL, &l), 0);
        /* it is that one: on a full disk nothing can be made or renamed */
        struct stat st;
        assert_int_equal(fstat(l.fd, &st), 0);
        assert_int_equal(st.st_nlink, 2);
        unlinkat(dir, "same", 0);
        /* somebody broke our lock and has one of his own there now */
        unlinkat(dir, "x.lock", 0);
        put_lock(dir, "1:elsewhere");
        dotlock_release(&l);
        assert_int_equal(faccessat(dir, "x.lock", F_OK, 0), 0);
        /* another host's lock is broken by age only */
        assert_int_equal(dotlock_acquire(dir, "x", 0600, deadline_in_ms(0), 60000, NULL, &l), -ETIMEDOUT);
        struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
        utimensat(dir, "x.lock", times, 0);
        assert_int_equal(dotlock_acquire(dir, "x", 0600, deadline_in_ms(0), 60000, NULL, &l), 0);
        dotlock_release(&l);
        close(dir);
        assert_int_equal(rmdir(path), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_breaks_at_a_time),
                cmocka_unit_test(a_stale_lock_goes_to_one_waiter),
                cmocka_unit_test(only_ours_is_released),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

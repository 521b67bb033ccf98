/* Each kind of lock against a child process that holds it the way other programs do. */

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

static struct settings_list words(const char **items, const char *text)
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

static void use(struct spool *s, const char *read_locks, const char *write_locks)
{
        s->settings = (struct settings){.mbox_read_locks = words(s->read_locks, read_locks),
                                        .mbox_write_locks = words(s->write_locks, write_locks),
                                        .mbox_lock_timeout = WAIT_MS,
                                        .mbox_dotlock_change_timeout = 60000,
                                        .mail_privileged_group = ""};
}

static int setup(void **state)
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
static int teardown(void **state)
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

static int take(struct spool *s, bool write)
{
        return mbox_lock_take(&s->lock, s->fd, s->path, write, &s->settings);
}

static bool has_dotlock(const struct spool *s)
{
        return faccessat(s->dirfd, "kevin.lock", F_OK, 0) == 0;
}

static void put_dotlock(const struct spool *s, const void *text, size_t n)
{
        int fd = openat(s->dirfd, "kevin.lock", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_int_equal(fd_write_all(fd, slice_make(text, n)), 0);
        close(fd);
}

static void make_old(const struct spool *s)
{
        const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
        assert_int_equal(utimensat(s->dirfd, "kevin.lock", old, 0), 0);
}

/* --- another program */

struct holder {
        pid_t pid;
        int tell; /* closed: let go */
};

static bool hold_fcntl(const struct spool *s, short type)
{
        int fd = open(s->path, O_RDWR | O_CLOEXEC);
        struct flock f = {.l_type = type, .l_whence = SEEK_SET};
        return fcntl(fd, F_SETLK, &f) == 0;
}

static bool hold_read(const struct spool *s)
{
        return hold_fcntl(s, F_RDLCK);
}

static bool hold_write(const struct spool *s)
{
        return hold_fcntl(s, F_WRLCK);
}

static bool hold_lockf(const struct spool *s)
{
        int fd = open(s->path, O_RDWR | O_CLOEXEC);
        return lockf(fd, F_TLOCK, 0) == 0;
}

static bool hold_flock(const struct spool *s)
{
        int fd = open(s->path, O_RDWR | O_CLOEXEC);
        return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static struct holder hold(const struct spool *s, bool (*how)(const struct spool *))
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

static void let_go(struct holder *h)
{
        close(h->tell);
        waitpid(h->pid, NULL, 0);
}

/* Whether another process could have it now. */
static bool is_free(const struct spool *s, bool (*how)(const struct spool *))
{
        int status;
        pid_t pid = fork();
        if (pid == 0)
                _exit(how(s) ? 0 : 1);
        waitpid(pid, &status, 0);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* --- fcntl, lockf, flock */

static void check_held_by_other(struct spool *s, const char *name, bool (*how)(const struct spool *))
{
        use(s, name, name);
        struct holder h = hold(s, how);
        assert_int_equal(take(s, true), -ETIMEDOUT);
        assert_non_null(strstr(s->lock.holder, strcmp(name, "lockf") == 0 ? "fcntl" : name));
        let_go(&h);
        assert_int_equal(take(s, true), 0);
        assert_false(is_free(s, how));
        mbox_lock_release(&s->lock);
        assert_true(is_free(s, how));
}

static void locks_of_others_are_respected(void **state)
{
        struct spool *s = *state;
        check_held_by_other(s, "fcntl", hold_write);
        check_held_by_other(s, "fcntl", hold_lockf);
        check_held_by_other(s, "lockf", hold_lockf);
        check_held_by_other(s, "flock", hold_flock);
}

static void the_holder_is_named(void **state)
{
        struct spool *s = *state;
        char want[64];
        struct holder h = hold(s, hold_write);
        assert_int_equal(take(s, true), -ETIMEDOUT);
        snprintf(want, sizeof(want), "fcntl lock of process %ld", (long)h.pid);
        assert_string_equal(s->lock.holder, want);
        let_go(&h);
        put_dotlock(s, "1\n", 2);
        assert_int_equal(take(s, true), -ETIMEDOUT);
        assert_string_equal(s->lock.holder, "kevin.lock of process 1");
        unlinkat(s->dirfd, "kevin.lock", 0);
}

static void readers_share(void **state)
{
        struct spool *s = *state;
        struct holder h = hold(s, hold_read);
        assert_int_equal(take(s, false), 0);
        assert_false(has_dotlock(s));
        mbox_lock_release(&s->lock);
        assert_int_equal(take(s, true), -ETIMEDOUT);
        let_go(&h);
        assert_int_equal(take(s, false), 0);
        assert_true(is_free(s, hold_read));
        assert_false(is_free(s, hold_write));
}

/* A lock of the process, not of the description, would be gone. */
static void another_descriptor_may_be_closed(void **state)
{
        struct spool *s = *state;
        assert_int_equal(take(s, true), 0);
        close(open(s->path, O_RDWR | O_CLOEXEC));
        assert_false(is_free(s, hold_write));
}

static void it_is_waited_for(void **state)
{
        struct spool *s = *state;
        s->settings.mbox_lock_timeout = LONG_MS;
        struct holder h = hold(s, hold_write);
        pid_t pid = fork();
        if (pid == 0) {
                close(h.tell);
                s->fd = open(s->path, O_RDWR | O_CLOEXEC);
                _exit(take(s, true) == 0 && has_dotlock(s) ? 0 : 1);
        }
        let_go(&h);
        int status;
        waitpid(pid, &status, 0);
        assert_int_equal(status, 0);
        /* it left without giving anything back */
        assert_true(has_dotlock(s));
        assert_int_equal(take(s, true), 0);
}

/* --- several */

static void the_first_is_given_back_while_the_second_is_waited_for(void **state)
{
        struct spool *s = *state;
        s->settings.mbox_lock_timeout = LONG_MS;
        put_dotlock(s, "1\n", 2);
        pid_t pid = fork();
        if (pid == 0)
                _exit(take(s, true) == 0 ? 0 : 1);
        /* who has the dotlock gets the other one: the waiter does not keep it */
        deadline_t end = deadline_in_ms(LONG_MS);
        bool had = false;
        while (!had && deadline_left(end) > 0)
                had = is_free(s, hold_write);
        assert_true(had);
        assert_int_equal(unlinkat(s->dirfd, "kevin.lock", 0), 0);
        int status;
        waitpid(pid, &status, 0);
        assert_int_equal(status, 0);
        unlinkat(s->dirfd, "kevin.lock", 0);
}

static void all_or_none(void **state)
{
        struct spool *s = *state;
        struct holder h = hold(s, hold_flock);
        use(s, "", "fcntl dotlock flock");
        assert_int_equal(take(s, true), -ETIMEDOUT);
        assert_string_equal(s->lock.holder, "flock");
        assert_false(has_dotlock(s));
        assert_true(is_free(s, hold_write));
        let_go(&h);
        assert_int_equal(take(s, true), 0);
        assert_true(has_dotlock(s));
        assert_false(is_free(s, hold_write));
        assert_false(is_free(s, hold_flock));
        mbox_lock_release(&s->lock);
        assert_false(has_dotlock(s));
        assert_true(is_free(s, hold_write));
        assert_true(is_free(s, hold_flock));
}

/* Otherwise a reader of ours would see what a writer of ours has half written. */
static void writers_take_the_readers_locks_too(void **state)
{
        struct spool *s = *state;
        use(s, "flock", "dotlock");
        assert_int_equal(take(s, true), 0);
        assert_true(has_dotlock(s));
        assert_false(is_free(s, hold_flock));
        mbox_lock_release(&s->lock);
        assert_int_equal(take(s, false), 0);
        assert_false(has_dotlock(s));
}

/* --- dotlocks */

static void ours_says_who_we_are(void **state)
{
        struct spool *s = *state;
        _cleanup_(buf_free) struct buf b = {0};
        char host[256] = "", want[300];
        gethostname(host, sizeof(host) - 1);
        snprintf(want, sizeof(want), "%ld:%s", (long)getpid(), host);
        assert_int_equal(take(s, true), 0);
        assert_int_equal(file_read_at(s->dirfd, "kevin.lock", &b), 0);
        assert_slice_equal(buf_slice(&b), slice_of(want));
        struct stat before, after;
        make_old(s);
        assert_int_equal(fstatat(s->dirfd, "kevin.lock", &before, 0), 0);
        mbox_lock_touch(&s->lock);
        assert_int_equal(fstatat(s->dirfd, "kevin.lock", &after, 0), 0);
        assert_true(after.st_mtim.tv_sec > before.st_mtim.tv_sec);
}

static void of_a_dead_process_of_this_host(void **state)
{
        struct spool *s = *state;
        char host[256] = "", text[300];
        gethostname(host, sizeof(host) - 1);
        int n = snprintf(text, sizeof(text), "%d:%s", NOBODY_PID, host);
        put_dotlock(s, text, (size_t)n);
        assert_int_equal(take(s, true), 0);
        mbox_lock_release(&s->lock);
        /* the same number at another host is not known to be dead */
        n = snprintf(text, sizeof(text), "%d:not-%s", NOBODY_PID, host);
        put_dotlock(s, text, (size_t)n);
        assert_int_equal(take(s, true), -ETIMEDOUT);
        unlinkat(s->dirfd, "kevin.lock", 0);
}

static void of_a_live_process_never(void **state)
{
        struct spool *s = *state;
        char host[256] = "", text[300];
        gethostname(host, sizeof(host) - 1);
        s->settings.mbox_dotlock_change_timeout = 1;
        const char *const forms[] = {"%ld:%s", "%ld\n", "%ld", "%ld\nmail.example.org\n"};
        for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
                int n = i == 0 ? snprintf(text, sizeof(text), "%ld:%s", (long)getppid(), host)
                               : snprintf(text, sizeof(text), "%ld%s", (long)getppid(), forms[i] + 3);
                put_dotlock(s, text, (size_t)n + (i == 2)); /* once with a 0 behind it */
                make_old(s);
                assert_int_equal(take(s, true), -ETIMEDOUT);
                assert_int_equal(unlinkat(s->dirfd, "kevin.lock", 0), 0);
        }
}

/* procmail's and maildrop's, those of other hosts, those without a name. */
static void of_an_unknown_owner_by_age(void **state)
{
        struct spool *s = *state;
        static const struct {
                const char *text;
                size_t n;
        } forms[] = {{"", 0},           {"0", 1},   {"1:elsewhere", 11}, {"999999999\n", 10},
                     {"999999999", 10}, {"who?", 4}};
        for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
                s->settings.mbox_lock_timeout = WAIT_MS;
                s->settings.mbox_dotlock_change_timeout = 60000;
                put_dotlock(s, forms[i].text, forms[i].n);
                assert_int_equal(take(s, true), -ETIMEDOUT); /* young */
                make_old(s);
                assert_int_equal(fd_write_all(s->fd, SLICE("From ")), 0);
                assert_int_equal(take(s, true), -ETIMEDOUT); /* old, but the mbox has just changed */
                s->settings.mbox_dotlock_change_timeout = 0;
                assert_int_equal(take(s, true), -ETIMEDOUT); /* never */
                s->settings.mbox_dotlock_change_timeout = 200;
                s->settings.mbox_lock_timeout = LONG_MS;
                assert_int_equal(take(s, true), 0);
                mbox_lock_release(&s->lock);
                assert_false(has_dotlock(s));
        }
}

/* Somebody broke ours and has one of his own there. */
static void only_ours_is_removed(void **state)
{
        struct spool *s = *state;
        assert_int_equal(take(s, true), 0);
        unlinkat(s->dirfd, "kevin.lock", 0);
        put_dotlock(s, "1\n", 2);
        mbox_lock_release(&s->lock);
        assert_true(has_dotlock(s));
        unlinkat(s->dirfd, "kevin.lock", 0);
}

static void what_a_killed_process_left_is_no_obstacle(void **state)
{
        struct spool *s = *state;
        char host[256] = "", name[300];
        gethostname(host, sizeof(host) - 1);
        snprintf(name, sizeof(name), ".temp.%s.%ld", host, (long)getpid());
        close(openat(s->dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        assert_int_equal(take(s, true), 0);
        assert_int_equal(faccessat(s->dirfd, name, F_OK, 0), -1);
}

/* Exactly one of many at a time. */
static int write_often(struct spool *s)
{
        s->settings.mbox_lock_timeout = LONG_MS;
        s->fd = open(s->path, O_RDWR | O_CLOEXEC);
        for (int i = 0; i < 20; i++) {
                if (take(s, true) < 0)
                        return 1;
                int inside = openat(s->dirfd, "inside", O_WRONLY | O_CREAT | O_EXCL, 0600);
                if (inside < 0)
                        return 2;
                close(inside);
                unlinkat(s->dirfd, "inside", 0);
                mbox_lock_release(&s->lock);
        }
        return 0;
}

static void check_one_at_a_time(struct spool *s, const char *locks)
{
        enum { WRITERS = 5 };
        pid_t pids[WRITERS];
        use(s, "", locks);
        for (int i = 0; i < WRITERS; i++)
                if ((pids[i] = fork()) == 0)
                        _exit(write_often(s));
        for (int i = 0; i < WRITERS; i++) {
                int status;
                waitpid(pids[i], &status, 0);
                assert_int_equal(status, 0);
        }
}

static void one_at_a_time(void **state)
{
        check_one_at_a_time(*state, "dotlock");
        check_one_at_a_time(*state, "fcntl");
        check_one_at_a_time(*state, "flock");
        check_one_at_a_time(*state, "fcntl dotlock flock");
}

/* --- what cannot be */

static void another_file_at_the_path(void **state)
{
        struct spool *s = *state;
        int other = openat(s->dirfd, "other", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(mbox_lock_take(&s->lock, other, s->path, true, &s->settings), -ESTALE);
        close(other);
        assert_int_equal(renameat(s->dirfd, "other", s->dirfd, "kevin"), 0);
        assert_int_equal(take(s, true), -ESTALE);
        assert_false(has_dotlock(s));
        unlink(s->path);
        assert_int_equal(take(s, false), -ESTALE);
}

static void as_user(struct spool *s, int want, const char *locks)
{
        int status;
        pid_t pid = fork();
        if (pid == 0) {
                use(s, "", locks);
                bool dropped = geteuid() != 0 ||
                               (setresgid(54322, 54322, 54322) == 0 && setresuid(54321, 54321, 54321) == 0);
                int r = take(s, true);
                bool told = r != -EACCES || (strstr(s->lock.holder, "mode 2775") &&
                                             strstr(s->lock.holder, "mail_privileged_group = mail"));
                bool has = has_dotlock(s);
                mbox_lock_release(&s->lock);
                _exit(!dropped ? 1 : r != want ? 2 : !told ? 3 : has ? 4 : 0);
        }
        waitpid(pid, &status, 0);
        assert_int_equal(status, 0);
}

static void a_directory_of_another_group(void **state)
{
        struct spool *s = *state;
        if (geteuid() != 0)
                skip();
        assert_int_equal(fchown(s->fd, 54321, 54322), 0);
        assert_int_equal(fchown(s->dirfd, 0, 54323), 0);
        assert_int_equal(fchmod(s->dirfd, 02775), 0);
        as_user(s, -EACCES, "fcntl dotlock");
        as_user(s, 0, "fcntl dotlock_try");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(locks_of_others_are_respected),
                TEST(the_holder_is_named),
                TEST(readers_share),
                TEST(another_descriptor_may_be_closed),
                TEST(it_is_waited_for),
                TEST(the_first_is_given_back_while_the_second_is_waited_for),
                TEST(all_or_none),
                TEST(writers_take_the_readers_locks_too),
                TEST(ours_says_who_we_are),
                TEST(of_a_dead_process_of_this_host),
                TEST(of_a_live_process_never),
                TEST(of_an_unknown_owner_by_age),
                TEST(only_ours_is_removed),
                TEST(what_a_killed_process_left_is_no_obstacle),
                TEST(one_at_a_time),
                TEST(another_file_at_the_path),
                TEST(a_directory_of_another_group),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

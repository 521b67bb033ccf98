/* Each kind of lock against a child process that holds it the way other programs do. */

#include "mbox_lock_fixture.h"

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

static void count(void *context)
{
        ++*(unsigned *)context;
}

static void who_waits_hears_of_it(void **state)
{
        struct spool *s = *state;
        unsigned times = 0;
        s->lock.waiter = (struct lock_waiter){count, &times};
        assert_int_equal(take(s, true), 0);
        assert_int_equal(times, 0);
        mbox_lock_release(&s->lock);
        struct holder h = hold(s, hold_write);
        assert_int_equal(take(s, true), -ETIMEDOUT);
        assert_true(times > 1);
        let_go(&h);
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

/* --- together */

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
                TEST(who_waits_hears_of_it),
                TEST(the_holder_is_named),
                TEST(readers_share),
                TEST(another_descriptor_may_be_closed),
                TEST(it_is_waited_for),
                TEST(the_first_is_given_back_while_the_second_is_waited_for),
                TEST(all_or_none),
                TEST(writers_take_the_readers_locks_too),
                TEST(one_at_a_time),
                TEST(another_file_at_the_path),
                TEST(a_directory_of_another_group),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

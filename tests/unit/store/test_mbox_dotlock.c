/* Dotlocks of an mbox: whose are broken, and when. */

#include "mbox_lock_fixture.h"

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

static time_t time_of_dotlock(const struct spool *s)
{
        struct stat st;
        assert_int_equal(fstatat(s->dirfd, "kevin.lock", &st, 0), 0);
        return st.st_mtim.tv_sec;
}

static void it_stays_young_while_it_is_held(void **state)
{
        struct spool *s = *state;
        assert_int_equal(take(s, true), 0);
        assert_true(deadline_left(s->lock.keep) > 0);
        make_old(s);
        s->lock.keep = DEADLINE_NEVER;
        mbox_lock_keep(&s->lock);
        assert_int_equal(time_of_dotlock(s), 1000);
        s->lock.keep = 0;
        mbox_lock_keep(&s->lock);
        assert_true(time_of_dotlock(s) > 1000);
        assert_true(deadline_left(s->lock.keep) > 0);
        /* and nobody else's is touched */
        unlinkat(s->dirfd, "kevin.lock", 0);
        put_dotlock(s, "1\n", 2);
        make_old(s);
        s->lock.keep = 0;
        mbox_lock_keep(&s->lock);
        assert_int_equal(time_of_dotlock(s), 1000);
        mbox_lock_release(&s->lock);
        unlinkat(s->dirfd, "kevin.lock", 0);
        /* without a dotlock there is none to touch */
        use(s, "fcntl", "fcntl");
        assert_int_equal(take(s, true), 0);
        s->lock.keep = 0;
        mbox_lock_keep(&s->lock);
        assert_false(has_dotlock(s));
}

static void what_a_killed_process_left_is_no_obstacle(void **state)
{
        struct spool *s = *state;
        char host[256] = "", name[300], text[300];
        gethostname(host, sizeof(host) - 1);
        snprintf(name, sizeof(name), ".kevin.lock.%s", host);
        int n = snprintf(text, sizeof(text), "%d:%s", NOBODY_PID, host);
        put_file(s, name, text, (size_t)n);
        assert_int_equal(take(s, true), 0);
        assert_int_equal(faccessat(s->dirfd, name, F_OK, 0), -1);
        mbox_lock_release(&s->lock);
        /* before it had written its name; it might be about to */
        put_file(s, name, "", 0);
        set_time(s, name, time(NULL) + 1000);
        assert_int_equal(take(s, true), -ETIMEDOUT);
        set_time(s, name, 1000);
        assert_int_equal(take(s, true), 0);
        assert_int_equal(faccessat(s->dirfd, name, F_OK, 0), -1);
        mbox_lock_release(&s->lock);
        /* with a number that somebody else has now */
        n = snprintf(text, sizeof(text), "%ld:%s", (long)getppid(), host);
        put_file(s, name, text, (size_t)n);
        set_time(s, name, 1000);
        assert_int_equal(take(s, true), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(ours_says_who_we_are),
                TEST(of_a_dead_process_of_this_host),
                TEST(of_a_live_process_never),
                TEST(of_an_unknown_owner_by_age),
                TEST(only_ours_is_removed),
                TEST(it_stays_young_while_it_is_held),
                TEST(what_a_killed_process_left_is_no_obstacle),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

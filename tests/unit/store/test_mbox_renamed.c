/* A directory of mboxes is renamed, with CONTROL= elsewhere, while sessions change what is below it. */

#include "mbox_fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "store/rewrite.h"

#define APART   "mbox:~/mail:INBOX=~/inbox:CONTROL=~/c"
#define JOURNAL "c/a/.imap/b/" REWRITE_NAME

enum {
        LARGE = 3 * 1024 * 1024,
        LARGE_ONES = 5,     /* more than is moved at a time: a rewrite has a middle */
        GIVES_UP_MS = 20000 /* a session that nobody stops */
};

static int setup(void **state)
{
        int r = mbox_setup(state);
        struct fixture *f = *state;
        struct buf b = {0};
        open_store(f, APART);
        assert_int_equal(dir_make_all(f->fd, "mail/a", 0700), 0);
        buf_str(&b, MAIL(BASE "X-UID: 1\n", "small"));
        for (int i = 0; i < LARGE_ONES; i++) {
                size_t start = b.n;
                buf_str(&b, DATE_LINE "Subject: large\n\n");
                while (b.n - start < LARGE)
                        buf_str(&b, "It may be long. It may be very long. It may be longer than yo.\n");
                buf_str(&b, "\n");
        }
        put(f, "mail/a/b", buf_cstr(&b));
        buf_free(&b);
        return r;
}

/* A session in the middle of a rewrite. */
struct writer {
        struct fixture *f;
        int ready;
};

static void stop_there(void *context, uint64_t done, uint64_t total)
{
        const struct writer *w = context;
        (void)done;
        (void)total;
        if (!there(w->f, JOURNAL))
                return;
        if (write(w->ready, "x", 1) == 1)
                poll(NULL, 0, GIVES_UP_MS);
        _exit(0);
}

static pid_t begin_rewrite(struct fixture *f)
{
        int ready[2];
        char byte;
        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid_t pid = fork();
        if (pid == 0) {
                struct writer w = {f, ready[1]};
                struct mailbox *m = open_box(f, "a/b", false);
                store_on_step(f->store, stop_there, &w);
                expunge_one(f, m, 1);
                _exit(1);
        }
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        return pid;
}

static void expect_rest(struct fixture *f, const char *name)
{
        struct mailbox *m = open_box(f, name, false);
        assert_string_equal(shown(f, m), "10  large|11  large|12  large|13  large|14  large");
        mailbox_close(&m);
}

/* What it has in its hands would be left where nobody looks for it. */
static void not_in_the_middle_of_a_rewrite(void **state)
{
        struct fixture *f = *state;
        pid_t pid = begin_rewrite(f);
        f->settings.mbox_lock_timeout = 50;
        assert_int_equal(store_rename(f->store, "a", "x"), -ETIMEDOUT);
        assert_true(there(f, "mail/a/b") && there(f, JOURNAL));
        assert_false(there(f, "mail/x") || there(f, "c/x"));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        f->settings.mbox_lock_timeout = 5000;
        assert_int_equal(store_rename(f->store, "a", "x"), 0);
        assert_false(there(f, "c/a") || there(f, "mail/a"));
        assert_true(there(f, "c/x/.imap/b/" REWRITE_NAME));
        expect_rest(f, "x/b");
        assert_false(there(f, "c/x/.imap/b/" REWRITE_NAME));
}

/* Nor does a change begin while a directory is renamed. */
static void nobody_changes_what_is_being_renamed(void **state)
{
        struct fixture *f = *state;
        struct mailbox *m = open_box(f, "a/b", false);
        uint32_t seq = 1;
        int fd = openat(f->fd, "c", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(flock(fd, LOCK_EX), 0);
        f->settings.mbox_lock_timeout = 50;
        assert_int_equal(mailbox_expunge(m, &seq, 1), -ETIMEDOUT);
        assert_int_equal(append_one(f, SLICE("Subject: c\r\n\r\nc\r\n"), 0), 1); /* INBOX never moves */
        close(fd);
        assert_int_equal(mailbox_expunge(m, &seq, 1), 0);
        mailbox_close(&m);
        expect_rest(f, "a/b");
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(not_in_the_middle_of_a_rewrite),
                T(nobody_changes_what_is_being_renamed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

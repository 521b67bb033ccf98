/* What takes long with an mbox: who waits hears of it, and the dotlock stays young. */

#include "mbox_fixture.h"

#include <sys/wait.h>

#include "store/mbox.h"

enum { LARGE = 3 * 1024 * 1024, LARGE_ONES = 5 };

/* What store_on_step() told. */
struct told {
        uint64_t done;
        unsigned calls;
        unsigned ends_at;         /* this call is the last thing that the process does; 0: it goes on */
        struct fixture *mail_for; /* comes at the first call, by somebody without locks; NULL: none */
};

static void hear(void *context, uint64_t done, uint64_t total)
{
        struct told *told = context;
        assert_int_equal(total, 100);
        assert_true(done >= told->done && done <= 100);
        told->done = done;
        if (++told->calls == told->ends_at)
                _exit(0);
        if (told->mail_for)
                add_text(told->mail_for, MAIL("", "late"));
        told->mail_for = NULL;
}

/* A small message, then large ones. */
static int setup(void **state)
{
        static const char *const locks[] = {"dotlock"};
        static const char line[] = "It may be long. It may be very long. It may be longer than yo.\n";
        int r = mbox_setup(state);
        struct fixture *f = *state;
        struct buf b = {0};
        f->settings.mbox_write_locks = (struct settings_list){locks, 1};
        put(f, "inbox", MAIL(BASE "X-UID: 1\n", "small"));
        buf_str(&b, DATE_LINE "Subject: large\n\n");
        while (b.n < LARGE)
                buf_str(&b, line);
        buf_str(&b, "\n");
        for (int i = 0; i < LARGE_ONES; i++)
                add_text(f, buf_cstr(&b));
        buf_free(&b);
        return r;
}

#define LARGE_BOX "10  large|11  large|12  large|13  large|14  large"

static void it_is_told_in_percent(void **state)
{
        struct fixture *f = *state;
        struct told told = {0};
        store_on_step(f->store, hear, &told);
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_true(told.calls > 1); /* it was read */
        assert_true(told.done > 50);
        told = (struct told){0};
        expunge_one(f, m, 1);
        assert_true(told.calls > 1);
        assert_int_equal(told.done, 100);
        store_on_step(f->store, NULL, NULL);
        expect_sync(f, m, LARGE_BOX);
        mailbox_close(&m);
}

static void what_another_began_is_told_as_well(void **state)
{
        struct fixture *f = *state;
        struct mailbox *m = NULL;
        struct told told = {.ends_at = 1};
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) {
                m = open_box(f, "INBOX", false);
                store_on_step(f->store, hear, &told);
                expunge_one(f, m, 1);
                _exit(1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_true(there(f, CONTROL "/" REWRITE_NAME));
        told = (struct told){0};
        store_on_step(f->store, hear, &told);
        m = open_box(f, "INBOX", false);
        assert_true(told.calls > 1);
        assert_false(there(f, CONTROL "/" REWRITE_NAME));
        store_on_step(f->store, NULL, NULL);
        assert_string_equal(shown(f, m), LARGE_BOX);
        mailbox_close(&m);
}

static void mail_that_comes_meanwhile_is_seen(void **state)
{
        struct fixture *f = *state;
        struct told told = {.mail_for = f};
        struct mailbox *m = open_box(f, "INBOX", false);
        store_on_step(f->store, hear, &told);
        expunge_one(f, m, 1);
        store_on_step(f->store, NULL, NULL);
        assert_null(told.mail_for);
        expect_sync(f, m, LARGE_BOX "|15  late");
        mailbox_close(&m);
}

static void make_old(struct fixture *f, struct mbox_file *file)
{
        const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
        assert_int_equal(utimensat(f->fd, "inbox.lock", times, 0), 0);
        file->lock.keep = 0;
}

static bool is_young(struct fixture *f)
{
        struct stat st;
        assert_int_equal(fstatat(f->fd, "inbox.lock", &st, 0), 0);
        return st.st_mtim.tv_sec > 1000;
}

static void the_dotlock_stays_young(void **state)
{
        struct fixture *f = *state;
        _cleanup_(mbox_file_close) struct mbox_file file = MBOX_FILE_NONE;
        const uint32_t first = 1;
        const struct mbox_changes changes = {.uids = &first, .n = 1, .expunge = true};
        char byte;
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_int_equal(mbox_begin(m, &file), 0);
        make_old(f, &file);
        assert_int_equal(file.source.read(file.source.context, &byte, 1, 0), 1);
        assert_true(is_young(f));
        /* of a rewrite what is moved counts, not what is read before */
        make_old(f, &file);
        mbox_file_tell(&file, 1, 2);
        assert_true(is_young(f));
        assert_int_equal(mbox_write(&file, &changes), 0);
        mbox_file_close(&file);
        opened_commit(m);
        expect_sync(f, m, LARGE_BOX);
        mailbox_close(&m);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(it_is_told_in_percent),
                T(what_another_began_is_told_as_well),
                T(mail_that_comes_meanwhile_is_seen),
                T(the_dotlock_stays_young),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

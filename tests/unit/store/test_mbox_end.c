/* The last messages of an mbox go when its first header has to say a new last UID: that is written, then the
 * end is cut off, without a journal where that cannot leave a UID that is given again. */

#include "mbox_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

#include "store/rewrite.h"

/* What is done to the mbox, a letter a call, and the journals that get the name; with one call that is not
 * made. */
static struct {
        ino_t mbox;
        char said[32];
        unsigned calls, fault_at;
        int error;            /* 0: the process ends there */
        struct fixture *late; /* mail for it comes while the first sync takes its time; NULL: none */
} seen;

ssize_t __real_pwrite64(int fd, const void *p, size_t n, off_t at);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_ftruncate64(int fd, off_t size);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_ftruncate64(int fd, off_t size);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);

/* Whether the call is made. */
static bool say(char letter)
{
        size_t n = strlen(seen.said);
        assert_true(n + 1 < sizeof(seen.said));
        seen.said[n] = letter;
        if (++seen.calls != seen.fault_at)
                return true;
        if (seen.error == 0)
                _exit(0);
        errno = seen.error;
        return false;
}

static bool of_mbox(int fd, char letter)
{
        struct stat st;
        assert_int_equal(fstat(fd, &st), 0);
        return st.st_ino != seen.mbox || say(letter);
}

static bool sync_of(int fd)
{
        struct fixture *late = seen.late;
        struct stat st;
        if (late && fstat(fd, &st) == 0 && st.st_ino == seen.mbox) {
                seen.late = NULL;
                add_text(late, MAIL("", "late"));
        }
        return of_mbox(fd, 's');
}

ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at)
{
        return of_mbox(fd, 'w') ? __real_pwrite64(fd, p, n, at) : -1;
}

int __wrap_fsync(int fd)
{
        return sync_of(fd) ? __real_fsync(fd) : -1;
}

int __wrap_fdatasync(int fd)
{
        return sync_of(fd) ? __real_fdatasync(fd) : -1;
}

int __wrap_ftruncate64(int fd, off_t size)
{
        return of_mbox(fd, 'c') ? __real_ftruncate64(fd, size) : -1;
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
        bool journal = strcmp(to, REWRITE_NAME) == 0;
        return !journal || say('J') ? __real_renameat(from_dir, from, to_dir, to) : -1;
}

#define OURS "Status: RO\nX-Status: \nX-Keywords:                                \n"
static const char THREE[] =
        MAIL(BASE OURS "X-UID: 4\n", "a") MAIL(OURS "X-UID: 5\n", "b") MAIL(OURS "X-UID: 6\n", "c");
static const char NEW[] = "Subject: new\n\nbody\n";

static void look_on(struct fixture *f)
{
        struct stat st;
        assert_int_equal(fstatat(f->fd, "inbox", &st, 0), 0);
        memset(&seen, 0, sizeof(seen));
        seen.mbox = st.st_ino;
}

static int setup(void **state)
{
        int r = mbox_setup(state);
        struct fixture *f = *state;
        f->settings.mail_fsync = SETTINGS_FSYNC_OPTIMIZED;
        return r;
}

/* An mbox that knows of UID 9, and a message with UID 10 behind. */
static void put_with_new(struct fixture *f, const char *text)
{
        put(f, "inbox", text);
        lose_index(f, true);
        assert_int_equal(append_one(f, slice_of(NEW), 0), 10);
        assert_non_null(strstr(text_of(f, "inbox"), "0000000009"));
}

static struct mailbox *with_new(struct fixture *f, const char *text)
{
        put_with_new(f, text);
        return open_box(f, "INBOX", false);
}

static void it_takes_two_syncs(void **state)
{
        struct fixture *f = *state;
        struct mailbox *m = with_new(f, THREE);
        look_on(f);
        expunge_one(f, m, 4);
        assert_string_equal(seen.said, "wscs");
        mailbox_close(&m);
        assert_string_equal(seen.said, "wscs"); /* nothing is left to be written */
        assert_non_null(strstr(text_of(f, "inbox"), "X-IMAPbase: 1234567890 0000000010 $Todo work\n"));
        /* it is written once: the next one only goes */
        m = open_box(f, "INBOX", false);
        look_on(f);
        expunge_one(f, m, 3);
        assert_string_equal(seen.said, "cs");
        mailbox_close(&m);
        lose_index(f, true);
        expect_box(f, true, "4 S a|5 S b");
        assert_int_equal(append_one(f, slice_of(NEW), 0), 11);
}

static void several_that_came_go(void **state)
{
        struct fixture *f = *state;
        static const uint32_t last[] = {3, 4, 5};
        struct mailbox *m = with_new(f, THREE);
        assert_int_equal(append_one(f, slice_of(NEW), 0), 11);
        sync_box(f, m, true);
        look_on(f);
        assert_int_equal(mailbox_expunge(m, last, ARRAY_LEN(last)), 0);
        assert_string_equal(seen.said, "wscs");
        mailbox_close(&m);
        lose_index(f, true);
        expect_box(f, true, "4 S a|5 S b");
        assert_int_equal(append_one(f, slice_of(NEW), 0), 12);
}

static void without_syncs(void **state)
{
        struct fixture *f = *state;
        f->settings.mail_fsync = SETTINGS_FSYNC_NEVER;
        struct mailbox *m = with_new(f, THREE);
        look_on(f);
        expunge_one(f, m, 4);
        assert_string_equal(seen.said, "wc");
        mailbox_close(&m);
}

/* The message is there or not, and its UID is given to no other, also where the index is lost. */
static void a_kill_at_any_call(void **state)
{
        struct fixture *f = *state;
        for (unsigned i = 0; i < 2 * 5; i++) {
                put_with_new(f, THREE);
                look_on(f);
                unsigned at = seen.fault_at = i / 2 + 1;
                int status;
                pid_t pid = fork();
                if (pid == 0) {
                        struct mailbox *m = open_box(f, "INBOX", false);
                        expunge_one(f, m, 4);
                        _exit(0);
                }
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
                if (i % 2)
                        lose_index(f, true);
                seen.fault_at = 0;
                expect_box(f, true, at <= 3 ? "4 S a|5 S b|6 S c|10  new" : "4 S a|5 S b|6 S c");
                assert_int_equal(append_one(f, slice_of(NEW), 0), 11);
        }
}

/* It is told, and works the next time. */
static void an_error_at_any_call(void **state)
{
        struct fixture *f = *state;
        static const char *const again[] = {"wscs", "cs", "cs", ""};
        for (unsigned at = 1; at <= ARRAY_LEN(again); at++) {
                struct mailbox *m = with_new(f, THREE);
                uint32_t last = 4;
                look_on(f);
                seen.fault_at = at;
                seen.error = EIO;
                assert_int_equal(mailbox_expunge(m, &last, 1), -EIO);
                assert_int_equal(seen.calls, at);
                look_on(f);
                sync_box(f, m, true);
                if (mailbox_count(m) == last)
                        expunge_one(f, m, last);
                assert_string_equal(seen.said, again[at - 1]);
                expect_sync(f, m, "4 S a|5 S b|6 S c");
                mailbox_close(&m);
                lose_index(f, true);
                expect_box(f, true, "4 S a|5 S b|6 S c");
                assert_int_equal(append_one(f, slice_of(NEW), 0), 11);
        }
}

/* 0000000009 in two sectors could become 0000000019 or 0000000000 when the power goes. */
static void a_number_in_two_sectors_needs_a_journal(void **state)
{
        struct fixture *f = *state;
        enum { SECTOR = 512 };
        for (unsigned before = 0; before < 4; before++) {
                char head[SECTOR] = "";
                size_t at = (size_t)(strstr(THREE, "0000000009") - THREE) + strlen("0000000009") - before;
                char *text = NULL;
                memset(head, 'x', SECTOR - at - strlen("X-Fill: \n"));
                assert_true(asprintf(&text, "%.*sX-Fill: %s\n%s", (int)strlen(DATE_LINE), THREE, head,
                                     THREE + strlen(DATE_LINE)) > 0);
                struct mailbox *m = with_new(f, text);
                look_on(f);
                expunge_one(f, m, 4);
                assert_int_equal(strchr(seen.said, 'J') != NULL, before == 1);
                mailbox_close(&m);
                lose_index(f, true);
                expect_box(f, true, "4 S a|5 S b|6 S c");
                assert_int_equal(append_one(f, slice_of(NEW), 0), 11);
                free(text);
        }
}

/* Beside an X-IMAPbase with its UID it would be a message that came later. */
static void one_whose_uid_is_not_in_the_file_needs_a_journal(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox", THREE);
        expect_box(f, false, "4 S a|5 S b|6 S c");
        add_text(f, MAIL("", "d"));
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_string_equal(shown(f, m), "4 S a|5 S b|6 S c|10  d");
        look_on(f);
        expunge_one(f, m, 4);
        assert_non_null(strchr(seen.said, 'J'));
        mailbox_close(&m);
        lose_index(f, true);
        expect_box(f, true, "4 S a|5 S b|6 S c");
        assert_int_equal(append_one(f, slice_of(NEW), 0), 11);
}

static void what_comes_meanwhile_stays(void **state)
{
        struct fixture *f = *state;
        struct mailbox *m = with_new(f, THREE);
        look_on(f);
        seen.late = f;
        expunge_one(f, m, 4);
        assert_memory_equal(seen.said, "wsJ", 3);
        expect_sync(f, m, "4 S a|5 S b|6 S c|11  late");
        mailbox_close(&m);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(it_takes_two_syncs),
                T(several_that_came_go),
                T(without_syncs),
                T(a_kill_at_any_call),
                T(an_error_at_any_call),
                T(a_number_in_two_sectors_needs_a_journal),
                T(one_whose_uid_is_not_in_the_file_needs_a_journal),
                T(what_comes_meanwhile_stays),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

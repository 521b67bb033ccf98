/* Others change an mbox that is open here. */

#include "mbox_fixture.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/wait.h>

#define THREE_WITH(flag)                                                                                     \
        MAIL(BASE "Status: RO\nX-Status: " flag "\nX-UID: 4\n", "a")                                         \
        MAIL("X-UID: 5\n", "b") MAIL("X-UID: 6\n", "c")
#define THREE THREE_WITH("F")

/* What others did to flags before something came is seen at the next open at the latest. */
static void flags_that_change_before_a_delivery(void **state)
{
        struct fixture *f = *state;
        static const struct {
                bool dirty, very_dirty;
                const char *at_once, *later;
        } rows[] = {
                {false, false, "4 SD a|5  b|6  c|10  d", "4 SD a|5  b|6  c|10  d"},
                {true, false, "4 SF a|5  b|6  c|10  d", "4 SD a|5  b|6  c|10  d"},
                {true, true, "4 SF a|5  b|6  c|10  d", "4 SF a|5  b|6  c|10  d"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                f->settings.mbox_dirty_syncs = rows[i].dirty;
                f->settings.mbox_very_dirty_syncs = rows[i].very_dirty;
                put(f, "inbox", THREE);
                lose_index(f, true);
                struct mailbox *m = open_box(f, "INBOX", false);
                change_text(f, "X-Status: F", "X-Status: D");
                add_text(f, MAIL("", "d"));
                expect_sync(f, m, rows[i].at_once);
                mailbox_close(&m);
                expect_box(f, true, rows[i].later);
                /* nothing came: seen at once */
                m = open_box(f, "INBOX", false);
                change_text(f, "X-Status: D", "X-Status: A");
                expect_sync(f, m, "4 SA a|5  b|6  c|10  d");
                mailbox_close(&m);
                /* the session that finds the new mail sees what was changed before it came */
                change_text(f, "X-Status: A", "X-Status: F");
                add_text(f, MAIL("", "e"));
                expect_box(f, true,
                           rows[i].very_dirty ? "4 SA a|5  b|6  c|10  d|11  e"
                                              : "4 SF a|5  b|6  c|10  d|11  e");
        }
}

/* Whoever changes flags first looks at what others changed. */
static void a_change_behind_theirs(void **state)
{
        struct fixture *f = *state;
        f->settings.mbox_dirty_syncs = false;
        put(f, "inbox", THREE);
        struct mailbox *m = open_box(f, "INBOX", false);
        change_text(f, "X-Status: F", "X-Status: D");
        add_text(f, MAIL("", "d"));
        set_flags(f, m, 1, FLAGS_ADD, FLAG_ANSWERED, NULL);
        expect_sync(f, m, "4 SAD a|5  b|6  c|10  d");
        mailbox_close(&m);
        assert_null(strstr(text_of(f, "inbox"), "X-Status: AF"));
}

/* The clock of a file's time goes on in steps of milliseconds: what others do in the same one as our look, to
 * a file that stays as long, is seen, also where the INBOX is a link to the spool. */
static void a_change_in_the_same_tick(void **state)
{
        struct fixture *f = *state;
        static const char *const files[] = {"inbox", "spool"};
        const struct timespec old[2] = {{.tv_sec = 1767225601}, {.tv_sec = 1767225601}};
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                struct stat st;
                put(f, files[i], THREE);
                if (i == 1) {
                        unlinkat(f->fd, "inbox", 0);
                        assert_int_equal(symlinkat("spool", f->fd, "inbox"), 0);
                        assert_int_equal(utimensat(f->fd, "inbox", old, AT_SYMLINK_NOFOLLOW), 0);
                }
                assert_int_equal(fstatat(f->fd, files[i], &st, 0), 0);
                const struct timespec tick[2] = {st.st_atim, st.st_mtim};
                struct mailbox *m = open_box(f, "INBOX", false);
                put(f, files[i], THREE_WITH("D"));
                assert_int_equal(utimensat(f->fd, files[i], tick, 0), 0);
                expect_sync(f, m, "4 SD a|5  b|6  c");
                mailbox_close(&m);
        }
}

static void headers_that_grow(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox", THREE);
        struct mailbox *m = open_box(f, "INBOX", false);
        change_text(f, "X-UID: 5\n", "X-UID: 5\nStatus: RO\nX-Keywords: work                        \n");
        expect_sync(f, m, "4 SF a|5 S work b|6  c");
        expunge_one(f, m, 1);
        expect_sync(f, m, "5 S work b|6  c");
        mailbox_close(&m);
        lose_index(f, true);
        expect_box(f, false, "5 S work b|6  c");
}

static void a_message_in_the_middle(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox", THREE);
        struct mailbox *m = open_box(f, "INBOX", false);
        change_text(f, "body of b\n\n", "body of b\n\n" MAIL("Status: O\n", "new"));
        sync_box(f, m, true);
        /* UIDs ascend with the file: what is behind it is told anew */
        assert_int_equal(mailbox_count(m), 4);
        for (uint32_t seq = 1; seq <= 4; seq++) {
                static const char *const names[] = {"a", "b", "new", "c"};
                assert_slice_equal(subject(sent(f, m, seq)), slice_of(names[seq - 1]));
                assert_true(seq == 1 || uid_at(m, seq) > uid_at(m, seq - 1));
        }
        assert_int_equal(uid_at(m, 2), 5);
        const char *all = shown(f, m);
        mailbox_close(&m);
        expect_box(f, false, all);
        lose_index(f, true);
        expect_box(f, false, all);
}

static void all_is_taken_away(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox", THREE);
        struct mailbox *m = open_box(f, "INBOX", false);
        put(f, "inbox", "");
        expect_sync(f, m, "");
        uint32_t validity = mailbox_uidvalidity(m);
        add_text(f, MAIL("", "d"));
        expect_sync(f, m, "10  d");
        mailbox_close(&m);
        expect_box(f, false, "10  d");
        assert_int_equal(validity_of(f), validity);
        lose_index(f, true);
        expect_box(f, false, "10  d");
        assert_int_equal(validity_of(f), validity);
}

/* X-IMAPbase went with the first message; UIDs are still what they were, of copies too. */
static void the_base_is_taken_away(void **state)
{
        struct fixture *f = *state;
        struct save *s = NULL;
        struct save_result res;
        put(f, "inbox", THREE);
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_int_equal(save_open(f->store, "INBOX", &s), 0);
        assert_int_equal(save_copy(s, m, 2), 0);
        assert_int_equal(save_copy(s, m, 3), 0);
        assert_int_equal(save_commit(s, &f->arena, &res), 0);
        save_close(&s);
        expect_sync(f, m, "4 SF a|5  b|6  c|10  b|11  c");
        const char *text = text_of(f, "inbox");
        put(f, "inbox", strstr(text + 1, "From joe"));
        expect_sync(f, m, "5  b|6  c|10  b|11  c");
        text = text_of(f, "inbox");
        put(f, "inbox", strstr(text + 1, "From joe"));
        expect_sync(f, m, "6  c|10  b|11  c");
        assert_int_equal(mailbox_uidvalidity(m), 1234567890);
        mailbox_close(&m);
        lose_index(f, true);
        expect_box(f, false, "6  c|10  b|11  c");
        assert_int_equal(validity_of(f), 1234567890);
}

static void another_file_with_its_name(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox", THREE);
        struct mailbox *m = open_box(f, "INBOX", false);
        put(f, "other", MAIL(BASE "Status: RO\nX-UID: 5\n", "b") MAIL("X-UID: 6\n", "c"));
        move(f, "other", "inbox");
        set_flags(f, m, 3, FLAGS_ADD, FLAG_FLAGGED, NULL);
        expect_sync(f, m, "5 S b|6 F c");
        mailbox_close(&m);
        lose_index(f, true);
        expect_box(f, false, "5 S b|6 F c");
}

/* One session expunges, the other keeps its sequence numbers until it may be told. */
static void two_views(void **state)
{
        struct fixture *f = *state;
        put(f, "inbox", THREE);
        struct mailbox *m = open_box(f, "INBOX", false), *other = open_box(f, "INBOX", false);
        struct message_text t;
        expunge_one(f, m, 1);
        expect_sync(f, m, "5  b|6  c");
        struct mailbox_changes c = sync_box(f, other, false);
        assert_int_equal(c.expunged_n, 0);
        assert_string_equal(shown(f, other), "4- SF|5  b|6  c");
        assert_int_equal(mailbox_read(other, 1, &t), -ENOENT);
        set_flags(f, other, 3, FLAGS_ADD, FLAG_SEEN, "$Todo");
        add_text(f, MAIL("", "d"));
        expect_sync(f, m, "5  b|6 S $Todo c|10  d");
        c = sync_box(f, other, true);
        assert_int_equal(c.expunged_n, 1);
        assert_int_equal(c.expunged_uids[0], 4);
        assert_string_equal(shown(f, other), "5  b|6 S $Todo c|10  d");
        mailbox_close(&m);
        mailbox_close(&other);
}

/* Whether the lock on a file, of this kind, could be had now. */
static bool is_lockable(struct fixture *f, const char *path)
{
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = openat(f->fd, path, O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(fcntl(fd, F_OFD_GETLK, &lock), 0);
        close(fd);
        return lock.l_type == F_UNLCK;
}

static bool look_at_two(struct fixture *f)
{
        struct mailbox *m = NULL;
        return mailbox_open(f->store, "INBOX", false, &m) == 0 && mailbox_count(m) == 2;
}

static bool append_third(struct fixture *f)
{
        return append_one(f, SLICE("Subject: c\r\n\r\nx\r\n"), 0) > 0;
}

/* Others have the mbox for long: who waits for it does not keep the index from the user's other sessions. */
static void the_index_is_free_while_the_file_is_waited_for(void **state)
{
        struct fixture *f = *state;
        static const char *const locks[] = {"dotlock", "fcntl"};
        static bool (*const waits[])(struct fixture *) = {look_at_two, append_third};
        put(f, "inbox", MAIL("", "a"));
        expect_box(f, false, "1  a");
        add_text(f, MAIL("", "b"));
        f->settings.mbox_read_locks = f->settings.mbox_write_locks = (struct settings_list){locks, 2};
        f->settings.mbox_lock_timeout = 60000;
        for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
                struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
                struct pollfd tells = {.fd = inotify_init1(IN_CLOEXEC), .events = POLLIN};
                int status, fd = openat(f->fd, "inbox", O_RDWR | O_CLOEXEC);
                assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
                /* its dotlock, made while it tries */
                assert_true(inotify_add_watch(tells.fd, f->home, IN_CREATE) >= 0);
                pid_t pid = fork();
                if (pid == 0) {
                        close(fd);
                        _exit(waits[i](f) ? 0 : 1);
                }
                assert_int_equal(poll(&tells, 1, 20000), 1);
                assert_true(is_lockable(f, CONTROL "/mailsession.journal"));
                close(tells.fd);
                close(fd);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
        expect_box(f, false, "1  a|2  b|3  c");
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, mbox_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(flags_that_change_before_a_delivery),
                T(a_change_behind_theirs),
                T(a_change_in_the_same_tick),
                T(headers_that_grow),
                T(a_message_in_the_middle),
                T(all_is_taken_away),
                T(the_base_is_taken_away),
                T(another_file_with_its_name),
                T(two_views),
                T(the_index_is_free_while_the_file_is_waited_for),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

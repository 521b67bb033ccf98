/* The backend count adds up what all folders hold: how often it is asked. The backend maildir: what becomes
 * of its file when something could not be entered. */

#include "maildir_fixture.h"

#include <sys/file.h>
#include <sys/inotify.h>

#include "store/quota.h"

static const char *const plugins[] = {"quota"};

static void limit(struct fixture *f, const char *backend, const char *rule)
{
        f->settings.mail_plugins = (struct settings_list){plugins, 1};
        f->settings.quota = backend;
        for (size_t i = 0; i < SETTINGS_QUOTA_RULES; i++)
                f->settings.quota_rule[i] = i == 0 ? rule : "";
        f->settings.quota_exceeded_message = "Quota exceeded";
        fixture_open(f);
}

/* Whoever adds up opens this folder; nothing else here does. */
static int spy(struct fixture *f)
{
        char path[100];
        int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        snprintf(path, sizeof(path), "%s/Maildir/.other", f->home);
        assert_true(inotify_add_watch(fd, path, IN_OPEN | IN_ONLYDIR) >= 0);
        return fd;
}

static int was_opened(int fd)
{
        char events[65536];
        int opened = 0;
        while (read(fd, events, sizeof(events)) > 0)
                opened = 1;
        return opened;
}

/* Messages of one save up to the one that is refused; *ret_looks: how often the other folder was opened. */
static int append(struct fixture *f, int spied, unsigned n, int *ret_looks)
{
        struct save *s = NULL;
        struct save_message m = {.internaldate = -1};
        struct save_result res;
        int r = 0;
        assert_int_equal(save_open(f->store, "INBOX", &s), 0);
        for (*ret_looks = 0; n && r == 0; n--) {
                assert_int_equal(save_begin(s, &m), 0);
                r = save_expect(s, 4);
                *ret_looks += was_opened(spied);
                if (r == 0 && (r = save_write(s, SLICE("a: b\r\n\r\n"))) == 0)
                        r = save_end(s);
                *ret_looks += was_opened(spied);
        }
        if (r == 0)
                r = save_commit(s, &f->arena, &res);
        *ret_looks += was_opened(spied);
        save_close(&s);
        return r;
}

static int copy(struct fixture *f, int spied, uint32_t n, int *ret_looks)
{
        struct mailbox *m = open_box(f, "INBOX", false);
        struct save *s = NULL;
        struct save_result res;
        int r = 0;
        assert_int_equal(save_open(f->store, "target", &s), 0);
        *ret_looks = 0;
        for (uint32_t seq = 1; seq <= n && r == 0; seq++) {
                r = save_copy(s, m, seq);
                *ret_looks += was_opened(spied);
        }
        if (r == 0)
                r = save_commit(s, &f->arena, &res);
        *ret_looks += was_opened(spied);
        save_close(&s);
        mailbox_close(&m);
        return r;
}

static void a_command_looks_once(void **state)
{
        struct fixture *f = *state;
        int looks;
        limit(f, "count:User quota", "*:messages=20");
        assert_int_equal(store_create(f->store, "other"), 0);
        assert_int_equal(store_create(f->store, "target"), 0);
        int fd = spy(f);
        assert_int_equal(append(f, fd, 5, &looks), 0);
        assert_int_equal(looks, 1);
        assert_int_equal(copy(f, fd, 5, &looks), 0);
        assert_int_equal(looks, 1);
        f->settings.maildir_copy_with_hardlinks = false;
        assert_int_equal(copy(f, fd, 5, &looks), 0);
        assert_int_equal(looks, 1);
        assert_int_equal(entries(f, "Maildir/.target/new") + entries(f, "Maildir/.target/cur"), 10);
        /* the next one looks for itself: 15 are there, and one more that somebody else brought */
        put(f, "Maildir/.target/new/1.M1P1.h", "a: b\n\n");
        assert_int_equal(append(f, fd, 4, &looks), 0);
        assert_int_equal(looks, 1);
        assert_int_equal(append(f, fd, 1, &looks), -EDQUOT);
        assert_string_equal(store_refusal(f->store), "Quota exceeded");
        assert_int_equal(looks, 1);
        close(fd);
}

/* What one command brings counts together, message by message. */
static void messages_of_a_command_add_up(void **state)
{
        static const char *const backends[] = {"count:User quota", "maildir:User quota"};
        struct fixture *f = *state;
        int looks;
        for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
                limit(f, backends[i], "*:messages=4");
                assert_int_equal(append(f, -1, 5, &looks), -EDQUOT);
                assert_int_equal(entries(f, "Maildir/new") + entries(f, "Maildir/tmp"), i);
                assert_int_equal(append(f, -1, 1, &looks), 0);
                assert_int_equal(entries(f, "Maildir/new"), i + 1);
        }
}

static void expect_quota(struct fixture *f, uint64_t bytes, uint64_t messages)
{
        struct store_quota q = {0};
        assert_int_equal(store_quota(f->store, &q), 0);
        assert_int_equal(q.bytes, bytes);
        assert_int_equal(q.messages, messages);
}

static void look_at_folders(struct fixture *f)
{
        struct folder *folders;
        size_t n;
        assert_int_equal(store_list(f->store, &f->arena, &folders, &n), 0);
        assert_int_equal(n, 1);
}

#define TRASH "Maildir/..DOVECOT-TRASHED"
#define DEEP  "/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x"

/* What is in the trash counts until it is removed: by who looks at the folders next, unless somebody is at
 * it. */
static void what_a_delete_has_left(void **state)
{
        struct fixture *f = *state;
        limit(f, "maildir:User quota", "*:messages=20");
        assert_int_equal(store_create(f->store, "a"), 0);
        put(f, "Maildir/new/1.M1P1.h", "12345");
        put(f, "Maildir/.a/cur/2.M2P2.h:2,", "1234567");
        expect_quota(f, 12, 2);
        /* it cannot be removed: nobody's folder is so deep */
        assert_int_equal(dir_make_all(f->fd, "Maildir/.a" DEEP, 0700), 0);
        assert_int_equal(store_delete(f->store, "a"), 0);
        look_at_folders(f);
        assert_true(there(f, TRASH));
        expect_quota(f, 12, 2);
        move(f, TRASH "/x/x", "elsewhere");
        int fd = openat(f->fd, TRASH, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(flock(fd, LOCK_EX), 0);
        look_at_folders(f);
        assert_true(there(f, TRASH));
        expect_quota(f, 12, 2);
        close(fd);
        look_at_folders(f);
        assert_false(there(f, TRASH));
        expect_quota(f, 5, 1);
}

/* Its directory cannot be had just then. */
static void what_could_not_be_entered(void **state)
{
        struct fixture *f = *state;
        for (int closed = 0; closed < 2; closed++) {
                limit(f, "maildir:User quota", "*:messages=20");
                put(f, "Maildir/new/1.M1P1.h", "12345");
                expect_quota(f, 5, 1);
                move(f, "Maildir", "elsewhere");
                quota_change(f->store, 7, 1);
                move(f, "elsewhere", "Maildir");
                put(f, "Maildir/new/2.M2P2.h", "1234567");
                if (closed)
                        store_close(&f->store);
                if (closed)
                        assert_false(there(f, "Maildir/maildirsize"));
                else
                        expect_quota(f, 12, 2);
                assert_int_equal(unlinkat(f->fd, "Maildir/new/2.M2P2.h", 0), 0);
                unlinkat(f->fd, "Maildir/maildirsize", 0);
        }
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(a_command_looks_once),
                T(messages_of_a_command_add_up),
                T(what_a_delete_has_left),
                T(what_could_not_be_entered),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

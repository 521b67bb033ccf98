/* The backend count adds up what all folders hold: how often it is asked. */

#include "maildir_fixture.h"

#include <sys/inotify.h>

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

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(a_command_looks_once),
                T(messages_of_a_command_add_up),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

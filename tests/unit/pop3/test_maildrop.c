#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "conf/conf.h"
#include "pop3/maildrop.h"

/* A maildrop over a real Maildir. */

struct world {
        char folder[64];
        struct arena arena;
        struct settings settings;
        struct store *store;
        struct maildrop drop;
        const char *why;
};

static void put(struct world *w, const char *name, const char *text)
{
        _cleanup_(free_p) char *path = xasprintf("%s/%s", w->folder, name);
        assert_int_equal(file_replace_at(AT_FDCWD, path, slice_of(text), 0600, false), 0);
}

static bool is_there(struct world *w, const char *name)
{
        _cleanup_(free_p) char *path = xasprintf("%s/%s", w->folder, name);
        return access(path, F_OK) == 0;
}

static int setup(void **state)
{
        struct world *w = xcalloc(1, sizeof(*w));
        snprintf(w->folder, sizeof(w->folder), "%s", "/tmp/test-maildrop-XXXXXX");
        if (!mkdtemp(w->folder))
                return -1;
        static const char *const subs[] = {"cur", "new", "tmp"};
        for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
                _cleanup_(free_p) char *path = xasprintf("%s/%s", w->folder, subs[i]);
                if (mkdir(path, 0700) < 0)
                        return -1;
        }
        const char *location = arena_printf(&w->arena, "mail_location=maildir:%s", w->folder);
        const struct conf_source source = {.overrides = &location, .override_count = 1};
        const struct conf_filter filter = {.protocol = "pop3"};
        struct conf *conf;
        _cleanup_(buf_free) struct buf messages = {0};
        if (conf_load(&source, &w->arena, &conf, &messages) < 0 ||
            conf_resolve(conf, &filter, &w->arena, &w->settings) < 0)
                return -1;
        put(w, "cur/1.M1P1.host:2,", "A: 1\n\none\n");
        put(w, "cur/2.M2P1.host:2,S", "A: 2\r\nX-UIDL: kept-id \r\n\r\ntwo\r\n");
        put(w, "new/3.M3P1.host", "A: 3\n\nthree");
        *state = w;
        return 0;
}

static int teardown(void **state)
{
        struct world *w = *state;
        maildrop_free(&w->drop);
        store_close(&w->store);
        _cleanup_(free_p) char *command = xasprintf("rm -rf '%s'", w->folder);
        int r = system(command);
        arena_free(&w->arena);
        free(w);
        return r;
}

static int reopen(struct world *w)
{
        maildrop_free(&w->drop);
        store_close(&w->store);
        const struct mail_user user = {
                .name = "kevin", .home = w->folder, .uid = geteuid(), .gid = getegid(), .service = "pop3"};
        const char *error = "";
        if (store_open(&w->settings, &user, &w->arena, &w->store, &error) < 0)
                fail_msg("%s", error);
        return maildrop_open(w->store, &w->settings, &w->drop, &w->why);
}

static void test_sizes(void **state)
{
        struct world *w = *state;
        assert_int_equal(reopen(w), 0);
        assert_int_equal(w->drop.n, 3);
        assert_int_equal(maildrop_measure(&w->drop), 0);
        assert_int_equal(maildrop_message(&w->drop, 1)->size, 13);
        assert_int_equal(maildrop_message(&w->drop, 2)->size, 31);
        assert_int_equal(maildrop_message(&w->drop, 3)->size, 13);
        assert_int_equal(w->drop.bytes, 57);
        assert_null(maildrop_message(&w->drop, 0));
        assert_null(maildrop_message(&w->drop, 4));
        assert_int_equal(w->drop.last, 2);
}

static void test_deletions(void **state)
{
        struct world *w = *state;
        int flags_error;
        assert_int_equal(reopen(w), 0);
        /* marked before the sizes are known, and after */
        maildrop_delete(&w->drop, maildrop_message(&w->drop, 1));
        assert_int_equal(maildrop_measure(&w->drop), 0);
        assert_int_equal(w->drop.deleted_bytes, 13);
        maildrop_delete(&w->drop, maildrop_message(&w->drop, 2));
        assert_int_equal(w->drop.deleted_bytes, 44);
        assert_int_equal(w->drop.deleted, 2);
        maildrop_reset(&w->drop);
        assert_int_equal(w->drop.deleted_bytes, 0);
        assert_int_equal(w->drop.deleted, 0);
        assert_int_equal(maildrop_update(&w->drop, &flags_error), 0);
        assert_true(is_there(w, "cur/1.M1P1.host:2,"));

        maildrop_delete(&w->drop, maildrop_message(&w->drop, 1));
        maildrop_message(&w->drop, 1)->retrieved = true;
        maildrop_message(&w->drop, 3)->retrieved = true;
        assert_true(is_there(w, "cur/1.M1P1.host:2,")); /* only now: */
        assert_int_equal(maildrop_update(&w->drop, &flags_error), 0);
        assert_int_equal(flags_error, 0);
        assert_false(is_there(w, "cur/1.M1P1.host:2,"));
        assert_true(is_there(w, "cur/2.M2P1.host:2,S"));
        assert_true(is_there(w, "cur/3.M3P1.host:2,S"));
        assert_int_equal(reopen(w), 0);
        assert_int_equal(w->drop.n, 2);
}

static void test_no_flag_updates(void **state)
{
        struct world *w = *state;
        int flags_error;
        w->settings.pop3_no_flag_updates = true;
        assert_int_equal(reopen(w), 0);
        maildrop_message(&w->drop, 1)->retrieved = true;
        assert_int_equal(maildrop_update(&w->drop, &flags_error), 0);
        assert_true(is_there(w, "cur/1.M1P1.host:2,"));
}

static void test_gone(void **state)
{
        struct world *w = *state;
        int flags_error;
        assert_int_equal(reopen(w), 0);
        _cleanup_(free_p) char *path = xasprintf("%s/cur/1.M1P1.host:2,", w->folder);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(maildrop_measure(&w->drop), 0);
        assert_true(maildrop_message(&w->drop, 1)->gone);
        assert_int_equal(w->drop.bytes, 44);
        /* numbers stay, and deleting it is no error */
        maildrop_delete(&w->drop, maildrop_message(&w->drop, 1));
        maildrop_delete(&w->drop, maildrop_message(&w->drop, 2));
        assert_int_equal(maildrop_update(&w->drop, &flags_error), 0);
        assert_false(is_there(w, "cur/2.M2P1.host:2,S"));
}

static void test_deleted_flag(void **state)
{
        struct world *w = *state;
        int flags_error;
        w->settings.pop3_deleted_flag = "$POP3Deleted";
        assert_int_equal(reopen(w), 0);
        maildrop_delete(&w->drop, maildrop_message(&w->drop, 1));
        assert_int_equal(maildrop_update(&w->drop, &flags_error), 0);
        assert_true(is_there(w, "cur/1.M1P1.host:2,a"));
        assert_int_equal(reopen(w), 0);
        assert_int_equal(w->drop.n, 2);
        assert_int_equal(maildrop_message(&w->drop, 1)->seq, 2);
        w->settings.pop3_delete_type = SETTINGS_POP3_DELETE_EXPUNGE;
        maildrop_delete(&w->drop, maildrop_message(&w->drop, 1));
        assert_int_equal(maildrop_update(&w->drop, &flags_error), 0);
        assert_false(is_there(w, "cur/2.M2P1.host:2,S"));
        w->settings.pop3_deleted_flag = "";
        w->settings.pop3_delete_type = SETTINGS_POP3_DELETE_FLAG;
        assert_int_equal(reopen(w), -EINVAL);
        assert_string_equal(w->why, "pop3_delete_type=flag, but pop3_deleted_flag not set");
        w->settings.pop3_deleted_flag = "not a keyword";
        assert_int_equal(reopen(w), -EINVAL);
        assert_non_null(w->why);
}

static const char *uidl(struct world *w, uint32_t number)
{
        int r = maildrop_name(&w->drop, &w->why);
        if (r < 0)
                fail_msg("%d %s", r, w->why ? w->why : "");
        return maildrop_message(&w->drop, number)->uidl;
}

static void test_uidl(void **state)
{
        struct world *w = *state;
        put(w, "dovecot-uidlist",
            "3 V1234567890 N9 G00000000000000000000000000000000\n"
            "5 :1.M1P1.host\n6 Pabc :2.M2P1.host\n7 Pabc :3.M3P1.host\n");
        assert_int_equal(reopen(w), 0);
        assert_string_equal(uidl(w, 1), "00000005499602d2");
        /* another server's id stays, and is given out once */
        assert_string_equal(uidl(w, 2), "abc");
        assert_string_equal(uidl(w, 3), "abc.00000007499602d2");

        put(w, "dovecot-uidlist",
            "3 V1234567890 N9 G00000000000000000000000000000000\n"
            "5 :1.M1P1.host\n6 :2.M2P1.host\n7 :3.M3P1.host\n");
        w->settings.pop3_reuse_xuidl = true;
        w->settings.pop3_uidl_format = "%f";
        assert_int_equal(reopen(w), 0);
        assert_string_equal(uidl(w, 1), "1.M1P1.host");
        assert_string_equal(uidl(w, 2), "kept-id");
        assert_string_equal(uidl(w, 3), "3.M3P1.host");
        w->settings.pop3_uidl_format = "%v";
        assert_int_equal(reopen(w), 0);
        assert_string_equal(uidl(w, 1), "1234567890");
        assert_string_equal(uidl(w, 3), "1234567890.00000007499602d2");
        w->settings.pop3_uidl_format = "%m";
        assert_int_equal(reopen(w), 0);
        assert_int_equal(maildrop_name(&w->drop, &w->why), -EINVAL);
        assert_non_null(w->why);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_sizes), TEST(test_deletions),    TEST(test_no_flag_updates),
                TEST(test_gone),  TEST(test_deleted_flag), TEST(test_uidl),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

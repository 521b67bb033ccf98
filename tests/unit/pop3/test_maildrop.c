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

static uint64_t size(struct world *w, uint32_t number)
{
        uint64_t n;
        assert_int_equal(maildrop_size(&w->drop, number, &n), 0);
        return n;
}

static void test_sizes(void **state)
{
        struct world *w = *state;
        assert_int_equal(reopen(w), 0);
        assert_int_equal(w->drop.n, 3);
        assert_int_equal(maildrop_measure(&w->drop), 0);
        assert_int_equal(size(w, 1), 13);
        assert_int_equal(size(w, 2), 31);
        assert_int_equal(size(w, 3), 13);
        assert_int_equal(w->drop.bytes, 57);
        assert_int_equal(maildrop_last(&w->drop), 2);
        maildrop_retrieved(&w->drop, 1);
        assert_int_equal(maildrop_last(&w->drop), 2);
        maildrop_retrieved(&w->drop, 3);
        assert_int_equal(maildrop_last(&w->drop), 3);
        maildrop_reset(&w->drop);
        assert_int_equal(maildrop_last(&w->drop), 2);
        /* the next session has them without reading */
        assert_int_equal(reopen(w), 0);
        assert_true(w->drop.measured);
        assert_int_equal(w->drop.bytes, 57);
}

static void test_deletions(void **state)
{
        struct world *w = *state;
        int flags_error;
        assert_int_equal(reopen(w), 0);
        /* marked before the sizes are known, and after */
        maildrop_delete(&w->drop, 1);
        assert_int_equal(maildrop_measure(&w->drop), 0);
        assert_int_equal(w->drop.deleted_bytes, 13);
        maildrop_delete(&w->drop, 2);
        assert_int_equal(w->drop.deleted_bytes, 44);
        assert_int_equal(w->drop.deleted, 2);
        maildrop_reset(&w->drop);
        assert_int_equal(w->drop.deleted_bytes, 0);
        assert_int_equal(w->drop.deleted, 0);
        assert_int_equal(maildrop_update(&w->drop, &flags_error), 0);
        assert_true(is_there(w, "cur/1.M1P1.host:2,"));

        maildrop_delete(&w->drop, 1);
        maildrop_retrieved(&w->drop, 1);
        maildrop_retrieved(&w->drop, 3);
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
        maildrop_retrieved(&w->drop, 1);
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
        assert_int_equal(size(w, 1), 0);
        assert_int_equal(w->drop.unreadable, 0);
        assert_int_equal(w->drop.bytes, 44);
        /* numbers stay, and deleting it is no error */
        maildrop_delete(&w->drop, 1);
        maildrop_delete(&w->drop, 2);
        assert_int_equal(maildrop_update(&w->drop, &flags_error), 0);
        assert_false(is_there(w, "cur/2.M2P1.host:2,S"));
}

static void test_deleted_flag(void **state)
{
        struct world *w = *state;
        int flags_error;
        w->settings.pop3_deleted_flag = "$POP3Deleted";
        assert_int_equal(reopen(w), 0);
        maildrop_delete(&w->drop, 1);
        assert_int_equal(maildrop_update(&w->drop, &flags_error), 0);
        assert_true(is_there(w, "cur/1.M1P1.host:2,a"));
        assert_int_equal(reopen(w), 0);
        assert_int_equal(w->drop.n, 2);
        assert_int_equal(maildrop_seq(&w->drop, 1), 2);
        assert_int_equal(maildrop_measure(&w->drop), 0);
        assert_int_equal(w->drop.bytes, 44);
        w->settings.pop3_delete_type = SETTINGS_POP3_DELETE_EXPUNGE;
        maildrop_delete(&w->drop, 1);
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

/* Another session, or program, adds and moves mail while this one looks for a file: its maildrop stays. */
static void test_new_mail(void **state)
{
        struct world *w = *state;
        _cleanup_(message_text_release) struct message_text text = {0};
        assert_int_equal(reopen(w), 0);
        assert_int_equal(maildrop_measure(&w->drop), 0);
        _cleanup_(free_p) char *from = xasprintf("%s/cur/1.M1P1.host:2,", w->folder);
        _cleanup_(free_p) char *to = xasprintf("%s/cur/1.M1P1.host:2,F", w->folder);
        assert_int_equal(rename(from, to), 0);
        put(w, "new/4.M4P1.host,W=1000", "A: 4\n\nfour\n");
        put(w, "new/5.M5P1.host", "A: 5\n\nfive\n");
        assert_int_equal(mailbox_read(w->drop.mailbox, 1, &text), 0);
        uint64_t total;
        assert_false(mailbox_total_size(w->drop.mailbox, &total) && total == 57); /* it was seen */
        assert_int_equal(maildrop_measure(&w->drop), 0);
        assert_int_equal(w->drop.n, 3);
        assert_int_equal(w->drop.bytes, 57);
        assert_int_equal(reopen(w), 0);
        assert_int_equal(w->drop.n, 5);
}

/* A size that the file's name has wrong turns out when the message is read: the sums follow. */
static void test_wrong_size(void **state)
{
        struct world *w = *state;
        put(w, "new/4.M4P1.host,W=1000", "A: 4\n\nfour\n");
        assert_int_equal(reopen(w), 0);
        assert_int_equal(maildrop_measure(&w->drop), 0);
        assert_int_equal(w->drop.bytes, 1057);
        maildrop_delete(&w->drop, 2);
        _cleanup_(message_text_release) struct message_text text = {0};
        assert_int_equal(mailbox_read(w->drop.mailbox, 4, &text), 0);
        assert_int_equal(maildrop_measure(&w->drop), 0);
        assert_int_equal(w->drop.bytes, 71);
        assert_int_equal(w->drop.deleted_bytes, 31);
        maildrop_delete(&w->drop, 4);
        assert_int_equal(w->drop.deleted_bytes, 45);
}

/* A message that cannot be read does not take the others with it. */
static void test_unreadable(void **state)
{
        struct world *w = *state;
        uint64_t n;
        int flags_error;
        assert_int_equal(reopen(w), 0);
        _cleanup_(free_p) char *path = xasprintf("%s/cur/1.M1P1.host:2,", w->folder);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("elsewhere", path), 0); /* it is not followed */
        assert_int_equal(maildrop_measure(&w->drop), 0);
        assert_int_equal(w->drop.unreadable, 1);
        assert_int_equal(w->drop.bytes, 44);
        assert_true(maildrop_size(&w->drop, 1, &n) < 0);
        assert_int_equal(size(w, 2), 31);
        maildrop_delete(&w->drop, 2);
        assert_int_equal(maildrop_measure(&w->drop), 0);
        assert_int_equal(w->drop.unreadable, 1);
        assert_int_equal(w->drop.deleted_bytes, 31);
        assert_int_equal(maildrop_update(&w->drop, &flags_error), 0);
        assert_false(is_there(w, "cur/2.M2P1.host:2,S"));
}

/* Whose size is known does not have to be read for it. */
static void test_known_size(void **state)
{
        struct world *w = *state;
        assert_int_equal(reopen(w), 0);
        assert_int_equal(maildrop_measure(&w->drop), 0);
        assert_int_equal(reopen(w), 0);
        _cleanup_(free_p) char *path = xasprintf("%s/cur/1.M1P1.host:2,", w->folder);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("elsewhere", path), 0);
        assert_int_equal(maildrop_measure(&w->drop), 0);
        assert_int_equal(w->drop.unreadable, 0);
        assert_int_equal(w->drop.bytes, 57);
        assert_int_equal(size(w, 1), 13);
}

/* Marks beyond one word of the sets. */
static void test_many(void **state)
{
        struct world *w = *state;
        int flags_error;
        for (int i = 100; i < 300; i++) {
                char name[64];
                snprintf(name, sizeof(name), "cur/%d.M%dP1.host:2,", i, i);
                put(w, name, "A: 1\n\n");
        }
        assert_int_equal(reopen(w), 0);
        assert_int_equal(w->drop.n, 203);
        for (uint32_t i = 1; i <= 203; i += 3) {
                maildrop_delete(&w->drop, i);
                maildrop_retrieved(&w->drop, i);
                if (i < 203)
                        maildrop_retrieved(&w->drop, i + 1);
        }
        for (uint32_t i = 1; i <= 203; i++)
                assert_int_equal(maildrop_is_deleted(&w->drop, i), i % 3 == 1);
        uint32_t uid = mailbox_message(w->drop.mailbox, 65).uid;
        assert_int_equal(maildrop_update(&w->drop, &flags_error), 0);
        assert_int_equal(flags_error, 0);
        assert_int_equal(reopen(w), 0);
        assert_int_equal(w->drop.n, 135);
        uint32_t seen = 0;
        for (uint32_t i = 1; i <= 135; i++)
                seen += (mailbox_message(w->drop.mailbox, i).flags.system & FLAG_SEEN) != 0;
        assert_in_range(seen, 67, 69);
        uint32_t seq = mailbox_seq_at_or_after(w->drop.mailbox, uid);
        assert_int_equal(mailbox_message(w->drop.mailbox, seq).uid, uid);
        assert_true(mailbox_message(w->drop.mailbox, seq).flags.system & FLAG_SEEN);
}

static const char *uidl(struct world *w, uint32_t number)
{
        int r = maildrop_name(&w->drop, &w->why);
        if (r < 0)
                fail_msg("%d %s", r, w->why ? w->why : "");
        char text[UIDL_MAX];
        char *end = maildrop_write_uidl(&w->drop, number, text);
        return arena_str(&w->arena, slice_make(text, (size_t)(end - text)));
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
        assert_non_null(w->drop.uidls);

        /* one that is what the format gives another message */
        put(w, "dovecot-uidlist",
            "3 V1234567890 N9 G00000000000000000000000000000000\n"
            "5 P00000007499602d2 :1.M1P1.host\n6 P :2.M2P1.host\n7 :3.M3P1.host\n");
        assert_int_equal(reopen(w), 0);
        assert_string_equal(uidl(w, 1), "00000007499602d2");
        assert_string_equal(uidl(w, 2), "2.M2P1.host"); /* an empty one: the name of the file */
        assert_string_equal(uidl(w, 3), "00000007499602d2.00000007499602d2");

        put(w, "dovecot-uidlist",
            "3 V1234567890 N9 G00000000000000000000000000000000\n"
            "5 :1.M1P1.host\n6 :2.M2P1.host\n7 :3.M3P1.host\n");
        assert_int_equal(reopen(w), 0);
        assert_string_equal(uidl(w, 3), "00000007499602d2");
        assert_null(w->drop.uidls);
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
                TEST(test_sizes),      TEST(test_deletions),    TEST(test_no_flag_updates),
                TEST(test_gone),       TEST(test_deleted_flag), TEST(test_new_mail),
                TEST(test_wrong_size), TEST(test_unreadable),   TEST(test_known_size),
                TEST(test_many),       TEST(test_uidl),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* GUIDs that messages of an mbox have from Maildirs. */

#include "mbox_fixture.h"

#include "store/mbox_guid.h"
#include "store/uidlist_text.h"

#define GUIDS CONTROL "/" MBOX_GUIDS_NAME

static int setup(void **state)
{
        int r = mbox_setup(state);
        struct fixture *f = *state;
        f->namespaces[1] = (struct settings_namespace){.name = "dirs",
                                                       .separator = "/",
                                                       .prefix = "Dirs/",
                                                       .location = "maildir:~/dirs",
                                                       .list = SETTINGS_LIST_YES};
        f->settings.namespace_count = 2;
        open_store(f, "mbox:~/mail:INBOX=~/inbox");
        assert_int_equal(store_create(f->store, "Dirs/a"), 0);
        assert_int_equal(store_create(f->store, "Dirs/b"), 0);
        return r;
}

/* The same text again is another message with the same hash. */
static void append_to(struct fixture *f, const char *folder, const char *text)
{
        struct save *s = NULL;
        struct save_result res;
        assert_int_equal(save_open(f->store, folder, &s), 0);
        put_message(s, slice_of(text), 0);
        assert_int_equal(save_commit(s, &f->arena, &res), 0);
        save_close(&s);
}

static int try_copy(struct fixture *f, const char *from, uint32_t first, uint32_t last, const char *to)
{
        struct mailbox *m = open_box(f, from, false);
        struct save *s = NULL;
        struct save_result res;
        assert_int_equal(save_open(f->store, to, &s), 0);
        for (uint32_t seq = first; seq <= last; seq++)
                assert_int_equal(save_copy(s, m, seq), 0);
        int r = save_commit(s, &f->arena, &res);
        save_close(&s);
        mailbox_close(&m);
        return r;
}

static void copy(struct fixture *f, const char *from, uint32_t first, uint32_t last, const char *to)
{
        if (try_copy(f, from, first, last, to) < 0)
                fail_msg("copy: %s", store_error(f->store));
}

static const char *guid_in(struct fixture *f, struct mailbox *m, uint32_t seq)
{
        char *s = arena_alloc(&f->arena, MAILBOX_GUID_LEN + 1);
        mailbox_message_guid(m, seq, s);
        return s;
}

static const char *guid_of(struct fixture *f, const char *folder, uint32_t seq)
{
        struct mailbox *m = open_box(f, folder, true);
        const char *s = guid_in(f, m, seq);
        mailbox_close(&m);
        return s;
}

static void expunge_in(struct fixture *f, const char *folder, uint32_t seq)
{
        struct mailbox *m = open_box(f, folder, false);
        expunge_one(f, m, seq);
        mailbox_close(&m);
}

static void lines(void **state)
{
        static const char *const bad[] = {"",
                                          "1",
                                          "1 00112233445566778899aabbccddeeff",
                                          "1 00112233445566778899aabbccddeeff ",
                                          "0 00112233445566778899aabbccddeeff x",
                                          "-1 00112233445566778899aabbccddeeff x",
                                          "4294967296 00112233445566778899aabbccddeeff x",
                                          "1 0011 x",
                                          "1  00112233445566778899aabbccddeeff x",
                                          "1 00112233445566778899aabbccddeeff x y",
                                          "1 00112233445566778899aabbccddeeff x\r",
                                          "1 00112233445566778899aabbccddeeff0 x"};
        struct mbox_guid_line l = {.uid = 77};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(mbox_guid_parse(slice_of(bad[i]), &l), -EINVAL);
        assert_int_equal(l.uid, 77);
        assert_int_equal(mbox_guid_parse(SLICE("42 00112233445566778899aabbccddeeff 17.M1P1.host,S=3"), &l),
                         0);
        assert_int_equal(l.uid, 42);
        assert_true(slice_eq(l.hash, SLICE("00112233445566778899aabbccddeeff")));
        assert_true(slice_eq(l.guid, SLICE("17.M1P1.host,S=3")));
}

/* To an mbox, to another one, and back: with and without an index, with the Maildir's own text of it. */
static void there_and_back(void **state)
{
        struct fixture *f = *state;
        append_to(f, "Dirs/a", "Subject: a\n\nx\n");
        append_to(f, "Dirs/a", "X-Long: y\n\nFrom z\n");
        const char *one = guid_of(f, "Dirs/a", 1), *two = guid_of(f, "Dirs/a", 2);
        assert_string_not_equal(one, two);
        copy(f, "Dirs/a", 1, 2, "INBOX");
        assert_string_equal(guid_of(f, "INBOX", 1), one);
        assert_string_equal(guid_of(f, "INBOX", 2), two);
        lose_index(f, true);
        assert_string_equal(guid_of(f, "INBOX", 2), two);

        assert_int_equal(store_create(f->store, "other"), 0);
        copy(f, "INBOX", 2, 2, "other");
        assert_string_equal(guid_of(f, "other", 1), two);
        copy(f, "other", 1, 1, "Dirs/b");
        assert_string_equal(guid_of(f, "Dirs/b", 1), two);

        struct mailbox *m = open_box(f, "Dirs/a", true);
        assert_non_null(strstr(text_of(f, "dirs/.b/dovecot-uidlist"), mailbox_base_name(m, 2)));
        mailbox_close(&m);
}

/* What begins in an mbox needs no file. */
static void own(void **state)
{
        struct fixture *f = *state;
        append_one(f, SLICE("Subject: a\n\nx\n"), 0);
        copy(f, "INBOX", 1, 1, "Dirs/a");
        assert_int_equal(store_create(f->store, "other"), 0);
        copy(f, "INBOX", 1, 1, "other");
        copy(f, "Dirs/a", 1, 1, "INBOX");
        const char *guid = guid_of(f, "INBOX", 1);
        assert_string_equal(guid_of(f, "INBOX", 2), guid);
        assert_string_equal(guid_of(f, "Dirs/a", 1), guid);
        assert_string_equal(guid_of(f, "other", 1), guid);
        assert_false(there(f, GUIDS));
        assert_false(there(f, "mail/.imap/other/" MBOX_GUIDS_NAME));
}

/* Messages with the same hash have each their own GUID, and those that were told stay what they are. */
static void same_hash(void **state)
{
        struct fixture *f = *state;
        append_one(f, SLICE("Subject: a\n\nx\n"), 0);
        const char *before = guid_of(f, "INBOX", 1);
        append_to(f, "Dirs/a", "Subject: a\n\nx\n");
        append_to(f, "Dirs/a", "Subject: a\n\nx\n");
        copy(f, "Dirs/a", 1, 2, "INBOX");
        assert_string_equal(guid_of(f, "INBOX", 1), before);
        assert_string_equal(guid_of(f, "INBOX", 2), guid_of(f, "Dirs/a", 1));
        assert_string_equal(guid_of(f, "INBOX", 3), guid_of(f, "Dirs/a", 2));
        assert_string_not_equal(guid_of(f, "INBOX", 2), guid_of(f, "INBOX", 3));
        append_one(f, SLICE("Subject: a\n\nx\n"), 0);
        assert_string_equal(guid_of(f, "INBOX", 4), before);
}

/* A mailbox that has been open for long finds what came after it had looked. */
static void found_later(void **state)
{
        struct fixture *f = *state;
        append_to(f, "Dirs/a", "Subject: a\n\nx\n");
        append_one(f, SLICE("Subject: b\n\nx\n"), 0);
        struct mailbox *m = open_box(f, "INBOX", false);
        const char *first = guid_in(f, m, 1);
        copy(f, "Dirs/a", 1, 1, "INBOX");
        sync_box(f, m, true);
        assert_string_equal(guid_in(f, m, 2), guid_of(f, "Dirs/a", 1));
        assert_string_equal(guid_in(f, m, 1), first);
        mailbox_close(&m);
}

/* Lines in any order, of other messages, no lines at all: of a message the last one that is its own counts,
 * and a line that was cut off does not. */
static void damaged(void **state)
{
        struct fixture *f = *state;
        append_one(f, SLICE("Subject: a\n\nx\n"), 0);
        append_one(f, SLICE("Subject: b\n\nx\n"), 0);
        const char *a = guid_of(f, "INBOX", 1), *b = guid_of(f, "INBOX", 2);
        struct buf text = {0};
        buf_printf(&text, "2 %s %s\n%c\n9 %s first\n1 %s first\n\nrubbish\n", b,
                   "11111111111111111111111111111111", 0, b, a);
        buf_printf(&text, "1 %s %s\n1 %s second\n2 %s cut", a, "22222222222222222222222222222222", b, b);
        put(f, GUIDS, "");
        int fd = openat(f->fd, GUIDS, O_WRONLY);
        assert_int_equal(fd_write_all(fd, buf_slice(&text)), 0);
        close(fd);
        assert_string_equal(guid_of(f, "INBOX", 1), "22222222222222222222222222222222");
        assert_string_equal(guid_of(f, "INBOX", 2), "11111111111111111111111111111111");

        /* what was cut off is not made whole by the next line */
        append_to(f, "Dirs/a", "Subject: c\n\nx\n");
        copy(f, "Dirs/a", 1, 1, "INBOX");
        assert_null(strstr(text_of(f, GUIDS), "cut"));
        assert_string_equal(guid_of(f, "INBOX", 1), "22222222222222222222222222222222");
        assert_string_equal(guid_of(f, "INBOX", 2), "11111111111111111111111111111111");
        assert_string_equal(guid_of(f, "INBOX", 3), guid_of(f, "Dirs/a", 1));
        buf_free(&text);
}

/* Links are not followed: the copy fails, and nothing of it is there. */
static void link_in_its_place(void **state)
{
        struct fixture *f = *state;
        append_to(f, "Dirs/a", "Subject: a\n\nx\n");
        append_one(f, SLICE("Subject: b\n\nx\n"), 0);
        put(f, "victim", "");
        assert_int_equal(symlinkat("../../../victim", f->fd, GUIDS), 0);
        assert_int_equal(try_copy(f, "Dirs/a", 1, 1, "INBOX"), -ELOOP);
        assert_non_null(strstr(store_error(f->store), MBOX_GUIDS_NAME));
        assert_string_equal(text_of(f, "victim"), "");
        expect_box(f, true, "1  b");
}

static void too_large(void **state)
{
        struct fixture *f = *state;
        append_to(f, "Dirs/a", "Subject: a\n\nx\n");
        append_one(f, SLICE("Subject: b\n\nx\n"), 0);
        put(f, GUIDS, "");
        int fd = openat(f->fd, GUIDS, O_WRONLY);
        assert_int_equal(ftruncate(fd, MBOX_GUIDS_MAX + 1), 0);
        copy(f, "Dirs/a", 1, 1, "INBOX");
        struct stat st;
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_size, MBOX_GUIDS_MAX + 1);
        close(fd);
        assert_string_not_equal(guid_of(f, "INBOX", 2), guid_of(f, "Dirs/a", 1));
}

/* Messages come and go, one stays: so does its line, and the file does not grow without end. */
static void come_and_go(void **state)
{
        struct fixture *f = *state;
        append_to(f, "Dirs/a", "Subject: stays\n\nx\n");
        append_to(f, "Dirs/a", "Subject: goes\n\nx\n");
        copy(f, "Dirs/a", 1, 1, "INBOX");
        size_t largest = 0;
        for (int i = 0; i < 200; i++) {
                copy(f, "Dirs/a", 2, 2, "INBOX");
                largest = MAX(largest, strlen(text_of(f, GUIDS)));
                expunge_in(f, "INBOX", 2);
        }
        assert_in_range(largest, MBOX_GUIDS_MIN / 2, MBOX_GUIDS_MIN + 1);
        assert_string_equal(guid_of(f, "INBOX", 1), guid_of(f, "Dirs/a", 1));
}

/* A file of messages that are all there grows, past the sizes at which it is looked at. */
static void many(void **state)
{
        struct fixture *f = *state;
        char text[40];
        for (int i = 1; i <= 130; i++) {
                snprintf(text, sizeof(text), "Subject: %d\n\nx\n", i);
                append_to(f, "Dirs/a", text);
        }
        copy(f, "Dirs/a", 1, 60, "INBOX");
        for (uint32_t i = 61; i <= 130; i++)
                copy(f, "Dirs/a", i, i, "INBOX");
        assert_true(strlen(text_of(f, GUIDS)) > (size_t)2 * MBOX_GUIDS_MIN);
        struct mailbox *m = open_box(f, "Dirs/a", true), *to = open_box(f, "INBOX", true);
        for (uint32_t seq = 1; seq <= 130; seq++)
                assert_string_equal(guid_in(f, m, seq), guid_in(f, to, seq));
        mailbox_close(&m);
        mailbox_close(&to);
}

#define T(t) cmocka_unit_test_setup_teardown(t, setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines),
                T(there_and_back),
                T(own),
                T(same_hash),
                T(found_later),
                T(damaged),
                T(link_in_its_place),
                T(too_large),
                T(come_and_go),
                T(many),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

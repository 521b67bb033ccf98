#include "store/courier.h"

#include "maildir_fixture.h"

#define K "Maildir/courierimapkeywords/"

static void uids_text(void **state)
{
        struct arena a = {0};
        struct courier_uids u = {.n = 99};
        (void)state;
        assert_int_equal(
                courier_uids_parse(SLICE("1 795234728 4\n2 100002.M1P2.host\n3 a,S=20:2,S\n"), &a, &u), 0);
        assert_int_equal(u.uidvalidity, 795234728);
        assert_int_equal(u.nextuid, 4);
        assert_int_equal(u.n, 2);
        assert_int_equal(u.uids[0].uid, 2);
        assert_slice_equal(u.uids[0].base, SLICE("100002.M1P2.host"));
        assert_slice_equal(u.uids[1].base, SLICE("a,S=20"));

        /* lines out of place are not used, but their UIDs are not given again either */
        assert_int_equal(courier_uids_parse(SLICE("1 7 2\n5 a\n3 b\nx\n5 c\n0 d\n2 a/b\n9 e"), &a, &u), 0);
        assert_int_equal(u.n, 2);
        assert_slice_equal(u.uids[1].base, SLICE("e"));
        assert_int_equal(u.nextuid, 10);
        arena_free(&a);
}

static void uids_of_others(void **state)
{
        static const char *const bad[] = {"",
                                          "\n",
                                          "1 5",
                                          "1 0 5\n",
                                          "1 5 0\n",
                                          "2 5 6\n",
                                          "1 x 6\n",
                                          "3 V1 N2 G00112233445566778899aabbccddeeff\n",
                                          "1 5 4294967295\n"};
        struct arena a = {0};
        struct courier_uids u = {.n = 99};
        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(courier_uids_parse(slice_of(bad[i]), &a, &u), -EINVAL);
        assert_int_equal(u.n, 99);
        arena_free(&a);
}

static int folder(struct fixture *f)
{
        mkdirat(f->fd, "Maildir", 0700);
        int fd = openat(f->fd, "Maildir", O_RDONLY | O_DIRECTORY);
        assert_true(fd >= 0);
        return fd;
}

static void uids_file(void **state)
{
        struct fixture *f = *state;
        struct courier_uids u;
        int fd = folder(f);
        assert_int_equal(courier_uids(fd, &f->arena, &u), -ENOENT);
        put(f, "Maildir/courierimapuiddb", "1 7 4\n3 a\n");
        assert_int_equal(courier_uids(fd, &f->arena, &u), 0);
        assert_int_equal(u.n, 1);
        assert_int_equal(symlinkat("courierimapuiddb", fd, "link"), 0);
        move(f, "Maildir/courierimapuiddb", "Maildir/away");
        move(f, "Maildir/link", "Maildir/courierimapuiddb");
        assert_int_equal(courier_uids(fd, &f->arena, &u), -EINVAL);
        unlinkat(fd, "courierimapuiddb", 0);
        mkdirat(fd, "courierimapuiddb", 0700);
        assert_int_equal(courier_uids(fd, &f->arena, &u), -EINVAL);
        close(fd);
}

static void keywords_text(void **state)
{
        struct arena a = {0};
        struct courier_keywords *k;
        size_t n;
        (void)state;
        courier_keywords_parse(SLICE("todo\n$Forwarded\n\nm1:1 0\nm2:0\nm3:7 1 x\n:0\nm4\n"), &a, &k, &n);
        assert_int_equal(n, 3);
        assert_slice_equal(k[0].base, SLICE("m1"));
        assert_int_equal(k[0].n, 2);
        assert_slice_equal(k[0].names[0], SLICE("$Forwarded"));
        assert_slice_equal(k[0].names[1], SLICE("todo"));
        assert_int_equal(k[1].n, 1);
        assert_int_equal(k[2].n, 1);
        assert_slice_equal(k[2].names[0], SLICE("$Forwarded"));
        courier_keywords_parse(SLICE("todo"), &a, &k, &n);
        assert_int_equal(n, 0);
        arena_free(&a);
}

static void keyword_file_names(void **state)
{
        static const char *const bad[] = {"",     ".",   "..",    ".5",    ".5.",
                                          ".x.m", "..m", ":list", ".5..m", ".18446744073709551615.m"};
        struct slice base;
        uint64_t old, newer;
        (void)state;
        assert_int_equal(courier_keywords_name(SLICE(".5984116.100002.M1P2.host"), &base, &old), 0);
        assert_slice_equal(base, SLICE("100002.M1P2.host"));
        assert_int_equal(old, 5984116);
        assert_int_equal(courier_keywords_name(SLICE("100002.M1P2.host"), &base, &newer), 0);
        assert_slice_equal(base, SLICE("100002.M1P2.host"));
        assert_true(newer > old);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(courier_keywords_name(slice_of(bad[i]), &base, &old), -EINVAL);
}

/* "a,b" of a message, or NULL when it has no entry. */
static const char *of(struct fixture *f, const struct courier_keywords *k, size_t n, const char *base)
{
        for (size_t i = 0; i < n; i++) {
                struct buf b = {0};
                if (!slice_eq(k[i].base, slice_of(base)))
                        continue;
                for (size_t j = 0; j < k[i].n; j++)
                        buf_printf(&b, "%s%.*s", j ? "," : "", SLICE_ARG(k[i].names[j]));
                const char *s = arena_str(&f->arena, buf_slice(&b));
                buf_free(&b);
                return s;
        }
        return NULL;
}

static void keywords_newest_counts(void **state)
{
        struct fixture *f = *state;
        struct courier_keywords *k;
        size_t n;
        int fd = folder(f);
        assert_int_equal(courier_keywords(fd, &f->arena, &k, &n), -ENOENT);
        mkdirat(f->fd, "Maildir/courierimapkeywords", 0700);
        assert_int_equal(courier_keywords(fd, &f->arena, &k, &n), 0);
        assert_int_equal(n, 0);
        put(f, K ":list", "one\ntwo\n\nlisted:0 1\nnumbered:0\nplain:0\ncleared:0 1\n");
        put(f, K ".99.numbered", "old\n");
        put(f, K ".100.numbered", "new\nmore\n");
        put(f, K ".20.numbered", "older\n");
        put(f, K ".100.plain", "numbered\n");
        put(f, K "plain", "newest\n");
        put(f, K ".100.cleared", "");
        put(f, K ".100.unlisted", "only\n");
        mkdirat(f->fd, K ".101.unlisted", 0700);
        assert_int_equal(courier_keywords(fd, &f->arena, &k, &n), 0);
        assert_string_equal(of(f, k, n, "listed"), "one,two");
        assert_string_equal(of(f, k, n, "numbered"), "new,more");
        assert_string_equal(of(f, k, n, "plain"), "newest");
        assert_null(of(f, k, n, "cleared"));
        assert_int_equal(n, 3);
        close(fd);
}

static void subscribed_text(void **state)
{
        struct arena a = {0};
        struct slice *names;
        size_t n;
        (void)state;
        courier_subscriptions_parse(SLICE("INBOX.Sent\nINBOX\nINBOX.a.b\nshared.x\nINBOX.\nINBOXes\n\n"
                                          "INBOX.Entw&APw-rfe\nINBOX.Entw\xc3\xbcrfe\nINBOX.A&B\nINBOX.\xff\n"
                                          "INBOX.t\tb\n"),
                                    &a, &names, &n);
        static const char *const want[] = {"Sent", "INBOX", "a.b", "Entw&APw-rfe", "Entw&APw-rfe", "A&-B"};
        assert_int_equal(n, sizeof(want) / sizeof(want[0]));
        for (size_t i = 0; i < n; i++)
                assert_slice_equal(names[i], slice_of(want[i]));
        arena_free(&a);
}

static void subscriptions_taken_over(void **state)
{
        struct fixture *f = *state;
        int fd = folder(f);
        put(f, "Maildir/courierimapsubscribed", "INBOX.Sent\nINBOX.a.b\nINBOX\n");
        /* what changes nothing writes nothing */
        assert_int_equal(store_subscribe(f->store, "Sent", true), 0);
        assert_false(there(f, "Maildir/subscriptions"));
        assert_int_equal(store_subscribe(f->store, "Sent", false), 0);
        assert_string_equal(text_of(f, "Maildir/subscriptions"), "V\t2\n\na\tb\nINBOX\n");
        /* from now on ours counts */
        put(f, "Maildir/courierimapsubscribed", "INBOX.Other\n");
        assert_int_equal(store_subscribe(f->store, "More", true), 0);
        assert_string_equal(text_of(f, "Maildir/subscriptions"), "V\t2\n\na\tb\nINBOX\nMore\n");
        close(fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(uids_text),
                cmocka_unit_test(uids_of_others),
                cmocka_unit_test_setup_teardown(uids_file, fixture_setup, fixture_teardown),
                cmocka_unit_test(keywords_text),
                cmocka_unit_test(keyword_file_names),
                cmocka_unit_test_setup_teardown(keywords_newest_counts, fixture_setup, fixture_teardown),
                cmocka_unit_test(subscribed_text),
                cmocka_unit_test_setup_teardown(subscriptions_taken_over, fixture_setup, fixture_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

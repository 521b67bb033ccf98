/* dovecot-uidlist as a file: read as it grows, appended to, replaced; and what others leave in it. */

#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/uidlist.h"

#define GUID  "0123456789abcdef0123456789abcdef"
#define HEAD  "3 V99 N5 G" GUID "\n"
#define LINES "1 :a\n3 W9 S8 :b\n"

struct fixture {
        char dir[64];
        int fd;
        struct uidlist u;
        unsigned begins; /* of the last refresh */
        bool whole;
        struct buf got; /* "<uid> <fields> <base>;" of its lines */
        uint32_t lines;
        bool quiet; /* lines are only counted */
};

static void start(struct fixture *f)
{
        struct perm perm;
        assert_int_equal(perm_of(f->fd, &perm), 0);
        uidlist_init(&f->u, f->fd, &perm, false);
}

static int setup(void **state)
{
        struct fixture *f = xcalloc(1, sizeof(*f));
        strcpy(f->dir, "/tmp/uidlist-test-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        f->fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        start(f);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        uidlist_free(&f->u);
        unlinkat(f->fd, UIDLIST_NAME, 0);
        unlinkat(f->fd, UIDLIST_NAME ".tmp", 0);
        unlinkat(f->fd, UIDLIST_NAME, AT_REMOVEDIR);
        close(f->fd);
        buf_free(&f->got);
        assert_int_equal(rmdir(f->dir), 0); /* nothing else was left behind */
        free(f);
        return 0;
}

static void on_begin(void *context, bool whole)
{
        struct fixture *f = context;
        f->begins++;
        f->whole = whole;
}

static void on_line(void *context, const struct uidlist_line *line)
{
        struct fixture *f = context;
        assert_int_equal(f->begins, 1);
        f->lines++;
        if (!f->quiet)
                buf_printf(&f->got, "%" PRIu32 " %.*s %.*s;", line->uid, SLICE_ARG(line->fields),
                           SLICE_ARG(line->base));
}

static int refresh(struct fixture *f)
{
        f->begins = f->lines = 0;
        f->got.n = 0;
        return uidlist_refresh(&f->u, &(struct uidlist_reader){on_begin, on_line, f});
}

/* Refreshes and compares what was given. */
static void expect(struct fixture *f, bool whole, const char *lines)
{
        assert_int_equal(refresh(f), 0);
        assert_int_equal(f->begins, 1);
        assert_int_equal(f->whole, whole);
        assert_string_equal(buf_cstr(&f->got), lines);
}

static bool due(struct fixture *f)
{
        bool ret = false;
        assert_int_equal(uidlist_is_due(&f->u, &ret), 0);
        return ret;
}

static void expect_nothing(struct fixture *f)
{
        assert_false(due(f));
        assert_int_equal(refresh(f), 0);
        assert_int_equal(f->begins, 0);
}

static void write_text(struct fixture *f, const char *text, int flags)
{
        int fd = openat(f->fd, UIDLIST_NAME, O_WRONLY | flags, 0600);
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, slice_of(text)), 0);
        close(fd);
}

/* A new file, as who replaces a list leaves it. */
static void put(struct fixture *f, const char *text)
{
        unlinkat(f->fd, UIDLIST_NAME, 0);
        write_text(f, text, O_CREAT | O_EXCL);
}

static void add(struct fixture *f, const char *text)
{
        write_text(f, text, O_APPEND);
}

static void expect_text(struct fixture *f, const char *want)
{
        struct buf b = {0};
        assert_int_equal(file_read_at(f->fd, UIDLIST_NAME, &b), 0);
        assert_slice_equal(buf_slice(&b), slice_of(want));
        buf_free(&b);
}

static void it_is_read_as_far_as_it_grew(void **state)
{
        struct fixture *f = *state;
        assert_true(due(f));
        put(f, HEAD LINES);
        assert_true(due(f));
        expect(f, true, "1  a;3 W9 S8 b;");
        assert_int_equal(f->u.uidvalidity, 99);
        assert_int_equal(f->u.nextuid, 5);
        assert_string_equal(f->u.guid, GUID);
        assert_false(f->u.rewrite);
        assert_int_equal(f->u.seen.lines, 2);
        assert_int_equal(f->u.seen.last_uid, 3);
        assert_int_equal(f->u.seen.version, 3);
        assert_int_equal(f->u.seen.read_to, strlen(HEAD LINES));
        expect_nothing(f);

        add(f, "7 :c\n");
        assert_true(due(f));
        expect(f, false, "7  c;");
        assert_int_equal(f->u.nextuid, 8);
        assert_int_equal(f->u.seen.lines, 3);
        expect_nothing(f);

        /* another session goes on from what this one kept */
        struct uidlist_seen seen = f->u.seen;
        uidlist_free(&f->u);
        start(f);
        f->u.seen = seen;
        f->u.uidvalidity = 99;
        expect_nothing(f);
        assert_false(f->u.rewrite);
        add(f, "8 :d\n9 :e\n");
        expect(f, false, "8  d;9  e;");
        assert_int_equal(f->u.nextuid, 10);
}

static void another_file_is_read_whole(void **state)
{
        struct fixture *f = *state;
        put(f, HEAD LINES);
        expect(f, true, "1  a;3 W9 S8 b;");
        /* a lower nextuid is not believed */
        put(f, "3 V99 N4 Gffffffffffffffffffffffffffffffff\n3 :b\n");
        assert_true(due(f));
        expect(f, true, "3  b;");
        assert_int_equal(f->u.nextuid, 5);
        assert_int_equal(f->u.seen.last_uid, 3);
        assert_string_equal(f->u.guid, "ffffffffffffffffffffffffffffffff");
        /* cut off, the same inode */
        int fd = openat(f->fd, UIDLIST_NAME, O_WRONLY);
        assert_int_equal(ftruncate(fd, (off_t)strlen(HEAD)), 0);
        close(fd);
        expect(f, true, "");
        expect_nothing(f);
}

static void an_inode_number_given_again_is_noticed(void **state)
{
        struct fixture *f = *state;
        put(f, HEAD LINES);
        expect(f, true, "1  a;3 W9 S8 b;");
        write_text(f, HEAD "3 :b\n6 :long-enough-to-look-grown\n", O_TRUNC);
        expect(f, true, "3  b;6  long-enough-to-look-grown;");
        write_text(f, HEAD "4 :b\n7 :long-enough-to-look-grown\n8 :x\n", O_TRUNC);
        expect(f, true, "4  b;7  long-enough-to-look-grown;8  x;");
}

static void a_new_uidvalidity_is_told_before_any_line(void **state)
{
        struct fixture *f = *state;
        put(f, HEAD LINES);
        expect(f, true, "1  a;3 W9 S8 b;");
        put(f, "3 V100 N50 Gffffffffffffffffffffffffffffffff\n40 :b\n");
        for (int i = 0; i < 2; i++) {
                assert_int_equal(refresh(f), -ESTALE);
                assert_int_equal(f->begins + f->lines, 0);
                assert_int_equal(f->u.uidvalidity, 99);
                assert_int_equal(f->u.nextuid, 5);
                assert_string_equal(f->u.guid, GUID);
                assert_true(due(f));
        }
}

static void what_is_not_there_or_no_list_has_no_lines(void **state)
{
        struct fixture *f = *state;
        expect(f, true, "");
        assert_true(f->u.rewrite);
        assert_false(due(f));
        put(f, HEAD LINES);
        assert_true(due(f));
        expect(f, true, "1  a;3 W9 S8 b;");
        assert_false(f->u.rewrite);
        unlinkat(f->fd, UIDLIST_NAME, 0);
        assert_true(due(f));
        expect(f, true, "");
        assert_true(f->u.rewrite);
        assert_int_equal(f->u.uidvalidity, 99);
        assert_int_equal(f->u.nextuid, 5);
        assert_string_equal(f->u.guid, GUID);
        assert_false(due(f));
        static const char *const bad[] = {"", "garbage\n1 :a\n", ("3 V99 N5 G" GUID), "3 V0 N5\n1 :a\n"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                f->u.rewrite = false;
                put(f, bad[i]);
                expect(f, true, "");
                assert_true(f->u.rewrite);
                assert_int_equal(f->u.seen.read_to, 0);
                assert_int_equal(f->u.nextuid, 5);
        }
        unlinkat(f->fd, UIDLIST_NAME, 0);
        assert_int_equal(symlinkat("/etc/passwd", f->fd, UIDLIST_NAME), 0);
        assert_int_equal(refresh(f), -ELOOP);
        unlinkat(f->fd, UIDLIST_NAME, 0);
        assert_int_equal(mkfifoat(f->fd, UIDLIST_NAME, 0600), 0);
        assert_int_equal(refresh(f), -EINVAL);
        unlinkat(f->fd, UIDLIST_NAME, 0);
        assert_int_equal(mkdirat(f->fd, UIDLIST_NAME, 0700), 0);
        assert_int_equal(refresh(f), -EINVAL);
}

static void old_versions_are_to_be_rewritten(void **state)
{
        struct fixture *f = *state;
        put(f, "1 1254 77\n5 1.a.h\n6 2.a.h:2,S\n");
        expect(f, true, "5  1.a.h;6  2.a.h;");
        assert_int_equal(f->u.uidvalidity, 1254);
        assert_int_equal(f->u.nextuid, 77);
        assert_true(f->u.rewrite);
        assert_int_equal(f->u.seen.version, 1);
        add(f, "77 3.a.h\n");
        expect(f, false, "77  3.a.h;");
        f->u.rewrite = false;
        expect_nothing(f);
        assert_true(f->u.rewrite);
        put(f, "3 V1254 N80\n5 :1.a.h\n"); /* no GUID */
        expect(f, true, "5  1.a.h;");
        assert_true(f->u.rewrite);
        assert_string_equal(f->u.guid, "");
        assert_int_equal(f->u.nextuid, 80);
}

static void damage_costs_uids(void **state)
{
        struct fixture *f = *state;
        put(f, "3 V99 N3 G" GUID "\n1 :a\ngarbage\n4 :b\n3 :c\n4 :d\n\n");
        expect(f, true, "1  a;4  b;");
        assert_true(f->u.rewrite);
        assert_int_equal(f->u.nextuid, 8); /* 3, + 1, 5 at least, + 3 */
        assert_int_equal(f->u.seen.lines, 6);
        assert_int_equal(f->u.seen.last_uid, 4);
        assert_int_equal(f->u.seen.read_to, f->u.seen.size);
        add(f, "8 :e\n2 :f\n");
        expect(f, false, "8  e;");
        assert_int_equal(f->u.nextuid, 10);
        assert_true(f->u.rewrite);
        put(f, "3 V99 N4294901759 G" GUID "\n1 :a\nx\nx\nx\n");
        expect(f, true, "1  a;");
        assert_int_equal(f->u.nextuid, UIDLIST_UID_MAX); /* and no further */
        assert_int_equal(uidlist_append(&f->u, SLICE("x"), 1), -EOVERFLOW);
}

static void a_line_may_be_too_long(void **state)
{
        struct fixture *f = *state;
        struct buf b = {0};
        static const size_t lengths[] = {UIDLIST_MAX_LINE, UIDLIST_MAX_LINE + 1, 64 * 1024, 300 * 1000};
        for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
                b.n = 0;
                buf_str(&b, HEAD "5 :");
                for (size_t n = 3; n < lengths[i]; n++)
                        buf_char(&b, 'x');
                size_t torn = b.n;
                buf_str(&b, "\n6 :b\n");
                f->u.nextuid = 5;
                f->quiet = true;
                put(f, buf_cstr(&b));
                assert_int_equal(refresh(f), 0);
                assert_int_equal(f->lines, i == 0 ? 2 : 1);
                assert_int_equal(f->u.rewrite, i > 0);
                assert_int_equal(f->u.nextuid, 7);
                assert_int_equal(f->u.seen.lines, 2);
                assert_int_equal(f->u.seen.read_to, b.n);
                /* without its end */
                b.n = torn;
                put(f, buf_cstr(&b));
                assert_int_equal(refresh(f), 0);
                assert_int_equal(f->lines, 0);
                assert_int_equal(f->u.seen.read_to, strlen(HEAD));
        }
        b.n = 0;
        buf_str(&b, "3 V99 N5 G" GUID " X");
        for (size_t n = b.n; n <= UIDLIST_MAX_LINE; n++)
                buf_char(&b, 'x');
        buf_str(&b, "\n6 :b\n");
        put(f, buf_cstr(&b));
        expect(f, true, "");
        assert_true(f->u.rewrite);
        buf_free(&b);
}

static void a_torn_line_is_left_or_mended(void **state)
{
        struct fixture *f = *state;
        put(f, HEAD LINES "5 :c");
        expect(f, true, "1  a;3 W9 S8 b;");
        assert_false(f->u.rewrite);
        assert_int_equal(f->u.nextuid, 5);
        assert_int_equal(f->u.seen.read_to, strlen(HEAD LINES));
        expect(f, false, "");
        assert_false(f->u.rewrite);
        assert_int_equal(uidlist_lock(&f->u), 0);
        assert_int_equal(faccessat(f->fd, UIDLIST_NAME ".lock", F_OK, 0), 0);
        expect(f, false, "");
        assert_true(f->u.rewrite);
        uidlist_unlock(&f->u);
        assert_int_equal(faccessat(f->fd, UIDLIST_NAME ".lock", F_OK, 0), -1);
        f->u.rewrite = false;
        add(f, "cc\n6 :d\n");
        expect(f, false, "5  ccc;6  d;");
        assert_false(f->u.rewrite);
        assert_int_equal(uidlist_lock(&f->u), 0); /* released by the teardown */
        put(f, HEAD LINES "5 :c");
        expect(f, true, "1  a;3 W9 S8 b;");
        assert_true(f->u.rewrite);
}

static void lines_are_appended(void **state)
{
        struct fixture *f = *state;
        put(f, HEAD LINES);
        assert_int_equal(uidlist_lock(&f->u), 0);
        expect(f, true, "1  a;3 W9 S8 b;");
        f->u.sync = true;
        assert_int_equal(uidlist_append(&f->u, SLICE("5 :c\n6 :d\n"), 2), 0);
        assert_int_equal(uidlist_append(&f->u, SLICE("7 :e\n"), 1), 0);
        assert_int_equal(f->u.nextuid, 8);
        assert_int_equal(f->u.seen.lines, 5);
        assert_int_equal(f->u.seen.last_uid, 7);
        expect_nothing(f);
        expect_text(f, HEAD LINES "5 :c\n6 :d\n7 :e\n");
        /* somebody who does not lock */
        add(f, "8 :z\n");
        assert_int_equal(uidlist_append(&f->u, SLICE("8 :f\n"), 1), -EAGAIN);
        expect(f, false, "8  z;");
        put(f, HEAD LINES "8 :z\n");
        assert_int_equal(uidlist_append(&f->u, SLICE("9 :f\n"), 1), -EAGAIN);
        unlinkat(f->fd, UIDLIST_NAME, 0);
        assert_int_equal(uidlist_append(&f->u, SLICE("9 :f\n"), 1), -ENOENT);
        assert_int_equal(f->u.nextuid, 9);
}

static struct rlimit limit_files(rlim_t n)
{
        struct rlimit old, limit;
        signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &old);
        limit = old;
        limit.rlim_cur = n;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        return old;
}

static bool three_lines(void *context, struct uidlist_line *ret)
{
        static const struct uidlist_line lines[] = {
                {1, {"", 0}, {"a", 1}}, {3, {"P:x Zz", 6}, {"b", 1}}, {4, {"", 0}, {"c", 1}}};
        size_t *at = context;
        if (*at >= ARRAY_LEN(lines))
                return false;
        *ret = lines[(*at)++];
        return true;
}

static void a_full_disk_leaves_the_list_as_it_was(void **state)
{
        struct fixture *f = *state;
        put(f, HEAD LINES);
        assert_int_equal(uidlist_lock(&f->u), 0);
        expect(f, true, "1  a;3 W9 S8 b;");
        struct rlimit old = limit_files(strlen(HEAD LINES) + 7);
        int append = uidlist_append(&f->u, SLICE("5 :c\n6 :d\n"), 2);
        size_t at = 0;
        f->u.nextuid = 4000000;
        int write_it = uidlist_write(&f->u, three_lines, &at);
        setrlimit(RLIMIT_FSIZE, &old);
        assert_int_equal(append, -EFBIG);
        assert_int_equal(write_it, -EFBIG);
        expect_text(f, HEAD LINES);
        assert_int_equal(faccessat(f->fd, UIDLIST_NAME ".tmp", F_OK, 0), -1);
        assert_true(due(f)); /* whatever others saw of it */
        expect(f, true, "1  a;3 W9 S8 b;");
        assert_false(f->u.rewrite);
}

static void the_list_is_written_anew(void **state)
{
        struct fixture *f = *state;
        put(f, "3 V99 N5 Xfuture G" GUID " Y\n1 :a\ngarbage\n2 :gone\n3 P:x Zz :b\n4 :c\n");
        /* what a killed process left */
        int fd = openat(f->fd, UIDLIST_NAME ".tmp", O_WRONLY | O_CREAT, 0600);
        close(fd);
        assert_int_equal(uidlist_lock(&f->u), 0);
        expect(f, true, "1  a;2  gone;3 P:x Zz b;4  c;");
        size_t at = 0;
        f->u.sync = true;
        assert_int_equal(uidlist_write(&f->u, three_lines, &at), 0);
        expect_text(f, "3 V99 N6 G" GUID " Xfuture Y\n1 :a\n3 P:x Zz :b\n4 :c\n");
        struct stat st;
        assert_int_equal(fstatat(f->fd, UIDLIST_NAME, &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, f->u.perm.file);
        assert_false(f->u.rewrite);
        assert_int_equal(f->u.seen.lines, 3);
        assert_int_equal(f->u.seen.last_uid, 4);
        expect_nothing(f);
        assert_int_equal(uidlist_append(&f->u, SLICE("6 :d\n"), 1), 0);
        add(f, "7 :e\n");
        expect(f, false, "7  e;");
        /* UIDs that readers would not take, or that would be given once more */
        static const uint32_t nextuids[] = {0, 4, UINT32_MAX};
        for (size_t i = 0; i < ARRAY_LEN(nextuids); i++) {
                at = 0;
                f->u.nextuid = nextuids[i];
                assert_int_equal(uidlist_write(&f->u, three_lines, &at), -EINVAL);
        }
        expect_text(f, "3 V99 N6 G" GUID " Xfuture Y\n1 :a\n3 P:x Zz :b\n4 :c\n6 :d\n7 :e\n");
}

static void a_new_list_gets_a_guid(void **state)
{
        struct fixture *f = *state;
        expect(f, true, "");
        size_t at = 0;
        f->u.nextuid = 5;
        assert_int_equal(uidlist_write(&f->u, three_lines, &at), -EINVAL); /* no UIDVALIDITY */
        f->u.uidvalidity = 7;
        assert_int_equal(uidlist_write(&f->u, three_lines, &at), 0);
        assert_int_equal(strlen(f->u.guid), UIDLIST_GUID_LEN);
        char first[UIDLIST_GUID_LEN + 1];
        strcpy(first, f->u.guid);
        uidlist_free(&f->u);
        start(f);
        expect(f, true, "1  a;3 P:x Zz b;4  c;");
        assert_false(f->u.rewrite);
        assert_string_equal(f->u.guid, first);
        assert_int_equal(f->u.uidvalidity, 7);
        uidlist_make_guid(first);
        assert_string_not_equal(f->u.guid, first);
        /* old header fields that leave no room */
        struct buf b = {0};
        buf_str(&b, "3 V7 N5 X");
        for (size_t n = b.n; n < UIDLIST_MAX_LINE; n++)
                buf_char(&b, 'x');
        buf_char(&b, '\n');
        put(f, buf_cstr(&b));
        expect(f, true, "");
        at = 0;
        assert_int_equal(uidlist_write(&f->u, three_lines, &at), 0);
        uidlist_free(&f->u);
        start(f);
        expect(f, true, "1  a;3 P:x Zz b;4  c;");
        buf_free(&b);
}

enum { MANY = 200000 };

static bool many_lines(void *context, struct uidlist_line *ret)
{
        uint32_t *uid = context;
        static const char name[] =
                "1700000000.M123456P1234.host.example.org,S=12345,W=12456-and-what-makes-a-name-long";
        if (*uid == MANY)
                return false;
        *ret = (struct uidlist_line){++*uid, SLICE("W12456 S12345"), slice_of(name)};
        return true;
}

static long peak_kb(void)
{
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        return usage.ru_maxrss;
}

static void a_large_list_takes_no_memory(void **state)
{
        struct fixture *f = *state;
        long before = peak_kb();
        uint32_t uid = 0;
        f->u.uidvalidity = 99;
        f->u.nextuid = MANY + 1;
        assert_int_equal(uidlist_write(&f->u, many_lines, &uid), 0);
        assert_true(f->u.seen.size > 20 * 1000 * 1000);
        expect_nothing(f);
        uidlist_free(&f->u);
        start(f);
        f->quiet = true;
        assert_int_equal(refresh(f), 0);
        assert_int_equal(f->lines, MANY);
        assert_int_equal(f->u.seen.lines, MANY);
        assert_int_equal(f->u.seen.last_uid, MANY);
        assert_int_equal(f->u.nextuid, MANY + 1);
        assert_false(f->u.rewrite);
        assert_true(peak_kb() - before < 4096);
        f->quiet = false;
        add(f, "200001 :a\n");
        expect(f, false, "200001  a;");
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(it_is_read_as_far_as_it_grew),
                T(another_file_is_read_whole),
                T(an_inode_number_given_again_is_noticed),
                T(a_new_uidvalidity_is_told_before_any_line),
                T(what_is_not_there_or_no_list_has_no_lines),
                T(old_versions_are_to_be_rewritten),
                T(damage_costs_uids),
                T(a_line_may_be_too_long),
                T(a_torn_line_is_left_or_mended),
                T(lines_are_appended),
                T(a_full_disk_leaves_the_list_as_it_was),
                T(the_list_is_written_anew),
                T(a_new_list_gets_a_guid),
                T(a_large_list_takes_no_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

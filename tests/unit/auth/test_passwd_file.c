#include "../unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/passwd_file.h"
#include "base/alloc.h"
#include "base/fd.h"

struct fixture {
        char folder[64];
        char path[128];
        struct arena arena;
        struct passwd_file_entry entry;
        const char *error;
};

static int setup(void **state)
{
        struct fixture *f = xcalloc(1, sizeof(*f));
        snprintf(f->folder, sizeof(f->folder), "%s", "/tmp/test-passwd-file-XXXXXX");
        if (!mkdtemp(f->folder))
                return -1;
        snprintf(f->path, sizeof(f->path), "%s/users", f->folder);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        unlink(f->path);
        rmdir(f->path);
        rmdir(f->folder);
        passwd_file_entry_free(&f->entry);
        arena_free(&f->arena);
        free(f);
        return 0;
}

static enum passwd_file_result find(struct fixture *f, struct slice content, const char *user)
{
        assert_int_equal(file_replace_at(AT_FDCWD, f->path, content, 0600, false), 0);
        passwd_file_entry_free(&f->entry);
        f->entry = (struct passwd_file_entry){0};
        return passwd_file_find(f->path, slice_of(user), "CRYPT", &f->arena, &f->entry, &f->error);
}

static void test_fields(void **state)
{
        struct fixture *f = *state;
        struct slice text =
                SLICE("# users\n"
                      "\n"
                      ":oops\n"
                      "anna:{PLAIN}a\r\n"
                      "kevin:{PLAIN}k:5000:mail:Kevin K:/home/kevin:/bin/sh:userdb_mail=maildir:~/M a=b\n"
                      "kevin:{PLAIN}other:1:1::/other::\n"
                      "bare\n"
                      "last:{PLAIN}l:7");
        assert_int_equal(find(f, text, "kevin"), PASSWD_FILE_FOUND);
        assert_int_equal(f->entry.line, 5);
        assert_slice_equal(buf_slice(&f->entry.password), SLICE("{PLAIN}k"));
        assert_string_equal(f->entry.uid, "5000");
        assert_string_equal(f->entry.gid, "mail");
        assert_string_equal(f->entry.home, "/home/kevin");
        assert_string_equal(f->entry.extra, "userdb_mail=maildir:~/M a=b");
        assert_slice_equal(buf_slice(&f->entry.sample), SLICE("{PLAIN}a"));

        assert_int_equal(find(f, text, "anna"), PASSWD_FILE_FOUND);
        assert_slice_equal(buf_slice(&f->entry.password), SLICE("{PLAIN}a"));
        assert_string_equal(f->entry.uid, "");
        assert_string_equal(f->entry.extra, "");

        assert_int_equal(find(f, text, "bare"), PASSWD_FILE_FOUND);
        assert_int_equal(f->entry.password.n, 0);
        assert_int_equal(find(f, text, "last"), PASSWD_FILE_FOUND);
        assert_string_equal(f->entry.uid, "7");

        static const char *const nobody[] = {"Kevin", "kevi", "kevin:{PLAIN}k", "# users",
                                             "",      "oops", "kevin\r"};
        for (size_t i = 0; i < ARRAY_LEN(nobody); i++)
                assert_int_equal(find(f, text, nobody[i]), PASSWD_FILE_NO_USER);
        assert_slice_equal(buf_slice(&f->entry.sample), SLICE("{PLAIN}a"));
}

static void test_sample(void **state)
{
        struct fixture *f = *state;
        struct slice text = SLICE("a:\nb:!\nc:*LK*\nd:{CRYPT}\ne:$6$s$h\nf:{PLAIN}x\n");
        assert_int_equal(find(f, text, "f"), PASSWD_FILE_FOUND);
        assert_slice_equal(buf_slice(&f->entry.sample), SLICE("$6$s$h"));
        assert_int_equal(find(f, SLICE(""), "f"), PASSWD_FILE_NO_USER);
        assert_int_equal(f->entry.sample.n, 0);
}

static void add_many(struct buf *b, char c, size_t n)
{
        memset(buf_reserve(b, n), c, n);
        b->n += n;
}

static void test_lengths(void **state)
{
        struct fixture *f = *state;
        for (size_t n = PASSWD_FILE_LINE_MAX - 12; n < PASSWD_FILE_LINE_MAX + 12; n++) {
                _cleanup_(buf_free) struct buf b = {0};
                buf_str(&b, "first:{PLAIN}f\n");
                buf_str(&b, "long:{PLAIN}l:::");
                add_many(&b, 'x', n - strlen("long:{PLAIN}l:::"));
                buf_str(&b, "\nafter:{PLAIN}a\n");
                /* the bytes of a line and its end have to fit */
                assert_int_equal(find(f, buf_slice(&b), "long"),
                                 n < PASSWD_FILE_LINE_MAX ? PASSWD_FILE_FOUND : PASSWD_FILE_ERROR);
                if (n >= PASSWD_FILE_LINE_MAX)
                        assert_non_null(strstr(f->error, "line 2"));
                /* and one that does not fit harms nobody else */
                assert_int_equal(find(f, buf_slice(&b), "after"), PASSWD_FILE_FOUND);
                assert_int_equal(f->entry.line, 3);
                assert_int_equal(find(f, buf_slice(&b), "xxx"), PASSWD_FILE_NO_USER);
        }
}

static void test_many_lines(void **state)
{
        struct fixture *f = *state;
        _cleanup_(buf_free) struct buf b = {0};
        for (int i = 1; i <= 5000; i++)
                buf_printf(&b, "user%d:{PLAIN}p%d:%d:%d\n", i, i, i, i);
        for (int i = 1; i <= 5000; i += 499) {
                char name[16], password[32];
                snprintf(name, sizeof(name), "user%d", i);
                snprintf(password, sizeof(password), "{PLAIN}p%d", i);
                assert_int_equal(find(f, buf_slice(&b), name), PASSWD_FILE_FOUND);
                assert_int_equal(f->entry.line, i);
                assert_slice_equal(buf_slice(&f->entry.password), slice_of(password));
        }
}

static void test_nuls(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(find(f, SLICE("ke\0vin:{PLAIN}k:1\nkevin:{PLAIN}\0k:2\n"), "kevin"),
                         PASSWD_FILE_FOUND);
        assert_string_equal(f->entry.uid, "2");
}

static void test_errors(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(passwd_file_find(f->path, SLICE("x"), "CRYPT", &f->arena, &f->entry, &f->error),
                         PASSWD_FILE_MISSING);
        assert_non_null(strstr(f->error, f->path));
        assert_int_equal(mkdir(f->path, 0700), 0);
        assert_int_equal(passwd_file_find(f->path, SLICE("x"), "CRYPT", &f->arena, &f->entry, &f->error),
                         PASSWD_FILE_ERROR);
        assert_non_null(strstr(f->error, "not a regular file"));
        assert_int_equal(rmdir(f->path), 0);
        /* does not wait for a writer */
        assert_int_equal(mkfifo(f->path, 0600), 0);
        assert_int_equal(passwd_file_find(f->path, SLICE("x"), "CRYPT", &f->arena, &f->entry, &f->error),
                         PASSWD_FILE_ERROR);
        assert_int_equal(unlink(f->path), 0);
        int fd = open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_int_equal(ftruncate(fd, (off_t)PASSWD_FILE_BYTES_MAX + 1), 0);
        close(fd);
        assert_int_equal(passwd_file_find(f->path, SLICE("x"), "CRYPT", &f->arena, &f->entry, &f->error),
                         PASSWD_FILE_ERROR);
        assert_non_null(strstr(f->error, "larger"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
                cmocka_unit_test_setup_teardown(test_sample, setup, teardown),
                cmocka_unit_test_setup_teardown(test_lengths, setup, teardown),
                cmocka_unit_test_setup_teardown(test_many_lines, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nuls, setup, teardown),
                cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

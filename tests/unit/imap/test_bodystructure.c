/* BODY and BODYSTRUCTURE. */
#include "../unit.h"

#include <errno.h>

#include "imap/bodystructure.h"

#define TEXT "\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "

static void check(struct slice message, bool extended, const char *want)
{
        _cleanup_(arena_free) struct arena arena = {0};
        _cleanup_(buf_free) struct buf b = {0};
        assert_int_equal(bodystructure_write(message, part_parse(&arena, message), extended, &b), 0);
        assert_slice_equal(buf_slice(&b), slice_of(want));
}

static void test_single(void **state)
{
        (void)state;
        check(SLICE("Subject: x\n\none\ntwo\n"), false, "(" TEXT "10 2)");
        check(SLICE("Subject: x\r\n\r\none\r\ntwo\r\n"), true, "(" TEXT "10 2 NIL NIL NIL NIL)");
        check(SLICE_NULL, true, "(" TEXT "0 0 NIL NIL NIL NIL)");
        check(SLICE("Subject: no end"), false, "(" TEXT "0 0)");
        check(SLICE("\nunended"), false, "(" TEXT "7 0)");
        check(SLICE("Content-Type: application/x-y\n\nab"), false,
              "(\"application\" \"x-y\" NIL NIL NIL \"7bit\" 2)");
        check(SLICE("Content-Type: TEXT/Html; Format=\"f\\\"x\"\n\na\n"), false,
              "(\"TEXT\" \"Html\" (\"Format\" \"f\\\"x\" \"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 1)");
        check(SLICE("Content-Type: text/plain; CHARSET=Utf-8\n\na\n"), false,
              "(\"text\" \"plain\" (\"CHARSET\" \"Utf-8\") NIL NIL \"7bit\" 3 1)");
}

static void test_extension(void **state)
{
        (void)state;
        check(SLICE("Content-Type: image/png; name=a\nContent-Transfer-Encoding: BASE64\n"
                    "Content-ID: <i@d>\nContent-Description: a \"b\"\n"
                    "Content-MD5: Q2hl==\nContent-Disposition: attachment; filename=\"a b\"; size=4\n"
                    "Content-Language: en, de\nContent-Location: http://x/y\n\nAAAA"),
              true,
              "(\"image\" \"png\" (\"name\" \"a\") \"<i@d>\" {5}\r\na \"b\" \"BASE64\" 4 \"Q2hl==\" "
              "(\"attachment\" (\"filename\" \"a b\" \"size\" \"4\")) (\"en\" \"de\") \"http://x/y\")");
        check(SLICE("Content-Type: image/png\nContent-Disposition: inline\nContent-Language: fr\n\nA"), true,
              "(\"image\" \"png\" NIL NIL NIL \"7bit\" 1 NIL (\"inline\" NIL) (\"fr\") NIL)");
}

/* RFC 2231 section 6 */
static void test_continuations(void **state)
{
        (void)state;
        check(SLICE("Content-Type: x/y; name*1=b; name*0=a; a*=utf-8''%C3%A4\n"
                    "Content-Disposition: attachment; filename*0*=utf-8''%E2%82; filename*1*=%AC; "
                    "filename*2=.txt\n\n"),
              true,
              "(\"x\" \"y\" (\"name\" \"ab\" \"a*\" \"utf-8''%C3%A4\") NIL NIL \"7bit\" 0 NIL "
              "(\"attachment\" (\"filename*\" \"utf-8''%E2%82%AC.txt\")) NIL NIL)");
}

static void test_multipart(void **state)
{
        (void)state;
        struct slice m = SLICE("Content-Type: multipart/mixed; boundary=b\nContent-Disposition: inline\n\n"
                               "pre\n--b\n\none\n--b\nContent-Type: text/html; charset=x\n\n<p>\n\n--b--\n");
        check(m, false,
              "((" TEXT "3 0)(\"text\" \"html\" (\"charset\" \"x\") NIL NIL \"7bit\" 5 1) \"mixed\")");
        check(m, true,
              "((" TEXT "3 0 NIL NIL NIL NIL)"
              "(\"text\" \"html\" (\"charset\" \"x\") NIL NIL \"7bit\" 5 1 NIL NIL NIL NIL) "
              "\"mixed\" (\"boundary\" \"b\") (\"inline\" NIL) NIL NIL)");
}

/* The grammar wants one body at least. */
static void test_multipart_without_parts(void **state)
{
        (void)state;
        struct slice m = SLICE("Content-Type: multipart/mixed; boundary=b\n\nnothing\n");
        check(m, false, "((" TEXT "0 0) \"mixed\")");
        check(m, true, "((" TEXT "0 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)");
}

static void test_message(void **state)
{
        (void)state;
        struct slice m = SLICE("Content-Type: message/rfc822\nSubject: outer\n\n"
                               "Subject: in\nContent-Type: text/plain; charset=utf-8\n\nbody\n2\n");
        check(m, false,
              "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 65 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) "
              "(\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 9 2) 5)");
        check(m, true,
              "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 65 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) "
              "(\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 9 2 NIL NIL NIL NIL) "
              "5 NIL NIL NIL NIL)");
}

static void test_digest(void **state)
{
        (void)state;
        check(SLICE("Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: one\n\nx\n--d--\n"), false,
              "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 17 (NIL \"one\" NIL NIL NIL NIL NIL NIL NIL "
              "NIL) "
              "(" TEXT "1 0) 2) \"digest\")");
}

static int nesting(struct slice s)
{
        int depth = 0, deepest = 0;
        for (size_t i = 0; i < s.n; i++) {
                depth += (s.p[i] == '(') - (s.p[i] == ')');
                deepest = MAX(deepest, depth);
                assert_true(depth > 0 || i + 1 == s.n);
        }
        assert_int_equal(depth, 0);
        return deepest;
}

static void test_deep(void **state)
{
        (void)state;
        _cleanup_(buf_free) struct buf m = {0};
        for (int i = 0; i < 1000; i++)
                buf_str(&m, "Content-Type: message/rfc822\n\n");
        _cleanup_(arena_free) struct arena arena = {0};
        _cleanup_(buf_free) struct buf b = {0};
        struct part *root = part_parse(&arena, buf_slice(&m));
        assert_int_equal(bodystructure_write(buf_slice(&m), root, true, &b), 0);
        assert_in_range(nesting(buf_slice(&b)), 50, PART_MAX_DEPTH + 3);
}

static void test_bound(void **state)
{
        (void)state;
        _cleanup_(buf_free) struct buf m = {0};
        buf_str(&m, "Content-Type: multipart/mixed; boundary=b\n\n");
        for (int i = 0; i < 1000; i++)
                buf_str(&m, "--b\n\n\n");
        struct slice message = buf_slice(&m);
        _cleanup_(arena_free) struct arena arena = {0};
        struct part *root = part_parse(&arena, message);

        _cleanup_(buf_free) struct buf b = BUF_BOUNDED(1000);
        buf_str(&b, "BODY ");
        assert_int_equal(bodystructure_write(message, root, false, &b), 0);
        assert_slice_equal(buf_slice(&b),
                           SLICE("BODY (\"application\" \"octet-stream\" NIL NIL NIL \"8bit\" 9000)"));
        b.n = 0;
        assert_int_equal(bodystructure_write(message, root, true, &b), 0);
        assert_slice_equal(
                buf_slice(&b),
                SLICE("(\"application\" \"octet-stream\" NIL NIL NIL \"8bit\" 9000 NIL NIL NIL NIL)"));

        _cleanup_(buf_free) struct buf tiny = BUF_BOUNDED(10);
        assert_int_equal(bodystructure_write(message, root, true, &tiny), -E2BIG);
        assert_int_equal(bodystructure_write(message, root, true, &tiny), -E2BIG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_single),
                cmocka_unit_test(test_extension),
                cmocka_unit_test(test_continuations),
                cmocka_unit_test(test_multipart),
                cmocka_unit_test(test_multipart_without_parts),
                cmocka_unit_test(test_message),
                cmocka_unit_test(test_digest),
                cmocka_unit_test(test_deep),
                cmocka_unit_test(test_bound),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

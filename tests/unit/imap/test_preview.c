/* PREVIEW (RFC 8970): which part, and what of its text. */

#include "../unit.h"

#include <errno.h>
#include <string.h>

#include "imap/preview.h"

static void preview(struct slice message, struct buf *to)
{
        _cleanup_(arena_free) struct arena arena = {0};
        to->n = 0;
        assert_int_equal(preview_write(message, part_parse(&arena, message), to), 0);
}

static void check(const char *message, const char *want)
{
        _cleanup_(buf_free) struct buf got = {0};
        preview(slice_of(message), &got);
        assert_slice_equal(buf_slice(&got), slice_of(want));
}

/* A header, then text of `n` times the piece; the whole of what is sent. */
static void check_long(const char *header, const char *piece, size_t n, const char *want)
{
        _cleanup_(buf_free) struct buf message = {0}, got = {0};
        buf_str(&message, header);
        while (n--)
                buf_str(&message, piece);
        preview(buf_slice(&message), &got);
        assert_slice_equal(buf_slice(&got), slice_of(want));
}

static const char *repeated(struct arena *a, const char *before, const char *piece, size_t n,
                            const char *after)
{
        _cleanup_(buf_free) struct buf b = {0};
        buf_str(&b, before);
        while (n--)
                buf_str(&b, piece);
        buf_str(&b, after);
        return arena_str(a, buf_slice(&b));
}

static void test_text(void **state)
{
        check("Subject: x\n\nHello Kevin,\n\n  lunch\tat\r\nnoon?\n", "\"Hello Kevin, lunch at noon?\"");
        check("\n", "\"\"");
        check("", "\"\"");
        check("Subject: no body", "\"\"");
        check("\n \t\r\n\x01\x7f\n", "\"\"");
        check("\na\x01\x02"
              "b\x7f"
              "c",
              "\"a b c\"");
        check("\nsay \"yes\"", "\"say \\\"yes\\\"\"");
        check("Content-Type: text/plain; charset=utf-8\n\ncaf\xc3\xa9\n", "{5}\r\ncaf\xc3\xa9");
        check("Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n"
              "caf=E9 au=\n lait\n",
              "{13}\r\ncaf\xc3\xa9 au lait");
        check("Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nSGVsbG8sIHdvcmxk\n",
              "\"Hello, world\"");
        /* a charset that nobody knows is mostly ASCII */
        check("Content-Type: text/plain; charset=x-none\n\nhello \xff.\n", "{10}\r\nhello \xef\xbf\xbd.");
}

/* What answers quotes comes after what it says itself; alone it is better than nothing. */
static void test_quoted(void **state)
{
        check("\n> old\n>> older\nnew\n> old\nwords\n", "\"new words\"");
        check("\n> old\n> words\n", "\"> old > words\"");
        check("\n > not a quote\n", "\"> not a quote\"");
        check("\n\n>\n", "\">\"");
}

/* RFC 8970 section 3.3: characters, not bytes; and never more than 256. */
static void test_length(void **state)
{
        _cleanup_(arena_free) struct arena a = {0};
        check_long("\n", "x", PREVIEW_CHARACTERS, repeated(&a, "\"", "x", PREVIEW_CHARACTERS, "\""));
        check_long("\n", "x", PREVIEW_CHARACTERS + 1, repeated(&a, "\"", "x", PREVIEW_CHARACTERS, "\""));
        check_long("\n", "x", 100000, repeated(&a, "\"", "x", PREVIEW_CHARACTERS, "\""));
        check_long("Content-Type: text/plain; charset=utf-8\n\n", "\xf0\x9f\x98\x80", 1000,
                   repeated(&a, "{800}\r\n", "\xf0\x9f\x98\x80", PREVIEW_CHARACTERS, ""));
        /* the blank that would be the last is none */
        check_long("\n", "abc ", 1000, repeated(&a, "\"", "abc ", 49, "abc\""));
        check_long("\n", "a\n", 1000, repeated(&a, "\"", "a ", 99, "a\""));
        /* what comes late is not looked for: 64 kB */
        check_long("\n", " \n", 40 * 1024, "\"\"");
        check_long("\n", "> x\n", 40 * 1024, repeated(&a, "\"", "> x ", 49, "> x\""));
        /* a character that is cut there is none */
        check_long("Content-Type: text/plain; charset=utf-8\n\n ", "\xe2\x82\xac", 40 * 1024,
                   repeated(&a, "{600}\r\n", "\xe2\x82\xac", PREVIEW_CHARACTERS, ""));
}

static void test_html(void **state)
{
        check("Content-Type: text/html; charset=utf-8\n\n"
              "<html><head><style>p { color: red }</style><title></title></head>\n"
              "<body><!-- no --><p>Gr&uuml;&szlig;e</p><p>you&nbsp;<b>all</b> &amp; me</p></body>",
              "{21}\r\nGr\xc3\xbc\xc3\x9f"
              "e you\xc2\xa0"
              "all & me");
        check("Content-Type: text/html\n\n<img src=\"x\"><br>\n", "\"\"");
        check("Content-Type: text/html\n\n&gt; quoted\n", "\"> quoted\"");
}

static const char multipart[] = "Content-Type: multipart/mixed; boundary=b\n\npreamble\n";

static void check_parts(const char *parts, const char *want)
{
        _cleanup_(arena_free) struct arena a = {0};
        check(arena_printf(&a, "%s%s", multipart, parts), want);
}

#define PLAIN "--b\nContent-Type: text/plain\n"
#define HTML  "--b\nContent-Type: text/html\n"

static void test_parts(void **state)
{
        _cleanup_(arena_free) struct arena a = {0};
        check_parts("--b--\nepilogue\n", "\"\"");
        check_parts(PLAIN "\none\n" PLAIN "\ntwo\n--b--\n", "\"one\"");
        check_parts(PLAIN "\n \n" PLAIN "\ntwo\n--b--\n", "\"two\"");
        check_parts(HTML "\n<p>html\n" PLAIN "\nplain\n--b--\n", "\"plain\"");
        check_parts(HTML "\n<p>html\n" PLAIN "\n\n--b--\n", "\"html\"");
        check_parts(PLAIN "Content-Disposition: attachment\n\none\n" HTML "\ntwo\n--b--\n", "\"two\"");
        check_parts(PLAIN "Content-Disposition: inline\n\none\n--b--\n", "\"one\"");
        check_parts("--b\nContent-Type: text/calendar\n\nBEGIN\n" HTML "\n<p>two\n--b--\n", "\"two\"");
        check_parts("--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n"
                    "--b\nContent-Type: application/octet-stream\n\nxyz\n--b--\n",
                    "\"\"");
        /* what cannot be read is passed over */
        check_parts(PLAIN "Content-Transfer-Encoding: x-none\n\none\n" PLAIN "\ntwo\n--b--\n", "\"two\"");
        /* inside another part */
        check_parts("--b\nContent-Type: multipart/alternative; boundary=c\n\n"
                    "--c\nContent-Type: text/html\n\n<p>html\n--c\nContent-Type: text/plain\n\nplain\n--c--\n"
                    "--b--\n",
                    "\"plain\"");
        check_parts("--b\nContent-Type: message/rfc822\n\nSubject: inner\n\ninside\n--b--\n", "\"inside\"");
        /* so many without text are looked at */
        check_parts(repeated(&a, "", PLAIN "\n \n", 15, PLAIN "\nword\n--b--\n"), "\"word\"");
        check_parts(repeated(&a, "", PLAIN "\n \n", 16, PLAIN "\nword\n--b--\n"), "\"\"");
        check_parts(repeated(&a, "", PLAIN "\n \n", 16, HTML "\nword\n--b--\n"), "\"word\"");
}

static void test_bounded(void **state)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(buf_free) struct buf to = BUF_BOUNDED(5);
        struct slice message = SLICE("\nlong enough\n");
        assert_int_equal(preview_write(message, part_parse(&a, message), &to), -E2BIG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text), cmocka_unit_test(test_quoted), cmocka_unit_test(test_length),
                cmocka_unit_test(test_html), cmocka_unit_test(test_parts),  cmocka_unit_test(test_bounded),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "../unit.h"

#include "mime/param.h"

#include <errno.h>

#include "base/buf.h"

static void show(struct buf *b, const struct param *list)
{
        for (; list; list = list->next)
                buf_printf(b, ";%.*s=%.*s", SLICE_ARG(list->name), SLICE_ARG(list->value));
}

/* which: the list as sent, joined or decoded */
enum view { SENT, JOINED, DECODED };
static void assert_type(const char *value, enum view view, const char *want)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(buf_free) struct buf b = {0};
        struct content_type ct;
        if (content_type_parse(&a, slice_of(value), &ct) < 0)
                fail_msg("not a type: %s", value);
        buf_printf(&b, "%.*s/%.*s", SLICE_ARG(ct.type), SLICE_ARG(ct.subtype));
        show(&b, view == SENT     ? ct.params
                 : view == JOINED ? param_join(&a, ct.params)
                                  : param_decode(&a, ct.params));
        if (strcmp(buf_cstr(&b), want) != 0)
                fail_msg("%s\n  got  %s\n  want %s", value, buf_cstr(&b), want);
}

static void test_content_type(void **state)
{
        assert_type(" text/plain; charset=us-ascii (Plain text)", SENT, "text/plain;charset=us-ascii");
        assert_type("text/plain; charset=\"us-ascii\"", SENT, "text/plain;charset=us-ascii");
        assert_type("text / html (x) ; charset = x", SENT, "text/html;charset=x");
        assert_type("TEXT/HTML", SENT, "TEXT/HTML");
        assert_type("multipart/mixed;\r\n boundary=\"gc0p4Jq0M2Yt08jU534c0p; x=(1)\"", SENT,
                    "multipart/mixed;boundary=gc0p4Jq0M2Yt08jU534c0p; x=(1)");
        assert_type("a/b; x=\"q\\\"u\\\\o\"; y=\"\"; z=\"fo\r\n ld\"", SENT, "a/b;x=q\"u\\o;y=;z=fo ld");
        assert_type("a/b; name=a@b[1].txt; y=x y", SENT, "a/b;name=a@b[1].txt;y=x");
        assert_type("text/html charset=foo; a=b; d=; e; =x; f=(c) g ;;h=i;", SENT,
                    "text/html;a=b;d=;f=g;h=i");
        assert_type("a/b; x=\"open; y=z", SENT, "a/b;x=open;y=z");
        assert_type("a/b; x=(open; y=z", SENT, "a/b;x=(open;y=z");
        assert_type("a/b; \"x;y\"; y=z", SENT, "a/b;y=z");
}

static void test_broken_types(void **state)
{
        static const char *const bad[] = {"",      " ",          "text", "/plain",
                                          "text/", "text;plain", ";",    "\"text\"/plain"};
        _cleanup_(arena_free) struct arena a = {0};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct content_type ct = {.type = SLICE("kept")};
                if (content_type_parse(&a, slice_of(bad[i]), &ct) != -EINVAL)
                        fail_msg("a type: %s", bad[i]);
                assert_slice_equal(ct.type, SLICE("kept"));
        }
}

/* RFC 2231 sections 3, 4 and 4.1 */
static void test_rfc2231(void **state)
{
        const char *url = "message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n"
                          " URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"";
        assert_type(url, JOINED,
                    "message/external-body;access-type=URL;URL=ftp://cs.utk.edu/pub/moore/bulk-mailer/"
                    "bulk-mailer.tar");
        assert_type("application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", DECODED,
                    "application/x-stuff;title=This is ***fun***");
        const char *mixed = "application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20;\r\n"
                            " title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"";
        assert_type(
                mixed, SENT,
                "application/"
                "x-stuff;title*0*=us-ascii'en'This%20is%20even%20more%20;title*1*=%2A%2A%2Afun%2A%2A%2A%20"
                ";title*2=isn't it!");
        assert_type(
                mixed, JOINED,
                "application/"
                "x-stuff;title*=us-ascii'en'This%20is%20even%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t it!");
        assert_type(mixed, DECODED, "application/x-stuff;title=This is even more ***fun*** isn't it!");
}

static void test_rfc2231_odd(void **state)
{
        assert_type("a/b; n*1=b; n*0=a; N*2=c", JOINED, "a/b;n=abc");
        assert_type("a/b; n*1=b; x=y", JOINED, "a/b;x=y");
        assert_type("a/b; n*0=a; n*2=c", JOINED, "a/b;n=a");
        assert_type("a/b; n*0=a; n*0=z", JOINED, "a/b;n=a");
        assert_type("a/b; n*x=1; *=2; *0=3; n*1000=4", JOINED, "a/b;n*x=1;*=2;*0=3;n*1000=4");
        assert_type("a/b; n*=utf-8''%e2%82%ac%zz%2", DECODED, "a/b;n=\xe2\x82\xac%zz%2");
        assert_type("a/b; n*=iso-8859-1''%e9; m*=nowhere'x'%e9; o*=%41; p*='x", DECODED,
                    "a/b;n=\xc3\xa9;m=\xef\xbf\xbd;o=A;p=");
        assert_type("a/b; n=\"=?utf-8?q?=E2=82=AC?=.txt\"", DECODED, "a/b;n=\xe2\x82\xac.txt");
        /* a character cut between two pieces */
        assert_type("a/b; n*0*=utf-8''%e2%82; n*1*=%ac", DECODED, "a/b;n=\xe2\x82\xac");
}

static void test_others(void **state)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct content_disposition d;
        assert_int_equal(
                content_disposition_parse(&a,
                                          SLICE(" attachment; filename=genome.jpeg;\r\n"
                                                " modification-date=\"Wed, 12 Feb 1997 16:29:51 -0500\";"),
                                          &d),
                0);
        assert_slice_equal(d.type, SLICE("attachment"));
        assert_slice_equal(param_find(d.params, SLICE("FileName")), SLICE("genome.jpeg"));
        assert_slice_equal(param_find(d.params, SLICE("modification-date")),
                           SLICE("Wed, 12 Feb 1997 16:29:51 -0500"));
        assert_null(param_find(d.params, SLICE("x")).p);
        assert_int_equal(content_disposition_parse(&a, SLICE("; filename=x"), &d), -EINVAL);
        assert_slice_equal(content_token(&a, SLICE(" (c) 8BIT foo")), SLICE("8BIT"));
        assert_slice_equal(content_token(&a, SLICE("\"base64\"")), SLICE("base64"));
        assert_int_equal(content_token(&a, SLICE(" ")).n, 0);
        _cleanup_(buf_free) struct buf b = {0};
        show(&b, content_token_list(&a, SLICE("en, de (c),,\r\n mi-NZ;x")));
        assert_string_equal(buf_cstr(&b), ";en=;de=;mi-NZ=;x=");
}

static void test_limit(void **state)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(buf_free) struct buf b = {0};
        buf_str(&b, "a/b");
        for (int i = 0; i < 100000; i++)
                buf_printf(&b, ";n*%d*=x", i);
        struct content_type ct;
        assert_int_equal(content_type_parse(&a, buf_slice(&b), &ct), 0);
        unsigned count = 0;
        for (struct param *p = ct.params; p; p = p->next)
                count++;
        assert_int_equal(count, PARAM_MAX);
        struct param *joined = param_join(&a, ct.params);
        assert_int_equal(joined->value.n, PARAM_MAX);
        assert_null(joined->next);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_content_type), cmocka_unit_test(test_broken_types),
                cmocka_unit_test(test_rfc2231),      cmocka_unit_test(test_rfc2231_odd),
                cmocka_unit_test(test_others),       cmocka_unit_test(test_limit),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "../unit.h"

#include "mime/html.h"

/* In pieces of every size, which must not matter. */
static void assert_text(const char *html, const char *want)
{
        struct slice all = slice_of(html);

        for (size_t step = 1; step <= all.n + 1; step++) {
                struct html_text h = {0};
                _cleanup_(buf_free) struct buf b = {0};

                for (struct slice rest = all; rest.n; rest = slice_from(rest, step))
                        assert_int_equal(html_text_convert(&h, slice_head(rest, step), &b), 0);
                assert_int_equal(html_text_finish(&h, &b), 0);
                if (!slice_eq(buf_slice(&b), slice_of(want)))
                        fail_msg("\"%s\" in steps of %zu: got \"%s\", want \"%s\"", html, step, buf_cstr(&b),
                                 want);
        }
}

static void tags(void **state)
{
        assert_text("", "");
        assert_text("plain", "plain");
        assert_text("Gr<b>u</b>ss", "Gruss");
        assert_text("<p>one</p><p>two</p>", "one two");
        assert_text("<TD>one<TD>two<BR/>three", "one two three");
        assert_text("<SPAN CLASS=x>in</SPAN>line<o:p></o:p>", "inline");
        assert_text("<a title=\"a > b\" href='\"'>link</a>", "link");
        assert_text("<p don't>text</p>", "text");
        assert_text("<p x = \"1>2\" y=z'>t", "t");
        assert_text("a < b and a<3 and a <= <", "a < b and a<3 and a <= <");
        assert_text("x</ p>y</>z</", "xyz</");
        assert_text("cut <b", "cut");
        assert_text("<averyveryverylongname>x</averyveryverylongname>y", "x y");
}

static void blanks(void **state)
{
        assert_text("  a \r\n\t b&#32;&#10;c  ", "a b c");
        assert_text("a<br> <br>b", "a b");
        assert_text("<b>a</b> <i>b</i>", "a b");
        assert_text("a&nbsp;b", "a\xc2\xa0"
                                "b");
}

/* Longer than what is looked at together. */
static void long_text(void **state)
{
        assert_text("a line of text that is long  and has two blanks<br>in the middle of it, &amp; a lot\n "
                    "of text ",
                    "a line of text that is long and has two blanks in the middle of it, & a lot of text");
        assert_text("sixteen bytes is  exactly seventeen  bytes, a space at every sixteenth place &",
                    "sixteen bytes is exactly seventeen bytes, a space at every sixteenth place &");
        assert_text("0123456789abcdef 123456789abcde  123456789abcdef<b> </b>0123456789abcde ",
                    "0123456789abcdef 123456789abcde 123456789abcdef 0123456789abcde");
}

static void comments(void **state)
{
        assert_text("a<!-- b -->c", "ac");
        assert_text("a<!-- > -- b --->c", "ac");
        assert_text("a<!-->b<!--->c<!--x--!>d", "abcd");
        assert_text("a<!--[if mso]><p>no</p><![endif]-->b<![if !mso]>c<![endif]>d", "abcd");
        assert_text("<!DOCTYPE html>a<?xml version=\"1.0\"?>b<!-x>c", "abc");
        assert_text("a<!-- never ends", "a");
}

static void scripts(void **state)
{
        assert_text("a<script>if (x < y && \"</p>\") z;</script>b", "a b");
        assert_text("a<STYLE type='text/css'>p { } </script> <!-- </STYLE >b", "a b");
        assert_text("a<script>x</scripts>y</script/>b", "a b");
        assert_text("a<script>never ends", "a");
        assert_text("<title>T</title>b", "T b");
}

static void references(void **state)
{
        assert_text("Gr&uuml;&szlig;e &Uuml; &euro; &thetasym;", "Gr\xc3\xbc\xc3\x9f"
                                                                 "e \xc3\x9c \xe2\x82\xac \xcf\x91");
        assert_text("&lt;b&gt; &amp;amp; &quot;&apos;", "<b> &amp; \"'");
        assert_text("&#233;&#xE9;&#XE9;&#233 x", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9 x");
        assert_text("&#128;&#x92;", "\xe2\x82\xac\xe2\x80\x99");
        assert_text("&#0;&#xd800;&#1114112;&#9999999999;",
                    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
        assert_text("a&b &bogus; &; &#; &#x; &#zz; &", "a&b &bogus; &; &#; &#x; &#zz; &");
        assert_text("AT&T &amp", "AT&T &");
        assert_text("&eacute&eacute;", "\xc3\xa9\xc3\xa9");
        assert_text("<p>&lt;</p>p>", "< p>");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tags),     cmocka_unit_test(blanks),  cmocka_unit_test(long_text),
                cmocka_unit_test(comments), cmocka_unit_test(scripts), cmocka_unit_test(references),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

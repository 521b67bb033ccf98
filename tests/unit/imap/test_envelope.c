/* ENVELOPE and the strings it is made of. */
#include "../unit.h"

#include <errno.h>
#include <stdio.h>

#include "imap/envelope.h"
#include "imap/quote.h"

#define NILS "NIL NIL NIL NIL NIL NIL"

static void check_quote(void (*write)(struct buf *, struct slice), struct slice in, const char *want)
{
        _cleanup_(buf_free) struct buf b = {0};
        write(&b, in);
        assert_int_equal(b.error, 0);
        assert_slice_equal(buf_slice(&b), slice_of(want));
}

static void test_quote(void **state)
{
        (void)state;
        check_quote(quote_string, SLICE_NULL, "\"\"");
        check_quote(quote_string, SLICE("plain\ttext"), "\"plain\ttext\"");
        check_quote(quote_string, SLICE("\"a\\b\""), "\"\\\"a\\\\b\\\"\"");
        check_quote(quote_string, SLICE("J\xc3\xb6rg"), "{5}\r\nJ\xc3\xb6rg");
        check_quote(quote_string, SLICE("a\r\nb"), "{4}\r\na\r\nb");
        check_quote(quote_string, SLICE("\0a\0"),
                    "{3}\r\n\x80"
                    "a\x80");
        check_quote(quote_nstring, SLICE_NULL, "NIL");
        check_quote(quote_nstring, SLICE(""), "\"\"");
        check_quote(quote_text, SLICE_NULL, "NIL");
        check_quote(quote_text, SLICE("it's"), "\"it's\"");
        check_quote(quote_text, SLICE("say \"hi\""), "{8}\r\nsay \"hi\"");
        check_quote(quote_astring, SLICE("Subject"), "Subject");
        check_quote(quote_astring, SLICE("a b"), "\"a b\"");
        check_quote(quote_astring, SLICE("a]"), "\"a]\"");
        check_quote(quote_astring, SLICE("nil"), "\"nil\"");
        check_quote(quote_astring, SLICE(""), "\"\"");
}

static void test_quote_long(void **state)
{
        (void)state;
        char text[QUOTE_MAX + 1];
        memset(text, 'x', sizeof(text));
        _cleanup_(buf_free) struct buf b = {0};
        quote_string(&b, slice_make(text, QUOTE_MAX));
        assert_int_equal(b.p[0], '"');
        b.n = 0;
        quote_string(&b, slice_make(text, QUOTE_MAX + 1));
        assert_true(slice_starts(buf_slice(&b), SLICE("{1001}\r\nxxx")));
}

static void check(struct slice header, const char *want)
{
        _cleanup_(buf_free) struct buf b = BUF_BOUNDED(ENVELOPE_MAX);
        assert_int_equal(envelope_write(header_iter(header), &b), 0);
        assert_slice_equal(buf_slice(&b), slice_of(want));
}

/* RFC 3501 section 8's sample, whose addresses are in 7.4.2's shape. */
static void test_rfc_sample(void **state)
{
        (void)state;
        check(SLICE("Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
                    "From: Terry Gray <gray@cac.washington.edu>\r\n"
                    "Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
                    "To: imap@cac.washington.edu\r\n"
                    "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
                    "Message-Id: <B27397-0100000@cac.washington.edu>\r\n"
                    "MIME-Version: 1.0\r\n"
                    "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\nDate: not this\r\n"),
              "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" "
              "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
              "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
              "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
              "((NIL NIL \"imap\" \"cac.washington.edu\")) "
              "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) "
              "NIL NIL \"<B27397-0100000@cac.washington.edu>\")");
}

static void test_absent_and_empty(void **state)
{
        (void)state;
        check(SLICE_NULL, "(NIL NIL " NILS " NIL NIL)");
        check(SLICE("\nSubject: body"), "(NIL NIL " NILS " NIL NIL)");
        check(SLICE("no header at all"), "(NIL NIL " NILS " NIL NIL)");
        check(SLICE("Subject:\nDate: \nTo:\nFrom: \nIn-Reply-To:\nMessage-ID:\n"),
              "(\"\" \"\" " NILS " \"\" \"\")");
}

static void test_defaults_of_from(void **state)
{
        (void)state;
        check(SLICE("Sender: s@x\nReply-To:\nFrom: f@x\n"),
              "(NIL NIL ((NIL NIL \"f\" \"x\")) ((NIL NIL \"s\" \"x\")) ((NIL NIL \"f\" \"x\")) "
              "NIL NIL NIL NIL NIL)");
        check(SLICE("Sender: s@x\nReply-To: r@x\n"),
              "(NIL NIL NIL ((NIL NIL \"s\" \"x\")) ((NIL NIL \"r\" \"x\")) NIL NIL NIL NIL NIL)");
}

static void test_groups_and_routes(void **state)
{
        (void)state;
        check(SLICE("To: Group: a@x, \"B\" <b@y>;, c@z\nCc: undisclosed recipients: ;\n"
                    "Bcc: <@r1,@r2:u@h>\n"),
              "(NIL NIL NIL NIL NIL "
              "((NIL NIL \"Group\" NIL)(NIL NIL \"a\" \"x\")(\"B\" NIL \"b\" \"y\")(NIL NIL NIL NIL)"
              "(NIL NIL \"c\" \"z\")) "
              "((NIL NIL \"undisclosed recipients\" NIL)(NIL NIL NIL NIL)) "
              "((NIL \"@r1,@r2\" \"u\" \"h\")) NIL NIL)");
}

static void test_texts_as_sent(void **state)
{
        (void)state;
        check(SLICE("Subject: =?utf-8?q?H=C3=A4?= raw \xfc\n folded\n\tagain\n"
                    "In-Reply-To: \"x\" <a@b>\r\n\t<c@d>\nMessage-ID: <nul\0>\n"),
              "(NIL {38}\r\n=?utf-8?q?H=C3=A4?= raw \xfc folded\tagain " NILS
              " \"\\\"x\\\" <a@b>\t<c@d>\" {6}\r\n<nul\x80>)");
        check(SLICE("From: \"J\xc3\xb6rg \\\"J\\\"\" <j@x>\nSender: \"a \\\"b\\\"\" <\"q \\\" l\"@x>\n"
                    "Reply-To: =?utf-8?q?J?= <r@x>\n"),
              "(NIL NIL (({9}\r\nJ\xc3\xb6rg \"J\" NIL \"j\" \"x\")) (({5}\r\na \"b\" NIL \"q \\\" l\" "
              "\"x\")) "
              "((\"=?utf-8?q?J?=\" NIL \"r\" \"x\")) NIL NIL NIL NIL NIL)");
}

static void test_repeated_fields(void **state)
{
        (void)state;
        check(SLICE("Subject: one\nTo: a@x,\n b@x\nsubject: two\nTO: c@x\n"),
              "(NIL \"two\" NIL NIL NIL "
              "((NIL NIL \"a\" \"x\")(NIL NIL \"b\" \"x\")(NIL NIL \"c\" \"x\")) NIL NIL NIL NIL)");
}

/* A megabyte of commas and letters in every list stays below the bound. */
static void test_bound(void **state)
{
        (void)state;
        static const char *const names[] = {"From", "Sender", "Reply-To", "To", "Cc", "Bcc"};
        _cleanup_(buf_free) struct buf header = {0};
        for (size_t i = 0; i < 6; i++) {
                for (int twice = 0; twice < 2; twice++) {
                        buf_printf(&header, "%s: ", names[i]);
                        for (int k = 0; k < 30000; k++)
                                buf_str(&header, k % 2 ? "\xe4," : "\",");
                        buf_str(&header, "\n");
                }
        }
        _cleanup_(buf_free) struct buf b = BUF_BOUNDED(ENVELOPE_MAX);
        assert_int_equal(envelope_write(header_iter(buf_slice(&header)), &b), 0);
        assert_true(slice_ends(buf_slice(&b), SLICE(" NIL NIL)")));

        _cleanup_(buf_free) struct buf small = BUF_BOUNDED(10);
        assert_int_equal(envelope_write(header_iter(buf_slice(&header)), &small), -E2BIG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_quote),
                cmocka_unit_test(test_quote_long),
                cmocka_unit_test(test_rfc_sample),
                cmocka_unit_test(test_absent_and_empty),
                cmocka_unit_test(test_defaults_of_from),
                cmocka_unit_test(test_groups_and_routes),
                cmocka_unit_test(test_texts_as_sent),
                cmocka_unit_test(test_repeated_fields),
                cmocka_unit_test(test_bound),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

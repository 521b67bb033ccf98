#include "../unit.h"

#include <stdio.h>

#include "imap/parse_append.h"
#include "imap/parse_url.h"

enum { STRETCHES = 5 };

static void render_item(const struct append_item *i, char *to, size_t n)
{
        switch (i->kind) {
        case APPEND_MESSAGE:
                snprintf(to, n, "message %02x %zu %lld; ", i->flags.system, i->flags.keywords_n,
                         (long long)i->date);
                break;
        case APPEND_LITERAL:
                snprintf(to, n, "literal %llu%s%s%s; ", (unsigned long long)i->size,
                         i->binary ? " binary" : "", i->utf8 ? " utf8" : "", i->whole ? " whole" : "");
                break;
        case APPEND_URL:
                snprintf(to, n, "url %.*s; ", SLICE_ARG(i->url));
                break;
        case APPEND_WHOLE:
                snprintf(to, n, "ok; ");
                break;
        case APPEND_END:
                snprintf(to, n, "end");
        }
}

static void check(const char *const *stretches, bool one, const char *want)
{
        _cleanup_(arena_free) struct arena arena = {0};
        struct append_parse p = {.arena = &arena, .one = one, .rest = slice_of(*stretches)};
        struct append_item item = {0};
        char got[1000] = "";
        int r = 0;
        do {
                size_t n = strlen(got);
                r = append_parse_next(&p, &item);
                if (r == 0)
                        render_item(&item, got + n, sizeof(got) - n);
                else
                        snprintf(got + n, sizeof(got) - n, "%s", p.error);
                if (r == 0 && item.kind == APPEND_LITERAL) {
                        assert_int_equal(p.rest.n, 0);
                        arena_reset(&arena);
                        p.rest = slice_of(*++stretches);
                }
        } while (r == 0 && item.kind != APPEND_END);
        assert_string_equal(got, want);
}
#define CHECK(want, ...)     check((const char *const[STRETCHES]){__VA_ARGS__}, false, want)
#define CHECK_ONE(want, ...) check((const char *const[STRETCHES]){__VA_ARGS__}, true, want)

static void one_message(void **state)
{
        CHECK("message 00 0 -1; literal 310 whole; ok; end", " {310}", "");
        CHECK("message 01 1 -1; literal 0 whole; ok; end", " (\\Seen x \\Recent) {0+}", "  ");
        CHECK("message 00 0 1; literal 1 whole; ok; end", " () \" 1-Jan-1970 00:00:01 +0000\" {1+}", "");
        CHECK("message 00 0 837596665; literal 1 whole; ok; end", " \"17-Jul-1996 02:44:25 -0700\" {1}", "");
        CHECK("message 00 0 951863400; literal 1 whole; ok; end", " \"29-Feb-2000 23:59:60 +0130\" {1}", "");
        CHECK("message 00 0 0; literal 1 whole; ok; end", " \"31-Dec-1969 23:59:59 +0000\" {1}", "");
        CHECK("message 00 0 -1; literal 18446744073709551615 whole; ok; end", " {99999999999999999999999}",
              "");
        CHECK("message 00 0 -1; literal 5 binary whole; ok; end", " ~{5+}", "");
        CHECK("message 00 0 -1; literal 5 binary utf8 whole; ok; end", " UTF8 (~{5+}", ")");
}

static void what_is_refused(void **state)
{
        CHECK("Invalid time", " \"1-feb-2000 24:00:00 +0000\" {1}");
        CHECK("Invalid day in date", " \"29-Feb-1900 00:00:00 +0000\" {1}");
        CHECK("Invalid month in date", " \"01-Foo-2000 00:00:00 +0000\" {1}");
        CHECK("Invalid time zone", " \"01-Jan-2000 00:00:00 0000\" {1}");
        CHECK("Invalid system flag \"Foo\"", " (\\Foo) {1}");
        CHECK("message 00 0 -1; Expected the message as a literal instead of \"word\"", " word {1}");
        CHECK("message 00 0 -1; Expected the message as a literal instead of \"{5} {6}\"", " {5} {6}");
        CHECK("message 00 0 -1; literal 3 whole; ok; Expected a space before \"junk\"", " {3}", "junk");
        CHECK("message 00 0 -1; literal 3 whole; ok; message 00 0 -1; Expected the message as a literal "
              "instead "
              "of \"NOOP\"",
              " {3}", " NOOP");
        CHECK("message 00 0 -1; Expected a literal8 in UTF8", " UTF8 ({5}");
        CHECK("message 00 0 -1; literal 5 binary utf8 whole; Missing ')' behind UTF8", " UTF8 (~{5}", "");
        CHECK("Missing arguments", "");
}

static void several_messages(void **state)
{
        CHECK("message 01 0 -1; literal 329 whole; ok; message 01 0 760689784; literal 295 whole; ok; end",
              " (\\Seen) {329}", " (\\Seen) \" 7-Feb-1994 22:43:04 -0800\" {295}", "");
        CHECK_ONE("message 00 0 -1; literal 3 whole; ok; One message replaces another, no more", " {3}",
                  " {4}");
}

static void catenate(void **state)
{
        CHECK("message 11 1 -1; url /Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER; literal 42; url "
              "/b; "
              "literal 44 binary; ok; end",
              " (\\Seen \\Draft $MDNSent) CATENATE (URL "
              "\"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER\" TEXT {42}",
              " URL {2}\r\n/b TEXT ~{44+}", ")");
        CHECK("message 00 0 -1; literal 1; ok; message 00 0 -1; url x; ok; message 00 0 -1; literal 2 whole; "
              "ok; end",
              " CATENATE (TEXT {1}", ") CATENATE (URL x) {2}", "");
        CHECK("message 00 0 -1; literal 1 binary utf8; literal 2; ok; end", " CATENATE (UTF8 (~{1}",
              ") TEXT {2}", ")");
        CHECK("message 00 0 -1; Expected TEXT or URL instead of \")\"", " CATENATE ()");
        CHECK("message 00 0 -1; Expected a literal behind TEXT", " CATENATE (TEXT URL {5}");
        CHECK("message 00 0 -1; url x; Missing ')'", " CATENATE (URL x");
        CHECK("message 00 0 -1; url {5+}; Missing ')'", " CATENATE (URL {4+}\r\n{5+}");
        CHECK("message 00 0 -1; url x; Expected a space or ')' before \"{5+}\"", " CATENATE (URL x{5+}");
}

static void url(void **state)
{
        static const struct {
                const char *text, *want; /* NULL: refused */
        } rows[] = {
                {"/INBOX/;UID=20", "INBOX 0 20 0 0 0:0"},
                {"/inbox;uidvalidity=5/;uid=20", "INBOX 5 20 0 0 0:0"},
                {"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER", "Drafts 385759045 20 0 1 0:0"},
                {"/a/b%20c/;UID=1/;SECTION=1.2.MIME/;PARTIAL=7.9", "a/b c 0 1 2 5 7:9"},
                {"/%C3%A9/;UID=1/;PARTIAL=7", "\303\251 0 1 0 0 7:4294967295"},
                {"/x/;UID=1/;SECTION=HEADER.FIELDS%20(To%20Cc)", "x 0 1 0 2 0:0"},
                {"/Drafts/;UID=3002", "Drafts 0 3002 0 0 0:0"},
                {"imap://host/INBOX/;UID=20"},
                {"//host/INBOX/;UID=20"},
                {"INBOX/;UID=20"},
                {";UID=20"},
                {"/;UID=20"},
                {"/INBOX"},
                {"/INBOX;UIDVALIDITY=5"},
                {"/INBOX;UIDVALIDITY=0/;UID=1"},
                {"/INBOX;X=1/;UID=1"},
                {"/INBOX/;UID=0"},
                {"/INBOX/;UID=20/"},
                {"/INBOX/;UID=20/;"},
                {"/INBOX/;UID=20/;SECTION="},
                {"/INBOX/;UID=20/;SECTION=1."},
                {"/INBOX/;UID=20/;SECTION=1]"},
                {"/INBOX/;UID=20/;SECTION=MIME"},
                {"/INBOX/;UID=20/;PARTIAL=1.0"},
                {"/INBOX/;UID=20/;PARTIAL=1/;SECTION=1"},
                {"/INBOX/;UID=20;URLAUTH=anonymous"},
                {"/INBOX/;UID=20/;SECTION=1;EXPIRE=2027-01-01T00:00:00Z;URLAUTH=anonymous"},
                {"/%FF/;UID=1"},
                {"/%00/;UID=1"},
                {"/a b/;UID=1"},
                {"/a%/;UID=1"},
                {"/INBOX?SUBJECT%20x"},
                {""},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                _cleanup_(arena_free) struct arena arena = {0};
                struct imap_url u;
                char got[200] = "";
                int r = imap_url_parse(&arena, slice_of(rows[i].text), &u);
                if (r == 0)
                        snprintf(got, sizeof(got), "%.*s %u %u %zu %d %u:%u", SLICE_ARG(u.mailbox),
                                 u.uidvalidity, u.uid, u.section.part_n, u.section.text, u.section.offset,
                                 u.section.count);
                if (strcmp(got, rows[i].want ? rows[i].want : "") != 0)
                        fail_msg("%s gave %s", rows[i].text, got);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_message),
                cmocka_unit_test(what_is_refused),
                cmocka_unit_test(several_messages),
                cmocka_unit_test(catenate),
                cmocka_unit_test(url),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

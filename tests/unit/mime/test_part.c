#include "../unit.h"

#include "mime/part.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"

/* A tree on one line: type/subtype, the virtual size of the body, children in brackets. */
static void show(struct buf *b, const struct part *p)
{
        buf_printf(b, "%.*s/%.*s %zu", SLICE_ARG(p->type), SLICE_ARG(p->subtype), part_virtual_size(p->body));
        if (p->kind == PART_LEAF)
                return;
        buf_char(b, p->kind == PART_MULTIPART ? '[' : '{');
        for (const struct part *c = p->children; c; c = c->next) {
                show(b, c);
                if (c->next)
                        buf_str(b, ", ");
        }
        buf_char(b, p->kind == PART_MULTIPART ? ']' : '}');
}

/* What must hold of every tree: ranges lie in each other and in order, and counts are those of the bytes. */
static void check_range(struct slice message, struct part_range r)
{
        size_t lines = 0, bare = 0;
        assert_true(r.offset <= message.n && r.size <= message.n - r.offset);
        for (size_t i = r.offset; i < r.offset + r.size; i++)
                if (message.p[i] == '\n') {
                        lines++;
                        bare += i == 0 || message.p[i - 1] != '\r';
                }
        assert_int_equal(lines, r.lines);
        assert_int_equal(bare, r.bare_lf);
}

static void check_tree(struct slice message, const struct part *p)
{
        check_range(message, p->header);
        check_range(message, p->body);
        assert_int_equal(p->body.offset, p->header.offset + p->header.size);
        size_t at = p->body.offset;
        unsigned number = 0;
        for (const struct part *c = p->children; c; c = c->next) {
                assert_ptr_equal(c->parent, p);
                assert_int_equal(c->number, ++number);
                assert_int_equal(c->depth, p->depth + 1);
                assert_true(c->header.offset >= at);
                check_tree(message, c);
                at = c->body.offset + c->body.size;
                assert_true(at <= p->body.offset + p->body.size);
        }
        assert_int_equal(number, p->child_count);
        assert_true(p->kind != PART_LEAF || number == 0);
        assert_true(p->kind != PART_MESSAGE || number == 1);
}

static void assert_tree_slice(struct slice message, const char *want)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(buf_free) struct buf b = {0};
        const struct part *root = part_parse(&a, message);
        check_tree(message, root);
        show(&b, root);
        if (strcmp(buf_cstr(&b), want) != 0)
                fail_msg("%.*s\n  got  %s\n  want %s", SLICE_ARG(message), buf_cstr(&b), want);
}

/* With LF as written, and with CRLF: virtual sizes must not differ. */
static void assert_tree(const char *message, const char *want)
{
        _cleanup_(buf_free) struct buf crlf = {0};
        for (const char *p = message; *p; p++)
                buf_str(&crlf, *p == '\n' ? "\r\n" : (char[]){*p, '\0'});
        assert_tree_slice(slice_of(message), want);
        assert_tree_slice(buf_slice(&crlf), want);
}

#define MIXED(boundary) "Content-Type: multipart/mixed; boundary=" boundary "\n\n"

static void test_simple(void **state)
{
        assert_tree("", "text/plain 0");
        assert_tree("\n", "text/plain 0");
        assert_tree("\nx\n", "text/plain 3");
        assert_tree("no header at all", "text/plain 0");
        assert_tree("Subject: x\n\nhello", "text/plain 5");
        assert_tree("Content-Type: text/html\nContent-Type: text/plain\n\nx\n\n", "text/html 5");
        assert_tree("Content-Type: text\n\nx", "text/plain 1");
        assert_tree("Content-Type:\n\nx", "text/plain 1");
        assert_tree("Content-Type: text/plain; boundary=x\n\n--x\n\na\n--x--\n", "text/plain 17");
}

/* RFC 2046 section 5.1.1 */
static void test_rfc2046_multipart(void **state)
{
        assert_tree("From: Nathaniel Borenstein <nsb@bellcore.com>\nMIME-Version: 1.0\n"
                    "Content-type: multipart/mixed; boundary=\"simple boundary\"\n\n"
                    "This is the preamble.  It is to be ignored.\n\n--simple boundary\n\n"
                    "This is implicitly typed plain US-ASCII text.\nIt does NOT end with a linebreak.\n"
                    "--simple boundary\nContent-type: text/plain; charset=us-ascii\n\n"
                    "This is explicitly typed plain US-ASCII text.\nIt DOES end with a linebreak.\n\n"
                    "--simple boundary--\n\nThis is the epilogue.  It is also to be ignored.\n",
                    "multipart/mixed 368[text/plain 80, text/plain 78]");
}

static void test_empty_and_cut_parts(void **state)
{
        assert_tree(MIXED("x") "--x\n--x--\n", "multipart/mixed 12[text/plain 0]");
        assert_tree(MIXED("x") "--x\n\n--x--\n", "multipart/mixed 14[text/plain 0]");
        assert_tree(MIXED("x") "--x\n\n\n--x--\n", "multipart/mixed 16[text/plain 0]");
        assert_tree(MIXED("x") "--x\nContent-Type: text/html\n--x\n\nfoo\n--x--\n",
                    "multipart/mixed 49[text/html 0, text/plain 3]");
        assert_tree(MIXED("x") "no delimiter\n", "multipart/mixed 14[]");
        assert_tree(MIXED("x"), "multipart/mixed 0[]");
        assert_tree("Content-Type: multipart/mixed; boundary=x", "multipart/mixed 0[]");
        assert_tree(MIXED("x") "--x--\n--x\n\nnever\n", "multipart/mixed 21[]");
        assert_tree(MIXED("x") "--x\n\nno end", "multipart/mixed 13[text/plain 6]");
        assert_tree(MIXED("x") "--x\n\nno end\n", "multipart/mixed 15[text/plain 8]");
        assert_tree(MIXED("x") "--x", "multipart/mixed 3[text/plain 0]");
        assert_tree(MIXED("x") "--x\nContent-Type: message/rfc822\n--x--\n",
                    "multipart/mixed 42[message/rfc822 0{text/plain 0}]");
        assert_tree(MIXED("x") "--x\nContent-Type: message/rfc822\n\n--x--\n",
                    "multipart/mixed 44[message/rfc822 0{text/plain 0}]");
        assert_tree(MIXED("x") "--x\nContent-Type: message/rfc822\n\nSubject: foo\n--x--\n",
                    "multipart/mixed 58[message/rfc822 12{text/plain 0}]");
}

static void test_boundaries(void **state)
{
        /* an inner boundary that extends the outer one, and a line that is neither */
        assert_tree(
                MIXED("ab") "--ab\nContent-Type: multipart/alternative; "
                            "boundary=abc\n\n--abc\n\none\n--abc\n\n"
                            "two\n--abc--\n--a\n\n--ab\n\nthree\n--ab--\n",
                "multipart/mixed 126[multipart/alternative 42[text/plain 3, text/plain 3], text/plain 5]");
        /* "--a--" closes the inner "a" and does not continue the outer "a--" */
        assert_tree(
                MIXED("a--") "--a--\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a--\n--a----\n",
                "multipart/mixed 78[multipart/mixed 15[text/plain 1]]");
        /* but "--a--x" closes nothing: the longer one continues */
        assert_tree(MIXED("a--") "--a--\nContent-Type: multipart/mixed; "
                                 "boundary=a\n\n--a\n\nx\n--a--x\n\ny\n--a----\n",
                    "multipart/mixed 84[multipart/mixed 8[text/plain 1], text/plain 1]");
        /* the outer one ends the inner parts */
        assert_tree(MIXED("o") "--o\nContent-Type: multipart/alternative; "
                               "boundary=i\n\n--i\n\none\n--o\n\ntwo\n--o--\nepi\n--o\n",
                    "multipart/mixed 97[multipart/alternative 10[text/plain 3], text/plain 3]");
        /* the same boundary twice: the inner one closes first */
        assert_tree(MIXED("x") "--x\nContent-Type: multipart/mixed; "
                               "boundary=x\n\n--x\n\na\n--x--\n\n--x\n\nb\n--x--\n",
                    "multipart/mixed 86[multipart/mixed 17[text/plain 1], text/plain 1]");
        /* blanks at its end, quoting, continuations, trailing blanks of a line */
        assert_tree(MIXED("\"a b \"") "--a b  \n\nx\n--a b --\n--a b\n\nepilogue",
                    "multipart/mixed 41[text/plain 1]");
        assert_tree(MIXED("\"x\\y\"") "--xy\n\na\n--xy--\n", "multipart/mixed 19[text/plain 1]");
        assert_tree("Content-Type: multipart/mixed; boundary*0=x; boundary*1=y\n\n--xy\n\na\n--xy--\n",
                    "multipart/mixed 19[text/plain 1]");
        /* none, empty, too long */
        assert_tree("Content-Type: multipart/mixed\n\n--\n\na\n", "text/plain 9");
        assert_tree(MIXED("\"\"") "--\n\na\n", "text/plain 9");
        char header[400] = "Content-Type: multipart/mixed; boundary=";
        memset(header + strlen(header), 'x', PART_MAX_BOUNDARY + 1);
        assert_tree(header, "text/plain 0");
        header[strlen(header) - 1] = '\0';
        assert_tree(header, "multipart/mixed 0[]");
}

static void test_messages(void **state)
{
        assert_tree("Content-Type: message/rfc822\n\nSubject: x\n\nhello\n",
                    "message/rfc822 21{text/plain 7}");
        assert_tree(
                "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoKeQo=\n",
                "application/octet-stream 22");
        assert_tree("Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: x\n\nhello\n",
                    "message/rfc822 21{text/plain 7}");
        assert_tree("Content-Type: message/partial; id=x\n\nSubject: x\n\nhello\n", "message/partial 21");
        assert_tree("Content-Type: multipart/digest; boundary=x\n\n--x\n\nSubject: a\n\nb\n--x\n"
                    "Content-Type: text/plain\n\nc\n--x\nContent-Type: x\n\nd\n--x--\n",
                    "multipart/digest 94[message/rfc822 15{text/plain 1}, text/plain 1, text/plain 1]");
        assert_tree("From kevin Sat Nov 21 10:00:00 2026\nContent-Type: text/html\n\nx", "text/html 1");
}

static void test_fields(void **state)
{
        _cleanup_(arena_free) struct arena a = {0};
        const struct part *p =
                part_parse(&a, SLICE("content-type: TEXT/Html; name*0=\"a\"; name*1=\"b\"\r\n"
                                     "Content-Language: en, de (c), fr\nContent-Location: http://x/\n y\n"
                                     "Content-Disposition: inline; filename=x\nContent-ID: <a@b> (c)\n"
                                     "Content-Description: foo (bar)\r\n  baz\nContent-MD5: abc\n"
                                     "Content-Transfer-Encoding: (c) Base64\nContent-ID: <second>\n\nx"));
        assert_slice_equal(p->type, SLICE("TEXT"));
        assert_slice_equal(p->subtype, SLICE("Html"));
        assert_slice_equal(p->params->name, SLICE("name*0"));
        assert_slice_equal(p->id, SLICE("<a@b> (c)"));
        assert_slice_equal(p->description, SLICE("foo (bar)  baz"));
        assert_slice_equal(p->md5, SLICE("abc"));
        assert_slice_equal(p->location, SLICE("http://x/ y"));
        assert_slice_equal(p->disposition, SLICE("inline"));
        assert_slice_equal(param_find(p->disposition_params, SLICE("filename")), SLICE("x"));
        assert_slice_equal(p->encoding, SLICE("Base64"));
        assert_int_equal(p->transfer, TRANSFER_BASE64);
        assert_slice_equal(p->languages->next->next->name, SLICE("fr"));
        assert_null(p->languages->next->next->next);

        p = part_parse(&a, SLICE("Content-Disposition: ;x=y\n\nx"));
        assert_null(p->id.p);
        assert_null(p->description.p);
        assert_null(p->md5.p);
        assert_null(p->location.p);
        assert_null(p->disposition.p);
        assert_null(p->encoding.p);
        assert_null(p->languages);
        assert_null(p->params);
}

/* RFC 3501 section 6.4.5 */
static const char sections[] = "Subject: root\n" MIXED(
        "o") "--o\n\none\n"                                                     /* 1 */
             "--o\nContent-Type: application/octet-stream\n\ntwo\n"             /* 2 */
             "--o\nContent-Type: message/rfc822\n\nSubject: three\n" MIXED("i") /* 3 */
        "--i\n\nthree-one\n"                                                    /* 3.1 */
        "--i\nContent-Type: application/octet-stream\n\nthree-two\n--i--\n"     /* 3.2 */
        "--o\nContent-Type: multipart/mixed; boundary=j\n\n"                    /* 4 */
        "--j\nContent-Type: image/gif\n\nfour-one\n"                            /* 4.1 */
        "--j\nContent-Type: message/rfc822\n\nSubject: four-two\n" MIXED("k")   /* 4.2 */
        "--k\nContent-Type: text/plain\n\nfour-two-one\n--k--\n"                /* 4.2.1 */
        "--j\nContent-Type: message/rfc822\n\nSubject: four-three\n\ntext\n"    /* 4.3 */
        "--j--\n--o--\n";

/* `path` as "1.2.3"; want NULL: there is no such section. */
static void assert_section(struct slice message, const char *path, enum part_section section,
                           const char *want)
{
        _cleanup_(arena_free) struct arena a = {0};
        const struct part *root = part_parse(&a, message);
        uint32_t numbers[8];
        size_t count = 0;
        for (const char *p = path; *p;) {
                char *end;
                numbers[count++] = (uint32_t)strtoul(p, &end, 10);
                p = *end ? end + 1 : end;
        }
        struct part_range r;
        int got = part_section(root, numbers, count, section, &r);
        if ((got == 0) != (want != NULL))
                fail_msg("%s: %s", path, got == 0 ? "found" : "not found");
        if (!want) {
                assert_int_equal(got, -ENOENT);
                return;
        }
        check_range(message, r);
        assert_slice_equal(part_bytes(message, r), slice_of(want));
}

static void test_sections(void **state)
{
        struct slice m = SLICE(sections);
        assert_section(m, "", PART_SECTION_ALL, sections);
        assert_section(m, "", PART_SECTION_HEADER, "Subject: root\n" MIXED("o"));
        assert_section(m, "", PART_SECTION_TEXT, sections + strlen("Subject: root\n" MIXED("o")));
        assert_section(m, "", PART_SECTION_MIME, NULL);
        assert_section(m, "1", PART_SECTION_ALL, "one");
        assert_section(m, "1", PART_SECTION_MIME, "\n");
        assert_section(m, "1", PART_SECTION_HEADER, NULL);
        assert_section(m, "1", PART_SECTION_TEXT, NULL);
        assert_section(m, "1.1", PART_SECTION_ALL, NULL);
        assert_section(m, "0", PART_SECTION_ALL, NULL);
        assert_section(m, "5", PART_SECTION_ALL, NULL);
        assert_section(m, "2", PART_SECTION_MIME, "Content-Type: application/octet-stream\n\n");
        assert_section(m, "3", PART_SECTION_MIME, "Content-Type: message/rfc822\n\n");
        assert_section(m, "3", PART_SECTION_HEADER, "Subject: three\n" MIXED("i"));
        assert_section(m, "3.1", PART_SECTION_ALL, "three-one");
        assert_section(m, "3.2", PART_SECTION_ALL, "three-two");
        assert_section(m, "3.3", PART_SECTION_ALL, NULL);
        assert_section(m, "4.1", PART_SECTION_MIME, "Content-Type: image/gif\n\n");
        assert_section(m, "4", PART_SECTION_HEADER, NULL);
        assert_section(m, "4.2", PART_SECTION_HEADER, "Subject: four-two\n" MIXED("k"));
        assert_section(m, "4.2", PART_SECTION_TEXT, "--k\nContent-Type: text/plain\n\nfour-two-one\n--k--");
        assert_section(m, "4.2.1", PART_SECTION_ALL, "four-two-one");
        assert_section(m, "4.2.1", PART_SECTION_MIME, "Content-Type: text/plain\n\n");
        assert_section(m, "4.2.1.1", PART_SECTION_ALL, NULL);
        assert_section(m, "4.3", PART_SECTION_ALL, "Subject: four-three\n\ntext");
        assert_section(m, "4.3", PART_SECTION_TEXT, "text");
        assert_section(m, "4.3.1", PART_SECTION_ALL, "text");
        assert_section(m, "4.3.1", PART_SECTION_MIME, "Subject: four-three\n\n");
        assert_section(m, "4.3.2", PART_SECTION_ALL, NULL);

        struct slice simple = SLICE("Subject: x\n\nbody");
        assert_section(simple, "1", PART_SECTION_ALL, "body");
        assert_section(simple, "1", PART_SECTION_MIME, "Subject: x\n\n");
        assert_section(simple, "1", PART_SECTION_TEXT, NULL);
        assert_section(simple, "1.1", PART_SECTION_ALL, NULL);
        assert_section(simple, "2", PART_SECTION_ALL, NULL);
        struct slice nested =
                SLICE("Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nSubject: x\n\nbody");
        assert_section(nested, "1", PART_SECTION_HEADER, "Content-Type: message/rfc822\n\n");
        assert_section(nested, "1.1", PART_SECTION_HEADER, "Subject: x\n\n");
        assert_section(nested, "1.1.1", PART_SECTION_ALL, "body");
        assert_section(nested, "1.1.1.1", PART_SECTION_ALL, NULL);
}

static void test_walk(void **state)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct slice m = SLICE(sections);
        const struct part *root = part_parse(&a, m);
        check_tree(m, root);
        static const char *const leaves[] = {"one",      "two",          "three-one", "three-two",
                                             "four-one", "four-two-one", "text"};
        size_t n = 0, all = 0;
        for (const struct part *p = part_leaf(root); p; p = part_leaf(part_next(p)))
                assert_slice_equal(part_bytes(m, p->body), slice_of(leaves[n++]));
        assert_int_equal(n, ARRAY_LEN(leaves));
        for (const struct part *p = root; p; p = part_next(p))
                all++;
        assert_int_equal(all, 14);
}

static void append_many(struct buf *b, const char *s, size_t times)
{
        for (size_t i = 0; i < times; i++)
                buf_str(b, s);
}

static unsigned deepest(const struct part *root, unsigned *ret_count)
{
        unsigned depth = 0;
        *ret_count = 0;
        for (const struct part *p = root; p; p = part_next(p), ++*ret_count)
                depth = MAX(depth, p->depth);
        return depth;
}

static void test_depth(void **state)
{
        static const char *const levels[] = {"Content-Type: message/rfc822\n\n", MIXED("x") "--x\n",
                                             MIXED("x") "--x\n\n"};
        for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
                _cleanup_(arena_free) struct arena a = {0};
                _cleanup_(buf_free) struct buf b = {0};
                append_many(&b, levels[i], 1000);
                const struct part *root = part_parse(&a, buf_slice(&b));
                unsigned count;
                check_tree(buf_slice(&b), root);
                unsigned depth = deepest(root, &count);
                assert_int_equal(depth, i == 2 ? 1 : PART_MAX_DEPTH - 1);
                const struct part *p = root;
                while (p->children)
                        p = p->children;
                assert_slice_equal(p->type, i == 2 ? SLICE("text") : SLICE("application"));
        }
}

static void test_count(void **state)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(buf_free) struct buf b = {0};
        buf_str(&b, MIXED("x"));
        append_many(&b, "--x\n\ny\n", PART_MAX_COUNT + 100);
        buf_str(&b, "--x--\nepilogue");
        const struct part *root = part_parse(&a, buf_slice(&b));
        check_tree(buf_slice(&b), root);
        assert_int_equal(root->child_count, PART_MAX_COUNT - 1);
        const struct part *last = root->children;
        while (last->next)
                last = last->next;
        assert_int_equal(last->body.lines, 101 * 3); /* the rest is its text */
}

/* Each of these took minutes if a step were quadratic; the bound is wide enough for sanitizers and a busy
 * machine. */
static void test_linear(void **state)
{
        static const struct {
                const char *head, *piece;
                size_t times;
        } inputs[] = {
                {"", "x", 20000000},   /* one line of header */
                {"\n", "x", 20000000}, /* one line of body */
                {"A: b\n", " fold\n", 1000000},
                {"", MIXED("y") "--y\n", 100000},
                {"", "Content-Type: message/rfc822\n\n", 100000},
                {MIXED("x"), "--x\nContent-Type: multipart/mixed; boundary=y\n\n--y\n\n", 50000},
                {MIXED("x"), "--x\nContent-Type: text/plain", 100000},
                {MIXED("x"), "--x\n", 1000000},
                {MIXED("x"), "--", 5000000},
                {"Content-Type: text/plain", "; a=\"", 500000},
                {"Content-Type: a/b", ";a*0=(", 500000},
        };
        for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
                _cleanup_(arena_free) struct arena a = {0};
                _cleanup_(buf_free) struct buf b = {0};
                buf_str(&b, inputs[i].head);
                append_many(&b, inputs[i].piece, inputs[i].times);
                clock_t start = clock();
                const struct part *root = part_parse(&a, buf_slice(&b));
                double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
                assert_non_null(root);
                if (seconds > 5)
                        fail_msg("input %zu took %.1f s", i, seconds);
                assert_true(a.used < (64u << 20));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_simple),
                cmocka_unit_test(test_rfc2046_multipart),
                cmocka_unit_test(test_empty_and_cut_parts),
                cmocka_unit_test(test_boundaries),
                cmocka_unit_test(test_messages),
                cmocka_unit_test(test_fields),
                cmocka_unit_test(test_sections),
                cmocka_unit_test(test_walk),
                cmocka_unit_test(test_depth),
                cmocka_unit_test(test_count),
                cmocka_unit_test(test_linear),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

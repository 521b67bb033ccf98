/* BODY[section]<partial>: names, sizes and the bytes sent. */
#include "../unit.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "imap/section.h"

/* What section_write() sends, appended to `to`; its size is the one announced. */
static void fetch_marked(struct slice message, const struct imap_section *what, struct section_mark *mark,
                         struct buf *to)
{
        _cleanup_(arena_free) struct arena arena = {0};
        _cleanup_(fd_close_p) int fd = memfd_create("sent", MFD_CLOEXEC);
        struct part *root = section_needs_parts(what, mark, message) ? part_parse(&arena, message) : NULL;
        struct section s;
        struct conn c;
        section_locate(message, root, what, mark, &s);
        conn_init(&c, -1, fd);
        section_write(&c, &s);
        assert_int_equal(conn_flush(&c), 0);
        assert_int_equal(c.bytes_out, s.size);
        conn_free(&c);

        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        char *p = buf_reserve(to, s.size + 1);
        assert_int_equal(fd_read_all(fd, p, s.size + 1), s.size);
        to->n += s.size;
}

static void fetch(struct slice message, const struct imap_section *what, struct buf *to)
{
        fetch_marked(message, what, NULL, to);
}

static void check(struct slice message, struct imap_section what, const char *want)
{
        _cleanup_(buf_free) struct buf got = {0};
        fetch(message, &what, &got);
        assert_slice_equal(buf_slice(&got), slice_of(want));
}

static const char mail[] = "From: f@x\nSubject: outer\nMIME-Version: 1.0\n"
                           "Content-Type: multipart/mixed; boundary=b\n"
                           "\n"
                           "--b\n"
                           "Content-Type: text/plain\n"
                           "\n"
                           "one\n"
                           "--b\n"
                           "Content-Type: message/rfc822\n"
                           "\n"
                           "Subject: inner\n"
                           "Content-Type: multipart/mixed; boundary=c\n"
                           "\n"
                           "--c\n"
                           "\n"
                           "deep\n"
                           "\n"
                           "--c--\n"
                           "--b--\n";
#define MAIL SLICE(mail)

static void test_sections_of_a_message(void **state)
{
        (void)state;
        struct slice m = SLICE("Subject: x\n\nbody\n");
        check(m, (struct imap_section){.text = SECTION_ALL}, "Subject: x\r\n\r\nbody\r\n");
        check(m, (struct imap_section){.text = SECTION_HEADER}, "Subject: x\r\n\r\n");
        check(m, (struct imap_section){.text = SECTION_TEXT}, "body\r\n");
        check(m, (struct imap_section){.part = (uint32_t[]){1}, .part_n = 1}, "body\r\n");
        check(SLICE("Subject: x"), (struct imap_section){.text = SECTION_HEADER}, "Subject: x");
        check(SLICE("Subject: x"), (struct imap_section){.text = SECTION_TEXT}, "");
        check(SLICE_NULL, (struct imap_section){.text = SECTION_ALL}, "");
}

static void test_parts(void **state)
{
        (void)state;
        uint32_t two_one[] = {2, 1}, one[] = {1};
        check(MAIL, (struct imap_section){.part = one, .part_n = 1}, "one");
        check(MAIL, (struct imap_section){.part = one, .part_n = 1, .text = SECTION_MIME},
              "Content-Type: text/plain\r\n\r\n");
        check(MAIL, (struct imap_section){.part = two_one, .part_n = 2}, "deep\r\n");
        check(MAIL, (struct imap_section){.part = two_one, .part_n = 1, .text = SECTION_HEADER},
              "Subject: inner\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n");
        check(MAIL, (struct imap_section){.part = two_one, .part_n = 1, .text = SECTION_TEXT},
              "--c\r\n\r\ndeep\r\n\r\n--c--");
        check(MAIL,
              (struct imap_section){.part = two_one,
                                    .part_n = 1,
                                    .text = SECTION_HEADER_FIELDS,
                                    .fields = (struct slice[]){SLICE("subject")},
                                    .fields_n = 1},
              "Subject: inner\r\n\r\n");
}

static void test_no_such_part(void **state)
{
        (void)state;
        uint32_t five[] = {5}, one_two[] = {1, 2};
        struct slice subject = SLICE("subject");
        check(MAIL, (struct imap_section){.part = five, .part_n = 1}, "");
        check(MAIL, (struct imap_section){.part = one_two, .part_n = 2}, "");
        check(MAIL, (struct imap_section){.part = one_two, .part_n = 1, .text = SECTION_HEADER}, "");
        check(MAIL,
              (struct imap_section){.part = five,
                                    .part_n = 1,
                                    .text = SECTION_HEADER_FIELDS,
                                    .fields = &subject,
                                    .fields_n = 1},
              "");
}

static void check_fields(struct slice m, bool not, const char *want)
{
        struct slice names[] = {SLICE("X-One"), SLICE("subject")};
        check(m,
              (struct imap_section){.text = not ? SECTION_HEADER_FIELDS_NOT : SECTION_HEADER_FIELDS,
                                    .fields = names,
                                    .fields_n = 2},
              want);
}

static void test_header_fields(void **state)
{
        (void)state;
        struct slice m =
                SLICE("x-one: 1\n more\nno field\nSubject : s\nX-One-Two: 2\nX-ONE: 3\n\nSubject: body\n");
        check_fields(m, false, "x-one: 1\r\n more\r\nSubject : s\r\nX-ONE: 3\r\n\r\n");
        check_fields(m, true, "no field\r\nX-One-Two: 2\r\n\r\n");
        check_fields(SLICE("A: b\n\n"), false, "\r\n");
        check_fields(SLICE("X-One: b\r\n\r\n"), true, "\r\n");
        check_fields(SLICE("\nbody"), true, "\r\n");
        /* without an empty line */
        check_fields(SLICE("A: b\nSubject: s"), false, "Subject: s\r\n\r\n");
        check_fields(SLICE("Subject: s\nA: b"), true, "A: b");
        check_fields(SLICE("A: b\nSubject: s"), true, "A: b\r\n");
        check_fields(SLICE_NULL, false, "\r\n");
        check_fields(SLICE_NULL, true, "");
}

/* Also beyond the number of fields that others look at: lines sent must not be lost. */
static void test_many_fields(void **state)
{
        (void)state;
        _cleanup_(buf_free) struct buf m = {0};
        for (int i = 0; i < 12000; i++)
                buf_str(&m, "A: b\n");
        buf_str(&m, "Subject: last\n\n");
        check_fields(buf_slice(&m), false, "Subject: last\r\n\r\n");
}

static void test_nul_and_bare_cr(void **state)
{
        (void)state;
        check(SLICE("A: \0b\n\nx\r\0\ny\rz\r\n\0"), (struct imap_section){.text = SECTION_ALL},
              "A: \x80"
              "b\r\n\r\nx\r\x80\r\ny\rz\r\n\x80");
}

/* Every partial of a text is the same piece of the whole, also where it cuts a line end. */
static void check_partials(struct slice m, struct imap_section what)
{
        _cleanup_(buf_free) struct buf whole = {0};
        fetch(m, &what, &whole);
        what.partial = true;
        for (what.offset = 0; what.offset <= whole.n + 1; what.offset++)
                for (what.count = 1; what.count <= whole.n + 1; what.count++) {
                        _cleanup_(buf_free) struct buf got = {0};
                        fetch(m, &what, &got);
                        assert_slice_equal(
                                buf_slice(&got),
                                slice_head(slice_from(buf_slice(&whole), what.offset), what.count));
                }
}

static void test_partial(void **state)
{
        (void)state;
        struct slice names[] = {SLICE("a"), SLICE("c")};
        check_partials(SLICE("\n\nab\r\nc\r\n\n\r\r\nd\0\ne"), (struct imap_section){.text = SECTION_ALL});
        check_partials(SLICE("A: b\nB: c\r\nC: d"),
                       (struct imap_section){.text = SECTION_HEADER_FIELDS, .fields = names, .fields_n = 2});
        check_partials(
                SLICE("B: c\nA: x\n\nbody\n"),
                (struct imap_section){.text = SECTION_HEADER_FIELDS_NOT, .fields = names, .fields_n = 2});
        check_partials(SLICE("A: b\n\nx\ny\n"), (struct imap_section){.part = (uint32_t[]){1}, .part_n = 1});
        check(SLICE("A: b\n"),
              (struct imap_section){.text = SECTION_ALL, .partial = true, .offset = UINT32_MAX, .count = 10},
              "");
        check(SLICE("A: b\n"),
              (struct imap_section){.text = SECTION_ALL, .partial = true, .count = UINT32_MAX}, "A: b\r\n");
}

/* Piece by piece, with jumps back and ahead: the mark changes nothing but the time it takes. */
static void check_marked(struct slice m, struct imap_section what, uint32_t step)
{
        struct section_mark mark = {0};
        _cleanup_(buf_free) struct buf whole = {0}, got = {0};
        fetch(m, &what, &whole);
        what.partial = true;
        for (uint32_t i = 0; i * step <= whole.n + step; i++) {
                static const int jumps[] = {0, 0, 0, 3, -2, 0, 1};
                int64_t at = (int64_t)i + jumps[i % ARRAY_LEN(jumps)];
                what.offset = (uint32_t)(at < 0 ? 0 : at) * step;
                what.count = step;
                got.n = 0;
                fetch_marked(m, &what, &mark, &got);
                assert_slice_equal(buf_slice(&got),
                                   slice_head(slice_from(buf_slice(&whole), what.offset), step));
        }
}

static void test_piece_by_piece(void **state)
{
        (void)state;
        uint32_t one[] = {1}, two_one[] = {2, 1};
        struct slice odd = SLICE("\n\nab\r\nc\r\n\n\r\r\nd\0\ne");
        for (uint32_t step = 1; step < 40; step++) {
                check_marked(odd, (struct imap_section){.text = SECTION_ALL}, step);
                check_marked(MAIL, (struct imap_section){.text = SECTION_ALL}, step);
                check_marked(MAIL, (struct imap_section){.text = SECTION_TEXT}, step);
                check_marked(MAIL, (struct imap_section){.part = one, .part_n = 1}, step);
                check_marked(MAIL, (struct imap_section){.part = two_one, .part_n = 2}, step);
        }
        _cleanup_(buf_free) struct buf large = {0};
        buf_str(&large, "A: b\n\n");
        for (int i = 0; i < 3000; i++)
                buf_printf(&large, "%0*d%s", i % 71, i, i % 5 ? "\n" : "\r\n");
        check_marked(buf_slice(&large), (struct imap_section){.text = SECTION_ALL}, 9973);
        check_marked(buf_slice(&large), (struct imap_section){.text = SECTION_TEXT}, 20011);
        check_marked(buf_slice(&large), (struct imap_section){.part = one, .part_n = 1}, 30011);
}

/* One mark, and another section or message in between. */
static void test_mark_of_another(void **state)
{
        (void)state;
        struct section_mark mark = {0};
        uint32_t one[] = {1}, two[] = {2}, two_one[] = {2, 1};
        struct imap_section sections[] = {{.text = SECTION_ALL},
                                          {.part = one, .part_n = 1},
                                          {.part = two, .part_n = 1},
                                          {.part = two_one, .part_n = 2},
                                          {.part = two, .part_n = 1, .text = SECTION_TEXT},
                                          {.part = two, .part_n = 1, .text = SECTION_HEADER},
                                          {.part = two, .part_n = 1, .text = SECTION_MIME}};
        for (size_t i = 0; i < 200; i++) {
                struct imap_section what = sections[i * i % ARRAY_LEN(sections)];
                _cleanup_(buf_free) struct buf whole = {0}, got = {0};
                fetch(MAIL, &what, &whole);
                what.partial = true;
                what.offset = i % 9;
                what.count = 3;
                fetch_marked(MAIL, &what, &mark, &got);
                assert_slice_equal(buf_slice(&got),
                                   slice_head(slice_from(buf_slice(&whole), what.offset), 3));
        }
        /* a message of another size is another */
        struct imap_section what = {.text = SECTION_TEXT, .partial = true, .offset = 2, .count = 2};
        _cleanup_(buf_free) struct buf got = {0};
        fetch_marked(SLICE("A: b\n\n0123456789"), &what, &mark, &got);
        what.offset = 4;
        fetch_marked(SLICE("Long: er\n\n0123456789"), &what, &mark, &got);
        assert_slice_equal(buf_slice(&got), SLICE("2345"));
}

static void test_crlf_size(void **state)
{
        (void)state;
        assert_int_equal(section_crlf_size(SLICE_NULL), 0);
        assert_int_equal(section_crlf_size(SLICE("\n")), 2);
        assert_int_equal(section_crlf_size(SLICE("\r\n\n\r")), 5);
        assert_int_equal(section_crlf_size(SLICE("a\nb\r\nc")), 7);
}

static void check_name(struct imap_section what, const char *want)
{
        _cleanup_(buf_free) struct buf b = {0};
        section_name(&b, "BODY", &what);
        assert_slice_equal(buf_slice(&b), slice_of(want));
}

static void test_names(void **state)
{
        (void)state;
        uint32_t numbers[] = {1, 20, 3};
        struct slice fields[] = {SLICE("From"), SLICE("x y"), SLICE("a]")};
        check_name((struct imap_section){.text = SECTION_ALL, .peek = true}, "BODY[]");
        check_name((struct imap_section){.part = numbers, .part_n = 3}, "BODY[1.20.3]");
        check_name((struct imap_section){.part = numbers, .part_n = 1, .text = SECTION_MIME}, "BODY[1.MIME]");
        check_name((struct imap_section){.text = SECTION_TEXT, .partial = true, .offset = 7, .count = 9},
                   "BODY[TEXT]<7>");
        check_name((struct imap_section){.text = SECTION_HEADER}, "BODY[HEADER]");
        check_name((struct imap_section){.text = SECTION_HEADER_FIELDS, .fields = fields, .fields_n = 3},
                   "BODY[HEADER.FIELDS (FROM \"X Y\" \"A]\")]");
        check_name((struct imap_section){.part = numbers,
                                         .part_n = 2,
                                         .text = SECTION_HEADER_FIELDS_NOT,
                                         .fields = fields,
                                         .fields_n = 1},
                   "BODY[1.20.HEADER.FIELDS.NOT (FROM)]");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sections_of_a_message),
                cmocka_unit_test(test_parts),
                cmocka_unit_test(test_no_such_part),
                cmocka_unit_test(test_header_fields),
                cmocka_unit_test(test_many_fields),
                cmocka_unit_test(test_nul_and_bare_cr),
                cmocka_unit_test(test_partial),
                cmocka_unit_test(test_piece_by_piece),
                cmocka_unit_test(test_mark_of_another),
                cmocka_unit_test(test_crlf_size),
                cmocka_unit_test(test_names),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

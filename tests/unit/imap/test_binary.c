/* BINARY[section]<partial> piece by piece: what a mark remembers changes nothing but the time it takes. */
#include "../unit.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "imap/binary.h"

/* What is sent of a section, appended to `to`; *ret_from: where decoding began for it. */
static void fetch(struct slice message, const struct imap_section *what, struct binary_mark *mark,
                  struct buf *to, struct binary_place *ret_from)
{
        _cleanup_(arena_free) struct arena arena = {0};
        _cleanup_(fd_close_p) int fd = memfd_create("sent", MFD_CLOEXEC);
        struct part *root = binary_needs_parts(what, mark, message) ? part_parse(&arena, message) : NULL;
        struct binary b;
        struct conn c;
        assert_int_equal(binary_locate(message, root, what, mark, &b), 0);
        *ret_from = b.from;
        binary_measure(&b, message, mark);
        conn_init(&c, -1, fd);
        binary_write(&c, &b);
        assert_int_equal(conn_flush(&c), 0);
        assert_int_equal(c.bytes_out, b.size);
        conn_free(&c);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(fd_read_all(fd, buf_reserve(to, b.size + 1), b.size + 1), b.size);
        to->n += b.size;
}

/* Two parts that are large, with NULs and long lines; the second must not be taken for the first. */
static void make_mail(const char *encoding, const char *before, const char *behind, struct buf *to)
{
        buf_str(to, "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n");
        for (int part = 0; part < 2; part++) {
                buf_printf(to, "--b\nContent-Transfer-Encoding: %s\n\n", encoding);
                for (int i = 0; i < 3000; i++)
                        buf_printf(to, "%s%04d%s", before, (i * 7919 + part) % 10000, behind);
        }
        buf_str(to, "--b--\n");
}

static void check_pieces(struct slice mail, struct imap_section what, uint32_t step)
{
        _cleanup_(buf_free) struct buf whole = {0}, got = {0};
        struct binary_mark mark = {0};
        struct binary_place from;
        fetch(mail, &what, NULL, &whole, &from);
        what.partial = true;
        what.count = step;
        for (what.offset = 0; what.offset <= whole.n; what.offset += step) {
                got.n = 0;
                fetch(mail, &what, &mark, &got, &from);
                struct slice want = slice_head(slice_from(buf_slice(&whole), what.offset), step);
                assert_slice_equal(buf_slice(&got), want);
                /* never further back than a piece */
                assert_true(from.sent <= what.offset);
                assert_true(from.sent + 2 * BINARY_PIECE > what.offset);
        }
        /* back again, and into the middle of the line before */
        for (what.offset = 20000; what.offset > 3; what.offset /= 3) {
                got.n = 0;
                fetch(mail, &what, &mark, &got, &from);
                assert_slice_equal(buf_slice(&got),
                                   slice_head(slice_from(buf_slice(&whole), what.offset), step));
        }
}

static void test_piece_by_piece(void **state)
{
        static const struct {
                const char *encoding, *before, *behind;
        } kinds[] = {
                {"base64", "AAECAwQFBgcICQo", "AAAA\n"},
                {"quoted-printable", "a line =3D ", " =00 that goes on=  \n to here  \n"},
                {"8bit", "a line of text, ", "\n"},
        };
        uint32_t one = 1, two = 2;
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                _cleanup_(buf_free) struct buf mail = {0};
                make_mail(kinds[i].encoding, kinds[i].before, kinds[i].behind, &mail);
                check_pieces(buf_slice(&mail), (struct imap_section){.part = &one, .part_n = 1}, 9973);
                check_pieces(buf_slice(&mail), (struct imap_section){.part = &two, .part_n = 1}, 4001);
                check_pieces(buf_slice(&mail), (struct imap_section){.part_n = 0}, 20011);
        }
}

/* One mark, and other parts and messages in between. */
static void test_mark_of_another(void **state)
{
        _cleanup_(buf_free) struct buf mail = {0}, other = {0}, got = {0}, want = {0};
        struct binary_mark mark = {0};
        struct binary_place from;
        uint32_t number[] = {1, 2};
        make_mail("base64", "AAECAwQFBgcICQo", "AAAA\n", &mail);
        make_mail("8bit", "AAECAwQFBgcICQo", "AAAA \n", &other);
        for (uint32_t i = 0; i < 24; i++) {
                struct slice message = i % 5 == 4 ? buf_slice(&other) : buf_slice(&mail);
                struct imap_section what = {.part = &number[i % 3 == 2],
                                            .part_n = 1,
                                            .partial = true,
                                            .offset = i * 1500,
                                            .count = 1500};
                got.n = want.n = 0;
                fetch(message, &what, NULL, &want, &from);
                fetch(message, &what, &mark, &got, &from);
                assert_slice_equal(buf_slice(&got), buf_slice(&want));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_piece_by_piece),
                cmocka_unit_test(test_mark_of_another),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

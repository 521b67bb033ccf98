#include "../unit.h"

#include <errno.h>

#include "conf/expand.h"
#include "pop3/uidl.h"

static int make(const struct uidl_source *source, const char *text, struct arena *arena, const char **ret,
                const char **ret_why)
{
        struct uidl_format format;
        uidl_format_compile(text, &format);
        return uidl_make(source, &format, arena, ret, ret_why);
}

/* Dovecot's and Courier's formats, byte for byte: a client that sees another id downloads everything again.
 */
static void test_formats(void **state)
{
        static const struct {
                const char *format, *id;
        } cases[] = {
                {"%08Xu%08Xv", "00003039499602d2"}, /* Dovecot's default */
                {"%g", "a-guid"},
                {"%m", "0123456789abcdef0123456789abcdef"},
                {"%u.%m", "12345.0123456789abcdef0123456789abcdef"},
                {"%Um", "0123456789ABCDEF0123456789ABCDEF"},
                {"%f", "1700000001.M1P2.host"},
                {"UID%u-%v", "UID12345-1234567890"}, /* Courier 0.43 and later */
                {"%v-%u", "1234567890-12345"},       /* Courier up to 0.42 */
                {"%Xv%Xu", "499602d23039"},          /* Dovecot 0.99 */
                {"%v.%u", "1234567890.12345"},       /* UW ipop3d */
                {"a%%b", "a%b"},
        };
        static const struct uidl_source source = {.uid = 12345,
                                                  .uidvalidity = 1234567890,
                                                  .file = "1700000001.M1P2.host",
                                                  .guid = "a-guid",
                                                  .md5 = "0123456789abcdef0123456789abcdef"};
        _cleanup_(arena_free) struct arena arena = {0};
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const char *id = NULL, *why = "";
                if (make(&source, cases[i].format, &arena, &id, &why) < 0)
                        fail_msg("%s: %s", cases[i].format, why);
                assert_string_equal(id, cases[i].id);
        }
}

static void test_bad_formats(void **state)
{
        static const char *const bad[] = {"%q", "%m", "%"};
        static const struct uidl_source source = {.uid = 1, .uidvalidity = 2, .file = "x"};
        _cleanup_(arena_free) struct arena arena = {0};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                const char *id = NULL, *why = NULL;
                assert_int_equal(make(&source, bad[i], &arena, &id, &why), -EINVAL);
                assert_null(id);
                assert_non_null(why);
        }
}

static void test_stored(void **state)
{
        struct uidl_source source = {.uid = 1, .uidvalidity = 2, .file = "file", .stored = "old-id"};
        _cleanup_(arena_free) struct arena arena = {0};
        const char *id, *why;
        assert_int_equal(make(&source, "%u", &arena, &id, &why), 0);
        assert_string_equal(id, "old-id");
        source.stored = ""; /* an empty P field: the file's name was the id */
        assert_int_equal(make(&source, "%u", &arena, &id, &why), 0);
        assert_string_equal(id, "file");
}

static void test_made_fit(void **state)
{
        char name[UIDL_MAX + 2];
        memset(name, 'x', sizeof(name));
        name[UIDL_MAX] = '\0';
        struct uidl_source source = {.uid = 0x1a, .uidvalidity = 0x2b, .file = name};
        _cleanup_(arena_free) struct arena arena = {0};
        const char *id, *why;
        assert_int_equal(make(&source, "%f", &arena, &id, &why), 0);
        assert_string_equal(id, name); /* as long as may be */
        name[UIDL_MAX] = 'x';
        name[UIDL_MAX + 1] = '\0';
        assert_int_equal(make(&source, "%f", &arena, &id, &why), 0);
        assert_int_equal(strlen(id), UIDL_MAX);
        assert_string_equal(id + UIDL_MAX - 17, ".0000001a0000002b");
        source.file = "a b\xc3\xa9";
        assert_int_equal(make(&source, "%f", &arena, &id, &why), 0);
        assert_string_equal(id, "a_b__.0000001a0000002b");
        source.stored = "a b";
        assert_int_equal(make(&source, "%f", &arena, &id, &why), 0);
        assert_string_equal(id, "a_b.0000001a0000002b");
}

/* The contract, told in another way: each id by conf_expand(), then made fit character by character. */
static int slow(const struct uidl_source *s, const char *text, struct arena *arena, const char **ret)
{
        const char *uid = arena_printf(arena, "%u", s->uid), *why;
        const char *uidvalidity = arena_printf(arena, "%u", s->uidvalidity);
        const struct conf_variable variables[] = {
                {'u', "uid", uid, false},          {'v', "uidvalidity", uidvalidity, false},
                {'f', "filename", s->file, false}, {'g', "guid", s->guid, false},
                {'m', "md5", s->md5, false},
        };
        char *out;
        if (conf_expand(arena, text, variables, ARRAY_LEN(variables), &out, &why) < 0)
                return -EINVAL;
        bool fits = *out && strlen(out) <= UIDL_MAX;
        for (char *p = out; *p; p++)
                if (*p < 0x21 || *p > 0x7e) {
                        *p = '_';
                        fits = false;
                }
        *ret = fits ? out : arena_printf(arena, "%.53s.%08x%08x", out, s->uid, s->uidvalidity);
        return 0;
}

static uint32_t draw(uint32_t *state, uint32_t below)
{
        *state = *state * 1664525u + 1013904223u;
        return (uint32_t)((uint64_t)*state * below >> 32);
}

static uint32_t draw_number(uint32_t *state)
{
        static const uint32_t edges[] = {0, 1, 9, 10, 15, 16, 99, 100, 0xfffffff, 0x10000000, UINT32_MAX};
        return draw(state, 2) ? edges[draw(state, ARRAY_LEN(edges))] : draw(state, UINT32_MAX);
}

static const char *draw_format(uint32_t *state, struct arena *arena)
{
        static const char *const pieces[] = {
                "%u",       "%v",   "%Xu",   "%Xv",  "%08Xu", "%08Xv", "%010u",  "%032u",
                "%f",       "%g",   "%m",    "%%",   "-",     ".",     "UID",    " ",
                "\xc3\xa9", "%4u",  "%2.3f", "%UXu", "%XXu",  "%0u",   "%{uid}", "%Rf",
                "%033v",    "%08f", "%0",    "%",    "%X",    "%q",    "%08%",   "%X%"};
        const char *format = "";
        /* mostly sound ones, sometimes more parts than there is room for */
        uint32_t n = draw(state, 10) ? draw(state, 5) : draw(state, 30);
        uint32_t of = draw(state, 3) ? 15 : ARRAY_LEN(pieces);
        for (uint32_t i = 0; i < n; i++)
                format = arena_printf(arena, "%s%s", format, pieces[draw(state, of)]);
        return format;
}

static void test_as_expanded(void **state)
{
        uint32_t seed = 1, plain = 0, odd = 0;
        _cleanup_(arena_free) struct arena arena = {0};
        for (int i = 0; i < 20000; i++) {
                static const char *const names[] = {"1700000001.M1P2.host", "a b", "\xff", "x"};
                struct uidl_source source = {.uid = draw_number(&seed),
                                             .uidvalidity = draw_number(&seed),
                                             .file = names[draw(&seed, ARRAY_LEN(names))],
                                             .guid = names[draw(&seed, ARRAY_LEN(names))],
                                             .md5 = draw(&seed, 2) ? "0123456789abcdef" : NULL};
                const char *text = draw_format(&seed, &arena), *id = NULL, *want = NULL, *why;
                int r = make(&source, text, &arena, &id, &why);
                if (r != slow(&source, text, &arena, &want) || (r == 0 && strcmp(id, want) != 0))
                        fail_msg("%s of %u and %u: %s instead of %s", text, source.uid, source.uidvalidity,
                                 id ? id : "(null)", want ? want : "(null)");
                struct uidl_format f;
                uidl_format_compile(text, &f);
                plain += f.plain;
                odd += f.odd;
                if (f.plain) {
                        /* another UID, another id, and nothing to make fit */
                        assert_int_equal(r, 0);
                        source.uid++;
                        assert_int_equal(make(&source, text, &arena, &id, &why), 0);
                        assert_string_not_equal(id, want);
                        assert_in_range(strlen(want), 1, f.longest);
                }
                arena_reset(&arena);
        }
        assert_in_range(plain, 1000, 19000);
        assert_in_range(odd, 1000, 19000);
}

static void test_plain(void **state)
{
        static const struct {
                const char *text;
                bool plain, odd;
        } cases[] = {
                {"%08Xu%08Xv", true, false}, {"%v.%u", true, false},      {"UID%u-%v", true, false},
                {"%v", false, false},        {"%f", false, false},        {"%u%f", false, false},
                {"%u ", false, false},       {"%{uid}", false, true},     {"%4u", false, true},
                {"", false, false},          {"%032u%032u", true, false}, {"%032u%032u1234567", false, false},
        };
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct uidl_format f;
                uidl_format_compile(cases[i].text, &f);
                if (f.plain != cases[i].plain || f.odd != cases[i].odd)
                        fail_msg("%s: %d %d", cases[i].text, f.plain, f.odd);
        }
        /* ids of which one is the beginning of the other, put together */
        struct uidl_format f;
        uidl_format_compile("%u%Xu", &f);
        _cleanup_(arena_free) struct arena arena = {0};
        _cleanup_(map_free) struct map taken = {0};
        for (uint32_t uid = 1; uid < 20000; uid++) {
                struct uidl_source source = {.uid = uid};
                char text[UIDL_MAX];
                char *end = uidl_format_write(&f, &source, text);
                struct slice id = arena_slice(&arena, slice_make(text, (size_t)(end - text)));
                assert_null(map_get(&taken, id));
                map_put(&taken, id, &f);
        }
}

static void test_header(void **state)
{
        assert_slice_equal(uidl_of_header(SLICE("A: 1\r\nx-uidl:  abc \r\n\r\n")), SLICE("abc"));
        assert_slice_equal(uidl_of_header(SLICE("X-UIDL: abc")), SLICE("abc"));
        assert_int_equal(uidl_of_header(SLICE("A: 1\n\nX-UIDL: abc\n")).n, 0);
        assert_int_equal(uidl_of_header(SLICE("A: 1\n X-UIDL: abc\n\n")).n, 0);
        assert_int_equal(uidl_of_header(SLICE("X-UIDL:\n\n")).n, 0);
        assert_int_equal(uidl_of_header(SLICE("")).n, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_formats),     cmocka_unit_test(test_bad_formats),
                cmocka_unit_test(test_stored),      cmocka_unit_test(test_made_fit),
                cmocka_unit_test(test_as_expanded), cmocka_unit_test(test_plain),
                cmocka_unit_test(test_header),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

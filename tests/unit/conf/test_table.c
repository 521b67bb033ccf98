/* The table itself: complete, consistent, and apart from the names without effect. */

#include "../unit.h"

#include "base/arena.h"
#include "conf/foreign.h"
#include "conf/value.h"

/* Every setting has a default that its own type accepts and that comes back as it was, and a line of manual.
 */
static void test_rows(void **state)
{
        for (size_t i = 0; i < conf_section_count; i++) {
                const struct conf_section *section = &conf_sections[i];
                for (size_t j = 0; j < section->count; j++) {
                        const struct conf_setting *s = &section->settings[j];
                        if (s->type == CONF_HEADING)
                                continue;
                        _cleanup_(arena_free) struct arena a = {0};
                        _cleanup_(buf_free) struct buf once = {0}, twice = {0};
                        void *base = arena_alloc(&a, section->size);
                        assert_null(value_parse(s, s->initial, false, &a, base));
                        value_format(s, base, &once);
                        assert_null(value_parse(s, buf_cstr(&once), false, &a, base));
                        value_format(s, base, &twice);
                        assert_slice_equal(buf_slice(&once), buf_slice(&twice));
                        assert_true(slice_ends(slice_of(s->doc), SLICE(".")));
                        assert_true(s->offset < section->size);
                        assert_ptr_equal(table_setting(section, s->name), s);
                        assert_false(foreign_setting(section, s->name));
                        assert_true(s->words ? s->type == CONF_ENUM || s->type == CONF_LIST
                                             : s->type != CONF_ENUM);
                }
        }
}

static void test_sections(void **state)
{
        const struct conf_section *ns = table_section(&conf_sections[0], "namespace");
        assert_non_null(ns);
        assert_non_null(table_section(ns, "mailbox"));
        assert_null(table_section(&conf_sections[0], "mailbox"));
        assert_null(table_setting(&conf_sections[0], "The server"));
}

/* They are found by halving, which needs their order. */
static void test_foreign(void **state)
{
        size_t n = 0;
        for (const char *name, *last = ""; (name = foreign_name(n)); n++, last = name) {
                assert_true(strcmp(last, name) < 0);
                assert_true(foreign_setting(&conf_sections[0], name));
        }
        assert_true(n > 200);
        assert_false(foreign_setting(&conf_sections[0], "nonsense"));
        assert_true(foreign_section(&conf_sections[0], "service"));
        assert_false(foreign_section(table_section(&conf_sections[0], "namespace"), "service"));
        assert_true(foreign_protocol("lmtp"));
        assert_false(foreign_protocol("imap"));
        for (size_t i = 1; i < conf_section_count; i++)
                assert_false(foreign_setting(&conf_sections[i], "mail_plugins"));
        const struct conf_section *passdb = table_section(&conf_sections[0], "passdb");
        const char *const names[] = {"auth_verbose", "mechanisms", "name", "username_filter"};
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                assert_true(foreign_setting(passdb, names[i]));
}

static void assert_value(const char *name, const char *value, const char *want)
{
        const struct conf_setting *s = table_setting(&conf_sections[0], name);
        assert_non_null(s);
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(buf_free) struct buf out = {0};
        void *base = arena_alloc(&a, conf_sections[0].size);
        const char *why = value_parse(s, value, false, &a, base);
        if (why)
                fail_msg("%s: %s", value, why);
        value_format(s, base, &out);
        assert_string_equal(buf_cstr(&out), want);
}

static void test_units(void **state)
{
        assert_value("imap_max_line_length", "1024", "1 k");
        assert_value("imap_max_line_length", "1000 b", "1000 B");
        assert_value("imap_max_line_length", "3mb", "3 M");
        assert_value("imap_max_line_length", "0", "0 B");
        assert_value("login_timeout", "120 secs", "2 mins");
        assert_value("login_timeout", "36 hours", "36 hours");
        assert_value("login_timeout", "7d", "1 weeks");
        assert_value("login_timeout", "1500ms", "1500 msecs");
        assert_value("listen", "*,::  10.0.0.1", "* :: 10.0.0.1");
        assert_value("verbose_ssl", "TRUE", "yes");
        assert_value("mbox_write_locks", "Dotlock flock", "dotlock flock");
}

static void assert_refused(const char *name, const char *value, const char *why)
{
        const struct conf_setting *s = table_setting(&conf_sections[0], name);
        assert_non_null(s);
        _cleanup_(arena_free) struct arena a = {0};
        const char *got = value_parse(s, value, false, &a, arena_alloc(&a, conf_sections[0].size));
        assert_non_null(got);
        assert_string_equal(got, why);
}

static void test_words(void **state)
{
        assert_refused("mbox_read_locks", "fcntl posix",
                       "unknown word 'posix', expected dotlock, dotlock_try, fcntl, flock or lockf");
        assert_refused("mbox_write_locks", "fcntl dotlock fcntl", "'fcntl' is there twice");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),  cmocka_unit_test(test_sections), cmocka_unit_test(test_foreign),
                cmocka_unit_test(test_units), cmocka_unit_test(test_words),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Variables in values, and networks. */

#include <errno.h>

#include "../unit.h"

#include "conf/expand.h"
#include "conf/net.h"

static const struct conf_variables kevin = {
        .user = "Kevin@Example.org",
        .home = "/home/kevin",
        .service = "imap",
        .local_ip = "192.0.2.1",
        .remote_ip = "2001:db8::1",
        .local_port = 143,
        .session = "s1",
        .uid = 1000,
        .gid = -1,
        .pid = 77,
        .hostname = "mx",
};

static void assert_expands(const struct conf_variables *v, const char *template, const char *want)
{
        _cleanup_(arena_free) struct arena a = {0};
        char *got = NULL;
        const char *why = NULL;
        if (conf_expand_user(&a, template, v, &got, &why) < 0)
                fail_msg("%s: %s", template, why);
        assert_string_equal(got, want);
}

static void assert_refused(const struct conf_variables *v, const char *template, const char *want)
{
        _cleanup_(arena_free) struct arena a = {0};
        char *got = NULL;
        const char *why = NULL;
        assert_int_equal(conf_expand_user(&a, template, v, &got, &why), -EINVAL);
        assert_null(got);
        assert_string_equal(why, want);
}

static void test_names(void **state)
{
        assert_expands(&kevin, "", "");
        assert_expands(&kevin, "100%%", "100%");
        assert_expands(&kevin, "maildir:/var/mail/vhosts/%d/%n",
                       "maildir:/var/mail/vhosts/Example.org/Kevin");
        assert_expands(&kevin, "%u %h %s %l %r %a %p %i",
                       "Kevin@Example.org /home/kevin imap 192.0.2.1 2001:db8::1 143 77 1000");
        assert_expands(
                &kevin,
                "%{user}|%{username}|%{domain}|%{home}|%{service}|%{lip}|%{rip}|%{lport}|%{pid}|%{uid}",
                "Kevin@Example.org|Kevin|Example.org|/home/kevin|imap|192.0.2.1|2001:db8::1|143|77|1000");
        assert_expands(&kevin, "%{session} %{hostname}", "s1 mx");
        struct conf_variables plain = {.user = "kevin"};
        assert_expands(&plain, "%u/%n/%d.", "kevin/kevin/.");
        struct conf_variables two = {.user = "a@b@c"};
        assert_expands(&two, "%n|%d", "a|b@c");
}

static void test_modifiers(void **state)
{
        assert_expands(&kevin, "%Lu %Ud %L{user}", "kevin@example.org EXAMPLE.ORG kevin@example.org");
        assert_expands(&kevin, "%1n/%2n/%2.2n/%-2.1n/%99n", "K/Ke/vi/i/Kevin");
        assert_expands(&kevin, "%1Ln", "k");
        assert_expands(&kevin, "%Rn %LRn", "niveK nivek");
        assert_expands(&kevin, "%Xi %08Xi %02Xi", "3e8 000003e8 3e8");
        assert_expands(&kevin, "%9.2n", "");
        struct conf_variables odd = {.user = "a\"b\\ "};
        assert_expands(&odd, "%En|%Tn|", "a\\\"b\\\\ |a\"b\\|");
}

static void test_uidl(void **state)
{
        const struct conf_variable vars[] = {{'u', NULL, "26", false}, {'v', NULL, "1700000000", false}};
        _cleanup_(arena_free) struct arena a = {0};
        char *got;
        const char *why;
        assert_int_equal(conf_expand(&a, "%08Xu%08Xv", vars, 2, &got, &why), 0);
        assert_string_equal(got, "0000001a6553f100");
        assert_int_equal(conf_expand(&a, "%v.%u", vars, 2, &got, &why), 0);
        assert_string_equal(got, "1700000000.26");
}

static void test_refusals(void **state)
{
        assert_refused(&kevin, "%x", "unknown variable %x");
        assert_refused(&kevin, "%{nonsense}", "unknown variable %{nonsense}");
        assert_refused(&kevin, "%{user", "'}' is missing");
        assert_refused(&kevin, "a%", "a '%' at the end; a percent sign is written %%");
        assert_refused(&kevin, "%5", "a '%' at the end; a percent sign is written %%");
        assert_refused(&kevin, "%Hu", "the modifiers H, N, M and D are not supported");
        assert_refused(&kevin, "%{gid}", "variable %{gid} has no value here");
        assert_refused(&kevin, "%b", "variable %b has no value here");
        assert_refused(&kevin, "%9999u", "a width is too large");
        assert_refused(&kevin, "%1.u", "a width is missing or too large");
        assert_refused(&kevin, "%LLLLLLLLLu", "too many modifiers");
        struct conf_variables nobody = {0};
        assert_refused(&nobody, "%u", "variable %u has no value here");
}

/* A user name never leads out of the folder it is put into. */
static void test_paths(void **state)
{
        struct conf_variables up = {.user = "..@.."}, slash = {.user = "a/b@c"}, dots = {.user = "x..y"};
        assert_refused(&up, "/m/%d/%n", "the value of %d cannot be part of a path");
        assert_refused(&slash, "/m/%n", "the value of %n cannot be part of a path");
        assert_refused(&slash, "/m/%{user}", "the value of %{user} cannot be part of a path");
        assert_expands(&dots, "/m/%n", "/m/x..y");
        assert_refused(&dots, "/m/%1.2n", "the value of %n cannot be part of a path");
}

static bool matches(const char *network, const char *ip)
{
        struct settings_list list = {&network, 1};
        return conf_net_matches(&list, ip);
}

static void test_networks(void **state)
{
        assert_true(matches("192.0.2.0/24", "192.0.2.255"));
        assert_false(matches("192.0.2.0/24", "192.0.3.0"));
        assert_true(matches("192.0.2.7", "192.0.2.7"));
        assert_false(matches("192.0.2.7", "192.0.2.6"));
        assert_true(matches("192.0.2.128/25", "192.0.2.200"));
        assert_false(matches("192.0.2.128/25", "192.0.2.100"));
        assert_true(matches("0.0.0.0/0", "8.8.8.8"));
        assert_false(matches("0.0.0.0/0", "2001:db8::1"));
        assert_true(matches("2001:db8::/32", "2001:db8:ffff::1"));
        assert_false(matches("2001:db8::/32", "2001:db9::1"));
        assert_true(matches("::1", "::1"));
        assert_true(matches("[::1]", "::1"));
        assert_true(matches("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert_true(matches("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert_true(matches("::/0", "2001:db8::1"));
        assert_false(matches("::/0", "10.1.2.3"));
        assert_true(matches("fe80::/10", "fe80::1%eth0"));
        assert_false(matches("10.0.0.0/8", "10.1.2"));
        assert_false(matches("10.0.0.0/8", ""));
        assert_false(matches("10.0.0.0/8", NULL));
        assert_false(matches("10.0.0.0/33", "10.0.0.0"));
        assert_false(matches("10.0.0.0/", "10.0.0.0"));
        assert_false(matches("::/129", "::1"));
        assert_false(matches("example.org", "10.0.0.0"));
        struct settings_list none = {NULL, 0};
        assert_false(conf_net_matches(&none, "127.0.0.1"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names), cmocka_unit_test(test_modifiers),
                cmocka_unit_test(test_uidl),  cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_paths), cmocka_unit_test(test_networks),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The language: lines, quotes, sections, includes, reuse of values, and what is said about mistakes. */

#include "memory.h"

#include "conf/message.h"

static const struct conf_filter no_filter = {0};

static void test_values(void **state)
{
        _cleanup_(loaded_free) struct loaded l;
        struct settings s;
        settings_of(&l,
                    "# comment\n"
                    "  login_greeting=hello   there # not this\n"
                    "instance_name = \"a # \\\"b\\\" \\\\ \"\n"
                    "mail_home = 'it\\'s'\r\n"
                    "auth_default_realm = it's # plain quote\n"
                    "auth_mechanisms = PLAIN, login \\\n"
                    "   # a comment between\n"
                    "   external\n"
                    "mail_location =\n"
                    "imap_max_line_length = 2M\n"
                    "login_timeout = 90 secs\n"
                    "session_timeout = 1 hour\n"
                    "listen_idle_exit = 0\n"
                    "auth_failure_delay = 300 msecs\n"
                    "first_valid_uid = 1000\n"
                    "ssl = required\n"
                    "mail_fsync = never\n"
                    "auth_verbose = Yes",
                    NULL, &no_filter, &s);
        assert_string_equal(s.login_greeting, "hello   there");
        assert_string_equal(s.instance_name, "a # \"b\" \\ ");
        assert_string_equal(s.mail_home, "it's");
        assert_string_equal(s.auth_default_realm, "it's");
        assert_int_equal(s.auth_mechanisms.count, 3);
        assert_string_equal(s.auth_mechanisms.items[0], "plain");
        assert_string_equal(s.auth_mechanisms.items[2], "external");
        assert_string_equal(s.mail_location, "");
        assert_int_equal(s.imap_max_line_length, 2 << 20);
        assert_int_equal(s.login_timeout, 90000);
        assert_int_equal(s.session_timeout, 3600000);
        assert_int_equal(s.listen_idle_exit, 0);
        assert_int_equal(s.auth_failure_delay, 300);
        assert_int_equal(s.first_valid_uid, 1000);
        assert_int_equal(s.ssl, SETTINGS_SSL_REQUIRED);
        assert_int_equal(s.mail_fsync, SETTINGS_FSYNC_NEVER);
        assert_true(s.auth_verbose);
}

static void test_reuse(void **state)
{
        _cleanup_(loaded_free) struct loaded l;
        struct settings s;
        settings_of(&l,
                    "auth_mechanisms = $auth_mechanisms external\n"
                    "auth_mechanisms = $auth_mechanisms scram-sha-256\n"
                    "login_greeting = \"$protocols\"\n"
                    "instance_name = a$protocols\n"
                    "protocol imap {\n"
                    "  auth_mechanisms = x $auth_mechanisms\n"
                    "}\n",
                    NULL, &(struct conf_filter){.protocol = "imap"}, &s);
        assert_int_equal(s.auth_mechanisms.count, 5);
        assert_string_equal(s.auth_mechanisms.items[0], "x");
        assert_string_equal(s.auth_mechanisms.items[1], "plain");
        assert_string_equal(s.auth_mechanisms.items[4], "scram-sha-256");
        assert_string_equal(s.login_greeting, "$protocols");
        assert_string_equal(s.instance_name, "a$protocols");
        assert_messages("mail_plugins = $mail_plugins acl\nlisten = $lisen\n",
                        "/etc/m/m.conf:2: '$lisen' names no setting\n"
                        "/etc/m/m.conf:1: warning: mail_plugins: 'acl' has no effect here\n");
}

static void test_errors(void **state)
{
        assert_messages("ssl_crt = </x\n",
                        "/etc/m/m.conf:1: unknown setting 'ssl_crt', did you mean 'ssl_cert'?\n");
        assert_messages(
                "\nlogin_greetnig = x\n",
                "/etc/m/m.conf:2: unknown setting 'login_greetnig', did you mean 'login_greeting'?\n");
        assert_messages("zzz = 1\n", "/etc/m/m.conf:1: unknown setting 'zzz'\n");
        assert_messages("namespcae inbox {\n}\n",
                        "/etc/m/m.conf:1: unknown section 'namespcae', did you mean 'namespace'?\n");
        assert_messages("protocl imap {\n}\n",
                        "/etc/m/m.conf:1: unknown section 'protocl', did you mean 'protocol'?\n");
        assert_messages("passdb {\n driver = pam\n drivr = x\n}\n",
                        "/etc/m/m.conf:3: unknown setting 'drivr' in passdb { }, did you mean 'driver'?\n");
        assert_messages("separator = .\n",
                        "/etc/m/m.conf:1: unknown setting 'separator': it belongs in namespace { }\n");
        assert_messages(
                "namespace {\n inbox = yes\n ssl = no\n}\n",
                "/etc/m/m.conf:3: unknown setting 'ssl' in namespace { }: it belongs outside all sections\n");
        assert_messages("ssl = maybe\n", "/etc/m/m.conf:1: ssl: expected no, yes or required\n");
        assert_messages("auth_verbose = on\n", "/etc/m/m.conf:1: auth_verbose: expected yes or no\n");
        assert_messages("first_valid_uid = 5k\n", "/etc/m/m.conf:1: first_valid_uid: expected a number\n");
        assert_messages("first_valid_uid = 4294967296\n",
                        "/etc/m/m.conf:1: first_valid_uid: the number is too large\n");
        assert_messages("login_timeout = 30\n",
                        "/etc/m/m.conf:1: login_timeout: expected a time: a number with "
                        "msecs, secs, mins, hours, days or weeks\n");
        assert_messages("login_timeout = 99999999999999 weeks\n",
                        "/etc/m/m.conf:1: login_timeout: the time is too long\n");
        assert_messages("imap_max_line_length = 1 Q\n",
                        "/etc/m/m.conf:1: imap_max_line_length: expected a size: a "
                        "number with B, k, M, G or T, as in '64 k'\n");
        assert_messages("ssl_cert = /etc/c.pem\n",
                        "/etc/m/m.conf:1: ssl_cert: a '<' is missing before the path: </etc/c.pem\n");
        assert_messages("ssl_key = </no/key\n", "/etc/m/m.conf:1: ssl_key: there is no file /no/key\n");
        assert_messages("login_greeting = </no/text\n",
                        "/etc/m/m.conf:1: login_greeting: cannot read /no/text: No such file or directory\n");
        assert_messages("login_trusted_networks = 10.0.0.0/8 10.0.0.0/33\n",
                        "/etc/m/m.conf:1: login_trusted_networks: '10.0.0.0/33' is no address or network\n");
        assert_messages("protocols = imap pop4\n", "/etc/m/m.conf:1: protocols: unknown protocol 'pop4'\n");
}

static void test_structure(void **state)
{
        assert_messages(
                "passdb {\n  driver = x\n",
                "/etc/m/m.conf:2: '}' is missing: 'passdb' opened at /etc/m/m.conf:1 is not closed\n");
        assert_messages("}\n", "/etc/m/m.conf:1: '}' closes nothing\n");
        assert_messages("passdb { driver = x }\n",
                        "/etc/m/m.conf:1: what follows '{' must be on a line of its own\n");
        assert_messages("passdb {\n driver = x\n} userdb {\n}\n",
                        "/etc/m/m.conf:3: what follows '}' must be on a line of its own\n");
        assert_messages("hello\n", "/etc/m/m.conf:1: expected 'name = value' or 'section {'\n");
        assert_messages("= x\n", "/etc/m/m.conf:1: a name is missing\n");
        assert_messages("!inclde x\n",
                        "/etc/m/m.conf:1: unknown directive: there are !include and !include_try\n");
        assert_messages("!include\n", "/etc/m/m.conf:1: the name of the file to include is missing\n");
        assert_messages("mailbox \"Sent {\n", "/etc/m/m.conf:1: a closing quote is missing\n");
        assert_messages("local {\n}\n", "/etc/m/m.conf:1: local needs a name: local NAME {\n");
        assert_messages("remote example {\n}\n",
                        "/etc/m/m.conf:1: remote: 'example' is no address or network\n");
        assert_messages("passdb {\n driver = x\n protocol imap {\n }\n}\n",
                        "/etc/m/m.conf:3: protocol { } cannot be inside passdb { }\n");
        assert_messages(
                "instance_name = a#b\n",
                "/etc/m/m.conf:1: warning: '#' starts a comment here; put a space before it, or quote the "
                "value\n");
        assert_messages("passdb {\n args = x\n}\n", "/etc/m/m.conf: a passdb { } has no driver\n");
        assert_messages("namespace a {\n inbox = yes\n}\nnamespace b {\n inbox = yes\n}\n",
                        "/etc/m/m.conf: more than one namespace has inbox = yes\n");
        assert_messages("namespace a {\n prefix = a/\n}\n", "/etc/m/m.conf: no namespace has inbox = yes\n");
        assert_messages("namespace a {\n inbox = yes\n separator = ./\n}\n",
                        "/etc/m/m.conf: namespace a: the separator must be one character\n");
}

static void test_foreign(void **state)
{
        assert_messages("service imap-login {\n  inet_listener imap {\n    port = 143\n  }\n}\n",
                        "/etc/m/m.conf:1: warning: service { } is known to Dovecot and has no effect here\n");
        assert_messages("plugin {\n  anything = at all\n}\n",
                        "/etc/m/m.conf:2: warning: 'anything' in plugin { } has no effect here\n");
        assert_messages("protocol lda {\n  mail_plugins = $mail_plugins sieve\n}\n",
                        "/etc/m/m.conf:1: warning: protocol 'lda' is not served here\n");
        assert_messages("protocols = imap lmtp\n",
                        "/etc/m/m.conf:1: warning: protocol 'lmtp' is not served here\n");
        assert_messages("ssl_dh = </etc/dovecot/dh.pem\n",
                        "/etc/m/m.conf:1: warning: 'ssl_dh' is known to Dovecot and has no effect here\n");
        assert_messages("mail_max_userip_connections = 20\n",
                        "/etc/m/m.conf:1: warning: 'mail_max_userip_connections' has no effect yet\n");
        assert_messages("mail_max_userip_connections = 10\n", "");
        assert_messages("protocol xmpp {\n}\n", "/etc/m/m.conf:1: protocol: unknown protocol 'xmpp'\n");
}

static void test_includes(void **state)
{
        const struct memory_file files[] = {
                {"/etc/m/m.conf", "login_greeting = one\n!include conf.d/*.conf\n!include_try none/*.conf\n"
                                  "!include_try /etc/m/local\nnamespace inbox {\n  !include ns\n}\n"},
                {"/etc/m/conf.d/10.conf", "login_greeting = $login_greeting two\nmail_home = <../home\n"},
                {"/etc/m/conf.d/20.conf", "login_greeting = $login_greeting three\n"},
                {"/etc/m/conf.d/../home", "/srv/%n\n"},
                {"/etc/m/local", "namespace inbox {\n  inbox = yes\n}\n"},
                {"/etc/m/ns", "separator = /\n"},
                {0},
        };
        _cleanup_(loaded_free) struct loaded l;
        loaded_files(&l, files, NULL);
        assert_slice_equal(buf_slice(&l.messages), SLICE(""));
        struct settings s;
        assert_int_equal(conf_resolve(l.conf, &no_filter, &l.arena, &s), 0);
        assert_string_equal(s.login_greeting, "one two three");
        assert_string_equal(s.mail_home, "/srv/%n");
        assert_int_equal(s.namespace_count, 1);
        assert_true(s.namespaces[0].inbox);
        assert_string_equal(s.namespaces[0].separator, "/");
}

static void test_include_errors(void **state)
{
        char got[8192];
        const struct memory_file missing[] = {{"/m", "!include conf.d/*.conf\n!include a\n"}, {0}};
        assert_string_equal(messages_of(missing, got, sizeof(got)),
                            "/m:1: cannot include /conf.d/*.conf: no such file\n"
                            "/m:2: cannot include /a: no such file\n");
        const struct memory_file itself[] = {{"/m", "!include m\n"}, {0}};
        assert_string_equal(messages_of(itself, got, sizeof(got)),
                            "/m:1: files include each other too deeply\n");
        const struct memory_file open_end[] = {
                {"/m", "passdb {\n!include x\n}\n"}, {"/x", "driver = a\n}\n"}, {0}};
        assert_string_equal(messages_of(open_end, got, sizeof(got)), "/x:2: '}' closes nothing\n");
        const struct memory_file none[] = {{"/other", ""}, {0}};
        _cleanup_(loaded_free) struct loaded l = {.io = MEMORY_IO(none)};
        struct conf_source source = {.path = "/m"};
        assert_int_equal(conf_load_from(&source, &l.io, &l.arena, &l.conf, &l.messages), -EINVAL);
        assert_slice_equal(buf_slice(&l.messages), SLICE("/m: cannot read: No such file or directory\n"));
}

/* Files that grow without end end with one clear message. */
static void test_limits(void **state)
{
        char got[8192];
        _cleanup_(buf_free) struct buf bomb = {0}, deep = {0}, many = {0}, wide = {0};
        for (int i = 0; i < 50; i++)
                buf_str(&bomb, "!include [ab]\n");
        const struct memory_file bombs[] = {
                {"/m", buf_cstr(&bomb)}, {"/a", buf_cstr(&bomb)}, {"/b", ""}, {0}};
        assert_string_equal(messages_of(bombs, got, sizeof(got)),
                            "/a:1: files include each other too deeply\n");
        _cleanup_(buf_free) struct buf wider = {0};
        for (int i = 0; i < 2100; i++)
                buf_str(&wider, "!include b\n");
        const struct memory_file flat[] = {{"/m", buf_cstr(&wider)}, {"/b", ""}, {0}};
        assert_string_equal(messages_of(flat, got, sizeof(got)), "/m:2000: too many files are included\n");
        for (int i = 0; i < 100; i++)
                buf_str(&deep, "local_name x {\n");
        const struct memory_file nested[] = {{"/m", buf_cstr(&deep)}, {0}};
        assert_string_equal(messages_of(nested, got, sizeof(got)), "/m:17: sections are nested too deeply\n");
        for (int i = 0; i < 300; i++)
                buf_str(&many, "nonsense = 1\n");
        const struct memory_file errors[] = {{"/m", buf_cstr(&many)}, {0}};
        _cleanup_(loaded_free) struct loaded l;
        loaded_files(&l, errors, NULL);
        assert_true(slice_ends(buf_slice(&l.messages), SLICE("/m: more of these are left out\n")));
        buf_str(&wide, "base_dir = 0123456789\n");
        for (int i = 0; i < 60; i++)
                buf_str(&wide, "base_dir = $base_dir $base_dir\n");
        const struct memory_file doubling[] = {{"/m", buf_cstr(&wide)}, {0}};
        assert_true(slice_starts(slice_of(messages_of(doubling, got, sizeof(got))),
                                 SLICE("/m:14: the value is too long\n")));
}

static void test_distance(void **state)
{
        assert_int_equal(message_distance("ssl_crt", "ssl_cert", 4), 1);
        assert_int_equal(message_distance("abcd", "abdc", 4), 1);
        assert_int_equal(message_distance("abc", "xyz", 2), 3);
        assert_int_equal(message_distance("", "ab", 4), 2);
        assert_int_equal(message_distance("a", "abcdefgh", 2), 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),         cmocka_unit_test(test_reuse),
                cmocka_unit_test(test_errors),         cmocka_unit_test(test_structure),
                cmocka_unit_test(test_foreign),        cmocka_unit_test(test_includes),
                cmocka_unit_test(test_include_errors), cmocka_unit_test(test_limits),
                cmocka_unit_test(test_distance),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

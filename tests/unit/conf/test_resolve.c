/* Defaults, filters, overrides, files on disk that change, and printing. */

#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"

static const struct conf_filter no_filter = {0};

static void test_defaults(void **state)
{
        _cleanup_(loaded_free) struct loaded l = {0};
        struct conf_source nothing = {0};
        assert_int_equal(conf_load(&nothing, &l.arena, &l.conf, &l.messages), 0);
        struct settings s;
        assert_int_equal(conf_resolve(l.conf, &no_filter, &l.arena, &s), 0);
        assert_int_equal(l.messages.n, 0);
        assert_int_equal(s.protocols.count, 2);
        assert_string_equal(s.login_greeting, "mailsession ready.");
        assert_true(s.disable_plaintext_auth);
        assert_int_equal(s.ssl, SETTINGS_SSL_YES);
        assert_int_equal(s.ssl_min_protocol, SETTINGS_TLS_1_2);
        assert_int_equal(s.first_valid_uid, 500);
        assert_int_equal(s.login_timeout, 60000);
        assert_int_equal(s.session_timeout, 30 * 60000);
        assert_int_equal(s.imap_max_line_length, 65536);
        assert_string_equal(s.pop3_uidl_format, "%08Xu%08Xv");
        assert_string_equal(s.auth_username_format, "%Lu");
        assert_string_equal(s.ssl_cert.path, "");
        assert_string_equal(s.ssl_cert.text, "");
        assert_int_equal(s.passdb_count, 1);
        assert_string_equal(s.passdbs[0].driver, "shadow");
        assert_int_equal(s.userdb_count, 1);
        assert_string_equal(s.userdbs[0].driver, "passwd");
        assert_int_equal(s.namespace_count, 1);
        assert_true(s.namespaces[0].inbox);
        assert_true(s.namespaces[0].subscriptions);
        assert_int_equal(s.namespaces[0].list, SETTINGS_LIST_YES);
        assert_int_equal(s.namespaces[0].mailbox_count, 5);
        assert_string_equal(s.namespaces[0].mailboxes[1].name, "Sent");
        assert_string_equal(s.namespaces[0].mailboxes[1].special_use.items[0], "\\Sent");
        assert_int_equal(s.namespaces[0].mailboxes[1].auto_create, SETTINGS_AUTO_NO);
        assert_false(conf_changed(l.conf));
}

static void test_sections(void **state)
{
        _cleanup_(loaded_free) struct loaded l;
        struct settings s;
        settings_of(&l,
                    "passdb {\n driver = passwd-file\n args = scheme=CRYPT /etc/users\n deny = yes\n}\n"
                    "passdb {\n driver = shadow\n}\n"
                    "namespace inbox {\n separator = .\n prefix = INBOX.\n inbox = yes\n"
                    "  mailbox \"Sent Messages\" {\n   special_use = \\Sent\n   auto = subscribe\n  }\n}\n"
                    "namespace {\n prefix = shared.\n type = shared\n list = children\n}\n"
                    "namespace old {\n prefix = x.\n disabled = yes\n}\n"
                    "namespace inbox {\n  mailbox Trash {\n  }\n}\n",
                    NULL, &no_filter, &s);
        assert_int_equal(s.passdb_count, 2);
        assert_true(s.passdbs[0].deny);
        assert_string_equal(s.passdbs[0].args, "scheme=CRYPT /etc/users");
        assert_string_equal(s.passdbs[1].driver, "shadow");
        assert_false(s.passdbs[1].deny);
        assert_int_equal(s.namespace_count, 2);
        assert_string_equal(s.namespaces[0].prefix, "INBOX.");
        assert_int_equal(s.namespaces[0].mailbox_count, 2);
        assert_string_equal(s.namespaces[0].mailboxes[0].name, "Sent Messages");
        assert_int_equal(s.namespaces[0].mailboxes[0].auto_create, SETTINGS_AUTO_SUBSCRIBE);
        assert_int_equal(s.namespaces[0].mailboxes[1].special_use.count, 0);
        assert_int_equal(s.namespaces[1].type, SETTINGS_NAMESPACE_SHARED);
        assert_int_equal(s.namespaces[1].list, SETTINGS_LIST_CHILDREN);
        assert_string_equal(s.userdbs[0].driver, "passwd");
}

/* The namespace of a tutorial's one line holds INBOX though nothing says so. */
static void test_implied_inbox(void **state)
{
        _cleanup_(loaded_free) struct loaded l;
        struct settings s;
        settings_of(&l, "namespace {\n separator = .\n}\n", NULL, &no_filter, &s);
        assert_true(s.namespaces[0].inbox);
}

static const char filters[] = "login_greeting = all\n"
                              "local_name *.example.org {\n  login_greeting = wildcard\n}\n"
                              "local_name imap.example.org {\n  login_greeting = name\n"
                              "  protocol pop3 {\n    login_greeting = name+pop3\n  }\n}\n"
                              "local 192.0.2.1 {\n  login_greeting = local\n}\n"
                              "remote 10.1.0.0/16 {\n  login_greeting = remote16\n}\n"
                              "remote 10.0.0.0/8 {\n  login_greeting = remote8\n  mail_home = /ten\n"
                              "  local 192.0.2.1 {\n    login_greeting = both\n  }\n}\n"
                              "protocol imap {\n  login_greeting = imap\n}\n"
                              "protocol !imap {\n  instance_name = other\n}\n"
                              "remote 2001:db8::/32 {\n  login_greeting = six\n}\n";

static void assert_greeting(const char *protocol, const char *name, const char *local, const char *remote,
                            const char *want)
{
        _cleanup_(loaded_free) struct loaded l;
        struct settings s;
        settings_of(&l, filters, NULL, &(struct conf_filter){protocol, name, local, remote}, &s);
        assert_string_equal(s.login_greeting, want);
        bool other = protocol && strcmp(protocol, "imap") != 0;
        assert_string_equal(s.instance_name, other ? "other" : "mailsession");
}

static void test_filters(void **state)
{
        assert_greeting(NULL, NULL, NULL, NULL, "all");
        assert_greeting("pop3", NULL, NULL, NULL, "all");
        assert_greeting("imap", NULL, NULL, NULL, "imap");
        assert_greeting("imap", NULL, NULL, "10.2.0.1", "remote8");
        assert_greeting("imap", NULL, NULL, "10.1.0.1", "remote16");
        assert_greeting("imap", NULL, NULL, "::ffff:10.1.0.1", "remote16");
        assert_greeting("imap", NULL, NULL, "2001:db8:1::1", "six");
        assert_greeting("imap", NULL, "192.0.2.1", "11.0.0.1", "local");
        assert_greeting("imap", NULL, "192.0.2.1", "10.1.0.1", "both");
        assert_greeting("imap", NULL, "192.0.2.2", "10.2.0.1", "remote8");
        assert_greeting("imap", "IMAP.Example.Org", "192.0.2.1", "10.1.0.1", "name");
        assert_greeting("pop3", "imap.example.org", NULL, NULL, "name+pop3");
        assert_greeting("pop3", "pop.example.org", NULL, NULL, "wildcard");
        assert_greeting("pop3", "a.pop.example.org", NULL, NULL, "all");
        _cleanup_(loaded_free) struct loaded l;
        struct settings s;
        settings_of(&l, filters, NULL, &(struct conf_filter){.remote_ip = "10.1.0.1"}, &s);
        assert_string_equal(s.mail_home, "/ten");
        assert_int_equal(conf_resolve(l.conf, &(struct conf_filter){.remote_ip = "here"}, &l.arena, &s),
                         -EINVAL);
}

static void test_overrides(void **state)
{
        _cleanup_(loaded_free) struct loaded a, b, c, d;
        struct settings s;
        settings_of(&a, filters, "login_greeting=mine = x", &(struct conf_filter){.protocol = "imap"}, &s);
        assert_string_equal(s.login_greeting, "mine = x");
        settings_of(&b, "", "namespace/inbox/separator=/", &no_filter, &s);
        assert_int_equal(s.namespace_count, 1);
        assert_string_equal(s.namespaces[0].separator, "/");
        assert_int_equal(s.namespaces[0].mailbox_count, 5);
        settings_of(&c, "", "namespace/inbox/mailbox/Sent/auto=create", &no_filter, &s);
        assert_int_equal(s.namespaces[0].mailboxes[1].auto_create, SETTINGS_AUTO_CREATE);
        settings_of(&d, "", "passdb/mine/driver=static", &no_filter, &s);
        assert_int_equal(s.passdb_count, 1);
        assert_string_equal(s.passdbs[0].driver, "static");
}

static void assert_override_error(const char *override, const char *want)
{
        const struct memory_file files[] = {{"/m", ""}, {0}};
        _cleanup_(loaded_free) struct loaded l;
        loaded_files(&l, files, override);
        assert_int_equal(l.error, -EINVAL);
        assert_string_equal(buf_cstr(&l.messages), want);
}

static void test_override_errors(void **state)
{
        assert_override_error("ssl_crt=x",
                              "-o ssl_crt=x: unknown setting 'ssl_crt', did you mean 'ssl_cert'?\n");
        assert_override_error("ssl", "-o ssl: expected key=value\n");
        assert_override_error("=x", "-o =x: expected key=value\n");
        assert_override_error("namespace/inbox=yes",
                              "-o namespace/inbox=yes: expected section/name/key=value\n");
        assert_override_error("ssl=x", "-o ssl=x: ssl: expected no, yes or required\n");
}

struct folder {
        char path[64];
};

static void folder_write(const struct folder *f, const char *name, const char *text)
{
        _cleanup_(free_p) char *path = xasprintf("%s/%s", f->path, name);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(text, file);
        assert_int_equal(fclose(file), 0);
}

static void folder_remove(struct folder *f)
{
        static const char *const names[] = {"m.conf", "d/a.conf", "d/b.conf", "key", "d", ""};
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                _cleanup_(free_p) char *path = xasprintf("%s/%s", f->path, names[i]);
                remove(path);
        }
}

static void load_folder(struct loaded *l, const struct folder *f)
{
        *l = (struct loaded){0};
        _cleanup_(free_p) char *path = xasprintf("%s/m.conf", f->path);
        struct conf_source source = {.path = path};
        if (conf_load(&source, &l->arena, &l->conf, &l->messages) < 0)
                fail_msg("%s", buf_cstr(&l->messages));
}

static void test_disk(void **state)
{
        _cleanup_(folder_remove) struct folder f = {"/tmp/mailsession-conf-XXXXXX"};
        assert_non_null(mkdtemp(f.path));
        _cleanup_(free_p) char *inner = xasprintf("%s/d", f.path);
        assert_int_equal(mkdir(inner, 0700), 0);
        folder_write(&f, "m.conf", "!include_try d/*.conf\nssl_key = <key\n");
        folder_write(&f, "d/a.conf", "login_greeting = a\n");
        folder_write(&f, "key", "PEM\n");
        _cleanup_(loaded_free) struct loaded a, b, c;
        struct settings s;

        load_folder(&a, &f);
        assert_int_equal(conf_resolve(a.conf, &no_filter, &a.arena, &s), 0);
        assert_string_equal(s.login_greeting, "a");
        assert_string_equal(s.ssl_key.text, "");
        _cleanup_(buf_free) struct buf key = {0};
        assert_int_equal(conf_file_read(&s.ssl_key, &key), 0);
        assert_slice_equal(buf_slice(&key), SLICE("PEM\n"));
        assert_false(conf_changed(a.conf));
        folder_write(&f, "key", "a longer key\n");
        assert_true(conf_changed(a.conf));

        load_folder(&b, &f);
        assert_false(conf_changed(b.conf));
        folder_write(&f, "d/a.conf", "login_greeting = longer\n");
        assert_true(conf_changed(b.conf));

        load_folder(&c, &f);
        /* the folder's time may be the same tick as before: give it another one */
        folder_write(&f, "d/b.conf", "");
        struct timespec later[2] = {{.tv_sec = 2000000000}, {.tv_sec = 2000000000}};
        assert_int_equal(utimensat(AT_FDCWD, inner, later, 0), 0);
        assert_true(conf_changed(c.conf));
}

static const char printed[] = "login_timeout = 90 secs\n"
                              "login_greeting = \"# hi \"\n"
                              "mail_location = maildir:/var/mail/%d/%n\n"
                              "auth_mechanisms = plain\n"
                              "ssl_cert = </c.pem\n"
                              "imap_max_line_length = 1 M\n"
                              "namespace inbox {\n"
                              "  inbox = yes\n"
                              "  mailbox \"Sent Messages\" {\n"
                              "    special_use = \\Sent\n"
                              "    auto = create\n"
                              "  }\n"
                              "}\n"
                              "passdb {\n"
                              "  driver = passwd-file\n"
                              "  args = /etc/users\n"
                              "}\n"
                              "userdb {\n"
                              "  driver = passwd\n"
                              "}\n";

static void test_print(void **state)
{
        const struct memory_file files[] = {{"/m", printed}, {"/c.pem", ""}, {0}};
        _cleanup_(loaded_free) struct loaded l, again;
        loaded_files(&l, files, NULL);
        assert_int_equal(l.error, 0);
        struct settings s;
        assert_int_equal(conf_resolve(l.conf, &no_filter, &l.arena, &s), 0);
        _cleanup_(buf_free) struct buf out = {0}, all = {0}, all_again = {0};
        conf_print(&s, 0, &out);
        assert_string_equal(buf_cstr(&out), printed);

        /* all of them can be loaded, and are then the same */
        conf_print(&s, CONF_PRINT_ALL, &all);
        assert_non_null(strstr(buf_cstr(&all), "\nfirst_valid_uid = 500\n"));
        const struct memory_file second[] = {{"/m", buf_cstr(&all)}, {"/c.pem", ""}, {0}};
        loaded_files(&again, second, NULL);
        assert_int_equal(again.error, 0);
        assert_int_equal(conf_resolve(again.conf, &no_filter, &again.arena, &s), 0);
        conf_print(&s, CONF_PRINT_ALL, &all_again);
        assert_string_equal(buf_cstr(&all_again), buf_cstr(&all));
}

/* Blocks, a namespace that only one of them switches on, what a default means inside a block, and names that
 * have to be quoted. */
static const char with_blocks[] = "mail_location = maildir:~/Maildir\n"
                                  "ssl = required\n"
                                  "namespace inbox {\n"
                                  "  inbox = yes\n"
                                  "}\n"
                                  "namespace old {\n"
                                  "  prefix = Old.\n"
                                  "  location = maildir:~/Old\n"
                                  "  disabled = yes\n"
                                  "}\n"
                                  "passdb {\n"
                                  "  driver = passwd-file\n"
                                  "  args = /etc/users\n"
                                  "}\n"
                                  "userdb {\n"
                                  "  driver = passwd\n"
                                  "}\n"
                                  "protocol imap {\n"
                                  "  mail_plugins = quota\n"
                                  "  namespace old {\n"
                                  "    disabled = no\n"
                                  "  }\n"
                                  "  remote 192.0.2.0/24 {\n"
                                  "    ssl = yes\n"
                                  "  }\n"
                                  "  plugin {\n"
                                  "    quota = maildir:User quota\n"
                                  "  }\n"
                                  "}\n"
                                  "local_name \"a.example b.example\" {\n"
                                  "  ssl_cert = </c.pem\n"
                                  "  ssl_key = </k.pem\n"
                                  "}\n"
                                  "protocol !pop3 {\n"
                                  "  login_greeting = \"# hi\"\n"
                                  "}\n";

static void test_print_file(void **state)
{
        static const struct conf_filter clients[] = {{.protocol = "imap"},
                                                     {.protocol = "pop3"},
                                                     {.protocol = "imap", .remote_ip = "192.0.2.7"},
                                                     {.local_name = "b.example"},
                                                     {NULL}};
        const struct memory_file files[] = {{"/m", with_blocks}, {"/c.pem", ""}, {"/k.pem", ""}, {0}};
        _cleanup_(loaded_free) struct loaded l, again;
        _cleanup_(buf_free) struct buf out = {0}, all = {0};
        loaded_files(&l, files, NULL);
        assert_int_equal(l.error, 0);
        conf_print_file(l.conf, 0, &out);
        assert_string_equal(buf_cstr(&out), with_blocks);

        conf_print_file(l.conf, CONF_PRINT_ALL | CONF_PRINT_SECRETS, &all);
        const struct memory_file second[] = {{"/m", buf_cstr(&all)}, {"/c.pem", ""}, {"/k.pem", ""}, {0}};
        loaded_files(&again, second, NULL);
        assert_int_equal(again.error, 0);
        for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
                _cleanup_(buf_free) struct buf before = {0}, after = {0};
                struct settings s;
                assert_int_equal(conf_resolve(l.conf, &clients[i], &l.arena, &s), 0);
                conf_print(&s, CONF_PRINT_ALL, &before);
                assert_int_equal(conf_resolve(again.conf, &clients[i], &again.arena, &s), 0);
                conf_print(&s, CONF_PRINT_ALL, &after);
                assert_string_equal(buf_cstr(&before), buf_cstr(&after));
        }
}

/* Of protocols that are not served nothing is shown, whatever it is. */
static void test_print_foreign(void **state)
{
        const struct memory_file files[] = {
                {"/m", "protocol lmtp {\n nonsense = 1\n ssl = no\n}\nservice auth {\n user = x\n}\n"}, {0}};
        _cleanup_(loaded_free) struct loaded l;
        _cleanup_(buf_free) struct buf out = {0};
        loaded_files(&l, files, NULL);
        assert_int_equal(l.error, 0);
        conf_print_file(l.conf, 0, &out);
        assert_null(strstr(buf_cstr(&out), "lmtp"));
        assert_null(strstr(buf_cstr(&out), "service"));
}

static void test_print_secrets(void **state)
{
        _cleanup_(loaded_free) struct loaded l;
        struct settings s;
        settings_of(&l,
                    "ssl_key_password = \"geheim # 1\"\n"
                    "passdb {\ndriver = static\nargs = user=x Password=geheim\n}\n"
                    "passdb {\ndriver = static\nargs = nopassword=y\n}\n",
                    NULL, &no_filter, &s);
        _cleanup_(buf_free) struct buf out = {0}, shown = {0};
        conf_print(&s, CONF_PRINT_ALL, &out);
        assert_null(strstr(buf_cstr(&out), "geheim"));
        assert_non_null(strstr(buf_cstr(&out), "ssl_key_password = # hidden, use -P to show it\n"));
        assert_non_null(strstr(buf_cstr(&out), "args = # hidden, use -P to show it\n"));
        assert_non_null(strstr(buf_cstr(&out), "args = nopassword=y\n"));
        conf_print(&s, CONF_PRINT_SECRETS, &shown);
        assert_non_null(strstr(buf_cstr(&shown), "ssl_key_password = \"geheim # 1\"\n"));
        assert_non_null(strstr(buf_cstr(&shown), "args = user=x Password=geheim\n"));
}

/* A line can hold only one. */
static void test_first_line_of_file(void **state)
{
        const struct memory_file files[] = {
                {"/m", "login_greeting = </t\n"}, {"/t", "\nhello \r\nworld\n"}, {0}};
        _cleanup_(loaded_free) struct loaded l;
        struct settings s;
        loaded_files(&l, files, NULL);
        assert_int_equal(l.error, 0);
        assert_int_equal(conf_resolve(l.conf, &no_filter, &l.arena, &s), 0);
        assert_string_equal(s.login_greeting, "hello");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults),      cmocka_unit_test(test_sections),
                cmocka_unit_test(test_implied_inbox), cmocka_unit_test(test_filters),
                cmocka_unit_test(test_overrides),     cmocka_unit_test(test_override_errors),
                cmocka_unit_test(test_disk),          cmocka_unit_test(test_print),
                cmocka_unit_test(test_print_secrets), cmocka_unit_test(test_print_file),
                cmocka_unit_test(test_print_foreign), cmocka_unit_test(test_first_line_of_file),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Settings as they are out in the world, from `doveconf -n` and from tutorials: they load without an error,
 * and mean what they meant. */

#include "memory.h"

struct real {
        const char *text;
        const char *mail_location;
        const char *first_passdb;
        const char *first_userdb;
        const char *separator;
        size_t mailboxes; /* of the first namespace */
};

static const char debian[] = "# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf\n"
                             "# Pigeonhole version 0.5.19 (4eae2f79)\n"
                             "# OS: Linux 6.1.0-18-amd64 x86_64 Debian 12.5 ext4\n"
                             "# Hostname: mail.example.org\n"
                             "mail_location = mbox:~/mail:INBOX=/var/mail/%u\n"
                             "mail_privileged_group = mail\n"
                             "namespace inbox {\n"
                             "  inbox = yes\n"
                             "  location = \n"
                             "  mailbox Drafts {\n"
                             "    special_use = \\Drafts\n"
                             "  }\n"
                             "  mailbox Junk {\n"
                             "    special_use = \\Junk\n"
                             "  }\n"
                             "  mailbox Sent {\n"
                             "    special_use = \\Sent\n"
                             "  }\n"
                             "  mailbox \"Sent Messages\" {\n"
                             "    special_use = \\Sent\n"
                             "  }\n"
                             "  mailbox Trash {\n"
                             "    special_use = \\Trash\n"
                             "  }\n"
                             "  prefix = \n"
                             "}\n"
                             "passdb {\n"
                             "  driver = pam\n"
                             "}\n"
                             "protocols = \" imap pop3\"\n"
                             "ssl_cert = </etc/dovecot/private/dovecot.pem\n"
                             "ssl_client_ca_dir = /etc/ssl/certs\n"
                             "ssl_dh = # hidden, use -P to show it\n"
                             "ssl_key = # hidden, use -P to show it\n"
                             "userdb {\n"
                             "  driver = passwd\n"
                             "}\n";

static const char virtual_users[] =
        "# 2.3.16 (7e2e900c1a): /etc/dovecot/dovecot.conf\n"
        "# Pigeonhole version 0.5.16 (09c29328)\n"
        "auth_mechanisms = plain login\n"
        "auth_verbose = yes\n"
        "dict {\n"
        "  quota = mysql:/etc/dovecot/dovecot-dict-sql.conf.ext\n"
        "}\n"
        "disable_plaintext_auth = no\n"
        "first_valid_uid = 150\n"
        "last_valid_uid = 150\n"
        "log_timestamp = \"%Y-%m-%d %H:%M:%S \"\n"
        "mail_gid = mail\n"
        "mail_location = maildir:/var/mail/vhosts/%d/%n\n"
        "mail_max_userip_connections = 20\n"
        "mail_plugins = quota\n"
        "mail_uid = vmail\n"
        "managesieve_notify_capability = mailto\n"
        "managesieve_sieve_capability = fileinto reject envelope encoded-character vacation subaddress\n"
        "namespace inbox {\n"
        "  inbox = yes\n"
        "  location =\n"
        "  mailbox Archive {\n"
        "    auto = subscribe\n"
        "    special_use = \\Archive\n"
        "  }\n"
        "  mailbox Spam {\n"
        "    auto = subscribe\n"
        "    autoexpunge = 30 days\n"
        "    special_use = \\Junk\n"
        "  }\n"
        "  prefix =\n"
        "  separator = .\n"
        "  type = private\n"
        "}\n"
        "passdb {\n"
        "  args = /etc/dovecot/dovecot-sql.conf.ext\n"
        "  driver = sql\n"
        "}\n"
        "plugin {\n"
        "  quota = maildir:User quota\n"
        "  quota_rule = *:storage=1G\n"
        "  sieve = file:~/sieve;active=~/.dovecot.sieve\n"
        "}\n"
        "protocols = imap pop3 lmtp sieve\n"
        "service auth {\n"
        "  unix_listener /var/spool/postfix/private/auth {\n"
        "    group = postfix\n"
        "    mode = 0660\n"
        "    user = postfix\n"
        "  }\n"
        "  unix_listener auth-userdb {\n"
        "    mode = 0600\n"
        "    user = vmail\n"
        "  }\n"
        "  user = dovecot\n"
        "}\n"
        "service imap-login {\n"
        "  inet_listener imap {\n"
        "    port = 143\n"
        "  }\n"
        "  inet_listener imaps {\n"
        "    port = 993\n"
        "    ssl = yes\n"
        "  }\n"
        "  process_min_avail = 4\n"
        "  service_count = 0\n"
        "}\n"
        "ssl = required\n"
        "ssl_cert = </etc/letsencrypt/live/mail.example.org/fullchain.pem\n"
        "ssl_cipher_list = ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256\n"
        "ssl_key = </etc/letsencrypt/live/mail.example.org/privkey.pem\n"
        "ssl_prefer_server_ciphers = yes\n"
        "userdb {\n"
        "  args = uid=vmail gid=mail home=/var/mail/vhosts/%d/%n\n"
        "  driver = static\n"
        "}\n"
        "protocol lmtp {\n"
        "  mail_plugins = quota sieve\n"
        "  postmaster_address = postmaster@example.org\n"
        "}\n"
        "protocol lda {\n"
        "  mail_plugins = quota sieve\n"
        "}\n"
        "protocol imap {\n"
        "  imap_client_workarounds = delay-newmail tb-extra-mailbox-sep\n"
        "  mail_max_userip_connections = 30\n"
        "  mail_plugins = quota imap_quota\n"
        "}\n"
        "protocol pop3 {\n"
        "  pop3_client_workarounds = outlook-no-nuls oe-ns-eoh\n"
        "  pop3_uidl_format = %08Xu%08Xv\n"
        "}\n"
        "local_name mail.example.net {\n"
        "  ssl_cert = </etc/letsencrypt/live/mail.example.net/fullchain.pem\n"
        "  ssl_key = </etc/letsencrypt/live/mail.example.net/privkey.pem\n"
        "}\n"
        "remote 10.0.0.0/8 {\n"
        "  ssl = yes\n"
        "}\n";

/* As a page about a home server shows it: comments behind values, an old name, a file of users. */
static const char home_server[] =
        "!include_try /usr/share/dovecot/protocols.d/*.protocol\n"
        "listen = *, ::\n"
        "protocols = $protocols imap pop3\n"
        "mail_location = maildir:~/Maildir   # Postfix: home_mailbox = Maildir/\n"
        "\tdisable_plaintext_auth = yes\n"
        "auth_mechanisms = plain login\n"
        "mail_nfs_storage = no\n"
        "mbox_write_locks = fcntl dotlock\n"
        "login_log_format_elements = user=<%u> method=%m rip=%r lip=%l mpid=%e %c %k session=<%{session}>\n"
        "namespace {\n"
        "  inbox = yes\n"
        "  separator = .\n"
        "  prefix = INBOX.\n"
        "  ignore_on_failure = no\n"
        "}\n"
        "passdb {\n"
        "  driver = passwd-file\n"
        "  args = scheme=SHA512-CRYPT username_format=%u /etc/dovecot/users\n"
        "  mechanisms = plain login\n"
        "}\n"
        "userdb {\n"
        "  driver = passwd-file\n"
        "  args = username_format=%u /etc/dovecot/users\n"
        "  default_fields = uid=vmail gid=vmail home=/home/vmail/%u\n"
        "}\n"
        "ssl = no\n"
        "ssl_protocols = !SSLv2 !SSLv3\n"
        "syslog_facility = mail\n"
        "!include conf.d/*.conf\n";

/* A Courier site's move: namespace without inbox, everything in pieces. */
static const char in_pieces[] = "namespace inbox {\n  separator = .\n  prefix = INBOX.\n}\n"
                                "namespace inbox {\n  inbox = yes\n}\n"
                                "namespace inbox {\n  mailbox Trash {\n    special_use = \\Trash\n  }\n}\n"
                                "passdb {\n  driver = shadow\n}\nuserdb {\n  driver = passwd\n}\n"
                                "mail_location = maildir:~/Maildir:INDEX=MEMORY\n"
                                "pop3_uidl_format = UID%u-%v\n"
                                "pop3_no_flag_updates = yes\n"
                                "maildir_stat_dirs = yes\n"
                                "imap_id_log = *\n"
                                "auth_failure_delay = 2 secs\n";

static const struct real reals[] = {
        {debian, "mbox:~/mail:INBOX=/var/mail/%u", "pam", "passwd", "", 5},
        {virtual_users, "maildir:/var/mail/vhosts/%d/%n", "sql", "static", ".", 2},
        {home_server, "maildir:~/Maildir", "passwd-file", "passwd-file", ".", 0},
        {in_pieces, "maildir:~/Maildir:INDEX=MEMORY", "shadow", "passwd", ".", 1},
};

static void load_real(struct loaded *l, const char *text)
{
        const struct memory_file files[] = {
                {"/etc/dovecot/dovecot.conf", text},
                {"/etc/dovecot/conf.d/10-auth.conf", "#auth_cache_size = 0\nauth_verbose_passwords = no\n"},
                {"/etc/dovecot/private/dovecot.pem", "PEM"},
                {"/etc/letsencrypt/live/mail.example.org/fullchain.pem", "PEM"},
                {"/etc/letsencrypt/live/mail.example.org/privkey.pem", "PEM"},
                {"/etc/letsencrypt/live/mail.example.net/fullchain.pem", "PEM"},
                {"/etc/letsencrypt/live/mail.example.net/privkey.pem", "PEM"},
                {0},
        };
        loaded_files(l, files, NULL);
        l->io.context = NULL;
        if (l->error < 0)
                fail_msg("%s", buf_cstr(&l->messages));
}

static void test_all(void **state)
{
        for (size_t i = 0; i < ARRAY_LEN(reals); i++) {
                _cleanup_(loaded_free) struct loaded l;
                struct settings s;
                load_real(&l, reals[i].text);
                assert_int_equal(conf_resolve(l.conf, &(struct conf_filter){0}, &l.arena, &s), 0);
                assert_string_equal(s.mail_location, reals[i].mail_location);
                assert_string_equal(s.passdbs[0].driver, reals[i].first_passdb);
                assert_string_equal(s.userdbs[0].driver, reals[i].first_userdb);
                assert_string_equal(s.namespaces[0].separator, reals[i].separator);
                assert_int_equal(s.namespaces[0].mailbox_count, reals[i].mailboxes);
                assert_true(s.namespaces[0].inbox);
        }
}

static void test_blocks(void **state)
{
        _cleanup_(loaded_free) struct loaded l;
        struct settings s;
        load_real(&l, virtual_users);
        const struct conf_filter inside = {
                .protocol = "imap", .local_name = "mail.example.net", .remote_ip = "10.9.9.9"};
        assert_int_equal(conf_resolve(l.conf, &inside, &l.arena, &s), 0);
        assert_string_equal(s.ssl_cert.path, "/etc/letsencrypt/live/mail.example.net/fullchain.pem");
        assert_int_equal(s.ssl, SETTINGS_SSL_YES);
        assert_int_equal(s.mail_max_userip_connections, 30);
        assert_int_equal(s.imap_client_workarounds.count, 2);
        const struct conf_filter outside = {.protocol = "pop3", .remote_ip = "192.0.2.9"};
        assert_int_equal(conf_resolve(l.conf, &outside, &l.arena, &s), 0);
        assert_string_equal(s.ssl_cert.path, "/etc/letsencrypt/live/mail.example.org/fullchain.pem");
        assert_int_equal(s.ssl, SETTINGS_SSL_REQUIRED);
        assert_int_equal(s.mail_max_userip_connections, 20);
}

/* Each thing without effect is named once, at its line. */
static void test_warnings(void **state)
{
        _cleanup_(loaded_free) struct loaded l;
        load_real(&l, home_server);
        assert_string_equal(buf_cstr(&l.messages),
                            "/etc/dovecot/dovecot.conf:7: warning: 'mail_nfs_storage' is known to Dovecot "
                            "and has no effect here\n"
                            "/etc/dovecot/dovecot.conf:9: warning: 'login_log_format_elements' is known to "
                            "Dovecot and has no "
                            "effect here\n"
                            "/etc/dovecot/dovecot.conf:14: warning: 'ignore_on_failure' is known to Dovecot "
                            "and has no effect "
                            "here\n"
                            "/etc/dovecot/dovecot.conf:19: warning: 'mechanisms' is known to Dovecot and has "
                            "no effect here\n"
                            "/etc/dovecot/dovecot.conf:27: warning: 'ssl_protocols' is known to Dovecot and "
                            "has no effect here\n"
                            "/etc/dovecot/dovecot.conf:28: warning: 'syslog_facility' is known to Dovecot "
                            "and has no effect "
                            "here\n"
                            "/etc/dovecot/conf.d/10-auth.conf:2: warning: 'auth_verbose_passwords' is known "
                            "to Dovecot and has "
                            "no effect here\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all),
                cmocka_unit_test(test_blocks),
                cmocka_unit_test(test_warnings),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

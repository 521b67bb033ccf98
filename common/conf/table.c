#include "conf/table.h"

/* clang-format off */
#define AT(field)                                 offsetof(struct settings, field)
#define HEADING(text)                             {text, CONF_HEADING, 0, NULL, NULL, NULL, 0}
#define ROW(type, field, initial, doc)            {#field, type, AT(field), initial, doc, NULL, 0}
#define FLAGGED(type, field, initial, flags, doc) {#field, type, AT(field), initial, doc, NULL, flags}
#define CHOICE(field, initial, words, doc)        {#field, CONF_ENUM, AT(field), initial, doc, words, 0}
#define WORDS(field, initial, words, doc)         {#field, CONF_LIST, AT(field), initial, doc, words, CONF_LOWER}
/* clang-format on */

/* In the order of the enums of settings.h. */
static const char *const words_ssl[] = {"no", "yes", "required", NULL};
static const char *const words_tls[] = {"ANY", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", NULL};
static const char *const words_fsync[] = {"optimized", "always", "never", NULL};
static const char *const words_list[] = {"no", "yes", "children", NULL};
static const char *const words_namespace[] = {"private", "shared", "public", NULL};
static const char *const words_auto[] = {"no", "create", "subscribe", NULL};
static const char *const words_lock[] = {"dotlock", "dotlock_try", "fcntl", "flock", "lockf", NULL};
static const char *const words_md5[] = {"apop3d", "all", NULL};
static const char *const words_delete[] = {"default", "expunge", "flag", NULL};

static const struct conf_setting top[] = {
        HEADING("The server"),
        ROW(CONF_LIST, protocols, "imap pop3", "The protocols that are served."),
        ROW(CONF_LIST, listen, "*, ::", "Addresses to listen on, where a program opens its sockets itself."),
        ROW(CONF_STRING, base_dir, "/run/mailsession",
            "Folder for run-time state: counters, TLS ticket keys."),
        ROW(CONF_STRING, instance_name, "mailsession", "Name of this instance in the log."),
        ROW(CONF_STRING, log_path, "",
            "Where the log goes: empty for the journal or whatever stands in for it, syslog, or "
            "/dev/stderr."),
        ROW(CONF_STRING, default_login_user, "mailsession",
            "Unprivileged user that talks to clients before login; nobody is used when there is no such "
            "user."),
        ROW(CONF_UINT, default_client_limit, "1000", "Connections at one time in an accept loop."),
        ROW(CONF_UINT, mail_max_ip_connections, "100",
            "Connections at one time from one source (an IPv4 address, an IPv6 network of 64 bits) in an "
            "accept "
            "loop; 0 for no limit."),
        FLAGGED(CONF_UINT, mail_max_userip_connections, "10", CONF_NOT_YET,
                "Connections at one time of one user from one source address."),
        ROW(CONF_TIME, login_timeout, "1 mins",
            "A client that has not logged in after this is disconnected."),
        ROW(CONF_TIME, session_timeout, "30 mins",
            "A logged-in client that is silent for this is disconnected."),
        ROW(CONF_TIME, listen_idle_exit, "10 mins",
            "An accept loop without connections exits after this; 0 for never."),
        ROW(CONF_STRING, login_greeting, "mailsession ready.", "What the greeting says to a client."),
        ROW(CONF_LIST, login_trusted_networks, "",
            "Addresses and networks whose clients count as secured, so that they may log in without TLS."),
        FLAGGED(CONF_LIST, haproxy_trusted_networks, "", CONF_NOT_YET,
                "Addresses and networks of proxies that may send a PROXY header."),
        ROW(CONF_BOOL, verbose_ssl, "no", "Log what goes wrong in TLS handshakes."),
        ROW(CONF_BOOL, mail_debug, "no", "Log what is done to find a user's mail."),

        HEADING("Mail"),
        ROW(CONF_STRING, mail_location, "",
            "Where mail is: format:path, for example maildir:~/Maildir; empty for maildir:~/Maildir when it "
            "exists."),
        ROW(CONF_STRING, mail_home, "", "Home folder of users whose userdb gives none."),
        ROW(CONF_STRING, mail_uid, "", "User, by name or number, of users whose userdb gives none."),
        ROW(CONF_STRING, mail_gid, "", "Group, by name or number, of users whose userdb gives none."),
        ROW(CONF_UINT, first_valid_uid, "500", "Users with a lower number may not log in."),
        ROW(CONF_UINT, last_valid_uid, "0", "Users with a higher number may not log in; 0 for no limit."),
        ROW(CONF_UINT, first_valid_gid, "1", "Users with a primary group of a lower number may not log in."),
        ROW(CONF_UINT, last_valid_gid, "0",
            "Users with a primary group of a higher number may not log in; 0 for no limit."),
        ROW(CONF_STRING, mail_privileged_group, "",
            "Group that may create files in a shared mail spool (mail): a session has it only while it makes "
            "or "
            "removes the INBOX's lock file there, or the INBOX itself."),
        ROW(CONF_LIST, mail_access_groups, "", "Additional groups of every session, for shared mail."),
        CHOICE(mail_fsync, "optimized", words_fsync,
               "Wait for the disk: optimized where mail could be lost, always, or never."),
        ROW(CONF_UINT, mail_max_keyword_length, "50", "Longest keyword, in bytes."),
        ROW(CONF_BOOL, maildir_copy_with_hardlinks, "yes", "Copy a message by a hard link where possible."),
        WORDS(mbox_read_locks, "fcntl", words_lock,
              "Locks to take, in this order, while an mbox is read; dotlock_try is a dotlock that may be "
              "missing "
              "where it cannot be made."),
        WORDS(mbox_write_locks, "fcntl dotlock", words_lock,
              "Locks to take, in this order, while an mbox is written; those of mbox_read_locks that are "
              "missing "
              "here come last."),
        ROW(CONF_TIME, mbox_lock_timeout, "5 mins", "How long to wait for the locks of an mbox."),
        ROW(CONF_TIME, mbox_dotlock_change_timeout, "2 mins",
            "A dotlock whose owner is not known is broken when neither it nor the mbox has changed for this; "
            "0 for never."),
        ROW(CONF_BOOL, mbox_dirty_syncs, "yes",
            "Read only what is new of an mbox that has grown, as long as that fits what is known of it."),
        ROW(CONF_BOOL, mbox_very_dirty_syncs, "no", "The same at the first look of a session, too."),
        ROW(CONF_BOOL, mbox_lazy_writes, "yes",
            "Write UIDs into an mbox when something else is written there, or it is closed; not at once."),
        ROW(CONF_BOOL, mbox_unquote_from, "no",
            "Bodies of an mbox are quoted as mboxrd has it: a \">\" before \"From \" is taken away when they "
            "are "
            "read."),
        CHOICE(mbox_md5, "apop3d", words_md5,
               "Fields of a message's header whose MD5 sum is its %m in pop3_uidl_format: apop3d for "
               "Received, "
               "Date, Message-ID, Delivered-To and X-Delivery-ID, or all."),
        ROW(CONF_LIST, mail_plugins, "",
            "Parts of the server to use that were plugins in Dovecot: quota counts and enforces, imap_quota "
            "lets "
            "clients ask; others have no effect."),
        ROW(CONF_STRING, mail_server_admin, "",
            "Where the administrator is reached, as a URI (mailto:...): METADATA's /shared/admin."),
        ROW(CONF_STRING, mail_server_comment, "", "What METADATA's /shared/comment says of the server."),

        HEADING("Who may log in"),
        ROW(CONF_BOOL, disable_plaintext_auth, "yes",
            "Refuse passwords in clear text on connections that are not secured and not local."),
        FLAGGED(CONF_LIST, auth_mechanisms, "plain login", CONF_LOWER, "The SASL mechanisms on offer."),
        ROW(CONF_STRING, auth_username_format, "%Lu",
            "What becomes of the user name before it is looked up."),
        ROW(CONF_STRING, auth_username_chars,
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@",
            "The characters allowed in user names; empty for all."),
        ROW(CONF_STRING, auth_default_realm, "", "Domain added to user names that have none."),
        ROW(CONF_TIME, auth_failure_delay, "2 secs", "The answer to a failed login comes after this."),
        ROW(CONF_BOOL, auth_verbose, "no", "Log why a login failed."),
        ROW(CONF_BOOL, auth_debug, "no", "Log each step of a login."),

        HEADING("TLS"),
        CHOICE(ssl, "yes", words_ssl,
               "Offer TLS (yes), insist on it before login (required), or neither (no)."),
        ROW(CONF_FILE, ssl_alt_cert, "",
            "A second certificate with its chain, of another kind (RSA beside EC)."),
        FLAGGED(CONF_FILE, ssl_alt_key, "", CONF_SECRET, "Private key of ssl_alt_cert."),
        ROW(CONF_FILE, ssl_cert, "", "Certificate with its chain, as PEM: </path."),
        FLAGGED(CONF_FILE, ssl_key, "", CONF_SECRET, "Private key, as PEM: </path."),
        FLAGGED(CONF_FILE, ssl_key_password, "", CONF_SECRET, "Password of the private key, or </path."),
        ROW(CONF_FILE, ssl_ca, "", "Certificates that sign clients' certificates, as PEM: </path."),
        CHOICE(ssl_min_protocol, "TLSv1.2", words_tls, "The lowest version of TLS that is accepted."),
        ROW(CONF_STRING, ssl_cipher_list, "",
            "A GnuTLS priority string, appended to the system's; OpenSSL's cipher lists are ignored."),
        ROW(CONF_BOOL, ssl_prefer_server_ciphers, "no",
            "The server's order of ciphers wins over the client's."),

        HEADING("POP3"),
        ROW(CONF_STRING, pop3_uidl_format, "%08Xu%08Xv",
            "How UIDL answers are made: %u UID, %v UIDVALIDITY, %f file name, %g GUID; of messages in an "
            "mbox "
            "%m, and %g too, is what mbox_md5 says."),
        ROW(CONF_BOOL, pop3_no_flag_updates, "no", "Leave messages unseen and recent when they are fetched."),
        ROW(CONF_BOOL, pop3_reuse_xuidl, "no",
            "Answer UIDL with the X-UIDL header of a message that has one."),
        ROW(CONF_BOOL, pop3_lock_session, "no", "One POP3 session at a time in a maildrop."),
        ROW(CONF_BOOL, pop3_enable_last, "no", "Offer the LAST command of old POP3."),
        ROW(CONF_STRING, pop3_deleted_flag, "",
            "Give deleted messages this keyword, and hide those that have it, instead of expunging them."),
        CHOICE(pop3_delete_type, "default", words_delete,
               "What a deletion does: expunge, flag (see pop3_deleted_flag), or by that setting's presence."),
        FLAGGED(CONF_BOOL, pop3_fast_size_lookups, "no", CONF_NOT_YET,
                "Answer with the size in the file system when the exact one is not known."),
        ROW(CONF_STRING, pop3_logout_format, "top=%t/%p, retr=%r/%b, del=%d/%m, size=%s",
            "What the log says at the end of a POP3 session."),
        FLAGGED(CONF_LIST, pop3_client_workarounds, "", CONF_NOT_YET, "Workarounds for broken clients."),

        HEADING("IMAP"),
        ROW(CONF_STRING, imap_logout_format,
            "in=%i out=%o deleted=%{deleted} expunged=%{expunged} trashed=%{trashed} "
            "hdr_count=%{fetch_hdr_count} hdr_bytes=%{fetch_hdr_bytes} "
            "body_count=%{fetch_body_count} body_bytes=%{fetch_body_bytes}",
            "What the log says at the end of an IMAP session."),
        ROW(CONF_STRING, imap_capability, "",
            "Capabilities to announce instead of the server's own; with + or - before the first, what to add "
            "to "
            "them or to leave out."),
        ROW(CONF_STRING, imap_id_capability, "",
            "Capabilities to leave out for clients by the name they give in ID: \"NAME\" -A -B, NAME* -C."),
        ROW(CONF_STRING, imap_id_send, "name *",
            "Fields of the answer to ID; * stands for the server's value."),
        ROW(CONF_STRING, imap_id_log, "", "Fields of a client's ID to log; * for all."),
        ROW(CONF_SIZE, imap_max_line_length, "64 k", "Longest command line, in bytes."),
        ROW(CONF_TIME, imap_idle_notify_interval, "2 mins",
            "Say \"* OK Still here\" this often during IDLE."),
        /* RFC 9585 section 4 recommends 10 to 15 s */
        ROW(CONF_TIME, imap_progress_interval, "10 s",
            "Say this often how far a command is that takes long (INPROGRESS); 0: not at all."),
        FLAGGED(CONF_LIST, imap_client_workarounds, "", CONF_NOT_YET, "Workarounds for broken clients."),
        ROW(CONF_BOOL, imap_metadata, "no",
            "Keep annotations of mailboxes for clients (METADATA); they lie beside the mail."),
};

#define RULE(number)                                                                                         \
        {                                                                                                    \
                "quota_rule" #number, CONF_STRING, AT(quota_rule) + (number - 1) * sizeof(const char *), "", \
                        "One more, as quota_rule.", NULL, 0                                                  \
        }
static const struct conf_setting plugin_settings[] = {
        ROW(CONF_STRING, quota, "",
            "Count what a user has: maildir:NAME in the file maildirsize, as Courier does, or count:NAME by "
            "the "
            "indexes. Arguments follow after colons: noenforcing, hidden, ns=PREFIX."),
        {"quota_rule", CONF_STRING, AT(quota_rule), "",
         "MAILBOX:storage=SIZE:messages=NUMBER or MAILBOX:ignore. * is all mailboxes; ? as well, but limits "
         "in the "
         "file maildirsize come first. Others are added to it (Trash:storage=+100M). A userdb's field of "
         "this "
         "name comes first.",
         NULL, 0},
        RULE(2),
        RULE(3),
        RULE(4),
        RULE(5),
        RULE(6),
        RULE(7),
        RULE(8),
        RULE(9),
        ROW(CONF_STRING, quota_grace, "10%",
            "How far a delivery may exceed the quota; clients may not, so that it has no effect here."),
        ROW(CONF_STRING, quota_exceeded_message, "Quota exceeded (mailbox for user is full)",
            "What a client is told when a message does not fit; </path for a file's first line."),
        ROW(CONF_SIZE, quota_max_mail_size, "0", "Largest message a client may save; 0 for no limit."),
        ROW(CONF_STRING, quota_set, "",
            "maildirsize: users may set their own limits, in the file maildirsize, where the rule for all "
            "mailboxes "
            "begins with ?; empty: they may not."),
};

#undef AT
#define AT(field) offsetof(struct settings_namespace, field)
static const struct conf_setting namespace_settings[] = {
        CHOICE(type, "private", words_namespace, "Whose mail it is: private, shared or public."),
        ROW(CONF_STRING, separator, "",
            "Character between the levels of mailbox names; empty for the format's own (\".\" for Maildir)."),
        ROW(CONF_STRING, prefix, "",
            "What mailbox names of this namespace begin with, the separator included."),
        ROW(CONF_STRING, location, "", "Where its mail is; empty for mail_location."),
        ROW(CONF_BOOL, inbox, "no", "INBOX is in this namespace; exactly one has it."),
        ROW(CONF_BOOL, hidden, "no", "Leave it out of the answer to NAMESPACE."),
        CHOICE(list, "yes", words_list,
               "Show its mailboxes in LIST: yes, no, or children for those below the prefix."),
        ROW(CONF_BOOL, subscriptions, "yes", "It holds its own list of subscriptions."),
        ROW(CONF_BOOL, disabled, "no", "As if the namespace were not there."),
};

#undef AT
#define AT(field) offsetof(struct settings_mailbox, field)
static const struct conf_setting mailbox_settings[] = {
        ROW(CONF_LIST, special_use, "",
            "What it is for: \\Drafts, \\Sent, \\Junk, \\Trash, \\Archive, \\All, \\Flagged."),
        {"auto", CONF_ENUM, AT(auto_create), "no",
         "Make it at the first login (create), and subscribe to it as well (subscribe).", words_auto, 0},
};

#undef AT
#define AT(field) offsetof(struct settings_passdb, field)
static const struct conf_setting passdb_settings[] = {
        ROW(CONF_STRING, driver, "", "Where passwords are: passwd-file, shadow, passwd, static."),
        ROW(CONF_STRING, args, "",
            "What the driver needs, for example scheme=CRYPT username_format=%u /etc/mailsession/users."),
        ROW(CONF_BOOL, deny, "no", "Users found here may not log in."),
        FLAGGED(CONF_BOOL, master, "no", CONF_NOT_YET, "Its users may log in as any user; not asked so far."),
        FLAGGED(CONF_BOOL, pass, "no", CONF_NOT_YET, "Go on to the next passdb after a success."),
        FLAGGED(CONF_STRING, skip, "never", CONF_NOT_YET,
                "When not to ask it: never, authenticated, unauthenticated."),
        FLAGGED(CONF_STRING, result_success, "return-ok", CONF_NOT_YET, "What to do after a success."),
        FLAGGED(CONF_STRING, result_failure, "continue", CONF_NOT_YET, "What to do after a failure."),
        FLAGGED(CONF_STRING, result_internalfail, "continue", CONF_NOT_YET,
                "What to do after an internal error."),
        ROW(CONF_STRING, default_fields, "",
            "Fields for users whose entry does not have them: name=value ..."),
        ROW(CONF_STRING, override_fields, "",
            "Fields for all users, whatever their entry says: name=value ..."),
};

#undef AT
#define AT(field) offsetof(struct settings_userdb, field)
static const struct conf_setting userdb_settings[] = {
        ROW(CONF_STRING, driver, "", "Where users are: passwd, passwd-file, static."),
        ROW(CONF_STRING, args, "",
            "What the driver needs, for example uid=vmail gid=vmail home=/var/mail/vhosts/%d/%n."),
        ROW(CONF_STRING, default_fields, "",
            "Fields for users whose entry does not have them: name=value ..."),
        ROW(CONF_STRING, override_fields, "",
            "Fields for all users, whatever their entry says: name=value ..."),
};

#define SECTION(section_name, section_parent, type, rows, outer, array, number, text)                        \
        {                                                                                                    \
                .name = section_name, .parent = section_parent, .doc = text, .settings = rows,               \
                .count = ARRAY_LEN(rows), .size = sizeof(type), .name_offset = offsetof(type, name),         \
                .items_offset = offsetof(outer, array), .number_offset = offsetof(outer, number)             \
        }

const struct conf_section conf_sections[] = {
        {.settings = top, .count = ARRAY_LEN(top), .size = sizeof(struct settings)},
        SECTION("namespace", &conf_sections[0], struct settings_namespace, namespace_settings,
                struct settings, namespaces, namespace_count, "A tree of mailboxes as IMAP clients see it."),
        SECTION("mailbox", &conf_sections[1], struct settings_mailbox, mailbox_settings,
                struct settings_namespace, mailboxes, mailbox_count,
                "A mailbox with a purpose, in a namespace. Its name has no prefix."),
        SECTION("passdb", &conf_sections[0], struct settings_passdb, passdb_settings, struct settings,
                passdbs, passdb_count, "A source of passwords. Several are asked in the order of the file."),
        SECTION("userdb", &conf_sections[0], struct settings_userdb, userdb_settings, struct settings,
                userdbs, userdb_count,
                "A source of user ids and homes. Several are asked in the order of the file."),
        {.name = "plugin",
         .parent = &conf_sections[0],
         .doc = "Settings of what were plugins in Dovecot. Those of others have no effect.",
         .settings = plugin_settings,
         .count = ARRAY_LEN(plugin_settings),
         .size = sizeof(struct settings),
         .flat = true},
};
const size_t conf_section_count = ARRAY_LEN(conf_sections);

const char table_default_namespace[] = "namespace inbox {\n"
                                       "inbox = yes\n"
                                       "mailbox Drafts {\nspecial_use = \\Drafts\n}\n"
                                       "mailbox Sent {\nspecial_use = \\Sent\n}\n"
                                       "mailbox Junk {\nspecial_use = \\Junk\n}\n"
                                       "mailbox Trash {\nspecial_use = \\Trash\n}\n"
                                       "mailbox Archive {\nspecial_use = \\Archive\n}\n"
                                       "}\n";
const char table_default_passdb[] = "passdb {\ndriver = shadow\n}\n";
const char table_default_userdb[] = "userdb {\ndriver = passwd\n}\n";

const struct conf_section *table_section(const struct conf_section *parent, const char *name)
{
        for (size_t i = 1; i < conf_section_count; i++)
                if (conf_sections[i].parent == parent && strcmp(conf_sections[i].name, name) == 0)
                        return &conf_sections[i];
        return NULL;
}

const struct conf_setting *table_setting(const struct conf_section *section, const char *name)
{
        for (size_t i = 0; i < section->count; i++)
                if (section->settings[i].type != CONF_HEADING && strcmp(section->settings[i].name, name) == 0)
                        return &section->settings[i];
        return NULL;
}

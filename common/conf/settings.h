#ifndef CONF_SETTINGS_H
#define CONF_SETTINGS_H

/* The settings, typed, as they apply to one connection. conf_resolve() (conf/conf.h) fills this struct; the
 * table in conf/table.c says for each field its name, type, default and one line of documentation. A field is
 * named as its setting in the file, which is Dovecot 2.3's name wherever the concept is the same.
 *
 * Strings are never NULL (the empty string: not set) and belong to the arena given to conf_resolve().
 * Times are milliseconds, sizes are bytes. Variables (%u ...) are not expanded yet: see conf/expand.h. */

#include "base/macro.h"

/* Values separated by spaces or commas. */
struct settings_list {
        const char *const *items;
        size_t count;
};

/* `ssl_key = <path`: path is set and the file has not been read; `ssl_key = text`: text is set. Both empty:
 * not set. conf_file_read() gives the content, so that only the process that needs a key ever reads it. */
struct settings_file {
        const char *path;
        const char *text;
};

enum settings_ssl { SETTINGS_SSL_NO, SETTINGS_SSL_YES, SETTINGS_SSL_REQUIRED };
enum settings_tls_version {
        SETTINGS_TLS_ANY,
        SETTINGS_TLS_1_0,
        SETTINGS_TLS_1_1,
        SETTINGS_TLS_1_2,
        SETTINGS_TLS_1_3
};
enum settings_fsync { SETTINGS_FSYNC_OPTIMIZED, SETTINGS_FSYNC_ALWAYS, SETTINGS_FSYNC_NEVER };
enum settings_list_mode { SETTINGS_LIST_NO, SETTINGS_LIST_YES, SETTINGS_LIST_CHILDREN };
enum settings_namespace_type {
        SETTINGS_NAMESPACE_PRIVATE,
        SETTINGS_NAMESPACE_SHARED,
        SETTINGS_NAMESPACE_PUBLIC
};
enum settings_mailbox_auto { SETTINGS_AUTO_NO, SETTINGS_AUTO_CREATE, SETTINGS_AUTO_SUBSCRIBE };
enum settings_mbox_md5 { SETTINGS_MBOX_MD5_APOP3D, SETTINGS_MBOX_MD5_ALL };
enum { SETTINGS_QUOTA_RULES = 9 };
enum settings_pop3_delete {
        SETTINGS_POP3_DELETE_DEFAULT,
        SETTINGS_POP3_DELETE_EXPUNGE,
        SETTINGS_POP3_DELETE_FLAG
};

/* namespace NAME { mailbox NAME { } } */
struct settings_mailbox {
        const char *name; /* as IMAP shows it below the namespace's prefix, in UTF-8: "Sent" */
        struct settings_list special_use;       /* "\Sent" ... */
        enum settings_mailbox_auto auto_create; /* setting: auto */
};

/* namespace [NAME] { } */
struct settings_namespace {
        const char *name;
        enum settings_namespace_type type;
        const char *separator; /* empty: the format's own ("." for Maildir) */
        const char *prefix;
        const char *location; /* empty: mail_location */
        bool inbox;
        bool hidden;
        bool disabled; /* never true in what conf_resolve() gives: such a namespace is left out */
        enum settings_list_mode list;
        bool subscriptions;
        struct settings_mailbox *mailboxes;
        size_t mailbox_count;
};

/* passdb { } in the order of the file */
struct settings_passdb {
        const char *name;
        const char *driver;
        const char *args;
        bool deny;   /* users found here may not log in */
        bool master; /* its passwords let in as any user: never to be asked as an ordinary passdb */
        bool pass;
        const char *skip;
        const char *result_success;
        const char *result_failure;
        const char *result_internalfail;
        const char *default_fields;
        const char *override_fields;
};

/* userdb { } in the order of the file */
struct settings_userdb {
        const char *name;
        const char *driver;
        const char *args;
        const char *default_fields;
        const char *override_fields;
};

struct settings {
        /* the server */
        struct settings_list protocols;
        struct settings_list listen;
        const char *base_dir;
        const char *instance_name;
        const char *log_path; /* "": automatic; "syslog"; "/dev/stderr" */
        const char *default_login_user;
        uint32_t default_client_limit;
        uint32_t mail_max_ip_connections; /* 0: no limit */
        uint32_t mail_max_userip_connections;
        int64_t login_timeout;
        int64_t session_timeout;
        int64_t listen_idle_exit; /* 0: never */
        const char *login_greeting;
        struct settings_list login_trusted_networks; /* for conf_net_matches() */
        struct settings_list haproxy_trusted_networks;
        bool verbose_ssl;
        bool mail_debug;

        /* mail */
        const char *mail_location; /* "": maildir:~/Maildir when it is there */
        const char *mail_home;
        const char *mail_uid; /* a name or a number; "": none */
        const char *mail_gid;
        uint32_t first_valid_uid;
        uint32_t last_valid_uid; /* 0: no limit */
        uint32_t first_valid_gid;
        uint32_t last_valid_gid;
        const char *mail_privileged_group;
        struct settings_list mail_access_groups;
        enum settings_fsync mail_fsync;
        uint32_t mail_max_keyword_length;
        bool maildir_copy_with_hardlinks;
        struct settings_list mbox_read_locks; /* dotlock, dotlock_try, fcntl, flock, lockf */
        struct settings_list mbox_write_locks;
        int64_t mbox_lock_timeout;
        int64_t mbox_dotlock_change_timeout; /* 0: never */
        bool mbox_dirty_syncs;
        bool mbox_very_dirty_syncs;
        bool mbox_lazy_writes;
        bool mbox_unquote_from; /* mboxrd */
        enum settings_mbox_md5 mbox_md5;
        const char *mail_server_admin; /* METADATA's /shared/admin of the server: a URI */
        const char *mail_server_comment;
        struct settings_list mail_plugins;     /* those that are parts of this server: quota, imap_quota */
        struct settings_namespace *namespaces; /* at least one */
        size_t namespace_count;

        /* who may log in */
        bool disable_plaintext_auth;
        struct settings_list auth_mechanisms; /* lower case */
        const char *auth_username_format;
        const char *auth_username_chars;
        const char *auth_default_realm;
        int64_t auth_failure_delay;
        bool auth_verbose;
        bool auth_debug;
        struct settings_passdb *passdbs; /* at least one */
        size_t passdb_count;
        struct settings_userdb *userdbs; /* at least one */
        size_t userdb_count;

        /* TLS */
        enum settings_ssl ssl;
        struct settings_file ssl_cert;
        struct settings_file ssl_key;
        struct settings_file ssl_key_password;
        struct settings_file ssl_alt_cert;
        struct settings_file ssl_alt_key;
        struct settings_file ssl_ca;
        enum settings_tls_version ssl_min_protocol;
        const char *ssl_cipher_list;
        bool ssl_prefer_server_ciphers;

        /* POP3 */
        const char *pop3_uidl_format;
        bool pop3_no_flag_updates;
        bool pop3_reuse_xuidl;
        bool pop3_lock_session;
        bool pop3_enable_last;
        const char *pop3_deleted_flag; /* "": messages are expunged */
        enum settings_pop3_delete pop3_delete_type;
        bool pop3_fast_size_lookups;
        const char *pop3_logout_format;
        struct settings_list pop3_client_workarounds;

        /* IMAP */
        const char *imap_logout_format;
        const char *imap_capability; /* "": what the server knows; "+X -Y": with X and without Y; else the
                                        whole list */
        const char *imap_id_capability;
        const char *imap_id_send;
        const char *imap_id_log;
        uint64_t imap_max_line_length;
        int64_t imap_idle_notify_interval;
        int64_t imap_progress_interval; /* 0: none */
        struct settings_list imap_client_workarounds;
        bool imap_metadata;

        /* plugin { }; how they are read: conf/quota.h */
        const char *quota;
        const char
                *quota_rule[SETTINGS_QUOTA_RULES]; /* quota_rule, quota_rule2 ...; "" where there is none */
        const char *quota_grace;
        const char *quota_exceeded_message;
        uint64_t quota_max_mail_size; /* 0: no limit */
        const char *quota_set;
};

#endif

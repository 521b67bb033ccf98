#include "conf/foreign.h"

/* Each list is in the order of strcmp(). The top level has those of Dovecot 2.3, of its older releases where
 * tutorials still show them, and of Pigeonhole. */
/* clang-format off */
static const char *const top[] = {
        "auth_anonymous_username", "auth_cache_negative_ttl", "auth_cache_size", "auth_cache_ttl",
        "auth_cache_verify_password_with_worker", "auth_debug_passwords", "auth_gssapi_hostname",
        "auth_krb5_keytab", "auth_master_user_separator", "auth_policy_check_after_auth",
        "auth_policy_check_before_auth", "auth_policy_hash_mech", "auth_policy_hash_nonce",
        "auth_policy_hash_truncate", "auth_policy_log_only", "auth_policy_reject_on_fail",
        "auth_policy_report_after_auth", "auth_policy_request_attributes", "auth_policy_server_api_header",
        "auth_policy_server_timeout_msecs", "auth_policy_server_url", "auth_proxy_self", "auth_realms",
        "auth_socket_path", "auth_ssl_require_client_cert", "auth_ssl_username_from_cert", "auth_stats",
        "auth_use_winbind", "auth_username_translation", "auth_verbose_passwords",
        "auth_winbind_helper_path", "auth_worker_max_count", "config_cache_size", "debug_log_path",
        "default_idle_kill", "default_internal_group", "default_internal_user", "default_process_limit",
        "default_vsz_limit", "deliver_log_format", "dict_db_config", "director_flush_socket",
        "director_mail_servers", "director_max_parallel_kicks", "director_max_parallel_moves",
        "director_output_buffer_size", "director_ping_idle_timeout", "director_ping_max_timeout",
        "director_servers", "director_user_expire", "director_user_kick_delay", "director_username_hash",
        "dotlock_use_excl", "doveadm_allowed_commands", "doveadm_api_key", "doveadm_http_rawlog_dir",
        "doveadm_password", "doveadm_port", "doveadm_socket_path", "doveadm_ssl", "doveadm_username",
        "doveadm_worker_count", "dsync_alt_char", "dsync_commit_msgs_interval", "dsync_features",
        "dsync_hashed_headers", "dsync_remote_cmd", "haproxy_timeout", "hostname", "imap_fetch_failure",
        "imap_hibernate_timeout", "imap_id_retain", "imap_literal_minus", 
        "imap_urlauth_host", "imap_urlauth_logout_format", "imap_urlauth_port", "imapc_cmd_timeout",
        "imapc_connection_retry_count", "imapc_connection_retry_interval", "imapc_features", "imapc_host",
        "imapc_list_prefix", "imapc_master_user", "imapc_max_idle_time", "imapc_max_line_length",
        "imapc_password", "imapc_port", "imapc_rawlog_dir", "imapc_sasl_mechanisms", "imapc_ssl",
        "imapc_ssl_verify", "imapc_user", "import_environment", "info_log_path", "lda_mailbox_autocreate",
        "lda_mailbox_autosubscribe", "lda_original_recipient_header", "libexec_dir",
        "lmtp_add_received_header", "lmtp_client_workarounds", "lmtp_hdr_delivery_address", "lmtp_proxy",
        "lmtp_proxy_rawlog_dir", "lmtp_rawlog_dir", "lmtp_rcpt_check_quota", "lmtp_save_to_detail_mailbox",
        "lmtp_user_concurrency_limit", "lmtp_verbose_replies", "lock_method", "log_core_filter",
        "log_debug", "log_timestamp", "login_access_sockets", "login_chroot", "login_dir",
        "login_executable", "login_log_format", "login_log_format_elements", "login_max_connections",
        "login_max_processes_count", "login_plugin_dir", "login_plugins", "login_process_per_connection",
        "login_process_size", "login_processes_count", "login_proxy_max_disconnect_delay",
        "login_proxy_max_reconnects", "login_proxy_notify_path", "login_proxy_rawlog_dir",
        "login_proxy_timeout", "login_source_ips", "login_user", "mail_always_cache_fields",
        "mail_attachment_detection_options", "mail_attachment_dir", "mail_attachment_fs",
        "mail_attachment_hash", "mail_attachment_min_size", "mail_attribute_dict", "mail_cache_fields",
        "mail_cache_max_size", "mail_cache_min_mail_count", "mail_cache_purge_continued_percentage",
        "mail_cache_purge_delete_percentage", "mail_cache_purge_header_continue_count",
        "mail_cache_purge_min_size", "mail_cache_record_max_size", "mail_cache_unaccessed_field_drop",
        "mail_chroot", "mail_drop_priv_before_exec", "mail_executable", "mail_extra_groups",
        "mail_full_filesystem_access", "mail_index_log2_max_age", "mail_index_log_rotate_max_size",
        "mail_index_log_rotate_min_age", "mail_index_log_rotate_min_size",
        "mail_index_rewrite_max_log_bytes", "mail_index_rewrite_min_log_bytes", "mail_log_prefix",
        "mail_max_lock_timeout", "mail_never_cache_fields", "mail_nfs_index", "mail_nfs_storage",
        "mail_plugin_dir",  "mail_prefetch_count", "mail_process_size", "mail_read_mmaped",
        "mail_save_crlf",   "mail_shared_explicit_inbox",
        "mail_sort_max_read_count", "mail_temp_dir", "mail_temp_scan_interval", "mail_use_modules",
        "mail_vsize_bg_after_count", "mailbox_idle_check_interval", "mailbox_list_index",
        "mailbox_list_index_include_inbox", "mailbox_list_index_very_dirty_syncs",
        "maildir_broken_filename_sizes", "maildir_copy_preserve_filename", "maildir_empty_new",
        "maildir_stat_dirs", "maildir_very_dirty_syncs", "managesieve_client_workarounds",
        "managesieve_implementation_string", "managesieve_logout_format", "managesieve_max_compile_errors",
        "managesieve_max_line_length", "managesieve_notify_capability", "managesieve_sieve_capability",
        "master_user_separator", "mbox_min_index_size", "mdbox_preallocate_space",
        "mdbox_rotate_interval", "mdbox_rotate_size", "mmap_disable", "old_stats_carbon_interval", "old_stats_carbon_name", "old_stats_carbon_server",
        "old_stats_command_min_time", "old_stats_domain_min_time", "old_stats_ip_min_time",
        "old_stats_memory_limit", "old_stats_session_min_time", "old_stats_user_min_time",
        "pop3_save_uidl", "pop3_uidl_duplicates", "pop3c_features", "pop3c_host", "pop3c_master_user",
        "pop3c_password", "pop3c_port", "pop3c_quick_received_date", "pop3c_rawlog_dir", "pop3c_ssl",
        "pop3c_ssl_verify", "pop3c_user", "postmaster_address", "process_shutdown_filter",
        "quota_full_tempfail", "rawlog_dir", "recipient_delimiter", "rejection_reason",
        "rejection_subject", "replication_dsync_parameters", "replication_full_sync_interval",
        "replication_max_conns", "replicator_host", "replicator_port", "sendmail_path", "shutdown_clients",
        "ssl_ca_file", "ssl_cert_file", "ssl_cert_username_field", "ssl_cipher_suites",
        "ssl_client_ca_dir", "ssl_client_ca_file", "ssl_client_cert", "ssl_client_key",
        "ssl_client_require_valid_cert", "ssl_crypto_device", "ssl_curve_list", "ssl_dh",
        "ssl_dh_parameters_length", "ssl_key_file", "ssl_options", "ssl_parameters_regenerate",
        "ssl_protocols", "ssl_require_crl", "ssl_verify_client_cert", "state_dir", "stats_http_rawlog_dir",
        "stats_writer_socket_path", "submission_add_received_header", "submission_backend_capabilities",
        "submission_client_workarounds", "submission_host", "submission_logout_format",
        "submission_max_mail_size", "submission_max_recipients", "submission_relay_command_timeout",
        "submission_relay_connect_timeout", "submission_relay_host", "submission_relay_master_user",
        "submission_relay_max_idle_time", "submission_relay_password", "submission_relay_port",
        "submission_relay_rawlog_dir", "submission_relay_ssl", "submission_relay_ssl_verify",
        "submission_relay_trusted", "submission_relay_user", "submission_ssl", "submission_timeout",
        "syslog_facility", "umask", "valid_chroot_dirs", "verbose_proctitle", "version_ignore",
};
/* clang-format on */

static const char *const in_namespace[] = {"alias_for", "ignore_on_failure", "order"};
static const char *const in_mailbox[] = {"autoexpunge", "autoexpunge_max_mails", "comment", "driver"};
static const char *const in_passdb[] = {"auth_verbose", "mechanisms", "name", "username_filter"};
static const char *const in_userdb[] = {"auth_verbose",        "name",           "result_failure",
                                        "result_internalfail", "result_success", "skip"};

static const char *const sections[] = {"dict",   "event_exporter", "executable",
                                       "metric", "old_stats",      "service"};

static const char *const protocols[] = {"doveadm",     "imaps", "indexer-worker", "lda",   "lmtp",
                                        "managesieve", "none",  "pop3s",          "sieve", "submission"};

static bool is_in(const char *const *names, size_t count, const char *name)
{
        size_t low = 0, high = count;
        while (low < high) {
                size_t middle = (low + high) / 2;
                int order = strcmp(name, names[middle]);
                if (order == 0)
                        return true;
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return false;
}

bool foreign_setting(const struct conf_section *section, const char *name)
{
        static const struct {
                const char *section;
                const char *const *names;
                size_t count;
        } lists[] = {
                {"namespace", in_namespace, ARRAY_LEN(in_namespace)},
                {"mailbox", in_mailbox, ARRAY_LEN(in_mailbox)},
                {"passdb", in_passdb, ARRAY_LEN(in_passdb)},
                {"userdb", in_userdb, ARRAY_LEN(in_userdb)},
        };
        if (!section->name)
                return is_in(top, ARRAY_LEN(top), name);
        for (size_t i = 0; i < ARRAY_LEN(lists); i++)
                if (strcmp(lists[i].section, section->name) == 0)
                        return is_in(lists[i].names, lists[i].count, name);
        return false;
}

bool foreign_section(const struct conf_section *parent, const char *name)
{
        return !parent->name && is_in(sections, ARRAY_LEN(sections), name);
}

bool foreign_protocol(const char *name)
{
        return is_in(protocols, ARRAY_LEN(protocols), name);
}

const char *foreign_name(size_t i)
{
        return i < ARRAY_LEN(top) ? top[i] : NULL;
}

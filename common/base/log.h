#ifndef BASE_LOG_H
#define BASE_LOG_H

/* The log: the journal with fields when stderr is connected to it (or nothing else is there), syslog, or
 * plain lines on stderr. Text from clients is made safe: control characters become '?'.
 *
 * Only mains, sessions, the monitor and command executors log; libraries return errors. */

#include <syslog.h>

#include "base/macro.h"

enum log_target { LOG_TO_AUTO, LOG_TO_JOURNAL, LOG_TO_SYSLOG, LOG_TO_STDERR };

/* Fields that go with every line; the strings must outlive their use; NULL leaves one out. */
struct log_fields {
        const char *protocol;   /* PROTOCOL= */
        const char *user;       /* MAIL_USER= */
        const char *remote;     /* REMOTE_ADDRESS= */
        const char *session_id; /* SESSION_ID= */
};

/* `ident` is the syslog identifier (copied). LOG_TO_AUTO: the journal when $JOURNAL_STREAM names stderr, else
 * stderr when it is a terminal, pipe or file, else the journal's socket if there is one, else syslog. When
 * the program was started by inetd, stderr is the client's socket and is never written to. */
void log_open(const char *ident, enum log_target target);
/* Whether lines go to standard error: else nothing here needs it. */
bool log_is_on_stderr(void);
void log_set_fields(const struct log_fields *fields);

/* Put before each message, as Dovecot does: "imap-login: " or "imap(kevin)<123><id>: ". Copied. */
void log_set_prefix(const char *fmt, ...) _printf_(1, 2);

/* Drops every line while it is on: what fails again and again for one reason is told from time to time. */
void log_hush(bool on);

void log_msg(int priority, const char *fmt, ...) _printf_(2, 3);
#define log_info(...)    log_msg(LOG_INFO, __VA_ARGS__)
#define log_warning(...) log_msg(LOG_WARNING, __VA_ARGS__)
#define log_error(...)   log_msg(LOG_ERR, __VA_ARGS__)

#endif

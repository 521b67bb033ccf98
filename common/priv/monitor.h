#ifndef PRIV_MONITOR_H
#define PRIV_MONITOR_H

/* The monitor: the only role with privileges while a client is not logged in. It answers the edge's messages,
 * asks the passdb, logs, and when a login was handed over it becomes the user for good. It links from base,
 * conf, auth and priv alone: no protocol, no TLS, no mail. */

#include "auth/auth.h"
#include "base/arena.h"
#include "base/slice.h"
#include "conf/settings.h"
#include "priv/peer.h"

struct monitor {
        const struct settings *settings;
        const struct peer *peer;
        const char *protocol; /* "imap", "pop3" */
        int edge_fd;          /* ROLE_* messages */
        pid_t edge_pid;
        struct arena *arena; /* what it returns lives there */
};

struct monitor_login {
        struct auth_user user;
        struct slice tag;
        struct slice unread; /* input the edge had read beyond the login */
        bool tls;
};

/* Serves the edge until it hands over (true) or is gone (false). Logs the one line either way, in Dovecot's
 * shape: "Login: user=<...>, method=..., rip=..., lip=..., mpid=..., TLS, session=<...>", or the reason of
 * the disconnect with "(auth failed, n attempts in s secs)". */
bool monitor_run(const struct monitor *m, struct monitor_login *ret);

/* Becomes the user, with the groups the settings give. 0 or -errno; *ret_log (static or arena) says which
 * setting or account is wrong. */
int monitor_drop(const struct monitor *m, const struct auth_user *user, const char **ret_log);

#endif

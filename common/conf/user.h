#ifndef CONF_USER_H
#define CONF_USER_H

/* Whose mail is served: what the monitor found out and the session's store works with. */

#include <sys/types.h>

#include "conf/settings.h"

struct mail_user {
        const char *name; /* as logged in, normalised */
        const char *home; /* absolute; NULL when there is none */
        uid_t uid;
        gid_t gid;
        const char *mail_location;                     /* of the userdb; NULL: the setting's */
        const char *quota_rule[SETTINGS_QUOTA_RULES];  /* of the userdb; NULL: the setting's */
        const char *service;                           /* "imap" or "pop3", for %s */
        const char *local_ip, *remote_ip, *session_id; /* for %l, %r, %{session}; may be NULL */
};

#endif

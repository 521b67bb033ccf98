#ifndef CONF_EXPAND_H
#define CONF_EXPAND_H

/* Variables in values: %u, %{user}, with Dovecot 2.3's modifiers between the % and the name:
 *   [offset.]width   a part: %2n the first two characters, %1.2n two from the second; a negative offset
 * counts from the end; with X, "08" pads with zeros to that width L U lower, upper case; E backslashes before
 * " ' \; R reversed; T trimmed; X number in hexadecimal and %% for a percent sign. */

#include <sys/types.h>

#include "base/arena.h"

struct conf_variable {
        char key;          /* %u; 0 when there is only a long name */
        const char *name;  /* %{user}; NULL when there is only a short one */
        const char *value; /* NULL: known, but has no value here (an error to use) */
        bool path_part;    /* chosen by a client: a result that is ".", ".." or holds a '/' is refused */
};

/* Expands `template`. 0; -EINVAL with *ret_error saying why (in the arena): an unknown variable or modifier,
 * a variable without a value, a value that must not be part of a path. */
int conf_expand(struct arena *a, const char *template, const struct conf_variable *vars, size_t count,
                char **ret, const char **ret_error);

/* What is known of a user's session; NULL or 0 (ids: -1) where it is not known. */
struct conf_variables {
        const char *user;      /* %u %{user}; %n %{username} before the @; %d %{domain} after it */
        const char *home;      /* %h %{home} */
        const char *service;   /* %s %{service}: "imap", "pop3" */
        const char *local_ip;  /* %l %{lip} */
        const char *remote_ip; /* %r %{rip} */
        uint16_t local_port;   /* %a %{lport} */
        uint16_t remote_port;  /* %b %{rport} */
        const char *session;   /* %{session} */
        int64_t uid;           /* %i %{uid} */
        int64_t gid;           /* %{gid} */
        pid_t pid;             /* %p %{pid} */
        const char *hostname;  /* %{hostname} */
};
int conf_expand_user(struct arena *a, const char *template, const struct conf_variables *v, char **ret,
                     const char **ret_error);

/* The part of a user name before its first '@' and the part behind it; without one the whole and the empty
 * slice. */
void conf_user_split(struct slice user, struct slice *ret_name, struct slice *ret_domain);

#endif

#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

/* The privileged half: who is this, and as whom do they read mail? For the monitor only; the edge uses
 * auth/sasl.h. Reads passwd-files and the system's databases, blocks while a password hash is computed,
 * writes nothing, logs nothing. The request comes from the edge and is not trusted. */

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "conf/settings.h"

enum auth_result {
        AUTH_OK,
        AUTH_FAILED,   /* unknown user, wrong password, a name that cannot be: one answer for all of them */
        AUTH_DENIED,   /* the password is right but the account may not read mail */
        AUTH_TEMPFAIL, /* could not be decided: a file, a setting, the system */
};

/* See auth/trace.h. */
struct auth_step;
struct auth_trace {
        struct auth_step *first, *last; /* in the arena */
};

struct auth_request {
        struct slice user;                /* as the client wrote it */
        struct slice authzid;             /* whom to act as; empty: the same */
        struct slice password;            /* the caller wipes it */
        const char *service;              /* "imap", "pop3" */
        const char *remote_ip, *local_ip; /* "" when not known */
        const char *session_id;
        const char *mechanism;    /* "PLAIN", "LOGIN" */
        bool secured;             /* the client's connection is encrypted */
        struct auth_trace *trace; /* the way to the answer; NULL: nobody asks */
};

/* Strings live in the arena. */
struct auth_user {
        const char *name;          /* normalised: auth_username_format */
        const char *home;          /* absolute; NULL: none */
        const char *mail_location; /* of the userdb, variables not expanded yet; NULL: the setting's */
        const char *quota_rule[SETTINGS_QUOTA_RULES]; /* in place of the settings'; NULL: not given */
        uid_t uid;                                    /* never 0 */
        gid_t gid;                                    /* never 0 */
        /* The system account that uid is, whose groups go with it; NULL: a virtual user, who may have an
         * account's name and must not have its groups. */
        const char *account;
};

/* Decides. On AUTH_OK *ret is set; on AUTH_DENIED *ret_client has a few words for the client. *ret_log says
 * why in all other cases, for the log, with file and line, setting or path, in the shape of Dovecot's lines
 * ("passwd-file(kevin,192.0.2.7,<id>): unknown user"); it never holds the password. On AUTH_OK it is set only
 * when a passdb could not be asked before another one knew the user: an error worth logging. Strings are in
 * the arena; what is not set is left alone. An unknown user takes the time of a wrong password. */
enum auth_result auth_verify(const struct settings *settings, const struct auth_request *request,
                             struct arena *arena, struct auth_user *ret, const char **ret_log,
                             const char **ret_client);

/* The userdb alone, no password: for --preauth, where `request->user` is the name of the calling uid
 * (password, authzid, mechanism are not looked at). AUTH_FAILED: no userdb knows the user. */
enum auth_result auth_lookup(const struct settings *settings, const struct auth_request *request,
                             struct arena *arena, struct auth_user *ret, const char **ret_log,
                             const char **ret_client);

/* For the start: looks for drivers that are not served, arguments that are not understood, relative paths.
 * Appends a line each to `messages`. 0 or -EINVAL. */
int auth_check_settings(const struct settings *settings, struct buf *messages);

#endif

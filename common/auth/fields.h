#ifndef AUTH_FIELDS_H
#define AUTH_FIELDS_H

/* Fields: what a passwd-file's last column, a static database's args, default_fields and override_fields say
 * about a user, as words `name=value`. Of several values for one field the first applied counts: so
 * override_fields come first, then what the database says, then default_fields. */

#include "auth/call.h"

struct auth_fields {
        /* of a passdb */
        const char *password;               /* static's */
        const char *nopassword;             /* any password will do */
        const char *nologin;                /* the account may not log in */
        const char *reason;                 /* what it is told then */
        const char *host, *port, *destuser; /* where its mail is then: see auth/referral.h */
        const char *allow_nets;             /* comma-separated networks the client must come from */
        /* of a userdb; in a passdb "userdb_..." */
        const char *uid, *gid; /* name or number */
        const char *home;
        const char *mail;
        const char *quota_rule[SETTINGS_QUOTA_RULES]; /* quota_rule, quota_rule2 ... */
        bool has_userdb;                              /* one of these was given */
        /* of userdb passwd, not a field: the account that was found */
        const char *account;
        uid_t account_uid;
};

enum fields_of {
        FIELDS_PASSDB,          /* password ..., userdb_uid ... */
        FIELDS_USERDB,          /* uid ... */
        FIELDS_USERDB_OF_ENTRY, /* userdb_uid ...; what is not so prefixed is the passdb's: left alone */
};

/* Takes the words of `text`, variables expanded. Fields that change nothing here (sieve ...) are passed
 * over; one that would have to be obeyed and is not served is an error. 0 or -EINVAL with *ret_error in the
 * arena. */
int fields_apply(const struct auth_call *c, const char *text, enum fields_of of, struct auth_fields *to,
                 const char **ret_error);

/* The fields that are set as words, "nologin=y host=mail2.example.org userdb_uid=vmail"; a userdb's own
 * without the prefix. Never a password. In the arena. */
const char *fields_text(struct arena *arena, const struct auth_fields *f, bool of_userdb);

/* The next word of args, taken apart. False at the end. */
bool fields_next(struct slice *rest, struct slice *ret_name, struct slice *ret_value);

/* "nopassword", "nopassword=y": yes. */
bool fields_yes(const char *value);

#endif

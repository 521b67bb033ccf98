#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

/* What the verbs of mailsession share: the command line, the settings, and how things are said. */

#include "auth/auth.h"
#include "conf/conf.h"
#include "conf/user.h"

enum { ADMIN_FINE = 0, ADMIN_PROBLEM = 1, ADMIN_USAGE = 2 }; /* exit codes */

struct admin {
        struct arena *arena;
        const char *file;         /* of the settings; NULL: there is none */
        struct conf *conf;        /* as loaded, */
        struct settings settings; /* and for a client of this protocol and address */
        const char *user;         /* the operand */
        const char *service;      /* -s: "imap" */
        const char *remote_ip;    /* -r; NULL */
        bool all, secrets;        /* -a, -P */
        bool no_password;         /* -n */
        bool unserved;            /* a passdb or userdb of these settings cannot be asked */
        unsigned problems;        /* that were told */
};

/* Each verb: an exit code. */
int admin_config(struct admin *a);
int admin_check(struct admin *a);
int admin_auth(struct admin *a);

/* say.c: one line of the answer, "label:    text". What could control a terminal becomes '?'. */
void admin_say(const char *label, const char *fmt, ...) _printf_(2, 3);
/* A whole line. */
void admin_line(const char *fmt, ...) _printf_(1, 2);
/* "problem: ...": what is wrong and what to do about it, in one line. Counted. */
void admin_problem(struct admin *a, const char *fmt, ...) _printf_(2, 3);
/* "1000 (kevin)", in the arena. */
const char *admin_uid(const struct admin *a, uid_t uid);
const char *admin_gid(const struct admin *a, gid_t gid);

/* "kevin:mail", in the arena; numbers where there is no name. */
struct stat;
const char *admin_owner(const struct admin *a, const struct stat *st);

/* who.c: asks the databases, with the password unless it is NULL, and says what each answered. */
enum auth_result admin_ask(const struct admin *a, const struct slice *password, struct auth_user *ret,
                           const char **ret_log, const char **ret_client);
/* Says who this is: user, uid, gid, home. */
void admin_say_user(const struct admin *a, const struct auth_user *user);

struct store;
struct folder_place;
/* Looks at a user's mail, making nothing, and says where INBOX is and who said so: "maildir:~/Maildir
 * (mail_location)". False: it cannot, and said why. The store is the caller's to close. */
bool admin_examine(struct admin *a, const struct auth_user *user, struct store **ret,
                   struct folder_place *ret_inbox);

#endif

#ifndef STORE_LOCATION_H
#define STORE_LOCATION_H

/* mail_location: FORMAT:PATH[:KEY=VALUE ...], FORMAT maildir or mbox, KEY of INBOX, CONTROL, INDEX, LAYOUT,
 * SUBSCRIPTIONS and, for mbox, DIRNAME or FULLDIRNAME. */

#include "base/arena.h"
#include "conf/expand.h"

enum location_format { LOCATION_MAILDIR, LOCATION_MBOX };

/* Absolute paths, or NULL where it is not given. */
struct location {
        enum location_format format;
        const char *root;    /* holds the folders */
        const char *inbox;   /* the INBOX's Maildir (NULL: root) or mbox (never NULL) */
        const char *control; /* uidlists, keywords, subscriptions; NULL: with the mail */
        const char *index;   /* mailsession.*; NULL: with the mail */
        bool index_in_memory;
        const char *subscriptions; /* the name of their file */
        const char *dirname;       /* mbox: each folder is a directory, and its mail the file of this name
                                    * in it; NULL: each folder is a file */
        bool full_dirname;         /* control files and indexes are in directories of that name too */
        const char *why;           /* text for the log: what was taken because mail_location is not set */
};

/* Expands variables and "~/". `template` "" stands for maildir:~/Maildir, if that is there, and otherwise for
 * mbox:~/mail:INBOX=/var/mail/%u. 0; -ENOTSUP for a format or an option that is not served, -EINVAL for what
 * cannot be understood, -errno when ~/Maildir cannot be looked at; then *ret_error says why. */
int location_parse(struct arena *a, const char *template, const struct conf_variables *vars,
                   struct location *ret, const char **ret_error);

#endif

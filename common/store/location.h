#ifndef STORE_LOCATION_H
#define STORE_LOCATION_H

/* mail_location: maildir:PATH[:KEY=VALUE ...] with KEY of INBOX, CONTROL, INDEX, LAYOUT. */

#include "base/arena.h"
#include "conf/expand.h"

/* Absolute paths, or NULL where it is not given. */
struct location {
        const char *root;    /* holds the folders */
        const char *inbox;   /* the INBOX's Maildir; NULL: root */
        const char *control; /* uidlists, keywords, subscriptions; NULL: with the mail */
        const char *index;   /* mailsession.*; NULL: with the mail */
        bool index_in_memory;
};

/* Expands variables and "~/". `template` "" stands for maildir:~/Maildir, if that is there. 0; -ENOTSUP for a
 * format or an option that is not served, -EINVAL for what cannot be understood; then *ret_error says why. */
int location_parse(struct arena *a, const char *template, const struct conf_variables *vars,
                   struct location *ret, const char **ret_error);

#endif

#ifndef CONF_QUOTA_H
#define CONF_QUOTA_H

/* The quota root and its rules as Dovecot 2.3 writes them: `quota = maildir:User quota:ns=INBOX.` and
 * `quota_rule = *:storage=1G:messages=1000`. Pure. */

#include "base/arena.h"
#include "base/slice.h"

enum {
        QUOTA_RULES_MAX = 20, /* those of the settings and those of a userdb */
};

/* 0: no limit. */
struct quota_limits {
        uint64_t bytes, messages;
};

/* What a rule adds to the limits for messages that are saved into the mailboxes it is about. */
struct quota_rule {
        const char *mask; /* a mailbox name; "*" any text, "?" any character */
        bool ignore;      /* these do not count and have no limit */
        int64_t bytes, messages;
        int32_t bytes_percent, messages_percent; /* of the limits; 0: what is above counts */
};

struct quota_root {
        enum { QUOTA_NONE, QUOTA_MAILDIR, QUOTA_COUNT } backend;
        const char *name; /* what clients see */
        bool no_enforcing;
        bool hidden;    /* GETQUOTAROOT does not show it */
        const char *ns; /* prefix of the namespace it is about; NULL: all private ones */
        struct quota_limits limits;
        bool fixed; /* the rule "*" gave them; else those in the file maildirsize come first ("?") */
        struct quota_rule rules[QUOTA_RULES_MAX];
        size_t rules_n;
};

/* "BACKEND[:NAME[:ARGUMENT...]]" into a root without rules; "" is none. Strings go into the arena. NULL, or
 * what is wrong with it (in the arena); then *ret is untouched. */
const char *quota_root_parse(struct arena *a, const char *text, struct quota_root *ret);

/* Adds "MASK:ignore" or "MASK:storage=N:bytes=N:messages=N". A rule for a mask that has one already replaces
 * what it names. NULL, or what is wrong with it. */
const char *quota_rule_add(struct arena *a, struct quota_root *root, const char *text);

/* Percents before what they are percents of is known are fine: they are worked out here. False: saving into
 * this mailbox is without limits and does not count. */
bool quota_limits_for(const struct quota_root *root, const struct quota_limits *limits, const char *mailbox,
                      struct quota_limits *ret);

#endif

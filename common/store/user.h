#ifndef STORE_USER_H
#define STORE_USER_H

/* struct store itself, for the files of this folder. */

#include "base/buf.h"
#include "base/lock.h"
#include "conf/quota.h"
#include "store/location.h"
#include "store/name.h"
#include "store/store.h"

/* A namespace of the settings with the place it serves. */
struct user_namespace {
        const struct settings_namespace *set;
        const char *prefix;
        struct name_form form; /* of its names; the separator among it */
        struct location location;
};

enum {
        STORE_QUEUES_MAX = 2, /* MOVE watches two folders */
        STORE_STEPS = 16,     /* one of so many is told: who is told looks at the clock */
};

struct store {
        struct arena arena; /* lives as long as the store */
        const struct settings *settings;
        struct mail_user user;
        struct user_namespace *namespaces;
        struct store_namespace *announced; /* the same in the same order, as store_namespaces() gives them */
        size_t namespaces_n;
        const char **paths;
        struct buf error;    /* store_error() */
        const char *refusal; /* store_refusal() */
        struct quota_root quota;
        bool quota_missed;    /* quota.c: maildirsize lacks a change, and could not be forgotten yet */
        int64_t last_name_us; /* see filename_generate() */
        store_step *step;     /* store_on_step(); NULL: nobody wants to know */
        void *step_context;
        unsigned steps;
        int queues[STORE_QUEUES_MAX]; /* watch.c */
        size_t queues_n;
};

/* Of what takes long itself. */
static inline void user_long_step(const struct store *s, uint64_t done, uint64_t total)
{
        if (s->step)
                s->step(s->step_context, done, total);
}

/* Of what takes long because there are many. */
static inline void user_step(struct store *s, uint64_t done, uint64_t total)
{
        if (++s->steps % STORE_STEPS == 0)
                user_long_step(s, done, total);
}

/* user.c: a lock is waited for; nothing is known of how long. */
struct lock_waiter user_waiter(struct store *s);

/* The deadline for a lock: as long as Dovecot waits. */
enum { USER_LOCK_WAIT_MS = 120 * 1000, USER_LOCK_STALE_MS = 600 * 1000 };

#endif

#ifndef IMAP_NOTIFY_STATE_H
#define IMAP_NOTIFY_STATE_H

/* For notify*.c and idle.c alone. */

#include "imap/notify.h"
#include "store/watcher.h"

enum {
        NOTIFY_FOLDERS_MAX = 10000, /* each costs two watches, of which a user has a limited number */
        NOTIFY_LOOK_MS = 30 * 1000, /* how often to look when the kernel cannot watch */
};

/* Annotations as the client knows them. */
struct notify_metadata {
        bool set;
        struct buf text; /* see notify_metadata.c */
};

/* A folder as the client knows it. */
struct notify_folder {
        const char *name; /* in names */
        char separator;
        unsigned flags;  /* FOLDER_* */
        unsigned events; /* enum imap_notify_event */
        struct watcher_identity identity;
        bool dirty; /* its messages are to be looked at */
        bool known; /* the rest is filled in */
        uint32_t messages, unseen, uidnext, uidvalidity;
        uint64_t modseq;
        struct notify_metadata metadata;
};

struct notify {
        struct arena arena; /* groups */
        struct imap_notify_group *groups;
        size_t groups_n;
        const struct imap_notify_group *selected; /* among them; NULL: none */

        struct watcher *watcher;
        char watched[1024]; /* the selected mailbox that is watched although no group names it */
        deadline_t look;    /* when to look without a watcher */
        bool tree;          /* the list of folders is to be read again */

        struct notify_folder *folders; /* in store_list()'s order, malloc'ed */
        size_t n;
        struct notify_metadata server;
        struct arena names; /* of folders */
};

/* Reads the list of folders and the counts of those whose messages matter; `status`: tells them. 0; -E2BIG;
 * errors of the store. */
int notify_begin(struct imap_session *s, struct notify *n, bool status);
/* The watcher's descriptor, with the selected mailbox among what is watched; -1: there is none. */
int notify_watch(struct imap_session *s, struct notify *n);

/* Looks at the messages of a folder and tells what is new, if something was known of it before. */
void notify_look(struct imap_session *s, struct notify_folder *f);
/* The same of the annotations of a mailbox, or with the name "" of the server; `silent`: the client knows. */
void notify_look_metadata(struct imap_session *s, const char *mailbox, struct notify_metadata *known,
                          bool silent);
/* Frees what the folders hold, and them. */
void notify_free_folders(struct notify *n);
/* What STATUS tells before the tagged OK of NOTIFY SET STATUS (section 3.1). */
unsigned notify_first_items(const struct notify_folder *f);

#endif

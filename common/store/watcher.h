#ifndef STORE_WATCHER_H
#define STORE_WATCHER_H

/* Watching many folders at once, for NOTIFY (RFC 5465): one inotify descriptor, however many there are. Where
 * the system's limits do not let everything be watched it watches nothing, and who asks looks from time to
 * time. It only tells where to look; what happened, the folders say. */

#include <sys/types.h>

#include "store/store.h"

struct watcher;

int watcher_open(struct store *s, struct watcher **ret); /* 0 */
void watcher_close(struct watcher **w);                  /* NULL is fine */

/* Readable when there is something to look at; -1: nothing can be watched. */
int watcher_fd(const struct watcher *w);

/* Folders that come and go, subscriptions, the server's annotations. */
void watcher_add_tree(struct watcher *w);
/* Messages of a folder, which has this number from now on. 0 or -ENOENT. */
int watcher_add_folder(struct watcher *w, const char *name, uint32_t number);

/* Annotations of a folder (store/annotation.h); those of the INBOX and of the server are part of the tree. */
void watcher_add_annotations(struct watcher *w, const char *name, uint32_t number);

/* What is the same folder has the same identity, whatever it is called. 0 or -ENOENT. */
struct watcher_identity {
        dev_t device;
        ino_t inode;
};
int watcher_identity(struct store *s, const char *name, struct watcher_identity *ret);

struct watcher_news {
        bool tree;
        bool all;          /* too much has happened: look everywhere */
        uint32_t *folders; /* numbers, some more than once; in the arena */
        size_t n;
};
/* Since the last call; does not wait. */
void watcher_read(struct watcher *w, struct arena *arena, struct watcher_news *ret);

#endif

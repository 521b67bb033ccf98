#ifndef STORE_CACHE_H
#define STORE_CACHE_H

/* mailsession.cache: what was found out about messages by reading them, so that nobody reads them for it
 * again. A message has a chain of groups; a group holds data of several kinds, which only the protocol above
 * understands. Groups are appended under the index's lock and never change; which group is a message's newest
 * says its record in the index. Whatever is wrong with the file, a lookup finds nothing and the message is
 * read again. The format is in README. */

#include "base/buf.h"
#include "store/mailbox.h"
#include "store/perm.h"

#define CACHE_NAME "mailsession.cache"

enum {
        CACHE_KINDS = MAILBOX_KINDS,
        CACHE_GROUP_MAX = 1024 * 1024,     /* larger ones are not kept */
        CACHE_CHAIN_MAX = 8,               /* groups of one message that are looked at */
        CACHE_QUEUE_MAX = 4 * 1024 * 1024, /* bytes that wait to be written: see cache_queue_full() */
};

struct cache_queued {
        uint32_t uid;
        uint32_t prev; /* the message's newest group before this one, 0: none */
        size_t at, n;  /* in queue */
};

struct cache {
        int dirfd;      /* borrowed; -1: nothing is kept (INDEX=MEMORY) */
        uint64_t id;    /* of the file that offsets belong to, from the index; 0: none yet */
        int fd;         /* -1: not open */
        bool tried;     /* opening failed, or the file is damaged: nothing is found until cache_reopen() */
        int unwritable; /* 0, or why it could be opened only for reading: -EACCES, -EROFS, -EPERM */
        char *map;      /* read-only */
        size_t mapped;  /* bytes of map */
        struct buf queue;
        struct cache_queued *queued;
        size_t queued_n, queued_cap;
};

void cache_init(struct cache *c, int dirfd);
void cache_free(struct cache *c); /* what is queued is dropped */
/* The index names another file now (or the first): closes, drops what is queued; opened again on first use.
 */
void cache_reopen(struct cache *c, uint64_t id);
/* The same, keeping what is queued: the caller sets its `prev` to what the index says now. */
void cache_follow(struct cache *c, uint64_t id);
void cache_drop_queue(struct cache *c); /* with its memory */

/* The data of a kind in the chain that begins at `offset` (in units of 8 bytes, as records have it; 0: no
 * group), the newest group first. Every group is checked: its bounds, its hash, that it is of this uid and
 * lies before the one it was reached from. Valid until the next cache_ call. */
bool cache_get(struct cache *c, uint32_t offset, uint32_t uid, unsigned kind, struct slice *ret);
/* All that the chain has, newest of each kind: fills ret[kind] for those it finds (others untouched) and
 * returns their mask. */
uint32_t cache_get_all(struct cache *c, uint32_t offset, uint32_t uid, struct slice ret[CACHE_KINDS]);

/* Queues a group for a message. Too large ones are left out, and all while the queue is full. */
void cache_put(struct cache *c, uint32_t uid, uint32_t prev, const struct mailbox_item *items, size_t n);
/* What is queued for this uid and not written yet, as cache_get_all(). */
uint32_t cache_queued_all(const struct cache *c, uint32_t uid, struct slice ret[CACHE_KINDS]);
bool cache_queue_full(const struct cache *c);

/* With the index locked: writes what is queued behind the file's end and calls `placed` for each group with
 * its offset; the queue is empty afterwards, whatever happens, and keeps its memory for
 * the next messages. Without a file, or when the one there is not
 * the one with c->id, a new one is made (at a random id, kept in c->id: the caller tells the index, and
 * offsets it had are void). 0 or -errno: then nothing was placed and the file is as before. */
int cache_flush(struct cache *c, const struct perm *perm,
                void (*placed)(void *context, uint32_t uid, uint32_t offset), void *context);

/* With the index locked: writes a new file that has the chains of the messages that `next` gives, each as one
 * group, and takes the old one's place; `placed` as above, with 0 for messages whose chain is damaged or
 * would be too large as one group. Those that `next` gives with 0 are passed over. On error the old one
 * stays. What is queued is dropped: flush it before. */
int cache_compact(struct cache *c, const struct perm *perm,
                  bool (*next)(void *context, uint32_t *ret_uid, uint32_t *ret_offset),
                  void (*placed)(void *context, uint32_t uid, uint32_t offset), void *context);

#endif

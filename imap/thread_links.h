#ifndef IMAP_THREAD_LINKS_H
#define IMAP_THREAD_LINKS_H

/* Messages and whom they are replies to: step 1 of THREAD REFERENCES (RFC 5256 section 3). Pure. A message
 * costs 32 bytes, each different msg-id 20 and its part of a hash table. */

#include "base/hash_map.h"
#include "imap/sort_keys.h"

struct thread_message {
        int64_t sent;     /* seconds since 1970; INTERNALDATE when there is no valid Date */
        uint64_t subject; /* hash of the base subject; 0: it is empty */
        uint32_t number;  /* what the client is told */
        bool reply;       /* the subject is that of a reply or a forward */
};

/* Places are indices of nodes; 0 stands for none, and is never used. */
struct thread_node {
        uint32_t parent;
        uint32_t child, next; /* for thread_tree.c */
        uint32_t message;     /* 1 + index; 0: a dummy, in the place of a message that is not there */
};

struct thread {
        struct thread_message *messages; /* in the order of the mailbox */
        uint32_t *places;                /* of each message: its node */
        uint32_t messages_n, messages_cap;
        struct thread_node *nodes;
        uint32_t *trees; /* of each node another one of the same tree; several may lead to one tree's last */
        uint32_t nodes_n, nodes_cap;
        struct hash_map ids;
};

enum {
        /* Nodes that are walked to find out whether a link makes a loop. Beyond, it is not made: nobody
         * answers that often, and what such chains cost would grow with their square. */
        THREAD_DEPTH_MAX = 16 * 1024,
};

/* Begin with {0}. */
void thread_free(struct thread *t); /* also a _cleanup_ function */

/* Another message, linked as its Message-ID and references say. keys == NULL: to nobody. */
void thread_add(struct thread *t, const struct thread_message *m, const struct sort_keys *keys);

/* A new node, a dummy with no links. Nodes move: pointers to others are not valid any more. */
uint32_t thread_new_node(struct thread *t);

#endif

#ifndef IMAP_THREAD_TREE_H
#define IMAP_THREAD_TREE_H

/* The threads of messages: the algorithms of THREAD (RFC 5256 section 3), and their answers. Pure; nothing
 * recurses, however deep a thread is. */

#include "imap/command.h"
#include "imap/thread_links.h"

/* The roots in the order to tell them, n of them; on the heap. Once for a thread. */
uint32_t *thread_tree_make(struct thread *t, enum imap_thread algorithm, uint32_t *ret_n);

/* "(3 6 (4 23)(44 7 96))": the thread of a root, in pieces. */
void thread_write(const struct thread *t, uint32_t root, void (*put)(void *context, struct slice text),
                  void *context);

/* For thread_merge.c: what stands for a thread in sorting and for its subject. That is the root, or, of a
 * dummy, whose children are all messages, the one that was sent first. */
uint32_t thread_head(const struct thread *t, uint32_t root);
void thread_add_child(struct thread *t, uint32_t parent, uint32_t child);

/* Step 5 of REFERENCES: threads with the same subject become one. Fills `roots` with those there are then and
 * returns their number. */
uint32_t thread_merge(struct thread *t, uint32_t *roots, uint32_t n);

#endif

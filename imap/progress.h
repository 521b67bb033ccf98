#ifndef IMAP_PROGRESS_H
#define IMAP_PROGRESS_H

/* INPROGRESS (RFC 9585): what a client hears of a command that takes long, every imap_progress_interval. It
 * also keeps the connection alive on its way through NAT.
 *
 * A command with items of its own (messages, folders) tells which one it is at. What the store does meanwhile
 * is part of an item; of other commands the store's steps are what is told. */

#include "base/clock.h"
#include "base/slice.h"

struct imap_session;

struct imap_progress {
        struct slice tag; /* of the command that runs */
        deadline_t next;  /* 0: nothing is told */
        unsigned calls;
        uint64_t done, total;      /* the command's items; total 0: it has none, or nobody knows how many */
        uint64_t span;             /* so many of them are what the store does now */
        uint64_t told, told_total; /* the last answer: the next does not go back */
};

enum { IMAP_PROGRESS_CALLS = 16 /* items for which the clock is looked at once */ };

/* Around each command: what is done between them is nobody's to wait for. */
void imap_progress_start(struct imap_session *s, struct slice tag);
void imap_progress_end(struct imap_session *s);

/* Called before each item, never in the middle of a response. total 0: nobody knows. */
void imap_progress(struct imap_session *s, uint64_t done, uint64_t total);
/* From here to the next imap_progress() the store works on all items that are left. */
void imap_progress_rest(struct imap_session *s);
/* A step of the store (store_on_step(); the context is the session), or of what is done in its place. It does
 * not wait for a client that does not read. */
void imap_progress_step(void *context, uint64_t done, uint64_t total);

#endif

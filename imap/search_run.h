#ifndef IMAP_SEARCH_RUN_H
#define IMAP_SEARCH_RUN_H

/* Which messages of a mailbox a search finds: imap/search.h put to the store and its cache. For SEARCH, SORT,
 * THREAD and the ESEARCH command; it says nothing to the client but why a search cannot be made. */

#include "imap/search.h"
#include "imap/session.h"
#include "imap/sort_keys.h"

struct search_run;

/* Makes a search ready for one mailbox, the selected one or another; all is in the arena but what
 * search_run_close() frees. Errors are those of search_make(), and -ENOTSUP for MODSEQ in a
 * mailbox that keeps none: search_run_refuse() says them. */
int search_run_open(struct imap_session *s, struct mailbox *m, const struct imap_search *what,
                    struct arena *arena, struct search_run **ret);
void search_run_close(struct search_run **run); /* also a _cleanup_ function */

/* The tagged answer to a search that search_run_open() refused: whether it is a NO, and the answer. */
bool search_run_says_no(int error);
void search_run_refuse(struct imap_session *s, const struct imap_command *c, int error);

/* A message that was found; false: that is enough. */
typedef bool (*search_found)(void *context, uint32_t seq, const struct message *m);

/* All that are found in the view, by ascending sequence numbers or, `from_end`, descending ones. Ends early
 * when the connection is gone. */
void search_run_all(struct search_run *run, bool from_end, search_found found, void *context);
/* Within search_found, of the message that was found: 0 or -errno, -ENOENT for one that went just now. */
/* What SORT and THREAD compare; valid until search_found returns. */
int search_run_sort_keys(struct search_run *run, struct sort_keys *ret);
/* The sent date (RFC 5256 section 2.2), in seconds since 1970. */
int search_run_sent(struct search_run *run, int64_t *ret);
/* What was found could not be read: as if search_run_all() had met that, unless it is -ENOENT. */
void search_run_fail(struct search_run *run, int error);

/* One message of the view. */
bool search_run_one(struct search_run *run, uint32_t seq);

/* The usual end of a command that searched the selected mailbox: imap_done(), or NO when a message could not
 * be read. */
void search_run_done(struct search_run *run, struct imap_session *s, const struct imap_command *c,
                     const char *text);
/* A message could not be read; the log knows the first. And the tagged NO that says so. */
bool search_run_failed(const struct search_run *run);
void search_run_say_failed(struct imap_session *s, const struct imap_command *c);

#endif

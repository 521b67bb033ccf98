#ifndef IMAP_NOTIFY_H
#define IMAP_NOTIFY_H

/* NOTIFY (RFC 5465): the session tells what happens in all folders that the client asked about, whenever it
 * happens.
 *
 * The state is a list of all folders as the client knows them, with the counts of those whose messages
 * matter, and a watcher (store/watcher.h) that says where to look again. What is told is the difference
 * between the list and the folders, so nothing is missed, however it came about. */

#include "imap/session.h"

struct notify;
void notify_free(struct notify **n); /* NULL is fine */

/* Waits until the client says something. Meanwhile what changes is told: in the selected mailbox and, with
 * NOTIFY, in the others. `idle`: IDLE's, with its "Still here". 0, -ETIMEDOUT at the deadline, or a
 * connection error. The command's arena is emptied. */
int notify_wait(struct imap_session *s, deadline_t end, bool idle);

/* Tells what happened in folders that are not selected, as far as it is known; `own`: but for the names that
 * this command is about, which the client knows of. */
void notify_tell(struct imap_session *s, const struct imap_command *own);

/* What NOTIFY says about the selected mailbox: whether it is told there at all, and of changed flags. */
bool notify_tells_selected(const struct imap_session *s);
bool notify_tells_flags(const struct imap_session *s);
/* Expunges may be told between commands. */
bool notify_tells_expunges_at_once(const struct imap_session *s);
/* The FETCH responses for messages that EXISTS just told of. */
void notify_fetch(struct imap_session *s, uint32_t first_seq);

#endif

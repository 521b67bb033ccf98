#ifndef IMAP_CHECK_H
#define IMAP_CHECK_H

/* The refusals that several executors share: names of mailboxes, keywords, read-only mailboxes. */

#include "imap/session.h"

/* NO for an operation on the mailbox `name` (UTF-8) that failed with -errno: what is wrong with the name, or
 * imap_fail() when the name is not to blame. */
void imap_fail_mailbox(struct imap_session *s, const struct imap_command *c, int error, const char *name,
                       const char *what);
/* The same for the target of APPEND, COPY and MOVE: [TRYCREATE] when it is missing (RFC 3501 section 7.1). */
void imap_fail_target(struct imap_session *s, const struct imap_command *c, int error, const char *name,
                      const char *what);

/* The log is told when a folder's index had to be made anew: no client is. */
void imap_log_index(const struct mailbox *m);

/* False, and NO was said, when a keyword is longer than mail_max_keyword_length. */
bool imap_check_keywords(struct imap_session *s, const struct imap_command *c,
                         const struct imap_flags *flags);

/* False, and NO was said, when the selected mailbox is read-only (EXAMINE, RFC 3501 section 6.3.2). */
bool imap_check_writable(struct imap_session *s, const struct imap_command *c);

/* What makes a name impossible whatever the store, for the text after [CANNOT]; NULL when nothing does. */
const char *imap_name_problem(const char *name, char separator);

#endif

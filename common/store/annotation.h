#ifndef STORE_ANNOTATION_H
#define STORE_ANNOTATION_H

/* Annotations of mailboxes and of the server (RFC 5464), kept beside the mail: of a mailbox in the file
 * `annotations` in its directory of control files, so that they move and go with it; of the server (private
 * ones of this user) in `server-annotations` beside the INBOX's. Names are in lower case, "/shared/..." or
 * "/private/...". Errors as in store/store.h. */

#include "store/annotation_text.h"
#include "store/store.h"

/* All of a mailbox, or, when its name is "", of the server; in the arena, in the order of their names. What
 * the settings say is among them: the server's /shared/admin and /shared/comment, and /private/specialuse of
 * a mailbox (RFC 6154 section 4), which one that was set takes the place of. */
int store_annotations(struct store *s, const char *mailbox, struct arena *a, struct annotation **ret,
                      size_t *ret_n);

/* Sets or removes (value.p NULL), all or none, and raises the mailbox's modification sequence (RFC 7162
 * section 3.2):
 *   -E2BIG  a value is larger than ANNOTATION_VALUE_MAX      -ENOBUFS  too many annotations
 *   -EPERM  it is the administrator's                        -EOPNOTSUPP  private, in a mailbox that is not
 *   -EBUSY  INBOX has no special use, what the settings gave stays
 *   -EDOM   the value of /private/specialuse has something else than special uses */
int store_annotate(struct store *s, const char *mailbox, const struct annotation *changes, size_t n);

#endif

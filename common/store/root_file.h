#ifndef STORE_ROOT_FILE_H
#define STORE_ROOT_FILE_H

/* Small text files that belong to a whole namespace, beside its folders (CONTROL= or the root): read whole
 * and replaced in one step, by one writer at a time. They are truth: fsync as mail_fsync says. */

#include "store/folder.h"

/* Appends the content to a bounded buffer. -ENOENT, which sets no error; else errors are set. */
int root_file_read(struct store *s, const struct user_namespace *ns, const char *name, struct buf *to);

/* Makes the new text, appended to `to`, from the old one; text.p == NULL: there is no file. 1; 0: it stays as
 * it is; -errno with the error set. */
typedef int root_file_edit(struct store *s, const struct user_namespace *ns, struct slice text,
                           const void *arg, struct buf *to);
/* `max`: bytes of the file, -ENOSPC past it. Locked by NAME.lock, as Dovecot locks `subscriptions`. */
int root_file_change(struct store *s, const struct user_namespace *ns, const char *name, size_t max,
                     root_file_edit *edit, const void *arg);

#endif

#ifndef STORE_MBOX_FOLDER_H
#define STORE_MBOX_FOLDER_H

/* CREATE, DELETE and RENAME of mbox folders, which are files and directories; who calls has looked at the
 * names. Errors are set.
 *
 * What is a folder's own beside its mail (folder_place.control and .index) is never found by another one of
 * the same name: who makes a folder clears what is left of an older one. A rename gives the new name its
 * control files first, as hard links, then the mail, then takes them from the old name: wherever it is cut
 * off, there is one folder, and it has them. */

#include "store/folder.h"

/* The path that a folder's name stands for: the Maildir, the mbox, the directory with DIRNAME= or without
 * messages. */
const char *mbox_folder_path(const struct folder_place *f);

/* `only_level`: a directory for others. The directories above are made. -ENOTDIR: one of them is a file. */
int mbox_folder_create(struct store *s, const struct folder_place *f, bool only_level);
/* -ENOTEMPTY: there are no messages to delete, but folders below. */
int mbox_folder_delete(struct store *s, const struct folder_place *f);
/* With all that is below. -ENOTDIR as for create. */
int mbox_folder_rename(struct store *s, const struct folder_place *from, const struct folder_place *to);

#endif

#ifndef STORE_SPECIAL_USE_H
#define STORE_SPECIAL_USE_H

/* Special uses that clients gave folders (RFC 6154, CREATE with USE), in the file mailsession-special-use
 * beside the folders. It is truth: nothing else knows them. A line a folder: its name on disk in the form in
 * which folders are made (store/name.h), a TAB, the uses: "a.b\t\\Drafts \\Sent". A line of a folder that is
 * not there, or is a level only, means nothing; who makes a folder first removes what was left of an older
 * one.
 */

#include "store/folder.h"

enum { SPECIAL_USE_MAX_BYTES = 1024 * 1024 /* some ten thousand folders */ };

struct special_use {
        struct slice disk, uses;
};

/* The lines of the text; lines that make no sense are left out. */
void special_use_parse(struct slice text, struct arena *a, struct special_use **ret, size_t *ret_n);
/* Of a namespace; none when there is no file. */
int special_use_read(struct store *s, const struct user_namespace *ns, struct arena *a,
                     struct special_use **ret, size_t *ret_n);
/* A folder is about to be renamed with what is below it: both names have the uses, until one is forgotten, so
 * that wherever it is cut off the folder has them. */
int special_use_copy(struct store *s, const struct folder_place *from, const struct folder_place *to);
/* There is no such folder, and with `below` none below it. */
int special_use_forget(struct store *s, const struct folder_place *f, bool below);

#endif

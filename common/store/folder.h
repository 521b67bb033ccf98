#ifndef STORE_FOLDER_H
#define STORE_FOLDER_H

/* From mailbox names to Maildirs or mboxes and back (store/name.h). In Maildir++ INBOX is the root itself and
 * the folder a, b is the directory ".a.b" in it. Of mbox folders a, b is the file "a/b" below the root, or
 * "a/b/NAME" with DIRNAME=NAME, and INBOX a file of its own. Also what must exist before a folder can be
 * opened. */

#include "store/perm.h"
#include "store/user.h"

struct folder_place {
        const struct user_namespace *ns;
        const char *name;    /* canonical, with prefix: "INBOX", "INBOX.a.b" */
        const char *below;   /* without the namespace's prefix: "a.b" */
        const char *disk;    /* "a.b", as in ".a.b"; of an mbox "a/b"; "" for INBOX */
        const char *file;    /* the mbox; NULL: it is a Maildir */
        const char *dir;     /* the Maildir, or the directory that the mbox is in */
        const char *control; /* where its uidlist is; the same as dir without CONTROL=. Of an mbox a directory
                              * that is its own: where Dovecot has its index, ".imap/b" beside the file */
        const char *index;   /* where its index is; the same as control without INDEX=; NULL: INDEX=MEMORY */
        bool inbox;
};

/* The namespace that a name falls in; NULL: none. */
const struct user_namespace *folder_namespace(const struct store *s, struct slice name);
/* Where a name belongs, whether something is there or not. A name that has several forms on disk means the
 * one that is there, and has the name that this one has. -EINVAL, -ENAMETOOLONG: no such name can be. */
int folder_resolve(struct store *s, struct arena *a, const char *name, struct folder_place *ret);
/* The directory entry may be a Maildir++ folder's, if it is a directory: ".a.b". */
bool folder_entry(const char *entry);
/* The name of what is "a.b" on disk (a line of a subscription file, as well) in this namespace, whole and in
 * UTF-8. -EINVAL: it is none of ours. */
int folder_name_of(const struct user_namespace *ns, struct arena *a, struct slice disk, const char **ret);

/* folder_open.c. Errors are set, where nothing else is said; what is opened is the caller's to close. */

/* The directory that holds the namespace's folders, and the one with the files that belong to all of them. */
int folder_open_root(struct store *s, const struct user_namespace *ns, int *ret_fd);
int folder_open_control_root(struct store *s, const struct user_namespace *ns, int *ret_fd);
/* The Maildir itself, or the directory of the mbox. -ENOENT: there is no such folder; INBOX's mbox need not
 * be there. */
int folder_open(struct store *s, const struct folder_place *f, int *ret_fd);
/* The mbox, for reading and, with `write`, for writing; in its directory that folder_open() has opened just
 * now, or the one that has the path now (-1). One that is INBOX is made when it is missing, with
 * mail_privileged_group if need be, and when that is not permitted *ret_fd is -1: it is empty. -ENOENT: there
 * is no such file. */
int folder_open_file(struct store *s, const struct folder_place *f, int dir, bool write, int *ret_fd);
/* The control directory, which is made when it is missing. */
int folder_open_control(struct store *s, const struct folder_place *f, int *ret_fd);
/* The directory of its index, made when it is missing; -1 when there is none, or none can be had: the index
 * is a cache. */
void folder_open_index(struct store *s, const struct folder_place *f, int *ret_fd);
/* The directory of the namespace's indexes; -errno, no error is set. */
int folder_open_index_root(const struct user_namespace *ns, int *ret_fd);
/* A directory below an open one, level by level, no symbolic links followed; "" is a copy of the descriptor.
 * Those that are missing are made unless `make` is NULL. -errno, no error is set. */
int folder_open_below(int base, struct slice path, const struct perm *make, int *ret_fd);

/* cur, new and tmp. */
int folder_make_subdirs(struct store *s, const char *path, int dirfd, const struct perm *perm);
/* Makes the INBOX's Maildir, or the root of mbox folders, when it is missing and its parent is there. */
int folder_make_inbox(struct store *s);
/* Makes the directories that are missing, as far as that is permitted: those of CONTROL= and INDEX=, and
 * those that hold the folders of private namespaces. A sandbox can only be given what is there. */
void folder_make_other_roots(struct store *s);

/* manage.c: removes a directory with all that is in it; one that is not there is no error. */
int folder_remove_tree(struct store *s, int at, const char *name);
/* The name that Dovecot gives to what is being deleted; it cannot be a folder's. */
#define FOLDER_TRASH "..DOVECOT-TRASHED"
/* What a DELETE that was cut off, or failed half way, has left of a Maildir is removed now, unless somebody
 * is at it, and what is there is counted again. To be called by who finds it. */
void folder_clear_trash(struct store *s, int root);

#endif

#ifndef STORE_FOLDER_H
#define STORE_FOLDER_H

/* From mailbox names to Maildirs and back. In the Maildir++ layout INBOX is the root itself and the folder a,
 * b is the directory ".a.b" in it (store/name.h). Also what must exist before a folder can be opened. */

#include "store/perm.h"
#include "store/user.h"

struct folder_place {
        const struct user_namespace *ns;
        const char *name;    /* canonical, with prefix: "INBOX", "INBOX.a.b" */
        const char *below;   /* without the namespace's prefix: "a.b" */
        const char *disk;    /* "a.b", as in ".a.b"; "" for INBOX */
        const char *dir;     /* the Maildir */
        const char *control; /* where its uidlist is; the same as dir without CONTROL= */
        const char *index;   /* where its index is; the same as dir without INDEX=; NULL: INDEX=MEMORY */
        bool inbox;
};

/* The namespace that a name falls in; NULL: none. */
const struct user_namespace *folder_namespace(const struct store *s, struct slice name);
/* Where a name belongs, whether something is there or not. A name that has several forms on disk means the
 * one that is there, and has the name that this one has. -EINVAL, -ENAMETOOLONG: no such name can be. */
int folder_resolve(struct store *s, struct arena *a, const char *name, struct folder_place *ret);
/* The directory entry may be a folder's, if it is a directory: ".a.b". */
bool folder_entry(const char *entry);
/* The name of a directory entry ".a.b" (or a line of a subscription file "a.b") in this namespace, whole and
 * in UTF-8. -EINVAL: it is none of ours. */
int folder_name_of(const struct user_namespace *ns, struct arena *a, struct slice disk, const char **ret);

/* The directory that holds the namespace's folders, and the one with its control files; opened, for the
 * caller to close. Errors are set. */
int folder_open_root(struct store *s, const struct user_namespace *ns, int *ret_fd);
int folder_open_control_root(struct store *s, const struct user_namespace *ns, int *ret_fd);
/* The Maildir itself, and its control directory, which is made when it is missing. -ENOENT: there is no such
 * folder. */
int folder_open(struct store *s, const struct folder_place *f, int *ret_fd);
int folder_open_control(struct store *s, const struct folder_place *f, int *ret_fd);
/* The directory of the namespace's indexes; -errno, no error is set. */
int folder_open_index_root(const struct user_namespace *ns, int *ret_fd);
/* manage.c: removes a directory with all that is in it; one that is not there is no error. */
int folder_remove_tree(struct store *s, int at, const char *name);
/* Makes the directories of INDEX= that are missing: a sandbox can only be given what is there. */
void folder_make_index_roots(struct store *s);
/* The directory of its index, made when it is missing; -1 when there is none, or none can be had: the index
 * is a cache. */
void folder_open_index(struct store *s, const struct folder_place *f, int *ret_fd);

/* cur, new and tmp. */
int folder_make_subdirs(struct store *s, const char *path, int dirfd, const struct perm *perm);
/* Makes the INBOX's Maildir when it is missing and its parent is there. */
int folder_make_inbox(struct store *s);

#endif

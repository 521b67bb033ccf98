#ifndef STORE_PERM_H
#define STORE_PERM_H

/* New files and directories take the mode and the group of the directory they come into, as Dovecot does, so
 * that what is shared stays shared whatever the umask. */

#include <sys/stat.h>

#include "base/slice.h"

struct perm {
        mode_t dir, file; /* file: the same without x */
        gid_t gid;        /* (gid_t)-1: the process's, or the directory passes its own on */
};

/* Of an open directory. */
int perm_of(int dirfd, struct perm *ret);

/* 0 or -errno; -EEXIST when it is there already. */
int perm_mkdir(int at, const char *name, const struct perm *p);
/* Creates and opens a new file for writing. */
int perm_create(int at, const char *name, const struct perm *p, int *ret_fd);
/* Replaces a file in one step; `sync`: it is on the disk before it takes the name. */
int perm_replace(int at, const char *name, struct slice content, const struct perm *p, bool sync);

/* The same in parts: what is written to *ret_fd, the caller's, takes the name at the end, unless `r`, how the
 * writing went, is negative. perm_replace_end() gives r or what fails in it; nothing is left behind then. */
int perm_replace_begin(int at, const char *name, const struct perm *p, int *ret_fd);
int perm_replace_end(int at, const char *name, int fd, int r, bool sync);

/* mail_privileged_group, which the monitor leaves in the saved group id: what is made or removed between the
 * two is made as that group. For FILE.lock in a spool, and an INBOX that is missing there; nothing is opened
 * for reading, and no client waited for. */
struct perm_privilege {
        gid_t own; /* to go back to; (gid_t)-1: it is not in use */
};
#define PERM_PRIVILEGE_NONE ((struct perm_privilege){(gid_t)-1})
/* Whether there is such a group. */
bool perm_has_privilege(void);
/* 0; -EACCES: there is none; -errno. */
int perm_privilege_begin(struct perm_privilege *p);
/* Also a _cleanup_ function. Ends the process when the group cannot be given back. */
void perm_privilege_end(struct perm_privilege *p);

#endif

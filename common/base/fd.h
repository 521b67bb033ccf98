#ifndef BASE_FD_H
#define BASE_FD_H

/* Descriptors and whole files. Every descriptor is O_CLOEXEC. */

#include <dirent.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/clock.h"

/* _cleanup_ functions. */
void fd_close_p(int *fd);
void dir_close_p(void *dirp); /* DIR ** */

/* The next entry of a directory. NULL at its end, or where it cannot be read: then *ret_error is -errno,
 * which is left alone otherwise. */
struct dirent *dir_next(DIR *d, int *ret_error);

int fd_set_nonblocking(int fd);

/* Until one of the poll() events, the far end's hanging up included. 0, -ETIMEDOUT, -errno. */
int fd_wait(int fd, short events, deadline_t deadline);

/* Whole transfers over interrupted and short calls. fd_read_all() stops at end of file and returns the count.
 */
int fd_write_all(int fd, struct slice s);
ssize_t fd_read_all(int fd, void *to, size_t n);

/* Appends the file's content. -E2BIG past to->max, -ELOOP for a symbolic link (last component). */
int file_read_at(int dirfd, const char *name, struct buf *to);
int file_read(const char *path, struct buf *to); /* follows links: for the administrator's files only */

/* Replaces `name` in one step: writes `name.tmp.<pid>.<n>`, fsyncs when asked, renames. Leaves no file behind
 * on error. */
int file_replace_at(int dirfd, const char *name, struct slice content, mode_t mode, bool fsync_it);
/* The same by way of `tmp`, a name that nobody else uses: when the process is killed it stays. */
int file_replace_by(int dirfd, const char *tmp, const char *name, struct slice content, mode_t mode,
                    bool fsync_it);

/* mkdir -p relative to dirfd. 0 when it exists already. */
int dir_make_all(int dirfd, const char *path, mode_t mode);
int fd_fsync_dir(int dirfd);

#endif

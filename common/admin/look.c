#include "admin/look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/filename.h"
#include "store/mbox_scan.h"

/* The time in the name is that of the delivery; a client may have given the file the time of an old message.
 */
static time_t time_of(int fd, const char *name)
{
        struct slice base, info;
        struct stat st;
        time_t t;
        filename_split(slice_of(name), &base, &info);
        if (filename_time(base, &t))
                return t;
        return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mtim.tv_sec : 0;
}

/* -ENOENT: there is no such directory. */
static int look_below(int dir, const char *name, struct look *l, uint64_t *count)
{
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        _cleanup_(dir_close_p) DIR *d = fdopendir(fd);
        if (!d) {
                fd_close_p(&fd);
                return -ENOMEM;
        }
        for (struct dirent *e; (e = readdir(d));) {
                if (!filename_usable(slice_of(e->d_name)))
                        continue;
                (*count)++;
                l->newest = MAX(l->newest, time_of(fd, e->d_name));
        }
        return 0;
}

static int look_at_maildir(const char *path, struct look *l, const char **ret_below)
{
        uint64_t in_cur = 0;
        _cleanup_(fd_close_p) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0) {
                *ret_below = "";
                return -errno;
        }
        int r = look_below(dir, "new", l, &l->in_new);
        if (r < 0 && r != -ENOENT) {
                *ret_below = "new";
                return r;
        }
        bool has_new = r == 0;
        r = look_below(dir, "cur", l, &in_cur);
        if (r < 0 && r != -ENOENT) {
                *ret_below = "cur";
                return r;
        }
        if (has_new || r == 0)
                l->kind = LOOK_MAILDIR;
        l->messages = l->in_new + in_cur;
        return 0;
}

int look_at(const char *path, struct look *ret, const char **ret_below)
{
        struct stat st;
        *ret_below = "";
        if (stat(path, &st) < 0) {
                if (errno != ENOENT && errno != ENOTDIR)
                        return -errno;
                *ret = (struct look){0};
                return 0;
        }
        struct look l = {.dev = st.st_dev, .ino = st.st_ino};
        if (S_ISDIR(st.st_mode)) {
                int r = look_at_maildir(path, &l, ret_below);
                if (r < 0)
                        return r;
        } else if (S_ISREG(st.st_mode)) {
                l.kind = LOOK_FILE;
                l.bytes = (uint64_t)st.st_size;
                l.newest = st.st_size ? st.st_mtim.tv_sec : 0;
        }
        *ret = l;
        return 0;
}

static ssize_t read_at(void *context, void *to, size_t n, uint64_t offset)
{
        ssize_t got = pread(*(const int *)context, to, n, (off_t)offset);
        return got < 0 ? -errno : got;
}

int look_count(const char *path, struct look *l)
{
        _cleanup_(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOATIME | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        const struct mbox_source source = {.read = read_at, .context = &fd, .end = l->bytes};
        _cleanup_(mbox_scan_end) struct mbox_scan scan = {.at = 0};
        struct mbox_message message;
        uint64_t n = 0;
        int r;
        mbox_scan_begin(&scan, &source, 0, false);
        while ((r = mbox_scan_next(&scan, &message)) > 0)
                n += message.status.pseudo ? 0 : 1;
        if (r == 0)
                l->messages = n;
        return r;
}

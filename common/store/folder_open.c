/* Directories of folders, opened and made. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/error.h"
#include "store/folder.h"

static int open_dir(struct store *s, const char *path, int flags, int *ret_fd)
{
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
        if (fd < 0)
                return error_set(s, -errno, "open", path);
        *ret_fd = fd;
        return 0;
}

int folder_open_root(struct store *s, const struct user_namespace *ns, int *ret_fd)
{
        return open_dir(s, ns->location.root, 0, ret_fd);
}

static int make_control(struct store *s, const char *path, const char *mail)
{
        _cleanup_(fd_close_p) int fd = -1;
        struct perm perm = {.dir = 0700};
        int r = open_dir(s, mail, 0, &fd);
        if (r == 0)
                r = perm_of(fd, &perm);
        if (r == 0)
                r = dir_make_all(AT_FDCWD, path, perm.dir & 0777);
        return r < 0 ? error_set(s, r, "mkdir", path) : 0;
}

static int open_control(struct store *s, const char *path, const char *mail, int *ret_fd)
{
        int r = open_dir(s, path, 0, ret_fd);
        if (r == -ENOENT && strcmp(path, mail) != 0) {
                r = make_control(s, path, mail);
                if (r == 0)
                        r = open_dir(s, path, 0, ret_fd);
        }
        return r;
}

int folder_open_control_root(struct store *s, const struct user_namespace *ns, int *ret_fd)
{
        const struct location *l = &ns->location;
        return open_control(s, l->control ? l->control : l->root, l->root, ret_fd);
}

int folder_open_index_root(const struct user_namespace *ns, int *ret_fd)
{
        *ret_fd = open(ns->location.index, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return *ret_fd < 0 ? -errno : 0;
}

/* A descriptor, or -errno. */
static int open_level(int at, const char *name, const struct perm *make)
{
        const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
        int r = 0, fd = openat(at, name, flags);
        if (fd < 0 && errno == ENOENT && make) {
                r = perm_mkdir(at, name, make);
                fd = openat(at, name, flags);
        }
        return fd >= 0 ? fd : errno == ENOENT && r < 0 ? r : -errno;
}

int folder_open_below(int base, struct slice path, const struct perm *make, int *ret_fd)
{
        _cleanup_(fd_close_p) int fd = -1;
        struct slice level;
        while (path.n && slice_split(&path, '/', &level)) {
                char name[NAME_MAX_LEVEL + 16];
                if (level.n >= sizeof(name))
                        return -ENAMETOOLONG;
                memcpy(name, level.p, level.n);
                name[level.n] = '\0';
                int next = open_level(fd < 0 ? base : fd, name, make);
                if (next < 0)
                        return next;
                fd_close_p(&fd);
                fd = next;
        }
        if (fd < 0)
                fd = openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static bool is_missing(int r)
{
        return r == -ENOTDIR || r == -ELOOP || r == -ENOENT;
}

/* What of the path is below the root of the namespace's folders. */
static struct slice below_root(const struct folder_place *f, const char *path)
{
        return slice_from(slice_of(path), strlen(f->ns->location.root) + 1);
}

static const char *leaf(const struct folder_place *f)
{
        return strrchr(f->file, '/') + 1;
}

/* The directory of an mbox. */
static int open_mbox_dir(struct store *s, const struct folder_place *f, int *ret_fd)
{
        _cleanup_(fd_close_p) int root = -1;
        if (f->inbox)
                return open_dir(s, f->dir, 0, ret_fd);
        int r = folder_open_root(s, f->ns, &root);
        if (r < 0)
                return r;
        struct slice below = below_root(f, f->dir);
        if (below.n == 0) {
                *ret_fd = TAKE_FD(root);
                return 0;
        }
        r = folder_open_below(root, below, NULL, ret_fd);
        return r < 0 ? error_set(s, r, "open", f->dir) : 0;
}

static int open_mbox(struct store *s, const struct folder_place *f, int *ret_fd)
{
        _cleanup_(fd_close_p) int dir = -1;
        struct stat st;
        int r = open_mbox_dir(s, f, &dir);
        if (r < 0)
                return r;
        if (!f->inbox && (fstatat(dir, leaf(f), &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)))
                return error_set(s, -ENOENT, "open", f->file);
        *ret_fd = TAKE_FD(dir);
        return 0;
}

static int make_inbox_file(struct store *s, const struct folder_place *f, int dir, int *ret_fd)
{
        const int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
        int fd = openat(dir, leaf(f), flags, 0600);
        if (fd < 0 && errno == EACCES) {
                _cleanup_(perm_privilege_end) struct perm_privilege p = PERM_PRIVILEGE_NONE;
                if (perm_privilege_begin(&p) == 0)
                        fd = openat(dir, leaf(f), flags, 0600);
        }
        if (fd < 0 && errno != EACCES && errno != EPERM && errno != EROFS)
                return error_set(s, -errno, "open", f->file);
        *ret_fd = fd;
        return 0;
}

int folder_open_file(struct store *s, const struct folder_place *f, int dir, bool write, int *ret_fd)
{
        _cleanup_(fd_close_p) int own = -1, fd = -1;
        struct stat st;
        int r = dir < 0 ? open_mbox_dir(s, f, &own) : 0;
        if (r < 0)
                return is_missing(r) ? -ENOENT : r;
        dir = dir < 0 ? own : dir;
        fd = openat(dir, leaf(f),
                    (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
                            (f->inbox ? 0 : O_NOFOLLOW));
        if (fd < 0 && errno == ENOENT && f->inbox)
                return make_inbox_file(s, f, dir, ret_fd);
        if (fd < 0) {
                r = error_set(s, -errno, "open", f->file);
                return is_missing(r) || r == -EISDIR ? -ENOENT : r;
        }
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return error_text(s, -ENOENT, "%s is not a file", f->file);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int folder_open(struct store *s, const struct folder_place *f, int *ret_fd)
{
        if (f->file) {
                int r = open_mbox(s, f, ret_fd);
                return is_missing(r) ? -ENOENT : r;
        }
        /* the administrator's path may have links in it, what lies in the user's directory may not be one */
        int r = open_dir(s, f->dir, f->inbox ? 0 : O_NOFOLLOW, ret_fd);
        return is_missing(r) ? -ENOENT : r;
}

/* A directory of an mbox's own below that of CONTROL= or INDEX=, or below the root of the folders. */
static int open_own(struct store *s, const struct folder_place *f, const char *base, const char *path,
                    int *ret_fd)
{
        _cleanup_(fd_close_p) int fd = -1;
        const char *root = f->ns->location.root;
        struct perm perm;
        struct slice below = slice_from(slice_of(path), strlen(base ? base : root) + 1);
        int r = open_control(s, base ? base : root, root, &fd);
        if (r < 0)
                return r;
        r = folder_open_below(fd, below, NULL, ret_fd);
        if (r == -ENOENT) {
                r = perm_of(fd, &perm);
                if (r == 0)
                        r = folder_open_below(fd, below, &perm, ret_fd);
        }
        return r < 0 ? error_set(s, r, "mkdir", path) : 0;
}

int folder_open_control(struct store *s, const struct folder_place *f, int *ret_fd)
{
        return f->file ? open_own(s, f, f->ns->location.control, f->control, ret_fd)
                       : open_control(s, f->control, f->dir, ret_fd);
}

void folder_make_other_roots(struct store *s)
{
        for (size_t i = 0; i < s->namespaces_n; i++) {
                const struct location *l = &s->namespaces[i].location;
                const char *const paths[] = {l->control, l->index};
                struct stat st;
                /* what is not the user's own is the administrator's to make */
                if (s->namespaces[i].set->type == SETTINGS_NAMESPACE_PRIVATE && stat(l->root, &st) < 0)
                        (void)!dir_make_all(AT_FDCWD, l->root, 0700);
                for (size_t j = 0; j < ARRAY_LEN(paths); j++)
                        if (paths[j] && stat(paths[j], &st) < 0)
                                (void)!make_control(s, paths[j], l->root);
        }
}

void folder_open_index(struct store *s, const struct folder_place *f, int *ret_fd)
{
        *ret_fd = -1;
        if (f->index && f->file)
                (void)!open_own(s, f, f->ns->location.index ? f->ns->location.index : f->ns->location.control,
                                f->index, ret_fd);
        else if (f->index)
                (void)!open_control(s, f->index, f->dir, ret_fd);
}

int folder_make_subdirs(struct store *s, const char *path, int dirfd, const struct perm *perm)
{
        static const char *const names[] = {"tmp", "new", "cur"};
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                int r = perm_mkdir(dirfd, names[i], perm);
                if (r < 0 && r != -EEXIST)
                        return error_set_at(s, r, "mkdir", path, names[i]);
        }
        return 0;
}

static int make_maildir(struct store *s, const struct folder_place *f)
{
        struct perm perm = {.dir = 0700, .file = 0600, .gid = (gid_t)-1};
        _cleanup_(fd_close_p) int fd = -1;
        int r = folder_open(s, f, &fd);
        if (r == -ENOENT) {
                /* a virtual user's directories, home included, are made when they are first needed; a system
                 * user has no right to make a home */
                r = dir_make_all(AT_FDCWD, f->dir, perm.dir);
                if (r < 0)
                        return error_set(s, r, "mkdir", f->dir);
                r = folder_open(s, f, &fd);
        }
        return r < 0 ? r : folder_make_subdirs(s, f->dir, fd, &perm);
}

static int make_root(struct store *s, const struct user_namespace *ns)
{
        const char *root = ns->location.root;
        struct stat st;
        if (stat(root, &st) == 0)
                return S_ISDIR(st.st_mode)
                               ? 0
                               : error_text(s, -ENOTDIR,
                                            "mail_location: %s is a file; mbox:DIRECTORY holds the "
                                            "folders, and INBOX=FILE is the INBOX",
                                            root);
        int r = errno == ENOENT ? dir_make_all(AT_FDCWD, root, 0700) : -errno;
        return r < 0 ? error_set(s, r, "mkdir", root) : 0;
}

int folder_make_inbox(struct store *s)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct folder_place f;
        int r = folder_resolve(s, &a, "INBOX", &f);
        if (r < 0)
                return r;
        return f.file ? make_root(s, f.ns) : make_maildir(s, &f);
}

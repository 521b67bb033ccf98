#include "store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/utf8.h"
#include "store/error.h"
#include "store/name.h"

static bool has_prefix(const struct user_namespace *ns, struct slice name)
{
        struct slice prefix = slice_of(ns->prefix);
        /* "INBOX." is INBOX in any case; other prefixes are as they are written */
        return slice_istarts(prefix, SLICE("INBOX")) && prefix.n >= 6
                       ? slice_istarts(name, SLICE("INBOX")) &&
                                 slice_starts(slice_from(name, 5), slice_from(prefix, 5))
                       : slice_starts(name, prefix);
}

/* The namespace with the longest prefix that the name has. */
static const struct user_namespace *namespace_of(const struct store *s, struct slice name,
                                                 struct slice *ret_below)
{
        const struct user_namespace *best = NULL;
        size_t best_n = 0;
        for (size_t i = 0; i < s->namespaces_n; i++) {
                const struct user_namespace *ns = &s->namespaces[i];
                struct slice prefix = slice_of(ns->prefix);
                if (has_prefix(ns, name) && (!best || prefix.n > best_n)) {
                        best = ns;
                        best_n = prefix.n;
                }
        }
        *ret_below = slice_from(name, best_n);
        return best;
}

static int resolve_inbox(struct store *s, struct folder_place *ret)
{
        for (size_t i = 0; i < s->namespaces_n; i++) {
                const struct user_namespace *ns = &s->namespaces[i];
                const struct location *l = &ns->location;
                if (!ns->set->inbox)
                        continue;
                const char *dir = l->inbox ? l->inbox : l->root;
                *ret = (struct folder_place){.ns = ns,
                                             .name = "INBOX",
                                             .below = "INBOX",
                                             .disk = "",
                                             .dir = dir,
                                             .control = l->control ? l->control : dir,
                                             .index = l->index             ? l->index
                                                      : l->index_in_memory ? NULL
                                                                           : dir,
                                             .inbox = true};
                return 0;
        }
        return error_text(s, -EINVAL, "no namespace has inbox = yes");
}

const struct user_namespace *folder_namespace(const struct store *s, struct slice name)
{
        struct slice below;
        return namespace_of(s, name, &below);
}

/* The name on disk was made without changing anything, so that no other form can mean it. */
static bool is_plain(const struct user_namespace *ns, struct slice below, struct slice disk)
{
        bool same = below.n == disk.n;
        for (size_t i = 0; same && i < below.n; i++)
                same = disk.p[i] == (below.p[i] == ns->separator ? '.' : below.p[i]);
        return same;
}

/* A folder that is there under another form of its name; the first one found. */
static bool find_other_form(const struct user_namespace *ns, struct arena *a, struct slice below,
                            struct folder_place *f)
{
        _cleanup_(dir_close_p) DIR *d = opendir(ns->location.root);
        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_(buf_free) struct buf name = BUF_BOUNDED(4 * NAME_MAX_BYTES);
                struct slice disk = slice_of(e->d_name + 1);
                if (!folder_entry(e->d_name) || name_from_disk(ns->separator, disk, &name) < 0 ||
                    !name_same(buf_slice(&name), below))
                        continue;
                f->below = arena_str(a, buf_slice(&name));
                f->disk = arena_str(a, disk);
                return true;
        }
        return false;
}

static void set_paths(struct arena *a, struct folder_place *f)
{
        const struct location *l = &f->ns->location;
        f->name = arena_printf(a, "%s%s", f->ns->prefix, f->below);
        f->dir = arena_printf(a, "%s/.%s", l->root, f->disk);
        f->control = l->control ? arena_printf(a, "%s/.%s", l->control, f->disk) : f->dir;
        f->index = l->index_in_memory ? NULL
                   : l->index         ? arena_printf(a, "%s/.%s", l->index, f->disk)
                                      : f->dir;
}

int folder_resolve(struct store *s, struct arena *a, const char *name, struct folder_place *ret)
{
        struct slice whole = slice_of(name), below;
        if (slice_ieq(whole, SLICE("INBOX")))
                return resolve_inbox(s, ret);
        const struct user_namespace *ns = namespace_of(s, whole, &below);
        _cleanup_(buf_free) struct buf disk = BUF_BOUNDED(4 * NAME_MAX_BYTES);
        int r = ns ? name_to_disk(ns->separator, below, &disk) : -EINVAL;
        if (r < 0)
                return error_text(s, r, "mailbox name \"%s\" cannot be used", name);
        struct folder_place f = {
                .ns = ns, .below = arena_str(a, below), .disk = arena_str(a, buf_slice(&disk))};
        set_paths(a, &f);
        struct stat st;
        if (!is_plain(ns, below, buf_slice(&disk)) && lstat(f.dir, &st) < 0 &&
            find_other_form(ns, a, below, &f))
                set_paths(a, &f);
        *ret = f;
        return 0;
}

bool folder_entry(const char *entry)
{
        /* "..x" is nobody's folder: Dovecot and we put what is being deleted there */
        return entry[0] == '.' && entry[1] && entry[1] != '.';
}

int folder_name_of(const struct user_namespace *ns, struct arena *a, struct slice disk, const char **ret)
{
        _cleanup_(buf_free) struct buf name = {0};
        buf_str(&name, ns->prefix);
        if (name_from_disk(ns->separator, disk, &name) < 0)
                return -EINVAL;
        /* the root is INBOX; a folder of that name could not be reached */
        if (slice_ieq(buf_slice(&name), SLICE("INBOX")))
                return -EINVAL;
        *ret = arena_str(a, buf_slice(&name));
        return 0;
}

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

int folder_open(struct store *s, const struct folder_place *f, int *ret_fd)
{
        /* the administrator's path may have links in it, what lies in the user's directory may not be one */
        int r = open_dir(s, f->dir, f->inbox ? 0 : O_NOFOLLOW, ret_fd);
        return r == -ENOTDIR || r == -ELOOP ? -ENOENT : r;
}

int folder_open_control(struct store *s, const struct folder_place *f, int *ret_fd)
{
        return open_control(s, f->control, f->dir, ret_fd);
}

void folder_make_index_roots(struct store *s)
{
        for (size_t i = 0; i < s->namespaces_n; i++) {
                const struct location *l = &s->namespaces[i].location;
                struct stat st;
                if (l->index && stat(l->index, &st) < 0)
                        (void)!make_control(s, l->index, l->root);
        }
}

void folder_open_index(struct store *s, const struct folder_place *f, int *ret_fd)
{
        *ret_fd = -1;
        if (f->index)
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

int folder_make_inbox(struct store *s)
{
        struct folder_place f;
        struct perm perm = {.dir = 0700, .file = 0600, .gid = (gid_t)-1};
        _cleanup_(fd_close_p) int fd = -1;
        int r = resolve_inbox(s, &f);
        if (r < 0)
                return r;
        r = folder_open(s, &f, &fd);
        if (r == -ENOENT) {
                /* a virtual user's directories, home included, are made when they are first needed; a system
                 * user has no right to make a home */
                r = dir_make_all(AT_FDCWD, f.dir, perm.dir);
                if (r < 0)
                        return error_set(s, r, "mkdir", f.dir);
                r = folder_open(s, &f, &fd);
        }
        return r < 0 ? r : folder_make_subdirs(s, f.dir, fd, &perm);
}

int store_rights(struct store *s, const char *name, unsigned *ret)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(fd_close_p) int fd = -1;
        struct folder_place f;
        int r = folder_resolve(s, &a, name, &f);
        if (r == 0)
                r = folder_open(s, &f, &fd);
        if (r < 0)
                return r;
        bool write = faccessat(fd, "cur", W_OK | X_OK, AT_EACCESS) == 0 &&
                     faccessat(fd, "new", W_OK | X_OK, AT_EACCESS) == 0 &&
                     faccessat(fd, "tmp", W_OK | X_OK, AT_EACCESS) == 0;
        *ret = (faccessat(fd, "cur", R_OK | X_OK, AT_EACCESS) == 0 ? RIGHT_READ : 0) |
               (write ? RIGHT_WRITE : 0) |
               (access(f.ns->location.root, W_OK | X_OK) == 0 ? RIGHT_FOLDERS : 0);
        return 0;
}

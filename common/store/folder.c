#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/utf7.h"
#include "base/utf8.h"
#include "store/error.h"
#include "store/filename.h"

/* One level of a name. '.' separates levels on disk, so that it cannot be in one unless it is the separator.
 */
static bool level_ok(struct slice level)
{
        if (level.n == 0 || level.p[0] == '.')
                return false;
        for (size_t i = 0; i < level.n; i++) {
                unsigned char c = (unsigned char)level.p[i];
                if (c < ' ' || c == 0x7f || c == '/' || c == '.')
                        return false;
        }
        return true;
}

/* "a/b" to "a.b" in mUTF-7. */
static int to_disk(const struct user_namespace *ns, struct slice below, struct buf *to)
{
        struct slice rest = below;
        for (;;) {
                size_t end = slice_find(rest, ns->separator);
                struct slice level = slice_head(rest, end);
                if (!level_ok(level) || utf7_from_utf8(to, level) < 0)
                        return -EINVAL;
                if (end == rest.n)
                        break;
                buf_char(to, '.');
                rest = slice_from(rest, end + 1);
        }
        /* ".a.b" must be a file name */
        return to->error || to->n + 1 > FILENAME_MAX_BYTES ? -EINVAL : 0;
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
                /* "INBOX." is INBOX in any case; other prefixes are as they are written */
                bool has = slice_istarts(prefix, SLICE("INBOX")) && prefix.n >= 6
                                   ? slice_istarts(slice_head(name, 5), SLICE("INBOX")) &&
                                             slice_starts(slice_from(name, 5), slice_from(prefix, 5))
                                   : slice_starts(name, prefix);
                if (has && (!best || prefix.n > best_n)) {
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

int folder_resolve(struct store *s, struct arena *a, const char *name, struct folder_place *ret)
{
        struct slice whole = slice_of(name), below;
        if (slice_ieq(whole, SLICE("INBOX")))
                return resolve_inbox(s, ret);
        const struct user_namespace *ns = namespace_of(s, whole, &below);
        if (!ns || !utf8_valid(whole))
                return error_text(s, -EINVAL, "mailbox name \"%s\" cannot be used", name);
        _cleanup_(buf_free) struct buf disk = BUF_BOUNDED(1024);
        if (to_disk(ns, below, &disk) < 0)
                return error_text(s, -EINVAL, "mailbox name \"%s\" cannot be used", name);
        struct folder_place f = {.ns = ns};
        f.below = arena_str(a, below);
        f.name = arena_printf(a, "%s%s", ns->prefix, f.below);
        f.disk = arena_str(a, buf_slice(&disk));
        f.dir = arena_printf(a, "%s/.%s", ns->location.root, f.disk);
        f.control = ns->location.control ? arena_printf(a, "%s/.%s", ns->location.control, f.disk) : f.dir;
        f.index = ns->location.index ? arena_printf(a, "%s/.%s", ns->location.index, f.disk) : f.dir;
        if (ns->location.index_in_memory)
                f.index = NULL;
        *ret = f;
        return 0;
}

int folder_name_of(const struct user_namespace *ns, struct arena *a, struct slice disk, const char **ret)
{
        _cleanup_(buf_free) struct buf name = BUF_BOUNDED(4 * FILENAME_MAX_BYTES);
        buf_str(&name, ns->prefix);
        size_t start = name.n;
        for (;;) {
                size_t end = slice_find(disk, '.'), from = name.n;
                if (utf7_to_utf8(&name, slice_head(disk, end)) < 0)
                        return -EINVAL;
                struct slice level = slice_from(buf_slice(&name), from);
                if (!level_ok(level) || slice_find(level, ns->separator) < level.n)
                        return -EINVAL;
                if (end == disk.n)
                        break;
                buf_char(&name, ns->separator);
                disk = slice_from(disk, end + 1);
        }
        /* the root is INBOX; a folder of that name could not be reached */
        if (name.error || (start == 0 && slice_ieq(buf_slice(&name), SLICE("INBOX"))))
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

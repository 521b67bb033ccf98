#include "store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
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

/* Where Dovecot has the index of an mbox: ".imap/NAME" beside the file, at the same place below CONTROL= or
 * INDEX=. With DIRNAME= folders are directories there, as they are below the root; where they would be one
 * and the same directory it is ".imap" again. */
static const char *mbox_index(struct arena *a, const struct folder_place *f, const char *root)
{
        const struct location *l = &f->ns->location;
        const char *disk = f->inbox ? "INBOX" : f->disk;
        if (l->dirname && root)
                return arena_printf(a, "%s/%s%s%s", root, disk, l->full_dirname ? "/" : "",
                                    l->full_dirname ? l->dirname : "");
        if (l->dirname && !f->inbox)
                return arena_printf(a, "%s/%s/.imap/%s", l->root, disk, l->dirname);
        size_t n = strlen(disk), slash = slice_rfind(slice_make(disk, n), '/');
        size_t leaf = slash < n ? slash + 1 : 0;
        return arena_printf(a, "%s/%.*s.imap/%s", root ? root : l->root, (int)leaf, disk, disk + leaf);
}

static void set_mbox_paths(struct arena *a, struct folder_place *f)
{
        const struct location *l = &f->ns->location;
        f->file = f->inbox     ? l->inbox
                  : l->dirname ? arena_printf(a, "%s/%s/%s", l->root, f->disk, l->dirname)
                               : arena_printf(a, "%s/%s", l->root, f->disk);
        size_t slash = slice_rfind(slice_of(f->file), '/');
        f->dir = slash == 0 ? "/" : arena_str(a, slice_make(f->file, slash));
        f->control = mbox_index(a, f, l->control);
        f->index = l->index_in_memory ? NULL : l->index ? mbox_index(a, f, l->index) : f->control;
}

static int resolve_inbox(struct store *s, struct arena *a, struct folder_place *ret)
{
        for (size_t i = 0; i < s->namespaces_n; i++) {
                const struct user_namespace *ns = &s->namespaces[i];
                const struct location *l = &ns->location;
                if (!ns->set->inbox)
                        continue;
                *ret = (struct folder_place){
                        .ns = ns, .name = "INBOX", .below = "INBOX", .disk = "", .inbox = true};
                if (l->format == LOCATION_MBOX) {
                        set_mbox_paths(a, ret);
                        return 0;
                }
                ret->dir = l->inbox ? l->inbox : l->root;
                ret->control = l->control ? l->control : ret->dir;
                ret->index = l->index_in_memory ? NULL : l->index ? l->index : ret->dir;
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
                same = disk.p[i] == (below.p[i] == ns->form.separator ? ns->form.level : below.p[i]);
        return same;
}

/* A folder that is there under another form of its name; the first one found. */
static bool find_other_form(const struct user_namespace *ns, struct arena *a, struct slice below,
                            struct folder_place *f)
{
        _cleanup_(dir_close_p) DIR *d = opendir(ns->location.root);
        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_(buf_free) struct buf name = BUF_BOUNDED(4 * NAME_MAX_PATH);
                struct slice disk = slice_of(e->d_name + 1);
                if (!folder_entry(e->d_name) || name_from_disk(&ns->form, disk, &name) < 0 ||
                    !name_same(buf_slice(&name), below))
                        continue;
                f->below = arena_str(a, buf_slice(&name));
                f->disk = arena_str(a, disk);
                return true;
        }
        return false;
}

/* The entry of a directory that has the level's name in another form. */
static bool find_level(const struct name_form *form, int dir, struct slice level, struct buf *disk,
                       struct buf *name)
{
        int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(dir_close_p) DIR *d = copy < 0 ? NULL : fdopendir(copy);
        if (!d)
                fd_close_p(&copy);
        size_t start = name->n;
        for (struct dirent *e; d && (e = readdir(d));) {
                name->n = start;
                if (name_from_disk(form, slice_of(e->d_name), name) == 0 &&
                    name_same(slice_from(buf_slice(name), start), level))
                        return buf_str(disk, e->d_name) == 0;
        }
        return false;
}

/* The same where levels are directories: each of them may have its own form. */
static bool find_other_levels(const struct user_namespace *ns, struct arena *a, struct slice below,
                              struct folder_place *f)
{
        _cleanup_(fd_close_p) int dir = open(ns->location.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(buf_free) struct buf disk = BUF_BOUNDED(NAME_MAX_PATH),
                                       name = BUF_BOUNDED(4 * NAME_MAX_PATH);
        struct slice made = slice_of(f->disk), entry, level;
        struct stat st;
        while (dir >= 0 && slice_split(&made, '/', &entry) &&
               slice_split(&below, ns->form.separator, &level)) {
                size_t start = disk.n;
                if (fstatat(dir, arena_str(a, entry), &st, AT_SYMLINK_NOFOLLOW) == 0) {
                        buf_append(&disk, entry);
                        buf_append(&name, level);
                } else if (!find_level(&ns->form, dir, level, &disk, &name)) {
                        return false;
                }
                if (!made.n) {
                        f->disk = arena_str(a, buf_slice(&disk));
                        f->below = arena_str(a, buf_slice(&name));
                        return true;
                }
                int next =
                        openat(dir, buf_cstr(&disk) + start, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                fd_close_p(&dir);
                dir = next;
                buf_char(&disk, '/');
                buf_char(&name, ns->form.separator);
        }
        return false;
}

static void set_paths(struct arena *a, struct folder_place *f)
{
        const struct location *l = &f->ns->location;
        f->name = arena_printf(a, "%s%s", f->ns->prefix, f->below);
        if (l->format == LOCATION_MBOX) {
                set_mbox_paths(a, f);
                return;
        }
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
                return resolve_inbox(s, a, ret);
        const struct user_namespace *ns = namespace_of(s, whole, &below);
        _cleanup_(buf_free) struct buf disk = BUF_BOUNDED(4 * NAME_MAX_PATH);
        int r = ns ? name_to_disk(&ns->form, below, &disk) : -EINVAL;
        if (r == 0 && ns->form.level == '/' &&
            slice_eq(buf_slice(&disk), slice_of(ns->location.subscriptions)))
                r = -EINVAL;
        if (r < 0)
                return error_text(s, r, "mailbox name \"%s\" cannot be used", name);
        struct folder_place f = {
                .ns = ns, .below = arena_str(a, below), .disk = arena_str(a, buf_slice(&disk))};
        set_paths(a, &f);
        struct stat st;
        if (!is_plain(ns, below, buf_slice(&disk)) && lstat(f.file ? f.file : f.dir, &st) < 0 &&
            (f.file ? find_other_levels(ns, a, below, &f) : find_other_form(ns, a, below, &f)))
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
        if (name_from_disk(&ns->form, disk, &name) < 0)
                return -EINVAL;
        /* the root is INBOX; a folder of that name could not be reached */
        if (slice_ieq(buf_slice(&name), SLICE("INBOX")))
                return -EINVAL;
        *ret = arena_str(a, buf_slice(&name));
        return 0;
}

static unsigned file_rights(const struct folder_place *f)
{
        struct stat st;
        /* an INBOX that is not there yet is empty, and made by whoever writes to it first */
        bool made = !f->inbox || stat(f->file, &st) == 0;
        bool write = faccessat(AT_FDCWD, made ? f->file : f->dir, made ? R_OK | W_OK : W_OK | X_OK,
                               AT_EACCESS) == 0;
        return (!made || faccessat(AT_FDCWD, f->file, R_OK, AT_EACCESS) == 0 ? RIGHT_READ : 0) |
               (write ? RIGHT_WRITE : 0) |
               (access(f->ns->location.root, W_OK | X_OK) == 0 ? RIGHT_FOLDERS : 0);
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
        if (f.file) {
                *ret = file_rights(&f);
                return 0;
        }
        bool write = faccessat(fd, "cur", W_OK | X_OK, AT_EACCESS) == 0 &&
                     faccessat(fd, "new", W_OK | X_OK, AT_EACCESS) == 0 &&
                     faccessat(fd, "tmp", W_OK | X_OK, AT_EACCESS) == 0;
        *ret = (faccessat(fd, "cur", R_OK | X_OK, AT_EACCESS) == 0 ? RIGHT_READ : 0) |
               (write ? RIGHT_WRITE : 0) |
               (access(f.ns->location.root, W_OK | X_OK) == 0 ? RIGHT_FOLDERS : 0);
        return 0;
}

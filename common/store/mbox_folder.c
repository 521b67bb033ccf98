#include "store/mbox_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/error.h"
#include "store/mbox.h"
#include "store/mbox_tree.h"
#include "store/tree.h"

enum { OWN_MAX_DEPTH = NAME_MAX_LEVELS + 2 /* with .imap and what is in it */ };

/* A directory, and a name in it: how everything here is reached, without following links. */
struct at {
        int dir; /* owned */
        char name[NAME_MAX_LEVEL + 16];
};
#define AT_NONE ((struct at){.dir = -1})

static void at_close(struct at *at)
{
        fd_close_p(&at->dir);
}

/* `path` is below `base`, an administrator's path. */
static int find_at(const char *base, const char *path, const struct perm *make, struct at *ret)
{
        _cleanup_(fd_close_p) int root = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct slice below = slice_from(slice_of(path), strlen(base) + 1);
        size_t slash = slice_rfind(below, '/');
        struct slice above = slash < below.n ? slice_head(below, slash) : SLICE_NULL;
        struct slice name = slash < below.n ? slice_from(below, slash + 1) : below;
        if (root < 0)
                return -errno;
        if (name.n >= sizeof(ret->name))
                return -ENAMETOOLONG;
        int r = folder_open_below(root, above, make, &ret->dir);
        if (r < 0)
                return r == -ELOOP ? -ENOTDIR : r;
        memcpy(ret->name, name.p, name.n);
        ret->name[name.n] = '\0';
        return 0;
}

const char *mbox_folder_path(const struct folder_place *f)
{
        return f->file && !f->inbox && f->ns->location.dirname ? f->dir : f->file ? f->file : f->dir;
}

static int refuse(struct store *s, int r, const struct folder_place *f, const char *call)
{
        if (r == -ENOTDIR)
                return error_text(s, r, "mailbox \"%s\": what is above it is a file", f->name);
        return error_set(s, r, call, mbox_folder_path(f));
}

/* The directories beside the mail that belong to the folder alone, or to what is below a level. */
struct own {
        const char *base[2], *path[2];
        size_t n;
};

static void add_own(struct own *own, const char *base, const char *path)
{
        if (own->n > 0 && strcmp(own->path[0], path) == 0)
                return;
        own->base[own->n] = base;
        own->path[own->n++] = path;
}

/* `whole`: it is a directory, and all below it counts; what is inside of that is not said again. */
static struct own own_of(const struct folder_place *f, struct arena *a, bool whole)
{
        const struct location *l = &f->ns->location;
        const char *const roots[] = {l->control, l->index};
        struct own own = {.n = 0};
        for (size_t i = 0; i < ARRAY_LEN(roots) && whole; i++)
                if (roots[i] && strcmp(roots[i], l->root) != 0)
                        add_own(&own, roots[i], arena_printf(a, "%s/%s", roots[i], f->disk));
        if (whole)
                return own;
        add_own(&own, l->control ? l->control : l->root, f->control);
        if (f->index)
                add_own(&own, l->index ? l->index : l->control ? l->control : l->root, f->index);
        return own;
}

/* The files in a directory, and it itself when nothing else is in it: with DIRNAME= the folders below have
 * theirs in it. */
static void clear_one(const struct at *at)
{
        int fd = openat(at->dir, at->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_(dir_close_p) DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d)
                fd_close_p(&fd);
        for (struct dirent *e; d && (e = readdir(d));)
                (void)!unlinkat(fd, e->d_name, 0); /* fails for a directory */
        (void)!unlinkat(at->dir, at->name, AT_REMOVEDIR);
}

static void clear_own(struct store *s, const struct own *own, bool whole)
{
        for (size_t i = 0; i < own->n; i++) {
                _cleanup_(at_close) struct at at = AT_NONE;
                if (find_at(own->base[i], own->path[i], NULL, &at) < 0)
                        continue;
                if (whole)
                        (void)!folder_remove_tree(s, at.dir, at.name);
                else
                        clear_one(&at);
        }
}

static int root_perm(struct store *s, const struct user_namespace *ns, struct perm *ret)
{
        _cleanup_(fd_close_p) int root = -1;
        int r = folder_open_root(s, ns, &root);
        if (r < 0)
                return r;
        r = perm_of(root, ret);
        return r < 0 ? error_set(s, r, "fstat", ns->location.root) : 0;
}

int mbox_folder_create(struct store *s, const struct folder_place *f, bool only_level)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(at_close) struct at at = AT_NONE;
        _cleanup_(fd_close_p) int fd = -1;
        struct perm perm;
        int r = root_perm(s, f->ns, &perm);
        if (r < 0)
                return r;
        const char *path = only_level ? mbox_folder_path(f) : f->file;
        r = find_at(f->ns->location.root, path, &perm, &at);
        if (r < 0)
                return refuse(s, r, f, "mkdir");
        if (only_level) {
                r = perm_mkdir(at.dir, at.name, &perm);
                return r < 0 ? refuse(s, r, f, "mkdir") : 0;
        }
        const struct own own = own_of(f, &a, false);
        struct stat st;
        if (fstatat(at.dir, at.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                clear_own(s, &own, false);
        r = perm_create(at.dir, at.name, &perm, &fd);
        return r < 0 ? refuse(s, r, f, "open") : 0;
}

static bool is_directory(const struct at *at)
{
        struct stat st;
        return fstatat(at->dir, at->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* A directory without folders in it: what else may be left there is what belonged to some. */
static int delete_level(struct store *s, const struct folder_place *f, struct arena *a, const struct at *at)
{
        _cleanup_(fd_close_p) int fd =
                openat(at->dir, at->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        int r = unlinkat(at->dir, at->name, AT_REMOVEDIR) < 0 ? -errno : 0;
        if ((r == -ENOTEMPTY || r == -EEXIST) && fd >= 0) {
                _cleanup_(dir_close_p) DIR *d = fdopendir(fcntl(fd, F_DUPFD_CLOEXEC, 0));
                bool others = !d;
                for (struct dirent *e; d && (e = readdir(d));)
                        others |= strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
                                  strcmp(e->d_name, ".imap") != 0;
                if (others)
                        return error_text(s, -ENOTEMPTY, "mailbox \"%s\" has others below it", f->name);
                (void)!folder_remove_tree(s, fd, ".imap");
                r = unlinkat(at->dir, at->name, AT_REMOVEDIR) < 0 ? -errno : 0;
        }
        if (r < 0)
                return refuse(s, r, f, "rmdir");
        const struct own own = own_of(f, a, true);
        clear_own(s, &own, true);
        return 0;
}

/* What is no file (a link, a FIFO) is no mailbox of anybody's, and stays. */
static int unlink_mail(const struct at *mail)
{
        struct stat st;
        if (fstatat(mail->dir, mail->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -ENOENT;
        return unlinkat(mail->dir, mail->name, 0) < 0 ? -errno : 0;
}

int mbox_folder_delete(struct store *s, const struct folder_place *f)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(at_close) struct at name = AT_NONE, mail = AT_NONE;
        int r = find_at(f->ns->location.root, mbox_folder_path(f), NULL, &name);
        if (r == 0 && is_directory(&name)) {
                r = find_at(f->ns->location.root, f->file, NULL, &mail);
                struct stat st;
                if (r < 0 || !f->ns->location.dirname ||
                    fstatat(mail.dir, mail.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        return delete_level(s, f, &a, &name);
        } else if (r == 0) {
                r = find_at(f->ns->location.root, f->file, NULL, &mail);
        }
        if (r == 0)
                r = unlink_mail(&mail);
        if (r < 0)
                return refuse(s, r == -ENOTDIR ? -ENOENT : r, f, "unlink");
        const struct own own = own_of(f, &a, false);
        clear_own(s, &own, false);
        if (f->ns->location.dirname) { /* a level stays when folders are below */
                (void)!unlinkat(mail.dir, ".imap", AT_REMOVEDIR);
                (void)!unlinkat(name.dir, name.name, AT_REMOVEDIR);
        }
        return 0;
}

/* The same directories and, as links, files under another name. */
static int link_tree(const struct at *from, const struct at *to, const struct perm *perm, int depth)
{
        int fd = openat(from->dir, from->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), r;
        _cleanup_(dir_close_p) DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) {
                r = -errno;
                fd_close_p(&fd);
                return r == -ENOENT ? 0 : r;
        }
        r = perm_mkdir(to->dir, to->name, perm);
        _cleanup_(fd_close_p) int copy =
                openat(to->dir, to->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (copy < 0)
                return r < 0 ? r : -errno;
        r = 0;
        for (struct dirent *e; r == 0 && (e = dir_next(d, &r));) {
                struct at old = {.dir = fd}, new = {.dir = copy};
                size_t n = strlen(e->d_name);
                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || n >= sizeof(old.name))
                        continue;
                memcpy(old.name, e->d_name, n + 1);
                memcpy(new.name, e->d_name, n + 1);
                if (is_directory(&old))
                        r = depth > 0 ? link_tree(&old, &new, perm, depth - 1) : -ELOOP;
                else if (linkat(fd, old.name, copy, new.name, 0) < 0 && errno != ENOENT)
                        r = -errno;
        }
        return r;
}

/* Before the mail moves. Where links cannot be made the directories are renamed when it has moved. */
static int give_own(struct store *s, const struct own *from, const struct own *to, const struct perm *perm,
                    bool linked[2])
{
        for (size_t i = 0; i < from->n; i++) {
                _cleanup_(at_close) struct at old = AT_NONE, new = AT_NONE;
                int r = find_at(from->base[i], from->path[i], NULL, &old);
                if (r == -ENOENT || r == -ENOTDIR)
                        continue;
                if (r < 0)
                        return error_set(s, r, "open", from->path[i]);
                r = find_at(to->base[i], to->path[i], perm, &new);
                if (r == 0)
                        r = folder_remove_tree(s, new.dir, new.name); /* of a folder that is no more */
                if (r < 0)
                        return error_set(s, r, "mkdir", to->path[i]);
                linked[i] = link_tree(&old, &new, perm, OWN_MAX_DEPTH) == 0;
                if (!linked[i])
                        (void)!folder_remove_tree(s, new.dir, new.name);
        }
        return 0;
}

static void take_own(struct store *s, const struct own *from, const struct own *to, const bool linked[2])
{
        for (size_t i = 0; i < from->n; i++) {
                _cleanup_(at_close) struct at old = AT_NONE, new = AT_NONE;
                if (find_at(from->base[i], from->path[i], NULL, &old) < 0)
                        continue;
                if (linked[i] || find_at(to->base[i], to->path[i], NULL, &new) < 0 ||
                    renameat(old.dir, old.name, new.dir, new.name) < 0)
                        (void)!folder_remove_tree(s, old.dir, old.name);
        }
}

/* Whether what is below a level can be reached under the longer name. */
struct fit {
        const struct folder_place *from;
        size_t more, levels;
};

static int fits(void *context, const struct tree_entry *e)
{
        const struct fit *fit = context;
        struct slice from = slice_of(fit->from->disk);
        if (!slice_starts(e->disk, from) || e->disk.n == from.n || e->disk.p[from.n] != '/')
                return 0;
        return e->disk.n - from.n + fit->more > NAME_MAX_PATH ||
                               slice_count(slice_from(e->disk, from.n), '/') + fit->levels > NAME_MAX_LEVELS
                       ? -ENAMETOOLONG
                       : 0;
}

static int move_name(const struct at *old, const struct at *new)
{
        if (renameat2(old->dir, old->name, new->dir, new->name, RENAME_NOREPLACE) == 0)
                return 0;
        if (errno != EINVAL && errno != ENOSYS)
                return -errno;
        /* the file system cannot tell */
        struct stat st;
        if (fstatat(new->dir, new->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                return -EEXIST;
        return renameat(old->dir, old->name, new->dir, new->name) < 0 ? -errno : 0;
}

/* Nobody is in the middle of changing the mail while what a rewrite would be finished with gets another
 * place. Who may not write to it may rename it all the same. */
static int hold(struct store *s, const struct folder_place *f, struct mailbox **ret,
                struct mbox_file *ret_file)
{
        int r = opened_open(s, f->name, ret);
        if (r == 0)
                r = mbox_file_open(*ret, true, ret_file);
        return r == -EACCES || r == -EROFS ? 0 : r;
}

int mbox_folder_rename(struct store *s, const struct folder_place *from, const struct folder_place *to)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(mailbox_close) struct mailbox *m = NULL;
        _cleanup_(mbox_file_close) struct mbox_file mail = MBOX_FILE_NONE;
        _cleanup_(at_close) struct at old = AT_NONE, new = AT_NONE;
        _cleanup_(fd_close_p) int tree = -1;
        struct fit fit = {from, strlen(to->disk), 1 + slice_count(slice_of(to->disk), '/')};
        struct perm perm;
        struct stat st;
        bool linked[2] = {false};
        int r = find_at(from->ns->location.root, mbox_folder_path(from), NULL, &old);
        if (r < 0 || fstatat(old.dir, old.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return refuse(s, -ENOENT, from, "rename");
        bool whole = S_ISDIR(st.st_mode);
        r = root_perm(s, from->ns, &perm);
        if (r == 0 && whole)
                r = tree_walk(s, from->ns, fits, &fit);
        if (r == -ENAMETOOLONG)
                return error_text(s, r, "\"%s\": names below it would be too long", to->name);
        if (r < 0)
                return r;
        r = find_at(to->ns->location.root, mbox_folder_path(to), &perm, &new);
        if (r < 0)
                return refuse(s, r, to, "mkdir");
        const struct own own = own_of(from, &a, whole), others = own_of(to, &a, whole);
        if (!whole)
                r = hold(s, from, &m, &mail);
        else if (mbox_tree_is_apart(from))
                r = mbox_tree_lock(s, from, true, &tree);
        if (r == 0)
                r = give_own(s, &own, &others, &perm, linked);
        if (r < 0)
                return r;
        r = move_name(&old, &new);
        if (r < 0) {
                clear_own(s, &others, true);
                return refuse(s, r, from, "rename");
        }
        take_own(s, &own, &others, linked);
        return 0;
}

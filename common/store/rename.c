/* store_rename(). */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/annotation_text.h"
#include "store/error.h"
#include "store/filename.h"
#include "store/folder.h"
#include "store/mbox_folder.h"
#include "store/name.h"
#include "store/quota.h"
#include "store/save.h"
#include "store/special_use.h"

enum { RENAME_MAX_FOLDERS = 10000 /* folders below one that are moved with it */ };

struct move {
        char *from, *to; /* entries of the root: ".a.b" */
};

struct moves {
        struct move *list;
        size_t n, cap;
};

static void moves_free(struct moves *m)
{
        for (size_t i = 0; i < m->n; i++) {
                free(m->list[i].from);
                free(m->list[i].to);
        }
        free(m->list);
}

/* What follows the first n levels of a name on disk: ".c", or nothing. */
static struct slice behind(struct slice disk, size_t levels)
{
        size_t at = slice_find(disk, '.');
        while (--levels > 0 && at < disk.n)
                at += 1 + slice_find(slice_from(disk, at + 1), '.');
        return slice_from(disk, at);
}

/* The folder or one below it, in whatever form its name is written. */
static bool is_below(const struct folder_place *from, struct slice disk)
{
        _cleanup_(buf_free) struct buf name = BUF_BOUNDED(4 * NAME_MAX_PATH);
        if (name_from_disk(&from->ns->form, disk, &name) < 0)
                return false;
        size_t n = strlen(from->below);
        return slice_starts(buf_slice(&name), slice_of(from->below)) &&
               (name.n == n || name.p[n] == from->ns->form.separator);
}

/* `from` and everything below it. */
static int collect(int root, const struct folder_place *from, const struct folder_place *to,
                   struct moves *ret)
{
        int copy = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(dir_close_p) DIR *d = copy < 0 ? NULL : fdopendir(copy);
        if (!d) {
                fd_close_p(&copy);
                return -EIO;
        }
        size_t levels = 1 + slice_count(slice_of(from->disk), '.');
        int r = 0;
        for (struct dirent *e; (e = dir_next(d, &r));) {
                struct slice disk = slice_of(e->d_name + 1);
                if (!folder_entry(e->d_name) || !is_below(from, disk))
                        continue;
                struct slice rest = behind(disk, levels);
                if (ret->n == RENAME_MAX_FOLDERS)
                        return -E2BIG;
                if (strlen(to->disk) + rest.n > NAME_MAX_BYTES)
                        return -ENAMETOOLONG;
                if (ret->n == ret->cap) {
                        ret->cap = ret->cap ? ret->cap * 2 : 16;
                        ret->list = xrealloc(ret->list, ret->cap * sizeof(*ret->list));
                }
                ret->list[ret->n++] =
                        (struct move){xstrdup(e->d_name), xasprintf(".%s%.*s", to->disk, SLICE_ARG(rest))};
        }
        return r < 0 || ret->n ? r : -ENOENT;
}

static int are_free(int root, const struct moves *m)
{
        struct stat st;
        for (size_t i = 0; i < m->n; i++)
                if (fstatat(root, m->list[i].to, &st, AT_SYMLINK_NOFOLLOW) == 0)
                        return -EEXIST;
        return 0;
}

/* All or none. */
static int move_all(int root, const struct moves *m)
{
        for (size_t i = 0; i < m->n; i++)
                if (renameat(root, m->list[i].from, root, m->list[i].to) < 0) {
                        int r = -errno;
                        while (i-- > 0)
                                (void)!renameat(root, m->list[i].to, root, m->list[i].from);
                        return r;
                }
        return 0;
}

/* What was left there by folders that somebody else removed makes way; what cannot be moved is made anew. */
static void move_indexes(struct store *s, const struct user_namespace *ns, const struct moves *m)
{
        _cleanup_(fd_close_p) int index = -1;
        if (!ns->location.index || folder_open_index_root(ns, &index) < 0)
                return;
        for (size_t i = 0; i < m->n; i++) {
                (void)!folder_remove_tree(s, index, m->list[i].to);
                if (renameat(index, m->list[i].from, index, m->list[i].to) < 0 && errno != ENOENT)
                        (void)!folder_remove_tree(s, index, m->list[i].from);
        }
}

static int rename_folder(struct store *s, const struct folder_place *from, const struct folder_place *to)
{
        _cleanup_(fd_close_p) int root = -1, control = -1;
        _cleanup_(moves_free) struct moves moves = {0};
        int r = folder_open_root(s, from->ns, &root);
        if (r < 0)
                return r;
        r = collect(root, from, to, &moves);
        if (r == 0)
                r = are_free(root, &moves);
        if (r < 0)
                return error_set(s, r, "rename", from->dir);
        r = special_use_copy(s, from, to);
        if (r < 0)
                return r;
        r = move_all(root, &moves);
        if (r < 0)
                return error_set(s, r, "rename", from->dir);
        move_indexes(s, from->ns, &moves);
        (void)!special_use_forget(s, from, true);
        if (!from->ns->location.control)
                return 0;
        r = folder_open_control_root(s, from->ns, &control);
        for (size_t i = 0; r == 0 && i < moves.n; i++)
                if (renameat(control, moves.list[i].from, control, moves.list[i].to) < 0 && errno != ENOENT)
                        r = error_set_at(s, -errno, "rename", from->ns->location.control, moves.list[i].from);
        return r;
}

/* Every message of one directory into the other folder. */
static int move_messages(struct store *s, const struct folder_place *from, int from_dir, int to_dir,
                         const char *sub)
{
        int fd = openat(from_dir, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_(dir_close_p) DIR *d = fd < 0 ? NULL : fdopendir(fd);
        _cleanup_(fd_close_p) int to = openat(to_dir, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (!d || to < 0) {
                int r = error_set_at(s, -errno, "open", from->dir, sub);
                if (!d)
                        fd_close_p(&fd);
                return r;
        }
        int r = 0;
        for (struct dirent *e; (e = dir_next(d, &r));)
                if (filename_usable(slice_of(e->d_name)) && renameat(fd, e->d_name, to, e->d_name) < 0 &&
                    errno != ENOENT)
                        return error_set_at(s, -errno, "rename", from->dir, sub);
        return r < 0 ? error_set_at(s, r, "readdir", from->dir, sub) : 0;
}

/* A file beside INBOX's mail that the new folder gets as well. */
static int copy_file(struct store *s, int from, int to, const struct folder_place *f, const char *name,
                     size_t max)
{
        _cleanup_(buf_free) struct buf text = BUF_BOUNDED(max);
        struct perm perm;
        int r = file_read_at(from, name, &text);
        if (r == -ENOENT)
                return 0;
        if (r == 0)
                r = perm_of(to, &perm);
        if (r == 0)
                r = perm_replace(to, name, buf_slice(&text), &perm, true);
        return r < 0 ? error_set_at(s, r, "write", f->control, name) : 0;
}

/* RFC 5464 section 4.1 */
static int copy_annotations(struct store *s, const struct folder_place *from, const struct folder_place *to)
{
        _cleanup_(fd_close_p) int from_control = -1, to_control = -1;
        int r = folder_open_control(s, from, &from_control);
        if (r == 0)
                r = folder_open_control(s, to, &to_control);
        return r < 0 ? r
                     : copy_file(s, from_control, to_control, to, ANNOTATIONS_NAME, ANNOTATIONS_MAX_BYTES);
}

/* All messages of INBOX into the new folder. `ret_filled`: some are there, whatever it returns. */
static int fill_from_inbox(struct store *s, const struct folder_place *from, const struct folder_place *to,
                           struct mailbox *inbox, bool *ret_filled)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(save_close) struct save *save = NULL;
        struct save_result result = {.n = 0};
        bool any = false;
        int r = copy_annotations(s, from, to);
        if (r == 0)
                r = save_open(s, to->name, &save);
        for (uint32_t seq = 1; r == 0 && seq <= mailbox_count(inbox); seq++) {
                r = save_move(save, inbox, seq);
                any |= r == 0;
                if (r == -ENOENT)
                        r = 0; /* expunged meanwhile */
        }
        if (r == 0 && any)
                r = save_commit(save, &a, &result);
        *ret_filled = r == 0 && result.n;
        return r == 0 ? result.left_behind : r;
}

/* The mbox stays, and its messages go. */
static int rename_mbox_inbox(struct store *s, const struct folder_place *from, const struct folder_place *to)
{
        _cleanup_(mailbox_close) struct mailbox *inbox = NULL;
        bool filled = false;
        int r = mailbox_open(s, "INBOX", false, &inbox);
        if (r == 0)
                r = store_create(s, to->name);
        if (r < 0)
                return r;
        r = fill_from_inbox(s, from, to, inbox, &filled);
        if (r == 0 || filled)
                return r;
        /* who tries again must not be told that it exists */
        _cleanup_(free_p) char *why = xstrdup(store_error(s));
        (void)!store_delete(s, to->name);
        return error_text(s, r, "%s", why);
}

static int rename_inbox(struct store *s, const struct folder_place *from, const struct folder_place *to)
{
        _cleanup_(fd_close_p) int from_dir = -1, from_control = -1, to_dir = -1, to_control = -1;
        if (to->file)
                return error_text(s, -EXDEV, "INBOX cannot be renamed to \"%s\", which is of another format",
                                  to->name);
        int r = store_create(s, to->name);
        if (r == 0)
                r = folder_open(s, from, &from_dir);
        if (r == 0)
                r = folder_open_control(s, from, &from_control);
        if (r == 0)
                r = folder_open(s, to, &to_dir);
        if (r == 0)
                r = folder_open_control(s, to, &to_control);
        /* the letters in the files' names must keep their meaning */
        if (r == 0)
                r = copy_file(s, from_control, to_control, to, "dovecot-keywords", 64 * 1024);
        if (r == 0)
                r = copy_annotations(s, from, to);
        if (r == 0)
                r = move_messages(s, from, from_dir, to_dir, "new");
        if (r == 0)
                r = move_messages(s, from, from_dir, to_dir, "cur");
        return r;
}

/* By its new name a folder may count that did not, or the other way round; so may those below. */
static void recount(struct store *s)
{
        for (size_t i = 0; i < s->quota.rules_n; i++)
                if (s->quota.rules[i].ignore) {
                        quota_recount(s);
                        return;
                }
}

static int rename_any(struct store *s, const char *from, const char *to)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct folder_place f, t;
        size_t n = strlen(to);
        if (n > 1 && to[n - 1] == store_separator(s, to))
                n--;
        int r = folder_resolve(s, &a, from, &f);
        if (r == 0)
                r = folder_resolve(s, &a, arena_str(&a, slice_make(to, n)), &t);
        if (r < 0)
                return r;
        if (!name_may_be_new(slice_of(to)))
                return error_text(s, -EINVAL, "mailbox name \"%s\" has control characters", to);
        struct stat st;
        if (t.inbox || lstat(mbox_folder_path(&t), &st) == 0)
                return error_text(s, -EEXIST, "mailbox \"%s\" exists already", t.name);
        if (f.inbox)
                return f.file ? rename_mbox_inbox(s, &f, &t) : rename_inbox(s, &f, &t);
        if (strcmp(f.ns->location.root, t.ns->location.root) != 0)
                return error_text(s, -EXDEV, "\"%s\" cannot be renamed into another namespace", f.name);
        size_t below = strlen(f.disk);
        if (strncmp(t.disk, f.disk, below) == 0 && t.disk[below] == f.ns->form.level)
                return error_text(s, -EINVAL, "\"%s\" cannot be renamed to a folder below itself", f.name);
        if (!f.file)
                return rename_folder(s, &f, &t);
        r = special_use_copy(s, &f, &t);
        if (r == 0)
                r = mbox_folder_rename(s, &f, &t);
        (void)!special_use_forget(s, r < 0 ? &t : &f, true);
        return r;
}

int store_rename(struct store *s, const char *from, const char *to)
{
        int r = rename_any(s, from, to);
        if (r == 0)
                recount(s);
        return r;
}

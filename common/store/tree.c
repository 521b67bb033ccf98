#include "store/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/error.h"

struct walk {
        struct store *s;
        const struct user_namespace *ns;
        tree_each *each;
        void *context;
        struct buf disk; /* of the directory that is read, with a slash behind */
};

static void walk_free(struct walk *w)
{
        buf_free(&w->disk);
}

/* No symbolic links: not the folder's own, and none on the way. */
static mode_t type_of(int dir, const struct dirent *e)
{
        struct stat st;
        if (e->d_type != DT_UNKNOWN)
                return DTTOIF(e->d_type);
        return fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mode & S_IFMT : 0;
}

static int open_list(int dir, DIR **ret)
{
        int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = copy < 0 ? NULL : fdopendir(copy);
        if (!d) {
                int r = -errno;
                fd_close_p(&copy);
                return r;
        }
        *ret = d;
        return 0;
}

static int walk_maildirs(const struct walk *w, int root)
{
        _cleanup_(dir_close_p) DIR *d = NULL;
        int r = open_list(root, &d);
        for (struct dirent *e; r == 0 && (e = dir_next(d, &r));) {
                const struct tree_entry entry = {.disk = slice_of(e->d_name + 1)};
                if (strcmp(e->d_name, FOLDER_TRASH) == 0)
                        folder_clear_trash(w->s, root);
                else if (folder_entry(e->d_name) && S_ISDIR(type_of(root, e)))
                        r = w->each(w->context, &entry);
        }
        return r;
}

/* The INBOX may be a file among the folders; so may the subscriptions. */
static bool is_other(const struct walk *w)
{
        const struct location *l = &w->ns->location;
        struct slice disk = buf_slice(&w->disk), inbox = slice_of(l->inbox);
        size_t root = strlen(l->root);
        return slice_eq(disk, slice_of(l->subscriptions)) ||
               (w->ns->set->inbox && slice_starts(inbox, slice_of(l->root)) && inbox.n > root &&
                inbox.p[root] == '/' && slice_eq(slice_from(inbox, root + 1), disk));
}

static int walk_levels(struct walk *w, int dir, int depth);

static int enter_level(struct walk *w, int dir, const char *name, int depth)
{
        const char *dirname = w->ns->location.dirname;
        struct stat st;
        _cleanup_(fd_close_p) int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        struct tree_entry entry = {.disk = buf_slice(&w->disk)};
        entry.is_level = !dirname || fd < 0 || fstatat(fd, dirname, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                         !S_ISREG(st.st_mode);
        int r = w->each(w->context, &entry);
        if (r != 0 || fd < 0 || depth >= NAME_MAX_LEVELS)
                return r;
        buf_char(&w->disk, '/');
        return walk_levels(w, fd, depth + 1);
}

static int walk_levels(struct walk *w, int dir, int depth)
{
        _cleanup_(dir_close_p) DIR *d = NULL;
        size_t start = w->disk.n;
        int r = open_list(dir, &d);
        if (r < 0)
                return depth == 1 ? r : 0;
        for (struct dirent *e; r == 0 && (e = dir_next(d, &r));) {
                if (name_is_reserved(&w->ns->form, slice_of(e->d_name)))
                        continue;
                mode_t type = type_of(dir, e);
                buf_str(&w->disk, e->d_name);
                const struct tree_entry file = {.disk = buf_slice(&w->disk), .is_file = true};
                if (S_ISDIR(type) && !w->disk.error)
                        r = enter_level(w, dir, e->d_name, depth);
                else if (S_ISREG(type) && !w->disk.error && !w->ns->location.dirname && !is_other(w))
                        r = w->each(w->context, &file);
                w->disk.n = start;
                w->disk.error = 0;
        }
        return r;
}

int tree_walk(struct store *s, const struct user_namespace *ns, tree_each *each, void *context)
{
        _cleanup_(walk_free) struct walk w = {
                .s = s, .ns = ns, .each = each, .context = context, .disk = BUF_BOUNDED(NAME_MAX_PATH)};
        _cleanup_(fd_close_p) int root = -1;
        int r = folder_open_root(s, ns, &root);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = ns->location.format == LOCATION_MBOX ? walk_levels(&w, root, 1) : walk_maildirs(&w, root);
        return r == 1 ? 0 : r;
}

/* Folders made, deleted, renamed. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/error.h"
#include "store/folder.h"
#include "store/mbox_folder.h"
#include "store/name.h"
#include "store/quota.h"
#include "store/special_use.h"

enum {
        /* a Maildir is two deep, what belongs to mbox folders as deep as they are; more is not ours to remove
         */
        MANAGE_MAX_DEPTH = NAME_MAX_LEVELS + 2,
        MANAGE_TRASH_TRIES = 5 /* other sessions delete at the same time */
};

/* RFC 3501 section 6.3.3: a separator at the end declares that names will be created below it. */
static char *without_separator(struct store *s, struct arena *a, const char *name)
{
        size_t n = strlen(name);
        if (n > 1 && name[n - 1] == store_separator(s, name))
                n--;
        return arena_str(a, slice_make(name, n));
}

/* A directory without messages is there when another level is wanted, and may become a folder with DIRNAME=.
 */
static bool exists(const struct folder_place *f, bool only_level)
{
        struct stat st;
        return lstat(only_level || !f->file ? mbox_folder_path(f) : f->file, &st) == 0;
}

static int make_maildir(struct store *s, const struct folder_place *f, int root)
{
        _cleanup_(free_p) char *name = xasprintf(".%s", f->disk);
        _cleanup_(fd_close_p) int dir = -1, mark = -1;
        struct perm perm;
        int r = perm_of(root, &perm);
        if (r == 0)
                r = perm_mkdir(root, name, &perm);
        if (r < 0)
                return error_set(s, r, "mkdir", f->dir);
        r = folder_open(s, f, &dir);
        if (r == 0)
                r = folder_make_subdirs(s, f->dir, dir, &perm);
        if (r < 0)
                return r;
        r = perm_create(dir, "maildirfolder", &perm, &mark);
        return r < 0 && r != -EEXIST ? error_set_at(s, r, "open", f->dir, "maildirfolder") : 0;
}

int store_create(struct store *s, const char *name)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(fd_close_p) int root = -1;
        struct folder_place f;
        const char *wanted = without_separator(s, &a, name);
        int r = folder_resolve(s, &a, wanted, &f);
        if (r < 0)
                return r;
        bool only_level = f.file && strlen(wanted) < strlen(name);
        if (!name_may_be_new(slice_of(name)))
                return error_text(s, -EINVAL, "mailbox name \"%s\" has control characters", name);
        if (f.inbox || exists(&f, only_level))
                return error_text(s, -EEXIST, "mailbox \"%s\" exists already", f.name);
        r = special_use_forget(s, &f, false);
        if (r < 0)
                return r;
        if (f.file)
                return mbox_folder_create(s, &f, only_level);
        r = folder_open_root(s, f.ns, &root);
        return r < 0 ? r : make_maildir(s, &f, root);
}

/* Removes what is below an open directory, perhaps together with others; the first error ends it. */
static int remove_below(struct store *s, int fd, int depth)
{
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), r = 0;
        _cleanup_(dir_close_p) DIR *d = copy < 0 ? NULL : fdopendir(copy);
        if (!d) {
                fd_close_p(&copy);
                return -EIO;
        }
        rewinddir(d);
        for (struct dirent *e; r == 0 && (e = dir_next(d, &r));) {
                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                        continue;
                user_step(s, 0, 0);
                if (unlinkat(fd, e->d_name, 0) == 0 || errno == ENOENT)
                        continue;
                if (errno != EISDIR && errno != EPERM)
                        return -errno;
                _cleanup_(fd_close_p) int below =
                        openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                if (below < 0 && errno == ENOENT)
                        continue;
                r = below < 0 ? -errno : depth <= 0 ? -ELOOP : remove_below(s, below, depth - 1);
                if (r == 0 && unlinkat(fd, e->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                        r = -errno;
        }
        return r;
}

int folder_remove_tree(struct store *s, int at, const char *name)
{
        _cleanup_(fd_close_p) int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        int r = remove_below(s, fd, MANAGE_MAX_DEPTH);
        if (r == 0 && unlinkat(at, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                r = -errno;
        return r;
}

/* -EAGAIN: another session is at it. Its lock goes with it; where directories cannot be locked several remove
 * what is there, and each what it finds. */
static int empty_trash(struct store *s, int root)
{
        _cleanup_(fd_close_p) int fd =
                openat(root, FOLDER_TRASH, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
                return -EAGAIN;
        return folder_remove_tree(s, root, FOLDER_TRASH);
}

void folder_clear_trash(struct store *s, int root)
{
        if (empty_trash(s, root) == 0)
                quota_forget(s);
}

/* In one step out of the folders, then away for good. 0; 1: it is out, and not all of it could be removed;
 * -errno: it is where it was. */
static int trash(struct store *s, int root, const char *name)
{
        for (int i = 0; i < MANAGE_TRASH_TRIES; i++) {
                if (renameat(root, name, root, FOLDER_TRASH) == 0)
                        return empty_trash(s, root) < 0;
                if (errno != ENOTEMPTY && errno != EEXIST)
                        return -errno;
                int r = folder_remove_tree(s, root, FOLDER_TRASH);
                if (r == 0)
                        quota_forget(s);
                if (r < 0 && r != -ENOTEMPTY)
                        return r;
        }
        return -EBUSY;
}

static int delete_maildir(struct store *s, struct arena *a, const struct folder_place *f)
{
        _cleanup_(fd_close_p) int root = -1, dir = -1, control = -1, index = -1;
        int r = folder_open(s, f, &dir);
        if (r == 0)
                r = folder_open_root(s, f->ns, &root);
        if (r < 0)
                return r;
        struct quota_sum gone = {0};
        if (quota_counts(s, f))
                (void)!quota_sum_folder(dir, &gone);
        const char *entry = arena_printf(a, ".%s", f->disk);
        /* the index first: a new folder of this name must not find it */
        if (f->ns->location.index && folder_open_index_root(f->ns, &index) == 0)
                (void)!trash(s, index, entry);
        r = trash(s, root, entry);
        if (r < 0)
                return error_set(s, r, "rename", f->dir);
        if (r == 0) /* else it counts until it is gone */
                quota_change(s, -(int64_t)gone.bytes, -(int64_t)gone.messages);
        if (f->ns->location.control && folder_open_control_root(s, f->ns, &control) == 0)
                (void)!trash(s, control, entry);
        return 0;
}

int store_delete(struct store *s, const char *name)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct folder_place f;
        int r = folder_resolve(s, &a, name, &f);
        if (r < 0)
                return r;
        if (f.inbox)
                return error_text(s, -EBUSY, "INBOX cannot be deleted");
        r = f.file ? mbox_folder_delete(s, &f) : delete_maildir(s, &a, &f);
        /* on a full disk that fails, and does no harm (special_use.h) */
        if (r == 0)
                (void)!special_use_forget(s, &f, false);
        return r;
}

int store_auto_create(struct store *s)
{
        _cleanup_(arena_free) struct arena a = {0};
        for (size_t i = 0; i < s->namespaces_n; i++) {
                const struct user_namespace *ns = &s->namespaces[i];
                for (size_t j = 0; j < ns->set->mailbox_count; j++) {
                        const struct settings_mailbox *mb = &ns->set->mailboxes[j];
                        if (mb->auto_create == SETTINGS_AUTO_NO)
                                continue;
                        bool is_inbox = slice_ieq(slice_of(mb->name), SLICE("INBOX"));
                        const char *name =
                                is_inbox ? "INBOX" : arena_printf(&a, "%s%s", ns->prefix, mb->name);
                        int r = is_inbox ? 0 : store_create(s, name);
                        bool made = r == 0;
                        if (r < 0 && r != -EEXIST)
                                return r;
                        /* who unsubscribed from it must not find it subscribed at the next login */
                        if (made && mb->auto_create == SETTINGS_AUTO_SUBSCRIBE)
                                r = store_subscribe(s, name, true);
                        if (r < 0 && r != -EEXIST)
                                return r;
                }
        }
        return 0;
}

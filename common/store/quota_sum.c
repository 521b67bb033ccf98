/* Adding up what is there. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/filename.h"
#include "store/mailbox.h"
#include "store/quota.h"
#include "store/tree.h"

/* Sizes are in the names, nearly always. */
static int sum_dir(int dir, const char *sub, struct quota_sum *to)
{
        int fd = openat(dir, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        _cleanup_(dir_close_p) DIR *d = fdopendir(fd);
        if (!d) {
                fd_close_p(&fd);
                return -ENOMEM;
        }
        int r = 0;
        for (struct dirent *e; (e = dir_next(d, &r));) {
                struct slice base, info;
                struct stat st;
                uint64_t size;
                if (e->d_name[0] == '.')
                        continue;
                filename_split(slice_of(e->d_name), &base, &info);
                if (!filename_size(base, 'S', &size)) {
                        if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                                continue;
                        size = (uint64_t)st.st_size;
                }
                to->bytes += size;
                to->messages++;
        }
        return r;
}

int quota_sum_folder(int dir, struct quota_sum *to)
{
        int r = sum_dir(dir, "new", to);
        return r < 0 ? r : sum_dir(dir, "cur", to);
}

/* One walk over all folders that count. */
struct walk {
        struct store *s;
        struct arena arena; /* one folder's */
        int (*each)(struct walk *w, const struct folder_place *f);
        struct quota_sum sum;
        struct buf stamps; /* struct timespec: of new/ and cur/ of each folder, in the order of the walk */
        size_t compared;   /* how far the second walk is in them */
        bool changed;
};

struct walk_root {
        struct walk *w;
        const struct user_namespace *ns;
};

static void walk_free(struct walk *w)
{
        arena_free(&w->arena);
        buf_free(&w->stamps);
}

static int visit(struct walk *w, const char *name)
{
        struct folder_place f;
        int r = folder_resolve(w->s, &w->arena, name, &f);
        user_step(w->s, w->sum.messages, 0);
        if (r == 0 && quota_counts(w->s, &f))
                r = w->each(w, &f);
        /* one that was deleted meanwhile, or a name that could not be opened */
        return r == -ENOENT || r == -EINVAL ? 0 : r;
}

static int visit_entry(void *context, const struct tree_entry *e)
{
        struct walk_root *root = context;
        const char *name;
        if (e->is_level || folder_name_of(root->ns, &root->w->arena, e->disk, &name) < 0)
                return 0;
        int r = visit(root->w, name);
        arena_reset(&root->w->arena);
        return r;
}

static int walk_namespace(struct walk *w, const struct user_namespace *ns)
{
        struct walk_root root = {w, ns};
        return tree_walk(w->s, ns, visit_entry, &root);
}

/* Two namespaces may show the same folders by different names. */
static bool is_repeated(const struct store *s, size_t at)
{
        for (size_t i = 0; i < at; i++)
                if (strcmp(s->namespaces[i].location.root, s->namespaces[at].location.root) == 0)
                        return true;
        return false;
}

static int walk_all(struct walk *w)
{
        int r = visit(w, "INBOX");
        for (size_t i = 0; r == 0 && i < w->s->namespaces_n; i++)
                if (!is_repeated(w->s, i))
                        r = walk_namespace(w, &w->s->namespaces[i]);
        return r;
}

static int stamp(struct walk *w, int dir, const char *sub)
{
        struct stat st;
        if (fstatat(dir, sub, &st, AT_SYMLINK_NOFOLLOW) < 0)
                st.st_mtim = (struct timespec){0};
        return buf_append(&w->stamps, slice_make(&st.st_mtim, sizeof(st.st_mtim)));
}

static int sum_one(struct walk *w, const struct folder_place *f)
{
        _cleanup_(fd_close_p) int dir = -1;
        int r = folder_open(w->s, f, &dir);
        if (r < 0)
                return r;
        stamp(w, dir, "new");
        stamp(w, dir, "cur");
        return quota_sum_folder(dir, &w->sum);
}

static int compare_one(struct walk *w, const struct folder_place *f)
{
        _cleanup_(fd_close_p) int dir = -1;
        size_t at = w->stamps.n;
        int r = folder_open(w->s, f, &dir);
        if (r < 0)
                return r;
        stamp(w, dir, "new");
        stamp(w, dir, "cur");
        size_t n = w->stamps.n - at;
        w->stamps.n = at;
        w->changed |= w->compared + n > at || memcmp(w->stamps.p + w->compared, w->stamps.p + at, n) != 0;
        w->compared += n;
        return 0;
}

int quota_sum_files(struct store *s, struct quota_sum *ret)
{
        _cleanup_(walk_free) struct walk w = {.s = s, .each = sum_one};
        int r = walk_all(&w);
        if (r < 0)
                return r;
        *ret = w.sum;
        w.each = compare_one;
        r = walk_all(&w);
        return r < 0 ? r : w.changed || w.compared != w.stamps.n ? -EAGAIN : 0;
}

static int sum_index(struct walk *w, const struct folder_place *f)
{
        _cleanup_(mailbox_close) struct mailbox *m = NULL;
        struct mailbox_summary known;
        uint64_t total = 0, size;
        if (mailbox_peek(w->s, f->name, &known) == 0 && known.size_known) {
                w->sum.bytes += known.size;
                w->sum.messages += known.status.messages;
                return 0;
        }
        int r = mailbox_open(w->s, f->name, true, &m);
        if (r < 0)
                return r;
        if (!mailbox_total_size(m, &total)) {
                total = 0;
                for (uint32_t seq = 1; seq <= mailbox_count(m); seq++)
                        if (mailbox_size(m, seq, &size) == 0)
                                total += size;
        }
        w->sum.bytes += total;
        w->sum.messages += mailbox_count(m);
        return 0;
}

int quota_sum_indexes(struct store *s, struct quota_sum *ret)
{
        _cleanup_(walk_free) struct walk w = {.s = s, .each = sum_index};
        int r = walk_all(&w);
        if (r == 0)
                *ret = w.sum;
        return r;
}

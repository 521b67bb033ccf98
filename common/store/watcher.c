#include "store/watcher.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/annotation.h"
#include "store/folder.h"
#include "store/tree.h"

enum {
        WATCHER_READ = 16 * 1024,      /* bytes of events taken at once */
        WATCHER_NEWS_MAX = 64 * 1024,  /* events that are told apart in one call */
        WATCHER_WATCHES_MAX = 1 << 20, /* a folder that is made and removed takes new numbers each time */
};

#define WATCHER_TREE        UINT32_MAX
#define WATCHER_ANNOTATIONS (UINT32_C(1) << 31) /* with the folder's number */

struct watcher {
        struct store *store;
        int fd;
        struct buf numbers; /* uint32_t: of the folder, by the kernel's number of the watch */
};

int watcher_open(struct store *s, struct watcher **ret)
{
        struct watcher *w = xcalloc(1, sizeof(*w));
        w->store = s;
        w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        *ret = w;
        return 0;
}

void watcher_close(struct watcher **wp)
{
        if (!*wp)
                return;
        fd_close_p(&(*wp)->fd);
        buf_free(&(*wp)->numbers);
        free(*wp);
        *wp = NULL;
}

int watcher_fd(const struct watcher *w)
{
        return w->fd;
}

static void set_number(struct watcher *w, int wd, uint32_t number)
{
        size_t need = ((size_t)wd + 1) * sizeof(uint32_t);
        if (w->numbers.n < need) {
                memset(buf_reserve(&w->numbers, need - w->numbers.n), 0, need - w->numbers.n);
                w->numbers.n = need;
        }
        uint32_t *at = (uint32_t *)(void *)w->numbers.p + wd;
        if (*at != WATCHER_TREE) /* the INBOX's files may lie in the root */
                *at = number;
}

/* What cannot be watched because it is not there is not missed; a limit ends all watching. */
static int add(struct watcher *w, const char *path, uint32_t mask, uint32_t number)
{
        if (w->fd < 0)
                return 0;
        int wd = inotify_add_watch(w->fd, path, mask | IN_MASK_ADD);
        if (wd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
                return -ENOENT;
        if (wd < 0 || wd > WATCHER_WATCHES_MAX) {
                fd_close_p(&w->fd);
                return 0;
        }
        set_number(w, wd, number);
        return 0;
}

enum { TREE_MASK = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR };

struct root {
        struct watcher *w;
        const char *path;
};

/* mbox folders are made in every directory below the root. */
static int add_level(void *context, const struct tree_entry *e)
{
        const struct root *root = context;
        _cleanup_(free_p) char *path = xasprintf("%s/%.*s", root->path, SLICE_ARG(e->disk));
        if (!e->is_file)
                add(root->w, path, TREE_MASK | IN_DONT_FOLLOW, WATCHER_TREE);
        return root->w->fd < 0;
}

void watcher_add_tree(struct watcher *w)
{
        for (size_t i = 0; i < w->store->namespaces_n; i++) {
                const struct user_namespace *ns = &w->store->namespaces[i];
                const struct location *l = &ns->location;
                struct root root = {w, l->root};
                if (ns->set->list == SETTINGS_LIST_NO)
                        continue;
                add(w, l->root, TREE_MASK, WATCHER_TREE);
                if (l->control)
                        add(w, l->control, TREE_MASK, WATCHER_TREE);
                if (l->format == LOCATION_MBOX)
                        (void)!tree_walk(w->store, ns, add_level, &root);
        }
}

/* An mbox is watched itself: in the spool's directory there are those of all users. */
static int add_mbox(struct watcher *w, const struct folder_place *place, uint32_t number)
{
        enum { MASK = IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF };
        return add(w, place->file, MASK | (place->inbox ? 0 : IN_DONT_FOLLOW), number);
}

int watcher_add_folder(struct watcher *w, const char *name, uint32_t number)
{
        enum { MASK = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DONT_FOLLOW | IN_ONLYDIR };
        static const char *const subs[] = {"new", "cur"};
        _cleanup_(arena_free) struct arena a = {0};
        struct folder_place place;
        int r = folder_resolve(w->store, &a, name, &place);
        if (r == 0 && place.file)
                return add_mbox(w, &place, number) < 0 ? -ENOENT : 0;
        for (size_t i = 0; i < ARRAY_LEN(subs) && r == 0; i++)
                r = add(w, arena_printf(&a, "%s/%s", place.dir, subs[i]), MASK, number);
        return r < 0 ? -ENOENT : 0;
}

void watcher_add_annotations(struct watcher *w, const char *name, uint32_t number)
{
        enum { MASK = IN_DELETE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR };
        _cleanup_(arena_free) struct arena a = {0};
        struct folder_place place;
        if (folder_resolve(w->store, &a, name, &place) == 0)
                add(w, place.control, MASK, number | WATCHER_ANNOTATIONS);
}

int watcher_identity(struct store *s, const char *name, struct watcher_identity *ret)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct folder_place place;
        struct stat st;
        if (folder_resolve(s, &a, name, &place) < 0 || stat(place.file ? place.file : place.dir, &st) < 0)
                return -ENOENT;
        *ret = (struct watcher_identity){st.st_dev, st.st_ino};
        return 0;
}

static bool is_subscriptions(const struct store *s, struct slice name)
{
        for (size_t i = 0; i < s->namespaces_n; i++)
                if (slice_eq(name, slice_of(s->namespaces[i].location.subscriptions)))
                        return true;
        return false;
}

/* An mbox, or a directory of such; that one was written to is not about the tree. */
static bool is_mbox(const struct store *s, const struct inotify_event *e, struct slice name)
{
        for (size_t i = 0; i < s->namespaces_n && !(e->mask & IN_CLOSE_WRITE); i++)
                if (s->namespaces[i].location.format == LOCATION_MBOX &&
                    !name_is_reserved(&s->namespaces[i].form, name))
                        return true;
        return false;
}

/* In a root there is also what is INBOX's: lists, indexes, locks. */
static bool is_about_tree(const struct store *s, const struct inotify_event *e)
{
        struct slice name = slice_of(e->len ? e->name : "");
        return (e->mask & IN_ISDIR && slice_starts(name, SLICE("."))) || is_mbox(s, e, name) ||
               is_subscriptions(s, name) || slice_eq(name, SLICE(ANNOTATIONS_SERVER_NAME)) ||
               slice_eq(name, SLICE(ANNOTATIONS_NAME));
}

static void add_folder(struct watcher_news *news, uint32_t number)
{
        if (news->n == WATCHER_NEWS_MAX)
                news->all = true;
        else if (news->n == 0 || news->folders[news->n - 1] != number)
                news->folders[news->n++] = number;
}

static void take(struct watcher *w, const struct inotify_event *e, struct watcher_news *news)
{
        uint32_t number;
        if (e->mask & IN_Q_OVERFLOW)
                news->all = true;
        if (e->wd < 0 || e->mask & IN_IGNORED || ((size_t)e->wd + 1) * sizeof(number) > w->numbers.n)
                return;
        memcpy(&number, w->numbers.p + (size_t)e->wd * sizeof(number), sizeof(number));
        if (number == WATCHER_TREE)
                news->tree |= is_about_tree(w->store, e);
        else if (!(number & WATCHER_ANNOTATIONS))
                add_folder(news, number);
        else if (slice_eq(slice_of(e->len ? e->name : ""), SLICE(ANNOTATIONS_NAME)))
                add_folder(news, number & ~WATCHER_ANNOTATIONS);
        else /* an INBOX that is an mbox has them beside its own, not in the root */
                news->tree |= slice_eq(slice_of(e->len ? e->name : ""), SLICE(ANNOTATIONS_SERVER_NAME));
}

void watcher_read(struct watcher *w, struct arena *arena, struct watcher_news *ret)
{
        _Alignas(struct inotify_event) char events[WATCHER_READ];
        ssize_t n = 0;
        *ret = (struct watcher_news){.folders = NULL};
        while (w->fd >= 0 && (n = read(w->fd, events, sizeof(events))) > 0) {
                if (!ret->folders)
                        ret->folders = arena_array(arena, uint32_t, WATCHER_NEWS_MAX);
                for (char *p = events; p < events + n;) {
                        const struct inotify_event *e = (const struct inotify_event *)(const void *)p;
                        take(w, e, ret);
                        p += sizeof(*e) + e->len;
                }
        }
}

/* NOTIFY: the list of folders, and what LIST tells of it. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/map.h"
#include "imap/notify_state.h"
#include "imap/reply.h"
#include "imap/source.h"

enum { WATCH_SELECTED = INT32_MAX /* number of a selected mailbox that no group names */ };

static bool can_hold_messages(const struct notify_folder *f)
{
        return !(f->flags & (FOLDER_NONEXISTENT | FOLDER_NOSELECT));
}

static unsigned events_of(const struct imap_session *s, const struct notify *n, const struct notify_folder *f)
{
        const struct folder folder = {.name = f->name, .separator = f->separator, .flags = f->flags};
        unsigned events = 0;
        for (size_t i = 0; i < n->groups_n; i++)
                if (imap_source_has(s, &n->groups[i].source, 1, &folder))
                        events |= n->groups[i].events;
        return can_hold_messages(f) ? events : events & (unsigned)~NOTIFY_MESSAGE_EVENTS;
}

static void tell_folder(struct imap_session *s, const struct notify_folder *f, const char *old_name)
{
        const struct folder folder = {.name = f->name, .separator = f->separator, .flags = f->flags};
        imap_write_folder(s, &folder, old_name);
}

/* `name` is `above`, or below it. */
static bool is_within(struct slice name, struct slice above, char separator)
{
        return slice_starts(name, above) && (name.n == above.n || name.p[above.n] == separator);
}

/* A command of the session's own is about this name, or what is above it. */
static bool is_own(struct imap_session *s, const struct imap_command *own, const struct notify_folder *f)
{
        struct slice names[2] = {SLICE_NULL, SLICE_NULL};
        if (!own)
                return false;
        if (own->id == IMAP_RENAME) {
                names[0] = own->rename.from;
                names[1] = own->rename.to;
        } else if (own->id == IMAP_SETMETADATA) {
                names[0] = own->setmetadata.mailbox;
        } else {
                names[0] = own->id == IMAP_CREATE ? own->create.mailbox : own->mailbox;
        }
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                if (!names[i].n)
                        continue;
                /* a parent that appears or goes with its only child is affected as well */
                struct slice name = slice_of(imap_mailbox_name(s, names[i])), this = slice_of(f->name);
                if (is_within(name, this, f->separator) || is_within(this, name, f->separator))
                        return true;
        }
        return false;
}

static int read_list(struct imap_session *s, struct notify *n, struct arena *names,
                     struct notify_folder **ret, size_t *ret_n)
{
        struct folder *folders;
        size_t count;
        int r = store_list(s->store, names, &folders, &count);
        if (r < 0)
                return r;
        if (count > NOTIFY_FOLDERS_MAX)
                return -E2BIG;
        struct notify_folder *made = xcalloc(count + 1, sizeof(*made));
        for (size_t i = 0; i < count; i++) {
                made[i].name = folders[i].name;
                made[i].separator = folders[i].separator;
                made[i].flags = folders[i].flags;
                made[i].events = events_of(s, n, &made[i]);
                if (can_hold_messages(&made[i]))
                        watcher_identity(s->store, made[i].name, &made[i].identity);
        }
        *ret = made;
        *ret_n = count;
        return 0;
}

static struct notify_folder *find(struct notify *n, const struct map *by_name, const char *name)
{
        uintptr_t index = (uintptr_t)map_get(by_name, slice_of(name));
        return index ? &n->folders[index - 1] : NULL;
}

/* The folder that had this directory before and is not there under its old name any more. */
static struct notify_folder *find_renamed(struct notify *n, const struct notify_folder *new,
                                          const struct map *new_names)
{
        for (size_t i = 0; i < n->n && new->identity.inode; i++) {
                struct notify_folder *old = &n->folders[i];
                if (old->identity.inode == new->identity.inode &&
                    old->identity.device == new->identity.device && !map_get(new_names, slice_of(old->name)))
                        return old;
        }
        return NULL;
}

static bool exists(const struct notify_folder *f)
{
        return f && !(f->flags & FOLDER_NONEXISTENT);
}

static void carry_over(struct notify_folder *new, struct notify_folder *old)
{
        new->metadata = old->metadata;
        old->metadata = (struct notify_metadata){0};
        new->dirty = old->dirty || !old->known;
        new->known = old->known;
        new->messages = old->messages;
        new->unseen = old->unseen;
        new->uidnext = old->uidnext;
        new->uidvalidity = old->uidvalidity;
        new->modseq = old->modseq;
}

/* The parent was renamed too: children go without saying (section 5.4). */
static bool parent_was_renamed(const struct notify_folder *new, const struct map *renamed)
{
        struct slice name = slice_of(new->name);
        for (size_t i = name.n; i-- > 1;)
                if (name.p[i] == new->separator && map_get(renamed, slice_head(name, i)))
                        return true;
        return false;
}

static void compare(struct imap_session *s, const struct imap_command *own, struct notify_folder *new,
                    struct notify_folder *old, struct notify_folder *was, struct map *renamed)
{
        unsigned events = new->events | (old ? old->events : 0);
        if (old)
                carry_over(new, old);
        else if (was)
                carry_over(new, was);
        else
                new->dirty = true;
        bool silent = is_own(s, own, new);
        if (was)
                map_put(renamed, slice_of(new->name), new);
        if (exists(new) != exists(old)) {
                bool told = was && parent_was_renamed(new, renamed);
                if (events & NOTIFY_MAILBOX_NAME && !silent && !told)
                        tell_folder(s, new, was ? was->name : NULL);
        } else if (events & NOTIFY_SUBSCRIPTION_CHANGE && !silent &&
                   (new->flags ^ (old ? old->flags : 0)) & FOLDER_SUBSCRIBED) {
                tell_folder(s, new, NULL);
        }
}

static void tell_gone(struct imap_session *s, struct notify *n, const struct imap_command *own,
                      const struct map *new_names, const struct map *moved)
{
        for (size_t i = 0; i < n->n; i++) {
                struct notify_folder *old = &n->folders[i];
                unsigned change = (exists(old) ? NOTIFY_MAILBOX_NAME : 0) |
                                  (old->flags & FOLDER_SUBSCRIBED ? NOTIFY_SUBSCRIPTION_CHANGE : 0);
                if (map_get(new_names, slice_of(old->name)) || map_get(moved, slice_of(old->name)) ||
                    !(old->events & change) || is_own(s, own, old))
                        continue;
                old->flags = FOLDER_NONEXISTENT;
                tell_folder(s, old, NULL);
        }
}

static void index_names(struct map *to, struct notify_folder *folders, size_t n)
{
        for (size_t i = 0; i < n; i++)
                map_put(to, slice_of(folders[i].name), (void *)(uintptr_t)(i + 1));
}

/* What is new against what was. */
static void tell_tree(struct imap_session *s, struct notify *n, const struct imap_command *own,
                      struct notify_folder *folders, size_t count)
{
        _cleanup_(map_free) struct map old_names = {0}, new_names = {0}, renamed = {0}, moved = {0};
        index_names(&old_names, n->folders, n->n);
        index_names(&new_names, folders, count);
        for (size_t i = 0; i < count; i++) {
                struct notify_folder *old = find(n, &old_names, folders[i].name);
                struct notify_folder *was = exists(old) ? NULL : find_renamed(n, &folders[i], &new_names);
                if (was)
                        map_put(&moved, slice_of(was->name), was);
                compare(s, own, &folders[i], old, was, &renamed);
        }
        tell_gone(s, n, own, &new_names, &moved);
}

static void watch_folder(struct notify *n, uint32_t i)
{
        const struct notify_folder *f = &n->folders[i];
        if (f->events & NOTIFY_MESSAGE_EVENTS)
                watcher_add_folder(n->watcher, f->name, i);
        if (f->events & NOTIFY_MAILBOX_METADATA)
                watcher_add_annotations(n->watcher, f->name, i);
}

/* All watches anew, those of the tree first: numbers of folders are places in the list. */
static void watch_tree(struct imap_session *s, struct notify *n)
{
        watcher_close(&n->watcher);
        watcher_open(s->store, &n->watcher);
        watcher_add_tree(n->watcher);
        n->watched[0] = '\0';
        n->look = deadline_in_ms(NOTIFY_LOOK_MS);
}

static void watch_folders(struct notify *n)
{
        for (size_t i = 0; i < n->n; i++)
                watch_folder(n, (uint32_t)i);
}

void notify_free_folders(struct notify *n)
{
        for (size_t i = 0; i < n->n; i++)
                buf_free(&n->folders[i].metadata.text);
        free(n->folders);
        n->folders = NULL;
        n->n = 0;
}

static bool wants_server(const struct notify *n)
{
        for (size_t i = 0; i < n->groups_n; i++)
                if (n->groups[i].events & NOTIFY_SERVER_METADATA)
                        return true;
        return false;
}

/* Messages and annotations of the folders that are dirty. */
static void look_at_all(struct imap_session *s, struct notify *n, const struct imap_command *own)
{
        for (size_t i = 0; i < n->n && !conn_error(&s->conn); i++) {
                struct notify_folder *f = &n->folders[i];
                if (!f->dirty)
                        continue;
                notify_look(s, f);
                if (f->events & NOTIFY_MAILBOX_METADATA && can_hold_messages(f))
                        notify_look_metadata(s, f->name, &f->metadata, is_own(s, own, f));
        }
}

static int read_tree(struct imap_session *s, struct notify *n, const struct imap_command *own, bool first)
{
        struct arena names = {0};
        struct notify_folder *folders;
        size_t count;
        /* before it is read: what happens in the tree meanwhile is seen later */
        watch_tree(s, n);
        int r = read_list(s, n, &names, &folders, &count);
        if (r < 0) {
                arena_free(&names);
                watch_folders(n);
                return r;
        }
        if (!first)
                tell_tree(s, n, own, folders, count);
        if (wants_server(n))
                notify_look_metadata(s, "", &n->server, own && own->id == IMAP_SETMETADATA);
        notify_free_folders(n);
        arena_free(&n->names);
        n->folders = folders;
        n->n = count;
        n->names = names;
        n->tree = false;
        /* what happens in folders from here on is seen, and what happened before is looked at after it */
        watch_folders(n);
        for (size_t i = 0; i < n->n; i++)
                n->folders[i].dirty = true;
        return 0;
}

int notify_begin(struct imap_session *s, struct notify *n, bool status)
{
        int r = read_tree(s, n, NULL, true);
        if (r == 0)
                look_at_all(s, n, NULL);
        for (size_t i = 0; r == 0 && i < n->n; i++) {
                struct notify_folder *f = &n->folders[i];
                if (status && f->known && !imap_is_selected(s, f->name))
                        r = imap_write_status(s, f->name, notify_first_items(f));
                if (r == -ENOENT)
                        r = 0;
        }
        return r;
}

static void overflow(struct imap_session *s)
{
        conn_puts(&s->conn, "* OK [NOTIFICATIONOVERFLOW] There are too many folders to watch.\r\n");
        s->notify->groups_n = 0; /* as NOTIFY NONE */
        s->notify->selected = NULL;
        watcher_close(&s->notify->watcher);
        notify_free_folders(s->notify);
}

static void take_news(struct imap_session *s, struct notify *n)
{
        struct watcher_news news;
        watcher_read(n->watcher, &s->arena, &news);
        if (watcher_fd(n->watcher) < 0 && deadline_left(n->look) == 0) {
                news.all = true;
                n->look = deadline_in_ms(NOTIFY_LOOK_MS);
        }
        n->tree |= news.tree || news.all;
        for (size_t i = 0; i < news.n; i++)
                if (news.folders[i] < n->n)
                        n->folders[news.folders[i]].dirty = true;
        for (size_t i = 0; news.all && i < n->n; i++)
                n->folders[i].dirty = true;
}

void notify_tell(struct imap_session *s, const struct imap_command *own)
{
        struct notify *n = s->notify;
        if (!n || !n->watcher || s->over)
                return;
        take_news(s, n);
        if (n->tree) {
                int r = read_tree(s, n, own, false);
                if (r == -E2BIG) {
                        overflow(s);
                        return;
                }
                if (r < 0)
                        log_error("NOTIFY: %s", store_error(s->store));
        }
        look_at_all(s, n, own);
}

int notify_watch(struct imap_session *s, struct notify *n)
{
        if (!n->watcher)
                return -1;
        const char *name = s->mailbox ? mailbox_name(s->mailbox) : "";
        if (n->selected && strcmp(n->watched, name) != 0) {
                snprintf(n->watched, sizeof(n->watched), "%s", name);
                size_t i = 0;
                while (i < n->n && !(strcmp(n->folders[i].name, name) == 0 &&
                                     n->folders[i].events & NOTIFY_MESSAGE_EVENTS))
                        i++;
                if (*name && i == n->n)
                        watcher_add_folder(n->watcher, name, WATCH_SELECTED);
        }
        return watcher_fd(n->watcher);
}

/* NOTIFY: what was asked for, and what follows for the selected mailbox. See notify_folders.c for the others
 * and idle.c for the waiting. */

#include "imap/notify_state.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "imap/reply.h"
#include "imap/source.h"

#define SUPPORTED_EVENTS                                                                                     \
        "MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange "         \
        "ServerMetadataChange"

void notify_free(struct notify **np)
{
        struct notify *n = *np;
        if (!n)
                return;
        watcher_close(&n->watcher);
        arena_free(&n->arena);
        arena_free(&n->names);
        notify_free_folders(n);
        buf_free(&n->server.text);
        free(n);
        *np = NULL;
}

static struct slice *keep_slices(struct arena *a, const struct slice *from, size_t n)
{
        struct slice *to = arena_array(a, struct slice, n);
        for (size_t i = 0; i < n; i++)
                to[i] = arena_slice(a, from[i]);
        return to;
}

static struct imap_fetch_item *keep_items(struct arena *a, const struct imap_fetch_item *from, size_t n)
{
        struct imap_fetch_item *to = arena_array(a, struct imap_fetch_item, n);
        for (size_t i = 0; i < n; i++) {
                struct imap_section *section = &to[i].section;
                to[i] = from[i];
                section->fields = keep_slices(a, section->fields, section->fields_n);
                section->part = arena_array(a, uint32_t, section->part_n);
                if (section->part_n)
                        memcpy(section->part, from[i].section.part, section->part_n * sizeof(uint32_t));
        }
        return to;
}

/* The command's memory ends with it. */
static void keep_groups(struct imap_session *s, struct notify *n, const struct imap_command *c)
{
        n->groups_n = c->notify.groups_n;
        n->groups = arena_array(&n->arena, struct imap_notify_group, n->groups_n);
        for (size_t i = 0; i < n->groups_n; i++) {
                struct imap_notify_group *g = &n->groups[i];
                *g = c->notify.groups[i];
                g->items = keep_items(&n->arena, g->items, g->items_n);
                imap_source_resolve(s, &g->source, 1);
                g->source.names = keep_slices(&n->arena, g->source.names, g->source.names_n);
                if (g->source.kind & (SOURCE_SELECTED | SOURCE_SELECTED_DELAYED))
                        n->selected = g;
        }
}

static bool has_unsupported(const struct imap_command *c)
{
        for (size_t i = 0; i < c->notify.groups_n; i++)
                if (c->notify.groups[i].events & NOTIFY_UNSUPPORTED)
                        return true;
        return false;
}

void imap_exec_notify(struct imap_session *s, const struct imap_command *c)
{
        if (has_unsupported(c)) {
                imap_no(s, c, "[BADEVENT (" SUPPORTED_EVENTS ")] There are no other events.");
                return;
        }
        struct notify *n = xcalloc(1, sizeof(*n));
        keep_groups(s, n, c);
        int r = n->groups_n ? notify_begin(s, n, c->notify.status) : 0;
        if (r < 0) {
                notify_free(&n);
                if (r == -E2BIG)
                        imap_no(s, c, "[NOTIFICATIONOVERFLOW] There are too many folders to watch.");
                else
                        imap_fail(s, c, r, "NOTIFY");
                return;
        }
        /* what has gathered is told once more as it would be without NOTIFY (section 3.1) */
        notify_free(&s->notify);
        imap_sync(s, true, true);
        s->notify = n;
        if (!s->over)
                imap_ok(s, c, "Notify completed.");
}

bool notify_tells_selected(const struct imap_session *s)
{
        return !s->notify || (s->notify->selected && s->notify->selected->events);
}

bool notify_tells_flags(const struct imap_session *s)
{
        return !s->notify || (s->notify->selected && s->notify->selected->events & NOTIFY_FLAG_CHANGE);
}

bool notify_tells_expunges_at_once(const struct imap_session *s)
{
        return s->notify && s->notify->selected && s->notify->selected->source.kind == SOURCE_SELECTED;
}

void notify_fetch(struct imap_session *s, uint32_t first_seq)
{
        const struct imap_notify_group *g = s->notify ? s->notify->selected : NULL;
        if (g && g->items_n)
                imap_fetch_from(s, first_seq, g->items, g->items_n);
}

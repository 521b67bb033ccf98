/* The arguments of NOTIFY (RFC 5465 section 8): any bytes give groups of events that its executor can follow,
 * or an error. */

#include <stdlib.h>

#include "base/buf.h"
#include "imap/parse.h"

static void check(bool ok)
{
        if (!ok)
                abort();
}

static void check_source(const struct imap_source *s)
{
        check(s->kind && !(s->kind & (s->kind - 1)) && s->kind != SOURCE_SUBTREE_ONE);
        check((s->kind >= SOURCE_SUBTREE) == (s->names_n > 0));
        check(s->names_n <= PARSE_SOURCE_NAMES_MAX);
        for (size_t i = 0; i < s->names_n; i++)
                check(slice_find(s->names[i], '\0') == s->names[i].n);
}

/* RFC 5465 sections 5 and 6.1. */
static void check_group(const struct imap_notify_group *g, bool selected)
{
        unsigned e = g->events;
        check(!(e & NOTIFY_MESSAGE_NEW) == !(e & NOTIFY_MESSAGE_EXPUNGE));
        check(!(e & NOTIFY_FLAG_CHANGE) || e & NOTIFY_MESSAGE_NEW);
        check(!selected || !(e & ~(unsigned)(NOTIFY_MESSAGE_EVENTS | NOTIFY_UNSUPPORTED)));
        check(g->items_n == 0 || (selected && e & NOTIFY_MESSAGE_NEW));
        for (size_t i = 0; i < g->items_n; i++)
                for (size_t k = 0; k < g->items[i].section.fields_n; k++)
                        check(g->items[i].section.fields[k].n > 0);
        check_source(&g->source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(arena_free) struct arena arena = {0};
        _cleanup_(buf_free) struct buf command = {0};
        struct imap_parse_error error = {0};
        struct imap_command c;
        unsigned selected = 0;
        buf_str(&command, "a NOTIFY");
        buf_append(&command, slice_make(data, size));
        if (imap_command_parse(&arena, buf_slice(&command), 0, &c, &error) < 0) {
                check(error.text && error.text[0] && strlen(error.text) < 256);
                return 0;
        }
        check(c.id == IMAP_NOTIFY && c.notify.groups_n <= PARSE_NOTIFY_GROUPS_MAX);
        check(!c.notify.status || c.notify.groups_n > 0);
        for (size_t i = 0; i < c.notify.groups_n; i++) {
                unsigned kind = c.notify.groups[i].source.kind;
                bool is_selected = kind & (SOURCE_SELECTED | SOURCE_SELECTED_DELAYED);
                check_group(&c.notify.groups[i], is_selected);
                selected += is_selected;
        }
        check(selected <= 1);
        return 0;
}

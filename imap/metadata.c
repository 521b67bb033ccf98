/* GETMETADATA and SETMETADATA (RFC 5464). */

#include "imap/metadata.h"

#include <errno.h>
#include <string.h>

#include "imap/check.h"
#include "imap/quote.h"
#include "imap/reply.h"

static void write_entry(struct imap_session *s, struct slice name, struct slice value, const char *before)
{
        _cleanup_(buf_free) struct buf b = {};

        buf_str(&b, before);
        quote_astring(&b, name);
        buf_char(&b, ' ');
        /* literal8 (RFC 3516) is for what no string can hold */
        if (value.n && slice_find(value, '\0') < value.n) {
                buf_printf(&b, "~{%zu}\r\n", value.n);
                buf_append(&b, value);
        } else {
                quote_nstring(&b, value);
        }
        conn_write(&s->conn, buf_slice(&b));
}

/* Whether an annotation is the entry that was asked for, or not too far below it. */
static bool is_asked(struct slice name, struct slice asked, unsigned depth)
{
        struct slice below;

        if (slice_eq(name, asked))
                return true;
        if (depth == 0 || !slice_starts(name, asked) || name.p[asked.n] != '/')
                return false;
        below = slice_from(name, asked.n + 1);
        return depth == IMAP_DEPTH_INFINITY || slice_find(below, '/') == below.n;
}

/* One response being written, and what it leaves out. */
struct answer {
        struct imap_session *s;
        const char *mailbox;
        const struct imap_metadata *what;
        bool open;
        uint64_t longest; /* of those that are too long */
};

static void put(struct answer *a, struct slice name, struct slice value)
{
        if (value.p && a->what->limited && value.n > a->what->maxsize) {
                a->longest = MAX(a->longest, (uint64_t)value.n);
                return;
        }
        if (!a->open) {
                conn_puts(&a->s->conn, "* METADATA ");
                imap_write_mailbox(a->s, a->mailbox);
        }
        write_entry(a->s, name, value, a->open ? " " : " (");
        a->open = true;
}

/* Each once, however many of the names it is asked by. */
static bool was_asked_before(const struct imap_metadata *what, size_t i, struct slice name)
{
        for (size_t j = 0; j < i; j++)
                if (is_asked(name, what->entries.names[j], what->depth))
                        return true;
        return false;
}

int imap_write_metadata(struct imap_session *s, const char *mailbox, const struct imap_metadata *what,
                        uint64_t *ret_longest)
{
        struct answer a = {.s = s, .mailbox = mailbox, .what = what};
        _cleanup_(arena_free) struct arena arena = {}; /* LIST asks of very many mailboxes */
        struct annotation *list;
        size_t n;
        int r = store_annotations(s->store, mailbox, &arena, &list, &n);

        if (r < 0)
                return r;
        for (size_t i = 0; i < what->entries.n; i++) {
                struct slice asked = what->entries.names[i];
                bool found = was_asked_before(what, i, asked);

                for (size_t j = 0; j < n; j++) {
                        if (!is_asked(list[j].name, asked, what->depth))
                                continue;
                        found = true;
                        if (!was_asked_before(what, i, list[j].name))
                                put(&a, list[j].name, list[j].value);
                }
                if (!found && what->depth == 0)
                        put(&a, asked, SLICE_NULL);
        }
        if (a.open)
                conn_puts(&s->conn, ")\r\n");
        *ret_longest = a.longest;
        return 0;
}

/* The settings may not want it; then no client was told of it. */
static bool is_on(struct imap_session *s, const struct imap_command *c)
{
        if (s->settings->imap_metadata)
                return true;
        imap_bad(s, c, "Error in IMAP command %s: Unknown command.", imap_command_type(c->id)->name);
        return false;
}

void imap_exec_getmetadata(struct imap_session *s, const struct imap_command *c)
{
        const char *name = imap_mailbox_name(s, c->getmetadata.mailbox);
        const struct imap_metadata what = {.entries = c->getmetadata.entries,
                                           .depth = c->getmetadata.depth,
                                           .limited = c->getmetadata.limited,
                                           .maxsize = c->getmetadata.maxsize};
        uint64_t longest = 0;
        int r;

        if (!is_on(s, c))
                return;
        r = imap_write_metadata(s, name, &what, &longest);
        if (r < 0) {
                imap_fail_mailbox(s, c, r, name, "GETMETADATA");
                return;
        }
        imap_sync(s, true, false);
        if (s->over)
                return;
        if (longest)
                imap_ok(s, c, "[METADATA LONGENTRIES %llu] Getmetadata completed.",
                        (unsigned long long)longest);
        else
                imap_ok(s, c, "Getmetadata completed.");
}

static void refuse(struct imap_session *s, const struct imap_command *c, int error, const char *name)
{
        switch (error) {
        case -E2BIG:
                imap_no(s, c, "[METADATA MAXSIZE %d] A value is too large.", ANNOTATION_VALUE_MAX);
                break;
        case -ENOBUFS:
                imap_no(s, c, "[METADATA TOOMANY] There are too many annotations.");
                break;
        case -EOPNOTSUPP:
                imap_no(s, c, "[METADATA NOPRIVATE] This mailbox has no private annotations.");
                break;
        case -EPERM:
                imap_no(s, c, "[NOPERM] That annotation is the administrator's.");
                break;
        case -EDOM:
                imap_no(s, c, "[USEATTR] Not a special use.");
                break;
        default:
                imap_fail_mailbox(s, c, error, name, "SETMETADATA");
        }
}

/* A scope alone can be asked for, but has no value. */
static bool are_entries(struct imap_session *s, const struct imap_command *c)
{
        for (size_t i = 0; i < c->setmetadata.n; i++) {
                struct slice entry = c->setmetadata.list[i].entry;

                if (slice_rfind(entry, '/') > 0)
                        continue;
                imap_bad(s, c, "Error in IMAP command SETMETADATA: Invalid annotation entry: %.*s.",
                         SLICE_ARG(entry));
                return false;
        }
        return true;
}

void imap_exec_setmetadata(struct imap_session *s, const struct imap_command *c)
{
        const char *name = imap_mailbox_name(s, c->setmetadata.mailbox);
        struct annotation *changes;
        int r;

        if (!is_on(s, c) || !are_entries(s, c))
                return;
        changes = arena_array(&s->arena, struct annotation, c->setmetadata.n);
        for (size_t i = 0; i < c->setmetadata.n; i++)
                changes[i] = (struct annotation){c->setmetadata.list[i].entry, c->setmetadata.list[i].value};
        r = store_annotate(s->store, name, changes, c->setmetadata.n);
        if (r < 0)
                refuse(s, c, r, name);
        else
                imap_done(s, c, "Setmetadata completed.");
}

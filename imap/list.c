/* LIST, LSUB (RFC 3501 sections 6.3.8 and 6.3.9, CHILDREN of RFC 3348, SPECIAL-USE of RFC 6154) and NAMESPACE
 * (RFC 2342). */

#include <string.h>

#include "base/utf7.h"
#include "imap/check.h"
#include "imap/list_match.h"
#include "imap/reply.h"

static void write_separator(struct conn *c, char separator)
{
        conn_printf(c, separator == '"' || separator == '\\' ? "\"\\%c\"" : "\"%c\"", separator);
}

/* "* LIST (\HasNoChildren) "." Sent" */
static void write_folder(struct imap_session *s, const char *word, const char *attributes, char separator,
                         const char *name)
{
        conn_printf(&s->conn, "* %s (%s) ", word, attributes);
        write_separator(&s->conn, separator);
        conn_puts(&s->conn, " ");
        imap_write_mailbox(s, name);
        conn_puts(&s->conn, "\r\n");
}

/* The empty pattern asks for the separator and the root of the reference: a namespace's prefix, or the first
 * level. */
static void list_root(struct imap_session *s, const struct imap_command *c)
{
        const char *reference = imap_mailbox_name(s, c->list.reference);
        char separator = store_separator(s->store, reference);
        struct slice root = SLICE_NULL, all = slice_of(reference);
        const struct store_namespace *spaces;
        size_t n;

        spaces = store_namespaces(s->store, &n);
        for (size_t i = 0; i < n; i++)
                if (slice_starts(all, slice_of(spaces[i].prefix)) && strlen(spaces[i].prefix) > root.n)
                        root = slice_of(spaces[i].prefix);
        if (root.n == 0 && slice_find(all, separator) < all.n)
                root = slice_head(all, slice_find(all, separator) + 1);
        write_folder(s, "LIST", "\\Noselect", separator, arena_str(&s->arena, root));
}

/* RFC 5258's words only for those who used its syntax. */
static bool is_extended(const struct imap_command *c)
{
        return c->list.return_special_use || c->list.select_special_use || c->list.return_children;
}

static void list_folder(struct imap_session *s, const struct imap_command *c, const struct folder *f)
{
        bool there = !(f->flags & FOLDER_NONEXISTENT), children = f->flags & FOLDER_CHILDREN;
        const char *state = "", *use = there && f->special_use ? f->special_use : "";

        /* subscribed, but neither there nor above something that is */
        if (!there && !children)
                return;
        if (c->list.select_special_use && !*use)
                return;
        if (!there && is_extended(c))
                state = "\\NonExistent ";
        else if (!there || (f->flags & FOLDER_NOSELECT))
                state = "\\Noselect ";
        write_folder(s, "LIST",
                     arena_printf(&s->arena, "%s%s%s%s", state,
                                  children ? "\\HasChildren" : "\\HasNoChildren", *use ? " " : "", use),
                     f->separator, f->name);
}

/* A level that is not subscribed but has subscribed names below is told when "%" stops there (RFC 3501
 * section 6.3.9); with "*" the names themselves match. */
static void lsub_folder(struct imap_session *s, const struct imap_command *c, const struct folder *f,
                        const struct list_pattern *pattern)
{
        if (f->flags & FOLDER_SUBSCRIBED)
                write_folder(s, "LSUB", "", f->separator, f->name);
        else if ((f->flags & FOLDER_CHILD_SUBSCRIBED) && pattern->level && !pattern->any)
                write_folder(s, "LSUB", "\\Noselect", f->separator, f->name);
}

static int list_folders(struct imap_session *s, const struct imap_command *c)
{
        struct list_pattern pattern;
        struct folder *folders;
        size_t n;
        int r;

        if (list_pattern_make(&s->arena, c->list.reference, c->list.pattern, &pattern) < 0)
                return 0;
        r = store_list(s->store, &s->arena, false, &folders, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                const struct folder *f = &folders[i];

                if (!list_pattern_match(&pattern, f->separator, slice_of(f->name)))
                        continue;
                if (c->id == IMAP_LSUB)
                        lsub_folder(s, c, f, &pattern);
                else
                        list_folder(s, c, f);
        }
        return 0;
}

void imap_exec_list(struct imap_session *s, const struct imap_command *c)
{
        int r = 0;

        if (c->list.pattern.n > 0)
                r = list_folders(s, c);
        else if (c->id == IMAP_LIST)
                list_root(s, c);
        if (r < 0)
                imap_fail(s, c, r, c->id == IMAP_LSUB ? "LSUB" : "LIST");
        else
                imap_done(s, c, c->id == IMAP_LSUB ? "Lsub completed." : "List completed.");
}

void imap_tell_folder(struct imap_session *s, const char *name)
{
        unsigned flags = 0;

        if (store_lookup(s->store, name, &flags) == 0)
                write_folder(s, "LIST", flags & FOLDER_CHILDREN ? "\\HasChildren" : "\\HasNoChildren",
                             store_separator(s->store, name), name);
}

/* (("" ".")("Archive/" "/")) or NIL */
static void write_namespaces(struct imap_session *s, const struct store_namespace *spaces, size_t n, int type)
{
        bool open = false;

        for (size_t i = 0; i < n; i++) {
                _cleanup_(buf_free) struct buf prefix = {};

                if ((int)spaces[i].type != type || spaces[i].hidden)
                        continue;
                if (utf7_from_utf8(&prefix, slice_of(spaces[i].prefix)) < 0)
                        continue;
                conn_puts(&s->conn, open ? "(" : "((");
                imap_write_string(&s->conn, buf_slice(&prefix));
                conn_puts(&s->conn, " ");
                write_separator(&s->conn, spaces[i].separator);
                conn_puts(&s->conn, ")");
                open = true;
        }
        conn_puts(&s->conn, open ? ")" : "NIL");
}

void imap_exec_namespace(struct imap_session *s, const struct imap_command *c)
{
        const struct store_namespace *spaces;
        size_t n;

        spaces = store_namespaces(s->store, &n);
        conn_puts(&s->conn, "* NAMESPACE ");
        write_namespaces(s, spaces, n, NAMESPACE_PERSONAL);
        conn_puts(&s->conn, " ");
        write_namespaces(s, spaces, n, NAMESPACE_OTHER);
        conn_puts(&s->conn, " ");
        write_namespaces(s, spaces, n, NAMESPACE_SHARED);
        conn_puts(&s->conn, "\r\n");
        imap_done(s, c, "Namespace completed.");
}

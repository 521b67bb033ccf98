/* LIST, LSUB and XLIST (RFC 3501 sections 6.3.8 and 6.3.9, RFC 5258; CHILDREN of RFC 3348, SPECIAL-USE of RFC
 * 6154, STATUS of RFC 5819, MYRIGHTS of RFC 8440, METADATA of RFC 9590). */

#include <errno.h>
#include <string.h>

#include "base/map.h"
#include "imap/check.h"
#include "imap/list_match.h"
#include "imap/metadata.h"
#include "imap/reply.h"

/* Of a folder, under RECURSIVEMATCH: some folder below it is selected; and one of those is not told. */
enum { BELOW_SELECTED = 1 << 0, BELOW_UNTOLD = 1 << 1 };

struct listing {
        struct imap_session *s;
        const struct imap_command *c;
        struct list_pattern *patterns;
        size_t patterns_n;
        struct folder *folders;
        size_t n;
        uint8_t *below; /* by folder */
};

static const char *verb(const struct imap_command *c)
{
        return imap_command_type(c->id)->name;
}

void imap_write_separator(struct conn *c, char separator)
{
        conn_printf(c, separator == '"' || separator == '\\' ? "\"\\%c\"" : "\"%c\"", separator);
}

/* "* LIST (\HasNoChildren) "." Sent", without the line's end */
static void write_folder(struct imap_session *s, const char *what, struct slice attributes, char separator,
                         const char *name)
{
        conn_printf(&s->conn, "* %s (%.*s) ", what, SLICE_ARG(attributes));
        imap_write_separator(&s->conn, separator);
        conn_puts(&s->conn, " ");
        imap_write_mailbox(s, name);
}

/* RFC 5465 section 5.4, RFC 9051 section 6.3.9.7 */
static void write_old_name(struct imap_session *s, const char *name, const char *old)
{
        if (old && strcmp(old, name) != 0) {
                conn_puts(&s->conn, " (\"OLDNAME\" (");
                imap_write_mailbox(s, old);
                conn_puts(&s->conn, "))");
        }
        conn_puts(&s->conn, "\r\n");
}

void imap_tell_folder(struct imap_session *s, const char *name, const char *old)
{
        unsigned flags = FOLDER_NONEXISTENT;
        struct slice attributes = SLICE("\\HasNoChildren");

        if (store_lookup(s->store, name, &flags) < 0 || (flags & FOLDER_NONEXISTENT))
                attributes = SLICE("\\NonExistent");
        else if (flags & FOLDER_CHILDREN)
                attributes = SLICE("\\HasChildren");
        write_folder(s, "LIST", attributes, store_separator(s->store, name), name);
        write_old_name(s, name, old);
}

void imap_write_folder(struct imap_session *s, const struct folder *f, const char *old)
{
        const char *attributes =
                arena_printf(&s->arena, "%s%s%s%s", f->flags & FOLDER_NONEXISTENT ? "\\NonExistent " : "",
                             f->flags & FOLDER_NOSELECT ? "\\Noselect " : "",
                             f->flags & FOLDER_SUBSCRIBED ? "\\Subscribed " : "",
                             f->flags & FOLDER_CHILDREN ? "\\HasChildren" : "\\HasNoChildren");

        write_folder(s, "LIST", slice_of(attributes), f->separator, f->name);
        write_old_name(s, f->name, old);
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
        write_folder(s, verb(c), SLICE("\\Noselect"), separator, arena_str(&s->arena, root));
        conn_puts(&s->conn, "\r\n");
}

static bool is_matched(const struct listing *l, const struct folder *f)
{
        for (size_t i = 0; i < l->patterns_n; i++)
                if (list_pattern_match(&l->patterns[i], f->separator, slice_of(f->name)))
                        return true;
        return false;
}

/* RFC 5258 section 3.3. Without criteria: what is there, and levels above that. */
static bool is_selected(const struct listing *l, const struct folder *f)
{
        unsigned select = l->c->list.select;
        bool there = !(f->flags & FOLDER_NONEXISTENT);

        if ((select & LIST_SELECT_SUBSCRIBED) && !(f->flags & FOLDER_SUBSCRIBED))
                return false;
        if ((select & LIST_SELECT_SPECIAL_USE) && !(there && f->special_use))
                return false;
        return (select & LIST_SELECT_CRITERIA) || there || (f->flags & FOLDER_CHILDREN);
}

/* Tells the folders above each selected one. */
static void mark_parents(struct listing *l)
{
        _cleanup_(map_free) struct map by_name = {};

        l->below = arena_array(&l->s->arena, uint8_t, l->n);
        memset(l->below, 0, l->n);
        for (size_t i = 0; i < l->n; i++)
                map_put(&by_name, slice_of(l->folders[i].name), &l->folders[i]);
        for (size_t i = 0; i < l->n; i++) {
                const struct folder *f = &l->folders[i];
                struct slice name = slice_of(f->name);
                const struct folder *parent;
                uint8_t mark;

                if (!is_selected(l, f))
                        continue;
                mark = BELOW_SELECTED | (is_matched(l, f) ? 0 : BELOW_UNTOLD);
                while ((name.n = slice_rfind(name, f->separator)) < strlen(f->name) && name.n > 0) {
                        parent = map_get(&by_name, name);
                        if (parent && parent->separator == f->separator)
                                l->below[parent - l->folders] |= mark;
                        if (slice_find(name, f->separator) == name.n)
                                break;
                }
        }
}

static void add_word(struct buf *to, const char *word)
{
        if (to->n)
                buf_char(to, ' ');
        buf_str(to, word);
}

/* The names that Gmail gave the uses before RFC 6154 had others. */
static void add_old_uses(struct buf *to, const struct folder *f)
{
        static const struct {
                const char *use, *old;
        } names[] = {{"\\All", "\\AllMail"}, {"\\Flagged", "\\Starred"}, {"\\Junk", "\\Spam"}};

        if (strcmp(f->name, "INBOX") == 0)
                add_word(to, "\\Inbox");
        for (size_t i = 0; f->special_use && i < ARRAY_LEN(names); i++)
                if (strstr(f->special_use, names[i].use))
                        add_word(to, names[i].old);
}

/* \NonExistent is only for those who know it: RFC 5258's syntax was used, or IMAP4rev2 is enabled. */
static void add_attributes(const struct listing *l, const struct folder *f, bool selectable, struct buf *to)
{
        const struct imap_command *c = l->c;
        bool there = !(f->flags & FOLDER_NONEXISTENT);
        bool knows = c->list.extended || (l->s->enabled & FEATURE_REV2);

        if (!there && knows)
                add_word(to, "\\NonExistent");
        else if (!there || !selectable || (f->flags & FOLDER_NOSELECT))
                add_word(to, "\\Noselect");
        if (f->flags & FOLDER_NOINFERIORS)
                add_word(to, "\\Noinferiors");
        add_word(to, f->flags & FOLDER_CHILDREN ? "\\HasChildren" : "\\HasNoChildren");
        if ((f->flags & FOLDER_SUBSCRIBED) &&
            ((c->list.returns & LIST_RETURN_SUBSCRIBED) || (c->list.select & LIST_SELECT_SUBSCRIBED)))
                add_word(to, "\\Subscribed");
        if (there && f->special_use)
                add_word(to, f->special_use);
        if (there && c->id == IMAP_XLIST)
                add_old_uses(to, f);
}

/* RFC 5258 section 3.5: the criteria that some folder below meets. */
static void write_childinfo(const struct listing *l)
{
        unsigned select = l->c->list.select;

        conn_printf(&l->s->conn, " (\"CHILDINFO\" (%s%s%s))",
                    select & LIST_SELECT_SUBSCRIBED ? "\"SUBSCRIBED\"" : "",
                    (select & LIST_SELECT_CRITERIA) == LIST_SELECT_CRITERIA ? " " : "",
                    select & LIST_SELECT_SPECIAL_USE ? "\"SPECIAL-USE\"" : "");
}

/* RFC 8440: rights of RFC 4314, as the file system has them. */
static void write_rights(struct imap_session *s, const struct imap_command *c, const struct folder *f)
{
        unsigned rights;

        if (store_rights(s->store, f->name, &rights) < 0)
                return;
        conn_puts(&s->conn, "* MYRIGHTS ");
        imap_write_mailbox(s, f->name);
        conn_printf(&s->conn, " l%s%s%s%s\r\n", rights & RIGHT_READ ? "r" : "",
                    rights & RIGHT_WRITE ? "swip" : "", rights & RIGHT_FOLDERS ? "kx" : "",
                    (rights & RIGHT_WRITE) && (rights & RIGHT_FOLDERS) ? "tecda"
                    : rights & RIGHT_WRITE                             ? "te"
                    : rights & RIGHT_FOLDERS                           ? "c"
                                                                       : "");
}

/* RFC 9590: a mailbox whose annotations cannot be read goes without. */
static void write_annotations(struct imap_session *s, const struct imap_command *c, const struct folder *f)
{
        const struct imap_metadata what = {.entries = c->list.metadata};
        uint64_t longest;

        (void)!imap_write_metadata(s, f->name, &what, &longest);
}

/* What follows the line of a selected folder that can be opened. */
static const struct {
        enum imap_list_return option;
        void (*write)(struct imap_session *s, const struct imap_command *c, const struct folder *f);
} followers[] = {
        {LIST_RETURN_MYRIGHTS, write_rights},
        {LIST_RETURN_METADATA, write_annotations},
};

static void list_folder(const struct listing *l, size_t i)
{
        struct imap_session *s = l->s;
        const struct imap_command *c = l->c;
        const struct folder *f = &l->folders[i];
        _cleanup_(buf_free) struct buf status = {}, attributes = {};
        uint8_t below = l->below ? l->below[i] : 0;
        bool chosen = is_selected(l, f);
        bool selectable = chosen && !(f->flags & (FOLDER_NONEXISTENT | FOLDER_NOSELECT));

        if (!chosen && !(below & BELOW_UNTOLD))
                return;
        /* RFC 5819 section 2: the line says \Noselect when this fails, so this comes first */
        if (selectable && (c->list.returns & LIST_RETURN_STATUS))
                selectable = imap_status_text(s, f->name, c->list.status, &status) == 0;
        add_attributes(l, f, selectable || !chosen, &attributes);
        write_folder(s, c->id == IMAP_XLIST ? "XLIST" : "LIST", buf_slice(&attributes), f->separator,
                     f->name);
        if (below & BELOW_SELECTED)
                write_childinfo(l);
        conn_puts(&s->conn, "\r\n");
        conn_write(&s->conn, buf_slice(&status));
        for (size_t k = 0; selectable && k < ARRAY_LEN(followers); k++)
                if (c->list.returns & followers[k].option)
                        followers[k].write(s, c, f);
}

/* A level that is not subscribed but has subscribed names below is told when "%" stops there (RFC 3501
 * section 6.3.9); with "*" the names themselves match. */
static void lsub_folder(const struct listing *l, size_t i)
{
        const struct folder *f = &l->folders[i];
        const struct list_pattern *p = &l->patterns[0];
        bool level = (f->flags & FOLDER_CHILD_SUBSCRIBED) && p->level && !p->any;

        if (!(f->flags & FOLDER_SUBSCRIBED) && !level)
                return;
        write_folder(l->s, "LSUB", f->flags & FOLDER_SUBSCRIBED ? SLICE_NULL : SLICE("\\Noselect"),
                     f->separator, f->name);
        conn_puts(&l->s->conn, "\r\n");
}

/* The patterns that can match something: an empty one is none (RFC 5258 section 3). */
static void make_patterns(struct listing *l, struct slice **ret_begins)
{
        const struct imap_command *c = l->c;

        l->patterns = arena_array(&l->s->arena, struct list_pattern, c->list.patterns_n);
        *ret_begins = arena_array(&l->s->arena, struct slice, c->list.patterns_n);
        for (size_t i = 0; i < c->list.patterns_n; i++)
                if (c->list.patterns[i].n > 0 &&
                    list_pattern_make(&l->s->arena, c->list.reference, c->list.patterns[i],
                                      &l->patterns[l->patterns_n]) == 0) {
                        (*ret_begins)[l->patterns_n] = l->patterns[l->patterns_n].text;
                        l->patterns_n++;
                }
}

static int list_folders(struct imap_session *s, const struct imap_command *c)
{
        struct listing l = {.s = s, .c = c};
        struct slice *begins;
        int r;

        make_patterns(&l, &begins);
        if (l.patterns_n == 0)
                return 0;
        r = store_list_begins(s->store, &s->arena, begins, l.patterns_n, &l.folders, &l.n);
        if (r < 0)
                return r;
        if (c->list.select & LIST_SELECT_RECURSIVEMATCH)
                mark_parents(&l);
        for (size_t i = 0; i < l.n && !s->over; i++) {
                imap_progress(s, i, l.n);
                if (!is_matched(&l, &l.folders[i]))
                        continue;
                if (c->id == IMAP_LSUB)
                        lsub_folder(&l, i);
                else
                        list_folder(&l, i);
        }
        return 0;
}

void imap_exec_list(struct imap_session *s, const struct imap_command *c)
{
        int r = 0;

        if ((c->list.returns & LIST_RETURN_METADATA) && !s->settings->imap_metadata) {
                imap_bad(s, c, "Error in IMAP command %s: Unknown option METADATA.", verb(c));
                return;
        }
        if (c->list.status & STATUS_HIGHESTMODSEQ) /* RFC 7162 section 3.1, as STATUS does */
                imap_enable(s, FEATURE_CONDSTORE);
        if (c->list.extended || c->list.patterns[0].n > 0)
                r = list_folders(s, c);
        else if (c->id != IMAP_LSUB)
                list_root(s, c);
        if (r < 0)
                imap_fail(s, c, r, verb(c));
        else
                imap_done(s, c, c->id == IMAP_LSUB ? "Lsub completed." : "List completed.");
}

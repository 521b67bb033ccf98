#include "conf/conf.h"

#include <errno.h>

#include "conf/check.h"
#include "conf/loaded.h"

static bool has_section(const struct conf_node *root, const char *kind)
{
        for (const struct conf_node *n = root->children; n; n = n->next) {
                if (!n->is_section)
                        continue;
                if (strcmp(n->name, kind) == 0 || (check_is_filter(n) && has_section(n, kind)))
                        return true;
        }
        return false;
}

static void add_builtin(struct conf_reader *r, struct conf *c)
{
        static const char place[] = "built-in defaults";
        /* an override of namespace/inbox/... changes the built-in one; a passdb or userdb replaces it */
        if (!has_section(&c->file, "namespace"))
                reader_text(r, place, slice_of(table_default_namespace), &c->builtin);
        if (!has_section(&c->file, "passdb") && !has_section(&c->overrides, "passdb"))
                reader_text(r, place, slice_of(table_default_passdb), &c->builtin);
        if (!has_section(&c->file, "userdb") && !has_section(&c->overrides, "userdb"))
                reader_text(r, place, slice_of(table_default_userdb), &c->builtin);
}

/* The rules that hold for the whole, on what a connection without any matching block gets. */
static void check_whole(struct conf_messages *m, struct conf_place at, const struct settings *s)
{
        unsigned inboxes = 0;
        for (size_t i = 0; i < s->namespace_count; i++) {
                const struct settings_namespace *ns = &s->namespaces[i];
                inboxes += ns->inbox;
                if (strlen(ns->separator) > 1)
                        message_error(m, at, "namespace %s: the separator must be one character", ns->name);
                for (size_t j = 0; j < ns->mailbox_count; j++)
                        if (ns->mailboxes[j].name[0] == '\0')
                                message_error(m, at, "namespace %s: a mailbox { } has no name", ns->name);
        }
        if (inboxes == 0)
                message_error(m, at, "no namespace has inbox = yes");
        else if (inboxes > 1)
                message_error(m, at, "more than one namespace has inbox = yes");
        for (size_t i = 0; i < s->passdb_count; i++)
                if (s->passdbs[i].driver[0] == '\0')
                        message_error(m, at, "a passdb { } has no driver");
        for (size_t i = 0; i < s->userdb_count; i++)
                if (s->userdbs[i].driver[0] == '\0')
                        message_error(m, at, "a userdb { } has no driver");
}

int conf_load_from(const struct conf_source *source, const struct conf_io *io, struct arena *arena,
                   struct conf **ret, struct buf *messages)
{
        struct conf_messages m = {.to = messages};
        struct conf_reader r = {.arena = arena, .io = io, .messages = &m, .default_of = check_default_of};
        struct conf *c = arena_new(arena, struct conf);
        if (source->path)
                reader_file(&r, source->path, &c->file);
        for (size_t i = 0; i < source->override_count; i++)
                reader_override(&r, source->overrides[i], &c->overrides);
        add_builtin(&r, c);
        check_tree(&r, &c->file);
        check_tree(&r, &c->overrides);
        c->io = io;
        c->watches = r.watches;
        if (m.errors == 0) {
                _cleanup_(arena_free) struct arena scratch = {0};
                struct settings s;
                conf_resolve(c, &(struct conf_filter){0}, &scratch, &s);
                check_whole(&m, (struct conf_place){source->path ? source->path : "-o", 0}, &s);
        }
        if (m.errors > 0)
                return -EINVAL;
        *ret = c;
        return 0;
}

int conf_load(const struct conf_source *source, struct arena *arena, struct conf **ret, struct buf *messages)
{
        return conf_load_from(source, &conf_io_files, arena, ret, messages);
}

bool conf_changed(const struct conf *c)
{
        for (const struct conf_watch *w = c->watches; w; w = w->next) {
                struct conf_identity now;
                if (c->io->identify(c->io->context, w->path, &now) < 0)
                        now = (struct conf_identity){0};
                if (now.exists != w->identity.exists || now.mtime_ns != w->identity.mtime_ns ||
                    now.size != w->identity.size || now.inode != w->identity.inode)
                        return true;
        }
        return false;
}

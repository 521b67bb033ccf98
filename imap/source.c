#include "imap/source.h"

#include <string.h>

#include "imap/reply.h"

static bool is_personal(const struct imap_session *s, const char *name)
{
        const struct store_namespace *spaces, *best = NULL;
        size_t n, longest = 0;

        spaces = store_namespaces(s->store, &n);
        for (size_t i = 0; i < n; i++) {
                size_t length = strlen(spaces[i].prefix);

                if (strncmp(name, spaces[i].prefix, length) == 0 && (!best || length > longest)) {
                        best = &spaces[i];
                        longest = length;
                }
        }
        return !best || best->type == NAMESPACE_PERSONAL;
}

/* The folder is `top`, or lies below it: by one level, or by any number. */
static bool is_in_tree(const struct folder *folder, struct slice top, bool one_level)
{
        struct slice name = slice_of(folder->name), below;

        if (top.n > 0 && top.p[top.n - 1] == folder->separator)
                top.n--;
        if (!slice_starts(name, top))
                return false;
        below = slice_from(name, top.n);
        if (below.n == 0)
                return true;
        return below.p[0] == folder->separator &&
               !(one_level && strchr(folder->name + top.n + 1, folder->separator));
}

void imap_source_resolve(struct imap_session *s, struct imap_source *sources, size_t n)
{
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < sources[i].names_n; k++)
                        sources[i].names[k] = slice_of(imap_mailbox_name(s, sources[i].names[k]));
}

static bool is_named(const struct imap_source *source, const struct folder *folder)
{
        for (size_t i = 0; i < source->names_n; i++)
                if (source->kind == SOURCE_MAILBOXES
                            ? slice_eq(slice_of(folder->name), source->names[i])
                            : is_in_tree(folder, source->names[i], source->kind == SOURCE_SUBTREE_ONE))
                        return true;
        return false;
}

static bool has(const struct imap_session *s, const struct imap_source *source, const struct folder *folder)
{
        switch (source->kind) {
        case SOURCE_INBOXES:
        case SOURCE_PERSONAL:
                return is_personal(s, folder->name);
        case SOURCE_SUBSCRIBED:
                return folder->flags & FOLDER_SUBSCRIBED;
        case SOURCE_SUBTREE:
        case SOURCE_SUBTREE_ONE:
        case SOURCE_MAILBOXES:
                return is_named(source, folder);
        default:
                return false;
        }
}

bool imap_source_has(const struct imap_session *s, const struct imap_source *sources, size_t n,
                     const struct folder *folder)
{
        for (size_t i = 0; i < n; i++)
                if (has(s, &sources[i], folder))
                        return true;
        return false;
}

bool imap_source_kinds(const struct imap_source *sources, size_t n, unsigned kinds)
{
        for (size_t i = 0; i < n; i++)
                if (sources[i].kind & kinds)
                        return true;
        return false;
}

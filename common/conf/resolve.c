#include "conf/conf.h"

#include <errno.h>
#include <stdlib.h>

#include "conf/check.h"
#include "conf/loaded.h"
#include "conf/net.h"
#include "conf/value.h"

/* A connection, parsed. */
struct peer {
        const struct conf_filter *filter;
        struct conf_ip local, remote;
        bool has_local, has_remote;
};

/* How narrow a block is, with those around it: compared field by field, the first counts most. */
struct rank {
        unsigned local_name; /* 0 none, 1 with a wildcard, 2 exact */
        unsigned local_bits; /* 0 none, else bits + 1 */
        unsigned remote_bits;
        unsigned protocol;
};

struct block {
        const struct conf_node *node;
        struct rank rank;
        size_t order;
};

struct resolver {
        struct arena *arena;
        struct peer peer;
        struct block *blocks;
        size_t count;
};

/* Makes room for one more in an array of the arena; room grows by doubling. */
static void *array_add(struct arena *a, void **items, size_t *count, size_t size)
{
        if ((*count & (*count - 1)) == 0) { /* full at 0, 1, 2, 4, 8 ... */
                void *wider = arena_alloc_array(a, *count ? *count * 2 : 1, size);
                if (*count)
                        memcpy(wider, *items, *count * size);
                *items = wider;
        }
        return (char *)*items + size * (*count)++;
}

/* "*.example.org" stands for one label before it; several names are separated by spaces. 0: no match. */
static unsigned match_name(const char *names, const char *name)
{
        struct slice rest = slice_of(names), want, have = slice_of(name);
        unsigned best = 0;
        while (slice_split(&rest, ' ', &want)) {
                if (want.n > 0 && slice_ieq(want, have))
                        return 2;
                if (want.n > 2 && want.p[0] == '*' && want.p[1] == '.' &&
                    slice_ieq(slice_from(want, 1), slice_from(have, slice_find(have, '.'))))
                        best = 1;
        }
        return best;
}

static bool match_net(const char *text, const struct conf_ip *ip, bool known, unsigned *rank)
{
        struct conf_net net;
        if (!known || conf_net_parse(slice_of(text), &net) < 0 || !conf_net_has(&net, ip))
                return false;
        *rank = net.bits + 1;
        return true;
}

static bool match_block(const struct peer *p, const struct conf_node *n, struct rank *rank)
{
        if (strcmp(n->name, "protocol") == 0) {
                bool not = n->value[0] == '!';
                rank->protocol = 1;
                return p->filter->protocol && (strcmp(p->filter->protocol, n->value + not ) == 0) != not ;
        }
        if (strcmp(n->name, "local_name") == 0) {
                rank->local_name = p->filter->local_name ? match_name(n->value, p->filter->local_name) : 0;
                return rank->local_name > 0;
        }
        if (strcmp(n->name, "local") == 0)
                return match_net(n->value, &p->local, p->has_local, &rank->local_bits);
        return match_net(n->value, &p->remote, p->has_remote, &rank->remote_bits);
}

static void collect(struct resolver *r, const struct conf_node *section, struct rank outer)
{
        for (const struct conf_node *n = section->children; n; n = n->next) {
                struct rank rank = outer;
                if (!check_is_filter(n) || !match_block(&r->peer, n, &rank))
                        continue;
                void *items = r->blocks;
                size_t order = r->count;
                struct block *b = array_add(r->arena, &items, &r->count, sizeof(*b));
                r->blocks = items;
                *b = (struct block){n, rank, order};
                collect(r, n, rank);
        }
}

static int compare(unsigned a, unsigned b)
{
        return (a > b) - (a < b);
}

static int compare_blocks(const void *pa, const void *pb)
{
        const struct block *a = pa, *b = pb;
        int c = compare(a->rank.local_name, b->rank.local_name);
        if (c == 0)
                c = compare(a->rank.local_bits, b->rank.local_bits);
        if (c == 0)
                c = compare(a->rank.remote_bits, b->rank.remote_bits);
        if (c == 0)
                c = compare(a->rank.protocol, b->rank.protocol);
        return c ? c : (a->order > b->order) - (a->order < b->order);
}

/* The struct of a section called so in the outer struct, or a new one at the end; one without a name is new.
 */
static void *section_struct(struct arena *a, const struct conf_section *section, const char *name,
                            void *outer)
{
        void *items;
        memcpy(&items, (char *)outer + section->items_offset, sizeof(items));
        size_t *count = (void *)((char *)outer + section->number_offset);
        for (size_t i = 0; i < *count && name[0]; i++) {
                char *item = (char *)items + i * section->size;
                if (strcmp(*(const char **)(void *)(item + section->name_offset), name) == 0)
                        return item;
        }
        char *item = array_add(a, &items, count, section->size);
        memcpy((char *)outer + section->items_offset, &items, sizeof(items));
        value_defaults(section, a, item);
        *(const char **)(void *)(item + section->name_offset) = arena_str(a, slice_of(name));
        return item;
}

/* Only what is in the section itself: blocks of filters come on their own. */
static void apply(struct arena *a, const struct conf_node *node, const struct conf_section *section,
                  void *base)
{
        for (const struct conf_node *n = node->children; n; n = n->next) {
                if (n->is_section) {
                        const struct conf_section *inner = table_section(section, n->name);
                        if (inner)
                                apply(a, n, inner,
                                      inner->flat ? base : section_struct(a, inner, n->value, base));
                        continue;
                }
                const struct conf_setting *s = table_setting(section, n->name);
                if (s)
                        value_parse(s, n->value, n->is_file, a, base);
        }
}

static void apply_tree(struct resolver *r, const struct conf_node *root, struct settings *s)
{
        r->blocks = NULL;
        r->count = 0;
        collect(r, root, (struct rank){0});
        if (r->count > 1)
                qsort(r->blocks, r->count, sizeof(*r->blocks), compare_blocks);
        apply(r->arena, root, &conf_sections[0], s);
        for (size_t i = 0; i < r->count; i++)
                apply(r->arena, r->blocks[i].node, &conf_sections[0], s);
}

/* Leaves out disabled namespaces. When none holds INBOX, the one without a prefix does: many tutorials write
 * `namespace inbox { separator = . }` and count on another file for the rest. */
static void settle_namespaces(struct settings *s)
{
        size_t kept = 0;
        bool inbox = false;
        for (size_t i = 0; i < s->namespace_count; i++) {
                if (s->namespaces[i].disabled)
                        continue;
                inbox = inbox || s->namespaces[i].inbox;
                s->namespaces[kept++] = s->namespaces[i];
        }
        s->namespace_count = kept;
        for (size_t i = 0; i < kept && !inbox; i++)
                if (s->namespaces[i].type == SETTINGS_NAMESPACE_PRIVATE && s->namespaces[i].prefix[0] == '\0')
                        inbox = s->namespaces[i].inbox = true;
}

void resolve_outside(const struct conf *c, struct arena *arena, struct settings *ret)
{
        *ret = (struct settings){0};
        value_defaults(&conf_sections[0], arena, ret);
        apply(arena, &c->builtin, &conf_sections[0], ret);
        apply(arena, &c->file, &conf_sections[0], ret);
        apply(arena, &c->overrides, &conf_sections[0], ret);
}

static int peer_of(const struct conf_filter *filter, struct peer *ret)
{
        struct peer p = {.filter = filter, .has_local = filter->local_ip, .has_remote = filter->remote_ip};
        if (p.has_local && conf_ip_parse(slice_of(filter->local_ip), &p.local) < 0)
                return -EINVAL;
        if (p.has_remote && conf_ip_parse(slice_of(filter->remote_ip), &p.remote) < 0)
                return -EINVAL;
        *ret = p;
        return 0;
}

int conf_resolve(const struct conf *c, const struct conf_filter *filter, struct arena *arena,
                 struct settings *ret)
{
        struct resolver r = {.arena = arena};
        int error = peer_of(filter, &r.peer);
        if (error < 0)
                return error;
        *ret = (struct settings){0};
        value_defaults(&conf_sections[0], arena, ret);
        apply_tree(&r, &c->builtin, ret);
        apply_tree(&r, &c->file, ret);
        apply_tree(&r, &c->overrides, ret);
        settle_namespaces(ret);
        return 0;
}

struct names {
        const char **items;
        size_t n;
};

static void add_name(struct names *to, struct arena *arena, struct slice name)
{
        for (size_t i = 0; i < to->n; i++)
                if (slice_ieq(slice_of(to->items[i]), name))
                        return;
        void *items = to->items;
        const char **added = array_add(arena, &items, &to->n, sizeof(*to->items));
        to->items = items;
        *added = arena_str(arena, name);
}

static void collect_local_names(const struct conf_node *section, struct arena *arena, struct names *to)
{
        for (const struct conf_node *n = section->children; n; n = n->next) {
                if (!n->is_section)
                        continue;
                collect_local_names(n, arena, to);
                struct slice rest = slice_of(n->value), name;
                while (strcmp(n->name, "local_name") == 0 && slice_split(&rest, ' ', &name))
                        if (name.n)
                                add_name(to, arena, name);
        }
}

const char *const *conf_local_names(const struct conf *c, struct arena *arena, size_t *ret_n)
{
        struct names names = {0};
        collect_local_names(&c->file, arena, &names);
        collect_local_names(&c->overrides, arena, &names);
        *ret_n = names.n;
        return names.items;
}

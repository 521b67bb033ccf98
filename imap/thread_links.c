#include "imap/thread_links.h"

#include <stdlib.h>

#include "base/alloc.h"

enum { FIRST = 256 };

void thread_free(struct thread *t)
{
        free(t->messages);
        free(t->places);
        free(t->nodes);
        free(t->trees);
        hash_map_free(&t->ids);
        *t = (struct thread){};
}

uint32_t thread_new_node(struct thread *t)
{
        if (t->nodes_n == t->nodes_cap) {
                t->nodes_cap = t->nodes_cap ? t->nodes_cap * 2 : FIRST;
                t->nodes = xrealloc(t->nodes, t->nodes_cap * sizeof(*t->nodes));
                t->trees = xrealloc(t->trees, t->nodes_cap * sizeof(*t->trees));
        }
        if (t->nodes_n == 0)
                t->nodes[t->nodes_n++] = (struct thread_node){};
        t->nodes[t->nodes_n] = (struct thread_node){};
        t->trees[t->nodes_n] = t->nodes_n;
        return t->nodes_n++;
}

/* The node of a msg-id. */
static uint32_t node_of(struct thread *t, uint64_t id)
{
        uint32_t *at = hash_map_at(&t->ids, id);

        if (*at == 0)
                *at = thread_new_node(t);
        return *at;
}

/* Nodes with different answers are in different trees. A link that was broken leaves two trees with the same
 * one. */
static uint32_t tree_of(struct thread *t, uint32_t node)
{
        while (t->trees[node] != node)
                node = t->trees[node] = t->trees[t->trees[node]];
        return node;
}

/* The child has no parent: so it is at the top of its tree, and a link makes a loop if the parent is in that
 * tree. */
static bool makes_loop(struct thread *t, uint32_t parent, uint32_t child)
{
        if (tree_of(t, parent) != tree_of(t, child))
                return false;
        for (int depth = 0; parent != child; depth++) {
                parent = t->nodes[parent].parent;
                if (parent == 0)
                        return false;
                if (depth == THREAD_DEPTH_MAX)
                        return true;
        }
        return true;
}

static void link_nodes(struct thread *t, uint32_t parent, uint32_t child)
{
        if (t->nodes[child].parent || makes_loop(t, parent, child))
                return;
        t->nodes[child].parent = parent;
        t->trees[tree_of(t, child)] = tree_of(t, parent);
}

/* Step 1.A. The last one of the references; 0: there are none. */
static uint32_t link_references(struct thread *t, const struct sort_keys *keys)
{
        uint32_t parent = 0;

        for (size_t i = 0; i < sort_keys_references(keys); i++) {
                uint64_t id = sort_keys_reference(keys, i);
                uint32_t child = id ? node_of(t, id) : 0;

                if (parent && child)
                        link_nodes(t, parent, child);
                parent = child ? child : parent;
        }
        return parent;
}

/* Of two messages with one Message-ID, only the first one has it. */
static uint32_t place_message(struct thread *t, uint64_t id)
{
        uint32_t node = id ? node_of(t, id) : 0;

        return node && t->nodes[node].message == 0 ? node : thread_new_node(t);
}

static void keep_message(struct thread *t, const struct thread_message *m)
{
        if (t->messages_n == t->messages_cap) {
                t->messages_cap = t->messages_cap ? t->messages_cap * 2 : FIRST;
                t->messages = xrealloc(t->messages, t->messages_cap * sizeof(*t->messages));
                t->places = xrealloc(t->places, t->messages_cap * sizeof(*t->places));
        }
        t->messages[t->messages_n++] = *m;
}

void thread_add(struct thread *t, const struct thread_message *m, const struct sort_keys *keys)
{
        uint32_t node, parent;

        keep_message(t, m);
        node = place_message(t, keys ? keys->id : 0);
        t->places[t->messages_n - 1] = node;
        t->nodes[node].message = t->messages_n;
        if (!keys)
                return;
        parent = link_references(t, keys);
        /* step 1.B: a parent that another message's references gave it was of a list cut short */
        if (t->nodes[node].parent != parent)
                t->nodes[node].parent = 0;
        if (parent)
                link_nodes(t, parent, node);
}

#include "imap/thread_tree.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/radix.h"

/* The roots, and room to sort nodes in. */
struct forest {
        struct thread *t;
        uint32_t *roots;
        uint32_t n, cap;
        struct radix_pair *pairs, *scratch;
        uint32_t pairs_cap;
};

static void add_root(struct forest *f, uint32_t node)
{
        if (f->n == f->cap) {
                f->cap = f->cap ? f->cap * 2 : 256;
                f->roots = xrealloc(f->roots, f->cap * sizeof(*f->roots));
        }
        f->roots[f->n++] = node;
}

static void room_for_pairs(struct forest *f, uint32_t n)
{
        if (n <= f->pairs_cap)
                return;
        f->pairs_cap = MAX(n, 2 * f->pairs_cap);
        f->pairs = xrealloc(f->pairs, f->pairs_cap * sizeof(*f->pairs));
        f->scratch = xrealloc(f->scratch, f->pairs_cap * sizeof(*f->scratch));
}

static bool is_dummy(const struct thread *t, uint32_t node)
{
        return t->nodes[node].message == 0;
}

static const struct thread_message *message_of(const struct thread *t, uint32_t node)
{
        return &t->messages[t->nodes[node].message - 1];
}

void thread_add_child(struct thread *t, uint32_t parent, uint32_t child)
{
        t->nodes[child].parent = parent;
        t->nodes[child].next = t->nodes[parent].child;
        t->nodes[parent].child = child;
}

static bool sent_before(const struct thread *t, uint32_t a, uint32_t b)
{
        const struct thread_message *x = message_of(t, a), *y = message_of(t, b);

        return x->sent != y->sent ? x->sent < y->sent : x < y;
}

uint32_t thread_head(const struct thread *t, uint32_t root)
{
        uint32_t head = t->nodes[root].child;

        if (!is_dummy(t, root))
                return root;
        for (uint32_t c = head; c; c = t->nodes[c].next)
                if (sent_before(t, c, head))
                        head = c;
        return head;
}

typedef uint64_t (*sort_key)(const struct thread *t, uint32_t node);

static void sort_by(struct forest *f, uint32_t n, sort_key key)
{
        for (uint32_t i = 0; i < n; i++)
                f->pairs[i].key = key(f->t, f->pairs[i].value);
        radix_sort(f->pairs, n, f->scratch);
}

static uint64_t key_place(const struct thread *t, uint32_t node)
{
        return t->nodes[thread_head(t, node)].message;
}

/* Sorts the pairs, whose values are nodes, by `key`; those that have the same one by the mailbox. */
static void sort_pairs(struct forest *f, uint32_t n, sort_key key)
{
        sort_by(f, n, key_place);
        sort_by(f, n, key);
}

static uint64_t key_sent(const struct thread *t, uint32_t node)
{
        return radix_signed(message_of(t, thread_head(t, node))->sent);
}

static void sort_roots(struct forest *f, sort_key key)
{
        room_for_pairs(f, f->n);
        for (uint32_t i = 0; i < f->n; i++)
                f->pairs[i].value = f->roots[i];
        sort_pairs(f, f->n, key);
        for (uint32_t i = 0; i < f->n; i++)
                f->roots[i] = f->pairs[i].value;
}

/* Children are messages: only roots can be dummies. */
static void sort_children(struct forest *f, uint32_t parent)
{
        struct thread_node *nodes = f->t->nodes;
        uint32_t n = 0;

        if (!nodes[parent].child || !nodes[nodes[parent].child].next)
                return;
        for (uint32_t c = nodes[parent].child; c; c = nodes[c].next, n++) {
                room_for_pairs(f, n + 1);
                f->pairs[n].value = c;
        }
        sort_pairs(f, n, key_sent);
        nodes[parent].child = 0;
        while (n-- > 0)
                thread_add_child(f->t, parent, f->pairs[n].value);
}

/* The next node of a thread, parents first; 0 at its end. */
static uint32_t next_node(const struct thread *t, uint32_t root, uint32_t node)
{
        if (t->nodes[node].child)
                return t->nodes[node].child;
        while (node != root && !t->nodes[node].next)
                node = t->nodes[node].parent;
        return node == root ? 0 : t->nodes[node].next;
}

static void sort_all_children(struct forest *f)
{
        for (uint32_t node = 1; node < f->t->nodes_n; node++)
                sort_children(f, node);
}

/* The nearest message above a node, or, when there is none, the highest dummy. The dummies in between get it
 * for their parent: long chains of them are walked once. */
static uint32_t effective_parent(struct thread *t, uint32_t node)
{
        uint32_t top = t->nodes[node].parent, next;

        while (is_dummy(t, top) && t->nodes[top].parent)
                top = t->nodes[top].parent;
        for (uint32_t at = t->nodes[node].parent; at != top; at = next) {
                next = t->nodes[at].parent;
                t->nodes[at].parent = top;
        }
        return top;
}

/* Steps 2 and 3: the tree without dummies, but for those that have several children and no parent. */
static void gather_roots(struct forest *f)
{
        struct thread *t = f->t;

        for (uint32_t i = t->messages_n; i-- > 0;) {
                uint32_t node = t->places[i];

                if (t->nodes[node].parent)
                        thread_add_child(t, effective_parent(t, node), node);
        }
        for (uint32_t node = 1; node < t->nodes_n; node++) {
                uint32_t child = t->nodes[node].child;

                if (is_dummy(t, node) && child && !t->nodes[child].next)
                        t->nodes[child].parent = t->nodes[node].child = 0;
        }
        for (uint32_t node = 1; node < t->nodes_n; node++)
                if (!t->nodes[node].parent && (t->nodes[node].child || !is_dummy(t, node)))
                        add_root(f, node);
}

static uint64_t key_newest(const struct thread *t, uint32_t root)
{
        uint64_t newest = 0;

        for (uint32_t node = root; node; node = next_node(t, root, node))
                if (!is_dummy(t, node))
                        newest = MAX(newest, radix_signed(message_of(t, node)->sent));
        return newest;
}

static void make_references(struct forest *f)
{
        gather_roots(f);
        sort_roots(f, key_sent);
        f->n = thread_merge(f->t, f->roots, f->n);
        sort_roots(f, key_sent);
        sort_all_children(f);
}

static void make_refs(struct forest *f)
{
        gather_roots(f);
        sort_roots(f, key_newest);
        sort_all_children(f);
}

static uint64_t key_subject(const struct thread *t, uint32_t node)
{
        return message_of(t, node)->subject;
}

/* Each thread is what has one subject: the first message sent, and all others as its children. From the end,
 * as children are put in front of others. */
static void make_ordered(struct forest *f)
{
        struct thread *t = f->t;
        uint32_t from = 0;

        room_for_pairs(f, t->messages_n);
        for (uint32_t i = 0; i < t->messages_n; i++)
                f->pairs[i].value = t->places[i];
        sort_pairs(f, t->messages_n, key_sent);
        sort_by(f, t->messages_n, key_subject);
        for (uint32_t end = t->messages_n; end > 0; end = from) {
                for (from = end - 1; from > 0 && f->pairs[from - 1].key == f->pairs[end - 1].key;)
                        from--;
                for (uint32_t i = end; i-- > from + 1;)
                        thread_add_child(t, f->pairs[from].value, f->pairs[i].value);
                add_root(f, f->pairs[from].value);
        }
        sort_roots(f, key_sent);
}

uint32_t *thread_tree_make(struct thread *t, enum imap_thread algorithm, uint32_t *ret_n)
{
        static void (*const make[])(struct forest * f) = {
                [THREAD_ORDEREDSUBJECT] = make_ordered,
                [THREAD_REFERENCES] = make_references,
                [THREAD_REFS] = make_refs,
        };
        struct forest f = {.t = t};

        make[algorithm](&f);
        free(f.pairs);
        free(f.scratch);
        *ret_n = f.n;
        return f.roots;
}

#include "base/number.h"
#include "imap/thread_tree.h"

/* What is sent at once: ")", "(", a number and what is before its children. */
struct piece {
        char text[NUMBER_MAX + 8];
        size_t n;
};

static void add(struct piece *p, char c)
{
        p->text[p->n++] = c;
}

/* A node's number, and what comes before its first child. */
static void add_node(struct piece *p, const struct thread *t, uint32_t node)
{
        const struct thread_node *n = &t->nodes[node];

        if (n->message) {
                char *end = number_write(p->text + p->n, t->messages[n->message - 1].number);

                p->n = (size_t)(end - p->text);
        }
        if (n->message && n->child)
                add(p, ' ');
        if (n->child && t->nodes[n->child].next)
                add(p, '(');
}

void thread_write(const struct thread *t, uint32_t root, void (*put)(void *context, struct slice text),
                  void *context)
{
        struct piece p = {};
        uint32_t node = root;

        add(&p, '(');
        for (;;) {
                add_node(&p, t, node);
                put(context, slice_make(p.text, p.n));
                p.n = 0;
                if (t->nodes[node].child) {
                        node = t->nodes[node].child;
                        continue;
                }
                for (; node != root; node = t->nodes[node].parent) {
                        const struct thread_node *first = &t->nodes[t->nodes[t->nodes[node].parent].child];

                        if (first->next) /* it stands in parentheses, with its siblings */
                                put(context, SLICE(")"));
                        if (t->nodes[node].next)
                                break;
                }
                if (node == root)
                        break;
                node = t->nodes[node].next;
                add(&p, '(');
        }
        put(context, SLICE(")"));
}

#include "imap/thread_tree.h"

static bool is_dummy(const struct thread *t, uint32_t node)
{
        return t->nodes[node].message == 0;
}

static const struct thread_message *head_message(const struct thread *t, uint32_t root)
{
        return &t->messages[t->nodes[thread_head(t, root)].message - 1];
}

/* The subject table's entry takes in the current thread of the same subject: step 5.C. What the entry is
 * then. */
static uint32_t merge(struct thread *t, uint32_t entry, uint32_t current)
{
        bool reply = head_message(t, current)->reply;
        uint32_t both;

        if (is_dummy(t, current)) { /* the entry is one, too: step 5.B chose it */
                for (uint32_t child = t->nodes[current].child, next; child; child = next) {
                        next = t->nodes[child].next;
                        thread_add_child(t, entry, child);
                }
                t->nodes[current].child = 0;
                return entry;
        }
        if (is_dummy(t, entry) || (reply && !head_message(t, entry)->reply)) {
                thread_add_child(t, entry, current);
                return entry;
        }
        both = thread_new_node(t);
        thread_add_child(t, both, entry);
        thread_add_child(t, both, current);
        return both;
}

/* Step 5.B: by subject, 1 + the index of the root that others are merged with. */
static void fill_table(const struct thread *t, const uint32_t *roots, uint32_t n, struct hash_map *table)
{
        for (uint32_t i = 0; i < n; i++) {
                const struct thread_message *m = head_message(t, roots[i]);
                uint32_t *at = m->subject ? hash_map_at(table, m->subject) : NULL;
                uint32_t entry = at && *at ? roots[*at - 1] : 0;

                if (!at)
                        continue;
                if (!entry || (!is_dummy(t, entry) &&
                               (is_dummy(t, roots[i]) || (head_message(t, entry)->reply && !m->reply))))
                        *at = i + 1;
        }
}

uint32_t thread_merge(struct thread *t, uint32_t *roots, uint32_t n)
{
        _cleanup_(hash_map_free) struct hash_map table = {};
        uint32_t left = 0;

        fill_table(t, roots, n, &table);
        for (uint32_t i = 0; i < n; i++) {
                uint64_t subject = head_message(t, roots[i])->subject;
                uint32_t entry = subject ? *hash_map_at(&table, subject) - 1 : i;

                if (entry == i)
                        continue;
                roots[entry] = merge(t, roots[entry], roots[i]);
                roots[i] = 0;
        }
        for (uint32_t i = 0; i < n; i++)
                if (roots[i])
                        roots[left++] = roots[i];
        return left;
}

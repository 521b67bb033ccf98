/* Many messages at a time, by what the index has. A key's answer is a mask of them; only those that `live`
 * has are of interest. */

#include "imap/search_tree.h"

static uint32_t number_of(const struct message *m, size_t i, uint32_t seq, bool uid)
{
        return uid ? m[i].uid : seq + (uint32_t)i;
}

/* Numbers and ranges both ascend. */
static uint64_t filter_set(const struct imap_set *set, uint32_t seq, bool uid, const struct message *m,
                           size_t n)
{
        size_t low = imap_set_at(set, number_of(m, 0, seq, uid)), i = 0;
        uint64_t made = 0;

        for (; low < set->n && i < n; low++)
                for (; i < n; i++) {
                        uint32_t number = number_of(m, i, seq, uid);

                        if (number > set->ranges[low].high)
                                break;
                        made |= (uint64_t)(number >= set->ranges[low].low) << i;
                }
        return made;
}

static uint64_t filter_flag(uint8_t flag, const struct message *m, size_t n)
{
        uint64_t made = 0;

        if (flag == IMAP_FLAG_RECENT)
                for (size_t i = 0; i < n; i++)
                        made |= (uint64_t)m[i].recent << i;
        else
                for (size_t i = 0; i < n; i++)
                        made |= (uint64_t)((m[i].flags.system & flag) != 0) << i;
        return made;
}

static uint64_t filter_keyword(uint64_t keyword, const struct message *m, size_t n)
{
        uint64_t made = 0;

        for (size_t i = 0; i < n && keyword; i++)
                made |= (uint64_t)((m[i].flags.keywords & keyword) != 0) << i;
        return made;
}

static uint64_t filter_modseq(uint64_t modseq, const struct message *m, size_t n)
{
        uint64_t made = 0;

        for (size_t i = 0; i < n; i++)
                made |= (uint64_t)(m[i].modseq >= modseq) << i;
        return made;
}

/* Depth is bounded by the parser. */
static uint64_t filter_node(const struct search_node *node, uint32_t seq, const struct message *m, size_t n,
                            uint64_t live)
{
        uint64_t found = 0;

        if (node->cost > SEARCH_COST_INDEX && node->kind != SEARCH_AND)
                return live;
        switch (node->kind) {
        case SEARCH_SET:
        case SEARCH_UID:
                return live & filter_set(&node->set, seq, node->kind == SEARCH_UID, m, n);
        case SEARCH_FLAG:
                return live & filter_flag(node->flag, m, n);
        case SEARCH_NOT_FLAG:
                return live & ~filter_flag(node->flag, m, n);
        case SEARCH_NEW:
                return live & filter_flag(IMAP_FLAG_RECENT, m, n) & ~filter_flag(IMAP_FLAG_SEEN, m, n);
        case SEARCH_KEYWORD:
                return live & filter_keyword(node->keyword, m, n);
        case SEARCH_UNKEYWORD:
                return live & ~filter_keyword(node->keyword, m, n);
        case SEARCH_MODSEQ:
                return live & filter_modseq(node->modseq, m, n);
        case SEARCH_NOT:
                return live & ~filter_node(node->children, seq, m, n, live);
        case SEARCH_OR:
                for (const struct search_node *child = node->children; child && found != live;
                     child = child->next)
                        found |= filter_node(child, seq, m, n, live & ~found);
                return found;
        case SEARCH_AND:
                /* those that cost more than the index rule nothing out here; they are at the end */
                for (const struct search_node *child = node->children; child && live; child = child->next)
                        live = filter_node(child, seq, m, n, live);
                return live;
        default:
                return live;
        }
}

uint64_t search_filter(const struct search *s, uint32_t seq, const struct message *messages, size_t n)
{
        uint64_t live = 0;

        for (size_t i = 0; i < n; i++)
                live |= (uint64_t)!messages[i].gone << i;
        return live ? filter_node(s->root, seq, messages, n, live) : 0;
}

bool search_is_filter(const struct search *s)
{
        return s->root->cost == SEARCH_COST_INDEX;
}

/* A set among the keys that must all be true, the one with the fewest numbers. */
const struct imap_set *search_set(const struct search *s, bool *ret_uid)
{
        const struct imap_set *best = NULL;
        uint64_t fewest = UINT64_MAX;

        for (const struct search_node *child = s->root->children; child; child = child->next) {
                uint64_t count = 0;

                if (child->kind != SEARCH_SET && child->kind != SEARCH_UID)
                        continue;
                for (size_t i = 0; i < child->set.n; i++)
                        count += (uint64_t)child->set.ranges[i].high - child->set.ranges[i].low + 1;
                if (count < fewest) {
                        fewest = count;
                        best = &child->set;
                        *ret_uid = child->kind == SEARCH_UID;
                }
        }
        return best;
}

const struct slice *search_headers(const struct search *s, size_t *ret_n)
{
        *ret_n = s->headers_n;
        return s->headers;
}

/* One message against the tree. Every function gives 1, 0 or -errno. */

#include "imap/search_tree.h"
#include "mime/encoded_word.h"
#include "mime/header.h"

static bool set_has(const struct imap_set *set, uint32_t number)
{
        size_t low = 0, high = set->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (number > set->ranges[middle].high)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < set->n && number >= set->ranges[low].low;
}

static int open_text(struct search *s)
{
        int r;

        if (s->opened)
                return 0;
        r = s->message->text(s->message->context, &s->text);
        if (r < 0)
                return r;
        s->opened = true;
        return 0;
}

/* The fields of the message's header, once a message. */
static int list_fields(struct search *s)
{
        struct header_iter it;
        struct header_field field;
        size_t n = 0;
        int r;

        if (s->listed)
                return 0;
        r = open_text(s);
        if (r < 0)
                return r;
        it = header_iter(s->text);
        while (header_next(&it, &field))
                n += field.name.n > 0;
        s->fields = arena_array(&s->arena, struct search_field, n);
        s->fields_n = 0;
        it = header_iter(s->text);
        while (header_next(&it, &field))
                if (field.name.n > 0)
                        s->fields[s->fields_n++] =
                                (struct search_field){.name = field.name, .value = field.value};
        s->listed = true;
        return 0;
}

static int fold_field(struct search *s, struct search_field *field)
{
        _cleanup_(buf_free) struct buf folded = {};
        int r;

        if (field->is_folded)
                return 0;
        r = search_text_fold(encoded_word_decode(&s->arena, field->value), &folded);
        if (r < 0)
                return r;
        field->folded = arena_slice(&s->arena, buf_slice(&folded));
        field->is_folded = true;
        return 0;
}

static int match_header(struct search *s, const struct search_node *node)
{
        int r = list_fields(s);

        for (size_t i = 0; i < s->fields_n && r == 0; i++) {
                struct search_field *field = &s->fields[i];

                if (!slice_ieq(field->name, node->header))
                        continue;
                if (node->text.n == 0)
                        return 1;
                r = fold_field(s, field);
                if (r == 0 && memmem(field->folded.p, field->folded.n, node->text.p, node->text.n))
                        return 1;
        }
        return r;
}

static int match_text(struct search *s, const struct search_node *node)
{
        int r;

        if (!s->scanned) {
                r = open_text(s);
                if (r < 0)
                        return r;
                for (size_t i = 0; i < s->needles_n; i++)
                        s->needles[i].found = false;
                r = search_text_scan(&s->arena, s->text, s->needles, s->needles_n);
                if (r < 0)
                        return r;
                s->scanned = true;
        }
        return s->needles[node->needle].found;
}

/* Of the Date field as written, "disregarding time and timezone". */
static int sent_day(struct search *s)
{
        struct date date;
        int r;

        if (s->dated)
                return 0;
        r = list_fields(s);
        if (r < 0)
                return r;
        s->sent_day = 0;
        for (size_t i = 0; i < s->fields_n; i++) {
                if (!slice_ieq(s->fields[i].name, SLICE("Date")))
                        continue;
                if (date_parse(s->fields[i].value, &date) == 0)
                        s->sent_day = (date.year * 100 + date.month) * 100 + date.day;
                break;
        }
        s->dated = true;
        return 0;
}

/* In the server's zone, as FETCH INTERNALDATE says it. */
static int internal_day(struct search *s)
{
        struct tm tm = {};
        time_t t = 0;
        int r;

        if (s->stamped)
                return 0;
        r = s->message->internaldate(s->message->context, &t);
        if (r < 0)
                return r;
        localtime_r(&t, &tm);
        s->internal_day = ((tm.tm_year + 1900) * 100 + tm.tm_mon + 1) * 100 + tm.tm_mday;
        s->stamped = true;
        return 0;
}

static int match_day(struct search *s, const struct search_node *node)
{
        bool sent = node->kind >= SEARCH_SENTBEFORE;
        int r = sent ? sent_day(s) : internal_day(s);
        int day = sent ? s->sent_day : s->internal_day;

        if (r < 0)
                return r;
        if (sent && day == 0)
                return 0;
        if (node->kind == SEARCH_BEFORE || node->kind == SEARCH_SENTBEFORE)
                return day < node->day;
        if (node->kind == SEARCH_SINCE || node->kind == SEARCH_SENTSINCE)
                return day >= node->day;
        return day == node->day;
}

static int match_size(struct search *s, const struct search_node *node)
{
        if (!s->sized) {
                int r = s->message->size(s->message->context, &s->size);

                if (r < 0)
                        return r;
                s->sized = true;
        }
        return node->kind == SEARCH_LARGER ? s->size > node->number : s->size < node->number;
}

static int match_node(struct search *s, const struct search_node *node);

/* Ends at the first child that is `decisive`. */
static int match_children(struct search *s, const struct search_node *node, int decisive)
{
        for (const struct search_node *child = node->children; child; child = child->next) {
                int r = match_node(s, child);

                if (r < 0 || r == decisive)
                        return r;
        }
        return !decisive;
}

/* Depth is bounded by the parser. */
static int match_node(struct search *s, const struct search_node *node)
{
        const struct search_message *m = s->message;
        int r;

        switch (node->kind) {
        case SEARCH_ALL:
                return 1;
        case SEARCH_SET:
                return set_has(&node->set, m->seq);
        case SEARCH_UID:
                return set_has(&node->set, m->uid);
        case SEARCH_FLAG:
                return (m->flags & node->flag) != 0;
        case SEARCH_NOT_FLAG:
                return (m->flags & node->flag) == 0;
        case SEARCH_NEW:
                return (m->flags & (IMAP_FLAG_RECENT | IMAP_FLAG_SEEN)) == IMAP_FLAG_RECENT;
        case SEARCH_KEYWORD:
                return (m->keywords & node->keyword) != 0;
        case SEARCH_UNKEYWORD:
                return (m->keywords & node->keyword) == 0;
        case SEARCH_BEFORE:
        case SEARCH_ON:
        case SEARCH_SINCE:
        case SEARCH_SENTBEFORE:
        case SEARCH_SENTON:
        case SEARCH_SENTSINCE:
                return match_day(s, node);
        case SEARCH_LARGER:
        case SEARCH_SMALLER:
                return match_size(s, node);
        case SEARCH_HEADER:
                return match_header(s, node);
        case SEARCH_BODY:
        case SEARCH_TEXT:
                return match_text(s, node);
        case SEARCH_NOT:
                r = match_node(s, node->children);
                return r < 0 ? r : !r;
        case SEARCH_OR:
                return match_children(s, node, 1);
        case SEARCH_AND:
                return match_children(s, node, 0);
        }
        return 0;
}

int search_match(struct search *s, const struct search_message *m)
{
        int r;

        s->message = m;
        s->opened = s->listed = s->scanned = s->dated = s->sized = s->stamped = false;
        s->fields_n = 0;
        r = match_node(s, s->root);
        s->message = NULL;
        arena_reset(&s->arena);
        return r;
}

/* One message against the tree. Every function gives 1, 0 or -errno. */

#include <errno.h>

#include "imap/search_keys.h"
#include "imap/search_tree.h"
#include "mime/date.h"
#include "mime/encoded_word.h"
#include "mime/header.h"

enum { DAY = 86400 };

static bool set_has(const struct imap_set *set, uint32_t number)
{
        size_t at = imap_set_at(set, number);

        return at < set->n && number >= set->ranges[at].low;
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

static void list_fields(struct search *s, struct slice header, struct search_fields *to)
{
        struct header_iter it = header_iter(header);
        struct header_field field;
        size_t n = 0;

        while (header_next(&it, &field))
                n += field.name.n > 0;
        *to = (struct search_fields){.field = arena_array(&s->arena, struct search_field, n), .listed = true};
        it = header_iter(header);
        while (header_next(&it, &field))
                if (field.name.n > 0)
                        to->field[to->n++] = (struct search_field){.name = field.name, .value = field.value};
}

/* The fields of the message's header, once a message. */
static int fields_of_text(struct search *s)
{
        int r = s->of_text.listed ? 0 : open_text(s);

        if (r == 0 && !s->of_text.listed)
                list_fields(s, s->text, &s->of_text);
        return r;
}

static int fields_of_header(struct search *s)
{
        struct slice header;
        int r = s->of_header.listed ? 0 : s->message->header(s->message->context, &header);

        if (r == 0 && !s->of_header.listed)
                list_fields(s, header, &s->of_header);
        return r;
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

static int match_fields(struct search *s, const struct search_fields *fields, const struct search_node *node)
{
        int r = 0;

        for (size_t i = 0; i < fields->n && r == 0; i++) {
                struct search_field *field = &fields->field[i];

                if (!slice_ieq(field->name, node->header))
                        continue;
                if (node->text.n == 0)
                        return 1;
                r = fold_field(s, field);
                if (r == 0 && slice_find_slice(field->folded, node->text) < field->folded.n)
                        return 1;
        }
        return r;
}

static int match_key(struct search *s, const struct search_node *node)
{
        int r = s->keyed ? 0 : s->message->keys(s->message->context, &s->keys);

        if (r < 0)
                return r;
        s->keyed = true;
        r = search_keys_match(s->keys, (enum search_key)node->key, node->text);
        if (r != -EBADMSG)
                return r;
        r = fields_of_text(s);
        return r < 0 ? r : match_fields(s, &s->of_text, node);
}

static int match_header(struct search *s, const struct search_node *node)
{
        int r;

        if (node->key >= 0)
                return match_key(s, node);
        r = fields_of_header(s);
        return r < 0 ? r : match_fields(s, &s->of_header, node);
}

static int match_text(struct search *s, const struct search_node *node)
{
        int r;

        if (!s->scanned) {
                r = open_text(s);
                if (r < 0)
                        return r;
                r = search_text_scan(&s->scan, &s->arena, s->text, s->needles, s->needles_n);
                if (r < 0)
                        return r;
                s->scanned = true;
        }
        return s->needles[node->needle].found;
}

/* Of the Date field as written, "disregarding time and timezone". */
static int match_sent(struct search *s, const struct search_node *node)
{
        if (!s->dated) {
                int r = s->message->sent(s->message->context, &s->sent_day, &s->sent_valid);

                if (r < 0)
                        return r;
                s->dated = true;
        }
        if (!s->sent_valid)
                return 0;
        if (node->kind == SEARCH_SENTBEFORE)
                return s->sent_day < node->day;
        return node->kind == SEARCH_SENTSINCE ? s->sent_day >= node->day : s->sent_day == node->day;
}

/* In the server's zone, as FETCH INTERNALDATE says it. No zone is two days off: far from the day asked for,
 * which one it is does not matter. */
static int64_t internal_day(time_t t, int64_t asked)
{
        struct tm tm = {};
        int64_t day = t / DAY;

        if (day >= asked - 2 && day <= asked + 2 && localtime_r(&t, &tm))
                day = date_of_day(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) / DAY;
        return day;
}

static int stamp(struct search *s)
{
        int r = s->stamped ? 0 : s->message->internaldate(s->message->context, &s->internaldate);

        if (r == 0)
                s->stamped = true;
        return r;
}

/* RFC 5032: to the second, and both find the second itself. */
static int match_age(struct search *s, const struct search_node *node)
{
        int r = stamp(s);

        if (r < 0)
                return r;
        return node->kind == SEARCH_OLDER ? s->internaldate <= node->limit : s->internaldate >= node->limit;
}

static int match_internal(struct search *s, const struct search_node *node)
{
        int64_t day;
        int r = stamp(s);

        if (r < 0)
                return r;
        day = internal_day(s->internaldate, node->day);
        if (node->kind == SEARCH_BEFORE)
                return day < node->day;
        return node->kind == SEARCH_SINCE ? day >= node->day : day == node->day;
}

static int match_saved(struct search *s, const struct search_node *node)
{
        time_t saved;
        int64_t day;
        int r = s->message->savedate(s->message->context, &saved);

        if (r == -ENODATA) { /* RFC 8514 section 4.3 */
                r = stamp(s);
                saved = s->internaldate;
        }
        if (r < 0)
                return r;
        day = internal_day(saved, node->day);
        if (node->kind == SEARCH_SAVEDBEFORE)
                return day < node->day;
        return node->kind == SEARCH_SAVEDSINCE ? day >= node->day : day == node->day;
}

/* RFC 8474: an EMAILID is "M" and the GUID. */
static int match_email_id(struct search *s, const struct search_node *node)
{
        char guid[MAILBOX_GUID_LEN + 1];
        int r = s->message->guid(s->message->context, guid);

        if (r < 0)
                return r;
        return slice_starts(node->text, SLICE("M")) && slice_eq(slice_from(node->text, 1), slice_of(guid));
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
        case SEARCH_MODSEQ:
                return m->modseq >= node->modseq;
        case SEARCH_KEYWORD:
                return (m->keywords & node->keyword) != 0;
        case SEARCH_UNKEYWORD:
                return (m->keywords & node->keyword) == 0;
        case SEARCH_BEFORE:
        case SEARCH_ON:
        case SEARCH_SINCE:
                return match_internal(s, node);
        case SEARCH_SENTBEFORE:
        case SEARCH_SENTON:
        case SEARCH_SENTSINCE:
                return match_sent(s, node);
        case SEARCH_SAVEDATESUPPORTED:
                r = m->savedate(m->context, &(time_t){0});
                return r == -ENODATA ? 0 : r < 0 ? r : 1;
        case SEARCH_SAVEDBEFORE:
        case SEARCH_SAVEDON:
        case SEARCH_SAVEDSINCE:
                return match_saved(s, node);
        case SEARCH_EMAILID:
                return match_email_id(s, node);
        case SEARCH_THREADID: /* no message has one */
                return 0;
        case SEARCH_OLDER:
        case SEARCH_YOUNGER:
                return match_age(s, node);
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
        s->opened = s->scanned = s->keyed = s->dated = s->sized = s->stamped = false;
        s->of_text.listed = s->of_header.listed = false;
        r = match_node(s, s->root);
        s->message = NULL;
        if (s->arena.used)
                arena_reset(&s->arena);
        return r;
}

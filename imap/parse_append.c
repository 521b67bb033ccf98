#include "imap/parse_append.h"

#include <errno.h>

#include "imap/parse.h"

/* "{n}", "{n+}" or with a "~" before it (RFC 3516, literal8), which ends the stretch. */
static bool take_literal(struct lexer *l, struct append_item *item)
{
        bool sync;
        struct lexer ahead = *l;
        item->binary = lexer_take(&ahead, '~');
        if (slice_rfind(ahead.rest, '{') != 0 || !lexer_literal_mark(ahead.rest, &item->size, &sync))
                return false;
        item->kind = APPEND_LITERAL;
        l->rest = SLICE_NULL;
        return true;
}

static int at_message(struct append_parse *p, struct lexer *l, struct append_item *item)
{
        struct lexer ahead = *l;
        lexer_skip_spaces(&ahead);
        if (ahead.rest.n == 0 && p->begun) {
                item->kind = APPEND_END;
                *l = ahead;
                return 0;
        }
        if (p->one && p->begun)
                return lexer_fail(l, "One message replaces another, no more");
        int r = lexer_space(l);
        if (r == 0 && lexer_peek(l) == '(') {
                r = parse_flag_list(l, PARSE_RECENT_IGNORED, &item->flags);
                if (r == 0)
                        r = lexer_space(l);
        }
        if (r == 0 && lexer_peek(l) == '"') {
                r = parse_date_time(l, &item->date);
                if (r == 0)
                        r = lexer_space(l);
        }
        item->kind = APPEND_MESSAGE;
        p->state = APPEND_AT_DATA;
        p->begun = true;
        return r;
}

/* "(" and a literal8, behind UTF8; its ")" follows the bytes. */
static int utf8_literal(struct append_parse *p, struct lexer *l, struct append_item *item)
{
        int r = lexer_space(l);
        if (r == 0)
                r = lexer_list_start(l);
        if (r < 0)
                return r;
        item->utf8 = true;
        if (!take_literal(l, item) || !item->binary)
                return lexer_fail(l, "Expected a literal8 in UTF8");
        return 0;
}

static int at_part(struct append_parse *p, struct lexer *l, struct append_item *item)
{
        struct slice word = lexer_name(l);
        p->state = APPEND_BEHIND_PART;
        if (slice_ieq(word, SLICE("UTF8"))) {
                p->state = APPEND_BEHIND_UTF8_PART;
                return utf8_literal(p, l, item);
        }
        bool text = slice_ieq(word, SLICE("TEXT"));
        if (!text && !slice_ieq(word, SLICE("URL")))
                return lexer_fail_word(l, "Expected TEXT or URL instead of", word.n ? word : l->rest);
        int r = lexer_space(l);
        if (r < 0)
                return r;
        if (text)
                return take_literal(l, item) ? 0 : lexer_fail(l, "Expected a literal behind TEXT");
        item->kind = APPEND_URL;
        return lexer_astring(l, &item->url);
}

static int at_data(struct append_parse *p, struct lexer *l, struct append_item *item)
{
        if (take_literal(l, item)) {
                item->whole = true;
                p->state = APPEND_BEHIND_DATA;
                return 0;
        }
        struct slice word = lexer_name(l);
        if (slice_ieq(word, SLICE("UTF8"))) {
                item->whole = true;
                p->state = APPEND_BEHIND_UTF8;
                return utf8_literal(p, l, item);
        }
        if (!slice_ieq(word, SLICE("CATENATE")))
                return lexer_fail_word(l, "Expected the message as a literal instead of",
                                       word.n ? word : l->rest);
        int r = lexer_space(l);
        if (r == 0)
                r = lexer_list_start(l);
        return r < 0 ? r : at_part(p, l, item);
}

static int behind_part(struct append_parse *p, struct lexer *l, struct append_item *item)
{
        bool end;
        int r = lexer_list_next(l, &end);
        if (r < 0 || !end)
                return r < 0 ? r : at_part(p, l, item);
        item->kind = APPEND_WHOLE;
        p->state = APPEND_AT_MESSAGE;
        return 0;
}

static int close_utf8(struct lexer *l)
{
        lexer_skip_spaces(l);
        return lexer_take(l, ')') ? 0 : lexer_fail(l, "Missing ')' behind UTF8");
}

static int next(struct append_parse *p, struct lexer *l, struct append_item *item)
{
        int r = 0;
        switch (p->state) {
        case APPEND_AT_MESSAGE:
                return at_message(p, l, item);
        case APPEND_AT_DATA:
                return at_data(p, l, item);
        case APPEND_BEHIND_UTF8_PART:
                r = close_utf8(l);
                return r < 0 ? r : behind_part(p, l, item);
        case APPEND_BEHIND_PART:
                return behind_part(p, l, item);
        case APPEND_BEHIND_UTF8:
                r = close_utf8(l);
                break;
        case APPEND_BEHIND_DATA:
                break;
        }
        item->kind = APPEND_WHOLE;
        p->state = APPEND_AT_MESSAGE;
        return r;
}

int append_parse_next(struct append_parse *p, struct append_item *ret)
{
        struct lexer l = {.arena = p->arena, .rest = p->rest};
        struct append_item item = {.date = -1};
        int r = next(p, &l, &item);
        p->rest = l.rest;
        if (r < 0) {
                p->error = l.error;
                return r;
        }
        *ret = item;
        return 0;
}

int parse_append(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        if (r == 0 && c->id == IMAP_REPLACE) {
                r = parse_set(l, &c->append.set);
                const struct imap_set *set = &c->append.set;
                if (r == 0 && (set->n != 1 || set->ranges[0].low != set->ranges[0].high))
                        return lexer_fail(l, "Expected the number of one message");
                if (r == 0)
                        r = lexer_space(l);
        }
        if (r == 0)
                r = parse_mailbox(l, &c->append.mailbox);
        if (r == 0 && l->rest.n == 0)
                return lexer_fail(l, "Missing arguments");
        c->append.rest = l->rest;
        l->rest = SLICE_NULL;
        return r;
}

/* Of a stretch that ends with a literal's mark: what stands before that, without the spaces. */
static struct slice before_mark(struct slice s)
{
        s = slice_head(s, slice_rfind(s, '{'));
        while (s.n && s.p[s.n - 1] == ' ')
                s.n--;
        return s;
}

/* The arguments of APPEND and REPLACE up to the mailbox: false when that does not come. */
static bool skip_mailbox(struct lexer *l)
{
        struct slice part;
        if (lexer_tag(l, &part) < 0 || lexer_space(l) < 0)
                return false;
        part = lexer_name(l);
        if (slice_ieq(part, SLICE("UID"))) {
                lexer_skip_spaces(l);
                part = lexer_name(l);
        }
        bool replace = slice_ieq(part, SLICE("REPLACE"));
        if ((!replace && !slice_ieq(part, SLICE("APPEND"))) || lexer_space(l) < 0)
                return false;
        if (replace && (lexer_word(l, &part) < 0 || lexer_space(l) < 0))
                return false;
        return lexer_astring(l, &part) == 0;
}

bool imap_literal_is_message(struct slice bytes, bool begun)
{
        _cleanup_(arena_free) struct arena scratch = {0};
        struct lexer l = {.arena = &scratch, .rest = bytes};
        if (!begun && (!skip_mailbox(&l) || l.rest.n == 0))
                return false;
        struct slice before = before_mark(l.rest);
        struct slice word = slice_from(before, before.n >= 4 ? before.n - 4 : 0);
        return !(word.n == 4 && (word.p[0] == ' ' || word.p[0] == '(') &&
                 slice_ieq(slice_from(word, 1), SLICE("URL")));
}

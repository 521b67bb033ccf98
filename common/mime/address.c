#include "mime/address.h"

#include "mime/lex.h"

/* Bytes that end a word; "(" and quotes do when they open something (lex_run). "[", "]" and backslash have no
 * meaning in a phrase and are taken as letters. */
#define ANGLE_STOPS                                                                                          \
        LEX_BLANKS, ['('] = LEX_COMMENT, [','] = LEX_STOP, [';'] = LEX_STOP, ['<'] = LEX_STOP,               \
                    ['>'] = LEX_STOP, ['@'] = LEX_STOP
static const unsigned char phrase_kinds[256] = {ANGLE_STOPS, ['"'] = LEX_QUOTE, [':'] = LEX_STOP};
static const unsigned char angle_kinds[256] = {ANGLE_STOPS, ['"'] = LEX_QUOTE};
static const unsigned char domain_kinds[256] = {ANGLE_STOPS, ['"'] = LEX_STOP, [':'] = LEX_STOP};

struct parser {
        struct lex lex;
        struct arena *arena;
        struct address **tail;
        unsigned count;
        bool in_group;
        bool in_room; /* the buffers have no memory of their own */

        /* of the entry being read */
        struct buf phrase;  /* all words with single spaces: a display name */
        struct buf local;   /* the last words that dots connect, without spaces: a local part */
        size_t before;      /* length of the phrase without those words */
        bool dot;           /* the last word ended with a dot */
        struct buf comment; /* the last one */
        struct buf route, mailbox, host;
        struct buf word; /* the newest of the phrase */
        enum { FOUND_NOTHING, FOUND_BARE, FOUND_ANGLE } found;
};

/* Most fields are short: then what is read goes into a room of a fixed size. No text grows to more than four
 * times the field, whatever is put between its bytes. */
enum { SHORT_FIELD = 160, ROOM = 4 * SHORT_FIELD };
struct room {
        char phrase[ROOM], local[ROOM], comment[ROOM], route[ROOM], mailbox[ROOM], host[ROOM], word[ROOM];
};

static struct buf lend(char room[static ROOM])
{
        return (struct buf){.p = room, .cap = ROOM, .max = ROOM};
}

static void use_room(struct parser *p, struct room *room)
{
        p->in_room = true;
        p->phrase = lend(room->phrase);
        p->local = lend(room->local);
        p->comment = lend(room->comment);
        p->route = lend(room->route);
        p->mailbox = lend(room->mailbox);
        p->host = lend(room->host);
        p->word = lend(room->word);
}

static void parser_free(struct parser *p)
{
        if (p->in_room)
                return;
        buf_free(&p->phrase);
        buf_free(&p->local);
        buf_free(&p->comment);
        buf_free(&p->route);
        buf_free(&p->mailbox);
        buf_free(&p->host);
        buf_free(&p->word);
}

static void reset_entry(struct parser *p)
{
        p->phrase.n = p->local.n = p->comment.n = p->route.n = p->mailbox.n = p->host.n = 0;
        p->before = 0;
        p->dot = false;
        p->found = FOUND_NOTHING;
}

/* Takes blanks and comments and keeps the last comment. */
static void skip(struct parser *p)
{
        for (;;) {
                while (!lex_end(&p->lex) && lex_is_blank(lex_peek(&p->lex)))
                        p->lex.pos++;
                if (lex_peek(&p->lex) != '(')
                        return;
                size_t kept = p->comment.n;
                if (!lex_comment(&p->lex, &p->comment))
                        return;
                buf_consume(&p->comment, kept);
        }
}

static struct slice text_or(struct parser *p, const struct buf *b, struct slice otherwise)
{
        struct slice s = slice_trim(buf_slice(b));
        return s.n ? arena_slice(p->arena, s) : otherwise;
}

/* One place of the limit is kept for the end of a group. */
static bool emit(struct parser *p, struct address value)
{
        if (p->count + (value.kind != ADDRESS_GROUP_END) >= ADDRESS_MAX)
                return false;
        struct address *entry = arena_new(p->arena, struct address);
        *entry = value;
        *p->tail = entry;
        p->tail = &entry->next;
        p->count++;
        return true;
}

static void emit_entry(struct parser *p)
{
        struct address out = {.kind = ADDRESS_MAILBOX};
        if (p->found == FOUND_NOTHING) {
                if (p->phrase.n == 0)
                        return;
                if (p->before == 0) { /* one word alone is a local part, several are a name */
                        buf_append(&p->mailbox, buf_slice(&p->local));
                        p->phrase.n = 0;
                }
        } else if (p->found == FOUND_BARE) {
                p->phrase.n = p->before;
        }
        out.name = text_or(p, &p->phrase, text_or(p, &p->comment, SLICE_NULL));
        out.route = text_or(p, &p->route, SLICE_NULL);
        out.mailbox = text_or(p, &p->mailbox, SLICE("MISSING_MAILBOX"));
        out.host = text_or(p, &p->host, SLICE("MISSING_DOMAIN"));
        emit(p, out);
}

static void end_entry(struct parser *p)
{
        emit_entry(p);
        reset_entry(p);
}

static void end_group(struct parser *p)
{
        if (p->in_group)
                emit(p, (struct address){.kind = ADDRESS_GROUP_END});
        p->in_group = false;
}

/* Appends the next word, quoted or not, to `to`. False when there is none. */
static bool take_word(struct parser *p, const unsigned char kinds[static 256], struct buf *to,
                      bool *ret_quoted)
{
        *ret_quoted = lex_peek(&p->lex) == '"' && lex_quoted(&p->lex, to);
        if (*ret_quoted)
                return true;
        struct slice run = lex_run(&p->lex, kinds);
        buf_append(to, run);
        return run.n > 0;
}

/* A domain up to what cannot belong to it; folds and comments may stand around its dots (obs-domain). */
static void take_domain(struct parser *p, struct buf *to)
{
        skip(p);
        if (lex_peek(&p->lex) == '[') {
                struct slice rest = slice_from(p->lex.in, p->lex.pos);
                size_t n = slice_find(slice_head(rest, 256), ']'); /* no address is longer */
                if (n < rest.n && rest.p[n] == ']') {
                        for (size_t i = 0; i <= n; i++)
                                if (!lex_is_blank(rest.p[i]))
                                        buf_char(to, rest.p[i]);
                        p->lex.pos += n + 1;
                        return;
                }
        }
        for (;;) {
                struct slice run = lex_run(&p->lex, domain_kinds);
                buf_append(to, run);
                skip(p);
                bool dotted = run.n && run.p[run.n - 1] == '.';
                if (run.n == 0 || (!dotted && lex_peek(&p->lex) != '.'))
                        return;
        }
}

/* "@a,@b:" at the start of an angle address, as it is sent. Without the colon it was a domain. */
static void take_route(struct parser *p)
{
        do {
                skip(p);
                if (!lex_take(&p->lex, '@'))
                        continue;
                if (p->route.n)
                        buf_char(&p->route, ',');
                buf_char(&p->route, '@');
                take_domain(p, &p->route);
                skip(p);
        } while (lex_take(&p->lex, ',') || lex_peek(&p->lex) == '@');
        if (lex_take(&p->lex, ':'))
                return;
        buf_append(&p->host, slice_from(buf_slice(&p->route), 1));
        p->route.n = 0;
}

/* After "<": route, local part and domain, and everything up to ">" or the end of the entry. */
static void take_angle(struct parser *p)
{
        bool dot = true;
        p->mailbox.n = p->host.n = 0;
        skip(p);
        if (lex_peek(&p->lex) == '@')
                take_route(p);
        for (skip(p); !p->host.n && !lex_end(&p->lex); skip(p)) {
                size_t was = p->mailbox.n;
                bool quoted;
                if (!dot && lex_peek(&p->lex) != '.')
                        buf_char(&p->mailbox, ' ');
                if (!take_word(p, angle_kinds, &p->mailbox, &quoted)) {
                        p->mailbox.n = was;
                        break;
                }
                dot = !quoted && p->mailbox.p[p->mailbox.n - 1] == '.';
        }
        if (lex_take(&p->lex, '@'))
                take_domain(p, &p->host);
        while (!lex_end(&p->lex) && lex_peek(&p->lex) != ',' && lex_peek(&p->lex) != ';')
                if (lex_take(&p->lex, '>'))
                        break;
                else
                        p->lex.pos++;
        p->found = FOUND_ANGLE;
}

/* "@" outside of angles: the words that dots connect before it are the local part, words before them a name.
 * The address also joins the phrase, in case it is only a name: "a@b.org <c@d.org>". */
static void take_at(struct parser *p)
{
        p->lex.pos++;
        buf_char(&p->phrase, '@');
        struct buf *to = p->found == FOUND_NOTHING ? &p->host : &p->route; /* a second one is not kept */
        size_t was = to->n;
        take_domain(p, to);
        buf_append(&p->phrase, slice_from(buf_slice(to), was));
        if (p->found != FOUND_NOTHING) {
                to->n = was;
                return;
        }
        buf_append(&p->mailbox, buf_slice(&p->local));
        p->found = FOUND_BARE;
}

static void take_phrase_word(struct parser *p)
{
        bool quoted;
        p->word.n = 0;
        if (!take_word(p, phrase_kinds, &p->word, &quoted))
                return;
        struct slice word = buf_slice(&p->word);
        bool connected = p->dot || (!quoted && word.p[0] == '.');
        if (!connected && p->found == FOUND_NOTHING) {
                p->local.n = 0;
                p->before = p->phrase.n;
        }
        if (p->phrase.n)
                buf_char(&p->phrase, ' ');
        buf_append(&p->phrase, word);
        if (p->found == FOUND_NOTHING)
                buf_append(&p->local, word);
        p->dot = !quoted && word.n && word.p[word.n - 1] == '.';
}

static void take_colon(struct parser *p)
{
        p->lex.pos++;
        if (p->found != FOUND_NOTHING)
                return;
        struct address start = {.kind = ADDRESS_GROUP_START};
        if (!p->in_group) {
                start.mailbox = text_or(p, &p->phrase, SLICE(""));
                p->in_group = emit(p, start);
        }
        reset_entry(p); /* groups do not nest: an inner name is dropped */
}

static void take_one(struct parser *p)
{
        switch (lex_peek(&p->lex)) {
        case ',':
        case ';': /* outside of a group some write it for a comma */
                end_entry(p);
                if (lex_take(&p->lex, ';'))
                        end_group(p);
                else
                        p->lex.pos++;
                break;
        case ':':
                take_colon(p);
                break;
        case '<':
                p->lex.pos++;
                if (p->found != FOUND_ANGLE)
                        take_angle(p);
                break;
        case '>':
                p->lex.pos++;
                break;
        case '@':
                if (p->found != FOUND_ANGLE)
                        take_at(p);
                else
                        p->lex.pos++;
                break;
        default:
                if (p->found == FOUND_ANGLE) {
                        bool quoted;
                        size_t was = p->local.n;
                        take_word(p, phrase_kinds, &p->local,
                                  &quoted); /* "x <a@b> more": nothing to keep it in */
                        p->local.n = was;
                } else {
                        take_phrase_word(p);
                }
        }
}

struct address *address_parse(struct arena *a, struct slice value)
{
        struct address *first = NULL;
        struct room room;
        _cleanup_(parser_free) struct parser p = {.lex = {.in = value}, .arena = a, .tail = &first};
        if (value.n <= SHORT_FIELD)
                use_room(&p, &room);
        for (skip(&p); !lex_end(&p.lex) && p.count < ADDRESS_MAX; skip(&p))
                take_one(&p);
        end_entry(&p);
        end_group(&p);
        return first;
}

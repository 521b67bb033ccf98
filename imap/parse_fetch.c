#include "imap/parse.h"

#include <errno.h>
#include <string.h>

static const struct {
        const char *name;
        enum imap_fetch_kind kind;
} items[] = {
        {"FLAGS", FETCH_FLAGS},
        {"UID", FETCH_UID},
        {"INTERNALDATE", FETCH_INTERNALDATE},
        {"RFC822.SIZE", FETCH_RFC822_SIZE},
        {"MODSEQ", FETCH_MODSEQ},
        {"ENVELOPE", FETCH_ENVELOPE},
        {"BODY", FETCH_BODY},
        {"BODYSTRUCTURE", FETCH_BODYSTRUCTURE},
        {"EMAILID", FETCH_EMAILID},
        {"THREADID", FETCH_THREADID},
        {"SAVEDATE", FETCH_SAVEDATE},
        {"PREVIEW", FETCH_PREVIEW},
        {"RFC822", FETCH_RFC822},
        {"RFC822.HEADER", FETCH_RFC822_HEADER},
        {"RFC822.TEXT", FETCH_RFC822_TEXT},
};

/* RFC 3501 section 6.4.5; each is the beginning of the next */
static const enum imap_fetch_kind macro_items[] = {
        FETCH_FLAGS, FETCH_INTERNALDATE, FETCH_RFC822_SIZE, FETCH_ENVELOPE, FETCH_BODY,
};
static const struct {
        const char *name;
        size_t n;
} macros[] = {{"FAST", 3}, {"ALL", 4}, {"FULL", 5}};

static const struct {
        const char *name;
        enum imap_section_text text;
} texts[] = {
        {"HEADER", SECTION_HEADER},
        {"HEADER.FIELDS", SECTION_HEADER_FIELDS},
        {"HEADER.FIELDS.NOT", SECTION_HEADER_FIELDS_NOT},
        {"TEXT", SECTION_TEXT},
        {"MIME", SECTION_MIME},
};

/* The name of a header field (RFC 5322 section 3.6.8): nothing else could ever be found, and the reply
 * repeats it. */
static bool is_field_name(struct slice s)
{
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == ':')
                        return false;
        return s.n > 0;
}

static int parse_fields(struct lexer *l, struct imap_section *s)
{
        int r = lexer_space(l);
        if (r == 0)
                r = lexer_list_start(l);
        for (bool end = false; r == 0 && !end;) {
                if (s->fields_n == PARSE_HEADER_FIELDS_MAX)
                        return lexer_fail(l, "Too many header fields");
                struct slice field;
                r = lexer_astring(l, &field);
                if (r < 0)
                        return r;
                if (!is_field_name(field))
                        return lexer_fail_word(l, "Invalid header field name", field);
                s->fields = lexer_grow(l, s->fields, s->fields_n, sizeof(*s->fields));
                s->fields[s->fields_n++] = field;
                r = lexer_list_next(l, &end);
        }
        return r;
}

static int parse_section_text(struct lexer *l, struct imap_section *s)
{
        struct slice name = lexer_name(l);
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                if (!slice_ieq(name, slice_of(texts[i].name)))
                        continue;
                s->text = texts[i].text;
                if (s->text == SECTION_MIME && s->part_n == 0)
                        break;
                bool fields = s->text == SECTION_HEADER_FIELDS || s->text == SECTION_HEADER_FIELDS_NOT;
                return fields ? parse_fields(l, s) : 0;
        }
        return lexer_fail_word(l, "Invalid section", name.n ? name : l->rest);
}

int parse_section_spec(struct lexer *l, struct imap_section *s)
{
        s->text = SECTION_ALL;
        bool more = l->rest.n > 0 && lexer_peek(l) != ']';
        while (more && ascii_isdigit(lexer_peek(l))) {
                if (s->part_n == PARSE_PART_DEPTH_MAX)
                        return lexer_fail(l, "Part number too deep");
                s->part = lexer_grow(l, s->part, s->part_n, sizeof(*s->part));
                int r = lexer_nz_number(l, &s->part[s->part_n++]);
                if (r < 0)
                        return r;
                more = lexer_take(l, '.');
        }
        return more ? parse_section_text(l, s) : 0;
}

/* From behind "[" to behind "]". */
static int parse_section(struct lexer *l, struct imap_section *s)
{
        int r = parse_section_spec(l, s);
        if (r == 0 && !lexer_take(l, ']'))
                return lexer_fail(l, "Missing ']' behind a section");
        return r;
}

static int parse_partial(struct lexer *l, struct imap_section *s)
{
        if (!lexer_take(l, '<'))
                return 0;
        s->partial = true;
        if (lexer_number(l, &s->offset) < 0 || !lexer_take(l, '.') || lexer_nz_number(l, &s->count) < 0 ||
            !lexer_take(l, '>'))
                return lexer_fail(l, "Invalid <offset.count>");
        return 0;
}

static struct imap_fetch_item *add(struct lexer *l, struct imap_command *c)
{
        c->fetch.items = lexer_grow(l, c->fetch.items, c->fetch.items_n, sizeof(*c->fetch.items));
        return &c->fetch.items[c->fetch.items_n++];
}

/* RFC 8970 section 6: " (LAZY)" behind PREVIEW. Other parentheses there are those of FETCH's modifiers. */
static int parse_preview(struct lexer *l, struct imap_fetch_item *item)
{
        if (!slice_istarts(l->rest, SLICE(" (LAZY")))
                return 0;
        l->rest = slice_from(l->rest, strlen(" (LAZY"));
        item->lazy = true;
        return lexer_take(l, ')') ? 0 : lexer_fail(l, "Unknown modifier of PREVIEW");
}

static const struct {
        const char *name;
        enum imap_fetch_kind kind;
        bool peek;
} section_items[] = {
        {"BODY", FETCH_SECTION, false},           {"BODY.PEEK", FETCH_SECTION, true},
        {"BINARY", FETCH_BINARY, false},          {"BINARY.PEEK", FETCH_BINARY, true},
        {"BINARY.SIZE", FETCH_BINARY_SIZE, true},
};

/* From behind "[". */
static int parse_section_item(struct lexer *l, struct imap_fetch_item *item)
{
        int r = parse_section(l, &item->section);
        if (r < 0)
                return r;
        if (item->kind != FETCH_SECTION && item->section.text != SECTION_ALL)
                return lexer_fail(l, "BINARY is of a part as a whole");
        return item->kind == FETCH_BINARY_SIZE ? 0 : parse_partial(l, &item->section);
}

static int parse_item(struct lexer *l, struct imap_command *c)
{
        if (c->fetch.items_n == PARSE_FETCH_ITEMS_MAX)
                return lexer_fail(l, "Too many items");
        struct slice name = lexer_name(l);
        for (size_t i = 0; i < ARRAY_LEN(section_items); i++) {
                if (!slice_ieq(name, slice_of(section_items[i].name)) || !lexer_take(l, '['))
                        continue;
                struct imap_fetch_item *item = add(l, c);
                item->kind = section_items[i].kind;
                item->section.peek = section_items[i].peek;
                return parse_section_item(l, item);
        }
        for (size_t i = 0; i < ARRAY_LEN(items); i++)
                if (slice_ieq(name, slice_of(items[i].name))) {
                        struct imap_fetch_item *item = add(l, c);
                        item->kind = items[i].kind;
                        return item->kind == FETCH_PREVIEW ? parse_preview(l, item) : 0;
                }
        return lexer_fail_word(l, "Unknown item", name.n ? name : l->rest);
}

static bool take_macro(struct lexer *l, struct imap_command *c)
{
        struct lexer ahead = *l;
        struct slice name = lexer_name(&ahead);
        for (size_t i = 0; i < ARRAY_LEN(macros); i++) {
                if (!slice_ieq(name, slice_of(macros[i].name)))
                        continue;
                for (size_t k = 0; k < macros[i].n; k++)
                        add(l, c)->kind = macro_items[k];
                l->rest = ahead.rest;
                return true;
        }
        return false;
}

int parse_fetch_list(struct lexer *l, struct imap_command *c)
{
        int r = lexer_list_start(l);
        for (bool end = false; r == 0 && !end;) {
                r = parse_item(l, c);
                if (r == 0)
                        r = lexer_list_next(l, &end);
        }
        return r;
}

static int parse_items(struct lexer *l, struct imap_command *c)
{
        if (take_macro(l, c))
                return 0;
        return lexer_peek(l) == '(' ? parse_fetch_list(l, c) : parse_item(l, c);
}

/* RFC 9394 section 3.3 */
static int modifier_partial(struct lexer *l, struct imap_command *c)
{
        if (!c->uid)
                return lexer_fail(l, "PARTIAL is for UID FETCH");
        c->fetch.has_partial = true;
        int r = lexer_space(l);
        return r < 0 ? r : parse_partial_range(l, &c->fetch.partial);
}

/* RFC 7162 section 3.1.4.1; 0 is what some clients begin with */
static int modifier_changed_since(struct lexer *l, struct imap_command *c)
{
        c->fetch.has_since = true;
        int r = lexer_space(l);
        return r < 0 ? r : lexer_modseq(l, &c->fetch.since);
}

/* RFC 7162 section 3.2.6 */
static int modifier_vanished(struct lexer *l, struct imap_command *c)
{
        if (!c->uid)
                return lexer_fail(l, "VANISHED is for UID FETCH");
        if (!(l->enabled & FEATURE_QRESYNC))
                return lexer_fail(l, "QRESYNC has not been enabled");
        c->fetch.vanished = true;
        return 0;
}

static const struct {
        const char *name;
        int (*parse)(struct lexer *l, struct imap_command *c); /* from behind the name */
} modifiers[] = {
        {"CHANGEDSINCE", modifier_changed_since},
        {"VANISHED", modifier_vanished},
        {"PARTIAL", modifier_partial},
};

static int parse_modifier(struct lexer *l, struct imap_command *c, unsigned *seen)
{
        struct slice name = lexer_name(l);
        for (size_t i = 0; i < ARRAY_LEN(modifiers); i++) {
                if (!slice_ieq(name, slice_of(modifiers[i].name)))
                        continue;
                if (*seen & 1u << i)
                        return lexer_fail_word(l, "Modifier given twice", name);
                *seen |= 1u << i;
                return modifiers[i].parse(l, c);
        }
        return lexer_fail_word(l, "Unknown FETCH modifier", name.n ? name : l->rest);
}

/* [SP "(" modifier *(SP modifier) ")"], RFC 4466 section 2.4 */
static int parse_modifiers(struct lexer *l, struct imap_command *c)
{
        struct lexer ahead = *l;
        if (lexer_space(&ahead) < 0 || lexer_peek(&ahead) != '(')
                return 0;
        *l = ahead;
        unsigned seen = 0;
        int r = lexer_list_start(l);
        for (bool end = false; r == 0 && !end;) {
                r = parse_modifier(l, c, &seen);
                if (r == 0)
                        r = lexer_list_next(l, &end);
        }
        if (r == 0 && c->fetch.vanished && !c->fetch.has_since)
                return lexer_fail(l, "VANISHED needs CHANGEDSINCE");
        return r;
}

int parse_fetch(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        if (r == 0)
                r = parse_set(l, &c->fetch.set);
        if (r == 0)
                r = lexer_space(l);
        if (r == 0)
                r = parse_items(l, c);
        return r < 0 ? r : parse_modifiers(l, c);
}

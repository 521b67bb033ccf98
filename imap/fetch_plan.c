/* What a FETCH asks for, worked out once for all its messages. */

#include "imap/fetch.h"

/* The old names are other words for sections. */
static const struct fetch_type {
        const char *name;
        unsigned needs, cached;
        struct imap_section section;
} types[] = {
        [FETCH_FLAGS] = {"FLAGS", 0, 0},
        [FETCH_UID] = {"UID", 0, 0},
        [FETCH_INTERNALDATE] = {"INTERNALDATE", FETCH_NEEDS_DATE, 0},
        [FETCH_RFC822_SIZE] = {"RFC822.SIZE", FETCH_NEEDS_SIZE, 0},
        [FETCH_MODSEQ] = {"MODSEQ", 0, 0},
        [FETCH_ENVELOPE] = {"ENVELOPE", 0, CACHED_ENVELOPE},
        [FETCH_BODY] = {"BODY", 0, CACHED_BODY},
        [FETCH_BODYSTRUCTURE] = {"BODYSTRUCTURE", 0, CACHED_BODYSTRUCTURE},
        [FETCH_EMAILID] = {"EMAILID", 0, 0},
        [FETCH_THREADID] = {"THREADID", 0, 0},
        [FETCH_SAVEDATE] = {"SAVEDATE", FETCH_NEEDS_SAVEDATE, 0},
        [FETCH_PREVIEW] = {"PREVIEW", 0, CACHED_PREVIEW},
        [FETCH_RFC822] = {"RFC822", FETCH_NEEDS_TEXT | FETCH_SEES, 0, {.text = SECTION_ALL}},
        [FETCH_RFC822_HEADER] = {"RFC822.HEADER", FETCH_NEEDS_TEXT, 0, {.text = SECTION_HEADER}},
        [FETCH_RFC822_TEXT] = {"RFC822.TEXT", FETCH_NEEDS_TEXT | FETCH_SEES, 0, {.text = SECTION_TEXT}},
        [FETCH_SECTION] = {"BODY", 0, 0},
        [FETCH_BINARY] = {"BINARY", FETCH_NEEDS_TEXT, 0},
        [FETCH_BINARY_SIZE] = {"BINARY.SIZE", FETCH_NEEDS_TEXT, 0},
};

static bool is_section(const struct imap_fetch_item *item)
{
        return item->kind >= FETCH_RFC822;
}

/* The item names its section, rather than being another word for one. */
static bool names_section(enum imap_fetch_kind kind)
{
        return kind >= FETCH_SECTION;
}

static struct slice make_label(struct fetch *f, const struct fetch_item *item)
{
        const char *name = types[item->kind].name;
        f->buf.n = 0;
        buf_char(&f->buf, ' ');
        if (names_section(item->kind))
                section_name(&f->buf, name, item->section);
        else
                buf_str(&f->buf, name);
        bool literal = item->section && item->kind <= FETCH_SECTION; /* BINARY's may be a literal8 */
        buf_str(&f->buf, literal ? " {" : " ");
        return arena_slice(&f->s->arena, buf_slice(&f->buf));
}

static struct fetch_item make_item(struct fetch *f, const struct imap_fetch_item *asked)
{
        const struct fetch_type *type = &types[asked->kind];
        struct fetch_item item = {.kind = asked->kind, .cached = type->cached};
        if (is_section(asked))
                item.section = names_section(asked->kind) ? &asked->section : &type->section;
        item.label = make_label(f, &item);
        f->needs |= type->needs;
        if (item.cached && asked->lazy)
                f->lazy |= CACHED_BIT(item.cached);
        else if (item.cached)
                f->kinds |= CACHED_BIT(item.cached);
        if (asked->kind == FETCH_SECTION) {
                item.fields = cached_fields_mask(item.section);
                if (item.fields)
                        f->kinds |= CACHED_BIT(CACHED_FIELDS);
                else
                        f->needs |= FETCH_NEEDS_TEXT;
        }
        if (names_section(asked->kind) && !asked->section.peek)
                f->needs |= FETCH_SEES;
        f->decodes |= asked->kind > FETCH_SECTION;
        return item;
}

static void add(struct fetch *f, const struct imap_fetch_item *asked)
{
        f->items[f->items_n++] = make_item(f, asked);
        if (asked->kind == FETCH_FLAGS)
                f->asks_flags = true;
        if (!f->dates && (asked->kind == FETCH_INTERNALDATE || asked->kind == FETCH_SAVEDATE))
                f->dates = arena_new(&f->s->arena, struct internaldate_memory);
}

/* The short items first: clients that read up to the first literal and no further find what they asked for.
 * Those once a message, however often they were asked for. */
void fetch_plan(struct fetch *f)
{
        const struct imap_fetch_item *asked = f->c->fetch.items;
        size_t n = f->c->fetch.items_n;
        unsigned done = 0;
        f->items = arena_array(&f->s->arena, struct fetch_item, n + 2);
        f->flags = make_item(f, &(struct imap_fetch_item){.kind = FETCH_FLAGS});
        /* what UIDFETCH says in front need not be said again (RFC 9586) */
        if (f->c->uid && !(f->s->enabled & FEATURE_UIDONLY)) {
                add(f, &(struct imap_fetch_item){.kind = FETCH_UID});
                done = 1u << FETCH_UID;
        }
        for (size_t i = 0; i < n; i++) {
                if (is_section(&asked[i]) || done & 1u << asked[i].kind)
                        continue;
                done |= 1u << asked[i].kind;
                add(f, &asked[i]);
        }
        if (f->c->fetch.has_since && !(done & 1u << FETCH_MODSEQ))
                add(f, &(struct imap_fetch_item){.kind = FETCH_MODSEQ});
        for (size_t i = 0; i < n; i++)
                if (is_section(&asked[i]))
                        add(f, &asked[i]);
        if (mailbox_read_only(f->s->mailbox))
                f->needs &= ~(unsigned)FETCH_SEES;
}

#include "mime/param.h"

#include "base/number.h"
#include "base/utf8.h"
#include "mime/charset.h"
#include "mime/encoded_word.h"
#include "mime/lex.h"

/* A name in RFC 2231's terms: title, title*, title*0, title*1* */
struct piece {
        struct slice base;
        bool numbered, extended;
        uint32_t section;
};

static struct piece piece_of(struct slice name)
{
        struct piece p = {.base = name};
        if (name.n > 1 && name.p[name.n - 1] == '*') {
                p.extended = true;
                p.base.n--;
        }
        size_t star = slice_rfind(p.base, '*');
        if (star == p.base.n)
                return p;
        if (star == 0 || slice_to_u32(slice_from(p.base, star + 1), &p.section) < 0 ||
            p.section > PARAM_MAX_SECTION)
                return (struct piece){.base = name}; /* a star that means nothing */
        p.numbered = true;
        p.base.n = star;
        return p;
}

/* A plain piece among extended ones becomes extended itself. */
static void append_escaped(struct buf *to, struct slice s)
{
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] == '%' || s.p[i] == '\'' || s.p[i] == '*' || s.p[i] < ' ')
                        buf_printf(to, "%%%02X", (unsigned)(unsigned char)s.p[i]);
                else
                        buf_char(to, s.p[i]);
}

static const struct param *find_section(const struct param *list, struct slice base, uint32_t section,
                                        struct piece *ret)
{
        for (; list; list = list->next) {
                struct piece p = piece_of(list->name);
                if (p.numbered && p.section == section && slice_ieq(p.base, base)) {
                        *ret = p;
                        return list;
                }
        }
        return NULL;
}

/* All sections of one name from 0 on. At most PARAM_MAX squared steps. */
static struct param *join_sections(struct arena *a, const struct param *list, struct slice base)
{
        _cleanup_(buf_free) struct buf value = {0};
        bool any_extended = false;
        struct piece p;
        for (uint32_t i = 0; find_section(list, base, i, &p); i++)
                any_extended |= p.extended;
        const struct param *from;
        for (uint32_t i = 0; (from = find_section(list, base, i, &p)); i++)
                if (any_extended && !p.extended)
                        append_escaped(&value, from->value);
                else
                        buf_append(&value, from->value);
        struct param *out = arena_new(a, struct param);
        out->name = slice_of(arena_printf(a, "%.*s%s", SLICE_ARG(base), any_extended ? "*" : ""));
        out->value = arena_slice(a, buf_slice(&value));
        return out;
}

struct param *param_join(struct arena *a, const struct param *list)
{
        struct param *first = NULL, **tail = &first;
        for (const struct param *in = list; in; in = in->next) {
                struct piece p = piece_of(in->name);
                struct param *out;
                if (!p.numbered) {
                        out = arena_new(a, struct param);
                        *out = (struct param){.name = in->name, .value = in->value};
                } else if (p.section == 0 && find_section(list, p.base, 0, &p) == in) {
                        out = join_sections(a, list, p.base);
                } else {
                        continue;
                }
                *tail = out;
                tail = &out->next;
        }
        return first;
}

/* charset'language'percent-encoded text */
static struct slice decode_extended(struct arena *a, struct slice value)
{
        struct slice rest = value, charset, language;
        if (slice_find(rest, '\'') == rest.n)
                charset = SLICE("utf-8"); /* neither charset nor language: only the escapes are there */
        else if (slice_split(&rest, '\'', &charset) && !slice_split(&rest, '\'', &language))
                language = SLICE_NULL;
        _cleanup_(buf_free) struct buf bytes = {0}, text = {0};
        for (size_t i = 0; i < rest.n; i++) {
                bool escape = rest.p[i] == '%' && i + 2 < rest.n && lex_hex(rest.p[i + 1]) >= 0 &&
                              lex_hex(rest.p[i + 2]) >= 0;
                buf_char(&bytes,
                         escape ? (char)(lex_hex(rest.p[i + 1]) << 4 | lex_hex(rest.p[i + 2])) : rest.p[i]);
                if (escape)
                        i += 2;
        }
        if (charset_to_utf8(charset, buf_slice(&bytes), &text) < 0)
                utf8_append_valid(&text, buf_slice(&bytes));
        return arena_slice(a, buf_slice(&text));
}

struct param *param_decode(struct arena *a, const struct param *list)
{
        struct param *joined = param_join(a, list);
        for (struct param *p = joined; p; p = p->next) {
                struct piece piece = piece_of(p->name);
                p->value = piece.extended ? decode_extended(a, p->value) : encoded_word_decode(a, p->value);
                p->name = piece.base;
        }
        return joined;
}

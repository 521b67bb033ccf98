#include "mime/part.h"

#include "base/crlf.h"
#include "mime/part_fields.h"

/* A place in the message and what was counted up to there. */
struct mark {
        size_t pos, lines, bare_lf;
};

struct parser {
        struct arena *arena;
        struct slice message;
        struct mark at;                          /* the start of the next line */
        struct mark before_break;                /* the end of the last line without its line break */
        struct slice boundaries[PART_MAX_DEPTH]; /* of the open multiparts, outermost first */
        size_t open;
        unsigned count;
        size_t budget;
};

/* What ended a part: a delimiter line of the open multipart number `level`, or the end of the message. */
struct delimiter {
        enum { END_OF_MESSAGE, NEXT_PART, CLOSE } what;
        size_t level;
};

static bool next_line(struct parser *ps, struct slice *ret)
{
        struct slice rest = slice_from(ps->message, ps->at.pos);
        if (rest.n == 0)
                return false;
        size_t n = slice_find(rest, '\n');
        bool lf = n < rest.n, cr = lf && n && rest.p[n - 1] == '\r';
        *ret = slice_head(rest, n - cr);
        ps->before_break = ps->at;
        ps->before_break.pos += n - cr;
        ps->at.pos += n + lf;
        ps->at.lines += lf;
        ps->at.bare_lf += lf && !cr;
        return true;
}

/* The longest delimiter that the line begins with, and of equal ones the innermost: RFC 2046 section 5.1.2
 * asks for no more than a prefix, and mail programs build inner boundaries by adding to the outer one. A
 * blank before the closing dashes was meant for the boundary's end. */
static struct delimiter match(const struct parser *ps, struct slice line)
{
        struct delimiter found = {.what = END_OF_MESSAGE};
        size_t longest = 0;
        if (ps->open == 0 || !slice_starts(line, SLICE("--")))
                return found;
        line = slice_from(line, 2);
        for (size_t i = ps->open; i-- > 0;) {
                size_t n = ps->boundaries[i].n;
                if (!slice_starts(line, ps->boundaries[i]))
                        continue;
                struct slice after = slice_from(line, n);
                bool exact = slice_eq(slice_trim(after), SLICE("--"));
                bool close = exact || slice_starts(after, SLICE("--"));
                n += exact ? 2 : 0;
                if (n > longest) {
                        longest = n;
                        found = (struct delimiter){close ? CLOSE : NEXT_PART, i};
                }
        }
        if (found.what == NEXT_PART && ps->count >= PART_MAX_COUNT)
                found.what = END_OF_MESSAGE; /* no more parts: the line is text */
        return found;
}

static struct part_range range_from(struct mark from, struct mark to)
{
        return (struct part_range){from.pos, to.pos - from.pos, to.lines - from.lines,
                                   to.bare_lf - from.bare_lf};
}

/* Where the first line begins, from the one at `at` on, that may be a delimiter; the end when there is none.
 */
static size_t find_dashes(const struct parser *ps)
{
        struct slice s = ps->message;
        size_t start = ps->at.pos;
        for (size_t i = start; ps->open && s.n - i >= 2; i++) {
                i += slice_find(slice_from(s, i), '-');
                if (s.n - i >= 2 && s.p[i + 1] == '-' && (i == start || s.p[i - 1] == '\n'))
                        return i;
                if (i == s.n)
                        break;
        }
        return s.n;
}

/* Takes whole lines up to `pos`, in bulk: most of a message is text that no delimiter is in. */
static void skip_lines(struct parser *ps, size_t pos)
{
        struct slice s = slice_head(slice_from(ps->message, ps->at.pos), pos - ps->at.pos);
        if (s.n == 0)
                return;
        bool lf = s.p[s.n - 1] == '\n', cr = lf && s.n > 1 && s.p[s.n - 2] == '\r';
        ps->at.pos = pos;
        ps->at.lines += slice_count(s, '\n');
        ps->at.bare_lf += crlf_bare(s, '\0');
        ps->before_break = ps->at;
        ps->before_break.pos -= (size_t)lf + cr;
        ps->before_break.lines -= lf;
        ps->before_break.bare_lf -= lf && !cr;
}

/* Reads lines until a delimiter or the end. *ret_end is where the text ended: before the delimiter's line
 * break, but not before `end`, which is where it began. */
static struct delimiter skip_text(struct parser *ps, struct mark end, struct mark *ret_end)
{
        for (;;) {
                size_t dashes = find_dashes(ps);
                struct slice line;
                if (dashes > ps->at.pos) {
                        skip_lines(ps, dashes);
                        end = ps->before_break;
                }
                if (!next_line(ps, &line))
                        break;
                struct delimiter d = match(ps, line);
                if (d.what != END_OF_MESSAGE) {
                        *ret_end = end;
                        return d;
                }
                end = ps->before_break;
        }
        *ret_end = ps->at;
        return (struct delimiter){.what = END_OF_MESSAGE};
}

/* The same for a header, which also ends with an empty line. */
static bool read_header(struct parser *ps, struct part *p, struct delimiter *ret_cut, struct mark *ret_end)
{
        struct mark start = ps->at, end = start;
        for (struct slice line; next_line(ps, &line); end = ps->before_break) {
                struct delimiter d = match(ps, line);
                if (d.what != END_OF_MESSAGE) {
                        p->header = range_from(start, end);
                        *ret_cut = d;
                        *ret_end = end;
                        return false;
                }
                if (line.n == 0)
                        break;
        }
        p->header = range_from(start, ps->at);
        return true;
}

static struct delimiter parse_part(struct parser *ps, struct part *p, bool in_digest, struct mark *ret_end);

static struct part *add_child(struct parser *ps, struct part *parent, struct part **last)
{
        struct part *p = arena_new(ps->arena, struct part);
        p->parent = parent;
        p->number = ++parent->child_count;
        p->depth = parent->depth + 1;
        if (*last)
                (*last)->next = p;
        else
                parent->children = p;
        *last = p;
        return p;
}

/* The message in a part whose header a delimiter cut off. */
static void add_empty_message(struct parser *ps, struct part *p)
{
        p->header.offset = p->body.offset = p->parent->body.offset;
        part_fields_parse(ps->arena, p, SLICE_NULL, false, &ps->budget);
        ps->count++;
}

static struct delimiter parse_multipart(struct parser *ps, struct part *p, struct slice boundary,
                                        struct mark *ret_end)
{
        size_t level = ps->open;
        bool digest = slice_ieq(p->subtype, SLICE("digest"));
        struct part *last = NULL;
        ps->boundaries[ps->open++] = boundary;
        struct delimiter d = skip_text(ps, ps->at, ret_end);
        while (d.what == NEXT_PART && d.level == level)
                d = parse_part(ps, add_child(ps, p, &last), digest, ret_end);
        ps->open = level;
        if (d.what == CLOSE && d.level == level)
                d = skip_text(ps, ps->before_break,
                              ret_end); /* the epilogue is of the body, but no part of its own */
        return d;
}

/* Everything of one part; returns what ended it, and in *ret_end where its text ended. */
static struct delimiter parse_part(struct parser *ps, struct part *p, bool in_digest, struct mark *ret_end)
{
        struct delimiter d = {.what = END_OF_MESSAGE};
        ps->count++;
        bool whole = read_header(ps, p, &d, ret_end);
        struct slice boundary =
                part_fields_parse(ps->arena, p, part_bytes(ps->message, p->header), in_digest, &ps->budget);
        if (p->kind != PART_LEAF && (p->depth + 1 >= PART_MAX_DEPTH || ps->count >= PART_MAX_COUNT))
                part_fields_make_opaque(p);
        p->body.offset = p->header.offset + p->header.size;
        struct part *last = NULL;
        if (!whole) {
                if (p->kind == PART_MESSAGE)
                        add_empty_message(ps, add_child(ps, p, &last));
                return d;
        }
        struct mark start = ps->at;
        if (p->kind == PART_MULTIPART)
                d = parse_multipart(ps, p, boundary, ret_end);
        else if (p->kind == PART_MESSAGE)
                d = parse_part(ps, add_child(ps, p, &last), false, ret_end);
        else
                d = skip_text(ps, ps->at, ret_end);
        p->body = range_from(start, *ret_end);
        return d;
}

struct part *part_parse(struct arena *a, struct slice message)
{
        struct parser ps = {.arena = a, .message = message, .budget = PART_MAX_FIELDS};
        struct part *root = arena_new(a, struct part);
        struct mark end;
        parse_part(&ps, root, false, &end);
        return root;
}

#include "conf/line.h"

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r';
}

/* The quote at s[i] closes where? s.n: nowhere, it is an ordinary character. */
static size_t quote_end(struct slice s, size_t i)
{
        for (size_t j = i + 1; j < s.n; j++) {
                if (s.p[j] == '\\')
                        j++;
                else if (s.p[j] == s.p[i])
                        return j;
        }
        return s.n;
}

static struct slice without_comment(struct slice s, bool *ambiguous)
{
        for (size_t i = 0; i < s.n; i++) {
                bool at_word = i == 0 || is_blank(s.p[i - 1]) || s.p[i - 1] == '=';
                if (s.p[i] == '#') {
                        if (!at_word || (i && s.p[i - 1] == '='))
                                *ambiguous = true;
                        return slice_head(s, i);
                }
                if (at_word && (s.p[i] == '"' || s.p[i] == '\'')) {
                        size_t end = quote_end(s, i);
                        if (end < s.n)
                                i = end;
                }
        }
        return s;
}

bool line_next(struct slice *rest, struct buf *joined, unsigned *line, bool *ret_ambiguous)
{
        joined->n = 0;
        *ret_ambiguous = false;
        bool any = false;
        struct slice part;
        while (slice_split(rest, '\n', &part)) {
                any = true;
                (*line)++;
                part = slice_trim(without_comment(slice_trim(part), ret_ambiguous));
                bool more = part.n > 0 && part.p[part.n - 1] == '\\';
                if (more)
                        part = slice_trim(slice_head(part, part.n - 1));
                if (joined->n > 0 && part.n > 0)
                        buf_char(joined, ' ');
                buf_append(joined, part);
                /* a comment between joined lines does not end them */
                if (!more && !(joined->n > 0 && part.n == 0 && rest->n > 0))
                        break;
        }
        return any;
}

static struct line line_error(const char *why)
{
        return (struct line){.kind = LINE_ERROR, .error = why};
}

static struct line parse_include(struct slice s)
{
        size_t n = 0;
        while (n < s.n && !is_blank(s.p[n]))
                n++;
        struct slice word = slice_head(s, n), path = slice_trim(slice_from(s, n));
        enum line_kind kind = slice_eq(word, SLICE("!include"))       ? LINE_INCLUDE
                              : slice_eq(word, SLICE("!include_try")) ? LINE_INCLUDE_TRY
                                                                      : LINE_ERROR;
        if (kind == LINE_ERROR)
                return line_error("unknown directive: there are !include and !include_try");
        if (path.n == 0)
                return line_error("the name of the file to include is missing");
        return (struct line){.kind = kind, .name = word, .value = path};
}

static struct line parse_value(struct slice name, struct slice value)
{
        if (value.n > 0 && value.p[0] == '<')
                return (struct line){
                        .kind = LINE_KEY_FILE, .name = name, .value = slice_trim(slice_from(value, 1))};
        struct line l = {.kind = LINE_KEY, .name = name, .value = value};
        if (value.n > 1 && (value.p[0] == '"' || value.p[0] == '\'') && value.p[value.n - 1] == value.p[0]) {
                l.quoted = true;
                l.value = slice_make(value.p + 1, value.n - 2);
        }
        return l;
}

/* What follows a section's kind: [name | "name"] { */
static struct line parse_section(struct slice kind, struct slice s)
{
        struct line l = {.kind = LINE_SECTION, .name = kind};
        if (s.n > 0 && (s.p[0] == '"' || s.p[0] == '\'')) {
                size_t end = quote_end(s, 0);
                if (end == s.n)
                        return line_error("a closing quote is missing");
                l.quoted = true;
                l.value = slice_make(s.p + 1, end - 1);
                s = slice_trim(slice_from(s, end + 1));
        } else {
                size_t n = 0;
                while (n < s.n && !is_blank(s.p[n]) && s.p[n] != '{')
                        n++;
                l.value = slice_head(s, n);
                s = slice_trim(slice_from(s, n));
        }
        if (s.n == 0 || s.p[0] != '{')
                return line_error("expected 'name = value' or 'section {'");
        if (s.n > 1)
                return line_error("what follows '{' must be on a line of its own");
        return l;
}

struct line line_parse(struct slice s)
{
        if (s.n == 0)
                return (struct line){.kind = LINE_EMPTY};
        if (s.p[0] == '!')
                return parse_include(s);
        if (s.p[0] == '}' && s.n > 1)
                return line_error("what follows '}' must be on a line of its own");
        if (s.p[0] == '}')
                return (struct line){.kind = LINE_END};
        size_t n = 0;
        while (n < s.n && !is_blank(s.p[n]) && s.p[n] != '=' && s.p[n] != '{')
                n++;
        struct slice name = slice_head(s, n), rest = slice_trim(slice_from(s, n));
        if (n == 0)
                return line_error("a name is missing");
        if (rest.n > 0 && rest.p[0] == '=')
                return parse_value(name, slice_trim(slice_from(rest, 1)));
        return parse_section(name, rest);
}

void line_unescape(struct buf *to, struct slice s)
{
        for (size_t i = 0; i < s.n; i++) {
                if (s.p[i] == '\\' && i + 1 < s.n)
                        i++;
                buf_char(to, s.p[i]);
        }
}

#include "imap/lexer.h"

#include <errno.h>

#include "base/number.h"

enum {
        WORD_SHOWN_MAX = 40, /* bytes of the client's text that an error repeats */
        GROW_FIRST = 8,
};

int lexer_fail(struct lexer *l, const char *text)
{
        l->error = text;
        return -EINVAL;
}

int lexer_fail_word(struct lexer *l, const char *text, struct slice word)
{
        char shown[WORD_SHOWN_MAX];
        word = slice_head(word, sizeof(shown));
        for (size_t i = 0; i < word.n; i++)
                shown[i] = word.p[i] >= ' ' && word.p[i] <= '~' ? word.p[i] : '?';
        return lexer_fail(l, arena_printf(l->arena, "%s \"%.*s\"", text, (int)word.n, shown));
}

char lexer_peek(const struct lexer *l)
{
        return l->rest.n ? l->rest.p[0] : '\0';
}

bool lexer_take(struct lexer *l, char c)
{
        if (l->rest.n == 0 || l->rest.p[0] != c)
                return false;
        l->rest = slice_from(l->rest, 1);
        return true;
}

void lexer_skip_spaces(struct lexer *l)
{
        while (lexer_take(l, ' '))
                ;
}

int lexer_space(struct lexer *l)
{
        if (l->rest.n == 0)
                return lexer_fail(l, "Missing arguments");
        if (!lexer_take(l, ' '))
                return lexer_fail_word(l, "Expected a space before", l->rest);
        lexer_skip_spaces(l);
        return l->rest.n ? 0 : lexer_fail(l, "Missing arguments");
}

int lexer_end(struct lexer *l)
{
        lexer_skip_spaces(l);
        return l->rest.n == 0 ? 0 : lexer_fail_word(l, "Unexpected argument", l->rest);
}

int lexer_list_start(struct lexer *l)
{
        if (!lexer_take(l, '('))
                return lexer_fail(l, "Expected a list in parentheses");
        lexer_skip_spaces(l);
        return 0;
}

int lexer_list_next(struct lexer *l, bool *ret_end)
{
        bool space = lexer_peek(l) == ' ';
        lexer_skip_spaces(l);
        bool end = lexer_take(l, ')');
        if (!end && l->rest.n == 0)
                return lexer_fail(l, "Missing ')'");
        if (!end && !space)
                return lexer_fail_word(l, "Expected a space or ')' before", l->rest);
        *ret_end = end;
        return 0;
}

/* ATOM-CHAR: no specials, no control, no 8-bit byte. */
static bool is_atom_char(char c)
{
        return c > ' ' && c < 0x7f && !strchr("(){%*\"\\]", c);
}

static bool is_astring_char(char c)
{
        return is_atom_char(c) || c == ']';
}

static bool is_tag_char(char c)
{
        return is_astring_char(c) && c != '+';
}

static bool is_list_char(char c)
{
        return is_astring_char(c) || c == '%' || c == '*';
}

static bool is_name_char(char c)
{
        return ascii_isalpha(c) || ascii_isdigit(c) || c == '.' || c == '-';
}

static bool is_visible(char c)
{
        return (unsigned char)c > ' ' && c != 0x7f;
}

static bool is_loose_char(char c)
{
        return is_visible(c) && !strchr("(){\"", c);
}

static bool is_digit(char c)
{
        return ascii_isdigit(c);
}

static struct slice span(struct lexer *l, bool (*is_class)(char))
{
        size_t n = 0;
        while (n < l->rest.n && is_class(l->rest.p[n]))
                n++;
        struct slice s = slice_head(l->rest, n);
        l->rest = slice_from(l->rest, n);
        return s;
}

int lexer_tag(struct lexer *l, struct slice *ret)
{
        struct slice tag = span(l, is_tag_char);
        if (tag.n == 0 || (l->rest.n && l->rest.p[0] != ' '))
                return lexer_fail(l, "Invalid tag");
        *ret = tag;
        return 0;
}

static int some(struct lexer *l, bool (*is_class)(char), struct slice *ret)
{
        struct slice s = span(l, is_class);
        if (s.n == 0 && l->rest.n == 0)
                return lexer_fail(l, "Missing arguments");
        if (s.n == 0)
                return lexer_fail_word(l, "Invalid characters at", l->rest);
        *ret = s;
        return 0;
}

int lexer_atom(struct lexer *l, struct slice *ret)
{
        return some(l, is_atom_char, ret);
}

int lexer_word(struct lexer *l, struct slice *ret)
{
        return some(l, is_visible, ret);
}

struct slice lexer_name(struct lexer *l)
{
        return span(l, is_name_char);
}

static int quoted(struct lexer *l, struct slice *ret)
{
        struct slice in = slice_from(l->rest, 1);
        size_t end = 0, escapes = 0;
        for (;; end++) {
                if (end < in.n && in.p[end] == '"')
                        break;
                bool escape = end < in.n && in.p[end] == '\\';
                end += escape;
                escapes += escape;
                if (end >= in.n || in.p[end] == '\r' || in.p[end] == '\n')
                        return lexer_fail(l, "Missing '\"'");
                if (in.p[end] == '\0')
                        return lexer_fail(l, "NUL in a string");
                if (escape && in.p[end] != '"' && in.p[end] != '\\')
                        return lexer_fail(l, "Invalid escape in a quoted string");
        }
        l->rest = slice_from(in, end + 1);
        in = slice_head(in, end);
        if (escapes == 0) {
                *ret = in;
                return 0;
        }
        char *plain = arena_alloc(l->arena, in.n);
        size_t n = 0;
        for (size_t i = 0; i < in.n; i++) {
                i += in.p[i] == '\\';
                plain[n++] = in.p[i];
        }
        *ret = slice_make(plain, n);
        return 0;
}

static int literal(struct lexer *l, bool nul, struct slice *ret)
{
        uint64_t size;
        bool sync;
        size_t line = slice_find(l->rest, '\r');
        struct slice mark = slice_head(l->rest, line);
        if (slice_rfind(mark, '{') != 0 || !lexer_literal_mark(mark, &size, &sync))
                return lexer_fail(l, "Invalid literal");
        struct slice content = slice_from(l->rest, line);
        if (!slice_starts(content, SLICE("\r\n")) || content.n - 2 < size)
                return lexer_fail(l, "Incomplete literal");
        content = slice_from(content, 2);
        l->rest = slice_from(content, (size_t)size);
        content = slice_head(content, (size_t)size);
        if (!nul && slice_find(content, '\0') < content.n)
                return lexer_fail(l, "NUL in a literal");
        *ret = content;
        return 0;
}

int lexer_string(struct lexer *l, struct slice *ret)
{
        switch (lexer_peek(l)) {
        case '"':
                return quoted(l, ret);
        case '{':
                return literal(l, false, ret);
        default:
                return lexer_fail_word(l, "Expected a string instead of", l->rest);
        }
}

static int string_or(struct lexer *l, bool (*is_class)(char), struct slice *ret)
{
        char c = lexer_peek(l);
        return c == '"' || c == '{' ? lexer_string(l, ret) : some(l, is_class, ret);
}

int lexer_astring(struct lexer *l, struct slice *ret)
{
        return string_or(l, is_astring_char, ret);
}

int lexer_loose_astring(struct lexer *l, struct slice *ret)
{
        return string_or(l, is_loose_char, ret);
}

int lexer_list_mailbox(struct lexer *l, struct slice *ret)
{
        return string_or(l, is_list_char, ret);
}

int lexer_number(struct lexer *l, uint32_t *ret)
{
        struct slice digits = span(l, is_digit);
        if (digits.n == 0)
                return lexer_fail_word(l, "Expected a number instead of", l->rest);
        if (slice_to_u32(digits, ret) < 0)
                return lexer_fail_word(l, "Number too large:", digits);
        return 0;
}

int lexer_nz_number(struct lexer *l, uint32_t *ret)
{
        uint32_t n;
        int r = lexer_number(l, &n);
        if (r < 0)
                return r;
        if (n == 0)
                return lexer_fail(l, "A number must not be 0");
        *ret = n;
        return 0;
}

int lexer_number64(struct lexer *l, uint64_t *ret)
{
        struct slice digits = span(l, is_digit);
        uint64_t n;
        if (digits.n == 0)
                return lexer_fail_word(l, "Expected a number instead of", l->rest);
        if (slice_to_u64(digits, &n) < 0 || n > INT64_MAX)
                return lexer_fail_word(l, "Number too large:", digits);
        *ret = n;
        return 0;
}

int lexer_nstring8(struct lexer *l, struct slice *ret)
{
        char c = lexer_peek(l);
        if (c == '"' || c == '{')
                return lexer_string(l, ret);
        if (lexer_take(l, '~'))
                return literal(l, true, ret);
        struct slice word = lexer_name(l);
        if (!slice_ieq(word, SLICE("NIL")))
                return lexer_fail_word(l, "Expected a string or NIL instead of", word.n ? word : l->rest);
        *ret = SLICE_NULL;
        return 0;
}

bool lexer_literal_mark(struct slice s, uint64_t *ret_size, bool *ret_sync)
{
        if (s.n < 3 || s.p[s.n - 1] != '}')
                return false;
        bool sync = s.p[s.n - 2] != '+';
        size_t end = s.n - (sync ? 1 : 2), start = end;
        while (start > 0 && ascii_isdigit(s.p[start - 1]))
                start--;
        if (start == end || start == 0 || s.p[start - 1] != '{')
                return false;
        if (slice_to_u64(slice_make(s.p + start, end - start), ret_size) < 0)
                *ret_size = UINT64_MAX;
        *ret_sync = sync;
        return true;
}

void *lexer_grow(struct lexer *l, void *array, size_t n, size_t size)
{
        if (n == 0)
                return arena_alloc_array(l->arena, GROW_FIRST, size);
        if (n < GROW_FIRST || (n & (n - 1)) != 0)
                return array; /* capacity is the next power of two */
        void *larger = arena_alloc_array(l->arena, n * 2, size);
        return memcpy(larger, array, n * size);
}

int lexer_modseq(struct lexer *l, uint64_t *ret)
{
        size_t n = 0;
        while (n < l->rest.n && ascii_isdigit(l->rest.p[n]))
                n++;
        if (slice_to_u64(slice_head(l->rest, n), ret) < 0 || *ret > INT64_MAX)
                return lexer_fail_word(l, "Invalid mod-sequence", l->rest);
        l->rest = slice_from(l->rest, n);
        return 0;
}

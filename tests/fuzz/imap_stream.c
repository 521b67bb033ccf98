#include "imap_stream.h"

#include <stdlib.h>

#include "base/number.h"
#include "stage.h"

enum {
        DEPTH_MAX = 10000, /* of parentheses: as many as a body structure may have, and more */
        MARK_MAX = 32,     /* bytes of a literal's mark; a longer one is of no size that could be taken */
};

/* One response: its first line, what follows its literals is checked and left out. */
struct response {
        enum { RESPONSE_UNTAGGED, RESPONSE_MORE, RESPONSE_TAGGED } kind;
        struct slice tag;  /* of a tagged one, and "*" for "* BAD": the answer to what has no tag */
        struct slice line; /* behind the tag, to the first literal */
        bool more;         /* false: behind the last one */
};

struct told {
        struct slice rest;
        uint32_t exists;
        struct response next; /* looked at and not yet taken */
};

/* "{5}" or "{5+}" at the end. */
static bool literal_mark(struct slice line, uint64_t *ret_size, bool *ret_waits)
{
        size_t open = slice_rfind(line, '{');
        if (open == line.n || line.n < 3 || line.p[line.n - 1] != '}')
                return false;
        struct slice digits = slice_make(line.p + open + 1, line.n - open - 2);
        *ret_waits = !slice_ends(digits, SLICE("+"));
        if (!*ret_waits)
                digits.n--;
        if (digits.n == 0)
                return false;
        for (size_t i = 0; i < digits.n; i++)
                if (digits.p[i] < '0' || digits.p[i] > '9')
                        return false;
        /* the server need not remember more of a line that it skips */
        if (line.n - open > MARK_MAX || slice_to_u64(digits, ret_size) < 0)
                *ret_size = UINT64_MAX;
        return true;
}

/* OK, NO, BAD, BYE, PREAUTH: the rest of the line is for humans. */
static bool is_status(struct slice line)
{
        static const char *const words[] = {"OK ", "NO ", "BAD ", "BYE ", "PREAUTH "};
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
                if (slice_starts(line, slice_of(words[i])))
                        return true;
        return false;
}

/* Parentheses outside of strings, from `depth` on; the depth behind. */
static unsigned check_syntax(struct slice line, unsigned depth)
{
        for (size_t i = 0; i < line.n; i++) {
                if (line.p[i] == '"') {
                        for (i++; i < line.n && line.p[i] != '"'; i++)
                                if (line.p[i] == '\\' && ++i < line.n && line.p[i] != '"' &&
                                    line.p[i] != '\\')
                                        stage_fail("a quoted string escapes what needs none", line);
                        if (i >= line.n)
                                stage_fail("a quoted string has no end", line);
                } else if (line.p[i] == '(' && ++depth > DEPTH_MAX) {
                        stage_fail("parentheses without end", line);
                } else if (line.p[i] == ')' && depth-- == 0) {
                        stage_fail("a parenthesis closes nothing", line);
                }
        }
        return depth;
}

static struct slice take_line(struct told *t)
{
        size_t n = slice_find(t->rest, '\n');
        if (n == t->rest.n || n == 0 || t->rest.p[n - 1] != '\r')
                stage_fail("a line does not end in CRLF", t->rest);
        struct slice line = slice_head(t->rest, n - 1);
        if (slice_find(line, '\r') < line.n || slice_find(line, '\0') < line.n)
                stage_fail("CR or NUL in a line", line);
        t->rest = slice_from(t->rest, n + 1);
        return line;
}

/* The response's other lines and its literals. */
static void take_literals(struct told *t, struct slice line)
{
        uint64_t size;
        bool waits;
        unsigned depth = check_syntax(line, 0);
        while (literal_mark(line, &size, &waits)) {
                if (!waits)
                        stage_fail("a server's literal has a +", line);
                if (size > t->rest.n)
                        stage_fail("a literal is cut short", line);
                t->rest = slice_from(t->rest, (size_t)size);
                line = take_line(t);
                depth = check_syntax(line, depth);
        }
        if (depth)
                stage_fail("parentheses stay open", line);
}

/* "12 FETCH ..." */
static void count(struct told *t, struct slice line)
{
        uint64_t n;
        size_t space = slice_find(line, ' ');
        if (slice_to_u64(slice_head(line, space), &n) < 0)
                return;
        struct slice word = slice_from(line, space + 1);
        if (slice_eq(word, SLICE("EXISTS")))
                t->exists = (uint32_t)n;
        else if (slice_starts(word, SLICE("FETCH ")) && (n == 0 || n > t->exists))
                stage_fail("FETCH of no sequence number", line);
        else if (slice_eq(word, SLICE("EXPUNGE")) && (n == 0 || n > t->exists--))
                stage_fail("EXPUNGE of no sequence number", line);
}

static struct response parse(struct told *t)
{
        struct slice line = take_line(t);
        struct response r = {.kind = RESPONSE_UNTAGGED, .line = line, .more = true};
        if (slice_starts(line, SLICE("+ "))) {
                r.kind = RESPONSE_MORE;
                return r;
        }
        size_t space = slice_find(line, ' ');
        r.tag = slice_head(line, space);
        r.line = slice_from(line, MIN(line.n, space + 1));
        if (r.tag.n == 0 || r.line.n == 0)
                stage_fail("a response is empty", line);
        bool untagged = slice_eq(r.tag, SLICE("*"));
        if (!untagged || (slice_starts(r.line, SLICE("BAD ")) && !slice_starts(r.line, SLICE("BAD [ALERT]"))))
                r.kind = RESPONSE_TAGGED;
        if (is_status(r.line)) {
                uint64_t size;
                bool waits;
                if (literal_mark(line, &size, &waits))
                        stage_fail("words that look like a literal", line);
                return r;
        }
        if (r.kind == RESPONSE_TAGGED)
                stage_fail("neither OK, NO nor BAD", line);
        take_literals(t, r.line);
        count(t, r.line);
        return r;
}

/* The next answer or request for more, without taking it. None behind BYE. */
static struct response peek(struct told *t)
{
        while (!t->next.more && t->rest.n) {
                t->next = parse(t);
                if (t->next.kind == RESPONSE_UNTAGGED && slice_starts(t->next.line, SLICE("BYE ")))
                        break;
                if (t->next.kind == RESPONSE_UNTAGGED)
                        t->next.more = false;
        }
        return t->next;
}

/* What is left behind BYE: the answer to LOGOUT at most. */
static void check_end(struct told *t)
{
        for (unsigned n = 0; t->rest.n; n++)
                if (n > 0 || parse(t).kind != RESPONSE_TAGGED)
                        stage_fail("more behind BYE", t->rest);
}

/* A line of the client; false: there is no whole one. */
static bool say_line(struct slice *said, struct slice *ret)
{
        size_t n = slice_find(*said, '\n');
        if (n == said->n)
                return false;
        *ret = slice_head(*said, n);
        if (slice_ends(*ret, SLICE("\r")))
                ret->n--;
        *said = slice_from(*said, n + 1);
        return true;
}

static bool says_more(struct told *t)
{
        struct response r = peek(t);
        if (!r.more || r.kind != RESPONSE_MORE)
                return false;
        t->next.more = false;
        return true;
}

/* The rest of a command whose first line is said: literals, and lines that the server asks for (IDLE,
 * AUTHENTICATE). False: the input ends within. */
static bool say_command(struct slice *said, struct told *t, struct slice line)
{
        bool asked = false; /* the line is the answer to "+": IDLE ends the connection where it announces a
                               literal */
        for (;;) {
                uint64_t size;
                bool waits;
                bool literal = !asked && literal_mark(line, &size, &waits);
                if ((!literal || waits) && !says_more(t))
                        return true;
                if (literal && size > said->n)
                        return false;
                if (literal)
                        *said = slice_from(*said, (size_t)size);
                asked = !literal;
                if (!say_line(said, &line))
                        return false;
        }
}

static bool is_bye(struct response r)
{
        return r.more && r.kind == RESPONSE_UNTAGGED;
}

void imap_stream_check(struct slice said, struct slice told)
{
        struct told t = {.rest = told};
        struct slice line;
        while (say_line(&said, &line)) {
                struct slice tag = slice_head(line, slice_find(line, ' '));
                bool whole = say_command(&said, &t, line);
                struct response r = peek(&t);
                if (is_bye(r)) {
                        check_end(&t);
                        return;
                }
                if (!r.more && !whole)
                        return;
                if (!r.more)
                        stage_fail("a command has no answer", line);
                if (r.kind == RESPONSE_MORE)
                        stage_fail("more is asked for where nothing is left", line);
                if (!slice_eq(r.tag, SLICE("*")) && !slice_eq(r.tag, tag))
                        stage_fail("the answer is another command's", line);
                t.next.more = false;
                if (slice_starts(r.line, SLICE("OK DEFLATE active")))
                        return;
                if (!whole)
                        break;
        }
        struct response r = peek(&t);
        if (r.more && !is_bye(r))
                stage_fail("an answer to nothing", r.line);
        if (is_bye(r))
                check_end(&t);
}

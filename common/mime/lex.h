#ifndef MIME_LEX_H
#define MIME_LEX_H

/* What structured fields have in common (RFC 5322 section 3.2): folding white space, comments, quoted
 * strings. For the parsers of this folder. A lexer is {.in = value}. Linear: an opening mark without its end
 * is found out once. */

#include "base/buf.h"

struct lex {
        struct slice in;
        size_t pos;
        bool no_comment_end, no_quote_end;
};

static inline bool lex_end(const struct lex *l)
{
        return l->pos >= l->in.n;
}
/* The next byte, NUL at the end (test lex_end() where a NUL could be meant). */
static inline char lex_peek(const struct lex *l)
{
        return lex_end(l) ? '\0' : l->in.p[l->pos];
}
static inline bool lex_is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* 0 to 15, or -1. */
static inline int lex_hex(char c)
{
        if (ascii_isdigit(c))
                return c - '0';
        c = ascii_lower(c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What was taken since `start`. */
static inline struct slice lex_since(const struct lex *l, size_t start)
{
        return slice_head(slice_from(l->in, start), l->pos - start);
}

/* Takes the byte when it is next. */
bool lex_take(struct lex *l, char c);

/* At "(": takes the comment and appends its text to `to` (which may be NULL) without the outer parentheses
 * and backslashes. False, and nothing taken, when it is not closed. */
bool lex_comment(struct lex *l, struct buf *to);
/* The same at a double quote. Line breaks in it are dropped. */
bool lex_quoted(struct lex *l, struct buf *to);

/* Takes blanks and closed comments. */
void lex_skip(struct lex *l);

/* What a byte is to lex_run(), which looks at every byte of many headers. */
enum lex_kind {
        LEX_WORD, /* all others */
        LEX_STOP,
        LEX_COMMENT, /* "(": stops when the comment is closed */
        LEX_QUOTE,   /* a quote: the same */
};
/* What most tables begin with. */
#define LEX_BLANKS  [' '] = LEX_STOP, ['\t'] = LEX_STOP, ['\r'] = LEX_STOP, ['\n'] = LEX_STOP
#define LEX_OPENING ['('] = LEX_COMMENT, ['"'] = LEX_QUOTE

/* Takes the longest run of bytes that do not stop it, as a table of enum lex_kind says. */
struct slice lex_run(struct lex *l, const unsigned char kinds[static 256]);

#endif

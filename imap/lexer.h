#ifndef IMAP_LEXER_H
#define IMAP_LEXER_H

/* The words of IMAP's grammar (RFC 3501 section 9): each function takes one token off the front of `rest`.
 * 0, or -EINVAL with `error` set; then `rest` is of no further use.
 *
 * Strict as the RFC, but for what real clients send and other servers take: several spaces for one, spaces at
 * the end of a command or inside a list's parentheses, and 8-bit bytes in quoted strings. */

#include "base/arena.h"
#include "base/slice.h"

struct lexer {
        struct arena *arena; /* where unescaped and decoded text goes */
        struct slice rest;
        unsigned enabled;  /* enum imap_feature */
        const char *error; /* static or in the arena */
        const char *code;  /* a response code in front of the error, NULL: none */
        bool no;           /* the grammar is met but the value can never be accepted: NO rather than BAD */
};

/* Sets the error; always -EINVAL. The second form names the client's text, cut and made printable. */
int lexer_fail(struct lexer *l, const char *text);
int lexer_fail_word(struct lexer *l, const char *text, struct slice word);

/* The first byte, or 0 when nothing is left; no NUL gets past the reader, and elsewhere it is an error
 * anyhow. */
char lexer_peek(const struct lexer *l);
/* Takes c if it is next. */
bool lexer_take(struct lexer *l, char c);
void lexer_skip_spaces(struct lexer *l);

int lexer_space(struct lexer *l); /* SP; something must follow */
int lexer_end(struct lexer *l);   /* nothing is left */
/* "(" and the start of the first element. */
int lexer_list_start(struct lexer *l);
/* Behind an element: true when ")" ended the list (it is taken), false when another element follows; -EINVAL
 * when there is neither a space nor ")". */
int lexer_list_next(struct lexer *l, bool *ret_end);

int lexer_tag(struct lexer *l, struct slice *ret);
int lexer_atom(struct lexer *l, struct slice *ret);
/* Letters, digits, "." and "-": names of commands, items, keys. May be empty. */
struct slice lexer_name(struct lexer *l);
int lexer_string(struct lexer *l, struct slice *ret); /* quoted or literal */
int lexer_astring(struct lexer *l, struct slice *ret);
/* An astring whose unquoted form may have any byte but space, control, ( ) { and quote: passwords and search
 * words as people type them. */
int lexer_loose_astring(struct lexer *l, struct slice *ret);
int lexer_list_mailbox(struct lexer *l, struct slice *ret); /* an astring with % and * */
/* SASL-IR's response: everything up to the next space. */
int lexer_word(struct lexer *l, struct slice *ret);
int lexer_number(struct lexer *l, uint32_t *ret);    /* 0 to 4294967295 */
int lexer_nz_number(struct lexer *l, uint32_t *ret); /* not 0 */
int lexer_modseq(struct lexer *l, uint64_t *ret);    /* RFC 7162: 63 bits, 0 too */

int lexer_number64(struct lexer *l, uint64_t *ret); /* 0 to 2^63 - 1 (RFC 9051) */
/* nstring or literal8: NIL gives p == NULL; a literal8 (RFC 3516) may have NULs. */
int lexer_nstring8(struct lexer *l, struct slice *ret);

/* "{n}" or "{n+}" at the end of s (RFC 7888): the literal's size and whether the client waits for "+". A
 * number past 64 bits counts as UINT64_MAX. */
bool lexer_literal_mark(struct slice s, uint64_t *ret_size, bool *ret_sync);

/* Room for one more element behind the n that `array` holds: the old array or a larger copy in the arena. */
void *lexer_grow(struct lexer *l, void *array, size_t n, size_t size);

#endif

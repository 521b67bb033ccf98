#ifndef IMAP_QUOTE_H
#define IMAP_QUOTE_H

/* IMAP strings into a buffer (RFC 3501 sections 4.3 and 9). Pure; errors stay in the buffer.
 *
 * A string is quoted when it may be: US-ASCII without NUL, CR and LF, and not long. Anything else becomes a
 * literal, where a NUL is sent as the byte 0x80, for IMAP knows no NUL (CHAR8) and sizes must stay. */

#include "base/buf.h"

enum {
        QUOTE_MAX = 1000, /* a longer string is a literal: RFC 2683 section 3.2.1.5 on lines */
};

#define QUOTE_NUL "\x80" /* what is sent in place of a NUL */

void quote_string(struct buf *to, struct slice s);
/* p == NULL: NIL. */
void quote_nstring(struct buf *to, struct slice s);
/* As quote_nstring() for text that people read (subjects, names): what needs a backslash goes as a literal,
 * because many clients show the backslash. */
void quote_text(struct buf *to, struct slice s);
/* An atom when it is one, else a string. */
void quote_astring(struct buf *to, struct slice s);
/* The same of valid UTF-8 for a client that takes it in quoted strings (RFC 6855, RFC 9051). */
void quote_utf8_astring(struct buf *to, struct slice s);
void quote_utf8_string(struct buf *to, struct slice s);

#endif

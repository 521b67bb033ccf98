#ifndef MIME_ENCODED_WORD_H
#define MIME_ENCODED_WORD_H

/* Encoded words in header text (RFC 2047, RFC 2231 section 5 for languages). */

#include "base/arena.h"

/* Unfolds the value and decodes it to valid UTF-8: blanks between adjacent encoded words go; a character cut
 * between two words of one charset is put together; words whose charset is unknown or which are malformed
 * stay as they stand; raw UTF-8 passes (RFC 6532) and other bytes become U+FFFD. Also fit for the phrases of
 * addresses. Control characters a word may hide (NUL, LF ...) become spaces: the result is one line. */
struct slice encoded_word_decode(struct arena *a, struct slice value);

#endif

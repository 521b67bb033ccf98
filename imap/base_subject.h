#ifndef IMAP_BASE_SUBJECT_H
#define IMAP_BASE_SUBJECT_H

/* The base subject that SORT and THREAD compare (RFC 5256 section 2.1). Pure; linear in the subject. */

#include "base/arena.h"

/* Of a Subject field's value as header_next() gives it: decoded to UTF-8, blanks as single spaces, without
 * "Re:", "[list]", "(fwd)" and their like. Not folded. *ret_reply: something that marks a reply or a forward
 * was taken off (section 3, THREAD REFERENCES). In the arena or the value. */
struct slice base_subject(struct arena *a, struct slice value, bool *ret_reply);

#endif

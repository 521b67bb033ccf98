#ifndef CONF_MESSAGE_H
#define CONF_MESSAGE_H

/* What the reader tells the administrator: one line a message, "file:line: text" for an error and
 * "file:line: warning: text" for a warning. */

#include "base/arena.h"
#include "base/buf.h"

struct conf_messages {
        struct buf *to;
        unsigned errors, warnings;
};

/* Where something was written. Line 0: the file as a whole, or a -o argument (then `file` is "-o key=value").
 */
struct conf_place {
        const char *file;
        unsigned line;
};

void message_error(struct conf_messages *m, struct conf_place at, const char *fmt, ...) _printf_(3, 4);
void message_warning(struct conf_messages *m, struct conf_place at, const char *fmt, ...) _printf_(3, 4);

/* Number of single edits (insert, delete, replace, swap two neighbours) that make b of a; at most `limit`
 * + 1. */
unsigned message_distance(const char *a, const char *b, unsigned limit);

/* The name that was probably meant: offer each candidate, then read `name` (NULL: none is near enough). */
struct message_nearest {
        const char *typed;
        const char *name;
        unsigned distance;
};
void message_offer(struct message_nearest *n, const char *candidate);

#endif

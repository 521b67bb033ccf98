#ifndef CONF_LINE_H
#define CONF_LINE_H

/* One line of the settings language, pure: text in, what it says out. */

#include "base/buf.h"

/* No real value comes near; joined lines and reused values stay bounded by it. */
enum { LINE_MAX_BYTES = 64 * 1024 };

enum line_kind {
        LINE_EMPTY,
        LINE_KEY,         /* name = value */
        LINE_KEY_FILE,    /* name = <value */
        LINE_SECTION,     /* name [value] { */
        LINE_END,         /* } */
        LINE_INCLUDE,     /* !include value */
        LINE_INCLUDE_TRY, /* !include_try value */
        LINE_ERROR,
};

struct line {
        enum line_kind kind;
        struct slice name;
        struct slice value; /* quotes and escapes are still there when `quoted` */
        bool quoted;        /* the value was between quotes, which are gone: take it by line_unescape() */
        const char *error;  /* LINE_ERROR: why */
};

/* Takes the next whole line off *rest: comments gone, lines that end in a backslash joined by a space,
 * trimmed. The text is put into `joined`. *line counts the lines taken. False at the end of the text.
 * *ret_ambiguous: a '#' without a space before it was taken for a comment. */
bool line_next(struct slice *rest, struct buf *joined, unsigned *line, bool *ret_ambiguous);

/* What a line from line_next() says; the slices point into it. */
struct line line_parse(struct slice s);

/* Appends s with each backslash removed that stands before another character. */
void line_unescape(struct buf *to, struct slice s);

#endif

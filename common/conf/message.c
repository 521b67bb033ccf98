#include "conf/message.h"

#include <stdarg.h>
#include <stdio.h>

/* More of a kind would not be read, and a binary file given by mistake has an error on every line. */
enum { MESSAGES_MAX = 200, MESSAGE_LENGTH_MAX = 600 };

/* Names longer than this are compared by their beginning. */
enum { DISTANCE_NAME_MAX = 48 };

static void _printf_(5, 0) append_line(struct conf_messages *m, struct conf_place at, unsigned seen,
                                       const char *kind, const char *fmt, va_list ap)
{
        if (seen > MESSAGES_MAX)
                return;
        if (seen == MESSAGES_MAX) {
                buf_printf(m->to, "%s: %smore of these are left out\n", at.file, kind);
                return;
        }
        char text[MESSAGE_LENGTH_MAX];
        vsnprintf(text, sizeof(text), fmt, ap);
        for (char *p = text; *p; p++)
                if ((unsigned char)*p < ' ' || *p == 127)
                        *p = '?';
        if (at.line > 0)
                buf_printf(m->to, "%s:%u: %s%s\n", at.file, at.line, kind, text);
        else
                buf_printf(m->to, "%s: %s%s\n", at.file, kind, text);
}

void message_error(struct conf_messages *m, struct conf_place at, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        append_line(m, at, m->errors++, "", fmt, ap);
        va_end(ap);
}

void message_warning(struct conf_messages *m, struct conf_place at, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        append_line(m, at, m->warnings++, "warning: ", fmt, ap);
        va_end(ap);
}

/* Damerau's distance, three rows at a time. */
unsigned message_distance(const char *a, const char *b, unsigned limit)
{
        size_t la = strnlen(a, DISTANCE_NAME_MAX), lb = strnlen(b, DISTANCE_NAME_MAX);
        if (la > lb + limit || lb > la + limit)
                return limit + 1;
        unsigned rows[3][DISTANCE_NAME_MAX + 1];
        for (size_t j = 0; j <= lb; j++)
                rows[0][j] = (unsigned)j;
        for (size_t i = 1; i <= la; i++) {
                unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3], *twice = rows[(i + 1) % 3];
                row[0] = (unsigned)i;
                for (size_t j = 1; j <= lb; j++) {
                        unsigned best = above[j - 1] + (a[i - 1] != b[j - 1]);
                        best = MIN(best, above[j] + 1);
                        best = MIN(best, row[j - 1] + 1);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                best = MIN(best, twice[j - 2] + 1);
                        row[j] = best;
                }
        }
        return MIN(rows[la % 3][lb], limit + 1);
}

void message_offer(struct message_nearest *n, const char *candidate)
{
        /* a third of the letters wrong is another word */
        unsigned limit = (unsigned)MIN(MAX(strlen(n->typed) / 3, (size_t)1), (size_t)4);
        unsigned d = message_distance(n->typed, candidate, limit);
        if (d <= limit && (!n->name || d < n->distance)) {
                n->name = candidate;
                n->distance = d;
        }
}

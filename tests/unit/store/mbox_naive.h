#ifndef TESTS_MBOX_NAIVE_H
#define TESTS_MBOX_NAIVE_H

/* A file in memory, read in small pieces, and what a message's size is, counted a byte at a time: for the
 * unit tests and the fuzz target of mbox. */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "store/mbox_head.h"

struct naive_file {
        struct slice text;
        size_t piece; /* bytes a read gives at most */
        int error;
};

static inline ssize_t naive_read(void *context, void *to, size_t n, uint64_t offset)
{
        struct naive_file *f = context;
        if (f->error)
                return f->error;
        struct slice rest = slice_head(slice_from(f->text, (size_t)offset), n < f->piece ? n : f->piece);
        if (rest.n)
                memcpy(to, rest.p, rest.n);
        return (ssize_t)rest.n;
}

static inline struct mbox_source naive_source(struct naive_file *f)
{
        return (struct mbox_source){naive_read, f, f->text.n};
}

static inline struct slice naive_part(struct slice text, uint64_t from, uint64_t n)
{
        return slice_head(slice_from(text, (size_t)from), (size_t)n);
}

/* Whether a line of a header begins one of the fields that are not sent. */
static inline bool naive_is(struct slice line, const char *name)
{
        size_t n = strlen(name);
        if (line.n <= n || strncasecmp(line.p, name, n) != 0)
                return false;
        while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
                n++;
        return n < line.n && line.p[n] == ':';
}

/* lines: 0 in the beginning, 1 when Lines would be one of them, 2 when it can be no more. */
static inline bool naive_is_metadata(struct slice line, int *lines)
{
        static const char *const names[] = {"Status", "X-Status",   "X-Keywords",
                                            "X-UID",  "X-IMAPbase", "X-IMAP"};
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (naive_is(line, names[i]))
                        return true;
        bool length = naive_is(line, "Content-Length"), behind = *lines == 1;
        if (length && *lines == 0)
                *lines = 1;
        if (!length && behind)
                *lines = 2;
        return length || (behind && naive_is(line, "Lines"));
}

/* What is sent of a header, with the line ends it has; to be freed. */
static inline char *naive_visible(struct slice head, size_t *ret_n)
{
        char *out = malloc(head.n + 1);
        size_t n = 0;
        bool hidden = false;
        int lines = 0;
        for (size_t at = 0; at < head.n;) {
                size_t end = at;
                while (end < head.n && head.p[end] != '\n')
                        end++;
                end += end < head.n;
                struct slice line = {head.p + at, end - at};
                if (at == 0 || (line.p[0] != ' ' && line.p[0] != '\t'))
                        hidden = naive_is_metadata(line, &lines);
                if (!hidden) {
                        memcpy(out + n, line.p, line.n);
                        n += line.n;
                }
                at = end;
        }
        *ret_n = n;
        return out;
}

static inline uint64_t naive_size(struct slice text)
{
        uint64_t n = text.n;
        for (size_t i = 0; i < text.n; i++)
                n += text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r');
        return n;
}

/* Lines that begin with "From " behind at least one ">". */
static inline uint64_t naive_quoted(struct slice text)
{
        uint64_t lines = 0;
        for (size_t i = 0; i < text.n; i++) {
                size_t n = i;
                if (i > 0 && text.p[i - 1] != '\n')
                        continue;
                while (n < text.n && text.p[n] == '>')
                        n++;
                lines += n > i && text.n - n >= 5 && memcmp(text.p + n, "From ", 5) == 0;
        }
        return lines;
}

static inline uint64_t naive_message_size(struct slice text, const struct mbox_message *m, bool unquote)
{
        uint64_t head_at = m->offset + m->from_n;
        struct slice body = naive_part(text, head_at + m->head_n, m->body_n);
        size_t n;
        char *visible = naive_visible(m->head, &n);
        uint64_t size = naive_size(slice_make(visible, n)) +
                        naive_size(naive_part(text, head_at + m->head.n, m->head_n - m->head.n)) +
                        naive_size(body) - (unquote ? naive_quoted(body) : 0);
        free(visible);
        return size;
}

#endif

#include "imap/reader.h"

#include <errno.h>

#include "imap/lexer.h"

enum {
        KB = 1024,
        MB = 1024 * KB,
        /* "{" 20 digits "+}" CR, and then some: what is kept of a line that is thrown away, to see a literal
           follow */
        TAIL_MAX = 32,
        LINE_LENGTH_MIN = 8 * KB,
        LINE_LENGTH_MAX = 64 * MB,
};

/* Before login nothing longer than a SASL response is needed. */
const struct imap_reader_limits imap_reader_before_login = {
        .line = 8 * KB, .literal = 4 * KB, .total = 16 * KB, .skip = 64 * KB};

/* 64 kB is imap_max_line_length's default. The bound on skipping is about a message too large to be taken: it
 * costs the client more than us, and a closed connection would only make it try again. */
const struct imap_reader_limits imap_reader_logged_in = {
        .line = 64 * KB, .literal = 64 * KB, .total = 256 * KB, .skip = 256 * MB};

struct imap_reader_limits imap_reader_limits(uint64_t max_line_length)
{
        struct imap_reader_limits limits = imap_reader_logged_in;
        limits.line = (size_t)MIN(MAX(max_line_length, (uint64_t)LINE_LENGTH_MIN), (uint64_t)LINE_LENGTH_MAX);
        limits.literal = limits.line;
        limits.total = 4 * limits.line;
        return limits;
}

/* One command being read. */
struct reading {
        struct conn *c;
        const struct imap_reader_limits *limits;
        deadline_t deadline;
        struct buf *to;   /* NULL once it is only skipped */
        int refused;      /* 0, or the error that is the answer: all that follows is skipped */
        const char *text; /* what to say then */
        bool begun;       /* a message of the command is behind */
        struct imap_literal literal;
        size_t lines;        /* bytes of lines so far */
        uint64_t skipped;    /* bytes thrown away so far */
        char tail[TAIL_MAX]; /* the end of the current line */
        size_t tail_n;
};

static void refuse(struct reading *r, int error, const char *text)
{
        if (!r->refused) {
                r->refused = error;
                r->text = text;
        }
}

static int count_skipped(struct reading *r, uint64_t n)
{
        if (n > r->limits->skip || r->skipped > r->limits->skip - n) {
                r->text = "Command too long.";
                return -EOVERFLOW;
        }
        r->skipped += n;
        return 0;
}

static void keep_tail(struct reading *r, struct slice part)
{
        if (part.n > TAIL_MAX)
                part = slice_from(part, part.n - TAIL_MAX);
        size_t old = MIN(r->tail_n, TAIL_MAX - part.n);
        memmove(r->tail, r->tail + r->tail_n - old, old);
        if (part.n)
                memcpy(r->tail + old, part.p, part.n);
        r->tail_n = old + part.n;
}

/* Part of a line, without the LF. */
static int take_part(struct reading *r, struct slice part)
{
        keep_tail(r, part);
        if (r->refused)
                return count_skipped(r, part.n);
        size_t nul = slice_find(part, '\0');
        if (nul < part.n) {
                refuse(r, -EBADMSG, "NUL character in command.");
                part = slice_head(part, nul); /* the tag is in there */
        }
        size_t line = r->limits->line + 1 - r->lines; /* 1: the CR */
        size_t total = r->limits->total + 1 > r->to->n ? r->limits->total + 1 - r->to->n : 0;
        size_t room = MIN(line, total);
        if (part.n > room) {
                refuse(r, -EMSGSIZE, "Command line too long.");
                part = slice_head(part, room);
        }
        r->lines += part.n;
        return buf_append(r->to, part);
}

/* Up to the next LF, in constant memory when it is thrown away. The line end is not kept. */
static int read_line(struct reading *r)
{
        r->tail_n = 0;
        for (;;) {
                struct slice have = conn_unread(r->c);
                size_t n = slice_find(have, '\n');
                bool end = n < have.n;
                int e = take_part(r, slice_head(have, n));
                if (e == 0)
                        e = conn_skip(r->c, end ? n + 1 : n, r->deadline);
                if (e < 0)
                        return e;
                if (end)
                        break;
                ssize_t got = conn_fill(r->c, r->deadline);
                if (got <= 0)
                        return got == 0 ? -EPIPE : (int)got;
        }
        if (r->tail_n && r->tail[r->tail_n - 1] == '\r') {
                r->tail_n--;
                if (!r->refused) {
                        r->to->n--;
                        r->lines--;
                }
        }
        if (!r->refused && r->lines > r->limits->line)
                refuse(r, -EMSGSIZE, "Command line too long.");
        return 0;
}

/* Whether a literal follows the line. A mark with more digits than the tail holds counts as endless. */
static bool at_literal(const struct reading *r, uint64_t *ret_size, bool *ret_sync)
{
        struct slice tail = slice_make(r->tail, r->tail_n);
        if (lexer_literal_mark(tail, ret_size, ret_sync))
                return true;
        bool sync = !slice_ends(tail, SLICE("+}"));
        size_t digits = tail.n - (sync ? 1 : 2);
        if (tail.n < TAIL_MAX - 1 || !slice_ends(tail, SLICE("}")))
                return false;
        for (size_t i = 0; i < digits; i++)
                if (!ascii_isdigit(tail.p[i]))
                        return false;
        *ret_size = UINT64_MAX;
        *ret_sync = sync;
        return true;
}

static int read_literal(struct reading *r, uint64_t size, bool sync)
{
        if (sync)
                conn_puts(r->c, "+ OK\r\n");
        buf_str(r->to, "\r\n");
        return conn_take_exact(r->c, (size_t)size, r->deadline, r->to);
}

static int skip_literal(struct reading *r, uint64_t size)
{
        int e = count_skipped(r, size);
        return e < 0 ? e : conn_skip(r->c, size, r->deadline);
}

/* Lines and literals to the end of the command, or to a message literal. */
static int read_all(struct reading *r)
{
        for (;;) {
                uint64_t size;
                bool sync;
                int e = read_line(r);
                if (e < 0)
                        return e;
                if (!at_literal(r, &size, &sync))
                        return 0;
                if (!r->refused && imap_literal_is_message(buf_slice(r->to), r->begun)) {
                        r->literal = (struct imap_literal){.open = true, .waits = sync, .left = size};
                        return 0;
                }
                size_t held = r->refused ? 0 : r->to->n + 2;
                if (size > r->limits->literal || held > r->limits->total || size > r->limits->total - held)
                        refuse(r, -EMSGSIZE, "Literal too large.");
                if (!r->refused)
                        e = read_literal(r, size, sync);
                else if (sync)
                        return 0; /* the client waits for "+"; BAD instead ends the command */
                else
                        e = skip_literal(r, size);
                if (e < 0)
                        return e;
        }
}

int imap_read_command(struct conn *c, const struct imap_reader_limits *limits, deadline_t deadline,
                      struct buf *to, struct imap_literal *ret_literal, struct slice *ret_tag,
                      const char **ret_text)
{
        struct reading r = {.c = c, .limits = limits, .deadline = deadline, .to = to};
        to->n = 0;
        int e = read_all(&r);
        if (e == 0)
                e = r.refused;
        if (e == -EMSGSIZE || e == -EBADMSG || e == -EOVERFLOW) {
                struct lexer l = {.rest = buf_slice(to)};
                struct slice tag;
                bool known = lexer_tag(&l, &tag) == 0 && l.rest.n > 0;
                *ret_tag = known ? tag : SLICE_NULL;
                *ret_text = r.text;
        }
        *ret_literal = r.literal;
        return e;
}

int imap_read_on(struct conn *c, const struct imap_reader_limits *limits, deadline_t deadline, struct buf *to,
                 struct imap_literal *ret_literal, const char **ret_text)
{
        struct reading r = {.c = c, .limits = limits, .deadline = deadline, .to = to, .begun = true};
        to->n = 0;
        int e = read_all(&r);
        if (e == 0)
                e = r.refused;
        if (e < 0)
                *ret_text = r.text;
        *ret_literal = r.literal;
        return e;
}

int imap_skip_command(struct conn *c, const struct imap_reader_limits *limits, deadline_t deadline,
                      struct imap_literal *literal)
{
        struct imap_literal at = *literal;
        struct reading r = {.c = c, .limits = limits, .deadline = deadline, .refused = -EINVAL};
        *literal = (struct imap_literal){0};
        if (!at.open || at.waits)
                return 0;
        int e = skip_literal(&r, at.left);
        r.skipped = 0;
        return e < 0 ? e : read_all(&r);
}

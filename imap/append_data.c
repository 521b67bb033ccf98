/* What APPEND and REPLACE receive: the bytes of messages, from the connection or, for CATENATE, from other
 * messages, into the save. */

#include "imap/append.h"

#include <errno.h>

#include "imap/capability.h"
#include "imap/check.h"
#include "imap/reply.h"
#include "mime/unbinary.h"

enum {
        APPEND_PIECE = 64 * 1024,
        APPEND_PARTS_MAX = 10000, /* of one CATENATE: each may read a message */
};

int append_fail(struct append *a, int error)
{
        imap_fail_target(a->s, a->c, error, a->name, a->what);
        return error;
}

int append_bad(struct append *a, const char *text)
{
        imap_bad(a->s, a->c, "Error in IMAP command %s%s: %s.", a->c->uid ? "UID " : "", a->what, text);
        return -EINVAL;
}

/* For each stretch of input: who sends something now and then is there. */
static deadline_t append_deadline(const struct append *a)
{
        return deadline_in_ms(a->s->settings->session_timeout);
}

/* The connection failed within the command: there is no tagged answer. */
static int lost(struct append *a, int error, const char *text)
{
        struct imap_session *s = a->s;

        s->literal.open = false;
        if (error == -ETIMEDOUT) {
                imap_bye(s, "Disconnected: Inactivity in APPEND", "Disconnected for inactivity.");
        } else if (error == -EOVERFLOW) {
                imap_bye(s, "Disconnected: Command too long", text);
        } else {
                s->over = true;
                s->end_reason = "Disconnected: Connection closed in APPEND";
        }
        return error;
}

int append_fits(struct append *a, uint64_t size)
{
        uint64_t max = imap_append_limit(a->s->settings);

        if (a->size <= max && size <= max - a->size)
                return 0;
        imap_no(a->s, a->c, "[TOOBIG] Message is larger than %llu bytes.", (unsigned long long)max);
        return -E2BIG;
}

/* NULs where no encoding tells of them (RFC 3516 section 4.4). */
static int unknown_encoding(struct append *a)
{
        imap_no(a->s, a->c, "[UNKNOWN-CTE] NUL in a part that is not of the encoding \"binary\".");
        return -EILSEQ;
}

void append_header(struct append *a)
{
        a->ascii_only = !(a->s->enabled & FEATURES_UTF8_NAMES) && imap_session_announces(a->s, "UTF8=ACCEPT");
        a->line_empty = true;
}

/* RFC 6855 section 4: a client that did not enable UTF8=ACCEPT must be told NO. */
static bool has_8bit_header(struct append *a, struct slice bytes)
{
        for (size_t i = 0; i < bytes.n && a->ascii_only; i++) {
                unsigned char c = (unsigned char)bytes.p[i];

                if (c > 127)
                        return true;
                if (c == '\n' && a->line_empty)
                        a->ascii_only = false;
                if (c != '\r')
                        a->line_empty = c == '\n';
        }
        return false;
}

int append_bytes(struct append *a, struct slice bytes)
{
        int r;

        a->size += bytes.n;
        if (has_8bit_header(a, bytes)) {
                imap_no(a->s, a->c, "[CANNOT] 8-bit header: it takes ENABLE UTF8=ACCEPT first.");
                return -EILSEQ;
        }
        if (a->binary && !a->spooled && slice_find(bytes, '\0') < bytes.n)
                return unknown_encoding(a);
        r = a->spooled ? save_spool(a->save, bytes) : save_write(a->save, bytes);
        return r < 0 ? append_fail(a, r) : 0;
}

static int write_bytes(void *context, struct slice bytes)
{
        return save_write(context, bytes);
}

/* What was sent as literal8, as text (RFC 3516 section 4.4): Maildir keeps lines, not bytes, and no message
 * that is read with BODY has NULs. */
int append_spooled(struct append *a)
{
        _cleanup_(message_text_release) struct message_text text = {};
        int r;

        r = save_spooled(a->save, &text);
        if (r == 0)
                r = unbinary(text.raw, write_bytes, a->save);
        if (r == -EILSEQ)
                return unknown_encoding(a);
        return r < 0 ? append_fail(a, r) : 0;
}

/* From the connection to the save, the literal that the stretch ended with. */
static int receive(struct append *a)
{
        struct imap_literal *literal = &a->s->literal;
        struct slice piece;
        ssize_t n;
        int r;

        if (literal->waits)
                conn_puts(&a->s->conn, "+ OK\r\n");
        literal->waits = false;
        while (literal->left > 0) {
                n = conn_take(&a->s->conn, (size_t)MIN(literal->left, (uint64_t)APPEND_PIECE),
                              append_deadline(a), &piece);
                if (n < 0)
                        return lost(a, (int)n, NULL);
                literal->left -= (uint64_t)n;
                r = append_bytes(a, piece);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The command goes on behind the literal. */
static int read_on(struct append *a)
{
        const char *text = "";
        int r;

        arena_reset(&a->scratch);
        r = imap_read_on(&a->s->conn, &a->limits, append_deadline(a), &a->stretch, &a->s->literal, &text);
        if (r == -EMSGSIZE || r == -EBADMSG)
                imap_bad(a->s, a->c, "%s", text);
        else if (r < 0)
                return lost(a, r, text);
        a->parse.rest = buf_slice(&a->stretch);
        return r;
}

static int too_many_parts(struct append *a)
{
        if (a->parts++ < APPEND_PARTS_MAX)
                return 0;
        imap_no(a->s, a->c, "[LIMIT] More than %d parts.", APPEND_PARTS_MAX);
        return -E2BIG;
}

int append_literal(struct append *a, const struct append_item *item)
{
        int r;

        if (!a->s->literal.open) /* the reader took it for something else */
                return append_bad(a, "Invalid literal");
        if (item->utf8 && !(a->s->enabled & FEATURE_UTF8)) /* RFC 6855 section 4 */
                return append_bad(a, "UTF8 was not enabled");
        if (item->whole && item->size == 0) { /* RFC 3502: this cancels the command */
                imap_no(a->s, a->c, "Can't save a zero byte message.");
                return -EINVAL;
        }
        a->binary = item->binary && !item->utf8;
        a->spooled = a->spooled || (a->binary && a->parts == 0);
        r = append_fits(a, item->size);
        if (r == 0)
                r = too_many_parts(a);
        if (r == 0) {
                r = save_expect(a->save, a->size + item->size);
                r = r < 0 ? append_fail(a, r) : receive(a);
        }
        return r < 0 ? r : read_on(a);
}

int append_part(struct append *a, const struct append_item *item)
{
        int r = too_many_parts(a);

        a->binary = false;
        return r < 0 ? r : append_url(a, item->url);
}

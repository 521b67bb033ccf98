/* APPEND (RFC 3501 section 6.3.11) with several messages (RFC 3502), literals of RFC 7888 and literal8 of RFC
 * 3516, CATENATE (RFC 4469), UTF8 (RFC 6855 section 4), APPENDUID (RFC 4315); and REPLACE (RFC 8508).
 *
 * A message's bytes are taken from the connection a piece at a time, so that one of any size costs the same
 * memory, and all messages become visible with one commit. What is refused is refused before the client is
 * asked for more; the rest of a command that comes all the same is skipped by the session's loop: a byte of a
 * message must never be run as a command. */

#include "imap/append.h"

#include <errno.h>

#include "imap/capability.h"
#include "imap/check.h"
#include "imap/reply.h"
#include "mime/unbinary.h"

enum {
        APPEND_PIECE = 64 * 1024,
        /* each costs memory and a line in the journal until the commit */
        APPEND_MESSAGES_MAX = 10000,
        APPEND_PARTS_MAX = 10000, /* of one CATENATE: each may read a message */
};

deadline_t append_deadline(const struct append *a)
{
        return deadline_in_ms(a->s->settings->session_timeout);
}

/* NO for what the store said. */
static int fail_target(struct append *a, int error)
{
        imap_fail_target(a->s, a->c, error, a->name, a->what);
        return error;
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

int append_bytes(struct append *a, struct slice bytes)
{
        int r;

        a->size += bytes.n;
        if (a->binary && !a->spooled && slice_find(bytes, '\0') < bytes.n)
                return unknown_encoding(a);
        r = a->spooled ? save_spool(a->save, bytes) : save_write(a->save, bytes);
        return r < 0 ? fail_target(a, r) : 0;
}

static int write_bytes(void *context, struct slice bytes)
{
        return save_write(context, bytes);
}

/* What was sent as literal8, as text (RFC 3516 section 4.4): Maildir keeps lines, not bytes, and no message
 * that is read with BODY has NULs. */
static int write_spooled(struct append *a)
{
        _cleanup_(message_text_release) struct message_text text = {};
        int r;

        r = save_spooled(a->save, &text);
        if (r == 0)
                r = unbinary(text.raw, write_bytes, a->save);
        if (r == -EILSEQ)
                return unknown_encoding(a);
        return r < 0 ? fail_target(a, r) : 0;
}

static int begin_message(struct append *a, const struct append_item *item)
{
        const struct save_message message = {
                .flags = item->flags.system & FLAG_ALL, /* \Recent is nobody's to set */
                .keywords = item->flags.keywords,
                .keywords_n = item->flags.keywords_n,
                .internaldate = item->date,
        };
        int r;

        if (a->messages == APPEND_MESSAGES_MAX) {
                imap_no(a->s, a->c, "[LIMIT] More than %d messages at once.", APPEND_MESSAGES_MAX);
                return -E2BIG;
        }
        a->size = 0;
        a->parts = 0;
        a->spooled = a->binary = false;
        r = save_begin(a->save, &message);
        return r < 0 ? fail_target(a, r) : 0;
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

static int bad(struct append *a, const char *text)
{
        imap_bad(a->s, a->c, "Error in IMAP command %s%s: %s.", a->c->uid ? "UID " : "", a->what, text);
        return -EINVAL;
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

static int take_literal(struct append *a, const struct append_item *item)
{
        int r;

        if (!a->s->literal.open) /* the reader took it for something else */
                return bad(a, "Invalid literal");
        if (item->utf8 && !(a->s->enabled & FEATURE_UTF8)) /* RFC 6855 section 4 */
                return bad(a, "UTF8 was not enabled");
        if (item->whole && item->size == 0) { /* RFC 3502: this cancels the command */
                imap_no(a->s, a->c, "Can't save a zero byte message.");
                return -EINVAL;
        }
        a->binary = item->binary && !item->utf8;
        a->spooled = a->spooled || (a->binary && a->parts == 0);
        r = append_fits(a, item->size);
        if (r == 0)
                r = too_many_parts(a);
        if (r == 0)
                r = receive(a);
        return r < 0 ? r : read_on(a);
}

static int take_url(struct append *a, const struct append_item *item)
{
        int r = too_many_parts(a);

        a->binary = false;
        return r < 0 ? r : append_url(a, item->url);
}

static int end_message(struct append *a)
{
        int r;

        if (a->size == 0) {
                imap_no(a->s, a->c, "Can't save a zero byte message.");
                return -EINVAL;
        }
        a->messages++;
        r = a->spooled ? write_spooled(a) : 0;
        if (r < 0)
                return r;
        r = save_end(a->save);
        return r < 0 ? fail_target(a, r) : 0;
}

/* "[APPENDUID 38505 3955:3957] " (RFC 4315 section 3, RFC 3502). */
static void write_appenduid(struct append *a, const struct save_result *result)
{
        conn_printf(&a->s->conn, "[APPENDUID %u ", result->uidvalidity);
        imap_write_uid_set(&a->s->conn, result->uids, result->n);
        conn_puts(&a->s->conn, "] ");
}

static void finish_append(struct append *a, const struct save_result *result)
{
        struct imap_session *s = a->s;

        imap_sync(s, true, false);
        if (s->over)
                return;
        /* not imap_ok(): the set may be long */
        conn_write(&s->conn, a->c->tag);
        conn_puts(&s->conn, " OK ");
        write_appenduid(a, result);
        conn_puts(&s->conn, "Append completed.\r\n");
}

/* The new UID before the EXPUNGE (RFC 8508 section 4.3). */
static void finish_replace(struct append *a, const struct save_result *result)
{
        struct imap_session *s = a->s;

        conn_puts(&s->conn, "* OK ");
        write_appenduid(a, result);
        conn_puts(&s->conn, "Replacement message ready.\r\n");
        if (result->left_behind < 0) {
                imap_sync(s, true, a->c->uid);
                imap_fail(s, a->c, result->left_behind, a->what);
                return;
        }
        s->counts.expunged++;
        imap_done(s, a->c, "Replace completed.");
}

/* Whether the message that is to be replaced is still there. */
static bool still_there(struct append *a)
{
        imap_sync(a->s, false, a->c->uid);
        if (a->s->over)
                return false;
        if (!mailbox_message(a->s->mailbox, a->replaced).gone)
                return true;
        imap_no(a->s, a->c, "[EXPUNGEISSUED] The message no longer exists.");
        return false;
}

static void commit(struct append *a)
{
        struct save_result result = {};
        int r;

        if (a->replaced && !still_there(a))
                return;
        r = save_commit(a->save, &a->s->arena, &result);
        if (r < 0)
                fail_target(a, r);
        else if (a->replaced)
                finish_replace(a, &result);
        else
                finish_append(a, &result);
}

/* One item after the other, until the command ends or was refused. */
static void run(struct append *a)
{
        struct append_item item;
        int r = 0;

        while (r == 0) {
                if (append_parse_next(&a->parse, &item) < 0) {
                        bad(a, a->parse.error);
                        return;
                }
                switch (item.kind) {
                case APPEND_MESSAGE:
                        r = begin_message(a, &item);
                        break;
                case APPEND_LITERAL:
                        r = take_literal(a, &item);
                        break;
                case APPEND_URL:
                        r = take_url(a, &item);
                        break;
                case APPEND_WHOLE:
                        r = end_message(a);
                        break;
                case APPEND_END:
                        commit(a);
                        return;
                }
        }
}

/* The message that REPLACE is about. False: the tagged answer was given. */
static bool find_replaced(struct append *a)
{
        struct imap_session *s = a->s;
        uint32_t *seqs;
        size_t n;

        if (imap_resolve_set(s, &a->c->append.set, a->c->uid, &seqs, &n) < 0) {
                bad(a, "Invalid messageset");
                return false;
        }
        if (!imap_check_writable(s, a->c))
                return false;
        if (n != 1) {
                imap_no(s, a->c, "There is no such message.");
                return false;
        }
        a->replaced = seqs[0];
        return still_there(a);
}

void imap_exec_append(struct imap_session *s, const struct imap_command *c)
{
        bool replace = c->id == IMAP_REPLACE;
        struct append a = {
                .s = s,
                .c = c,
                .what = replace ? "REPLACE" : "APPEND",
                .name = imap_mailbox_name(s, c->append.mailbox),
                .limits = imap_reader_limits(s->settings->imap_max_line_length),
                .parse = {.rest = c->append.rest, .one = replace},
        };
        int r;

        if (replace && !find_replaced(&a))
                return;
        a.parse.arena = &a.scratch;
        r = save_open(s->store, a.name, &a.save);
        if (r == 0 && replace)
                save_replace(a.save, s->mailbox, a.replaced);
        if (r < 0)
                fail_target(&a, r);
        else
                run(&a);
        save_close(&a.save);
        mailbox_close(&a.source);
        arena_free(&a.scratch);
        buf_free(&a.stretch);
}

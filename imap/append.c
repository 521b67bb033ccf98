/* APPEND (RFC 3501 section 6.3.11) with several messages (RFC 3502), literals of RFC 7888 and literal8 of RFC
 * 3516, CATENATE (RFC 4469), UTF8 (RFC 6855 section 4), APPENDUID (RFC 4315); and REPLACE (RFC 8508).
 *
 * A message's bytes are taken from the connection a piece at a time, so that one of any size costs the same
 * memory, and all messages become visible with one commit. What is refused is refused before the client is
 * asked for more; the rest of a command that comes all the same is skipped by the session's loop: a byte of a
 * message must never be run as a command. */

#include "imap/append.h"

#include <errno.h>

#include "imap/check.h"
#include "imap/reply.h"

enum {
        /* each costs memory and a line in the journal until the commit */
        APPEND_MESSAGES_MAX = 10000,
};

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
        append_header(a);
        a->parts = 0;
        a->spooled = a->binary = false;
        r = save_begin(a->save, &message);
        return r < 0 ? append_fail(a, r) : 0;
}

static int end_message(struct append *a)
{
        int r;

        if (a->size == 0) {
                imap_no(a->s, a->c, "Can't save a zero byte message.");
                return -EINVAL;
        }
        a->messages++;
        r = a->spooled ? append_spooled(a) : 0;
        if (r < 0)
                return r;
        r = save_end(a->save);
        return r < 0 ? append_fail(a, r) : 0;
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
                append_fail(a, r);
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
                        append_bad(a, a->parse.error);
                        return;
                }
                switch (item.kind) {
                case APPEND_MESSAGE:
                        r = begin_message(a, &item);
                        break;
                case APPEND_LITERAL:
                        r = append_literal(a, &item);
                        break;
                case APPEND_URL:
                        r = append_part(a, &item);
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
                append_bad(a, "Invalid messageset");
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
                append_fail(&a, r);
        else
                run(&a);
        save_close(&a.save);
        mailbox_close(&a.source);
        arena_free(&a.scratch);
        buf_free(&a.stretch);
}

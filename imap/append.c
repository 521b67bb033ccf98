/* APPEND (RFC 3501 section 6.3.11, literals of RFC 7888, APPENDUID of RFC 4315).
 *
 * The command was read up to the message literal's "{n}". From there the bytes are taken from the connection
 * here, a piece at a time, so a message of any size costs the same memory. Whatever goes wrong, the command
 * is taken to its end exactly: a byte of a message must never be run as a command. */

#include <errno.h>

#include "imap/check.h"
#include "imap/reader.h"
#include "imap/reply.h"

enum {
        APPEND_PIECE = 64 * 1024,
};
/* Larger files fail in many clients. Who wants less has a quota. */
#define APPEND_MAX_SIZE (UINT32_C(2) << 30)

/* For each piece: who sends something now and then is there. */
static deadline_t append_deadline(const struct imap_session *s)
{
        return deadline_in_ms(s->settings->session_timeout);
}

/* The connection failed within the command: there is no tagged answer. */
static void append_lost(struct imap_session *s, int error)
{
        if (error == -ETIMEDOUT) {
                imap_bye(s, "Disconnected: Inactivity in APPEND", "Disconnected for inactivity.");
        } else if (error == -EOVERFLOW) {
                imap_bye(s, "Disconnected: Command too long", "Command too long.");
        } else {
                s->over = true;
                s->end_reason = "Disconnected: Connection closed in APPEND";
        }
}

/* Takes what the client has sent of the message and the rest of the command off the connection, before a NO.
 * False: the session is over. */
static bool append_drop(struct imap_session *s)
{
        const struct imap_reader_limits limits = imap_reader_limits(s->settings->imap_max_line_length);
        int r = imap_skip_message(&s->conn, &limits, append_deadline(s), buf_slice(&s->command));

        if (r < 0)
                append_lost(s, r);
        return r == 0;
}

/* Connection to save. *ret_save is the first error of the save: the rest of the message is taken all the
 * same. 0, or the error of the connection. */
static int append_stream(struct imap_session *s, struct save *save, uint32_t size, int *ret_save)
{
        uint64_t left = size;
        struct slice piece;
        ssize_t n;

        while (left > 0) {
                n = conn_take(&s->conn, MIN(left, (uint64_t)APPEND_PIECE), append_deadline(s), &piece);
                if (n < 0)
                        return (int)n;
                left -= (uint64_t)n;
                if (*ret_save == 0)
                        *ret_save = save_write(save, piece);
        }
        return 0;
}

static void append_finish(struct imap_session *s, const struct imap_command *c, struct save *save,
                          const char *name)
{
        struct save_result result = {};
        int r;

        r = save_end(save);
        if (r == 0)
                r = save_commit(save, &s->arena, &result);
        if (r < 0) {
                imap_fail_target(s, c, r, name, "APPEND");
                return;
        }
        if (s->mailbox)
                imap_sync(s, true, false);
        imap_ok(s, c, "[APPENDUID %u %u] Append completed.", result.uidvalidity,
                result.n ? result.uids[0] : 0);
}

/* The message may come now. */
static void append_receive(struct imap_session *s, const struct imap_command *c, struct save *save,
                           const char *name)
{
        const struct imap_reader_limits limits = imap_reader_limits(s->settings->imap_max_line_length);
        int r, saved = 0;

        if (c->append.sync)
                conn_puts(&s->conn, "+ OK\r\n");
        r = append_stream(s, save, c->append.size, &saved);
        if (r == 0)
                r = imap_read_message_end(&s->conn, &limits, append_deadline(s));
        if (r == -EINVAL)
                imap_bad(s, c, "Error in IMAP command APPEND: Invalid arguments.");
        else if (r < 0)
                append_lost(s, r);
        else if (saved < 0)
                imap_fail_target(s, c, saved, name, "APPEND");
        else
                append_finish(s, c, save, name);
}

/* Opens the target and begins the message. False: NO was said, and the command taken off the connection. */
static bool append_begin(struct imap_session *s, const struct imap_command *c, struct save **ret,
                         const char *name)
{
        const struct save_message message = {
                .flags = c->append.flags.system & FLAG_ALL, /* \Recent is nobody's to set */
                .keywords = c->append.flags.keywords,
                .keywords_n = c->append.flags.keywords_n,
                .internaldate = c->append.date,
        };
        bool fits = c->append.size > 0 && c->append.size <= APPEND_MAX_SIZE;
        int r;

        r = save_open(s->store, name, ret);
        if (r == 0 && fits)
                r = save_begin(*ret, &message);
        if (r == 0 && fits)
                return true;
        /* store_error() speaks of the last call: nothing of the store may run before the answer */
        if (!append_drop(s))
                return false;
        if (r == -ENOBUFS)
                imap_no(s, c, "[LIMIT] Too many keywords in this mailbox.");
        else if (r < 0)
                imap_fail_target(s, c, r, name, "APPEND");
        else if (c->append.size == 0)
                imap_no(s, c, "Can't save a zero byte message.");
        else
                imap_no(s, c, "[TOOBIG] Message is larger than %u bytes.", APPEND_MAX_SIZE);
        return false;
}

void imap_exec_append(struct imap_session *s, const struct imap_command *c)
{
        const char *name = imap_mailbox_name(s, c->append.mailbox);
        _cleanup_(save_close) struct save *save = NULL;

        if (append_begin(s, c, &save, name))
                append_receive(s, c, save, name);
}

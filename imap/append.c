/* APPEND (RFC 3501 section 6.3.11, literals of RFC 7888, APPENDUID of RFC 4315).
 *
 * The command was read up to the message literal's "{n}". From there the bytes are taken from the connection
 * here, a piece at a time, so a message of any size costs the same memory. Whatever goes wrong, the command
 * is taken to its end exactly: a byte of a message must never be run as a command. */

#include <errno.h>

#include "base/number.h"
#include "imap/check.h"
#include "imap/reply.h"

#define APPEND_MAX_SIZE (UINT32_C(2) << 30) /* larger files fail in many clients; quota is what admins set   \
                                             */

enum {
        APPEND_PIECE = 64 * 1024,
        APPEND_TIMEOUT_MS = 30 * 60 * 1000, /* for each piece; RFC 3501 section 5.4: at least 30 minutes */
        APPEND_MAX_TAIL = 8 * 1024,         /* what is dropped after the message of a wrong command */
};

/* The connection failed within the command: nothing more can be said, except after a timeout. */
static void append_disconnected(struct imap_session *s, int error)
{
        if (error == -ETIMEDOUT) {
                imap_bye(s, "Disconnected for inactivity in APPEND",
                         "Disconnected for inactivity in APPEND.");
                return;
        }
        s->over = true;
        s->end_reason = "Disconnected in APPEND";
}

static int append_skip(struct imap_session *s, uint64_t n)
{
        return conn_skip(&s->conn, n, deadline_in_ms(APPEND_TIMEOUT_MS));
}

/* "... {123+}" at the end of a line: another literal follows (MULTIAPPEND, CATENATE). With {123} the client
 * waits for a "+" that never comes, so the command ends here. */
static bool ends_with_literal(struct slice line, uint32_t *ret_size)
{
        size_t open = slice_rfind(line, '{');
        struct slice number = slice_from(line, open + 1);

        if (open == line.n || !slice_ends(number, SLICE("+}")))
                return false;
        return slice_to_u32(slice_head(number, number.n - 2), ret_size) == 0;
}

/* Takes what follows the message: nothing but the line end in a good command, *ret_empty. Anything else is
 * dropped, with the literals in it. */
static int append_rest(struct imap_session *s, bool *ret_empty)
{
        bool empty = true;
        struct slice line;
        uint32_t size;
        int r;

        for (;;) {
                r = conn_line(&s->conn, APPEND_MAX_TAIL, deadline_in_ms(APPEND_TIMEOUT_MS), &line);
                if (r < 0)
                        return r;
                if (line.n > 0)
                        empty = false;
                if (!ends_with_literal(line, &size))
                        break;
                r = append_skip(s, size);
                if (r < 0)
                        return r;
        }
        *ret_empty = empty;
        return 0;
}

/* After append_rest() failed. A line too long to look at might end with a literal: nobody knows where the
 * next command begins. */
static void append_lost(struct imap_session *s, int error)
{
        if (error == -EMSGSIZE)
                imap_bye(s, "Too long line after an APPEND", "Too long argument in APPEND.");
        else
                append_disconnected(s, error);
}

/* Takes the whole command off the connection without using it, before a NO. A client that waits for "+" has
 * not sent the message and will not (RFC 3501 section 4.3). False: the session is over. */
static bool append_refused(struct imap_session *s, const struct imap_command *c)
{
        bool empty;
        int r;

        if (c->append.sync)
                return true;
        r = append_skip(s, c->append.size);
        if (r < 0) {
                append_disconnected(s, r);
                return false;
        }
        r = append_rest(s, &empty);
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
                n = conn_take(&s->conn, MIN(left, (uint64_t)APPEND_PIECE), deadline_in_ms(APPEND_TIMEOUT_MS),
                              &piece);
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
        bool empty = false;
        int r, saved = 0;

        if (c->append.sync)
                conn_puts(&s->conn, "+ OK\r\n");
        r = append_stream(s, save, c->append.size, &saved);
        if (r < 0) {
                append_disconnected(s, r);
                return;
        }
        r = append_rest(s, &empty);
        if (r < 0)
                append_lost(s, r);
        else if (!empty)
                imap_bad(s, c, "Error in IMAP command APPEND: Invalid arguments");
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
        if (!append_refused(s, c))
                return false;
        if (r == -ENOBUFS)
                imap_no(s, c, "[LIMIT] Too many keywords in this mailbox");
        else if (r < 0)
                imap_fail_target(s, c, r, name, "APPEND");
        else if (c->append.size == 0)
                imap_no(s, c, "Can't save a zero byte message");
        else
                imap_no(s, c, "[TOOBIG] Message is larger than %u bytes", APPEND_MAX_SIZE);
        return false;
}

void imap_exec_append(struct imap_session *s, const struct imap_command *c)
{
        const char *name = imap_mailbox_name(s, c->append.mailbox);
        _cleanup_(save_close)
        struct save *save = NULL;

        if (append_begin(s, c, &save, name))
                append_receive(s, c, save, name);
}

#include <errno.h>

#include "base/log.h"
#include "base/number.h"
#include "pop3/capability.h"
#include "pop3/retrieve.h"
#include "pop3/session.h"

enum {
        LISTING_LINE = 2 * (NUMBER_MAX + 2) + UIDL_MAX, /* of a listing */
};

static void reply(struct pop3_session *s, const char *text)
{
        conn_printf(&s->conn, "%s\r\n", text);
}

/* A cause in a few words for the client, and whether trying again later can help (RFC 2449 section 8, RFC
 * 3206). */
static const char *cause_of(int error, const char **ret_code)
{
        *ret_code = "SYS/TEMP";
        switch (error) {
        case -EACCES:
        case -EPERM:
        case -EROFS:
        case -ENOTSUP:
        case -EINVAL:
                *ret_code = "SYS/PERM";
                return error == -EROFS                         ? "the mailbox is read-only"
                       : error == -ENOTSUP || error == -EINVAL ? "this mailbox is not served"
                                                               : "permission denied";
        case -ENOSPC:
        case -EDQUOT:
                return "the disk is full";
        case -ETIMEDOUT:
                return "the mailbox is locked";
        default:
                return "internal error";
        }
}

void transaction_error(struct pop3_session *s, int error, const char *what)
{
        const char *code, *cause = cause_of(error, &code);
        log_error("%s: %s", what, s->store ? store_error(s->store) : strerror(-error));
        conn_printf(&s->conn, "-ERR [%s] %s: %s. [%s]\r\n", code, what, cause, s->start->peer->session_id);
}

/* Whether there is the message that a command names; if not, the client has been told. */
static bool names_one(struct pop3_session *s, const struct pop3_command *c)
{
        const struct maildrop *d = &s->maildrop;
        if (c->message < 1 || c->message > d->n)
                conn_printf(&s->conn, "-ERR There's no message %u.\r\n", c->message);
        else if (maildrop_is_deleted(d, c->message))
                reply(s, "-ERR Message is deleted.");
        else
                return true;
        return false;
}

static bool measure(struct pop3_session *s)
{
        struct maildrop *d = &s->maildrop;
        int r = maildrop_measure(d);
        if (r < 0)
                transaction_error(s, r, "The sizes of the messages cannot be found");
        if (r == 0 && d->unreadable > s->unreadable_told)
                log_error("%u messages cannot be read and are listed with 0 octets; one of them: %s",
                          d->unreadable, store_error(s->store));
        s->unreadable_told = MAX(s->unreadable_told, d->unreadable);
        return r == 0;
}

static void do_capa(struct pop3_session *s, const struct pop3_command *c)
{
        const struct pop3_capability_state state = {.settings = s->settings, .plaintext_allowed = true};
        pop3_write_capabilities(&s->conn, &state);
}

static void do_noop(struct pop3_session *s, const struct pop3_command *c)
{
        reply(s, "+OK");
}

static void do_stat(struct pop3_session *s, const struct pop3_command *c)
{
        const struct maildrop *d = &s->maildrop;
        if (measure(s))
                conn_printf(&s->conn, "+OK %u %llu\r\n", d->n - d->deleted,
                            (unsigned long long)(d->bytes - d->deleted_bytes));
}

/* Ends a line of a listing that was written into the room of the connection. */
static void end_line(struct conn *c, char *at)
{
        *at++ = '\r';
        *at++ = '\n';
        conn_sent(c, at);
}

/* Starts one; there is room for LISTING_LINE bytes. */
static char *start_line(struct conn *c, uint32_t number)
{
        char *at = number_write(conn_room(c, LISTING_LINE), number);
        *at++ = ' ';
        return at;
}

static void list_one(struct pop3_session *s, const struct pop3_command *c)
{
        uint64_t size;
        int r = maildrop_size(&s->maildrop, c->message, &size);
        if (r < 0)
                transaction_error(s, r, "The size of the message cannot be found");
        else
                conn_printf(&s->conn, "+OK %u %llu\r\n", c->message, (unsigned long long)size);
}

static void do_list(struct pop3_session *s, const struct pop3_command *c)
{
        struct maildrop *d = &s->maildrop;
        if (c->has_message) {
                if (names_one(s, c))
                        list_one(s, c);
                return;
        }
        if (!measure(s))
                return;
        conn_printf(&s->conn, "+OK %u messages:\r\n", d->n - d->deleted);
        for (uint32_t i = 1; i <= d->n; i++) {
                uint64_t size = 0;
                if (maildrop_is_deleted(d, i))
                        continue;
                (void)!maildrop_size(d, i, &size); /* told when it was measured */
                end_line(&s->conn, number_write(start_line(&s->conn, i), size));
        }
        reply(s, ".");
}

static bool make_uidls(struct pop3_session *s)
{
        const char *why = NULL;
        int r = maildrop_name(&s->maildrop, &why);
        if (why) {
                log_error("pop3_uidl_format: %s", why);
                conn_printf(&s->conn, "-ERR [SYS/PERM] UIDLs cannot be made: wrong setting. [%s]\r\n",
                            s->start->peer->session_id);
        } else if (r < 0) {
                transaction_error(s, r, "UIDLs cannot be made");
        }
        return r == 0;
}

static void write_uidl(struct pop3_session *s, uint32_t number)
{
        end_line(&s->conn, maildrop_write_uidl(&s->maildrop, number, start_line(&s->conn, number)));
}

static void do_uidl(struct pop3_session *s, const struct pop3_command *c)
{
        const struct maildrop *d = &s->maildrop;
        if ((c->has_message && !names_one(s, c)) || !make_uidls(s))
                return;
        if (c->has_message) {
                conn_puts(&s->conn, "+OK ");
                write_uidl(s, c->message);
                return;
        }
        reply(s, "+OK");
        for (uint32_t i = 1; i <= d->n; i++)
                if (!maildrop_is_deleted(d, i))
                        write_uidl(s, i);
        reply(s, ".");
}

/* Bytes said so far, written or not. */
static uint64_t position(const struct pop3_session *s)
{
        return s->conn.bytes_out + s->conn.out.n;
}

/* Maps a message; false: the client has been told that it cannot be read. */
static bool read_message(struct pop3_session *s, const struct pop3_command *c, struct message_text *ret)
{
        int r = mailbox_read(s->maildrop.mailbox, maildrop_seq(&s->maildrop, c->message), ret);
        if (r == -ENOENT)
                conn_printf(&s->conn, "-ERR Message %u expunged.\r\n", c->message);
        else if (r < 0)
                transaction_error(s, r, "The message cannot be read");
        return r == 0;
}

static void do_retr(struct pop3_session *s, const struct pop3_command *c)
{
        _cleanup_(message_text_release) struct message_text text = {0};
        if (!names_one(s, c) || !read_message(s, c, &text))
                return;
        uint64_t size, from = position(s);
        /* asked anew: what was believed of the message before it was read may have been wrong */
        int r = maildrop_size(&s->maildrop, c->message, &size);
        if (r < 0) {
                transaction_error(s, r, "The size of the message cannot be found");
                return;
        }
        conn_printf(&s->conn, "+OK %llu octets\r\n", (unsigned long long)size);
        retrieve_write(&s->conn, text.raw);
        s->counts.retr++;
        s->counts.retr_bytes += position(s) - from;
        reply(s, ".");
        maildrop_retrieved(&s->maildrop, c->message);
}

static void do_top(struct pop3_session *s, const struct pop3_command *c)
{
        _cleanup_(message_text_release) struct message_text text = {0};
        if (!names_one(s, c) || !read_message(s, c, &text))
                return;
        uint64_t from = position(s);
        reply(s, "+OK");
        retrieve_write(&s->conn, retrieve_top(text.raw, c->lines));
        s->counts.top++;
        s->counts.top_bytes += position(s) - from;
        reply(s, ".");
}

static void do_dele(struct pop3_session *s, const struct pop3_command *c)
{
        if (!names_one(s, c))
                return;
        maildrop_delete(&s->maildrop, c->message);
        reply(s, "+OK Marked to be deleted.");
}

static void do_rset(struct pop3_session *s, const struct pop3_command *c)
{
        maildrop_reset(&s->maildrop);
        reply(s, "+OK");
}

static void do_last(struct pop3_session *s, const struct pop3_command *c)
{
        if (s->settings->pop3_enable_last)
                conn_printf(&s->conn, "+OK %u\r\n", maildrop_last(&s->maildrop));
        else
                reply(s, "-ERR Unknown command: LAST");
}

/* The UPDATE state: RFC 1939 section 6. */
static void do_quit(struct pop3_session *s, const struct pop3_command *c)
{
        struct maildrop *d = &s->maildrop;
        int flags_error = 0, r = maildrop_update(d, &flags_error);
        s->over = true;
        s->end_reason = "Disconnected: Logged out";
        if (r < 0) {
                transaction_error(s, r, "Messages could not be deleted");
                return;
        }
        if (flags_error < 0)
                log_error("Retrieved messages could not be marked as seen: %s", store_error(s->store));
        s->counts.deleted = d->deleted;
        reply(s, d->deleted ? "+OK Logging out, messages deleted." : "+OK Logging out.");
}

static void (*const executors[POP3_COMMAND_COUNT])(struct pop3_session *s, const struct pop3_command *c) = {
        [POP3_CAPA] = do_capa, [POP3_DELE] = do_dele, [POP3_LAST] = do_last, [POP3_LIST] = do_list,
        [POP3_NOOP] = do_noop, [POP3_QUIT] = do_quit, [POP3_RETR] = do_retr, [POP3_RSET] = do_rset,
        [POP3_STAT] = do_stat, [POP3_TOP] = do_top,   [POP3_UIDL] = do_uidl,
};

void transaction_run(struct pop3_session *s, const struct pop3_command *c)
{
        executors[c->id](s, c);
}

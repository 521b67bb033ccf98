#include "pop3/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/lock.h"
#include "base/log.h"
#include "conf/expand.h"
#include "store/folder.h"

enum {
        BAD_COMMANDS_MAX = 20,         /* in a row: whoever talks here does not speak POP3 */
        LOCK_WAIT_MS = 10 * 1000,      /* pop3_lock_session: as long as Dovecot waits for the other session */
        LOCK_STALE_MS = 5 * 60 * 1000, /* of another host, that nobody touched */
        LOCK_TOUCH_MS = LOCK_STALE_MS / 2,
};

/* pop3_lock_session: one POP3 session at a time, by the lock file that Dovecot uses, in the INBOX's Maildir.
 */
struct session_lock {
        int dir;
        struct dotlock lock;
        int64_t touched_ms;
};

static void lock_release(struct session_lock *l)
{
        dotlock_release(&l->lock);
        fd_close_p(&l->dir);
}

static int lock_take(struct session_lock *l, struct pop3_session *s)
{
        struct folder_place inbox;
        int r = folder_resolve(s->store, s->start->arena, "INBOX", &inbox);
        if (r == 0)
                r = inbox.file ? folder_open_control(s->store, &inbox, &l->dir)
                               : folder_open(s->store, &inbox, &l->dir);
        if (r == 0)
                r = dotlock_acquire(l->dir, "dovecot-pop3-session", 0600, deadline_in_ms(LOCK_WAIT_MS),
                                    LOCK_STALE_MS, NULL, &l->lock);
        l->touched_ms = clock_ms();
        return r;
}

/* Shows other hosts that this session lives. */
static void lock_touch(struct session_lock *l)
{
        if (l->lock.fd < 0 || clock_ms() - l->touched_ms < LOCK_TOUCH_MS)
                return;
        futimens(l->lock.fd, NULL);
        l->touched_ms = clock_ms();
}

/* The next point in time when something has to be done without the client. */
static deadline_t next_deadline(const struct session_lock *l, deadline_t logout)
{
        return l->lock.fd < 0 ? logout : MIN(logout, deadline_in_ms(LOCK_TOUCH_MS));
}

static void end(struct pop3_session *s, const char *reason, const char *last_words)
{
        if (last_words)
                conn_printf(&s->conn, "-ERR %s\r\n", last_words);
        s->over = true;
        s->end_reason = reason;
}

static void end_on_error(struct pop3_session *s, int error)
{
        if (error == -EFAULT)
                s->start->message_cut();
        if (error == -ETIMEDOUT)
                end(s, "Disconnected: Inactivity", "Disconnected for inactivity.");
        else if (error == -EPIPE || error == -ECONNRESET)
                end(s, "Disconnected: Connection closed", NULL);
        else
                end(s, arena_printf(s->start->arena, "Disconnected: Connection closed: %s", strerror(-error)),
                    NULL);
}

/* The next line, before the autologout of RFC 1939 section 3. As conn_line(). */
static int next_line(struct pop3_session *s, struct session_lock *l, deadline_t logout, struct slice *ret)
{
        for (;;) {
                int r = conn_line(&s->conn, POP3_LINE_MAX, next_deadline(l, logout), ret);
                if (r != -ETIMEDOUT || deadline_left(logout) == 0)
                        return r;
                lock_touch(l);
        }
}

/* Reads and answers one command. False when it was bad. */
static bool serve_one(struct pop3_session *s, struct session_lock *l)
{
        deadline_t logout = deadline_in_ms(s->settings->session_timeout);
        struct slice line;
        int r = next_line(s, l, logout, &line);
        if (r == -EMSGSIZE) {
                conn_puts(&s->conn, "-ERR Input line too long.\r\n");
                r = conn_skip_line(&s->conn, logout);
                if (r == 0)
                        return false;
        }
        if (r < 0) {
                end_on_error(s, r);
                return true;
        }
        struct pop3_command command;
        struct pop3_error error;
        if (pop3_command_parse(line, POP3_TRANSACTION, &command, &error) < 0) {
                conn_printf(&s->conn, "-ERR %s%.*s\r\n", error.text, SLICE_ARG(error.detail));
                return false;
        }
        transaction_run(s, &command);
        return true;
}

static void serve(struct pop3_session *s, struct session_lock *l)
{
        unsigned bad = 0;
        while (!s->over) {
                bad = serve_one(s, l) ? 0 : bad + 1;
                if (bad == BAD_COMMANDS_MAX)
                        end(s, "Disconnected: Too many bad commands", "Too many bad commands.");
                if (conn_error(&s->conn) && !s->over)
                        end_on_error(s, conn_error(&s->conn));
                lock_touch(l);
        }
}

/* The line at the end, by pop3_logout_format. */
static void log_end(struct pop3_session *s)
{
        const struct maildrop *d = &s->maildrop;
        const struct {
                char key;
                const char *name;
                uint64_t value;
        } numbers[] = {
                {'t', "top_count", s->counts.top},
                {'p', "top_bytes", s->counts.top_bytes},
                {'r', "retr_count", s->counts.retr},
                {'b', "retr_bytes", s->counts.retr_bytes},
                {'d', "deleted_count", s->counts.deleted},
                {0, "deleted_bytes", s->counts.deleted ? d->deleted_bytes : 0},
                {'m', "message_count", d->n},
                {'s', "message_bytes", d->bytes},
                {'i', "input", s->conn.bytes_in},
                {'o', "output", s->conn.bytes_out},
        };
        char text[ARRAY_LEN(numbers)][24];
        struct conf_variable vars[ARRAY_LEN(numbers) + 1];
        for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
                snprintf(text[i], sizeof(text[i]), "%llu", (unsigned long long)numbers[i].value);
                vars[i] = (struct conf_variable){numbers[i].key, numbers[i].name, text[i], false};
        }
        vars[ARRAY_LEN(numbers)] = (struct conf_variable){0, "session", s->start->peer->session_id, false};
        char *line = NULL;
        const char *why = NULL;
        if (conf_expand(s->start->arena, s->settings->pop3_logout_format, vars, ARRAY_LEN(vars), &line,
                        &why) < 0)
                line = arena_printf(s->start->arena, "(pop3_logout_format: %s)", why);
        log_info("%s %s", s->end_reason ? s->end_reason : "Disconnected: Connection closed", line);
}

/* The store, then the sandbox: nothing outside the mail's directories can be opened afterwards. False: the
 * client has been told. */
static bool open_store(struct pop3_session *s)
{
        const struct session_start *start = s->start;
        const char *why = NULL;
        int r = store_open(s->settings, &start->user, start->arena, &s->store, &why);
        if (r < 0) {
                log_error("%s", why);
                conn_printf(&s->conn, "-ERR [%s] The mailbox cannot be opened: %s. [%s]\r\n",
                            r == -ENOTSUP || r == -EACCES || r == -EINVAL ? "SYS/PERM" : "SYS/TEMP",
                            r == -ENOTSUP  ? "its format is not served"
                            : r == -EACCES ? "permission denied"
                                           : "internal error",
                            start->peer->session_id);
                return false;
        }
        const char *line;
        for (size_t i = 0; (line = store_log_line(s->store, i, start->arena)); i++)
                log_info("%s", line);
        r = start->sandbox(start, store_paths(s->store));
        if (r < 0) {
                log_error("cannot enter the sandbox: %s", strerror(-r));
                conn_printf(&s->conn,
                            "-ERR [SYS/TEMP] The session cannot be started: internal error. [%s]\r\n",
                            start->peer->session_id);
                return false;
        }
        return true;
}

/* The INBOX, locked if that is wanted. False: the client has been told. */
static bool open_maildrop(struct pop3_session *s, struct session_lock *l)
{
        int r = s->settings->pop3_lock_session ? lock_take(l, s) : 0;
        if (r < 0) {
                if (r == -ETIMEDOUT)
                        conn_puts(&s->conn, "-ERR [IN-USE] Mailbox is locked by another POP3 session.\r\n");
                else
                        transaction_error(s, r, "The lock of the session cannot be made");
                return false;
        }
        const char *why = NULL;
        r = maildrop_open(s->store, s->settings, &s->maildrop, &why);
        if (r < 0 && why) {
                log_error("%s", why);
                conn_printf(&s->conn, "-ERR [SYS/PERM] The mailbox cannot be opened: wrong setting. [%s]\r\n",
                            s->start->peer->session_id);
        } else if (r < 0) {
                transaction_error(s, r, "The mailbox cannot be opened");
        } else if (mailbox_waiting(s->maildrop.mailbox) < 0) {
                log_error("New mail is not shown until there is room: %s", store_error(s->store));
        }
        return r == 0;
}

void pop3_session(const struct session_start *start)
{
        struct pop3_session s = {.start = start, .settings = start->settings};
        _cleanup_(lock_release) struct session_lock lock = {.dir = -1, .lock = DOTLOCK_NONE};
        conn_init(&s.conn, start->in_fd, start->out_fd);
        conn_unshift(&s.conn, start->unread);
        if (start->broken) {
                conn_printf(&s.conn, "-ERR [SYS/PERM] %s. [%s]\r\n", start->broken, start->peer->session_id);
                conn_flush(&s.conn);
        } else if (!open_store(&s) || !open_maildrop(&s, &lock)) {
                conn_flush(&s.conn);
        } else {
                if (start->preauth)
                        conn_printf(&s.conn, "+OK Logged in as %s.\r\n", start->user.name);
                else
                        conn_puts(&s.conn, "+OK Logged in.\r\n");
                serve(&s, &lock);
                conn_flush(&s.conn);
                log_end(&s);
        }
        maildrop_free(&s.maildrop);
        store_close(&s.store);
        conn_linger(&s.conn);
        conn_free(&s.conn);
}

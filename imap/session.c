#include "imap/session.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "conf/expand.h"
#include "imap/imap.h"
#include "imap/notify.h"
#include "imap/reader.h"
#include "imap/reply.h"

enum { BAD_COMMANDS_MAX = 20 /* in a row: whoever talks here does not speak IMAP */ };

static const imap_executor executors[IMAP_COMMAND_COUNT] = {
        [IMAP_CAPABILITY] = imap_exec_capability,
        [IMAP_NOOP] = imap_exec_noop,
        [IMAP_LOGOUT] = imap_exec_logout,
        [IMAP_ID] = imap_exec_id,
        [IMAP_ENABLE] = imap_exec_enable,
        [IMAP_COMPRESS] = imap_exec_compress,
        [IMAP_SELECT] = imap_exec_select,
        [IMAP_EXAMINE] = imap_exec_select,
        [IMAP_NOTIFY] = imap_exec_notify,
        [IMAP_CREATE] = imap_exec_folder,
        [IMAP_DELETE] = imap_exec_folder,
        [IMAP_RENAME] = imap_exec_folder,
        [IMAP_SUBSCRIBE] = imap_exec_folder,
        [IMAP_UNSUBSCRIBE] = imap_exec_folder,
        [IMAP_LIST] = imap_exec_list,
        [IMAP_LSUB] = imap_exec_list,
        [IMAP_XLIST] = imap_exec_list,
        [IMAP_NAMESPACE] = imap_exec_namespace,
        [IMAP_STATUS] = imap_exec_status,
        [IMAP_APPEND] = imap_exec_append,
        [IMAP_REPLACE] = imap_exec_append,
        [IMAP_IDLE] = imap_exec_idle,
        [IMAP_CHECK] = imap_exec_noop,
        [IMAP_CLOSE] = imap_exec_close,
        [IMAP_UNSELECT] = imap_exec_close,
        [IMAP_EXPUNGE] = imap_exec_expunge,
        [IMAP_SEARCH] = imap_exec_search,
        [IMAP_ESEARCH] = imap_exec_esearch,
        [IMAP_SORT] = imap_exec_sort,
        [IMAP_THREAD] = imap_exec_thread,
        [IMAP_CANCELUPDATE] = imap_exec_cancelupdate,
        [IMAP_FETCH] = imap_exec_fetch,
        [IMAP_STORE] = imap_exec_store,
        [IMAP_COPY] = imap_exec_copy,
        [IMAP_MOVE] = imap_exec_copy,
        [IMAP_GETQUOTA] = imap_exec_quota,
        [IMAP_GETQUOTAROOT] = imap_exec_quota,
        [IMAP_SETQUOTA] = imap_exec_quota,
        [IMAP_GETMETADATA] = imap_exec_getmetadata,
        [IMAP_SETMETADATA] = imap_exec_setmetadata,
};

void imap_exec_noop(struct imap_session *s, const struct imap_command *c)
{
        imap_done(s, c, c->id == IMAP_CHECK ? "Check completed." : "NOOP completed.");
}

void imap_exec_logout(struct imap_session *s, const struct imap_command *c)
{
        imap_bye(s, "Disconnected: Logged out", "Logging out");
        imap_ok(s, c, "Logout completed.");
}

/* Why a command cannot run in this state, NULL when it can. */
static const char *state_problem(struct imap_session *s, const struct imap_command_type *type)
{
        unsigned state = s->mailbox ? STATE_SELECTED : STATE_AUTHENTICATED;
        if (type->states & state)
                return NULL;
        if (type->states & STATE_SELECTED)
                return "No mailbox selected.";
        return arena_printf(&s->arena, "Error in IMAP command %s: already logged in.", type->name);
}

static void end_on_error(struct imap_session *s, int error)
{
        if (error == -EFAULT)
                s->start->message_cut();
        s->over = true;
        if (error == -ETIMEDOUT)
                imap_bye(s, "Disconnected: Inactivity", "Disconnected for inactivity.");
        else if (error == -EPIPE || error == -ECONNRESET)
                s->end_reason = "Disconnected: Connection closed";
        else if (error == -EPROTO && s->conn.deflate)
                s->end_reason = "Disconnected: Broken deflate stream";
        else
                s->end_reason = arena_printf(s->start->arena, "Disconnected: Connection closed: %s",
                                             strerror(-error));
}

/* Skips what is left of a command that was answered before its end: a message's bytes are never commands. */
static void skip_command(struct imap_session *s, const struct imap_reader_limits *limits)
{
        int r = imap_skip_command(&s->conn, limits, deadline_in_ms(s->settings->session_timeout),
                                  &s->literal);
        if (r == -EOVERFLOW)
                imap_bye(s, "Disconnected: Message too large to skip",
                         "That message is too large to be skipped.");
        else if (r < 0)
                end_on_error(s, r);
}

/* BAD or NO for a command that does not run. */
static void reject(struct imap_session *s, struct slice tag, const char *word, const char *text)
{
        conn_write(&s->conn, tag.n ? tag : SLICE("*"));
        conn_printf(&s->conn, " %s %s\r\n", word, text);
}

static bool changes_folders(enum imap_command_id id)
{
        return id == IMAP_CREATE || id == IMAP_DELETE || id == IMAP_RENAME || id == IMAP_SUBSCRIBE ||
               id == IMAP_UNSUBSCRIBE || id == IMAP_SETMETADATA;
}

/* With NOTIFY the time between commands is not silent. 0, or why the session ends. */
static int await_command(struct imap_session *s)
{
        if (!s->notify)
                return 0;
        s->muted = true;
        return notify_wait(s, deadline_in_ms(s->settings->session_timeout), false);
}

/* Reads and answers one command. False when it was bad. */
static bool serve_one(struct imap_session *s, const struct imap_reader_limits *limits)
{
        struct slice tag = SLICE_NULL;
        const char *text = "Error in IMAP command.";
        int r = imap_read_command(&s->conn, limits, deadline_in_ms(s->settings->session_timeout), &s->command,
                                  &s->literal, &tag, &text);
        if (r == -EMSGSIZE || r == -EBADMSG) {
                reject(s, tag, "BAD", text);
                return false;
        }
        if (r == -EOVERFLOW) {
                imap_bye(s, "Disconnected: Command too long", text);
                return false;
        }
        if (r < 0) {
                end_on_error(s, r);
                return true;
        }
        struct imap_command c;
        struct imap_parse_error error = {.text = NULL};
        r = imap_command_parse(&s->arena, buf_slice(&s->command), s->enabled, &c, &error);
        const struct imap_command_type *type = r < 0 ? error.type : imap_command_type(c.id);
        const char *problem = type ? state_problem(s, type) : NULL;
        if (problem || r < 0) {
                reject(s, r < 0 ? error.tag : c.tag, !problem && error.no ? "NO" : "BAD",
                       problem ? problem : error.text);
                return !problem && error.no; /* a NO is an answer to IMAP */
        }
        /* who removes messages wants to hear of it, whatever NOTIFY said */
        s->muted = c.id != IMAP_EXPUNGE && c.id != IMAP_MOVE;
        imap_progress_start(s, c.tag);
        executors[c.id](s, &c);
        imap_progress_end(s);
        if (changes_folders(c.id))
                notify_tell(s, &c);
        return true;
}

static void serve(struct imap_session *s)
{
        struct imap_reader_limits limits = imap_reader_limits(s->settings->imap_max_line_length);
        unsigned bad = 0;
        while (!s->over) {
                int r = await_command(s);
                if (r < 0)
                        end_on_error(s, r);
                if (s->over)
                        break;
                bad = serve_one(s, &limits) ? 0 : bad + 1;
                if (!s->over)
                        skip_command(s, &limits);
                if (bad == BAD_COMMANDS_MAX && !s->over)
                        imap_bye(s, "Disconnected: Too many invalid commands",
                                 "Too many invalid IMAP commands.");
                arena_reset(&s->arena);
                if (conn_error(&s->conn) && !s->over)
                        end_on_error(s, conn_error(&s->conn));
        }
}

static void log_end(struct imap_session *s)
{
        char numbers[9][24];
        const uint64_t values[] = {
                s->conn.bytes_in,  s->conn.bytes_out,      s->counts.deleted, s->counts.expunged,  0,
                s->counts.headers, s->counts.header_bytes, s->counts.bodies,  s->counts.body_bytes};
        static const char *const names[] = {"input",           "output",           "deleted",
                                            "expunged",        "trashed",          "fetch_hdr_count",
                                            "fetch_hdr_bytes", "fetch_body_count", "fetch_body_bytes"};
        struct conf_variable vars[ARRAY_LEN(values)] = {{0}};
        for (size_t i = 0; i < ARRAY_LEN(values); i++) {
                snprintf(numbers[i], sizeof(numbers[i]), "%llu", (unsigned long long)values[i]);
                vars[i] = (struct conf_variable){.key = i == 0   ? 'i'
                                                        : i == 1 ? 'o'
                                                                 : '\0',
                                                 .name = names[i],
                                                 .value = numbers[i]};
        }
        char *text = NULL;
        const char *why = NULL;
        if (conf_expand(&s->arena, s->settings->imap_logout_format, vars, ARRAY_LEN(vars), &text, &why) < 0)
                text = arena_printf(&s->arena, "(imap_logout_format: %s)", why);
        log_info("%s %s", s->end_reason ? s->end_reason : "Disconnected: Connection closed", text);
}

/* "tag NO ..." and BYE for an account whose mail cannot be opened. */
static void refuse(struct imap_session *s, const char *words)
{
        const struct session_start *start = s->start;
        if (!start->preauth) {
                conn_write(&s->conn, start->tag);
                conn_printf(&s->conn, " NO [UNAVAILABLE] %s. Session %s in the server log has more.\r\n",
                            words, start->peer->session_id);
        }
        conn_printf(&s->conn, "* BYE %s.\r\n", words);
        conn_flush(&s->conn);
}

static const char *words_for(int error)
{
        switch (error) {
        case -EACCES:
        case -EPERM:
                return "The mailbox cannot be opened: permission denied";
        case -ENOTSUP:
                return "The mailbox cannot be opened: its format is not served";
        case -ENOSPC:
        case -EDQUOT:
                return "The mailbox cannot be opened: the disk is full";
        default:
                return "The mailbox cannot be opened: internal error";
        }
}

static bool open_store(struct imap_session *s)
{
        const struct session_start *start = s->start;
        const char *why = "";
        int r = store_open(s->settings, &start->user, start->arena, &s->store, &why);
        if (r < 0) {
                log_error("%s", why);
                refuse(s, words_for(r));
                return false;
        }
        store_on_step(s->store, imap_progress_step, s);
        const char *line;
        for (size_t i = 0; (line = store_log_line(s->store, i, start->arena)); i++)
                log_info("%s", line);
        r = start->sandbox(start, store_paths(s->store));
        if (r < 0) {
                log_error("cannot enter the sandbox: %s", strerror(-r));
                refuse(s, "The session cannot be started: internal error");
                return false;
        }
        if (store_auto_create(s->store) < 0)
                log_error("auto = create: %s", store_error(s->store));
        return true;
}

static void greet(struct imap_session *s)
{
        const struct session_start *start = s->start;
        conn_write(&s->conn, start->preauth ? SLICE("*") : start->tag);
        conn_printf(&s->conn, " %s [CAPABILITY ", start->preauth ? "PREAUTH" : "OK");
        imap_tell_capabilities(s);
        if (start->preauth)
                conn_printf(&s->conn, "] Logged in as %s\r\n", start->user.name);
        else
                conn_puts(&s->conn, "] Logged in\r\n");
}

void imap_session(const struct session_start *start)
{
        struct imap_session s = {.start = start, .settings = start->settings};
        conn_init(&s.conn, start->in_fd, start->out_fd);
        conn_unshift(&s.conn, start->unread);
        if (start->broken) {
                refuse(&s, start->broken);
        } else if (open_store(&s)) {
                greet(&s);
                serve(&s);
                conn_flush(&s.conn);
                log_end(&s);
        }
        notify_free(&s.notify);
        imap_unselect(&s);
        store_close(&s.store);
        buf_free(&s.command);
        imap_save_set(&s, NULL);
        arena_free(&s.arena);
        conn_linger(&s.conn);
        conn_free(&s.conn);
}

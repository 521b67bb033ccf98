/* IDLE (RFC 2177): the client waits, the mailbox is watched. The same waiting is done between commands once
 * NOTIFY was used. */

#include <errno.h>
#include <poll.h>

#include "base/log.h"
#include "imap/lexer.h"
#include "imap/notify_state.h"
#include "imap/reply.h"

enum {
        IDLE_LINE_MAX = 1000,
        IDLE_LOOK_MS = 30 * 1000, /* how often to look when the kernel cannot watch */
};

/* Until input, a change or the time. */
static void wait_for_news(struct imap_session *s, int watch, deadline_t until)
{
        struct pollfd p[2] = {{.fd = s->conn.in_fd, .events = POLLIN}, {.fd = watch, .events = POLLIN}};
        poll(p, watch >= 0 ? 2 : 1, deadline_left(until));
}

/* What says that there is something to look at; -1: the clock. */
static int watch_of(struct imap_session *s)
{
        int watch = -1;
        if (s->notify)
                watch = notify_watch(s, s->notify);
        else if (s->mailbox && mailbox_watch(s->mailbox, &watch) < 0)
                watch = -1;
        return watch;
}

int notify_wait(struct imap_session *s, deadline_t end, bool idle)
{
        imap_progress_end(s); /* what goes on now has no end that is waited for */
        int64_t notify_ms = idle ? s->settings->imap_idle_notify_interval : 0;
        deadline_t next_notice = notify_ms > 0 ? deadline_in_ms(notify_ms) : DEADLINE_NEVER;
        while (!conn_input_pending(&s->conn)) {
                if (deadline_left(end) == 0)
                        return -ETIMEDOUT;
                /* first what may change the watches; what is watched then is looked at before it is waited
                 * for */
                notify_tell(s, NULL);
                int watch = watch_of(s);
                if (!s->notify || notify_tells_selected(s))
                        imap_sync(s, idle || notify_tells_expunges_at_once(s), false);
                if (s->over)
                        return 0;
                if (deadline_left(next_notice) == 0) {
                        /* keeps the state of NAT gateways on the way alive */
                        conn_puts(&s->conn, "* OK Still here\r\n");
                        next_notice = deadline_in_ms(notify_ms);
                }
                int r = conn_flush(&s->conn);
                if (r < 0)
                        return r;
                store_rest(s->store);
                deadline_t until = MIN(end, next_notice);
                if ((s->mailbox || s->notify) && watch < 0)
                        until = MIN(until, deadline_in_ms(IDLE_LOOK_MS));
                wait_for_news(s, watch, until);
                arena_reset(&s->arena);
        }
        return 0;
}

/* A command where DONE belongs: what follows it is its literal and must not be read as commands. */
static bool announces_literal(struct slice line)
{
        uint64_t size;
        bool sync;
        return lexer_literal_mark(line, &size, &sync) && !sync;
}

void imap_exec_idle(struct imap_session *s, const struct imap_command *c)
{
        deadline_t end = deadline_in_ms(s->settings->session_timeout);
        int watch;
        /* the arena is emptied while idling: what is needed at the end is kept */
        _cleanup_(buf_free) struct buf tag = {0};
        buf_append(&tag, c->tag);
        struct imap_command done = {.tag = buf_slice(&tag), .id = IMAP_IDLE};
        if (s->mailbox && !s->notify && mailbox_watch(s->mailbox, &watch) < 0)
                log_warning("IDLE looks every %d seconds: %s", IDLE_LOOK_MS / 1000, store_error(s->store));
        conn_puts(&s->conn, "+ idling\r\n");
        struct slice line;
        int r = notify_wait(s, end, true);
        if (r == 0 && !s->over)
                r = conn_line(&s->conn, IDLE_LINE_MAX, end, &line);
        if (s->over)
                return;
        if (r == -EMSGSIZE || (r == 0 && announces_literal(line))) {
                imap_bad(s, &done, "Expected DONE.");
                imap_bye(s, "Disconnected: No DONE after IDLE", "Expected DONE.");
        } else if (r == -ETIMEDOUT) {
                imap_bye(s, "Disconnected: Inactivity", "Disconnected for inactivity.");
        } else if (r < 0) {
                s->over = true;
        } else if (slice_ieq(slice_trim(line), SLICE("DONE"))) {
                imap_done(s, &done, "Idle completed.");
        } else {
                imap_bad(s, &done, "Expected DONE.");
        }
}

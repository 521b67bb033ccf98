#include "priv/monitor.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/trace.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"
#include "priv/drop.h"
#include "priv/edge.h"
#include "priv/message.h"

enum {
        DELAY_MAX_S = 15, /* the growing delay of one connection's failures stops here */
        EXTRA_GROUPS_MAX = 16,
};

#define EDGE_WORDS_WITHOUT "<>="

/* What is known so far of the client, for the log. */
struct attempts {
        unsigned failed;
        bool logged_in;
        bool tls;
        struct auth_user user; /* of the login that succeeded */
        const char *last_user; /* as tried last; in the arena */
        const char *mechanism;
        int64_t started;
};

static const char *encryption(const struct monitor *m, bool tls)
{
        if (tls)
                return ", TLS";
        return !m->peer->is_socket || strcmp(m->peer->remote_ip, m->peer->local_ip) == 0 ? ", secured" : "";
}

static void log_end(const struct monitor *m, const struct attempts *a, const char *reason, const char *note,
                    const char *instead)
{
        long seconds = (long)((clock_ms() - a->started) / 1000);
        char attempts[80];
        if (instead[0])
                snprintf(attempts, sizeof(attempts), "%s", instead);
        else if (a->failed)
                snprintf(attempts, sizeof(attempts), "auth failed, %u attempts in %ld secs", a->failed,
                         seconds);
        else
                snprintf(attempts, sizeof(attempts), "no auth attempts in %ld secs", seconds);
        log_info("%s (%s): user=<%s>%s%s, rip=%s, lip=%s%s%s%s, session=<%s>", reason, attempts,
                 a->last_user ? a->last_user : "", a->mechanism ? ", method=" : "",
                 a->mechanism ? a->mechanism : "", m->peer->remote_ip, m->peer->local_ip,
                 encryption(m, a->tls), note[0] ? ", " : "", note, m->peer->session_id);
}

/* The edge must not end in a way nobody sees. */
static void reap_edge(const struct monitor *m)
{
        int status;
        while (waitpid(m->edge_pid, &status, 0) < 0)
                if (errno != EINTR)
                        return;
        if (WIFSIGNALED(status))
                log_error("the edge process %ld was ended by signal %d (rip=%s, session=<%s>)",
                          (long)m->edge_pid, WTERMSIG(status), m->peer->remote_ip, m->peer->session_id);
}

static int send_result(const struct monitor *m, enum auth_result result, const char *text)
{
        char digit = (char)('0' + (int)result);
        struct role_message reply = {.type = ROLE_LOGIN_RESULT, .field = {{&digit, 1}, slice_of(text)}};
        reply.field[1] = slice_head(reply.field[1], 500);
        return role_send(m->edge_fd, &reply);
}

/* Late, so that guessing is slow: auth_failure_delay times the number of failures; cut short when the client
 * goes away. */
static void wait_after_failure(const struct monitor *m, unsigned failed)
{
        int64_t ms = MIN(m->settings->auth_failure_delay * (int64_t)failed, (int64_t)DELAY_MAX_S * 1000);
        deadline_t until = deadline_in_ms(ms);
        struct pollfd p = {.fd = m->edge_fd, .events = 0};
        while (ms > 0 && deadline_left(until) > 0)
                if (poll(&p, 1, deadline_left(until)) > 0)
                        return;
}

/* A name cannot end its brackets early and forge the fields that log watchers read behind them; in what the
 * edge says there are no fields at all: it is trusted with no address to ban. */
static const char *for_log(struct arena *arena, struct slice text, const char *without)
{
        char *s = arena_str(arena, text);
        for (char *c = s; *c; c++)
                if (strchr(without, *c))
                        *c = '?';
        return s;
}

static int on_login(const struct monitor *m, struct attempts *a, const struct role_message *in)
{
        struct auth_request request = {
                .user = in->field[2],
                .authzid = in->field[1],
                .password = in->field[3],
                .service = m->protocol,
                .remote_ip = m->peer->remote_ip,
                .local_ip = m->peer->local_ip,
                .session_id = m->peer->session_id,
                .mechanism = for_log(m->arena, in->field[0], EDGE_WORDS_WITHOUT),
                .secured = in->field[4].n > 0,
        };
        a->mechanism = request.mechanism;
        a->tls = request.secured;
        a->last_user = for_log(m->arena, in->field[2], "<>");
        const char *why = NULL, *client = "";
        struct auth_user user = {0};
        struct auth_trace trace = {0};
        if (m->settings->auth_debug)
                request.trace = &trace;
        enum auth_result r = auth_verify(m->settings, &request, m->arena, &user, &why, &client);
        for (const struct auth_step *step = trace.first; step; step = step->next)
                log_msg(LOG_DEBUG, "auth(%s,%s,<%s>): %s", for_log(m->arena, in->field[2], "(),<>"),
                        request.remote_ip, request.session_id, trace_text(m->arena, step));
        if (r == AUTH_OK) {
                if (why)
                        log_error("%s", why); /* another database could not be asked */
                a->logged_in = true;
                a->user = user;
                return send_result(m, r, "");
        }
        a->failed++;
        if (r != AUTH_FAILED || m->settings->auth_verbose)
                log_msg(r == AUTH_FAILED ? LOG_INFO : LOG_ERR, "%s", why ? why : "authentication failed");
        wait_after_failure(m, a->failed);
        return send_result(m, r, client);
}

static void on_hand_over(const struct monitor *m, struct attempts *a, const struct role_message *in,
                         struct monitor_login *ret)
{
        a->tls = in->field[2].n > 0;
        *ret = (struct monitor_login){
                .user = a->user,
                .tag = arena_slice(m->arena, in->field[0]),
                .unread = arena_slice(m->arena, in->field[1]),
                .tls = a->tls,
        };
        const struct log_fields fields = {m->protocol, a->user.name, m->peer->remote_ip, m->peer->session_id};
        log_set_fields(&fields);
        log_info("Login: user=<%s>, method=%s, rip=%s, lip=%s, mpid=%ld%s, session=<%s>", a->user.name,
                 a->mechanism, m->peer->remote_ip, m->peer->local_ip, (long)getpid(), encryption(m, a->tls),
                 m->peer->session_id);
}

/* Whether the edge may send this now: log in until it worked, then hand over, and give up at any time. */
static bool is_permitted(const struct attempts *a, enum role_message_type type)
{
        switch (type) {
        case ROLE_LOGIN:
                return !a->logged_in && a->failed < EDGE_LOGINS_MAX;
        case ROLE_HAND_OVER:
                return a->logged_in;
        case ROLE_QUIT:
                return true;
        default:
                return false;
        }
}

bool monitor_run(const struct monitor *m, struct monitor_login *ret)
{
        struct attempts a = {.started = clock_ms()};
        _cleanup_(buf_wipe) struct buf in = {0};
        for (;;) {
                struct role_message message;
                int r = role_receive(m->edge_fd, SENT_BY_EDGE, &in, &message);
                if (r == 0 && !is_permitted(&a, message.type))
                        r = -EPROTO;
                if (r < 0) {
                        if (r != -EPIPE)
                                log_error("the edge process sent what it may not: %s", strerror(-r));
                        log_end(m, &a, "Disconnected: Connection closed", "", "");
                        close(m->edge_fd); /* it ends at its next message */
                        reap_edge(m);
                        return false;
                }
                if (message.type == ROLE_QUIT) {
                        a.tls = message.field[1].n > 0;
                        log_end(m, &a, for_log(m->arena, message.field[0], EDGE_WORDS_WITHOUT),
                                for_log(m->arena, message.field[2], EDGE_WORDS_WITHOUT),
                                for_log(m->arena, message.field[3], EDGE_WORDS_WITHOUT));
                        reap_edge(m);
                        return false;
                }
                if (message.type == ROLE_HAND_OVER) {
                        on_hand_over(m, &a, &message, ret);
                        if (!ret->tls)
                                reap_edge(m);
                        return true;
                }
                if (on_login(m, &a, &message) < 0)
                        a.logged_in = false; /* the edge is gone: the next receive says so */
        }
}

/* A group by name or number. */
static int group_id(const char *text, gid_t *ret)
{
        uint32_t id;
        if (slice_to_u32(slice_of(text), &id) == 0) {
                *ret = id;
                return 0;
        }
        struct group g, *found;
        char text_buffer[16384];
        int r = getgrnam_r(text, &g, text_buffer, sizeof(text_buffer), &found);
        if (r != 0 || !found)
                return r ? -r : -ENOENT;
        *ret = g.gr_gid;
        return 0;
}

static int setting_group(const struct monitor *m, const char *setting, const char *name, gid_t *ret,
                         const char **ret_log)
{
        int r = group_id(name, ret);
        if (r < 0)
                *ret_log = arena_printf(m->arena, "%s: no group '%s'", setting, name);
        return r;
}

int monitor_drop(const struct monitor *m, const struct auth_user *user, const char **ret_log)
{
        gid_t extra[EXTRA_GROUPS_MAX], privileged = (gid_t)-1;
        size_t n = 0;
        int r = 0;
        const struct settings_list *groups = &m->settings->mail_access_groups;
        for (size_t i = 0; r == 0 && i < groups->count && n < EXTRA_GROUPS_MAX; i++)
                r = setting_group(m, "mail_access_groups", groups->items[i], &extra[n++], ret_log);
        if (r == 0 && *m->settings->mail_privileged_group)
                r = setting_group(m, "mail_privileged_group", m->settings->mail_privileged_group, &privileged,
                                  ret_log);
        if (r < 0)
                return r;
        r = drop_to_user(user->account, user->uid, user->gid, privileged, extra, n);
        if (r < 0)
                *ret_log = arena_printf(
                        m->arena,
                        "cannot become uid %ld gid %ld of user %s: %s (this process has uid %ld; "
                        "only root can serve several system users)",
                        (long)user->uid, (long)user->gid, user->name, strerror(-r), (long)geteuid());
        return r;
}

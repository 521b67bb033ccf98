#include "priv/listen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

enum {
        LISTENERS_MAX = 32,
        REFRESH_MS = 1000,
        CRASHES_MAX = 5,            /* so many crashes of one source's sessions ... */
        CRASH_PAUSE_MS = 60 * 1000, /* ... and it is refused for so long */
        CRASH_SOURCES = 64,
        ACCEPT_PAUSE_MS =
                100, /* when the system has no room for a connection: it is still there afterwards */
};

struct child {
        pid_t pid;
        pid_t other; /* a session's edge, which counts on when it stays longer */
        bool counts;
        char source[64];
};

struct crash {
        char source[64];
        unsigned count;
        int64_t last_ms;
};

struct listen_loop {
        const struct listen_owner *owner;
        const struct listener *listeners;
        size_t n;
        struct listen_limits limits;
        struct child *children;
        size_t children_n, children_cap;
        size_t sessions; /* children that count: one a connection */
        pid_t last_edge;
        struct crash crashes[CRASH_SOURCES];
        int64_t next_refresh;
        int64_t quiet_since;
        sigset_t wait_mask;
};

static volatile sig_atomic_t child_ended, told_to_stop;

static void on_child(int sig _unused_)
{
        child_ended = 1;
}

static void on_stop(int sig _unused_)
{
        told_to_stop = 1;
}

/* Signals are let in only while the loop waits, so none is missed between a look and the wait. */
static void take_signals(sigset_t *ret_wait_mask)
{
        sigset_t block;
        sigemptyset(&block);
        sigaddset(&block, SIGCHLD);
        sigaddset(&block, SIGTERM);
        sigaddset(&block, SIGINT);
        sigprocmask(SIG_BLOCK, &block, ret_wait_mask);
        sigdelset(ret_wait_mask, SIGCHLD);
        sigdelset(ret_wait_mask, SIGTERM);
        sigdelset(ret_wait_mask, SIGINT);
        sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_child}, NULL);
        sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_stop}, NULL);
        sigaction(SIGINT, &(struct sigaction){.sa_handler = on_stop}, NULL);
}

static void give_back_signals(const sigset_t *wait_mask)
{
        signal(SIGCHLD, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        signal(SIGINT, SIG_DFL);
        sigprocmask(SIG_SETMASK, wait_mask, NULL);
}

/* The entry of a source, or the one that has been quiet longest, made its own. */
static struct crash *crash_of(struct listen_loop *l, const char *source)
{
        struct crash *oldest = &l->crashes[0];
        for (size_t i = 0; i < CRASH_SOURCES; i++) {
                if (strcmp(l->crashes[i].source, source) == 0)
                        return &l->crashes[i];
                if (l->crashes[i].last_ms < oldest->last_ms)
                        oldest = &l->crashes[i];
        }
        *oldest = (struct crash){.count = 0};
        memcpy(oldest->source, source, sizeof(oldest->source));
        return oldest;
}

static void note_crash(struct listen_loop *l, const struct child *c, int status)
{
        struct crash *crash = crash_of(l, c->source);
        int64_t now = clock_ms();
        if (now - crash->last_ms > CRASH_PAUSE_MS)
                crash->count = 0;
        crash->count++;
        crash->last_ms = now;
        log_error("session process %ld was ended by signal %d (rip=%s, %u in a row)", (long)c->pid,
                  WTERMSIG(status), c->source, crash->count);
}

static bool is_paused(struct listen_loop *l, const char *source)
{
        for (size_t i = 0; i < CRASH_SOURCES; i++)
                if (l->crashes[i].count >= CRASHES_MAX && strcmp(l->crashes[i].source, source) == 0)
                        return clock_ms() - l->crashes[i].last_ms < CRASH_PAUSE_MS;
        return false;
}

/* The connection is over when the last of its two processes is: else relays that cannot get rid of their last
 * bytes could gather without a limit. */
static void uncount(struct listen_loop *l, const struct child *ended)
{
        for (size_t i = 0; ended->other && i < l->children_n; i++) {
                if (l->children[i].pid != ended->other)
                        continue;
                l->children[i].counts = true;
                return;
        }
        l->sessions--;
}

static void reap(struct listen_loop *l)
{
        int status;
        pid_t pid;
        child_ended = 0;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
                for (size_t i = 0; i < l->children_n; i++) {
                        if (l->children[i].pid != pid)
                                continue;
                        if (WIFSIGNALED(status) && WTERMSIG(status) != SIGTERM)
                                note_crash(l, &l->children[i], status);
                        struct child ended = l->children[i];
                        l->children[i] = l->children[--l->children_n];
                        if (ended.counts)
                                uncount(l, &ended);
                        break;
                }
        }
        if (l->children_n == 0)
                l->quiet_since = clock_ms();
}

static unsigned count_from(const struct listen_loop *l, const char *source)
{
        unsigned n = 0;
        for (size_t i = 0; i < l->children_n; i++)
                n += l->children[i].counts && strcmp(l->children[i].source, source) == 0;
        return n;
}

static const char *reason_to_refuse(struct listen_loop *l, const struct peer *peer)
{
        if (l->sessions >= l->limits.total)
                return "Too many connections, try again later";
        if (!peer->is_socket)
                return NULL;
        if (l->limits.per_source && count_from(l, peer->source) >= l->limits.per_source)
                return "Too many connections from your address, try again later";
        if (is_paused(l, peer->source))
                return "Connections from your address are paused after errors, try again later";
        return NULL;
}

static void refresh(struct listen_loop *l)
{
        if (clock_ms() < l->next_refresh)
                return;
        l->owner->refresh(l->owner->context, &l->limits);
        l->next_refresh = clock_ms() + REFRESH_MS;
}

pid_t listen_fork(struct listen_loop *l, const struct peer *peer, bool counts)
{
        if (l->children_n == l->children_cap) {
                l->children_cap = l->children_cap * 2 + 16;
                l->children = xrealloc(l->children, l->children_cap * sizeof(*l->children));
        }
        pid_t pid = fork();
        if (pid > 0) {
                struct child *c = &l->children[l->children_n++];
                *c = (struct child){.pid = pid, .other = counts ? l->last_edge : 0, .counts = counts};
                l->last_edge = counts ? 0 : pid;
                memcpy(c->source, peer->source, sizeof(c->source));
                l->sessions += counts;
        } else if (pid == 0) {
                for (size_t i = 0; i < l->n; i++)
                        close(l->listeners[i].fd);
                free(l->children);
                give_back_signals(&l->wait_mask);
        }
        return pid;
}

static void accept_one(struct listen_loop *l, const struct listener *from)
{
        _cleanup_(fd_close_p) int fd = accept4(from->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
                if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
                        return;
                log_error("accept() failed: %s", strerror(errno));
                poll(NULL, 0, ACCEPT_PAUSE_MS);
                return;
        }
        struct peer peer;
        if (peer_of(fd, &peer) < 0)
                return; /* gone already */
        peer.implicit_tls = from->implicit_tls;
        const char *why = reason_to_refuse(l, &peer);
        if (why) {
                log_warning("Connection refused: %s: rip=%s, lip=%s", why, peer.remote_ip, peer.local_ip);
                l->owner->refuse(l->owner->context, fd, &peer, why);
                return;
        }
        l->owner->serve(l->owner->context, l, fd, &peer);
}

/* How long to wait: to the end of the quiet spell when nothing runs. */
static int64_t wait_ms(const struct listen_loop *l)
{
        if (l->children_n > 0 || l->limits.idle_exit_ms == 0)
                return -1;
        return MAX(l->quiet_since + l->limits.idle_exit_ms - clock_ms(), (int64_t)0);
}

int listen_run(const struct listener *listeners, size_t n, const struct listen_owner *owner)
{
        if (n > LISTENERS_MAX)
                return -E2BIG;
        struct listen_loop l = {.owner = owner, .listeners = listeners, .n = n, .quiet_since = clock_ms()};
        struct pollfd p[LISTENERS_MAX];
        for (size_t i = 0; i < n; i++) {
                p[i] = (struct pollfd){.fd = listeners[i].fd, .events = POLLIN};
                /* another process may accept what poll() showed us */
                int r = fd_set_nonblocking(listeners[i].fd);
                if (r < 0)
                        return r;
        }
        take_signals(&l.wait_mask);
        refresh(&l);
        while (!told_to_stop) {
                int64_t ms = wait_ms(&l);
                struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
                int r = ppoll(p, n, ms < 0 ? NULL : &t, &l.wait_mask);
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (child_ended)
                        reap(&l);
                if (r == 0 && wait_ms(&l) == 0)
                        break;
                if (r <= 0)
                        continue;
                refresh(&l);
                for (size_t i = 0; i < n; i++)
                        if (p[i].revents)
                                accept_one(&l, &listeners[i]);
        }
        free(l.children);
        return 0;
}

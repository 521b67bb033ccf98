/* mailsession auth: a login without a connection. The monitor's own code decides; failures are not counted
 * and nothing waits. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "admin/admin.h"
#include "auth/sasl.h"
#include "auth/trace.h"
#include "store/folder.h"

static void on_signal(int number _unused_)
{
}

/* One line without its end. Signals of `mask` end it, at any time. 0; -EINTR; -ENODATA at the end of the
 * input; -E2BIG. */
static int read_line(struct buf *to, const sigset_t *mask)
{
        for (;;) {
                char c;
                struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
                if (mask && ppoll(&p, 1, NULL, mask) < 0)
                        return -errno;
                ssize_t n = read(STDIN_FILENO, &c, 1);
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return to->n ? 0 : -ENODATA;
                if (c == '\n')
                        return 0;
                if (buf_char(to, c) < 0)
                        return -E2BIG;
        }
}

/* The signals that would leave the terminal without echo end the question instead; between two reads they
 * wait. */
static int read_hidden(struct buf *to)
{
        static const int interrupting[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
        struct termios before, hidden;
        struct sigaction old[ARRAY_LEN(interrupting)], stop;
        sigset_t blocked, open;
        if (tcgetattr(STDIN_FILENO, &before) < 0)
                return -errno;
        sigemptyset(&blocked);
        for (size_t i = 0; i < ARRAY_LEN(interrupting); i++) {
                sigaction(interrupting[i], &(struct sigaction){.sa_handler = on_signal}, &old[i]);
                sigaddset(&blocked, interrupting[i]);
        }
        sigaction(SIGTSTP, &(struct sigaction){.sa_handler = SIG_IGN}, &stop);
        sigprocmask(SIG_BLOCK, &blocked, &open);
        hidden = before;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        int r = tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) < 0 ? -errno : 0;
        if (r == 0) {
                fputs("Password: ", stderr);
                r = read_line(to, &open);
                fputc('\n', stderr);
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        }
        sigprocmask(SIG_SETMASK, &open, NULL);
        sigaction(SIGTSTP, &stop, NULL);
        for (size_t i = 0; i < ARRAY_LEN(interrupting); i++)
                sigaction(interrupting[i], &old[i], NULL);
        return r;
}

static void say_limits(const struct admin *a, const struct store *s)
{
        const struct quota_limits *l = &s->quota.limits;
        const char *bytes = l->bytes ? arena_printf(a->arena, "%" PRIu64 " bytes", l->bytes) : "";
        const char *messages = l->messages ? arena_printf(a->arena, "%" PRIu64 " messages", l->messages) : "";
        if (s->quota.backend == QUOTA_NONE)
                admin_say("quota", "none");
        else
                admin_say("quota", "%s: %s%s%s", s->quota.name, bytes, *bytes && *messages ? ", " : "",
                          *bytes || *messages ? messages : "no limit");
}

static void say_mail(struct admin *a, const struct auth_user *user)
{
        _cleanup_(store_close) struct store *s = NULL;
        struct folder_place inbox;
        if (admin_examine(a, user, &s, &inbox))
                say_limits(a, s);
}

static const char *words(const char *log)
{
        return log ? trace_words(log) : "it does not say why";
}

static int ask(struct admin *a, const struct slice *password)
{
        struct auth_user user;
        const char *log = NULL, *client = "", *what = password ? "Authentication" : "Lookup";
        switch (admin_ask(a, password, &user, &log, &client)) {
        case AUTH_OK:
                if (password)
                        admin_line("Authentication succeeded.");
                admin_say_user(a, &user);
                say_mail(a, &user);
                return a->problems ? ADMIN_PROBLEM : ADMIN_FINE;
        case AUTH_FAILED:
                admin_line("%s failed: %s", what, words(log));
                break;
        case AUTH_DENIED:
                admin_line("%s refused: %s; the client is told: %s", what, words(log), client);
                break;
        case AUTH_TEMPFAIL:
                admin_line("%s impossible: %s", what, words(log));
                break;
        }
        return ADMIN_PROBLEM;
}

int admin_auth(struct admin *a)
{
        _cleanup_(buf_wipe) struct buf password = BUF_BOUNDED(SASL_TEXT_MAX);
        if (a->no_password)
                return ask(a, NULL);
        /* no piece of it stays behind where the buffer grew */
        buf_reserve(&password, SASL_TEXT_MAX);
        int r = isatty(STDIN_FILENO) ? read_hidden(&password) : read_line(&password, NULL);
        if (r < 0) {
                fprintf(stderr, "mailsession: no password: %s\n",
                        r == -ENODATA ? "the input ended" : strerror(-r));
                return ADMIN_PROBLEM;
        }
        struct slice text = buf_slice(&password);
        return ask(a, &text);
}

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/systemd.h"

enum { LOG_LINE_MAX = 2048, LOG_PREFIX_MAX = 400, LOG_IDENT_MAX = 64 };

static struct {
        bool hushed;
        enum log_target target;
        char ident[LOG_IDENT_MAX]; /* a copy: settings are read again, syslog() keeps the pointer */
        struct log_fields fields;
        char prefix[LOG_PREFIX_MAX];
        int journal; /* -1: not open */
} state = {.target = LOG_TO_STDERR, .ident = "mailsession", .journal = -1};

/* $JOURNAL_STREAM is "device:inode" of the stream systemd connected to stderr (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        struct stat st;
        unsigned long long dev, ino;
        return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
               st.st_dev == dev && st.st_ino == ino;
}

static enum log_target choose_target(void)
{
        if (stderr_is_journal())
                return LOG_TO_JOURNAL;
        struct stat st, in;
        bool have = fstat(STDERR_FILENO, &st) == 0;
        bool is_client = have && fstat(STDIN_FILENO, &in) == 0 && S_ISSOCK(st.st_mode) &&
                         st.st_dev == in.st_dev && st.st_ino == in.st_ino;
        if (have && !is_client && (S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode) || isatty(STDERR_FILENO)))
                return LOG_TO_STDERR;
        if (access(SYSTEMD_JOURNAL_SOCKET, W_OK) == 0)
                return LOG_TO_JOURNAL;
        return LOG_TO_SYSLOG;
}

void log_open(const char *ident, enum log_target target)
{
        snprintf(state.ident, sizeof(state.ident), "%s", ident);
        state.target = target == LOG_TO_AUTO ? choose_target() : target;
        /* opened now, before a role gives up the right to open anything */
        if (state.target == LOG_TO_SYSLOG)
                openlog(state.ident, LOG_PID | LOG_NDELAY, LOG_MAIL);
        if (state.target == LOG_TO_JOURNAL && state.journal < 0)
                state.journal = systemd_journal_open();
}

bool log_is_on_stderr(void)
{
        return state.target == LOG_TO_STDERR;
}

void log_set_fields(const struct log_fields *fields)
{
        state.fields = *fields;
}

void log_set_prefix(const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(state.prefix, sizeof(state.prefix), fmt, ap);
        va_end(ap);
}

static void make_safe(char *s)
{
        for (; *s; s++)
                if ((unsigned char)*s < 0x20 || *s == 0x7f)
                        *s = '?';
}

enum { FIELD_MAX = 512 };

/* What snprintf() has put there, or as much as fits, with an LF. */
static struct iovec ended(char *store, size_t size, int len)
{
        size_t n = MIN((size_t)len, size - 2);
        store[n] = '\n';
        return (struct iovec){store, n + 1};
}

static void add_field(struct iovec *iov, size_t *n, char *store, const char *key, const char *value)
{
        if (!value || !*value)
                return;
        int len = snprintf(store, FIELD_MAX, "%s=%s", key, value);
        make_safe(store);
        iov[(*n)++] = ended(store, FIELD_MAX, len);
}

static void send_to_journal(int priority, const char *line)
{
        char store[7][FIELD_MAX], message[LOG_LINE_MAX + 16], level[2] = {(char)('0' + priority), '\0'};
        char facility[8];
        snprintf(facility, sizeof(facility), "%d", LOG_MAIL >> 3);
        struct iovec iov[8];
        size_t n = 0;
        int len = snprintf(message, sizeof(message), "MESSAGE=%s", line);
        iov[n++] = ended(message, sizeof(message), len);
        add_field(iov, &n, store[0], "PRIORITY", level);
        add_field(iov, &n, store[1], "SYSLOG_IDENTIFIER", state.ident);
        add_field(iov, &n, store[2], "SYSLOG_FACILITY", facility);
        add_field(iov, &n, store[3], "PROTOCOL", state.fields.protocol);
        add_field(iov, &n, store[4], "MAIL_USER", state.fields.user);
        add_field(iov, &n, store[5], "REMOTE_ADDRESS", state.fields.remote);
        add_field(iov, &n, store[6], "SESSION_ID", state.fields.session_id);
        systemd_journal_send(state.journal, iov, n);
}

void log_hush(bool on)
{
        state.hushed = on;
}

void log_msg(int priority, const char *fmt, ...)
{
        if (state.hushed)
                return;
        int saved = errno;
        char line[LOG_LINE_MAX];
        size_t at = (size_t)snprintf(line, sizeof(line), "%s", state.prefix);
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(line + at, sizeof(line) - at, fmt, ap);
        va_end(ap);
        make_safe(line);
        switch (state.target) {
        case LOG_TO_JOURNAL:
                send_to_journal(priority, line);
                break;
        case LOG_TO_SYSLOG:
                syslog(priority, "%s", line);
                break;
        default:
                dprintf(STDERR_FILENO, "%s[%ld]: %s\n", state.ident, (long)getpid(), line);
        }
        errno = saved;
}

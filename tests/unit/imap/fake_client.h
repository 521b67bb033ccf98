/* For the tests of the executors: a session over a socket and the store in memory, run command by command. */

#include <sys/socket.h>
#include <unistd.h>

#include "fake_store.h"
#include "imap/reader.h"
#include "imap/session.h"

/* One session; what the client sent is in the socket before the command runs. */
struct client {
        struct imap_session s;
        struct settings settings;
        struct session_start start;
        struct peer peer;
        int fds[2];
        struct buf answer;
};

static void client_open(struct client *c)
{
        fake_reset();
        *c = (struct client){.settings = {.session_timeout = 1000,
                                          .mail_max_keyword_length = 50,
                                          .imap_progress_interval = 10000},
                             .peer = {.session_id = "session"}};
        c->start = (struct session_start){.settings = &c->settings, .peer = &c->peer};
        c->s = (struct imap_session){.start = &c->start, .settings = &c->settings, .mailbox = &fake.boxes[0]};
        c->s.told_messages = fake.boxes[0].n;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, c->fds), 0);
        conn_init(&c->s.conn, c->fds[0], c->fds[0]);
}

static void client_close(struct client *c)
{
        for (int b = 0; b < 2; b++)
                for (unsigned i = 0; i < fake.boxes[b].keywords_n; i++)
                        free((void *)(uintptr_t)fake.boxes[b].keywords[i]);
        fake_drop_cache();
        conn_free(&c->s.conn);
        buf_free(&c->s.command);
        arena_free(&c->s.arena);
        buf_free(&c->answer);
        close(c->fds[0]);
        if (c->fds[1] >= 0)
                close(c->fds[1]);
}

static void client_send(struct client *c, struct slice bytes)
{
        assert_int_equal(write(c->fds[1], bytes.p, bytes.n), bytes.n);
}

/* Runs the next command of what was sent. */
static void client_run(struct client *c)
{
        struct imap_reader_limits limits = imap_reader_limits(65536);
        struct imap_command command;
        struct imap_parse_error error;
        struct slice tag;
        const char *text;

        arena_reset(&c->s.arena);
        assert_int_equal(imap_read_command(&c->s.conn, &limits, deadline_in_ms(1000), &c->s.command,
                                           &c->s.literal, &tag, &text),
                         0);
        if (imap_command_parse(&c->s.arena, buf_slice(&c->s.command), c->s.enabled, &command, &error) < 0)
                fail_msg("%s: %s", buf_cstr(&c->s.command), error.text);
        switch (command.id) {
        case IMAP_APPEND:
        case IMAP_REPLACE:
                imap_exec_append(&c->s, &command);
                break;
        case IMAP_COPY:
        case IMAP_MOVE:
                imap_exec_copy(&c->s, &command);
                break;
        case IMAP_FETCH:
                imap_exec_fetch(&c->s, &command);
                break;
        case IMAP_STORE:
                imap_exec_store(&c->s, &command);
                break;
        case IMAP_EXPUNGE:
                imap_exec_expunge(&c->s, &command);
                break;
        case IMAP_SEARCH:
                imap_exec_search(&c->s, &command);
                break;
        case IMAP_STATUS:
                imap_exec_status(&c->s, &command);
                break;
        case IMAP_LIST:
        case IMAP_LSUB:
                imap_exec_list(&c->s, &command);
                break;
        case IMAP_NAMESPACE:
                imap_exec_namespace(&c->s, &command);
                break;
        default:
                imap_exec_folder(&c->s, &command);
        }
        imap_skip_command(&c->s.conn, &limits, deadline_in_ms(1000), &c->s.literal);
        conn_flush(&c->s.conn);
}

static struct slice client_answer(struct client *c)
{
        char bytes[4096];
        ssize_t n;

        c->answer.n = 0;
        while ((n = recv(c->fds[1], bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
                buf_append(&c->answer, slice_make(bytes, (size_t)n));
        return buf_slice(&c->answer);
}

/* One command, its whole answer. */
static inline void says(struct client *c, const char *command, const char *answer)
{
        client_send(c, slice_of(command));
        client_send(c, SLICE("\r\n"));
        client_run(c);
        assert_slice_equal(client_answer(c), slice_of(answer));
}

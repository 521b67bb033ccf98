#include "../unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "priv/message.h"
#include "priv/monitor.h"

/* What a monitor logs when its edge says this and nothing else. */
static void log_of(const struct role_message *said, char *ret, size_t size)
{
        int fds[2], log[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
        assert_int_equal(pipe(log), 0);
        assert_int_equal(role_send(fds[0], said), 0);
        close(fds[0]);
        struct settings settings = {.auth_verbose = false};
        struct peer peer = {
                .session_id = "id", .remote_ip = "192.0.2.1", .local_ip = "192.0.2.2", .is_socket = true};
        struct arena arena = {0};
        struct monitor m = {.settings = &settings,
                            .peer = &peer,
                            .protocol = "imap",
                            .edge_fd = fds[1],
                            .edge_pid = -1, /* no child: nothing to wait for */
                            .arena = &arena};
        int saved = dup(STDERR_FILENO);
        dup2(log[1], STDERR_FILENO);
        log_open("test", LOG_TO_STDERR);
        struct monitor_login login;
        bool in = monitor_run(&m, &login);
        dup2(saved, STDERR_FILENO);
        close(saved);
        close(log[1]);
        ssize_t n = fd_read_all(log[0], ret, size - 1);
        assert_true(n > 0);
        ret[n] = '\0';
        close(log[0]);
        close(fds[1]);
        arena_free(&arena);
        assert_false(in);
}

static void an_edge_cannot_forge_an_address(void **state)
{
        char log[4096];
        const struct role_message quit = {
                .type = ROLE_QUIT,
                .field = {SLICE("Aborted login (auth failed, 9 attempts): user=<x>, rip=6.6.6.6"), SLICE(""),
                          SLICE("rip=6.6.6.6"), SLICE("rip=6.6.6.6\nrip=6.6.6.6")}};
        log_of(&quit, log, sizeof(log));
        assert_null(strstr(log, "rip=6.6.6.6"));
        assert_non_null(strstr(log, "rip=192.0.2.1"));
        assert_ptr_equal(strchr(log, '\n'), log + strlen(log) - 1);
}

static void a_hand_over_before_a_login_is_refused(void **state)
{
        char log[4096];
        const struct role_message early = {.type = ROLE_HAND_OVER,
                                           .field = {SLICE("a"), SLICE(""), SLICE("")}};
        log_of(&early, log, sizeof(log));
        assert_non_null(strstr(log, "sent what it may not"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_edge_cannot_forge_an_address),
                cmocka_unit_test(a_hand_over_before_a_login_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

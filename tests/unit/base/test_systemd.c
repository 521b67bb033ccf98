#include "../unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/systemd.h"

static void set_pid(long pid)
{
        char text[32];
        snprintf(text, sizeof(text), "%ld", pid);
        setenv("LISTEN_PID", text, 1);
}

static void descriptors_are_for_this_process(void **state)
{
        unsetenv("LISTEN_PID");
        setenv("LISTEN_FDS", "2", 1);
        assert_int_equal(systemd_listen_fds(), 0);
        set_pid(getpid() + 1);
        assert_int_equal(systemd_listen_fds(), 0);
        set_pid(getpid());
        static const char *const wrong[] = {"", "-1", "x", "2 ", "100000", "99999999999999999999"};
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                setenv("LISTEN_FDS", wrong[i], 1);
                assert_int_equal(systemd_listen_fds(), 0);
        }
        unsetenv("LISTEN_FDS");
        assert_int_equal(systemd_listen_fds(), 0);
}

static void descriptors_are_closed_on_exec(void **state)
{
        int fd = dup2(STDOUT_FILENO, SYSTEMD_LISTEN_START);
        assert_int_equal(fd, SYSTEMD_LISTEN_START);
        assert_int_equal(fcntl(fd, F_GETFD), 0);
        set_pid(getpid());
        setenv("LISTEN_FDS", "1", 1);
        assert_int_equal(systemd_listen_fds(), 1);
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        close(fd);
}

static void descriptors_have_names(void **state)
{
        unsetenv("LISTEN_FDNAMES");
        assert_int_equal(systemd_listen_name(0).n, 0);
        setenv("LISTEN_FDNAMES", "imap::imaps", 1);
        assert_slice_equal(systemd_listen_name(0), SLICE("imap"));
        assert_int_equal(systemd_listen_name(1).n, 0);
        assert_slice_equal(systemd_listen_name(2), SLICE("imaps"));
        assert_int_equal(systemd_listen_name(3).n, 0);
        assert_int_equal(systemd_listen_name(4).n, 0);
}

static void notify(const char *name)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
        char got[64];
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        memcpy(a.sun_path, name, strlen(name));
        if (a.sun_path[0] == '@')
                a.sun_path[0] = '\0';
        assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
        setenv("NOTIFY_SOCKET", name, 1);
        systemd_notify(SLICE("READY=1"));
        assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 7);
        assert_memory_equal(got, "READY=1", 7);
        close(fd);
}

static void the_manager_is_told(void **state)
{
        char name[108];
        snprintf(name, sizeof(name), "/tmp/test-systemd-%ld", (long)getpid());
        notify(name);
        unlink(name);
        snprintf(name, sizeof(name), "@test-systemd-%ld", (long)getpid());
        notify(name);
        /* nobody is there, or this is no address: nothing happens */
        systemd_notify(SLICE("READY=1"));
        char long_name[200];
        memset(long_name, '/', sizeof(long_name) - 1);
        long_name[sizeof(long_name) - 1] = '\0';
        static const char *const wrong[] = {"", "/", "@", "vsock:2:1", "relative"};
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                setenv("NOTIFY_SOCKET", wrong[i], 1);
                systemd_notify(SLICE("READY=1"));
        }
        setenv("NOTIFY_SOCKET", long_name, 1);
        systemd_notify(SLICE("READY=1"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(descriptors_are_for_this_process),
                cmocka_unit_test(descriptors_are_closed_on_exec),
                cmocka_unit_test(descriptors_have_names),
                cmocka_unit_test(the_manager_is_told),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

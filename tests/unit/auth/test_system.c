#include "../unit.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/system.h"

/* The real system: what every one has. */

static void test_users(void **state)
{
        _cleanup_(arena_free) struct arena arena = {0};
        _cleanup_(system_user_free) struct system_user user = {0};
        assert_int_equal(auth_system.user(NULL, "root", &arena, &user), 0);
        assert_int_equal(user.uid, 0);
        assert_string_equal(user.name, "root");
        assert_int_equal(user.home[0], '/');
        assert_int_equal(auth_system.user(NULL, "no-such-user-here", &arena, &user), -ENOENT);
        gid_t gid = 77;
        assert_int_equal(auth_system.group(NULL, "root", &gid), 0);
        assert_int_equal(gid, 0);
        assert_int_equal(auth_system.group(NULL, "no-such-group-here", &gid), -ENOENT);
        int64_t today = auth_system.today(NULL);
        assert_true(today > 20000 && today < 100000);
}

/* Without the right to read it, a shadow entry is an error and not a user who is unknown. */
static void test_unreadable(void **state)
{
        if (geteuid() == 0) {
                pid_t pid = fork();
                assert_true(pid >= 0);
                if (pid == 0) {
                        struct system_shadow shadow = {0};
                        if (setgid(65534) < 0 || setuid(65534) < 0)
                                _exit(2);
                        _exit(auth_system.shadow(NULL, "root", &shadow) == -EACCES ? 0 : 1);
                }
                int status;
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFEXITED(status));
                assert_int_equal(WEXITSTATUS(status), 0);

                _cleanup_(system_shadow_free) struct system_shadow shadow = {0};
                assert_int_equal(auth_system.shadow(NULL, "root", &shadow), 0);
                assert_true(shadow.password.n > 0);
                assert_int_equal(auth_system.shadow(NULL, "no-such-user-here", &shadow), -ENOENT);
                _cleanup_(buf_free) struct buf sample = {0};
                auth_system.sample(NULL, &sample);
                assert_true(sample.n == 0 || scheme_usable(buf_slice(&sample), "CRYPT"));
                return;
        }
        struct system_shadow shadow = {0};
        assert_int_equal(auth_system.shadow(NULL, "root", &shadow), -EACCES);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_users), cmocka_unit_test(test_unreadable)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}

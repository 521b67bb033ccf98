#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/call.h"
#include "auth/trace.h"
#include "base/alloc.h"
#include "base/fd.h"

/* The privileged half over a system of the test's own: its users, its shadow file, its calendar, and a count
 * of the passwords verified. */

enum { TODAY = 20000 };

struct world {
        char folder[64], users[128], more[128];
        struct arena arena;
        struct settings settings;
        struct settings_passdb passdbs[4];
        struct settings_userdb userdbs[3];
        struct auth_system system;
        struct auth_request request;
        int shadow_error;
        unsigned verified;
        char verified_scheme[32]; /* the stored passwords' beginnings, one after the other */
        struct auth_user user;
        const char *log, *client;
};

static int fake_user(void *context, const char *name, struct arena *arena, struct system_user *ret)
{
        static const struct {
                const char *name, *home;
                uid_t uid;
                gid_t gid;
                const char *password;
        } users[] = {
                {"root", "/root", 0, 0, "x"},
                {"kevin", "/home/kevin", 1000, 1000, "x"},
                {"vmail", "/var/mail", 5000, 5000, "x"},
                {"low", "/home/low", 99, 1000, "x"},
                {"rootgroup", "/home/r", 1001, 0, "x"},
                {"old", "/home/old", 1002, 1002, "$1$IN/XV3d9$hfoYI9Ij5qsfAcWtbis3x."},
        };
        for (size_t i = 0; i < ARRAY_LEN(users); i++)
                if (!strcmp(users[i].name, name)) {
                        *ret = (struct system_user){
                                users[i].name, users[i].home, users[i].uid, users[i].gid, {0}};
                        buf_str(&ret->password, users[i].password);
                        return 0;
                }
        return -ENOENT;
}

static int fake_group(void *context, const char *name, gid_t *ret)
{
        if (strcmp(name, "mail") != 0)
                return -ENOENT;
        *ret = 8;
        return 0;
}

static int fake_shadow(void *context, const char *name, struct system_shadow *ret)
{
        static const struct {
                const char *name, *password;
                int64_t changed, max_age, inactive, expires;
        } lines[] = {
                {"kevin", "$1$IN/XV3d9$hfoYI9Ij5qsfAcWtbis3x.", 19000, 99999, -1, -1},
                {"low", "$1$IN/XV3d9$hfoYI9Ij5qsfAcWtbis3x.", 19000, 99999, -1, -1},
                {"rootgroup", "$1$IN/XV3d9$hfoYI9Ij5qsfAcWtbis3x.", 19000, 99999, -1, -1},
                {"root", "$1$IN/XV3d9$hfoYI9Ij5qsfAcWtbis3x.", 19000, 99999, -1, -1},
                {"locked", "!$1$IN/XV3d9$hfoYI9Ij5qsfAcWtbis3x.", 19000, 99999, -1, -1},
                {"none", "", 19000, 99999, -1, -1},
                {"expired", "$1$IN/XV3d9$hfoYI9Ij5qsfAcWtbis3x.", 19000, 99999, -1, TODAY},
                {"stale", "$1$IN/XV3d9$hfoYI9Ij5qsfAcWtbis3x.", 19000, 900, 99, -1},
        };
        struct world *w = context;
        if (w->shadow_error)
                return w->shadow_error;
        for (size_t i = 0; i < ARRAY_LEN(lines); i++)
                if (!strcmp(lines[i].name, name)) {
                        *ret = (struct system_shadow){
                                {0}, lines[i].changed, lines[i].max_age, lines[i].inactive, lines[i].expires};
                        buf_str(&ret->password, lines[i].password);
                        return 0;
                }
        return -ENOENT;
}

static void fake_sample(void *context, struct buf *to)
{
        buf_str(to, "$1$IN/XV3d9$hfoYI9Ij5qsfAcWtbis3x.");
}

static enum scheme_result fake_verify(void *context, struct slice stored, const char *default_scheme,
                                      struct slice password)
{
        struct world *w = context;
        w->verified++;
        size_t n = strlen(w->verified_scheme);
        snprintf(w->verified_scheme + n, sizeof(w->verified_scheme) - n, "%.*s ",
                 (int)MIN(stored.n, (size_t)3), stored.p);
        return scheme_verify(stored, default_scheme, password);
}

static int64_t fake_today(void *context)
{
        return TODAY;
}

static int setup(void **state)
{
        struct world *w = xcalloc(1, sizeof(*w));
        snprintf(w->folder, sizeof(w->folder), "%s", "/tmp/test-auth-XXXXXX");
        if (!mkdtemp(w->folder))
                return -1;
        snprintf(w->users, sizeof(w->users), "%s/users", w->folder);
        snprintf(w->more, sizeof(w->more), "%s/more", w->folder);
        w->system = (struct auth_system){fake_user,  fake_group, fake_shadow, fake_sample, fake_verify,
                                         fake_today, w};
        w->settings = (struct settings){
                .mail_home = "",
                .mail_uid = "",
                .mail_gid = "",
                .first_valid_uid = 500,
                .first_valid_gid = 1,
                .auth_username_format = "%Lu",
                .auth_username_chars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@",
                .auth_default_realm = "",
                .passdbs = w->passdbs,
                .passdb_count = 1,
                .userdbs = w->userdbs,
                .userdb_count = 1,
        };
        for (size_t i = 0; i < ARRAY_LEN(w->passdbs); i++)
                w->passdbs[i] = (struct settings_passdb){"",
                                                         "shadow",
                                                         "",
                                                         .skip = "never",
                                                         .result_success = "return-ok",
                                                         .result_failure = "continue",
                                                         .result_internalfail = "continue",
                                                         .default_fields = "",
                                                         .override_fields = ""};
        for (size_t i = 0; i < ARRAY_LEN(w->userdbs); i++)
                w->userdbs[i] = (struct settings_userdb){"", "passwd", "", "", ""};
        w->request = (struct auth_request){
                .service = "imap",
                .remote_ip = "192.0.2.7",
                .local_ip = "192.0.2.1",
                .session_id = "s1",
                .mechanism = "PLAIN",
        };
        *state = w;
        return 0;
}

static int teardown(void **state)
{
        struct world *w = *state;
        unlink(w->users);
        unlink(w->more);
        rmdir(w->folder);
        arena_free(&w->arena);
        free(w);
        return 0;
}

static void put(const char *path, const char *text)
{
        assert_int_equal(file_replace_at(AT_FDCWD, path, slice_of(text), 0600, false), 0);
}

static enum auth_result verify(struct world *w, const char *user, const char *password)
{
        w->log = w->client = NULL;
        w->verified = 0;
        w->verified_scheme[0] = '\0';
        w->user = (struct auth_user){0};
        w->request.user = slice_of(user);
        w->request.password = slice_of(password);
        enum auth_result r =
                call_verify(&w->system, &w->settings, &w->request, &w->arena, &w->user, &w->log, &w->client);
        if (r != AUTH_OK) {
                assert_non_null(w->log);
                /* shorter ones occur in words */
                assert_true(strlen(password) < 6 || !strstr(w->log, password));
                assert_null(w->user.name);
        }
        assert_true((r == AUTH_DENIED) == (w->client != NULL));
        return r;
}

#define assert_log(w, text)                                                                                  \
        do {                                                                                                 \
                if (!strstr((w)->log, (text)))                                                               \
                        fail_msg("log is: %s", (w)->log);                                                    \
        } while (0)

static void use_file(struct world *w, const char *options, const char *users)
{
        put(w->users, users);
        w->passdbs[0].driver = "passwd-file";
        w->passdbs[0].args = arena_printf(&w->arena, "%s%s", options, w->users);
        w->userdbs[0].driver = "static";
        w->userdbs[0].args = "uid=vmail gid=mail home=/var/mail/vhosts/%d/%n";
}

static void assert_step(struct world *w, const struct auth_step *step, const char *want)
{
        assert_non_null(step);
        assert_string_equal(trace_text(&w->arena, step), want);
}

/* Who was asked and what each said; a user that is denied is asked for only once in it. */
static void test_trace(void **state)
{
        struct world *w = *state;
        struct auth_trace trace = {0};
        use_file(w, "scheme=PLAIN ", "anna:secret::::::nologin=y reason=away userdb_home=/h\n");
        w->settings.passdb_count = 2;
        w->passdbs[1].name = "sys";
        w->request.trace = &trace;
        assert_int_equal(verify(w, "kevin", "Sésame 1"), AUTH_OK);
        assert_step(w, trace.first, "passdb passwd-file: unknown user");
        assert_step(w, trace.first->next,
                    "passdb shadow (sys), shadow, CRYPT, md5crypt: the password is right");
        assert_step(w, trace.first->next->next, "userdb static: found");
        assert_string_equal(trace.last->fields, "uid=vmail gid=mail home=/var/mail/vhosts//kevin");
        assert_true(trace.last->userdb && trace.last->found && !trace.last->next);

        trace = (struct auth_trace){0};
        assert_int_equal(verify(w, "anna", "secret"), AUTH_DENIED);
        const char *where =
                arena_printf(&w->arena, "passdb passwd-file, %s line 1, PLAIN: nologin is set", w->users);
        assert_step(w, trace.first, where);
        assert_string_equal(trace.first->fields, "nologin=y reason=away userdb_home=/h");
        assert_ptr_equal(trace.first, trace.last);

        trace = (struct auth_trace){0};
        w->passdbs[0].deny = true;
        assert_int_equal(verify(w, "anna", "secret"), AUTH_FAILED);
        assert_non_null(strstr(trace.first->text, "User found from deny passdb"));
        assert_ptr_equal(trace.first, trace.last);
}

static void test_shadow(void **state)
{
        struct world *w = *state;
        assert_int_equal(verify(w, "kevin", "Sésame 1"), AUTH_OK);
        assert_string_equal(w->user.name, "kevin");
        assert_string_equal(w->user.home, "/home/kevin");
        assert_null(w->user.mail_location);
        assert_int_equal(w->user.uid, 1000);
        assert_int_equal(w->user.gid, 1000);
        assert_null(w->log);
        assert_int_equal(w->verified, 1);

        assert_int_equal(verify(w, "kevin", "wrong"), AUTH_FAILED);
        assert_string_equal(w->log, "shadow(kevin,192.0.2.7,<s1>): Password mismatch");
        assert_int_equal(w->verified, 1);
        assert_int_equal(verify(w, "nobody", "wrong"), AUTH_FAILED);
        assert_string_equal(w->log, "shadow(nobody,192.0.2.7,<s1>): unknown user");
        /* the same work as for a wrong password */
        assert_int_equal(w->verified, 1);
        assert_string_equal(w->verified_scheme, "$1$ ");
        /* no password, a locked one: nothing lets in, and it costs the same */
        assert_int_equal(verify(w, "none", "x"), AUTH_FAILED);
        assert_int_equal(w->verified, 1);
        assert_int_equal(verify(w, "locked", "Sésame 1"), AUTH_FAILED);
        assert_int_equal(w->verified, 1);

        w->shadow_error = -EACCES;
        assert_int_equal(verify(w, "kevin", "Sésame 1"), AUTH_TEMPFAIL);
        assert_log(w, "Permission denied (euid=");
        assert_log(w, "takes root");
}

static void test_passwd(void **state)
{
        struct world *w = *state;
        w->passdbs[0].driver = "passwd";
        assert_int_equal(verify(w, "old", "Sésame 1"), AUTH_OK);
        assert_int_equal(verify(w, "kevin", "Sésame 1"), AUTH_OK); /* "x": in shadow */
        assert_int_equal(verify(w, "kevin", "wrong"), AUTH_FAILED);
        assert_int_equal(w->verified, 1);
        assert_int_equal(verify(w, "vmail", "x"), AUTH_FAILED);
        assert_int_equal(w->verified, 1);
        assert_int_equal(verify(w, "nobody", "x"), AUTH_FAILED);
        assert_int_equal(w->verified, 1);
}

static void test_expired(void **state)
{
        struct world *w = *state;
        assert_int_equal(verify(w, "expired", "Sésame 1"), AUTH_DENIED);
        assert_string_equal(w->client, "Your account is expired.");
        /* who does not know the password does not learn it */
        assert_int_equal(verify(w, "expired", "wrong"), AUTH_FAILED);
        assert_int_equal(verify(w, "stale", "Sésame 1"), AUTH_DENIED);
        struct system_shadow s = {.changed = 19000, .max_age = 900, .inactive = 100, .expires = TODAY + 1};
        assert_null(system_expired(&s, TODAY));
        s.inactive = -1;
        assert_null(system_expired(&s, TODAY + 0));
        assert_non_null(system_expired(&s, TODAY + 1));
}

static void test_denied_ids(void **state)
{
        struct world *w = *state;
        assert_int_equal(verify(w, "low", "Sésame 1"), AUTH_DENIED);
        assert_log(w, "Mail access for users with UID 99 not permitted (see first_valid_uid in config file, "
                      "uid from "
                      "userdb lookup).");
        assert_int_equal(verify(w, "low", "wrong"), AUTH_FAILED);
        w->settings.first_valid_uid = 0;
        assert_int_equal(verify(w, "root", "Sésame 1"), AUTH_DENIED);
        assert_int_equal(verify(w, "low", "Sésame 1"), AUTH_OK);
        w->settings.first_valid_gid = 0;
        assert_int_equal(verify(w, "rootgroup", "Sésame 1"), AUTH_DENIED);
        assert_log(w, "GID 0 not permitted (see first_valid_gid");
        w->settings.last_valid_uid = 999;
        assert_int_equal(verify(w, "kevin", "Sésame 1"), AUTH_DENIED);
        assert_log(w, "see last_valid_uid");
        w->settings.last_valid_uid = 1000;
        assert_int_equal(verify(w, "kevin", "Sésame 1"), AUTH_OK);
        w->settings.last_valid_gid = 999;
        assert_int_equal(verify(w, "kevin", "Sésame 1"), AUTH_DENIED);
}

static void test_passwd_file(void **state)
{
        struct world *w = *state;
        use_file(w, "scheme=PLAIN ",
                 "kevin@example.org:secret\nanna@example.org:{SHA}e6/8BwqVmQjZIi3pCfYaz6cj71c=\n"
                 "empty@example.org:\nbad@example.org:{NEW}x\ntorn@example.org:{SHA}x\n");
        assert_int_equal(verify(w, "Kevin@Example.ORG", "secret"), AUTH_OK);
        assert_string_equal(w->user.name, "kevin@example.org");
        assert_string_equal(w->user.home, "/var/mail/vhosts/example.org/kevin");
        assert_int_equal(w->user.uid, 5000);
        assert_int_equal(w->user.gid, 8);
        assert_int_equal(verify(w, "anna@example.org", "Sésame 1"), AUTH_OK);
        assert_int_equal(verify(w, "anna@example.org", "wrong"), AUTH_FAILED);
        assert_int_equal(verify(w, "empty@example.org", "x"), AUTH_FAILED);
        assert_int_equal(w->verified, 1);
        assert_string_equal(w->verified_scheme, "sec ");
        assert_int_equal(verify(w, "nobody@example.org", "x"), AUTH_FAILED);
        assert_int_equal(w->verified, 1);
        assert_int_equal(verify(w, "bad@example.org", "x"), AUTH_TEMPFAIL);
        assert_log(w, "users line 4: password scheme \"NEW\" is not known");
        assert_int_equal(verify(w, "torn@example.org", "wrong"), AUTH_TEMPFAIL);
        assert_log(w, "users line 5: the password is no valid SHA hash");

        unlink(w->users);
        assert_int_equal(verify(w, "kevin@example.org", "secret"), AUTH_TEMPFAIL);
        assert_log(w, "open(");
        assert_log(w, "No such file or directory (euid=");
        /* an empty file has no sample: crypt()'s preferred method stands in */
        put(w->users, "");
        assert_int_equal(verify(w, "kevin@example.org", "secret"), AUTH_FAILED);
        assert_int_equal(w->verified, 1);
}

static void test_passwd_file_variables(void **state)
{
        struct world *w = *state;
        put(w->more, "kevin:{PLAIN}secret\n");
        w->passdbs[0].driver = "passwd-file";
        w->passdbs[0].args = arena_printf(&w->arena, "username_format=%%n %s/%%d", w->folder);
        w->userdbs[0].driver = "static";
        w->userdbs[0].args = "uid=5000 gid=5000 home=/x/%u";
        assert_int_equal(verify(w, "kevin@more", "secret"), AUTH_OK);
        assert_string_equal(w->user.home, "/x/kevin@more");
        /* no file for that domain: no such user, at the same cost */
        assert_int_equal(verify(w, "kevin@less", "secret"), AUTH_FAILED);
        assert_int_equal(w->verified, 1);
        assert_log(w, "unknown user");
        /* and no way out of the folder */
        w->settings.auth_username_chars = "";
        assert_int_equal(verify(w, "kevin@../../etc/x", "secret"), AUTH_FAILED);
        assert_int_equal(w->verified, 0);
        assert_int_equal(verify(w, "kevin@..", "secret"), AUTH_FAILED);
}

static void test_names(void **state)
{
        struct world *w = *state;
        static const char *const bad[] = {"",    "ke vin", "ke'vin", "kevin\n", "kévin",
                                          "a/b", "..",     ".",      "..@x",    "x@."};
        use_file(w, "", "kevin:{PLAIN}secret\nkevin@here:{PLAIN}secret\n");
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(verify(w, bad[i], "secret"), AUTH_FAILED);
        assert_int_equal(verify(w, "ke'vin", "secret"), AUTH_FAILED);
        assert_log(w, "disallowed by auth_username_chars: 0x27");
        char long_name[400];
        memset(long_name, 'x', sizeof(long_name) - 1);
        long_name[sizeof(long_name) - 1] = '\0';
        assert_int_equal(verify(w, long_name, "secret"), AUTH_FAILED);
        assert_log(w, "too long");
        assert_int_equal(verify(w, "kevin", ""), AUTH_FAILED);
        assert_log(w, "empty");

        w->request.user = SLICE("kevin\0x");
        w->request.password = SLICE("secret");
        assert_int_equal(
                call_verify(&w->system, &w->settings, &w->request, &w->arena, &w->user, &w->log, &w->client),
                AUTH_FAILED);
        w->request.user = SLICE("kevin");
        w->request.password = SLICE("secret\0x");
        assert_int_equal(
                call_verify(&w->system, &w->settings, &w->request, &w->arena, &w->user, &w->log, &w->client),
                AUTH_FAILED);

        w->settings.auth_default_realm = "here";
        assert_int_equal(verify(w, "kevin", "secret"), AUTH_OK);
        assert_string_equal(w->user.name, "kevin@here");
        w->settings.auth_username_format = "%Ln";
        assert_int_equal(verify(w, "KEVIN@there", "secret"), AUTH_OK);
        assert_string_equal(w->user.name, "kevin");
        w->settings.auth_username_format = "%q";
        assert_int_equal(verify(w, "kevin", "secret"), AUTH_TEMPFAIL);
        assert_log(w, "auth_username_format");
        w->settings.auth_username_format = "";
        w->settings.auth_username_chars = "";
        assert_int_equal(verify(w, "Kévin@there", "secret"), AUTH_FAILED);
        assert_log(w, "unknown user");
        assert_int_equal(verify(w, "kevin\x7f", "secret"), AUTH_FAILED);
        assert_log(w, "control character");
}

static void test_authzid(void **state)
{
        struct world *w = *state;
        w->request.authzid = SLICE("KEVIN");
        assert_int_equal(verify(w, "kevin", "Sésame 1"), AUTH_OK);
        w->request.authzid = SLICE("anna");
        assert_int_equal(verify(w, "kevin", "Sésame 1"), AUTH_FAILED);
        w->request.authzid = SLICE("kevin\0");
        assert_int_equal(verify(w, "kevin", "Sésame 1"), AUTH_FAILED);
}

static void test_order(void **state)
{
        struct world *w = *state;
        use_file(w, "", "kevin:{PLAIN}first\nboth:{PLAIN}first\n");
        put(w->more, "kevin:{PLAIN}second\nanna:{PLAIN}second\n");
        w->settings.passdb_count = 3;
        w->passdbs[1].driver = "passwd-file";
        w->passdbs[1].args = w->more;
        assert_int_equal(verify(w, "kevin", "first"), AUTH_OK);
        assert_int_equal(w->verified, 1);
        assert_int_equal(verify(w, "kevin", "second"), AUTH_OK);
        assert_int_equal(verify(w, "kevin", "Sésame 1"), AUTH_OK);
        assert_int_equal(verify(w, "anna", "second"), AUTH_OK);
        /* a wrong password is told as such though the last passdb does not know the user */
        assert_int_equal(verify(w, "both", "x"), AUTH_FAILED);
        assert_log(w, "passwd-file(both,192.0.2.7,<s1>): Password mismatch");
        assert_int_equal(w->verified, 3);
        assert_int_equal(verify(w, "nobody", "x"), AUTH_FAILED);
        assert_int_equal(w->verified, 3);

        /* one that cannot answer does not keep out whom another knows, but its error is told */
        w->shadow_error = -EIO;
        assert_int_equal(verify(w, "kevin", "second"), AUTH_OK);
        assert_null(w->log);
        assert_int_equal(verify(w, "kevin", "x"), AUTH_TEMPFAIL);
        w->passdbs[0].args = "/nowhere/users";
        assert_int_equal(verify(w, "kevin", "second"), AUTH_OK);
        assert_log(w, "/nowhere/users");

        /* a master passdb's passwords open every mailbox: it is never asked here */
        w->passdbs[1].master = true;
        w->passdbs[0].args = w->users;
        assert_int_equal(verify(w, "anna", "second"), AUTH_TEMPFAIL);
}

static void test_deny(void **state)
{
        struct world *w = *state;
        use_file(w, "", "kevin:{PLAIN}secret\nanna:{PLAIN}secret\n");
        put(w->more, "anna\n");
        w->settings.passdb_count = 2;
        w->passdbs[1].driver = "passwd-file";
        w->passdbs[1].args = w->more;
        w->passdbs[1].deny = true;
        assert_int_equal(verify(w, "kevin", "secret"), AUTH_OK);
        assert_int_equal(verify(w, "anna", "secret"), AUTH_FAILED);
        assert_log(w, "User found from deny passdb");
        assert_int_equal(w->verified, 1);
        /* nobody gets in while the list cannot be read */
        unlink(w->more);
        assert_int_equal(verify(w, "kevin", "secret"), AUTH_TEMPFAIL);
}

static void test_static(void **state)
{
        struct world *w = *state;
        w->passdbs[0].driver = "static";
        w->passdbs[0].args = "password={SHA}e6/8BwqVmQjZIi3pCfYaz6cj71c=";
        assert_int_equal(verify(w, "kevin", "Sésame 1"), AUTH_OK);
        assert_int_equal(verify(w, "kevin", "wrong"), AUTH_FAILED);
        w->passdbs[0].args = "password=secret";
        assert_int_equal(verify(w, "kevin", "secret"), AUTH_OK);
        w->passdbs[0].args = "nopassword=y";
        assert_int_equal(verify(w, "kevin", "whatever"), AUTH_OK);
        assert_int_equal(verify(w, "kevin", ""), AUTH_FAILED);
        w->passdbs[0].args = "nopassword=n";
        assert_int_equal(verify(w, "kevin", "whatever"), AUTH_FAILED);
        w->passdbs[0].args = "nopassword proxy=y host=192.0.2.9";
        assert_int_equal(verify(w, "kevin", "whatever"), AUTH_TEMPFAIL);
        assert_log(w, "\"proxy\" is not served");
}

static void test_entry_fields(void **state)
{
        struct world *w = *state;
        use_file(w, "",
                 "out:{PLAIN}secret::::::nologin reason=x\n"
                 "net:{PLAIN}secret::::::allow_nets=198.51.100.0/24,192.0.2.0/24\n"
                 "far:{PLAIN}secret::::::allow_nets=198.51.100.0/24,local\n"
                 "any:::::::nopassword\n"
                 "odd:{PLAIN}secret::::::nopassword\n");
        assert_int_equal(verify(w, "out", "secret"), AUTH_DENIED);
        assert_int_equal(verify(w, "out", "wrong"), AUTH_FAILED);
        assert_int_equal(verify(w, "net", "secret"), AUTH_OK);
        assert_int_equal(verify(w, "far", "secret"), AUTH_FAILED);
        assert_log(w, "allow_nets");
        w->request.remote_ip = "";
        assert_int_equal(verify(w, "far", "secret"), AUTH_OK);
        assert_int_equal(verify(w, "net", "secret"), AUTH_FAILED);
        assert_int_equal(verify(w, "any", "whatever"), AUTH_OK);
        assert_int_equal(verify(w, "odd", "whatever"), AUTH_TEMPFAIL);
        w->passdbs[0].override_fields = "allow_nets=local";
        assert_int_equal(verify(w, "net", "secret"), AUTH_OK);
        w->request.remote_ip = "192.0.2.7";
        w->passdbs[0].override_fields = "";
        w->passdbs[0].default_fields = "allow_nets=198.51.100.0/24";
        assert_int_equal(verify(w, "any", "whatever"), AUTH_FAILED);
        assert_int_equal(verify(w, "net", "secret"), AUTH_OK);
}

/* nologin, reason; with host, for IMAP alone, a referral (RFC 2221), never before the password is right. */
static void test_referral(void **state)
{
        struct world *w = *state;
        use_file(w, "",
                 "plain:{PLAIN}secret::::::nologin\n"
                 "why:{PLAIN}secret::::::nologin reason=Moved.\n"
                 "there@example.org:{PLAIN}secret::::::nologin host=mail2.example.org\n"
                 "port:{PLAIN}secret::::::nologin host=[2001:db8::7] port=1143 destuser=x;y reason=Go.\n"
                 "badhost:{PLAIN}secret::::::nologin host=a/]b\n"
                 "badport:{PLAIN}secret::::::nologin host=a port=0\n"
                 "badtext:{PLAIN}secret::::::nologin reason=[ALERT]\n");
        assert_int_equal(verify(w, "plain", "secret"), AUTH_DENIED);
        assert_string_equal(w->client, "This account may not log in.");
        assert_int_equal(verify(w, "why", "secret"), AUTH_DENIED);
        assert_string_equal(w->client, "Moved.");
        assert_int_equal(verify(w, "there@example.org", "secret"), AUTH_DENIED);
        assert_string_equal(w->client, "[REFERRAL imap://there%40example.org;AUTH=*@mail2.example.org/] "
                                       "Try this server instead.");
        assert_int_equal(verify(w, "there@example.org", "wrong"), AUTH_FAILED);
        assert_int_equal(verify(w, "port", "secret"), AUTH_DENIED);
        assert_string_equal(w->client, "[REFERRAL imap://x%3By;AUTH=*@[2001:db8::7]:1143/] Go.");
        assert_int_equal(verify(w, "badhost", "secret"), AUTH_TEMPFAIL);
        assert_int_equal(verify(w, "badport", "secret"), AUTH_TEMPFAIL);
        assert_int_equal(verify(w, "badtext", "secret"), AUTH_TEMPFAIL);
        w->request.service = "pop3";
        assert_int_equal(verify(w, "port", "secret"), AUTH_DENIED);
        assert_string_equal(w->client, "Go.");
}

static void test_userdb_file(void **state)
{
        struct world *w = *state;
        use_file(w, "",
                 "kevin:{PLAIN}x:vmail:mail::/home/%u::userdb_mail=maildir:~/%u "
                 "userdb_quota_rule=*:storage=1G\n"
                 "extra:{PLAIN}x:1:1::/a::userdb_uid=6000 userdb_gid=6001 userdb_home=/h/%n\n"
                 "bare:{PLAIN}x\n"
                 "ghost:{PLAIN}x:casper:8\n"
                 "minus:{PLAIN}x:4294967295:8\n"
                 "rel:{PLAIN}x:5000:8::home/rel\n"
                 "root:{PLAIN}x:0:8::/\n"
                 "jail:{PLAIN}x:5000:8::/::userdb_chroot=/x\n");
        w->userdbs[0].driver = "passwd-file";
        w->userdbs[0].args = w->users;
        assert_int_equal(verify(w, "kevin", "x"), AUTH_OK);
        assert_int_equal(w->user.uid, 5000);
        assert_int_equal(w->user.gid, 8);
        assert_string_equal(w->user.home, "/home/%u"); /* the column is taken as it stands, as Dovecot does */
        assert_string_equal(w->user.mail_location, "maildir:~/%u");
        assert_int_equal(verify(w, "extra", "x"), AUTH_OK);
        assert_int_equal(w->user.uid, 6000);
        assert_int_equal(w->user.gid, 6001);
        assert_string_equal(w->user.home, "/h/extra");
        assert_int_equal(verify(w, "ghost", "x"), AUTH_TEMPFAIL);
        assert_log(w, "user \"casper\" (from userdb lookup): there is none of that name");
        assert_int_equal(verify(w, "minus", "x"), AUTH_TEMPFAIL);
        assert_int_equal(verify(w, "rel", "x"), AUTH_TEMPFAIL);
        assert_log(w, "not an absolute path");
        assert_int_equal(verify(w, "root", "x"), AUTH_DENIED);
        assert_int_equal(verify(w, "jail", "x"), AUTH_TEMPFAIL);
        assert_log(w, "users line 8: the field \"chroot\" is not served");

        /* settings fill what the userdb leaves open */
        w->settings.mail_uid = "vmail";
        w->settings.mail_gid = "8";
        w->settings.mail_home = "/srv/%n";
        assert_int_equal(verify(w, "bare", "x"), AUTH_OK);
        assert_int_equal(w->user.uid, 5000);
        assert_int_equal(w->user.gid, 8);
        assert_string_equal(w->user.home, "/srv/bare");
        w->settings.mail_uid = "99";
        assert_int_equal(verify(w, "bare", "x"), AUTH_DENIED);
        assert_log(w, "uid from mail_uid setting");
}

static void test_userdb_order(void **state)
{
        struct world *w = *state;
        use_file(w, "",
                 "kevin:{PLAIN}x\nanna:{PLAIN}x\n"
                 "pre:{PLAIN}x::::::userdb_uid=7000 userdb_gid=7001 userdb_home=/p "
                 "userdb_mail=maildir:/p/m\n");
        w->settings.userdb_count = 2;
        w->userdbs[0] = (struct settings_userdb){"", "prefetch", "", "", ""};
        w->userdbs[1] = (struct settings_userdb){"", "passwd", "", "mail=maildir:/d", "home=/o/%u"};
        assert_int_equal(verify(w, "kevin", "x"), AUTH_OK);
        assert_int_equal(w->user.uid, 1000);
        assert_string_equal(w->user.home, "/o/kevin");
        assert_string_equal(w->user.mail_location, "maildir:/d");
        assert_string_equal(w->user.account, "kevin");
        assert_int_equal(verify(w, "pre", "x"), AUTH_OK);
        assert_null(w->user.account);
        assert_int_equal(w->user.uid, 7000);
        assert_int_equal(w->user.gid, 7001);
        assert_string_equal(w->user.home, "/p");
        assert_string_equal(w->user.mail_location, "maildir:/p/m");
        /* another uid than the account's: the account's groups are not for it */
        w->userdbs[1].args = "uid=vmail";
        assert_int_equal(verify(w, "kevin", "x"), AUTH_OK);
        assert_null(w->user.account);
        w->userdbs[1].args = "mail=maildir:/d";
        assert_int_equal(verify(w, "anna", "x"), AUTH_TEMPFAIL);
        assert_log(w, "no userdb knows the user");
        w->userdbs[1].args = "home=/args/%u";
        w->userdbs[1].override_fields = "";
        assert_int_equal(verify(w, "kevin", "x"), AUTH_OK);
        assert_string_equal(w->user.home, "/args/kevin");
}

static enum auth_result lookup(struct world *w, const char *user)
{
        w->user = (struct auth_user){0};
        w->request.user = slice_of(user);
        return call_lookup(&w->system, &w->settings, &w->request, &w->arena, &w->user, &w->log, &w->client);
}

static void test_lookup(void **state)
{
        struct world *w = *state;
        assert_int_equal(lookup(w, "kevin"), AUTH_OK);
        assert_int_equal(w->user.uid, 1000);
        assert_int_equal(lookup(w, "nobody"), AUTH_FAILED);
        assert_int_equal(lookup(w, "low"), AUTH_DENIED);
        assert_int_equal(w->verified, 0);
}

static void test_not_served(void **state)
{
        struct world *w = *state;
        _cleanup_(buf_free) struct buf messages = {0};
        assert_int_equal(auth_check_settings(&w->settings, &messages), 0);
        assert_int_equal(messages.n, 0);
        w->passdbs[0].driver = "pam";
        assert_int_equal(verify(w, "kevin", "Sésame 1"), AUTH_TEMPFAIL);
        assert_log(w, "passdb driver \"pam\" is not served yet");
        assert_int_equal(auth_check_settings(&w->settings, &messages), -EINVAL);
        assert_non_null(strstr(buf_cstr(&messages), "passdb pam: driver \"pam\" is not served yet"));
        w->passdbs[0].driver = "shadow";
        w->userdbs[0].driver = "sql";
        assert_int_equal(verify(w, "kevin", "Sésame 1"), AUTH_TEMPFAIL);
        assert_int_equal(auth_check_settings(&w->settings, &messages), -EINVAL);
        assert_non_null(strstr(buf_cstr(&messages), "userdb sql: driver \"sql\""));
}

static void test_check_args(void **state)
{
        static const struct {
                const char *driver, *args;
                bool good;
        } cases[] = {
                {"passwd-file", "/etc/users", true},
                {"passwd-file", "scheme=SHA512-CRYPT username_format=%n /etc/a b/%d", true},
                {"passwd-file", "", false},
                {"passwd-file", "scheme=PLAIN", false},
                {"passwd-file", "etc/users", false},
                {"passwd-file", "scheme=ARGON2ID /etc/users", false},
                {"passwd-file", "colour=red /etc/users", false},
                {"shadow", "blocking=no", true},
                {"passwd", "x=y", false},
                {"static", "password=x", true},
                {"static", "nopassword", true},
                {"static", "user=x", false},
        };
        struct world *w = *state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                _cleanup_(buf_free) struct buf messages = {0};
                w->passdbs[0].driver = cases[i].driver;
                w->passdbs[0].args = cases[i].args;
                if (auth_check_settings(&w->settings, &messages) != (cases[i].good ? 0 : -EINVAL))
                        fail_msg("%s %s: %s", cases[i].driver, cases[i].args, buf_cstr(&messages));
                assert_true((messages.n == 0) == cases[i].good);
        }
        _cleanup_(buf_free) struct buf messages = {0};
        w->passdbs[0].driver = "shadow";
        w->passdbs[0].args = "";
        w->passdbs[0].result_success = "continue";
        assert_int_equal(auth_check_settings(&w->settings, &messages), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_shadow),     TEST(test_passwd),      TEST(test_expired),
                TEST(test_denied_ids), TEST(test_passwd_file), TEST(test_passwd_file_variables),
                TEST(test_names),      TEST(test_authzid),     TEST(test_order),
                TEST(test_deny),       TEST(test_static),      TEST(test_entry_fields),
                TEST(test_referral),   TEST(test_userdb_file), TEST(test_userdb_order),
                TEST(test_lookup),     TEST(test_not_served),  TEST(test_check_args),
                TEST(test_trace),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "auth/auth.h"

#include <errno.h>

#include "auth/call.h"
#include "auth/name.h"
#include "auth/passdb.h"
#include "auth/sasl.h"
#include "auth/userdb.h"

static struct auth_call call_make(const struct auth_system *system, const struct settings *settings,
                                  const struct auth_request *request, struct arena *arena)
{
        return (struct auth_call){
                .system = system,
                .settings = settings,
                .request = request,
                .arena = arena,
                .variables =
                        {
                                .service = request->service,
                                .local_ip = request->local_ip,
                                .remote_ip = request->remote_ip,
                                .session = request->session_id,
                                .uid = -1,
                                .gid = -1,
                        },
        };
}

/* Fills in c->user. AUTH_OK or why not. */
static enum auth_result take_name(struct auth_call *c, const char **ret_log)
{
        const char *why;
        int r = name_normalise(c, c->request->user, &c->user, &why);
        if (r < 0) {
                *ret_log = call_text(c, "auth", "%s", why);
                return r == -EINVAL ? AUTH_FAILED : AUTH_TEMPFAIL;
        }
        c->variables.user = c->user;
        return AUTH_OK;
}

static enum auth_result check_request(struct auth_call *c, const char **ret_log)
{
        struct slice password = c->request->password, authzid = c->request->authzid;
        enum auth_result r = take_name(c, ret_log);
        if (r != AUTH_OK)
                return r;
        if (password.n == 0 || password.n > SASL_TEXT_MAX || slice_find(password, '\0') < password.n) {
                *ret_log = call_text(c, "auth", "Password is %s",
                                     password.n ? "too long or holds a NUL" : "empty");
                return AUTH_FAILED;
        }
        if (authzid.n == 0)
                return AUTH_OK;
        const char *as, *why;
        if (name_normalise(c, authzid, &as, &why) < 0 || strcmp(as, c->user) != 0) {
                *ret_log = call_text(c, "auth", "login as another user: master users are not served");
                return AUTH_FAILED;
        }
        return AUTH_OK;
}

/* Users of a passdb with deny = yes are out, whatever the others say. */
static enum auth_result ask_deny(const struct auth_call *c, const char **ret_log)
{
        for (size_t i = 0; i < c->settings->passdb_count; i++) {
                const struct settings_passdb *db = &c->settings->passdbs[i];
                if (!db->deny || db->master)
                        continue;
                struct passdb_answer answer = {0};
                enum passdb_result r = passdb_find(c, db, &answer);
                if (r == PASSDB_NO_USER)
                        continue;
                *ret_log = answer.log;
                return r == PASSDB_OK ? AUTH_FAILED : AUTH_TEMPFAIL;
        }
        return AUTH_OK;
}

/* What the passdbs said so far, when none has accepted the password yet. */
struct verdict {
        const char *error; /* a passdb that could not answer */
        const char *log;   /* a wrong password counts more than an unknown user */
        bool mismatch;
};

/* One after the other until one accepts the password. */
static enum auth_result ask_passdbs(const struct auth_call *c, struct auth_fields *ret, const char **ret_log,
                                    const char **ret_client)
{
        struct verdict v = {.log = call_text(c, "auth", "no passdb to ask")};
        for (size_t i = 0; i < c->settings->passdb_count; i++) {
                const struct settings_passdb *db = &c->settings->passdbs[i];
                if (db->deny || db->master)
                        continue;
                struct passdb_answer answer = {0};
                switch (passdb_verify(c, db, &answer)) {
                case PASSDB_OK:
                        *ret = answer.fields;
                        if (v.error)
                                *ret_log = v.error;
                        return AUTH_OK;
                case PASSDB_DENIED:
                        *ret_log = answer.log;
                        *ret_client = answer.client;
                        return AUTH_DENIED;
                case PASSDB_MISMATCH:
                        v.log = answer.log;
                        v.mismatch = true;
                        break;
                case PASSDB_NO_USER:
                        if (!v.mismatch)
                                v.log = answer.log;
                        break;
                case PASSDB_ERROR:
                        v.error = answer.log;
                        break;
                }
        }
        *ret_log = v.error ? v.error : v.log;
        return v.error ? AUTH_TEMPFAIL : AUTH_FAILED;
}

/* The denied users' time: as if the passdbs had been asked. */
static void spend_time(const struct auth_call *c)
{
        struct auth_fields fields;
        const char *log, *client;
        struct auth_request request = *c->request;
        struct auth_call unseen = *c;
        request.trace = NULL;
        unseen.request = &request;
        ask_passdbs(&unseen, &fields, &log, &client);
}

enum auth_result call_verify(const struct auth_system *system, const struct settings *settings,
                             const struct auth_request *request, struct arena *arena, struct auth_user *ret,
                             const char **ret_log, const char **ret_client)
{
        struct auth_call c = call_make(system, settings, request, arena);
        struct auth_fields fields;
        enum auth_result r = check_request(&c, ret_log);
        if (r != AUTH_OK)
                return r;
        r = ask_deny(&c, ret_log);
        if (r == AUTH_FAILED)
                spend_time(&c);
        if (r != AUTH_OK)
                return r;
        r = ask_passdbs(&c, &fields, ret_log, ret_client);
        if (r != AUTH_OK)
                return r;
        r = userdb_lookup(&c, &fields, ret, ret_log, ret_client);
        /* the password was right: that nobody knows where the mail is, is not the user's fault */
        return r == AUTH_FAILED ? AUTH_TEMPFAIL : r;
}

enum auth_result call_lookup(const struct auth_system *system, const struct settings *settings,
                             const struct auth_request *request, struct arena *arena, struct auth_user *ret,
                             const char **ret_log, const char **ret_client)
{
        struct auth_call c = call_make(system, settings, request, arena);
        enum auth_result r = take_name(&c, ret_log);
        return r == AUTH_OK ? userdb_lookup(&c, NULL, ret, ret_log, ret_client) : r;
}

enum auth_result auth_verify(const struct settings *settings, const struct auth_request *request,
                             struct arena *arena, struct auth_user *ret, const char **ret_log,
                             const char **ret_client)
{
        return call_verify(&auth_system, settings, request, arena, ret, ret_log, ret_client);
}

enum auth_result auth_lookup(const struct settings *settings, const struct auth_request *request,
                             struct arena *arena, struct auth_user *ret, const char **ret_log,
                             const char **ret_client)
{
        return call_lookup(&auth_system, settings, request, arena, ret, ret_log, ret_client);
}

int auth_check_settings(const struct settings *settings, struct buf *messages)
{
        _cleanup_(arena_free) struct arena arena = {0};
        int r = 0;
        for (size_t i = 0; i < settings->passdb_count; i++) {
                const struct settings_passdb *db = &settings->passdbs[i];
                const char *why = db->master ? NULL : passdb_check(db, &arena);
                if (!why)
                        continue;
                buf_printf(messages, "passdb %s: %s\n", *db->name ? db->name : db->driver, why);
                r = -EINVAL;
        }
        for (size_t i = 0; i < settings->userdb_count; i++) {
                const struct settings_userdb *db = &settings->userdbs[i];
                const char *why = userdb_check(db, &arena);
                if (!why)
                        continue;
                buf_printf(messages, "userdb %s: %s\n", *db->name ? db->name : db->driver, why);
                r = -EINVAL;
        }
        return r;
}

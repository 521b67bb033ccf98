#include "auth/passdb.h"

#include <errno.h>
#include <unistd.h>

#include "auth/database.h"
#include "auth/referral.h"
#include "auth/trace.h"
#include "base/alloc.h"
#include "conf/net.h"

/* What a driver found. */
struct entry {
        bool found;
        struct buf password; /* as stored; of a user without one: empty */
        struct buf sample;  /* a password of the same database: verified in its place to take the same time */
        const char *scheme; /* of a password without "{...}" */
        const char *where;  /* "/etc/mailsession/users line 7" */
        const char *expired; /* the account may not log in any more: words for the log */
        struct auth_fields fields;
};

static void entry_free(struct entry *e)
{
        buf_wipe(&e->password);
        buf_wipe(&e->sample);
}

struct driver {
        const char *name;
        /* 0 (with e->found telling) or -errno with *ret_error. */
        int (*lookup)(const struct auth_call *c, const struct settings_passdb *db, struct entry *e,
                      const char **ret_error);
        const char *(*check)(const struct settings_passdb *db, struct arena *arena);
};

static int lookup_passwd_file(const struct auth_call *c, const struct settings_passdb *db, struct entry *e,
                              const char **ret_error)
{
        struct database_args args;
        if (database_args(db->args, c->arena, &args, ret_error) < 0)
                return -EINVAL;
        _cleanup_(passwd_file_entry_free) struct passwd_file_entry line = {0};
        const char *path;
        e->scheme = args.scheme;
        switch (database_find(c, &args, &line, &path, ret_error)) {
        case PASSWD_FILE_ERROR:
                return -EIO;
        case PASSWD_FILE_MISSING:
                return 0;
        case PASSWD_FILE_NO_USER:
                break;
        case PASSWD_FILE_FOUND:
                e->found = true;
                e->where = arena_printf(c->arena, "%s line %u", path, line.line);
                e->password = line.password;
                line.password = (struct buf){0};
                const char *why;
                if (fields_apply(c, line.extra, FIELDS_PASSDB, &e->fields, &why) < 0) {
                        *ret_error = arena_printf(c->arena, "%s: %s", e->where, why);
                        return -EINVAL;
                }
        }
        e->sample = line.sample;
        line.sample = (struct buf){0};
        return 0;
}

static const char *check_passwd_file(const struct settings_passdb *db, struct arena *arena)
{
        struct database_args args;
        const char *error;
        return database_args(db->args, arena, &args, &error) < 0 ? error : NULL;
}

static int shadow_failed(const struct auth_call *c, int e, const char **ret_error)
{
        *ret_error = arena_printf(
                c->arena, "getspnam_r() failed: %s (euid=%lu: reading the system's passwords takes root)",
                strerror(-e), (unsigned long)geteuid());
        return e;
}

static int lookup_shadow(const struct auth_call *c, const struct settings_passdb *db, struct entry *e,
                         const char **ret_error)
{
        _cleanup_(system_shadow_free) struct system_shadow shadow = {0};
        e->scheme = "CRYPT";
        e->where = "shadow";
        c->system->sample(c->system->context, &e->sample);
        int r = c->system->shadow(c->system->context, c->user, &shadow);
        if (r < 0 && r != -ENOENT)
                return shadow_failed(c, r, ret_error);
        if (r < 0)
                return 0;
        e->found = true;
        e->expired = system_expired(&shadow, c->system->today(c->system->context));
        e->password = shadow.password;
        shadow.password = (struct buf){0};
        return 0;
}

static int lookup_passwd(const struct auth_call *c, const struct settings_passdb *db, struct entry *e,
                         const char **ret_error)
{
        _cleanup_(system_user_free) struct system_user user = {0};
        int r = c->system->user(c->system->context, c->user, c->arena, &user);
        if (r < 0 && r != -ENOENT) {
                *ret_error = arena_printf(c->arena, "getpwnam_r() failed: %s", strerror(-r));
                return r;
        }
        /* the hash is elsewhere on any system of today; nobody's name is looked up there as well: the same
         * time */
        if (r < 0 || slice_eq(buf_slice(&user.password), SLICE("x")))
                return lookup_shadow(c, db, e, ret_error);
        c->system->sample(c->system->context, &e->sample);
        e->scheme = "CRYPT";
        e->where = "passwd";
        e->found = true;
        e->password = user.password;
        user.password = (struct buf){0};
        return 0;
}

static const char *check_system(const struct settings_passdb *db, struct arena *arena)
{
        struct slice rest = slice_of(db->args), name, value;
        while (fields_next(&rest, &name, &value))
                if (!slice_eq(name, SLICE("blocking"))) /* how Dovecot's workers do it: means nothing here */
                        return arena_printf(arena, "args: \"%.*s\" is not known", SLICE_ARG(name));
        return NULL;
}

static int lookup_static(const struct auth_call *c, const struct settings_passdb *db, struct entry *e,
                         const char **ret_error)
{
        const char *why;
        if (fields_apply(c, db->args, FIELDS_PASSDB, &e->fields, &why) < 0) {
                *ret_error = arena_printf(c->arena, "args: %s", why);
                return -EINVAL;
        }
        e->found = true;
        e->scheme = "PLAIN";
        e->where = "args";
        if (e->fields.password)
                buf_str(&e->password, e->fields.password);
        return 0;
}

static const char *check_static(const struct settings_passdb *db, struct arena *arena)
{
        bool has = false;
        struct slice rest = slice_of(db->args), name, value;
        while (fields_next(&rest, &name, &value))
                has |= slice_eq(name, SLICE("password")) || slice_eq(name, SLICE("nopassword"));
        return has ? NULL : "args: neither password= nor nopassword is there: nobody could log in";
}

static const struct driver drivers[] = {
        {"passwd-file", lookup_passwd_file, check_passwd_file},
        {"shadow", lookup_shadow, check_system},
        {"passwd", lookup_passwd, check_system},
        {"static", lookup_static, check_static},
};

static const struct driver *find_driver(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
                if (!strcmp(name, drivers[i].name))
                        return &drivers[i];
        return NULL;
}

static int lookup(const struct auth_call *c, const struct settings_passdb *db, struct entry *e,
                  const char **ret_error)
{
        const struct driver *driver = find_driver(db->driver);
        if (!driver) {
                *ret_error = arena_printf(c->arena, "passdb driver \"%s\" is not served yet", db->driver);
                return -ENOTSUP;
        }
        int r = fields_apply(c, db->override_fields, FIELDS_PASSDB, &e->fields, ret_error);
        if (r == 0)
                r = driver->lookup(c, db, e, ret_error);
        if (r == 0)
                r = fields_apply(c, db->default_fields, FIELDS_PASSDB, &e->fields, ret_error);
        return r;
}

/* Takes the time a wrong password takes. */
static void verify_sample(const struct auth_call *c, const struct entry *e)
{
        _cleanup_(buf_wipe) struct buf made = {0};
        struct slice stored = buf_slice(&e->sample);
        if (stored.n == 0 && scheme_sample(&made) == 0)
                stored = buf_slice(&made);
        c->system->verify(c->system->context, stored, e->scheme ? e->scheme : "CRYPT", c->request->password);
}

static enum passdb_result verify_password(const struct auth_call *c, const struct entry *e,
                                          const char *driver, const char **ret_log)
{
        struct slice stored = buf_slice(&e->password);
        if (fields_yes(e->fields.nopassword)) {
                if (stored.n == 0)
                        return PASSDB_OK;
                *ret_log = call_text(c, driver, "%s: nopassword is set, but there is a password", e->where);
                return PASSDB_ERROR;
        }
        if (!scheme_usable(stored, e->scheme)) {
                verify_sample(c, e);
                *ret_log = call_text(c, driver, "no usable password (%s: empty or locked)", e->where);
                return PASSDB_MISMATCH;
        }
        switch (c->system->verify(c->system->context, stored, e->scheme, c->request->password)) {
        case SCHEME_MATCH:
                return PASSDB_OK;
        case SCHEME_MISMATCH:
                *ret_log = call_text(c, driver, "Password mismatch");
                return PASSDB_MISMATCH;
        case SCHEME_UNKNOWN:
                *ret_log = call_text(c, driver, "%s: password scheme \"%.*s\" is not known", e->where,
                                     SLICE_ARG(scheme_name(stored, e->scheme)));
                return PASSDB_ERROR;
        default:
                *ret_log = call_text(
                        c, driver,
                        "%s: the password is no valid %.*s hash, or one that crypt(3) does not know",
                        e->where, SLICE_ARG(scheme_name(stored, e->scheme)));
                return PASSDB_ERROR;
        }
}

/* allow_nets: networks between commas; "local" is a connection that did not come over the network. */
static bool net_allowed(const struct auth_call *c, const char *nets)
{
        struct slice rest = slice_of(nets), net;
        while (slice_split(&rest, ',', &net)) {
                const char *item = arena_str(c->arena, slice_trim(net));
                struct settings_list one = {&item, 1};
                const char *ip = c->request->remote_ip;
                if (ip && *ip ? conf_net_matches(&one, ip) : !strcmp(item, "local"))
                        return true;
        }
        return false;
}

/* After the password was right. */
static enum passdb_result verify_account(const struct auth_call *c, const struct entry *e, const char *driver,
                                         struct passdb_answer *ret)
{
        if (e->fields.allow_nets && !net_allowed(c, e->fields.allow_nets)) {
                ret->log = call_text(c, driver, "allow_nets check failed: the client is not in %s",
                                     e->fields.allow_nets);
                return PASSDB_MISMATCH;
        }
        if (e->expired) {
                ret->log = call_text(c, driver, "%s", e->expired);
                ret->client = arena_printf(c->arena, "Your %s.", e->expired);
                return PASSDB_DENIED;
        }
        if (e->fields.nologin) {
                const char *why = "";
                ret->client = referral_text(c, &e->fields, &why);
                ret->log = ret->client ? call_text(c, driver, "%s: nologin is set", e->where)
                                       : call_text(c, driver, "%s: %s", e->where, why);
                return ret->client ? PASSDB_DENIED : PASSDB_ERROR;
        }
        return PASSDB_OK;
}

static enum passdb_result verify(const struct auth_call *c, const struct settings_passdb *db, struct entry *e,
                                 struct passdb_answer *ret)
{
        const char *error = "";
        if (lookup(c, db, e, &error) < 0) {
                ret->log = call_text(c, db->driver, "%s", error);
                return PASSDB_ERROR;
        }
        if (!e->found) {
                verify_sample(c, e);
                ret->log = call_text(c, db->driver, "unknown user");
                return PASSDB_NO_USER;
        }
        enum passdb_result r = verify_password(c, e, db->driver, &ret->log);
        if (r == PASSDB_OK)
                r = verify_account(c, e, db->driver, ret);
        if (r == PASSDB_OK)
                ret->fields = e->fields;
        return r;
}

static void trace(const struct auth_call *c, const struct settings_passdb *db, const struct entry *e, bool ok,
                  const char *log)
{
        _cleanup_(buf_free) struct buf scheme = {0};
        if (!c->request->trace)
                return;
        if (e->password.n)
                scheme_describe(buf_slice(&e->password), e->scheme, &scheme);
        trace_add(c,
                  &(struct auth_step){.found = ok,
                                      .driver = db->driver,
                                      .name = db->name,
                                      .where = e->found ? e->where : NULL,
                                      .scheme = scheme.n ? arena_str(c->arena, buf_slice(&scheme)) : NULL,
                                      .fields = fields_text(c->arena, &e->fields, false)},
                  log);
}

enum passdb_result passdb_verify(const struct auth_call *c, const struct settings_passdb *db,
                                 struct passdb_answer *ret)
{
        _cleanup_(entry_free) struct entry e = {0};
        enum passdb_result r = verify(c, db, &e, ret);
        trace(c, db, &e, r == PASSDB_OK, ret->log);
        return r;
}

enum passdb_result passdb_find(const struct auth_call *c, const struct settings_passdb *db,
                               struct passdb_answer *ret)
{
        _cleanup_(entry_free) struct entry e = {0};
        const char *error = "";
        if (lookup(c, db, &e, &error) < 0) {
                ret->log = call_text(c, db->driver, "%s", error);
                trace(c, db, &e, false, ret->log);
                return PASSDB_ERROR;
        }
        if (e.found) {
                ret->log = call_text(c, db->driver, "User found from deny passdb");
                trace(c, db, &e, false, ret->log);
        }
        return e.found ? PASSDB_OK : PASSDB_NO_USER;
}

const char *passdb_check(const struct settings_passdb *db, struct arena *arena)
{
        const struct driver *driver = find_driver(db->driver);
        if (!driver)
                return arena_printf(
                        arena, "driver \"%s\" is not served yet (passwd-file, shadow, passwd, static are)",
                        db->driver);
        if (db->pass ||
            (*db->skip && strcmp(db->skip, "never") != 0 && strcmp(db->skip, "authenticated") != 0) ||
            (*db->result_success && strcmp(db->result_success, "return-ok") != 0) ||
            (*db->result_failure && strcmp(db->result_failure, "continue") != 0) ||
            (*db->result_internalfail && strcmp(db->result_internalfail, "continue") != 0))
                return "pass, skip and result_... other than the defaults are not served yet";
        return db->deny && driver->check == check_static ? "deny = yes with driver static denies everybody"
                                                         : driver->check(db, arena);
}

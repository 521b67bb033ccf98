#include "auth/userdb.h"

#include <errno.h>
#include <unistd.h>

#include "auth/database.h"
#include "auth/trace.h"
#include "base/number.h"

struct driver {
        const char *name;
        /* 1: found, the fields are filled in; 0: unknown user; -errno with *ret_error. */
        int (*lookup)(const struct auth_call *c, const struct settings_userdb *db,
                      const struct auth_fields *passdb, struct auth_fields *to, const char **ret_error);
};

/* The first value counts, as in fields_apply(). */
static void keep(const char **slot, const char *value)
{
        if (!*slot && *value)
                *slot = value;
}

static int lookup_passwd(const struct auth_call *c, const struct settings_userdb *db,
                         const struct auth_fields *passdb, struct auth_fields *to, const char **ret_error)
{
        _cleanup_(system_user_free) struct system_user user = {0};
        int r = c->system->user(c->system->context, c->user, c->arena, &user);
        if (r == -ENOENT)
                return 0;
        if (r < 0) {
                *ret_error = arena_printf(c->arena, "getpwnam_r() failed: %s", strerror(-r));
                return r;
        }
        /* args are fields that count more than what the system says */
        r = fields_apply(c, db->args, FIELDS_USERDB, to, ret_error);
        if (r < 0)
                return r;
        keep(&to->uid, arena_printf(c->arena, "%lu", (unsigned long)user.uid));
        keep(&to->gid, arena_printf(c->arena, "%lu", (unsigned long)user.gid));
        keep(&to->home, user.home);
        to->account = user.name;
        to->account_uid = user.uid;
        return 1;
}

static int lookup_passwd_file(const struct auth_call *c, const struct settings_userdb *db,
                              const struct auth_fields *passdb, struct auth_fields *to,
                              const char **ret_error)
{
        struct database_args args;
        if (database_args(db->args, c->arena, &args, ret_error) < 0)
                return -EINVAL;
        _cleanup_(passwd_file_entry_free) struct passwd_file_entry line = {0};
        const char *path, *why;
        switch (database_find(c, &args, &line, &path, ret_error)) {
        case PASSWD_FILE_ERROR:
                return -EIO;
        case PASSWD_FILE_FOUND:
                break;
        default:
                return 0;
        }
        if (fields_apply(c, line.extra, FIELDS_USERDB_OF_ENTRY, to, &why) < 0) {
                *ret_error = arena_printf(c->arena, "%s line %u: %s", path, line.line, why);
                return -EINVAL;
        }
        keep(&to->uid, line.uid);
        keep(&to->gid, line.gid);
        keep(&to->home, line.home);
        return 1;
}

static int lookup_static(const struct auth_call *c, const struct settings_userdb *db,
                         const struct auth_fields *passdb, struct auth_fields *to, const char **ret_error)
{
        int r = fields_apply(c, db->args, FIELDS_USERDB, to, ret_error);
        return r < 0 ? r : 1;
}

static int lookup_prefetch(const struct auth_call *c, const struct settings_userdb *db,
                           const struct auth_fields *passdb, struct auth_fields *to, const char **ret_error)
{
        if (!passdb || !passdb->has_userdb)
                return 0;
        keep(&to->uid, passdb->uid ? passdb->uid : "");
        keep(&to->gid, passdb->gid ? passdb->gid : "");
        keep(&to->home, passdb->home ? passdb->home : "");
        keep(&to->mail, passdb->mail ? passdb->mail : "");
        for (size_t i = 0; i < ARRAY_LEN(to->quota_rule); i++)
                keep(&to->quota_rule[i], passdb->quota_rule[i] ? passdb->quota_rule[i] : "");
        return 1;
}

static const struct driver drivers[] = {
        {"passwd", lookup_passwd},
        {"passwd-file", lookup_passwd_file},
        {"static", lookup_static},
        {"prefetch", lookup_prefetch},
};

static const struct driver *find_driver(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
                if (!strcmp(name, drivers[i].name))
                        return &drivers[i];
        return NULL;
}

static int lookup(const struct auth_call *c, const struct settings_userdb *db,
                  const struct auth_fields *passdb, struct auth_fields *to, const char **ret_error)
{
        const struct driver *driver = find_driver(db->driver);
        if (!driver) {
                *ret_error = arena_printf(c->arena, "userdb driver \"%s\" is not served yet", db->driver);
                return -ENOTSUP;
        }
        int r = fields_apply(c, db->override_fields, FIELDS_USERDB, to, ret_error);
        if (r < 0)
                return r;
        int found = driver->lookup(c, db, passdb, to, ret_error);
        if (found <= 0)
                return found;
        r = fields_apply(c, db->default_fields, FIELDS_USERDB, to, ret_error);
        return r < 0 ? r : 1;
}

/* An id as a name or a number. */
struct id {
        const char *text;
        const char *source; /* for the log */
        uint32_t value;
};

static int resolve_id(const struct auth_call *c, bool group, struct id *id, const char **ret_error)
{
        struct slice text = slice_of(id->text);
        int r = slice_to_u32(text, &id->value);
        if (r == 0 && id->value == UINT32_MAX)
                r = -ERANGE; /* means "no change" to setuid() and its like */
        if (r == -EINVAL && text.n) {
                _cleanup_(system_user_free) struct system_user user = {0};
                gid_t gid = 0;
                r = group ? c->system->group(c->system->context, id->text, &gid)
                          : c->system->user(c->system->context, id->text, c->arena, &user);
                id->value = group ? gid : user.uid;
        }
        if (r < 0)
                *ret_error =
                        arena_printf(c->arena, "%s \"%s\" (from %s): %s", group ? "group" : "user", id->text,
                                     id->source, r == -ENOENT ? "there is none of that name" : strerror(-r));
        return r;
}

/* From the userdb, else the setting, else, when this process cannot change its ids, what it runs as. */
static int choose_id(const struct auth_call *c, bool group, const char *found, struct id *ret,
                     const char **ret_error)
{
        const char *setting = group ? c->settings->mail_gid : c->settings->mail_uid;
        if (found)
                *ret = (struct id){.text = found, .source = "userdb lookup"};
        else if (*setting)
                *ret = (struct id){.text = setting,
                                   .source = group ? "mail_gid setting" : "mail_uid setting"};
        else if (geteuid() != 0) {
                *ret = (struct id){.source = "this process", .value = group ? getegid() : geteuid()};
                return 0;
        } else {
                *ret_error = group ? "User is missing GID (see mail_gid setting)"
                                   : "User is missing UID (see mail_uid setting)";
                return -EINVAL;
        }
        return resolve_id(c, group, ret, ret_error);
}

static bool id_permitted(const struct auth_call *c, const char *driver, bool group, const struct id *id,
                         const char **ret_log)
{
        const struct settings *s = c->settings;
        uint32_t first = group ? s->first_valid_gid : s->first_valid_uid;
        uint32_t last = group ? s->last_valid_gid : s->last_valid_uid;
        if (id->value != 0 && id->value >= first && (last == 0 || id->value <= last))
                return true;
        const char *which = id->value < first || id->value == 0 ? "first" : "last";
        const char *what = group ? "gid" : "uid";
        *ret_log = call_text(
                c, driver,
                "Mail access for users with %s %u not permitted (see %s_valid_%s in config file, %s "
                "from %s).",
                group ? "GID" : "UID", id->value, which, what, what, id->source);
        return false;
}

static int choose_home(const struct auth_call *c, const char *found, const char **ret, const char **ret_error)
{
        const char *home = found, *why;
        if (!home && *c->settings->mail_home && call_expand(c, c->settings->mail_home, &home, &why) < 0) {
                *ret_error = arena_printf(c->arena, "mail_home: %s", why);
                return -EINVAL;
        }
        if (home && *home && *home != '/') {
                *ret_error = arena_printf(c->arena, "home directory \"%s\" is not an absolute path", home);
                return -EINVAL;
        }
        *ret = home && *home ? home : NULL;
        return 0;
}

/* Makes the user of the fields. */
static enum auth_result accept(const struct auth_call *c, const char *driver, const struct auth_fields *found,
                               struct auth_user *ret, const char **ret_log, const char **ret_client)
{
        struct id uid, gid;
        const char *home, *error;
        if (choose_id(c, false, found->uid, &uid, &error) < 0 ||
            choose_id(c, true, found->gid, &gid, &error) < 0 ||
            choose_home(c, found->home, &home, &error) < 0) {
                *ret_log = call_text(c, driver, "%s", error);
                return AUTH_TEMPFAIL;
        }
        if (!id_permitted(c, driver, false, &uid, ret_log) || !id_permitted(c, driver, true, &gid, ret_log)) {
                *ret_client = "Mail access is not permitted for this account.";
                return AUTH_DENIED;
        }
        *ret = (struct auth_user){
                .name = c->user,
                .home = home,
                .mail_location = found->mail && *found->mail ? found->mail : NULL,
                .uid = uid.value,
                .gid = gid.value,
                .account = found->account && found->account_uid == uid.value ? found->account : NULL,
        };
        memcpy(ret->quota_rule, found->quota_rule, sizeof(ret->quota_rule));
        return AUTH_OK;
}

static void trace(const struct auth_call *c, const struct settings_userdb *db,
                  const struct auth_fields *found, bool ok, const char *log)
{
        if (c->request->trace)
                trace_add(c,
                          &(struct auth_step){.userdb = true,
                                              .found = ok,
                                              .driver = db->driver,
                                              .name = db->name,
                                              .fields = fields_text(c->arena, found, true)},
                          log);
}

enum auth_result userdb_lookup(const struct auth_call *c, const struct auth_fields *passdb,
                               struct auth_user *ret, const char **ret_log, const char **ret_client)
{
        for (size_t i = 0; i < c->settings->userdb_count; i++) {
                const struct settings_userdb *db = &c->settings->userdbs[i];
                struct auth_fields found = {0};
                const char *error = "";
                int r = lookup(c, db, passdb, &found, &error);
                /* not the next one: it might say another place, and mail would be delivered to two */
                if (r < 0) {
                        *ret_log = call_text(c, db->driver, "%s", error);
                        trace(c, db, &found, false, *ret_log);
                        return AUTH_TEMPFAIL;
                }
                if (r > 0) {
                        enum auth_result result = accept(c, db->driver, &found, ret, ret_log, ret_client);
                        trace(c, db, &found, result == AUTH_OK, result == AUTH_OK ? NULL : *ret_log);
                        return result;
                }
                trace(c, db, &found, false, "unknown user");
        }
        *ret_log = call_text(c, "userdb", "unknown user: no userdb knows the user");
        return AUTH_FAILED;
}

const char *userdb_check(const struct settings_userdb *db, struct arena *arena)
{
        if (!find_driver(db->driver))
                return arena_printf(
                        arena, "driver \"%s\" is not served yet (passwd, passwd-file, static, prefetch are)",
                        db->driver);
        struct database_args args;
        const char *error;
        if (!strcmp(db->driver, "passwd-file") && database_args(db->args, arena, &args, &error) < 0)
                return error;
        return NULL;
}

/* Who somebody is, by the same questions that the monitor asks, and where their mail is. */

#include "admin/admin.h"
#include "auth/trace.h"
#include "store/folder.h"

enum auth_result admin_ask(const struct admin *a, const struct slice *password, struct auth_user *ret,
                           const char **ret_log, const char **ret_client)
{
        struct auth_trace trace = {0};
        struct auth_request request = {
                .user = slice_of(a->user),
                .service = a->service,
                .remote_ip = a->remote_ip ? a->remote_ip : "",
                .local_ip = "",
                .session_id = "",
                .mechanism = "PLAIN",
                .secured = true,
                .trace = &trace,
        };
        if (password)
                request.password = *password;
        enum auth_result r = (password ? auth_verify : auth_lookup)(&a->settings, &request, a->arena, ret,
                                                                    ret_log, ret_client);
        for (const struct auth_step *step = trace.first; step; step = step->next) {
                admin_line("%s", trace_text(a->arena, step));
                if (step->fields[0])
                        admin_say("  fields", "%s", step->fields);
        }
        return r;
}

void admin_say_user(const struct admin *a, const struct auth_user *user)
{
        admin_say("user", "%s", user->name);
        admin_say("uid", "%s", admin_uid(a, user->uid));
        admin_say("gid", "%s", admin_gid(a, user->gid));
        admin_say("home", "%s", user->home ? user->home : "none");
}

static struct mail_user mail_user_of(const struct admin *a, const struct auth_user *user)
{
        struct mail_user m = {.name = user->name,
                              .home = user->home,
                              .uid = user->uid,
                              .gid = user->gid,
                              .mail_location = user->mail_location,
                              .service = a->service,
                              .remote_ip = a->remote_ip ? a->remote_ip : "",
                              .local_ip = "",
                              .session_id = ""};
        memcpy(m.quota_rule, user->quota_rule, sizeof(m.quota_rule));
        return m;
}

static int find_inbox(const struct admin *a, struct store *s, struct folder_place *ret, const char **ret_said)
{
        int r = folder_resolve(s, a->arena, "INBOX", ret);
        if (r < 0)
                return r;
        const struct settings_namespace *set = ret->ns->set;
        if (*set->location)
                *ret_said = arena_printf(a->arena, "%s (namespace %s)", set->location, set->name);
        else if (s->user.mail_location)
                *ret_said = arena_printf(a->arena, "%s (the userdb says so)", s->user.mail_location);
        else if (*a->settings.mail_location)
                *ret_said = arena_printf(a->arena, "%s (mail_location)", a->settings.mail_location);
        else
                *ret_said = store_location_choice(s);
        return 0;
}

bool admin_examine(struct admin *a, const struct auth_user *user, struct store **ret,
                   struct folder_place *ret_inbox)
{
        _cleanup_(store_close) struct store *s = NULL;
        struct mail_user m = mail_user_of(a, user);
        const char *why = "", *said;
        if (store_examine(&a->settings, &m, a->arena, &s, &why) < 0) {
                admin_problem(a, "%s", why);
                return false;
        }
        if (find_inbox(a, s, ret_inbox, &said) < 0) {
                admin_problem(a, "%s", store_error(s));
                return false;
        }
        admin_say("mail", "%s", said);
        *ret = TAKE_PTR(s);
        return true;
}

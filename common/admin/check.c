/* mailsession check: where a user's mail is, who may read it, and whether it is delivered there. What is said
 * of files is found out as the user, who this process becomes, and nothing is changed. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/elsewhere.h"
#include "admin/places.h"
#include "auth/trace.h"
#include "priv/monitor.h"
#include "store/error.h"

/* One line for each directory down to the mail. */
static void say_path(const struct admin *a, const char *path)
{
        const char *label = "path";
        for (size_t n = 1; n <= strlen(path); n++) {
                if (n > 1 && path[n] != '/' && path[n] != '\0')
                        continue;
                const char *part = arena_str(a->arena, slice_make(path, n));
                struct stat st;
                if (lstat(part, &st) < 0) {
                        admin_say(label, "%s: %s", part, strerror(errno));
                        return;
                }
                admin_say(label, "%s %s %s", places_mode(a, st.st_mode), admin_owner(a, &st), part);
                label = "";
        }
}

static const char *place_of(const struct folder_place *inbox)
{
        return inbox->file ? inbox->file : inbox->dir;
}

/* A session makes a Maildir when it may; an mbox comes with the first mail. */
static void check_missing(struct admin *a, struct store *s, const struct folder_place *inbox)
{
        const char *path = place_of(inbox), *above = places_existing(a, path);
        if (faccessat(AT_FDCWD, above, (inbox->file ? 0 : W_OK) | X_OK, AT_EACCESS) < 0) {
                error_set(s, -errno, inbox->file ? "open" : "mkdir", path);
                places_error(a, s);
        } else if (inbox->file) {
                admin_say("messages", "none: there is no %s yet", path);
        } else {
                admin_say("messages", "none: %s is made at the first login", path);
        }
}

static void check_maildir(struct admin *a, struct store *s, const struct folder_place *inbox,
                          const struct look *here)
{
        static const char *const names[] = {"cur", "new", "tmp"};
        if (here->kind == LOOK_FILE) {
                admin_problem(a, "%s is a file and no Maildir; correct mail_location", inbox->dir);
                return;
        }
        admin_say("messages", "%" PRIu64 ", %" PRIu64 " of them in new/; newest %s", here->messages,
                  here->in_new, elsewhere_time(a, here->newest));
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                places_access(a, s, arena_printf(a->arena, "%s/%s/", inbox->dir, names[i]), W_OK | X_OK);
}

static void check_mbox(struct admin *a, struct store *s, const struct folder_place *inbox, struct look *here)
{
        if (here->kind != LOOK_FILE) {
                admin_problem(a, "%s is no file, and so no mbox; correct mail_location", inbox->file);
                return;
        }
        int r = look_count(inbox->file, here);
        const char *count = r == 0 ? arena_printf(a->arena, "%" PRIu64, here->messages) : "not counted";
        if (r == -EBADMSG)
                admin_problem(a, "%s is no mbox: it does not begin with a From line; move it away",
                              inbox->file);
        admin_say("messages", "%s; %" PRIu64 " bytes, changed %s", count, here->bytes,
                  elsewhere_time(a, here->newest));
        places_access(a, s, inbox->file, R_OK);
        if (faccessat(AT_FDCWD, inbox->file, W_OK, AT_EACCESS) < 0)
                admin_problem(a, "%s cannot be changed: %s; permit it to uid %lu, whom the session runs as",
                              inbox->file, strerror(errno), (unsigned long)geteuid());
}

static void check_inbox(struct admin *a, const struct auth_user *user, struct store *s,
                        const struct folder_place *inbox)
{
        const char *path = place_of(inbox), *below;
        struct look here = {0};
        int r = look_at(path, &here, &below);
        if (r < 0) {
                error_set_at(s, r, "open", path, below);
                places_error(a, s);
        } else if (here.ino == 0) {
                check_missing(a, s, inbox);
        } else if (inbox->file) {
                check_mbox(a, s, inbox, &here);
        } else {
                check_maildir(a, s, inbox, &here);
        }
        places_roots(a, s, inbox);
        places_locks(a, s, inbox);
        elsewhere(a, user, path, &here);
}

static void check_mail(struct admin *a, const struct auth_user *user)
{
        _cleanup_(store_close) struct store *s = NULL;
        struct folder_place inbox;
        if (admin_examine(a, user, &s, &inbox)) {
                admin_say("format", "%s", inbox.file ? "mbox" : "Maildir");
                say_path(a, place_of(&inbox));
                places_namespaces(a, s);
                check_inbox(a, user, s, &inbox);
        }
}

static bool has_prefetch(const struct admin *a)
{
        for (size_t i = 0; i < a->settings.userdb_count; i++)
                if (strcmp(a->settings.userdbs[i].driver, "prefetch") == 0)
                        return true;
        return false;
}

static bool find_user(struct admin *a, struct auth_user *ret)
{
        const char *log = "", *client;
        enum auth_result r = admin_ask(a, NULL, ret, &log, &client);
        if (r != AUTH_OK)
                admin_problem(a, "%s%s", trace_words(log),
                              r == AUTH_FAILED && has_prefetch(a)
                                      ? "; prefetch knows users at a login only: try mailsession auth"
                                      : "");
        return r == AUTH_OK;
}

/* With the groups a session has. */
static bool become(struct admin *a, const struct auth_user *user)
{
        const struct monitor m = {.settings = &a->settings, .arena = a->arena};
        const char *why = "";
        if (monitor_drop(&m, user, &why) == 0)
                return true;
        admin_problem(a, "%s", why);
        return false;
}

int admin_check(struct admin *a)
{
        struct auth_user user;
        if (find_user(a, &user)) {
                admin_say_user(a, &user);
                if (become(a, &user))
                        check_mail(a, &user);
        }
        if (a->problems == 0)
                admin_line("No problem was found.");
        return a->problems ? ADMIN_PROBLEM : ADMIN_FINE;
}

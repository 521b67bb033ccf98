/* mailsession check: where a user's mail is, who may read it, and whether it is delivered there. What is said
 * of files is found out as the user, who this process becomes, and nothing is changed. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/elsewhere.h"
#include "auth/trace.h"
#include "priv/monitor.h"
#include "store/error.h"
#include "store/folder.h"

static const char *mode_text(const struct admin *a, mode_t mode)
{
        char text[] = "-rwxrwxrwx";
        text[0] = S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : S_ISREG(mode) ? '-' : '?';
        for (int i = 0; i < 9; i++)
                if (!(mode & (0400u >> i)))
                        text[i + 1] = '-';
        if (mode & S_ISVTX)
                text[9] = mode & 1 ? 't' : 'T';
        if (mode & S_ISGID)
                text[6] = mode & 010 ? 's' : 'S';
        if (mode & S_ISUID)
                text[3] = mode & 0100 ? 's' : 'S';
        return arena_str(a->arena, slice_of(text));
}

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
                admin_say(label, "%s %s %s", mode_text(a, st.st_mode), admin_owner(a, &st), part);
                label = "";
        }
}

static void say_error(struct admin *a, struct store *s)
{
        admin_problem(a, "%s; permit it to uid %lu, whom the session runs as", store_error(s),
                      (unsigned long)geteuid());
}

/* The next directory upwards that is there. */
static const char *existing(const struct admin *a, const char *path)
{
        char *at = arena_str(a->arena, slice_of(path));
        for (char *slash; access(at, F_OK) < 0 && (slash = strrchr(at, '/'));)
                slash[slash == at] = '\0';
        return at;
}

/* A session makes it when it may. */
static void check_missing(struct admin *a, struct store *s, const struct folder_place *inbox)
{
        const char *above = existing(a, inbox->dir);
        if (faccessat(AT_FDCWD, above, W_OK | X_OK, AT_EACCESS) < 0) {
                error_set(s, -errno, "mkdir", inbox->dir);
                say_error(a, s);
        } else {
                admin_say("messages", "none: %s is made at the first login", inbox->dir);
        }
}

static void check_writable(struct admin *a, struct store *s, const struct folder_place *inbox)
{
        static const char *const names[] = {"cur/", "new/", "tmp/"};
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                const char *path = arena_printf(a->arena, "%s/%s", inbox->dir, names[i]);
                if (faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0 || errno == ENOENT)
                        continue;
                error_set(s, -errno, "write", path);
                say_error(a, s);
        }
}

static void check_inbox(struct admin *a, const struct auth_user *user, struct store *s,
                        const struct folder_place *inbox)
{
        const char *below;
        struct look here = {0};
        int r = look_at(inbox->dir, &here, &below);
        if (r < 0) {
                error_set_at(s, r, "open", inbox->dir, below);
                say_error(a, s);
        } else if (here.kind == LOOK_FILE) {
                admin_problem(a, "%s is a file, and mail_location says it is a Maildir", inbox->dir);
        } else if (here.kind == LOOK_NOTHING) {
                check_missing(a, s, inbox);
        } else {
                admin_say("messages", "%" PRIu64 ", %" PRIu64 " of them in new/; newest %s", here.messages,
                          here.in_new, elsewhere_time(a, here.newest));
                check_writable(a, s, inbox);
        }
        elsewhere(a, user, inbox->dir, &here);
}

static void check_mail(struct admin *a, const struct auth_user *user)
{
        _cleanup_(store_close) struct store *s = NULL;
        struct mail_user m = admin_mail_user(a, user);
        struct folder_place inbox;
        const char *why = "", *said;
        if (store_examine(&a->settings, &m, a->arena, &s, &why) < 0) {
                const struct look none = {0};
                admin_problem(a, "%s", why);
                if (user->home)
                        elsewhere(a, user, arena_printf(a->arena, "%s/Maildir", user->home), &none);
        } else if (admin_inbox(a, s, &inbox, &said) < 0) {
                admin_problem(a, "%s", store_error(s));
        } else {
                admin_say("mail", "%s", said);
                admin_say("format", "Maildir");
                say_path(a, inbox.dir);
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

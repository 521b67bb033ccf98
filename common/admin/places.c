#include "admin/places.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/error.h"

void places_error(struct admin *a, struct store *s)
{
        admin_problem(a, "%s; permit it to uid %lu, whom the session runs as", store_error(s),
                      (unsigned long)geteuid());
}

void places_access(struct admin *a, struct store *s, const char *path, int mode)
{
        if (faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0 || errno == ENOENT)
                return;
        error_set(s, -errno, mode & R_OK ? "open" : "write", path);
        places_error(a, s);
}

const char *places_existing(const struct admin *a, const char *path)
{
        char *at = arena_str(a->arena, slice_of(path));
        for (char *slash; access(at, F_OK) < 0 && (slash = strrchr(at, '/'));)
                slash[slash == at] = '\0';
        return at;
}

const char *places_mode(const struct admin *a, mode_t mode)
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

void places_namespaces(const struct admin *a, const struct store *s)
{
        const char *label = "namespace";
        for (size_t i = 0; i < s->namespaces_n; i++) {
                const struct user_namespace *ns = &s->namespaces[i];
                const struct location *l = &ns->location;
                const char *inbox = ns->set->inbox && l->inbox ? l->inbox : NULL;
                admin_say(label, "%s, prefix \"%s\", %s:%s%s%s", ns->set->name, ns->prefix,
                          l->format == LOCATION_MBOX ? "mbox" : "maildir", l->root, inbox ? ":INBOX=" : "",
                          inbox ? inbox : "");
                label = "";
        }
}

/* Those of others' mail are the administrator's to make. */
static void missing_root(struct admin *a, struct store *s, const struct user_namespace *ns)
{
        const char *root = ns->location.root;
        if (ns->set->type == SETTINGS_NAMESPACE_PRIVATE &&
            faccessat(AT_FDCWD, places_existing(a, root), W_OK | X_OK, AT_EACCESS) == 0) {
                admin_say("folders", "none: %s is made at the first login", root);
                return;
        }
        error_set(s, -errno, "mkdir", root);
        places_error(a, s);
}

void places_roots(struct admin *a, struct store *s, const struct folder_place *inbox)
{
        for (size_t i = 0; i < s->namespaces_n; i++) {
                const struct user_namespace *ns = &s->namespaces[i];
                const char *root = ns->location.root;
                struct stat st;
                if (!inbox->file && strcmp(root, inbox->dir) == 0)
                        continue;
                if (stat(root, &st) == 0 && !S_ISDIR(st.st_mode))
                        admin_problem(a, "%s is a file, and the folders would be in it; correct the location",
                                      root);
                else if (access(root, F_OK) < 0 && errno == ENOENT)
                        missing_root(a, s, ns);
                else
                        places_access(a, s, root, R_OK | W_OK | X_OK);
        }
}

static bool has_dotlock(const struct settings_list *locks)
{
        for (size_t i = 0; i < locks->count; i++)
                if (strcmp(locks->items[i], "dotlock") == 0)
                        return true;
        return false;
}

static const char *names(const struct admin *a, const struct settings_list *locks)
{
        const char *text = locks->count ? locks->items[0] : "none";
        for (size_t i = 1; i < locks->count; i++)
                text = arena_printf(a->arena, "%s, %s", text, locks->items[i]);
        return text;
}

/* With mail_privileged_group, where that helps: *ret_group. */
static bool may_make_files(const char *dir, bool *ret_group)
{
        _cleanup_(perm_privilege_end) struct perm_privilege p = PERM_PRIVILEGE_NONE;
        *ret_group = faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0;
        return !*ret_group ||
               (perm_privilege_begin(&p) == 0 && faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) == 0);
}

/* Spools are as a rule their group's. */
static void refuse_dotlock(struct admin *a, const struct folder_place *inbox, const struct stat *st)
{
        struct group *g = st->st_mode & S_IWGRP ? getgrgid(st->st_gid) : NULL;
        admin_problem(a, "%s.lock cannot be made: %s is %s %s; %s", inbox->file, inbox->dir,
                      places_mode(a, st->st_mode), admin_owner(a, st),
                      g ? arena_printf(a->arena, "set mail_privileged_group = %s", g->gr_name)
                        : arena_printf(a->arena, "permit it to uid %lu, whom the session runs as",
                                       (unsigned long)geteuid()));
}

void places_locks(struct admin *a, const struct store *s, const struct folder_place *inbox)
{
        const struct settings_list *reading = &a->settings.mbox_read_locks,
                                   *writing = &a->settings.mbox_write_locks;
        bool any = false, group;
        struct stat st;
        for (size_t i = 0; i < s->namespaces_n; i++)
                any |= s->namespaces[i].location.format == LOCATION_MBOX;
        if (any)
                admin_say("locks", "of an mbox that is read: %s; written: %s", names(a, reading),
                          names(a, writing));
        if (!inbox->file || !(has_dotlock(reading) || has_dotlock(writing)) || stat(inbox->dir, &st) < 0)
                return;
        if (!may_make_files(inbox->dir, &group))
                refuse_dotlock(a, inbox, &st);
        else
                admin_say("", "%s.lock can be made%s%s", inbox->file, group ? ", as the group " : "",
                          group ? a->settings.mail_privileged_group : "");
}

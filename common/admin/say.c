#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "admin/admin.h"

enum { LABEL_WIDTH = 11, LINE_MAX_BYTES = 16384 /* some paths */ };

/* Paths and names are what users and clients made them. */
_printf_(2, 0) static void print(const char *label, const char *fmt, va_list ap)
{
        char line[LINE_MAX_BYTES];
        vsnprintf(line, sizeof(line), fmt, ap);
        for (char *p = line; *p; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        *p = '?';
        printf("%s%s\n", label, line);
}

void admin_say(const char *label, const char *fmt, ...)
{
        char text[LABEL_WIDTH * 2];
        snprintf(text, sizeof(text), "%s%s", label, *label ? ":" : "");
        printf("%-*s", LABEL_WIDTH, text);
        va_list ap;
        va_start(ap, fmt);
        print("", fmt, ap);
        va_end(ap);
}

void admin_line(const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        print("", fmt, ap);
        va_end(ap);
}

void admin_problem(struct admin *a, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        print("problem: ", fmt, ap);
        va_end(ap);
        a->problems++;
}

const char *admin_uid(const struct admin *a, uid_t uid)
{
        const struct passwd *p = getpwuid(uid);
        return p ? arena_printf(a->arena, "%lu (%s)", (unsigned long)uid, p->pw_name)
                 : arena_printf(a->arena, "%lu", (unsigned long)uid);
}

const char *admin_gid(const struct admin *a, gid_t gid)
{
        const struct group *g = getgrgid(gid);
        return g ? arena_printf(a->arena, "%lu (%s)", (unsigned long)gid, g->gr_name)
                 : arena_printf(a->arena, "%lu", (unsigned long)gid);
}

const char *admin_owner(const struct admin *a, const struct stat *st)
{
        const struct passwd *p = getpwuid(st->st_uid);
        const char *user = p ? arena_str(a->arena, slice_of(p->pw_name))
                             : arena_printf(a->arena, "%lu", (unsigned long)st->st_uid);
        const struct group *g = getgrgid(st->st_gid);
        return g ? arena_printf(a->arena, "%s:%s", user, g->gr_name)
                 : arena_printf(a->arena, "%s:%lu", user, (unsigned long)st->st_gid);
}

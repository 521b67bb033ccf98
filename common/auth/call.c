#include "auth/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 1024 };

/* A name cannot end its place in the line early: log watchers look for the address behind it. */
static const char *name_for_log(const struct auth_call *c)
{
        char *name = arena_str(c->arena, slice_of(c->user ? c->user : "?"));
        for (char *p = name; *p; p++)
                if (strchr("(),<>", *p))
                        *p = '?';
        return name;
}

const char *call_text(const struct auth_call *c, const char *driver, const char *fmt, ...)
{
        char text[TEXT_MAX];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        const struct auth_request *r = c->request;
        return arena_printf(c->arena, "%s(%s,%s,<%s>): %s", driver, name_for_log(c),
                            r->remote_ip ? r->remote_ip : "", r->session_id ? r->session_id : "", text);
}

int call_expand(const struct auth_call *c, const char *template, const char **ret, const char **ret_error)
{
        char *expanded;
        int r = conf_expand_user(c->arena, template, &c->variables, &expanded, ret_error);
        if (r == 0)
                *ret = expanded;
        return r;
}

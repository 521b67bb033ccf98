#include "auth/trace.h"

const char *trace_words(const char *log)
{
        static const char end[] = ">): ";
        const char *text = strstr(log, end);
        return text ? text + strlen(end) : log;
}

static const char *without_place(const char *text, const char *where)
{
        size_t n = where ? strlen(where) : 0;
        return n && strncmp(text, where, n) == 0 && strncmp(text + n, ": ", 2) == 0 ? text + n + 2 : text;
}

void trace_add(const struct auth_call *c, const struct auth_step *step, const char *log)
{
        struct auth_trace *trace = c->request->trace;
        if (!trace)
                return;
        struct auth_step *s = arena_new(c->arena, struct auth_step);
        *s = *step;
        s->text = !step->found && log ? without_place(trace_words(log), step->where) : NULL;
        if (trace->last)
                trace->last->next = s;
        else
                trace->first = s;
        trace->last = s;
}

const char *trace_text(struct arena *arena, const struct auth_step *s)
{
        _cleanup_(buf_free) struct buf b = {0};
        buf_printf(&b, "%s %s", s->userdb ? "userdb" : "passdb", s->driver);
        if (s->name[0])
                buf_printf(&b, " (%s)", s->name);
        if (s->where)
                buf_printf(&b, ", %s", s->where);
        if (s->scheme)
                buf_printf(&b, ", %s", s->scheme);
        buf_printf(&b, ": %s", s->text ? s->text : s->userdb ? "found" : "the password is right");
        return arena_str(arena, buf_slice(&b));
}

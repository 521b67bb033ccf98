#include "admin/elsewhere.h"

#include <inttypes.h>
#include <stdio.h>

#include "conf/expand.h"
#include "store/location.h"

/* Where mail is delivered to when nobody, or some tutorial, said where; and what would serve it there. */
static const struct place {
        const char *path, *location;
} places[] = {
        {"%h/Maildir", "maildir:~/Maildir"},
        {"/var/mail/%u", "mbox:~/mail:INBOX=/var/mail/%u"},
        {"/var/mail/%n", "mbox:~/mail:INBOX=/var/mail/%n"},
        {"/var/spool/mail/%u", "mbox:~/mail:INBOX=/var/spool/mail/%u"},
        {"/var/spool/mail/%n", "mbox:~/mail:INBOX=/var/spool/mail/%n"},
        {"%h/mbox", "mbox:~/mail:INBOX=~/mbox"},
        {"%h/mail/inbox", "mbox:~/mail:INBOX=~/mail/inbox"},
        {"%h/Mailbox", "mbox:~/mail:INBOX=~/Mailbox"},
};

struct search {
        struct admin *a;
        const struct auth_user *user;
        struct conf_variables variables;
        const char *served;
        const struct look *here;
        struct look seen[ARRAY_LEN(places)]; /* one place may have several names */
        size_t seen_n;
};

const char *elsewhere_time(const struct admin *a, time_t t)
{
        char text[64];
        struct tm tm;
        if (t == 0 || !localtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
                return "never";
        return arena_str(a->arena, slice_of(text));
}

static bool is_seen(struct search *s, const struct look *l)
{
        if (l->dev == s->here->dev && l->ino == s->here->ino)
                return true;
        for (size_t i = 0; i < s->seen_n; i++)
                if (l->dev == s->seen[i].dev && l->ino == s->seen[i].ino)
                        return true;
        s->seen[s->seen_n++] = *l;
        return false;
}

/* What Postfix is to be told, for users of the system; others have no line that is the same everywhere. */
static const char *deliver_here(const struct search *s)
{
        struct arena *arena = s->a->arena;
        struct slice served = slice_of(s->served), home = slice_of(s->user->home);
        const char *slash = s->here->kind == LOOK_FILE ? "" : "/";
        if (!s->user->account)
                return arena_printf(arena, "let the mail server deliver into %s%s", s->served, slash);
        if (slice_starts(served, SLICE("/var/mail/")) || slice_starts(served, SLICE("/var/spool/mail/")))
                return "let Postfix deliver there: postconf -e 'home_mailbox ='";
        if (home.n && slice_starts(served, home) && served.p[home.n] == '/')
                return arena_printf(arena, "let Postfix deliver there: postconf -e 'home_mailbox = %s%s'",
                                    served.p + home.n + 1, slash);
        return arena_printf(arena, "let the mail server deliver into %s%s", s->served, slash);
}

/* The setting for the other place, when that can be served. */
static const char *serve_there(const struct search *s, const struct place *p)
{
        struct location unused;
        const char *why;
        if (location_parse(s->a->arena, p->location, &s->variables, &unused, &why) < 0)
                return "";
        return arena_printf(s->a->arena, "; or serve the other place: %s = %s",
                            s->user->mail_location ? "the userdb's field mail" : "mail_location",
                            p->location);
}

static void tell(const struct search *s, const struct place *p, const char *path, const struct look *l)
{
        struct arena *arena = s->a->arena;
        const char *what = l->kind == LOOK_FILE
                                   ? arena_printf(arena, "%" PRIu64 " bytes, changed", l->bytes)
                                   : arena_printf(arena, "%" PRIu64 " messages, newest", l->messages);
        bool newer = l->newest > s->here->newest;
        admin_say("elsewhere", "%s: %s %s%s", path, what, elsewhere_time(s->a, l->newest),
                  newer ? "" : ", not newer");
        if (newer)
                admin_problem(s->a, "mail arrives in %s, and %s is served; %s%s", path, s->served,
                              deliver_here(s), serve_there(s, p));
}

static void look_into(struct search *s, const struct place *p)
{
        char *path;
        const char *why, *below;
        struct look l;
        if (strstr(p->path, "%h") && !s->user->home)
                return;
        if (conf_expand_user(s->a->arena, p->path, &s->variables, &path, &why) < 0)
                return; /* no such place for this name */
        /* where the user may not look, no session of theirs could serve it either */
        if (look_at(path, &l, &below) == 0 && l.kind != LOOK_NOTHING && !is_seen(s, &l) && l.newest)
                tell(s, p, path, &l);
}

void elsewhere(struct admin *a, const struct auth_user *user, const char *served, const struct look *here)
{
        struct search s = {.a = a,
                           .user = user,
                           .served = served,
                           .here = here,
                           .variables = {.user = user->name,
                                         .home = user->home,
                                         .service = a->service,
                                         .uid = user->uid,
                                         .gid = user->gid}};
        for (size_t i = 0; i < ARRAY_LEN(places); i++)
                look_into(&s, &places[i]);
}

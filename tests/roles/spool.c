/* Stands in for imap-session in the role tests: a session that locks mboxes in a spool and tries to do more
 * with mail_privileged_group. $SPOOL_OWN is the user's mbox, $SPOOL_OTHER another user's that may be read,
 * $SPOOL_PRIVATE one that only the group may read. $SPOOL_PLAN is what is expected: "locks", "denied",
 * "missing" (there is no mbox yet) or, of a member of the group, "member". It says what breakout.c does;
 * "stop" lines wait for one of the client's. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "priv/edge.h"
#include "report.h"
#include "store/folder.h"
#include "store/mbox_lock.h"
#include "store/store.h"

static void edge(struct edge *e)
{
        const struct sasl_credentials credentials = {.user = SLICE("kevin"), .password = SLICE("secret")};
        const char *text = "";
        if (edge_login(e, "PLAIN", &credentials, &text) == EDGE_LOGIN_OK)
                edge_hand_over(e, SLICE(""));
        edge_quit(e, "Disconnected");
}

/* The test looks at the process from outside. */
static void stop(struct conn *c, const char *where)
{
        char byte;
        conn_printf(c, "stop %s\n", where);
        conn_flush(c);
        while (fd_read_all(c->in_fd, &byte, 1) == 1 && byte != '\n')
                ;
}

static long try_open(const char *path, int flags)
{
        _cleanup_(fd_close_p) int fd = open(path, flags | O_CLOEXEC, 0600);
        return fd;
}

static long try_more(const char *path)
{
        char name[4200];
        snprintf(name, sizeof(name), "%s.more", path);
        return try_open(name, O_WRONLY | O_CREAT);
}

static bool is_there(const char *path)
{
        char name[4200];
        struct stat st;
        snprintf(name, sizeof(name), "%s.lock", path);
        return lstat(name, &st) == 0;
}

static void try_ids(struct conn *c, gid_t group)
{
        gid_t none = (gid_t)-1;
        refused(c, "session", "takes the group for good", setresgid(group, group, group));
        refused(c, "session", "takes it as its real one", setresgid(group, none, none));
        refused(c, "session", "lets others be its saved one", setresgid(none, none, getgid()));
        refused(c, "session", "takes it by another call", setgid(group));
        refused(c, "session", "takes root's group", setresgid(none, 0, none));
        refused(c, "session", "becomes another user", setresuid(1, 1, 1));
        report(c, "session", "has the user's group", getegid() == getgid(), "another group");
}

/* For files that are not the user's to lock. */
static void try_others(struct conn *c, const struct settings *settings, int own, const char *other)
{
        struct mbox_lock l = MBOX_LOCK_NONE;
        int r = mbox_lock_take(&l, own, other, true, settings);
        report(c, "session", "locks no other mbox by its own", r < 0 && !is_there(other), "it worked");
        mbox_lock_release(&l);
        _cleanup_(fd_close_p) int fd = open(other, O_RDONLY | O_CLOEXEC);
        report(c, "session", "reads what everybody may", fd >= 0, strerror(errno));
        r = mbox_lock_take(&l, fd, other, false, settings);
        report(c, "session", "locks no mbox that it may only read", r == -EACCES && !is_there(other),
               r < 0 ? strerror(-r) : "it worked");
        mbox_lock_release(&l);
}

static void lock_own(struct conn *c, const struct settings *settings, int fd, const char *path)
{
        struct mbox_lock l = MBOX_LOCK_NONE;
        int r = mbox_lock_take(&l, fd, path, true, settings);
        report(c, "session", "locks its mbox", r == 0, r == -EACCES ? l.holder : strerror(-r));
        stop(c, "held");
        mbox_lock_release(&l);
        report(c, "session", "leaves no lock", !is_there(path), "it is there");
        stop(c, "released");
}

/* What the store says is enough to make an INBOX that is missing, and to lock it. */
static void make_inbox(struct conn *c, const struct session_start *start)
{
        _cleanup_(store_close) struct store *s = NULL;
        _cleanup_(fd_close_p) int fd = -1;
        struct folder_place f = {.file = NULL};
        const char *why = "";
        int r = store_open(start->settings, &start->user, start->arena, &s, &why);
        report(c, "session", "opens its store", r == 0, why);
        if (r < 0)
                return;
        r = start->sandbox(start, store_paths(s));
        report(c, "session", "enters its walls", r == 0, strerror(-r));
        r = folder_resolve(s, start->arena, "INBOX", &f);
        if (r == 0)
                r = folder_open_file(s, &f, -1, true, &fd);
        report(c, "session", "makes its INBOX", fd >= 0, r < 0 ? strerror(-r) : "not permitted");
        if (fd >= 0)
                lock_own(c, start->settings, fd, f.file);
}

static void lock_nothing(struct conn *c, const struct settings *settings, int fd, const char *path)
{
        struct mbox_lock l = MBOX_LOCK_NONE;
        int r = mbox_lock_take(&l, fd, path, true, settings);
        report(c, "session", "cannot lock its mbox", r == -EACCES, strerror(-r));
        conn_printf(c, "says %s\n", l.holder);
        mbox_lock_release(&l);
        refused(c, "session", "changes its effective group", setresgid((gid_t)-1, getegid(), (gid_t)-1));
}

static void outsider(struct conn *c, const struct settings *settings, int fd, gid_t group)
{
        const char *own = getenv("SPOOL_OWN");
        refused(c, "session", "makes a file in the spool", try_more(own));
        refused(c, "session", "opens another user's mbox", try_open(getenv("SPOOL_PRIVATE"), O_RDONLY));
        if (strcmp(getenv("SPOOL_PLAN"), "denied") == 0) {
                lock_nothing(c, settings, fd, own);
        } else {
                lock_own(c, settings, fd, own);
                lock_own(c, settings, fd, own);
                try_others(c, settings, fd, getenv("SPOOL_OTHER"));
        }
        try_ids(c, group);
        refused(c, "session", "makes a file in the spool afterwards", try_more(own));
}

static void lock_in_walls(struct conn *c, const struct session_start *start)
{
        const char *own = getenv("SPOOL_OWN");
        _cleanup_(fd_close_p) int fd = open(own, O_RDWR | O_CLOEXEC);
        struct stat st = {0};
        char dir[4096] = "";
        snprintf(dir, sizeof(dir), "%.*s", (int)slice_rfind(slice_of(own), '/'), own);
        const char *const paths[] = {dir, NULL};
        bool found = stat(dir, &st) == 0;
        int r = start->sandbox(start, paths);
        report(c, "session", "enters its walls", r == 0 && fd >= 0 && found, strerror(-r));
        if (strcmp(getenv("SPOOL_PLAN"), "member") == 0)
                lock_own(c, start->settings, fd, own);
        else
                outsider(c, start->settings, fd, st.st_gid);
}

static void session(const struct session_start *start)
{
        struct conn c;
        conn_init(&c, start->in_fd, start->out_fd);
        if (start->broken)
                report(&c, "session", "starts", false, start->broken);
        else if (strcmp(getenv("SPOOL_PLAN"), "missing") == 0)
                make_inbox(&c, start);
        else
                lock_in_walls(&c, start);
        conn_puts(&c, "end\n");
        conn_flush(&c);
        conn_free(&c);
}

static const struct protocol spool = {.name = "imap",
                                      .program = "imap-session",
                                      .tls_port = 993,
                                      .edge = edge,
                                      .session = session,
                                      .refusal = "not ok "};

int main(int argc, char **argv)
{
        return start_main(&spool, argc, argv);
}

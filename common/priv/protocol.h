#ifndef PRIV_PROTOCOL_H
#define PRIV_PROTOCOL_H

/* What a protocol gives to start.c, and what it is given in each role. */

#include <sys/types.h>

#include "base/arena.h"
#include "base/slice.h"
#include "conf/settings.h"
#include "conf/user.h"
#include "priv/peer.h"

struct edge;

/* What the session starts from, after login: the process already is the user. */
struct session_start {
        const struct settings *settings;
        const struct peer *peer;
        int in_fd, out_fd;
        struct slice unread; /* bytes the edge had read and not consumed: the session's first input */
        struct slice tag;    /* of the IMAP command that logged in; "" for POP3 */
        bool preauth;        /* no login happened: greet */
        const char *broken;  /* not NULL: it cannot be served; tell the client these words and end */
        bool tls;            /* the client's connection is encrypted */
        struct mail_user user;
        struct arena *arena; /* the session's lifetime */
        /* Ends the session with a line in the log: a mapped message file lost its end while it was sent (a
         * write said EFAULT; SIGBUS comes here by itself). */
        void (*message_cut)(void) _noreturn_;
        /* Called by the session when the paths it needs are known and before it reads mail or input: nothing
         * else can be opened afterwards. Paths as store_paths(). 0 or -errno. */
        int (*sandbox)(const struct session_start *start, const char *const *paths);
};

struct protocol {
        const char *name;    /* "imap": as in `protocol imap {}` and %s */
        const char *program; /* "imap-session" */
        uint16_t tls_port;   /* a connection to it starts with TLS */
        /* The commands before login. Runs in the edge, sandboxed; ends by edge_hand_over() or edge_quit(). */
        void (*edge)(struct edge *e);
        /* Serves the user; returns when the session is over. */
        void (*session)(const struct session_start *start);
        /* What a line starts with that refuses a connection before any greeting: "* BYE ", "-ERR ". */
        const char *refusal;
};

/* main() of both programs: options, settings, how we were started (see the README of priv). */
int start_main(const struct protocol *protocol, int argc, char **argv);

#endif

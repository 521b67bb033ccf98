#ifndef IMAP_SESSION_H
#define IMAP_SESSION_H

/* The logged-in session: the state the executors work on, and the table that says which executor runs which
 * command and when sequence numbers may change. */

#include "imap/binary.h"
#include "imap/progress.h"
#include "imap/reader.h"
#include "imap/section.h"
#include "priv/protocol.h"
#include "store/save.h"
#include "wire/conn.h"

/* Where the last partial FETCH ended; see fetch_partial(). */
struct imap_partial_marks {
        char guid[33]; /* of the mailbox */
        uint32_t uid;
        struct section_mark mark;
        struct binary_mark binary;
};

struct imap_session {
        const struct session_start *start;
        const struct settings *settings;
        struct conn conn;
        struct store *store;
        struct mailbox *mailbox;     /* the selected one, NULL: none */
        struct arena arena;          /* the current command's */
        struct buf command;          /* its bytes */
        struct slice client_words;   /* capabilities that this client is not told; see imap_id_capability() */
        unsigned enabled;            /* enum imap_feature; see imap_enable() */
        struct context *contexts;    /* imap/context.h */
        struct imap_set saved;       /* UIDs that "$" names (RFC 5182): see imap_save_set() */
        struct imap_literal literal; /* where it was read to; what is left is skipped after its answer */
        uint32_t told_messages, told_recent; /* EXISTS and RECENT the client knows */
        uint64_t told_modseq;                /* what the client takes for HIGHESTMODSEQ */
        uint64_t fetched_modseq;             /* the highest MODSEQ it was told since */
        bool told_waiting;                   /* the log knows that new mail is kept back */
        unsigned told_keywords;              /* how many keywords FLAGS named: they only become more */
        struct imap_partial_marks partial;
        struct notify *notify; /* imap/notify.h; NULL: NOTIFY was not used */
        bool muted;            /* the command may leave the selected mailbox's news to NOTIFY's choice */
        struct imap_progress progress;
        bool over;              /* LOGOUT, BYE or a dead connection: the loop ends */
        const char *end_reason; /* for the log: "Logged out"; static */
        struct {
                uint64_t deleted, expunged, headers, header_bytes, bodies, body_bytes;
        } counts; /* for the line at the end */
};

/* announce.c: the capability list, to stand behind "CAPABILITY ". */
void imap_tell_capabilities(struct imap_session *s);
/* A capability is announced to this client; what is not is not enabled. */
bool imap_session_announces(const struct imap_session *s, const char *name);

/* One executor a command. It writes every reply, the tagged one included (imap/reply.h). */
typedef void (*imap_executor)(struct imap_session *s, const struct imap_command *c);

void imap_exec_capability(struct imap_session *s, const struct imap_command *c);
void imap_exec_noop(struct imap_session *s, const struct imap_command *c); /* NOOP, CHECK */
void imap_exec_logout(struct imap_session *s, const struct imap_command *c);
void imap_exec_id(struct imap_session *s, const struct imap_command *c);
void imap_exec_enable(struct imap_session *s, const struct imap_command *c);
void imap_exec_compress(struct imap_session *s, const struct imap_command *c);
void imap_exec_select(struct imap_session *s, const struct imap_command *c); /* SELECT, EXAMINE */
void imap_exec_close(struct imap_session *s, const struct imap_command *c);  /* CLOSE, UNSELECT */
void imap_exec_notify(struct imap_session *s, const struct imap_command *c);
void imap_exec_folder(struct imap_session *s, const struct imap_command *c); /* CREATE DELETE RENAME SUBSCRIBE
                                                                                 UNSUBSCRIBE */
void imap_exec_list(struct imap_session *s, const struct imap_command *c);   /* LIST, LSUB */
void imap_exec_namespace(struct imap_session *s, const struct imap_command *c);
void imap_exec_status(struct imap_session *s, const struct imap_command *c);
void imap_exec_append(struct imap_session *s, const struct imap_command *c); /* APPEND, REPLACE */
void imap_exec_idle(struct imap_session *s, const struct imap_command *c);
void imap_exec_expunge(struct imap_session *s, const struct imap_command *c);
void imap_exec_search(struct imap_session *s, const struct imap_command *c);
void imap_exec_esearch(struct imap_session *s, const struct imap_command *c);
void imap_exec_sort(struct imap_session *s, const struct imap_command *c);
void imap_exec_thread(struct imap_session *s, const struct imap_command *c);
void imap_exec_cancelupdate(struct imap_session *s, const struct imap_command *c);
void imap_exec_fetch(struct imap_session *s, const struct imap_command *c);
void imap_exec_store(struct imap_session *s, const struct imap_command *c);
void imap_exec_copy(struct imap_session *s, const struct imap_command *c); /* COPY, MOVE */
void imap_exec_quota(struct imap_session *s,
                     const struct imap_command *c); /* GETQUOTA GETQUOTAROOT SETQUOTA */
void imap_exec_getmetadata(struct imap_session *s, const struct imap_command *c);
void imap_exec_setmetadata(struct imap_session *s, const struct imap_command *c);

#endif

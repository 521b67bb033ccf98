#ifndef POP3_SESSION_H
#define POP3_SESSION_H

/* The logged-in session: pop3/session.c starts and ends it, pop3/transaction.c runs its commands. */

#include "pop3/command.h"
#include "pop3/maildrop.h"
#include "priv/protocol.h"
#include "wire/conn.h"

struct pop3_session {
        const struct session_start *start;
        const struct settings *settings;
        struct conn conn;
        struct store *store;
        struct maildrop maildrop;
        uint32_t unreadable_told; /* messages, in the log */
        bool over;                /* QUIT or a dead connection: the loop ends */
        const char *end_reason;   /* for the log */
        struct {
                uint64_t top, top_bytes, retr, retr_bytes, deleted;
        } counts; /* for the line at the end */
};

/* Serves the user from login to the end of the connection. */
void pop3_session(const struct session_start *start);

/* Runs one command of the TRANSACTION state (RFC 1939 sections 5 to 7) and writes its answer. */
void transaction_run(struct pop3_session *s, const struct pop3_command *c);

/* An answer for an error of the store, which goes to the log: "-ERR [SYS/TEMP] what: cause [session]". */
void transaction_error(struct pop3_session *s, int error, const char *what);

#endif

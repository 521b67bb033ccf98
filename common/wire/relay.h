#ifndef WIRE_RELAY_H
#define WIRE_RELAY_H

/* The edge's life after login under TLS: it carries bytes between the client's TLS session and the mail
 * session's plain socket, and understands none of them. */

#include "wire/conn.h"

/* Runs until both directions are done or one fails. What the client has sent and conn has not consumed goes
 * first. Takes at most RELAY_BUFFER bytes from one side before the other has them: a client that does not
 * read stops the session's writes, not this process's memory; after CONN_WRITE_TIMEOUT_MS it is given up. */
enum { RELAY_BUFFER = 16 * 1024 };
void relay_run(struct conn *client, int session_fd);

#endif

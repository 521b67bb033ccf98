#ifndef IMAP_EDGE_H
#define IMAP_EDGE_H

/* IMAP before login: greeting, CAPABILITY, NOOP, LOGOUT, ID, STARTTLS, LOGIN, AUTHENTICATE (RFC 3501
 * section 6.1 and 6.2; RFC 4959; RFC 5530's response codes). It runs in the edge and only knows what
 * priv/edge.h gives it. */

#include "priv/edge.h"

/* struct protocol's edge: ends by edge_hand_over() or edge_quit(). */
void imap_edge(struct edge *e);

#endif

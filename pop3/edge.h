#ifndef POP3_EDGE_H
#define POP3_EDGE_H

#include "priv/edge.h"

/* The AUTHORIZATION state (RFC 1939 section 4): greets, takes commands, ends by edge_hand_over() or
 * edge_quit(). */
void pop3_edge(struct edge *e);

#endif

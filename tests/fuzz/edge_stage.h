#ifndef TESTS_FUZZ_EDGE_STAGE_H
#define TESTS_FUZZ_EDGE_STAGE_H

/* The commands before login on a client in memory: what priv/edge.h promises is played, the user "kevin" has
 * the password "secret", and where a process would end the edge is left. */

#include "stage.h"

struct edge;

/* Runs the edge, which reads the input as what its client says. What the client is told is appended to
 * `told`. `secured`: passwords are allowed; else TLS is offered. True: the client logged in. */
bool edge_stage(void (*edge)(struct edge *e), bool secured, struct slice input, struct buf *told);

#endif

#ifndef CRASH_REGISTERS_H
#define CRASH_REGISTERS_H

/* A system call of a traced process that its filter has stopped (PTRACE_EVENT_SECCOMP). false: it is gone. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "calls.h"

struct call {
        long nr;
        uint64_t arguments[CALL_ARGUMENTS];
};

bool call_get(pid_t pid, struct call *ret);
/* The call is not executed and gives result. */
bool call_skip(pid_t pid, long result);
bool call_set_argument(pid_t pid, int i, uint64_t value);

#endif

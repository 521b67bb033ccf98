#ifndef PRIV_SANDBOX_H
#define PRIV_SANDBOX_H

/* The walls around the edge and the session: no_new_privs, rlimits, landlock, a system call filter that was
 * compiled at build time (bpf-gen.c). They can only be added to. What a kernel does not have is left out: the
 * return value tells. */

#include "base/macro.h"

enum sandbox_parts {
        SANDBOX_LANDLOCK = 1 << 0,
        SANDBOX_SECCOMP = 1 << 1,
};

/* Nothing in the file system, no new descriptors, no signals, no network of its own. The SANDBOX_* parts in
 * force, or -errno. */
int sandbox_edge(void);

/* Read and write below `paths` (NULL-terminated; those that do not exist are left out), read what iconv and
 * time zones need, no network, no exec, no fork. A process with another saved group id
 * (mail_privileged_group) may change its effective one, and no other id. The SANDBOX_* parts in force, or
 * -errno. */
int sandbox_session(const char *const *paths);

#endif

#ifndef ROLES_REPORT_H
#define ROLES_REPORT_H

/* What the stand-ins of the role tests say: "ok ROLE NAME", "not ok ROLE NAME: why". */

#include <errno.h>
#include <string.h>

#include "wire/conn.h"

static inline void report(struct conn *c, const char *role, const char *name, bool good, const char *why)
{
        conn_printf(c, "%s %s %s%s%s\n", good ? "ok" : "not ok", role, name, good ? "" : ": ",
                    good ? "" : why);
}

/* A system call's result: refused is good. */
static inline void refused(struct conn *c, const char *role, const char *name, long result)
{
        int e = errno;
        report(c, role, name,
               result < 0 &&
                       (e == EPERM || e == EACCES || e == EMFILE || e == EXDEV || e == EAGAIN || e == ENOENT),
               result < 0 ? strerror(e) : "it worked");
}

#endif

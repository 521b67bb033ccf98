#ifndef STORE_MAILDIRSIZE_H
#define STORE_MAILDIRSIZE_H

/* The text of Maildir++'s file maildirsize, which Courier, Dovecot and others read and write at the same
 * time: "1000000S,1000C" LF (limits: bytes, messages), then lines "BYTES MESSAGES" LF whose sums are what is
 * there. The first of them is that of the last count; changes are appended. Pure. */

#include "base/buf.h"
#include "conf/quota.h"

#define MAILDIRSIZE_NAME "maildirsize"

enum {
        MAILDIRSIZE_MAX = 5120,           /* Maildir++: a larger one is counted again */
        MAILDIRSIZE_STALE_SECS = 15 * 60, /* so is an older one that says that a limit is exceeded */
};

struct maildirsize {
        struct quota_limits limits;
        uint64_t bytes, messages;
        size_t lines; /* behind the limits */
};

/* A line without its end is being written: it is left out. -EINVAL: not what it should be, count again; then
 * the limits are those of the first line nevertheless, if it has any. */
int maildirsize_parse(struct slice text, struct maildirsize *ret);

/* A line of changes; a whole new file. */
void maildirsize_put_line(struct buf *to, int64_t bytes, int64_t messages);
void maildirsize_put(struct buf *to, const struct maildirsize *m);

#endif

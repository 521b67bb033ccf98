#ifndef CRASH_CALLS_H
#define CRASH_CALLS_H

/* The system calls that can touch a mailbox, and in which arguments they name it. */

#include <stdbool.h>
#include <stddef.h>

enum {
        CALL_ARGUMENTS = 6,
        CALL_NONE = -1,
        CALL_FILES = 2, /* rename, link and the copying calls name two */
};

/* One file that a call names: a descriptor, a path, or a path below a descriptor; the numbers of arguments.
 * A path without a descriptor is below the current directory. */
struct call_file {
        int fd, path;
};

struct call_kind {
        long nr;
        const char *name;
        struct call_file files[CALL_FILES];
        bool writes; /* changes something; the others are of the second class */
        int flags;   /* argument with O_* that says whether it writes after all; CALL_NONE */
        int length;  /* argument with the number of bytes (or of pieces) to write; CALL_NONE */
};

extern const struct call_kind call_kinds[];
extern const size_t call_kinds_n;

const struct call_kind *call_find(long nr);

#endif

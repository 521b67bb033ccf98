#include "store/uidvalidity.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/number.h"

#define UIDVALIDITY_NAME "dovecot-uidvalidity"

enum { UIDVALIDITY_TRIES = 10 /* somebody else takes numbers at the same time */ };

/* The largest number in a file's name, 0 without one. */
static uint32_t largest(int dirfd)
{
        uint32_t best = 0;
        int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(dir_close_p) DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) {
                fd_close_p(&fd);
                return 0;
        }
        for (struct dirent *e; (e = readdir(d));) {
                struct slice name = slice_of(e->d_name);
                uint64_t v;
                if (!slice_starts(name, SLICE(UIDVALIDITY_NAME ".")))
                        continue;
                struct slice hex = slice_from(name, sizeof(UIDVALIDITY_NAME));
                if (hex.n == 8 && slice_hex_to_u64(hex, &v) == 0 && v > best)
                        best = (uint32_t)v;
        }
        return best;
}

static void write_main(int dirfd, const struct perm *perm, uint32_t value)
{
        char text[9];
        snprintf(text, sizeof(text), "%08" PRIx32, value);
        _cleanup_(fd_close_p) int fd = openat(dirfd, UIDVALIDITY_NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 && perm_create(dirfd, UIDVALIDITY_NAME, perm, &fd) < 0)
                return;
        (void)!pwrite(fd, text, 8, 0);
}

uint32_t uidvalidity_next(int dirfd, const struct perm *perm)
{
        uint32_t now = (uint32_t)time(NULL);
        char from[64], to[64];
        for (int i = 0; i < UIDVALIDITY_TRIES; i++) {
                uint32_t last = largest(dirfd), next = MAX(last + 1, now);
                if (next == 0)
                        next = 1;
                snprintf(from, sizeof(from), UIDVALIDITY_NAME ".%08" PRIx32, last);
                snprintf(to, sizeof(to), UIDVALIDITY_NAME ".%08" PRIx32, next);
                if (last) {
                        if (renameat(dirfd, from, dirfd, to) < 0) {
                                if (errno == ENOENT)
                                        continue;
                                return next;
                        }
                } else {
                        _cleanup_(fd_close_p) int fd =
                                openat(dirfd, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);
                        if (fd < 0 && errno == EEXIST)
                                continue;
                        if (fd < 0)
                                return next;
                }
                write_main(dirfd, perm, next);
                return next;
        }
        return now;
}

#include "store/uidlist_input.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/uidlist.h"

enum { UIDLIST_INPUT_SIZE = 64 * 1024 }; /* what is read at once; several of the longest lines */

void uidlist_input_free(struct uidlist_input *in)
{
        fd_close_p(&in->fd);
        free_p(&in->p);
}

int uidlist_input_open(struct uidlist_input *in, int dirfd, struct stat *ret)
{
        struct stat st;
        in->fd = openat(dirfd, UIDLIST_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (in->fd < 0 || fstat(in->fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        in->p = xmalloc(UIDLIST_INPUT_SIZE);
        in->left = (uint64_t)st.st_size;
        *ret = st;
        return 0;
}

/* Reads more behind what is in the buffer and not given yet. 1, 0 at the end, -errno. */
static int fill(struct uidlist_input *in)
{
        in->n -= in->at;
        memmove(in->p, in->p + in->at, in->n);
        in->at = 0;
        ssize_t n = fd_read_all(in->fd, in->p + in->n, (size_t)MIN(UIDLIST_INPUT_SIZE - in->n, in->left));
        if (n <= 0)
                return (int)n;
        in->n += (size_t)n;
        in->left -= (uint64_t)n;
        return 1;
}

int uidlist_input_line(struct uidlist_input *in, struct slice *ret)
{
        uint64_t skipped = 0;
        for (;;) {
                struct slice have = slice_make(in->p + in->at, in->n - in->at);
                size_t lf = slice_find(have, '\n');
                if (lf < have.n) {
                        in->at += lf + 1;
                        in->offset += skipped + lf + 1;
                        *ret = slice_head(have, lf);
                        return skipped || lf > UIDLIST_MAX_LINE ? UIDLIST_LINE_TOO_LONG : UIDLIST_LINE_WHOLE;
                }
                if (have.n > UIDLIST_MAX_LINE) {
                        skipped += have.n;
                        in->at = in->n;
                }
                int r = fill(in);
                if (r <= 0)
                        return r < 0 ? r : UIDLIST_LINE_NONE;
        }
}

int uidlist_input_header(struct uidlist_input *in, struct uidlist_header *ret)
{
        struct slice line;
        int r = uidlist_input_line(in, &line);
        if (r < 0)
                return r;
        return r == UIDLIST_LINE_WHOLE && uidlist_header_parse(line, ret) == 0 ? 0 : -ENODATA;
}

bool uidlist_input_before(struct uidlist_input *in, uint64_t offset, struct slice *ret)
{
        size_t n = (size_t)MIN(offset, UIDLIST_MAX_LINE + 2u);
        if (n == 0 || pread(in->fd, in->p, n, (off_t)(offset - n)) != (ssize_t)n || in->p[n - 1] != '\n')
                return false;
        struct slice text = slice_make(in->p, n - 1);
        size_t lf = slice_rfind(text, '\n');
        *ret = slice_from(text, lf + 1);
        return true;
}

int uidlist_input_seek(struct uidlist_input *in, uint64_t offset, uint64_t size)
{
        if (lseek(in->fd, (off_t)offset, SEEK_SET) < 0)
                return -errno;
        in->offset = offset;
        in->left = size - offset;
        return 0;
}

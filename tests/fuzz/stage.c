#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"

enum { SHOWN_MAX = 400 };

void stage_fail(const char *what, struct slice at)
{
        at = slice_head(at, SHOWN_MAX);
        fprintf(stderr, "broken: %s\nat: %.*s\n", what, SLICE_ARG(at));
        abort();
}

static int memory(void)
{
        int fd = memfd_create("stage", MFD_CLOEXEC);
        if (fd < 0)
                stage_fail("memfd_create", SLICE_NULL);
        return fd;
}

void stage_open(struct stage *s, struct slice input)
{
        *s = (struct stage){.in_fd = memory(), .out_fd = memory()};
        if (fd_write_all(s->in_fd, input) < 0 || lseek(s->in_fd, 0, SEEK_SET) < 0)
                stage_fail("cannot keep the input", SLICE_NULL);
}

void stage_output(const struct stage *s, struct buf *to)
{
        off_t n = lseek(s->out_fd, 0, SEEK_END);
        if (n < 0 || lseek(s->out_fd, 0, SEEK_SET) < 0)
                stage_fail("cannot see the output", SLICE_NULL);
        char *p = buf_reserve(to, (size_t)n);
        if (n && fd_read_all(s->out_fd, p, (size_t)n) != (ssize_t)n)
                stage_fail("cannot read the output", SLICE_NULL);
        to->n += (size_t)n;
}

void stage_close(struct stage *s)
{
        fd_close_p(&s->in_fd);
        fd_close_p(&s->out_fd);
}

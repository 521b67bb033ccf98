#include "auth/passwd_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/scheme.h"
#include "base/alloc.h"
#include "base/fd.h"

struct reader {
        int fd;
        char *p; /* PASSWD_FILE_LINE_MAX bytes */
        size_t at, end;
        uint64_t total;
        unsigned line;
        bool eof, skip; /* skip: the rest of a line that was too long */
};

static void reader_free(struct reader *r)
{
        explicit_bzero(r->p, PASSWD_FILE_LINE_MAX);
        free(r->p);
        fd_close_p(&r->fd);
}

static int fill(struct reader *r)
{
        memmove(r->p, r->p + r->at, r->end - r->at);
        r->end -= r->at;
        r->at = 0;
        ssize_t n = fd_read_all(r->fd, r->p + r->end, PASSWD_FILE_LINE_MAX - r->end);
        if (n < 0)
                return (int)n;
        r->eof = n == 0;
        r->end += (size_t)n;
        r->total += (uint64_t)n;
        return r->total > PASSWD_FILE_BYTES_MAX ? -EFBIG : 0;
}

/* 1: the next line, without its end; of one that is too long the beginning, with *ret_cut. 0: end of the
 * file. */
static int next_line(struct reader *r, struct slice *ret, bool *ret_cut)
{
        for (;;) {
                struct slice have = {r->p + r->at, r->end - r->at};
                size_t end = slice_find(have, '\n');
                bool full = end == have.n && have.n == PASSWD_FILE_LINE_MAX;
                if (end == have.n && !full && !r->eof) {
                        int e = fill(r);
                        if (e < 0)
                                return e;
                        continue;
                }
                if (have.n == 0)
                        return 0;
                bool rest_of_long = r->skip;
                r->skip = full;
                r->at += MIN(end + 1, have.n);
                if (rest_of_long)
                        continue;
                r->line++;
                *ret = slice_head(have, end);
                if (ret->n && ret->p[ret->n - 1] == '\r')
                        ret->n--;
                *ret_cut = full;
                return 1;
        }
}

/* The part before the next ':'; "" when there is none. */
static struct slice take_field(struct slice *rest)
{
        struct slice field = SLICE_NULL;
        slice_split(rest, ':', &field);
        return field;
}

static void keep_entry(struct passwd_file_entry *e, struct arena *arena, unsigned line, struct slice password,
                       struct slice rest)
{
        e->line = line;
        buf_append(&e->password, password);
        e->uid = arena_str(arena, take_field(&rest));
        e->gid = arena_str(arena, take_field(&rest));
        take_field(&rest); /* gecos */
        e->home = arena_str(arena, take_field(&rest));
        take_field(&rest); /* shell */
        e->extra = arena_str(arena, rest);
}

static enum passwd_file_result scan(struct reader *r, const char *path, struct slice user,
                                    const char *default_scheme, struct arena *arena,
                                    struct passwd_file_entry *e, const char **ret_error)
{
        struct slice line;
        bool cut;
        int got;
        while ((got = next_line(r, &line, &cut)) > 0) {
                if (line.n == 0 || line.p[0] == '#' || line.p[0] == ':')
                        continue;
                struct slice rest = line, name = take_field(&rest);
                bool hit = e->line == 0 && slice_eq(name, user);
                if (cut && hit) {
                        *ret_error = arena_printf(arena, "%s line %u: longer than %d bytes", path, r->line,
                                                  PASSWD_FILE_LINE_MAX);
                        return PASSWD_FILE_ERROR;
                }
                struct slice password = take_field(&rest);
                if (hit)
                        keep_entry(e, arena, r->line, password, rest);
                if (e->sample.n == 0 && !cut && scheme_usable(password, default_scheme))
                        buf_append(&e->sample, password);
        }
        if (got == -EFBIG)
                *ret_error = arena_printf(arena, "%s is larger than %d bytes: too many users for a file",
                                          path, PASSWD_FILE_BYTES_MAX);
        else if (got < 0)
                *ret_error = arena_printf(arena, "read(%s) failed: %s", path, strerror(-got));
        if (got < 0)
                return PASSWD_FILE_ERROR;
        return e->line ? PASSWD_FILE_FOUND : PASSWD_FILE_NO_USER;
}

static int open_file(const char *path, struct arena *arena, const char **ret_error)
{
        /* the administrator's own path: links are followed, but a FIFO must not make us wait */
        _cleanup_(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0) {
                int e = errno;
                *ret_error = arena_printf(arena, "open(%s) failed: %s (euid=%lu egid=%lu)", path, strerror(e),
                                          (unsigned long)geteuid(), (unsigned long)getegid());
                return -e;
        }
        struct stat st;
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                *ret_error = arena_printf(arena, "%s is not a regular file", path);
                return -EINVAL;
        }
        return TAKE_FD(fd);
}

enum passwd_file_result passwd_file_find(const char *path, struct slice user, const char *default_scheme,
                                         struct arena *arena, struct passwd_file_entry *ret,
                                         const char **ret_error)
{
        int fd = open_file(path, arena, ret_error);
        if (fd < 0)
                return fd == -ENOENT ? PASSWD_FILE_MISSING : PASSWD_FILE_ERROR;
        _cleanup_(reader_free) struct reader r = {.fd = fd, .p = xmalloc(PASSWD_FILE_LINE_MAX)};
        _cleanup_(passwd_file_entry_free) struct passwd_file_entry e = {0};
        enum passwd_file_result result = scan(&r, path, user, default_scheme, arena, &e, ret_error);
        if (result == PASSWD_FILE_FOUND || result == PASSWD_FILE_NO_USER) {
                *ret = e;
                e = (struct passwd_file_entry){0};
        }
        return result;
}

void passwd_file_entry_free(struct passwd_file_entry *e)
{
        buf_wipe(&e->password);
        buf_wipe(&e->sample);
}

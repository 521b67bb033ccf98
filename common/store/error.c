#include "store/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/user.h"

enum { ERROR_MAX_BYTES = 8192 /* two paths and words */ };

static bool in_group(gid_t gid)
{
        gid_t groups[64];
        int n = getgroups(ARRAY_LEN(groups), groups);
        for (int i = 0; i < n; i++)
                if (groups[i] == gid)
                        return true;
        return gid == getegid();
}

/* The rwx bits that we have. */
static unsigned ours(const struct stat *st)
{
        if (st->st_uid == geteuid())
                return st->st_mode >> 6 & 7;
        return in_group(st->st_gid) ? st->st_mode >> 3 & 7 : st->st_mode & 7;
}

static void parent_of(char *path)
{
        char *slash = strrchr(path, '/');
        if (slash && slash != path)
                *slash = '\0';
        else
                memcpy(path, "/", 2);
}

/* The permission that we lack on what `st` describes, 0 if none. */
static char lacks(const struct stat *st, bool reads)
{
        unsigned have = ours(st);
        if (S_ISDIR(st->st_mode) && !(have & 1))
                return 'x';
        if (reads)
                return have & 4 ? 0 : 'r';
        return have & 2 ? 0 : 'w';
}

/* Finds the directory (or file) that stands in the way: the nearest one to `path` that can be looked at, else
 * the directory above it, where a lock or a new file may have been wanted. */
static void describe_missing(struct buf *b, const char *call, const char *path)
{
        bool reads =
                strstr(call, "open") || strstr(call, "mmap") || strstr(call, "read") || strstr(call, "watch");
        _cleanup_(free_p) char *at = xstrdup(path);
        if (!reads)
                parent_of(at);
        struct stat st;
        while (stat(at, &st) < 0) {
                if (strcmp(at, "/") == 0 || strcmp(at, ".") == 0)
                        return;
                parent_of(at);
                reads = false;
        }
        char missing = lacks(&st, reads);
        if (!missing && reads) {
                parent_of(at);
                missing = stat(at, &st) == 0 ? lacks(&st, false) : 0;
        }
        if (missing)
                buf_printf(b, " missing +%c perm: %s, %s owned by %ld:%ld mode=%04o", missing, at,
                           S_ISDIR(st.st_mode) ? "dir" : "file", (long)st.st_uid, (long)st.st_gid,
                           (unsigned)(st.st_mode & 07777));
        else
                buf_str(b, " UNIX perms appear ok (ACL/MAC wrong?)");
}

int error_set(struct store *s, int r, const char *call, const char *path)
{
        struct buf *b = &s->error;
        s->refusal = NULL;
        buf_free(b);
        *b = BUF_BOUNDED(ERROR_MAX_BYTES);
        buf_printf(b, "%s(%s) failed: %s", call, path, strerror(-r));
        if (r == -EACCES || r == -EPERM) {
                buf_printf(b, " (euid=%ld(%s) egid=%ld", (long)geteuid(), s->user.name, (long)getegid());
                describe_missing(b, call, path);
                buf_char(b, ')');
        }
        buf_cstr(b); /* store_error() gives it as a string */
        return r;
}

int error_set_at(struct store *s, int r, const char *call, const char *dir, const char *name)
{
        _cleanup_(free_p) char *path = xasprintf("%s%s%s", dir, *name ? "/" : "", name);
        return error_set(s, r, call, path);
}

int error_text(struct store *s, int r, const char *fmt, ...)
{
        char text[ERROR_MAX_BYTES / 2];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        s->refusal = NULL;
        buf_free(&s->error);
        s->error = BUF_BOUNDED(ERROR_MAX_BYTES);
        buf_str(&s->error, text);
        buf_cstr(&s->error);
        return r;
}

const char *store_error(const struct store *s)
{
        return s->error.n ? s->error.p : "no error";
}

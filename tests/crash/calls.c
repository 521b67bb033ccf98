#include "calls.h"

#include <sys/syscall.h>

#define NO_FILE                                                                                              \
        {                                                                                                    \
                CALL_NONE, CALL_NONE                                                                         \
        }
#define BY_FD(fd)                                                                                            \
        {                                                                                                    \
                {fd, CALL_NONE}, NO_FILE                                                                     \
        }
#define BY_PATH(path)                                                                                        \
        {                                                                                                    \
                {CALL_NONE, path}, NO_FILE                                                                   \
        }
#define BELOW(fd, path)                                                                                      \
        {                                                                                                    \
                {fd, path}, NO_FILE                                                                          \
        }

#define CHANGES(name, ...)                                                                                   \
        {                                                                                                    \
                SYS_##name, #name, __VA_ARGS__, true, CALL_NONE, CALL_NONE                                   \
        }
#define LOOKS(name, ...)                                                                                     \
        {                                                                                                    \
                SYS_##name, #name, __VA_ARGS__, false, CALL_NONE, CALL_NONE                                  \
        }
#define PUTS(name, length, ...)                                                                              \
        {                                                                                                    \
                SYS_##name, #name, __VA_ARGS__, true, CALL_NONE, length                                      \
        }
#define OPENS(name, flags, ...)                                                                              \
        {                                                                                                    \
                SYS_##name, #name, __VA_ARGS__, false, flags, CALL_NONE                                      \
        }

#define FDS(a, b)                                                                                            \
        {                                                                                                    \
                {a, CALL_NONE},                                                                              \
                {                                                                                            \
                        b, CALL_NONE                                                                         \
                }                                                                                            \
        }
#define PATHS(a, b)                                                                                          \
        {                                                                                                    \
                {CALL_NONE, a},                                                                              \
                {                                                                                            \
                        CALL_NONE, b                                                                         \
                }                                                                                            \
        }
#define FDS_PATHS(a, b, c, d)                                                                                \
        {                                                                                                    \
                {a, b},                                                                                      \
                {                                                                                            \
                        c, d                                                                                 \
                }                                                                                            \
        }

const struct call_kind call_kinds[] = {
        OPENS(openat, 2, BELOW(0, 1)),
        PUTS(write, 2, BY_FD(0)),
        PUTS(writev, 2, BY_FD(0)),
        PUTS(pwrite64, 2, BY_FD(0)),
        PUTS(pwritev, 2, BY_FD(0)),
        PUTS(pwritev2, 2, BY_FD(0)),
        PUTS(copy_file_range, 4, FDS(0, 2)),
        PUTS(sendfile, 3, BY_FD(0)),
        PUTS(splice, 4, BY_FD(2)),
        CHANGES(ftruncate, BY_FD(0)),
        CHANGES(truncate, BY_PATH(0)),
        CHANGES(fallocate, BY_FD(0)),
        CHANGES(fsync, BY_FD(0)),
        CHANGES(fdatasync, BY_FD(0)),
        CHANGES(sync_file_range, BY_FD(0)),
        CHANGES(renameat2, FDS_PATHS(0, 1, 2, 3)),
        CHANGES(linkat, FDS_PATHS(0, 1, 2, 3)),
        CHANGES(symlinkat, BELOW(1, 2)),
        CHANGES(unlinkat, BELOW(0, 1)),
        CHANGES(mkdirat, BELOW(0, 1)),
        CHANGES(utimensat, BELOW(0, 1)), /* futimens() has no path */
        CHANGES(fchmod, BY_FD(0)),
        CHANGES(fchmodat, BELOW(0, 1)),
        CHANGES(fchown, BY_FD(0)),
        CHANGES(fchownat, BELOW(0, 1)),
        LOOKS(read, BY_FD(0)),
        LOOKS(readv, BY_FD(0)),
        LOOKS(pread64, BY_FD(0)),
        LOOKS(preadv, BY_FD(0)),
        LOOKS(getdents64, BY_FD(0)),
        LOOKS(fstat, BY_FD(0)),
        LOOKS(newfstatat, BELOW(0, 1)),
        LOOKS(statx, BELOW(0, 1)),
        LOOKS(faccessat, BELOW(0, 1)),
        LOOKS(readlinkat, BELOW(0, 1)),
        LOOKS(mmap, BY_FD(4)),
#ifdef SYS_faccessat2
        LOOKS(faccessat2, BELOW(0, 1)),
#endif
#ifdef SYS_renameat
        CHANGES(renameat, FDS_PATHS(0, 1, 2, 3)),
#endif
#ifdef SYS_open /* the forms without a directory, which newer architectures lack */
        OPENS(open, 1, BY_PATH(0)),
        CHANGES(creat, BY_PATH(0)),
        CHANGES(rename, PATHS(0, 1)),
        CHANGES(link, PATHS(0, 1)),
        CHANGES(unlink, BY_PATH(0)),
        CHANGES(mkdir, BY_PATH(0)),
        CHANGES(rmdir, BY_PATH(0)),
        CHANGES(chmod, BY_PATH(0)),
        CHANGES(chown, BY_PATH(0)),
        CHANGES(utime, BY_PATH(0)),
        LOOKS(stat, BY_PATH(0)),
        LOOKS(lstat, BY_PATH(0)),
        LOOKS(access, BY_PATH(0)),
#endif
};
const size_t call_kinds_n = sizeof(call_kinds) / sizeof(*call_kinds);

const struct call_kind *call_find(long nr)
{
        for (size_t i = 0; i < call_kinds_n; i++)
                if (call_kinds[i].nr == nr)
                        return &call_kinds[i];
        return NULL;
}

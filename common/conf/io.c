#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>

#include "base/fd.h"

/* A certificate chain or a key; a whole system's store of authorities has some 200 kB. */
enum { PEM_BYTES_MAX = 4 * 1024 * 1024 };

static int files_read(void *context, const char *path, struct buf *to)
{
        return file_read(path, to);
}

static int files_glob(void *context, const char *pattern, struct buf *to)
{
        glob_t found = {0};
        int error = glob(pattern, 0, NULL, &found);
        for (size_t i = 0; error == 0 && i < found.gl_pathc; i++)
                buf_append(to, slice_make(found.gl_pathv[i], strlen(found.gl_pathv[i]) + 1));
        globfree(&found);
        return error == 0 ? 0 : error == GLOB_NOMATCH ? -ENOENT : error == GLOB_NOSPACE ? -ENOMEM : -EIO;
}

static int files_identify(void *context, const char *path, struct conf_identity *ret)
{
        struct stat st;
        if (stat(path, &st) < 0) {
                if (errno != ENOENT && errno != ENOTDIR)
                        return -errno;
                *ret = (struct conf_identity){0};
                return 0;
        }
        *ret = (struct conf_identity){
                .exists = true,
                .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
                .size = st.st_size,
                .inode = st.st_ino,
        };
        return 0;
}

const struct conf_io conf_io_files = {.read = files_read, .glob = files_glob, .identify = files_identify};

int conf_file_read(const struct settings_file *file, struct buf *to)
{
        if (file->path[0] == '\0')
                return buf_str(to, file->text);
        _cleanup_(buf_wipe) struct buf content = BUF_BOUNDED(PEM_BYTES_MAX);
        int error = file_read(file->path, &content);
        return error < 0 ? error : buf_append(to, buf_slice(&content));
}

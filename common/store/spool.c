#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/filename.h"
#include "store/saved.h"

/* In tmp/ as all that is written, and without a name as soon as it is open. */
static int open_spool(struct save *s)
{
        _cleanup_(buf_free) struct buf path = {0};
        buf_str(&path, "tmp/");
        filename_generate(&path, &s->to->store->last_name_us);
        int r = perm_create(s->to->dir, buf_cstr(&path), &s->to->perm, &s->spool_fd);
        if (r < 0)
                return save_error(s, r, "open", buf_cstr(&path));
        if (unlinkat(s->to->dir, buf_cstr(&path), 0) < 0)
                return save_error(s, -errno, "unlink", buf_cstr(&path));
        return 0;
}

int save_spool(struct save *s, struct slice bytes)
{
        int r = s->failed;
        if (r == 0 && s->spool_fd < 0)
                r = open_spool(s);
        if (r < 0)
                return r;
        r = fd_write_all(s->spool_fd, bytes);
        if (r < 0)
                return save_error(s, r, "write", "tmp");
        s->spool_size += bytes.n;
        return 0;
}

int save_spooled(struct save *s, struct message_text *ret)
{
        struct message_text text = {0};
        if (s->spool_size) {
                void *map = mmap(NULL, s->spool_size, PROT_READ, MAP_PRIVATE, s->spool_fd, 0);
                if (map == MAP_FAILED)
                        return save_error(s, -errno, "mmap", "tmp");
                text = (struct message_text){slice_make(map, s->spool_size), map, s->spool_size, NULL};
        }
        fd_close_p(&s->spool_fd);
        s->spool_size = 0;
        *ret = text;
        return 0;
}

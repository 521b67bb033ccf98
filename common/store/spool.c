#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/saved.h"

int save_spool(struct save *s, struct slice bytes)
{
        int r = s->failed;
        if (r == 0 && s->spool_fd < 0)
                r = s->to->format->save_spool(s, &s->spool_fd);
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
                text = (struct message_text){
                        .raw = slice_make(map, s->spool_size), .map = map, .map_size = s->spool_size};
        }
        fd_close_p(&s->spool_fd);
        s->spool_size = 0;
        *ret = text;
        return 0;
}

#include "store/import.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/courier.h"
#include "store/filename.h"

bool import_is_due(const struct mailbox *m)
{
        struct stat st;
        return m->index.head.truth.uidvalidity == 0 &&
               fstatat(m->control, UIDLIST_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

int import_lines(struct lines *l, void (*line)(void *context, const struct uidlist_line *line))
{
        _cleanup_(arena_free) struct arena arena = {0};
        struct courier_uids uids;
        struct uidlist *u = &l->m->uidlist;
        int r = courier_uids(l->m->dir, &arena, &uids);
        /* who was not here, or left what nobody can read, has nothing to give */
        if (r == -ENOENT || r == -EINVAL || r == -E2BIG)
                return 0;
        if (r < 0)
                return opened_error(l->m, r, "open", "courierimapuiddb");
        u->uidvalidity = uids.uidvalidity;
        u->nextuid = MAX(u->nextuid, uids.nextuid);
        for (size_t i = 0; i < uids.n; i++)
                line(l, &(struct uidlist_line){.uid = uids.uids[i].uid, .base = uids.uids[i].base});
        return 0;
}

struct import {
        struct mailbox *m;
        struct courier_keywords *messages;
        size_t n;
        struct map by_base;
};

/* Letters for what finds room; names that are none here are left out. */
static uint32_t letters_of(struct import *im, const struct courier_keywords *k)
{
        struct keywords *known = &im->m->keywords;
        uint32_t letters = 0;
        unsigned bit;
        for (size_t i = 0; i < k->n; i++)
                if (keywords_bit(known, k->names[i], true, &bit) == 0 &&
                    (known->letter[bit] >= 0 ||
                     keywords_assign(known, im->m->control, &im->m->perm, UINT64_C(1) << bit) == 0))
                        letters |= 1u << known->letter[bit];
        return letters;
}

static int rename_file(struct import *im, int fd, struct slice name)
{
        struct slice base, info;
        uint8_t flags;
        uint32_t letters;
        filename_split(name, &base, &info);
        const struct courier_keywords *k = map_get(&im->by_base, base);
        if (!k)
                return 0;
        filename_info_parse(info, &flags, &letters);
        uint32_t all = letters | letters_of(im, k);
        if (all == letters)
                return 0;
        _cleanup_(buf_free) struct buf from = {0}, to = {0};
        buf_append(&from, name);
        buf_append(&to, base);
        filename_info_format(&to, info, flags, all);
        if (renameat(fd, buf_cstr(&from), fd, buf_cstr(&to)) < 0 && errno != ENOENT)
                return opened_error(im->m, -errno, "rename", "cur");
        return 0;
}

static int rename_all(struct import *im)
{
        int fd = openat(im->m->dir, "cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_(dir_close_p) DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) {
                fd_close_p(&fd);
                return 0; /* the look at the folder that comes next will say so */
        }
        int r = 0;
        for (struct dirent *e; r == 0 && (e = dir_next(d, &r));)
                if (filename_usable(slice_of(e->d_name)))
                        r = rename_file(im, fd, slice_of(e->d_name));
        return r;
}

int import_keywords(struct mailbox *m)
{
        _cleanup_(arena_free) struct arena arena = {0};
        _cleanup_(map_free) struct map by_base = {0};
        struct import im = {.m = m};
        if (courier_keywords(m->dir, &arena, &im.messages, &im.n) < 0 || im.n == 0)
                return 0;
        int r = uidlist_lock(&m->uidlist);
        if (r == -EACCES || r == -EPERM || r == -EROFS)
                return 0;
        if (r < 0)
                return opened_error(m, r, r == -ETIMEDOUT ? "lock" : "open", UIDLIST_NAME);
        for (size_t i = 0; i < im.n; i++)
                map_put(&by_base, im.messages[i].base, &im.messages[i]);
        im.by_base = by_base;
        r = rename_all(&im);
        uidlist_unlock(&m->uidlist);
        return r;
}

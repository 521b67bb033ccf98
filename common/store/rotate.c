/* The next generation of an index's files: a snapshot of what is known, an empty journal. */

#include <unistd.h>

#include "base/fd.h"
#include "base/random.h"
#include "store/journal.h"

enum {
        /* beside what struct index says */
        ROTATE_EACH = 4,  /* bytes more a message */
        ROTATE_PART = 32, /* one in so many messages more is changed */
};

bool rotate_is_due(const struct index *ix)
{
        /* a snapshot does not know of it */
        if (ix->intent.n && !ix->whole && !ix->damaged)
                return false;
        return ix->whole || ix->damaged ||
               ix->journal_at > ix->rotate_bytes + (uint64_t)ix->n * ROTATE_EACH ||
               ix->touched > ix->rotate_touched + ix->n / ROTATE_PART;
}

static int write_journal(struct index *ix, uint64_t generation, const struct snapshot_identity *identity,
                         int *ret_fd)
{
        struct journal_header h = {.magic = JOURNAL_MAGIC,
                                   .version = JOURNAL_VERSION,
                                   .order = JOURNAL_ORDER,
                                   .generation = generation,
                                   .snapshot = *identity};
        h.hash = journal_header_hash(&h);
        int fd = -1, r = perm_replace_begin(ix->dirfd, JOURNAL_NAME, &ix->perm, &fd);
        if (r < 0)
                return r;
        r = fd_write_all(fd, slice_make(&h, sizeof(h)));
        if (r == 0)
                r = filelock_acquire(fd, deadline_in_ms(0), NULL);
        if (r < 0) {
                perm_replace_end(ix->dirfd, JOURNAL_NAME, fd, r, false);
                fd_close_p(&fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

/* The next generation. Its journal takes the name first, locked, so that nobody goes on before its snapshot
 * has taken its own. */
int rotate(struct index *ix)
{
        struct snapshot_identity identity;
        _cleanup_(fd_close_p) int snapshot = -1, journal = -1;
        uint64_t generation = ix->head.generation + 1;
        if (ix->head.generation == 0)
                random_bytes(&generation, sizeof(generation));
        int r = snapshot_write(ix, generation, &identity, &snapshot);
        if (r < 0)
                return r;
        r = write_journal(ix, generation, &identity, &journal);
        if (r == 0)
                r = perm_replace_end(ix->dirfd, JOURNAL_NAME, journal, 0, false);
        r = perm_replace_end(ix->dirfd, INDEX_NAME, snapshot, r, false);
        if (r < 0)
                return r;
        fd_close_p(&ix->journal);
        ix->journal = TAKE_FD(journal);
        ix->journal_at = sizeof(struct journal_header);
        ix->head.generation = generation;
        ix->touched = 0;
        ix->damaged = false;
        ix->rotated = true;
        ix->adopting = false;
        return 0;
}

/* mailsession.journal: transactions behind a snapshot, and the lock that all changes are made under. README
 * has the format. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/random.h"
#include "store/journal.h"
#include "store/user.h"

enum {
        JOURNAL_TRIES = 5,
        JOURNAL_LOAD_WAIT_MS = 5000, /* for who is just writing another generation */
};

uint64_t journal_header_hash(const struct journal_header *h)
{
        struct journal_header copy = *h;
        copy.hash = 0;
        return hash_bytes(slice_make(&copy, sizeof(copy)), JOURNAL_VERSION);
}

static uint64_t transaction_hash(const struct index *ix, const char *p, size_t n, uint64_t at)
{
        return hash_bytes(slice_from(slice_make(p, n), sizeof(uint64_t)), ix->head.generation ^ at);
}

static const char *header_fault(const struct journal_header *h)
{
        if (memcmp(h->magic, JOURNAL_MAGIC, sizeof(h->magic)) != 0)
                return "its journal is no journal";
        if (h->order != JOURNAL_ORDER)
                return "its journal was written on a machine of another byte order";
        if (h->version != JOURNAL_VERSION)
                return "its journal is of another version";
        return h->hash == journal_header_hash(h) ? NULL : "its journal's header is damaged";
}

int journal_open(struct index *ix, int flags)
{
        if (ix->journal >= 0)
                return 0;
        ix->journal = openat(ix->dirfd, JOURNAL_NAME, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
                             ix->perm.file);
        if (ix->journal < 0)
                return -errno;
        struct stat st;
        if (fstat(ix->journal, &st) == 0 && S_ISREG(st.st_mode))
                return 0;
        fd_close_p(&ix->journal);
        return -EINVAL;
}

/* Reads [journal_at, end of file), with whatever is not whole yet. */
static int read_tail(const struct index *ix, uint64_t size, struct buf *to)
{
        if (size <= ix->journal_at)
                return 0;
        size_t n = (size_t)(size - ix->journal_at), done = 0;
        char *p = buf_reserve(to, n);
        while (done < n) {
                ssize_t got = pread(ix->journal, p + done, n - done, (off_t)(ix->journal_at + done));
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return -errno;
                if (got == 0)
                        break;
                done += (size_t)got;
        }
        to->n = done;
        return 0;
}

bool journal_next(const struct index *ix, struct slice tail, struct journal_transaction *ret,
                  struct slice *ret_ops)
{
        struct journal_transaction t;
        if (tail.n < sizeof(t))
                return false;
        memcpy(&t, tail.p, sizeof(t));
        if (t.size < sizeof(t) || t.size > tail.n || t.size % 8 ||
            t.hash != transaction_hash(ix, tail.p, t.size, ix->journal_at))
                return false;
        *ret = t;
        *ret_ops = slice_from(slice_head(tail, t.size), sizeof(t));
        return true;
}

/* Applies the transactions that are whole. */
static int replay(struct index *ix, struct slice tail)
{
        struct journal_transaction t;
        struct slice ops;
        while (journal_next(ix, tail, &t, &ops)) {
                int r = change_apply(ix, ops, t.modseq, false);
                if (r < 0)
                        return r;
                ix->journal_at += t.size;
                tail = slice_from(tail, t.size);
        }
        return 0;
}

/* `damaged` when something is left that cannot be read: somebody may be writing it just now, unless it is
 * locked. */
static void journal_replay(struct index *ix, uint64_t size)
{
        _cleanup_(buf_free) struct buf tail = {0};
        if (size == ix->journal_at)
                return;
        int r = read_tail(ix, size, &tail);
        if (r == 0)
                r = replay(ix, buf_slice(&tail));
        if (r < 0 || (ix->locked && size != ix->journal_at))
                ix->damaged = true;
}

int journal_header(struct index *ix, struct slice text, struct journal_header *ret)
{
        struct journal_header h;
        if (text.n < sizeof(h)) {
                /* empty: somebody is about to make the first snapshot */
                if (text.n > 0)
                        ix->why = "its journal is cut off";
                return -EBADMSG;
        }
        memcpy(&h, text.p, sizeof(h));
        const char *why = header_fault(&h);
        if (why) {
                ix->why = why;
                return -EBADMSG;
        }
        *ret = h;
        return 0;
}

/* One try: both files, of one generation. -EAGAIN: they are of two. */
static int load(struct index *ix)
{
        struct journal_header h;
        struct stat st;
        ssize_t n = pread(ix->journal, &h, sizeof(h), 0);
        int r = journal_header(ix, slice_make(&h, n > 0 ? (size_t)n : 0), &h);
        if (r < 0)
                return r;
        r = snapshot_load(ix, &h.snapshot);
        if (r == -ENOENT)
                ix->why = "it is missing beside its journal";
        if (r < 0)
                return r;
        if (ix->head.generation != h.generation) {
                ix->why = "its journal is of another generation";
                return -EAGAIN;
        }
        ix->why = NULL;
        ix->journal_at = sizeof(h);
        ix->damaged = false;
        if (fstat(ix->journal, &st) < 0)
                return -errno;
        journal_replay(ix, (uint64_t)st.st_size);
        ix->ready = true;
        return 0;
}

/* An index whose journal was found unreadable in the middle must not be taken for more than it is: what comes
 * after is found out from the Maildir. */
void index_open(struct index *ix)
{
        ix->why = NULL;
        for (int i = 0; i < JOURNAL_TRIES && !ix->detached && !ix->ready; i++) {
                int r = journal_open(ix, O_RDWR);
                if (r == -EACCES || r == -EROFS)
                        r = journal_open(ix, O_RDONLY);
                if (r < 0)
                        return;
                r = load(ix);
                if (r == 0)
                        return;
                index_forget_all(ix);
                if (ix->locked)
                        return;
                /* who holds the lock may be between the two renames */
                if (r != -EAGAIN && r != -ENOENT && r != -EBADMSG)
                        return;
                if (filelock_acquire(ix->journal, deadline_in_ms(JOURNAL_LOAD_WAIT_MS), &ix->waiter) == 0)
                        filelock_release(ix->journal);
                fd_close_p(&ix->journal);
                if (r == -EBADMSG && i > 0)
                        return;
        }
}

int index_refresh(struct index *ix)
{
        if (ix->detached || !ix->ready)
                return 0;
        if (ix->journal < 0)
                return -ESTALE;
        struct stat st;
        if (fstat(ix->journal, &st) < 0)
                return -errno;
        if ((uint64_t)st.st_size < ix->journal_at)
                return -ESTALE;
        if ((uint64_t)st.st_size > ix->journal_at)
                journal_replay(ix, (uint64_t)st.st_size);
        return st.st_nlink == 0 ? -ESTALE : 0;
}

void index_detach(struct index *ix)
{
        filelock_release(ix->journal);
        ix->detached = true;
        ix->damaged = false;
}

static bool cannot_write(int r)
{
        return r == -EACCES || r == -EPERM || r == -EROFS || r == -ENOSPC || r == -EDQUOT || r == -EIO ||
               r == -ENOENT || r == -EINVAL || r == -ELOOP || r == -EISDIR || r == -EBADF || r == -ENOLCK;
}

/* Locked on the journal that has the name; *ret is what it is like behind the lock, and stays so: who has no
 * lock does not write to it, and puts no other one in its place. */
static int lock_current(struct index *ix, struct stat *ret)
{
        for (int i = 0; i < JOURNAL_TRIES; i++) {
                int r = journal_open(ix, O_RDWR | O_CREAT);
                if (r == 0)
                        r = filelock_acquire(ix->journal, deadline_in_ms(USER_LOCK_WAIT_MS), &ix->waiter);
                if (r == 0 && fstat(ix->journal, ret) < 0)
                        r = -errno;
                if (r < 0)
                        return r;
                if (ret->st_nlink > 0 || ix->ready)
                        return 0;
                fd_close_p(&ix->journal);
        }
        return -ETIMEDOUT;
}

void index_adopt(struct index *ix)
{
        fd_close_p(&ix->journal);
        ix->adopting = true;
}

/* Somebody else made the files again before we had the lock. */
static bool is_made(struct index *ix)
{
        struct index other;
        index_init(&other, ix->dirfd, &ix->perm, ix->sync);
        other.locked = true;
        index_open(&other);
        bool made = other.ready;
        index_free(&other);
        return made;
}

static void start_transaction(struct index *ix)
{
        uint64_t now = (uint64_t)clock_realtime_us();
        ix->now = MAX(ix->head.modseq + 1, now);
        ix->ops.n = 0;
        ix->whole = false;
        ix->locked = true;
}

int index_begin(struct index *ix)
{
        struct stat st = {0};
        int r = ix->detached ? 0 : lock_current(ix, &st);
        if (cannot_write(r))
                index_detach(ix);
        else if (r < 0)
                return r;
        if (!ix->detached) {
                ix->locked = true;
                bool stale = ix->ready && (ix->adopting ? is_made(ix) : st.st_nlink == 0);
                if (ix->ready && !ix->adopting)
                        journal_replay(ix, (uint64_t)st.st_size);
                else if (!ix->ready)
                        index_open(ix);
                if (stale) {
                        ix->locked = false;
                        filelock_release(ix->journal);
                        return -ESTALE;
                }
        }
        start_transaction(ix);
        ix->whole = ix->adopting;
        if (!ix->ready)
                index_reset(ix);
        return 0;
}

static int append(struct index *ix)
{
        struct journal_transaction t = {.size = (uint32_t)(sizeof(t) + ix->ops.n), .modseq = ix->now};
        _cleanup_(buf_free) struct buf b = {0};
        buf_append(&b, slice_make(&t, sizeof(t)));
        buf_append(&b, buf_slice(&ix->ops));
        t.hash = transaction_hash(ix, b.p, b.n, ix->journal_at);
        memcpy(b.p, &t.hash, sizeof(t.hash));
        for (size_t done = 0; done < b.n;) {
                ssize_t n = pwrite(ix->journal, b.p + done, b.n - done, (off_t)(ix->journal_at + done));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) {
                        int r = n < 0 ? -errno : -EIO;
                        (void)!ftruncate(ix->journal, (off_t)ix->journal_at);
                        return r;
                }
                done += (size_t)n;
        }
        ix->journal_at += b.n;
        return 0;
}

void journal_write(struct index *ix, bool sync)
{
        if (ix->detached || ix->whole || ix->ops.n == 0)
                return;
        ix->intent_at = ix->journal_at;
        index_note_sum(ix);
        if (append(ix) < 0 || (sync && fdatasync(ix->journal) < 0)) {
                index_detach(ix);
                return;
        }
        ix->ops.n = 0;
        ix->now++;
}

void index_commit(struct index *ix)
{
        if (!ix->locked)
                return;
        ix->locked = false;
        if (ix->detached) {
                ix->ops.n = 0;
                return;
        }
        if (ix->ops.n)
                index_note_sum(ix);
        if (ix->ops.n || ix->whole) {
                /* who cannot write all of it writes no more: the others would miss a part */
                int r = rotate_is_due(ix) ? rotate(ix) : append(ix);
                /* an intent whose end cannot be told must not be found */
                if (r < 0 && ix->intent_at)
                        (void)!ftruncate(ix->journal, (off_t)ix->intent_at);
                if (r < 0)
                        index_detach(ix);
        }
        ix->intent_at = 0;
        filelock_release(ix->journal);
        ix->ops.n = 0;
        ix->whole = false;
}

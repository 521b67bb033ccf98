#include "store/uidlist.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/random.h"
#include "store/user.h"

void uidlist_init(struct uidlist *u, int dirfd, const struct perm *perm, bool sync, bool light)
{
        *u = (struct uidlist){.dirfd = dirfd, .perm = *perm, .sync = sync, .light = light, .nextuid = 1};
        u->lock = DOTLOCK_NONE;
}

void uidlist_free(struct uidlist *u)
{
        uidlist_unlock(u);
        free(u->records);
        free(u->header_fields);
        map_free(&u->by_base);
        arena_free(&u->arena);
}

void uidlist_make_guid(char ret[UIDLIST_GUID_LEN + 1])
{
        uint8_t bytes[UIDLIST_GUID_LEN / 2];
        random_bytes(bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++) {
                ret[i * 2] = "0123456789abcdef"[bytes[i] >> 4];
                ret[i * 2 + 1] = "0123456789abcdef"[bytes[i] & 15];
        }
        ret[UIDLIST_GUID_LEN] = '\0';
}

struct record *uidlist_find(const struct uidlist *u, struct slice base)
{
        return map_get(&u->by_base, base);
}

size_t uidlist_index(const struct uidlist *u, uint32_t uid)
{
        size_t low = 0, high = u->n;
        while (low < high) {
                size_t mid = low + (high - low) / 2;
                if (u->records[mid]->message.uid < uid)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

static struct record *record_new(struct uidlist *u, uint32_t uid, struct slice base)
{
        struct record *old = uidlist_find(u, base);
        if (old)
                old->replaced = true;
        struct record *rec = arena_new(&u->arena, struct record);
        rec->message.uid = uid;
        rec->base = arena_slice(&u->arena, base);
        rec->vsize = RECORD_SIZE_UNKNOWN;
        if (u->n == u->cap) {
                u->cap = u->cap ? u->cap * 2 : 256;
                u->records = xrealloc(u->records, u->cap * sizeof(struct record *));
        }
        u->records[u->n++] = rec;
        map_put(&u->by_base, rec->base, rec);
        return rec;
}

int uidlist_add(struct uidlist *u, struct slice base, struct record **ret)
{
        if (u->nextuid >= UIDLIST_UID_MAX)
                return -EOVERFLOW;
        *ret = record_new(u, u->nextuid++, base);
        return 0;
}

static void take_line(struct uidlist *u, const struct uidlist_line *line)
{
        struct record *rec = uidlist_find(u, line->base);
        if (rec && rec->message.uid == line->uid) {
                if (rec->listed)
                        u->rewrite = true; /* twice in the file */
        } else {
                if (rec && rec->listed)
                        u->rewrite = true; /* an expunged file came back: the later UID counts */
                rec = record_new(u, line->uid, line->base);
        }
        rec->listed = true;
        if (!slice_eq(rec->fields, line->fields))
                rec->fields = arena_slice(&u->arena, line->fields);
}

/* Takes in the lines of `text`, which begins at file offset u->read_to. */
static void take_lines(struct uidlist *u, struct slice text)
{
        while (text.n) {
                size_t lf = slice_find(text, '\n');
                if (lf == text.n) {
                        /* being written just now, or torn */
                        u->rewrite |= u->lock.dirfd >= 0;
                        return;
                }
                struct uidlist_line line;
                int r = uidlist_line_parse(u->version, slice_head(text, lf), &line);
                u->lines++;
                u->read_to += lf + 1;
                text = slice_from(text, lf + 1);
                if (r < 0 || line.uid <= u->last_uid) {
                        /* a UID may have been lost with the line: it is not given again */
                        u->rewrite = true;
                        u->nextuid++;
                        continue;
                }
                u->last_uid = line.uid;
                if (u->nextuid <= line.uid)
                        u->nextuid = line.uid + 1;
                if (!u->light)
                        take_line(u, &line);
        }
}

static int by_uid(const void *a, const void *b)
{
        uint32_t x = (*(struct record *const *)a)->message.uid, y = (*(struct record *const *)b)->message.uid;
        return x < y ? -1 : x > y;
}

static int take_header(struct uidlist *u, struct slice *text)
{
        struct slice line;
        struct uidlist_header h;
        size_t before = text->n;
        if (slice_find(*text, '\n') == text->n || !slice_split(text, '\n', &line) ||
            uidlist_header_parse(line, &h) < 0) {
                u->rewrite = true;
                return -ENODATA;
        }
        if (u->uidvalidity && h.uidvalidity != u->uidvalidity)
                return -ESTALE;
        u->uidvalidity = h.uidvalidity;
        u->nextuid = MAX(u->nextuid, h.nextuid);
        u->version = h.version;
        free(u->header_fields);
        u->header_fields = xstrndup(h.fields.n ? h.fields.p : "", h.fields.n);
        if (h.guid.n)
                memcpy(u->guid, h.guid.p, UIDLIST_GUID_LEN);
        u->rewrite = h.guid.n == 0 || h.version != UIDLIST_VERSION;
        u->read_to = before - text->n;
        return 0;
}

/* The whole file is new. Records stay; which of them are listed is found out again. */
static int take_all(struct uidlist *u, struct slice text)
{
        int r = take_header(u, &text);
        for (size_t i = 0; i < u->n; i++)
                u->records[i]->listed = false;
        if (r < 0)
                return r == -ENODATA ? 0 : r;
        u->lines = 0;
        u->last_uid = 0;
        take_lines(u, text);
        return 0;
}

/* Reads [from, size) of the file. */
static int read_part(int fd, size_t from, size_t size, struct buf *to)
{
        char *p = buf_reserve(to, size - from);
        if (!p)
                return -EFBIG;
        if (lseek(fd, (off_t)from, SEEK_SET) < 0)
                return -errno;
        ssize_t n = fd_read_all(fd, p, size - from);
        if (n < 0)
                return (int)n;
        to->n = (size_t)n;
        return 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool same_time(const struct stat *a, const struct stat *b)
{
        return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Records from index `from` on are new. They are out of order when the file has UIDs below those of records
 * that we only have in memory (the folder could not be written then); a UID that both have is the file's. */
static void restore_order(struct uidlist *u, size_t from)
{
        size_t i = MAX(from, 1u);
        while (i < u->n && u->records[i]->message.uid > u->records[i - 1]->message.uid)
                i++;
        if (i >= u->n)
                return;
        qsort(u->records, u->n, sizeof(struct record *), by_uid);
        for (i = 1; i < u->n; i++) {
                struct record *a = u->records[i - 1], *b = u->records[i];
                if (a->message.uid == b->message.uid)
                        (a->listed ? b : a)->replaced = true;
        }
}

int uidlist_refresh(struct uidlist *u)
{
        _cleanup_(fd_close_p) int fd =
                openat(u->dirfd, UIDLIST_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        struct stat st;
        if (fd < 0 && errno == ENOENT) {
                u->seen = (struct stat){0};
                u->rewrite = true;
                for (size_t i = 0; i < u->n; i++)
                        u->records[i]->listed = false;
                return 0;
        }
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (st.st_size > UIDLIST_MAX_BYTES)
                return -EFBIG;
        size_t size = (size_t)st.st_size;
        bool same = same_file(&st, &u->seen);
        if (same && size == (size_t)u->seen.st_size && same_time(&st, &u->seen) && size == u->read_to)
                return 0;
        bool grown = same && u->read_to > 0 && size > (size_t)u->seen.st_size;
        _cleanup_(buf_free) struct buf text = BUF_BOUNDED(UIDLIST_MAX_BYTES);
        int r = read_part(fd, grown ? u->read_to : 0, size, &text);
        if (r < 0)
                return r;
        size_t before = u->n;
        if (grown)
                take_lines(u, buf_slice(&text));
        else
                r = take_all(u, buf_slice(&text));
        if (r < 0)
                return r;
        u->seen = st;
        restore_order(u, before);
        return 0;
}

int uidlist_lock(struct uidlist *u)
{
        int r = dotlock_acquire(u->dirfd, UIDLIST_NAME, (int)u->perm.file, deadline_in_ms(USER_LOCK_WAIT_MS),
                                USER_LOCK_STALE_MS, &u->lock);
        if (r == 0)
                r = uidlist_refresh(u);
        if (r < 0)
                uidlist_unlock(u);
        return r;
}

void uidlist_unlock(struct uidlist *u)
{
        dotlock_release(&u->lock);
}

static void format_record(struct buf *to, const struct record *rec)
{
        uidlist_line_format(to, &(struct uidlist_line){rec->message.uid, rec->fields, rec->base});
}

static void remember(struct uidlist *u, size_t size)
{
        if (fstatat(u->dirfd, UIDLIST_NAME, &u->seen, AT_SYMLINK_NOFOLLOW) < 0 ||
            (size_t)u->seen.st_size != size)
                u->seen = (struct stat){0};
        u->read_to = size;
        u->last_uid = u->nextuid - 1;
}

static int write_all(struct uidlist *u)
{
        _cleanup_(buf_free) struct buf text = BUF_BOUNDED(UIDLIST_MAX_BYTES);
        if (!u->guid[0])
                uidlist_make_guid(u->guid);
        uidlist_header_format(&text, u->uidvalidity, u->nextuid, u->guid, slice_of(u->header_fields));
        size_t lines = 0;
        for (size_t i = 0; i < u->n; i++) {
                struct record *rec = u->records[i];
                rec->listed = !rec->replaced && (rec->present || rec->viewed);
                if (rec->listed) {
                        format_record(&text, rec);
                        lines++;
                }
        }
        int r = text.error ? -EFBIG
                           : perm_replace(u->dirfd, UIDLIST_NAME, buf_slice(&text), &u->perm, u->sync);
        if (r < 0) {
                u->seen = (struct stat){0};
                return r;
        }
        u->rewrite = false;
        u->version = UIDLIST_VERSION;
        u->lines = lines;
        remember(u, text.n);
        return 0;
}

int uidlist_append(struct uidlist *u, struct slice lines)
{
        _cleanup_(fd_close_p) int fd =
                openat(u->dirfd, UIDLIST_NAME, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        size_t size = u->read_to;
        int r = fd_write_all(fd, lines);
        if (r == 0 && u->sync && fdatasync(fd) < 0)
                r = -errno;
        if (r < 0) {
                /* no torn line stays behind */
                (void)!ftruncate(fd, (off_t)size);
                u->seen = (struct stat){0};
                return r;
        }
        remember(u, size + lines.n);
        return 0;
}

/* Fewer than three quarters of the lines are of messages that are there: as Dovecot decides. */
static bool wants_compression(const struct uidlist *u)
{
        size_t live = 0;
        for (size_t i = 0; i < u->n; i++)
                live += u->records[i]->present && !u->records[i]->replaced;
        return u->lines > 64 && live * 4 < u->lines * 3;
}

int uidlist_write(struct uidlist *u)
{
        _cleanup_(buf_free) struct buf text = BUF_BOUNDED(UIDLIST_MAX_BYTES);
        size_t added = 0;
        for (size_t i = 0; i < u->n && !u->rewrite; i++) {
                struct record *rec = u->records[i];
                if (rec->listed || rec->replaced || !rec->present)
                        continue;
                if (rec->message.uid <= u->last_uid)
                        u->rewrite = true; /* known to us, but another server's list has lost it */
                format_record(&text, rec);
                added++;
        }
        if (u->rewrite || (added && wants_compression(u)))
                return write_all(u);
        if (added == 0)
                return 0;
        if (text.error)
                return -EFBIG;
        int r = uidlist_append(u, buf_slice(&text));
        if (r < 0)
                return r;
        u->lines += added;
        for (size_t i = 0; i < u->n; i++)
                if (u->records[i]->present && !u->records[i]->replaced)
                        u->records[i]->listed = true;
        return 0;
}

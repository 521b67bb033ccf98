#include "store/uidlist.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/random.h"
#include "store/uidlist_input.h"
#include "store/user.h"

enum { UIDLIST_OUTPUT_SIZE = 64 * 1024 }; /* what is written at once */

void uidlist_init(struct uidlist *u, int dirfd, const struct perm *perm, bool sync)
{
        *u = (struct uidlist){.dirfd = dirfd, .perm = *perm, .sync = sync, .nextuid = 1};
        u->lock = DOTLOCK_NONE;
}

void uidlist_free(struct uidlist *u)
{
        uidlist_unlock(u);
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

int uidlist_lock(struct uidlist *u)
{
        return dotlock_acquire(u->dirfd, UIDLIST_NAME, (int)u->perm.file, deadline_in_ms(USER_LOCK_WAIT_MS),
                               USER_LOCK_STALE_MS, &u->waiter, &u->lock);
}

void uidlist_unlock(struct uidlist *u)
{
        dotlock_release(&u->lock);
}

static struct uidlist_seen seen_of(const struct stat *st)
{
        return (struct uidlist_seen){.dev = st->st_dev,
                                     .ino = st->st_ino,
                                     .size = (uint64_t)st->st_size,
                                     .sec = st->st_mtim.tv_sec,
                                     .nsec = (uint32_t)st->st_mtim.tv_nsec};
}

static bool same_state(const struct uidlist_seen *a, const struct uidlist_seen *b)
{
        return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->sec == b->sec &&
               a->nsec == b->nsec;
}

static bool is_read(const struct uidlist *u, const struct uidlist_seen *now)
{
        return same_state(&u->seen, now) && u->seen.read_to == now->size;
}

int uidlist_is_due(const struct uidlist *u, bool *ret)
{
        struct stat st;
        bool there = fstatat(u->dirfd, UIDLIST_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0;
        if (!there && errno != ENOENT)
                return -errno;
        struct uidlist_seen now = there ? seen_of(&st) : (struct uidlist_seen){0};
        /* the second: as a refresh that found nothing leaves it */
        *ret = there ? !is_read(u, &now) : u->seen.ino != 0 || !u->rewrite;
        return 0;
}

/* The number of an inode that was replaced is soon given again: whether this file still has, in its place,
 * the line that was the last one. */
static bool has_last_line(struct uidlist_input *in, const struct uidlist_seen *seen)
{
        struct slice text;
        struct uidlist_line line;
        if (!uidlist_input_before(in, seen->read_to, &text))
                return false;
        return seen->last_uid == 0 || uidlist_line_parse(seen->version, text, &line) < 0 ||
               line.uid == seen->last_uid;
}

/* Whether only what is behind seen.read_to is new; the input stands there then. */
static bool continues(struct uidlist_input *in, const struct uidlist_seen *seen, struct uidlist_seen *now)
{
        bool grown = seen->dev == now->dev && seen->ino == now->ino && now->size > seen->size;
        if (seen->read_to == 0 || seen->read_to > now->size || !(grown || same_state(seen, now)) ||
            !has_last_line(in, seen) || uidlist_input_seek(in, seen->read_to, now->size) < 0)
                return false;
        now->read_to = seen->read_to;
        now->last_uid = seen->last_uid;
        now->lines = seen->lines;
        now->version = seen->version;
        return true;
}

static int take_header(struct uidlist *u, struct uidlist_input *in, struct uidlist_seen *now)
{
        struct uidlist_header h;
        int r = uidlist_input_header(in, &h);
        if (r < 0)
                return r;
        if (u->uidvalidity && h.uidvalidity != u->uidvalidity)
                return -ESTALE;
        u->uidvalidity = h.uidvalidity;
        u->nextuid = MAX(u->nextuid, h.nextuid);
        if (h.guid.n) {
                memcpy(u->guid, h.guid.p, UIDLIST_GUID_LEN);
                u->guid[UIDLIST_GUID_LEN] = '\0';
        }
        u->rewrite = h.guid.n == 0 || h.version != UIDLIST_VERSION;
        now->version = h.version;
        now->read_to = in->offset;
        return 0;
}

/* NULL: it cannot be read. */
static void take_line(struct uidlist *u, const struct uidlist_line *line, struct uidlist_seen *now,
                      const struct uidlist_reader *reader)
{
        now->lines += now->lines < UINT32_MAX;
        if (!line || line->uid <= now->last_uid) {
                /* a UID may have been lost with the line: it is not given again */
                u->rewrite = true;
                u->nextuid += u->nextuid < UIDLIST_UID_MAX;
                return;
        }
        now->last_uid = line->uid;
        u->nextuid = MAX(u->nextuid, line->uid + 1);
        reader->line(reader->context, line);
}

static int take_lines(struct uidlist *u, struct uidlist_input *in, struct uidlist_seen *now,
                      const struct uidlist_reader *reader)
{
        for (;;) {
                struct slice text;
                struct uidlist_line line;
                int r = uidlist_input_line(in, &text);
                if (r < 0)
                        return r;
                if (r == UIDLIST_LINE_NONE)
                        break;
                bool readable = r == UIDLIST_LINE_WHOLE && uidlist_line_parse(now->version, text, &line) == 0;
                take_line(u, readable ? &line : NULL, now, reader);
                now->read_to = in->offset;
        }
        /* what has no LF is being written just now, or torn: the UID in it is not given again */
        if (now->read_to != now->size && u->lock.dirfd >= 0) {
                u->rewrite = true;
                u->nextuid += u->nextuid < UIDLIST_UID_MAX;
        }
        return 0;
}

/* The file is not there, or nothing in it can be used. */
static int take_nothing(struct uidlist *u, const struct uidlist_seen *now,
                        const struct uidlist_reader *reader)
{
        u->seen = *now;
        u->rewrite = true;
        reader->begin(reader->context, true);
        return 0;
}

int uidlist_refresh(struct uidlist *u, const struct uidlist_reader *reader)
{
        _cleanup_(uidlist_input_free) struct uidlist_input in = UIDLIST_INPUT_NONE;
        struct uidlist_seen now = {0};
        struct stat st;
        int r = uidlist_input_open(&in, u->dirfd, &st);
        if (r == -ENOENT)
                return take_nothing(u, &now, reader);
        if (r < 0)
                return r;
        now = seen_of(&st);
        if (is_read(u, &now)) {
                u->rewrite |= u->seen.version != UIDLIST_VERSION;
                return 0;
        }
        bool whole = !continues(&in, &u->seen, &now);
        if (whole)
                r = take_header(u, &in, &now);
        if (r == -ENODATA)
                return take_nothing(u, &now, reader);
        if (r < 0)
                return r;
        reader->begin(reader->context, whole);
        r = take_lines(u, &in, &now, reader);
        if (r < 0)
                now.read_to = 0; /* all of it again the next time */
        u->seen = now;
        return r;
}

/* The file as we have just written it; of another size than expected, all of it is read the next time. */
static void remember(struct uidlist *u, int fd, uint64_t size, uint32_t lines, uint32_t last_uid)
{
        struct stat st;
        u->seen = (struct uidlist_seen){0};
        if (fstat(fd, &st) == 0)
                u->seen = seen_of(&st);
        u->seen.read_to = u->seen.size == size ? size : 0;
        u->seen.lines = lines;
        u->seen.last_uid = last_uid;
        u->seen.version = UIDLIST_VERSION;
}

int uidlist_append(struct uidlist *u, struct slice lines, uint32_t n)
{
        struct stat st;
        if ((uint64_t)u->nextuid + n > UIDLIST_UID_MAX)
                return -EOVERFLOW;
        _cleanup_(fd_close_p) int fd = openat(
                u->dirfd, UIDLIST_NAME, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        struct uidlist_seen now = seen_of(&st);
        if (!is_read(u, &now))
                return -EAGAIN; /* somebody wrote without the lock: our UIDs may be his */
        int r = fd_write_all(fd, lines);
        if (r == 0 && u->sync && fdatasync(fd) < 0)
                r = -errno;
        if (r < 0) {
                (void)!ftruncate(fd, st.st_size); /* no torn line stays behind */
                u->seen.read_to = 0;
                return r;
        }
        u->nextuid += n;
        remember(u, fd, now.size + lines.n, u->seen.lines + MIN(n, UINT32_MAX - u->seen.lines),
                 n ? u->nextuid - 1 : u->seen.last_uid);
        return 0;
}

struct output {
        int fd; /* borrowed */
        struct buf text;
        uint64_t size;
        uint32_t lines, last_uid;
};

static int output_flush(struct output *out)
{
        int r = fd_write_all(out->fd, buf_slice(&out->text));
        out->size += out->text.n;
        out->text.n = 0;
        return r;
}

/* A line longer than readers take goes without the fields that make it so. */
static void output_header(struct output *out, const struct uidlist *u, const char *guid)
{
        _cleanup_(uidlist_input_free) struct uidlist_input old = UIDLIST_INPUT_NONE;
        struct stat unused;
        struct uidlist_header h;
        struct slice fields = SLICE_NULL;
        if (uidlist_input_open(&old, u->dirfd, &unused) == 0 && uidlist_input_header(&old, &h) == 0)
                fields = h.fields;
        uidlist_header_format(&out->text, u->uidvalidity, u->nextuid, guid, fields);
        if (out->text.n > UIDLIST_MAX_LINE + 1) {
                out->text.n = 0;
                uidlist_header_format(&out->text, u->uidvalidity, u->nextuid, guid, SLICE_NULL);
        }
}

static int output_line(struct output *out, struct uidlist_line *line)
{
        size_t before = out->text.n;
        uidlist_line_format(&out->text, line);
        if (out->text.n - before > UIDLIST_MAX_LINE + 1) {
                out->text.n = before;
                line->fields = SLICE_NULL;
                uidlist_line_format(&out->text, line);
        }
        out->lines++;
        out->last_uid = line->uid;
        return out->text.n < UIDLIST_OUTPUT_SIZE ? 0 : output_flush(out);
}

static int output_all(struct output *out, const struct uidlist *u, const char *guid,
                      bool (*next)(void *context, struct uidlist_line *ret), void *context)
{
        struct uidlist_line line;
        int r = 0;
        output_header(out, u, guid);
        while (r == 0 && next(context, &line))
                r = line.uid > out->last_uid && line.uid < u->nextuid ? output_line(out, &line) : -EINVAL;
        return r < 0 ? r : output_flush(out);
}

int uidlist_write(struct uidlist *u, bool (*next)(void *context, struct uidlist_line *ret), void *context)
{
        _cleanup_(fd_close_p) int fd = -1;
        char guid[UIDLIST_GUID_LEN + 1];
        if (u->uidvalidity == 0 || u->nextuid == 0 || u->nextuid > UIDLIST_UID_MAX)
                return -EINVAL;
        memcpy(guid, u->guid, sizeof(guid));
        if (!guid[0])
                uidlist_make_guid(guid);
        int r = perm_replace_begin(u->dirfd, UIDLIST_NAME, &u->perm, &fd);
        if (r < 0)
                return r;
        struct output out = {.fd = fd};
        r = output_all(&out, u, guid, next, context);
        buf_free(&out.text);
        r = perm_replace_end(u->dirfd, UIDLIST_NAME, fd, r, u->sync);
        if (r < 0)
                return r;
        remember(u, fd, out.size, out.lines, out.last_uid);
        memcpy(u->guid, guid, sizeof(guid));
        u->rewrite = false;
        return 0;
}

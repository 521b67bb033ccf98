#include "store/mbox_guid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/number.h"
#include "store/error.h"
#include "store/mbox.h"
#include "store/saved.h"

/* A line, and where it is in the text. */
struct guid_at {
        uint32_t uid, at;
};

int mbox_guid_parse(struct slice line, struct mbox_guid_line *ret)
{
        struct mbox_guid_line l;
        struct slice uid;
        if (!slice_split(&line, ' ', &uid) || !slice_split(&line, ' ', &l.hash) ||
            slice_to_u32(uid, &l.uid) < 0 || l.uid == 0 || l.hash.n != MBOX_HASH_LEN ||
            !uidlist_guid_fits(line))
                return -EINVAL;
        l.guid = line;
        *ret = l;
        return 0;
}

void mbox_guids_free(struct mbox_guids *g)
{
        buf_free(&g->text);
        buf_free(&g->lines);
        *g = (struct mbox_guids){0};
}

static int by_uid(const void *a, const void *b)
{
        const struct guid_at *x = a, *y = b;
        if (x->uid != y->uid)
                return x->uid < y->uid ? -1 : 1;
        return x->at < y->at ? -1 : x->at > y->at;
}

/* Whole lines that make sense. */
static void find_lines(struct mbox_guids *g)
{
        struct slice whole = buf_slice(&g->text), line;
        struct mbox_guid_line l;
        size_t end = slice_rfind(whole, '\n');
        whole.n = end < whole.n ? end : 0;
        uint32_t before = 0;
        bool ascending = true;
        for (struct slice rest = whole; slice_split(&rest, '\n', &line);) {
                if (mbox_guid_parse(line, &l) < 0)
                        continue;
                const struct guid_at one = {l.uid, (uint32_t)(line.p - whole.p)};
                buf_append(&g->lines, slice_make(&one, sizeof(one)));
                ascending &= l.uid >= before;
                before = l.uid;
        }
        if (!ascending)
                qsort(g->lines.p, g->lines.n / sizeof(struct guid_at), sizeof(struct guid_at), by_uid);
}

static int read_file(const struct mailbox *m, struct mbox_guids *g)
{
        const struct index_truth *t = &m->index.head.truth;
        mbox_guids_free(g);
        g->text.max = MBOX_GUIDS_MAX;
        int r = file_read_at(m->control, MBOX_GUIDS_NAME, &g->text);
        if (r < 0)
                g->text.n = 0;
        find_lines(g);
        g->nextuid = t->nextuid;
        g->uidvalidity = t->uidvalidity;
        return r;
}

static struct slice line_at(const struct mbox_guids *g, const struct guid_at *l)
{
        struct slice rest = slice_from(buf_slice(&g->text), l->at);
        return slice_head(rest, slice_find(rest, '\n'));
}

/* The last line of a message. */
static bool find(const struct mbox_guids *g, uint32_t uid, struct slice hash, struct slice *ret)
{
        const struct guid_at *l = (const struct guid_at *)(const void *)g->lines.p;
        struct mbox_guid_line line;
        size_t low = 0, high = g->lines.n / sizeof(*l);
        while (low < high) { /* the first one of a higher UID */
                size_t middle = low + (high - low) / 2;
                if (l[middle].uid <= uid)
                        low = middle + 1;
                else
                        high = middle;
        }
        while (low-- > 0 && l[low].uid == uid)
                if (mbox_guid_parse(line_at(g, &l[low]), &line) == 0 && slice_eq(line.hash, hash)) {
                        *ret = line.guid;
                        return true;
                }
        return false;
}

struct slice mbox_guid(struct mailbox *m, const struct record *rec)
{
        struct mbox_guids *g = &m->mbox->guids;
        struct slice hash = slice_of(index_base(&m->index, rec)), guid;
        if (rec->uid >= g->nextuid || g->uidvalidity != m->index.head.truth.uidvalidity)
                (void)!read_file(m, g);
        return find(g, rec->uid, hash, &guid) ? guid : hash;
}

static ssize_t read_text(void *context, void *to, size_t n, uint64_t offset)
{
        struct slice rest = slice_head(slice_from(buf_slice(context), (size_t)offset), n);
        memcpy(to, rest.p, rest.n);
        return (ssize_t)rest.n;
}

void mbox_guid_own(struct slice from_line, struct slice head, struct buf *ret)
{
        _cleanup_(buf_free) struct buf text = {0};
        _cleanup_(mbox_scan_end) struct mbox_scan scan = {0};
        struct mbox_message m;
        buf_append(&text, from_line);
        buf_append(&text, head);
        buf_str(&text, head.n == 0 || slice_ends(head, SLICE("\n")) ? "\n" : "\n\n");
        const struct mbox_source source = {.read = read_text, .context = &text, .end = text.n};
        mbox_scan_begin(&scan, &source, 0, false);
        if (mbox_scan_head(&scan, &m) > 0)
                buf_str(ret, m.hash);
}

/* All lines of messages that are there. */
static void collect_needed(const struct mailbox *m, const struct mbox_guids *g, struct buf *to)
{
        const struct guid_at *l = (const struct guid_at *)(const void *)g->lines.p;
        for (size_t i = 0; i < g->lines.n / sizeof(*l); i++) {
                struct slice text = line_at(g, &l[i]);
                struct mbox_guid_line line;
                const struct record *rec = index_find(&m->index, l[i].uid);
                if (rec && index_is_live(rec) && mbox_guid_parse(text, &line) == 0 &&
                    slice_eq(line.hash, slice_of(index_base(&m->index, rec))))
                        buf_append(to, slice_make(text.p, text.n + 1));
        }
}

/* The file with these lines more, and without what nobody needs. 0: that is not worth it. */
static int write_anew(const struct mailbox *m, struct slice lines, bool torn, bool sync)
{
        struct mbox_guids g = {0};
        struct perm perm;
        _cleanup_(buf_free) struct buf text = {0};
        int r = read_file(m, &g);
        size_t size = g.text.n;
        if (r == 0)
                collect_needed(m, &g, &text);
        mbox_guids_free(&g);
        if (r < 0 || (!torn && text.n > size / 2))
                return r;
        buf_append(&text, lines);
        r = perm_of(m->control, &perm);
        if (r == 0)
                r = perm_replace(m->control, MBOX_GUIDS_NAME, buf_slice(&text), &perm, sync);
        if (r == 0 && sync)
                r = fd_fsync_dir(m->control);
        return r < 0 ? r : 1;
}

static int open_file(const struct mailbox *m, bool *ret_made)
{
        struct perm perm;
        int fd = openat(m->control, MBOX_GUIDS_NAME,
                        O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        *ret_made = fd < 0 && errno == ENOENT;
        if (!*ret_made)
                return fd < 0 ? -errno : fd;
        int r = perm_of(m->control, &perm);
        if (r == 0)
                r = perm_create(m->control, MBOX_GUIDS_NAME, &perm, &fd);
        return r < 0 ? r : fd;
}

/* The highest bit is another one. */
static bool passes_power(uint64_t before, uint64_t after)
{
        return after > MBOX_GUIDS_MIN && (before ^ after) > (before & after);
}

static int append(const struct mailbox *m, struct slice lines, bool sync)
{
        bool made;
        _cleanup_(fd_close_p) int fd = open_file(m, &made);
        struct stat st;
        char last = '\n';
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
            (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) != 1))
                return -EIO;
        uint64_t before = (uint64_t)st.st_size, after = before + lines.n;
        int r = 0;
        if (before <= MBOX_GUIDS_MAX && (last != '\n' || passes_power(before, after)))
                r = write_anew(m, lines, last != '\n', sync);
        if (r != 0 || after > MBOX_GUIDS_MAX)
                return MIN(r, 0);
        r = fd_write_all(fd, lines);
        if (r == 0 && sync && fdatasync(fd) < 0)
                r = -errno;
        return r == 0 && sync && made ? fd_fsync_dir(m->control) : r;
}

int mbox_guid_put(struct save *s, uint32_t first)
{
        struct mailbox *m = s->to;
        _cleanup_(buf_free) struct buf lines = {0};
        for (size_t i = 0; i < s->n; i++) {
                const struct saved *item = &s->items[i];
                if (item->own_guid && strcmp(item->own_guid, item->guid) != 0)
                        buf_printf(&lines, "%u %s %s\n", first + (uint32_t)i, item->own_guid, item->guid);
        }
        int r = lines.n ? append(m, buf_slice(&lines), save_fsyncs(s)) : 0;
        return r < 0 ? error_set_at(m->store, r, "write", m->place.control, MBOX_GUIDS_NAME) : 0;
}

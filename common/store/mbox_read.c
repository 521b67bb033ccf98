/* An mbox against the records: what is new, what is gone, what others changed. */

#include <errno.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/number.h"
#include "store/error.h"
#include "store/filename.h"
#include "store/mbox.h"
#include "store/uidvalidity.h"

struct reading {
        struct mbox_file *f;
        struct mailbox *m;
        struct mbox_scan scan;
        struct index_truth truth;
        uint32_t row, rows; /* the next one that can be found, and how many there were */
        uint32_t last_uid;
        bool base;       /* X-UID counts */
        bool unwritten;  /* a message's UID is not in the file; those behind it do not matter */
        struct buf gone; /* uint32_t: UIDs */
        struct buf text;
};

static void reading_free(struct reading *d)
{
        mbox_scan_end(&d->scan);
        buf_free(&d->gone);
        buf_free(&d->text);
}

static int scan_error(struct reading *d, int r)
{
        const char *file = d->m->place.file;
        if (r == -EBADMSG)
                return error_text(d->m->store, -EIO, "%s is no mbox: there is no \"From \" line at byte %llu",
                                  file, (unsigned long long)d->scan.at);
        return error_set(d->m->store, r, "read", file);
}

/* Letters of the names that a message has; those that the folder has no room for are left out. */
static int letters_of(struct reading *d, struct slice names, uint32_t *ret)
{
        struct mailbox *m = d->m;
        struct slice name;
        uint32_t letters = 0, one;
        while (mbox_keyword(&names, &name)) {
                unsigned bit;
                if (keywords_bit(&m->keywords, name, true, &bit) < 0)
                        continue;
                int r = opened_letters(m, UINT64_C(1) << bit);
                if (r == -ENOBUFS)
                        continue;
                if (r < 0)
                        return r;
                if (keywords_letters(&m->keywords, UINT64_C(1) << bit, &one))
                        letters |= one;
        }
        *ret = letters;
        return 0;
}

static void set_extent(struct reading *d, const struct record *rec, const struct mbox_message *msg)
{
        const struct mbox_extent now = {msg->stored, msg->head_n, msg->from_n}, was = mbox_extent(d->m, rec);
        if (was.stored == now.stored && was.head_n == now.head_n && was.from_n == now.from_n)
                return;
        mbox_extent_format(&now, &d->text);
        index_set_fields(&d->m->index, rec, buf_slice(&d->text));
}

static int update_flags(struct reading *d, struct record *rec, const struct mbox_message *msg)
{
        uint32_t letters;
        int r = letters_of(d, msg->status.keywords, &letters);
        if (r < 0)
                return r;
        if (rec->flags != msg->status.flags || rec->letters != letters) {
                d->text.n = 0;
                filename_info_format(&d->text, SLICE_NULL, msg->status.flags, letters);
                index_set(&d->m->index, rec, buf_slice(&d->text), false);
        }
        return 0;
}

static int add(struct reading *d, uint32_t uid, const struct mbox_message *msg)
{
        _cleanup_(buf_free) struct buf info = {0};
        uint32_t letters;
        int r = letters_of(d, msg->status.keywords, &letters);
        if (r < 0)
                return r;
        const struct mbox_extent e = {msg->stored, msg->head_n, msg->from_n};
        mbox_extent_format(&e, &d->text);
        filename_info_format(&info, SLICE_NULL, msg->status.flags, letters);
        const struct index_file file = {.base = slice_of(msg->hash),
                                        .info = buf_slice(&info),
                                        .fields = buf_slice(&d->text),
                                        .size = msg->size,
                                        .date = msg->date == -1 ? d->f->st.st_mtim.tv_sec : msg->date};
        const struct record *rec = index_add(
                &d->m->index, uid, &file, (uint16_t)(RECORD_COUNTED | (msg->status.old ? 0 : RECORD_RECENT)));
        if (msg->size == 0) /* to index_add() that is a size that is not known */
                index_set_size(&d->m->index, rec, 0, true, file.date);
        return 0;
}

static bool is_same(const struct index *ix, const struct record *rec, const struct mbox_message *msg)
{
        return index_is_live(rec) && rec->size == msg->size && strcmp(index_base(ix, rec), msg->hash) == 0;
}

/* The row of a message, from d->row on; NULL: it is new. */
static struct record *find(struct reading *d, const struct mbox_message *msg)
{
        struct index *ix = &d->m->index;
        uint32_t uid = d->base ? msg->status.uid : 0;
        while (d->row < d->rows && !index_is_live(&ix->rows[d->row]))
                d->row++;
        struct record *rec = d->row < d->rows ? &ix->rows[d->row] : NULL;
        if (!rec || !is_same(ix, rec, msg) || (uid && rec->uid != uid))
                rec = uid ? index_find(ix, uid) : index_find_base(ix, slice_of(msg->hash));
        if (!rec || !is_same(ix, rec, msg) || (uint32_t)(rec - ix->rows) < d->row ||
            (uint32_t)(rec - ix->rows) >= d->rows)
                return NULL;
        /* one that has not got its UID in the file yet may have got another one there from somebody else */
        return uid == 0 || rec->uid == uid ? rec : NULL;
}

static void put_gone(struct reading *d, uint32_t to)
{
        const struct index *ix = &d->m->index;
        for (; d->row < to; d->row++)
                if (index_is_live(&ix->rows[d->row]))
                        buf_append(&d->gone, slice_make(&ix->rows[d->row].uid, sizeof(uint32_t)));
}

static void note_written(struct reading *d, bool written)
{
        d->unwritten |= !written;
        if (!d->unwritten)
                d->truth.list.last_uid = d->last_uid;
}

static int take(struct reading *d, const struct mbox_message *msg)
{
        struct index *ix = &d->m->index;
        struct record *rec = find(d, msg);
        uint32_t uid = d->base ? msg->status.uid : 0, next = MAX(ix->head.truth.nextuid, 1u);
        bool written;
        int r;
        if (rec && rec->uid > d->last_uid) {
                put_gone(d, (uint32_t)(rec - ix->rows));
                d->row++;
                written = rec->uid == uid;
                d->last_uid = rec->uid;
                set_extent(d, rec, msg);
                r = update_flags(d, rec, msg);
        } else {
                written = uid >= next && uid > d->last_uid && uid < UINT32_MAX;
                if (!written)
                        uid = MAX(MAX(next, d->truth.nextuid), d->last_uid + 1);
                if (uid >= UIDLIST_UID_MAX)
                        return error_text(d->m->store, -EOVERFLOW, "%s: no UIDs are left", d->m->place.file);
                d->last_uid = uid;
                r = add(d, uid, msg);
        }
        note_written(d, written);
        return r;
}

/* MAILBOXID: of a folder that nobody has given one. The same again when the index is lost. */
static void make_guid(struct reading *d)
{
        const char *name = d->m->place.name;
        uint64_t a = hash_bytes(slice_of(name), d->truth.uidvalidity), b = hash_bytes(slice_of(name), ~a);
        snprintf(d->truth.guid, sizeof(d->truth.guid), "%016llx%016llx", (unsigned long long)a,
                 (unsigned long long)b);
}

/* From where Dovecot takes them, whatever CONTROL= says; in the root it would take the file for a folder. */
static uint32_t next_uidvalidity(struct mailbox *m)
{
        _cleanup_(fd_close_p) int root = -1, dir = -1;
        struct perm perm;
        int r = folder_open_root(m->store, m->place.ns, &root);
        if (r == 0)
                r = perm_of(root, &perm);
        if (r == 0)
                r = folder_open_below(root, SLICE(".imap"), &perm, &dir);
        return r < 0 ? (uint32_t)time(NULL) : uidvalidity_next(dir, &perm);
}

static void give_uidvalidity(struct reading *d)
{
        if (d->truth.uidvalidity == 0)
                d->truth.uidvalidity = next_uidvalidity(d->m);
        if (!d->truth.guid[0])
                make_guid(d);
}

/* What the first message says of all of them. -ESTALE: other UIDs than those that were told. */
static int take_base(struct reading *d, const struct mbox_status *st)
{
        struct mailbox *m = d->m;
        uint32_t known = m->index.head.truth.uidvalidity;
        d->base = st->base;
        d->truth.list.lines &= ~(uint32_t)MBOX_TRUTH_BASE;
        if (!st->base)
                return 0;
        if (known && known != st->uidvalidity) {
                if (m->view_rows > 0 || m->index.viewed)
                        return error_text(m->store, -ESTALE, "%s: UIDVALIDITY was changed to %u",
                                          m->place.file, st->uidvalidity);
                index_reset(&m->index);
                d->truth = m->index.head.truth;
                d->rows = 0;
        }
        d->truth.list.lines |= MBOX_TRUTH_BASE;
        d->truth.uidvalidity = st->uidvalidity;
        if (st->last_uid < UIDLIST_UID_MAX)
                d->truth.nextuid = MAX(d->truth.nextuid, st->last_uid + 1);
        return 0;
}

static int read_from(struct reading *d, uint64_t at)
{
        struct mbox_message msg;
        bool unquote = d->m->store->settings->mbox_unquote_from;
        mbox_scan_begin(&d->scan, &d->f->source, at, unquote);
        int r;
        while ((r = mbox_scan_next(&d->scan, &msg)) > 0) {
                if (msg.offset == 0) {
                        r = take_base(d, &msg.status);
                        d->truth.list.read_to = msg.status.pseudo ? msg.stored : 0;
                }
                if (r >= 0 && !msg.status.pseudo)
                        r = take(d, &msg);
                if (r < 0)
                        return r;
        }
        return r < 0 ? scan_error(d, r) : 0;
}

static uint32_t last_live(const struct index *ix)
{
        uint32_t row = ix->n;
        while (row > 0 && !index_is_live(&ix->rows[row - 1]))
                row--;
        return row;
}

/* The header at an offset is that of the row. */
static bool has_head(struct reading *d, uint32_t row, uint64_t at, struct mbox_message *ret)
{
        struct mailbox *m = d->m;
        const struct record *rec = &m->index.rows[row];
        const struct mbox_extent e = mbox_extent(m, rec);
        d->scan.at = at;
        return mbox_scan_head(&d->scan, ret) > 0 && ret->from_n == e.from_n && ret->head_n == e.head_n &&
               strcmp(ret->hash, index_base(&m->index, rec)) == 0;
}

/* It is the file that was read, and may have grown. */
static bool is_that_file(const struct reading *d)
{
        const struct uidlist_seen *l = &d->m->index.head.truth.list;
        return l->version == MBOX_TRUTH_VERSION && l->ino == d->f->st.st_ino && l->dev == d->f->st.st_dev &&
               l->size <= (uint64_t)d->f->st.st_size;
}

static void begin_heads(struct reading *d)
{
        mbox_scan_begin(&d->scan, &d->f->source, 0, false);
        d->scan.step = MBOX_HEAD_STEP;
}

/* From the last message on all is read, whether it is new or not. */
static void begin_at(struct reading *d, uint32_t row)
{
        const struct index *ix = &d->m->index;
        d->row = row;
        for (d->last_uid = 0; row > 0 && d->last_uid == 0; row--)
                if (index_is_live(&ix->rows[row - 1]))
                        d->last_uid = ix->rows[row - 1].uid;
}

/* Whether the file went on from what is known of it: the last message is still where it was. */
static bool continues(struct reading *d, uint64_t *ret_at)
{
        const struct index_truth *t = &d->m->index.head.truth;
        uint32_t row = last_live(&d->m->index);
        struct mbox_message msg;
        if (row == 0 || !is_that_file(d))
                return false;
        /* from the end, so that it does not take the lengths of all */
        uint64_t stored = mbox_extent(d->m, &d->m->index.rows[row - 1]).stored;
        if (stored > t->list.size)
                return false;
        uint64_t at = t->list.size - stored;
        begin_heads(d);
        bool same = has_head(d, row - 1, at, &msg);
        mbox_scan_end(&d->scan);
        if (!same)
                return false;
        begin_at(d, row - 1);
        *ret_at = at;
        d->base = t->list.lines & MBOX_TRUTH_BASE;
        d->unwritten = t->list.last_uid < d->last_uid;
        return true;
}

static int check_row(struct reading *d, uint32_t row)
{
        struct record *rec = &d->m->index.rows[row];
        struct mbox_message msg;
        if (!has_head(d, row, mbox_offset(d->m, row), &msg))
                return 0;
        int r = msg.offset == 0 ? take_base(d, &msg.status) : 0;
        uint32_t uid = d->base ? msg.status.uid : 0;
        if (r < 0 || d->rows == 0 || (uid && uid != rec->uid))
                return r;
        r = update_flags(d, rec, &msg);
        d->last_uid = rec->uid;
        note_written(d, uid == rec->uid);
        return r < 0 ? r : 1;
}

/* Whether each message begins where it did, with the header that it had: then others changed no more than
 * what headers say of flags, and nothing else has to be read. 1, 0 or -errno. */
static int check_heads(struct reading *d, uint64_t *ret_at)
{
        const struct index *ix = &d->m->index;
        uint32_t last = last_live(ix);
        struct mbox_message msg;
        int r = 1;
        if (last == 0 || !is_that_file(d))
                return 0;
        begin_heads(d);
        uint64_t pseudo = ix->head.truth.list.read_to;
        if (pseudo) {
                r = mbox_scan_head(&d->scan, &msg) > 0 && msg.status.pseudo;
                if (r > 0 && (r = take_base(d, &msg.status)) == 0)
                        r = d->rows > 0;
        }
        d->truth.list.read_to = pseudo;
        for (uint32_t row = 0; row < last && r > 0; row++)
                if (index_is_live(&ix->rows[row]))
                        r = check_row(d, row);
        mbox_scan_end(&d->scan);
        if (r <= 0)
                return r;
        begin_at(d, last - 1);
        *ret_at = mbox_offset(d->m, last - 1);
        return 1;
}

static int read_file(struct reading *d, unsigned due)
{
        uint64_t at = 0;
        if (!(due & DUE_CUR) && continues(d, &at)) {
                d->truth.list.lines |= due & DUE_NEW ? MBOX_TRUTH_UNCHECKED : 0;
                return read_from(d, at);
        }
        d->truth.list = (struct uidlist_seen){0};
        int r = check_heads(d, &at);
        if (r == 0) {
                /* something moved */
                d->truth.list = (struct uidlist_seen){0};
                d->row = d->last_uid = 0;
                d->base = d->unwritten = false;
        }
        return r < 0 ? r : read_from(d, at);
}

int mbox_read_locked(struct mbox_file *f, unsigned due)
{
        struct mailbox *m = f->m;
        _cleanup_(reading_free) struct reading d = {
                .f = f, .m = m, .truth = m->index.head.truth, .rows = m->index.n};
        int r = 0;
        if (f->fd >= 0)
                r = read_file(&d, due);
        else
                d.truth.list = (struct uidlist_seen){0};
        if (r < 0)
                return r;
        put_gone(&d, d.rows);
        index_expunge(&m->index, (const uint32_t *)(const void *)d.gone.p, d.gone.n / sizeof(uint32_t));
        give_uidvalidity(&d);
        if (m->index.head.counts.messages == 0)
                d.truth.list.last_uid = 0;
        d.truth.nextuid = MAX(MAX(d.truth.nextuid, m->index.head.truth.nextuid), 1u);
        mbox_file_note(f, &d.truth);
        index_set_truth(&m->index, &d.truth);
        return 0;
}

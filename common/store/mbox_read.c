/* An mbox against the records: what is new, what is gone, what others changed. */

#include <errno.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/number.h"
#include "store/error.h"
#include "store/filename.h"
#include "store/mbox_reading.h"
#include "store/uidvalidity.h"

enum {
        SAME_AHEAD = 4096, /* rows that are looked at for one that is the same as others: copies of a copy */
        READS_TOLD = 16,   /* reads, of 4 to 256 kB, for which it is told once how far it is */
};

static void reading_free(struct reading *d)
{
        mbox_scan_end(&d->scan);
        buf_free(&d->gone);
        buf_free(&d->names);
        buf_free(&d->text);
}

static ssize_t read_and_tell(void *context, void *to, size_t n, uint64_t offset)
{
        struct reading *d = context;
        const struct mbox_source *file = &d->f->source;
        if (++d->reads % READS_TOLD == 0)
                mbox_file_tell(d->f, offset - d->from, file->end - d->from);
        return file->read(file->context, to, n, offset);
}

void mbox_reading_begin(struct reading *d, uint64_t at, bool unquote)
{
        const struct mbox_source told = {.read = read_and_tell, .context = d, .end = d->f->source.end};
        d->from = at;
        mbox_scan_begin(&d->scan, &told, at, unquote);
}

int mbox_reading_error(struct reading *d, int r)
{
        const char *file = d->m->place.file;
        if (r == -EBADMSG)
                return error_text(d->m->store, -EIO, "%s is no mbox: there is no \"From \" line at byte %llu",
                                  file, (unsigned long long)d->scan.at);
        return error_set(d->m->store, r, "read", file);
}

static int add_letters(struct mailbox *m, struct slice name, uint32_t *letters)
{
        unsigned bit;
        uint32_t one;
        if (keywords_bit(&m->keywords, name, true, &bit) < 0)
                return 0;
        int r = opened_letters(m, UINT64_C(1) << bit);
        if (r < 0)
                return r == -ENOBUFS ? 0 : r;
        if (keywords_letters(&m->keywords, UINT64_C(1) << bit, &one))
                *letters |= one;
        return 0;
}

/* Letters of the names that a message has. Those that the base does not name are a sender's, who could take
 * the room of all; those that there is no room for are left out. Without a base those count that the folder
 * has. */
static int letters_of(struct reading *d, struct slice names, uint32_t *ret)
{
        struct slice name;
        uint32_t letters = 0;
        int r = 0;
        if (!d->base) {
                *ret = mbox_known_letters(d->m, names, NULL);
                return 0;
        }
        for (unsigned i = 0; i < MBOX_NAMES_MAX && r == 0 && mbox_keyword(&names, &name); i++) {
                r = mbox_base_read(d);
                if (r == 0 && mbox_keywords_have(buf_slice(&d->names), name))
                        r = add_letters(d->m, name, &letters);
        }
        *ret = letters;
        return r;
}

static void set_extent(struct reading *d, const struct record *rec, const struct mbox_message *msg)
{
        const struct mbox_extent now = {msg->stored, msg->head_n, msg->from_n}, was = mbox_extent(d->m, rec);
        if (was.stored == now.stored && was.head_n == now.head_n && was.from_n == now.from_n)
                return;
        mbox_extent_format(&now, &d->text);
        index_set_fields(&d->m->index, rec, buf_slice(&d->text));
}

int mbox_update_flags(struct reading *d, struct record *rec, const struct mbox_message *msg)
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
        time_t date = mbox_from_date(msg->from);
        const struct index_file file = {.base = slice_of(msg->hash),
                                        .info = buf_slice(&info),
                                        .fields = buf_slice(&d->text),
                                        .size = msg->size,
                                        .date = date == -1 ? d->f->st.st_mtim.tv_sec : date};
        index_add(&d->m->index, uid, &file,
                  (uint16_t)(RECORD_COUNTED | (msg->status.old ? 0 : RECORD_RECENT)));
        /* to index_add() that is one that is not known */
        const struct record *rec = msg->size == 0 || file.date == 0 ? index_find(&d->m->index, uid) : NULL;
        if (rec)
                index_set_size(&d->m->index, rec, msg->size, true, file.date);
        return 0;
}

static bool is_same(const struct index *ix, const struct record *rec, const struct mbox_message *msg)
{
        return index_is_live(rec) && rec->size == msg->size && strcmp(index_base(ix, rec), msg->hash) == 0;
}

static bool is_ahead(const struct reading *d, const struct record *rec, const struct mbox_message *msg)
{
        const struct index *ix = &d->m->index;
        return rec && is_same(ix, rec, msg) && (uint32_t)(rec - ix->rows) >= d->row &&
               (uint32_t)(rec - ix->rows) < d->rows;
}

/* The first of those that are the same. */
static struct record *find_same(const struct reading *d, const struct mbox_message *msg)
{
        struct index *ix = &d->m->index;
        struct record *any = index_find_base(ix, slice_of(msg->hash));
        if (!any)
                return NULL;
        uint32_t end = is_ahead(d, any, msg) ? (uint32_t)(any - ix->rows) : MIN(d->rows, d->row + SAME_AHEAD);
        for (uint32_t row = d->row; row < end; row++)
                if (is_same(ix, &ix->rows[row], msg))
                        return &ix->rows[row];
        return is_ahead(d, any, msg) ? any : NULL;
}

/* The row of a message, from d->row on; NULL: it is new. X-UID without a base is what others left of ours
 * when the message with the base went: of two that are the same it tells which. */
static struct record *find(struct reading *d, const struct mbox_message *msg)
{
        struct index *ix = &d->m->index;
        while (d->row < d->rows && !index_is_live(&ix->rows[d->row]))
                d->row++;
        struct record *rec = msg->status.uid ? index_find(ix, msg->status.uid) : NULL;
        if (!is_ahead(d, rec, msg))
                rec = find_same(d, msg);
        return rec && !mbox_has_other_uid(d, rec, &msg->status) ? rec : NULL;
}

static void put_gone(struct reading *d, uint32_t to)
{
        const struct index *ix = &d->m->index;
        for (; d->row < to; d->row++)
                if (index_is_live(&ix->rows[d->row]))
                        buf_append(&d->gone, slice_make(&ix->rows[d->row].uid, sizeof(uint32_t)));
}

void mbox_note_written(struct reading *d, bool written)
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
                r = mbox_update_flags(d, rec, msg);
        } else {
                /* one that nobody can have given is a sender's */
                uint32_t most = MAX(MAX(next, d->truth.nextuid), d->last_uid + 1);
                written = uid >= next && uid > d->last_uid && uid <= most;
                if (!written)
                        uid = most;
                if (uid >= UIDLIST_UID_MAX)
                        return error_text(d->m->store, -EOVERFLOW, "%s: no UIDs are left", d->m->place.file);
                d->last_uid = uid;
                r = add(d, uid, msg);
        }
        mbox_note_written(d, written);
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

static int read_from(struct reading *d, uint64_t at)
{
        struct mbox_message msg;
        bool unquote = d->m->store->settings->mbox_unquote_from;
        mbox_reading_begin(d, at, unquote);
        int r;
        while ((r = mbox_scan_next(&d->scan, &msg)) > 0) {
                if (msg.offset == 0) {
                        r = mbox_take_base(d, &msg);
                        d->truth.list.read_to = msg.status.pseudo ? msg.stored : 0;
                }
                if (r >= 0 && !msg.status.pseudo)
                        r = take(d, &msg);
                if (r < 0)
                        return r;
        }
        return r < 0 ? mbox_reading_error(d, r) : 0;
}

static int read_file(struct reading *d, unsigned due)
{
        uint64_t at = 0;
        if (!(due & DUE_CUR) && mbox_continues(d, &at)) {
                d->truth.list.lines |= due & DUE_NEW ? MBOX_TRUTH_UNCHECKED : 0;
                return read_from(d, at);
        }
        d->truth.list = (struct uidlist_seen){0};
        int r = mbox_check_heads(d, &at);
        if (r == 0) {
                /* something moved */
                d->truth.list = (struct uidlist_seen){0};
                d->row = d->last_uid = 0;
                d->base = d->unwritten = false;
        }
        return r < 0 ? r : read_from(d, at);
}

/* Whether the base, that was read or is as it was, knows of all UIDs that were given. */
static void note_last(struct reading *d, uint32_t next_before)
{
        if (d->base_read && d->base && d->base_last + 1 == d->truth.nextuid)
                d->truth.list.lines |= MBOX_TRUTH_LAST;
        else if (d->base_read || d->truth.nextuid != next_before)
                d->truth.list.lines &= ~(uint32_t)MBOX_TRUTH_LAST;
}

int mbox_read_locked(struct mbox_file *f, unsigned due)
{
        struct mailbox *m = f->m;
        _cleanup_(reading_free) struct reading d = {
                .f = f, .m = m, .truth = m->index.head.truth, .rows = m->index.n};
        uint32_t next = d.truth.nextuid;
        int r = 0;
        mbox_file_begin_long(f, !f->lock.write);
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
        note_last(&d, next);
        mbox_file_note(f, &d.truth);
        index_set_truth(&m->index, &d.truth);
        return 0;
}

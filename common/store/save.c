#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/error.h"
#include "store/filename.h"
#include "store/saved.h"

enum {
        SAVE_BUFFER = 64 * 1024,
        SAVE_STRIDE = 1024, /* bytes looked through for a CR at once: there may be none in a whole message */
};

int save_error(struct save *s, int r, const char *call, const char *below)
{
        return maildir_error(s->to, r, call, below);
}

bool save_fsyncs(const struct save *s)
{
        return s->to->store->settings->mail_fsync != SETTINGS_FSYNC_NEVER;
}

void saved_free(struct saved *m)
{
        free(m->source);
        free(m->path);
        free(m->base);
        free(m->guid);
        *m = (struct saved){0};
}

/* Takes back the message that is being written. */
static void drop_current(struct save *s)
{
        fd_close_p(&s->fd);
        fd_close_p(&s->spool_fd);
        s->spool_size = 0;
        if (s->now.source)
                unlinkat(s->to->dir, s->now.source, 0);
        saved_free(&s->now);
        s->out.n = 0;
}

void save_undo(struct save *s)
{
        for (size_t i = 0; i < s->n; i++) {
                struct saved *item = &s->items[i];
                const char *made = item->path ? item->path : item->where == SAVED_TMP ? item->source : NULL;
                if (item->path && item->where == SAVED_MOVE)
                        (void)!renameat(s->to->dir, item->path, s->from->dir, item->source);
                else if (made)
                        unlinkat(s->to->dir, made, 0);
                saved_free(item);
        }
        s->n = 0;
}

static int fail(struct save *s, int r)
{
        drop_current(s);
        s->failed = r;
        return r;
}

int save_open(struct store *store, const char *mailbox, struct save **ret)
{
        _cleanup_(save_close) struct save *s = xcalloc(1, sizeof(*s));
        s->fd = s->spool_fd = -1;
        int r = maildir_open(store, mailbox, true, &s->to);
        if (r < 0)
                return r;
        r = keywords_refresh(&s->to->keywords, s->to->control);
        if (r < 0)
                return save_error(s, r, "open", "dovecot-keywords");
        *ret = TAKE_PTR(s);
        return 0;
}

void save_close(struct save **sp)
{
        struct save *s = *sp;
        if (!s)
                return;
        if (s->to) {
                drop_current(s);
                if (!s->committed)
                        save_undo(s);
        }
        for (size_t i = 0; i < s->n; i++)
                saved_free(&s->items[i]);
        free(s->items);
        buf_free(&s->out);
        buf_free(&s->expunge);
        mailbox_close(&s->to);
        free(s);
        *sp = NULL;
}

/* A fresh name in tmp/. */
static void name_current(struct save *s)
{
        _cleanup_(buf_free) struct buf base = {0};
        filename_generate(&base, &s->to->store->last_name_us);
        s->now.base = xstrdup(buf_cstr(&base));
        s->now.source = xasprintf("tmp/%s", s->now.base);
}

/* Before its bytes are taken. */
static int check_room(struct save *s, uint64_t size)
{
        if (s->within)
                return 0;
        struct quota_sum more = {s->room.bytes + size, s->room.messages + 1};
        return quota_check(s->to->store, &s->to->place, &more, size);
}

static void add_current(struct save *s)
{
        if (s->n == s->cap) {
                s->cap = s->cap ? s->cap * 2 : 16;
                s->items = xrealloc(s->items, s->cap * sizeof(*s->items));
        }
        s->items[s->n++] = s->now;
        s->now = (struct saved){0};
}

/* Keywords that are too long or find no room are left out: the mail counts for more. */
static void add_keyword(struct save *s, struct slice name)
{
        unsigned bit;
        if (name.n <= s->to->store->settings->mail_max_keyword_length &&
            keywords_bit(&s->to->keywords, name, true, &bit) == 0)
                s->now.keywords |= UINT64_C(1) << bit;
}

int save_begin(struct save *s, const struct save_message *m)
{
        if (s->failed)
                return s->failed;
        drop_current(s);
        name_current(s);
        int r = perm_create(s->to->dir, s->now.source, &s->to->perm, &s->fd);
        if (r == -ENOENT) {
                r = folder_make_subdirs(s->to->store, s->to->place.dir, s->to->dir, &s->to->perm);
                if (r == 0)
                        r = perm_create(s->to->dir, s->now.source, &s->to->perm, &s->fd);
        }
        if (r < 0)
                return fail(s, save_error(s, r, "open", s->now.source));
        s->now.flags = m->flags & FLAG_ALL;
        for (size_t i = 0; i < m->keywords_n; i++)
                add_keyword(s, m->keywords[i]);
        s->internaldate = m->internaldate;
        s->now.date = m->internaldate == -1 ? 0 : m->internaldate;
        s->announced = 0;
        s->size = s->bare_lf = 0;
        s->pending_cr = false;
        s->last = 0;
        return 0;
}

int save_expect(struct save *s, uint64_t size)
{
        int r = s->failed ? s->failed : check_room(s, size);
        if (r < 0)
                return fail(s, r);
        s->announced = MAX(s->announced, size);
        return 0;
}

static int flush(struct save *s)
{
        int r = fd_write_all(s->fd, buf_slice(&s->out));
        s->out.n = 0;
        return r < 0 ? fail(s, save_error(s, r, "write", s->now.source)) : 0;
}

static int store_bytes(struct save *s, struct slice bytes)
{
        if (bytes.n == 0)
                return 0;
        buf_append(&s->out, bytes);
        s->size += bytes.n;
        s->last = bytes.p[bytes.n - 1];
        return s->out.n >= SAVE_BUFFER ? flush(s) : 0;
}

/* A line end, as LF; after a CR that is text, CR LF is kept, or the two would become one line end. */
static int store_lf(struct save *s, bool had_cr)
{
        if (s->last == '\r')
                return store_bytes(s, had_cr ? SLICE("\r\n") : SLICE("\n"));
        s->bare_lf++;
        return store_bytes(s, SLICE("\n"));
}

int save_write(struct save *s, struct slice bytes)
{
        if (s->failed)
                return s->failed;
        int r = 0;
        while (bytes.n && r == 0) {
                if (s->pending_cr) {
                        s->pending_cr = false;
                        if (bytes.p[0] == '\n') {
                                bytes = slice_from(bytes, 1);
                                r = store_lf(s, true);
                                continue;
                        }
                        r = store_bytes(s, SLICE("\r"));
                        continue;
                }
                struct slice near = slice_head(bytes, SAVE_STRIDE);
                size_t n = slice_find(slice_head(near, slice_find(near, '\r')), '\n');
                bool line_end = n < near.n;
                r = store_bytes(s, slice_head(near, n));
                if (r == 0 && line_end) {
                        if (bytes.p[n] == '\r')
                                s->pending_cr = true;
                        else
                                r = store_lf(s, false);
                }
                bytes = slice_from(bytes, n + line_end);
        }
        return r;
}

static void name_with_sizes(struct save *s, uint64_t size, uint64_t vsize)
{
        char *with = vsize == RECORD_SIZE_UNKNOWN
                             ? xasprintf("%s,S=%llu", s->now.base, (unsigned long long)size)
                             : xasprintf("%s,S=%llu,W=%llu", s->now.base, (unsigned long long)size,
                                         (unsigned long long)vsize);
        free(s->now.base);
        s->now.base = with;
        s->now.bytes = size;
}

int save_end(struct save *s)
{
        if (s->failed)
                return s->failed;
        int r = s->pending_cr ? store_bytes(s, SLICE("\r")) : 0;
        s->pending_cr = false;
        if (r == 0)
                r = flush(s);
        if (r < 0)
                return r;
        if (s->size > s->announced && (r = check_room(s, s->size)) < 0)
                return fail(s, r);
        if (s->internaldate != -1) {
                struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = s->internaldate}};
                if (futimens(s->fd, times) < 0)
                        return fail(s, save_error(s, -errno, "futimens", s->now.source));
        }
        if (save_fsyncs(s) && fsync(s->fd) < 0)
                return fail(s, save_error(s, -errno, "fsync", s->now.source));
        fd_close_p(&s->fd);
        name_with_sizes(s, s->size, s->size + s->bare_lf);
        s->now.size = s->size + s->bare_lf;
        s->now.moves = s->moves;
        if (!s->within) {
                s->room.bytes += s->size;
                s->room.messages++;
        }
        add_current(s);
        return 0;
}

/* The flags and keywords that the message has where it comes from. */
static void flags_from(const struct mailbox *from, const struct record *rec, struct slice names[KEYWORDS_MAX],
                       struct save_message *ret)
{
        uint64_t keywords = maildir_flags(from, rec).keywords;
        *ret = (struct save_message){.flags = rec->flags, .keywords = names, .internaldate = -1};
        for (unsigned i = 0; i < from->keywords.n; i++)
                if (keywords >> i & 1 && from->keywords.names[i])
                        names[ret->keywords_n++] = slice_of(from->keywords.names[i]);
}

static void set_keywords(struct save *s, const struct save_message *m)
{
        for (size_t i = 0; i < m->keywords_n; i++)
                add_keyword(s, m->keywords[i]);
}

/* The copy is the same message to clients and to Dovecot. */
static void take_guid(struct save *s, uint32_t seq)
{
        char digits[UIDLIST_GUID_LEN + 1];
        struct slice guid = content_guid(s->from, seq);
        uidlist_guid(guid, digits);
        s->now.guid = uidlist_guid_fits(guid) ? xstrndup(guid.p, guid.n) : xstrdup(digits);
}

/* The message stays where it is until the commit. False: its file has to be read. */
static bool take_name(struct save *s, uint32_t seq, enum saved_from where)
{
        struct mailbox *from = s->from;
        const struct record *rec = maildir_record(from, seq);
        struct slice names[KEYWORDS_MAX], base = slice_of(index_base(&from->index, rec));
        struct save_message m;
        _cleanup_(buf_free) struct buf path = {0};
        struct stat st;
        uint64_t size;
        if (from->identity.st_dev != s->to->identity.st_dev || !index_is_live(rec))
                return false;
        maildir_path(from, rec, &path);
        if (!filename_size(base, 'S', &size)) {
                if (fstatat(from->dir, buf_cstr(&path), &st, AT_SYMLINK_NOFOLLOW) < 0)
                        return false;
                size = (uint64_t)st.st_size;
        }
        drop_current(s);
        name_current(s);
        free(s->now.source);
        s->now.source = xstrdup(buf_cstr(&path));
        s->now.where = where;
        s->now.moves = where == SAVED_MOVE;
        s->now.seq = seq;
        take_guid(s, seq);
        flags_from(from, rec, names, &m);
        s->now.flags = m.flags;
        set_keywords(s, &m);
        name_with_sizes(s, size, rec->size);
        s->now.size = rec->size == RECORD_SIZE_UNKNOWN ? 0 : rec->size;
        s->now.date = rec->date == RECORD_DATE_UNKNOWN ? 0 : rec->date;
        add_current(s);
        return true;
}

static int copy_bytes(struct save *s, uint32_t seq, bool moves)
{
        _cleanup_(message_text_release) struct message_text text = {0};
        struct slice names[KEYWORDS_MAX];
        struct save_message m;
        time_t date;
        int r = mailbox_internaldate(s->from, seq, &date);
        if (r == 0)
                r = mailbox_read(s->from, seq, &text);
        flags_from(s->from, maildir_record(s->from, seq), names, &m);
        m.internaldate = date;
        s->moves = moves;
        s->within = moves && account_is_within(s);
        if (r == 0)
                r = save_begin(s, &m);
        s->now.seq = seq;
        if (r == 0)
                take_guid(s, seq);
        if (r == 0)
                r = save_write(s, text.raw);
        if (r == 0)
                r = save_end(s);
        s->moves = s->within = false;
        return r;
}

static void reflag(struct save *s, struct saved *item, const struct record *rec, struct slice path)
{
        struct slice names[KEYWORDS_MAX];
        struct save_message m;
        free(item->source);
        item->source = xstrndup(path.p, path.n);
        flags_from(s->from, rec, names, &m);
        item->flags = m.flags;
        s->now = (struct saved){0};
        set_keywords(s, &m);
        item->keywords = s->now.keywords;
        s->now = (struct saved){0};
}

void save_refresh(struct save *s, struct saved *item)
{
        const struct record *rec = maildir_record(s->from, item->seq);
        _cleanup_(buf_free) struct buf path = {0};
        maildir_path(s->from, rec, &path);
        reflag(s, item, rec, buf_slice(&path));
}

void save_rename(struct save *s, struct saved *item, struct slice path)
{
        struct record rec = {0};
        struct slice base, info;
        filename_split(slice_from(path, strlen("cur/")), &base, &info);
        filename_info_parse(info, &rec.flags, &rec.letters);
        reflag(s, item, &rec, path);
}

int save_take_bytes(struct save *s, struct saved *item)
{
        size_t at = (size_t)(item - s->items);
        if (item->where == SAVED_MOVE)
                buf_append(&s->expunge, slice_make(&item->seq, sizeof(item->seq)));
        int r = copy_bytes(s, item->seq, item->where == SAVED_MOVE);
        if (r < 0)
                return r;
        saved_free(&s->items[at]);
        s->items[at] = s->items[--s->n];
        return 0;
}

/* Another file system, or renamed just now: bytes can always be copied. */
static int copy_somehow(struct save *s, uint32_t seq, bool moves)
{
        if (s->to->store->settings->maildir_copy_with_hardlinks && take_name(s, seq, SAVED_LINK)) {
                s->items[s->n - 1].moves = moves;
                return 0;
        }
        return copy_bytes(s, seq, moves);
}

int save_copy(struct save *s, struct mailbox *from, uint32_t seq)
{
        if (s->failed)
                return s->failed;
        s->from = from;
        return copy_somehow(s, seq, false);
}

int save_move(struct save *s, struct mailbox *from, uint32_t seq)
{
        if (s->failed)
                return s->failed;
        s->from = from;
        bool same = from->identity.st_ino == s->to->identity.st_ino;
        if (!same && take_name(s, seq, SAVED_MOVE))
                return 0;
        int r = copy_somehow(s, seq, true);
        if (r == 0)
                buf_append(&s->expunge, slice_make(&seq, sizeof(seq)));
        return r;
}

void save_replace(struct save *s, struct mailbox *from, uint32_t seq)
{
        s->from = from;
        buf_append(&s->expunge, slice_make(&seq, sizeof(seq)));
}

/* Bytes, sizes, dates and names of messages, and what is kept of them. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crlf.h"
#include "base/fd.h"
#include "base/number.h"
#include "mime/header.h"
#include "store/maildir.h"

enum {
        CONTENT_TRIES = 5,            /* others rename the same file at the same time */
        CONTENT_COPY_MAX = 32 * 1024, /* smaller ones are read: quicker than mapping them */
        CONTENT_HEAD = 8 * 1024,      /* the first read of a header: longer ones are few */
        CONTENT_LEARNED_MAX = 16384,
        CONTENT_COMPACT_MIN = 4096, /* groups that are not worth it */
};

/* Calls f on the message's path until it finds the file; f gives -ENOENT when it does not. */
static int with_path(struct mailbox *m, uint32_t seq, int (*f)(struct mailbox *, const char *, void *),
                     void *arg)
{
        char text[600];
        for (int i = 0;; i++) {
                const struct record *rec = maildir_record(m, seq);
                struct buf path = {.p = text, .cap = sizeof(text), .max = sizeof(text) - 1};
                if (!index_is_live(rec) && m->ghosts && i < CONTENT_TRIES) {
                        int r = maildir_sync(m, true);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (!index_is_live(rec))
                        return maildir_error(m, -ENOENT, "open", "cur");
                maildir_path(m, rec, &path);
                if (path.error)
                        return maildir_error(m, -ENAMETOOLONG, "open", "cur");
                text[path.n] = '\0';
                int r = f(m, text, arg);
                if (r != -ENOENT || i == CONTENT_TRIES)
                        return r;
                r = maildir_sync(m, true);
                if (r < 0)
                        return r;
        }
}

static int open_file(struct mailbox *m, const char *path, void *ret_fd)
{
        int fd = openat(m->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return maildir_error(m, -errno, "open", path);
        *(int *)ret_fd = fd;
        return 0;
}

static int stat_file(struct mailbox *m, const char *path, void *ret_st)
{
        return fstatat(m->dir, path, ret_st, AT_SYMLINK_NOFOLLOW) < 0 ? maildir_error(m, -errno, "stat", path)
                                                                      : 0;
}

/* Of a message whose record knows more now than the files do. */
struct learned {
        uint32_t uid;
        bool size; /* or INTERNALDATE; else the note */
};

static void learn(struct mailbox *m, const struct record *rec, bool size)
{
        struct learned learned = {.uid = rec->uid, .size = size};
        buf_append(&m->learned, slice_make(&learned, sizeof(learned)));
        if (m->learned.n / sizeof(learned) >= CONTENT_LEARNED_MAX)
                content_save(m);
}

static void learn_size(struct mailbox *m, uint32_t seq, uint64_t size)
{
        struct record *rec = maildir_record(m, seq);
        bool news = rec->size != size;
        index_count(&m->index, rec, -1);
        rec->size = size;
        rec->state |= RECORD_COUNTED;
        index_count(&m->index, rec, 1);
        if (news)
                learn(m, rec, true);
}

static void placed(void *context, uint32_t uid, uint32_t offset)
{
        struct mailbox *m = context;
        index_set_cache(&m->index, m->cache.id, uid, offset);
}

struct compacting {
        const struct index *ix;
        uint32_t row;
};

static bool next_cached(void *context, uint32_t *ret_uid, uint32_t *ret_offset)
{
        struct compacting *c = context;
        while (c->row < c->ix->n && (!index_is_live(&c->ix->rows[c->row]) || !c->ix->rows[c->row].cache))
                c->row++;
        if (c->row == c->ix->n)
                return false;
        *ret_uid = c->ix->rows[c->row].uid;
        *ret_offset = c->ix->rows[c->row++].cache;
        return true;
}

struct cache_callbacks {
        struct compacting from; /* first, as next_cached() takes it */
        struct mailbox *m;
};

static void placed_anew(void *context, uint32_t uid, uint32_t offset)
{
        const struct cache_callbacks *c = context;
        placed(c->m, uid, offset);
}

/* When groups of expunged messages, and those that newer ones have taken the place of, are more than the
 * others. */
static void compact(struct mailbox *m)
{
        const struct index_head *h = &m->index.head;
        if (h->cache_groups < 2 * (uint64_t)h->counts.cached + CONTENT_COMPACT_MIN)
                return;
        struct cache_callbacks c = {.from = {.ix = &m->index}, .m = m};
        (void)!cache_compact(&m->cache, &m->perm, next_cached, placed_anew, &c);
}

/* Others may have written to the cache, or begun another file, since these were queued. */
static void link_queue(struct mailbox *m)
{
        if (m->cache.id != m->index.head.cache_id)
                cache_follow(&m->cache, m->index.head.cache_id);
        for (size_t i = 0; i < m->cache.queued_n; i++) {
                const struct record *rec = index_find(&m->index, m->cache.queued[i].uid);
                m->cache.queued[i].prev = rec ? rec->cache : 0;
        }
}

void content_save(struct mailbox *m)
{
        if (m->learned.n == 0 && m->cache.queued_n == 0)
                return;
        if (maildir_begin(m) < 0)
                return;
        const struct learned *l = (const struct learned *)(const void *)m->learned.p;
        for (size_t i = 0; i < m->learned.n / sizeof(*l); i++) {
                const struct record *rec = index_find(&m->index, l[i].uid);
                if (rec && l[i].size)
                        index_set_size(&m->index, rec, rec->size, rec->state & RECORD_COUNTED, rec->date);
                else if (rec)
                        index_set_note(&m->index, rec, rec->note);
        }
        m->learned.n = 0;
        if (m->index.detached)
                cache_drop_queue(&m->cache); /* nobody would find it, and the file is another's to write */
        link_queue(m);
        if (cache_flush(&m->cache, &m->perm, placed, m) == 0 && !m->index.detached)
                compact(m);
        maildir_commit(m);
}

static int read_file(struct mailbox *m, int fd, struct message_text *ret)
{
        struct stat st;
        if (fstat(fd, &st) < 0)
                return maildir_error(m, -errno, "fstat", "cur");
        size_t size = (size_t)st.st_size;
        if (size <= CONTENT_COPY_MAX) {
                ret->copy = xmalloc(size + 1);
                ssize_t n = fd_read_all(fd, ret->copy, size);
                if (n < 0)
                        return maildir_error(m, (int)n, "read", "cur");
                ret->raw = slice_make(ret->copy, (size_t)n);
                return 0;
        }
        void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED)
                return maildir_error(m, -errno, "mmap", "cur");
        ret->map = map;
        ret->map_size = size;
        ret->raw = slice_make(map, size);
        return 0;
}

int mailbox_read(struct mailbox *m, uint32_t seq, struct message_text *ret)
{
        _cleanup_(fd_close_p) int fd = -1;
        _cleanup_(message_text_release) struct message_text t = {0};
        int r = with_path(m, seq, open_file, &fd);
        if (r == 0)
                r = read_file(m, fd, &t);
        if (r < 0)
                return r;
        if (!(maildir_record(m, seq)->state & RECORD_COUNTED))
                learn_size(m, seq, t.raw.n + crlf_bare(t.raw, 0));
        *ret = t;
        t = (struct message_text){0};
        return 0;
}

int mailbox_read_head(struct mailbox *m, uint32_t seq, struct message_text *ret)
{
        _cleanup_(fd_close_p) int fd = -1;
        _cleanup_(message_text_release) struct message_text t = {.copy = xmalloc(CONTENT_HEAD)};
        int r = with_path(m, seq, open_file, &fd);
        if (r < 0)
                return r;
        ssize_t n = pread(fd, t.copy, CONTENT_HEAD, 0);
        t.raw = slice_make(t.copy, n > 0 ? (size_t)n : 0);
        size_t size = header_size(t.raw);
        if (size == t.raw.n) { /* it may go on */
                message_text_release(&t);
                r = read_file(m, fd, &t);
                if (r < 0)
                        return r;
                size = header_size(t.raw);
        }
        t.raw.n = size;
        *ret = t;
        t = (struct message_text){0};
        return 0;
}

void message_text_release(struct message_text *t)
{
        if (t->map_size)
                munmap(t->map, t->map_size);
        free(t->copy);
        *t = (struct message_text){0};
}

int mailbox_size(struct mailbox *m, uint32_t seq, uint64_t *ret)
{
        if (maildir_record(m, seq)->size == RECORD_SIZE_UNKNOWN) {
                _cleanup_(message_text_release) struct message_text t = {0};
                int r = mailbox_read(m, seq, &t);
                if (r < 0)
                        return r;
        }
        *ret = maildir_record(m, seq)->size;
        return 0;
}

int mailbox_internaldate(struct mailbox *m, uint32_t seq, time_t *ret)
{
        struct stat st;
        const struct record *rec = maildir_record(m, seq);
        if (rec->date == RECORD_DATE_UNKNOWN) {
                int r = with_path(m, seq, stat_file, &st);
                if (r < 0)
                        return r;
                struct record *now = maildir_record(m, seq);
                now->date = st.st_mtim.tv_sec;
                learn(m, now, true);
                *ret = st.st_mtim.tv_sec;
                return 0;
        }
        *ret = rec->date;
        return 0;
}

bool mailbox_size_known(const struct mailbox *m, uint32_t seq)
{
        return maildir_record(m, seq)->size != RECORD_SIZE_UNKNOWN;
}

bool mailbox_total_size(const struct mailbox *m, uint64_t *ret)
{
        if (m->index.head.counts.unsized)
                return false;
        *ret = m->index.head.counts.bytes;
        return true;
}

const char *mailbox_base_name(struct mailbox *m, uint32_t seq)
{
        return index_base(&m->index, maildir_record(m, seq));
}

static bool has_field(struct mailbox *m, uint32_t seq, char key, struct slice *ret)
{
        return uidlist_field(slice_of(index_fields(&m->index, maildir_record(m, seq))), key, ret);
}

struct slice content_guid(struct mailbox *m, uint32_t seq)
{
        struct slice guid;
        return has_field(m, seq, 'G', &guid) && guid.n ? guid : slice_of(mailbox_base_name(m, seq));
}

void mailbox_message_guid(struct mailbox *m, uint32_t seq, char ret[MAILBOX_GUID_LEN + 1])
{
        uidlist_guid(content_guid(m, seq), ret);
}

int mailbox_savedate(struct mailbox *m, uint32_t seq, time_t *ret)
{
        return filename_time(slice_of(mailbox_base_name(m, seq)), ret) ? 0
                                                                       : mailbox_internaldate(m, seq, ret);
}

struct slice mailbox_pop3_uidl(struct mailbox *m, uint32_t seq)
{
        struct slice value;
        return has_field(m, seq, 'P', &value) ? value : SLICE_NULL;
}

bool mailbox_cached(struct mailbox *m, uint32_t seq, unsigned kind, struct slice *ret)
{
        const struct record *rec = maildir_record(m, seq);
        struct slice queued[MAILBOX_KINDS];
        if (m->cache.queued_n && cache_queued_all(&m->cache, rec->uid, queued) >> kind & 1) {
                *ret = queued[kind];
                return true;
        }
        return rec->cache && cache_get(&m->cache, rec->cache, rec->uid, kind, ret);
}

uint32_t mailbox_cached_all(struct mailbox *m, uint32_t seq, struct slice ret[MAILBOX_KINDS])
{
        const struct record *rec = maildir_record(m, seq);
        uint32_t found = rec->cache ? cache_get_all(&m->cache, rec->cache, rec->uid, ret) : 0;
        return m->cache.queued_n ? found | cache_queued_all(&m->cache, rec->uid, ret) : found;
}

void mailbox_cache(struct mailbox *m, uint32_t seq, const struct mailbox_item *items, size_t n)
{
        const struct record *rec = maildir_record(m, seq);
        if (!index_is_live(rec))
                return;
        cache_put(&m->cache, rec->uid, rec->cache, items, n);
        if (cache_queue_full(&m->cache))
                content_save(m);
}

uint64_t mailbox_note(const struct mailbox *m, uint32_t seq)
{
        return maildir_record(m, seq)->note;
}

void mailbox_set_note(struct mailbox *m, uint32_t seq, uint64_t note)
{
        struct record *rec = maildir_record(m, seq);
        rec->note = note;
        learn(m, rec, false);
}

int mailbox_deleted_storage(struct mailbox *m, uint64_t *ret)
{
        uint64_t sum = 0, size;
        struct stat st;
        for (uint32_t seq = 1; seq <= mailbox_count(m); seq++) {
                const struct record *rec = maildir_record(m, seq);
                if (!index_is_live(rec) || !(rec->flags & FLAG_DELETED))
                        continue;
                if (!filename_size(slice_of(index_base(&m->index, rec)), 'S', &size)) {
                        int r = with_path(m, seq, stat_file, &st);
                        if (r == -ENOENT)
                                continue;
                        if (r < 0)
                                return r;
                        size = (uint64_t)st.st_size;
                }
                sum += size;
        }
        *ret = sum;
        return 0;
}

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
#include "store/saved.h"

enum {
        CONTENT_TRIES = 5,            /* others rename the same file at the same time */
        CONTENT_COPY_MAX = 32 * 1024, /* smaller ones are read: quicker than mapping them */
        CONTENT_HEAD = 8 * 1024,      /* the first read of a header: longer ones are few */
        CONTENT_LEARNED_MAX = 16384,
        CONTENT_COMPACT_MIN = 4096, /* groups that are not worth it */
};

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
        struct record *rec = opened_record(m, seq);
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
        if (opened_begin(m) < 0)
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
        opened_commit(m);
}

int mailbox_read(struct mailbox *m, uint32_t seq, struct message_text *ret)
{
        struct message_text t;
        int r = m->format->text(m, seq, false, &t);
        if (r < 0)
                return r;
        if (!(opened_record(m, seq)->state & RECORD_COUNTED))
                learn_size(m, seq, t.raw.n + crlf_bare(t.raw, 0));
        *ret = t;
        return 0;
}

int mailbox_read_head(struct mailbox *m, uint32_t seq, struct message_text *ret)
{
        struct message_text t;
        int r = m->format->text(m, seq, true, &t);
        if (r < 0)
                return r;
        t.raw.n = header_size(t.raw);
        *ret = t;
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
        if (opened_record(m, seq)->size == RECORD_SIZE_UNKNOWN) {
                _cleanup_(message_text_release) struct message_text t = {0};
                int r = mailbox_read(m, seq, &t);
                if (r < 0)
                        return r;
        }
        *ret = opened_record(m, seq)->size;
        return 0;
}

int mailbox_internaldate(struct mailbox *m, uint32_t seq, time_t *ret)
{
        time_t date = opened_record(m, seq)->date;
        if (date == RECORD_DATE_UNKNOWN) {
                int r = m->format->date(m, seq, &date);
                if (r < 0)
                        return r;
                struct record *now = opened_record(m, seq);
                now->date = date;
                learn(m, now, true);
        }
        *ret = date;
        return 0;
}

bool mailbox_size_known(const struct mailbox *m, uint32_t seq)
{
        return opened_record(m, seq)->size != RECORD_SIZE_UNKNOWN;
}

bool mailbox_total_size(const struct mailbox *m, uint64_t *ret)
{
        if (m->index.head.counts.unsized)
                return false;
        *ret = m->index.head.counts.bytes;
        return true;
}

bool mailbox_is_mbox(const struct mailbox *m)
{
        return m->format == &format_mbox;
}

const char *mailbox_base_name(struct mailbox *m, uint32_t seq)
{
        return index_base(&m->index, opened_record(m, seq));
}

struct slice content_guid(struct mailbox *m, uint32_t seq)
{
        return m->format->guid(m, opened_record(m, seq));
}

void mailbox_message_guid(struct mailbox *m, uint32_t seq, char ret[MAILBOX_GUID_LEN + 1])
{
        uidlist_guid(content_guid(m, seq), ret);
}

int mailbox_savedate(struct mailbox *m, uint32_t seq, time_t *ret)
{
        return m->format->savedate(m, seq, ret);
}

struct slice mailbox_pop3_uidl(struct mailbox *m, uint32_t seq)
{
        struct slice value;
        struct slice fields = slice_of(index_fields(&m->index, opened_record(m, seq)));
        return uidlist_field(fields, 'P', &value) ? value : SLICE_NULL;
}

bool mailbox_cached(struct mailbox *m, uint32_t seq, unsigned kind, struct slice *ret)
{
        const struct record *rec = opened_record(m, seq);
        struct slice queued[MAILBOX_KINDS];
        if (m->cache.queued_n && cache_queued_all(&m->cache, rec->uid, queued) >> kind & 1) {
                *ret = queued[kind];
                return true;
        }
        return rec->cache && cache_get(&m->cache, rec->cache, rec->uid, kind, ret);
}

uint32_t mailbox_cached_all(struct mailbox *m, uint32_t seq, struct slice ret[MAILBOX_KINDS])
{
        const struct record *rec = opened_record(m, seq);
        uint32_t found = rec->cache ? cache_get_all(&m->cache, rec->cache, rec->uid, ret) : 0;
        return m->cache.queued_n ? found | cache_queued_all(&m->cache, rec->uid, ret) : found;
}

void mailbox_cache(struct mailbox *m, uint32_t seq, const struct mailbox_item *items, size_t n)
{
        const struct record *rec = opened_record(m, seq);
        if (!index_is_live(rec))
                return;
        cache_put(&m->cache, rec->uid, rec->cache, items, n);
        if (cache_queue_full(&m->cache))
                content_save(m);
}

uint64_t mailbox_note(const struct mailbox *m, uint32_t seq)
{
        return opened_record(m, seq)->note;
}

void mailbox_set_note(struct mailbox *m, uint32_t seq, uint64_t note)
{
        struct record *rec = opened_record(m, seq);
        rec->note = note;
        learn(m, rec, false);
}

uint64_t mailbox_deleted_storage(struct mailbox *m)
{
        uint64_t sum = 0;
        for (uint32_t seq = 1; seq <= mailbox_count(m); seq++) {
                const struct record *rec = opened_record(m, seq);
                if (index_is_live(rec) && rec->flags & FLAG_DELETED)
                        sum += account_bytes(m->store, m->format->bytes(m, rec), rec->size);
        }
        return sum;
}

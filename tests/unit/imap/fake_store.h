/* A store in memory with faults on demand, for the tests of the executors: it defines the functions of
 * store/store.h, store/mailbox.h and store/save.h that they call. */

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "mime/header.h"
#include "store/annotation.h"
#include "store/save.h"
#include "store/watcher.h"

enum { FAKE_MESSAGES = 16, FAKE_FOLDERS = 8 };

struct mailbox {
        char name[32];
        bool read_only;
        struct message messages[FAKE_MESSAGES];
        const char *texts[FAKE_MESSAGES];
        struct fake_kept {
                bool set;
                struct buf data;
        } kept[FAKE_MESSAGES][MAILBOX_KINDS];
        uint64_t notes[FAKE_MESSAGES];
        uint32_t n, added, uidnext;
        const char *keywords[KEYWORDS_MAX];
        unsigned keywords_n, keywords_told;
};

struct save {
        struct mailbox *to;
        struct buf data;
        struct message messages[FAKE_MESSAGES];
        uint32_t n, seqs[FAKE_MESSAGES];
        struct mailbox *from; /* of moves */
        uint32_t moved[FAKE_MESSAGES], moved_n;
};

/* What there is, and what shall fail. */
static struct fake {
        struct mailbox boxes[2]; /* INBOX and t; nothing else exists */
        struct folder folders[FAKE_FOLDERS];
        size_t folders_n;
        int write_error, commit_error, expunge_error, read_error, folder_error;
        unsigned keywords_max;
        unsigned reads;    /* of messages */
        unsigned keeps;    /* calls of mailbox_cache() */
        uint32_t vanishes; /* a sequence number whose file is gone, which no view knows */
        uint64_t written;  /* bytes given to save_write() */
        size_t largest;    /* of one call */
        uint8_t saved_flags;
        time_t saved_date;
        char deleted[32], created[32], renamed_to[32];
        int subscribed;
        const char *refusal; /* of store_refusal() */
        struct store_quota quota;
        struct annotation annotations[4];
        size_t annotations_n;
} fake;

/* Forgets what was kept of messages. */
static void fake_drop_cache(void)
{
        for (int b = 0; b < 2; b++) {
                struct mailbox *m = &fake.boxes[b];

                memset(m->notes, 0, sizeof(m->notes));
                for (int i = 0; i < FAKE_MESSAGES; i++)
                        for (int kind = 0; kind < MAILBOX_KINDS; kind++) {
                                buf_free(&m->kept[i][kind].data);
                                m->kept[i][kind].set = false;
                        }
        }
}

static void fake_reset(void)
{
        fake_drop_cache();
        fake = (struct fake){.keywords_max = KEYWORDS_MAX};
        for (int b = 0; b < 2; b++) {
                struct mailbox *m = &fake.boxes[b];

                strcpy(m->name, b ? "t" : "INBOX");
                m->uidnext = 11;
                for (uint32_t i = 0; b == 0 && i < 5; i++) {
                        m->messages[m->n] = (struct message){.uid = m->uidnext++};
                        m->texts[m->n++] = "Subject: x\n\nbody\n";
                }
        }
}

const char *store_error(const struct store *s)
{
        return "the fake store failed";
}

void store_rest(struct store *s)
{
}

const char *store_refusal(const struct store *s)
{
        return fake.refusal;
}

bool store_quota_root(const struct store *s, const char **ret_name)
{
        *ret_name = "root";
        return true;
}

bool store_quota_covers(struct store *s, const char *mailbox)
{
        return true;
}

int store_quota(struct store *s, struct store_quota *ret)
{
        *ret = fake.quota;
        return fake.folder_error;
}

bool store_quota_settable(const struct store *s)
{
        return true;
}

int store_quota_set(struct store *s, uint64_t bytes, uint64_t messages)
{
        fake.quota.bytes_limit = bytes;
        fake.quota.messages_limit = messages;
        return fake.folder_error;
}

int store_annotations(struct store *s, const char *mailbox, struct arena *a, struct annotation **ret,
                      size_t *ret_n)
{
        *ret = fake.annotations;
        *ret_n = fake.annotations_n;
        return fake.folder_error;
}

int store_annotate(struct store *s, const char *mailbox, const struct annotation *changes, size_t n)
{
        return fake.folder_error;
}

uint64_t mailbox_deleted_storage(struct mailbox *m)
{
        return 5;
}

char store_separator(const struct store *s, const char *name)
{
        return '.';
}

/* Nothing can be watched here. */
int watcher_open(struct store *s, struct watcher **ret)
{
        *ret = NULL;
        return 0;
}

void watcher_close(struct watcher **w)
{
}

int watcher_fd(const struct watcher *w)
{
        return -1;
}

void watcher_add_tree(struct watcher *w)
{
}

int watcher_add_folder(struct watcher *w, const char *name, uint32_t number)
{
        return 0;
}

void watcher_add_annotations(struct watcher *w, const char *name, uint32_t number)
{
}

int watcher_identity(struct store *s, const char *name, struct watcher_identity *ret)
{
        return -ENOENT;
}

void watcher_read(struct watcher *w, struct arena *arena, struct watcher_news *ret)
{
        *ret = (struct watcher_news){.folders = NULL};
}

const struct store_namespace *store_namespaces(const struct store *s, size_t *ret_n)
{
        static const struct store_namespace spaces[] = {{"", '.', NAMESPACE_PERSONAL, false},
                                                        {"hidden.", '.', NAMESPACE_PERSONAL, true},
                                                        {"caf\xc3\xa9.", '.', NAMESPACE_SHARED, false}};
        *ret_n = 3;
        return spaces;
}

int store_list(struct store *s, struct arena *arena, struct folder **ret, size_t *ret_n)
{
        *ret = fake.folders;
        *ret_n = fake.folders_n;
        return fake.folder_error;
}

int store_list_begins(struct store *s, struct arena *arena, const struct slice *begins, size_t n,
                      struct folder **ret, size_t *ret_n)
{
        return store_list(s, arena, ret, ret_n);
}

int store_rights(struct store *s, const char *name, unsigned *ret)
{
        *ret = RIGHT_READ | RIGHT_WRITE | RIGHT_FOLDERS;
        return 0;
}

int store_special_use_set(struct store *s, const char *name, const char *uses)
{
        return fake.folder_error;
}

int store_lookup(struct store *s, const char *name, unsigned *ret_flags)
{
        *ret_flags = 0;
        return fake.folder_error;
}

int store_create(struct store *s, const char *name)
{
        strncpy(fake.created, name, sizeof(fake.created) - 1);
        return fake.folder_error;
}

int store_delete(struct store *s, const char *name)
{
        strncpy(fake.deleted, name, sizeof(fake.deleted) - 1);
        return fake.folder_error;
}

int store_rename(struct store *s, const char *from, const char *to)
{
        strncpy(fake.renamed_to, to, sizeof(fake.renamed_to) - 1);
        return fake.folder_error;
}

int store_subscribe(struct store *s, const char *name, bool on)
{
        fake.subscribed += on ? 1 : -1;
        return fake.folder_error;
}

static struct mailbox *fake_find(const char *name)
{
        for (int b = 0; b < 2; b++)
                if (strcmp(fake.boxes[b].name, name) == 0)
                        return &fake.boxes[b];
        return NULL;
}

int mailbox_open(struct store *s, const char *name, bool read_only, struct mailbox **ret)
{
        struct mailbox *m =
                fake_find(*name && slice_starts(slice_of(fake.created), slice_of(name)) ? "t" : name);

        if (!m)
                return -ENOENT;
        *ret = m;
        return 0;
}

int mailbox_peek(struct store *s, const char *name, struct mailbox_summary *ret)
{
        return fake_find(name) ? -EAGAIN : -ENOENT;
}

void mailbox_close(struct mailbox **m)
{
        *m = NULL;
}

const char *mailbox_index_fault(const struct mailbox *m)
{
        return NULL;
}

const char *mailbox_name(const struct mailbox *m)
{
        return m->name;
}

int mailbox_waiting(const struct mailbox *m)
{
        return 0;
}

bool mailbox_read_only(const struct mailbox *m)
{
        return m->read_only;
}

uint32_t mailbox_count(const struct mailbox *m)
{
        return m->n - m->added;
}

struct message mailbox_message(const struct mailbox *m, uint32_t seq)
{
        assert_true(seq >= 1 && seq <= mailbox_count(m));
        return m->messages[seq - 1];
}

void mailbox_messages(const struct mailbox *m, uint32_t seq, struct message *ret, size_t n)
{
        memcpy(ret, &m->messages[seq - 1], n * sizeof(*ret));
}

void mailbox_status(struct mailbox *m, struct mailbox_status *ret)
{
        *ret = (struct mailbox_status){
                .messages = mailbox_count(m), .unseen = 2, .uidnext = m->uidnext, .uidvalidity = 77};
}

uint32_t mailbox_seq_at_or_after(const struct mailbox *m, uint32_t uid)
{
        uint32_t seq = 1;

        while (seq <= mailbox_count(m) && m->messages[seq - 1].uid < uid)
                seq++;
        return seq;
}

const char *const *mailbox_keywords(const struct mailbox *m, unsigned *ret_n)
{
        *ret_n = m->keywords_n;
        return m->keywords;
}

bool mailbox_keywords_full(const struct mailbox *m)
{
        return m->keywords_n == fake.keywords_max;
}

int mailbox_keyword(struct mailbox *m, struct slice name, bool create, unsigned *ret_bit)
{
        for (unsigned i = 0; i < m->keywords_n; i++) {
                if (slice_ieq(slice_of(m->keywords[i]), name)) {
                        *ret_bit = i;
                        return 0;
                }
        }
        if (!create)
                return -ENOENT;
        if (m->keywords_n == fake.keywords_max)
                return -ENOBUFS;
        m->keywords[m->keywords_n] = xstrndup(name.p, name.n);
        *ret_bit = m->keywords_n++;
        return 0;
}

int mailbox_sync(struct mailbox *m, bool allow_expunge, struct arena *arena, struct mailbox_changes *ret)
{
        *ret = (struct mailbox_changes){.expunged = arena_array(arena, uint32_t, FAKE_MESSAGES),
                                        .expunged_uids = arena_array(arena, uint32_t, FAKE_MESSAGES),
                                        .added = m->added,
                                        .keywords_changed = m->keywords_n != m->keywords_told};
        m->added = 0;
        m->keywords_told = m->keywords_n;
        for (uint32_t seq = m->n; allow_expunge && seq >= 1; seq--) {
                if (!m->messages[seq - 1].gone)
                        continue;
                ret->expunged_uids[ret->expunged_n] = m->messages[seq - 1].uid;
                ret->expunged[ret->expunged_n++] = seq;
                memmove(&m->messages[seq - 1], &m->messages[seq], (m->n - seq) * sizeof(m->messages[0]));
                m->n--;
        }
        return 0;
}

int mailbox_store_flags(struct mailbox *m, const uint32_t *seqs, size_t n, enum flags_op op,
                        struct flags flags, size_t *ret_gone)
{
        for (size_t i = 0; i < n; i++) {
                struct flags *f = &m->messages[seqs[i] - 1].flags;

                if (m->messages[seqs[i] - 1].gone) {
                        ++*ret_gone;
                        continue;
                }
                if (op == FLAGS_SET)
                        *f = flags;
                else if (op == FLAGS_ADD)
                        *f = (struct flags){f->keywords | flags.keywords, f->system | flags.system};
                else
                        *f = (struct flags){f->keywords & ~flags.keywords,
                                            f->system & (uint8_t)~flags.system};
        }
        return fake.write_error;
}

int mailbox_store_flags_since(struct mailbox *m, const uint32_t *seqs, size_t n, enum flags_op op,
                              struct flags flags, uint64_t since, uint32_t *modified, size_t *ret_modified,
                              size_t *ret_gone)
{
        *ret_modified = 0;
        return mailbox_store_flags(m, seqs, n, op, flags, ret_gone);
}

uint64_t mailbox_modseq_known(const struct mailbox *m, uint64_t since)
{
        return since;
}

int mailbox_vanished(const struct mailbox *m, uint64_t since, struct arena *arena, struct mailbox_range **ret,
                     size_t *ret_n)
{
        return -ENODATA;
}

int mailbox_expunge(struct mailbox *m, const uint32_t *seqs, size_t n)
{
        for (size_t i = 0; i < n && !fake.expunge_error; i++)
                m->messages[seqs[i] - 1].gone = true;
        return fake.expunge_error;
}

int mailbox_read(struct mailbox *m, uint32_t seq, struct message_text *ret)
{
        if (fake.vanishes == seq)
                return -ENOENT;
        if (fake.read_error && seq == 2)
                return fake.read_error;
        fake.reads++;
        *ret = (struct message_text){.raw = slice_of(m->texts[seq - 1])};
        return 0;
}

int mailbox_read_head(struct mailbox *m, uint32_t seq, struct message_text *ret)
{
        int r = mailbox_read(m, seq, ret);

        if (r == 0)
                ret->raw.n = header_size(ret->raw);
        return r;
}

void message_text_release(struct message_text *t)
{
}

bool mailbox_size_known(const struct mailbox *m, uint32_t seq)
{
        return true;
}

int mailbox_size(struct mailbox *m, uint32_t seq, uint64_t *ret)
{
        *ret = 100;
        return 0;
}

int mailbox_internaldate(struct mailbox *m, uint32_t seq, time_t *ret)
{
        *ret = 0;
        return 0;
}

/* None are kept. */
uint64_t mailbox_highest_modseq(const struct mailbox *m)
{
        return 0;
}

uint32_t mailbox_seq_changed(const struct mailbox *m, uint32_t seq, uint64_t since)
{
        return seq;
}

uint32_t mailbox_uidvalidity(const struct mailbox *m)
{
        return 77;
}

bool mailbox_total_size(const struct mailbox *m, uint64_t *ret)
{
        return false;
}

int mailbox_savedate(struct mailbox *m, uint32_t seq, time_t *ret)
{
        return mailbox_internaldate(m, seq, ret);
}

void mailbox_message_guid(struct mailbox *m, uint32_t seq, char ret[MAILBOX_GUID_LEN + 1])
{
        memset(ret, '0', MAILBOX_GUID_LEN);
        ret[MAILBOX_GUID_LEN] = '\0';
}

const char *mailbox_guid(const struct mailbox *m)
{
        return m == &fake.boxes[0] ? "00000000000000000000000000000001" : "00000000000000000000000000000002";
}

bool mailbox_cached(struct mailbox *m, uint32_t seq, unsigned kind, struct slice *ret)
{
        struct fake_kept *kept = &m->kept[seq - 1][kind];

        if (kept->set)
                *ret = buf_slice(&kept->data);
        return kept->set;
}

uint32_t mailbox_cached_all(struct mailbox *m, uint32_t seq, struct slice ret[MAILBOX_KINDS])
{
        uint32_t mask = 0;

        for (unsigned kind = 0; kind < MAILBOX_KINDS; kind++)
                if (mailbox_cached(m, seq, kind, &ret[kind]))
                        mask |= UINT32_C(1) << kind;
        return mask;
}

void mailbox_cache(struct mailbox *m, uint32_t seq, const struct mailbox_item *items, size_t n)
{
        fake.keeps++;
        for (size_t i = 0; i < n; i++) {
                struct fake_kept *kept = &m->kept[seq - 1][items[i].kind];

                assert_false(kept->set);
                kept->set = true;
                buf_append(&kept->data, items[i].data);
        }
}

uint64_t mailbox_note(const struct mailbox *m, uint32_t seq)
{
        return m->notes[seq - 1];
}

void mailbox_set_note(struct mailbox *m, uint32_t seq, uint64_t note)
{
        m->notes[seq - 1] = note;
}

int save_open(struct store *s, const char *mailbox, struct save **ret)
{
        struct mailbox *m = fake_find(mailbox);

        if (!m)
                return strstr(mailbox, "..") ? -EINVAL : -ENOENT;
        *ret = xcalloc(1, sizeof(**ret));
        (*ret)->to = m;
        return 0;
}

void save_close(struct save **s)
{
        if (*s)
                buf_free(&(*s)->data);
        free(*s);
        *s = NULL;
}

int save_begin(struct save *s, const struct save_message *m)
{
        fake.saved_flags = m->flags;
        fake.saved_date = m->internaldate;
        s->messages[s->n] = (struct message){.flags = {.system = m->flags}};
        return m->keywords_n > fake.keywords_max ? -ENOBUFS : 0;
}

int save_expect(struct save *s, uint64_t size)
{
        return 0;
}

int save_write(struct save *s, struct slice bytes)
{
        fake.written += bytes.n;
        fake.largest = MAX(fake.largest, bytes.n);
        if (fake.written <= 1000)
                buf_append(&s->data, bytes);
        return fake.write_error;
}

int save_spool(struct save *s, struct slice bytes)
{
        fake.written += bytes.n;
        return fake.write_error;
}

int save_spooled(struct save *s, struct message_text *ret)
{
        *ret = (struct message_text){};
        return 0;
}

int save_end(struct save *s)
{
        s->n++;
        return 0;
}

int save_copy(struct save *s, struct mailbox *from, uint32_t seq)
{
        if (fake.vanishes == seq)
                return -ENOENT;
        s->seqs[s->n] = seq;
        s->messages[s->n++] = from->messages[seq - 1];
        return fake.write_error;
}

int save_move(struct save *s, struct mailbox *from, uint32_t seq)
{
        s->from = from;
        s->moved[s->moved_n++] = seq;
        return save_copy(s, from, seq);
}

void save_replace(struct save *s, struct mailbox *from, uint32_t seq)
{
        s->from = from;
        s->moved[s->moved_n++] = seq;
}

int save_commit(struct save *s, struct arena *arena, struct save_result *ret)
{
        if (fake.commit_error)
                return fake.commit_error;
        *ret = (struct save_result){.uidvalidity = 77,
                                    .uids = arena_array(arena, uint32_t, s->n),
                                    .seqs = arena_array(arena, uint32_t, s->n),
                                    .n = s->n};
        for (uint32_t i = 0; i < s->n; i++) {
                ret->seqs[i] = s->seqs[i];
                s->messages[i].uid = ret->uids[i] = s->to->uidnext++;
                s->to->texts[s->to->n] = "Subject: saved\n\n";
                s->to->messages[s->to->n++] = s->messages[i];
                s->to->added++;
        }
        if (s->moved_n)
                ret->left_behind = mailbox_expunge(s->from, s->moved, s->moved_n);
        return 0;
}

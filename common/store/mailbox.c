#include "store/mailbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/error.h"
#include "store/filename.h"
#include "store/opened.h"

int opened_error(struct mailbox *m, int r, const char *call, const char *below)
{
        /* control files may be elsewhere */
        bool control = slice_starts(slice_of(below), SLICE("dovecot-"));
        return error_set_at(m->store, r, call, control ? m->place.control : m->place.dir, below);
}

struct flags opened_flags(const struct mailbox *m, const struct record *rec)
{
        return (struct flags){.keywords = rec->letters ? keywords_bits(&m->keywords, rec->letters) : 0,
                              .system = rec->flags};
}

/* Of what is in the folder nothing is read yet. */
static int find_folder(struct store *s, const char *name, bool read_only, bool adds, struct mailbox **ret)
{
        _cleanup_(mailbox_close) struct mailbox *m = xcalloc(1, sizeof(*m));
        bool sync = s->settings->mail_fsync != SETTINGS_FSYNC_NEVER;
        m->store = s;
        m->read_only = read_only;
        m->adds = adds;
        m->dir = m->control = m->index_dir = m->watch = -1;
        keywords_init(&m->keywords);
        int r = folder_resolve(s, &m->arena, name, &m->place);
        m->format = m->place.file ? &format_mbox : &format_maildir;
        if (r == 0)
                r = m->format->open(m);
        uidlist_init(&m->uidlist, m->control, &m->perm, sync);
        index_init(&m->index, m->index_dir, &m->perm, sync);
        m->uidlist.waiter = m->index.waiter = user_waiter(s);
        cache_init(&m->cache, m->index_dir);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

static int open_folder(struct store *s, const char *name, bool read_only, bool adds, struct mailbox **ret)
{
        _cleanup_(mailbox_close) struct mailbox *m = NULL;
        int r = find_folder(s, name, read_only, adds, &m);
        if (r == 0)
                r = m->format->complete(m);
        if (r < 0)
                return r;
        m->uidlist.perm = m->index.perm = m->perm;
        index_open(&m->index);
        cache_reopen(&m->cache, m->index.head.cache_id);
        *ret = TAKE_PTR(m);
        return 0;
}

int opened_open(struct store *s, const char *name, struct mailbox **ret)
{
        return open_folder(s, name, true, true, ret);
}

int mailbox_open(struct store *s, const char *name, bool read_only, struct mailbox **ret)
{
        _cleanup_(mailbox_close) struct mailbox *m = NULL;
        int r = open_folder(s, name, read_only, false, &m);
        if (r < 0)
                return r;
        r = opened_sync(m, false);
        if (r == 0)
                m->format->tidy(m);
        if (r == 0 && m->look_again && !m->waiting)
                r = opened_sync(m, false);
        if (r == -ESTALE)
                r = -ENOENT; /* deleted while it was opened */
        if (r < 0)
                return r;
        m->index.viewed = true;
        view_extend(m);
        view_advance(m);
        m->keywords_told = m->keywords.version;
        m->keywords.moved = 0;
        *ret = TAKE_PTR(m);
        return 0;
}

/* With an index that is up to date, opening finds out no more than it says: the counts are of all messages,
 * nothing of them is kept back from a new view, and all that nobody has claimed is \Recent. */
int mailbox_peek(struct store *s, const char *name, struct mailbox_summary *ret)
{
        _cleanup_(mailbox_close) struct mailbox *m = NULL;
        unsigned due;
        int r = find_folder(s, name, true, false, &m);
        if (r < 0)
                return r;
        const struct index_head *head = &m->index.head;
        index_open_head(&m->index);
        if (!m->index.ready || m->index.intent.n || m->format->look(m, &due) < 0 || due)
                return -EAGAIN;
        *ret = (struct mailbox_summary){.status = {.messages = head->counts.messages,
                                                   .recent = head->counts.recent,
                                                   .unseen = head->counts.unseen,
                                                   .deleted = head->counts.deleted,
                                                   .uidnext = MAX(head->truth.nextuid, 1u),
                                                   .uidvalidity = head->truth.uidvalidity,
                                                   .highest_modseq = head->modseq},
                                        .size_known = head->counts.unsized == 0,
                                        .size = head->counts.bytes};
        memcpy(ret->guid, head->truth.guid, sizeof(ret->guid));
        return 0;
}

/* Each may be the same as those before. */
static void close_directories(struct mailbox *m)
{
        if (m->index_dir != m->control && m->index_dir != m->dir)
                fd_close_p(&m->index_dir);
        if (m->control != m->dir)
                fd_close_p(&m->control);
        fd_close_p(&m->dir);
}

void mailbox_close(struct mailbox **mp)
{
        struct mailbox *m = *mp;
        if (!m)
                return;
        content_save(m);
        if (m->format)
                m->format->close(m);
        cache_free(&m->cache);
        index_free(&m->index);
        uidlist_free(&m->uidlist);
        keywords_free(&m->keywords);
        arena_free(&m->arena);
        close_directories(m);
        fd_close_p(&m->watch);
        free(m->holes.row);
        buf_free(&m->learned);
        free(m);
        *mp = NULL;
}

const char *mailbox_name(const struct mailbox *m)
{
        return m->place.name;
}

bool mailbox_read_only(const struct mailbox *m)
{
        return m->read_only;
}

const char *mailbox_index_fault(const struct mailbox *m)
{
        return m->index_fault;
}

const char *mailbox_guid(const struct mailbox *m)
{
        return m->index.head.truth.guid;
}

const char *const *mailbox_keywords(const struct mailbox *m, unsigned *ret_n)
{
        *ret_n = m->keywords.n;
        return m->keywords.names;
}

int mailbox_keyword(struct mailbox *m, struct slice name, bool create, unsigned *ret_bit)
{
        if (create && name.n > m->store->settings->mail_max_keyword_length)
                return error_text(m->store, -EINVAL, "%s: keyword longer than mail_max_keyword_length",
                                  m->place.dir);
        int r = keywords_bit(&m->keywords, name, create, ret_bit);
        if (r == -ENOBUFS)
                return error_text(m->store, r, "%s: all %d keywords are in use", m->place.dir,
                                  KEYWORDS_LETTERS);
        return r < 0 ? error_text(m->store, r, "%s: no such keyword", m->place.dir) : 0;
}

bool mailbox_keywords_full(const struct mailbox *m)
{
        return keywords_full(&m->keywords);
}

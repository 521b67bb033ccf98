#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "store/maildir.h"
#include "store/view.h"

void view_extend(struct mailbox *m)
{
        const struct uidlist *u = &m->uidlist;
        for (size_t i = uidlist_index(u, m->view_next); i < u->n; i++) {
                struct record *rec = u->records[i];
                if (!rec->present || rec->replaced)
                        continue;
                if (m->view_n == m->view_cap) {
                        m->view_cap = m->view_cap ? m->view_cap * 2 : 256;
                        m->view = xrealloc(m->view, m->view_cap * sizeof(struct record *));
                }
                rec->viewed = true;
                rec->changed = false;
                rec->message.gone = false;
                rec->message.recent = rec->ours || rec->in_new;
                m->view[m->view_n++] = rec;
        }
        m->view_next = MAX(m->view_next, u->nextuid);
}

/* Takes out what is gone. */
static void contract(struct mailbox *m, struct arena *arena, struct mailbox_changes *c)
{
        uint32_t kept = 0, gone = 0;
        for (uint32_t i = 0; i < m->view_n; i++)
                gone += m->view[i]->message.gone;
        c->expunged = arena_array(arena, uint32_t, gone);
        c->expunged_n = gone;
        for (uint32_t i = 0; i < m->view_n; i++) {
                struct record *rec = m->view[i];
                if (rec->message.gone) {
                        rec->viewed = false;
                        c->expunged[--gone] = i + 1;
                } else {
                        m->view[kept++] = rec;
                }
        }
        m->view_n = kept;
}

static void collect_flagged(struct mailbox *m, struct arena *arena, struct mailbox_changes *c)
{
        size_t n = 0;
        for (uint32_t i = 0; i < m->view_n; i++)
                n += m->view[i]->changed && !m->view[i]->message.gone;
        c->flagged = arena_array(arena, uint32_t, n);
        for (uint32_t i = 0; i < m->view_n; i++)
                if (m->view[i]->changed && !m->view[i]->message.gone) {
                        c->flagged[c->flagged_n++] = i + 1;
                        m->view[i]->changed = false;
                }
}

int mailbox_sync(struct mailbox *m, bool allow_expunge, struct arena *arena, struct mailbox_changes *ret)
{
        struct mailbox_changes c = {0};
        watch_drain(m);
        int r = maildir_sync(m, false);
        if (r < 0)
                return r;
        if (allow_expunge)
                contract(m, arena, &c);
        collect_flagged(m, arena, &c);
        uint32_t before = m->view_n;
        view_extend(m);
        c.added = m->view_n - before;
        c.keywords_changed = m->keywords_told != m->keywords.version;
        m->keywords_told = m->keywords.version;
        *ret = c;
        return 0;
}

void mailbox_status(const struct mailbox *m, struct mailbox_status *ret)
{
        struct mailbox_status st = {
                .messages = m->view_n, .uidvalidity = m->uidlist.uidvalidity, .uidnext = m->view_next};
        for (uint32_t i = 0; i < m->view_n; i++) {
                const struct message *msg = &m->view[i]->message;
                st.recent += msg->recent;
                st.deleted += (msg->flags.system & FLAG_DELETED) != 0;
                if (msg->flags.system & FLAG_SEEN)
                        continue;
                if (st.unseen++ == 0)
                        st.first_unseen = i + 1;
        }
        *ret = st;
}

int mailbox_waiting(const struct mailbox *m)
{
        return m->waiting;
}

uint32_t mailbox_uidvalidity(const struct mailbox *m)
{
        return m->uidlist.uidvalidity;
}

uint32_t mailbox_count(const struct mailbox *m)
{
        return m->view_n;
}

const struct message *mailbox_message(const struct mailbox *m, uint32_t seq)
{
        return &maildir_record(m, seq)->message;
}

uint32_t mailbox_seq_at_or_after(const struct mailbox *m, uint32_t uid)
{
        uint32_t low = 0, high = m->view_n;
        while (low < high) {
                uint32_t mid = low + (high - low) / 2;
                if (m->view[mid]->message.uid < uid)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low + 1;
}

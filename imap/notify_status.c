/* NOTIFY: what STATUS tells of the messages in a folder that is not selected (RFC 5465 sections 5.1 to 5.3).
 */

#include <errno.h>

#include "base/log.h"
#include "imap/notify_state.h"
#include "imap/reply.h"

enum { STATUS_NEW = STATUS_MESSAGES | STATUS_UIDNEXT };

static bool has_modseqs(const struct imap_session *s)
{
        return s->enabled & (FEATURE_CONDSTORE | FEATURE_QRESYNC);
}

/* Takes the folder's counts; *ret_changed: what of them is another now (enum imap_status_item). */
static int count(struct imap_session *s, struct notify_folder *f, unsigned *ret_changed)
{
        struct mailbox_status now;
        int r = imap_count(s, f->name, &now);
        if (r < 0)
                return r;
        *ret_changed = (now.messages != f->messages ? STATUS_MESSAGES : 0) |
                       (now.uidnext != f->uidnext ? STATUS_UIDNEXT : 0) |
                       (now.unseen != f->unseen ? STATUS_UNSEEN : 0) |
                       (now.uidvalidity != f->uidvalidity ? STATUS_UIDVALIDITY : 0) |
                       (now.highest_modseq != f->modseq ? STATUS_HIGHESTMODSEQ : 0);
        f->messages = now.messages;
        f->uidnext = now.uidnext;
        f->unseen = now.unseen;
        f->uidvalidity = now.uidvalidity;
        f->modseq = now.highest_modseq;
        f->known = true;
        return 0;
}

/* What is to be told (sections 5.1 to 5.3), 0: nothing. */
static unsigned items_of(const struct imap_session *s, const struct notify_folder *f, unsigned changed)
{
        unsigned items = 0, modseq = has_modseqs(s) ? STATUS_HIGHESTMODSEQ : 0;
        if (f->events & NOTIFY_MESSAGE_NEW && changed & STATUS_NEW)
                items |= STATUS_NEW | modseq;
        if (f->events & NOTIFY_FLAG_CHANGE && changed & STATUS_UNSEEN)
                items |= STATUS_UNSEEN | STATUS_UIDVALIDITY | modseq;
        if (f->events & NOTIFY_FLAG_CHANGE && changed & modseq)
                items |= STATUS_UIDVALIDITY | modseq;
        if (changed & STATUS_UIDVALIDITY)
                items |= STATUS_NEW | STATUS_UIDVALIDITY | modseq;
        return items;
}

unsigned notify_first_items(const struct notify_folder *f)
{
        return (f->events & NOTIFY_MESSAGE_NEW ? STATUS_NEW | STATUS_UIDVALIDITY : 0) |
               (f->events & NOTIFY_FLAG_CHANGE ? STATUS_UIDVALIDITY | STATUS_HIGHESTMODSEQ : 0);
}

void notify_look(struct imap_session *s, struct notify_folder *f)
{
        unsigned changed;
        f->dirty = false;
        if (!(f->events & NOTIFY_MESSAGE_EVENTS))
                return;
        bool known = f->known;
        int r = count(s, f, &changed);
        if (r == -ENOENT) /* the list of folders will tell */
                return;
        if (r < 0) {
                log_error("NOTIFY: %s: %s", f->name, store_error(s->store));
                return;
        }
        unsigned items = known ? items_of(s, f, changed) : 0;
        /* of the selected mailbox the session itself tells */
        if (items && !imap_is_selected(s, f->name))
                imap_write_status(s, f->name, items);
}

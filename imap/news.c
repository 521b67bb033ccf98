/* What the client learns of the selected mailbox without asking: flags, keywords, counts, expunges. */

#include <errno.h>

#include "base/log.h"
#include "base/number.h"
#include "imap/context.h"
#include "imap/notify.h"
#include "imap/reply.h"

static void add_flag(struct buf *to, const char *name, bool *first)
{
        if (!*first)
                buf_char(to, ' ');
        buf_str(to, name);
        *first = false;
}

static void add_keywords(const struct imap_session *s, uint64_t mask, struct buf *to, bool *first)
{
        unsigned n;
        const char *const *names = mailbox_keywords(s->mailbox, &n);
        for (unsigned i = 0; i < n; i++)
                if (names[i] && (mask >> i & 1))
                        add_flag(to, names[i], first);
}

void imap_flags_text(const struct imap_session *s, const struct message *m, struct buf *to)
{
        static const struct {
                uint8_t bit;
                const char *name;
        } names[] = {{FLAG_ANSWERED, "\\Answered"},
                     {FLAG_FLAGGED, "\\Flagged"},
                     {FLAG_DELETED, "\\Deleted"},
                     {FLAG_SEEN, "\\Seen"},
                     {FLAG_DRAFT, "\\Draft"}};
        bool first = true;
        buf_char(to, '(');
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (m->flags.system & names[i].bit)
                        add_flag(to, names[i].name, &first);
        if (m->recent && !(s->enabled & FEATURE_REV2))
                add_flag(to, "\\Recent", &first);
        add_keywords(s, m->flags.keywords, to, &first);
        buf_char(to, ')');
}

static void write_keywords(struct imap_session *s, struct buf *b)
{
        bool first = false;
        b->n = 0;
        add_keywords(s, UINT64_MAX, b, &first);
        conn_write(&s->conn, buf_slice(b));
}

void imap_fetch_start(struct imap_session *s, uint32_t seq, uint32_t uid)
{
        bool by_uid = s->enabled & FEATURE_UIDONLY;
        struct slice word = by_uid ? SLICE(" UIDFETCH (") : SLICE(" FETCH (");
        char *p = conn_room(&s->conn, NUMBER_MAX + 2 + word.n);
        *p++ = '*';
        *p++ = ' ';
        p = number_write(p, by_uid ? uid : seq);
        memcpy(p, word.p, word.n);
        conn_sent(&s->conn, p + word.n);
}

static void tell_message(struct imap_session *s, uint32_t seq, bool with_uid, bool with_flags)
{
        _cleanup_(buf_free) struct buf b = {0};
        struct message m = mailbox_message(s->mailbox, seq);
        bool modseq = s->enabled & FEATURE_CONDSTORE;
        imap_fetch_start(s, seq, m.uid);
        if ((with_uid || modseq) && !(s->enabled & FEATURE_UIDONLY)) {
                buf_str(&b, "UID ");
                buf_number(&b, m.uid);
                buf_char(&b, ' ');
        }
        if (modseq && mailbox_highest_modseq(s->mailbox) > 0) {
                buf_str(&b, "MODSEQ (");
                buf_number(&b, m.modseq);
                buf_str(&b, with_flags ? ") " : ")");
                s->fetched_modseq = MAX(s->fetched_modseq, m.modseq);
        }
        if (with_flags) {
                buf_str(&b, "FLAGS ");
                imap_flags_text(s, &m, &b);
        }
        buf_str(&b, ")\r\n");
        conn_write(&s->conn, buf_slice(&b));
}

void imap_tell_flags(struct imap_session *s, uint32_t seq, bool with_uid)
{
        tell_message(s, seq, with_uid, true);
}

void imap_tell_changed(struct imap_session *s, uint32_t seq)
{
        tell_message(s, seq, true, false);
}

#define SYSTEM_FLAGS "\\Answered \\Flagged \\Deleted \\Seen \\Draft"

void imap_tell_keywords(struct imap_session *s)
{
        _cleanup_(buf_free) struct buf b = {0};
        mailbox_keywords(s->mailbox, &s->told_keywords);
        conn_puts(&s->conn, "* FLAGS (" SYSTEM_FLAGS);
        write_keywords(s, &b);
        conn_puts(&s->conn, ")\r\n");
        if (mailbox_read_only(s->mailbox)) {
                conn_puts(&s->conn, "* OK [PERMANENTFLAGS ()] Read-only mailbox.\r\n");
                return;
        }
        conn_puts(&s->conn, "* OK [PERMANENTFLAGS (" SYSTEM_FLAGS);
        write_keywords(s, &b);
        /* "\*": new ones can be made (RFC 3501 section 7.1) */
        conn_puts(&s->conn, mailbox_keywords_full(s->mailbox) ? "" : " \\*");
        conn_puts(&s->conn, ")] Flags permitted.\r\n");
}

void imap_tell_new_keywords(struct imap_session *s)
{
        unsigned keywords;
        mailbox_keywords(s->mailbox, &keywords);
        if (keywords != s->told_keywords)
                imap_tell_keywords(s);
}

void imap_log_waiting(struct imap_session *s)
{
        if (mailbox_waiting(s->mailbox) == 0 || s->told_waiting)
                return;
        s->told_waiting = true;
        log_error("New mail in %s is not shown until there is room: %s", mailbox_name(s->mailbox),
                  store_error(s->store));
}

/* EXISTS and RECENT, where they are not what the client knows. \Recent belongs to messages that come and go.
 */
static void tell_counts(struct imap_session *s, bool added)
{
        struct mailbox_status status;
        mailbox_status(s->mailbox, &status);
        if (added || status.messages != s->told_messages)
                conn_printf(&s->conn, "* %u EXISTS\r\n", status.messages);
        bool recent = added || status.messages != s->told_messages || status.recent != s->told_recent;
        if (recent && !(s->enabled & FEATURE_REV2))
                conn_printf(&s->conn, "* %u RECENT\r\n", status.recent);
        s->told_messages = status.messages;
        s->told_recent = status.recent;
}

static void tell_expunged(struct imap_session *s, const struct mailbox_changes *c)
{
        bool keeps = s->enabled & FEATURE_QRESYNC && mailbox_highest_modseq(s->mailbox) > 0;
        size_t n = c->expunged_n;
        if (n > 0 && (keeps || s->enabled & FEATURE_UIDONLY)) {
                for (size_t i = 0; i < n / 2; i++) {
                        uint32_t other = c->expunged_uids[i];
                        c->expunged_uids[i] = c->expunged_uids[n - 1 - i];
                        c->expunged_uids[n - 1 - i] = other;
                }
                conn_puts(&s->conn, "* VANISHED ");
                imap_write_uid_set(&s->conn, c->expunged_uids, n);
                conn_puts(&s->conn, "\r\n");
                return;
        }
        for (size_t i = 0; i < n; i++)
                conn_printf(&s->conn, "* %u EXPUNGE\r\n", c->expunged[i]);
}

static void sync_view(struct imap_session *s, bool allow_expunge, bool with_uid)
{
        if (!s->mailbox || s->over || (s->muted && !notify_tells_selected(s)))
                return;
        uint32_t known = s->told_messages;
        struct mailbox_changes changes = {0};
        int r = mailbox_sync(s->mailbox, allow_expunge, &s->arena, &changes);
        if (r == -ESTALE) {
                log_error("%s", store_error(s->store));
                imap_bye(s, "Disconnected: Mailbox was deleted or replaced",
                         "Mailbox was deleted or replaced, please reconnect");
                return;
        }
        if (r < 0) {
                /* the view stands as it was; the command itself is not affected */
                log_error("Synchronizing mailbox %s: %s", mailbox_name(s->mailbox), store_error(s->store));
                return;
        }
        imap_log_waiting(s);
        imap_contexts_expunge(s, changes.expunged, changes.expunged_n);
        tell_expunged(s, &changes);
        s->told_messages -= (uint32_t)changes.expunged_n;
        imap_tell_new_keywords(s);
        if (changes.added || changes.expunged_n || mailbox_count(s->mailbox) != s->told_messages)
                tell_counts(s, changes.added > 0);
        /* RFC 9051 section 7.5.2: always with the UID */
        for (size_t i = 0; i < changes.flagged_n && notify_tells_flags(s); i++)
                imap_tell_flags(s, changes.flagged[i], with_uid || s->notify || s->enabled & FEATURE_REV2);
        imap_contexts_update(s);
        /* RFC 5465 section 5.2: behind ESEARCH's ADDTO */
        if (changes.added)
                notify_fetch(s, known - (uint32_t)changes.expunged_n + 1);
}

void imap_sync(struct imap_session *s, bool allow_expunge, bool with_uid)
{
        sync_view(s, allow_expunge, with_uid);
        if (!s->over && imap_modseq_is_due(s))
                imap_tell_modseq(s);
}

/* RFC 3501 section 7.4.1 and RFC 2180: sequence numbers stand still while FETCH, STORE and SEARCH are
 * answered. */
static bool may_tell_expunge(const struct imap_command *c)
{
        switch (c->id) {
        case IMAP_FETCH:
        case IMAP_STORE:
        case IMAP_SEARCH:
        case IMAP_ESEARCH:
        case IMAP_SORT:
        case IMAP_THREAD:
                return c->uid;
        default:
                return true;
        }
}

void imap_done(struct imap_session *s, const struct imap_command *c, const char *text)
{
        sync_view(s, may_tell_expunge(c), c->uid);
        if (s->over)
                return;
        if (!imap_modseq_is_due(s))
                imap_ok(s, c, "%s", text);
        else
                imap_ok(s, c, "[HIGHESTMODSEQ %llu] %s", (unsigned long long)s->told_modseq, text);
}

#include "imap/reply.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "base/number.h"
#include "base/utf7.h"
#include "imap/quote.h"
#include "mime/charset.h"

static void _printf_(4, 0) tagged(struct imap_session *s, const struct imap_command *c, const char *status,
                                  const char *fmt, va_list ap)
{
        char text[1024];
        vsnprintf(text, sizeof(text), fmt, ap);
        conn_write(&s->conn, c->tag);
        conn_printf(&s->conn, " %s %s\r\n", status, text);
}

void imap_ok(struct imap_session *s, const struct imap_command *c, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        tagged(s, c, "OK", fmt, ap);
        va_end(ap);
}

void imap_no(struct imap_session *s, const struct imap_command *c, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        tagged(s, c, "NO", fmt, ap);
        va_end(ap);
}

void imap_bad(struct imap_session *s, const struct imap_command *c, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        tagged(s, c, "BAD", fmt, ap);
        va_end(ap);
}

void imap_bye(struct imap_session *s, const char *reason, const char *text)
{
        conn_printf(&s->conn, "* BYE %s\r\n", text);
        s->over = true;
        s->end_reason = reason;
}

/* What a client is told for an error of the store, and whether an administrator should hear of it. */
static const struct failure {
        int error;
        const char *text;
        bool log;
} failures[] = {
        {-ENOENT, "[NONEXISTENT] Mailbox doesn't exist", false},
        {-EEXIST, "[ALREADYEXISTS] Mailbox already exists", false},
        {-EINVAL, "[CANNOT] Invalid mailbox name", false},
        {-E2BIG, "[LIMIT] Too many mailboxes", true},
        {-ENOTDIR, "[CANNOT] Mailbox above it can't have others below", false},
        {-ENOTEMPTY, "[HASCHILDREN] Mailbox has others below, delete them first", false},
        {-EXDEV, "[CANNOT] Can't rename mailbox into a namespace of another place or format", false},
        {-EBUSY, "[CANNOT] INBOX can't be changed in this way", false},
        {-EACCES, "[NOPERM] Permission denied", true},
        {-EPERM, "[NOPERM] Permission denied", true},
        {-EROFS, "[NOPERM] Mailbox is read-only", true},
        {-ENOSPC, "[OVERQUOTA] Not enough disk space", true},
        {-EDQUOT, "[OVERQUOTA] Disk quota exceeded", true},
        {-EFBIG, "[OVERQUOTA] File would grow too large", true},
        {-ETIMEDOUT, "[INUSE] Timeout while waiting for the mailbox's lock", true},
        {-ENOBUFS, "[LIMIT] Too many keywords in this mailbox", false},
        {-ENOTSUP, "[CANNOT] This mailbox format is not supported", true},
};

void imap_fail(struct imap_session *s, const struct imap_command *c, int error, const char *what)
{
        if (error == -ESTALE) {
                log_error("%s: %s", what, store_error(s->store));
                imap_no(s, c, "[NONEXISTENT] Mailbox was deleted or replaced by another program");
                imap_bye(s, "Disconnected: Mailbox was deleted or replaced",
                         "Mailbox was deleted or replaced, please reconnect");
                return;
        }
        const char *refusal = error == -EDQUOT || error == -EMSGSIZE ? store_refusal(s->store) : NULL;
        if (refusal) {
                imap_no(s, c, "[%s] %s", error == -EDQUOT ? "OVERQUOTA" : "LIMIT", refusal);
                return;
        }
        for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
                if (failures[i].error != error)
                        continue;
                if (failures[i].log)
                        log_error("%s: %s", what, store_error(s->store));
                imap_no(s, c, "%s.", failures[i].text);
                return;
        }
        log_error("%s: %s", what, store_error(s->store));
        imap_no(s, c, "[SERVERBUG] Internal error: %s. Session %s in the server log has more.",
                strerror(-error), s->start->peer->session_id);
}

void imap_mailbox_text(const struct imap_session *s, const char *utf8, struct buf *to)
{
        _cleanup_(buf_free) struct buf name = {0};
        if (s->enabled & FEATURES_UTF8_NAMES)
                quote_utf8_astring(to, slice_of(utf8));
        /* names come from the store, which lets only valid UTF-8 in */
        else if (utf7_from_utf8(&name, slice_of(utf8)) == 0)
                quote_astring(to, buf_slice(&name));
}

void imap_write_mailbox(struct imap_session *s, const char *utf8)
{
        _cleanup_(buf_free) struct buf b = {0};
        imap_mailbox_text(s, utf8, &b);
        conn_write(&s->conn, buf_slice(&b));
}

void imap_write_uid_set(struct conn *c, const uint32_t *uids, size_t n)
{
        for (size_t i = 0; i < n;) {
                size_t end = i + 1;
                while (end < n && uids[end] == uids[end - 1] + 1)
                        end++;
                char *p = conn_room(c, 2 * (NUMBER_MAX + 1));
                if (i)
                        *p++ = ',';
                p = number_write(p, uids[i]);
                if (end - i > 1) {
                        *p++ = ':';
                        p = number_write(p, uids[end - 1]);
                }
                conn_sent(c, p);
                i = end;
        }
}

/* RFC 9051 section 5.1, RFC 6855 section 3: names in UTF-8 are in normalisation form C. */
static char *normalised(struct imap_session *s, struct slice name)
{
        _cleanup_(buf_free) struct buf b = {0};
        if (!(s->enabled & FEATURES_UTF8_NAMES) || charset_nfc(name, &b) < 0)
                return arena_str(&s->arena, name);
        return arena_str(&s->arena, buf_slice(&b));
}

const char *imap_mailbox_name(struct imap_session *s, struct slice name)
{
        char *made = normalised(s, name);
        /* the parser knows INBOX alone: what is a level depends on the namespace */
        if (name.n > 5 && slice_istarts(name, SLICE("INBOX")) && made[5] == store_separator(s->store, made))
                memcpy(made, "INBOX", 5);
        return made;
}

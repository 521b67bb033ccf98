/* The URLs of CATENATE (RFC 4469): messages and their parts, in the folders of this user, put into a message
 * that is being received. */

#include <errno.h>

#include "imap/append.h"
#include "imap/parse_url.h"
#include "imap/reply.h"

/* The URL as it was sent, but for what cannot stand in a response code (RFC 4469 section 5). */
static int bad_url(struct append *a, struct slice url, const char *why)
{
        _cleanup_(buf_free) struct buf shown = {};

        for (size_t i = 0; i < url.n; i++)
                if (url.p[i] > ' ' && url.p[i] <= '~' && url.p[i] != ']')
                        buf_char(&shown, url.p[i]);
                else
                        buf_printf(&shown, "%%%02X", (unsigned char)url.p[i]);
        /* not imap_no(): the URL may be long */
        conn_write(&a->s->conn, a->c->tag);
        conn_puts(&a->s->conn, " NO [BADURL \"");
        conn_write(&a->s->conn, buf_slice(&shown));
        conn_printf(&a->s->conn, "\"] %s\r\n", why);
        return -EINVAL;
}

/* The folder of a URL: the selected one, with the messages that its client knows, or one that is opened for
 * reading and kept for the next URL. */
static int open_source(struct append *a, const char *name, struct mailbox **ret)
{
        struct imap_session *s = a->s;
        int r;

        if (s->mailbox && strcmp(mailbox_name(s->mailbox), name) == 0) {
                *ret = s->mailbox;
                return 0;
        }
        if (!a->source || strcmp(mailbox_name(a->source), name) != 0) {
                mailbox_close(&a->source);
                r = mailbox_open(s->store, name, true, &a->source);
                if (r < 0)
                        return r;
        }
        *ret = a->source;
        return 0;
}

static int take_bytes(void *context, struct slice bytes)
{
        return append_bytes(context, bytes);
}

/* The bytes that a section means. */
static int take_section(struct append *a, struct slice text, const struct imap_url *url, struct slice name)
{
        _cleanup_(arena_free) struct arena arena = {};
        const struct imap_section *what = &url->section;
        const struct part *root = section_needs_parts(what, NULL, text) ? part_parse(&arena, text) : NULL;
        struct section section;
        uint64_t before = a->size;
        int r;

        section_locate(text, root, what, NULL, &section);
        if (root && !section.text.p)
                return bad_url(a, name, "There is no such part.");
        r = append_fits(a, section.size);
        if (r == 0)
                r = section_read(&section, take_bytes, a);
        a->size = before + section.size; /* as it is sent, not as it is stored */
        return r;
}

int append_url(struct append *a, struct slice text)
{
        _cleanup_(message_text_release) struct message_text message = {};
        struct imap_url url;
        struct mailbox *m;
        uint32_t seq;
        int r;

        if (imap_url_parse(&a->scratch, text, &url) < 0)
                return bad_url(a, text, "This is no URL of a message on this server.");
        r = open_source(a, imap_mailbox_name(a->s, url.mailbox), &m);
        if (r == -ENOENT || r == -EINVAL || r == -ENAMETOOLONG)
                return bad_url(a, text, "There is no such mailbox.");
        if (r < 0) {
                imap_fail(a->s, a->c, r, a->what);
                return r;
        }
        if (url.uidvalidity && url.uidvalidity != mailbox_uidvalidity(m))
                return bad_url(a, text, "The mailbox has another UIDVALIDITY.");
        seq = mailbox_seq_at_or_after(m, url.uid);
        r = -ENOENT;
        if (seq <= mailbox_count(m) && mailbox_message(m, seq).uid == url.uid)
                r = mailbox_read(m, seq, &message);
        if (r == -ENOENT)
                return bad_url(a, text, "There is no such message.");
        if (r < 0) {
                imap_fail(a->s, a->c, r, a->what);
                return r;
        }
        return take_section(a, message.raw, &url, text);
}

/* The response to FETCH, put together in the connection's output buffer. */

#include "base/number.h"
#include "imap/binary.h"
#include "imap/fetch.h"
#include "imap/reply.h"

static char *put(char *to, struct slice s)
{
        memcpy(to, s.p, s.n);
        return to + s.n;
}

/* The label's first byte is the space after the item before. */
static struct slice label_of(struct fetch *f, const struct fetch_item *item)
{
        struct slice label = slice_from(item->label, f->first ? 1 : 0);
        f->first = false;
        return label;
}

static void write_number(struct fetch *f, const struct fetch_item *item, uint64_t number)
{
        struct slice label = label_of(f, item);
        char *p = conn_room(&f->s->conn, label.n + NUMBER_MAX);
        conn_sent(&f->s->conn, number_write(put(p, label), number));
}

static struct slice flags_text(struct fetch *f)
{
        struct fetch_flags *texts = &f->flag_texts;
        const struct flags *flags = &f->message.flags;
        unsigned slot = (flags->system | (f->message.recent ? FLAG_ALL + 1u : 0)) % FETCH_FLAG_SLOTS;
        if (texts->slots[slot].n == 0 || texts->slots[slot].keywords != flags->keywords) {
                if (texts->texts.n > FETCH_FLAG_TEXTS_MAX) {
                        memset(texts->slots, 0, sizeof(texts->slots));
                        texts->texts.n = 0;
                }
                size_t at = texts->texts.n;
                imap_flags_text(f->s, &f->message, &texts->texts);
                texts->slots[slot].keywords = flags->keywords;
                texts->slots[slot].at = (uint32_t)at;
                texts->slots[slot].n = (uint32_t)(texts->texts.n - at);
        }
        return slice_make(texts->texts.p + texts->slots[slot].at, texts->slots[slot].n);
}

static void write_flags(struct fetch *f, const struct fetch_item *item)
{
        struct slice text = flags_text(f), label = label_of(f, item);
        char *p = conn_room(&f->s->conn, label.n + text.n);
        conn_sent(&f->s->conn, put(put(p, label), text));
}

static void write_modseq(struct fetch *f, const struct fetch_item *item)
{
        struct slice label = label_of(f, item);
        char *p = put(conn_room(&f->s->conn, label.n + NUMBER_MAX + 2), label);
        *p++ = '(';
        p = number_write(p, f->message.modseq);
        *p++ = ')';
        conn_sent(&f->s->conn, p);
        f->s->fetched_modseq = MAX(f->s->fetched_modseq, f->message.modseq);
}

static void write_date(struct fetch *f, const struct fetch_item *item, time_t date)
{
        struct slice label = label_of(f, item);
        char *p = conn_room(&f->s->conn, label.n + INTERNALDATE_MAX);
        conn_sent(&f->s->conn, internaldate_write(f->dates, date, put(p, label)));
}

static void write_nil(struct fetch *f, const struct fetch_item *item)
{
        conn_write(&f->s->conn, label_of(f, item));
        conn_write(&f->s->conn, SLICE("NIL"));
}

static void write_cached(struct fetch *f, const struct fetch_item *item)
{
        conn_write(&f->s->conn, label_of(f, item));
        struct slice text = f->cached[item->cached];
        if (item->kind == FETCH_PREVIEW && text.n == 0) /* lazy, and not there; or it could not be made */
                text = f->lazy ? SLICE("NIL") : SLICE("\"\"");
        conn_write(&f->s->conn, text);
}

static void write_email_id(struct fetch *f, const struct fetch_item *item)
{
        char guid[MAILBOX_GUID_LEN + 1];
        mailbox_message_guid(f->s->mailbox, f->seq, guid);
        conn_write(&f->s->conn, label_of(f, item));
        conn_printf(&f->s->conn, "(M%s)", guid);
}

static void count_section(struct imap_session *s, const struct imap_section *what, uint64_t size)
{
        switch (what->text) {
        case SECTION_ALL:
        case SECTION_TEXT:
                s->counts.bodies++;
                s->counts.body_bytes += size;
                break;
        default:
                s->counts.headers++;
                s->counts.header_bytes += size;
        }
}

static void write_literal_size(struct fetch *f, const struct fetch_item *item, uint64_t size)
{
        write_number(f, item, size);
        conn_write(&f->s->conn, SLICE("}\r\n"));
        count_section(f->s, item->section, size);
}

static void write_picked(struct fetch *f, const struct fetch_item *item)
{
        f->buf.n = 0;
        cached_fields_pick(f->cached[CACHED_FIELDS], item->fields, &f->buf);
        struct slice sent = buf_slice(&f->buf);
        if (item->section->partial)
                sent = slice_head(slice_from(sent, item->section->offset), item->section->count);
        write_literal_size(f, item, sent.n);
        conn_write(&f->s->conn, sent);
}

static struct section_mark *mark_of(struct fetch *f, const struct imap_section *what)
{
        return what->partial ? &fetch_partial(f)->mark : NULL;
}

static void write_section(struct fetch *f, const struct fetch_item *item)
{
        const struct imap_section *what = item->section;
        if (item->fields && f->cached[CACHED_FIELDS].n) {
                write_picked(f, item);
                return;
        }
        struct section section;
        struct section_mark *mark = mark_of(f, what);
        const struct part *root = section_needs_parts(what, mark, f->text.raw) ? fetch_parts(f) : NULL;
        section_locate(f->text.raw, root, what, mark, &section);
        write_literal_size(f, item, section.size);
        section_write(&f->s->conn, &section);
}

/* Its encoding is known: the message was looked at. */
static void write_binary(struct fetch *f, const struct fetch_item *item)
{
        struct binary binary = {};
        struct binary_mark *mark = &fetch_partial(f)->binary;
        binary_locate(f->text.raw,
                      binary_needs_parts(item->section, mark, f->text.raw) ? fetch_parts(f) : NULL,
                      item->section, mark, &binary);
        binary_measure(&binary, f->text.raw, mark);
        if (item->kind == FETCH_BINARY_SIZE) {
                write_number(f, item, binary.size);
                return;
        }
        conn_write(&f->s->conn, label_of(f, item));
        conn_printf(&f->s->conn, "%s{%llu}\r\n", binary.has_nul ? "~" : "", (unsigned long long)binary.size);
        count_section(f->s, item->section, binary.size);
        binary_write(&f->s->conn, &binary);
}

static void write_item(struct fetch *f, const struct fetch_item *item)
{
        switch (item->kind) {
        case FETCH_UID:
                write_number(f, item, f->message.uid);
                break;
        case FETCH_FLAGS:
                write_flags(f, item);
                break;
        case FETCH_RFC822_SIZE:
                write_number(f, item, f->size);
                break;
        case FETCH_MODSEQ:
                write_modseq(f, item);
                break;
        case FETCH_INTERNALDATE:
                write_date(f, item, f->date);
                break;
        case FETCH_SAVEDATE:
                if (f->saved)
                        write_date(f, item, f->savedate);
                else
                        write_nil(f, item); /* RFC 8514 section 4.1 */
                break;
        case FETCH_EMAILID:
                write_email_id(f, item);
                break;
        case FETCH_THREADID: /* not worked out (RFC 8474 section 5.2) */
                write_nil(f, item);
                break;
        case FETCH_ENVELOPE:
        case FETCH_BODY:
        case FETCH_BODYSTRUCTURE:
        case FETCH_PREVIEW:
                write_cached(f, item);
                break;
        case FETCH_RFC822:
        case FETCH_RFC822_HEADER:
        case FETCH_RFC822_TEXT:
        case FETCH_SECTION:
                write_section(f, item);
                break;
        case FETCH_BINARY:
        case FETCH_BINARY_SIZE:
                write_binary(f, item);
        }
}

void fetch_write(struct fetch *f, bool tell_flags)
{
        struct conn *c = &f->s->conn;
        imap_fetch_start(f->s, f->seq, f->message.uid);
        f->first = true;
        size_t i = 0;
        if (f->items_n && f->items[0].kind == FETCH_UID)
                write_item(f, &f->items[i++]);
        if (tell_flags && !f->asks_flags)
                write_item(f, &f->flags);
        for (; i < f->items_n; i++)
                write_item(f, &f->items[i]);
        conn_sent(c, put(conn_room(c, 3), SLICE(")\r\n")));
}

/* FETCH and UID FETCH (RFC 3501 sections 6.4.5 and 7.4.2).
 *
 * A message is opened only when an item needs it, and before anything is said about it, so that one which
 * cannot be read is left out whole. Its memory goes with it: a command costs what its largest message costs.
 */

#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "imap/bodystructure.h"
#include "imap/envelope.h"
#include "imap/reply.h"
#include "imap/section.h"

enum {
        FETCH_ITEM_MAX = ENVELOPE_MAX, /* bytes of one ENVELOPE or BODYSTRUCTURE; see bodystructure.h */
};

enum need {
        NEED_TEXT = 1 << 0,
        NEED_DATE = 1 << 1,
        NEED_SIZE = 1 << 2,
        NEED_SEEN = 1 << 3, /* the command sets \Seen */
};

struct fetch {
        struct imap_session *s;
        const struct imap_command *c;
        unsigned needs;
        bool asks_flags;
        uint32_t *seen; /* sequence numbers that were sent and are to be \Seen */
        size_t seen_n;
        bool gone;    /* a message was expunged meanwhile */
        uint32_t bad; /* the first message that could not be read, 0: none */
        int error;    /* why */

        /* the message at hand */
        uint32_t seq;
        struct message message; /* a copy, with the \Seen that this command sets */
        struct message_text text;
        const struct part *root; /* parsed on first use */
        time_t date;
        uint64_t size;
        unsigned done;   /* 1 << kind: items sent */
        const char *sep; /* before the next item */
        struct buf buf;
        struct arena arena;
};

static const struct part *fetch_parts(struct fetch *f)
{
        if (!f->root)
                f->root = part_parse(&f->arena, f->text.raw);
        return f->root;
}

static void write_flags(struct fetch *f)
{
        imap_write_flags(f->s, &f->message);
}

static void write_uid(struct fetch *f)
{
        conn_printf(&f->s->conn, "%" PRIu32, f->message.uid);
}

static void write_date(struct fetch *f)
{
        imap_write_internaldate(&f->s->conn, f->date);
}

static void write_size(struct fetch *f)
{
        conn_printf(&f->s->conn, "%" PRIu64, f->size);
}

static void write_envelope(struct fetch *f)
{
        envelope_write(f->text.raw, &f->buf);
}

static void write_body(struct fetch *f)
{
        bodystructure_write(f->text.raw, fetch_parts(f), false, &f->buf);
}

static void write_bodystructure(struct fetch *f)
{
        bodystructure_write(f->text.raw, fetch_parts(f), true, &f->buf);
}

/* Items of a known form write to the connection or to f->buf; the others name the section that they are
 * another word for. */
static const struct fetch_type {
        const char *name;
        void (*write)(struct fetch *f);
        unsigned needs;
        struct imap_section section;
} types[] = {
        [FETCH_FLAGS] = {"FLAGS", write_flags, 0},
        [FETCH_UID] = {"UID", write_uid, 0},
        [FETCH_INTERNALDATE] = {"INTERNALDATE", write_date, NEED_DATE},
        [FETCH_RFC822_SIZE] = {"RFC822.SIZE", write_size, NEED_SIZE},
        [FETCH_ENVELOPE] = {"ENVELOPE", write_envelope, NEED_TEXT},
        [FETCH_BODY] = {"BODY", write_body, NEED_TEXT},
        [FETCH_BODYSTRUCTURE] = {"BODYSTRUCTURE", write_bodystructure, NEED_TEXT},
        [FETCH_RFC822] = {"RFC822", NULL, NEED_TEXT | NEED_SEEN, {.text = SECTION_ALL}},
        [FETCH_RFC822_HEADER] = {"RFC822.HEADER", NULL, NEED_TEXT, {.text = SECTION_HEADER}},
        [FETCH_RFC822_TEXT] = {"RFC822.TEXT", NULL, NEED_TEXT | NEED_SEEN, {.text = SECTION_TEXT}},
        [FETCH_SECTION] = {NULL, NULL, NEED_TEXT},
};

static void flush_buf(struct fetch *f)
{
        conn_write(&f->s->conn, buf_slice(&f->buf));
        f->buf.n = 0;
}

/* Once a message, however often it was asked for. */
static void send_item(struct fetch *f, enum imap_fetch_kind kind)
{
        if (f->done & 1u << kind)
                return;
        f->done |= 1u << kind;
        conn_printf(&f->s->conn, "%s%s ", f->sep, types[kind].name);
        types[kind].write(f);
        flush_buf(f);
        f->sep = " ";
}

static void count_section(struct imap_session *s, const struct section *section)
{
        switch (section->what->text) {
        case SECTION_ALL:
        case SECTION_TEXT:
                s->counts.bodies++;
                s->counts.body_bytes += section->size;
                break;
        default:
                s->counts.headers++;
                s->counts.header_bytes += section->size;
        }
}

static void send_section(struct fetch *f, const struct imap_fetch_item *item)
{
        const struct fetch_type *type = &types[item->kind];
        const struct imap_section *what = type->name ? &type->section : &item->section;
        struct section section;
        section_locate(f->text.raw, section_needs_parts(what) ? fetch_parts(f) : NULL, what, &section);

        buf_str(&f->buf, f->sep);
        if (type->name)
                buf_str(&f->buf, type->name);
        else
                section_name(&f->buf, what);
        buf_printf(&f->buf, " {%" PRIu64 "}\r\n", section.size);
        flush_buf(f);
        section_write(&f->s->conn, &section);
        count_section(f->s, &section);
        f->sep = " ";
}

/* The short items first: clients that read up to the first literal and no further find what they asked for.
 */
static void send_message(struct fetch *f, bool tell_flags)
{
        const struct imap_fetch_item *items = f->c->fetch.items;
        conn_printf(&f->s->conn, "* %" PRIu32 " FETCH (", f->seq);
        f->sep = "";
        f->done = 0;
        if (f->c->uid)
                send_item(f, FETCH_UID);
        if (tell_flags && !f->asks_flags)
                send_item(f, FETCH_FLAGS);
        for (size_t i = 0; i < f->c->fetch.items_n; i++)
                if (types[items[i].kind].write)
                        send_item(f, items[i].kind);
        for (size_t i = 0; i < f->c->fetch.items_n; i++)
                if (!types[items[i].kind].write)
                        send_section(f, &items[i]);
        conn_puts(&f->s->conn, ")\r\n");
}

/* The text first: with it the size is counted, and not believed of the file's name. */
static int open_message(struct fetch *f)
{
        struct mailbox *m = f->s->mailbox;
        int r = 0;
        if (f->needs & NEED_TEXT)
                r = mailbox_read(m, f->seq, &f->text);
        if (r == 0 && f->needs & NEED_SIZE)
                r = mailbox_size(m, f->seq, &f->size);
        if (r == 0 && f->needs & NEED_DATE)
                r = mailbox_internaldate(m, f->seq, &f->date);
        return r;
}

static void close_message(struct fetch *f)
{
        message_text_release(&f->text);
        f->text = (struct message_text){0};
        f->root = NULL;
        arena_reset(&f->arena);
}

static void fetch_message(struct fetch *f, uint32_t seq)
{
        f->seq = seq;
        f->message = mailbox_message(f->s->mailbox, seq);
        int r = open_message(f);
        if (r == -ENOENT) {
                f->gone = true;
        } else if (r < 0) {
                f->error = f->bad ? f->error : r;
                f->bad = f->bad ? f->bad : seq;
        } else {
                bool sees = f->needs & NEED_SEEN && !(f->message.flags.system & FLAG_SEEN);
                if (sees)
                        f->message.flags.system |= FLAG_SEEN;
                send_message(f, sees);
                if (sees && !conn_error(&f->s->conn))
                        f->seen[f->seen_n++] = seq;
        }
        close_message(f);
}

/* \Seen is stored when the messages have been sent, all at once: who is cut off in between has read nothing.
 * Should it fail, as on a full disk, the mail can be read all the same, and the client is told the flags as
 * they are. */
static void store_seen(struct fetch *f)
{
        size_t gone;
        if (!f->seen_n)
                return;
        int r = mailbox_store_flags(f->s->mailbox, f->seen, f->seen_n, FLAGS_ADD,
                                    (struct flags){.system = FLAG_SEEN}, &gone);
        if (r == 0)
                return;
        log_error("FETCH cannot set \\Seen: %s", store_error(f->s->store));
        for (size_t i = 0; i < f->seen_n; i++)
                imap_tell_flags(f->s, f->seen[i], f->c->uid);
}

static void end_fetch(struct fetch *f)
{
        store_seen(f);
        if (f->bad) {
                /* read once more, for the store's words about it: others may have been said since */
                struct message_text again = {0};
                if (mailbox_read(f->s->mailbox, f->bad, &again) == 0)
                        message_text_release(&again);
                imap_fail(f->s, f->c, f->error, "FETCH");
        } else if (f->gone) {
                imap_sync(f->s, f->c->uid, f->c->uid);
                if (f->s->over)
                        return;
                /* a UID that is no more is no error (RFC 3501 section 6.4.8), a sequence number is */
                if (f->c->uid)
                        imap_ok(f->s, f->c, "[EXPUNGEISSUED] Fetch completed.");
                else
                        imap_no(f->s, f->c,
                                "[EXPUNGEISSUED] Some of the requested messages no longer exist.");
        } else {
                imap_done(f->s, f->c, "Fetch completed.");
        }
}

static void see_items(struct fetch *f)
{
        for (size_t i = 0; i < f->c->fetch.items_n; i++) {
                const struct imap_fetch_item *item = &f->c->fetch.items[i];
                f->needs |= types[item->kind].needs;
                if (item->kind == FETCH_FLAGS)
                        f->asks_flags = true;
                if (item->kind == FETCH_SECTION && !item->section.peek)
                        f->needs |= NEED_SEEN;
        }
        if (mailbox_read_only(f->s->mailbox))
                f->needs &= ~(unsigned)NEED_SEEN;
}

void imap_exec_fetch(struct imap_session *s, const struct imap_command *c)
{
        struct fetch f = {.s = s, .c = c, .buf = BUF_BOUNDED(FETCH_ITEM_MAX)};
        uint32_t *seqs;
        size_t n;
        if (imap_resolve_set(s, &c->fetch.set, c->uid, &seqs, &n) < 0) {
                imap_bad(s, c, "Error in IMAP command FETCH: Invalid messageset");
                return;
        }
        see_items(&f);
        if (f.needs & NEED_SEEN)
                f.seen = arena_array(&s->arena, uint32_t, n);
        for (size_t i = 0; i < n && !conn_error(&s->conn) && f.error != -ESTALE; i++)
                fetch_message(&f, seqs[i]);
        end_fetch(&f);
        buf_free(&f.buf);
        arena_free(&f.arena);
}

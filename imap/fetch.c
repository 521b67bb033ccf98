/* FETCH and UID FETCH (RFC 3501 sections 6.4.5 and 7.4.2).
 *
 * A message is opened only when an item needs it that is not in the cache, and before anything is said about
 * it, so that one which cannot be read is left out whole. Its memory goes with it: a command costs what its
 * largest message costs.
 */

#include "imap/fetch.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "imap/binary.h"
#include "imap/envelope.h"
#include "imap/reply.h"

enum {
        FETCH_ITEM_MAX = ENVELOPE_MAX, /* bytes of one item that is put together; see bodystructure.h */
};

const struct part *fetch_parts(struct fetch *f)
{
        if (!f->root)
                f->root = part_parse(&f->arena, f->text.raw);
        return f->root;
}

static int read_text(struct fetch *f)
{
        int r = f->has_text ? 0 : mailbox_read(f->s->mailbox, f->seq, &f->text);
        f->has_text = r == 0;
        return r;
}

static int read_head(struct fetch *f)
{
        int r = f->has_text ? 0 : mailbox_read_head(f->s->mailbox, f->seq, &f->text);
        f->has_head = r == 0;
        return r;
}

/* What is kept of the message. *ret_have: the kinds that were found; true: nothing is wanting. */
static bool find_cached(struct fetch *f, uint32_t *ret_have)
{
        uint32_t have = 0;
        memset(f->cached, 0, sizeof(f->cached));
        if (!f->message.gone) /* that it is gone is told sooner when its file is missed */
                have = mailbox_cached_all(f->s->mailbox, f->seq, f->cached);
        *ret_have = have;
        if ((have & f->kinds) != f->kinds)
                return false;
        for (unsigned kind = 0; kind < MAILBOX_KINDS; kind++)
                if ((f->kinds >> kind & 1) && f->cached[kind].n == 0)
                        return false;
        return !(f->kinds & CACHED_BIT(CACHED_FIELDS)) || cached_fields_check(f->cached[CACHED_FIELDS]);
}

static int find_kinds(struct fetch *f)
{
        uint32_t have;
        if (find_cached(f, &have))
                return 0;
        bool whole = f->kinds & (uint32_t)CACHED_NEEDS_PARTS;
        int r = whole ? read_text(f) : read_head(f);
        if (r < 0)
                return r;
        /* what is made lazily costs little once the message is there */
        uint32_t want = f->kinds | (whole || f->has_text ? f->lazy : 0);
        const struct part *parts = want & (uint32_t)CACHED_NEEDS_PARTS ? fetch_parts(f) : NULL;
        cached_make(&f->maker, f->s->mailbox, f->seq, f->text.raw, parts, want, have, f->cached);
        return 0;
}

struct imap_partial_marks *fetch_partial(struct fetch *f)
{
        struct imap_partial_marks *p = &f->s->partial;
        const char *guid = mailbox_guid(f->s->mailbox);
        if (p->uid != f->message.uid || strcmp(p->guid, guid) != 0) {
                *p = (struct imap_partial_marks){.uid = f->message.uid};
                snprintf(p->guid, sizeof(p->guid), "%s", guid);
        }
        return p;
}

/* Before anything is said of the message: what cannot be decoded fails the command (RFC 3516 section 4.3). */
static int check_encodings(struct fetch *f)
{
        const struct binary_mark *mark = &fetch_partial(f)->binary;
        struct binary binary;
        int r = 0;
        for (size_t i = 0; i < f->items_n && r == 0; i++) {
                const struct imap_section *what = f->items[i].section;
                if (f->items[i].kind != FETCH_BINARY && f->items[i].kind != FETCH_BINARY_SIZE)
                        continue;
                r = binary_locate(f->text.raw,
                                  binary_needs_parts(what, mark, f->text.raw) ? fetch_parts(f) : NULL, what,
                                  mark, &binary);
        }
        return r;
}

/* The text first, also for a size that is not known: with it the size is counted, and not believed of the
 * file's name. What was found in the cache last: it is good until the store looks for something else. */
static int open_message(struct fetch *f)
{
        struct mailbox *m = f->s->mailbox;
        int r = 0;
        if (f->needs & FETCH_NEEDS_TEXT || (f->needs & FETCH_NEEDS_SIZE && !mailbox_size_known(m, f->seq)))
                r = read_text(f);
        if (r == 0 && f->decodes)
                r = check_encodings(f);
        if (r == 0 && f->needs & FETCH_NEEDS_SIZE)
                r = mailbox_size(m, f->seq, &f->size);
        if (r == 0 && f->needs & FETCH_NEEDS_DATE)
                r = mailbox_internaldate(m, f->seq, &f->date);
        if (r == 0 && f->needs & FETCH_NEEDS_SAVEDATE) {
                r = mailbox_savedate(m, f->seq, &f->savedate);
                f->saved = r == 0;
                r = r == -ENODATA ? 0 : r;
        }
        if (r == 0 && (f->kinds || f->lazy)) {
                r = find_kinds(f);
                if (r == 0 && f->has_text && f->needs & FETCH_NEEDS_SIZE)
                        r = mailbox_size(m, f->seq, &f->size);
        }
        return r;
}

static void close_message(struct fetch *f)
{
        if (!f->has_text && !f->has_head)
                return;
        message_text_release(&f->text);
        f->text = (struct message_text){0};
        f->has_text = f->has_head = false;
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
        } else if (r == -EOPNOTSUPP) {
                f->unknown = true;
        } else if (r < 0) {
                f->error = f->bad ? f->error : r;
                f->bad = f->bad ? f->bad : seq;
        } else {
                bool sees = f->needs & FETCH_SEES && !(f->message.flags.system & FLAG_SEEN);
                if (sees)
                        f->message.flags.system |= FLAG_SEEN;
                /* with CONDSTORE the flags are told with their MODSEQ, which there is when they are stored */
                fetch_write(f, sees && !(f->s->enabled & FEATURE_CONDSTORE));
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
        if (r == 0 && !(f->s->enabled & FEATURE_CONDSTORE))
                return;
        if (r < 0)
                log_error("FETCH cannot set \\Seen: %s", store_error(f->s->store));
        for (size_t i = 0; i < f->seen_n; i++)
                if (!mailbox_message(f->s->mailbox, f->seen[i]).gone)
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
        } else if (f->unknown) {
                imap_sync(f->s, f->c->uid, f->c->uid);
                if (!f->s->over)
                        imap_no(f->s, f->c, "[UNKNOWN-CTE] A content transfer encoding is not known.");
        } else {
                imap_done(f->s, f->c, "Fetch completed.");
        }
}

/* Of the messages of the set those at the positions that PARTIAL names. */
static void take_partial(const struct imap_partial *partial, uint32_t **seqs, size_t *n)
{
        size_t low = MIN(partial->a, partial->b), high = MIN(MAX(partial->a, partial->b), *n);
        size_t left = high >= low ? high - low + 1 : 0;

        if (left > 0)
                *seqs += partial->from_end ? *n - high : low - 1;
        *n = left;
}

static void send_all(struct fetch *f, const uint32_t *seqs, size_t n)
{
        fetch_plan(f);
        if (f->needs & FETCH_SEES)
                f->seen = arena_array(&f->s->arena, uint32_t, n);
        for (size_t i = 0; i < n && !conn_error(&f->s->conn) && f->error != -ESTALE; i++) {
                imap_progress(f->s, i, n);
                fetch_message(f, seqs[i]);
        }
}

static void free_fetch(struct fetch *f)
{
        buf_free(&f->buf);
        buf_free(&f->flag_texts.texts);
        cached_maker_free(&f->maker);
        arena_free(&f->arena);
}

void imap_fetch_from(struct imap_session *s, uint32_t first, const struct imap_fetch_item *items, size_t n)
{
        const struct imap_command c = {
                .id = IMAP_FETCH,
                .uid = true,
                .fetch = {.items = (struct imap_fetch_item *)(uintptr_t)items, .items_n = n}};
        struct fetch f = {.s = s, .c = &c, .buf = BUF_BOUNDED(FETCH_ITEM_MAX)};
        uint32_t last = mailbox_count(s->mailbox);
        uint32_t *seqs = arena_array(&s->arena, uint32_t, last + 1 - first);
        for (uint32_t seq = first; seq <= last; seq++)
                seqs[seq - first] = seq;
        send_all(&f, seqs, last + 1 - first);
        store_seen(&f);
        free_fetch(&f);
}

static bool asks_modseq(const struct imap_command *c)
{
        bool asks = c->fetch.has_since;
        for (size_t i = 0; i < c->fetch.items_n; i++)
                asks = asks || c->fetch.items[i].kind == FETCH_MODSEQ;
        return asks;
}

/* CHANGEDSINCE and VANISHED (RFC 7162 sections 3.1.4.1 and 3.2.6) */
static size_t take_changed(struct imap_session *s, const struct imap_command *c, uint32_t *seqs, size_t n)
{
        uint64_t since = mailbox_modseq_known(s->mailbox, c->fetch.since);
        size_t kept = 0;
        if (c->fetch.vanished)
                imap_tell_vanished(s, c->fetch.set.saved ? &s->saved : &c->fetch.set, since, 0);
        for (size_t i = 0; i < n; i++)
                if (mailbox_message(s->mailbox, seqs[i]).modseq > since)
                        seqs[kept++] = seqs[i];
        return kept;
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
        if (asks_modseq(c) && !imap_require_modseq(s, c))
                return;
        if (c->fetch.has_since)
                n = take_changed(s, c, seqs, n);
        if (c->fetch.has_partial)
                take_partial(&c->fetch.partial, &seqs, &n);
        send_all(&f, seqs, n);
        end_fetch(&f);
        free_fetch(&f);
}

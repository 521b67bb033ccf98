/* Messages that come from an open mailbox: by their names where that can be, else by their bytes. */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "store/filename.h"
#include "store/saved.h"

/* The flags and keywords that the message has where it comes from. */
static void flags_from(const struct mailbox *from, const struct record *rec, struct slice names[KEYWORDS_MAX],
                       struct save_message *ret)
{
        uint64_t keywords = opened_flags(from, rec).keywords;
        *ret = (struct save_message){.flags = rec->flags, .keywords = names, .internaldate = -1};
        for (unsigned i = 0; i < from->keywords.n; i++)
                if (keywords >> i & 1 && from->keywords.names[i])
                        names[ret->keywords_n++] = slice_of(from->keywords.names[i]);
}

static void set_keywords(struct save *s, const struct save_message *m)
{
        for (size_t i = 0; i < m->keywords_n; i++)
                saved_keyword(s, m->keywords[i]);
}

/* The copy is the same message to clients and to Dovecot. */
static void take_guid(struct save *s, uint32_t seq)
{
        char digits[UIDLIST_GUID_LEN + 1];
        struct slice guid = content_guid(s->from, seq);
        uidlist_guid(guid, digits);
        s->now.guid = uidlist_guid_fits(guid) ? xstrndup(guid.p, guid.n) : xstrdup(digits);
}

/* The message stays where it is until the commit. False: its file has to be read. */
static bool take_name(struct save *s, uint32_t seq, enum saved_from where)
{
        struct mailbox *from = s->from;
        const struct record *rec = opened_record(from, seq);
        struct slice names[KEYWORDS_MAX], base = slice_of(index_base(&from->index, rec));
        struct save_message m;
        _cleanup_(buf_free) struct buf path = {0};
        struct stat st;
        uint64_t size;
        if (from->mbox || s->to->mbox || from->identity.st_dev != s->to->identity.st_dev ||
            !index_is_live(rec))
                return false;
        maildir_path(from, rec, &path);
        if (!filename_size(base, 'S', &size)) {
                if (fstatat(from->dir, buf_cstr(&path), &st, AT_SYMLINK_NOFOLLOW) < 0)
                        return false;
                size = (uint64_t)st.st_size;
        }
        saved_drop(s);
        saved_name(s);
        free(s->now.source);
        s->now.source = xstrdup(buf_cstr(&path));
        s->now.where = where;
        s->now.moves = where == SAVED_MOVE;
        s->now.seq = seq;
        take_guid(s, seq);
        flags_from(from, rec, names, &m);
        s->now.flags = m.flags;
        set_keywords(s, &m);
        saved_sizes(s, size, rec->size);
        s->now.size = rec->size == RECORD_SIZE_UNKNOWN ? 0 : rec->size;
        s->now.date = rec->date == RECORD_DATE_UNKNOWN ? 0 : rec->date;
        saved_add(s);
        return true;
}

static int copy_bytes(struct save *s, uint32_t seq, bool moves)
{
        _cleanup_(message_text_release) struct message_text text = {0};
        struct slice names[KEYWORDS_MAX];
        struct save_message m;
        time_t date;
        int r = mailbox_internaldate(s->from, seq, &date);
        if (r == 0)
                r = mailbox_read(s->from, seq, &text);
        flags_from(s->from, opened_record(s->from, seq), names, &m);
        m.internaldate = date;
        s->moves = moves;
        s->within = moves && account_is_within(s);
        if (r == 0)
                r = save_begin(s, &m);
        s->now.seq = seq;
        if (r == 0)
                take_guid(s, seq);
        if (r == 0 && s->to->mbox && slice_ends(text.from_line, SLICE("\n")))
                s->now.from_line = xstrndup(text.from_line.p, text.from_line.n);
        if (r == 0)
                r = save_write(s, text.raw);
        if (r == 0)
                r = save_end(s);
        s->moves = s->within = false;
        return r;
}

static void reflag(struct save *s, struct saved *item, const struct record *rec, struct slice path)
{
        struct slice names[KEYWORDS_MAX];
        struct save_message m;
        free(item->source);
        item->source = xstrndup(path.p, path.n);
        flags_from(s->from, rec, names, &m);
        item->flags = m.flags;
        s->now = (struct saved){0};
        set_keywords(s, &m);
        item->keywords = s->now.keywords;
        s->now = (struct saved){0};
}

void save_refresh(struct save *s, struct saved *item)
{
        const struct record *rec = opened_record(s->from, item->seq);
        _cleanup_(buf_free) struct buf path = {0};
        maildir_path(s->from, rec, &path);
        reflag(s, item, rec, buf_slice(&path));
}

void save_rename(struct save *s, struct saved *item, struct slice path)
{
        struct record rec = {0};
        struct slice base, info;
        filename_split(slice_from(path, strlen("cur/")), &base, &info);
        filename_info_parse(info, &rec.flags, &rec.letters);
        reflag(s, item, &rec, path);
}

int save_take_bytes(struct save *s, struct saved *item)
{
        size_t at = (size_t)(item - s->items);
        if (item->where == SAVED_MOVE)
                buf_append(&s->expunge, slice_make(&item->seq, sizeof(item->seq)));
        int r = copy_bytes(s, item->seq, item->where == SAVED_MOVE);
        if (r < 0)
                return r;
        saved_free(&s->items[at]);
        s->items[at] = s->items[--s->n];
        return 0;
}

/* Another file system, or renamed just now: bytes can always be copied. */
static int copy_somehow(struct save *s, uint32_t seq, bool moves)
{
        if (s->to->store->settings->maildir_copy_with_hardlinks && take_name(s, seq, SAVED_LINK)) {
                s->items[s->n - 1].moves = moves;
                return 0;
        }
        return copy_bytes(s, seq, moves);
}

int save_copy(struct save *s, struct mailbox *from, uint32_t seq)
{
        if (s->failed)
                return s->failed;
        s->from = from;
        return copy_somehow(s, seq, false);
}

int save_move(struct save *s, struct mailbox *from, uint32_t seq)
{
        if (s->failed)
                return s->failed;
        s->from = from;
        bool same = from->identity.st_ino == s->to->identity.st_ino;
        if (!same && take_name(s, seq, SAVED_MOVE))
                return 0;
        int r = copy_somehow(s, seq, true);
        if (r == 0)
                buf_append(&s->expunge, slice_make(&seq, sizeof(seq)));
        return r;
}

void save_replace(struct save *s, struct mailbox *from, uint32_t seq)
{
        s->from = from;
        account_replace(s, seq);
        buf_append(&s->expunge, slice_make(&seq, sizeof(seq)));
}

#include "store/mbox_edit.h"

#include <errno.h>
#include <unistd.h>

#include "store/error.h"
#include "store/mbox.h"
#include "store/rewrite_journal.h"

enum {
        /* What is written within one is written or it is not, also when the writer is killed meanwhile, or
         * the power goes: a page of memory, and a sector of most disks. */
        BLOCK = 4096,
        /* The same of every disk. A flag that is torn is a wrong flag; a number would be another UID. */
        SECTOR = 512,
        /* Lines of a header so far from each other are two edits: what is between them may be nearly all. */
        APART = 4096,
};

/* Bytes of the file that others take the place of. */
struct edit {
        uint64_t at, n;
        size_t text, text_n; /* in mbox_edits.texts */
};

void mbox_edits_clear(struct mbox_edits *e)
{
        e->list.n = e->texts.n = e->n = 0;
        e->grows = e->at_once = false;
}

void mbox_edits_free(struct mbox_edits *e)
{
        buf_free(&e->list);
        buf_free(&e->texts);
        *e = (struct mbox_edits){0};
}

void mbox_edits_put(struct mbox_edits *e, uint64_t at, uint64_t n, struct slice text)
{
        const struct edit one = {.at = at, .n = n, .text = e->texts.n, .text_n = text.n};
        buf_append(&e->texts, text);
        buf_append(&e->list, slice_make(&one, sizeof(one)));
        e->n++;
        e->grows |= n != text.n;
}

static void put_difference(struct mbox_edits *e, uint64_t at, struct slice old, struct slice new)
{
        size_t before = 0, behind = 0, shorter = MIN(old.n, new.n);
        while (before < shorter && old.p[before] == new.p[before])
                before++;
        if (before == old.n && before == new.n)
                return;
        while (behind < shorter - before && old.p[old.n - 1 - behind] == new.p[new.n - 1 - behind])
                behind++;
        mbox_edits_put(e, at + before, old.n - before - behind,
                       slice_head(slice_from(new, before), new.n - before - behind));
}

/* A header, from the mail's own fields to the next of them. */
struct walk {
        struct header_iter it;
        struct mbox_passed passed;
        size_t from, to;   /* between two of them */
        struct slice mail; /* the second; none at the end */
};

static void walk_on(struct walk *w)
{
        struct slice all = w->it.header;
        w->from = w->to + w->mail.n;
        w->to = all.n;
        w->mail = SLICE_NULL;
        for (struct header_field f; header_next(&w->it, &f);)
                if (mbox_field_of(&w->passed, &f) == MBOX_FIELD_MAIL) {
                        w->to = f.offset;
                        w->mail = f.raw;
                        return;
                }
}

static struct slice part(const struct walk *w, size_t from, size_t to)
{
        return slice_head(slice_from(w->it.header, from), to - from);
}

void mbox_edits_header(struct mbox_edits *e, uint64_t at, struct slice old, struct slice new)
{
        if (old.n <= APART)
                return put_difference(e, at, old, new);
        struct walk a = {.it = {.header = old, .everything = true}},
                    b = {.it = {.header = new, .everything = true}};
        size_t a_from = 0, a_to = 0, b_from = 0, b_to = 0, first = e->n;
        do {
                walk_on(&a);
                walk_on(&b);
                if (!slice_eq(a.mail, b.mail)) {
                        a = (struct walk){.it.header = old, .from = a.from, .to = old.n};
                        b = (struct walk){.it.header = new, .from = b.from, .to = new.n};
                }
                if (slice_eq(part(&a, a.from, a.to), part(&b, b.from, b.to)))
                        continue;
                if (a.from - a_to > APART) {
                        put_difference(e, at + a_from, part(&a, a_from, a_to), part(&b, b_from, b_to));
                        a_from = a.from;
                        b_from = b.from;
                }
                a_to = a.to;
                b_to = b.to;
        } while (a.mail.n);
        put_difference(e, at + a_from, part(&a, a_from, a_to), part(&b, b_from, b_to));
        e->at_once |= e->n > first + 1;
}

static const struct edit *list_of(const struct mbox_edits *all)
{
        return (const struct edit *)(const void *)all->list.p;
}

/* Nothing moves: each header is the old or the new one, whenever it is cut. */
static int write_in_place(const struct mbox_edits *all, size_t n, bool sync, struct mbox_file *f)
{
        struct mailbox *m = f->m;
        const struct edit *e = list_of(all);
        for (size_t i = 0; i < n; i++) {
                int r = rewrite_write(f->fd, all->texts.p + e[i].text, e[i].text_n, e[i].at);
                if (r < 0)
                        return error_set(m->store, r, "write", m->place.file);
        }
        if (n && sync && fdatasync(f->fd) < 0)
                return error_set(m->store, -errno, "fdatasync", m->place.file);
        return 0;
}

static bool fsyncs(const struct mbox_file *f)
{
        return f->m->store->settings->mail_fsync != SETTINGS_FSYNC_NEVER;
}

/* All from the one with the number `first` on. */
static int rewrite(const struct mbox_edits *all, size_t first, struct mbox_file *f)
{
        struct mailbox *m = f->m;
        _cleanup_(rewrite_end) struct rewrite rw = REWRITE_NONE;
        const struct edit *e = list_of(all);
        uint64_t at = 0, size = (uint64_t)f->st.st_size;
        bool begun = false;
        rewrite_begin(&rw, m->control, &m->perm, fsyncs(f));
        int r = 0;
        for (size_t i = first; i < all->n && r == 0; i++) {
                r = rewrite_move(&rw, at, e[i].at - at);
                if (r == 0)
                        r = rewrite_text(&rw, slice_make(all->texts.p + e[i].text, e[i].text_n));
                at = e[i].at + e[i].n;
        }
        if (r == 0)
                r = rewrite_move(&rw, at, size - at);
        rw.progress = (struct rewrite_progress){mbox_file_tell, f};
        mbox_file_begin_long(f, true);
        if (r == 0)
                r = rewrite_run(&rw, f->fd, size, &begun);
        m->look_again |= begun && r < 0;
        if (r == 0)
                f->st.st_size = (off_t)rw.at;
        return r < 0 ? error_set(m->store, r, "rewrite", m->place.file) : 0;
}

/* How many come before those that only cut off the end of the file. */
static size_t before_the_end(const struct mbox_edits *all, uint64_t size)
{
        const struct edit *e = list_of(all);
        size_t n = all->n;
        while (n > 0 && e[n - 1].text_n == 0 && e[n - 1].at + e[n - 1].n == size)
                size = e[--n].at;
        return n;
}

/* Whether each of the first `n` keeps its length, and is in one of the file's parts of this size. */
static bool fit_in_place(const struct mbox_edits *all, size_t n, uint64_t part)
{
        const struct edit *e = list_of(all);
        for (size_t i = 0; i < n; i++)
                if (e[i].n != e[i].text_n || (e[i].n && e[i].at / part != (e[i].at + e[i].n - 1) / part))
                        return false;
        return true;
}

/* Headers are written and synced, then the end goes in one call. When the last messages go, what changes
 * beside them is X-IMAPbase: its last UID is to be that of one of them at least, and must be in the file
 * before they are gone, or their UIDs would be given again. Wherever that is cut:
 * - In the write: it is there or it is not, as it is in one sector.
 * - Behind it, also when the power goes and it may be on the disk or not: all messages are there, under the
 * UIDs that the file has for them (!at_once), and the last UID is one that was given. It never becomes less,
 * so that it may stay where the cut does not follow, or an error came. Who tries again only cuts.
 * - Behind the sync: the new last UID is on the disk, whether the file is shorter there yet or not.
 * What others have appended meanwhile is seen by rewrite_run(), which keeps it: with a journal then, and
 * headers as they are now. */
int mbox_edits_carry(const struct mbox_edits *all, struct mbox_file *f)
{
        size_t n = before_the_end(all, (uint64_t)f->st.st_size);
        bool cuts = n < all->n, always = f->m->store->settings->mail_fsync == SETTINGS_FSYNC_ALWAYS;
        if (all->at_once || !fit_in_place(all, n, cuts ? SECTOR : BLOCK))
                return rewrite(all, 0, f);
        int r = write_in_place(all, n, cuts ? fsyncs(f) : always, f);
        return r == 0 && cuts ? rewrite(all, n, f) : r;
}

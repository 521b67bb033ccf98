/* Several sessions and foreign programs change one mbox in random order. Each session's picture, made of what
 * it was told, is what a naive look at the file finds; a message keeps its UID and its bytes. */

#include "mbox_fixture.h"
#include "views_world.h"

enum { STEPS = 150, MAILS = 60, WORDS = 4, HEADS = 5, SENDERS_BASE = 77 };

/* No look comes later than a delivery. */
#define FROM_LINE "From joe@example.org Thu Jan  1 00:00:01 2037\n"

static const char *const words[WORDS] = {"$Todo", "work", "x1", "B"};

/* A message of the file, found without any of what is tested: bodies have no line that begins with "From ".
 */
struct mail {
        struct slice chunk;
        unsigned id, words, base_words;
        uint32_t uid;
        uint8_t flags;
        bool base;
};

struct model {
        struct world w;
        bool dirty;   /* flags that others changed may be seen late */
        bool senders; /* write UIDs into their mail */
        struct {
                unsigned id;
                uint32_t uid; /* 0: nobody was told one */
                bool saved;   /* its last line has an end */
        } mails[MESSAGES_MAX];
        size_t n;
        unsigned ids;
        const char *texts[MESSAGES_MAX]; /* by id: what clients get */
};

static bool is_field(struct slice line, const char *name, struct slice *value)
{
        size_t n = strlen(name);
        if (line.n < n || memcmp(line.p, name, n) != 0)
                return false;
        *value = slice_from(line, n);
        return true;
}

static void add_words(struct slice names, unsigned *to)
{
        for (struct slice word; slice_split(&names, ' ', &word);)
                for (unsigned i = 0; i < WORDS; i++)
                        *to |= (unsigned)slice_ieq(word, slice_of(words[i])) << i;
}

static void read_line(struct mail *m, struct slice line)
{
        static const char letters[] = "RAFDT";
        struct slice v = {0};
        if (is_field(line, "Message-ID: <", &v))
                m->id = (unsigned)strtoul(v.p, NULL, 10);
        if (is_field(line, "X-UID: ", &v))
                m->uid = (uint32_t)strtoul(v.p, NULL, 10);
        if (is_field(line, "X-IMAPbase: ", &v)) {
                m->base = strtoul(v.p, NULL, 10) != SENDERS_BASE;
                add_words(v, &m->base_words);
        }
        if (is_field(line, "Status: ", &v) || is_field(line, "X-Status: ", &v))
                for (size_t i = 0; i < v.n; i++)
                        for (unsigned bit = 0; bit < 5; bit++)
                                m->flags |= (uint8_t)((v.p[i] == letters[bit]) << bit);
        if (is_field(line, "X-Keywords:", &v))
                add_words(v, &m->words);
}

static size_t read_mails(struct model *o, struct mail *mails)
{
        const char *text = text_of(o->w.f, "inbox");
        size_t n = 0;
        bool head = false;
        for (size_t line_n; *text; text += line_n) {
                line_n = strcspn(text, "\n");
                struct slice line = slice_make(text, line_n);
                line_n += text[line_n] == '\n';
                if (slice_starts(line, SLICE("From "))) {
                        assert_true(n < MESSAGES_MAX);
                        mails[n++] = (struct mail){.chunk = {text, 0}};
                        head = true;
                }
                assert_true(n > 0);
                if (line.n == 0)
                        head = false;
                if (head)
                        read_line(&mails[n - 1], line);
                mails[n - 1].chunk.n += line_n;
        }
        /* what the base does not name is a sender's */
        for (size_t i = 0; i < n && mails[0].base; i++)
                mails[i].words &= mails[0].base_words;
        return n;
}

/* The file is what the model has. */
static void expect_mails(struct model *o)
{
        struct mail mails[MESSAGES_MAX];
        size_t n = read_mails(o, mails);
        assert_int_equal(n, o->n);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(mails[i].id, o->mails[i].id);
}

static void mbox_truth(struct world *w, struct box *b)
{
        struct model *o = (struct model *)w;
        struct mail mails[MESSAGES_MAX];
        unsigned named;
        const char *const *names = mailbox_keywords(b->m, &named);
        size_t n = read_mails(o, mails);
        assert_int_equal(n, o->n);
        assert_int_equal(b->n, n);
        for (uint32_t seq = 1; seq <= n; seq++) {
                struct message msg = mailbox_message(b->m, seq);
                struct slice text = sent(w->f, b->m, seq);
                assert_int_equal(mails[seq - 1].id, o->mails[seq - 1].id);
                struct slice want = slice_of(o->texts[mails[seq - 1].id]);
                if (o->mails[seq - 1].saved && !slice_ends(want, SLICE("\n")))
                        text.n -= slice_ends(text, SLICE("\n"));
                assert_slice_equal(text, want);
                if (o->mails[seq - 1].uid == 0)
                        o->mails[seq - 1].uid = msg.uid;
                assert_int_equal(msg.uid, o->mails[seq - 1].uid);
                if (o->dirty)
                        continue;
                assert_int_equal(b->view[seq - 1].flags, mails[seq - 1].flags);
                unsigned has = 0;
                for (unsigned i = 0; i < named; i++)
                        for (unsigned k = 0; k < WORDS && names[i]; k++)
                                if (msg.flags.keywords >> i & 1 && strcasecmp(names[i], words[k]) == 0)
                                        has |= 1U << k;
                /* without a base those count that the folder had */
                assert_int_equal(has & ~mails[seq - 1].words, 0);
                if (mails[0].base)
                        assert_int_equal(has, mails[seq - 1].words);
        }
}

static unsigned id_of(struct slice text)
{
        size_t at = slice_find_slice(text, SLICE("Message-ID: <"));
        assert_true(at < text.n);
        return (unsigned)strtoul(text.p + at + 13, NULL, 10);
}

/* UIDs that a session was told before all of the file was looked at. */
static void learn(struct model *o, struct box *b)
{
        for (uint32_t seq = 1; seq <= b->n; seq++) {
                size_t i = 0;
                while (i < o->n && o->mails[i].uid != b->view[seq - 1].uid)
                        i++;
                if (i < o->n || mailbox_message(b->m, seq).gone)
                        continue;
                struct message_text t;
                if (mailbox_read(b->m, seq, &t) < 0)
                        continue;
                unsigned id = id_of(t.raw);
                message_text_release(&t);
                for (i = 0; i < o->n && (o->mails[i].id != id || o->mails[i].uid); i++)
                        ;
                if (i < o->n)
                        o->mails[i].uid = b->view[seq - 1].uid;
        }
}

static bool is_full(struct model *o)
{
        return o->n >= MAILS || o->w.delivered >= MESSAGES_MAX - 10;
}

/* A new message's text as clients get it; the id is o->ids, which grows. */
static const char *compose(struct model *o)
{
        struct world *w = &o->w;
        struct buf b = {0};
        buf_printf(&b, "Message-ID: <%u@h>\nSubject: %u\n", o->ids, below(w, 3));
        if (below(w, 8) == 0)
                buf_printf(&b, "X-Much: %0*d\n", 9000, 7);
        buf_str(&b, "\n");
        for (uint32_t lines = below(w, 4); lines > 0; lines--)
                buf_str(&b, below(w, 3) ? "text\n" : "\n");
        buf_str(&b, "end\n");
        const char *s = arena_str(&w->f->arena, buf_slice(&b));
        buf_free(&b);
        o->texts[o->ids] = s;
        return s;
}

static void push(struct model *o, unsigned id, uint32_t uid)
{
        o->mails[o->n].id = id;
        o->mails[o->n].saved = uid > 0;
        o->mails[o->n++].uid = uid;
        o->w.delivered++;
}

static void deliver(struct model *o)
{
        if (is_full(o))
                return;
        static const char *const heads[] = {"",
                                            "",
                                            "X-Status: AF\n",
                                            "Status: RO\nX-Status: T\n",
                                            "X-Keywords: work B\n",
                                            "X-UID: 1\nX-UID: 3\n",
                                            "X-UID: 70\n",
                                            "X-UID: 4000000\n",
                                            "X-IMAPbase: 77 0000000002 x1\nX-UID: 1\nX-Keywords: x1\n"};
        const char *text = compose(o), *name = strchr(text, '\n') + 1;
        bool apart = below(&o->w, 3);
        add_text(o->w.f, FROM_LINE);
        add_text(o->w.f, arena_str(&o->w.f->arena, slice_make(text, (size_t)(name - text))));
        add_text(o->w.f, heads[below(&o->w, o->senders ? ARRAY_LEN(heads) : HEADS)]);
        add_text(o->w.f, name);
        /* what is before the line end that separates them is the body */
        if (apart)
                add_text(o->w.f, "\n");
        else
                o->texts[o->ids] = arena_str(&o->w.f->arena, slice_make(text, strlen(text) - 1));
        push(o, o->ids++, 0);
}

static void append(struct model *o, struct box *b)
{
        struct save *s = NULL;
        struct save_result res;
        unsigned id[3], n = 1 + below(&o->w, 3);
        bool whole = true;
        if (is_full(o))
                return;
        assert_int_equal(save_open(o->w.f->store, "INBOX", &s), 0);
        for (unsigned i = 0; i < n && whole; i++) {
                uint32_t seq = 1 + below(&o->w, b->n + 1);
                if (seq <= b->n && below(&o->w, 2)) {
                        whole = save_copy(s, b->m, seq) == 0;
                        id[i] = whole ? id_of(sent(o->w.f, b->m, seq)) : 0;
                } else {
                        id[i] = o->ids;
                        put_message(s, slice_of(compose(o)), (uint8_t)below(&o->w, 32));
                        o->ids++;
                }
        }
        whole = whole && save_commit(s, &o->w.f->arena, &res) == 0;
        save_close(&s);
        for (unsigned i = 0; whole && i < n; i++)
                push(o, id[i], res.uids[i]);
        expect_mails(o);
}

static void write_file(struct model *o, const struct buf *text)
{
        struct fixture *f = o->w.f;
        bool other = below(&o->w, 2);
        int fd = openat(f->fd, other ? "inbox.new" : "inbox", O_WRONLY | O_CREAT | (other ? O_TRUNC : 0),
                        0600);
        assert_int_equal(pwrite(fd, text->p, text->n, 0), text->n);
        assert_int_equal(ftruncate(fd, (off_t)text->n), 0);
        close(fd);
        if (other)
                move(f, "inbox.new", "inbox");
}

/* Flags as another program writes them, with all else left as it is. */
static void copy_chunk(struct model *o, const struct mail *m, bool change, struct buf *to)
{
        struct slice rest = m->chunk, line;
        bool head = true;
        while (head && rest.n) {
                size_t n = slice_find(rest, '\n') + 1;
                line = slice_head(rest, n);
                head = line.n > 1;
                if (!head && change)
                        buf_printf(to, "Status: %sO\nX-Status: %s\n", below(&o->w, 2) ? "R" : "",
                                   below(&o->w, 2) ? "FD" : "T");
                if (!change ||
                    (!slice_starts(line, SLICE("Status:")) && !slice_starts(line, SLICE("X-Status:"))))
                        buf_append(to, line);
                rest = slice_from(rest, n);
        }
        buf_append(to, rest);
}

/* As mutt does it: some go, others get flags. */
static void rewrite(struct model *o)
{
        struct mail mails[MESSAGES_MAX];
        size_t n = read_mails(o, mails), kept = 0;
        struct buf b = {0};
        uint32_t one_in = 1 + below(&o->w, 8);
        for (size_t i = 0; i < n; i++) {
                if (below(&o->w, one_in + 1) == 0)
                        continue;
                copy_chunk(o, &mails[i], below(&o->w, 3) == 0, &b);
                o->mails[kept++] = o->mails[i];
        }
        o->n = kept;
        write_file(o, &b);
        buf_free(&b);
        expect_mails(o);
}

/* Others change letters, and no more. */
static void change_letters(struct model *o)
{
        const char *text = text_of(o->w.f, "inbox"), *at = text;
        int fd = openat(o->w.f->fd, "inbox", O_WRONLY);
        while ((at = strstr(at, "\nX-Status: "))) {
                for (at += 11; *at != '\n' && *at; at++)
                        if (below(&o->w, 2))
                                assert_int_equal(pwrite(fd, &"AFDT "[below(&o->w, 5)], 1, at - text), 1);
        }
        close(fd);
}

static void flag_one(struct model *o, struct box *b)
{
        struct mail was[MESSAGES_MAX], is[MESSAGES_MAX];
        uint32_t seqs[MESSAGES_MAX] = {0};
        learn(o, b);
        size_t n = pick(&o->w, b, seqs), mails = read_mails(o, was);
        enum flags_op op = (enum flags_op)below(&o->w, 3);
        uint8_t flags = (uint8_t)below(&o->w, 32);
        flag_these(b, seqs, n, op, flags);
        expect_mails(o);
        read_mails(o, is);
        for (size_t i = 0, k = 0; i < mails && !o->dirty; i++) {
                while (k < n && b->view[seqs[k] - 1].uid < o->mails[i].uid)
                        k++;
                bool chosen = o->mails[i].uid && k < n && b->view[seqs[k] - 1].uid == o->mails[i].uid;
                uint8_t now = op == FLAGS_SET   ? flags
                              : op == FLAGS_ADD ? was[i].flags | flags
                                                : was[i].flags & ~flags;
                assert_int_equal(is[i].flags, chosen ? now : was[i].flags);
                /* keywords that the session has not heard of yet stay; a sender's may go */
                bool goes = (chosen && op == FLAGS_SET) || !was[0].base;
                assert_true(goes ? !(is[i].words & ~was[i].words) : is[i].words == was[i].words);
        }
}

static void keyword_one(struct model *o, struct box *b)
{
        uint32_t seqs[MESSAGES_MAX] = {0};
        size_t n = pick(&o->w, b, seqs), gone;
        unsigned bit;
        assert_int_equal(mailbox_keyword(b->m, slice_of(words[below(&o->w, WORDS)]), true, &bit), 0);
        struct flags flags = {.keywords = UINT64_C(1) << bit};
        assert_int_equal(
                mailbox_store_flags(b->m, seqs, n, below(&o->w, 2) ? FLAGS_ADD : FLAGS_REMOVE, flags, &gone),
                0);
        expect_mails(o);
}

static void expunge_some(struct model *o, struct box *b)
{
        uint32_t seqs[MESSAGES_MAX] = {0};
        learn(o, b);
        size_t n = pick(&o->w, b, seqs), kept = 0;
        n = n > 3 ? 3 : n;
        expunge_these(b, seqs, n);
        for (size_t i = 0, k; i < o->n; i++) {
                for (k = 0; k < n && b->view[seqs[k] - 1].uid != o->mails[i].uid; k++)
                        ;
                if (k == n)
                        o->mails[kept++] = o->mails[i];
        }
        o->n = kept;
        expect_mails(o);
}

/* What was told is in the file when sessions close, so that nobody misses the index. */
static void lose(struct model *o)
{
        struct mail mails[MESSAGES_MAX];
        struct world *w = &o->w;
        if (w->box[0].m)
                sync_one(w, &w->box[0], true);
        for (int i = 0; i < BOXES; i++)
                mailbox_close(&w->box[i].m);
        size_t n = read_mails(o, mails);
        for (size_t i = 0; i < n; i++)
                assert_true(o->mails[i].uid == 0 || (mails[0].base && o->mails[i].uid == mails[i].uid));
        lose_index(w->f, below(w, 2));
        for (int i = 0; i < BOXES; i++)
                open_one(w, &w->box[i]);
}

static void step_mbox(struct model *o)
{
        struct world *w = &o->w;
        struct box *b = &w->box[below(w, BOXES)];
        uint32_t what = below(w, w->damage ? 30 : 29);
        if (what < 4)
                deliver(o);
        else if (what < 6)
                append(o, b);
        else if (what < 8)
                rewrite(o);
        else if (what < 10)
                change_letters(o);
        else if (what < 13)
                flag_one(o, b);
        else if (what < 15)
                keyword_one(o, b);
        else if (what < 18)
                expunge_some(o, b);
        else if (what < 21)
                sync_one(w, b, false);
        else if (what < 27)
                sync_one(w, b, true);
        else if (what < 28)
                open_one(w, b);
        else if (what < 29)
                assert_int_equal(utimensat(w->f->fd, "inbox", NULL, 0), 0);
        else
                lose(o);
        for (int i = 0; i < BOXES; i++)
                expect_view(&w->box[i]);
}

static void run(struct fixture *f, uint64_t seed, bool damage, bool senders)
{
        struct model *o = xcalloc(1, sizeof(*o));
        struct world *w = &o->w;
        *o = (struct model){
                .w = {.f = f,
                      .random = seed,
                      .rotate = 2000,
                      .damage = damage,
                      .truth = mbox_truth,
                      .late = seed &
                              1 /* what was there before an mbox grew is looked at when there is a reason */},
                .ids = 1};
        put(f, "inbox", "");
        lose_index(f, true);
        f->settings.mbox_dirty_syncs = o->dirty = seed & 1;
        f->settings.mbox_very_dirty_syncs = seed >> 1 & 1;
        f->settings.mbox_lazy_writes = seed >> 2 & 1;
        if (senders) { /* which counts for nothing where UIDs were given already */
                deliver(o);
                o->senders = true;
        }
        for (int i = 0; i < BOXES; i++)
                open_one(w, &w->box[i]);
        for (int i = 0; i < STEPS; i++)
                step_mbox(o);
        for (int i = 0; i < BOXES; i++) {
                sync_one(w, &w->box[i], true);
                mailbox_close(&w->box[i].m);
        }
        w->damage = true;
        lose(o);
        for (int i = 0; i < BOXES; i++) {
                sync_one(w, &w->box[i], true);
                mailbox_close(&w->box[i].m);
        }
        free(o);
}

/* mbox_dirty_syncs, mbox_very_dirty_syncs and mbox_lazy_writes are bits of the seed. More of them by hand:
 * MBOX_SEEDS="100 200". */
static void run_seeds(struct fixture *f, uint64_t from, uint64_t to, bool damage, bool senders)
{
        const char *told = getenv("MBOX_SEEDS");
        char *end;
        if (told) {
                from = strtoull(told, &end, 10);
                to = strtoull(end, NULL, 10);
        }
        for (uint64_t seed = from; seed <= to; seed++) {
                if (told)
                        print_message("seed %llu\n", (unsigned long long)seed);
                run(f, seed, damage, senders);
        }
}

static void pictures_stay_right(void **state)
{
        run_seeds(*state, 1, 4, false, false);
}

static void the_index_may_be_lost(void **state)
{
        run_seeds(*state, 20, 23, true, false);
        /* a header gets shorter and another one longer before an mbox grows */
        run_seeds(*state, 151, 151, true, false);
}

static void senders_change_no_uids(void **state)
{
        run_seeds(*state, 1, 8, false, true);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, mbox_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {T(pictures_stay_right), T(the_index_may_be_lost),
                                           T(senders_change_no_uids)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}

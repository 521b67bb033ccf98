/* Several sessions and foreign programs change one folder in random order: each client's picture of it, made
 * of nothing but what it was told, stays right. */

#include "maildir_fixture.h"

#include "store/filename.h"
#include "store/saved.h"

enum { BOXES = 3, MESSAGES_MAX = 200, FILES_MAX = 60, STEPS = 400 };

struct seen {
        uint32_t uid;
        uint8_t flags;
        bool recent;
};

struct box {
        struct mailbox *m;
        struct seen view[MESSAGES_MAX];
        uint32_t n, recent;
        /* a moment of the past */
        uint64_t modseq;
        uint8_t then[MESSAGES_MAX]; /* flags by UID; 0xff: was not there */
};

struct world {
        struct fixture *f;
        uint64_t random;
        unsigned delivered;
        uint32_t rotate;
        bool damage;
        struct box box[BOXES];
        bool was_recent[MESSAGES_MAX];
        char *backup[2];
        size_t backup_n[2];
};

struct file {
        char path[80];
        struct slice base;
        uint8_t flags;
};

static uint32_t below(struct world *w, uint32_t n)
{
        w->random = w->random * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t)(w->random >> 33) % n;
}

static void list_dir(struct fixture *f, const char *sub, struct file *files, size_t *n)
{
        char path[32];
        snprintf(path, sizeof(path), "Maildir/%s", sub);
        DIR *d = fdopendir(openat(f->fd, path, O_RDONLY | O_DIRECTORY));
        for (struct dirent *e; (e = readdir(d));) {
                if (e->d_name[0] == '.')
                        continue;
                struct file *file = &files[(*n)++];
                struct slice info;
                uint32_t letters;
                snprintf(file->path, sizeof(file->path), "%s/%.60s", path, e->d_name);
                filename_split(slice_of(file->path + strlen(path) + 1), &file->base, &info);
                filename_info_parse(info, &file->flags, &letters);
        }
        closedir(d);
}

static size_t list_files(struct world *w, struct file *files)
{
        size_t n = 0;
        list_dir(w->f, "new", files, &n);
        list_dir(w->f, "cur", files, &n);
        return n;
}

static void tune(struct world *w, struct box *b)
{
        b->m->index.rotate_bytes = b->m->index.rotate_touched = w->rotate;
}

static void append_seen(struct world *w, struct box *b, uint32_t seq)
{
        struct message msg = mailbox_message(b->m, seq);
        assert_true(msg.uid < MESSAGES_MAX && b->n == seq - 1);
        assert_true(b->n == 0 || b->view[b->n - 1].uid < msg.uid);
        b->view[b->n++] = (struct seen){msg.uid, msg.flags.system, msg.recent};
        b->recent += msg.recent;
        if (msg.recent && !w->damage) {
                assert_false(w->was_recent[msg.uid]);
                w->was_recent[msg.uid] = true;
        }
}

static void open_one(struct world *w, struct box *b)
{
        mailbox_close(&b->m);
        b->m = open_box(w->f, "INBOX", false);
        tune(w, b);
        b->n = b->recent = 0;
        b->modseq = 0;
        for (uint32_t seq = 1; seq <= mailbox_count(b->m); seq++)
                append_seen(w, b, seq);
}

/* The view against the picture, and the counts against a loop. */
static void expect_view(struct box *b)
{
        struct mailbox_status st, want = {0};
        struct message all[MESSAGES_MAX], msgs[2];
        assert_int_equal(mailbox_count(b->m), b->n);
        mailbox_messages(b->m, 1, all, b->n);
        for (uint32_t seq = 1; seq <= b->n; seq++) {
                struct message msg = mailbox_message(b->m, seq);
                mailbox_messages(b->m, seq, msgs, seq < b->n ? 2 : 1);
                assert_int_equal(msgs[0].uid, msg.uid);
                assert_int_equal(seq < b->n ? msgs[1].uid : msg.uid, seq < b->n ? all[seq].uid : msg.uid);
                assert_int_equal(all[seq - 1].uid, msg.uid);
                assert_int_equal(all[seq - 1].flags.system, msg.flags.system);
                assert_true(all[seq - 1].recent == msg.recent && all[seq - 1].gone == msg.gone);
                assert_int_equal(msg.uid, b->view[seq - 1].uid);
                assert_int_equal(msg.recent, b->view[seq - 1].recent);
                assert_int_equal(mailbox_seq_at_or_after(b->m, msg.uid), seq);
                want.recent += msg.recent;
                want.deleted += (msg.flags.system & FLAG_DELETED) != 0;
                if (!(msg.flags.system & FLAG_SEEN) && want.unseen++ == 0)
                        want.first_unseen = seq;
        }
        mailbox_status(b->m, &st);
        assert_int_equal(st.messages, b->n);
        assert_int_equal(st.recent, want.recent);
        assert_int_equal(st.unseen, want.unseen);
        assert_int_equal(st.deleted, want.deleted);
        assert_int_equal(st.first_unseen, want.first_unseen);
        assert_true(b->n == 0 || st.uidnext > b->view[b->n - 1].uid);
}

/* After a sync that may tell everything: what is in the directories, nothing else. */
static void expect_truth(struct world *w, struct box *b)
{
        struct file files[FILES_MAX * 2];
        size_t n = list_files(w, files);
        assert_int_equal(n, b->n);
        for (uint32_t seq = 1; seq <= b->n; seq++) {
                struct slice base = slice_of(mailbox_base_name(b->m, seq));
                size_t i = 0;
                while (i < n && !slice_eq(files[i].base, base))
                        i++;
                assert_true(i < n);
                assert_int_equal(b->view[seq - 1].flags, files[i].flags);
        }
}

static void expect_history(struct world *w, struct box *b)
{
        struct mailbox_range *r;
        size_t n;
        bool vanished[MESSAGES_MAX] = {false}, here[MESSAGES_MAX] = {false};
        if (b->modseq == 0)
                return;
        assert_true(mailbox_highest_modseq(b->m) >= b->modseq);
        int known = mailbox_vanished(b->m, b->modseq, &w->f->arena, &r, &n);
        assert_true(known == 0 || (known == -ENODATA && w->damage));
        for (size_t i = 0; known == 0 && i < n; i++) {
                assert_true(i == 0 || r[i].low > r[i - 1].high + 1);
                for (uint32_t uid = r[i].low; uid <= r[i].high; uid++)
                        vanished[uid] = true;
        }
        for (uint32_t seq = 1; seq <= b->n; seq++) {
                uint32_t uid = b->view[seq - 1].uid;
                here[uid] = true;
                assert_false(vanished[uid]);
                /* an older index does not know what changed and changed back */
                if (b->then[uid] != b->view[seq - 1].flags && !w->damage)
                        assert_true(mailbox_modseq(b->m, seq) > b->modseq);
                assert_true(mailbox_modseq(b->m, seq) <= mailbox_highest_modseq(b->m));
        }
        for (uint32_t uid = 0; known == 0 && uid < MESSAGES_MAX; uid++)
                if (b->then[uid] != 0xff && !here[uid])
                        assert_true(vanished[uid]);
}

static void remember(struct world *w, struct box *b)
{
        expect_history(w, b);
        if (below(w, 6))
                return;
        b->modseq = mailbox_highest_modseq(b->m);
        memset(b->then, 0xff, sizeof(b->then));
        for (uint32_t i = 0; i < b->n; i++)
                b->then[b->view[i].uid] = b->view[i].flags;
}

static void sync_one(struct world *w, struct box *b, bool allow)
{
        struct mailbox_changes c = sync_box(w->f, b->m, allow);
        assert_true(allow || c.expunged_n == 0);
        for (size_t i = 0; i < c.expunged_n; i++) {
                uint32_t seq = c.expunged[i];
                assert_true(seq >= 1 && seq <= b->n && (i == 0 || seq < c.expunged[i - 1]));
                b->recent -= b->view[seq - 1].recent;
                memmove(&b->view[seq - 1], &b->view[seq], (b->n - seq) * sizeof(b->view[0]));
                b->n--;
        }
        for (size_t i = 0; i < c.flagged_n; i++) {
                assert_true(c.flagged[i] <= b->n && (i == 0 || c.flagged[i] > c.flagged[i - 1]));
                struct message msg = mailbox_message(b->m, c.flagged[i]);
                assert_false(msg.gone);
                b->view[c.flagged[i] - 1].flags = msg.flags.system;
        }
        for (uint32_t i = 0; i < c.added; i++)
                append_seen(w, b, b->n + 1);
        /* what was not told has not changed */
        for (uint32_t seq = 1; seq <= b->n; seq++) {
                struct message msg = mailbox_message(b->m, seq);
                assert_true(msg.gone || msg.flags.system == b->view[seq - 1].flags);
                assert_false(allow && msg.gone);
        }
        if (allow) {
                expect_truth(w, b);
                remember(w, b);
        }
        /* and nothing is told twice */
        if (below(w, 4) == 0) {
                c = sync_box(w->f, b->m, allow);
                assert_int_equal(c.expunged_n + c.flagged_n + c.added, 0);
        }
}

static size_t pick(struct world *w, const struct box *b, uint32_t *seqs)
{
        size_t n = 0;
        uint32_t one_in = 1 + below(w, 6);
        for (uint32_t seq = 1; seq <= b->n; seq++)
                if (below(w, one_in) == 0)
                        seqs[n++] = seq;
        return n;
}

static void flag(struct world *w, struct box *b)
{
        uint32_t seqs[MESSAGES_MAX];
        size_t n = pick(w, b, seqs), gone;
        enum flags_op op = (enum flags_op)below(w, 3);
        uint8_t flags = (uint8_t)below(w, 32);
        assert_int_equal(mailbox_store_flags(b->m, seqs, n, op, (struct flags){.system = flags}, &gone), 0);
        size_t count = 0;
        for (size_t i = 0; i < n; i++) {
                struct message msg = mailbox_message(b->m, seqs[i]);
                uint8_t now = msg.flags.system;
                count += msg.gone;
                if (msg.gone)
                        continue;
                /* unless somebody else changed them at the same time */
                if (!(maildir_record(b->m, seqs[i])->state & RECORD_CHANGED))
                        assert_int_equal(now & flags, op == FLAGS_REMOVE ? 0 : flags);
                b->view[seqs[i] - 1].flags = now; /* the answer to STORE says so */
        }
        assert_int_equal(gone, count);
}

static void expunge(struct world *w, struct box *b)
{
        uint32_t seqs[MESSAGES_MAX];
        size_t n = pick(w, b, seqs);
        n = n > 3 ? 3 : n;
        assert_int_equal(mailbox_expunge(b->m, seqs, n), 0);
        for (size_t i = 0; i < n; i++)
                assert_true(mailbox_message(b->m, seqs[i]).gone);
}

static void foreign(struct world *w, bool remove)
{
        struct file files[FILES_MAX * 2];
        size_t n = list_files(w, files);
        if (n == 0)
                return;
        const struct file *file = &files[below(w, (uint32_t)n)];
        if (remove) {
                assert_int_equal(unlinkat(w->f->fd, file->path, 0), 0);
                return;
        }
        static const char *const infos[] = {":2,", ":2,S", ":2,FS", ":2,RST", ":2,SF", ":2,S,x"};
        char to[120];
        snprintf(to, sizeof(to), "Maildir/cur/%.*s%s", SLICE_ARG(file->base),
                 infos[below(w, ARRAY_LEN(infos))]);
        move(w->f, file->path, to);
}

static void deliver(struct world *w)
{
        char path[64];
        if (w->delivered >= MESSAGES_MAX - 10 || entries(w->f, "Maildir/cur") > FILES_MAX - 5)
                return;
        snprintf(path, sizeof(path), "Maildir/new/%u.M%uP1.h", 1000000 + w->delivered, below(w, 1000));
        w->delivered++;
        put(w->f, path, "a: b\n\nx\n");
}

static void append(struct world *w)
{
        if (w->delivered >= MESSAGES_MAX - 10 || entries(w->f, "Maildir/cur") > FILES_MAX - 5)
                return;
        struct save *s = NULL;
        struct save_result res;
        struct save_message m = {.flags = (uint8_t)(below(w, 2) ? 0 : below(w, 32)), .internaldate = -1};
        assert_int_equal(save_open(w->f->store, "INBOX", &s), 0);
        s->to->index.rotate_bytes = s->to->index.rotate_touched = w->rotate;
        assert_int_equal(save_begin(s, &m), 0);
        assert_int_equal(save_write(s, SLICE("a: b\r\n\r\nx\r\n")), 0);
        assert_int_equal(save_end(s), 0);
        assert_int_equal(save_commit(s, &w->f->arena, &res), 0);
        save_close(&s);
        w->delivered++;
}

/* The index is a cache: whatever happens to it, nobody is told anything wrong. */
static void harm(struct world *w)
{
        static const char *const names[] = {"Maildir/" INDEX_NAME, "Maildir/" JOURNAL_NAME};
        uint32_t what = below(w, 5);
        struct stat st;
        for (int i = 0; i < 2; i++) {
                struct buf text = {0};
                if (what == 0 && file_read_at(w->f->fd, names[i], &text) == 0) {
                        free(w->backup[i]);
                        w->backup_n[i] = text.n;
                        w->backup[i] = text.p;
                        continue;
                }
                buf_free(&text);
                if (what == 1 && w->backup[0] && w->backup[1])
                        assert_int_equal(file_replace_at(w->f->fd, names[i],
                                                         slice_make(w->backup[i], w->backup_n[i]), 0600,
                                                         false),
                                         0);
                if (what == 2 || (what == 3 && i == (int)below(w, 2)))
                        unlinkat(w->f->fd, names[i], 0);
        }
        if (what == 4 && fstatat(w->f->fd, names[1], &st, 0) == 0 && st.st_size > 0) {
                int fd = openat(w->f->fd, names[1], O_WRONLY);
                assert_int_equal(ftruncate(fd, (off_t)below(w, (uint32_t)st.st_size)), 0);
                close(fd);
        }
}

static void step(struct world *w)
{
        struct box *b = &w->box[below(w, BOXES)];
        uint32_t what = below(w, w->damage ? 25 : 24);
        if (what < 4)
                deliver(w);
        else if (what < 6)
                append(w);
        else if (what < 8)
                foreign(w, false);
        else if (what < 9)
                foreign(w, true);
        else if (what < 12)
                flag(w, b);
        else if (what < 14)
                expunge(w, b);
        else if (what < 18)
                sync_one(w, b, false);
        else if (what < 23)
                sync_one(w, b, true);
        else if (what < 24)
                open_one(w, b);
        else
                harm(w);
        for (int i = 0; i < BOXES; i++)
                expect_view(&w->box[i]);
}

static void run(struct fixture *f, uint64_t seed, uint32_t rotate, bool damage)
{
        struct world *w = xcalloc(1, sizeof(*w));
        int maildir = openat(f->fd, "Maildir", O_RDONLY | O_DIRECTORY);
        if (maildir >= 0)
                remove_below(maildir);
        f->settings.mail_fsync = SETTINGS_FSYNC_NEVER;
        fixture_open(f);
        *w = (struct world){.f = f, .random = seed, .rotate = rotate, .damage = damage};
        for (int i = 0; i < BOXES; i++)
                open_one(w, &w->box[i]);
        for (int i = 0; i < STEPS; i++)
                step(w);
        for (int i = 0; i < BOXES; i++) {
                sync_one(w, &w->box[i], true);
                mailbox_close(&w->box[i].m);
        }
        free(w->backup[0]);
        free(w->backup[1]);
        free(w);
}

static void pictures_stay_right(void **state)
{
        for (uint64_t seed = 1; seed <= 2; seed++)
                run(*state, seed, 2000, false);
}

static void rotation_changes_nothing(void **state)
{
        run(*state, 11, 0, false);
        run(*state, 12, 400, false);
}

static void the_index_may_be_lost_at_any_time(void **state)
{
        run(*state, 21, 2000, true);
        run(*state, 22, 0, true);
        run(*state, 23, 300, true);
}

static void without_an_index_it_is_the_same(void **state)
{
        struct fixture *f = *state;
        f->settings.mail_location = "maildir:~/Maildir:INDEX=MEMORY";
        fixture_open(f);
        run(f, 31, 2000, true);
        assert_false(there(f, "Maildir/" INDEX_NAME));
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(pictures_stay_right),
                T(rotation_changes_nothing),
                T(the_index_may_be_lost_at_any_time),
                T(without_an_index_it_is_the_same),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

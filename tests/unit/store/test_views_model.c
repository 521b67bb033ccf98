/* Several sessions and foreign programs change one folder in random order: each client's picture of it, made
 * of nothing but what it was told, stays right. */

#include "views_world.h"

enum {
        STEPS = 400,
        MESSAGE_SIZE = 11, /* of each, as sent */
};

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
        struct buf *backup = w->backup[below(w, BACKUPS)];
        struct stat st;
        for (int i = 0; i < 2; i++) {
                struct buf text = {0};
                if (what == 0 && file_read_at(w->f->fd, names[i], &text) == 0) {
                        buf_free(&backup[i]);
                        backup[i] = text;
                        continue;
                }
                buf_free(&text);
                if (what == 1 && backup[0].n && backup[1].n)
                        assert_int_equal(
                                file_replace_at(w->f->fd, names[i], buf_slice(&backup[i]), 0600, false), 0);
                if (what == 2 || (what == 3 && i == (int)below(w, 2)))
                        unlinkat(w->f->fd, names[i], 0);
        }
        if (what == 4 && fstatat(w->f->fd, names[1], &st, 0) == 0 && st.st_size > 0) {
                int fd = openat(w->f->fd, names[1], O_WRONLY);
                assert_int_equal(ftruncate(fd, (off_t)below(w, (uint32_t)st.st_size)), 0);
                close(fd);
        }
}

/* What the index alone says is what opening the folder finds. */
static void expect_peek(struct world *w)
{
        struct mailbox_summary told;
        struct mailbox_status st;
        uint64_t size;
        int r = mailbox_peek(w->f->store, "INBOX", &told);
        assert_true(r == 0 || r == -EAGAIN);
        if (r < 0)
                return;
        w->peeked++;
        struct mailbox *m = open_box(w->f, "INBOX", true);
        mailbox_status(m, &st);
        assert_int_equal(told.status.messages, st.messages);
        assert_int_equal(told.status.recent, st.recent);
        assert_int_equal(told.status.unseen, st.unseen);
        assert_int_equal(told.status.deleted, st.deleted);
        assert_int_equal(told.status.uidnext, st.uidnext);
        assert_int_equal(told.status.uidvalidity, st.uidvalidity);
        assert_int_equal(told.status.highest_modseq, st.highest_modseq);
        /* a session may have found out sizes that it has not written yet */
        assert_true(told.size_known || !mailbox_total_size(m, &size));
        assert_true(!told.size_known || told.size == (uint64_t)st.messages * MESSAGE_SIZE);
        assert_string_equal(told.guid, mailbox_guid(m));
        mailbox_close(&m);
}

/* A client's cache of sizes. */
static void measure(struct box *b)
{
        uint64_t size;
        for (uint32_t seq = 1; seq <= b->n; seq++)
                (void)!mailbox_size(b->m, seq, &size);
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
        if (below(w, 10) == 0)
                measure(b);
        for (int i = 0; i < BOXES; i++)
                expect_view(&w->box[i]);
        expect_peek(w);
}

static void run(struct fixture *f, uint64_t seed, uint32_t rotate, bool damage)
{
        struct world *w = xcalloc(1, sizeof(*w));
        int maildir = openat(f->fd, "Maildir", O_RDONLY | O_DIRECTORY);
        if (maildir >= 0)
                remove_below(maildir);
        f->settings.mail_fsync = SETTINGS_FSYNC_NEVER;
        fixture_open(f);
        *w = (struct world){
                .f = f, .random = seed, .rotate = rotate, .damage = damage, .truth = expect_files};
        for (int i = 0; i < BOXES; i++)
                open_one(w, &w->box[i]);
        for (int i = 0; i < STEPS; i++)
                step(w);
        assert_true(strstr(f->settings.mail_location, "MEMORY") ? w->peeked == 0 : w->peeked > STEPS / 8);
        for (int i = 0; i < BOXES; i++) {
                sync_one(w, &w->box[i], true);
                mailbox_close(&w->box[i].m);
        }
        for (int i = 0; i < BACKUPS * 2; i++)
                buf_free(&w->backup[i / 2][i % 2]);
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
        /* an expunge that is kept back goes with one backup and comes with another */
        run(*state, 329, 300, true);
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

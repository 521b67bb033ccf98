/* Open folders on one index: what is read when, what others are told, where the index is. */

#include "maildir_fixture.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/wait.h>

#include "store/saved.h"

static void fill(struct fixture *f, const char *sub, unsigned from, unsigned n, const char *info)
{
        char path[64];
        for (unsigned i = from; i < from + n; i++) {
                snprintf(path, sizeof(path), "Maildir/%s/%u.M1P1.h%s", sub, i, info);
                put(f, path, "a: b\n\nx\n");
        }
}

/* Looks at whether cur/ is read: opened, or its entries read. */
static int spy(struct fixture *f)
{
        char path[100];
        int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        snprintf(path, sizeof(path), "%s/Maildir/cur", f->home);
        assert_true(inotify_add_watch(fd, path, IN_ACCESS | IN_ONLYDIR) >= 0);
        return fd;
}

static bool was_read(int fd)
{
        _Alignas(struct inotify_event) char events[65536];
        bool read_dir = false;
        for (ssize_t n; (n = read(fd, events, sizeof(events))) > 0;)
                for (char *p = events; p < events + n;) {
                        const struct inotify_event *e = (const struct inotify_event *)(const void *)p;
                        read_dir |= e->mask & IN_ISDIR && e->mask & IN_ACCESS;
                        p += sizeof(*e) + e->len;
                }
        return read_dir;
}

/* A new session: whether it had to read cur/. */
static bool next_open_reads(struct fixture *f, int fd, uint32_t messages)
{
        was_read(fd);
        struct mailbox *m = open_box(f, "INBOX", false);
        bool read_dir = was_read(fd);
        assert_int_equal(mailbox_count(m), messages);
        mailbox_close(&m);
        return read_dir;
}

static void append(struct fixture *f, uint8_t flags)
{
        struct save *s = NULL;
        struct save_result res;
        assert_int_equal(save_open(f->store, "INBOX", &s), 0);
        struct save_message m = {.flags = flags, .internaldate = -1};
        assert_int_equal(save_begin(s, &m), 0);
        assert_int_equal(save_write(s, SLICE("a: b\r\n\r\nx\r\n")), 0);
        assert_int_equal(save_end(s), 0);
        assert_int_equal(save_commit(s, &f->arena, &res), 0);
        save_close(&s);
}

static void what_only_we_changed_is_not_read(void **state)
{
        enum { MANY = 5000 };
        struct fixture *f = *state;
        struct save *s = NULL;
        struct save_result res;
        uint32_t seqs[200];
        size_t gone;
        fill(f, "cur", 1000, MANY, ":2,S");
        int fd = spy(f);
        assert_true(next_open_reads(f, fd, MANY));
        assert_false(next_open_reads(f, fd, MANY));
        fill(f, "new", 9000, 1, "");
        assert_false(next_open_reads(f, fd, MANY + 1)); /* which moved it, too */
        assert_int_equal(entries(f, "Maildir/new"), 0);
        assert_false(next_open_reads(f, fd, MANY + 1));

        struct mailbox *m = open_box(f, "INBOX", false);
        for (uint32_t i = 0; i < 200; i++)
                seqs[i] = 10 * (i + 1);
        assert_int_equal(
                mailbox_store_flags(m, seqs, 200, FLAGS_ADD, (struct flags){.system = FLAG_FLAGGED}, &gone),
                0);
        assert_int_equal(sync_box(f, m, true).flagged_n, 0);
        assert_false(was_read(fd));
        assert_false(next_open_reads(f, fd, MANY + 1));
        assert_int_equal(mailbox_expunge(m, seqs, 200), 0);
        assert_int_equal(sync_box(f, m, true).expunged_n, 200);
        assert_false(was_read(fd));
        mailbox_close(&m);
        assert_false(next_open_reads(f, fd, MANY - 199));
        append(f, 0);
        assert_false(next_open_reads(f, fd, MANY - 198));
        append(f, FLAG_SEEN);
        assert_false(next_open_reads(f, fd, MANY - 197));
        m = open_box(f, "INBOX", false);
        assert_int_equal(save_open(f->store, "INBOX", &s), 0);
        for (uint32_t i = 0; i < 10; i++)
                assert_int_equal(save_copy(s, m, 1 + i), 0);
        assert_int_equal(save_commit(s, &f->arena, &res), 0);
        save_close(&s);
        assert_int_equal(sync_box(f, m, true).added, 10);
        mailbox_close(&m);
        assert_false(next_open_reads(f, fd, MANY - 187));
        move(f, "Maildir/cur/1000.M1P1.h:2,S", "Maildir/cur/1000.M1P1.h:2,");
        assert_true(next_open_reads(f, fd, MANY - 187));
        assert_false(next_open_reads(f, fd, MANY - 187));
        close(fd);
}

static unsigned queues_open(void)
{
        char path[64], target[64];
        DIR *d = opendir("/proc/self/fd");
        unsigned n = 0;
        assert_non_null(d);
        for (struct dirent *e; (e = readdir(d));) {
                snprintf(path, sizeof(path), "/proc/self/fd/%.20s", e->d_name);
                ssize_t len = readlink(path, target, sizeof(target));
                n += len > 0 && slice_eq(slice_make(target, (size_t)len), SLICE("anon_inode:inotify"));
        }
        closedir(d);
        return n;
}

/* The kernel takes its time to close one: that is left for when nobody waits. */
static void inotify_stays_open_between_changes(void **state)
{
        struct fixture *f = *state;
        struct save *s = NULL;
        struct save_result res;
        uint32_t first = 1;
        size_t gone;
        int fd, again;
        fill(f, "cur", 1000, 10, ":2,");
        assert_int_equal(store_create(f->store, "other"), 0);
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_int_equal(queues_open(), 0); /* who reads needs none */
        for (int i = 0; i < 3; i++) {
                append(f, 0);
                sync_box(f, m, true);
                assert_int_equal(mailbox_store_flags(m, &first, 1, i % 2 ? FLAGS_REMOVE : FLAGS_ADD,
                                                     (struct flags){.system = FLAG_SEEN}, &gone),
                                 0);
                assert_int_equal(queues_open(), 1);
        }
        assert_int_equal(save_open(f->store, "other", &s), 0);
        assert_int_equal(save_move(s, m, 1), 0);
        assert_int_equal(save_commit(s, &f->arena, &res), 0);
        save_close(&s);
        assert_int_equal(queues_open(), 2);

        /* IDLE has one and lets go of the other; the next change has one of its own */
        assert_int_equal(mailbox_watch(m, &fd), 0);
        store_rest(f->store);
        assert_int_equal(queues_open(), 1);
        sync_box(f, m, true);
        fill(f, "new", 2000, 1, "");
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, 5000), 1);
        assert_int_equal(sync_box(f, m, true).added, 1);
        assert_int_equal(mailbox_watch(m, &again), 0);
        assert_int_equal(again, fd);
        append(f, 0);
        assert_int_equal(queues_open(), 2);

        /* what was watched is not any more */
        mailbox_close(&m);
        assert_int_equal(queues_open(), 1);
        m = open_box(f, "other", false);
        assert_int_equal(mailbox_watch(m, &fd), 0);
        fill(f, "new", 3000, 1, "");
        p.fd = fd;
        assert_int_equal(poll(&p, 1, 0), 0);
        put(f, "Maildir/.other/new/1.h", "x\n");
        assert_int_equal(poll(&p, 1, 5000), 1);
        mailbox_close(&m);
        store_close(&f->store);
        assert_int_equal(queues_open(), 0);
}

/* Somebody renames a file while our STORE goes on: the time stamps of cur/ are ours in the end, and yet. */
static void a_change_amid_our_own_is_seen(void **state)
{
        enum { MANY = 3000, ROUNDS = 6 };
        struct fixture *f = *state;
        uint32_t seqs[MANY - 1];
        char from[64], to[64];
        size_t gone;
        fill(f, "cur", 1000, MANY, ":2,");
        struct mailbox *m = open_box(f, "INBOX", false);
        for (uint32_t i = 0; i < MANY - 1; i++)
                seqs[i] = i + 2; /* all but the first, which is the other's */
        for (int round = 0; round < ROUNDS; round++) {
                int ready[2];
                assert_int_equal(pipe(ready), 0);
                snprintf(from, sizeof(from), "Maildir/cur/1000.M1P1.h:2,%s", round % 2 ? "F" : "");
                snprintf(to, sizeof(to), "Maildir/cur/1000.M1P1.h:2,%s", round % 2 ? "" : "F");
                pid_t child = fork();
                if (child == 0) {
                        /* in the middle: when the file of the middle has its new name */
                        char half[64];
                        snprintf(half, sizeof(half), "Maildir/cur/%d.M1P1.h:2,%s", 1000 + MANY / 2,
                                 round % 2 ? "" : "S");
                        (void)!write(ready[1], "x", 1);
                        for (int i = 0; !there(f, half) && i < 10000000; i++)
                                ;
                        _exit(renameat(f->fd, from, f->fd, to) < 0);
                }
                char byte;
                assert_int_equal(read(ready[0], &byte, 1), 1);
                assert_int_equal(mailbox_store_flags(m, seqs, MANY - 1, round % 2 ? FLAGS_REMOVE : FLAGS_ADD,
                                                     (struct flags){.system = FLAG_SEEN}, &gone),
                                 0);
                int status = -1;
                waitpid(child, &status, 0);
                assert_int_equal(status, 0);
                struct mailbox_changes c = sync_box(f, m, true);
                assert_int_equal(c.flagged_n, 1);
                assert_int_equal(c.flagged[0], 1);
                assert_int_equal(mailbox_message(m, 1).flags.system, round % 2 ? 0 : FLAG_FLAGGED);
                close(ready[0]);
                close(ready[1]);
        }
        mailbox_close(&m);
}

/* Two marks in one tick, and a change in between: it must show. */
static void a_mark_does_not_come_twice(void **state)
{
        struct fixture *f = *state;
        struct index_dir first, second;
        put(f, "Maildir/cur/1.h:2,", "x\n");
        int dir = openat(f->fd, "Maildir", O_RDONLY | O_DIRECTORY);
        unsigned same = 0;
        for (int i = 0; i < 50; i++) {
                /* the tick's own stamp, as the kernel gives it to both changes */
                struct timespec tick[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL), .tv_nsec = 5000}};
                assert_int_equal(utimensat(dir, "cur", tick, 0), 0);
                assert_int_equal(touch_mark(dir, "cur", &first, NULL), 0);
                assert_int_equal(utimensat(dir, "cur", tick, 0), 0);
                assert_int_equal(touch_mark(dir, "cur", &second, NULL), 0);
                same += first.nsec == second.nsec;
        }
        assert_true(same <= 1);
        close(dir);
}

/* So many that taking them as \Recent begins another generation. */
static void many_are_recent_for_one(void **state)
{
        enum { MANY = 4000 };
        struct fixture *f = *state;
        struct mailbox_status st;
        fill(f, "new", 1000, MANY, "");
        struct mailbox *a = open_box(f, "INBOX", false), *b = open_box(f, "INBOX", false);
        mailbox_status(a, &st);
        assert_int_equal(st.recent, MANY);
        for (uint32_t seq = 1; seq <= MANY; seq++)
                assert_true(mailbox_message(a, seq).recent);
        mailbox_status(b, &st);
        assert_int_equal(st.recent, 0);
        fill(f, "new", 9000, MANY, "");
        sync_box(f, b, true);
        sync_box(f, a, true);
        mailbox_status(b, &st);
        assert_int_equal(st.recent, MANY);
        assert_true(mailbox_message(b, 2 * MANY).recent);
        assert_false(mailbox_message(a, 2 * MANY).recent);
        assert_true(mailbox_message(a, MANY).recent);
        mailbox_close(&a);
        mailbox_close(&b);
}

/* Sessions that were open before there was a cache, or while it was made anew. */
static void caches_of_two_sessions_are_one(void **state)
{
        struct fixture *f = *state;
        struct slice got;
        struct stat first, last;
        fill(f, "cur", 1000, 4, ":2,");
        struct mailbox *a = open_box(f, "INBOX", false), *b = open_box(f, "INBOX", false);
        struct mailbox_item x = {1, SLICE("one")}, y = {2, SLICE("two")};
        mailbox_cache(a, 1, &x, 1);
        mailbox_cache(b, 2, &x, 1);
        mailbox_cache(b, 1, &y, 1);
        sync_box(f, a, true);
        assert_int_equal(fstatat(f->fd, "Maildir/" CACHE_NAME, &first, 0), 0);
        sync_box(f, b, true);
        sync_box(f, a, true);
        assert_int_equal(fstatat(f->fd, "Maildir/" CACHE_NAME, &last, 0), 0);
        assert_int_equal(first.st_ino, last.st_ino);
        struct mailbox *c = open_box(f, "INBOX", false), *all[] = {a, b, c};
        for (size_t i = 0; i < 3; i++) {
                assert_true(mailbox_cached(all[i], 1, 1, &got));
                assert_slice_equal(got, SLICE("one"));
                assert_true(mailbox_cached(all[i], 1, 2, &got));
                assert_slice_equal(got, SLICE("two"));
                assert_true(mailbox_cached(all[i], 2, 1, &got));
                mailbox_close(&all[i]);
        }
}

/* What is learned is not lost when others begin another generation before it is told. */
static void what_is_learned_stays_learned(void **state)
{
        struct fixture *f = *state;
        uint64_t size;
        fill(f, "cur", 1000, 2, ":2,");
        struct mailbox *a = open_box(f, "INBOX", false), *b = open_box(f, "INBOX", false);
        assert_int_equal(mailbox_size(a, 1, &size), 0);
        mailbox_set_note(a, 1, 99);
        b->index.rotate_bytes = b->index.rotate_touched = 0;
        mailbox_set_note(b, 2, 98);
        sync_box(f, b, true);
        sync_box(f, a, true);
        assert_int_equal(mailbox_note(a, 1), 99);
        assert_int_equal(mailbox_note(a, 2), 98);
        struct mailbox *c = open_box(f, "INBOX", false);
        assert_int_equal(opened_record(c, 1)->size, size);
        assert_int_equal(mailbox_note(c, 1), 99);
        mailbox_close(&a);
        mailbox_close(&b);
        mailbox_close(&c);
}

static void the_index_may_be_elsewhere(void **state)
{
        struct fixture *f = *state;
        f->settings.mail_location = "maildir:~/Maildir:INDEX=~/idx/deep";
        fixture_open(f);
        fill(f, "cur", 1000, 2, ":2,");
        struct mailbox *m = open_box(f, "INBOX", false);
        mailbox_close(&m);
        assert_true(there(f, "idx/deep/" INDEX_NAME) && there(f, "idx/deep/" JOURNAL_NAME));
        assert_int_equal(store_create(f->store, "a"), 0);
        put(f, "Maildir/.a/cur/1.h:2,", "x\n");
        m = open_box(f, "a", false);
        uint32_t validity = mailbox_uidvalidity(m);
        mailbox_set_note(m, 1, 7);
        mailbox_close(&m);
        assert_true(there(f, "idx/deep/.a/" INDEX_NAME));
        /* it moves along, over what was left there */
        assert_int_equal(mkdirat(f->fd, "idx/deep/.b", 0700), 0);
        put(f, "idx/deep/.b/" INDEX_NAME, "old");
        assert_int_equal(store_rename(f->store, "a", "b"), 0);
        assert_false(there(f, "idx/deep/.a"));
        m = open_box(f, "b", false);
        assert_null(mailbox_index_fault(m));
        assert_int_equal(mailbox_note(m, 1), 7);
        mailbox_close(&m);
        assert_int_equal(store_delete(f->store, "b"), 0);
        assert_false(there(f, "idx/deep/.b"));
        assert_int_equal(store_create(f->store, "b"), 0);
        m = open_box(f, "b", false);
        assert_int_equal(mailbox_count(m), 0);
        assert_int_not_equal(mailbox_uidvalidity(m), validity);
        mailbox_close(&m);
        assert_false(there(f, "Maildir/" INDEX_NAME) || there(f, "Maildir/.b/" INDEX_NAME));
}

static void put_back(struct fixture *f, const struct buf *files)
{
        assert_int_equal(file_replace_at(f->fd, "Maildir/" INDEX_NAME, buf_slice(&files[0]), 0600, false), 0);
        assert_int_equal(file_replace_at(f->fd, "Maildir/" JOURNAL_NAME, buf_slice(&files[1]), 0600, false),
                         0);
}

static void keep(struct fixture *f, struct buf *files)
{
        assert_int_equal(file_read_at(f->fd, "Maildir/" INDEX_NAME, &files[0]), 0);
        assert_int_equal(file_read_at(f->fd, "Maildir/" JOURNAL_NAME, &files[1]), 0);
}

/* One expunge, found at two times because an older index came back in between, and then the newer one:
 * whoever was told of all but it, up to the later time, still hears of it. */
static void an_expunge_kept_back_is_not_lost_with_the_index(void **state)
{
        struct fixture *f = *state;
        struct buf older[2] = {{0}}, newer[2] = {{0}};
        struct mailbox_range *gone;
        size_t n;
        fixture_open(f);
        fill(f, "cur", 1000000, 3, ":2,");
        struct mailbox *back = open_box(f, "INBOX", false), *front = open_box(f, "INBOX", false);
        keep(f, older);
        assert_int_equal(mailbox_expunge(front, (uint32_t[]){2}, 1), 0);
        mailbox_close(&front);
        keep(f, newer);
        put_back(f, older);
        sync_box(f, back, false);
        uint64_t told = mailbox_highest_modseq(back);
        put_back(f, newer);
        sync_box(f, back, false);
        assert_int_equal(mailbox_count(back), 3);
        mailbox_close(&back);
        fill(f, "cur", 1000003, 1, ":2,");
        back = open_box(f, "INBOX", false);
        assert_true(mailbox_highest_modseq(back) > told);
        if (mailbox_vanished(back, told, &f->arena, &gone, &n) == 0) {
                assert_int_equal(n, 1);
                assert_true(gone[0].low == 2 && gone[0].high == 2);
        }
        mailbox_close(&back);
        for (int i = 0; i < 2; i++) {
                buf_free(&older[i]);
                buf_free(&newer[i]);
        }
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(what_only_we_changed_is_not_read), T(inotify_stays_open_between_changes),
                T(a_change_amid_our_own_is_seen),    T(a_mark_does_not_come_twice),
                T(many_are_recent_for_one),          T(caches_of_two_sessions_are_one),
                T(what_is_learned_stays_learned),    T(an_expunge_kept_back_is_not_lost_with_the_index),
                T(the_index_may_be_elsewhere),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Rewriting a file when calls fail, the disk is full, the journal is damaged or another file's. */

#include "rewrite_plan.h"

/* One call fails: nothing was done, or the next one finishes it. */
static void fail_at_every_call(int error, unsigned plans)
{
        unsigned refused = 0, stayed = 0;
        for (unsigned i = 0; i < plans; i++) {
                struct plan p = {0};
                make_plan(&p);
                for (unsigned at = 1;; at++) {
                        bool begun;
                        begin_disk(&p, FAULT_FAIL, at, error);
                        p.others.n = 0;
                        int r = run(&p, &begun);
                        bool failed = disk.calls >= at;
                        goes_well();
                        if (!failed)
                                break;
                        /* only what nobody needs may be lost: a room that is written instead, a name to
                         * remove */
                        assert_true(r == -error ||
                                    (r == 0 && (error == EOPNOTSUPP || disk.named == BEFORE || is_end(&p))));
                        if (r < 0 && begun) {
                                stayed++;
                                deliver(&p, dice(40));
                                disk.fault = error == EIO ? FAULT_FAIL : FAULT_NONE;
                                disk.calls = 0;
                                disk.fault_at = 1 + dice(20);
                                r = replay();
                                assert_true(r == 0 || r == -EIO);
                                goes_well();
                                assert_int_equal(replay(), 0);
                        }
                        refused += r < 0 && !begun;
                        expect(&p, r < 0 && !begun ? &p.old : &p.new);
                }
                free_plan(&p);
        }
        assert_true(refused && stayed);
}

static void an_error_leaves_the_old_or_a_journal(void **state)
{
        fail_at_every_call(EIO, 60);
        fail_at_every_call(ENOSPC, 60);
        fail_at_every_call(EOPNOTSUPP, 60);
}

static void full_disk(const struct plan *p, off_t mbox, off_t journal)
{
        goes_well();
        disk.fault = FAULT_FULL;
        disk.room[MBOX] = mbox;
        disk.room[JOURNAL] = journal;
        assert_true(p->old.n);
}

static void what_grows_needs_its_room_first(void **state)
{
        struct plan p = {.window = 16};
        bool begun;
        letters(&p.old, 100);
        say(&p, true, 0, 20);
        say(&p, false, 0, 100);
        begin_disk(&p, FAULT_NONE, 0, 0);
        full_disk(&p, 110, 1 << 20);
        assert_int_equal(run(&p, &begun), -ENOSPC);
        assert_false(begun);
        expect(&p, &p.old);
        full_disk(&p, 1000, 4096);
        assert_int_equal(run(&p, &begun), -ENOSPC);
        assert_false(begun);
        expect(&p, &p.old);
        /* a journal that was left before anything was changed is dropped for want of room */
        disk.fault = FAULT_CUT;
        for (disk.fault_at = 1; disk.named != NAMED; disk.fault_at++) {
                begin_disk(&p, FAULT_CUT, disk.fault_at, 0);
                run(&p, &begun);
        }
        deliver(&p, 30);
        full_disk(&p, 140, 1 << 20);
        assert_int_equal(replay(), 0);
        expect(&p, &p.old);
        free_plan(&p);
}

/* No room for what is added: it is taken back, at once or by the next who comes. */
static void what_is_added_needs_its_room(void **state)
{
        struct plan p = {.window = 16};
        bool begun;
        letters(&p.old, 100);
        say(&p, false, 0, 100);
        say(&p, true, 0, 20);
        for (off_t room = 100; room < 120; room += 7) {
                begin_disk(&p, FAULT_NONE, 0, 0);
                full_disk(&p, room, 1 << 20);
                assert_int_equal(run(&p, &begun), -ENOSPC);
                assert_false(begun);
                expect(&p, &p.old);
        }
        for (unsigned at = 1, torn = 0; at < 20 || torn == 0; at++) {
                begin_disk(&p, FAULT_HALF, at, 0);
                run(&p, &begun);
                bool waits = rewrite_waits(disk.dir, true);
                _cleanup_(fd_close_p) int fd = open_mbox();
                bool begun_there = size_of(fd) > 100;
                full_disk(&p, 110, 1 << 20);
                assert_int_equal(replay(), 0);
                if (waits)
                        expect(&p, &p.old);
                torn += waits && begun_there;
        }
        free_plan(&p);
}

/* Nothing can be written any more, from some call on: what is refused is not there, also when only the
 * journal could not say that it is done. */
static void what_is_added_is_told_or_taken_back(void **state)
{
        struct plan p = {.window = 16};
        unsigned refused = 0;
        int r = -EDQUOT;
        letters(&p.old, 100);
        say(&p, false, 0, 100);
        say(&p, true, 0, 20);
        for (unsigned at = 1; r < 0; at++) {
                bool begun;
                begin_disk(&p, FAULT_STAYS, at, EDQUOT);
                r = run(&p, &begun);
                goes_well();
                assert_true(r == 0 || r == -EDQUOT);
                assert_int_equal(replay(), 0);
                expect(&p, r < 0 ? &p.old : &p.new);
                refused += r < 0;
        }
        assert_true(refused > 6);
        free_plan(&p);
}

/* One message, several, and the end that is cut off. */
static void what_changes_the_end_is_few_syncs(void **state)
{
        struct plan add = {.window = REWRITE_WINDOW}, cut = {.window = REWRITE_WINDOW};
        bool begun;
        letters(&add.old, 100);
        say(&add, false, 0, 100);
        say(&add, true, 0, 20);
        letters(&cut.old, 100);
        say(&cut, false, 0, 60);
        for (unsigned texts = 1; texts < PIECES - 2; texts++) {
                begin_disk(&add, FAULT_NONE, 0, 0);
                bool first = kept_now() == NONE;
                assert_int_equal(run(&add, &begun), 0);
                assert_int_equal(disk.syncs, first ? 4 : 3);
                expect(&add, &add.new);
                say(&add, true, 0, 20);
        }
        begin_disk(&cut, FAULT_NONE, 0, 0);
        assert_int_equal(run(&cut, &begun), 0);
        assert_int_equal(disk.syncs, 1);
        expect(&cut, &cut.new);
        free_plan(&add);
        free_plan(&cut);
}

static void what_shrinks_needs_64_kB(void **state)
{
        struct plan p = {.window = REWRITE_WINDOW};
        bool begun;
        letters(&p.old, 300000);
        say(&p, false, 1000, 299000);
        begin_disk(&p, FAULT_NONE, 0, 0);
        full_disk(&p, 300000, 64 * 1024);
        assert_int_equal(run(&p, &begun), 0);
        expect(&p, &p.new);
        free_plan(&p);
}

/* 4000 headers that grow, in 12 MB, and one message that goes: a few syncs for each window. */
static void many_pieces_are_few_syncs(void **state)
{
        enum { MESSAGES = 4000, EACH = 3000 };
        struct plan p = {0};
        const struct perm perm = {.file = 0600, .gid = (gid_t)-1};
        bool begun;
        letters(&p.old, MESSAGES * EACH);
        begin_disk(&p, FAULT_NONE, 0, 0);
        for (unsigned round = 0; round < 2; round++) {
                _cleanup_(rewrite_end) struct rewrite w = REWRITE_NONE;
                _cleanup_(fd_close_p) int fd = open_mbox();
                rewrite_begin(&w, disk.dir, &perm, true);
                p.new.n = 0;
                for (unsigned i = round; i < MESSAGES; i++) {
                        /* round 0: all is longer; round 1: the first is gone, some are shorter, some longer
                         */
                        struct slice text = round && i % 2 ? SLICE("") : SLICE("X-UID: 1234567890\n");
                        uint64_t drop = round ? 9 : 0, from = (uint64_t)i * EACH;
                        assert_int_equal(rewrite_text(&w, text), 0);
                        assert_int_equal(rewrite_move(&w, from + drop, EACH - drop), 0);
                        buf_append(&p.new, text);
                        buf_append(&p.new, slice_make(p.old.p + from + drop, EACH - drop));
                }
                disk.syncs = 0;
                assert_int_equal(rewrite_run(&w, fd, p.old.n, &begun), 0);
                assert_in_range(disk.syncs, 1, 30);
                expect(&p, &p.new);
                write_whole("mbox", buf_slice(&p.old));
        }
        free_plan(&p);
}

/* A journal that has its name, and a file that is as it was. */
static void leave_journal(struct plan *p, struct buf *journal)
{
        bool begun;
        p->window = 16;
        if (!p->n) {
                letters(&p->old, 200);
                say(p, true, 0, 20);
                say(p, false, 50, 150);
        }
        disk.named = BEFORE;
        for (unsigned at = 1; disk.named != NAMED; at++) {
                begin_disk(p, FAULT_CUT, at, 0);
                run(p, &begun);
        }
        goes_well();
        journal->n = 0;
        assert_int_equal(file_read_at(disk.dir, REWRITE_NAME, journal), 0);
}

static void expect_not_followed(struct plan *p)
{
        assert_int_equal(replay(), -EBADMSG);
        assert_int_equal(__real_unlinkat(disk.dir, REWRITE_NAME ".broken", 0), 0);
        expect(p, &p->old);
}

static void what_is_not_whole_is_not_followed(void **state)
{
        struct plan p = {0};
        _cleanup_(buf_free) struct buf journal = {0};
        leave_journal(&p, &journal);
        const size_t content = 584 + 20 + 2 * 16;
        for (size_t i = 0; i < content; i++) {
                journal.p[i] ^= (char)(1 << i % 8);
                write_whole(REWRITE_NAME, buf_slice(&journal));
                journal.p[i] ^= (char)(1 << i % 8);
                expect_not_followed(&p);
                if (i > 0) {
                        write_whole(REWRITE_NAME, slice_head(buf_slice(&journal), i));
                        expect_not_followed(&p);
                }
        }
        /* one that was dropped, and whose name could not be removed or came back */
        write_whole(REWRITE_NAME, SLICE_NULL);
        assert_int_equal(replay(), 0);
        assert_false(rewrite_waits(disk.dir, true));
        expect(&p, &p.old);
        write_whole(REWRITE_NAME, buf_slice(&journal));
        assert_int_equal(replay(), 0);
        expect(&p, &p.new);
        free_plan(&p);
}

static void that_of_another_file_is_not_followed(void **state)
{
        struct plan p = {0};
        _cleanup_(buf_free) struct buf journal = {0};
        leave_journal(&p, &journal);
        /* another file of the same name */
        write_whole("other", buf_slice(&p.old));
        assert_int_equal(__real_renameat(disk.dir, "other", disk.dir, "mbox"), 0);
        expect_not_followed(&p);
        /* the same file, shorter, or with other content */
        leave_journal(&p, &journal);
        p.old.n--;
        write_whole("mbox", buf_slice(&p.old));
        expect_not_followed(&p);
        p.old.n++;
        leave_journal(&p, &journal);
        memset(p.old.p + 60, '+', 100);
        write_whole("mbox", buf_slice(&p.old));
        expect_not_followed(&p);
        free_plan(&p);
}

static void several_collect_and_one_waits(void **state)
{
        static char much[300000]; /* more than is kept in memory */
        struct plan p = {0};
        _cleanup_(buf_free) struct buf journal = {0};
        _cleanup_(rewrite_end) struct rewrite a = REWRITE_NONE, b = REWRITE_NONE, c = REWRITE_NONE;
        const struct perm perm = {.file = 0600, .gid = (gid_t)-1};
        leave_journal(&p, &journal);
        _cleanup_(fd_close_p) int fd = open_mbox();
        bool begun;
        rewrite_begin(&a, disk.dir, &perm, true);
        rewrite_begin(&b, disk.dir, &perm, true);
        rewrite_begin(&c, disk.dir, &perm, true);
        assert_int_equal(rewrite_text(&a, slice_make(much, sizeof(much))), 0);
        assert_int_equal(rewrite_text(&b, slice_make(much, sizeof(much))), 0);
        assert_int_not_equal(a.number, b.number);
        /* killed: its file is used again */
        fd_close_p(&a.fd);
        assert_int_equal(rewrite_text(&c, slice_make(much, sizeof(much))), 0);
        assert_int_equal(c.number, a.number);
        buf_free(&a.chunk);
        buf_free(&a.pieces);
        assert_int_equal(rewrite_run(&b, fd, p.old.n, &begun), -EEXIST);
        assert_int_equal(replay(), 0);
        expect(&p, &p.new);
        assert_int_equal(rewrite_move(&c, 100, 10), 0);
        assert_int_equal(rewrite_move(&c, 109, 1), -EINVAL);
        assert_int_equal(rewrite_place(&c, sizeof(much), 1), -EINVAL);
        assert_int_equal(rewrite_run(&c, fd, 109, &begun), -EINVAL);
        assert_int_equal(rewrite_run(&c, fd, 1000, &begun), -EINVAL);
        expect(&p, &p.new);
        free_plan(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_error_leaves_the_old_or_a_journal),
                cmocka_unit_test(what_grows_needs_its_room_first),
                cmocka_unit_test(what_is_added_needs_its_room),
                cmocka_unit_test(what_is_added_is_told_or_taken_back),
                cmocka_unit_test(what_changes_the_end_is_few_syncs),
                cmocka_unit_test(what_shrinks_needs_64_kB),
                cmocka_unit_test(many_pieces_are_few_syncs),
                cmocka_unit_test(what_is_not_whole_is_not_followed),
                cmocka_unit_test(that_of_another_file_is_not_followed),
                cmocka_unit_test(several_collect_and_one_waits),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* A file that is rewritten by way of a journal has the old or the new content, whatever happens when. */

#include "rewrite_plan.h"

static void carry_out(struct plan *p)
{
        bool begun;
        begin_disk(p, FAULT_NONE, 0, 0);
        assert_int_equal(run(p, &begun), 0);
}

static void any_plan_comes_out(void **state)
{
        for (unsigned i = 0; i < 3000; i++) {
                struct plan p = {0};
                make_plan(&p);
                carry_out(&p);
                expect(&p, &p.new);
                free_plan(&p);
        }
}

static void somebody_delivers(struct plan *p, unsigned when)
{
        told.others = p;
        told.when = when;
}

/* By somebody who does not know that it is locked. */
static void what_is_appended_meanwhile_is_kept(void **state)
{
        for (unsigned i = 0; i < 3000; i++) {
                struct plan p = {0};
                bool begun;
                make_plan(&p);
                begin_disk(&p, FAULT_NONE, 0, 0);
                somebody_delivers(&p, 1 + dice(4));
                assert_int_equal(run(&p, &begun), 0);
                expect(&p, &p.new);
                somebody_delivers(NULL, 0);
                free_plan(&p);
        }
}

/* Bytes that have their place at the end and had another one before, or none. */
static uint64_t carried(const struct plan *p)
{
        uint64_t sum = 0, to = 0;
        for (unsigned i = 0; i < p->n; i++) {
                sum += p->says[i].text || p->says[i].from != to ? p->says[i].n : 0;
                to += p->says[i].n;
        }
        return sum;
}

static void it_is_told_how_far_it_is(void **state)
{
        unsigned most = 0;
        for (unsigned i = 0; i < 1000; i++) {
                struct plan p = {0};
                make_plan(&p);
                carry_out(&p);
                assert_int_equal(told.done, carried(&p));
                assert_int_equal(told.all, told.done);
                most = MAX(most, told.times);
                free_plan(&p);
        }
        assert_true(most > 1);
}

/* The old or the new content. */
static void expect_either(const struct plan *p)
{
        _cleanup_(buf_free) struct buf old = {0}, got = {0};
        buf_append(&old, buf_slice(&p->old));
        buf_append(&old, buf_slice(&p->others));
        assert_int_equal(file_read_at(disk.dir, "mbox", &got), 0);
        expect(p, slice_eq(buf_slice(&got), buf_slice(&old)) ? &p->old : &p->new);
}

/* What is not on the disk goes, or some of it. */
static void cut_power(void)
{
        for (int file = 0; file < FILES; file++)
                settle(file, true);
        disk.named = disk.safe_named += dice(disk.named - disk.safe_named + 1);
        enum kept kept = dice(2) ? disk.safe_kept : kept_now();
        if (kept == REPLACED) {
                disk.safe[KEPT_JOURNAL].n = 0;
                buf_append(&disk.safe[KEPT_JOURNAL], buf_slice(&disk.safe[JOURNAL]));
        }
        /* the same inode */
        write_whole("mbox", buf_slice(&disk.safe[MBOX]));
        __real_unlinkat(disk.dir, REWRITE_NAME, 0);
        if (disk.named == NAMED)
                write_whole(REWRITE_NAME, buf_slice(&disk.safe[JOURNAL]));
        __real_unlinkat(disk.dir, REWRITE_APPEND_NAME, 0);
        if (kept != NONE)
                write_whole(REWRITE_APPEND_NAME, buf_slice(&disk.safe[KEPT_JOURNAL]));
        disk.safe_kept = kept == NONE ? NONE : KEPT;
        disk.replaced = false;
}

/* The replay is cut too, some times, with deliveries and power cuts in between; the last one is not. */
static void replay_with_cuts(struct plan *p, bool power)
{
        for (unsigned cuts = dice(4); cuts > 0; cuts--) {
                if (dice(2))
                        deliver(p, dice(3) ? dice(40) : 0);
                goes_well();
                disk.fault = dice(2) ? FAULT_CUT : FAULT_HALF;
                disk.calls = 0;
                disk.fault_at = 1 + dice(30);
                replay();
                if (power && disk.dead && dice(2))
                        cut_power();
        }
        if (dice(2))
                deliver(p, dice(40));
        goes_well();
        assert_int_equal(replay(), 0);
}

static void cut_at_every_call(enum fault fault, bool power, unsigned plans)
{
        for (unsigned i = 0; i < plans; i++) {
                struct plan p = {0};
                make_plan(&p);
                for (unsigned at = 1;; at++) {
                        bool begun;
                        begin_disk(&p, fault, at, 0);
                        p.others.n = 0;
                        somebody_delivers(&p, dice(4));
                        run(&p, &begun);
                        somebody_delivers(NULL, 0);
                        if (!disk.dead)
                                break;
                        if (power && dice(4))
                                cut_power();
                        replay_with_cuts(&p, power);
                        if (is_end(&p))
                                expect_either(&p);
                        else
                                expect(&p, disk.named != BEFORE ? &p.new : &p.old);
                }
                free_plan(&p);
        }
}

static void a_kill_leaves_the_old_or_the_new(void **state)
{
        cut_at_every_call(FAULT_CUT, false, 150);
        cut_at_every_call(FAULT_HALF, false, 60);
}

static void a_power_cut_leaves_the_old_or_the_new(void **state)
{
        cut_at_every_call(FAULT_CUT, true, 200);
        cut_at_every_call(FAULT_HALF, true, 60);
}

/* What was there for others to see, and a power cut that may bring back what was not synced since. */
static void others_change(const struct plan *p, unsigned how)
{
        _cleanup_(fd_close_p) int fd = open_mbox();
        _cleanup_(buf_free) struct buf zeros = {0};
        size_t added = p->new.n > p->old.n ? p->new.n - p->old.n : 0;
        memset(buf_reserve(&zeros, added + 1), 0, added + 1);
        if (how == 0)
                return;
        if (how < 4)
                assert_int_equal(ftruncate(fd, (off_t)(how == 3 ? p->old.n + added / 2 : p->old.n)), 0);
        if (how == 2) { /* as much again, of which the disk has the size only */
                assert_int_equal(ftruncate(fd, (off_t)(p->old.n + added)), 0);
                settle(MBOX, false);
        }
        if (how == 4)
                assert_int_equal(pwrite(fd, zeros.p, added / 2, (off_t)p->old.n), added / 2);
        if (dice(2))
                settle(MBOX, false);
}

/* Whatever becomes of it then: it was expunged, covered, or lost when the power went. */
static void what_is_done_is_not_done_again(void **state)
{
        for (unsigned i = 0; i < 3000; i++) {
                struct plan p = {0};
                make_plan(&p);
                carry_out(&p);
                unsigned how = dice(2) ? dice(5) : 0;
                others_change(&p, how);
                cut_power();
                _cleanup_(buf_free) struct buf before = {0}, behind = {0};
                assert_int_equal(file_read_at(disk.dir, "mbox", &before), 0);
                assert_int_equal(replay(), 0);
                assert_int_equal(file_read_at(disk.dir, "mbox", &behind), 0);
                assert_slice_equal(buf_slice(&behind), buf_slice(&before));
                if (how == 0)
                        expect(&p, &p.new);
                free_plan(&p);
        }
}

static struct plan *plan_now;
static unsigned deliver_at;

static void deliver_now(unsigned sync)
{
        if (sync == deliver_at)
                deliver(plan_now, dice(40));
}

/* Without the lock, before the file has its new size or behind it. */
static void others_who_append_meanwhile_come_behind(void **state)
{
        for (unsigned i = 0; i < 100; i++) {
                struct plan p = {0};
                letters(&p.old, dice(OLD_MAX));
                p.window = 100;
                say(&p, false, 0, p.old.n);
                say(&p, true, 0, 1 + dice(23));
                plan_now = &p;
                for (deliver_at = 1;; deliver_at++) {
                        bool begun;
                        p.others.n = 0;
                        begin_disk(&p, FAULT_NONE, 0, 0);
                        disk.meanwhile = deliver_now;
                        assert_int_equal(run(&p, &begun), 0);
                        expect(&p, &p.new);
                        if (disk.syncs < deliver_at)
                                break;
                }
                free_plan(&p);
        }
}

/* More than is kept in memory: another journal takes the place of the one that stays. */
static void so_does_much(void **state)
{
        static char much[300000];
        const struct perm perm = {.file = 0600, .gid = (gid_t)-1};
        struct plan p = {0};
        memset(much, 'M', sizeof(much));
        letters(&p.old, 100);
        buf_append(&p.new, buf_slice(&p.old));
        buf_append(&p.new, slice_make(much, sizeof(much)));
        for (unsigned at = 1;; at++) {
                _cleanup_(rewrite_end) struct rewrite w = REWRITE_NONE;
                bool begun;
                begin_disk(&p, FAULT_CUT, at, 0);
                _cleanup_(fd_close_p) int fd = open_mbox();
                rewrite_begin(&w, disk.dir, &perm, true);
                int r = rewrite_move(&w, 0, p.old.n);
                if (r == 0)
                        r = rewrite_text(&w, slice_make(much, sizeof(much)));
                if (r == 0)
                        r = rewrite_run(&w, fd, p.old.n, &begun);
                if (dice(4))
                        cut_power();
                if (!disk.dead)
                        assert_int_equal(r, 0);
                bool done = !disk.dead;
                p.others.n = 0;
                replay_with_cuts(&p, true);
                if (done)
                        expect(&p, &p.new);
                else
                        expect_either(&p);
                if (done)
                        break;
        }
        free_plan(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(any_plan_comes_out),
                cmocka_unit_test(what_is_appended_meanwhile_is_kept),
                cmocka_unit_test(it_is_told_how_far_it_is),
                cmocka_unit_test(a_kill_leaves_the_old_or_the_new),
                cmocka_unit_test(a_power_cut_leaves_the_old_or_the_new),
                cmocka_unit_test(what_is_done_is_not_done_again),
                cmocka_unit_test(others_who_append_meanwhile_come_behind),
                cmocka_unit_test(so_does_much),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}

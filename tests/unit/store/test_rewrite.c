/* A file that is rewritten by way of a journal has the old or the new content, whatever happens when. */

#include "rewrite_plan.h"

static void any_plan_comes_out(void **state)
{
        for (unsigned i = 0; i < 3000; i++) {
                struct plan p = {0};
                bool begun;
                make_plan(&p);
                begin_disk(&p, FAULT_NONE, 0, 0);
                assert_int_equal(run(&p, &begun), 0);
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
                bool begun;
                make_plan(&p);
                begin_disk(&p, FAULT_NONE, 0, 0);
                assert_int_equal(run(&p, &begun), 0);
                assert_int_equal(told.done, carried(&p));
                assert_int_equal(told.all, told.done);
                most = MAX(most, told.times);
                free_plan(&p);
        }
        assert_true(most > 1);
}

/* What is not on the disk goes, or some of it. */
static void cut_power(void)
{
        settle(MBOX, true);
        settle(JOURNAL, true);
        disk.named = disk.safe_named += dice(disk.named - disk.safe_named + 1);
        /* the same inode */
        write_whole("mbox", buf_slice(&disk.safe[MBOX]));
        __real_unlinkat(disk.dir, REWRITE_NAME, 0);
        if (disk.named == NAMED)
                write_whole(REWRITE_NAME, buf_slice(&disk.safe[JOURNAL]));
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(any_plan_comes_out),
                cmocka_unit_test(what_is_appended_meanwhile_is_kept),
                cmocka_unit_test(it_is_told_how_far_it_is),
                cmocka_unit_test(a_kill_leaves_the_old_or_the_new),
                cmocka_unit_test(a_power_cut_leaves_the_old_or_the_new),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}

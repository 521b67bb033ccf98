/* INPROGRESS (RFC 9585): what is told of the store's steps, and when it is not. */

#include "../unit.h"

#include <fcntl.h>

#include "fake_client.h"

static void begin(struct client *c)
{
        client_open(c);
        imap_progress_start(&c->s, SLICE("a1"));
}

/* As if the time had passed. */
static void step(struct client *c, uint64_t done, uint64_t total)
{
        c->s.progress.next = 1;
        imap_progress_step(&c->s, done, total);
}

static void expect(struct client *c, const char *answer)
{
        assert_slice_equal(client_answer(c), slice_of(answer));
}

static void once_in_a_while(void **state)
{
        struct client c;

        begin(&c);
        imap_progress_step(&c.s, 1, 100);
        expect(&c, "");
        step(&c, 2, 100);
        expect(&c, "* OK [INPROGRESS (\"a1\" 2 100)] Still at it, 2% done.\r\n");
        imap_progress_step(&c.s, 3, 100);
        expect(&c, "");
        imap_progress_end(&c.s);
        imap_progress_step(&c.s, 4, 100);
        expect(&c, "");
        client_close(&c);
}

/* A file that is read, then rewritten: one count. */
static void it_does_not_go_back_nor_reach_the_goal(void **state)
{
        struct client c;

        begin(&c);
        step(&c, 60, 100);
        expect(&c, "* OK [INPROGRESS (\"a1\" 60 100)] Still at it, 60% done.\r\n");
        step(&c, 30, 100);
        expect(&c, "* OK [INPROGRESS (\"a1\" 60 100)] Still at it, 60% done.\r\n");
        step(&c, 100, 100);
        expect(&c, "* OK [INPROGRESS (\"a1\" 99 100)] Still at it, 99% done.\r\n");
        client_close(&c);
}

/* A lock that is waited for. */
static void it_is_as_far_as_it_was(void **state)
{
        struct client c;

        begin(&c);
        step(&c, 0, 0);
        expect(&c, "* OK [INPROGRESS (\"a1\" NIL NIL)] Still at it.\r\n");
        step(&c, 40, 100);
        expect(&c, "* OK [INPROGRESS (\"a1\" 40 100)] Still at it, 40% done.\r\n");
        step(&c, 0, 0);
        expect(&c, "* OK [INPROGRESS (\"a1\" 40 100)] Still at it, 40% done.\r\n");
        client_close(&c);
}

static void steps_are_parts_of_the_commands_items(void **state)
{
        struct client c;

        begin(&c);
        imap_progress(&c.s, 4, 10);
        step(&c, 90, 100);
        expect(&c, "* OK [INPROGRESS (\"a1\" 4 10)] Still at it, 40% done.\r\n");
        imap_progress_rest(&c.s);
        step(&c, 50, 100);
        expect(&c, "* OK [INPROGRESS (\"a1\" 7 10)] Still at it, 70% done.\r\n");
        client_close(&c);
}

/* The store has locks: nobody is waited for. */
static void a_client_that_does_not_read(void **state)
{
        struct client c;
        char bytes[4096] = {0};
        ssize_t n;

        begin(&c);
        while ((n = send(c.fds[0], bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
                continue;
        step(&c, 10, 100);
        assert_int_equal(c.s.conn.out.n, 0);
        assert_true(client_answer(&c).n > 0);
        /* what was not told is not said later; the next is */
        expect(&c, "");
        step(&c, 20, 100);
        expect(&c, "* OK [INPROGRESS (\"a1\" 20 100)] Still at it, 20% done.\r\n");
        /* more waits to be written than goes out at once */
        conn_write(&c.s.conn, slice_make(bytes, sizeof(bytes)));
        step(&c, 30, 100);
        expect(&c, "");
        client_close(&c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(once_in_a_while),
                cmocka_unit_test(it_does_not_go_back_nor_reach_the_goal),
                cmocka_unit_test(it_is_as_far_as_it_was),
                cmocka_unit_test(steps_are_parts_of_the_commands_items),
                cmocka_unit_test(a_client_that_does_not_read),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

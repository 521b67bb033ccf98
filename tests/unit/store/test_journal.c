/* Whatever happens to the index's files: a session gets a state that once was, or none and the reason; who
 * cannot write goes on alone. */

#include "index_fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { MESSAGES = 6, STATES = 8 };

/* The states that once were: what the truth says, and the flags that went with it. */
static uint8_t flags_then[STATES][MESSAGES + 1];
static uint32_t lived_then[STATES];

static void keep(uint32_t step, const struct index *ix)
{
        lived_then[step] = ix->head.counts.messages;
        for (uint32_t uid = 1; uid <= MESSAGES; uid++) {
                const struct record *rec = index_find(ix, uid);
                flags_then[step][uid] = rec ? rec->flags : 0xff;
        }
}

static uint32_t step_of(const struct index *ix)
{
        return (uint32_t)ix->head.truth.cur.sec;
}

/* A snapshot and some transactions; the truth counts them. */
static void make(struct fixture *f)
{
        struct index a = session(f);
        for (uint32_t step = 0; step < STATES; step++) {
                begin(&a);
                if (step == 0) {
                        char name[32];
                        for (uint32_t uid = 1; uid <= MESSAGES; uid++) {
                                snprintf(name, sizeof(name), "10%u.h:2,%s", uid, uid % 2 ? "S" : "SS");
                                add(&a, uid, name, "Pfield", false);
                        }
                }
                uint32_t uid = 1 + step % MESSAGES;
                struct index_flags c = {.add = (uint8_t)(1 << step % 5)};
                index_set_flags(&a, &c, &uid, 1);
                if (step == 5)
                        index_expunge(&a, &(uint32_t){4}, 1);
                struct index_truth truth = a.head.truth;
                truth.cur.sec = step;
                truth.cur.took_ms = 1; /* so that step 0 is told, too */
                index_set_truth(&a, &truth);
                index_commit(&a);
                keep(step, &a);
        }
        assert_false(a.detached);
        index_free(&a);
}

static bool is_a_state_that_was(const struct index *ix)
{
        uint32_t step = step_of(ix);
        if (step >= STATES || ix->head.counts.messages != lived_then[step])
                return false;
        for (uint32_t uid = 1; uid <= MESSAGES; uid++) {
                const struct record *rec = index_find(ix, uid);
                if ((rec ? rec->flags : 0xff) != flags_then[step][uid])
                        return false;
        }
        expect_counts(ix);
        return true;
}

static void read_file(struct fixture *f, const char *name, struct buf *to)
{
        to->n = 0;
        assert_int_equal(file_read_at(f->dir, name, to), 0);
}

/* As somebody else leaves it: another time stamp, and no tick in common with what was there. */
static void write_file(struct fixture *f, const char *name, struct slice bytes)
{
        int fd = openat(f->dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, bytes), 0);
        assert_int_equal(futimens(fd, times), 0);
        close(fd);
}

static void a_torn_tail_is_cut(void **state)
{
        struct fixture *f = *state;
        struct buf journal = {0}, snapshot = {0};
        make(f);
        read_file(f, JOURNAL_NAME, &journal);
        read_file(f, INDEX_NAME, &snapshot);
        uint32_t before = 0;
        for (size_t n = 0; n <= journal.n; n++) {
                write_file(f, INDEX_NAME, buf_slice(&snapshot));
                write_file(f, JOURNAL_NAME, slice_head(buf_slice(&journal), n));
                struct index a = session(f);
                if (!a.ready) {
                        assert_true(n == 0 || (n < 100 && a.why));
                        index_free(&a);
                        continue;
                }
                assert_true(is_a_state_that_was(&a) && step_of(&a) >= before);
                before = step_of(&a);
                /* and it goes on from there */
                begin(&a);
                index_set_note(&a, index_find(&a, 1), n + 1);
                index_commit(&a);
                assert_false(a.detached);
                index_free(&a);
                a = session(f);
                assert_true(a.ready && is_a_state_that_was(&a));
                assert_int_equal(step_of(&a), before);
                assert_int_equal(index_find(&a, 1)->note, n + 1);
                index_free(&a);
        }
        assert_int_equal(before, STATES - 1);
        buf_free(&journal);
        buf_free(&snapshot);
}

/* Bytes that mean nothing may have any value: then the state is the last one. */
static void flip_each(struct fixture *f, const char *name, struct slice bytes, const char *other,
                      struct slice other_bytes, unsigned *lost, unsigned *older)
{
        _cleanup_(buf_free) struct buf bad = {0};
        buf_append(&bad, bytes);
        for (size_t i = 0; i < bytes.n; i++) {
                bad.p[i] ^= (char)(1 << i % 8);
                write_file(f, other, other_bytes);
                write_file(f, name, buf_slice(&bad));
                struct index a = session(f);
                if (!a.ready) {
                        assert_non_null(a.why);
                        ++*lost;
                } else {
                        assert_true(is_a_state_that_was(&a));
                        *older += step_of(&a) < STATES - 1;
                }
                index_free(&a);
                bad.p[i] = bytes.p[i];
        }
}

static void no_flipped_bit_is_believed(void **state)
{
        struct fixture *f = *state;
        struct buf journal = {0}, snapshot = {0};
        unsigned lost = 0, older = 0;
        make(f);
        read_file(f, JOURNAL_NAME, &journal);
        read_file(f, INDEX_NAME, &snapshot);
        flip_each(f, JOURNAL_NAME, buf_slice(&journal), INDEX_NAME, buf_slice(&snapshot), &lost, &older);
        assert_int_equal(lost, 8 + 4 + 4 + 8 + 32 + 8); /* the header */
        assert_int_equal(older, journal.n - lost);      /* a transaction, and all that follow */
        lost = older = 0;
        flip_each(f, INDEX_NAME, buf_slice(&snapshot), JOURNAL_NAME, buf_slice(&journal), &lost, &older);
        assert_int_equal(older, 0);
        assert_true(lost > snapshot.n - 4096); /* but for what the header leaves free of its page */
        buf_free(&journal);
        buf_free(&snapshot);
}

static void expect_lost(struct fixture *f, const char *why)
{
        struct index a = session(f);
        assert_false(a.ready);
        if (why && !strstr(a.why ? a.why : "-", why))
                fail_msg("%s, not %s", a.why ? a.why : "-", why);
        if (!why)
                assert_null(a.why);
        begin(&a);
        assert_true(a.whole && a.n == 0);
        add(&a, 50, "50.h:2,", "", false);
        index_commit(&a);
        index_free(&a);
        a = session(f);
        assert_true(a.ready && a.head.counts.messages == 1);
        index_free(&a);
}

static void files_that_do_not_belong_are_made_anew(void **state)
{
        struct fixture *f = *state;
        struct buf journal = {0}, snapshot = {0}, bad = {0}, other = {0};
        make(f);
        read_file(f, JOURNAL_NAME, &journal);
        read_file(f, INDEX_NAME, &snapshot);
        static const struct {
                const char *name;
                size_t at;
                const char *bytes, *why;
        } faults[] = {
                {JOURNAL_NAME, 8, "\2", "version"},   {JOURNAL_NAME, 12, "\1\2\3\4", "byte order"},
                {INDEX_NAME, 8, "\2", "version"},     {INDEX_NAME, 12, "\1\2\3\4", "byte order"},
                {JOURNAL_NAME, 0, "X", "no journal"}, {INDEX_NAME, 0, "X", "no index"},
        };
        for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
                write_file(f, INDEX_NAME, buf_slice(&snapshot));
                write_file(f, JOURNAL_NAME, buf_slice(&journal));
                read_file(f, faults[i].name, &bad);
                memcpy(bad.p + faults[i].at, faults[i].bytes, strlen(faults[i].bytes));
                write_file(f, faults[i].name, buf_slice(&bad));
                expect_lost(f, faults[i].why);
        }
        /* one of two */
        unlinkat(f->dir, INDEX_NAME, 0);
        write_file(f, JOURNAL_NAME, buf_slice(&journal));
        expect_lost(f, "missing");
        unlinkat(f->dir, JOURNAL_NAME, 0);
        write_file(f, INDEX_NAME, buf_slice(&snapshot));
        expect_lost(f, NULL);
        /* cut off */
        write_file(f, INDEX_NAME, slice_head(buf_slice(&snapshot), snapshot.n - 1));
        write_file(f, JOURNAL_NAME, buf_slice(&journal));
        expect_lost(f, "cut off");
        /* of two generations */
        read_file(f, INDEX_NAME, &other);
        write_file(f, INDEX_NAME, buf_slice(&other));
        write_file(f, JOURNAL_NAME, buf_slice(&journal));
        expect_lost(f, "generation");
        buf_free(&journal);
        buf_free(&snapshot);
        buf_free(&bad);
        buf_free(&other);
}

/* Both see all transactions, in one order. */
static void two_processes_take_turns(void **state)
{
        enum { EACH = 200, COUNTERS = 2 };
        struct fixture *f = *state;
        struct index a = session(f);
        begin(&a);
        for (uint32_t uid = 1; uid <= COUNTERS + 1; uid++) {
                char name[32];
                snprintf(name, sizeof(name), "%u.h:2,", uid);
                add(&a, uid, name, "", false);
        }
        index_commit(&a);
        index_free(&a);
        pid_t child[COUNTERS];
        for (uint32_t c = 0; c < COUNTERS; c++) {
                child[c] = fork();
                if (child[c] > 0)
                        continue;
                struct index ix = session(f);
                ix.rotate_bytes = ix.rotate_touched = 500;
                for (int i = 0; i < EACH; i++) {
                        while (index_begin(&ix) == -ESTALE) {
                                index_free(&ix);
                                ix = session(f);
                                ix.rotate_bytes = ix.rotate_touched = 500;
                        }
                        struct record *own = index_find(&ix, 1 + c), *all = index_find(&ix, COUNTERS + 1);
                        index_set_note(&ix, own, own->note + 1);
                        index_set_note(&ix, all, all->note + 1);
                        index_commit(&ix);
                }
                _exit(ix.detached ? 2 : 0);
        }
        for (uint32_t c = 0; c < COUNTERS; c++) {
                int status = -1;
                waitpid(child[c], &status, 0);
                assert_int_equal(status, 0);
        }
        a = session(f);
        assert_int_equal(index_find(&a, 1)->note, EACH);
        assert_int_equal(index_find(&a, 2)->note, EACH);
        assert_int_equal(index_find(&a, 3)->note, 2 * EACH);
        index_free(&a);
}

/* The limit stands for a full disk: at every length of the journal, and while a snapshot is written. */
static void a_full_disk_leaves_a_state_that_was(void **state)
{
        struct fixture *f = *state;
        struct rlimit before, limit;
        struct buf journal = {0}, snapshot = {0};
        make(f);
        read_file(f, JOURNAL_NAME, &journal);
        read_file(f, INDEX_NAME, &snapshot);
        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        for (size_t room = 0; room < 300; room += 4) {
                write_file(f, INDEX_NAME, buf_slice(&snapshot));
                write_file(f, JOURNAL_NAME, buf_slice(&journal));
                struct index a = session(f), b = session(f);
                a.rotate_bytes = room % 8 ? 0 : UINT32_MAX;
                limit = (struct rlimit){.rlim_cur = journal.n + room, .rlim_max = before.rlim_max};
                assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
                begin(&a);
                add(&a, 70, "70.h:2,", "a field that needs some bytes more", false);
                add(&a, 71, "71.h:2,", "a field that needs some bytes more", false);
                index_commit(&a);
                assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
                assert_int_equal(a.head.counts.messages, MESSAGES + 1); /* here it is known */
                struct index c = session(f);
                assert_true(c.ready);
                if (a.detached)
                        assert_true(is_a_state_that_was(&c) && step_of(&c) == STATES - 1);
                else
                        assert_non_null(index_find(&c, 71));
                /* others go on */
                assert_int_equal(index_begin(&b), 0);
                index_set_note(&b, index_find(&b, 1), 1234);
                index_commit(&b);
                assert_int_equal(index_refresh(&c), 0);
                assert_int_equal(index_find(&c, 1)->note, 1234);
                index_free(&a);
                index_free(&b);
                index_free(&c);
        }
        buf_free(&journal);
        buf_free(&snapshot);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(a_torn_tail_is_cut),
                T(no_flipped_bit_is_believed),
                T(files_that_do_not_belong_are_made_anew),
                T(two_processes_take_turns),
                T(a_full_disk_leaves_a_state_that_was),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

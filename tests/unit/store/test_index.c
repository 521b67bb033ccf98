/* The index: what one session commits, every other one has; whatever way it gets there. */

#include "index_fixture.h"

static const char *text_at(const struct index *ix, uint32_t uid)
{
        return index_fields(ix, index_find(ix, uid));
}

static void fill(struct index *ix)
{
        begin(ix);
        add(ix, 3, "100.a.h,S=10,W=12:2,S", "P12 Gabc", false);
        add(ix, 4, "101.b.h", "", true);
        add(ix, 9, "102.c.h:2,Tab", "", false);
        add(ix, 11, "103.d.h:2,FS", "", false);
        index_commit(ix);
}

/* Everything that fill() and change() made. */
static void expect_changed(const struct index *ix)
{
        assert_true(ix->ready && !ix->why && !ix->detached);
        expect_counts(ix);
        assert_int_equal(ix->head.counts.messages, 3);
        assert_int_equal(ix->head.truth.nextuid, 12);
        assert_int_equal(ix->head.truth.uidvalidity, 77);
        assert_string_equal(ix->head.truth.guid, "0123456789abcdef0123456789abcdef");
        assert_null(index_find(ix, 11));
        assert_null(index_find_base(ix, SLICE("103.d.h")));
        expect_name(ix, 3, "100.a.h,S=10,W=12:2,FSc");
        expect_name(ix, 4, "101.b.h:2,R");
        expect_name(ix, 9, "102.c.h:2,FTabc");
        const struct record *rec = index_find(ix, 4);
        assert_int_equal(rec->size, 1000);
        assert_int_equal(rec->date, -5);
        assert_true(rec->state & RECORD_COUNTED);
        assert_int_equal(rec->note, 0x123456789a);
        assert_int_equal(rec->cache, 40);
        assert_int_equal(index_find(ix, 3)->size, 12);
        assert_int_equal(index_find(ix, 3)->cache, 0);
        assert_int_equal(ix->head.cache_id, 8);
        assert_true(index_find(ix, 3)->state & RECORD_RECENT || ix->head.counts.recent == 1);
        assert_int_equal(ix->head.counts.recent, 1);
        assert_true(index_find(ix, 9)->state & RECORD_RECENT);
        assert_string_equal(text_at(ix, 3), "P13");
        assert_string_equal(text_at(ix, 9), "");
        const struct index_range *r[2];
        size_t n[2];
        assert_true(index_vanished(ix, ix->head.vanished_from, r, n));
        assert_int_equal(n[0] + n[1], 1);
        assert_int_equal(r[n[0] == 0]->low, 11);
}

static void change(struct index *ix)
{
        static const uint32_t flagged[] = {3, 9}, gone[] = {11};
        struct index_truth truth = ix->head.truth;
        begin(ix);
        index_set_flags(ix, &(struct index_flags){.add = FLAG_FLAGGED, .add_letters = 1 << 2}, flagged, 2);
        index_expunge(ix, gone, 1);
        index_commit(ix);
        begin(ix);
        index_set(ix, index_find(ix, 4), SLICE(":2,R"), false);
        index_claim(ix, 4);
        index_set_size(ix, index_find(ix, 4), 1000, true, -5);
        index_set_note(ix, index_find(ix, 4), 0x123456789a);
        index_set_cache(ix, 7, 3, 24);
        index_set_cache(ix, 8, 4, 40); /* another file: the first is void */
        index_set_fields(ix, index_find(ix, 3), SLICE("P13"));
        truth.uidvalidity = 77;
        truth.nextuid = 2; /* never goes down */
        strcpy(truth.guid, "0123456789abcdef0123456789abcdef");
        truth.cur.sec = 12345;
        index_set_truth(ix, &truth);
        index_commit(ix);
}

static void what_one_commits_others_have(void **state)
{
        struct fixture *f = *state;
        struct index a = session(f), b = session(f);
        assert_false(a.ready);
        assert_null(a.why);
        fill(&a);
        index_open(&b);
        assert_true(b.ready);
        expect_name(&b, 4, "101.b.h");
        assert_int_equal(b.head.counts.recent, 4);
        struct index late = session(f);
        change(&a);
        assert_int_equal(index_refresh(&b), 0);
        struct index fresh = session(f);
        expect_changed(&a);
        expect_changed(&b);
        expect_changed(&fresh);
        assert_int_equal(index_begin(&late), 0);
        expect_changed(&late);
        index_commit(&late);
        struct index *all[] = {&a, &b, &late, &fresh};
        for (size_t i = 0; i < 4; i++) {
                assert_int_equal(all[i]->head.modseq, a.head.modseq);
                assert_int_equal(all[i]->head.truth.cur.sec, 12345);
                index_free(all[i]);
        }
}

static void the_next_generation_has_it_too(void **state)
{
        struct fixture *f = *state;
        struct index a = session(f), b;
        fill(&a);
        b = session(f);
        b.viewed = true;
        change(&a);
        a.rotate_touched = a.rotate_bytes = 0;
        uint64_t before = a.head.generation;
        begin(&a);
        index_set_note(&a, index_find(&a, 3), 1);
        index_commit(&a);
        assert_int_equal(a.head.generation, before + 1);
        expect_changed(&a);
        /* who has the old files gets all that they say, and then is told */
        assert_int_equal(index_refresh(&b), -ESTALE);
        expect_changed(&b);
        assert_int_equal(b.gone.n, 1);
        assert_int_equal(b.changed.n, 3);
        assert_int_equal(index_begin(&b), -ESTALE);
        struct index fresh = session(f);
        expect_changed(&fresh);
        assert_int_equal(fresh.n, 3);
        assert_int_equal(index_find(&fresh, 3)->note, 1);
        index_free(&a);
        index_free(&b);
        index_free(&fresh);
}

static void odd_names_are_kept(void **state)
{
        static const char *const names[] = {
                "1.h:2,SF",   "2.h:2,SS", "3.h:2,S,x=1", "4.h:1,abc", "5.h:",       "6.h",
                "7.h:2,SXab", "8.h:2",    "9.h:2,",      "10.h::",    "11.h:2,zaD",
        };
        struct fixture *f = *state;
        struct index a = session(f);
        begin(&a);
        for (uint32_t i = 0; i < ARRAY_LEN(names); i++) {
                add(&a, i * 2 + 1, names[i], "Pfield", false);
                add(&a, i * 2 + 2, names[i], "", true);
        }
        index_commit(&a);
        for (int round = 0; round < 2; round++) {
                struct index b = session(f);
                for (uint32_t i = 0; i < ARRAY_LEN(names) * 2; i++) {
                        struct buf info = {0};
                        const struct record *rec = index_find(&b, i + 1);
                        const char *name = names[i / 2], *colon = strchr(name, ':');
                        index_info(&b, rec, &info);
                        assert_string_equal(buf_cstr(&info), colon ? colon : "");
                        assert_string_equal(index_fields(&b, rec), i % 2 ? "" : "Pfield");
                        buf_free(&info);
                }
                expect_counts(&b);
                begin(&b);
                index_set_note(&b, index_find(&b, 1), 5);
                b.damaged = true; /* a snapshot */
                index_commit(&b);
                index_free(&b);
        }
        /* flags are changed in them as a STORE changes the names; what we do not know stays */
        static const uint32_t uids[] = {5, 13, 14};
        index_free(&a);
        a = session(f);
        begin(&a);
        index_set_flags(&a, &(struct index_flags){.add = FLAG_DRAFT, .remove = FLAG_SEEN}, uids, 3);
        index_commit(&a);
        struct index b = session(f);
        struct buf info = {0};
        index_info(&b, index_find(&b, 5), &info);
        buf_char(&info, ' ');
        index_info(&b, index_find(&b, 13), &info);
        buf_char(&info, ' ');
        index_info(&b, index_find(&b, 14), &info);
        assert_string_equal(buf_cstr(&info), ":2,D,x=1 :2,DXab :2,DXab");
        assert_false(index_find(&b, 14)->state & RECORD_IN_NEW);
        expect_counts(&b);
        buf_free(&info);
        index_free(&a);
        index_free(&b);
}

/* Names may have one hash: then the bytes decide; the live one of two with one name is found. */
static void names_are_told_apart(void **state)
{
        struct fixture *f = *state;
        struct index a = session(f);
        char name[32];
        begin(&a);
        for (uint32_t i = 1; i <= 300; i++) {
                snprintf(name, sizeof(name), "%u.x:2,", i);
                add(&a, i, name, "", false);
        }
        for (uint32_t row = 0; row < a.n; row++)
                assert_ptr_equal(index_find_base(&a, slice_of(index_base(&a, &a.rows[row]))), &a.rows[row]);
        uint32_t one = 100;
        index_expunge(&a, &one, 1);
        assert_null(index_find_base(&a, SLICE("100.x")));
        add(&a, 301, "100.x:2,S", "", false);
        assert_int_equal(index_find_base(&a, SLICE("100.x"))->uid, 301);
        index_commit(&a);
        struct index b = session(f);
        assert_int_equal(index_find_base(&b, SLICE("100.x"))->uid, 301);
        assert_null(index_find_base(&b, SLICE("100.")));
        assert_null(index_find_base(&b, SLICE("")));
        /* every row under one hash */
        index_free(&a);
        a = (struct index){0};
        index_init(&a, -1, &f->perm, false);
        begin(&a);
        for (uint32_t i = 1; i <= 60; i++) {
                snprintf(name, sizeof(name), "%u.x:2,", i);
                add(&a, i, name, "", false);
        }
        memset(a.more_slots, 0, a.more_slots_n * sizeof(*a.more_slots));
        uint32_t hash = index_find(&a, 60)->hash;
        for (uint32_t row = 0; row < a.n; row++) {
                a.rows[row].hash = hash;
                a.more_slots[(hash + row) & (a.more_slots_n - 1)] = row + 1;
        }
        assert_int_equal(index_find_base(&a, SLICE("60.x"))->uid, 60);
        index_free(&a);
        index_free(&b);
}

/* Past the room that is made for rows, and past what one transaction may hold. */
static void growth_has_no_steps(void **state)
{
        enum { FIRST = 100, MANY = 75000 };
        struct fixture *f = *state;
        struct index a = session(f), b;
        char name[64];
        begin(&a);
        for (uint32_t i = 1; i <= FIRST; i++) {
                snprintf(name, sizeof(name), "%u.x:2,S", i);
                add(&a, i, name, "", false);
        }
        index_commit(&a);
        b = session(f);
        begin(&b);
        for (uint32_t i = FIRST + 1; i <= MANY; i++) {
                snprintf(name, sizeof(name), "%u.x:2,", i);
                add(&b, i, name, "", false);
        }
        assert_true(b.whole);
        expect_counts(&b);
        index_commit(&b);
        assert_int_equal(index_refresh(&a), -ESTALE);
        struct index c = session(f);
        assert_int_equal(c.n, MANY);
        expect_counts(&c);
        expect_name(&c, 1, "1.x:2,S");
        expect_name(&c, MANY, "75000.x:2,");
        assert_int_equal(index_first_unseen(&c), FIRST);
        assert_int_equal(index_row_at(&c, MANY + 1), MANY);
        index_free(&a);
        index_free(&b);
        index_free(&c);
}

static void in_memory_it_is_alone(void **state)
{
        struct fixture *f = *state;
        struct index a;
        index_init(&a, -1, &f->perm, false);
        index_open(&a);
        assert_false(a.ready);
        fill(&a);
        change(&a);
        a.rotate_bytes = a.rotate_touched = 0;
        begin(&a);
        index_set_note(&a, index_find(&a, 3), 1);
        index_commit(&a);
        assert_int_equal(index_find(&a, 3)->note, 1);
        assert_int_equal(a.head.counts.messages, 3);
        expect_counts(&a);
        assert_int_equal(index_refresh(&a), 0);
        index_free(&a);
}

/* What was learned of a message and is not known to others is not undone by what they learned less of. */
static void knowledge_only_grows(void **state)
{
        struct fixture *f = *state;
        struct index a = session(f), b;
        fill(&a);
        b = session(f);
        begin(&a);
        index_set_size(&a, index_find(&a, 9), 500, true, RECORD_DATE_UNKNOWN);
        index_set_size(&a, index_find(&a, 9), RECORD_SIZE_UNKNOWN, false, 99);
        index_commit(&a);
        assert_int_equal(index_refresh(&b), 0);
        assert_int_equal(index_find(&b, 9)->size, 500);
        assert_int_equal(index_find(&b, 9)->date, 99);
        begin(&b);
        index_set_size(&b, index_find(&b, 9), 400, false, RECORD_DATE_UNKNOWN);
        index_commit(&b);
        assert_int_equal(index_find(&b, 9)->size, 500); /* counted */
        expect_counts(&b);
        index_free(&a);
        index_free(&b);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(what_one_commits_others_have), T(the_next_generation_has_it_too),
                T(odd_names_are_kept),           T(names_are_told_apart),
                T(growth_has_no_steps),          T(in_memory_it_is_alone),
                T(knowledge_only_grows),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

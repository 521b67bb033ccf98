/* Thousands of random changes by several sessions against a simple model: the records, the counts, the
 * modification sequences and what vanished. */

#include "index_fixture.h"

#include "base/clock.h"

enum { UIDS = 400, SESSIONS = 3, STEPS = 1500 };

struct model_message {
        bool live, in_new, recent;
        uint8_t flags;
        uint32_t letters;
        uint64_t modseq, note, size;
        char base[24], fields[16];
        uint64_t expunged; /* modseq */
};

struct world {
        struct fixture *f;
        uint64_t random;
        struct model_message m[UIDS];
        uint32_t next;
        uint64_t modseq;
        struct index ix[SESSIONS];
};

static uint32_t below(struct world *w, uint32_t n)
{
        return next_random(&w->random) % n;
}

static void expect_world(struct world *w, struct index *ix)
{
        uint32_t messages = 0, unseen = UINT32_MAX;
        assert_true(ix->ready);
        expect_counts(ix);
        for (uint32_t uid = 1; uid < w->next; uid++) {
                const struct model_message *m = &w->m[uid];
                const struct record *rec = index_find(ix, uid);
                assert_int_equal(rec != NULL, m->live);
                if (!m->live)
                        continue;
                messages++;
                assert_string_equal(index_base(ix, rec), m->base);
                assert_string_equal(index_fields(ix, rec), m->fields);
                assert_int_equal(rec->flags, m->flags);
                assert_int_equal(rec->letters, m->letters);
                assert_int_equal(rec->modseq, m->modseq);
                assert_int_equal(rec->note, m->note);
                assert_int_equal(rec->size, m->size);
                assert_int_equal((rec->state & RECORD_IN_NEW) != 0, m->in_new);
                assert_int_equal((rec->state & RECORD_RECENT) != 0, m->recent);
                assert_ptr_equal(index_find_base(ix, slice_of(m->base)), rec);
                if (unseen == UINT32_MAX && !(m->flags & FLAG_SEEN))
                        unseen = uid;
        }
        assert_int_equal(ix->head.counts.messages, messages);
        assert_int_equal(ix->head.modseq, w->modseq);
        uint32_t row = index_first_unseen(ix);
        assert_int_equal(row < ix->n ? ix->rows[row].uid : UINT32_MAX, unseen);
}

/* Exactly what was expunged after a moment, whichever moment. */
static void expect_vanished(struct world *w, const struct index *ix)
{
        const struct index_range *r[2];
        size_t n[2];
        uint64_t since = w->m[below(w, w->next)].expunged;
        if (since < ix->head.vanished_from) {
                assert_false(index_vanished(ix, since, r, n));
                since = ix->head.vanished_from;
        }
        assert_true(index_vanished(ix, since, r, n));
        bool gone[UIDS] = {false};
        for (size_t l = 0; l < 2; l++)
                for (size_t i = 0; i < n[l]; i++)
                        for (uint32_t uid = r[l][i].low; uid <= r[l][i].high; uid++)
                                gone[uid] = true;
        for (uint32_t uid = 1; uid < w->next; uid++)
                if (w->m[uid].base[0]) /* others are nobody's */
                        assert_int_equal(gone[uid], w->m[uid].expunged > since);
}

static void add_one(struct world *w, struct index *ix)
{
        static const char *const infos[] = {"", ":2,", ":2,S", ":2,SF", ":2,DFab", ":2,S,old", ":1,x"};
        uint32_t uid = w->next;
        struct model_message *m = &w->m[uid];
        if (uid + 1 >= UIDS)
                return;
        w->next += 1 + (below(w, 10) == 0);
        snprintf(m->base, sizeof(m->base), "%u.%u.h", uid, below(w, 1000));
        snprintf(m->fields, sizeof(m->fields), "%s", below(w, 3) ? "" : "Px");
        struct slice info = slice_of(infos[below(w, ARRAY_LEN(infos))]);
        m->live = m->recent = true;
        m->in_new = below(w, 2);
        m->size = below(w, 2) ? below(w, 100000) + 1 : RECORD_SIZE_UNKNOWN;
        static const uint8_t flags[] = {
                0, 0, FLAG_SEEN, FLAG_SEEN | FLAG_FLAGGED, FLAG_DRAFT | FLAG_FLAGGED, FLAG_SEEN, 0};
        for (size_t i = 0; i < ARRAY_LEN(infos); i++)
                if (slice_eq(info, slice_of(infos[i])))
                        m->flags = flags[i];
        m->letters = slice_eq(info, SLICE(":2,DFab")) ? 3 : 0;
        m->modseq = w->modseq = ix->now;
        struct index_file file = {.base = slice_of(m->base),
                                  .fields = slice_of(m->fields),
                                  .info = info,
                                  .in_new = m->in_new,
                                  .size = m->size == RECORD_SIZE_UNKNOWN ? 0 : m->size};
        index_add(ix, uid, &file, RECORD_RECENT);
}

/* Some live UIDs, ascending. */
static size_t pick(struct world *w, uint32_t *uids)
{
        size_t n = 0;
        uint32_t one_in = 1 + below(w, 40);
        for (uint32_t uid = 1; uid < w->next; uid++)
                if (w->m[uid].live && below(w, one_in) == 0)
                        uids[n++] = uid;
        return n;
}

static void flag_some(struct world *w, struct index *ix)
{
        uint32_t uids[UIDS];
        size_t n = pick(w, uids);
        struct index_flags c = {.add = (uint8_t)below(w, 32), .add_letters = below(w, 8)};
        c.remove = (uint8_t)below(w, 32);
        c.remove_letters = below(w, 8);
        for (size_t i = 0; i < n; i++) {
                struct model_message *m = &w->m[uids[i]];
                uint8_t flags = (uint8_t)((m->flags & ~c.remove) | c.add);
                uint32_t letters = (m->letters & ~c.remove_letters) | c.add_letters;
                if (flags != m->flags || letters != m->letters)
                        m->modseq = w->modseq = ix->now;
                m->flags = flags;
                m->letters = letters;
                m->in_new = false;
        }
        index_set_flags(ix, &c, uids, n);
}

static void expunge_some(struct world *w, struct index *ix)
{
        uint32_t uids[UIDS];
        size_t n = pick(w, uids);
        n = n > 3 ? n / 3 : n;
        for (size_t i = 0; i < n; i++) {
                w->m[uids[i]].live = false;
                w->m[uids[i]].expunged = w->modseq = ix->now;
        }
        index_expunge(ix, uids, n);
}

static void one_thing(struct world *w, struct index *ix)
{
        uint32_t uid = w->next > 1 ? 1 + below(w, w->next - 1) : 0;
        struct model_message *m = &w->m[uid];
        struct record *rec = index_find(ix, uid);
        switch (below(w, 10)) {
        case 0:
                expunge_some(w, ix);
                break;
        case 1:
        case 2:
                flag_some(w, ix);
                break;
        case 3:
                for (uint32_t u = 1; u <= uid; u++)
                        w->m[u].recent = false;
                index_claim(ix, uid);
                break;
        case 4:
                if (!rec)
                        break;
                m->note = below(w, 1000);
                index_set_note(ix, rec, m->note);
                break;
        case 5:
                if (!rec)
                        break;
                m->size = 1 + below(w, 1000);
                index_set_size(ix, rec, m->size, true, 5);
                break;
        case 6:
                if (!rec)
                        break;
                snprintf(m->fields, sizeof(m->fields), "P%u", below(w, 10));
                index_set_fields(ix, rec, slice_of(m->fields));
                break;
        case 7:
                if (!rec)
                        break;
                m->in_new = below(w, 2);
                if (m->flags != FLAG_SEEN || m->letters)
                        m->modseq = w->modseq = ix->now;
                m->flags = FLAG_SEEN;
                m->letters = 0;
                index_set(ix, rec, below(w, 2) ? SLICE(":2,S") : SLICE(":2,SS"), m->in_new);
                break;
        case 8:
                if (below(w, 4) == 0) {
                        w->modseq = ix->now;
                        index_raise_modseq(ix);
                }
                break;
        default:
                add_one(w, ix);
        }
}

/* Begins, with the files of the next generation if need be. */
static void begin_any(struct world *w, struct index *ix)
{
        while (index_begin(ix) == -ESTALE) {
                uint32_t bytes = ix->rotate_bytes, touched = ix->rotate_touched;
                index_free(ix);
                *ix = session(w->f);
                ix->rotate_bytes = bytes;
                ix->rotate_touched = touched;
        }
}

static void run(struct world *w, uint32_t bytes, uint32_t touched)
{
        w->next = 1;
        for (int i = 0; i < SESSIONS; i++) {
                w->ix[i] = session(w->f);
                w->ix[i].rotate_bytes = bytes;
                w->ix[i].rotate_touched = touched;
        }
        for (int step = 0; step < STEPS; step++) {
                struct index *ix = &w->ix[below(w, SESSIONS)];
                uint64_t start = (uint64_t)clock_realtime_us();
                begin_any(w, ix);
                assert_true(ix->now > w->modseq && ix->now >= start);
                if (step == 0)
                        w->modseq = ix->now; /* an index begins with a time */
                for (uint32_t i = below(w, 4); i > 0; i--)
                        one_thing(w, ix);
                index_commit(ix);
                assert_false(ix->detached);
                if (step % 16 == 0 || step == STEPS - 1) {
                        expect_world(w, ix);
                        expect_vanished(w, ix);
                        struct index fresh = session(w->f);
                        expect_world(w, &fresh);
                        expect_vanished(w, &fresh);
                        index_free(&fresh);
                }
        }
        for (int i = 0; i < SESSIONS; i++) {
                begin_any(w, &w->ix[i]);
                index_commit(&w->ix[i]);
                expect_world(w, &w->ix[i]);
                index_free(&w->ix[i]);
        }
}

static void any_changes_agree(void **state)
{
        static const struct {
                uint32_t bytes, touched;
        } limits[] = {{UINT32_MAX, UINT32_MAX}, {4000, 100}, {0, 0}, {1000, 3}};
        for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
                struct world *w = xcalloc(1, sizeof(*w));
                w->f = *state;
                w->random = 1000 + i;
                run(w, limits[i].bytes, limits[i].touched);
                unlinkat(w->f->dir, INDEX_NAME, 0);
                unlinkat(w->f->dir, JOURNAL_NAME, 0);
                free(w);
        }
}

/* More ranges than are kept: the oldest are forgotten, and the bound says so. */
static void history_is_bounded(void **state)
{
        enum { ROUNDS = 11, EACH = 8000 };
        struct fixture *f = *state;
        struct index a = session(f);
        uint64_t at[ROUNDS];
        uint32_t uids[EACH];
        char name[32];
        begin(&a);
        for (uint32_t i = 1; i <= ROUNDS * EACH * 2; i++) {
                snprintf(name, sizeof(name), "%u:2,", i);
                add(&a, i, name, "", false);
        }
        index_commit(&a);
        for (uint32_t round = 0; round < ROUNDS; round++) {
                for (uint32_t i = 0; i < EACH; i++)
                        uids[i] = (round * EACH + i) * 2 + 1;
                begin(&a);
                index_expunge(&a, uids, EACH);
                at[round] = a.now;
                index_commit(&a);
                index_free(&a);
                a = session(f);
                assert_true(a.vanished_n <= INDEX_VANISHED_MAX);
        }
        a.damaged = true;
        begin(&a);
        index_set_note(&a, index_find(&a, 2), 1);
        index_commit(&a);
        index_free(&a);
        a = session(f);
        const struct index_range *r[2];
        size_t n[2];
        assert_int_equal(a.vanished_n, INDEX_VANISHED_MAX);
        for (uint32_t round = 0; round < ROUNDS; round++) {
                /* 8 rounds are kept whole, of another one a part: it does not count */
                bool kept = round >= ROUNDS - 9;
                assert_int_equal(index_vanished(&a, at[round], r, n), kept);
                if (kept)
                        assert_int_equal(n[0] + n[1], (ROUNDS - 1 - round) * EACH);
        }
        index_free(&a);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(any_changes_agree),
                T(history_is_bounded),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

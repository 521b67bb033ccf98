#include "imap/range_list.h"

#include <stdlib.h>

#include "unit.h"

/* Numbers below 64, as a mask. */
static struct range_list list_of(uint64_t mask)
{
        struct range_list l = {0};

        for (uint32_t i = 1; i < 64; i++)
                if (mask >> i & 1)
                        range_list_add(&l, i);
        return l;
}

static uint64_t mask_of(const struct range_list *l)
{
        uint64_t mask = 0;

        for (size_t i = 0; i < l->n; i++) {
                assert_true(l->range[i].low <= l->range[i].high);
                assert_true(i == 0 || l->range[i].low > l->range[i - 1].high);
                for (uint32_t k = l->range[i].low; k <= l->range[i].high; k++)
                        mask |= UINT64_C(1) << k;
        }
        return mask;
}

static uint64_t some(unsigned *seed)
{
        uint64_t a = (uint64_t)rand_r(seed) << 32 | (uint64_t)rand_r(seed);

        /* long runs as well as short ones */
        return (rand_r(seed) % 2 ? a | a << 1 | a << 2 : a & a << 1) & ~UINT64_C(1);
}

static void toggle(void **state)
{
        unsigned seed = 1;

        for (int i = 0; i < 2000; i++) {
                uint64_t a = some(&seed), b = i % 10 ? some(&seed) : a;
                _cleanup_(range_list_free) struct range_list l = list_of(a), other = list_of(b);

                range_list_toggle(&l, &other);
                assert_true(mask_of(&l) == (a ^ b));
                for (uint32_t k = 1; k < 64; k++)
                        assert_int_equal(range_list_has(&l, k), (a ^ b) >> k & 1);
        }
}

/* As a client does it: each EXPUNGE moves what follows. */
static void expunge(void **state)
{
        unsigned seed = 2;

        for (int i = 0; i < 2000; i++) {
                uint64_t a = some(&seed), gone = some(&seed) & some(&seed), want = a;
                _cleanup_(range_list_free) struct range_list l = list_of(a), removed = {0};
                uint32_t numbers[64];
                size_t n = 0;

                for (uint32_t k = 1; k < 64; k++)
                        if (gone >> k & 1)
                                numbers[n++] = k;
                for (uint32_t k = 63; k > 0; k--)
                        if (gone >> k & 1)
                                want = (want & ((UINT64_C(1) << k) - 1)) |
                                       (k < 63 ? want >> (k + 1) << k : 0);
                range_list_expunge(&l, numbers, n, &removed);
                assert_true(mask_of(&l) == want);
                assert_true(mask_of(&removed) == (a & gone));
        }
}

static void limits(void **state)
{
        _cleanup_(range_list_free) struct range_list l = {0}, other = {0};

        range_list_add(&l, 1);
        range_list_add(&l, UINT32_MAX - 1);
        range_list_add(&l, UINT32_MAX);
        range_list_add(&other, UINT32_MAX);
        range_list_toggle(&l, &other);
        assert_int_equal(l.n, 2);
        assert_int_equal(l.range[1].high, UINT32_MAX - 1);
        range_list_toggle(&l, &other);
        assert_true(range_list_has(&l, UINT32_MAX));
        range_list_cut(&l, 1, 1);
        assert_int_equal(l.n, 1);
        assert_int_equal(l.range[0].low, UINT32_MAX - 1);
        assert_int_equal(l.range[0].high, UINT32_MAX - 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(toggle),
                cmocka_unit_test(expunge),
                cmocka_unit_test(limits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

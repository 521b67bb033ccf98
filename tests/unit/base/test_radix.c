#include "../unit.h"

#include <stdlib.h>

#include "base/hash_map.h"
#include "base/macro.h"
#include "base/radix.h"

static void test_sort(void **state)
{
        enum { MAX_PAIRS = 3000 };
        static struct radix_pair pairs[MAX_PAIRS], scratch[MAX_PAIRS];

        srand(1);
        for (int round = 0; round < 200; round++) {
                uint32_t n = (uint32_t)rand() % (round % 2 ? MAX_PAIRS : 60);
                uint64_t mask = UINT64_MAX << (rand() % 64) ^ UINT64_C(0xff) << (rand() % 56);

                for (uint32_t i = 0; i < n; i++)
                        pairs[i] = (struct radix_pair){
                                ((uint64_t)rand() << 33 ^ (uint64_t)rand() << 5) & mask, i};
                radix_sort(pairs, n, scratch);
                for (uint32_t i = 1; i < n; i++)
                        assert_true(pairs[i - 1].key < pairs[i].key || (pairs[i - 1].key == pairs[i].key &&
                                                                        pairs[i - 1].value < pairs[i].value));
        }
        assert_true(radix_signed(-1) < radix_signed(0));
        assert_true(radix_signed(INT64_MIN) < radix_signed(-1));
        assert_true(radix_signed(0) < radix_signed(INT64_MAX));
}

static void test_map(void **state)
{
        _cleanup_(hash_map_free) struct hash_map m = {};

        for (uint64_t i = 1; i <= 5000; i++) {
                assert_int_equal(*hash_map_at(&m, i << 40), 0);
                *hash_map_at(&m, i << 40) = (uint32_t)i;
        }
        assert_int_equal(m.n, 5000);
        for (uint64_t i = 1; i <= 5000; i++)
                assert_int_equal(*hash_map_at(&m, i << 40), i);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sort),
                cmocka_unit_test(test_map),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

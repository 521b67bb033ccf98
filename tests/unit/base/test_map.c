#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"

static void keys_are_found_again(void **state)
{
        struct map m = {0};
        struct arena a = {0};
        enum { MANY = 5000 };
        assert_null(map_get(&m, SLICE("nothing")));
        for (uintptr_t i = 1; i <= MANY; i++)
                map_put(&m, slice_of(arena_printf(&a, "key %d", (int)i)), (void *)i);
        assert_int_equal(m.n, MANY);
        for (uintptr_t i = 1; i <= MANY; i++) {
                char key[32];
                snprintf(key, sizeof(key), "key %d", (int)i);
                assert_ptr_equal(map_get(&m, slice_of(key)), (void *)i);
        }
        assert_null(map_get(&m, SLICE("key 0")));
        assert_null(map_get(&m, SLICE("key 1\0")));
        map_put(&m, SLICE("key 7"), &m);
        assert_ptr_equal(map_get(&m, SLICE("key 7")), &m);
        assert_int_equal(m.n, MANY);
        map_put(&m, SLICE_NULL, &a);
        assert_ptr_equal(map_get(&m, SLICE("")), &a);
        map_free(&m);
        assert_null(map_get(&m, SLICE("key 7")));
        arena_free(&a);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keys_are_found_again),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

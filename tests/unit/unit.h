#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

/* What every unit test includes: cmocka with the headers it wants, and a comparison of slices. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"

#define assert_slice_equal(got, want)                                                                        \
        do {                                                                                                 \
                struct slice got_ = (got), want_ = (want);                                                   \
                if (!slice_eq(got_, want_))                                                                  \
                        fail_msg("got \"%.*s\", want \"%.*s\"", SLICE_ARG(got_), SLICE_ARG(want_));          \
        } while (0)

#endif

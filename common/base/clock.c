#include "base/clock.h"

#include <limits.h>
#include <time.h>

int64_t clock_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_realtime_us(void)
{
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

deadline_t deadline_in_ms(int64_t ms)
{
        return clock_ms() + ms;
}

int deadline_left(deadline_t d)
{
        if (d == DEADLINE_NEVER)
                return -1;
        int64_t left = d - clock_ms();
        if (left <= 0)
                return 0;
        return left > INT_MAX ? INT_MAX : (int)left;
}

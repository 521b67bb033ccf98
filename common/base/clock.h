#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

/* Time. A deadline is a point on the monotonic clock in milliseconds. */

#include <stdint.h>

typedef int64_t deadline_t;

#define DEADLINE_NEVER INT64_MAX

int64_t clock_ms(void);          /* monotonic */
int64_t clock_realtime_us(void); /* since 1970 */

deadline_t deadline_in_ms(int64_t ms);
/* For poll(): milliseconds left, 0 when it has passed, -1 for DEADLINE_NEVER. */
int deadline_left(deadline_t d);

#endif

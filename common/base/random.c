#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *to, size_t n)
{
        char *p = to;
        while (n) {
                ssize_t r = getrandom(p, n, 0);
                if (r < 0 && errno != EINTR)
                        abort();
                if (r > 0) {
                        p += r;
                        n -= (size_t)r;
                }
        }
}

uint32_t random_u32(void)
{
        uint32_t v;
        random_bytes(&v, sizeof(v));
        return v;
}

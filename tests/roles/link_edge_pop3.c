/* Is linked, not run: that it links without the store is the test (see meson.build). */

#include "pop3/edge.h"

int main(void)
{
        struct edge e = {.monitor_fd = -1};
        pop3_edge(&e);
        return 0;
}

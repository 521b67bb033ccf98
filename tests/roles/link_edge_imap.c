/* Is linked, not run: that it links without the store is the test (see meson.build). */

#include "imap/edge.h"

int main(void)
{
        struct edge e = {.monitor_fd = -1};
        imap_edge(&e);
        return 0;
}

/* Is linked, not run: that it links is the test (see meson.build). */

#include "priv/monitor.h"

int main(void)
{
        struct monitor_login login;
        const char *why;
        const struct monitor m = {.protocol = "imap"};
        return monitor_run(&m, &login) && monitor_drop(&m, &login.user, &why) == 0;
}

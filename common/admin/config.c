/* mailsession config: the settings that count, in the language of the file. */

#include <stdio.h>

#include "admin/admin.h"

int admin_config(struct admin *a)
{
        _cleanup_(buf_wipe) struct buf text = {0};
        unsigned flags = (a->all ? CONF_PRINT_ALL : 0) | (a->secrets ? CONF_PRINT_SECRETS : 0);
        buf_printf(&text, "# mailsession %s: %s\n", MAILSESSION_VERSION,
                   a->file ? a->file : "no settings file");
        conf_print_file(a->conf, flags, &text);
        return fwrite(text.p, 1, text.n, stdout) == text.n ? ADMIN_FINE : ADMIN_PROBLEM;
}

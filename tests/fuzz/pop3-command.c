/* The POP3 command parser: any line in either state gives a command whose slices can be read, or an answer
 * that is one printable line. */

#include <stdlib.h>

#include "pop3/command.h"

static void check(bool ok)
{
        if (!ok)
                abort();
}

static void check_slice(struct slice s)
{
        check(slice_find(s, '\0') == s.n && slice_find(s, '\r') == s.n);
}

static void check_line(struct slice line, unsigned state)
{
        struct pop3_command c;
        struct pop3_error error = {NULL, SLICE_NULL};
        if (pop3_command_parse(line, state, &c, &error) == 0) {
                check(c.id < POP3_COMMAND_COUNT);
                check(c.has_message || c.message == 0);
                check((c.id != POP3_USER && c.id != POP3_PASS) || c.text.n > 0);
                check_slice(c.text);
                check_slice(c.mechanism);
                check_slice(c.initial);
                return;
        }
        check(error.text && error.detail.n < 100);
        for (size_t i = 0; i < error.detail.n; i++)
                check(error.detail.p[i] >= 0x20 && error.detail.p[i] <= 0x7e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct slice line = slice_make(data, size);
        check_line(line, POP3_AUTHORIZATION);
        check_line(line, POP3_TRANSACTION);
        return 0;
}

#include "priv/edge_sasl.h"

#include <errno.h>

#include "base/base64.h"

enum {
        RESPONSE_LINE_MAX = 8 * 1024, /* three texts of SASL_TEXT_MAX in base 64, and more */
        RESPONSE_MAX = RESPONSE_LINE_MAX / 4 * 3,
};

/* Asks with the challenge and appends the decoded answer. */
static int ask(struct conn *c, deadline_t deadline, struct slice challenge, struct buf *to,
               const char **ret_text)
{
        _cleanup_(buf_free) struct buf encoded = {0};
        base64_encode(&encoded, challenge);
        conn_puts(c, "+ ");
        conn_write(c, buf_slice(&encoded));
        conn_puts(c, "\r\n");
        struct slice line;
        int r = conn_line(c, RESPONSE_LINE_MAX, deadline, &line);
        if (r == -EMSGSIZE) {
                r = conn_skip_line(c, deadline);
                line = SLICE("-"); /* not base 64 */
        }
        if (r < 0)
                return r;
        if (slice_eq(line, SLICE("*"))) {
                *ret_text = "Authentication aborted by client.";
                return -EINVAL;
        }
        if (base64_decode(to, line) < 0) {
                *ret_text = "Invalid base64 data in response.";
                return -EINVAL;
        }
        return 0;
}

int edge_sasl(struct conn *c, deadline_t deadline, struct sasl *sasl, bool has_initial, struct slice initial,
              const char **ret_text)
{
        _cleanup_(buf_wipe) struct buf response = BUF_BOUNDED(RESPONSE_MAX);
        if (base64_decode(&response, initial) < 0) {
                *ret_text = "Invalid base64 data in initial response.";
                return -EINVAL;
        }
        for (bool has_response = has_initial;; has_response = true) {
                struct slice challenge = SLICE_NULL;
                enum sasl_result result = sasl_step(sasl, has_response, buf_slice(&response), &challenge);
                if (result != SASL_CONTINUE)
                        return result == SASL_DONE ? 0 : -EACCES;
                buf_wipe(&response);
                int r = ask(c, deadline, challenge, &response, ret_text);
                if (r < 0)
                        return r;
        }
}

#include "pop3/capability.h"

void pop3_write_mechanisms(struct conn *c, const struct pop3_capability_state *state, const char *before,
                           const char *after)
{
        const struct sasl_mechanism *m;
        for (size_t i = 0; (m = sasl_mechanism_at(i)); i++)
                if (sasl_mechanism(slice_of(m->name), &state->settings->auth_mechanisms) &&
                    (!m->plaintext || state->plaintext_allowed))
                        conn_printf(c, "%s%s%s", before, m->name, after);
}

void pop3_write_capabilities(struct conn *c, const struct pop3_capability_state *state)
{
        conn_puts(c, "+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\n");
        if (state->can_start_tls)
                conn_puts(c, "STLS\r\n");
        if (state->plaintext_allowed)
                conn_puts(c, "USER\r\n");
        /* after login too (RFC 5034 section 3) */
        conn_puts(c, "SASL");
        pop3_write_mechanisms(c, state, " ", "");
        conn_puts(c, "\r\n");
        conn_puts(c, "EXPIRE NEVER\r\n");
        /* RFC 2449 section 6.9: a version helps an attacker more than a client, so it is left out */
        conn_puts(c, "IMPLEMENTATION mailsession\r\n.\r\n");
}

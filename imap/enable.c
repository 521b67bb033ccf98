/* ENABLE (RFC 5161). What follows from a feature being on: modseq.c. */

#include "imap/reply.h"

/* A name of the capability list, and what it turns on. */
static const struct {
        const char *name;
        unsigned features;
} names[] = {
        {"CONDSTORE", FEATURE_CONDSTORE},
        {"IMAP4rev2", FEATURE_REV2},
        {"QRESYNC", FEATURE_CONDSTORE | FEATURE_QRESYNC},
        {"UIDONLY", FEATURE_UIDONLY},
        {"UTF8=ACCEPT", FEATURE_UTF8},
};

/* Names what was not on before; what nobody knows is no error (RFC 5161 section 3.1). */
void imap_exec_enable(struct imap_session *s, const struct imap_command *c)
{
        unsigned asked = 0;
        conn_puts(&s->conn, "* ENABLED");
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                bool named = false;
                for (size_t k = 0; k < c->enable.n; k++)
                        named = named || slice_ieq(c->enable.names[k], slice_of(names[i].name));
                if (!named || !imap_session_announces(s, names[i].name))
                        continue;
                if ((s->enabled & names[i].features) != names[i].features)
                        conn_printf(&s->conn, " %s", names[i].name);
                asked |= names[i].features;
        }
        conn_puts(&s->conn, "\r\n");
        imap_enable(s, asked);
        imap_done(s, c, "Enabled.");
}

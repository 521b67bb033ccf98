/* CAPABILITY (RFC 3501 section 6.1.1) and ID (RFC 2971) once logged in: what this client is told. */

#include "base/log.h"
#include "imap/capability.h"
#include "imap/id.h"
#include "imap/reply.h"

static struct imap_capability_state capability_state(const struct imap_session *s)
{
        return (struct imap_capability_state){
                .settings = s->settings, .logged_in = true, .client_words = s->client_words};
}

bool imap_session_announces(const struct imap_session *s, const char *name)
{
        const struct imap_capability_state state = capability_state(s);
        return imap_is_announced(&state, slice_of(name));
}

void imap_tell_capabilities(struct imap_session *s)
{
        const struct imap_capability_state state = capability_state(s);
        imap_write_capabilities(&s->conn, &state);
}

void imap_exec_capability(struct imap_session *s, const struct imap_command *c)
{
        conn_puts(&s->conn, "* CAPABILITY ");
        imap_tell_capabilities(s);
        conn_puts(&s->conn, "\r\n");
        imap_done(s, c, "Capability completed.");
}

/* What a client says of itself helps whoever reads the log, when imap_id_log asks for it. */
static void log_id(struct imap_session *s, const struct imap_command *c)
{
        _cleanup_(buf_free) struct buf text = BUF_BOUNDED(1024);
        bool all = strcmp(s->settings->imap_id_log, "*") == 0;
        for (size_t i = 0; i + 1 < c->id_params.n; i += 2) {
                struct slice key = c->id_params.fields[i], value = c->id_params.fields[i + 1];
                struct slice rest = slice_of(s->settings->imap_id_log), name;
                bool wanted = all;
                while (!wanted && slice_split(&rest, ' ', &name))
                        wanted = slice_ieq(name, key);
                if (wanted)
                        buf_printf(&text, "%s%.*s=%.*s", text.n ? ", " : "", SLICE_ARG(key),
                                   SLICE_ARG(value));
        }
        if (text.n)
                log_info("ID sent: %s", buf_cstr(&text));
}

void imap_exec_id(struct imap_session *s, const struct imap_command *c)
{
        if (s->settings->imap_id_log[0])
                log_id(s, c);
        for (size_t i = 0; i + 1 < c->id_params.n; i += 2)
                if (slice_ieq(c->id_params.fields[i], SLICE("name")))
                        s->client_words = imap_id_capability(s->settings, c->id_params.fields[i + 1]);
        imap_write_id(&s->conn, s->settings);
        imap_done(s, c, "ID completed.");
}

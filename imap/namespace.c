/* NAMESPACE (RFC 2342). */

#include "base/utf7.h"
#include "imap/quote.h"
#include "imap/reply.h"

static void write_prefix(struct imap_session *s, const char *prefix)
{
        _cleanup_(buf_free) struct buf name = {}, b = {};

        if (s->enabled & FEATURES_UTF8_NAMES)
                buf_str(&name, prefix);
        else
                utf7_from_utf8(&name, slice_of(prefix));
        quote_utf8_string(&b, buf_slice(&name));
        conn_write(&s->conn, buf_slice(&b));
}

/* (("" ".")("Archive/" "/")) or NIL */
static void write_namespaces(struct imap_session *s, const struct store_namespace *spaces, size_t n, int type)
{
        bool open = false;

        for (size_t i = 0; i < n; i++) {
                if ((int)spaces[i].type != type || spaces[i].hidden)
                        continue;
                conn_puts(&s->conn, open ? "(" : "((");
                write_prefix(s, spaces[i].prefix);
                conn_puts(&s->conn, " ");
                imap_write_separator(&s->conn, spaces[i].separator);
                conn_puts(&s->conn, ")");
                open = true;
        }
        conn_puts(&s->conn, open ? ")" : "NIL");
}

void imap_exec_namespace(struct imap_session *s, const struct imap_command *c)
{
        const struct store_namespace *spaces;
        size_t n;

        spaces = store_namespaces(s->store, &n);
        conn_puts(&s->conn, "* NAMESPACE ");
        write_namespaces(s, spaces, n, NAMESPACE_PERSONAL);
        conn_puts(&s->conn, " ");
        write_namespaces(s, spaces, n, NAMESPACE_OTHER);
        conn_puts(&s->conn, " ");
        write_namespaces(s, spaces, n, NAMESPACE_SHARED);
        conn_puts(&s->conn, "\r\n");
        imap_done(s, c, "Namespace completed.");
}

/* COMPRESS (RFC 4978). */

#include "imap/reply.h"

void imap_exec_compress(struct imap_session *s, const struct imap_command *c)
{
        if (s->conn.deflate) {
                imap_no(s, c, "[COMPRESSIONACTIVE] DEFLATE is already active.");
                return;
        }
        /* nothing but this answer: what follows its line is compressed */
        imap_ok(s, c, "DEFLATE active.");
        conn_compress(&s->conn);
}

/* INPROGRESS (RFC 9585). */

#include "imap/reply.h"

void imap_progress_start(struct imap_session *s, struct slice tag)
{
        s->progress.tag = tag;
        s->progress.calls = 0;
        s->progress.next = deadline_in_ms(IMAP_PROGRESS_MS);
}

void imap_progress_end(struct imap_session *s)
{
        s->progress.next = 0;
        s->progress.tag = SLICE_NULL;
}

void imap_progress_look(struct imap_session *s, uint64_t done, uint64_t total)
{
        if (s->progress.next == 0 || deadline_left(s->progress.next) != 0)
                return;
        s->progress.next = deadline_in_ms(IMAP_PROGRESS_MS);
        /* a tag has nothing in it that a quoted string could not hold */
        if (total)
                conn_printf(&s->conn, "* OK [INPROGRESS (\"%.*s\" %llu %llu)] Still at it, %llu%% done.\r\n",
                            SLICE_ARG(s->progress.tag), (unsigned long long)done, (unsigned long long)total,
                            (unsigned long long)(done * 100 / total));
        else
                conn_printf(&s->conn, "* OK [INPROGRESS (\"%.*s\" NIL NIL)] Still at it.\r\n",
                            SLICE_ARG(s->progress.tag));
        conn_flush(&s->conn);
}

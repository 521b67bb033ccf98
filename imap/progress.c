#include "imap/progress.h"

#include "imap/reply.h"

void imap_progress_start(struct imap_session *s, struct slice tag)
{
        int64_t interval = s->settings->imap_progress_interval;

        s->progress = (struct imap_progress){.tag = tag, .next = interval > 0 ? deadline_in_ms(interval) : 0};
}

void imap_progress_end(struct imap_session *s)
{
        s->progress = (struct imap_progress){};
}

/* RFC 9585 section 4: less than the goal, and no less than before. */
static uint64_t bounded(const struct imap_progress *p, uint64_t done, uint64_t total)
{
        if (total == p->told_total)
                done = MAX(done, p->told);
        return total ? MIN(done, total - 1) : done;
}

static void tell(struct imap_session *s, uint64_t done, uint64_t total)
{
        struct imap_progress *p = &s->progress;
        struct conn *c = &s->conn;

        p->next = deadline_in_ms(s->settings->imap_progress_interval);
        p->told = done = bounded(p, done, total);
        p->told_total = total;
        conn_puts(c, "* OK [INPROGRESS (");
        /* what reads a response code may take the first "]" for its end; nothing else that a tag may have
         * needs care in a quoted string */
        if (slice_find(p->tag, ']') < p->tag.n)
                conn_puts(c, "NIL");
        else
                conn_printf(c, "\"%.*s\"", SLICE_ARG(p->tag));
        if (total)
                conn_printf(c, " %llu %llu)] Still at it, %llu%% done.\r\n", (unsigned long long)done,
                            (unsigned long long)total, (unsigned long long)(done * 100 / total));
        else if (done)
                conn_printf(c, " %llu NIL)] Still at it.\r\n", (unsigned long long)done);
        else
                conn_puts(c, " NIL NIL)] Still at it.\r\n");
        conn_flush(c);
}

static bool is_due(const struct imap_progress *p)
{
        return p->next != 0 && deadline_left(p->next) == 0;
}

void imap_progress(struct imap_session *s, uint64_t done, uint64_t total)
{
        struct imap_progress *p = &s->progress;

        p->done = done;
        p->total = total;
        p->span = 1;
        if (++p->calls % IMAP_PROGRESS_CALLS == 0 && is_due(p))
                tell(s, done, total);
}

void imap_progress_rest(struct imap_session *s)
{
        s->progress.span = s->progress.total - s->progress.done;
}

void imap_progress_step(void *context, uint64_t done, uint64_t total)
{
        struct imap_session *s = context;
        const struct imap_progress *p = &s->progress;

        /* others may be waiting for a lock that the store has */
        if (!is_due(p) || !conn_takes_more(&s->conn))
                return;
        if (p->total)
                tell(s, p->done + (total ? p->span * done / total : 0), p->total);
        else if (done || total)
                tell(s, done, total);
        else
                tell(s, p->told, p->told_total);
}

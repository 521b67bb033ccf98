/* THREAD and UID THREAD (RFC 5256). */

#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "imap/reply.h"
#include "imap/search_run.h"
#include "imap/thread_tree.h"

struct threader {
        struct search_run *run;
        struct thread thread;
        bool linked, uid;
};

static void threader_free(struct threader *t)
{
        thread_free(&t->thread);
}

/* Subjects are told apart by their hashes: see imap/sort_keys.h about that. */
static uint64_t subject_hash(struct slice subject)
{
        uint64_t hash = subject.n ? hash_bytes(subject, 0) : 0;

        return subject.n && !hash ? 1 : hash;
}

static bool collect(void *context, uint32_t seq, const struct message *m)
{
        struct threader *t = context;
        struct thread_message message = {.number = t->uid ? m->uid : seq};
        struct sort_keys keys;
        int r = search_run_sent(t->run, &message.sent);

        if (r == 0)
                r = search_run_sort_keys(t->run, &keys);
        if (r == 0) {
                message.subject = subject_hash(keys.texts[SORT_TEXT_SUBJECT]);
                message.reply = keys.reply;
                thread_add(&t->thread, &message, t->linked ? &keys : NULL);
        } else {
                search_run_fail(t->run, r);
        }
        return true;
}

static void put(void *context, struct slice text)
{
        conn_write(context, text);
}

static void answer(struct threader *t, enum imap_thread algorithm, struct conn *conn)
{
        _cleanup_(free_p) uint32_t *roots = NULL;
        uint32_t n = 0;

        roots = thread_tree_make(&t->thread, algorithm, &n);
        conn_puts(conn, n > 0 ? "* THREAD " : "* THREAD");
        for (uint32_t i = 0; i < n && !conn_error(conn); i++)
                thread_write(&t->thread, roots[i], put, conn);
        conn_puts(conn, "\r\n");
}

void imap_exec_thread(struct imap_session *s, const struct imap_command *c)
{
        _cleanup_(search_run_close) struct search_run *run = NULL;
        _cleanup_(threader_free) struct threader t = {.linked = c->thread.algorithm != THREAD_ORDEREDSUBJECT,
                                                      .uid = c->uid};
        int r = search_run_open(s, s->mailbox, &c->thread.search, &s->arena, &run);

        if (r < 0) {
                search_run_refuse(s, c, r);
                return;
        }
        t.run = run;
        search_run_all(run, false, collect, &t);
        answer(&t, c->thread.algorithm, &s->conn);
        search_run_done(run, s, c, "Thread completed.");
}

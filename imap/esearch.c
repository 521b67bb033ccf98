/* ESEARCH: one search in many mailboxes (RFC 7377). Each is opened, searched, answered for and closed before
 * the next: a command costs what its largest mailbox costs. */

#include <errno.h>

#include "base/log.h"
#include "imap/check.h"
#include "imap/context.h"
#include "imap/reply.h"
#include "imap/search_return.h"
#include "imap/search_run.h"
#include "imap/source.h"

struct esearch {
        struct imap_session *session;
        const struct imap_command *command;
        struct arena arena; /* of the mailbox at hand */
        int refused;        /* what search_run_open() said */
        bool failed;        /* some mailbox or message could not be read */
};

static bool collect(void *context, uint32_t seq, const struct message *m)
{
        return search_return_add(context, seq, m->uid, m->modseq);
}

/* Section 2.1: a mailbox in which nothing is found is not told of. */
static void respond(const struct esearch *e, struct mailbox *m, const struct search_return *result)
{
        struct conn *conn = &e->session->conn;

        if (result->count == 0 || search_return_is_silent(result))
                return;
        conn_printf(conn, "* ESEARCH (TAG \"%.*s\" MAILBOX ", SLICE_ARG(e->command->tag));
        imap_write_mailbox(e->session, mailbox_name(m));
        conn_printf(conn, " UIDVALIDITY %u)", mailbox_uidvalidity(m));
        search_return_write(result, conn);
        conn_puts(conn, "\r\n");
}

static void search_mailbox(struct esearch *e, struct mailbox *m)
{
        _cleanup_(search_run_close) struct search_run *run = NULL;
        _cleanup_(search_return_free) struct search_return result = {};
        const struct imap_search *asked = &e->command->search;
        struct imap_set saved;

        e->refused = search_run_open(e->session, m, asked, &e->arena, &run);
        if (e->refused < 0)
                return;
        search_return_begin(&result, asked, true, false);
        result.modseq = asked->modseq;
        search_run_all(run, result.from_end, collect, &result);
        search_return_end(&result);
        respond(e, m, &result);
        if ((asked->results & RETURN_UPDATE) && m == e->session->mailbox)
                imap_context_begin(e->session, e->command, true, &result);
        if (asked->results & RETURN_SAVE) {
                saved = search_return_saved(&result, &e->arena);
                imap_save_set(e->session, &saved);
        }
        e->failed |= search_run_failed(run);
}

/* One that is gone meanwhile, or is not to be read, is left out (section 2.2). */
static void search_folder(struct esearch *e, const char *name)
{
        _cleanup_(mailbox_close) struct mailbox *m = NULL;
        int r;

        if (imap_is_selected(e->session, name)) {
                search_mailbox(e, e->session->mailbox);
                return;
        }
        r = mailbox_open(e->session->store, name, true, &m);
        if (r == -ENOENT || r == -EACCES || r == -EINVAL)
                return;
        if (r < 0) {
                log_error("ESEARCH in %s: %s", name, store_error(e->session->store));
                e->failed = true;
                return;
        }
        imap_log_index(m);
        search_mailbox(e, m);
}

/* Those that LIST knows; a mailbox that two sources mean is searched once. */
static int search_sources(struct esearch *e)
{
        struct imap_session *s = e->session;
        const struct imap_search *asked = &e->command->search;
        bool selected = imap_source_kinds(asked->sources, asked->sources_n, SOURCE_SELECTED);
        struct folder *folders;
        size_t n;
        int r = store_list(s->store, &s->arena, &folders, &n);

        if (r < 0)
                return r;
        imap_source_resolve(s, asked->sources, asked->sources_n);
        if (selected)
                search_mailbox(e, s->mailbox);
        for (size_t i = 0; i < n && e->refused == 0 && !conn_error(&s->conn); i++) {
                if ((folders[i].flags & (FOLDER_NOSELECT | FOLDER_NONEXISTENT)) ||
                    !imap_source_has(s, asked->sources, asked->sources_n, &folders[i]) ||
                    (selected && imap_is_selected(s, folders[i].name)))
                        continue;
                search_folder(e, folders[i].name);
                arena_reset(&e->arena);
        }
        return 0;
}

/* Why the command is BAD (section 2.2), or NULL. */
static const char *problem(const struct imap_session *s, const struct imap_command *c)
{
        const struct imap_search *asked = &c->search;
        bool only_selected = !imap_source_kinds(asked->sources, asked->sources_n, ~(unsigned)SOURCE_SELECTED);
        bool selected =
                asked->sources_n == 0 || imap_source_kinds(asked->sources, asked->sources_n, SOURCE_SELECTED);

        if (!s->mailbox && (selected || (asked->results & RETURN_UPDATE)))
                return "No mailbox selected";
        if ((asked->results & RETURN_SAVE) && !only_selected)
                return "SAVE is for the selected mailbox alone";
        if ((asked->results & RETURN_UPDATE) && imap_context_exists(s, c->tag))
                return "Tag reuse";
        return NULL;
}

static void finish(struct esearch *e)
{
        struct imap_session *s = e->session;
        bool saves = e->command->search.results & RETURN_SAVE;

        if (saves && (e->failed || search_run_says_no(e->refused)))
                imap_save_set(s, NULL);
        if (e->refused < 0)
                search_run_refuse(s, e->command, e->refused);
        else if (e->failed)
                search_run_say_failed(s, e->command);
        else
                imap_done(s, e->command, "Search completed.");
}

void imap_exec_esearch(struct imap_session *s, const struct imap_command *c)
{
        struct esearch e = {.session = s, .command = c};
        const char *why = problem(s, c);
        int r = 0;

        if (why) {
                imap_bad(s, c, "Error in IMAP command ESEARCH: %s.", why);
                return;
        }
        if (c->search.sources_n == 0)
                search_mailbox(&e, s->mailbox);
        else
                r = search_sources(&e);
        if (r < 0)
                imap_fail(s, c, r, "ESEARCH");
        else
                finish(&e);
        arena_free(&e.arena);
}

/* The tagged answers of the commands that search. */

#include <errno.h>

#include "imap/reply.h"
#include "imap/search_run.h"

bool search_run_says_no(int error)
{
        return error == -ENOENT || error == -E2BIG;
}

void search_run_refuse(struct imap_session *s, const struct imap_command *c, int error)
{
        if (error == -ENOENT)
                imap_no(s, c, "[BADCHARSET (US-ASCII UTF-8)] Unknown charset.");
        else if (error == -E2BIG)
                imap_no(s, c, "[LIMIT] More than %d BODY and TEXT keys.", SEARCH_MAX_TEXTS);
        else if (error == -ENOTSUP)
                imap_bad(s, c, "Error in IMAP command %s: %s.", imap_command_type(c->id)->name,
                         imap_no_modseq);
        else
                imap_bad(s, c, "Error in IMAP command %s: Text is not valid in its charset.",
                         imap_command_type(c->id)->name);
}

void search_run_say_failed(struct imap_session *s, const struct imap_command *c)
{
        imap_no(s, c,
                "[CONTACTADMIN] Some messages could not be read. Session %s in the server log has more.",
                s->start->peer->session_id);
}

void search_run_done(struct search_run *run, struct imap_session *s, const struct imap_command *c,
                     const char *text)
{
        if (search_run_failed(run))
                search_run_say_failed(s, c);
        else
                imap_done(s, c, text);
}

/* SEARCH and UID SEARCH: the selected mailbox put to imap/search.h. */

#include "imap/search.h"

#include <errno.h>

#include "base/log.h"
#include "imap/reply.h"

/* A message while it is looked at. */
struct candidate {
        struct imap_session *session;
        uint32_t seq;
        struct message_text text;
};

static int candidate_size(void *context, uint64_t *ret)
{
        struct candidate *candidate = context;

        return mailbox_size(candidate->session->mailbox, candidate->seq, ret);
}

static int candidate_internaldate(void *context, time_t *ret)
{
        struct candidate *candidate = context;

        return mailbox_internaldate(candidate->session->mailbox, candidate->seq, ret);
}

static int candidate_text(void *context, struct slice *ret)
{
        struct candidate *candidate = context;
        int r = mailbox_read(candidate->session->mailbox, candidate->seq, &candidate->text);

        if (r == 0)
                *ret = candidate->text.raw;
        return r;
}

static int folder_keyword(void *context, struct slice name, unsigned *ret_bit)
{
        return mailbox_keyword(context, name, false, ret_bit);
}

/* 1, 0 or -errno. */
static int try_message(struct imap_session *s, struct search *search, uint32_t seq)
{
        struct message message = mailbox_message(s->mailbox, seq);
        struct candidate candidate = {.session = s, .seq = seq};
        struct search_message asked = {
                .seq = seq,
                .uid = message.uid,
                .flags = (uint8_t)(message.flags.system | (message.recent ? IMAP_FLAG_RECENT : 0)),
                .keywords = message.flags.keywords,
                .size = candidate_size,
                .internaldate = candidate_internaldate,
                .text = candidate_text,
                .context = &candidate,
        };
        int r;

        if (message.gone)
                return 0;
        r = search_match(search, &asked);
        message_text_release(&candidate.text);
        return r == -ENOENT ? 0 : r; /* it went just now */
}

/* False when a message could not be read: the others are told all the same, and the log knows of the first.
 */
static bool tell_matches(struct imap_session *s, const struct imap_command *c, struct search *search)
{
        uint32_t count = mailbox_count(s->mailbox);
        bool complete = true;

        conn_puts(&s->conn, "* SEARCH");
        for (uint32_t seq = 1; seq <= count && !conn_error(&s->conn); seq++) {
                int r = try_message(s, search, seq);

                if (r < 0 && complete) {
                        log_error("SEARCH failed: %s", store_error(s->store));
                        complete = false;
                }
                if (r > 0)
                        conn_printf(&s->conn, " %u", c->uid ? mailbox_message(s->mailbox, seq).uid : seq);
        }
        conn_puts(&s->conn, "\r\n");
        return complete;
}

void imap_exec_search(struct imap_session *s, const struct imap_command *c)
{
        uint32_t count = mailbox_count(s->mailbox);
        const struct search_folder folder = {
                .messages = count,
                .last_uid = count ? mailbox_message(s->mailbox, count).uid : 0,
                .keyword = folder_keyword,
                .context = s->mailbox,
        };
        _cleanup_(search_free) struct search *search = NULL;
        int r;

        r = search_make(&s->arena, c->search.key, c->search.charset, &folder, &search);
        if (r == -ENOENT) {
                imap_no(s, c, "[BADCHARSET (US-ASCII UTF-8)] Unknown charset.");
                return;
        }
        if (r == -E2BIG) {
                imap_no(s, c, "[LIMIT] More than %d BODY and TEXT keys.", SEARCH_MAX_TEXTS);
                return;
        }
        if (r < 0) {
                imap_bad(s, c, "Error in IMAP command SEARCH: Text is not valid in its charset.");
                return;
        }
        if (tell_matches(s, c, search))
                imap_done(s, c, "Search completed.");
        else
                imap_no(s, c,
                        "[CONTACTADMIN] Some messages could not be read. Session %s in the server log has "
                        "more.",
                        s->start->peer->session_id);
}

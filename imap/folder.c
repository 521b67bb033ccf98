/* CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE (RFC 3501 sections 6.3.3 to 6.3.7). */

#include <errno.h>
#include <string.h>

#include "imap/check.h"
#include "imap/reply.h"

static const char *command_name(const struct imap_command *c)
{
        return imap_command_type(c->id)->name;
}

static bool is_inbox(const char *name)
{
        return strcmp(name, "INBOX") == 0;
}

/* `name` is `parent` or below it. */
static bool is_below(const char *name, const char *parent, char separator)
{
        size_t n = strlen(parent);

        return strncmp(name, parent, n) == 0 && (name[n] == '\0' || name[n] == separator);
}

/* The selected mailbox is there no longer: the session goes on without one. */
static void deselect(struct imap_session *s)
{
        mailbox_close(&s->mailbox);
        s->mailbox = NULL;
        s->told_messages = s->told_recent = 0;
        conn_puts(&s->conn, "* OK [CLOSED] Previous mailbox closed.\r\n");
}

static void create_folder(struct imap_session *s, const struct imap_command *c, const char *name)
{
        int r = store_create(s->store, name);

        if (r < 0)
                imap_fail_mailbox(s, c, r, name, "CREATE");
        else
                imap_done(s, c, "Create completed.");
}

static void delete_folder(struct imap_session *s, const struct imap_command *c, const char *name)
{
        int r;

        if (is_inbox(name)) {
                imap_no(s, c, "[CANNOT] INBOX can't be deleted.");
                return;
        }
        r = store_delete(s->store, name);
        if (r < 0) {
                imap_fail_mailbox(s, c, r, name, "DELETE");
                return;
        }
        if (s->mailbox && strcmp(mailbox_name(s->mailbox), name) == 0)
                deselect(s);
        imap_done(s, c, "Delete completed.");
}

static void rename_folder(struct imap_session *s, const struct imap_command *c)
{
        const char *from = imap_mailbox_name(s, c->rename.from), *to = imap_mailbox_name(s, c->rename.to);
        char separator = store_separator(s->store, from);
        int r;

        if (strcmp(from, to) == 0) {
                imap_no(s, c, "[ALREADYEXISTS] Can't rename mailbox to itself.");
                return;
        }
        /* INBOX keeps its children and its name: INBOX to INBOX.old is fine (RFC 3501 section 6.3.5). */
        if (!is_inbox(from) && is_below(to, from, separator)) {
                imap_no(s, c, "[CANNOT] Can't rename mailbox under its own child.");
                return;
        }
        r = store_rename(s->store, from, to);
        if (r < 0) {
                bool from_is_wrong = r == -ENOENT || (r == -EINVAL && imap_name_problem(from, separator));

                imap_fail_mailbox(s, c, r, from_is_wrong ? from : to, "RENAME");
                return;
        }
        if (s->mailbox && !is_inbox(from) && is_below(mailbox_name(s->mailbox), from, separator))
                deselect(s);
        imap_done(s, c, "Rename completed.");
}

static void subscribe_folder(struct imap_session *s, const struct imap_command *c, const char *name)
{
        bool on = c->id == IMAP_SUBSCRIBE;
        int r = store_subscribe(s->store, name, on);

        /* A name that is not subscribed is unsubscribed already. */
        if (r < 0 && !(r == -ENOENT && !on))
                imap_fail_mailbox(s, c, r, name, command_name(c));
        else
                imap_done(s, c, on ? "Subscribe completed." : "Unsubscribe completed.");
}

void imap_exec_folder(struct imap_session *s, const struct imap_command *c)
{
        switch (c->id) {
        case IMAP_CREATE:
                create_folder(s, c, imap_mailbox_name(s, c->mailbox));
                break;
        case IMAP_DELETE:
                delete_folder(s, c, imap_mailbox_name(s, c->mailbox));
                break;
        case IMAP_RENAME:
                rename_folder(s, c);
                break;
        default:
                subscribe_folder(s, c, imap_mailbox_name(s, c->mailbox));
        }
}

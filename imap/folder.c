/* CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE (RFC 3501 sections 6.3.3 to 6.3.7; CREATE with special
 * uses, RFC 6154; OLDNAME, RFC 9051). */

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
        imap_unselect(s);
        s->mailbox = NULL;
        s->told_messages = s->told_recent = 0;
        conn_puts(&s->conn, "* OK [CLOSED] Previous mailbox closed.\r\n");
}

/* RFC 9051 section 6.3.9.7: with IMAP4rev2, what became of a name that is not the one it was called by. */
static void tell_name(struct imap_session *s, const char *name, const char *old)
{
        if ((s->enabled & FEATURE_REV2) && strcmp(name, old) != 0)
                imap_tell_folder(s, name, old);
}

/* The uses a mailbox of the user's can have (RFC 6154 section 2, RFC 8457 section 3); \All and \Flagged would
 * be views of other mailboxes. NULL: one of them cannot be had, and NO was said. */
static const char *check_uses(struct imap_session *s, const struct imap_command *c)
{
        static const char *const known[] = {"Archive", "Drafts", "Important", "Junk", "Sent", "Trash"};
        const char *uses = "";

        for (size_t i = 0; i < c->create.uses_n; i++) {
                const char *found = NULL;

                for (size_t k = 0; k < ARRAY_LEN(known); k++)
                        if (slice_ieq(c->create.uses[i], slice_of(known[k])))
                                found = known[k];
                if (!found) {
                        imap_no(s, c, "[USEATTR] \\%.*s not supported.",
                                SLICE_ARG(slice_head(c->create.uses[i], 40)));
                        return NULL;
                }
                if (!strstr(uses, found))
                        uses = arena_printf(&s->arena, "%s%s\\%s", uses, *uses ? " " : "", found);
        }
        return uses;
}

/* "INBOX.a." is "INBOX.a" (RFC 3501 section 6.3.3). */
static const char *without_separator(struct imap_session *s, const char *name)
{
        size_t n = strlen(name);

        if (n > 1 && name[n - 1] == store_separator(s->store, name))
                return arena_str(&s->arena, slice_make(name, n - 1));
        return name;
}

static void create_folder(struct imap_session *s, const struct imap_command *c)
{
        const char *name = imap_mailbox_name(s, c->create.mailbox), *uses = check_uses(s, c);
        _cleanup_(mailbox_close) struct mailbox *made = NULL;
        unsigned flags = 0;
        int r;

        if (!uses)
                return;
        r = store_create(s->store, name);
        if (r < 0) {
                imap_fail_mailbox(s, c, r, name, "CREATE");
                return;
        }
        name = without_separator(s, name);
        if (*uses)
                r = store_special_use_set(s->store, name, uses);
        if (r == 0)
                r = mailbox_open(s->store, name, true, &made);
        /* a level for others, as was wanted */
        if (r == -ENOENT && store_lookup(s->store, name, &flags) == 0 && (flags & FOLDER_NOSELECT))
                r = 0;
        if (r < 0) {
                /* RFC 6154 section 3: not without its use; and RFC 8474 section 4.1 wants the id */
                imap_fail(s, c, r, "CREATE");
                store_delete(s->store, name);
                return;
        }
        tell_name(s, name, without_separator(s, arena_str(&s->arena, c->create.mailbox)));
        imap_sync(s, true, false);
        if (!s->over && made)
                imap_ok(s, c, "[MAILBOXID (%s)] Create completed.", mailbox_guid(made));
        else if (!s->over)
                imap_ok(s, c, "Create completed.");
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
        tell_name(s, name, arena_str(&s->arena, c->mailbox));
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
        to = without_separator(s, to);
        if (!is_inbox(from))
                tell_name(s, to, from);
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
                create_folder(s, c);
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

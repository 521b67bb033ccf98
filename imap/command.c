#include "imap/command.h"

#include <errno.h>

#include "imap/parse.h"

enum { NAME_SHOWN_MAX = 40 }; /* bytes of an unknown command's name that its error repeats */

static const struct imap_command_type types[] = {
        {"CAPABILITY", IMAP_CAPABILITY, STATE_ANY},
        {"NOOP", IMAP_NOOP, STATE_ANY},
        {"LOGOUT", IMAP_LOGOUT, STATE_ANY},
        {"ID", IMAP_ID, STATE_ANY, parse_id},
        {"STARTTLS", IMAP_STARTTLS, STATE_NOT_AUTHENTICATED},
        {"AUTHENTICATE", IMAP_AUTHENTICATE, STATE_NOT_AUTHENTICATED, parse_authenticate},
        {"LOGIN", IMAP_LOGIN, STATE_NOT_AUTHENTICATED, parse_login},
        {"ENABLE", IMAP_ENABLE, STATE_LOGGED_IN, parse_enable},
        {"COMPRESS", IMAP_COMPRESS, STATE_LOGGED_IN, parse_compress},
        {"SELECT", IMAP_SELECT, STATE_LOGGED_IN, parse_select},
        {"EXAMINE", IMAP_EXAMINE, STATE_LOGGED_IN, parse_select},
        {"NOTIFY", IMAP_NOTIFY, STATE_LOGGED_IN, parse_notify},
        {"CREATE", IMAP_CREATE, STATE_LOGGED_IN, parse_create},
        {"DELETE", IMAP_DELETE, STATE_LOGGED_IN, parse_one_mailbox},
        {"RENAME", IMAP_RENAME, STATE_LOGGED_IN, parse_rename},
        {"SUBSCRIBE", IMAP_SUBSCRIBE, STATE_LOGGED_IN, parse_one_mailbox},
        {"UNSUBSCRIBE", IMAP_UNSUBSCRIBE, STATE_LOGGED_IN, parse_one_mailbox},
        {"LIST", IMAP_LIST, STATE_LOGGED_IN, parse_list},
        {"LSUB", IMAP_LSUB, STATE_LOGGED_IN, parse_list},
        {"XLIST", IMAP_XLIST, STATE_LOGGED_IN, parse_list},
        {"NAMESPACE", IMAP_NAMESPACE, STATE_LOGGED_IN},
        {"STATUS", IMAP_STATUS, STATE_LOGGED_IN, parse_status},
        {"APPEND", IMAP_APPEND, STATE_LOGGED_IN, parse_append},
        {"REPLACE", IMAP_REPLACE, STATE_SELECTED, parse_append, .uid = true},
        {"IDLE", IMAP_IDLE, STATE_LOGGED_IN},
        {"CHECK", IMAP_CHECK, STATE_SELECTED},
        {"CLOSE", IMAP_CLOSE, STATE_SELECTED},
        {"UNSELECT", IMAP_UNSELECT, STATE_SELECTED},
        {"EXPUNGE", IMAP_EXPUNGE, STATE_SELECTED, parse_expunge, .uid = true},
        {"SEARCH", IMAP_SEARCH, STATE_SELECTED, parse_search, .uid = true},
        {"ESEARCH", IMAP_ESEARCH, STATE_LOGGED_IN, parse_esearch},
        {"SORT", IMAP_SORT, STATE_SELECTED, parse_sort, .uid = true},
        {"THREAD", IMAP_THREAD, STATE_SELECTED, parse_thread, .uid = true},
        {"CANCELUPDATE", IMAP_CANCELUPDATE, STATE_SELECTED, parse_cancelupdate},
        {"FETCH", IMAP_FETCH, STATE_SELECTED, parse_fetch, .uid = true},
        {"STORE", IMAP_STORE, STATE_SELECTED, parse_store, .uid = true},
        {"COPY", IMAP_COPY, STATE_SELECTED, parse_copy, .uid = true},
        {"MOVE", IMAP_MOVE, STATE_SELECTED, parse_copy, .uid = true},
        {"GETQUOTA", IMAP_GETQUOTA, STATE_LOGGED_IN, parse_getquota},
        {"GETQUOTAROOT", IMAP_GETQUOTAROOT, STATE_LOGGED_IN, parse_one_mailbox},
        {"SETQUOTA", IMAP_SETQUOTA, STATE_LOGGED_IN, parse_setquota},
        {"GETMETADATA", IMAP_GETMETADATA, STATE_LOGGED_IN, parse_getmetadata},
        {"SETMETADATA", IMAP_SETMETADATA, STATE_LOGGED_IN, parse_setmetadata},
};
_Static_assert(ARRAY_LEN(types) == IMAP_COMMAND_COUNT, "a row for each command");

const struct imap_command_type *imap_command_type(enum imap_command_id id)
{
        return &types[id]; /* in the order of the ids: the unit test looks */
}

static const struct imap_command_type *find(struct slice name)
{
        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                if (slice_ieq(name, slice_of(types[i].name)))
                        return &types[i];
        return NULL;
}

/* From behind the tag. */
static int parse_name(struct lexer *l, const struct imap_command_type **ret_type, bool *ret_uid)
{
        if (lexer_space(l) < 0)
                return lexer_fail(l, "Error in IMAP command: No command was given.");
        struct slice name = lexer_name(l);
        bool uid = slice_ieq(name, SLICE("UID"));
        if (uid) {
                lexer_skip_spaces(l);
                name = lexer_name(l);
        }
        const struct imap_command_type *type = find(name);
        if (!type || (uid && !type->uid)) {
                struct slice shown = slice_head(name, NAME_SHOWN_MAX);
                return lexer_fail(l, arena_printf(l->arena, "Error in IMAP command%s%s%.*s: Unknown command.",
                                                  uid ? " UID" : "", shown.n ? " " : "", SLICE_ARG(shown)));
        }
        *ret_type = type;
        *ret_uid = uid;
        return 0;
}

static int parse_arguments(struct lexer *l, const struct imap_command_type *type, struct imap_command *c)
{
        int r = 0;
        /* what has a UID form names messages by their numbers without it, or answers with them */
        if (l->enabled & FEATURE_UIDONLY && type->uid && type->id != IMAP_EXPUNGE && !c->uid)
                r = parse_refuse_numbers(l);
        else if (type->parse && (type->id != IMAP_EXPUNGE || c->uid))
                r = type->parse(l, c);
        if (r == 0)
                r = lexer_end(l);
        if (r < 0 && !l->no)
                l->error =
                        arena_printf(l->arena, "%s%sError in IMAP command %s%s: %s.", l->code ? l->code : "",
                                     l->code ? " " : "", c->uid ? "UID " : "", type->name, l->error);
        return r;
}

int imap_command_parse(struct arena *arena, struct slice bytes, unsigned enabled, struct imap_command *ret,
                       struct imap_parse_error *ret_error)
{
        struct lexer l = {.arena = arena, .rest = bytes, .enabled = enabled};
        struct imap_command c = {0};
        const struct imap_command_type *type = NULL;
        if (lexer_tag(&l, &c.tag) < 0) {
                *ret_error = (struct imap_parse_error){.text = "Error in IMAP command: Invalid tag."};
                return -EINVAL;
        }
        int r = parse_name(&l, &type, &c.uid);
        if (r == 0) {
                c.id = type->id;
                r = parse_arguments(&l, type, &c);
        }
        if (r < 0) {
                *ret_error =
                        (struct imap_parse_error){.tag = c.tag, .text = l.error, .no = l.no, .type = type};
                return r;
        }
        *ret = c;
        return 0;
}

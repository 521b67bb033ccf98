#ifndef IMAP_COMMAND_H
#define IMAP_COMMAND_H

/* An IMAP command as a typed struct, and the pure parser that makes it from bytes (RFC 3501 section 9 and the
 * extensions named at each member). No I/O, no state, no mailbox: this is what stands between the network and
 * the executors, and it is linked into the edge, so it may include base only.
 *
 * Slices point into the command's bytes or the arena. Mailbox names are decoded to UTF-8 ("INBOX" in
 * capitals). */

#include "imap/argument.h"

/* What a client has turned on with ENABLE (RFC 5161), or in another way that its extension knows: it changes
 * what is read and what is sent for the rest of the session. */
enum imap_feature {
        FEATURE_CONDSTORE = 1 << 0, /* RFC 7162 */
        FEATURE_QRESYNC = 1 << 1,   /* RFC 7162; never without CONDSTORE */
        FEATURE_UTF8 = 1 << 2,      /* RFC 6855: UTF8=ACCEPT */
        FEATURE_REV2 = 1 << 3,      /* RFC 9051 */
        FEATURE_UIDONLY = 1 << 4,   /* RFC 9586 */
        /* Mailbox names are UTF-8 in both directions and not mUTF-7. */
        FEATURES_UTF8_NAMES = FEATURE_UTF8 | FEATURE_REV2,
};

/* States a command is valid in (RFC 3501 section 3). */
enum imap_state {
        STATE_NOT_AUTHENTICATED = 1 << 0,
        STATE_AUTHENTICATED = 1 << 1,
        STATE_SELECTED = 1 << 2,
        STATE_ANY = STATE_NOT_AUTHENTICATED | STATE_AUTHENTICATED | STATE_SELECTED,
        STATE_LOGGED_IN = STATE_AUTHENTICATED | STATE_SELECTED,
};

enum imap_command_id {
        IMAP_CAPABILITY,
        IMAP_NOOP,
        IMAP_LOGOUT,
        IMAP_ID,
        IMAP_STARTTLS,
        IMAP_AUTHENTICATE,
        IMAP_LOGIN,
        IMAP_ENABLE,
        IMAP_COMPRESS, /* RFC 4978; its only argument is DEFLATE */
        IMAP_SELECT,
        IMAP_EXAMINE,
        IMAP_NOTIFY, /* RFC 5465 */
        IMAP_CREATE,
        IMAP_DELETE,
        IMAP_RENAME,
        IMAP_SUBSCRIBE,
        IMAP_UNSUBSCRIBE,
        IMAP_LIST,
        IMAP_LSUB,
        IMAP_XLIST, /* Gmail's, before there was SPECIAL-USE */
        IMAP_NAMESPACE,
        IMAP_STATUS,
        IMAP_APPEND,
        IMAP_REPLACE, /* RFC 8508 */
        IMAP_IDLE,
        IMAP_CHECK,
        IMAP_CLOSE,
        IMAP_UNSELECT,
        IMAP_EXPUNGE, /* with .uid: UID EXPUNGE (RFC 4315) */
        IMAP_SEARCH,
        IMAP_ESEARCH,      /* RFC 7377 */
        IMAP_SORT,         /* RFC 5256 */
        IMAP_THREAD,       /* RFC 5256 */
        IMAP_CANCELUPDATE, /* RFC 5267 */
        IMAP_FETCH,
        IMAP_STORE,
        IMAP_COPY,
        IMAP_MOVE, /* RFC 6851 */
        IMAP_GETQUOTA,
        IMAP_GETQUOTAROOT,
        IMAP_SETQUOTA,    /* RFC 9208 */
        IMAP_GETMETADATA, /* RFC 5464 */
        IMAP_SETMETADATA,
        IMAP_COMMAND_COUNT
};

struct imap_command {
        struct slice tag;
        enum imap_command_id id;
        bool uid; /* the UID form */
        union {
                struct {
                        struct slice user, password;
                } login;
                struct {
                        struct slice mechanism;
                        bool has_initial;     /* RFC 4959; "=" is has_initial with an empty response */
                        struct slice initial; /* base 64, as sent */
                } authenticate;
                struct {
                        struct slice *names; /* capability names */
                        size_t n;
                } enable; /* RFC 5161 */
                struct {
                        struct slice *fields; /* key, value, key, value...; a NIL value has p == NULL */
                        size_t n;             /* 0 for NIL */
                } id_params;                  /* RFC 2971 */
                struct slice mailbox;         /* DELETE SUBSCRIBE UNSUBSCRIBE */
                struct {
                        struct slice mailbox;
                        bool condstore;
                        bool qresync; /* RFC 7162 section 3.2.5; the sets have no "*" */
                        uint32_t uidvalidity;
                        uint64_t modseq;
                        struct imap_set known;                  /* UIDs; n == 0: all */
                        struct imap_set match_seqs, match_uids; /* ascending */
                } select;                                       /* SELECT EXAMINE */
                struct {
                        struct slice from, to;
                } rename;
                struct {
                        struct slice mailbox;
                        struct slice *uses; /* RFC 6154: "Drafts", without the backslash */
                        size_t uses_n;
                } create;
                struct {
                        struct slice reference, *patterns; /* UTF-8 */
                        size_t patterns_n;                 /* at least one */
                        bool extended;                     /* the syntax of RFC 5258 was used */
                        unsigned select, returns;          /* enum imap_list_select, imap_list_return */
                        unsigned status;                   /* enum imap_status_item, of RETURN (STATUS) */
                        struct imap_entries metadata;      /* of RETURN (METADATA) */
                } list;                                    /* LIST, LSUB, XLIST */
                struct {
                        struct slice mailbox;
                        unsigned items; /* enum imap_status_item */
                } status;
                struct {
                        struct imap_set set; /* REPLACE: the message that goes, one number */
                        struct slice mailbox;
                        struct slice rest; /* what follows, for append_parse_next() */
                } append;                  /* APPEND, REPLACE */
                struct imap_search search; /* SEARCH; ESEARCH, always .extended */
                struct imap_sort sort;
                struct {
                        struct imap_search search;
                        enum imap_thread algorithm;
                } thread;
                struct {
                        struct slice *tags;
                        size_t n;
                } cancel; /* CANCELUPDATE */
                struct {
                        struct imap_set set;
                        struct imap_fetch_item *items;
                        size_t items_n;
                        bool has_partial; /* UID FETCH: of the set only these (RFC 9394) */
                        struct imap_partial partial;
                        bool has_since, vanished; /* RFC 7162: CHANGEDSINCE, VANISHED */
                        uint64_t since;
                } fetch;
                struct {
                        struct imap_set set;
                        enum imap_store_op op;
                        bool silent;
                        bool has_since; /* RFC 7162: UNCHANGEDSINCE */
                        uint64_t since;
                        struct imap_flags flags;
                } store;
                struct {
                        struct imap_set set;
                        struct slice mailbox;
                } copy;                  /* COPY, MOVE */
                struct imap_set expunge; /* UID EXPUNGE */
                struct {
                        struct slice root;
                        struct imap_resource *resources; /* SETQUOTA only */
                        size_t n;
                } quota; /* GETQUOTA, SETQUOTA */
                struct {
                        struct slice mailbox; /* empty: the server */
                        struct imap_entries entries;
                        unsigned depth;
                        bool limited; /* MAXSIZE was there */
                        uint32_t maxsize;
                } getmetadata;
                struct {
                        struct slice mailbox;
                        struct imap_annotation *list;
                        size_t n;
                } setmetadata;
                struct {
                        bool status;
                        struct imap_notify_group *groups; /* none: NOTIFY NONE */
                        size_t groups_n;
                } notify; /* RFC 5465 */
        };
};

struct lexer;

/* One row a command. */
struct imap_command_type {
        const char *name;
        enum imap_command_id id;
        unsigned states; /* enum imap_state */
        /* The arguments, from behind the command's name; NULL: there are none. For a command that has
         * arguments only with UID (EXPUNGE), these. */
        int (*parse)(struct lexer *l, struct imap_command *c);
        bool uid; /* has a UID form */
};
const struct imap_command_type *imap_command_type(enum imap_command_id id);

struct imap_parse_error {
        struct slice tag; /* empty when even the tag is bad: answer with "*" */
        const char *text; /* static or in the arena; what to say after BAD or NO, response code included */
        bool no; /* say NO: the syntax is right, but the value can never be accepted (a mailbox name that
                    is not mUTF-7 or has control characters: "[CANNOT] Invalid mailbox name ...") */
        /* The command, when at least that was understood: a command that the state forbids is better refused
         * for that. NULL: unknown. */
        const struct imap_command_type *type;
};

/* The whole command: lines joined with their CRLFs, literals in place as "{n}CRLF" or "{n+}CRLF" and n bytes,
 * without the final CRLF. Of APPEND and REPLACE what stands before the first message literal, its mark
 * included: imap/parse_append.h has the rest. `enabled` is a mask of enum imap_feature. 0; -EINVAL with
 * *ret_error. */
int imap_command_parse(struct arena *arena, struct slice bytes, unsigned enabled, struct imap_command *ret,
                       struct imap_parse_error *ret_error);

/* What the reader asks at each literal: the bytes so far end with its mark. True when that literal is (part
 * of) the message of an APPEND or REPLACE, which is not to be read into memory. `begun`: the bytes are not
 * the command's first but follow such a literal. */
bool imap_literal_is_message(struct slice bytes, bool begun);

#endif

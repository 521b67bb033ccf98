#ifndef IMAP_PARSE_H
#define IMAP_PARSE_H

/* The arguments of the commands, and the values several of them share. All are lexer functions
 * (imap/lexer.h): 0, or -EINVAL with l->error. Command parsers begin right behind the command's name and do
 * not look for the end. */

#include "imap/command.h"
#include "imap/lexer.h"

/* Limits. A line of 64 kB could hold more; each is far above what programs send and keeps the memory and time
 * that one command costs in proportion. */
enum {
        PARSE_SET_RANGES_MAX = 32 * 1024, /* of a sequence set: what fits a 64 kB line */
        PARSE_KEYWORDS_MAX = 256,         /* of a flag list */
        PARSE_FETCH_ITEMS_MAX = 256,
        PARSE_HEADER_FIELDS_MAX = 1024,    /* of one HEADER.FIELDS */
        PARSE_PART_DEPTH_MAX = 128,        /* numbers of BODY[1.2.3] */
        PARSE_SEARCH_KEYS_MAX = 16 * 1024, /* keys of one SEARCH */
        /* Nested keys: the parser and the executors recurse, and a stack must not run out. OR takes two keys,
         * so a client that looks for n words sends n levels. */
        PARSE_SEARCH_DEPTH_MAX = 250,
        PARSE_ID_PAIRS_MAX = 30, /* RFC 2971 section 3.3 */
        PARSE_ENABLE_NAMES_MAX = 64,
        PARSE_CANCEL_TAGS_MAX = 64,    /* of CANCELUPDATE: more than there can be contexts */
        PARSE_SOURCES_MAX = 64,        /* of one ESEARCH or one event group of NOTIFY */
        PARSE_SOURCE_NAMES_MAX = 4096, /* mailboxes named in one of them: some clients list all */
        PARSE_LIST_PATTERNS_MAX = 64,  /* each is matched against every folder */
        PARSE_CREATE_USES_MAX = 16,    /* there are eight */
        PARSE_RESOURCES_MAX = 16,      /* of SETQUOTA: four are registered */
        PARSE_ENTRIES_MAX = 256,       /* annotations that one command names */
        PARSE_ENTRY_MAX = 255,         /* bytes of an annotation's name */
        PARSE_NOTIFY_GROUPS_MAX = 256,
};

/* mailbox: an astring in mUTF-7, decoded, or in UTF-8 (FEATURES_UTF8_NAMES); any case of INBOX becomes
 * "INBOX". What is not valid in that encoding (for mUTF-7 any 8-bit byte) or has control characters fails
 * with l->no.
 */
int parse_mailbox(struct lexer *l, struct slice *ret);
/* list-mailbox: the same with wildcards, and without the special INBOX. */
int parse_pattern(struct lexer *l, struct slice *ret);
int parse_set(struct lexer *l, struct imap_set *ret); /* or "$" */
/* Message numbers where UIDONLY is on (RFC 9586): always -EINVAL. */
int parse_refuse_numbers(struct lexer *l);
/* True when a sequence set may begin here. */
bool parse_at_set(const struct lexer *l);

enum parse_recent { PARSE_RECENT_REFUSED, PARSE_RECENT_IGNORED };
int parse_flag_list(struct lexer *l, enum parse_recent recent, struct imap_flags *ret);      /* "(" ... ")" */
int parse_flag_list_bare(struct lexer *l, enum parse_recent recent, struct imap_flags *ret); /* or without */

int parse_date(struct lexer *l, struct imap_date *ret); /* 1-Feb-1994, quoted or not */
/* " 1-Feb-1994 21:52:25 -0800" in quotes. The one second whose time_t is -1 becomes 0. */
int parse_date_time(struct lexer *l, time_t *ret);

/* [SP "RETURN" SP "(" options ")"], right behind a command's name; sets .extended, .results, .partial. */
int parse_return(struct lexer *l, struct imap_search *search);
int parse_partial_range(struct lexer *l, struct imap_partial *ret);
/* One filter-mailboxes of the kinds in the mask `allowed` (enum imap_source_kind). */
int parse_source(struct lexer *l, unsigned allowed, struct imap_source *ret);
/* The keys, from the first one to the end of the command. */
int parse_search_program(struct lexer *l, struct imap_search *search);
/* section-spec: what stands in BODY[...]; takes what belongs to it, which may be nothing. */
int parse_section_spec(struct lexer *l, struct imap_section *ret);

/* parse_login.c */
int parse_login(struct lexer *l, struct imap_command *c);
int parse_authenticate(struct lexer *l, struct imap_command *c);
int parse_enable(struct lexer *l, struct imap_command *c);
int parse_compress(struct lexer *l, struct imap_command *c);
int parse_id(struct lexer *l, struct imap_command *c);
/* parse_mailbox.c */
int parse_one_mailbox(struct lexer *l, struct imap_command *c); /* CREATE and all that take a name */
int parse_rename(struct lexer *l, struct imap_command *c);
int parse_create(struct lexer *l, struct imap_command *c);
/* parse_list.c */
int parse_list(struct lexer *l, struct imap_command *c); /* LIST, LSUB, XLIST */
int parse_status(struct lexer *l, struct imap_command *c);
/* parse_append.c */
int parse_append(struct lexer *l, struct imap_command *c); /* APPEND, REPLACE: up to the mailbox */
/* parse_select.c */
int parse_select(struct lexer *l, struct imap_command *c);
/* parse_message.c */
int parse_store(struct lexer *l, struct imap_command *c);
int parse_copy(struct lexer *l, struct imap_command *c);
int parse_expunge(struct lexer *l, struct imap_command *c);
/* parse_sort.c */
int parse_sort(struct lexer *l, struct imap_command *c);
int parse_thread(struct lexer *l, struct imap_command *c);
/* parse_notify.c */
int parse_notify(struct lexer *l, struct imap_command *c);
/* parse_fetch.c, parse_search.c */
/* "(" items ")" into c->fetch.items */
int parse_fetch_list(struct lexer *l, struct imap_command *c);
int parse_fetch(struct lexer *l, struct imap_command *c);
int parse_search(struct lexer *l, struct imap_command *c);
int parse_esearch(struct lexer *l, struct imap_command *c);
int parse_cancelupdate(struct lexer *l, struct imap_command *c); /* parse_return.c */

/* parse_quota.c */
int parse_getquota(struct lexer *l, struct imap_command *c);
int parse_setquota(struct lexer *l, struct imap_command *c);
/* parse_metadata.c */
int parse_getmetadata(struct lexer *l, struct imap_command *c);
int parse_setmetadata(struct lexer *l, struct imap_command *c);
int parse_entry(struct lexer *l, struct slice *ret);          /* in lower case */
int parse_entries(struct lexer *l, struct imap_entries *ret); /* "(" ... ")" */

#endif

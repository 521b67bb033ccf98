#ifndef IMAP_ARGUMENT_H
#define IMAP_ARGUMENT_H

/* What commands take: sets, flags, items and options as the parser gives them to imap/command.h. Slices point
 * into the command's bytes or the arena. */

#include <time.h>

#include "base/arena.h"
#include "base/slice.h"

/* Ranges as written, in any order and either end first; IMAP_STAR is "*", which no number of the grammar is.
 */
#define IMAP_STAR 0
struct imap_range {
        uint32_t low, high;
};
struct imap_set {
        struct imap_range *ranges;
        size_t n;
        bool saved; /* "$": what the last SEARCH saved (RFC 5182); there are no ranges */
};

/* The same numbers as ranges that are ascending and apart, in the arena, so that a set of many ranges costs
 * no more than the messages it names. `last` is what "*" means (0: nothing is there, and nothing is named).
 * "9:*" is 5:9 when 5 is the last (RFC 3501 section 9, seq-range). */
struct imap_set imap_set_normalise(struct arena *arena, const struct imap_set *set, uint32_t last);
/* Of such a set: index of the first range that does not end before the number; n when there is none. */
size_t imap_set_at(const struct imap_set *set, uint32_t number);

/* A flag list (RFC 3501 flag-list): system flags as store/mailbox.h's FLAG_* bits have the same values as
 * these. */
enum {
        IMAP_FLAG_SEEN = 1 << 0,
        IMAP_FLAG_ANSWERED = 1 << 1,
        IMAP_FLAG_FLAGGED = 1 << 2,
        IMAP_FLAG_DELETED = 1 << 3,
        IMAP_FLAG_DRAFT = 1 << 4,
        IMAP_FLAG_RECENT = 1 << 7, /* asked for by SEARCH; refused in STORE, ignored in APPEND */
};
struct imap_flags {
        uint8_t system;
        struct slice *keywords;
        size_t keywords_n;
};

enum imap_status_item {
        STATUS_MESSAGES = 1 << 0,
        STATUS_RECENT = 1 << 1,
        STATUS_UIDNEXT = 1 << 2,
        STATUS_UIDVALIDITY = 1 << 3,
        STATUS_UNSEEN = 1 << 4,
        STATUS_DELETED = 1 << 5,         /* RFC 9051 section 6.3.11 */
        STATUS_SIZE = 1 << 6,            /* RFC 8438 */
        STATUS_MAILBOXID = 1 << 7,       /* RFC 8474 */
        STATUS_APPENDLIMIT = 1 << 8,     /* RFC 7889 */
        STATUS_DELETED_STORAGE = 1 << 9, /* RFC 9208 section 4.1.4 */
        STATUS_HIGHESTMODSEQ = 1 << 10,  /* RFC 7162 */
};

/* Selection and return options of LIST (RFC 5258 sections 3.1 and 3.2). */
enum imap_list_select {
        LIST_SELECT_SUBSCRIBED = 1 << 0,
        LIST_SELECT_SPECIAL_USE = 1 << 1, /* RFC 6154 */
        LIST_SELECT_RECURSIVEMATCH = 1 << 2,
        LIST_SELECT_REMOTE = 1 << 3,
        LIST_SELECT_CRITERIA = LIST_SELECT_SUBSCRIBED | LIST_SELECT_SPECIAL_USE, /* what narrows the choice */
};
enum imap_list_return {
        LIST_RETURN_SUBSCRIBED = 1 << 0,
        LIST_RETURN_CHILDREN = 1 << 1,
        LIST_RETURN_SPECIAL_USE = 1 << 2, /* RFC 6154 */
        LIST_RETURN_STATUS = 1 << 3,      /* RFC 5819 */
        LIST_RETURN_MYRIGHTS = 1 << 4,    /* RFC 8440 */
        LIST_RETURN_METADATA = 1 << 5,    /* RFC 9590 */
};

enum imap_fetch_kind {
        FETCH_FLAGS,
        FETCH_UID,
        FETCH_INTERNALDATE,
        FETCH_RFC822_SIZE,
        FETCH_MODSEQ, /* RFC 7162 */
        FETCH_ENVELOPE,
        FETCH_BODY, /* without section: non-extensible structure */
        FETCH_BODYSTRUCTURE,
        FETCH_EMAILID, /* RFC 8474 */
        FETCH_THREADID,
        FETCH_SAVEDATE, /* RFC 8514 */
        FETCH_PREVIEW,  /* RFC 8970 */
        FETCH_RFC822,   /* the three old names (section 6.4.5) */
        FETCH_RFC822_HEADER,
        FETCH_RFC822_TEXT,
        FETCH_SECTION, /* BODY[...] and BODY.PEEK[...] */
        FETCH_BINARY,  /* BINARY[...] and BINARY.PEEK[...] (RFC 3516): part numbers alone */
        FETCH_BINARY_SIZE,
};

enum imap_section_text {
        SECTION_ALL, /* BODY[] or BODY[1.2] */
        SECTION_HEADER,
        SECTION_HEADER_FIELDS,
        SECTION_HEADER_FIELDS_NOT,
        SECTION_TEXT,
        SECTION_MIME,
};

struct imap_section {
        uint32_t *part; /* 1-based numbers; NULL for the message itself */
        size_t part_n;
        enum imap_section_text text;
        struct slice *fields; /* header field names as written */
        size_t fields_n;
        bool peek;
        bool partial; /* <offset.count> */
        uint32_t offset, count;
};

struct imap_fetch_item {
        enum imap_fetch_kind kind;
        struct imap_section section; /* FETCH_SECTION, FETCH_BINARY, FETCH_BINARY_SIZE only */
        bool lazy;                   /* PREVIEW (LAZY) */
};

enum imap_search_kind {
        SEARCH_ALL,
        SEARCH_SET,       /* .set: sequence numbers */
        SEARCH_UID,       /* .set */
        SEARCH_FLAG,      /* .flags.system has one bit (IMAP_FLAG_RECENT too): set */
        SEARCH_NOT_FLAG,  /* the same: not set (UNSEEN, OLD ...) */
        SEARCH_NEW,       /* RECENT UNSEEN */
        SEARCH_KEYWORD,   /* .text */
        SEARCH_UNKEYWORD, /* .text */
        SEARCH_BEFORE,
        SEARCH_ON,
        SEARCH_SINCE, /* .date: INTERNALDATE */
        SEARCH_SENTBEFORE,
        SEARCH_SENTON,
        SEARCH_SENTSINCE, /* .date: Date: header */
        SEARCH_SAVEDATESUPPORTED,
        SEARCH_SAVEDBEFORE,
        SEARCH_SAVEDON,
        SEARCH_SAVEDSINCE, /* .date: when it came into the folder (RFC 8514) */
        SEARCH_EMAILID,
        SEARCH_THREADID, /* .text (RFC 8474) */
        SEARCH_OLDER,
        SEARCH_YOUNGER, /* .number: seconds before now, INTERNALDATE (RFC 5032) */
        SEARCH_MODSEQ,  /* .modseq: as high or higher (RFC 7162) */
        SEARCH_LARGER,
        SEARCH_SMALLER, /* .number */
        SEARCH_HEADER,  /* .header (name) .text; also for FROM TO CC BCC SUBJECT */
        SEARCH_BODY,
        SEARCH_TEXT, /* .text */
        SEARCH_NOT,  /* .children, one */
        SEARCH_OR,   /* .children, two */
        SEARCH_AND,  /* .children */
};

struct imap_date {
        int year, month, day; /* month 1 to 12 */
};

struct imap_search_key {
        enum imap_search_kind kind;
        struct imap_set set;
        uint8_t flag;
        struct slice header;
        struct slice text; /* in the search's charset, as sent */
        struct imap_date date;
        uint32_t number;
        uint64_t modseq;
        struct imap_search_key *children; /* linked by ->next */
        struct imap_search_key *next;
};

/* What RETURN asks of a search (RFC 4731, 5182, 5267, 6203, 9394). */
enum imap_return {
        RETURN_MIN = 1 << 0,
        RETURN_MAX = 1 << 1,
        RETURN_ALL = 1 << 2,
        RETURN_COUNT = 1 << 3,
        RETURN_PARTIAL = 1 << 4,
        RETURN_RELEVANCY = 1 << 5,
        RETURN_SAVE = 1 << 6,
        RETURN_CONTEXT = 1 << 7,
        RETURN_UPDATE = 1 << 8,
        RETURN_DATA = (1 << 6) - 1, /* those that an ESEARCH response has data of */
};

/* "23500:24000" of what is found, or "-1:-100" counted from the end; as written, either number first. */
struct imap_partial {
        bool from_end;
        uint32_t a, b; /* from 1 */
};

struct imap_search {
        bool extended;               /* RETURN was there: the answer is ESEARCH */
        unsigned results;            /* enum imap_return; RETURN_ALL for "RETURN ()" */
        struct imap_partial partial; /* RETURN_PARTIAL only */
        struct slice charset;        /* empty: US-ASCII (taken as UTF-8) */
        bool modseq;                 /* some key is MODSEQ: the answer has one too (RFC 7162) */
        struct imap_search_key *key; /* SEARCH_AND at the top */
        struct imap_source *sources; /* ESEARCH only; none: the selected mailbox */
        size_t sources_n;
};

/* filter-mailboxes: which mailboxes (RFC 5465 section 6, RFC 7377 section 2.2) */
enum imap_source_kind {
        SOURCE_SELECTED = 1 << 0,
        SOURCE_SELECTED_DELAYED = 1 << 1, /* NOTIFY only */
        SOURCE_INBOXES = 1 << 2,
        SOURCE_PERSONAL = 1 << 3,
        SOURCE_SUBSCRIBED = 1 << 4,
        SOURCE_SUBTREE = 1 << 5,     /* .names and all below */
        SOURCE_SUBTREE_ONE = 1 << 6, /* .names and one level below; ESEARCH only */
        SOURCE_MAILBOXES = 1 << 7,   /* .names */
};
struct imap_source {
        enum imap_source_kind kind;
        struct slice *names;
        size_t names_n;
};

/* RFC 5465 section 8. */
enum imap_notify_event {
        NOTIFY_MESSAGE_NEW = 1 << 0,
        NOTIFY_MESSAGE_EXPUNGE = 1 << 1,
        NOTIFY_FLAG_CHANGE = 1 << 2,
        NOTIFY_MAILBOX_NAME = 1 << 3,
        NOTIFY_SUBSCRIPTION_CHANGE = 1 << 4,
        NOTIFY_UNSUPPORTED = 1 << 5, /* any other */
        NOTIFY_MAILBOX_METADATA = 1 << 6,
        NOTIFY_SERVER_METADATA = 1 << 7,
        NOTIFY_MESSAGE_EVENTS = NOTIFY_MESSAGE_NEW | NOTIFY_MESSAGE_EXPUNGE | NOTIFY_FLAG_CHANGE,
};
struct imap_notify_group {
        struct imap_source source;
        unsigned events;               /* enum imap_notify_event; 0: NONE */
        struct imap_fetch_item *items; /* what to send of a new message; SELECTED only */
        size_t items_n;
};

/* Sort keys (RFC 5256 section 3, RFC 5957). */
enum imap_sort_key {
        SORT_ARRIVAL,
        SORT_CC,
        SORT_DATE,
        SORT_FROM,
        SORT_SIZE,
        SORT_SUBJECT,
        SORT_TO,
        SORT_DISPLAYFROM,
        SORT_DISPLAYTO,
        SORT_KEYS
};

struct imap_sort {
        struct imap_search search;
        struct {
                enum imap_sort_key key;
                bool reverse;
        } by[SORT_KEYS]; /* each key once: a second time it would decide nothing */
        size_t by_n;
};

enum imap_thread {
        THREAD_ORDEREDSUBJECT,
        THREAD_REFERENCES,
        THREAD_REFS, /* as Dovecot has it: no subjects, threads in the order of their newest messages */
};

/* What SETQUOTA sets. */
struct imap_resource {
        struct slice name;
        uint64_t limit;
};

/* Names of annotation entries, in lower case. */
struct imap_entries {
        struct slice *names;
        size_t n;
};
struct imap_annotation {
        struct slice entry, value; /* value.p NULL: NIL */
};
enum { IMAP_DEPTH_INFINITY = 2 }; /* beside 0 and 1 */

enum imap_store_op { STORE_SET, STORE_ADD, STORE_REMOVE };

#endif

#ifndef IMAP_SEARCH_TREE_H
#define IMAP_SEARCH_TREE_H

/* What search_make() makes and search_filter() and search_match() walk; for imap/search_*.c alone. */

#include "imap/search.h"
#include "imap/search_text.h"

/* What it takes to know. All but the first and the last are usually in the index or the cache. */
enum search_cost {
        SEARCH_COST_INDEX, /* no more than struct message has */
        SEARCH_COST_STAT,
        SEARCH_COST_SENT,
        SEARCH_COST_SIZE,
        SEARCH_COST_KEYS,
        SEARCH_COST_HEADER,
        SEARCH_COST_TEXT
};

struct search_node {
        enum imap_search_kind kind;
        enum search_cost cost; /* of the dearest key below */
        struct imap_set set;   /* ascending, apart, "*" resolved */
        uint8_t flag;
        uint64_t keyword; /* mask; 0: a keyword nobody has */
        uint32_t number;
        uint64_t modseq;
        int64_t day;   /* since 1970 */
        int64_t limit; /* OLDER, YOUNGER: seconds since 1970 */
        struct slice header;
        int key;                             /* enum search_key; -1: another header */
        struct slice text;                   /* folded */
        size_t needle;                       /* BODY, TEXT: index */
        struct search_node *children, *next; /* children by cost */
};

/* A header field, its folded value when a key has asked for it. */
struct search_field {
        struct slice name, value, folded;
        bool is_folded;
};

struct search_fields {
        struct search_field *field;
        size_t n;
        bool listed;
};

struct search {
        struct search_node *root; /* SEARCH_AND */
        struct search_needle *needles;
        size_t needles_n;
        struct slice *headers; /* for search_headers() */
        size_t headers_n, headers_cap;

        /* the message at hand */
        const struct search_message *message;
        struct arena arena; /* emptied between messages */
        bool opened, scanned, keyed, dated, sent_valid, sized, stamped;
        struct slice text, keys;
        struct search_scan scan;
        struct search_fields of_text, of_header;
        int64_t sent_day;
        time_t internaldate;
        uint64_t size;
};

#endif

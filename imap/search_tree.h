#ifndef IMAP_SEARCH_TREE_H
#define IMAP_SEARCH_TREE_H

/* What search_make() makes and search_match() walks; for imap/search_*.c alone. */

#include "imap/search.h"
#include "imap/search_text.h"
#include "mime/date.h"

/* What it takes to know. */
enum search_cost {
        SEARCH_COST_NONE,
        SEARCH_COST_STAT,
        SEARCH_COST_SIZE,
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
        int day; /* year, month, day as digits: 19940201 */
        struct slice header;
        struct slice text;                   /* folded */
        size_t needle;                       /* BODY, TEXT: index */
        struct search_node *children, *next; /* children by cost */
};

/* A header field, its folded value when a key has asked for it. */
struct search_field {
        struct slice name, value, folded;
        bool is_folded;
};

struct search {
        struct search_node *root;
        struct search_needle *needles;
        size_t needles_n;

        /* the message at hand */
        const struct search_message *message;
        struct arena arena; /* emptied between messages */
        bool opened, listed, scanned, dated, sized, stamped;
        struct slice text;
        struct search_field *fields;
        size_t fields_n;
        int sent_day, internal_day; /* sent_day 0: there is no Date */
        uint64_t size;
};

#endif

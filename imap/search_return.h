#ifndef IMAP_SEARCH_RETURN_H
#define IMAP_SEARCH_RETURN_H

/* What a search found, said as its RETURN asks: the ESEARCH response (RFC 4731, 5182, 5267, 6203, 9394; RFC
 * 9051 section 7.3.4). Numbers are kept as ranges, in the order of results: by sequence number, but for SORT.
 *
 *   MIN, MAX   the first and the last result (RFC 5267 section 3.1 for SORT)
 *   COUNT      how many there are
 *   ALL        all of them; nothing when there are none
 *   PARTIAL    those at the positions asked for, NIL when there are none
 *   SAVE       which of them "$" is: search_return_saved() */

#include "imap/range_list.h"
#include "wire/conn.h"

struct search_return {
        const struct imap_search *asked;
        bool uid;      /* results are UIDs */
        bool from_end; /* they are added from the last one to the first one */
        bool modseq;   /* a MODSEQ result is wanted (RFC 7162 section 3.1.5) */

        uint32_t count, first, last; /* results; numbers of the first and the last one added */
        uint32_t first_uid, last_uid;
        uint64_t first_modseq, last_modseq; /* theirs */
        uint64_t highest_modseq;            /* of those that are kept, or of all */
        struct range_list numbers;          /* for ALL and PARTIAL */
        struct range_list uids;             /* for SAVE */
        struct range_list all;              /* for UPDATE: numbers, whatever else is asked for */
};

/* asked->results decides what is kept. `sorted`: results are not in the order of their numbers. */
void search_return_begin(struct search_return *r, const struct imap_search *asked, bool uid, bool sorted);
void search_return_free(struct search_return *r); /* also a _cleanup_ function */

/* Another result, in order. False: no more are needed. modseq may be 0 when .modseq is false. */
bool search_return_add(struct search_return *r, uint32_t seq, uint32_t uid, uint64_t modseq);

/* Behind the last result; before what follows. */
void search_return_end(struct search_return *r);

/* Nothing but SAVE was asked for: there is no ESEARCH response (RFC 5182 section 2.1). */
bool search_return_is_silent(const struct search_return *r);
/* " UID MIN 1 COUNT 3 ...": what stands behind the correlator. */
void search_return_write(const struct search_return *r, struct conn *to);
/* "* ESEARCH (TAG "tag") ...", or nothing when it is silent. */
void search_return_respond(const struct search_return *r, struct conn *to, struct slice tag);
/* "1:4,7" */
void search_return_write_set(struct conn *to, const struct imap_set *set);

/* The UIDs of "$", ascending and apart (RFC 5182 section 2.4, RFC 9394 section 3.2), in the arena. */
struct imap_set search_return_saved(const struct search_return *r, struct arena *arena);

#endif

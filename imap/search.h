#ifndef IMAP_SEARCH_H
#define IMAP_SEARCH_H

/* SEARCH keys (RFC 3501 section 6.4.4) made ready once, then asked of the messages. No I/O of its own. What
 * the index has (numbers, flags) is asked of many messages at a time by search_filter(); what is left, of one
 * after the other by search_match(): a message is then a struct of what is known at once and functions for
 * what costs. Cheap keys are looked at first, and a function is called at most once a message, only when no
 * cheaper key has decided.
 *
 * Text is compared as i;unicode-casemap does (mime/charset.h), in UTF-8: header fields unfolded with encoded
 * words decoded; text parts without their transfer encoding and charset, line ends LF.
 *   HEADER  the fields of that name; an empty text finds any message that has such a field
 *   BODY    every leaf of type text or message, those of messages inside messages too; of text/html what a
 *           reader sees (mime/html.h)
 *   TEXT    the same, and every header line of the message and its parts
 * An empty text is in every message for BODY and TEXT. SENT... keys never find a message without a valid
 * Date. */

#include <time.h>

#include "imap/command.h"
#include "store/mailbox.h"

enum {
        SEARCH_MAX_TEXTS =
                256, /* BODY and TEXT keys of one search: each is looked for in every byte of the mail */
        SEARCH_BATCH = 64, /* messages of search_filter(): bits of its answer */
};

/* What the numbers and names in a search mean in the folder it is for. */
struct search_folder {
        uint32_t messages; /* "*" as a sequence number */
        uint32_t last_uid; /* "*" as a UID; 0: the folder is empty */
        /* The bit of a keyword, or a negative number: no message has it. */
        int (*keyword)(void *context, struct slice name, unsigned *ret_bit);
        void *context;
        struct imap_set saved; /* what "$" names: UIDs, ascending and apart */
        time_t now;            /* for OLDER and YOUNGER */
};

struct search_message {
        uint32_t seq, uid;
        uint8_t flags;     /* IMAP_FLAG_*, with IMAP_FLAG_RECENT */
        uint64_t keywords; /* bits */
        uint64_t modseq;
        /* 0 or -errno, which search_match() gives back. What they give is used until search_match() returns.
         */
        int (*size)(void *context, uint64_t *ret);
        int (*internaldate)(void *context, time_t *ret);
        int (*savedate)(void *context, time_t *ret);
        int (*guid)(void *context, char ret[MAILBOX_GUID_LEN + 1]);
        /* The Date field's day as written, in days since 1970; *ret_valid is false when there is none. */
        int (*sent)(void *context, int64_t *ret_day, bool *ret_valid);
        /* As search_keys_write() makes it. An empty or broken one: `text` is looked at. */
        int (*keys)(void *context, struct slice *ret);
        /* A header that has all fields of search_headers() that the message's has, or the message. */
        int (*header)(void *context, struct slice *ret);
        int (*text)(void *context, struct slice *ret);
        void *context;
};

struct search;

/* 0; -ENOENT: the charset is unknown; -EILSEQ: a text is not of that charset; -E2BIG: more than
 * SEARCH_MAX_TEXTS. Everything is in the arena but what search_free() frees. */
int search_make(struct arena *a, const struct imap_search_key *key, struct slice charset,
                const struct search_folder *folder, struct search **ret);
void search_free(struct search **s); /* also a _cleanup_ function */

/* Numbers outside of which nothing is found, ascending and apart: sequence numbers (*ret_uid false) or UIDs.
 * NULL: all may be. */
const struct imap_set *search_set(const struct search *s, bool *ret_uid);
/* The names of the fields that `header` is asked for, those of search_keys.h not among them. */
const struct slice *search_headers(const struct search *s, size_t *ret_n);

/* Those of n messages from sequence number seq on that are not ruled out by what is asked of the index, a bit
 * each. n is at most SEARCH_BATCH. */
uint64_t search_filter(const struct search *s, uint32_t seq, const struct message *messages, size_t n);
/* No other key is left: those that search_filter() gives are found. */
bool search_is_filter(const struct search *s);

/* One message, all keys. 1, 0, or the -errno of a function of the message. */
int search_match(struct search *s, const struct search_message *m);

#endif

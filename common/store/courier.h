#ifndef STORE_COURIER_H
#define STORE_COURIER_H

/* What Courier keeps beside the messages of a Maildir (Courier 4 and 5), read once when a folder or the
 * subscriptions are taken over from it. Nothing is ever written for Courier. The parsers are pure; what they
 * give points into the text or the arena.
 *
 *   courierimapuiddb          "1 <uidvalidity> <nextuid>", then "<uid> <base name>" a line, UIDs ascending
 *   courierimapkeywords/:list a keyword a line, an empty line, then "<base name>:<n> <n> ..." a message: the
 *                             keywords of these places in the list, from 0
 *   courierimapkeywords/.<n>.<base name>, or <base name>: newer than :list, for one message; a keyword a
 *                             line, none when empty. The highest n counts, the one without a number before
 * all courierimapsubscribed     a name a line: "INBOX", "INBOX.a.b"; in UTF-8 by Courier 5, in mUTF-7 before
 *
 * Lines that make no sense are passed over; a message without a usable line is one that Courier had not seen
 * yet. Functions that read files: 0; -ENOENT: Courier was not here; -EINVAL: not a file of Courier's;
 * -E2BIG past the bounds; another -errno. */

#include "base/arena.h"
#include "base/buf.h"

enum {
        COURIER_UIDS_MAX_BYTES = 100 * 1024 * 1024, /* a million messages, as for our own list */
        COURIER_LIST_MAX_BYTES = 100 * 1024 * 1024,
        COURIER_FILE_MAX_BYTES = 64 * 1024, /* the keywords of one message */
        /* Courier folds these files into :list every quarter of an hour; more of them is not its work */
        COURIER_MAX_FILES = 100 * 1000,
        COURIER_SUBSCRIBED_MAX_BYTES = 4 * 1024 * 1024,
};

struct courier_uid {
        uint32_t uid;
        struct slice base;
};

struct courier_uids {
        uint32_t uidvalidity, nextuid; /* nextuid is above every UID that the file names */
        struct courier_uid *uids;      /* ascending */
        size_t n;
};

/* -EINVAL when the first line is not Courier's. */
int courier_uids_parse(struct slice text, struct arena *a, struct courier_uids *ret);
/* From the folder's directory. */
int courier_uids(int dirfd, struct arena *a, struct courier_uids *ret);

/* The keywords of one message, as Courier has them: whether they are valid here is for the caller. */
struct courier_keywords {
        struct slice base;
        struct slice *names;
        size_t n;
};

/* The text of :list. A message may come more than once. */
void courier_keywords_parse(struct slice text, struct arena *a, struct courier_keywords **ret, size_t *ret_n);
/* The name of a file beside it: its message and how new it is. -EINVAL: it is none of them. */
int courier_keywords_name(struct slice name, struct slice *ret_base, uint64_t *ret_age);
/* From the folder's directory: each message once, those without keywords left out. */
int courier_keywords(int dirfd, struct arena *a, struct courier_keywords **ret, size_t *ret_n);

/* Names as in `subscriptions`: "INBOX", "a.b" in mUTF-7. Those outside of INBOX are left out: they are in
 * other people's Maildirs. */
void courier_subscriptions_parse(struct slice text, struct arena *a, struct slice **ret, size_t *ret_n);
/* From the Maildir's root. */
int courier_subscriptions(int dirfd, struct arena *a, struct slice **ret, size_t *ret_n);

#endif

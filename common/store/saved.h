#ifndef STORE_SAVED_H
#define STORE_SAVED_H

/* struct save, for
 *   save.c    which gets messages ready; maildir_save.c, in tmp/
 *   take.c    which takes them from another mailbox
 *   spool.c   which keeps bytes aside until they are whole
 *   commit.c  which makes them part of the folder, with
 *   maildir_commit.c, place.c   which puts the files where they belong, or takes them back
 *   account.c what that changes in the quota */

#include "store/maildir.h"
#include "store/quota.h"
#include "store/save.h"

enum saved_from {
        SAVED_TMP,  /* it waits in tmp/ */
        SAVED_LINK, /* it gets another name: its file in the mailbox `from` */
        SAVED_MOVE, /* it gets this name instead */
};

struct saved {
        enum saved_from where;
        char *source; /* "tmp/<name>"; of the others "cur/<name>" in `from` */
        char *path;   /* where it went at the commit: "new/..." or "cur/..."; NULL before */
        char *base;
        char *guid;   /* of a copy: the GUID of what it is a copy of */
        uint32_t seq; /* in `from` */
        uint8_t flags;
        uint64_t keywords; /* bits of to->keywords */
        time_t date;       /* INTERNALDATE; 0: not known */
        uint64_t size;     /* as sent; 0: not known */
        uint64_t bytes;    /* of its file */
        bool moves;        /* it leaves `from`, now or behind the commit */

        /* mbox_save.c: the GUID that a copy would have otherwise, where its parts are in the journal */
        char *own_guid, *from_line;
        uint64_t head_at, head_n, body_at, body_n;
};

struct save {
        struct mailbox *to;   /* owned; without a view */
        struct mailbox *from; /* borrowed: of copies and moves */
        struct saved *items;
        size_t n, cap;
        struct buf expunge; /* uint32_t: sequence numbers in `from` of messages moved by copying them, or
                               replaced */

        struct mbox_save *mbox; /* owned, mbox_save.c; NULL: nothing was written */

        /* the message that is being written: items[n] once it is whole */
        struct saved now;
        int fd;
        int spool_fd; /* spool.c */
        uint64_t spool_size;
        time_t internaldate;
        struct buf out;
        uint64_t announced; /* its size, if that was known beforehand; 0 */
        uint64_t size, bare_lf;
        bool pending_cr;                         /* the last byte was a CR, not stored yet */
        char last;                               /* the last byte stored */
        struct quota_found found;                /* what there was before */
        struct quota_sum room;                   /* what the messages saved so far need */
        struct quota_sum replaced;               /* what leaves the quota root with the commit */
        bool moves;                              /* the one being written leaves `from` */
        bool within;                             /* and stays within the quota root: it needs no room */
        int64_t entered_bytes, entered_messages; /* account.c */
        int failed; /* what went wrong; nothing of this save can be committed any more */
        bool committed;
};

void saved_free(struct saved *m);

/* Keeps the text of an error about a path below the folder. */
int save_error(struct save *s, int r, const char *call, const char *below);
bool save_fsyncs(const struct save *s);
/* The message that is being written. A fresh name in tmp/; a keyword, left out when it is too long or
 * finds no room, for the mail counts for more; its sizes into its name (vsize may be RECORD_SIZE_UNKNOWN); it
 * is whole; it is taken back. */
void saved_name(struct save *s);
void saved_keyword(struct save *s, struct slice name);
void saved_sizes(struct save *s, uint64_t size, uint64_t vsize);
void saved_add(struct save *s);
void saved_drop(struct save *s);

/* Takes what is to be linked and cannot be, as bytes. */
int save_take_bytes(struct save *s, struct saved *item);
/* Flags and keywords of an item, from the message it comes from; its name there. */
void save_refresh(struct save *s, struct saved *item);
/* The same from a name that was found for it: "cur/...". */
void save_rename(struct save *s, struct saved *item, struct slice path);

/* Puts all in their places. What is to be moved and is nowhere any more is left out. -EAGAIN: a file that is
 * to be linked was not where it should be; -EXDEV: one cannot be linked (its `where` says LINK or MOVE): call
 * place_back(). `left` is told of what leaves `from`. */
int place_all(struct save *s, struct touch *to, struct touch *left);
/* Everything is where it came from again. */
void place_back(struct save *s);
/* What has to be in the journal before place_all(), so that a part of it is not taken for all. */
void place_intend(struct save *s);

/* account.c. Whether what is moved from `from` stays within the quota root. */
bool account_is_within(const struct save *s);
/* What is replaced makes room: only the difference counts (RFC 8508 section 3.4). */
void account_replace(struct save *s, uint32_t seq);
/* What a message takes of the quota (quota.h), of its bytes in the file and those that are sent of it. */
uint64_t account_bytes(const struct store *s, uint64_t bytes, uint64_t sent);
/* Before a message's bytes are taken: -EDQUOT, -EMSGSIZE. */
int account_check(struct save *s, uint64_t size);
/* Before the files are in their places: -EDQUOT, -EMSGSIZE, or what comes is entered. */
int account_enter(struct save *s);
/* Afterwards: what did not come after all, and what has left `from`. */
void account_settle(struct save *s, bool committed);

#endif

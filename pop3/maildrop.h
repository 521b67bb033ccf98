#ifndef POP3_MAILDROP_H
#define POP3_MAILDROP_H

/* The INBOX as one POP3 session sees it: a fixed list of numbered messages (RFC 1939 section 4), what was
 * marked in it, and the update at QUIT (section 6). New mail is not seen until the next session. */

#include "pop3/uidl.h"

struct maildrop_message {
        uint32_t seq;     /* in the mailbox */
        bool deleted;     /* DELE */
        bool retrieved;   /* RETR since the last RSET: \Seen at QUIT */
        bool gone;        /* somebody else removed it */
        uint64_t size;    /* bytes as sent; see maildrop_measure() */
        const char *uidl; /* see maildrop_name() */
};

struct maildrop {
        struct mailbox *mailbox; /* owned */
        const struct settings *settings;
        struct arena arena; /* messages and their UIDLs */
        struct maildrop_message *messages;
        uint32_t n;
        bool measured, named;
        uint32_t deleted;
        uint64_t bytes, deleted_bytes; /* of all messages; of the deleted ones: once measured */
        uint32_t last, last_at_start;  /* LAST: the highest number that was retrieved */
        bool hides;                    /* pop3_deleted_flag is set; its keyword is deleted_keyword */
        unsigned deleted_keyword;
};

/* Opens the INBOX of the store. 0, -EINVAL with *ret_why (static) for a setting that cannot be, or an error
 * of the store with *ret_why NULL. */
int maildrop_open(struct store *s, const struct settings *settings, struct maildrop *ret,
                  const char **ret_why);
void maildrop_free(struct maildrop *d);

/* The number-th message, from 1; NULL when there is none. */
struct maildrop_message *maildrop_message(struct maildrop *d, uint32_t number);

/* Finds the sizes, all at once: where nobody has noted them, each message has to be read. 0 or an error of
 * the store: then the next call tries again. A message that is gone by now has size 0. */
int maildrop_measure(struct maildrop *d);
/* Makes the UIDLs. 0; -EINVAL with *ret_why (pop3_uidl_format); or an error of the store with *ret_why NULL.
 */
int maildrop_name(struct maildrop *d, const char **ret_why);

/* DELE of a message that is not deleted; RSET. */
void maildrop_delete(struct maildrop *d, struct maildrop_message *m);
void maildrop_reset(struct maildrop *d);

/* QUIT: \Seen for what was retrieved, then the deletions, all of them or none. *ret_flags_error: \Seen could
 * not be set (0 or -errno): no reason to keep mail that is to be deleted. 0 or an error of the store. */
int maildrop_update(struct maildrop *d, int *ret_flags_error);

#endif

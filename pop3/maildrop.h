#ifndef POP3_MAILDROP_H
#define POP3_MAILDROP_H

/* The INBOX as one POP3 session sees it: a fixed list of numbered messages (RFC 1939 section 4), what was
 * marked in it, and the update at QUIT (section 6). New mail is not seen until the next session.
 *
 * Opening costs the same whatever the number of messages, unless pop3_deleted_flag hides some: a number is
 * the sequence number in the mailbox then, and what is noted of messages is made when the first is marked. */

#include "pop3/uidl.h"

struct settings;

struct maildrop {
        struct mailbox *mailbox; /* owned */
        const struct settings *settings;
        struct arena arena;
        uint32_t n;
        uint32_t *seqs; /* by number - 1; NULL: the numbers themselves */

        /* bit sets by number - 1, NULL as long as they are empty */
        uint64_t *deleted_set;   /* DELE */
        uint64_t *retrieved_set; /* RETR since the last RSET: \Seen at QUIT */
        uint32_t deleted;
        uint32_t last; /* the highest number that was retrieved since the last RSET */
        uint32_t last_at_start;
        bool has_last_at_start;

        bool measured;
        uint64_t bytes, deleted_bytes; /* of all messages; of the deleted ones: once measured */
        uint64_t total;                /* of the mailbox then, UINT64_MAX: not known */
        uint32_t unreadable;           /* messages whose size could not be found */

        bool named;
        struct uidl_format format;
        const char **uidls; /* by number - 1; NULL: they come from the format alone */

        bool hides; /* pop3_deleted_flag is set; its keyword is deleted_keyword */
        unsigned deleted_keyword;
};

/* Opens the INBOX of the store. 0, -EINVAL with *ret_why (static) for a setting that cannot be, or an error
 * of the store with *ret_why NULL. */
int maildrop_open(struct store *s, const struct settings *settings, struct maildrop *ret,
                  const char **ret_why);
void maildrop_free(struct maildrop *d);

/* Numbers are from 1 to d->n in all that follows. */
static inline uint32_t maildrop_seq(const struct maildrop *d, uint32_t number)
{
        return d->seqs ? d->seqs[number - 1] : number;
}

static inline bool maildrop_is_deleted(const struct maildrop *d, uint32_t number)
{
        return d->deleted_set && d->deleted_set[(number - 1) / 64] >> (number - 1) % 64 & 1;
}

/* Bytes as sent. A message that is gone and whose size nobody knew has 0. 0 or an error of the store. */
int maildrop_size(struct maildrop *d, uint32_t number, uint64_t *ret);
/* Finds d->bytes and d->deleted_bytes, exact for what maildrop_size() says now; where nobody has noted a size
 * the message has to be read. One that cannot be read counts as 0 bytes and in d->unreadable; the rest of the
 * maildrop stays usable. 0 or an error of the store that is not about one message. */
int maildrop_measure(struct maildrop *d);

/* Finds out what it takes to make UIDLs. 0; -EINVAL with *ret_why (pop3_uidl_format); or an error of the
 * store with *ret_why NULL. */
int maildrop_name(struct maildrop *d, const char **ret_why);
/* After that: writes the UIDL, at most UIDL_MAX characters and no NUL, and returns where it ends. */
char *maildrop_write_uidl(const struct maildrop *d, uint32_t number, char *to);

/* DELE of a message that is not deleted; RETR; RSET. */
void maildrop_delete(struct maildrop *d, uint32_t number);
void maildrop_retrieved(struct maildrop *d, uint32_t number);
void maildrop_reset(struct maildrop *d);
/* LAST (RFC 1460): the highest number that was retrieved in this session or any before; 0. */
uint32_t maildrop_last(struct maildrop *d);

/* QUIT: \Seen for what was retrieved, then the deletions, all of them or none. *ret_flags_error: \Seen could
 * not be set (0 or -errno): no reason to keep mail that is to be deleted. 0 or an error of the store. */
int maildrop_update(struct maildrop *d, int *ret_flags_error);

#endif

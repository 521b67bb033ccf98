#ifndef STORE_MBOX_STATUS_H
#define STORE_MBOX_STATUS_H

/* The header fields of an mbox's messages that are about the mailbox and not about the message, as Dovecot
 * and UW-IMAP write them: which they are, and what they say. Pure.
 *
 *   Status: RO            R read, O no longer recent
 *   X-Status: AFTD        answered, flagged, draft, deleted
 *   X-Keywords: $Todo x   and blanks, room for more
 *   X-UID: 12
 *   X-IMAPbase: 1234567890 0000000012 $Todo x   UIDVALIDITY, the last UID given, all keywords of the mailbox
 *   X-IMAP: ...           the same, in a first message that is not mail but holds these things
 *   Content-Length: 5     of the body
 *   Lines: 2              the same, from mutt, which puts it behind Content-Length; elsewhere it is mail */

#include "mime/header.h"

/* A base with a higher last UID makes no sense: no mailbox has had so many messages, but a sender can say
 * so, and there would be no UIDs left for long. */
#define MBOX_LAST_UID_MAX 0xf0000000u

enum mbox_field {
        MBOX_FIELD_MAIL, /* of the message: what clients see */
        MBOX_FIELD_BASE, /* X-IMAPbase, X-IMAP */
        MBOX_FIELD_STATUS,
        MBOX_FIELD_X_STATUS,
        MBOX_FIELD_KEYWORDS,
        MBOX_FIELD_UID,
        MBOX_FIELD_LENGTH,
        MBOX_FIELD_LINES, /* never written here, never taken away */
        MBOX_FIELDS,
};

struct mbox_status {
        uint32_t uid;    /* X-UID; 0: none that makes sense */
        uint8_t flags;   /* FLAG_* of store/mailbox.h */
        bool old;        /* Status has O: no longer \Recent */
        bool any;        /* there is a Status, X-Status or X-Keywords */
        bool base;       /* there is X-IMAPbase (or X-IMAP) that makes sense */
        bool pseudo;     /* X-IMAP, or it looks like it: the folder's internal data, not mail */
        bool has_length; /* Content-Length is a number */
        uint32_t uidvalidity, last_uid; /* of the base; the former is never 0 */
        uint64_t length;
        struct slice base_keywords; /* the rest of the base, in the header: for mbox_keyword() */
        struct slice keywords;      /* X-Keywords' value, the same way */
};

/* The letters of Status and X-Status; O is apart from them. */
extern const struct mbox_letter {
        char letter;
        enum mbox_field kind;
        uint8_t flag;
} mbox_letters[5];

/* What of a header was passed that matters for the fields behind it; {0} before the first. */
struct mbox_passed {
        bool length; /* a Content-Length, the one that counts */
        bool lines;  /* between it and here is no field of the mail, and no Lines */
};
/* To be asked of each field, in their order. */
enum mbox_field mbox_field_of(struct mbox_passed *p, const struct header_field *f);

/* What one field adds. Of several Status and X-Status all count, of the others the first that makes sense. */
void mbox_status_add(struct mbox_status *st, enum mbox_field kind, const struct header_field *f);
/* What a header says. */
struct mbox_status mbox_status_of(struct slice head);
/* Whether a first message without X-IMAP is the pseudo message all the same, from what it calls itself. */
bool mbox_looks_pseudo(struct slice head);

/* Takes the next name off a list of keywords (blanks and folds between); false at the end. */
bool mbox_keyword(struct slice *list, struct slice *ret);
/* Whether one of the names in a list is this one. */
bool mbox_keywords_have(struct slice list, struct slice name);
/* Whether two lists name the same ones. */
bool mbox_keywords_same(struct slice a, struct slice b);

#endif

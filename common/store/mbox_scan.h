#ifndef STORE_MBOX_SCAN_H
#define STORE_MBOX_SCAN_H

/* Where the messages of an mbox lie (RFC 4155, mboxo, mboxrd, mboxcl), and what their headers say of them.
 * Pure but for the function that the bytes come from; memory stays constant whatever the file is like.
 *
 * A message begins with a From_ line at the beginning of the file, or behind a line end (the empty line
 * before it may be missing); a line that merely begins with "From " and has no date is text. Content-Length
 * is believed where it proves true: the file ends there, or another From_ line is there (an empty line may
 * come first); lines in between are text then, whatever they look like. Line ends are LF or CRLF, line by
 * line. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
        MBOX_HASH_LEN = 32, /* hex digits */
        /* What is looked at of a header; Status and its like further down are not seen. A header is text of
         * its sender: nobody's mail has more. */
        MBOX_HEAD_MAX = 256 * 1024,
        MBOX_FROM_MAX = 1024, /* of a From_ line; a longer one is text */
        MBOX_KEYWORDS_MAX = 64,
};

struct mbox_source {
        /* Up to n bytes at the offset; 0 at the end; -errno. */
        ssize_t (*read)(void *context, void *to, size_t n, uint64_t offset);
        void *context;
        uint64_t end; /* where reading stops, though the file may go on */
};

/* What the metadata headers say: Status, X-Status, X-Keywords, X-UID, X-IMAPbase or X-IMAP. */
struct mbox_status {
        uint32_t uid;  /* X-UID; 0: none */
        uint8_t flags; /* FLAG_* of store/mailbox.h */
        bool old;      /* Status has O: no longer \Recent */
        bool any;      /* there is a Status, X-Status or X-Keywords */
        bool base;     /* there is X-IMAPbase (or X-IMAP) that makes sense */
        bool pseudo;   /* X-IMAP, or it looks like it: the folder's internal data, not mail */
        uint32_t uidvalidity, last_uid; /* of the base */
        struct slice base_keywords;     /* the rest of the base: names with spaces between; in the header */
        struct slice keywords;          /* X-Keywords' value, the same way */
};

struct mbox_message {
        uint64_t offset; /* of its From_ line */
        uint64_t stored; /* bytes to the next message's From_ line, or the end */
        uint32_t from_n; /* of them the From_ line with its line end */
        uint32_t head_n; /* then the header, with the empty line behind it where there is one */
        uint64_t body_n; /* then the body, without the one empty line that separates messages */
        uint64_t size;   /* as sent: without metadata headers, every line end CRLF (and `unquote` done) */
        time_t date;     /* of the From_ line, which is local time unless it names a zone; -1: none */
        struct mbox_status status;
        char hash[MBOX_HASH_LEN + 1]; /* of the header without metadata, and of the From_ line */
        struct slice from, head; /* their text, the latter at most MBOX_HEAD_MAX; valid until the next call */
};

struct mbox_scan {
        struct mbox_source source;
        bool unquote; /* mboxrd: one ">" of ">From ", ">>From " ... does not count in `size` */
        uint64_t at;  /* where the next message begins */
        struct buf window;
        uint64_t window_at;
        struct buf head, from;
};

/* From an offset where a From_ line is (0, or what an earlier scan said). */
void mbox_scan_begin(struct mbox_scan *s, const struct mbox_source *source, uint64_t at, bool unquote);
void mbox_scan_end(struct mbox_scan *s); /* also a _cleanup_ function */
/* 1: the next message; 0: the end; -EBADMSG: there is no From_ line where one must be; -errno of the source.
 */
int mbox_scan_next(struct mbox_scan *s, struct mbox_message *ret);
/* The same without its body: stored, body_n and size are not set, and the next call begins at `at`, which the
 * caller sets. */
int mbox_scan_head(struct mbox_scan *s, struct mbox_message *ret);

/* Whether a line is a From_ line, and its date. */
bool mbox_is_from_line(struct slice line, time_t *ret_date);

#endif

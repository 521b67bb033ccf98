#ifndef STORE_MBOX_SCAN_H
#define STORE_MBOX_SCAN_H

/* Where the messages of an mbox lie (RFC 4155, mboxo, mboxrd, mboxcl), and what their headers say of them.
 * Pure but for the function that the bytes come from; memory stays constant whatever the file is like.
 *
 * A message begins with a From_ line at the beginning of the file, or behind a line end (the empty line
 * before it may be missing); a line that merely begins with "From " and has no date is text. Content-Length
 * is believed where it proves true: the file ends there, or another From_ line is there (a line end may come
 * first); lines in between are text then, whatever they look like. The line end before a From_ line, or at
 * the end of the file, is no part of the body, as Dovecot and mutt have it: where there is an empty line,
 * that is what goes, where there is none the body's last line has no end. Whoever writes the message again
 * with an empty line or a Content-Length changes nothing. Line ends are LF or CRLF, line by line. A header
 * ends with an empty line, a From_ line or the file. NULs are bytes like others. */

#include <sys/types.h>

#include "store/mbox_from.h"
#include "store/mbox_quote.h"
#include "store/mbox_status.h"

enum {
        MBOX_HASH_LEN = 32, /* hex digits */
        /* What is looked at of a header, whole fields of it; Status and its like further down are not seen,
         * and are sent as any other. A header is text of its sender: nobody's mail has more. */
        MBOX_HEAD_MAX = 256 * 1024,
        MBOX_HEAD_STEP = 4096, /* most headers have less */
};

struct mbox_source {
        /* Up to n bytes at the offset; 0 at the end; -errno. */
        ssize_t (*read)(void *context, void *to, size_t n, uint64_t offset);
        void *context;
        uint64_t end; /* where reading stops, though the file may go on */
};

struct mbox_message {
        uint64_t offset; /* of its From_ line */
        uint64_t stored; /* bytes to the next message's From_ line, or the end */
        uint32_t from_n; /* of them the From_ line with its line end */
        uint64_t head_n; /* then the header, with the empty line behind it where there is one */
        uint64_t body_n; /* then the body, without the line end that separates messages */
        uint64_t size;   /* as sent: without metadata headers, every line end CRLF (and `unquote` done) */
        struct mbox_status status; /* base and pseudo count in the file's first message only */
        /* Of the From_ line and the header without metadata, as they are sent: it stays when flags change. */
        char hash[MBOX_HASH_LEN + 1];
        /* Their text, valid until the next call, as are the slices in `status`. head.n < head_n: of so long a
         * header these are the fields that are within MBOX_HEAD_MAX; what follows has no metadata. With
         * head.n 0 of more, none can be written either: what follows may begin with a fold. */
        struct slice from, head;
};

struct mbox_scan {
        struct mbox_source source;
        bool unquote;      /* mboxrd: one ">" of ">From ", ">>From " ... does not count in `size` */
        uint64_t at;       /* where the next message begins */
        uint32_t step;     /* bytes read at a time; who looks at headers only may say MBOX_HEAD_STEP */
        struct buf window; /* the file's bytes from window_at on */
        uint64_t window_at;
        struct buf head, from;
        struct buf sent; /* From_ line and visible header with CRLFs, for the hash */
};

/* From an offset where a From_ line is (0, or what an earlier scan said). */
void mbox_scan_begin(struct mbox_scan *s, const struct mbox_source *source, uint64_t at, bool unquote);
void mbox_scan_end(struct mbox_scan *s); /* also a _cleanup_ function */
/* 1: the next message; 0: the end; -EBADMSG: there is no From_ line where one must be; -errno of the source.
 */
int mbox_scan_next(struct mbox_scan *s, struct mbox_message *ret);
/* The same without its body: stored, body_n and size are 0, and the next call begins at `at`, which the
 * caller sets. */
int mbox_scan_head(struct mbox_scan *s, struct mbox_message *ret);

#endif

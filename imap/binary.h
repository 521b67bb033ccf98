#ifndef IMAP_BINARY_H
#define IMAP_BINARY_H

/* BINARY[section]<partial> and BINARY.SIZE[section] (RFC 3516): a part's body without its content transfer
 * encoding, decoded on the way out, so that it costs the same memory whatever its size. Lines of text have
 * CRLF. A whole message and a part with parts of its own have an encoding that changes nothing (RFC 2045
 * section 6.4): they are sent as they are. */

#include "imap/command.h"
#include "mime/part.h"
#include "wire/conn.h"

struct binary {
        struct slice text; /* as stored and encoded */
        enum transfer transfer;
        const struct imap_section *what;
        uint64_t size; /* of what is sent: the n of {n} */
        bool has_nul;  /* that has NULs: it needs a literal8, ~{n} */
};

/* Finds a part's body; `root` may be NULL when the section has no part numbers. A part that is not there is
 * empty. 0; -EOPNOTSUPP: its encoding is not known ([UNKNOWN-CTE]). `message` and *what must outlive *ret. */
int binary_locate(struct slice message, const struct part *root, const struct imap_section *what,
                  struct binary *ret);
/* Works out .size and .has_nul, which takes a pass over the text. */
void binary_measure(struct binary *b);
/* Sends the .size bytes. */
void binary_write(struct conn *c, const struct binary *b);

#endif

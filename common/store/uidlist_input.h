#ifndef STORE_UIDLIST_INPUT_H
#define STORE_UIDLIST_INPUT_H

/* The file dovecot-uidlist line by line, in constant memory; for uidlist.c. Slices are valid until the next
 * call. */

#include <sys/stat.h>

#include "store/uidlist_text.h"

struct uidlist_input {
        int fd;          /* -1: not open */
        uint64_t left;   /* bytes of the file that may still be read */
        uint64_t offset; /* behind the last whole line that was given */
        char *p;
        size_t at, n;
};
#define UIDLIST_INPUT_NONE ((struct uidlist_input){.fd = -1})

/* What comes after the size that the file has now is not read. -ENOENT; -EINVAL: not a regular file;
 * -errno. */
int uidlist_input_open(struct uidlist_input *in, int dirfd, struct stat *ret);
void uidlist_input_free(struct uidlist_input *in); /* also a _cleanup_ function */

/* The next line without its LF, or one of these, or -errno. What has no LF is no line. */
enum { UIDLIST_LINE_NONE, UIDLIST_LINE_WHOLE, UIDLIST_LINE_TOO_LONG };
int uidlist_input_line(struct uidlist_input *in, struct slice *ret);
/* The first line. -ENODATA: it is not usable. */
int uidlist_input_header(struct uidlist_input *in, struct uidlist_header *ret);

/* Before the first line was read: the line that ends in front of this offset; empty when it begins too far
 * away, or with the file. False: no line ends there. */
bool uidlist_input_before(struct uidlist_input *in, uint64_t offset, struct slice *ret);
/* Goes on from there, up to a file size. */
int uidlist_input_seek(struct uidlist_input *in, uint64_t offset, uint64_t size);

#endif

#ifndef STORE_FILENAME_H
#define STORE_FILENAME_H

/* Maildir file names: <base>[:2,<flags>]. The base stays for the message's life; flags are letters in ASCII
 * order: D draft, F flagged, P passed, R replied, S seen, T trashed, then a to z for keywords. All pure but
 * filename_generate(). */

#include <time.h>

#include "base/buf.h"

enum { FILENAME_MAX_BYTES = 255 }; /* NAME_MAX of the file systems there are */

/* Whether a directory entry can be a message: not hidden, has a base, no line break (the uidlist could not
 * hold it). */
bool filename_usable(struct slice name);
/* Splits at the first ':'; the info part keeps it and may be empty. */
void filename_split(struct slice name, struct slice *ret_base, struct slice *ret_info);

/* FLAG_* bits and keyword letters (bit 0: a) of an info part; anything that is not ":2," has none. */
void filename_info_parse(struct slice info, uint8_t *ret_flags, uint32_t *ret_letters);
/* Appends the info part that has these flags; letters of the old one that mean nothing to us and what follows
 * a second comma are kept. */
void filename_info_format(struct buf *to, struct slice old_info, uint8_t flags, uint32_t letters);

/* Whether an info part is the one that filename_info_format() makes of flags and letters alone; what they
 * are. */
bool filename_info_plain(struct slice info, uint8_t *ret_flags, uint32_t *ret_letters);

/* The number in ",S=123" (file size) or ",W=123" (size with CRLF) of a base. */
bool filename_size(struct slice base, char key, uint64_t *ret);

/* Order of delivery: the time in the name, its microseconds (".M123"), then the name. */
struct filename_order {
        uint64_t seconds, microseconds; /* of names without microseconds 0, of others one more */
        struct slice base;
};
struct filename_order filename_order_of(struct slice base);
int filename_order_cmp(const struct filename_order *a, const struct filename_order *b);

/* The time in the name, in seconds since 1970; false when it begins with no plausible one. */
bool filename_time(struct slice base, time_t *ret);

/* A base that nobody else makes: <seconds>.M<microseconds>P<pid>.<host>. *last_us makes it later than the one
 * before. */
void filename_generate(struct buf *to, int64_t *last_us);

#endif

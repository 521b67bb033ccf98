#ifndef MIME_CHARSET_H
#define MIME_CHARSET_H

/* Text of any charset into UTF-8, and UTF-8 into a form for comparing without regard to case.
 *
 * us-ascii, utf-8 and the single-byte charsets (ISO 8859, Windows 125x, KOI8 ...) are built in. The others go
 * through iconv(), which loads a shared object at the first charset_open(): in a sandbox without the gconv
 * folder they are unknown, unless charset_preload() was called before. */

#include "base/buf.h"

enum { CHARSET_MAX_NAME = 64 }; /* IANA: names have at most 40 bytes */

struct charset; /* a converter, with the bytes of an unfinished character */

/* 0 or -ENOENT for an unknown name. The name is case-insensitive. The empty name is us-ascii. */
int charset_open(struct slice name, struct charset **ret);
void charset_close(struct charset *c);
/* _cleanup_(charset_close_p) struct charset *c = NULL; */
void charset_close_p(struct charset **c);

/* SEARCH CHARSET and the like: whether charset_open() would succeed. */
bool charset_known(struct slice name);

/* Appends the conversion of the next piece of text; what is invalid becomes U+FFFD, so the output is always
 * valid UTF-8. A character may be cut between two pieces. us-ascii with bytes above 127 is read as UTF-8,
 * which is what such mail is. 0 or -E2BIG from the buffer. */
int charset_convert(struct charset *c, struct slice in, struct buf *to);
/* The end of the text: an unfinished character becomes U+FFFD. The converter is then as new. */
int charset_finish(struct charset *c, struct buf *to);

/* All in one. 0, -ENOENT or -E2BIG. */
int charset_to_utf8(struct slice name, struct slice in, struct buf *to);

/* Opens what iconv() needs for the mail of China, Japan and Korea, once a process and before its sandbox
 * closes: while these converters are open, charset_open() finds their charsets without a file. The caller
 * closes them; NULL stands for what the system lacks. */
enum { CHARSET_PRELOAD = 8 };
void charset_preload(struct charset *ret[static CHARSET_PRELOAD]);

/* Appends valid UTF-8 as i;unicode-casemap sees it (RFC 5051: titlecase, then decomposed), character by
 * character, so text may be folded in pieces cut at characters. Invalid bytes become U+FFFD. Two texts match
 * when one's folding is a substring of the other's. 0 or -E2BIG. */
int charset_fold(struct slice utf8, struct buf *to);

/* Appends valid UTF-8 in normalisation form C (RFC 5198 section 3). 0 or -E2BIG; -EINVAL: it is not UTF-8.
 * Built without libunistring, text stays as it is. */
int charset_nfc(struct slice utf8, struct buf *to);

#endif

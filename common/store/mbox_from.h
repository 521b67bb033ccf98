#ifndef STORE_MBOX_FROM_H
#define STORE_MBOX_FROM_H

/* The line that each message of an mbox begins with (RFC 4155 appendix A): "From ", who sent it, when it
 * came. Pure but for the local time zone. */

#include <time.h>

#include "base/buf.h"

enum {
        MBOX_FROM_MAX = 1024, /* with its line end; an address has 256 bytes (RFC 5321 section 4.5.3.1.3) */
};

/* Whether a line, with or without its line end, is one, and its date: of the zone that it names, local time
 * without one, -1 when that cannot be told; NULL: nobody wants to know, and mktime(3) need not look for the
 * zone, which is a system call. What is read:
 *   sender   one word, a quoted local part, "name at host" of list archives, nothing ("From  Thu ...")
 *   date     "Thu Nov  9 22:33[:52] [ZONE] 2001 [ZONE]" or "Thu, 9 Nov 2001 22:33[:52] [ZONE]"
 *   behind   anything ("remote from host") */
bool mbox_is_from_line(struct slice line, time_t *ret_date);
/* The date alone. */
time_t mbox_from_date(struct slice line);

/* Appends "From sender  Sat Nov 21 10:11:37 2026" and a line end, CRLF when the header's first line has it,
 * in local time; the sender is taken from Return-Path, Sender or From of the header; "MAILER-DAEMON" without
 * one that fits into a word. */
void mbox_from_line(struct slice head, time_t date, struct buf *to);

#endif

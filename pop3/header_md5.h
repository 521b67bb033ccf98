#ifndef POP3_HEADER_MD5_H
#define POP3_HEADER_MD5_H

/* The MD5 sum of a header that Dovecot makes of messages in an mbox, as mbox_md5 says: %m of
 * pop3_uidl_format. Clients of a server that has named messages so know them by nothing else. */

#include "base/slice.h"
#include "conf/settings.h"

enum {
        HEADER_MD5_LEN = 32, /* hexadecimal digits */
};

/* What is kept in the store's cache (store/mailbox.h), under numbers that imap/cached.h leaves free: the
 * digits. */
enum { HEADER_MD5_KIND = 24 /* and those behind it, one for each value of mbox_md5 */ };

/* `message` is its header, perhaps with a body behind it, without mbox's From_ line. apop3d: of the first
 * Received field, Date and Message-ID if they are before it, and all Delivered-To and X-Delivery-ID; all: of
 * every field but those that servers write. Of each the value without line breaks and the first blank.
 * 0 with hexadecimal digits, no NUL, or -ENOSYS: this machine's policy has no MD5. */
int header_md5(struct slice message, enum settings_mbox_md5 fields, char ret[HEADER_MD5_LEN]);

#endif

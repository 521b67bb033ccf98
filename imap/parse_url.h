#ifndef IMAP_PARSE_URL_H
#define IMAP_PARSE_URL_H

/* An IMAP URL that names a message or a part of one on this server, for this user (RFC 5092 sections 7.1 and
 * 11, the absolute-path reference; ;PARTIAL= is that of RFC 5550, URL-PARTIAL):
 *
 *   /mailbox;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2/;PARTIAL=0.1024
 *
 * Pure. */

#include "imap/command.h"

struct imap_url {
        struct slice mailbox; /* UTF-8 */
        uint32_t uidvalidity; /* 0: not told */
        uint32_t uid;
        struct imap_section section; /* with .partial; its count is UINT32_MAX for all that follows */
};

/* 0; -EINVAL: another kind of URL, or none. Slices are in the arena. */
int imap_url_parse(struct arena *arena, struct slice text, struct imap_url *ret);

#endif

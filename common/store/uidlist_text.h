#ifndef STORE_UIDLIST_TEXT_H
#define STORE_UIDLIST_TEXT_H

/* The text of dovecot-uidlist, pure. One header line, then a line a message, UIDs ascending:
 *
 *   3 V<uidvalidity> N<nextuid> G<guid> [<key><value> ...]
 *   <uid> [W<size with CRLF>] [S<size>] [P<pop3 uidl>] [G<guid>] [O<pop3 order>] [<key><value> ...] :<base
 * name>
 *
 * Version 1, of Dovecot before 1.1 and Courier's courierimapuiddb: "1 <uidvalidity> <nextuid>" and
 * "<uid> <file name>". Fields with other keys are kept. */

#include "base/buf.h"

/* UIDs from here on leave too few to go on with; a list that has them is broken or hostile. */
#define UIDLIST_UID_MAX 0xffff0000u

enum {
        UIDLIST_VERSION = 3,
        UIDLIST_GUID_LEN = 32,
};

struct uidlist_header {
        unsigned version; /* 1 or 3 */
        uint32_t uidvalidity, nextuid;
        struct slice guid;   /* 32 hex digits, or empty */
        struct slice fields; /* version 3: all of them */
};
/* A line without its LF. 0 or -EINVAL. */
int uidlist_header_parse(struct slice line, struct uidlist_header *ret);
/* Appends the line, with those of `old_fields` that have unknown keys. */
void uidlist_header_format(struct buf *to, uint32_t uidvalidity, uint32_t nextuid, const char *guid,
                           struct slice old_fields);

struct uidlist_line {
        uint32_t uid;
        struct slice fields; /* "W120 S118", may be empty */
        struct slice base;
};
/* 0 or -EINVAL. */
int uidlist_line_parse(unsigned version, struct slice line, struct uidlist_line *ret);
void uidlist_line_format(struct buf *to, const struct uidlist_line *line);

/* The value of the field with this key. */
bool uidlist_field(struct slice fields, char key, struct slice *ret);

/* A message's GUID, which may be any text, as 32 hex digits: itself, in small letters, when it is that; else
 * two XXH3 hashes of it, with the seeds 1 and 2. Clients keep it: it must never change. */
void uidlist_guid(struct slice text, char ret[UIDLIST_GUID_LEN + 1]);
/* Whether it can be the value of a field; the 32 digits always can. */
bool uidlist_guid_fits(struct slice text);

#endif

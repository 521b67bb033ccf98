#ifndef POP3_UIDL_H
#define POP3_UIDL_H

/* Unique ids (RFC 1939 section 7, UIDL): what lets a client that moved here know its messages again. */

#include "base/map.h"
#include "conf/settings.h"
#include "pop3/uidl_format.h"
#include "store/mailbox.h"

/* The id by pop3_uidl_format: %u UID, %v UIDVALIDITY, %f file name, %g GUID, %m MD5 sum (header_md5.h), with
 * conf/expand.h's modifiers. One that another server gave counts more. What is too long or not printable is
 * made fit, in a way that is the same each time. 0, or -EINVAL with *ret_why. */
int uidl_make(const struct uidl_source *source, const struct uidl_format *format, struct arena *arena,
              const char **ret, const char **ret_why);

/* The ids of a maildrop, each given out once. */
struct uidl_names {
        const struct uidl_format *format;
        bool reuse_header;                 /* pop3_reuse_xuidl */
        enum settings_mbox_md5 md5_fields; /* mbox_md5 */
        struct arena *arena;
        struct map taken;
};
void uidl_names_free(struct uidl_names *n);

/* The id of one message; a second one of the same id gets another that is as lasting. 0, -EINVAL with
 * *ret_why, or an error of the store. */
int uidl_of_message(struct uidl_names *n, struct mailbox *m, uint32_t seq, const char **ret,
                    const char **ret_why);

/* Another server gave the message an id. */
bool uidl_is_stored(struct mailbox *m, uint32_t seq);

/* The value of the X-UIDL header of a message (pop3_reuse_xuidl), empty when there is none. */
struct slice uidl_of_header(struct slice message);

#endif

#ifndef POP3_UIDL_H
#define POP3_UIDL_H

/* Unique ids (RFC 1939 section 7, UIDL): what lets a client that moved here know its messages again. */

#include "base/map.h"
#include "store/mailbox.h"

enum { UIDL_MAX = 70 /* RFC 1939: one to 70 characters from 0x21 to 0x7e */ };

/* What a message's id can be made of. */
struct uidl_source {
        uint32_t uid, uidvalidity;
        const char *base_name; /* of the file */
        const char *stored;    /* that another server gave it; "": the file's name was it; NULL: none */
};

/* The id by pop3_uidl_format: %u UID, %v UIDVALIDITY, %f file name, %g GUID, with conf/expand.h's modifiers.
 * One that another server gave counts more. What is too long or not printable is made fit, in a way that is
 * the same each time. 0, or -EINVAL with *ret_why. */
int uidl_make(const struct uidl_source *source, const char *format, struct arena *arena, const char **ret,
              const char **ret_why);

/* The ids of a maildrop, each given out once. */
struct uidl_names {
        const struct settings *settings;
        struct arena *arena;
        struct map taken;
};
void uidl_names_free(struct uidl_names *n);

/* The id of one message; a second one of the same id gets another that is as lasting. 0, -EINVAL with
 * *ret_why, or an error of the store. */
int uidl_of_message(struct uidl_names *n, struct mailbox *m, uint32_t seq, const char **ret,
                    const char **ret_why);

/* The value of the X-UIDL header of a message (pop3_reuse_xuidl), empty when there is none. */
struct slice uidl_of_header(struct slice message);

#endif

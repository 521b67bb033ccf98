#ifndef AUTH_NAME_H
#define AUTH_NAME_H

/* The user name a client wrote becomes the name that is looked up. */

#include "auth/call.h"

enum {
        NAME_MAX_BYTES = 320, /* the longest mail address: 64 + '@' + 255 (RFC 5321 section 4.5.3.1) */
};

/* auth_default_realm, auth_username_chars, auth_username_format. What could be taken for a path ("a/b", "..",
 * "@..") is refused whatever the settings allow: names become parts of paths. 0; -EINVAL (no such name can
 * be) or -ENOTSUP (the format itself is wrong), with *ret_why for the log. */
int name_normalise(const struct auth_call *c, struct slice raw, const char **ret, const char **ret_why);

#endif

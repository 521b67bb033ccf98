#ifndef PRIV_OPTIONS_H
#define PRIV_OPTIONS_H

/* The command line and the settings it names. */

#include "base/log.h"
#include "conf/conf.h"
#include "priv/protocol.h"

enum { OVERRIDES_MAX = 256 };

struct options {
        const char *file; /* -c; NULL: the default one if it is there */
        const char *overrides[OVERRIDES_MAX];
        size_t override_count;
        bool tls, preauth;
};

/* False when the program is done (help, version, a mistake), with *ret_status. */
bool options_parse(const struct protocol *p, int argc, char **argv, struct options *ret, int *ret_status);

/* The settings file that is read when none is named; NULL when it is not there. */
const char *options_default_file(void);

/* Reads the settings file and logs what conf_load() says of it. 0 or -EINVAL. */
int options_load(const struct options *o, struct arena *arena, struct conf **ret);

/* Whether the passdbs and userdbs can be asked, with a log line for each that cannot: it would only show at
 * the first login. */
bool options_check_auth(const struct settings *settings);

/* Where log_path sends the log. */
enum log_target options_log_target(const char *log_path);

#endif

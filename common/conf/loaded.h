#ifndef CONF_LOADED_H
#define CONF_LOADED_H

/* What conf_load() leaves for conf_resolve(): three trees, each applied over the one before. */

#include "conf/reader.h"

struct conf {
        struct conf_node builtin; /* the namespace, passdb and userdb of a file that has none */
        struct conf_node file;
        struct conf_node overrides;
        const struct conf_io *io;
        const struct conf_watch *watches;
};

/* What holds outside of all blocks, with the namespaces as they stand there: conf_resolve() goes on from it.
 */
void resolve_outside(const struct conf *c, struct arena *arena, struct settings *ret);

#endif

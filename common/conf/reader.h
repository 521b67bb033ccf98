#ifndef CONF_READER_H
#define CONF_READER_H

/* Files of the settings language become a tree: includes followed, $names replaced, nothing checked against
 * the table yet. Errors go to the messages; reading goes on behind them, so that one run shows them all. */

#include "conf/conf.h"
#include "conf/message.h"

struct conf_node {
        const char *name;  /* of the setting, or the kind of the section: "namespace" */
        const char *value; /* of the setting, or the section's name ("": none) */
        bool is_section;
        bool is_file; /* name = <value: value is a path, absolute or relative to the working folder */
        struct conf_place at;
        struct conf_node *parent, *next, *children, *last_child;
};

/* Whatever conf_changed() has to look at. */
struct conf_watch {
        const char *path;
        struct conf_identity identity;
        struct conf_watch *next;
};

struct conf_reader {
        struct arena *arena;
        const struct conf_io *io;
        struct conf_messages *messages;
        /* The value that $key has when nothing set it; NULL: there is no such setting. */
        const char *(*default_of)(const struct conf_node *section, const char *key);
        struct conf_watch *watches;
        unsigned files, nodes;
        bool full; /* a limit was met and told: the rest is skipped */
};

/* Each appends to `root`, an empty section at first. A section with a name that is opened again is continued.
 */
void reader_file(struct conf_reader *r, const char *path, struct conf_node *root);
void reader_text(struct conf_reader *r, const char *file, struct slice text, struct conf_node *root);
/* "key=value" or "section/name/.../key=value". */
void reader_override(struct conf_reader *r, const char *override, struct conf_node *root);

/* Remembers what the file is like now. */
void reader_watch(struct conf_reader *r, const char *path);

#endif

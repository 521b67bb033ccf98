#ifndef CONF_CONF_H
#define CONF_CONF_H

/* The settings file: Dovecot 2.3's language. conf_load() reads and checks everything once; conf_resolve()
 * gives the settings of one connection, so that a process that accepts many parses once. */

#include "base/arena.h"
#include "base/buf.h"
#include "conf/settings.h"

struct conf;

struct conf_source {
        const char *path; /* the settings file; NULL: the built-in defaults alone */
        const char *const
                *overrides; /* -o: "key=value" or "section/name/key=value"; they win over the file */
        size_t override_count;
};

/* How files are reached: the tests and the fuzz target give their own. Each returns 0 or -errno. */
struct conf_identity {
        bool exists;
        int64_t mtime_ns, size;
        uint64_t inode;
};
struct conf_io {
        int (*read)(void *context, const char *path, struct buf *to);
        /* Paths that match a glob pattern, sorted, each with a NUL behind it; -ENOENT when there is none. */
        int (*glob)(void *context, const char *pattern, struct buf *to);
        int (*identify)(void *context, const char *path, struct conf_identity *ret);
        void *context;
};
extern const struct conf_io conf_io_files;

/* Reads, follows the includes and checks every name and value. Everything belongs to the arena. Appends to
 * `messages` one line each: "file:line: text" for an error, "file:line: warning: text" for a warning.
 * 0, or -EINVAL when there was an error (then the messages say which; *ret is untouched). */
int conf_load(const struct conf_source *source, struct arena *arena, struct conf **ret, struct buf *messages);
int conf_load_from(const struct conf_source *source, const struct conf_io *io, struct arena *arena,
                   struct conf **ret, struct buf *messages);

/* Whether a file that was read, a key or certificate that is named, or a folder that was searched for
 * includes is another one than at conf_load(). Does not notice a change of the same size within one tick of
 * the clock. */
bool conf_changed(const struct conf *c);

/* What is known about a connection; NULL where it is not known (then such blocks do not apply). */
struct conf_filter {
        const char *protocol;   /* "imap" or "pop3" */
        const char *local_name; /* TLS server name */
        const char *local_ip;
        const char *remote_ip;
};

/* The settings for one connection. The blocks that match are applied from the most general to the most
 * specific: local_name counts more than local, local more than remote, remote more than protocol; among
 * equals the later in the file wins; overrides win over all. `ret` is filled in completely. 0, or -EINVAL
 * when an address of the filter is none. `c` may be shared by later calls. */
int conf_resolve(const struct conf *c, const struct conf_filter *filter, struct arena *arena,
                 struct settings *ret);

/* The names of all local_name blocks (a block may have several), each once, in the order of the file, in the
 * arena: what TLS server names to load certificates for. */
const char *const *conf_local_names(const struct conf *c, struct arena *arena, size_t *ret_n);

/* Appends the content of a file setting. 0 (nothing appended when it is not set) or -errno of reading it. */
int conf_file_read(const struct settings_file *file, struct buf *to);

enum {
        CONF_PRINT_ALL = 1 << 0,     /* not only what differs from the defaults */
        CONF_PRINT_SECRETS = 1 << 1, /* the text of passwords and inline keys; else the values that have one
                                        are left out, and a comment stands in their place */
};

/* Appends the settings of one connection in the file's language, in the table's order. The result can be
 * loaded again. */
void conf_print(const struct settings *s, unsigned flags, struct buf *to);

/* The same of all that was loaded: first what holds outside of all blocks, with namespaces that are disabled,
 * then the blocks for a protocol, a name or an address, each as it stands in the file. Loaded again, with the
 * secrets and without overrides, it resolves to the same for any connection. */
void conf_print_file(const struct conf *c, unsigned flags, struct buf *to);

#endif

#ifndef STORE_TREE_H
#define STORE_TREE_H

/* What is below the root of a namespace's folders, whatever the format: one walk for those who list folders,
 * count what is in them, or watch them. INBOX is not part of it. What a DELETE has left goes
 * when it is seen. */

#include "store/folder.h"

struct tree_entry {
        struct slice disk; /* as folder_name_of() takes it, which may say that it is no name */
        bool is_level;     /* a directory without messages of its own */
        bool is_file;      /* an mbox that nothing can be below */
};

/* 0: go on; 1: that is enough; -errno. What it gives that is not 0 ends the walk. */
typedef int tree_each(void *context, const struct tree_entry *e);

/* 0, also when there is no such root; -errno, with the error set when it is not of `each`. */
int tree_walk(struct store *s, const struct user_namespace *ns, tree_each *each, void *context);

#endif

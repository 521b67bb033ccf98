#ifndef STORE_STORE_H
#define STORE_STORE_H

/* One user's mail: the namespaces, the folders in them, subscriptions. The formats behind it (Maildir, mbox)
 * are chosen by mail_location; nothing above this header knows them.
 *
 * Names are whole IMAP mailbox names in valid UTF-8 (not mUTF-7) with namespace prefix and separator; INBOX
 * is matched in any case and always given as "INBOX".
 *
 * Every function that returns int gives 0 or:
 *   -ENOENT   no such folder               -EEXIST  there is one already
 *   -EINVAL   a name that cannot be         -ENAMETOOLONG  for being too long
 *   -EACCES   not permitted by the file system
 *   -ENOTDIR  what is above it can have no folders below      -ENOTEMPTY  there are folders below
 *   -EROFS    read-only                     -ENOSPC, -EDQUOT, -EIO  as the system said
 *   -ETIMEDOUT  a lock was held too long    -EBUSY   INBOX cannot be deleted, or the like
 *   -EDQUOT over quota, -EMSGSIZE over quota_max_mail_size: store_refusal()
 * and then store_error() tells, for the log, which call on which path failed and what to do about it. */

#include <sys/types.h>

#include "base/arena.h"
#include "base/slice.h"
#include "conf/settings.h"
#include "conf/user.h"

struct store;

/* Reads mail_location and the namespaces, makes the INBOX's Maildir, or the root of mbox folders, when its
 * parent allows it. The settings must outlive the store; the user is copied. On error *ret_error (in the
 * arena) is the text for the log. */
int store_open(const struct settings *settings, const struct mail_user *user, struct arena *arena,
               struct store **ret, const char **ret_error);
/* The same without making anything, for who wants to know where the mail is and how it is. */
int store_examine(const struct settings *settings, const struct mail_user *user, struct arena *arena,
                  struct store **ret, const char **ret_error);
void store_close(struct store **s); /* also a _cleanup_ function; NULL is fine */

/* To be told of what may take long as it goes on: how many messages or files are done, of how many (0: nobody
 * knows); of an mbox, of which bytes are read or moved, how many percent, of 100; 0 of 0 while a lock is
 * waited for. It is called with locks held, and often: it must not wait for anything. */
typedef void store_step(void *context, uint64_t done, uint64_t total);
void store_on_step(struct store *s, store_step *step, void *context);

/* Which location was taken, and why, when mail_location is not set. NULL: it is set. */
const char *store_location_choice(const struct store *s);

/* What the log is told when a session has opened the store, line by line from i = 0 on: the choice, and with
 * mail_debug each namespace and its location. In the arena; NULL: that was all. */
const char *store_log_line(const struct store *s, size_t i, struct arena *arena);

/* Before a long wait, when nobody waits for us: lets go of inotify descriptors that were kept for the next
 * change. A user may have few of them, and the kernel takes 10 ms or more to close one. */
void store_rest(struct store *s);

/* "open(/home/x/Maildir/cur) failed: Permission denied (euid=1000(x) egid=1000, missing +r perm: cur, owner
 * 0:0 mode 0700)". Valid until the next call on this store. Never NULL. */
const char *store_error(const struct store *s);

/* After -EDQUOT or -EMSGSIZE: the words for the client when it was the user's quota or quota_max_mail_size
 * that forbade it, and not the system. NULL: it was not. Valid until the next call on this store. */
const char *store_refusal(const struct store *s);

/* Directories that a session needs, for the sandbox: NULL-terminated, absolute, in the store's memory. */
const char *const *store_paths(const struct store *s);

struct store_namespace {
        const char *prefix; /* "" or "INBOX." */
        char separator;
        enum { NAMESPACE_PERSONAL, NAMESPACE_OTHER, NAMESPACE_SHARED } type;
        bool hidden;
};
const struct store_namespace *store_namespaces(const struct store *s, size_t *ret_n);
/* The separator that applies to a name (that of the namespace it falls in). */
char store_separator(const struct store *s, const char *name);

enum {
        FOLDER_NOSELECT = 1 << 0, /* a level without messages */
        FOLDER_NONEXISTENT =
                1 << 1, /* not there at all: a parent implied by a child, or subscribed and gone */
        FOLDER_CHILDREN = 1 << 2,
        FOLDER_SUBSCRIBED = 1 << 3,
        FOLDER_CHILD_SUBSCRIBED = 1 << 4,
        FOLDER_NOINFERIORS = 1 << 5, /* nothing can be below it */
};

struct folder {
        const char *name; /* UTF-8 */
        char separator;
        unsigned flags;
        const char *special_use; /* "\\Sent \\Archive" or NULL */
};

/* All folders of the namespaces that are listed, missing parents included (FOLDER_NONEXISTENT), sorted INBOX
 * first then by name level by level; subscribed names that do not exist are included with FOLDER_NONEXISTENT
 * | FOLDER_SUBSCRIBED. */
int store_list(struct store *s, struct arena *arena, struct folder **ret, size_t *ret_n);

/* The same, and namespaces with `list = no` when one of the texts begins with their prefix: who names such a
 * namespace sees it. */
int store_list_begins(struct store *s, struct arena *arena, const struct slice *begins, size_t n,
                      struct folder **ret, size_t *ret_n);

/* What the file system permits in a folder. */
enum {
        RIGHT_READ = 1 << 0,
        RIGHT_WRITE = 1 << 1,   /* its messages and their flags */
        RIGHT_FOLDERS = 1 << 2, /* make folders beside and below it, delete and rename it */
};
int store_rights(struct store *s, const char *name, unsigned *ret);

/* One folder: 0, with FOLDER_* bits in *ret_flags, or -ENOENT. */
int store_lookup(struct store *s, const char *name, unsigned *ret_flags);

/* The user's quota. False: there is none. */
bool store_quota_root(const struct store *s, const char **ret_name);
/* Whether it is about this mailbox, which need not exist, and shown to clients. */
bool store_quota_covers(struct store *s, const char *mailbox);
struct store_quota {
        uint64_t bytes, messages;
        uint64_t bytes_limit, messages_limit; /* 0: none */
};
int store_quota(struct store *s, struct store_quota *ret);
/* Whether the user may set the limits, as long as no rule of the settings does; 0: none. -EPERM. */
bool store_quota_settable(const struct store *s);
int store_quota_set(struct store *s, uint64_t bytes, uint64_t messages);

/* A trailing separator is allowed (RFC 3501 section 6.3.3), and makes a level without messages where there
 * are such; parents need not exist. */
int store_create(struct store *s, const char *name);
int store_delete(struct store *s, const char *name);
/* Children move along; renaming INBOX moves its messages into a new folder (RFC 3501 section 6.3.5). -EXDEV:
 * the new name falls in a namespace with another root or, for INBOX, of another format. */
int store_rename(struct store *s, const char *from, const char *to);
int store_subscribe(struct store *s, const char *name, bool on);
/* Gives a folder uses ("\\Drafts \\Sent", or "") beside those of the settings, in place of those it was given
 * before; kept with the folders. -EBUSY: INBOX. */
int store_special_use_set(struct store *s, const char *name, const char *uses);
/* Creates and subscribes the folders whose setting says `auto = create` or `subscribe`. */
int store_auto_create(struct store *s);

#endif

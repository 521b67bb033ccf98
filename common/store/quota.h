#ifndef STORE_QUOTA_H
#define STORE_QUOTA_H

/* The quota root of a user: INBOX and all folders of the namespaces it is about. Backend maildir keeps the
 * sums in Maildir++'s file maildirsize (store/maildirsize.h) in the directory of control files of the first
 * of these namespaces; backend count adds up what the indexes know, each time.
 *
 * Sizes are those of the files with maildir, with CRLF at the end of lines with count, as in Dovecot.
 *
 * What is added is written to maildirsize before the files are in their places, what is taken away after they
 * are gone: a session that is cut off leaves a sum that is too high at worst, and a sum that is above the
 * limit is counted again before it is believed. Others write the file at the same time, without any lock:
 * lines by O_APPEND, a new count by rename. */

#include "conf/quota.h"
#include "store/folder.h"

/* Reads the settings and the userdb's rules into s->quota. On error *ret_error (in the arena) is the text. */
int quota_open(struct store *s, struct arena *arena, const char **ret_error);

/* Whether what is in this folder counts. */
bool quota_counts(const struct store *s, const struct folder_place *f);

struct quota_sum {
        uint64_t bytes, messages;
};

/* What one command has found in the quota root, the first time it had to know; {0} before. As in Dovecot, all
 * its messages are compared with that: looking may mean every folder. */
struct quota_found {
        bool looked;
        bool known; /* else nobody could tell */
        struct quota_sum used;
        struct quota_limits limits;
};

/* Whether messages of these sizes together, the largest of which is `largest`, may be saved into the folder:
 * 0; -EDQUOT over quota, -EMSGSIZE one is too large: then store_refusal() has the words for the client. */
int quota_check(struct store *s, const struct folder_place *f, struct quota_found *found,
                const struct quota_sum *more, uint64_t largest);

/* Enters what has changed in folders that count. What cannot be written is counted again by who needs it. */
void quota_change(struct store *s, int64_t bytes, int64_t messages);
/* Nobody knows what has changed: it is counted again by who needs it. Where not even that can be written it
 * is tried again, when the file is needed next and at the end. */
void quota_forget(struct store *s);
/* The same after more than one folder changed: what is there is counted again. */
void quota_recount(struct store *s);

/* quota_sum.c: what one folder holds, an open Maildir. -errno */
int quota_sum_folder(int dir, struct quota_sum *to);
/* What all folders that count hold. -EAGAIN: something changed meanwhile; the sum is as good as any. */
int quota_sum_files(struct store *s, struct quota_sum *ret);
int quota_sum_indexes(struct store *s, struct quota_sum *ret);

#endif

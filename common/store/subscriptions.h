#ifndef STORE_SUBSCRIPTIONS_H
#define STORE_SUBSCRIPTIONS_H

/* The file `subscriptions` (".subscriptions" of mbox folders, or SUBSCRIPTIONS=): names below the namespace's
 * prefix in mUTF-7, a line each. Two forms, and a file keeps the one it has: plain: "a.b", what Dovecot
 * before 2.2.17 and other servers wrote V 2:   "V\t2", an empty line, then "a<TAB>b" with TAB between levels
 * (and \1t for one in a level, \1n, \1r, \1\1) New files are V 2, as Dovecot 2.3's are. Lines that are no
 * names of ours are kept. */

#include "store/folder.h"

enum { SUBSCRIPTIONS_MAX_BYTES = 4 * 1024 * 1024 /* some ten thousand names */ };

/* Names ("a.b", mUTF-7, as after the dot of ".a.b", or "INBOX") from the text; the array in the arena.
 * `level` is what they have between levels, struct name_form. */
void subscriptions_parse(struct slice text, char level, struct arena *a, struct slice **ret, size_t *ret_n);
/* Appends the new text. Returns false when nothing changes. */
bool subscriptions_edit(struct slice text, struct slice disk, char level, bool on, struct buf *to);

/* Whole names of the subscribed folders, in the arena. */
int subscriptions_read(struct store *s, const struct user_namespace *ns, struct arena *a, const char ***ret,
                       size_t *ret_n);

#endif

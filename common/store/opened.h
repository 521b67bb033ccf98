#ifndef STORE_OPENED_H
#define STORE_OPENED_H

/* struct mailbox, an open folder of any format:
 *   mailbox.c open and close
 *   sync.c    when it is looked at; the index followed
 *   view.c, rebase.c    sequence numbers, and what changed in them
 *   change.c  flags and expunge
 *   content.c bytes, sizes, dates; what is cached
 * What the formats do is in format.h. */

#include "base/arena.h"
#include "store/cache.h"
#include "store/folder.h"
#include "store/format.h"
#include "store/index.h"
#include "store/keywords.h"
#include "store/mailbox.h"

struct mailbox {
        struct store *store;
        const struct format *format;
        struct arena arena; /* name and place */
        struct folder_place place;
        bool read_only;
        bool adds;                   /* but for messages that are added: see opened_open() */
        int dir, control, index_dir; /* each may be one of those before; index_dir -1: INDEX=MEMORY */
        struct stat identity;        /* of dir */
        struct perm perm;
        struct keywords keywords;
        unsigned keywords_told; /* keywords.version at the last sync */
        struct uidlist uidlist;
        struct index index;
        struct cache cache;
        const char *index_fault; /* static: why the index was made anew; NULL */

        int waiting;     /* the error that keeps new mail back */
        bool look_again; /* the last sync saw something that it could not settle */
        bool ghosts;     /* the index was lost or an older one came back, and what the view has of it has not
                            been looked for yet */
        bool unmovable;  /* what is in new/ cannot be moved */

        /* The view: the rows before view_rows, without the holes. */
        uint32_t view_rows;
        struct index_rows holes; /* ascending */
        uint32_t recent;         /* messages of the view */
        uint64_t modseq;         /* see mailbox_highest_modseq() */
        bool hidden; /* holes may be messages: an older index brought back what was told to be gone */

        struct buf learned; /* see content.c */
        struct mbox *mbox;  /* owned; NULL: it is none */

        int watch; /* inotify, for IDLE; -1 */
};

/* Keeps the text of an error about a path below the folder; "" is the folder. */
int opened_error(struct mailbox *m, int r, const char *call, const char *below);

/* mailbox.c: without a look at the directories and without a view; for APPEND and COPY. */
int opened_open(struct store *s, const char *name, struct mailbox **ret);

struct flags opened_flags(const struct mailbox *m, const struct record *rec);

/* sync.c: makes records and directories agree. `force`: a file was not where it should be; the directories
 * are read unless another session has told meanwhile. */
int opened_sync(struct mailbox *m, bool force);
/* index_begin() that follows the index into its next generation, with the view. */
int opened_begin(struct mailbox *m);
void opened_commit(struct mailbox *m);
/* Reads the names of keywords, if they have changed. */
int opened_keywords(struct mailbox *m);
/* change.c: letters for keywords that no message had until now. -ENOBUFS: there are no more. */
int opened_letters(struct mailbox *m, uint64_t keywords);

/* view.c: the record behind a sequence number. */
struct record *opened_record(const struct mailbox *m, uint32_t seq);
/* Adds the rows that came since the last time, at the end. */
void view_extend(struct mailbox *m);
/* Behind a sync: how far what was told reaches. */
void view_advance(struct mailbox *m);
/* rebase.c. `old` is what the view was about: it goes on with m->index, which has been loaded anew. `ghosts`
 * and `look_again` are set when the folder has to tell what the new index cannot. */
int view_rebase(struct mailbox *m, struct index *old);
/* Behind that look, in its transaction: what the view keeps back, and the new history has at no time or at
 * one that the client was told all of, is expunged again, now. */
void view_date_kept_back(struct mailbox *m);

/* content.c: writes what was learned and cached. */
void content_save(struct mailbox *m);
/* A message's GUID, whatever its form (mailbox_message_guid() has one form). Valid until the next call and
 * sync. */
struct slice content_guid(struct mailbox *m, uint32_t seq);

/* watch.c. An inotify descriptor without watches, from those kept if there is one; -errno. */
int watch_take(struct store *s);
/* Keeps it for the next time (see store_rest()), without these watches; negative ones are none. */
void watch_give(struct store *s, int *fd, const int *watches, size_t n);
/* Reads off what inotify has said. */
void watch_drain(struct mailbox *m);

#endif

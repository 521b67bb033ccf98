#ifndef STORE_MAILDIR_H
#define STORE_MAILDIR_H

/* struct mailbox for the files that make it up:
 *   mailbox.c open and close
 *   scan.c    passes over new/ and cur/
 *   lines.c   the uidlist's lines against the records
 *   sync.c    when they are read, and what is missing
 *   settle.c  UIDs, the move out of new/: until records and directories agree
 *   touch.c   own changes of directories, told from those of others
 *   view.c    sequence numbers, and what changed in them
 *   change.c  flags and expunge
 *   content.c bytes, sizes, dates; what is cached */

#include "base/arena.h"
#include "base/map.h"
#include "store/cache.h"
#include "store/filename.h"
#include "store/folder.h"
#include "store/index.h"
#include "store/keywords.h"
#include "store/mailbox.h"

struct mailbox {
        struct store *store;
        struct arena arena; /* name and place */
        struct folder_place place;
        bool read_only;
        int dir, control, index_dir; /* the latter may be the first itself; index_dir -1: INDEX=MEMORY */
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

        int watch; /* inotify, for IDLE; -1 */
};

/* Keeps the text of an error about a path below the folder; "" is the folder. */
int maildir_error(struct mailbox *m, int r, const char *call, const char *below);

/* mailbox.c: without a look at the directories and without a view; for APPEND and COPY. */
int maildir_open(struct store *s, const char *name, bool read_only, struct mailbox **ret);

/* "cur/<base><info>" or "new/...". */
void maildir_path(const struct mailbox *m, const struct record *rec, struct buf *to);
/* Of the message's file, 0 when it is gone. */
uint64_t maildir_bytes(const struct mailbox *m, const struct record *rec);
struct flags maildir_flags(const struct mailbox *m, const struct record *rec);

/* sync.c: makes records and directories agree. `force`: a file was not where it should be; the directories
 * are read unless another session has told meanwhile. */
int maildir_sync(struct mailbox *m, bool force);
/* index_refresh() and index_begin() that follow the index into its next generation, with the view. */
int maildir_refresh(struct mailbox *m);
int maildir_begin(struct mailbox *m);
void maildir_commit(struct mailbox *m);
/* Between index and uidlist: what was last read of the file. */
void maildir_load_list(struct mailbox *m);
void maildir_store_list(const struct mailbox *m, struct index_truth *truth);

/* lines.c: reads what is new in the uidlist. Lines with UIDs that are not known wait for their files. */
struct line {
        uint32_t uid;
        struct slice base, fields, info;
        bool found, in_new;
        bool dropped; /* its UID cannot be used */
};
struct lines {
        struct mailbox *m;
        struct arena arena;
        struct line *line;
        size_t n, cap;
        struct map by_base; /* index + 1 */
        bool whole;         /* the file was read from its beginning */
        uint8_t *has_line;  /* whole: a bit a row */
        uint32_t rows;
        struct buf expunge; /* uint32_t: UIDs that the list gives to other files */
        int error;
};
void lines_free(struct lines *l);
int lines_read(struct lines *l);
struct line *lines_find(const struct lines *l, struct slice base);

/* scan.c */
struct scan_file {
        struct slice base, info;
        bool in_new;
        struct filename_order order; /* of those without a UID, when they get one */
};
struct scan_list {
        struct scan_file *file;
        size_t n, cap;
};
struct scan {
        struct mailbox *m;
        struct lines *lines;
        struct arena arena;
        struct scan_list unknown;   /* files without a UID */
        struct map unknown_by_base; /* index + 1 */
        struct scan_list twice;     /* files whose base another file has too, as it seems */
        uint8_t *seen, *in_pass;    /* a bit a row: by any pass, by the last */
        uint32_t rows;
        uint64_t files;            /* seen, for those who are told of steps */
        bool new_only;             /* cur/ was not read: nobody has changed it */
        bool strange;              /* new/ alone does not explain what is there */
        bool stable;               /* nothing can have been renamed while the last pass went on */
        bool moving;               /* something was */
        struct index_dir cur, new; /* as they were read */
};
void scan_init(struct scan *s, struct mailbox *m, struct lines *lines);
void scan_free(struct scan *s);
/* Passes until what is missing is missing indeed; records and lines learn where their files are. -ESTALE: the
 * directories are gone. */
int scan_all(struct scan *s);
bool scan_saw(const struct scan *s, const struct record *rec);
/* The first row that can be missing: what is in new/ is the newest, nearly always. */
uint32_t scan_first(const struct scan *s);

/* What a stat of the directories says. */
enum { DUE_NEW = 1 << 0, DUE_CUR = 1 << 1, DUE_LIST = 1 << 2 };
int scan_is_due(struct mailbox *m, unsigned *ret);

/* touch.c: tells whether somebody else changes new/ and cur/ while we do, by counting what inotify says. */
struct touch {
        struct mailbox *m;
        int fd, cur_wd, new_wd;
        bool cur, new;         /* until now nobody but us has changed it */
        bool did_cur, did_new; /* we have */
        int64_t cur_n, new_n;  /* events that are not explained yet */
        unsigned since_drained;
};
#define TOUCH_NONE ((struct touch){.fd = -1})
/* `truth` is what the directories looked like when the records agreed with them. */
void touch_begin(struct touch *t, struct mailbox *m, const struct index_truth *truth);
/* We made or removed so many names in each (a rename within cur/ is two). */
void touch_did(struct touch *t, unsigned in_new, unsigned in_cur);
/* Enters into `truth` what the directories look like now, where only we have changed them; ends it. */
void touch_end(struct touch *t, struct index_truth *truth);
void touch_free(struct touch *t); /* also a _cleanup_ function */
/* Gives a directory that was changed just now a time stamp that a later change cannot leave, and tells it. */
int touch_mark(int dirfd, const char *name, struct index_dir *ret);

/* view.c: the record behind a sequence number. */
struct record *maildir_record(const struct mailbox *m, uint32_t seq);
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
/* A message's G field, or its base name. Valid until the next sync. */
struct slice content_guid(struct mailbox *m, uint32_t seq);

/* watch.c: reads off what inotify has said. */
void watch_drain(struct mailbox *m);

#endif

#ifndef STORE_MAILDIR_H
#define STORE_MAILDIR_H

/* struct mailbox for the files that make it up:
 *   scan.c   one pass over new/ and cur/
 *   sync.c   passes, UIDs and the move out of new/ until records and directories agree
 *   view.c   sequence numbers, and what changed in them
 *   change.c flags and expunge
 *   content.c bytes, sizes, dates */

#include "store/folder.h"
#include "store/keywords.h"
#include "store/mailbox.h"
#include "store/uidlist.h"

/* One of new/ and cur/ as it was when it was last read. */
struct maildir_seen {
        struct timespec mtime;
        int64_t read_at_us; /* wall clock when the reading began */
        int64_t took_ms;
};

struct mailbox {
        struct store *store;
        struct arena arena; /* name and place, infos */
        struct folder_place place;
        bool read_only;
        int dir, control;
        struct stat identity; /* of dir */
        struct perm perm;
        struct uidlist uidlist;
        struct keywords keywords;
        unsigned keywords_told; /* keywords.version at the last sync */
        struct map infos;       /* struct record_info by text */

        struct maildir_seen cur, new;
        int waiting;     /* the error that keeps new mail back */
        bool look_again; /* the last sync saw something that it could not settle */
        uint32_t pass;   /* counts passes over the directories */

        struct record **view; /* by sequence number - 1 */
        uint32_t view_n, view_cap;
        uint32_t view_next; /* records with lower UIDs have been decided upon */

        int watch; /* inotify; -1 */
};

/* Keeps the text of an error about a path below the folder; "" is the folder. */
int maildir_error(struct mailbox *m, int r, const char *call, const char *below);

/* The one record_info with this text. */
const struct record_info *maildir_info(struct mailbox *m, struct slice text);
/* "cur/<base><info>" or "new/...". */
void maildir_path(const struct record *rec, struct buf *to);
struct flags maildir_flags(const struct mailbox *m, const struct record_info *info);

/* Whether a file may come back under the UID of this record (which may be NULL): a UID that the view has
 * passed over already, or that was taken off the list, cannot. */
bool maildir_uid_holds(const struct mailbox *m, const struct record *rec);

/* scan.c */
struct scan_file {
        struct slice base, info;
        bool in_new;
};
struct scan {
        struct mailbox *m;
        struct arena arena;
        struct scan_file *unknown; /* files without a UID */
        size_t unknown_n, unknown_cap;
        struct map unknown_by_base; /* index + 1 */
        struct scan_file *twice;    /* files whose base another file has too, as it seems */
        size_t twice_n, twice_cap;
        uint32_t first_pass;
        bool stable; /* nothing can have been renamed while the last pass went on */
        bool moving; /* something was */
};
void scan_free(struct scan *s);
/* One pass; records learn where their files are. -ESTALE: the directories are gone. */
int scan_pass(struct scan *s);
/* Whether this run's passes saw the record's file. */
bool scan_saw(const struct scan *s, const struct record *rec);
/* Whether a stat of the directories says that there may be something new. */
int scan_is_due(struct mailbox *m, bool *ret);

/* sync.c: makes records and directories agree; the view's messages are marked `gone` or get other flags,
 * nothing is added to it. `force`: even if nothing seems to have changed. */
int maildir_sync(struct mailbox *m, bool force);

/* The record behind a sequence number. */
static inline struct record *maildir_record(const struct mailbox *m, uint32_t seq)
{
        return m->view[seq - 1];
}

#endif

#ifndef STORE_MAILDIR_H
#define STORE_MAILDIR_H

/* A Maildir that is open:
 *   maildir.c         the format's table; open, what is looked at, what is read
 *   scan.c            passes over new/ and cur/
 *   lines.c           the uidlist's lines against the records
 *   settle.c          UIDs, the move out of new/: until records and directories agree
 *   touch.c           own changes of directories, told from those of others
 *   maildir_change.c  flags and expunge
 *   maildir_text.c    bytes and dates */

#include "base/map.h"
#include "store/filename.h"
#include "store/opened.h"

/* "cur/<base><info>" or "new/...". */
void maildir_path(const struct mailbox *m, const struct record *rec, struct buf *to);
/* Of the message's file, 0 when it is gone. */
uint64_t maildir_bytes(const struct mailbox *m, const struct record *rec);
/* Between index and uidlist: what was last read of the file. */
void maildir_load_list(struct mailbox *m);
void maildir_store_list(const struct mailbox *m, struct index_truth *truth);

/* The functions of the format's table that are in other files than maildir.c. */
int maildir_change(struct change *c);
int maildir_text(struct mailbox *m, uint32_t seq, bool head, struct message_text *ret);
int maildir_date(struct mailbox *m, uint32_t seq, time_t *ret);
int maildir_save_begin(struct save *s);
int maildir_save_bytes(struct save *s, struct slice bytes);
int maildir_save_end(struct save *s);
void maildir_save_drop(struct save *s);
int maildir_save_commit(struct save *s, struct save_result *ret, uint32_t *ret_first);
void maildir_save_undo(struct save *s);
int maildir_save_spool(struct save *s, int *ret_fd);

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

/* DUE_* by a stat of the directories and the list. */
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
/* Gives what is open, or `name` in that directory, when it was changed just now a time stamp that a later
 * change cannot leave, and tells it. *ret_st is what it looks like then; NULL: nobody wants to know. */
int touch_mark(int fd, const char *name, struct index_dir *ret, struct stat *ret_st);

#endif

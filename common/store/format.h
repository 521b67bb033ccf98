#ifndef STORE_FORMAT_H
#define STORE_FORMAT_H

/* What an open folder does in its own way in each format; all else (the index, the view, the cache, what a
 * client may see when) is the same for all of them. Functions set the store's error and give what
 * store/mailbox.h and store/save.h say. */

#include "store/mailbox.h"
#include "store/record.h"

struct change;
struct save;
struct arena;
struct save_result;

/* What has to be read because it is not as it was when the records agreed with it. */
enum {
        DUE_NEW = 1 << 0,  /* new mail: new/; the end of an mbox */
        DUE_CUR = 1 << 1,  /* anything: cur/; all of an mbox */
        DUE_LIST = 1 << 2, /* Maildir: the uidlist */
};

struct format {
        /* m->place is known: the descriptors. -ENOENT. */
        int (*open)(struct mailbox *m);
        /* Identity and permissions; what is missing of the folder itself is made. */
        int (*complete)(struct mailbox *m);
        /* A session begins to work with it: what is left over from others that were cut off goes, if it may
         * write; what was put off until now is to be looked at (m->look_again). */
        void (*tidy)(struct mailbox *m);
        void (*close)(struct mailbox *m);

        /* Tells by stat alone: DUE_*. -ESTALE: the name leads to another folder now. */
        int (*look)(struct mailbox *m, unsigned *ret_due);
        /* Something is to be done though nothing has changed. */
        bool (*is_unsettled)(const struct mailbox *m);
        /* What read() needs and others may have for minutes: had before the index is locked, since nobody
         * waits so long for that. NULL: nothing. */
        int (*lock)(struct mailbox *m);
        /* With the index locked: makes the records agree with what is there. */
        int (*read)(struct mailbox *m, unsigned due);
        void (*unlock)(struct mailbox *m); /* once behind lock(), also when nothing had to be read */

        /* change.h: carries out what can be, under the index's lock. */
        int (*change)(struct change *c);

        /* The message, or its header and perhaps more. */
        int (*text)(struct mailbox *m, uint32_t seq, bool head, struct message_text *ret);
        /* INTERNALDATE, when the record does not have it. */
        int (*date)(struct mailbox *m, uint32_t seq, time_t *ret);
        /* When it came into the folder; -ENODATA: nobody knows. */
        int (*savedate)(struct mailbox *m, uint32_t seq, time_t *ret);
        /* What identifies its content wherever it is copied to. Valid until the next call and sync. */
        struct slice (*guid)(struct mailbox *m, const struct record *rec);
        /* What it takes of the quota. 0: it is gone. */
        uint64_t (*bytes)(const struct mailbox *m, const struct record *rec);

        /* Adds watches to an inotify descriptor. */
        int (*watch)(struct mailbox *m, int fd);

        /* saved.h: a message's bytes, with LF where CRLF was sent; what cannot be written fails the save. */
        int (*save_begin)(struct save *s);
        int (*save_bytes)(struct save *s, struct slice bytes);
        int (*save_end)(struct save *s);
        void (*save_drop)(struct save *s);
        /* All of them into the folder, once; -EAGAIN and -EXDEV as place_all() has them. `ret` gets the
         * UIDVALIDITY. */
        int (*save_commit)(struct save *s, struct save_result *ret, uint32_t *ret_first);
        void (*save_undo)(struct save *s);
        /* A new file that nobody else sees, for bytes that are kept aside. */
        int (*save_spool)(struct save *s, int *ret_fd);
};

extern const struct format format_maildir, format_mbox;

#endif

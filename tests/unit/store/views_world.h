#ifndef TESTS_UNIT_STORE_VIEWS_WORLD_H
#define TESTS_UNIT_STORE_VIEWS_WORLD_H

/* Sessions on one folder, each with the picture that its client has of it, and what must hold of both. */

#include "maildir_fixture.h"

#include "store/filename.h"
#include "store/saved.h"

enum { BOXES = 3, MESSAGES_MAX = 200, FILES_MAX = 60, BACKUPS = 2 };

struct seen {
        uint32_t uid;
        uint8_t flags;
        bool recent;
};

struct box {
        struct mailbox *m;
        struct seen view[MESSAGES_MAX];
        uint32_t n, recent;
        /* a moment of the past */
        uint64_t modseq;
        uint8_t then[MESSAGES_MAX]; /* flags by UID; 0xff: was not there */
};

struct world {
        struct fixture *f;
        uint64_t random;
        unsigned delivered;
        unsigned peeked; /* times that STATUS was told without opening */
        uint32_t rotate;
        bool damage;
        struct box box[BOXES];
        bool was_recent[MESSAGES_MAX];
        struct buf backup[BACKUPS][2]; /* of the index and its journal */
};

struct file {
        char path[80];
        struct slice base;
        uint8_t flags;
};

static inline uint32_t below(struct world *w, uint32_t n)
{
        w->random = w->random * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t)(w->random >> 33) % n;
}

static inline void list_dir(struct fixture *f, const char *sub, struct file *files, size_t *n)
{
        char path[32];
        snprintf(path, sizeof(path), "Maildir/%s", sub);
        DIR *d = fdopendir(openat(f->fd, path, O_RDONLY | O_DIRECTORY));
        for (struct dirent *e; (e = readdir(d));) {
                if (e->d_name[0] == '.')
                        continue;
                struct file *file = &files[(*n)++];
                struct slice info;
                uint32_t letters;
                snprintf(file->path, sizeof(file->path), "%s/%.60s", path, e->d_name);
                filename_split(slice_of(file->path + strlen(path) + 1), &file->base, &info);
                filename_info_parse(info, &file->flags, &letters);
        }
        closedir(d);
}

static inline size_t list_files(struct world *w, struct file *files)
{
        size_t n = 0;
        list_dir(w->f, "new", files, &n);
        list_dir(w->f, "cur", files, &n);
        return n;
}

static inline void tune(struct world *w, struct box *b)
{
        b->m->index.rotate_bytes = b->m->index.rotate_touched = w->rotate;
}

static inline void append_seen(struct world *w, struct box *b, uint32_t seq)
{
        struct message msg = mailbox_message(b->m, seq);
        assert_true(msg.uid < MESSAGES_MAX && b->n == seq - 1);
        assert_true(b->n == 0 || b->view[b->n - 1].uid < msg.uid);
        b->view[b->n++] = (struct seen){msg.uid, msg.flags.system, msg.recent};
        b->recent += msg.recent;
        if (msg.recent && !w->damage) {
                assert_false(w->was_recent[msg.uid]);
                w->was_recent[msg.uid] = true;
        }
}

static inline void open_one(struct world *w, struct box *b)
{
        mailbox_close(&b->m);
        b->m = open_box(w->f, "INBOX", false);
        tune(w, b);
        b->n = b->recent = 0;
        b->modseq = 0;
        for (uint32_t seq = 1; seq <= mailbox_count(b->m); seq++)
                append_seen(w, b, seq);
}

/* The view against the picture, and the counts against a loop. */
static inline void expect_view(struct box *b)
{
        struct mailbox_status st, want = {0};
        struct message all[MESSAGES_MAX], msgs[2];
        assert_int_equal(mailbox_count(b->m), b->n);
        mailbox_messages(b->m, 1, all, b->n);
        for (uint32_t seq = 1; seq <= b->n; seq++) {
                struct message msg = mailbox_message(b->m, seq);
                mailbox_messages(b->m, seq, msgs, seq < b->n ? 2 : 1);
                assert_int_equal(msgs[0].uid, msg.uid);
                assert_int_equal(seq < b->n ? msgs[1].uid : msg.uid, seq < b->n ? all[seq].uid : msg.uid);
                assert_int_equal(all[seq - 1].uid, msg.uid);
                assert_int_equal(all[seq - 1].flags.system, msg.flags.system);
                assert_true(all[seq - 1].recent == msg.recent && all[seq - 1].gone == msg.gone);
                assert_int_equal(msg.uid, b->view[seq - 1].uid);
                assert_int_equal(msg.recent, b->view[seq - 1].recent);
                assert_int_equal(mailbox_seq_at_or_after(b->m, msg.uid), seq);
                want.recent += msg.recent;
                want.deleted += (msg.flags.system & FLAG_DELETED) != 0;
                if (!(msg.flags.system & FLAG_SEEN) && want.unseen++ == 0)
                        want.first_unseen = seq;
        }
        mailbox_status(b->m, &st);
        assert_int_equal(st.messages, b->n);
        assert_int_equal(st.recent, want.recent);
        assert_int_equal(st.unseen, want.unseen);
        assert_int_equal(st.deleted, want.deleted);
        assert_int_equal(st.first_unseen, want.first_unseen);
        assert_true(b->n == 0 || st.uidnext > b->view[b->n - 1].uid);
}

/* After a sync that may tell everything: what is in the directories, nothing else. */
static inline void expect_truth(struct world *w, struct box *b)
{
        struct file files[FILES_MAX * 2];
        size_t n = list_files(w, files);
        assert_int_equal(n, b->n);
        for (uint32_t seq = 1; seq <= b->n; seq++) {
                struct slice base = slice_of(mailbox_base_name(b->m, seq));
                size_t i = 0;
                while (i < n && !slice_eq(files[i].base, base))
                        i++;
                assert_true(i < n);
                assert_int_equal(b->view[seq - 1].flags, files[i].flags);
        }
}

static inline void expect_history(struct world *w, struct box *b)
{
        struct mailbox_range *r;
        size_t n;
        bool vanished[MESSAGES_MAX] = {false}, here[MESSAGES_MAX] = {false};
        if (b->modseq == 0)
                return;
        assert_true(mailbox_highest_modseq(b->m) >= b->modseq);
        int known = mailbox_vanished(b->m, b->modseq, &w->f->arena, &r, &n);
        assert_true(known == 0 || (known == -ENODATA && w->damage));
        for (size_t i = 0; known == 0 && i < n; i++) {
                assert_true(i == 0 || r[i].low > r[i - 1].high + 1);
                for (uint32_t uid = r[i].low; uid <= r[i].high; uid++)
                        vanished[uid] = true;
        }
        for (uint32_t seq = 1; seq <= b->n; seq++) {
                uint32_t uid = b->view[seq - 1].uid;
                here[uid] = true;
                assert_false(vanished[uid]);
                /* an older index does not know what changed and changed back */
                if (b->then[uid] != b->view[seq - 1].flags && !w->damage)
                        assert_true(mailbox_message(b->m, seq).modseq > b->modseq);
                assert_true(mailbox_message(b->m, seq).modseq <= mailbox_highest_modseq(b->m));
        }
        for (uint32_t uid = 0; known == 0 && uid < MESSAGES_MAX; uid++)
                if (b->then[uid] != 0xff && !here[uid])
                        assert_true(vanished[uid]);
}

#endif

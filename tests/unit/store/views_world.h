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
        bool late; /* flags that others changed may be found by a later look */
        void (*truth)(struct world *w,
                      struct box *b); /* what b must be behind a sync that tells everything */
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
static inline void expect_files(struct world *w, struct box *b)
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
                /* what reading found since the sync is told at the next one */
                struct message msg = mailbox_message(b->m, seq);
                bool found = w->late && msg.flags.system != b->view[seq - 1].flags;
                assert_true(found || msg.modseq <= mailbox_highest_modseq(b->m));
        }
        for (uint32_t uid = 0; known == 0 && uid < MESSAGES_MAX; uid++)
                if (b->then[uid] != 0xff && !here[uid])
                        assert_true(vanished[uid]);
}

/* What the client has now, and how far that reaches; messages it was not told to be gone count as there. */
static inline void remember(struct world *w, struct box *b, bool whole)
{
        if (whole)
                expect_history(w, b);
        if (below(w, 6))
                return;
        b->modseq = mailbox_highest_modseq(b->m);
        memset(b->then, 0xff, sizeof(b->then));
        for (uint32_t i = 0; i < b->n; i++)
                b->then[b->view[i].uid] = b->view[i].flags;
}

static inline void take_flags(struct box *b, const struct mailbox_changes *c)
{
        for (size_t i = 0; i < c->flagged_n; i++) {
                assert_true(c->flagged[i] <= b->n && (i == 0 || c->flagged[i] > c->flagged[i - 1]));
                struct message msg = mailbox_message(b->m, c->flagged[i]);
                assert_false(msg.gone);
                b->view[c->flagged[i] - 1].flags = msg.flags.system;
        }
}

static inline void sync_one(struct world *w, struct box *b, bool allow)
{
        struct mailbox_changes c = sync_box(w->f, b->m, allow);
        assert_true(allow || c.expunged_n == 0);
        for (size_t i = 0; i < c.expunged_n; i++) {
                uint32_t seq = c.expunged[i];
                assert_true(seq >= 1 && seq <= b->n && (i == 0 || seq < c.expunged[i - 1]));
                b->recent -= b->view[seq - 1].recent;
                memmove(&b->view[seq - 1], &b->view[seq], (b->n - seq) * sizeof(b->view[0]));
                b->n--;
        }
        take_flags(b, &c);
        for (uint32_t i = 0; i < c.added; i++)
                append_seen(w, b, b->n + 1);
        /* what was not told has not changed */
        for (uint32_t seq = 1; seq <= b->n; seq++) {
                struct message msg = mailbox_message(b->m, seq);
                assert_true(msg.gone || msg.flags.system == b->view[seq - 1].flags);
                assert_false(allow && msg.gone);
        }
        if (allow)
                w->truth(w, b);
        remember(w, b, allow);
        /* and nothing is told twice */
        if (below(w, 4) == 0) {
                c = sync_box(w->f, b->m, allow);
                assert_int_equal(c.expunged_n + (w->late ? 0 : c.flagged_n) + c.added, 0);
                take_flags(b, &c);
        }
}

static inline size_t pick(struct world *w, const struct box *b, uint32_t *seqs)
{
        size_t n = 0;
        uint32_t one_in = 1 + below(w, 6);
        for (uint32_t seq = 1; seq <= b->n; seq++)
                if (below(w, one_in) == 0)
                        seqs[n++] = seq;
        return n;
}

static inline void flag_these(struct box *b, const uint32_t *seqs, size_t n, enum flags_op op, uint8_t flags)
{
        size_t gone;
        assert_int_equal(mailbox_store_flags(b->m, seqs, n, op, (struct flags){.system = flags}, &gone), 0);
        size_t count = 0;
        for (size_t i = 0; i < n; i++) {
                struct message msg = mailbox_message(b->m, seqs[i]);
                uint8_t now = msg.flags.system;
                count += msg.gone;
                if (msg.gone)
                        continue;
                /* unless somebody else changed them at the same time */
                if (!(opened_record(b->m, seqs[i])->state & RECORD_CHANGED))
                        assert_int_equal(now & flags, op == FLAGS_REMOVE ? 0 : flags);
                b->view[seqs[i] - 1].flags = now; /* the answer to STORE says so */
        }
        assert_int_equal(gone, count);
}

static inline void flag(struct world *w, struct box *b)
{
        uint32_t seqs[MESSAGES_MAX] = {0};
        size_t n = pick(w, b, seqs);
        flag_these(b, seqs, n, (enum flags_op)below(w, 3), (uint8_t)below(w, 32));
}

static inline void expunge_these(struct box *b, const uint32_t *seqs, size_t n)
{
        assert_int_equal(mailbox_expunge(b->m, seqs, n), 0);
        for (size_t i = 0; i < n; i++)
                assert_true(mailbox_message(b->m, seqs[i]).gone);
}

static inline void expunge(struct world *w, struct box *b)
{
        uint32_t seqs[MESSAGES_MAX] = {0};
        size_t n = pick(w, b, seqs);
        expunge_these(b, seqs, n > 3 ? 3 : n);
}

#endif

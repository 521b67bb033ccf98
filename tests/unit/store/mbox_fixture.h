#ifndef TESTS_UNIT_STORE_MBOX_FIXTURE_H
#define TESTS_UNIT_STORE_MBOX_FIXTURE_H

/* A user whose INBOX is the mbox `inbox`, and what its sessions see of it as one line of text. */

#include "maildir_fixture.h"

#include "mbox_naive.h"

#define CONTROL "mail/.imap/INBOX"

/* A message as a delivery writes it; `head` are whole lines. */
#define MAIL(head, name) DATE_LINE head "Subject: " name "\n\nbody of " name "\n\n"
#define DATE_LINE        "From joe@example.org Thu Jan  1 00:00:01 2026\n"
#define BASE             "X-IMAPbase: 1234567890 0000000009 $Todo work\n"

static inline void open_store(struct fixture *f, const char *location)
{
        f->settings.mail_location = location;
        fixture_open(f);
}

static inline int mbox_setup(void **state)
{
        static const char *const locks[] = {"fcntl"};
        int r = fixture_setup(state);
        struct fixture *f = *state;
        f->settings.mbox_read_locks = f->settings.mbox_write_locks = (struct settings_list){locks, 1};
        f->settings.mbox_lock_timeout = 5000;
        f->settings.mail_privileged_group = "";
        f->settings.mbox_dirty_syncs = f->settings.mbox_lazy_writes = true;
        f->settings.mail_fsync = SETTINGS_FSYNC_NEVER;
        open_store(f, "mbox:~/mail:INBOX=~/inbox");
        return r;
}

/* The index goes, and with `all` what the names of keywords are too. */
static inline void lose_index(struct fixture *f, bool all)
{
        static const char *const names[] = {"mailsession.index", "mailsession.journal", "mailsession.cache",
                                            "dovecot-keywords"};
        char path[80];
        for (size_t i = 0; i < ARRAY_LEN(names) - !all; i++) {
                snprintf(path, sizeof(path), CONTROL "/%s", names[i]);
                unlinkat(f->fd, path, 0);
        }
}

static inline void add_text(struct fixture *f, const char *text)
{
        int fd = openat(f->fd, "inbox", O_WRONLY | O_APPEND);
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, slice_of(text)), 0);
        close(fd);
}

/* Every `old` of the file becomes `new`, in the same file. */
static inline unsigned change_text(struct fixture *f, const char *old, const char *new)
{
        const char *text = text_of(f, "inbox");
        struct buf b = {0};
        unsigned n = 0;
        for (const char *at; (at = strstr(text, old)); text = at + strlen(old), n++) {
                buf_append(&b, slice_make(text, (size_t)(at - text)));
                buf_str(&b, new);
        }
        buf_str(&b, text);
        int fd = openat(f->fd, "inbox", O_WRONLY);
        assert_int_equal(pwrite(fd, b.p, b.n, 0), b.n);
        assert_int_equal(ftruncate(fd, (off_t)b.n), 0);
        close(fd);
        buf_free(&b);
        return n;
}

/* A message as it is sent, in the arena; its size is what was told. */
static inline struct slice sent(struct fixture *f, struct mailbox *m, uint32_t seq)
{
        struct message_text t;
        uint64_t told = 0;
        if (mailbox_read(m, seq, &t) < 0)
                fail_msg("read %u: %s", seq, store_error(f->store));
        assert_int_equal(mailbox_size(m, seq, &told), 0);
        assert_int_equal(told, naive_size(t.raw));
        struct slice s = slice_of(arena_str(&f->arena, t.raw));
        s.n = t.raw.n;
        message_text_release(&t);
        return s;
}

static inline struct slice subject(struct slice text)
{
        size_t at = slice_find_slice(text, SLICE("Subject: "));
        struct slice s = slice_from(text, at < text.n ? at + 9 : text.n);
        s.n = slice_find(s, '\n');
        s.n -= s.n && s.p[s.n - 1] == '\r';
        return s;
}

/* "1 SF $Todo a|2  b": UID, flags, keywords, Subject of each; "-" behind the UID: gone, in the view. */
static inline const char *shown(struct fixture *f, struct mailbox *m)
{
        struct buf b = {0};
        unsigned n;
        const char *const *names = mailbox_keywords(m, &n);
        for (uint32_t seq = 1; seq <= mailbox_count(m); seq++) {
                struct message msg = mailbox_message(m, seq);
                buf_printf(&b, "%s%u%s ", seq > 1 ? "|" : "", msg.uid, msg.gone ? "-" : "");
                for (int i = 0; i < 5; i++)
                        if (msg.flags.system >> i & 1)
                                buf_char(&b, "SAFDT"[i]);
                for (unsigned i = 0; i < n; i++)
                        if (msg.flags.keywords >> i & 1)
                                buf_printf(&b, " %s", names[i]);
                if (!msg.gone) {
                        buf_char(&b, ' ');
                        buf_append(&b, subject(sent(f, m, seq)));
                }
        }
        const char *s = arena_str(&f->arena, buf_slice(&b));
        buf_free(&b);
        return s;
}

static inline void expect_box(struct fixture *f, bool read_only, const char *want)
{
        struct mailbox *m = open_box(f, "INBOX", read_only);
        assert_string_equal(shown(f, m), want);
        mailbox_close(&m);
}

static inline void expect_sync(struct fixture *f, struct mailbox *m, const char *want)
{
        sync_box(f, m, true);
        assert_string_equal(shown(f, m), want);
}

static inline uint32_t validity_of(struct fixture *f)
{
        struct mailbox *m = open_box(f, "INBOX", true);
        uint32_t v = mailbox_uidvalidity(m);
        mailbox_close(&m);
        return v;
}

static inline void set_flags(struct fixture *f, struct mailbox *m, uint32_t seq, enum flags_op op,
                             uint8_t system, const char *keyword)
{
        size_t gone;
        unsigned bit = 0;
        if (keyword)
                assert_int_equal(mailbox_keyword(m, slice_of(keyword), true, &bit), 0);
        struct flags flags = {.system = system, .keywords = keyword ? UINT64_C(1) << bit : 0};
        if (mailbox_store_flags(m, &seq, 1, op, flags, &gone) < 0)
                fail_msg("store: %s", store_error(f->store));
}

static inline void expunge_one(struct fixture *f, struct mailbox *m, uint32_t seq)
{
        if (mailbox_expunge(m, &seq, 1) < 0)
                fail_msg("expunge: %s", store_error(f->store));
}

static inline void put_message(struct save *s, struct slice text, uint8_t flags)
{
        struct save_message msg = {.flags = flags, .internaldate = 1767225601};
        assert_int_equal(save_begin(s, &msg), 0);
        assert_int_equal(save_write(s, text), 0);
        assert_int_equal(save_end(s), 0);
}

static inline uint32_t append_one(struct fixture *f, struct slice text, uint8_t flags)
{
        struct save *s = NULL;
        struct save_result res;
        assert_int_equal(save_open(f->store, "INBOX", &s), 0);
        put_message(s, text, flags);
        if (save_commit(s, &f->arena, &res) < 0)
                fail_msg("append: %s", store_error(f->store));
        save_close(&s);
        return res.uids[0];
}

#endif

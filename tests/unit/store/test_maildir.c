/* One Maildir and its sessions. */

#include "maildir_fixture.h"

#include <sys/wait.h>

#include "store/user.h"

#define M(secs) "Maildir/new/" #secs ".M1P1.host"

static void new_mail_gets_uids_in_order_of_delivery(void **state)
{
        struct fixture *f = *state;
        put(f, "Maildir/new/1000000003.M1P1.host", "c\n");
        put(f, "Maildir/new/1000000001.M9P1.host", "b\n");
        put(f, "Maildir/new/1000000001.M1P1.host", "a\n");
        put(f, "Maildir/cur/999.M1P1.host:2,S", "z\n");
        struct mailbox *m = open_box(f, "inbox", false);
        assert_string_equal(mailbox_name(m), "INBOX");
        assert_int_equal(mailbox_count(m), 4);
        assert_string_equal(mailbox_base_name(m, 1), "999.M1P1.host");
        assert_string_equal(mailbox_base_name(m, 2), "1000000001.M1P1.host");
        assert_string_equal(mailbox_base_name(m, 3), "1000000001.M9P1.host");
        assert_string_equal(mailbox_base_name(m, 4), "1000000003.M1P1.host");
        for (uint32_t i = 1; i <= 4; i++)
                assert_int_equal(uid_at(m, i), i);
        assert_int_equal(mailbox_message(m, 1).flags.system, FLAG_SEEN);
        assert_true(mailbox_message(m, 2).recent);
        assert_int_equal(entries(f, "Maildir/new"), 0);
        assert_true(there(f, "Maildir/cur/1000000003.M1P1.host:2,"));
        struct mailbox_status st;
        mailbox_status(m, &st);
        assert_int_equal(st.uidnext, 5);
        assert_int_equal(st.unseen, 3);
        assert_int_equal(st.first_unseen, 2);
        assert_int_equal(mailbox_seq_at_or_after(m, 3), 3);
        assert_int_equal(mailbox_seq_at_or_after(m, 5), 5);
        mailbox_close(&m);

        /* another session: the same UIDs, nothing is recent any more */
        m = open_box(f, "INBOX", false);
        assert_int_equal(uid_at(m, 4), 4);
        assert_false(mailbox_message(m, 2).recent);
        struct mailbox_status again;
        mailbox_status(m, &again);
        assert_int_equal(again.uidvalidity, st.uidvalidity);
        mailbox_close(&m);
}

static void reading_only_changes_nothing(void **state)
{
        struct fixture *f = *state;
        put(f, M(1000000001), "a\n");
        struct mailbox *m = open_box(f, "INBOX", true);
        assert_true(mailbox_message(m, 1).recent);
        assert_true(there(f, M(1000000001)));
        size_t gone;
        assert_int_equal(mailbox_store_flags(m, (uint32_t[]){1}, 1, FLAGS_ADD,
                                             (struct flags){.system = FLAG_SEEN}, &gone),
                         -EROFS);
        mailbox_close(&m);
        m = open_box(f, "INBOX", false);
        assert_true(mailbox_message(m, 1).recent);
        assert_int_equal(uid_at(m, 1), 1);
        mailbox_close(&m);
}

static void sizes_and_dates_are_exact(void **state)
{
        struct fixture *f = *state;
        put(f, "Maildir/cur/1.a.h:2,", "Subject: x\n\nline\r\nline\n");
        put(f, "Maildir/cur/2.a.h,S=7,W=9:2,", "wrong sizes in the name\n");
        put(f, "Maildir/cur/3.a.h:2,", "");
        struct utimbuf t = {.actime = 5, .modtime = 86400};
        char path[128];
        snprintf(path, sizeof(path), "%s/Maildir/cur/1.a.h:2,", f->home);
        utime(path, &t);
        struct mailbox *m = open_box(f, "INBOX", false);
        uint64_t size;
        time_t date;
        assert_int_equal(mailbox_size(m, 1, &size), 0);
        assert_int_equal(size, 26);
        assert_int_equal(mailbox_internaldate(m, 1, &date), 0);
        assert_int_equal(date, 86400);
        assert_int_equal(mailbox_size(m, 2, &size), 0);
        assert_int_equal(size, 9);
        struct message_text text;
        assert_int_equal(mailbox_read(m, 2, &text), 0);
        assert_slice_equal(text.raw, SLICE("wrong sizes in the name\n"));
        message_text_release(&text);
        assert_int_equal(mailbox_size(m, 2, &size), 0);
        assert_int_equal(size, 25);
        assert_int_equal(mailbox_read(m, 3, &text), 0);
        assert_int_equal(text.raw.n, 0);
        message_text_release(&text);
        mailbox_close(&m);
}

/* A header of n bytes, the empty line included. */
static char *header_of(size_t n)
{
        char *text = xcalloc(1, n + 64);
        memset(text, 'x', n);
        memcpy(text, "Subject: ", strlen("Subject: "));
        memcpy(text + n - 2, "\n\n", 2);
        return text;
}

static void heads_are_read_alone(void **state)
{
        struct fixture *f = *state;
        static const size_t sizes[] = {20, 8190, 8191, 8192, 8193, 32 * 1024, 40000};
        struct mailbox *m;
        struct message_text head;
        uint64_t size;
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
                for (int with_body = 0; with_body < 2; with_body++) {
                        char name[64];
                        _cleanup_(free_p) char *text = header_of(sizes[i]);
                        if (with_body)
                                strcpy(text + sizes[i], "line\n\nline\n");
                        snprintf(name, sizeof(name), "Maildir/cur/%zu.a.h:2,", 2 * i + (size_t)with_body + 1);
                        put(f, name, text);
                }
        put(f, "Maildir/cur/30.a.h:2,", "");
        put(f, "Maildir/cur/31.a.h:2,", "\r\nline\n");
        put(f, "Maildir/cur/32.a.h:2,", "Subject: x");
        put(f, "Maildir/cur/33.a.h,S=7,W=9:2,", "Subject: wrong sizes in the name\n\nline\n");
        m = open_box(f, "INBOX", false);
        for (uint32_t i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
                _cleanup_(free_p) char *text = header_of(sizes[i / 2]);
                assert_int_equal(mailbox_read_head(m, i + 1, &head), 0);
                assert_slice_equal(head.raw, slice_of(text));
                message_text_release(&head);
        }
        static const char *const others[] = {"", "\r\n", "Subject: x",
                                             "Subject: wrong sizes in the name\n\n"};
        for (uint32_t i = 0; i < ARRAY_LEN(others); i++) {
                assert_int_equal(mailbox_read_head(m, 2 * ARRAY_LEN(sizes) + i + 1, &head), 0);
                assert_slice_equal(head.raw, slice_of(others[i]));
                message_text_release(&head);
        }
        /* it tells nothing of the size */
        assert_false(mailbox_size_known(m, 1));
        assert_int_equal(mailbox_size(m, 1, &size), 0);
        assert_true(mailbox_size_known(m, 1));
        assert_int_equal(mailbox_size(m, mailbox_count(m), &size), 0);
        assert_int_equal(size, 9);
        assert_int_equal(mailbox_expunge(m, (uint32_t[]){1}, 1), 0);
        assert_int_equal(mailbox_read_head(m, 1, &head), -ENOENT);
        mailbox_close(&m);
}

static void flags_go_into_names_and_to_other_sessions(void **state)
{
        struct fixture *f = *state;
        put(f, "Maildir/cur/1.a.h:2,PX", "a\n");
        put(f, M(2), "b\n");
        struct mailbox *a = open_box(f, "INBOX", false), *b = open_box(f, "INBOX", false);
        size_t gone = 9;
        struct flags seen = {.system = FLAG_SEEN | FLAG_DRAFT};
        assert_int_equal(mailbox_store_flags(a, (uint32_t[]){1, 2}, 2, FLAGS_ADD, seen, &gone), 0);
        assert_int_equal(gone, 0);
        assert_true(there(f, "Maildir/cur/1.a.h:2,DPSX"));
        assert_true(there(f, "Maildir/cur/2.M1P1.host:2,DS"));
        assert_int_equal(mailbox_message(a, 1).flags.system, FLAG_SEEN | FLAG_DRAFT);
        assert_int_equal(sync_box(f, a, true).flagged_n, 0);
        struct mailbox_changes c = sync_box(f, b, false);
        assert_int_equal(c.flagged_n, 2);
        assert_int_equal(c.flagged[0], 1);
        assert_int_equal(c.expunged_n, 0);
        assert_int_equal(mailbox_message(b, 2).flags.system, FLAG_SEEN | FLAG_DRAFT);
        assert_int_equal(sync_box(f, b, true).flagged_n, 0);

        /* b works on a name that a changed in the meantime */
        assert_int_equal(mailbox_store_flags(a, (uint32_t[]){1}, 1, FLAGS_SET,
                                             (struct flags){.system = FLAG_FLAGGED}, &gone),
                         0);
        assert_int_equal(mailbox_store_flags(b, (uint32_t[]){1}, 1, FLAGS_REMOVE,
                                             (struct flags){.system = FLAG_SEEN}, &gone),
                         0);
        assert_true(there(f, "Maildir/cur/1.a.h:2,FPX"));
        struct message_text text;
        assert_int_equal(mailbox_read(b, 1, &text), 0);
        assert_slice_equal(text.raw, SLICE("a\n"));
        message_text_release(&text);
        mailbox_close(&a);
        mailbox_close(&b);
}

static void expunges_are_told_when_allowed(void **state)
{
        struct fixture *f = *state;
        for (int i = 1; i <= 5; i++) {
                char name[64];
                snprintf(name, sizeof(name), "Maildir/new/%d.M1P1.h", i);
                put(f, name, "x\n");
        }
        struct mailbox *a = open_box(f, "INBOX", false), *b = open_box(f, "INBOX", false);
        assert_int_equal(mailbox_expunge(a, (uint32_t[]){2, 4}, 2), 0);
        assert_int_equal(entries(f, "Maildir/cur"), 3);
        assert_int_equal(mailbox_count(a), 5);
        struct mailbox_changes c = sync_box(f, b, false);
        assert_int_equal(c.expunged_n, 0);
        assert_int_equal(mailbox_count(b), 5);
        assert_true(mailbox_message(b, 4).gone);
        struct message_text text;
        assert_int_equal(mailbox_read(b, 4, &text), -ENOENT);
        size_t gone;
        assert_int_equal(mailbox_store_flags(b, (uint32_t[]){4, 5}, 2, FLAGS_ADD,
                                             (struct flags){.system = FLAG_SEEN}, &gone),
                         0);
        assert_int_equal(gone, 1);
        assert_int_equal(mailbox_expunge(b, (uint32_t[]){4}, 1), 0);
        put(f, "Maildir/new/6.M1P1.h", "x\n");
        c = sync_box(f, b, true);
        assert_int_equal(c.expunged_n, 2);
        assert_int_equal(c.expunged[0], 4);
        assert_int_equal(c.expunged[1], 2);
        assert_int_equal(c.added, 1);
        assert_int_equal(mailbox_count(b), 4);
        assert_int_equal(uid_at(b, 4), 6);
        c = sync_box(f, a, true);
        assert_int_equal(c.expunged_n, 2);
        assert_int_equal(c.flagged_n, 1);
        assert_int_equal(c.flagged[0], 3);
        assert_int_equal(uid_at(a, 3), 5);
        assert_false(mailbox_message(a, 4).recent);
        mailbox_close(&a);
        mailbox_close(&b);
}

static void a_delivery_in_the_same_tick_is_seen(void **state)
{
        struct fixture *f = *state;
        struct mailbox *m = open_box(f, "INBOX", false);
        struct stat st;
        for (int i = 1; i < 20; i++) {
                char name[64];
                assert_int_equal(fstatat(f->fd, "Maildir/new", &st, 0), 0);
                snprintf(name, sizeof(name), "Maildir/new/%d.M1P1.h", i);
                put(f, name, "x\n");
                /* the time stamp is that of the tick in which the directory was read: the reader has put its
                 * own some nanoseconds behind it */
                struct timespec times[2] = {st.st_atim, st.st_mtim};
                times[1].tv_nsec--;
                assert_int_equal(utimensat(f->fd, "Maildir/new", times, 0), 0);
                assert_int_equal(sync_box(f, m, true).added, 1);
        }
        mailbox_close(&m);
}

static void nothing_is_read_when_nothing_changed(void **state)
{
        struct fixture *f = *state;
        put(f, "Maildir/cur/1.a.h:2,", "x\n");
        age(f, "Maildir/cur");
        age(f, "Maildir/new");
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_int_equal(mailbox_count(m), 1);
        /* a change that leaves no trace in the old time stamp is not looked for */
        put(f, "Maildir/cur/2.a.h:2,", "x\n");
        age(f, "Maildir/cur");
        struct stat st;
        fstatat(f->fd, "Maildir/cur", &st, 0);
        uint32_t added = sync_box(f, m, true).added;
        assert_true(added <= 1); /* 1 only when the clock went over a second in between */
        put(f, "Maildir/cur/3.a.h:2,", "x\n");
        assert_int_equal(added + sync_box(f, m, true).added, 2);
        mailbox_close(&m);
}

static void a_file_that_comes_back_gets_a_new_uid(void **state)
{
        struct fixture *f = *state;
        put(f, "Maildir/cur/1.a.h:2,", "x\n");
        put(f, "Maildir/cur/2.a.h:2,", "x\n");
        struct mailbox *m = open_box(f, "INBOX", false);
        move(f, "Maildir/cur/1.a.h:2,", "Maildir/aside");
        struct mailbox_changes c = sync_box(f, m, true);
        assert_int_equal(c.expunged_n, 1);
        move(f, "Maildir/aside", "Maildir/cur/1.a.h:2,");
        c = sync_box(f, m, true);
        assert_int_equal(c.added, 1);
        assert_int_equal(uid_at(m, 1), 2);
        assert_int_equal(uid_at(m, 2), 3);
        mailbox_close(&m);
        m = open_box(f, "INBOX", false);
        assert_int_equal(mailbox_count(m), 2);
        assert_int_equal(uid_at(m, 2), 3);
        mailbox_close(&m);
}

static void duplicate_bases_lose_no_mail(void **state)
{
        struct fixture *f = *state;
        put(f, "Maildir/new/1.a.h,S=4", "new\n");
        put(f, "Maildir/cur/1.a.h,S=4:2,S", "cur\n");
        put(f, "Maildir/cur/2.a.h:2,S", "one\n");
        put(f, "Maildir/cur/2.a.h:2,F", "two\n");
        struct mailbox *m = open_box(f, "INBOX", false);
        sync_box(f, m, true);
        sync_box(f, m, true);
        assert_int_equal(mailbox_count(m), 4);
        unsigned found = 0;
        for (uint32_t i = 1; i <= 4; i++) {
                struct message_text text;
                assert_int_equal(mailbox_read(m, i, &text), 0);
                found |= slice_eq(text.raw, SLICE("new\n"))   ? 1
                         : slice_eq(text.raw, SLICE("cur\n")) ? 2
                         : slice_eq(text.raw, SLICE("one\n")) ? 4
                                                              : 8;
                message_text_release(&text);
        }
        assert_int_equal(found, 15);
        mailbox_close(&m);
}

static void what_is_no_mail_is_left_alone(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(mkdirat(f->fd, "Maildir/cur/adir", 0700), 0);
        put(f, "secret", "x\n");
        assert_int_equal(symlinkat("../../secret", f->fd, "Maildir/cur/9.link"), 0);
        assert_int_equal(mkfifoat(f->fd, "Maildir/cur/8.fifo", 0600), 0);
        put(f, "Maildir/cur/.hidden", "x\n");
        put(f, "Maildir/cur/:2,S", "x\n");
        put(f, "Maildir/cur/odd name \xff", "x\n");
        put(f, "Maildir/new/two\nlines", "x\n");
        put(f, "Maildir/new/x:y", "x\n");
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_int_equal(mailbox_count(m), 2);
        struct message_text text;
        assert_int_equal(mailbox_read(m, 1, &text), 0);
        message_text_release(&text);
        size_t gone;
        assert_int_equal(mailbox_store_flags(m, (uint32_t[]){1, 2}, 2, FLAGS_ADD,
                                             (struct flags){.system = FLAG_SEEN}, &gone),
                         0);
        assert_true(there(f, "Maildir/cur/odd name \xff:2,S"));
        assert_true(there(f, "Maildir/cur/x:2,S"));
        mailbox_close(&m);
}

static void only_old_files_leave_tmp(void **state)
{
        struct fixture *f = *state;
        put(f, "Maildir/tmp/young", "x\n");
        mailbox_close(&(struct mailbox *){open_box(f, "INBOX", false)});
        assert_true(there(f, "Maildir/tmp/young"));
        /* ctime cannot be set back, so that an old mtime alone keeps the file as well */
        struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
        assert_int_equal(utimensat(f->fd, "Maildir/tmp/young", times, 0), 0);
        mailbox_close(&(struct mailbox *){open_box(f, "INBOX", false)});
        assert_true(there(f, "Maildir/tmp/young"));
}

static void broken_folders_give_errors(void **state)
{
        struct fixture *f = *state;
        struct mailbox *m = NULL;
        assert_int_equal(mailbox_open(f->store, "nowhere", false, &m), -ENOENT);
        put(f, "Maildir/.file", "x");
        assert_int_equal(mailbox_open(f->store, "file", false, &m), -ENOENT);
        assert_int_equal(mkdirat(f->fd, "Maildir/.bare", 0700), 0);
        mailbox_close(&(struct mailbox *){open_box(f, "bare", false)});
        assert_true(there(f, "Maildir/.bare/cur"));
        if (geteuid() != 0) {
                assert_int_equal(fchmodat(f->fd, "Maildir/.bare", 0500, 0), 0);
                m = open_box(f, "bare", true);
                mailbox_close(&m);
                struct save *s = NULL;
                struct save_result res;
                assert_int_equal(save_open(f->store, "bare", &s), 0);
                assert_int_equal(save_commit(s, &f->arena, &res), -EACCES);
                assert_non_null(strstr(store_error(f->store), "missing +w perm: "));
                assert_non_null(strstr(store_error(f->store), "/Maildir/.bare, dir owned by"));
                save_close(&s);
                assert_int_equal(fchmodat(f->fd, "Maildir/.bare", 0700, 0), 0);
                assert_int_equal(fchmodat(f->fd, "Maildir/.bare/cur", 0, 0), 0);
                assert_int_equal(mailbox_open(f->store, "bare", false, &m), -EACCES);
                assert_non_null(strstr(store_error(f->store), "Permission denied (euid="));
                assert_non_null(strstr(store_error(f->store), "missing +"));
                assert_int_equal(fchmodat(f->fd, "Maildir/.bare/cur", 0700, 0), 0);
        }
        m = open_box(f, "bare", false);
        assert_int_equal(store_delete(f->store, "bare"), 0);
        struct mailbox_changes c;
        assert_int_equal(mailbox_sync(m, true, &f->arena, &c), -ESTALE);
        assert_int_equal(store_create(f->store, "bare"), 0);
        assert_int_equal(mailbox_sync(m, true, &f->arena, &c), -ESTALE);
        mailbox_close(&m);
}

static void keywords_are_shared_and_run_out(void **state)
{
        struct fixture *f = *state;
        put(f, "Maildir/cur/1.a.h:2,Sbz", "x\n");
        put(f, "Maildir/dovecot-keywords", "0 $Forwarded\n1 Work\n1 Other\nx y\n99 z\n");
        struct mailbox *a = open_box(f, "INBOX", false), *b = open_box(f, "INBOX", false);
        unsigned bit, n;
        assert_int_equal(mailbox_keyword(a, SLICE("work"), false, &bit), 0);
        assert_int_equal(mailbox_message(a, 1).flags.keywords, UINT64_C(1) << bit);
        assert_int_equal(mailbox_keyword(a, SLICE("none"), false, &bit), -ENOENT);
        assert_int_equal(mailbox_keyword(a, SLICE("a b"), true, &bit), -EINVAL);
        assert_int_equal(mailbox_keyword(a, SLICE("longerthanthefiftycharactersthatthesettingallowsforit"),
                                         true, &bit),
                         -EINVAL);
        assert_int_equal(mailbox_keyword(a, SLICE("\\Seen"), true, &bit), -EINVAL);
        /* both sessions want the next letter for different names */
        unsigned ours, theirs;
        size_t gone;
        assert_int_equal(mailbox_keyword(a, SLICE("Ours"), true, &ours), 0);
        assert_int_equal(mailbox_keyword(b, SLICE("Theirs"), true, &theirs), 0);
        assert_int_equal(ours, theirs);
        assert_int_equal(mailbox_store_flags(b, (uint32_t[]){1}, 1, FLAGS_ADD,
                                             (struct flags){.keywords = UINT64_C(1) << theirs}, &gone),
                         0);
        assert_int_equal(mailbox_store_flags(a, (uint32_t[]){1}, 1, FLAGS_ADD,
                                             (struct flags){.keywords = UINT64_C(1) << ours}, &gone),
                         0);
        assert_string_equal(text_of(f, "Maildir/dovecot-keywords"),
                            "0 $Forwarded\n1 Work\n2 Theirs\n3 Ours\n");
        /* z has no name: it stays and its letter is not given away */
        assert_true(there(f, "Maildir/cur/1.a.h:2,Sbcdz"));
        struct mailbox_changes c = sync_box(f, b, true);
        assert_true(c.keywords_changed);
        assert_int_equal(c.flagged_n, 1);
        assert_string_equal(mailbox_keywords(b, &n)[theirs], "Theirs");
        int r = 0;
        for (int i = 0; i < 30 && r == 0; i++) {
                char name[16];
                snprintf(name, sizeof(name), "k%d", i);
                r = mailbox_keyword(a, slice_of(name), true, &bit);
                if (r == 0)
                        r = mailbox_store_flags(a, (uint32_t[]){1}, 1, FLAGS_ADD,
                                                (struct flags){.keywords = UINT64_C(1) << bit}, &gone);
        }
        assert_int_equal(r, -ENOBUFS);
        assert_true(there(f, "Maildir/cur/1.a.h:2,Sbcdefghijklmnopqrstuvwxyz"));
        assert_non_null(strstr(text_of(f, "Maildir/dovecot-keywords"), "24 k20\n"));
        mailbox_close(&a);
        mailbox_close(&b);
}

static void renames_never_look_like_expunges(void **state)
{
        struct fixture *f = *state;
        enum { FILES = 4000, ROUNDS = 6 }; /* more than one getdents(2) gives */
        char from[64], to[64];
        for (int i = 0; i < FILES; i++) {
                snprintf(from, sizeof(from), "Maildir/cur/%d.M1P1.h:2,", i);
                put(f, from, "x\n");
        }
        struct mailbox *m = open_box(f, "INBOX", false);
        pid_t child = fork();
        if (child == 0) {
                for (int round = 0; round < ROUNDS; round++)
                        for (int i = 0; i < FILES; i++) {
                                snprintf(from, sizeof(from), "Maildir/cur/%d.M1P1.h:2,%s", i,
                                         round % 2 ? "S" : "");
                                snprintf(to, sizeof(to), "Maildir/cur/%d.M1P1.h:2,%s", i,
                                         round % 2 ? "" : "S");
                                renameat(f->fd, from, f->fd, to);
                        }
                _exit(0);
        }
        int status;
        while (waitpid(child, &status, WNOHANG) == 0) {
                assert_int_equal(sync_box(f, m, true).expunged_n, 0);
                assert_int_equal(mailbox_count(m), FILES);
                struct message_text text;
                assert_int_equal(mailbox_read(m, FILES / 2, &text), 0);
                message_text_release(&text);
        }
        sync_box(f, m, true);
        assert_int_equal(mailbox_message(m, 1).flags.system, 0);
        mailbox_close(&m);
}

static void a_watch_wakes(void **state)
{
        struct fixture *f = *state;
        struct mailbox *m = open_box(f, "INBOX", false);
        int fd;
        char byte[512];
        assert_int_equal(mailbox_watch(m, &fd), 0);
        assert_true(read(fd, byte, sizeof(byte)) < 0);
        put(f, M(7), "x\n");
        struct mailbox_changes c = sync_box(f, m, true);
        assert_int_equal(c.added, 1);
        c = sync_box(f, m, true); /* takes off what our own move caused */
        assert_true(read(fd, byte, sizeof(byte)) < 0);
        put(f, M(8), "x\n");
        assert_true(read(fd, byte, sizeof(byte)) > 0);
        mailbox_close(&m);
}

/* What store_on_step() told last, and how often the whole was not known. */
struct told {
        uint64_t done, total;
        unsigned calls, unknown;
};

static void step(void *context, uint64_t done, uint64_t total)
{
        *(struct told *)context = (struct told){done, total, ((struct told *)context)->calls + 1,
                                                ((struct told *)context)->unknown + (total == 0)};
}

/* One of STORE_STEPS. */
static void long_work_tells_its_steps(void **state)
{
        struct fixture *f = *state;
        struct told told = {0};
        enum { IN_CUR = STORE_STEPS, IN_NEW = 2 * STORE_STEPS, ALL = IN_CUR + IN_NEW };
        uint32_t seqs[ALL];
        for (uint32_t i = 0; i < ALL; i++) {
                char name[64];
                seqs[i] = i + 1;
                snprintf(name, sizeof(name), "Maildir/%s/%u.M1P1.host%s", i < IN_CUR ? "cur" : "new",
                         1000 + i, i < IN_CUR ? ":2,S" : "");
                put(f, name, "a\n");
        }
        store_on_step(f->store, step, &told);
        struct mailbox *m = open_box(f, "INBOX", false);
        /* the names are read, then those in new/ are moved out of it */
        assert_int_equal(told.unknown, ALL / STORE_STEPS);
        assert_int_equal(told.calls, (ALL + IN_NEW) / STORE_STEPS);
        assert_int_equal(told.done, IN_NEW - 1);
        assert_int_equal(told.total, IN_NEW);
        size_t gone;
        told = (struct told){0};
        const struct flags deleted = {.system = FLAG_DELETED};
        assert_int_equal(mailbox_store_flags(m, seqs, ALL, FLAGS_ADD, deleted, &gone), 0);
        assert_int_equal(told.done, ALL - 1);
        assert_int_equal(told.total, ALL);
        told = (struct told){0};
        assert_int_equal(mailbox_expunge(m, seqs, IN_NEW), 0);
        assert_int_equal(told.done, IN_NEW - 1);
        assert_int_equal(told.total, IN_NEW);
        mailbox_close(&m);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(new_mail_gets_uids_in_order_of_delivery),
                T(reading_only_changes_nothing),
                T(sizes_and_dates_are_exact),
                T(heads_are_read_alone),
                T(flags_go_into_names_and_to_other_sessions),
                T(expunges_are_told_when_allowed),
                T(a_delivery_in_the_same_tick_is_seen),
                T(nothing_is_read_when_nothing_changed),
                T(a_file_that_comes_back_gets_a_new_uid),
                T(duplicate_bases_lose_no_mail),
                T(what_is_no_mail_is_left_alone),
                T(only_old_files_leave_tmp),
                T(broken_folders_give_errors),
                T(keywords_are_shared_and_run_out),
                T(renames_never_look_like_expunges),
                T(a_watch_wakes),
                T(long_work_tells_its_steps),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* APPEND and COPY. */

#include "maildir_fixture.h"

#include <signal.h>

static int append(struct fixture *f, struct save *s, const struct save_message *m, const char *text)
{
        (void)f;
        int r = save_begin(s, m);
        /* byte by byte: what is split between two writes must not matter */
        for (size_t i = 0; r == 0 && text[i]; i++)
                r = save_write(s, slice_make(text + i, 1));
        return r < 0 ? r : save_end(s);
}

static struct save *open_save(struct fixture *f, const char *name)
{
        struct save *s = NULL;
        if (save_open(f->store, name, &s) < 0)
                fail_msg("save: %s", store_error(f->store));
        return s;
}

static void saved_messages_appear_together(void **state)
{
        struct fixture *f = *state;
        struct mailbox *m = open_box(f, "INBOX", false);
        struct save *s = open_save(f, "INBOX");
        struct slice words[] = {SLICE("Work"), SLICE("bad word"), SLICE("Play")};
        assert_int_equal(append(f, s, &(struct save_message){.internaldate = 86400}, "a: b\r\n\r\nx\ry\r\n"),
                         0);
        assert_int_equal(
                append(f, s,
                       &(struct save_message){
                               .flags = FLAG_SEEN, .keywords = words, .keywords_n = 3, .internaldate = -1},
                       "one\r\r\n\ntwo\r"),
                0);
        assert_int_equal(entries(f, "Maildir/tmp"), 2);
        assert_int_equal(sync_box(f, m, true).added, 0);
        struct save_result res;
        assert_int_equal(save_commit(s, &f->arena, &res), 0);
        save_close(&s);
        assert_int_equal(res.n, 2);
        assert_int_equal(res.uids[0], 1);
        assert_int_equal(res.uids[1], 2);
        struct mailbox_status st;
        assert_int_equal(sync_box(f, m, true).added, 2);
        mailbox_status(m, &st);
        assert_int_equal(st.uidvalidity, res.uidvalidity);
        assert_int_equal(uid_at(m, 2), 2);
        assert_true(mailbox_message(m, 1).recent);
        assert_true(mailbox_message(m, 2).recent); /* though it came with flags: into cur/ */
        assert_int_equal(mailbox_message(m, 2).flags.system, FLAG_SEEN);
        assert_int_equal(mailbox_message(m, 2).flags.keywords, 3);
        assert_string_equal(text_of(f, "Maildir/dovecot-keywords"), "0 Work\n1 Play\n");

        static const char *const stored[] = {"a: b\n\nx\ry\n", "one\r\r\n\ntwo\r"};
        static const uint64_t sizes[] = {13, 12};
        for (uint32_t i = 1; i <= 2; i++) {
                uint64_t size;
                assert_int_equal(mailbox_size(m, i, &size), 0); /* from the name */
                assert_int_equal(size, sizes[i - 1]);
                struct message_text text;
                assert_int_equal(mailbox_read(m, i, &text), 0);
                assert_slice_equal(text.raw, slice_of(stored[i - 1]));
                message_text_release(&text);
                assert_int_equal(mailbox_size(m, i, &size), 0); /* counted */
                assert_int_equal(size, sizes[i - 1]);
        }
        time_t date;
        assert_int_equal(mailbox_internaldate(m, 1, &date), 0);
        assert_int_equal(date, 86400);
        assert_int_equal(mailbox_internaldate(m, 2, &date), 0);
        assert_true(date > 86400);
        assert_int_equal(entries(f, "Maildir/tmp"), 0);
        mailbox_close(&m);
}

static void what_is_not_committed_leaves_nothing(void **state)
{
        struct fixture *f = *state;
        struct save *s = open_save(f, "INBOX");
        assert_int_equal(append(f, s, &(struct save_message){.internaldate = -1}, "x\r\n"), 0);
        assert_int_equal(save_begin(s, &(struct save_message){.internaldate = -1}), 0);
        assert_int_equal(save_write(s, SLICE("half")), 0);
        assert_int_equal(entries(f, "Maildir/tmp"), 2);
        save_close(&s);
        assert_int_equal(entries(f, "Maildir/tmp"), 0);
        assert_int_equal(entries(f, "Maildir/new"), 0);
        assert_int_equal(save_open(f->store, "nowhere", &s), -ENOENT);

        /* a commit that fails halfway takes back what had its place */
        mailbox_close(&(struct mailbox *){open_box(f, "INBOX", true)});
        s = open_save(f, "INBOX");
        assert_int_equal(append(f, s, &(struct save_message){.internaldate = -1}, "x\r\n"), 0);
        assert_int_equal(
                append(f, s, &(struct save_message){.flags = FLAG_SEEN, .internaldate = -1}, "x\r\n"), 0);
        const char *list = text_of(f, "Maildir/dovecot-uidlist");
        move(f, "Maildir/cur", "Maildir/aside");
        struct save_result res;
        assert_int_equal(save_commit(s, &f->arena, &res), -ENOENT);
        assert_non_null(strstr(store_error(f->store), "rename("));
        save_close(&s);
        move(f, "Maildir/aside", "Maildir/cur");
        assert_int_equal(entries(f, "Maildir/tmp") + entries(f, "Maildir/new") + entries(f, "Maildir/cur"),
                         0);
        assert_string_equal(text_of(f, "Maildir/dovecot-uidlist"), list);
        assert_false(there(f, "Maildir/dovecot-uidlist.lock"));
}

static void a_full_disk_is_reported_and_cleaned_up(void **state)
{
        struct fixture *f = *state;
        struct rlimit old, limit;
        signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &old);
        limit = old;
        limit.rlim_cur = 100000;
        setrlimit(RLIMIT_FSIZE, &limit);
        struct save *s = open_save(f, "INBOX");
        char *large = xcalloc(1, 200000);
        memset(large, 'x', 200000);
        assert_int_equal(save_begin(s, &(struct save_message){.internaldate = -1}), 0);
        int r = save_write(s, slice_make(large, 200000));
        struct save_result res;
        int end = save_end(s), commit = save_commit(s, &f->arena, &res);
        setrlimit(RLIMIT_FSIZE, &old);
        assert_int_equal(r, -EFBIG);
        assert_int_equal(end, -EFBIG);
        assert_int_equal(commit, -EFBIG);
        assert_non_null(strstr(store_error(f->store), "write("));
        assert_int_equal(entries(f, "Maildir/tmp"), 0);
        save_close(&s);
        free(large);
}

/* A message without a CR costs no more than one with them, however it is handed over. */
static void a_large_message_takes_no_time(void **state)
{
        struct fixture *f = *state;
        enum { LARGE = 32 << 20 };
        char *text = malloc(LARGE);
        for (size_t i = 0; i < LARGE; i++)
                text[i] = i % 64 == 63 ? '\n' : 'x';
        struct save *s = open_save(f, "INBOX");
        assert_int_equal(save_begin(s, &(struct save_message){.internaldate = -1}), 0);
        clock_t before = clock();
        assert_int_equal(save_write(s, slice_make(text, LARGE)), 0);
        assert_true(clock() - before < 10 * CLOCKS_PER_SEC);
        save_close(&s);
        free(text);
}

/* Bytes that wait to be looked at: as they came, without a name, gone with the save or the next message. */
static void bytes_are_kept_aside(void **state)
{
        struct fixture *f = *state;
        struct save *s = open_save(f, "INBOX");
        struct message_text text;
        assert_int_equal(save_begin(s, &(struct save_message){.internaldate = -1}), 0);
        assert_int_equal(save_spooled(s, &text), 0);
        assert_int_equal(text.raw.n, 0);
        assert_int_equal(save_spool(s, SLICE("a\r\n\0")), 0);
        assert_int_equal(save_spool(s, SLICE("\nb")), 0);
        assert_int_equal(entries(f, "Maildir/tmp"), 1);
        assert_int_equal(save_spooled(s, &text), 0);
        assert_slice_equal(text.raw, SLICE("a\r\n\0\nb"));
        assert_int_equal(save_write(s, slice_head(text.raw, 3)), 0);
        message_text_release(&text);
        assert_int_equal(save_end(s), 0);
        assert_int_equal(save_begin(s, &(struct save_message){.internaldate = -1}), 0);
        assert_int_equal(save_spool(s, SLICE("never asked for")), 0);
        assert_int_equal(save_begin(s, &(struct save_message){.internaldate = -1}), 0);
        assert_int_equal(save_spooled(s, &text), 0);
        assert_int_equal(text.raw.n, 0);
        save_close(&s);
        assert_int_equal(entries(f, "Maildir/tmp"), 0);
}

/* The old message is there until the new one is, and stays when the commit fails. */
static void a_replaced_message_goes_with_the_commit(void **state)
{
        struct fixture *f = *state;
        struct save *s = open_save(f, "INBOX");
        struct save_result res;
        assert_int_equal(
                append(f, s, &(struct save_message){.flags = FLAG_SEEN, .internaldate = -1}, "old\n"), 0);
        assert_int_equal(save_commit(s, &f->arena, &res), 0);
        save_close(&s);
        struct mailbox *m = open_box(f, "INBOX", false);
        s = open_save(f, "INBOX");
        save_replace(s, m, 1);
        assert_int_equal(append(f, s, &(struct save_message){.internaldate = -1}, "cancelled\n"), 0);
        save_close(&s);
        assert_int_equal(sync_box(f, m, true).expunged_n, 0);
        s = open_save(f, "INBOX");
        save_replace(s, m, 1);
        assert_int_equal(append(f, s, &(struct save_message){.internaldate = -1}, "new\n"), 0);
        assert_int_equal(sync_box(f, m, true).expunged_n, 0);
        assert_int_equal(save_commit(s, &f->arena, &res), 0);
        assert_int_equal(res.left_behind, 0);
        assert_int_equal(res.uids[0], 2);
        save_close(&s);
        struct mailbox_changes changes = sync_box(f, m, true);
        assert_int_equal(changes.expunged_n, 1);
        assert_int_equal(changes.added, 1);
        assert_int_equal(uid_at(m, 1), 2);
        mailbox_close(&m);
}

static void copies_are_links_with_flags_and_dates(void **state)
{
        struct fixture *f = *state;
        put(f, "Maildir/dovecot-keywords", "0 Other\n3 Work\n");
        put(f, "Maildir/cur/1.a.h:2,Sd", "a: b\n\nx\n");
        put(f, "Maildir/cur/2.a.h:2,", "second\n");
        struct timespec times[2] = {{.tv_sec = 86400}, {.tv_sec = 86400}};
        utimensat(f->fd, "Maildir/cur/1.a.h:2,Sd", times, 0);
        store_create(f->store, "to");
        for (int link = 1; link >= 0; link--) {
                f->settings.maildir_copy_with_hardlinks = link;
                struct mailbox *m = open_box(f, "INBOX", true);
                struct save *s = open_save(f, "to");
                assert_int_equal(save_copy(s, m, 1), 0);
                struct save_result res;
                assert_int_equal(save_commit(s, &f->arena, &res), 0);
                assert_int_equal(res.uids[0], link ? 1 : 2);
                save_close(&s);
                mailbox_close(&m);
                struct stat st;
                fstatat(f->fd, "Maildir/cur/1.a.h:2,Sd", &st, 0);
                assert_int_equal(st.st_nlink, 2);
        }
        struct mailbox *to = open_box(f, "to", false);
        unsigned work;
        assert_int_equal(mailbox_keyword(to, SLICE("Work"), false, &work), 0);
        for (uint32_t i = 1; i <= 2; i++) {
                time_t date;
                struct message_text text;
                assert_int_equal(mailbox_internaldate(to, i, &date), 0);
                assert_int_equal(date, 86400);
                assert_int_equal(mailbox_message(to, i).flags.system, FLAG_SEEN);
                assert_int_equal(mailbox_message(to, i).flags.keywords, UINT64_C(1) << work);
                assert_int_equal(mailbox_read(to, i, &text), 0);
                assert_slice_equal(text.raw, SLICE("a: b\n\nx\n"));
                message_text_release(&text);
        }
        mailbox_close(&to);

        /* into the folder it comes from */
        struct mailbox *m = open_box(f, "INBOX", false);
        struct save *s = open_save(f, "INBOX");
        struct save_result res;
        assert_int_equal(save_copy(s, m, 2), 0);
        unlinkat(f->fd, "Maildir/cur/1.a.h:2,Sd", 0);
        assert_int_equal(save_copy(s, m, 1), -ENOENT);
        assert_int_equal(save_commit(s, &f->arena, &res), 0);
        save_close(&s);
        struct mailbox_changes c = sync_box(f, m, true);
        assert_int_equal(c.expunged_n, 1);
        assert_int_equal(c.added, 1);
        assert_int_equal(uid_at(m, 2), res.uids[0]);
        mailbox_close(&m);
}

/* Others rename and remove files between the choice and the commit. */
static void what_moves_meanwhile_is_found(void **state)
{
        struct fixture *f = *state;
        store_create(f->store, "to");
        put(f, "Maildir/cur/1.a.h,S=2:2,", "x\n");
        put(f, "Maildir/cur/2.a.h,S=2:2,S", "x\n");
        put(f, "Maildir/cur/3.a.h,S=2:2,F", "x\n");
        put(f, "Maildir/cur/4.a.h,S=2:2,", "x\n");
        struct mailbox *m = open_box(f, "INBOX", false), *other = open_box(f, "INBOX", false);
        struct save *s = open_save(f, "to");
        struct save_result res;
        for (uint32_t seq = 1; seq <= 3; seq++)
                assert_int_equal(save_move(s, m, seq), 0);
        move(f, "Maildir/cur/2.a.h,S=2:2,S", "Maildir/cur/2.a.h,S=2:2,RS");
        unlinkat(f->fd, "Maildir/cur/3.a.h,S=2:2,F", 0);
        assert_int_equal(save_commit(s, &f->arena, &res), 0);
        save_close(&s);
        assert_int_equal(res.n, 2); /* what is gone is left out, and told from what is not */
        assert_int_equal(res.seqs[0], 1);
        assert_int_equal(res.seqs[1], 2);
        assert_int_equal(res.left_behind, 0);
        assert_int_equal(entries(f, "Maildir/cur"), 1);
        /* nothing went back, so nothing got another UID */
        struct mailbox *boxes[] = {m, other};
        for (size_t i = 0; i < 2; i++) {
                struct mailbox_changes c = sync_box(f, boxes[i], true);
                assert_int_equal(c.expunged_n, 3);
                assert_int_equal(c.added, 0);
                assert_int_equal(uid_at(boxes[i], 1), 4);
        }
        struct mailbox *to = open_box(f, "to", false);
        assert_int_equal(mailbox_count(to), 2);
        assert_int_equal(mailbox_message(to, 2).flags.system, FLAG_SEEN | FLAG_ANSWERED);

        /* a copy follows its file, or is none at all */
        s = open_save(f, "to");
        assert_int_equal(save_copy(s, m, 1), 0);
        move(f, "Maildir/cur/4.a.h,S=2:2,", "Maildir/cur/4.a.h,S=2:2,D");
        assert_int_equal(save_commit(s, &f->arena, &res), 0);
        save_close(&s);
        assert_int_equal(sync_box(f, to, true).added, 1);
        assert_int_equal(mailbox_message(to, 3).flags.system, FLAG_DRAFT);
        s = open_save(f, "to");
        assert_int_equal(save_copy(s, m, 1), 0);
        unlinkat(f->fd, "Maildir/cur/4.a.h,S=2:2,D", 0);
        assert_int_equal(save_commit(s, &f->arena, &res), -ENODATA);
        save_close(&s);
        assert_int_equal(sync_box(f, to, true).added, 0);
        mailbox_close(&m);
        mailbox_close(&other);
        mailbox_close(&to);
}

static void messages_without_uids_get_theirs_first(void **state)
{
        struct fixture *f = *state;
        put(f, "Maildir/cur/1.a.h:2,", "x\n");
        put(f, "Maildir/new/2.a.h", "x\n");
        struct save *s = open_save(f, "INBOX");
        struct save_result res;
        assert_int_equal(append(f, s, &(struct save_message){.internaldate = -1}, "x\r\n"), 0);
        assert_int_equal(save_commit(s, &f->arena, &res), 0);
        save_close(&s);
        assert_int_equal(res.uids[0], 3);
        assert_true(there(f, "Maildir/new/2.a.h"));
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_int_equal(mailbox_count(m), 3);
        assert_int_equal(uid_at(m, 3), 3);
        mailbox_close(&m);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(saved_messages_appear_together),
                T(what_is_not_committed_leaves_nothing),
                T(a_full_disk_is_reported_and_cleaned_up),
                T(a_large_message_takes_no_time),
                T(bytes_are_kept_aside),
                T(a_replaced_message_goes_with_the_commit),
                T(copies_are_links_with_flags_and_dates),
                T(messages_without_uids_get_theirs_first),
                T(what_moves_meanwhile_is_found),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

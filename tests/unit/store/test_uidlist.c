/* The text of dovecot-uidlist, and what becomes of lists that others write, damage or lose. */

#include "maildir_fixture.h"

#include "base/lock.h"
#include "store/filename.h"
#include "store/uidlist.h"

#define LIST "Maildir/dovecot-uidlist"
#define GUID "0123456789abcdef0123456789abcdef"

static void lines_are_read_and_written(void **state)
{
        struct uidlist_header h;
        assert_int_equal(uidlist_header_parse(SLICE("3 V1700000000 N12 G" GUID " Xnew"), &h), 0);
        assert_int_equal(h.uidvalidity, 1700000000);
        assert_int_equal(h.nextuid, 12);
        assert_slice_equal(h.guid, SLICE(GUID));
        struct buf b = {0};
        uidlist_header_format(&b, 5, 6, GUID, h.fields);
        assert_slice_equal(buf_slice(&b), SLICE("3 V5 N6 G" GUID " Xnew\n"));
        assert_int_equal(uidlist_header_parse(SLICE("1 1254 77"), &h), 0);
        assert_int_equal(h.nextuid, 77);
        static const char *const bad_headers[] = {
                "",        "3",       "3 V1",           "3 N1", "3 V0 N1",          "3 V1 N0",
                "3 Vx N1", "2 V1 N1", "3 V1 N1 Gshort", "1 5",  "3 V1 N4294967295", "3 V99999999999 N1"};
        for (size_t i = 0; i < ARRAY_LEN(bad_headers); i++)
                assert_int_equal(uidlist_header_parse(slice_of(bad_headers[i]), &h), -EINVAL);

        struct uidlist_line l;
        assert_int_equal(uidlist_line_parse(3, SLICE("7 W120 S118 Pa:b Zz :1.a.h,S=118"), &l), 0);
        assert_int_equal(l.uid, 7);
        assert_slice_equal(l.base, SLICE("1.a.h,S=118"));
        struct slice v;
        assert_true(uidlist_field(l.fields, 'P', &v));
        assert_slice_equal(v, SLICE("a:b"));
        b.n = 0;
        uidlist_line_format(&b, &l);
        assert_slice_equal(buf_slice(&b), SLICE("7 W120 S118 Pa:b Zz :1.a.h,S=118\n"));
        assert_int_equal(uidlist_line_parse(3, SLICE("7 :1.a.h:2,S"), &l), 0);
        assert_slice_equal(l.base, SLICE("1.a.h"));
        assert_int_equal(uidlist_line_parse(1, SLICE("7 1.a.h:2,S"), &l), 0);
        assert_slice_equal(l.base, SLICE("1.a.h"));
        static const char *const bad[] = {"",    "7",       "7 ",     "x :a",          "0 :a", "7 W1",
                                          "7 :", "7 ::2,S", "7 :a/b", "4294967295 :a", "-1 :a"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(uidlist_line_parse(3, slice_of(bad[i]), &l), -EINVAL);
        buf_free(&b);
}

/* Which of two files was delivered first. */
static int delivery_cmp(struct slice a, struct slice b)
{
        struct filename_order x = filename_order_of(a), y = filename_order_of(b);
        return filename_order_cmp(&x, &y);
}

static void names_are_taken_apart(void **state)
{
        uint8_t flags;
        uint32_t letters;
        filename_info_parse(SLICE(":2,DFRSTabz,x"), &flags, &letters);
        assert_int_equal(flags, FLAG_ALL);
        assert_int_equal(letters, 1 | 2 | 1 << 25);
        filename_info_parse(SLICE(":1,S"), &flags, &letters);
        assert_int_equal(flags, 0);
        struct buf b = {0};
        filename_info_format(&b, SLICE(":2,PSXq,more"), FLAG_DRAFT, 4);
        assert_slice_equal(buf_slice(&b), SLICE(":2,DPXc,more"));
        uint64_t n;
        assert_true(filename_size(SLICE("1.a,S=12,W=34"), 'W', &n));
        assert_int_equal(n, 34);
        assert_false(filename_size(SLICE("1.a,S=,W=x"), 'S', &n));
        assert_false(filename_size(SLICE("1.a,W=x"), 'W', &n));
        assert_false(filename_size(SLICE(""), 'W', &n));
        assert_true(delivery_cmp(SLICE("9.a"), SLICE("10.a")) < 0);
        assert_true(delivery_cmp(SLICE("10.M9P1.h"), SLICE("10.M10P1.h")) < 0);
        assert_true(delivery_cmp(SLICE("10.a"), SLICE("10.b")) < 0);
        assert_int_equal(delivery_cmp(SLICE("10.a"), SLICE("10.a")), 0);
        int64_t last = 0;
        b.n = 0;
        filename_generate(&b, &last);
        size_t first = b.n;
        filename_generate(&b, &last);
        assert_false(slice_eq(slice_head(buf_slice(&b), first), slice_from(buf_slice(&b), first)));
        buf_free(&b);
}

/* What clients keep as EMAILID: the numbers must never change. */
static void guids_have_one_form(void **state)
{
        char guid[UIDLIST_GUID_LEN + 1];
        uidlist_guid(SLICE("0123456789ABCDEF0123456789abcdef"), guid);
        assert_string_equal(guid, "0123456789abcdef0123456789abcdef");
        uidlist_guid(SLICE("1700000000.M1P1.host"), guid);
        assert_string_equal(guid, "2119e356fe30ab138c669912fb5326ae");
        assert_true(uidlist_guid_fits(SLICE("1700000000.M1P1.host")));
        assert_false(uidlist_guid_fits(SLICE("a b")));
        assert_false(uidlist_guid_fits(SLICE("")));
}

static void names_tell_when(void **state)
{
        time_t t = 0;
        assert_true(filename_time(SLICE("1700000000.M1P1.host,S=5"), &t));
        assert_int_equal(t, 1700000000);
        assert_false(filename_time(SLICE("17.host"), &t));
        assert_false(filename_time(SLICE("99999999999999999999.host"), &t));
        assert_false(filename_time(SLICE("msg.1"), &t));
}

static void a_list_of_dovecot_is_kept(void **state)
{
        struct fixture *f = *state;
        const char *list = "3 V1234567890 N105 G" GUID " Xfuture\n"
                           "3 W9 :1.gone.h\n"
                           "7 W5 S4 Puidl-seven :1.a.h\n"
                           "100 :2.a.h\n";
        put(f, LIST, list);
        put(f, "Maildir/cur/1.a.h:2,S", "abc\n");
        put(f, "Maildir/cur/2.a.h:2,", "abc\n");
        struct mailbox *m = open_box(f, "INBOX", false);
        struct mailbox_status st;
        mailbox_status(m, &st);
        assert_int_equal(st.uidvalidity, 1234567890);
        assert_int_equal(st.uidnext, 105);
        assert_string_equal(mailbox_guid(m), GUID);
        assert_int_equal(uid_at(m, 1), 7);
        assert_int_equal(uid_at(m, 2), 100);
        assert_true(slice_eq(mailbox_pop3_uidl(m, 1), SLICE("uidl-seven")));
        assert_int_equal(mailbox_pop3_uidl(m, 2).n, 0);
        uint64_t size;
        assert_int_equal(mailbox_size(m, 1, &size), 0);
        assert_int_equal(size, 5);
        assert_string_equal(text_of(f, LIST), list); /* nothing to write */

        put(f, "Maildir/new/3.a.h", "abc\n");
        sync_box(f, m, true);
        assert_int_equal(uid_at(m, 3), 105);
        assert_string_equal(text_of(f, LIST), arena_printf(&f->arena, "%s105 :3.a.h\n", list));

        /* another server appends */
        put(f, "Maildir/cur/4.a.h:2,", "abc\n");
        put(f, "Maildir/cur/5.a.h:2,", "abc\n");
        int fd = openat(f->fd, LIST, O_WRONLY | O_APPEND);
        assert_int_equal(fd_write_all(fd, SLICE("110 :5.a.h\n111 :4.a.h\n")), 0);
        close(fd);
        assert_int_equal(sync_box(f, m, true).added, 2);
        assert_int_equal(uid_at(m, 4), 110);
        assert_string_equal(mailbox_base_name(m, 4), "5.a.h");
        mailbox_status(m, &st);
        assert_int_equal(st.uidnext, 112);
        mailbox_close(&m);
}

static void version_1_is_taken_over(void **state)
{
        struct fixture *f = *state;
        put(f, LIST, "1 1254 77\n5 1.a.h\n6 2.a.h:2,S\n");
        put(f, "Maildir/cur/1.a.h:2,S", "abc\n");
        put(f, "Maildir/cur/2.a.h:2,F", "abc\n");
        struct mailbox *m = open_box(f, "INBOX", true);
        assert_int_equal(uid_at(m, 1), 5);
        assert_int_equal(uid_at(m, 2), 6);
        const char *text = text_of(f, LIST);
        assert_true(slice_starts(slice_of(text), SLICE("3 V1254 N77 G")));
        assert_non_null(strstr(text, "\n5 :1.a.h\n6 :2.a.h\n"));
        mailbox_close(&m);
}

static void damage_never_gives_a_uid_twice(void **state)
{
        struct fixture *f = *state;
        put(f, LIST,
            "3 V99 N3 G" GUID "\n"
            "1 :1.a.h\n"
            "garbage\n"
            "4 :2.a.h\n"
            "3 :3.a.h\n" /* out of order */
            "5 :2.a.h\n" /* twice: the later UID counts */
            "6 :4.a");   /* torn */
        for (int i = 1; i <= 4; i++)
                put(f, arena_printf(&f->arena, "Maildir/cur/%d.a.h:2,", i), "x\n");
        struct mailbox *m = open_box(f, "INBOX", false);
        struct mailbox_status st;
        mailbox_status(m, &st);
        assert_int_equal(st.uidvalidity, 99);
        assert_int_equal(mailbox_count(m), 4);
        assert_int_equal(uid_at(m, 1), 1);
        assert_int_equal(uid_at(m, 2), 5);
        assert_true(uid_at(m, 3) >= 7);
        uint32_t third = uid_at(m, 3), fourth = uid_at(m, 4), next = st.uidnext;
        mailbox_close(&m);
        m = open_box(f, "INBOX", false);
        assert_int_equal(uid_at(m, 3), third);
        assert_int_equal(uid_at(m, 4), fourth);
        mailbox_status(m, &st);
        assert_int_equal(st.uidnext, next);
        mailbox_close(&m);
}

static void a_lost_list_is_written_again_from_memory(void **state)
{
        struct fixture *f = *state;
        put(f, LIST, "3 V99 N50 G" GUID "\n40 :1.a.h\n41 :2.a.h\n");
        put(f, "Maildir/cur/1.a.h:2,", "x\n");
        put(f, "Maildir/cur/2.a.h:2,", "x\n");
        struct mailbox *m = open_box(f, "INBOX", false);
        unlinkat(f->fd, LIST, 0);
        put(f, "Maildir/new/3.a.h", "x\n");
        struct mailbox_changes c = sync_box(f, m, true);
        assert_int_equal(c.added, 1);
        assert_int_equal(c.expunged_n, 0);
        assert_string_equal(text_of(f, LIST), "3 V99 N51 G" GUID "\n40 :1.a.h\n41 :2.a.h\n50 :3.a.h\n");

        /* another list with another UIDVALIDITY: the session is over */
        put(f, LIST, "3 V100 N50 G" GUID "\n40 :1.a.h\n");
        put(f, "Maildir/new/4.a.h", "x\n");
        assert_int_equal(mailbox_sync(m, true, &f->arena, &c), -ESTALE);
        mailbox_close(&m);
}

static void a_new_list_has_a_new_uidvalidity(void **state)
{
        struct fixture *f = *state;
        struct mailbox_status a, b, c;
        put(f, "Maildir/dovecot-uidvalidity", "7fffff00");
        put(f, "Maildir/dovecot-uidvalidity.7fffff00", "");
        struct mailbox *m = open_box(f, "INBOX", false);
        mailbox_status(m, &a);
        mailbox_close(&m);
        assert_int_equal(a.uidvalidity, 0x7fffff01);
        assert_string_equal(text_of(f, "Maildir/dovecot-uidvalidity"), "7fffff01");
        assert_true(there(f, "Maildir/dovecot-uidvalidity.7fffff01"));
        assert_false(there(f, "Maildir/dovecot-uidvalidity.7fffff00"));
        for (int i = 0; i < 2; i++) {
                assert_int_equal(store_create(f->store, "x"), 0);
                m = open_box(f, "x", false);
                mailbox_status(m, i ? &c : &b);
                mailbox_close(&m);
                assert_int_equal(store_delete(f->store, "x"), 0);
        }
        assert_true(b.uidvalidity > a.uidvalidity && c.uidvalidity > b.uidvalidity);
        /* what the list said is in the index too; both must be lost */
        put(f, LIST, "rubbish\n");
        m = open_box(f, "INBOX", false);
        assert_int_equal(mailbox_uidvalidity(m), a.uidvalidity);
        mailbox_close(&m);
        put(f, LIST, "rubbish\n");
        put(f, "Maildir/mailsession.index", "rubbish\n");
        m = open_box(f, "INBOX", false);
        mailbox_status(m, &b);
        assert_true(b.uidvalidity > c.uidvalidity);
        mailbox_close(&m);
}

static void stale_lines_are_dropped(void **state)
{
        struct fixture *f = *state;
        struct buf b = {0};
        buf_str(&b, "3 V99 N2000 G" GUID "\n");
        for (int i = 1; i < 1000; i++)
                buf_printf(&b, "%d :%d.a.h\n", i, i);
        put(f, LIST, buf_cstr(&b));
        put(f, "Maildir/cur/999.a.h:2,", "x\n");
        put(f, "Maildir/new/1000.a.h", "x\n");
        mailbox_close(&(struct mailbox *){open_box(f, "INBOX", false)});
        assert_string_equal(text_of(f, LIST), "3 V99 N2001 G" GUID "\n999 :999.a.h\n2000 :1000.a.h\n");
        buf_free(&b);
}

static void the_lock_of_a_dead_process_is_broken(void **state)
{
        struct fixture *f = *state;
        char host[256] = "";
        gethostname(host, sizeof(host) - 1);
        put(f, LIST ".lock", arena_printf(&f->arena, "999999999:%s", host));
        put(f, "Maildir/new/1.a.h", "x\n");
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_int_equal(mailbox_count(m), 1);
        assert_false(there(f, LIST ".lock"));
        /* cur new tmp, the list, two of the UIDVALIDITY, index and journal */
        assert_int_equal(entries(f, "Maildir"), 8);
        mailbox_close(&m);
}

static void a_large_folder_opens_in_time(void **state)
{
        struct fixture *f = *state;
        enum { MANY = 20000 }; /* quadratic work would show here already */
        for (int i = 0; i < MANY; i++) {
                char name[64];
                snprintf(name, sizeof(name), "Maildir/cur/%d.M%dP1.h,S=2,W=3:2,S", 1000000 + i / 3, i);
                close(openat(f->fd, name, O_WRONLY | O_CREAT, 0600));
        }
        time_t start = time(NULL);
        struct mailbox *m = open_box(f, "INBOX", false);
        assert_int_equal(mailbox_count(m), MANY);
        for (int i = 0; i < 5; i++)
                sync_box(f, m, true);
        mailbox_close(&m);
        m = open_box(f, "INBOX", false);
        assert_int_equal(uid_at(m, MANY), MANY);
        assert_true(time(NULL) - start < 20);
        mailbox_close(&m);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_are_read_and_written),
                cmocka_unit_test(names_are_taken_apart),
                cmocka_unit_test(guids_have_one_form),
                cmocka_unit_test(names_tell_when),
                T(a_list_of_dovecot_is_kept),
                T(version_1_is_taken_over),
                T(damage_never_gives_a_uid_twice),
                T(a_lost_list_is_written_again_from_memory),
                T(a_new_list_has_a_new_uidvalidity),
                T(stale_lines_are_dropped),
                T(the_lock_of_a_dead_process_is_broken),
                T(a_large_folder_opens_in_time),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

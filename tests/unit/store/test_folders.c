/* Names, folders, subscriptions, mail_location. */

#include "maildir_fixture.h"

#include "store/location.h"
#include "store/subscriptions.h"

static const char *listing(struct fixture *f)
{
        struct folder *folders;
        size_t n;
        struct buf b = {0};
        if (store_list(f->store, &f->arena, &folders, &n) < 0)
                fail_msg("%s", store_error(f->store));
        for (size_t i = 0; i < n; i++) {
                unsigned fl = folders[i].flags;
                buf_printf(&b, "%s%s%s%s%s%s%s%s", i ? "|" : "", folders[i].name,
                           fl & FOLDER_NONEXISTENT ? "-" : "", fl & FOLDER_CHILDREN ? "+" : "",
                           fl & FOLDER_SUBSCRIBED ? "*" : "", fl & FOLDER_CHILD_SUBSCRIBED ? "^" : "",
                           folders[i].special_use ? " " : "",
                           folders[i].special_use ? folders[i].special_use : "");
        }
        const char *s = arena_str(&f->arena, buf_slice(&b));
        buf_free(&b);
        return s;
}

static void folders_are_made_listed_and_deleted(void **state)
{
        struct fixture *f = *state;
        assert_string_equal(listing(f), "INBOX");
        assert_int_equal(store_create(f->store, "a.b.c."), 0);
        assert_int_equal(store_create(f->store, "a b"), 0);
        assert_int_equal(store_create(f->store, "Entw\xc3\xbcrfe & mehr"), 0);
        assert_true(there(f, "Maildir/.Entw&APw-rfe &- mehr/maildirfolder"));
        assert_int_equal(store_create(f->store, "a.b.c"), -EEXIST);
        assert_int_equal(store_create(f->store, "iNbOx"), -EEXIST);
        put(f, "Maildir/.a.b.c/new/1.a.h", "x");
        assert_string_equal(listing(f), "INBOX|Entw\xc3\xbcrfe & mehr|a-+|a.b-+|a.b.c|a b");
        unsigned flags;
        assert_int_equal(store_lookup(f->store, "a.b", &flags), 0);
        assert_int_equal(flags, FOLDER_NONEXISTENT | FOLDER_CHILDREN);
        assert_int_equal(store_lookup(f->store, "a.x", &flags), -ENOENT);
        assert_int_equal(store_delete(f->store, "a.b"), -ENOENT);
        assert_int_equal(store_delete(f->store, "INBOX"), -EBUSY);
        assert_int_equal(mkdirat(f->fd, "Maildir/..DOVECOT-TRASHED", 0700), 0);
        put(f, "Maildir/..DOVECOT-TRASHED/old", "x");
        assert_int_equal(store_delete(f->store, "a.b.c"), 0);
        assert_false(there(f, "Maildir/..DOVECOT-TRASHED"));
        assert_string_equal(listing(f), "INBOX|Entw\xc3\xbcrfe & mehr|a b");
}

static void names_that_cannot_be(void **state)
{
        struct fixture *f = *state;
        static const char *const bad[] = {"",
                                          ".",
                                          "a..b",
                                          ".a",
                                          "../x",
                                          "a.",
                                          ("a\x01"
                                           "b"),
                                          "a\x7f",
                                          "\xff",
                                          "a/../b",
                                          "a.\n"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                unsigned flags;
                struct mailbox *m;
                assert_int_equal(store_lookup(f->store, bad[i], &flags), -EINVAL);
                assert_int_equal(mailbox_open(f->store, bad[i], false, &m), -EINVAL);
                if (strcmp(bad[i], "a.") != 0)
                        assert_int_equal(store_create(f->store, bad[i]), -EINVAL);
        }
        char longest[300];
        memset(longest, 'x', sizeof(longest));
        longest[255] = '\0';
        assert_int_equal(store_create(f->store, longest), -ENAMETOOLONG);
        longest[254] = '\0';
        assert_int_equal(store_create(f->store, longest), 0);
        /* directories that are no folders of ours */
        mkdirat(f->fd, "Maildir/..", 0700);
        mkdirat(f->fd, "Maildir/..x", 0700);
        mkdirat(f->fd, "Maildir/.a..b", 0700);
        mkdirat(f->fd, "Maildir/.&AGE-", 0700);
        mkdirat(f->fd, "Maildir/.inbox", 0700);
        mkdirat(f->fd, "Maildir/.\xff", 0700);
        (void)!symlinkat("/tmp", f->fd, "Maildir/.link");
        assert_int_equal(store_delete(f->store, longest), 0);
        assert_string_equal(listing(f), "INBOX");
}

static void names_that_are_escaped(void **state)
{
        struct fixture *f = *state;
        static const struct {
                const char *name, *disk;
        } rows[] = {
                {"a/b", "Maildir/.a\\2fb"},
                {"~x.~y", "Maildir/.\\7ex.~y"},
                {"c\\d", "Maildir/.c\\5cd"},
                {"&\\2e", "Maildir/.&-\\5c2e"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                unsigned flags;
                assert_int_equal(store_create(f->store, rows[i].name), 0);
                assert_true(there(f, rows[i].disk));
                assert_int_equal(store_lookup(f->store, rows[i].name, &flags), 0);
                assert_int_equal(store_subscribe(f->store, rows[i].name, true), 0);
                assert_int_equal(store_lookup(f->store, rows[i].name, &flags), 0);
                assert_int_equal(flags, FOLDER_SUBSCRIBED);
        }
        assert_string_equal(listing(f), "INBOX|&\\2e*|a/b*|c\\d*|~x-+^|~x.~y*");
        /* what names on disk cannot mean is as it stands: '.' is the separator here */
        mkdirat(f->fd, "Maildir/.e\\2ef", 0700);
        mkdirat(f->fd, "Maildir/.g\\41", 0700);
        assert_int_equal(store_delete(f->store, "e\\2ef"), 0);
        assert_int_equal(store_delete(f->store, "g\\41"), 0);
        static const char *const refused[] = {"x\xc2\x85", "x\xe2\x80\xa8", "x\xe2\x80\xa9"};
        for (size_t i = 0; i < ARRAY_LEN(refused); i++)
                assert_int_equal(store_create(f->store, refused[i]), -EINVAL);
}

/* Courier 5 names folders in UTF-8; others write it decomposed; "R&D" is mUTF-7 of nothing. */
static void other_forms_of_names(void **state)
{
        struct fixture *f = *state;
        static const char *const made[] = {"Maildir/.Entw\xc3\xbcrfe", "Maildir/.Entw\xc3\xbcrfe.R&D",
                                           "Maildir/.Entw&APw-rfe.x", "Maildir/.O\xcc\x88l"};
        unsigned flags;
        for (size_t i = 0; i < ARRAY_LEN(made); i++)
                mkdirat(f->fd, made[i], 0700);
        mkdirat(f->fd, "Maildir/.Entw\xc3\xbcrfe/cur", 0700);
        put(f, "Maildir/.Entw\xc3\xbcrfe/cur/1.a.h:2,", "x");
        assert_string_equal(listing(f),
                            "INBOX|Entw\xc3\xbcrfe+|Entw\xc3\xbcrfe.R&D|Entw\xc3\xbcrfe.x|O\xcc\x88l");
        assert_int_equal(store_lookup(f->store, "\xc3\x96l", &flags), 0);
        assert_int_equal(store_create(f->store, "\xc3\x96l"), -EEXIST);
        assert_int_equal(store_create(f->store, "Entw\xc3\xbcrfe"), -EEXIST);
        assert_int_equal(store_subscribe(f->store, "Entw\xc3\xbcrfe", true), 0);
        assert_int_equal(store_subscribe(f->store, "Entw\xc3\xbcrfe", false), 0);
        assert_int_equal(store_rename(f->store, "Entw\xc3\xbcrfe", "Neu.\xc3\xbc"), 0);
        assert_true(there(f, "Maildir/.Neu.&APw-/cur/1.a.h:2,"));
        assert_string_equal(listing(f),
                            "INBOX|Neu-+|Neu.\xc3\xbc+|Neu.\xc3\xbc.R&D|Neu.\xc3\xbc.x|O\xcc\x88l");
        assert_int_equal(store_rename(f->store, "Neu.\xc3\xbc.R&D", "R&D"), 0);
        assert_true(there(f, "Maildir/.R&-D"));
        assert_int_equal(store_delete(f->store, "\xc3\x96l"), 0);
        assert_false(there(f, "Maildir/.O\xcc\x88l"));
}

static void folders_are_renamed_with_what_is_below(void **state)
{
        struct fixture *f = *state;
        store_create(f->store, "a");
        store_create(f->store, "a.b");
        store_create(f->store, "ab");
        put(f, "Maildir/.a/cur/1.a.h:2,", "x");
        assert_int_equal(store_rename(f->store, "a", "ab"), -EEXIST);
        assert_int_equal(store_rename(f->store, "a", "a.c"), -EINVAL);
        assert_int_equal(store_rename(f->store, "nothing", "x"), -ENOENT);
        assert_int_equal(store_rename(f->store, "a", "x.y"), 0);
        assert_string_equal(listing(f), "INBOX|ab|x-+|x.y+|x.y.b");
        assert_true(there(f, "Maildir/.x.y/cur/1.a.h:2,"));
        /* a level that is not there moves what is below it */
        assert_int_equal(store_rename(f->store, "x", "z"), 0);
        assert_string_equal(listing(f), "INBOX|ab|z-+|z.y+|z.y.b");
        /* none when one is in the way */
        store_create(f->store, "q.y.b");
        assert_int_equal(store_rename(f->store, "z", "q"), -EEXIST);
        assert_string_equal(listing(f), "INBOX|ab|q-+|q.y-+|q.y.b|z-+|z.y+|z.y.b");
}

static void renaming_inbox_moves_its_messages(void **state)
{
        struct fixture *f = *state;
        put(f, "Maildir/dovecot-keywords", "0 Work\n");
        put(f, "Maildir/cur/1.a.h:2,Sa", "x");
        put(f, "Maildir/new/2.a.h", "x");
        store_create(f->store, "below");
        assert_int_equal(store_rename(f->store, "inbox", "old.mail"), 0);
        struct mailbox *m = open_box(f, "old.mail", false);
        assert_int_equal(mailbox_count(m), 2);
        assert_int_equal(mailbox_message(m, 1).flags.keywords, 1);
        mailbox_close(&m);
        m = open_box(f, "INBOX", false);
        assert_int_equal(mailbox_count(m), 0);
        mailbox_close(&m);
        assert_string_equal(listing(f), "INBOX|below|old-+|old.mail");
}

static void subscriptions_keep_their_form(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(store_subscribe(f->store, "a.\xc3\xbc", true), 0);
        assert_string_equal(text_of(f, "Maildir/subscriptions"), "V\t2\n\na\t&APw-\n");
        assert_int_equal(store_subscribe(f->store, "a.\xc3\xbc", true), 0);
        assert_int_equal(store_subscribe(f->store, "inbox", true), 0);
        assert_string_equal(text_of(f, "Maildir/subscriptions"), "V\t2\n\na\t&APw-\nINBOX\n");
        assert_string_equal(listing(f), "INBOX*|a-^|a.\xc3\xbc-*");
        assert_int_equal(store_subscribe(f->store, "a.\xc3\xbc", false), 0);
        assert_string_equal(text_of(f, "Maildir/subscriptions"), "V\t2\n\nINBOX\n");
        assert_false(there(f, "Maildir/subscriptions.lock"));

        put(f, "Maildir/subscriptions", "INBOX\na.b\nno..name\n");
        assert_int_equal(store_subscribe(f->store, "c.d", true), 0);
        assert_int_equal(store_subscribe(f->store, "a.b", false), 0);
        assert_string_equal(text_of(f, "Maildir/subscriptions"), "INBOX\nno..name\nc.d\n");
        assert_string_equal(listing(f), "INBOX*|c-^|c.d-*");
}

static void prefixes_and_separators(void **state)
{
        struct fixture *f = *state;
        f->namespaces[0].prefix = "INBOX/";
        f->namespaces[0].separator = "/";
        fixture_open(f);
        assert_int_equal(store_create(f->store, "inbox/a/b"), 0);
        assert_true(there(f, "Maildir/.a.b/cur"));
        assert_int_equal(store_create(f->store, "INBOX/.a.b"), 0);
        assert_true(there(f, "Maildir/.\\2ea\\2eb/cur"));
        assert_int_equal(store_create(f->store, "a"), -EINVAL);
        assert_string_equal(listing(f), "INBOX+|INBOX/.a.b|INBOX/a-+|INBOX/a/b");
        assert_int_equal(store_delete(f->store, "INBOX/.a.b"), 0);
        assert_int_equal(store_separator(f->store, "INBOX/a"), '/');

        /* a second namespace whose subscriptions are kept by the first */
        fixture_default(f);
        f->namespaces[1] = (struct settings_namespace){.name = "pub",
                                                       .separator = ".",
                                                       .prefix = "Public.",
                                                       .type = SETTINGS_NAMESPACE_PUBLIC,
                                                       .list = SETTINGS_LIST_YES,
                                                       .location = "maildir:~/public:CONTROL=~/control/%u"};
        f->settings.namespace_count = 2;
        mkdirat(f->fd, "public", 0700);
        fixture_open(f);
        assert_int_equal(store_create(f->store, "Public.news"), 0);
        assert_true(there(f, "public/.news/cur"));
        assert_int_equal(store_subscribe(f->store, "Public.news", true), 0);
        assert_string_equal(text_of(f, "Maildir/subscriptions"), "V\t2\n\nPublic\tnews\n");
        put(f, "public/.news/new/1.a.h", "x");
        mailbox_close(&(struct mailbox *){open_box(f, "Public.news", false)});
        assert_true(there(f, "control/kevin/.news/dovecot-uidlist"));
        assert_false(there(f, "public/.news/dovecot-uidlist"));
        assert_string_equal(listing(f), "INBOX|Public+^|Public.news*|a-+|a.b");
        size_t n;
        const struct store_namespace *ns = store_namespaces(f->store, &n);
        assert_int_equal(n, 2);
        assert_string_equal(ns[1].prefix, "Public.");
        assert_int_equal(ns[1].type, NAMESPACE_SHARED);
        const char *const *paths = store_paths(f->store);
        assert_string_equal(paths[0], arena_printf(&f->arena, "%s/Maildir", f->home));
        assert_string_equal(paths[2], arena_printf(&f->arena, "%s/control/kevin", f->home));
        assert_null(paths[3]);
        assert_int_equal(store_rename(f->store, "Public.news", "x"), -EXDEV);
        assert_int_equal(store_delete(f->store, "Public.news"), 0);
        assert_false(there(f, "control/kevin/.news"));
}

static void special_folders_come_by_themselves(void **state)
{
        struct fixture *f = *state;
        static const char *const sent[] = {"\\Sent"}, *const both[] = {"\\Trash", "\\Junk"};
        struct settings_mailbox boxes[] = {
                {.name = "Sent", .special_use = {sent, 1}, .auto_create = SETTINGS_AUTO_SUBSCRIBE},
                {.name = "Trash", .special_use = {both, 2}, .auto_create = SETTINGS_AUTO_CREATE},
                {.name = "Archive", .special_use = {sent, 1}},
        };
        f->namespaces[0].mailboxes = boxes;
        f->namespaces[0].mailbox_count = 3;
        fixture_open(f);
        assert_int_equal(store_auto_create(f->store), 0);
        assert_string_equal(listing(f), "INBOX|Sent* \\Sent|Trash \\Trash \\Junk");
        store_subscribe(f->store, "Sent", false);
        assert_int_equal(store_auto_create(f->store), 0);
        assert_string_equal(listing(f), "INBOX|Sent \\Sent|Trash \\Trash \\Junk");
}

/* In one file for all folders, under the names in which folders are made. */
static void given_uses_follow_their_folders(void **state)
{
        struct fixture *f = *state;
        mkdirat(f->fd, "Maildir/.\xc3\xbc", 0700);
        store_create(f->store, "a.b");
        store_create(f->store, "ab");
        assert_int_equal(store_special_use_set(f->store, "\xc3\xbc", "\\Sent"), 0);
        assert_int_equal(store_special_use_set(f->store, "a.b", "\\Junk \\Trash"), 0);
        assert_int_equal(store_special_use_set(f->store, "ab", "\\Drafts"), 0);
        assert_int_equal(store_special_use_set(f->store, "INBOX", "\\Drafts"), -EBUSY);
        assert_string_equal(text_of(f, "Maildir/mailsession-special-use"),
                            "&APw-\t\\Sent\na.b\t\\Junk \\Trash\nab\t\\Drafts\n");
        assert_string_equal(listing(f), "INBOX|a-+|a.b \\Junk \\Trash|ab \\Drafts|\xc3\xbc \\Sent");
        assert_int_equal(store_rename(f->store, "a", "x"), 0);
        assert_int_equal(store_rename(f->store, "\xc3\xbc", "y"), 0);
        assert_int_equal(store_special_use_set(f->store, "ab", ""), 0);
        assert_string_equal(listing(f), "INBOX|ab|x-+|x.b \\Junk \\Trash|y \\Sent");
        assert_int_equal(store_delete(f->store, "x.b"), 0);
        assert_string_equal(text_of(f, "Maildir/mailsession-special-use"), "y\t\\Sent\n");
        assert_false(there(f, "Maildir/mailsession-special-use.lock"));
        put(f, "Maildir/mailsession-special-use", "\n\t\\Sent\ny\ny\tSent\nno\t\\Sent\na..b\t\\Sent\n");
        assert_string_equal(listing(f), "INBOX|ab|y");
}

static void locations(void **state)
{
        struct fixture *f = *state;
        struct conf_variables v = {.user = "kevin@example.org", .home = "/home/kevin"};
        struct location l = {0};
        const char *error = NULL;
        assert_int_equal(
                location_parse(
                        &f->arena,
                        "maildir:/var/mail/%d/%n/:INBOX=~/In::box:CONTROL=%h/c:INDEX=MEMORY:LAYOUT=Maildir++",
                        &v, &l, &error),
                0);
        assert_string_equal(l.root, "/var/mail/example.org/kevin");
        assert_string_equal(l.inbox, "/home/kevin/In:box");
        assert_string_equal(l.control, "/home/kevin/c");
        assert_null(l.index);
        assert_int_equal(l.format, LOCATION_MAILDIR);
        assert_null(l.why);
        assert_int_equal(location_parse(&f->arena, "maildir:~/x:LAYOUT=fs", &v, &l, &error), -ENOTSUP);
        assert_non_null(strstr(error, "LAYOUT=fs"));
        assert_int_equal(location_parse(&f->arena, "maildir:~/x:DIRNAME=x", &v, &l, &error), -ENOTSUP);
        assert_int_equal(location_parse(&f->arena, "mdbox:~/x", &v, &l, &error), -ENOTSUP);
        assert_non_null(strstr(error, "mdbox:~/x does not begin with maildir: or mbox:"));
        v.home = NULL;
        assert_int_equal(location_parse(&f->arena, "", &v, &l, &error), -ENOTSUP);
        assert_non_null(strstr(error, "mail_location is not set"));
        assert_int_equal(location_parse(&f->arena, "maildir:~/x", &v, &l, &error), -EINVAL);
        v.user = "../../etc";
        assert_int_equal(location_parse(&f->arena, "maildir:/var/mail/%u", &v, &l, &error), -EINVAL);

        f->settings.mail_location = "";
        assert_int_equal(fixture_try_open(f, &error), 0); /* ~/Maildir is there */
        f->settings.mail_location = "maildir:~/other";
        assert_int_equal(fixture_try_open(f, &error), 0);
        struct stat st;
        assert_int_equal(fstatat(f->fd, "other/cur", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
}

static void locations_of_mbox(void **state)
{
        struct fixture *f = *state;
        struct conf_variables v = {.user = "kevin", .home = "/home/kevin"};
        struct location l = {0};
        const char *error = NULL;
        assert_int_equal(
                location_parse(&f->arena, "mbox:~/mail:INBOX=/var/mail/%u:LAYOUT=fs", &v, &l, &error), 0);
        assert_int_equal(l.format, LOCATION_MBOX);
        assert_string_equal(l.root, "/home/kevin/mail");
        assert_string_equal(l.inbox, "/var/mail/kevin");
        assert_string_equal(l.subscriptions, ".subscriptions");
        assert_null(l.dirname);
        assert_int_equal(
                location_parse(&f->arena, "mbox:~/m:SUBSCRIPTIONS=subs:DIRNAME=mBoX", &v, &l, &error), 0);
        assert_string_equal(l.inbox, "/home/kevin/m/inbox");
        assert_string_equal(l.subscriptions, "subs");
        assert_string_equal(l.dirname, "mBoX");
        assert_false(l.full_dirname);
        assert_int_equal(location_parse(&f->arena, "mbox:~/m:FULLDIRNAME=m", &v, &l, &error), 0);
        assert_true(l.full_dirname);
        static const struct {
                const char *location;
                int error;
        } refused[] = {
                {"mbox:~/m:LAYOUT=Maildir++", -ENOTSUP}, {"mbox:~/m:DIRNAME=a/b", -EINVAL},
                {"mbox:~/m:DIRNAME=..", -EINVAL},        {"mbox:~/m:SUBSCRIPTIONS=", -EINVAL},
                {"mbox:~/m:NOSUCH=x", -ENOTSUP},
        };
        for (size_t i = 0; i < ARRAY_LEN(refused); i++)
                assert_int_equal(location_parse(&f->arena, refused[i].location, &v, &l, &error),
                                 refused[i].error);
}

/* Without mail_location it is ~/Maildir when that is a directory, and else mbox with the spool. */
static void a_location_is_found(void **state)
{
        struct fixture *f = *state;
        struct conf_variables v = {.user = "kevin", .home = arena_printf(&f->arena, "%s/h", f->home)};
        struct location l = {0};
        const char *error = NULL;
        assert_int_equal(mkdirat(f->fd, "h", 0700), 0);
        put(f, "h/Maildir", "a file");
        assert_int_equal(location_parse(&f->arena, "", &v, &l, &error), 0);
        assert_int_equal(l.format, LOCATION_MBOX);
        assert_string_equal(l.root, arena_printf(&f->arena, "%s/mail", v.home));
        assert_string_equal(l.inbox, "/var/mail/kevin");
        assert_string_equal(l.why, arena_printf(&f->arena,
                                                "mail_location is not set and there is no directory "
                                                "%s/Maildir: mbox:%s/mail:INBOX=/var/mail/kevin",
                                                v.home, v.home));
        assert_int_equal(unlinkat(f->fd, "h/Maildir", 0), 0);
        assert_int_equal(mkdirat(f->fd, "h/Maildir", 0700), 0);
        assert_int_equal(location_parse(&f->arena, "", &v, &l, &error), 0);
        assert_int_equal(l.format, LOCATION_MAILDIR);
        assert_string_equal(
                l.why, arena_printf(&f->arena, "mail_location is not set: maildir:%s/Maildir, which is there",
                                    v.home));
        assert_int_equal(unlinkat(f->fd, "h/Maildir", AT_REMOVEDIR), 0);
        v.user = "../x";
        assert_int_equal(location_parse(&f->arena, "", &v, &l, &error), -EINVAL);
}

static void modes_are_inherited(void **state)
{
        struct fixture *f = *state;
        struct stat st;
        assert_int_equal(fchmodat(f->fd, "Maildir", 02770, 0), 0);
        assert_int_equal(store_create(f->store, "shared"), 0);
        fstatat(f->fd, "Maildir/.shared/cur", &st, 0);
        assert_int_equal(st.st_mode & 07777, 02770);
        put(f, "Maildir/.shared/new/1.a.h", "x");
        mailbox_close(&(struct mailbox *){open_box(f, "shared", false)});
        fstatat(f->fd, "Maildir/.shared/dovecot-uidlist", &st, 0);
        assert_int_equal(st.st_mode & 07777, 0660);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(folders_are_made_listed_and_deleted),
                T(names_that_cannot_be),
                T(names_that_are_escaped),
                T(other_forms_of_names),
                T(folders_are_renamed_with_what_is_below),
                T(renaming_inbox_moves_its_messages),
                T(subscriptions_keep_their_form),
                T(prefixes_and_separators),
                T(special_folders_come_by_themselves),
                T(given_uses_follow_their_folders),
                T(locations),
                T(locations_of_mbox),
                T(a_location_is_found),
                T(modes_are_inherited),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

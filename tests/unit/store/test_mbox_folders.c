/* Folders of mbox: files and directories below a root, what belongs to them, and what stays hidden. */

#include "maildir_fixture.h"

#include "store/folder.h"
#include "store/watcher.h"

static void open_mbox(struct fixture *f, const char *location)
{
        f->settings.mail_location = location;
        fixture_open(f);
}

static const char *listing(struct fixture *f)
{
        struct folder *folders;
        size_t n;
        struct buf b = {0};
        if (store_list(f->store, &f->arena, &folders, &n) < 0)
                fail_msg("%s", store_error(f->store));
        for (size_t i = 0; i < n; i++) {
                unsigned fl = folders[i].flags;
                buf_printf(&b, "%s%s%s%s%s%s%s", i ? "|" : "", folders[i].name,
                           fl & FOLDER_NONEXISTENT ? "-" : "", fl & FOLDER_NOSELECT ? "/" : "",
                           fl & FOLDER_CHILDREN ? "+" : "", fl & FOLDER_NOINFERIORS ? "." : "",
                           fl & FOLDER_SUBSCRIBED ? "*" : "");
        }
        const char *s = arena_str(&f->arena, buf_slice(&b));
        buf_free(&b);
        return s;
}

static void make_dirs(struct fixture *f, const char *path)
{
        assert_int_equal(dir_make_all(f->fd, path, 0700), 0);
}

static struct folder_place place_of(struct fixture *f, const char *name)
{
        struct folder_place p;
        assert_int_equal(folder_resolve(f->store, &f->arena, name, &p), 0);
        return p;
}

/* Index and control files are where Dovecot 2.3 has its own. */
static void places(void **state)
{
        struct fixture *f = *state;
        static const struct {
                const char *options, *name, *file, *control, *index;
        } rows[] = {
                {"", "a/b", "mail/a/b", "mail/a/.imap/b", "mail/a/.imap/b"},
                {"", "INBOX", "mail/inbox", "mail/.imap/INBOX", "mail/.imap/INBOX"},
                {":INBOX=~/spool", "inbox", "spool", "mail/.imap/INBOX", "mail/.imap/INBOX"},
                {":CONTROL=~/c", "a/b", "mail/a/b", "c/a/.imap/b", "c/a/.imap/b"},
                {":INDEX=~/i", "a", "mail/a", "mail/.imap/a", "i/.imap/a"},
                {":INDEX=MEMORY", "a", "mail/a", "mail/.imap/a", NULL},
                {":DIRNAME=mbox", "a/b", "mail/a/b/mbox", "mail/a/b/.imap/mbox", "mail/a/b/.imap/mbox"},
                {":DIRNAME=mbox:INDEX=~/i", "a/b", "mail/a/b/mbox", "mail/a/b/.imap/mbox", "i/a/b"},
                {":FULLDIRNAME=m:CONTROL=~/c", "a", "mail/a/m", "c/a/m", "c/a/m"},
                {":DIRNAME=mbox:INDEX=~/i", "INBOX", "mail/inbox", "mail/.imap/INBOX", "i/INBOX"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                open_mbox(f, arena_printf(&f->arena, "mbox:~/mail%s", rows[i].options));
                struct folder_place p = place_of(f, rows[i].name);
                size_t home = strlen(f->home) + 1;
                assert_string_equal(p.file + home, rows[i].file);
                assert_string_equal(p.control + home, rows[i].control);
                if (rows[i].index)
                        assert_string_equal(p.index + home, rows[i].index);
                else
                        assert_null(p.index);
                assert_true(strncmp(p.file, p.dir, strlen(p.dir)) == 0);
                _cleanup_(fd_close_p) int fd = -1;
                assert_int_equal(folder_open_control(f->store, &p, &fd), 0);
                assert_true(there(f, rows[i].control));
        }
}

static void folders_are_made_listed_and_deleted(void **state)
{
        struct fixture *f = *state;
        open_mbox(f, "mbox:~/mail");
        assert_int_equal(store_separator(f->store, "x"), '/');
        assert_string_equal(listing(f), "INBOX");
        assert_int_equal(store_create(f->store, "a/b"), 0);
        assert_int_equal(store_create(f->store, "lists/"), 0);
        assert_int_equal(store_create(f->store, "lists/dovecot.org"), 0);
        assert_int_equal(store_create(f->store, "Entw\xc3\xbcrfe"), 0);
        assert_true(there(f, "mail/a/b"));
        assert_true(there(f, "mail/Entw&APw-rfe"));
        assert_string_equal(listing(f), "INBOX|Entw\xc3\xbcrfe.|a/+|a/b.|lists/+|lists/dovecot.org.");
        assert_int_equal(store_create(f->store, "a/b"), -EEXIST);
        assert_int_equal(store_create(f->store, "a"), -EEXIST);
        assert_int_equal(store_create(f->store, "lists/"), -EEXIST);
        assert_int_equal(store_create(f->store, "a/b/c"), -ENOTDIR);
        assert_int_equal(store_create(f->store, "a/b/c/"), -ENOTDIR);
        /* what belonged to the folder goes with it, and what was left of an older one is not found */
        make_dirs(f, "mail/a/.imap/b");
        put(f, "mail/a/.imap/b/annotations", "x");
        assert_int_equal(store_delete(f->store, "a"), -ENOTEMPTY);
        assert_int_equal(store_delete(f->store, "a/b"), 0);
        assert_false(there(f, "mail/a/.imap/b"));
        assert_int_equal(store_delete(f->store, "a/b"), -ENOENT);
        make_dirs(f, "mail/a/.imap/c");
        put(f, "mail/a/.imap/c/annotations", "x");
        assert_int_equal(store_create(f->store, "a/c"), 0);
        assert_false(there(f, "mail/a/.imap/c"));
        assert_int_equal(store_delete(f->store, "a/c"), 0);
        assert_int_equal(store_delete(f->store, "a"), 0);
        assert_false(there(f, "mail/a"));
        assert_int_equal(store_delete(f->store, "INBOX"), -EBUSY);
        assert_string_equal(listing(f), "INBOX|Entw\xc3\xbcrfe.|lists/+|lists/dovecot.org.");
}

static void names_that_cannot_be(void **state)
{
        struct fixture *f = *state;
        static const char *const bad[] = {"",
                                          "/a",
                                          "a//b",
                                          "..",
                                          "../x",
                                          "a/../../x",
                                          "a/.",
                                          ".hidden",
                                          "a/.imap/b",
                                          ".subscriptions",
                                          "a.lock",
                                          "mailsession.index",
                                          "dovecot-uidvalidity",
                                          "a\x01",
                                          "a\x7f",
                                          "\xff"};
        open_mbox(f, "mbox:~/mail");
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct mailbox *m;
                unsigned flags;
                assert_int_equal(store_create(f->store, bad[i]), -EINVAL);
                assert_int_equal(store_lookup(f->store, bad[i], &flags), -EINVAL);
                assert_int_equal(store_delete(f->store, bad[i]), -EINVAL);
                assert_int_equal(store_rename(f->store, "x", bad[i]), -EINVAL);
                assert_int_equal(mailbox_open(f->store, bad[i], false, &m), -EINVAL);
        }
        char longest[260];
        memset(longest, 'x', sizeof(longest));
        longest[251] = '\0';
        assert_int_equal(store_create(f->store, longest), -ENAMETOOLONG);
        longest[250] = '\0';
        assert_int_equal(store_create(f->store, longest), 0);
        assert_int_equal(store_delete(f->store, longest), 0);
        assert_int_equal(store_create(f->store, "1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h"), -ENAMETOOLONG);
        assert_int_equal(store_create(f->store, "~x\\y"), 0);
        assert_true(there(f, "mail/\\7ex\\5cy"));
        assert_int_equal(store_delete(f->store, "~x\\y"), 0);
        /* and what is no folder */
        put(f, "mail/.subscriptions", "");
        put(f, "mail/.mailboxlist", "");
        put(f, "mail/x.lock", "");
        put(f, "mail/mailsession.index", "");
        put(f, "mail/dovecot.index.cache", "");
        put(f, "mail/inbox", "");
        put(f, "mail/INBOX", "");
        put(f, "mail/a\tb", "");
        put(f, "secret", "x");
        make_dirs(f, "mail/.imap/x");
        make_dirs(f, "outside");
        put(f, "outside/in", "x");
        assert_int_equal(symlinkat("../secret", f->fd, "mail/link"), 0);
        assert_int_equal(symlinkat("../outside", f->fd, "mail/dir"), 0);
        assert_int_equal(mkfifoat(f->fd, "mail/fifo", 0600), 0);
        assert_string_equal(listing(f), "INBOX");
        struct folder_place p = place_of(f, "link"), below = place_of(f, "dir/in");
        int fd;
        assert_int_equal(folder_open_file(f->store, &p, -1, false, &fd), -ENOENT);
        assert_int_equal(folder_open_file(f->store, &below, -1, false, &fd), -ENOENT);
        assert_int_equal(store_create(f->store, "dir/new"), -ENOTDIR);
        assert_int_equal(store_delete(f->store, "dir/in"), -ENOENT);
        assert_true(there(f, "outside/in"));
        put(f, "mail/raw\xc3\xbc", "x");
        assert_string_equal(listing(f), "INBOX|raw\xc3\xbc.");
        assert_int_equal(store_delete(f->store, "raw\xc3\xbc"), 0);
        assert_false(there(f, "mail/raw\xc3\xbc"));
}

/* They are listed as none, and nobody takes or removes them for one. */
static void what_is_no_file_is_no_mailbox(void **state)
{
        struct fixture *f = *state;
        static const char *const names[] = {"fifo", "link", "gone"};
        struct mailbox *m = NULL;
        struct stat st;
        open_mbox(f, "mbox:~/mail");
        make_dirs(f, "mail");
        put(f, "mail/real", "");
        assert_int_equal(mkfifoat(f->fd, "mail/fifo", 0600), 0);
        assert_int_equal(symlinkat("real", f->fd, "mail/link"), 0);
        assert_int_equal(symlinkat("nothing", f->fd, "mail/gone"), 0);
        assert_string_equal(listing(f), "INBOX|real.");
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                const char *path = arena_printf(&f->arena, "mail/%s", names[i]);
                assert_int_equal(mailbox_open(f->store, names[i], false, &m), -ENOENT);
                assert_int_equal(store_rename(f->store, names[i], "other"), -ENOENT);
                assert_int_equal(store_delete(f->store, names[i]), -ENOENT);
                assert_int_equal(fstatat(f->fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
        }
        assert_string_equal(listing(f), "INBOX|real.");
}

static void with_directories_for_folders(void **state)
{
        struct fixture *f = *state;
        open_mbox(f, "mbox:~/mail:DIRNAME=mbox");
        assert_int_equal(store_create(f->store, "a"), 0);
        assert_int_equal(store_create(f->store, "a/b"), 0);
        assert_int_equal(store_create(f->store, "c/"), 0);
        put(f, "mail/stray", "x");
        assert_string_equal(listing(f), "INBOX|a+|a/b|c/");
        assert_int_equal(store_create(f->store, "a/mbox"), -EINVAL);
        assert_int_equal(store_create(f->store, "c"), 0);
        assert_int_equal(store_delete(f->store, "a"), 0);
        assert_string_equal(listing(f), "INBOX|a/+|a/b|c");
        assert_int_equal(store_delete(f->store, "a"), -ENOTEMPTY);
        make_dirs(f, "mail/a/b/.imap/mbox");
        put(f, "mail/a/b/.imap/mbox/annotations", "x");
        assert_int_equal(store_rename(f->store, "a/b", "x/y/z"), 0);
        assert_string_equal(text_of(f, "mail/x/y/z/.imap/mbox/annotations"), "x");
        assert_string_equal(listing(f), "INBOX|a/|c|x/+|x/y/+|x/y/z");
        assert_int_equal(store_delete(f->store, "x/y/z"), 0);
        assert_false(there(f, "mail/x/y/z"));
}

static void folders_are_renamed_with_what_is_theirs(void **state)
{
        struct fixture *f = *state;
        static const struct {
                const char *location, *control;
        } rows[] = {{"mbox:~/mail", "mail"}, {"mbox:~/mail:CONTROL=~/c:INDEX=~/i", "c"}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                const char *c = rows[i].control;
                open_mbox(f, rows[i].location);
                assert_int_equal(store_create(f->store, "a/b"), 0);
                put(f, "mail/a/b", "mail");
                make_dirs(f, arena_printf(&f->arena, "%s/a/.imap/b", c));
                put(f, arena_printf(&f->arena, "%s/a/.imap/b/annotations", c), "mine");
                make_dirs(f, arena_printf(&f->arena, "%s/.imap/x", c));
                put(f, arena_printf(&f->arena, "%s/.imap/x/annotations", c), "old");
                assert_int_equal(store_rename(f->store, "a/b", "x"), 0);
                assert_string_equal(text_of(f, "mail/x"), "mail");
                assert_string_equal(text_of(f, arena_printf(&f->arena, "%s/.imap/x/annotations", c)), "mine");
                assert_false(there(f, arena_printf(&f->arena, "%s/a/.imap/b", c)));
                assert_string_equal(listing(f), "INBOX|a/|x.");
                assert_int_equal(store_rename(f->store, "x", "a/in/x"), 0);
                assert_int_equal(store_rename(f->store, "a", "b"), 0);
                assert_string_equal(text_of(f, "mail/b/in/x"), "mail");
                assert_string_equal(text_of(f, arena_printf(&f->arena, "%s/b/in/.imap/x/annotations", c)),
                                    "mine");
                assert_false(there(f, "mail/a"));
                assert_false(there(f, arena_printf(&f->arena, "%s/a", c)));
                assert_int_equal(store_create(f->store, "full"), 0);
                assert_int_equal(store_rename(f->store, "b", "full"), -EEXIST);
                assert_int_equal(store_rename(f->store, "full", "b"), -EEXIST);
                assert_int_equal(store_rename(f->store, "b", "full/x"), -ENOTDIR);
                assert_int_equal(store_rename(f->store, "b", "b/x"), -EINVAL);
                assert_int_equal(store_rename(f->store, "none", "x"), -ENOENT);
                assert_int_equal(store_rename(f->store, "b", "1/2/3/4/5/6/7/8/9/a/b/c/d/e/f"), -ENAMETOOLONG);
                assert_string_equal(listing(f), "INBOX|b/+|b/in/+|b/in/x.|full.");
                assert_int_equal(store_delete(f->store, "full"), 0);
                assert_int_equal(store_delete(f->store, "b/in/x"), 0);
                assert_int_equal(store_delete(f->store, "b/in"), 0);
                assert_int_equal(store_delete(f->store, "b"), 0);
                assert_string_equal(listing(f), "INBOX");
        }
}

/* A rewrite under way would be finished nowhere if what it needs got another place meanwhile. */
static void nobody_renames_what_is_being_changed(void **state)
{
        struct fixture *f = *state;
        static const char *const locks[] = {"fcntl"};
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        f->settings.mbox_read_locks = f->settings.mbox_write_locks = (struct settings_list){locks, 1};
        f->settings.mbox_lock_timeout = 50;
        open_mbox(f, "mbox:~/mail");
        make_dirs(f, "mail");
        put(f, "mail/a", "");
        int fd = openat(f->fd, "mail/a", O_RDWR | O_CLOEXEC);
        assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
        assert_int_equal(store_rename(f->store, "a", "b"), -ETIMEDOUT);
        assert_string_equal(listing(f), "INBOX|a.");
        close(fd);
        assert_int_equal(store_rename(f->store, "a", "b"), 0);
        assert_string_equal(listing(f), "INBOX|b.");
}

static void subscriptions_and_uses(void **state)
{
        struct fixture *f = *state;
        open_mbox(f, "mbox:~/mail");
        assert_int_equal(store_create(f->store, "a/b"), 0);
        assert_int_equal(store_subscribe(f->store, "a/b", true), 0);
        assert_int_equal(store_subscribe(f->store, "INBOX", true), 0);
        assert_string_equal(text_of(f, "mail/.subscriptions"), "V\t2\n\na\tb\nINBOX\n");
        assert_string_equal(listing(f), "INBOX*|a/+|a/b.*");
        put(f, "mail/.subscriptions", "a/b\ngone\n");
        assert_int_equal(store_subscribe(f->store, "x/y", true), 0);
        assert_string_equal(text_of(f, "mail/.subscriptions"), "a/b\ngone\nx/y\n");
        assert_string_equal(listing(f), "INBOX|a/+|a/b.*|gone-*|x-|x/y-*");
        assert_int_equal(store_special_use_set(f->store, "a/b", "\\Sent"), 0);
        assert_string_equal(text_of(f, "mail/.mailsession-special-use"), "a/b\t\\Sent\n");
        assert_int_equal(store_rename(f->store, "a", "c"), 0);
        assert_string_equal(text_of(f, "mail/.mailsession-special-use"), "c/b\t\\Sent\n");
        assert_int_equal(store_delete(f->store, "c/b"), 0);
        assert_string_equal(text_of(f, "mail/.mailsession-special-use"), "");
        open_mbox(f, "mbox:~/mail:SUBSCRIPTIONS=subs");
        assert_int_equal(store_subscribe(f->store, "c", true), 0);
        assert_string_equal(text_of(f, "mail/subs"), "V\t2\n\nc\n");
        assert_int_equal(store_create(f->store, "subs"), -EINVAL);
        assert_string_equal(listing(f), "INBOX|c/*");
}

/* Another separator, and INBOX among the folders. */
static void separators(void **state)
{
        struct fixture *f = *state;
        f->namespaces[0].separator = ".";
        open_mbox(f, "mbox:~/mail:INBOX=~/mail/INBOX");
        assert_int_equal(store_create(f->store, "a.b/c"), 0);
        assert_true(there(f, "mail/a/b\\2fc"));
        put(f, "mail/x.y", "");
        put(f, "mail/INBOX", "");
        assert_string_equal(listing(f), "INBOX.|a/+|a.b/c.|x\\2ey.");
        assert_int_equal(store_delete(f->store, "x\\2ey"), 0);
        assert_false(there(f, "mail/x.y"));
        assert_int_equal(store_create(f->store, "INBOX.z"), -ENOTDIR);
}

static bool has_path(struct fixture *f, const char *below_home)
{
        for (const char *const *p = store_paths(f->store); *p; p++)
                if (strcmp(*p, arena_printf(&f->arena, "%s/%s", f->home, below_home)) == 0)
                        return true;
        return false;
}

static void an_inbox_is_a_file_of_its_own(void **state)
{
        struct fixture *f = *state;
        const char *error = NULL;
        make_dirs(f, "spool");
        open_mbox(f, "mbox:~/mail:INBOX=~/spool/%u:CONTROL=~/c");
        assert_true(there(f, "mail"));
        assert_true(there(f, "c"));
        assert_true(has_path(f, "mail") && has_path(f, "spool") && has_path(f, "c"));
        assert_false(there(f, "spool/kevin"));
        struct folder_place p = place_of(f, "INBOX");
        _cleanup_(fd_close_p) int dir = -1, fd = -1, again = -1;
        struct stat st;
        unsigned rights;
        assert_int_equal(folder_open(f->store, &p, &dir), 0);
        assert_int_equal(folder_open_file(f->store, &p, -1, true, &fd), 0);
        assert_int_equal(fstatat(f->fd, "spool/kevin", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(folder_open_file(f->store, &p, -1, false, &again), 0);
        assert_int_equal(store_rights(f->store, "INBOX", &rights), 0);
        assert_int_equal(rights, RIGHT_READ | RIGHT_WRITE | RIGHT_FOLDERS);
        assert_null(store_location_choice(f->store));
        put(f, "file", "");
        f->settings.mail_location = "mbox:~/file";
        assert_int_equal(fixture_try_open(f, &error), -ENOTDIR);
        assert_non_null(strstr(error, "file is a file"));
        f->settings.mail_location = "mbox:~/mail";
        f->settings.quota = "maildir:User quota";
        for (size_t i = 0; i < ARRAY_LEN(f->settings.quota_rule); i++)
                f->settings.quota_rule[i] = "";
        f->settings.mail_plugins = (struct settings_list){.count = 1, .items = (const char *[]){"quota"}};
        assert_int_equal(fixture_try_open(f, &error), -EINVAL);
        assert_non_null(strstr(error, "mbox needs count"));
}

/* A folder made in a level is news of the tree; what is written to an mbox is news of the folder alone. */
static void changes_are_watched(void **state)
{
        struct fixture *f = *state;
        _cleanup_(watcher_close) struct watcher *w = NULL;
        struct watcher_news news;
        open_mbox(f, "mbox:~/mail");
        assert_int_equal(store_create(f->store, "a/b"), 0);
        assert_int_equal(watcher_open(f->store, &w), 0);
        watcher_add_tree(w);
        assert_int_equal(watcher_add_folder(w, "a/b", 7), 0);
        assert_int_equal(watcher_add_folder(w, "a/none", 8), -ENOENT);
        put(f, "mail/a/x.lock", "");
        put(f, "mail/a/b", "From x Sat Nov 21 10:11:37 2026\n\n\n");
        watcher_read(w, &f->arena, &news);
        assert_false(news.tree || news.all);
        assert_true(news.n > 0 && news.folders[0] == 7);
        assert_int_equal(store_create(f->store, "a/c"), 0);
        watcher_read(w, &f->arena, &news);
        assert_true(news.tree);
        assert_int_equal(news.n, 0);
        struct watcher_identity one, other;
        assert_int_equal(watcher_identity(f->store, "a/b", &one), 0);
        assert_int_equal(watcher_identity(f->store, "a/c", &other), 0);
        assert_true(one.inode != other.inode);
}

#define T(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)

int main(void)
{
        static const struct CMUnitTest tests[] = {
                T(places),
                T(folders_are_made_listed_and_deleted),
                T(names_that_cannot_be),
                T(what_is_no_file_is_no_mailbox),
                T(with_directories_for_folders),
                T(folders_are_renamed_with_what_is_theirs),
                T(nobody_renames_what_is_being_changed),
                T(subscriptions_and_uses),
                T(separators),
                T(an_inbox_is_a_file_of_its_own),
                T(changes_are_watched),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

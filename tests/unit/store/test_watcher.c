/* Watching many folders: what is told of which, what is not, and what is done where nothing can be watched.
 */

#include "maildir_fixture.h"

#include <sys/inotify.h>

#include "base/arena.h"
#include "store/watcher.h"

static struct watcher *open_watcher(struct fixture *f)
{
        struct watcher *w = NULL;
        assert_int_equal(watcher_open(f->store, &w), 0);
        assert_true(watcher_fd(w) >= 0);
        return w;
}

/* "tree 1 2": what is new since the last call, each folder once in the order of their numbers. */
static const char *news(struct fixture *f, struct watcher *w)
{
        enum { NUMBERS = 8 };
        struct watcher_news n;
        _cleanup_(buf_free) struct buf b = {0};
        bool told[NUMBERS] = {false};
        watcher_read(w, &f->arena, &n);
        for (size_t i = 0; i < n.n; i++) {
                assert_true(n.folders[i] < NUMBERS);
                told[n.folders[i]] = true;
        }
        buf_str(&b, n.all ? "all" : "");
        buf_str(&b, n.tree ? "tree" : "");
        for (unsigned i = 0; i < NUMBERS; i++)
                if (told[i])
                        buf_printf(&b, "%s%u", b.n ? " " : "", i);
        return arena_str(&f->arena, buf_slice(&b));
}

static void make_folders(struct fixture *f)
{
        mailbox_close(&(struct mailbox *){open_box(f, "INBOX", false)});
        assert_int_equal(store_create(f->store, "a"), 0);
        assert_int_equal(store_create(f->store, "b"), 0);
}

static void messages_are_told_by_folder(void **state)
{
        struct fixture *f = *state;
        make_folders(f);
        struct watcher *w = open_watcher(f);
        assert_int_equal(watcher_add_folder(w, "INBOX", 1), 0);
        assert_int_equal(watcher_add_folder(w, "a", 2), 0);
        assert_int_equal(watcher_add_folder(w, "gone", 3), -ENOENT);
        assert_string_equal(news(f, w), "");

        put(f, "Maildir/.b/new/1.h", "x\n"); /* nobody asked */
        assert_string_equal(news(f, w), "");
        put(f, "Maildir/.a/new/1.h", "x\n");
        assert_string_equal(news(f, w), "2");
        assert_string_equal(news(f, w), "");
        move(f, "Maildir/.a/new/1.h", "Maildir/.a/cur/1.h:2,");
        assert_string_equal(news(f, w), "2");
        move(f, "Maildir/.a/cur/1.h:2,", "Maildir/.a/cur/1.h:2,S");
        put(f, "Maildir/cur/2.h:2,", "x\n");
        assert_string_equal(news(f, w), "1 2");
        assert_int_equal(unlinkat(f->fd, "Maildir/.a/cur/1.h:2,S", 0), 0);
        assert_string_equal(news(f, w), "2");
        /* from one to another: both */
        move(f, "Maildir/cur/2.h:2,", "Maildir/.a/cur/2.h:2,");
        assert_string_equal(news(f, w), "1 2");
        /* a list, an index and a message on its way are no news */
        put(f, "Maildir/.a/dovecot-uidlist", "");
        put(f, "Maildir/.a/tmp/3.h", "x\n");
        assert_string_equal(news(f, w), "");

        /* it has another number from now on, and others join at any time */
        assert_int_equal(watcher_add_folder(w, "a", 5), 0);
        assert_int_equal(watcher_add_folder(w, "b", 6), 0);
        put(f, "Maildir/.a/new/4.h", "x\n");
        put(f, "Maildir/.b/new/4.h", "x\n");
        assert_string_equal(news(f, w), "5 6");
        watcher_close(&w);
        assert_null(w);
        watcher_close(&w);
}

/* What was deleted and made again is another folder: it is asked for again. */
static void a_folder_that_goes_is_told(void **state)
{
        struct fixture *f = *state;
        make_folders(f);
        put(f, "Maildir/.a/new/1.h", "x\n");
        struct watcher *w = open_watcher(f);
        watcher_add_tree(w);
        assert_int_equal(watcher_add_folder(w, "a", 1), 0);
        assert_int_equal(store_delete(f->store, "a"), 0);
        const char *told = news(f, w);
        assert_true(strncmp(told, "tree", 4) == 0);
        assert_int_equal(watcher_add_folder(w, "a", 1), -ENOENT);
        assert_int_equal(store_create(f->store, "a"), 0);
        assert_string_equal(news(f, w), "tree");
        put(f, "Maildir/.a/new/2.h", "x\n");
        assert_string_equal(news(f, w), "");
        assert_int_equal(watcher_add_folder(w, "a", 2), 0);
        put(f, "Maildir/.a/new/3.h", "x\n");
        assert_string_equal(news(f, w), "2");
        watcher_close(&w);
}

static void the_tree_is_folders_and_lists(void **state)
{
        struct fixture *f = *state;
        make_folders(f);
        struct watcher *w = open_watcher(f);
        watcher_add_tree(w);
        assert_int_equal(watcher_add_folder(w, "INBOX", 1), 0);

        assert_int_equal(store_create(f->store, "c"), 0);
        assert_string_equal(news(f, w), "tree");
        assert_int_equal(store_rename(f->store, "c", "d"), 0);
        assert_string_equal(news(f, w), "tree");
        assert_int_equal(store_delete(f->store, "d"), 0);
        assert_string_equal(news(f, w), "tree");
        assert_int_equal(store_subscribe(f->store, "a", true), 0);
        assert_string_equal(news(f, w), "tree");
        put(f, "Maildir/server-annotations", "");
        assert_string_equal(news(f, w), "tree");
        /* the INBOX's own files lie there too */
        put(f, "Maildir/dovecot-uidlist", "");
        put(f, "Maildir/mailsession.journal", "");
        assert_int_equal(mkdirat(f->fd, "Maildir/somedir", 0700), 0);
        assert_string_equal(news(f, w), "");
        put(f, "Maildir/new/1.h", "x\n");
        assert_string_equal(news(f, w), "1");
        put(f, "Maildir/.a/new/1.h", "x\n");
        assert_string_equal(news(f, w), "");
        watcher_close(&w);
}

/* CONTROL= elsewhere: subscriptions lie there. A namespace that is not listed is not watched. */
static void other_roots(void **state)
{
        struct fixture *f = *state;
        f->settings.mail_location = "maildir:~/Maildir:CONTROL=~/control";
        f->namespaces[1] = (struct settings_namespace){.name = "hidden",
                                                       .separator = "",
                                                       .prefix = "hidden/",
                                                       .location = "maildir:~/Hidden",
                                                       .list = SETTINGS_LIST_NO};
        f->settings.namespace_count = 2;
        assert_int_equal(mkdirat(f->fd, "Hidden", 0700), 0);
        assert_int_equal(mkdirat(f->fd, "control", 0700), 0);
        fixture_open(f);
        make_folders(f);
        struct watcher *w = open_watcher(f);
        watcher_add_tree(w);
        assert_int_equal(store_subscribe(f->store, "a", true), 0);
        assert_true(there(f, "control/subscriptions"));
        assert_string_equal(news(f, w), "tree");
        assert_int_equal(mkdirat(f->fd, "Hidden/.x", 0700), 0);
        assert_string_equal(news(f, w), "");
        watcher_close(&w);
}

static void annotations_are_the_folders_or_the_trees(void **state)
{
        struct fixture *f = *state;
        make_folders(f);
        struct watcher *w = open_watcher(f);
        watcher_add_tree(w);
        assert_int_equal(watcher_add_folder(w, "b", 3), 0);
        watcher_add_annotations(w, "a", 2);
        watcher_add_annotations(w, "gone", 4);
        put(f, "Maildir/.a/annotations", "x\n");
        assert_string_equal(news(f, w), "2");
        assert_int_equal(unlinkat(f->fd, "Maildir/.a/annotations", 0), 0);
        assert_string_equal(news(f, w), "2");
        put(f, "Maildir/.a/dovecot-uidlist", "x\n");
        put(f, "Maildir/.a/new/1.h", "x\n");
        put(f, "Maildir/.b/annotations", "x\n");
        assert_string_equal(news(f, w), "");
        put(f, "Maildir/annotations", "x\n");
        assert_string_equal(news(f, w), "tree");
        /* the tree stays the tree when the INBOX's annotations are asked for as well */
        watcher_add_annotations(w, "INBOX", 1);
        put(f, "Maildir/annotations", "y\n");
        assert_string_equal(news(f, w), "tree");
        watcher_close(&w);
}

/* More than is told apart: look everywhere. Many of one folder in a row are one. */
static void too_much_is_all(void **state)
{
        enum { ROUNDS = 70000 }; /* more than one look tells apart, and than the kernel keeps unless told */
        struct fixture *f = *state;
        struct watcher_news n;
        make_folders(f);
        struct watcher *w = open_watcher(f);
        assert_int_equal(watcher_add_folder(w, "a", 1), 0);
        assert_int_equal(watcher_add_folder(w, "b", 2), 0);
        char to[2][64];
        for (int i = 0; i < 100; i++) {
                snprintf(to[0], sizeof(to[0]), "Maildir/.a/new/%d.h", i);
                put(f, to[0], "x\n");
        }
        watcher_read(w, &f->arena, &n);
        assert_true(n.n == 1 && n.folders[0] == 1 && !n.all && !n.tree);

        put(f, "Maildir/.a/cur/m", "x\n");
        for (int i = 0; i < ROUNDS; i++)
                move(f, i % 2 ? "Maildir/.b/cur/m" : "Maildir/.a/cur/m",
                     i % 2 ? "Maildir/.a/cur/m" : "Maildir/.b/cur/m");
        watcher_read(w, &f->arena, &n);
        assert_true(n.all);
        assert_string_equal(news(f, w), "");
        put(f, "Maildir/.b/new/1.h", "x\n");
        assert_string_equal(news(f, w), "2");
        watcher_close(&w);
}

static void where_nothing_can_be_watched(void **state)
{
        struct fixture *f = *state;
        struct rlimit old, few;
        struct watcher *w = NULL;
        make_folders(f);
        getrlimit(RLIMIT_NOFILE, &old);
        few = old;
        few.rlim_cur = 0;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        int r = watcher_open(f->store, &w);
        setrlimit(RLIMIT_NOFILE, &old);
        assert_int_equal(r, 0);
        assert_int_equal(watcher_fd(w), -1);
        watcher_add_tree(w);
        assert_int_equal(watcher_add_folder(w, "a", 1), 0);
        watcher_add_annotations(w, "a", 1);
        put(f, "Maildir/.a/new/1.h", "x\n");
        assert_string_equal(news(f, w), "");
        watcher_close(&w);
}

static void a_folder_is_known_by_its_identity(void **state)
{
        struct fixture *f = *state;
        struct watcher_identity a, b, again;
        make_folders(f);
        assert_int_equal(watcher_identity(f->store, "a", &a), 0);
        assert_int_equal(watcher_identity(f->store, "b", &b), 0);
        assert_true(a.inode != b.inode || a.device != b.device);
        assert_int_equal(store_rename(f->store, "a", "c"), 0);
        assert_int_equal(watcher_identity(f->store, "a", &again), -ENOENT);
        assert_int_equal(watcher_identity(f->store, "c", &again), 0);
        assert_true(a.inode == again.inode && a.device == again.device);
        assert_int_equal(watcher_identity(f->store, "", &again), -ENOENT);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(messages_are_told_by_folder),
                T(a_folder_that_goes_is_told),
                T(the_tree_is_folders_and_lists),
                T(other_roots),
                T(annotations_are_the_folders_or_the_trees),
                T(too_much_is_all),
                T(where_nothing_can_be_watched),
                T(a_folder_is_known_by_its_identity),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

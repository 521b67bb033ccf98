#ifndef TESTS_UNIT_STORE_MAILDIR_FIXTURE_H
#define TESTS_UNIT_STORE_MAILDIR_FIXTURE_H

/* A user with a home in a fresh temporary directory, for each test; helpers to look at and change files
 * behind the store's back. Everything is relative to the home. */

#include "../unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "store/mailbox.h"
#include "store/save.h"
#include "store/store.h"

struct fixture {
        char home[64];
        int fd; /* the home */
        struct settings settings;
        struct settings_namespace namespaces[3];
        struct arena arena;
        struct store *store;
};

static inline void fixture_default(struct fixture *f)
{
        f->settings = (struct settings){.mail_location = "maildir:~/Maildir",
                                        .maildir_copy_with_hardlinks = true,
                                        .mail_fsync = SETTINGS_FSYNC_OPTIMIZED,
                                        .namespaces = f->namespaces,
                                        .namespace_count = 1,
                                        .mail_max_keyword_length = 50};
        f->namespaces[0] = (struct settings_namespace){.name = "inbox",
                                                       .separator = "",
                                                       .prefix = "",
                                                       .location = "",
                                                       .inbox = true,
                                                       .list = SETTINGS_LIST_YES,
                                                       .subscriptions = true};
}

static inline int fixture_try_open(struct fixture *f, const char **ret_error)
{
        struct mail_user user = {
                .name = "kevin", .home = f->home, .uid = geteuid(), .gid = getegid(), .service = "imap"};
        store_close(&f->store);
        return store_open(&f->settings, &user, &f->arena, &f->store, ret_error);
}

static inline void fixture_open(struct fixture *f)
{
        const char *error = "";
        if (fixture_try_open(f, &error) < 0)
                fail_msg("%s", error);
}

static inline int fixture_setup(void **state)
{
        struct fixture *f = xcalloc(1, sizeof(*f));
        strcpy(f->home, "/tmp/store-test-XXXXXX");
        assert_non_null(mkdtemp(f->home));
        f->fd = open(f->home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        fixture_default(f);
        fixture_open(f);
        *state = f;
        return 0;
}

static inline void remove_below(int fd)
{
        DIR *d = fdopendir(fd);
        for (struct dirent *e; d && (e = readdir(d));) {
                if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
                        continue;
                if (unlinkat(dirfd(d), e->d_name, 0) < 0) {
                        int below =
                                fchmodat(dirfd(d), e->d_name, 0700, 0) < 0
                                        ? -1
                                        : openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
                        if (below >= 0)
                                remove_below(below);
                        unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
                }
        }
        closedir(d);
}

static inline int fixture_teardown(void **state)
{
        struct fixture *f = *state;
        store_close(&f->store);
        arena_free(&f->arena);
        remove_below(f->fd);
        rmdir(f->home);
        free(f);
        return 0;
}

static inline void put(struct fixture *f, const char *path, const char *text)
{
        int fd = openat(f->fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd < 0)
                fail_msg("cannot write %s", path);
        assert_int_equal(fd_write_all(fd, slice_of(text)), 0);
        close(fd);
}

static inline bool there(struct fixture *f, const char *path)
{
        struct stat st;
        return fstatat(f->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The file's content, in the arena. */
static inline const char *text_of(struct fixture *f, const char *path)
{
        struct buf b = {0};
        if (file_read_at(f->fd, path, &b) < 0)
                fail_msg("cannot read %s", path);
        const char *s = arena_str(&f->arena, buf_slice(&b));
        buf_free(&b);
        return s;
}

static inline void move(struct fixture *f, const char *from, const char *to)
{
        if (renameat(f->fd, from, f->fd, to) < 0)
                fail_msg("cannot rename %s to %s", from, to);
}

static inline unsigned entries(struct fixture *f, const char *path)
{
        int fd = openat(f->fd, path, O_RDONLY | O_DIRECTORY);
        DIR *d = fdopendir(fd);
        unsigned n = 0;
        assert_non_null(d);
        for (struct dirent *e; (e = readdir(d));)
                n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
        closedir(d);
        return n;
}

/* Makes a directory look as if nothing had happened in it for a while, so that only changes count. */
static inline void age(struct fixture *f, const char *path)
{
        struct timespec times[2] = {{.tv_sec = time(NULL) - 100}, {.tv_sec = time(NULL) - 100}};
        assert_int_equal(utimensat(f->fd, path, times, 0), 0);
}

static inline struct mailbox *open_box(struct fixture *f, const char *name, bool read_only)
{
        struct mailbox *m = NULL;
        if (mailbox_open(f->store, name, read_only, &m) < 0)
                fail_msg("open %s: %s", name, store_error(f->store));
        return m;
}

static inline struct mailbox_changes sync_box(struct fixture *f, struct mailbox *m, bool allow)
{
        struct mailbox_changes c = {0};
        if (mailbox_sync(m, allow, &f->arena, &c) < 0)
                fail_msg("sync: %s", store_error(f->store));
        return c;
}

static inline uint32_t uid_at(struct mailbox *m, uint32_t seq)
{
        return mailbox_message(m, seq).uid;
}

#endif

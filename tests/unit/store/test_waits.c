/* Whichever of the store's locks another process has: who waits for it hears of it. */

#include "maildir_fixture.h"

#include <poll.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "base/lock.h"
#include "store/annotation.h"

enum {
        TIMES = 3,         /* it is told so often, then the other one lets go */
        GIVES_UP_MS = 5000 /* where it is never told */
};

/* What store_on_step() told, and the end of the other process. */
struct waits {
        unsigned times;
        int tell;
};

static void hear(void *context, uint64_t done, uint64_t total)
{
        struct waits *w = context;
        if (done == 0 && total == 0 && ++w->times == TIMES)
                fd_close_p(&w->tell);
}

static int lock_file(struct fixture *f, const char *path, struct dotlock *unused)
{
        (void)unused;
        return filelock_acquire(openat(f->fd, path, O_RDWR | O_CLOEXEC), deadline_in_ms(0), NULL);
}

static int lock_dir(struct fixture *f, const char *path, struct dotlock *unused)
{
        (void)unused;
        return flock(openat(f->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), LOCK_EX | LOCK_NB);
}

static int lock_by_name(struct fixture *f, const char *path, struct dotlock *ret)
{
        return dotlock_acquire(f->fd, path, 0600, deadline_in_ms(0), 0, NULL, ret);
}

static int sync_inbox(struct fixture *f)
{
        struct mailbox *m = NULL;
        int r = mailbox_open(f->store, "INBOX", false, &m);
        uint32_t seq = 1;
        size_t gone;
        if (r == 0)
                r = mailbox_store_flags(m, &seq, 1, FLAGS_ADD, (struct flags){.system = FLAG_SEEN}, &gone);
        mailbox_close(&m);
        return r;
}

static int append_to(struct fixture *f, const char *name)
{
        _cleanup_(save_close) struct save *s = NULL;
        struct save_message msg = {.internaldate = 1767225601};
        struct save_result res;
        int r = save_open(f->store, name, &s);
        if (r == 0)
                r = save_begin(s, &msg);
        if (r == 0)
                r = save_write(s, SLICE("Subject: b\r\n\r\nb\r\n"));
        if (r == 0)
                r = save_end(s);
        return r < 0 ? r : save_commit(s, &f->arena, &res);
}

static int append(struct fixture *f)
{
        return append_to(f, "INBOX");
}

static int append_below(struct fixture *f)
{
        int r = store_create(f->store, "a/b");
        return r < 0 ? r : append_to(f, "a/b");
}

static int subscribe(struct fixture *f)
{
        return store_subscribe(f->store, "a", true);
}

static int annotate(struct fixture *f)
{
        struct annotation change = {.name = SLICE("/private/comment"), .value = SLICE("x")};
        return store_annotate(f->store, "INBOX", &change, 1);
}

static const struct row {
        const char *location, *path;
        int (*lock)(struct fixture *f, const char *path, struct dotlock *ret);
        int (*act)(struct fixture *f);
} rows[] = {
        {"maildir:~/mail", "mail/mailsession.journal", lock_file, sync_inbox},
        {"maildir:~/mail", "mail/dovecot-uidlist", lock_by_name, append},
        {"maildir:~/mail", "mail/subscriptions", lock_by_name, subscribe},
        {"maildir:~/mail", "mail/annotations", lock_by_name, annotate},
        {"mbox:~/mail:INBOX=~/mail/inbox", "mail/.imap/INBOX/mailsession.journal", lock_file, sync_inbox},
        {"mbox:~/mail:INBOX=~/mail/inbox", "mail/.imap/INBOX/mailsession.journal", lock_file, append},
        {"mbox:~/mail:INBOX=~/mail/inbox", "mail/inbox", lock_file, append},
        {"mbox:~/mail/m:INBOX=~/mail/inbox:CONTROL=~/mail/c", "mail/c", lock_dir, append_below},
};

/* Another process has it until it is told to let go. */
static pid_t hold(struct fixture *f, const struct row *row, struct waits *w)
{
        int ready[2], tell[2];
        char byte;
        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
        pid_t pid = fork();
        if (pid == 0) {
                struct pollfd p = {.fd = tell[0], .events = POLLIN};
                struct dotlock lock = DOTLOCK_NONE;
                close(tell[1]);
                if (row->lock(f, row->path, &lock) == 0 && write(ready[1], "x", 1) == 1)
                        poll(&p, 1, GIVES_UP_MS);
                dotlock_release(&lock);
                _exit(0);
        }
        close(tell[0]);
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        w->tell = tell[1];
        return pid;
}

static void it_is_told(void **state)
{
        struct fixture *f = *state;
        static const char *const locks[] = {"fcntl"};
        f->settings.mbox_read_locks = f->settings.mbox_write_locks = (struct settings_list){locks, 1};
        f->settings.mbox_lock_timeout = 60000;
        f->settings.mail_privileged_group = "";
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct waits w = {.tell = -1};
                f->settings.mail_location = rows[i].location;
                fixture_open(f);
                if (append(f) < 0 || sync_inbox(f) < 0)
                        fail_msg("row %zu: %s", i, store_error(f->store));
                pid_t pid = hold(f, &rows[i], &w);
                store_on_step(f->store, hear, &w);
                if (rows[i].act(f) < 0)
                        fail_msg("row %zu: %s", i, store_error(f->store));
                if (w.times < TIMES)
                        fail_msg("row %zu: told %u times", i, w.times);
                assert_int_equal(waitpid(pid, NULL, 0), pid);
                remove_below(openat(f->fd, "mail", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(it_is_told, fixture_setup, fixture_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

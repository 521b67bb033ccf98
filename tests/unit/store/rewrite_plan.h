#ifndef TESTS_REWRITE_PLAN_H
#define TESTS_REWRITE_PLAN_H

/* Plans by chance for rewrite.h, what must come out, and others who deliver. */

#include "rewrite_disk.h"

#include "base/fd.h"

enum { OLD_MAX = 120, PIECES = 12 };

/* What is to be done, and what must come out. */
struct plan {
        struct buf old, new;
        struct say {
                uint64_t from, n;
                bool text, stored;
                char bytes[24];
        } says[PIECES];
        unsigned n;
        uint32_t window;
        struct buf others; /* appended by others meanwhile */
};

static void letters(struct buf *to, size_t n)
{
        while (n--)
                buf_char(to, (char)('a' + dice(26)));
}

static void say(struct plan *p, bool text, uint64_t from, uint64_t n)
{
        struct say *s = &p->says[p->n++];
        *s = (struct say){.from = from, .n = n, .text = text, .stored = text && dice(3) == 0};
        if (!text) {
                buf_append(&p->new, slice_make(p->old.p + from, n));
                return;
        }
        for (size_t i = 0; i < n; i++)
                s->bytes[i] = (char)('A' + dice(26));
        buf_append(&p->new, slice_make(s->bytes, n));
}

/* Only its end changes. */
static void make_end(struct plan *p)
{
        if (dice(3) == 0) {
                say(p, false, 0, dice((uint32_t)p->old.n + 1));
                return;
        }
        say(p, false, 0, p->old.n);
        for (unsigned texts = 1 + dice(PIECES - 2); texts; texts--)
                say(p, true, 0, dice(24));
}

/* Texts more or less often, more or less of the old content gone. */
static void make_plan(struct plan *p)
{
        unsigned texts = dice(4), holes = dice(4);
        uint64_t from = 0;
        letters(&p->old, dice(8) ? dice(OLD_MAX) : 0);
        p->window = 1 + (dice(2) ? dice(8) : dice(200));
        if (dice(4) == 0) {
                make_end(p);
                return;
        }
        for (unsigned pieces = dice(PIECES - 2); p->n < pieces && from < p->old.n;) {
                if (dice(4) < texts)
                        say(p, true, 0, dice(24));
                if (dice(4) < holes)
                        from += dice((uint32_t)(p->old.n - from));
                uint64_t n = dice((uint32_t)(p->old.n - from + 1));
                if (p->n < pieces && n)
                        say(p, false, from, n);
                from += n;
        }
        if (from < p->old.n && dice(2))
                say(p, false, from, p->old.n - from);
        if (dice(2))
                say(p, true, 0, dice(24));
}

/* Only its end changes: the one is the beginning of the other, and nothing else was said. */
static bool is_end(const struct plan *p)
{
        uint64_t at = 0;
        bool text = false;
        for (unsigned i = 0; i < p->n; i++) {
                const struct say *s = &p->says[i];
                if (s->n && !s->text && (text || s->from != at))
                        return false;
                text |= s->text && s->n;
                at += s->text ? 0 : s->n;
        }
        return !text || at == p->old.n;
}

static void free_plan(struct plan *p)
{
        buf_free(&p->old);
        buf_free(&p->new);
        buf_free(&p->others);
}

static int open_mbox(void)
{
        int fd = openat(disk.dir, "mbox", O_RDWR | O_CREAT, 0600);
        assert_true(fd >= 0);
        return fd;
}

static void deliver(struct plan *p, unsigned n)
{
        size_t before = p->others.n;
        buf_str(&p->others, "From ");
        letters(&p->others, n);
        int fd = open_mbox();
        off_t end = size_of(fd);
        assert_int_equal(__real_pwrite64(fd, p->others.p + before, p->others.n - before, end),
                         p->others.n - before);
        /* who delivers syncs: what was there is on the disk, too */
        settle(MBOX, false);
        disk.safe[MBOX].n = 0;
        assert_int_equal(
                fd_read_all(fd, buf_reserve(&disk.safe[MBOX], (size_t)size_of(fd)), (size_t)size_of(fd)),
                size_of(fd));
        disk.safe[MBOX].n = (size_t)size_of(fd);
        close(fd);
}

/* What was told of a rewrite. */
static struct {
        uint64_t done, all;
        unsigned times;
        struct plan *others; /* somebody delivers meanwhile, */
        unsigned when;       /* at this time */
} told;

static void hear(void *context, uint64_t done, uint64_t all)
{
        assert_true(done > told.done);
        assert_true(done <= all);
        assert_true(all >= told.all);
        told.done = done;
        told.all = all;
        if (++told.times == told.when)
                deliver(told.others, dice(40));
}

static struct rewrite_progress listen(void)
{
        told.done = told.all = told.times = 0;
        return (struct rewrite_progress){.tell = hear};
}

/* A disk with nothing but the old file, which fails as it is told. */
static void begin_disk(const struct plan *p, enum fault fault, unsigned at, int error)
{
        struct stat st;
        forget_log();
        disk.named = disk.safe_named = BEFORE;
        __real_unlinkat(disk.dir, REWRITE_NAME, 0);
        /* there is one from the last time, or it is the first time */
        if (dice(3) == 0)
                __real_unlinkat(disk.dir, REWRITE_APPEND_NAME, 0);
        disk.replaced = false;
        disk.meanwhile = NULL;
        disk.safe_kept = kept_now();
        disk.safe[KEPT_JOURNAL].n = 0;
        if (disk.safe_kept == KEPT)
                assert_int_equal(file_read_at(disk.dir, REWRITE_APPEND_NAME, &disk.safe[KEPT_JOURNAL]), 0);
        write_whole("mbox", buf_slice(&p->old));
        assert_int_equal(fstatat(disk.dir, "mbox", &st, 0), 0);
        disk.mbox = st.st_ino;
        disk.safe[MBOX].n = disk.safe[JOURNAL].n = 0;
        buf_append(&disk.safe[MBOX], buf_slice(&p->old));
        disk.dead = false;
        disk.calls = disk.syncs = 0;
        disk.fault = fault;
        disk.fault_at = at;
        disk.error = error;
}

static void goes_well(void)
{
        disk.fault = FAULT_NONE;
        disk.meanwhile = NULL;
        disk.dead = false;
}

static int say_all(struct rewrite *w, const struct plan *p)
{
        uint64_t at[PIECES] = {0};
        int r = 0;
        for (unsigned i = 0; i < p->n && r == 0; i++) {
                at[i] = w->stored;
                if (p->says[i].stored)
                        r = rewrite_store(w, slice_make(p->says[i].bytes, p->says[i].n));
        }
        for (unsigned i = 0; i < p->n && r == 0; i++) {
                const struct say *s = &p->says[i];
                r = s->stored ? rewrite_place(w, at[i], s->n)
                    : s->text ? rewrite_text(w, slice_make(s->bytes, s->n))
                              : rewrite_move(w, s->from, s->n);
        }
        return r;
}

static int run(const struct plan *p, bool *ret_begun)
{
        _cleanup_(rewrite_end) struct rewrite w = REWRITE_NONE;
        const struct perm perm = {.file = 0600, .gid = (gid_t)-1};
        _cleanup_(fd_close_p) int fd = open_mbox();
        *ret_begun = false;
        rewrite_begin(&w, disk.dir, &perm, true);
        w.window = p->window;
        w.progress = listen();
        int r = say_all(&w, p);
        return r < 0 ? r : rewrite_run(&w, fd, p->old.n, ret_begun);
}

static int replay(void)
{
        _cleanup_(fd_close_p) int fd = open_mbox();
        int r = rewrite_replay(disk.dir, fd, true, listen());
        if (r == 0)
                assert_int_equal(told.done, told.all);
        return r;
}

static void expect(const struct plan *p, const struct buf *content)
{
        _cleanup_(buf_free) struct buf want = {0}, got = {0};
        buf_append(&want, buf_slice(content));
        buf_append(&want, buf_slice(&p->others));
        assert_int_equal(file_read_at(disk.dir, "mbox", &got), 0);
        assert_slice_equal(buf_slice(&got), buf_slice(&want));
        assert_false(rewrite_waits(disk.dir, true));
        assert_int_equal(faccessat(disk.dir, REWRITE_NAME ".broken", F_OK, 0), -1);
}

static int set_up(void **state)
{
        bool memory = access("/dev/shm", W_OK) == 0;
        snprintf(disk.path, sizeof(disk.path), "%s/rewrite.XXXXXX", memory ? "/dev/shm" : "/tmp");
        if (!mkdtemp(disk.path))
                return -1;
        disk.dir = open(disk.path, O_RDONLY | O_DIRECTORY);
        return 0;
}

static int tear_down(void **state)
{
        goes_well();
        __real_unlinkat(disk.dir, "mbox", 0);
        __real_unlinkat(disk.dir, REWRITE_NAME ".0", 0);
        __real_unlinkat(disk.dir, REWRITE_APPEND_NAME, 0);
        close(disk.dir);
        forget_log();
        for (int file = 0; file < FILES; file++)
                buf_free(&disk.safe[file]);
        return rmdir(disk.path);
}

#endif

/* mailsession.cache: what is put is found by every session, and whatever happens to the file, a lookup gives
 * the right bytes or nothing. */

#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/cache_group.h"

enum { UIDS = 64 };

struct fixture {
        char path[64];
        int dir;
        struct perm perm;
        uint32_t at[UIDS]; /* what the index would have */
        unsigned placed;
        uint32_t next; /* the message that compaction asks for next, from 1 */
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        strcpy(f->path, "/tmp/test-cache-XXXXXX");
        assert_non_null(mkdtemp(f->path));
        f->dir = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(perm_of(f->dir, &f->perm), 0);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        fchmod(f->dir, 0700);
        unlinkat(f->dir, CACHE_NAME, 0);
        unlinkat(f->dir, "other", 0);
        close(f->dir);
        int r = rmdir(f->path); /* fails when something was left behind */
        free(f);
        return r;
}

/* Whether data of this kind waits for this message. */
static bool queued(const struct cache *c, uint32_t uid, unsigned kind, struct slice *ret)
{
        struct slice all[CACHE_KINDS];
        bool found = cache_queued_all(c, uid, all) >> kind & 1;
        if (found)
                *ret = all[kind];
        return found;
}

static void placed(void *context, uint32_t uid, uint32_t offset)
{
        struct fixture *f = context;
        assert_true(uid > 0 && uid < UIDS);
        f->at[uid] = offset;
        f->placed++;
}

static int flush(struct fixture *f, struct cache *c)
{
        f->placed = 0;
        int r = cache_flush(c, &f->perm, placed, f);
        assert_int_equal(c->queue.n, 0);
        assert_true(r == 0 || f->placed == 0);
        return r;
}

static bool next(void *context, uint32_t *ret_uid, uint32_t *ret_offset)
{
        struct fixture *f = context;
        if (f->next == UIDS)
                return false;
        *ret_uid = f->next;
        *ret_offset = f->at[f->next++];
        return true;
}

static int compact(struct fixture *f, struct cache *c)
{
        f->next = 1;
        f->placed = 0;
        return cache_compact(c, &f->perm, next, placed, f);
}

static void put(struct fixture *f, struct cache *c, uint32_t uid, unsigned kind, const char *text)
{
        struct mailbox_item item = {kind, slice_of(text)};
        cache_put(c, uid, f->at[uid], &item, 1);
}

/* "-" for nothing. */
static void expect(struct fixture *f, struct cache *c, uint32_t uid, unsigned kind, const char *text)
{
        struct slice got = SLICE("-"), all[CACHE_KINDS];
        bool found = cache_get(c, f->at[uid], uid, kind, &got);
        assert_slice_equal(got, slice_of(text));
        assert_int_equal(found, strcmp(text, "-") != 0);
        assert_int_equal(cache_get_all(c, f->at[uid], uid, all) >> kind & 1, found);
        if (found)
                assert_slice_equal(all[kind], slice_of(text));
}

static struct cache other_session(struct fixture *f, const struct cache *c)
{
        struct cache d;
        cache_init(&d, f->dir);
        cache_reopen(&d, c->id);
        return d;
}

static void content(struct fixture *f, struct buf *to)
{
        to->n = 0;
        assert_int_equal(file_read_at(f->dir, CACHE_NAME, to), 0);
}

static void write_content(struct fixture *f, struct slice bytes)
{
        assert_int_equal(file_replace_at(f->dir, CACHE_NAME, bytes, 0600, false), 0);
}

/* Three messages: uid 1 with a chain of two groups, uid 2 with two items in a group, uid 3 with an empty one.
 */
static void small_file(struct fixture *f, struct cache *c)
{
        struct mailbox_item two[] = {{7, SLICE("seven")}, {31, SLICE("thirty-one\n")}};
        cache_init(c, f->dir);
        put(f, c, 1, 0, "old");
        cache_put(c, 2, 0, two, 2);
        assert_int_equal(flush(f, c), 0);
        put(f, c, 1, 1, "more");
        put(f, c, 3, 4, "");
        assert_int_equal(flush(f, c), 0);
        assert_int_equal(f->placed, 2);
}

static void expect_small_file(struct fixture *f, struct cache *c)
{
        expect(f, c, 1, 0, "old");
        expect(f, c, 1, 1, "more");
        expect(f, c, 1, 2, "-");
        expect(f, c, 2, 7, "seven");
        expect(f, c, 2, 31, "thirty-one\n");
        expect(f, c, 3, 4, "");
        expect(f, c, 4, 4, "-");
}

/* Everything that small_file() kept is found as it was or not at all; how many were found. */
static unsigned right_or_nothing(struct fixture *f, struct cache *c)
{
        static const struct {
                uint32_t uid;
                unsigned kind;
                const char *text;
        } kept[] = {{1, 0, "old"}, {1, 1, "more"}, {2, 7, "seven"}, {2, 31, "thirty-one\n"}, {3, 4, ""}};
        unsigned n = 0;
        for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
                struct slice got, all[CACHE_KINDS];
                uint32_t uid = kept[i].uid;
                bool found = cache_get(c, f->at[uid], uid, kept[i].kind, &got);
                assert_int_equal(cache_get_all(c, f->at[uid], uid, all) >> kept[i].kind & 1, found);
                if (found)
                        assert_slice_equal(got, slice_of(kept[i].text));
                n += found;
        }
        return n;
}

static void sessions_share_what_they_find(void **state)
{
        struct fixture *f = *state;
        struct cache c, d;
        small_file(f, &c);
        assert_true(c.id != 0);
        expect_small_file(f, &c);
        d = other_session(f, &c);
        expect_small_file(f, &d);
        put(f, &d, 5, 2, "from d");
        assert_int_equal(flush(f, &d), 0);
        assert_true(d.id == c.id);
        expect(f, &c, 5, 2, "from d"); /* beyond what c had mapped */
        put(f, &c, 6, 2, "from c");
        assert_int_equal(flush(f, &c), 0);
        expect(f, &d, 6, 2, "from c");
        expect_small_file(f, &c);
        cache_free(&c);
        cache_free(&d);
}

static void the_queue_is_found_and_the_newest_wins(void **state)
{
        struct fixture *f = *state;
        struct cache c;
        struct slice got;
        cache_init(&c, f->dir);
        assert_false(queued(&c, 9, 1, &got));
        static const uint32_t order[] = {9, 3, 20, 9, 1, 9};
        for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
                char text[16];
                snprintf(text, sizeof(text), "%u", i);
                put(f, &c, order[i], 1 + (i == 3), text);
        }
        assert_true(queued(&c, 9, 1, &got));
        assert_slice_equal(got, SLICE("5"));
        assert_true(queued(&c, 9, 2, &got));
        assert_slice_equal(got, SLICE("3"));
        assert_false(queued(&c, 9, 3, &got));
        assert_false(queued(&c, 10, 1, &got));
        assert_int_equal(flush(f, &c), 0);
        assert_int_equal(f->placed, 6);
        assert_false(queued(&c, 9, 1, &got));
        expect(f, &c, 9, 1, "5");
        expect(f, &c, 9, 2, "3");
        expect(f, &c, 20, 1, "2");
        put(f, &c, 9, 1, "newest");
        assert_int_equal(flush(f, &c), 0);
        expect(f, &c, 9, 1, "newest");
        expect(f, &c, 9, 2, "3");
        cache_free(&c);
}

static void the_queue_is_bounded(void **state)
{
        struct fixture *f = *state;
        struct cache c;
        static char large[CACHE_GROUP_MAX];
        cache_init(&c, f->dir);
        struct mailbox_item item = {0, {large, sizeof(large)}}, many[CACHE_KINDS + 1] = {{0}};
        cache_put(&c, 1, 0, &item, 1);
        item.data.n = SIZE_MAX;
        cache_put(&c, 1, 0, &item, 1);
        item = (struct mailbox_item){CACHE_KINDS, SLICE("x")};
        cache_put(&c, 1, 0, &item, 1);
        cache_put(&c, 1, 0, many, 0);
        cache_put(&c, 1, 0, many, ARRAY_LEN(many));
        assert_int_equal(c.queued_n, 0);
        assert_int_equal(flush(f, &c), 0);
        assert_int_equal(c.id, 0); /* nothing to write, no file */
        item = (struct mailbox_item){0, {large, CACHE_GROUP_MAX - 32}};
        assert_false(cache_queue_full(&c));
        uint32_t full = 0;
        while (!cache_queue_full(&c) && full < CACHE_QUEUE_MAX / CACHE_GROUP_MAX)
                cache_put(&c, ++full, 0, &item, 1);
        assert_int_equal(c.queued_n, full);
        assert_true(cache_queue_full(&c));
        put(f, &c, full + 1, 0, "no room");
        assert_int_equal(c.queued_n, full);
        assert_int_equal(flush(f, &c), 0);
        struct slice got;
        assert_true(cache_get(&c, f->at[1], 1, 0, &got));
        assert_slice_equal(got, item.data);
        cache_free(&c);

        cache_init(&c, -1); /* INDEX=MEMORY */
        put(f, &c, 2, 0, "x");
        assert_false(queued(&c, 2, 0, &got));
        assert_int_equal(flush(f, &c), 0);
        assert_int_equal(compact(f, &c), 0);
        cache_free(&c);
}

static void long_chains_are_looked_at_so_far(void **state)
{
        struct fixture *f = *state;
        struct cache c;
        cache_init(&c, f->dir);
        for (unsigned kind = 0; kind <= CACHE_CHAIN_MAX; kind++) {
                put(f, &c, 1, kind, "x");
                assert_int_equal(flush(f, &c), 0);
        }
        expect(f, &c, 1, 0, "-");
        for (unsigned kind = 1; kind <= CACHE_CHAIN_MAX; kind++)
                expect(f, &c, 1, kind, "x");
        cache_free(&c);
}

static void compaction_keeps_what_counts(void **state)
{
        struct fixture *f = *state;
        struct cache c, d;
        _cleanup_(buf_free) struct buf before = {0}, after = {0};
        small_file(f, &c);
        for (int i = 0; i < 5; i++) {
                put(f, &c, 1, 0, i == 4 ? "old" : "older");
                put(f, &c, 10, 0, "to be damaged");
                put(f, &c, 11, 0, "expunged");
                assert_int_equal(flush(f, &c), 0);
        }
        content(f, &before);
        before.p[f->at[10] * CACHE_UNIT + 40] ^= 1;
        write_content(f, buf_slice(&before));
        f->at[11] = 0;
        d = other_session(f, &c);
        put(f, &d, 12, 0, "never flushed");
        assert_int_equal(compact(f, &d), 0);
        assert_int_equal(f->placed, 4);
        assert_int_equal(f->at[10], 0);
        assert_true(d.id != c.id);
        expect_small_file(f, &d);
        assert_int_equal(flush(f, &d), 0);
        assert_int_equal(f->placed, 0);
        content(f, &after);
        assert_true(after.n < before.n / 2);
        /* c has the old file still, whose offsets these are not */
        struct slice got;
        assert_false(cache_get(&c, f->at[3], 3, 4, &got));
        cache_reopen(&c, d.id);
        expect_small_file(f, &c);
        put(f, &c, 2, 8, "eight");
        assert_int_equal(flush(f, &c), 0);
        expect(f, &d, 2, 8, "eight");
        expect_small_file(f, &d);
        cache_free(&c);
        cache_free(&d);
}

/* A session that does not know that another one replaced the file must not write into the nameless one. */
static void a_replaced_file_is_noticed(void **state)
{
        struct fixture *f = *state;
        struct cache c, d;
        small_file(f, &c);
        expect_small_file(f, &c);
        d = other_session(f, &c);
        uint64_t old = c.id;
        assert_int_equal(compact(f, &d), 0);
        put(f, &c, 7, 0, "x");
        assert_int_equal(flush(f, &c), 0);
        assert_true(c.id != old && c.id != d.id);
        expect(f, &c, 7, 0, "x");
        cache_free(&d);
        d = other_session(f, &c);
        expect(f, &d, 7, 0, "x");
        cache_free(&c);
        cache_free(&d);
}

static void a_changed_byte_is_noticed(void **state)
{
        struct fixture *f = *state;
        struct cache c;
        _cleanup_(buf_free) struct buf b = {0};
        small_file(f, &c);
        content(f, &b);
        assert_int_equal(b.n % CACHE_UNIT, 0);
        for (size_t i = 0; i < b.n; i++) {
                static const char flips[] = {1, (char)0x80, (char)0xff};
                for (size_t k = 0; k < sizeof(flips); k++) {
                        b.p[i] ^= flips[k];
                        write_content(f, buf_slice(&b));
                        b.p[i] ^= flips[k];
                        struct cache d = other_session(f, &c);
                        unsigned found = right_or_nothing(f, &d);
                        /* and only the message it hit is lost */
                        assert_true(i < CACHE_HEADER_SIZE ? found == 0 : found >= 3 && found < 5);
                        cache_free(&d);
                }
        }
        cache_free(&c);
}

static void a_truncated_file_gives_what_is_left(void **state)
{
        struct fixture *f = *state;
        struct cache c;
        _cleanup_(buf_free) struct buf b = {0};
        small_file(f, &c);
        content(f, &b);
        unsigned before = 0;
        for (size_t n = 0; n <= b.n; n++) {
                write_content(f, slice_head(buf_slice(&b), n));
                struct cache d = other_session(f, &c);
                unsigned found = right_or_nothing(f, &d);
                assert_true(found >= before);
                assert_true(n == b.n || found < 5);
                before = found;
                /* what comes behind a torn end is found */
                uint32_t was[UIDS];
                memcpy(was, f->at, sizeof(was));
                put(f, &d, 40, 0, "behind");
                assert_int_equal(flush(f, &d), 0);
                assert_int_equal(d.id == c.id, n >= CACHE_HEADER_SIZE);
                expect(f, &d, 40, 0, "behind");
                memcpy(f->at, was, sizeof(was));
                cache_free(&d);
        }
        assert_int_equal(before, 5);
        cache_free(&c);
}

/* A file of one's own making: groups of uid 1 with kinds 0, 1 ..., at the places and with the prevs given. */
static void forged(struct fixture *f, uint64_t id, const uint32_t (*groups)[2], unsigned n)
{
        _cleanup_(buf_free) struct buf b = {0};
        char header[CACHE_HEADER_SIZE];
        cache_header_make(header, id);
        buf_append(&b, slice_make(header, sizeof(header)));
        for (unsigned i = 0; i < n; i++) {
                struct mailbox_item item = {i, SLICE("8 bytes.")};
                size_t at = b.n;
                assert_int_equal(at, groups[i][0] * CACHE_UNIT);
                assert_true(cache_group_append(&b, 1, &item, 1));
                cache_group_seal(b.p + at, groups[i][1], id);
        }
        write_content(f, buf_slice(&b));
}

static void wrong_links_are_not_followed(void **state)
{
        struct fixture *f = *state;
        struct cache c;
        struct slice all[CACHE_KINDS];
        cache_init(&c, f->dir);
        cache_reopen(&c, 77);
        /* backwards is right, itself, forwards, into itself, into the header, beyond everything */
        forged(f, 77,
               (const uint32_t[][2]){{8, 0}, {13, 8}, {18, 18}, {23, 28}, {28, 29}, {33, 1}, {38, -1u}}, 7);
        assert_int_equal(cache_get_all(&c, 13, 1, all), 3);
        assert_int_equal(cache_get_all(&c, 18, 1, all), 4);
        assert_int_equal(cache_get_all(&c, 23, 1, all), 8);
        assert_int_equal(cache_get_all(&c, 28, 1, all), 16);
        assert_int_equal(cache_get_all(&c, 33, 1, all), 32);
        assert_int_equal(cache_get_all(&c, 38, 1, all), 64);
        /* places that are none, another's message */
        for (uint32_t offset = 0; offset < 50; offset++)
                assert_int_equal(cache_get_all(&c, offset, 1, all) != 0,
                                 offset >= 8 && offset % 5 == 3 && offset < 43);
        static const uint32_t beyond[] = {1000, 1u << 29, 1u << 31, UINT32_MAX - 1, UINT32_MAX};
        for (size_t i = 0; i < ARRAY_LEN(beyond); i++)
                assert_int_equal(cache_get_all(&c, beyond[i], 1, all), 0);
        assert_int_equal(cache_get_all(&c, 13, 2, all), 0);
        cache_free(&c);
}

/* The hash is right, the lengths are not. */
static void hostile_groups_are_refused(void **state)
{
        static const struct {
                size_t at;
                uint32_t value;
                unsigned width;
        } changes[] = {
                {20, 33, 2},          /* items: too many */
                {20, 0xffff, 2},      /* items: do not fit */
                {24, CACHE_KINDS, 2}, /* kind */
                {24, 0xffff, 2},
                {28, 9, 4},          /* length: more than there is */
                {28, UINT32_MAX, 4}, /* wraps in 32 bits */
                {28, UINT32_MAX - 39, 4},
        };
        struct mailbox_item item = {3, SLICE("8 bytes.")};
        for (size_t i = 0; i <= ARRAY_LEN(changes); i++) {
                _cleanup_(buf_free) struct buf b = {0};
                struct cache_group g;
                assert_true(cache_group_append(&b, 1, &item, 1));
                if (i < ARRAY_LEN(changes))
                        memcpy(b.p + changes[i].at, &changes[i].value, changes[i].width);
                cache_group_seal(b.p, 0, 77);
                assert_int_equal(cache_group_check(buf_slice(&b), 77, &g), i == ARRAY_LEN(changes));
        }
        static const uint32_t sizes[] = {0, 8, 16, 25, CACHE_GROUP_MAX + 8, UINT32_MAX, UINT32_MAX - 7};
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
                char head[CACHE_GROUP_HEAD] = {0};
                memcpy(head + 12, &sizes[i], 4);
                assert_int_equal(cache_group_size(head), 0);
        }
}

static void only_the_right_file_is_read(void **state)
{
        struct fixture *f = *state;
        struct cache c;
        _cleanup_(buf_free) struct buf b = {0};
        small_file(f, &c);
        content(f, &b);
        struct cache d = other_session(f, &c);
        cache_reopen(&d, c.id + 1);
        assert_int_equal(right_or_nothing(f, &d), 0);
        /* with a header that is whole but another's */
        static const struct {
                size_t at;
                char value;
        } changes[] = {{0, 'm'}, {8, 2}, {12, 1}, {40, 1}};
        for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
                char was = b.p[changes[i].at];
                b.p[changes[i].at] = changes[i].value == was ? 4 : changes[i].value;
                write_content(f, buf_slice(&b));
                b.p[changes[i].at] = was;
                cache_reopen(&d, c.id);
                assert_int_equal(right_or_nothing(f, &d), 0);
                assert_true(d.tried);
        }
        /* things that are no file; none of them is waited for or written through, and they give way */
        assert_int_equal(unlinkat(f->dir, CACHE_NAME, 0), 0);
        assert_int_equal(file_replace_at(f->dir, "other", buf_slice(&b), 0600, false), 0);
        for (int i = 0; i < 2; i++) {
                unlinkat(f->dir, CACHE_NAME, 0);
                assert_int_equal(
                        i ? symlinkat("other", f->dir, CACHE_NAME) : mkfifoat(f->dir, CACHE_NAME, 0600), 0);
                cache_reopen(&d, c.id);
                assert_int_equal(right_or_nothing(f, &d), 0);
                f->at[50] = 0;
                put(f, &d, 50, 0, "x");
                assert_int_equal(flush(f, &d), 0);
                expect(f, &d, 50, 0, "x");
        }
        unlinkat(f->dir, CACHE_NAME, 0);
        assert_int_equal(mkdirat(f->dir, CACHE_NAME, 0700), 0);
        cache_reopen(&d, c.id);
        put(f, &d, 50, 0, "x");
        assert_int_equal(flush(f, &d), -EISDIR);
        assert_int_equal(unlinkat(f->dir, CACHE_NAME, AT_REMOVEDIR), 0);
        cache_free(&c);
        cache_free(&d);
}

static void a_full_disk_leaves_the_file_right(void **state)
{
        struct fixture *f = *state;
        struct cache c, none;
        static char large[100 * 1000];
        _cleanup_(buf_free) struct buf before = {0}, after = {0};
        small_file(f, &c);
        content(f, &before);
        memset(large, 'x', sizeof(large) - 1);
        signal(SIGXFSZ, SIG_IGN);
        struct rlimit was, small = {50 * 1000, 50 * 1000};
        getrlimit(RLIMIT_FSIZE, &was);
        small.rlim_max = was.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        put(f, &c, 20, 0, large);
        int appended = flush(f, &c);
        cache_init(&none, f->dir);
        put(f, &none, 20, 0, large);
        int made = flush(f, &none);
        small.rlim_cur = 100;
        setrlimit(RLIMIT_FSIZE, &small);
        int compacted = compact(f, &c);
        setrlimit(RLIMIT_FSIZE, &was);
        assert_int_equal(appended, -EFBIG);
        assert_int_equal(made, -EFBIG);
        assert_int_equal(compacted, -EFBIG);
        assert_int_equal(f->placed, 0);
        assert_int_equal(none.id, 0);
        content(f, &after);
        assert_slice_equal(buf_slice(&after), buf_slice(&before));
        expect_small_file(f, &c);
        put(f, &c, 20, 0, large);
        assert_int_equal(flush(f, &c), 0);
        expect(f, &c, 20, 0, large);
        expect_small_file(f, &c);
        cache_free(&c);
        cache_free(&none);
}

static void too_large_a_file_is_not_appended_to(void **state)
{
        struct fixture *f = *state;
        struct cache c;
        small_file(f, &c);
        if (ftruncate(c.fd, (off_t)UINT32_MAX * CACHE_UNIT) < 0) {
                cache_free(&c);
                skip(); /* a file system without such files */
        }
        put(f, &c, 20, 0, "x");
        assert_int_equal(flush(f, &c), -EFBIG);
        expect_small_file(f, &c);
        assert_int_equal(compact(f, &c), 0);
        expect_small_file(f, &c);
        cache_free(&c);
}

/* root may write everywhere: then as nobody */
static void read_only_is_enough_to_look_up(void **state)
{
        struct fixture *f = *state;
        struct cache c;
        bool root = geteuid() == 0;
        small_file(f, &c);
        assert_int_equal(fchmod(c.fd, 0444), 0);
        assert_int_equal(fchmod(f->dir, 0555), 0);
        if (root && seteuid(65534) < 0) {
                cache_free(&c);
                skip();
        }
        struct cache d = other_session(f, &c), none;
        expect_small_file(f, &d);
        put(f, &d, 20, 0, "x");
        int r = flush(f, &d), compacted = compact(f, &d);
        cache_init(&none, f->dir);
        put(f, &none, 20, 0, "x");
        int made = flush(f, &none);
        unsigned found = right_or_nothing(f, &d);
        if (root)
                assert_int_equal(seteuid(0), 0);
        assert_int_equal(r, -EACCES);
        assert_int_equal(compacted, -EACCES);
        assert_int_equal(made, -EACCES);
        assert_int_equal(found, 5);
        cache_free(&c);
        cache_free(&d);
        cache_free(&none);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(sessions_share_what_they_find),
                T(the_queue_is_found_and_the_newest_wins),
                T(the_queue_is_bounded),
                T(long_chains_are_looked_at_so_far),
                T(compaction_keeps_what_counts),
                T(a_replaced_file_is_noticed),
                T(a_changed_byte_is_noticed),
                T(a_truncated_file_gives_what_is_left),
                T(wrong_links_are_not_followed),
                cmocka_unit_test(hostile_groups_are_refused),
                T(only_the_right_file_is_read),
                T(a_full_disk_leaves_the_file_right),
                T(too_large_a_file_is_not_appended_to),
                T(read_only_is_enough_to_look_up),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "store/courier.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/map.h"
#include "base/number.h"
#include "base/utf7.h"
#include "store/uidlist_text.h"

#define UIDS_NAME       "courierimapuiddb"
#define KEYWORDS_DIR    "courierimapkeywords"
#define LIST_NAME       ":list"
#define SUBSCRIBED_NAME "courierimapsubscribed"

/* How new a file without a number is: newer than any with one. */
#define AGE_NEWEST UINT64_MAX

/* An upper bound of the parts that slice_split() gives. */
static size_t count_parts(struct slice text, char sep)
{
        size_t n = 1;
        for (size_t i = 0; i < text.n; i++)
                n += text.p[i] == sep;
        return n;
}

int courier_uids_parse(struct slice text, struct arena *a, struct courier_uids *ret)
{
        struct uidlist_header h;
        struct uidlist_line l;
        struct slice line;
        if (!slice_split(&text, '\n', &line) || uidlist_header_parse(line, &h) < 0 || h.version != 1)
                return -EINVAL;
        struct courier_uids u = {.uidvalidity = h.uidvalidity, .nextuid = h.nextuid};
        u.uids = arena_array(a, struct courier_uid, count_parts(text, '\n'));
        while (slice_split(&text, '\n', &line)) {
                if (uidlist_line_parse(1, line, &l) < 0)
                        continue;
                /* a UID that was given to anything, even on a line out of place, is not given again */
                u.nextuid = MAX(u.nextuid, l.uid + 1);
                if (u.n == 0 || l.uid > u.uids[u.n - 1].uid)
                        u.uids[u.n++] = (struct courier_uid){l.uid, l.base};
        }
        *ret = u;
        return 0;
}

/* A file's content, in the arena; a directory or a device of that name is not Courier's. */
static int read_file(int dirfd, const char *name, size_t max, struct arena *a, struct slice *ret)
{
        _cleanup_(buf_free) struct buf text = BUF_BOUNDED(max);
        struct stat st;
        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        int r = file_read_at(dirfd, name, &text);
        if (r < 0)
                return r;
        *ret = arena_slice(a, buf_slice(&text));
        return 0;
}

int courier_uids(int dirfd, struct arena *a, struct courier_uids *ret)
{
        struct slice text;
        int r = read_file(dirfd, UIDS_NAME, COURIER_UIDS_MAX_BYTES, a, &text);
        return r < 0 ? r : courier_uids_parse(text, a, ret);
}

/* The keywords of "0 2 5"; places that the list does not have are passed over. */
static void take_places(struct slice places, const struct slice *list, size_t list_n, struct arena *a,
                        struct courier_keywords *k)
{
        struct slice place;
        uint32_t at;
        k->names = arena_array(a, struct slice, count_parts(places, ' '));
        while (slice_split(&places, ' ', &place))
                if (slice_to_u32(place, &at) == 0 && at < list_n)
                        k->names[k->n++] = list[at];
}

void courier_keywords_parse(struct slice text, struct arena *a, struct courier_keywords **ret, size_t *ret_n)
{
        struct slice line;
        struct slice *list = arena_array(a, struct slice, count_parts(text, '\n'));
        size_t list_n = 0, n = 0;
        while (slice_split(&text, '\n', &line) && line.n)
                list[list_n++] = line;
        struct courier_keywords *found = arena_array(a, struct courier_keywords, count_parts(text, '\n'));
        while (slice_split(&text, '\n', &line)) {
                size_t colon = slice_rfind(line, ':');
                if (colon == 0 || colon == line.n)
                        continue;
                found[n].base = slice_head(line, colon);
                take_places(slice_from(line, colon + 1), list, list_n, a, &found[n]);
                n++;
        }
        *ret = found;
        *ret_n = n;
}

int courier_keywords_name(struct slice name, struct slice *ret_base, uint64_t *ret_age)
{
        struct slice base = name, number;
        uint64_t age = AGE_NEWEST;
        if (name.n && name.p[0] == '.') {
                base = slice_from(name, 1);
                if (!slice_split(&base, '.', &number) || slice_to_u64(number, &age) < 0 || age == AGE_NEWEST)
                        return -EINVAL;
        }
        if (base.n == 0 || base.p[0] == '.' || slice_find(base, ':') < base.n ||
            slice_find(base, '\n') < base.n)
                return -EINVAL;
        *ret_base = base;
        *ret_age = age;
        return 0;
}

/* What is known of a message while the directory is read. */
struct known {
        struct courier_keywords k;
        const char *file; /* the newest one; NULL: only :list has it */
        uint64_t age;
        struct known *next;
};

struct gather {
        struct arena *a;
        struct map by_base;
        struct known *first;
        size_t n;
};

static struct known *gather_entry(struct gather *g, struct slice base)
{
        struct known *e = map_get(&g->by_base, base);
        if (e)
                return e;
        e = arena_new(g->a, struct known);
        e->k.base = arena_slice(g->a, base);
        e->next = g->first;
        g->first = e;
        g->n++;
        map_put(&g->by_base, e->k.base, e);
        return e;
}

static int gather_list(struct gather *g, int dir)
{
        struct slice text;
        struct courier_keywords *list;
        size_t n;
        int r = read_file(dir, LIST_NAME, COURIER_LIST_MAX_BYTES, g->a, &text);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        courier_keywords_parse(text, g->a, &list, &n);
        for (size_t i = 0; i < n; i++) {
                struct known *e = gather_entry(g, list[i].base);
                e->k.names = list[i].names;
                e->k.n = list[i].n;
        }
        return 0;
}

static int gather_names(struct gather *g, DIR *d)
{
        struct slice base;
        uint64_t age;
        size_t files = 0;
        int r = 0;
        for (struct dirent *entry; (entry = dir_next(d, &r));) {
                if (courier_keywords_name(slice_of(entry->d_name), &base, &age) < 0)
                        continue;
                if (++files > COURIER_MAX_FILES)
                        return -E2BIG;
                struct known *e = gather_entry(g, base);
                if (e->file && age <= e->age)
                        continue;
                e->file = arena_str(g->a, slice_of(entry->d_name));
                e->age = age;
        }
        return r;
}

/* A file that Courier folded into :list meanwhile, or that is none of its own, leaves what the list says. */
static int take_file(struct gather *g, int dir, struct known *e)
{
        struct slice text, line;
        int r = read_file(dir, e->file, COURIER_FILE_MAX_BYTES, g->a, &text);
        if (r < 0)
                return r == -ENOENT || r == -EINVAL || r == -E2BIG ? 0 : r;
        e->k.names = arena_array(g->a, struct slice, count_parts(text, '\n'));
        e->k.n = 0;
        while (slice_split(&text, '\n', &line))
                if (line.n)
                        e->k.names[e->k.n++] = line;
        return 0;
}

static int gather_result(struct gather *g, int dir, struct courier_keywords **ret, size_t *ret_n)
{
        struct courier_keywords *found = arena_array(g->a, struct courier_keywords, g->n + 1);
        size_t n = 0;
        for (struct known *e = g->first; e; e = e->next) {
                int r = e->file ? take_file(g, dir, e) : 0;
                if (r < 0)
                        return r;
                if (e->k.n)
                        found[n++] = e->k;
        }
        *ret = found;
        *ret_n = n;
        return 0;
}

int courier_keywords(int dirfd, struct arena *a, struct courier_keywords **ret, size_t *ret_n)
{
        int fd = openat(dirfd, KEYWORDS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return errno == ENOTDIR || errno == ELOOP ? -EINVAL : -errno;
        _cleanup_(dir_close_p) DIR *d = fdopendir(fd);
        if (!d) {
                int r = -errno;
                close(fd);
                return r;
        }
        struct gather g = {.a = a};
        int r = gather_list(&g, fd);
        if (r == 0)
                r = gather_names(&g, d);
        if (r == 0)
                r = gather_result(&g, fd, ret, ret_n);
        map_free(&g.by_base);
        return r;
}

static bool has_control(struct slice s)
{
        for (size_t i = 0; i < s.n; i++)
                if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
                        return true;
        return false;
}

/* The name below INBOX in mUTF-7. What is good mUTF-7 is taken as that: "A&-B" is more likely from Courier 4
 * than a folder whose name has these signs. */
static bool take_name(struct slice line, struct arena *a, struct slice *ret)
{
        _cleanup_(buf_free) struct buf utf8 = {0}, utf7 = {0};
        struct slice prefix = SLICE("INBOX.");
        if (has_control(line))
                return false;
        if (slice_ieq(line, SLICE("INBOX"))) {
                *ret = SLICE("INBOX");
                return true;
        }
        if (!slice_istarts(line, prefix) || line.n == prefix.n)
                return false;
        struct slice name = slice_from(line, prefix.n);
        if (utf7_to_utf8(&utf8, name) == 0)
                *ret = name;
        else if (utf7_from_utf8(&utf7, name) == 0)
                *ret = arena_slice(a, buf_slice(&utf7));
        else
                return false;
        return true;
}

void courier_subscriptions_parse(struct slice text, struct arena *a, struct slice **ret, size_t *ret_n)
{
        struct slice *names = arena_array(a, struct slice, count_parts(text, '\n'));
        struct slice line;
        size_t n = 0;
        while (slice_split(&text, '\n', &line))
                n += take_name(line, a, &names[n]);
        *ret = names;
        *ret_n = n;
}

int courier_subscriptions(int dirfd, struct arena *a, struct slice **ret, size_t *ret_n)
{
        struct slice text;
        int r = read_file(dirfd, SUBSCRIBED_NAME, COURIER_SUBSCRIBED_MAX_BYTES, a, &text);
        if (r == 0)
                courier_subscriptions_parse(text, a, ret, ret_n);
        return r;
}

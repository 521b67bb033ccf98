#include "auth/system.h"

#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <paths.h>
#include <pwd.h>
#include <shadow.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

enum {
        ENTRY_FIRST = 4096,
        ENTRY_MAX = 1024 * 1024, /* a group may list thousands of members */
        SAMPLE_ENTRIES = 256, /* looked through for a usable password: the system's own accounts come first */
};

/* The C library reads /etc/shadow through a buffer it frees without wiping, and this process may become a
 * session: for the time of a lookup freed memory is overwritten. */
static void perturb(bool on)
{
        mallopt(M_PERTURB, on ? 0xa5 : 0);
}

/* The *_r functions want a buffer whose size is not known: grown until it fits, wiped. */
struct room {
        char *p;
        size_t n;
};

static bool room_grow(struct room *r)
{
        size_t n = r->n ? r->n * 4 : ENTRY_FIRST;
        if (n > ENTRY_MAX)
                return false;
        if (r->p)
                explicit_bzero(r->p, r->n);
        r->p = xrealloc(r->p, n);
        r->n = n;
        return true;
}

static void room_free(struct room *r)
{
        if (r->p)
                explicit_bzero(r->p, r->n);
        free(r->p);
}

/* What such a function returned, as ours: some say ENOENT, ESRCH or nothing for "no such name" (getpwnam(3)).
 */
static int lookup_error(int e, const void *found)
{
        if (found)
                return 0;
        return e == 0 || e == ENOENT || e == ESRCH ? -ENOENT : -e;
}

static int user_lookup(void *context, const char *name, struct arena *arena, struct system_user *ret)
{
        _cleanup_(room_free) struct room room = {0};
        struct passwd entry, *found = NULL;
        int e = ERANGE;
        while (e == ERANGE && room_grow(&room))
                e = getpwnam_r(name, &entry, room.p, room.n, &found);
        int r = lookup_error(e, found);
        if (r < 0)
                return r;
        *ret = (struct system_user){
                .name = arena_str(arena, slice_of(entry.pw_name)),
                .home = arena_str(arena, slice_of(entry.pw_dir)),
                .uid = entry.pw_uid,
                .gid = entry.pw_gid,
        };
        buf_str(&ret->password, entry.pw_passwd);
        return 0;
}

static int group_lookup(void *context, const char *name, gid_t *ret)
{
        _cleanup_(room_free) struct room room = {0};
        struct group entry, *found = NULL;
        int e = ERANGE;
        while (e == ERANGE && room_grow(&room))
                e = getgrnam_r(name, &entry, room.p, room.n, &found);
        int r = lookup_error(e, found);
        if (r == 0)
                *ret = entry.gr_gid;
        return r;
}

/* NSS goes on to its next source where one cannot be read, and then says "no such user": asked before. */
static int shadow_readable(void)
{
        return eaccess(_PATH_SHADOW, R_OK) < 0 && errno != ENOENT ? -errno : 0;
}

static int shadow_lookup(void *context, const char *name, struct system_shadow *ret)
{
        int readable = shadow_readable();
        if (readable < 0)
                return readable;
        _cleanup_(room_free) struct room room = {0};
        struct spwd entry, *found = NULL;
        int e = ERANGE;
        perturb(true);
        while (e == ERANGE && room_grow(&room))
                e = getspnam_r(name, &entry, room.p, room.n, &found);
        perturb(false);
        int r = lookup_error(e, found);
        if (r < 0)
                return r;
        *ret = (struct system_shadow){
                .changed = entry.sp_lstchg,
                .max_age = entry.sp_max,
                .inactive = entry.sp_inact,
                .expires = entry.sp_expire,
        };
        buf_str(&ret->password, entry.sp_pwdp);
        return 0;
}

static void sample_find(void *context, struct buf *to)
{
        _cleanup_(room_free) struct room room = {0};
        struct spwd entry, *found = NULL;
        if (!room_grow(&room))
                return;
        perturb(true);
        setspent();
        for (int i = 0; i < SAMPLE_ENTRIES && to->n == 0; i++) {
                if (getspent_r(&entry, room.p, room.n, &found) != 0 || !found)
                        break;
                if (scheme_usable(slice_of(entry.sp_pwdp), "CRYPT"))
                        buf_str(to, entry.sp_pwdp);
        }
        endspent();
        perturb(false);
}

static enum scheme_result verify(void *context, struct slice stored, const char *default_scheme,
                                 struct slice password)
{
        return scheme_verify(stored, default_scheme, password);
}

static int64_t today(void *context)
{
        return (int64_t)time(NULL) / (24 * 60 * 60);
}

const struct auth_system auth_system = {
        .user = user_lookup,
        .group = group_lookup,
        .shadow = shadow_lookup,
        .sample = sample_find,
        .verify = verify,
        .today = today,
};

void system_user_free(struct system_user *u)
{
        buf_wipe(&u->password);
}

void system_shadow_free(struct system_shadow *s)
{
        buf_wipe(&s->password);
}

const char *system_expired(const struct system_shadow *s, int64_t now)
{
        if (s->expires >= 0 && now >= s->expires)
                return "account is expired";
        /* an old password is usable for some days more, to be changed elsewhere; after that it is not */
        if (s->changed > 0 && s->max_age >= 0 && s->inactive >= 0 &&
            now > s->changed + s->max_age + s->inactive)
                return "password is expired";
        return NULL;
}

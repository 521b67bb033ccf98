#include "store/mbox_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"

enum {
        HELD_DOTLOCK = 1 << 0,
        HELD_FCNTL = 1 << 1,
        HELD_FLOCK = 1 << 2,
        /* Between tries: soon at first, for a delivery is short; then rarely enough to cost nothing. */
        WAIT_FIRST_MS = 1,
        WAIT_MOST_MS = 50,
        DOTLOCK_MODE = 0600, /* who cannot read our number goes by its age */
};

/* One way of locking; take() says -EAGAIN when somebody else has it. */
struct kind {
        const char *name;
        unsigned held;
        int (*take)(struct mbox_lock *l);
        void (*release)(struct mbox_lock *l);
        void (*tell)(struct mbox_lock *l); /* who has it, into holder[] */
};

static bool is_at_path(const struct mbox_lock *l, struct stat *ret)
{
        struct stat there;
        return fstat(l->fd, ret) == 0 && fstatat(l->dir, l->name, &there, 0) == 0 &&
               there.st_dev == ret->st_dev && there.st_ino == ret->st_ino;
}

/* The group locks no mbox for a user who has no business with it. */
static bool may_use_privilege(const struct mbox_lock *l)
{
        struct stat st;
        return is_at_path(l, &st) &&
               (st.st_uid == geteuid() || (fcntl(l->fd, F_GETFL) & O_ACCMODE) == O_RDWR);
}

static void tell_denied(struct mbox_lock *l)
{
        struct stat st;
        if (fstat(l->dir, &st) < 0)
                return;
        bool by_group = (st.st_mode & (S_IWGRP | S_IWOTH)) == S_IWGRP && st.st_gid != getegid();
        const char *remedy = "";
        if (by_group && !*l->settings->mail_privileged_group)
                remedy = "; the setting mail_privileged_group = mail lets sessions do it, when that is its "
                         "group";
        else if (by_group && !perm_has_privilege())
                remedy = "; mail_privileged_group works where root starts the server";
        else if (by_group)
                remedy = "; mail_privileged_group is another one, or the mbox is not the user's";
        snprintf(l->holder, sizeof(l->holder),
                 "%.60s.lock cannot be made in a directory of uid %ld, gid %ld, mode %04o%s", l->name,
                 (long)st.st_uid, (long)st.st_gid, (unsigned)(st.st_mode & 07777), remedy);
}

static int take_dotlock(struct mbox_lock *l)
{
        int64_t stale_ms = l->settings->mbox_dotlock_change_timeout;
        int r = l->privileged ? -EACCES : dotlock_try(l->dir, l->name, DOTLOCK_MODE, stale_ms, &l->dotlock);
        if (r == -EACCES && may_use_privilege(l)) {
                _cleanup_(perm_privilege_end) struct perm_privilege p = PERM_PRIVILEGE_NONE;
                r = perm_privilege_begin(&p);
                if (r == 0) {
                        l->privileged = true;
                        r = dotlock_try(l->dir, l->name, DOTLOCK_MODE, stale_ms, &l->dotlock);
                }
        }
        if (r == -EACCES)
                tell_denied(l);
        return r;
}

static int take_dotlock_if_possible(struct mbox_lock *l)
{
        int r = take_dotlock(l);
        return r == -EACCES || r == -EPERM || r == -EROFS || r == -ENOSPC || r == -EDQUOT ? 0 : r;
}

static void release_dotlock(struct mbox_lock *l)
{
        _cleanup_(perm_privilege_end) struct perm_privilege p = PERM_PRIVILEGE_NONE;
        if (l->privileged && l->dotlock.fd >= 0)
                (void)perm_privilege_begin(&p);
        dotlock_release(&l->dotlock);
}

static void tell_dotlock(struct mbox_lock *l)
{
        long pid = dotlock_owner(l->dir, l->name);
        if (pid > 0)
                snprintf(l->holder, sizeof(l->holder), "%.200s.lock of process %ld", l->name, pid);
        else
                snprintf(l->holder, sizeof(l->holder), "%.200s.lock", l->name);
}

static struct flock whole_file(short type)
{
        return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

static int take_fcntl(struct mbox_lock *l)
{
        struct flock f = whole_file(l->write ? F_WRLCK : F_RDLCK);
        if (fcntl(l->fd, F_OFD_SETLK, &f) == 0)
                return 0;
        return errno == EACCES ? -EAGAIN : -errno;
}

static void release_fcntl(struct mbox_lock *l)
{
        struct flock f = whole_file(F_UNLCK);
        fcntl(l->fd, F_OFD_SETLK, &f);
}

static void tell_fcntl(struct mbox_lock *l)
{
        struct flock f = whole_file(l->write ? F_WRLCK : F_RDLCK);
        if (fcntl(l->fd, F_OFD_GETLK, &f) == 0 && f.l_type != F_UNLCK && f.l_pid > 0)
                snprintf(l->holder, sizeof(l->holder), "fcntl lock of process %ld", (long)f.l_pid);
        else
                snprintf(l->holder, sizeof(l->holder), "fcntl lock");
}

static int take_flock(struct mbox_lock *l)
{
        return flock(l->fd, (l->write ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0 ? -errno : 0;
}

static void release_flock(struct mbox_lock *l)
{
        flock(l->fd, LOCK_UN);
}

static void tell_flock(struct mbox_lock *l)
{
        snprintf(l->holder, sizeof(l->holder), "flock");
}

static const struct kind kinds[] = {
        {"dotlock", HELD_DOTLOCK, take_dotlock, release_dotlock, tell_dotlock},
        {"dotlock_try", HELD_DOTLOCK, take_dotlock_if_possible, release_dotlock, tell_dotlock},
        {"fcntl", HELD_FCNTL, take_fcntl, release_fcntl, tell_fcntl},
        {"lockf", HELD_FCNTL, take_fcntl, release_fcntl, tell_fcntl},
        {"flock", HELD_FLOCK, take_flock, release_flock, tell_flock},
};

/* What to take, each once, in order. */
struct plan {
        const struct kind *kinds[ARRAY_LEN(kinds)];
        size_t n;
};

static void plan_add(struct plan *p, const struct settings_list *names)
{
        unsigned have = 0;
        for (size_t i = 0; i < p->n; i++)
                have |= p->kinds[i]->held;
        for (size_t i = 0; i < names->count; i++)
                for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
                        if (strcmp(names->items[i], kinds[k].name) != 0 || (have & kinds[k].held))
                                continue;
                        have |= kinds[k].held;
                        p->kinds[p->n++] = &kinds[k];
                }
}

/* In reverse. */
static void give_back(struct mbox_lock *l, const struct plan *p)
{
        for (size_t i = p->n; i > 0; i--)
                if (l->held & p->kinds[i - 1]->held)
                        p->kinds[i - 1]->release(l);
        l->held = 0;
}

/* Once; all or none. *ret_kind is what somebody else has, behind -EAGAIN. */
static int take_all(struct mbox_lock *l, const struct plan *p, const struct kind **ret_kind)
{
        int r = 0;
        for (size_t i = 0; r == 0 && i < p->n; i++) {
                r = p->kinds[i]->take(l);
                if (r == 0)
                        l->held |= p->kinds[i]->held;
                else if (r == -EAGAIN)
                        *ret_kind = p->kinds[i];
        }
        if (r == 0 && !is_at_path(l, &l->st))
                r = -ESTALE;
        if (r < 0)
                give_back(l, p);
        return r;
}

static struct plan plan_of(const struct mbox_lock *l)
{
        struct plan p = {.n = 0};
        if (l->write)
                plan_add(&p, &l->settings->mbox_write_locks);
        plan_add(&p, &l->settings->mbox_read_locks);
        return p;
}

static int open_dir(struct mbox_lock *l, const char *path)
{
        size_t slash = slice_rfind(slice_of(path), '/');
        bool has = path[slash] != '\0';
        _cleanup_(free_p) char *dir = !has ? xasprintf(".") : xasprintf("%.*s", (int)MAX(slash, 1u), path);
        l->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (l->dir < 0)
                return -errno;
        l->name = xasprintf("%s", has ? path + slash + 1 : path);
        return 0;
}

static bool has_dotlock(const struct plan *p)
{
        for (size_t i = 0; i < p->n; i++)
                if (p->kinds[i]->held == HELD_DOTLOCK)
                        return true;
        return false;
}

/* The directory is opened only where something is made in it: readers lock for each message. */
static int find_place(struct mbox_lock *l, const struct plan *p, const char *path)
{
        if (has_dotlock(p))
                return open_dir(l, path);
        l->dir = AT_FDCWD;
        l->name = xasprintf("%s", path);
        return 0;
}

static int wait_for_all(struct mbox_lock *l, const struct plan *p)
{
        deadline_t deadline = deadline_in_ms(l->settings->mbox_lock_timeout);
        for (int wait_ms = WAIT_FIRST_MS;; wait_ms = MIN(wait_ms * 2, WAIT_MOST_MS)) {
                const struct kind *busy = NULL;
                int r = take_all(l, p, &busy);
                if (r != -EAGAIN || !busy)
                        return r;
                int left = deadline_left(deadline);
                if (left == 0) {
                        busy->tell(l);
                        return -ETIMEDOUT;
                }
                lock_waiter_tell(&l->waiter);
                poll(NULL, 0, MIN(wait_ms, left));
        }
}

int mbox_lock_take(struct mbox_lock *l, int fd, const char *path, bool write, const struct settings *settings)
{
        *l = (struct mbox_lock){.fd = fd,
                                .dir = -1,
                                .dotlock = DOTLOCK_NONE,
                                .write = write,
                                .settings = settings,
                                .waiter = l->waiter};
        const struct plan p = plan_of(l);
        int r = find_place(l, &p, path);
        if (r == 0)
                r = wait_for_all(l, &p);
        if (r < 0)
                mbox_lock_release(l);
        else
                l->keep = deadline_in_ms(MBOX_LOCK_KEEP_MS);
        return r;
}

/* The group is not needed for it: the file is the user's. */
void mbox_lock_keep(struct mbox_lock *l)
{
        if (l->dotlock.fd < 0 || deadline_left(l->keep) != 0)
                return;
        (void)dotlock_touch(&l->dotlock);
        l->keep = deadline_in_ms(MBOX_LOCK_KEEP_MS);
}

void mbox_lock_release(struct mbox_lock *l)
{
        if (l->held) {
                const struct plan p = plan_of(l);
                give_back(l, &p);
        }
        fd_close_p(&l->dir);
        free(l->name);
        l->name = NULL;
        l->fd = -1;
}

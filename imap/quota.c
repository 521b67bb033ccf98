/* GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208; RFC 2087 is the same without what is named there). */

#include <errno.h>
#include <string.h>

#include "imap/capability.h"
#include "imap/check.h"
#include "imap/quote.h"
#include "imap/reply.h"

/* The unit of STORAGE (RFC 9208 section 5.1). */
enum { QUOTA_UNIT = 1024 };

static void write_astring(struct imap_session *s, const char *text)
{
        _cleanup_(buf_free) struct buf b = {};

        quote_astring(&b, slice_of(text));
        conn_write(&s->conn, buf_slice(&b));
}

static unsigned long long in_units(uint64_t bytes)
{
        return bytes / QUOTA_UNIT + (bytes % QUOTA_UNIT != 0);
}

/* "* QUOTA "User quota" (STORAGE 10 512 MESSAGE 3 1000)": what is not limited is not there. */
static int write_quota(struct imap_session *s, const char *root)
{
        struct store_quota q;
        int r = store_quota(s->store, &q);

        if (r < 0)
                return r;
        conn_puts(&s->conn, "* QUOTA ");
        write_astring(s, root);
        conn_puts(&s->conn, " (");
        if (q.bytes_limit)
                conn_printf(&s->conn, "STORAGE %llu %llu", in_units(q.bytes), in_units(q.bytes_limit));
        if (q.messages_limit)
                conn_printf(&s->conn, "%sMESSAGE %llu %llu", q.bytes_limit ? " " : "",
                            (unsigned long long)q.messages, (unsigned long long)q.messages_limit);
        conn_puts(&s->conn, ")\r\n");
        return 0;
}

static void get_root(struct imap_session *s, const struct imap_command *c)
{
        const char *name = imap_mailbox_name(s, c->mailbox), *root;
        bool covered = store_quota_root(s->store, &root) && store_quota_covers(s->store, name);
        int r = 0;

        conn_puts(&s->conn, "* QUOTAROOT ");
        imap_write_mailbox(s, name);
        if (covered) {
                conn_puts(&s->conn, " ");
                write_astring(s, root);
        }
        conn_puts(&s->conn, "\r\n");
        if (covered)
                r = write_quota(s, root);
        if (r < 0)
                imap_fail(s, c, r, "GETQUOTAROOT");
        else
                imap_done(s, c, "Getquotaroot completed.");
}

static void get(struct imap_session *s, const struct imap_command *c, const char *root)
{
        int r = write_quota(s, root);

        if (r < 0)
                imap_fail(s, c, r, "GETQUOTA");
        else
                imap_done(s, c, "Getquota completed.");
}

/* Into the limits; what is not named has none any more. NULL, or why it cannot be. */
static const char *limits_of(const struct imap_command *c, struct store_quota *ret)
{
        for (size_t i = 0; i < c->quota.n; i++) {
                const struct imap_resource *resource = &c->quota.resources[i];

                /* for the files, and for Courier and Dovecot, 0 is no limit */
                if (resource->limit == 0)
                        return "[CANNOT] A limit of 0 can't be set.";
                if (slice_ieq(resource->name, SLICE("MESSAGE")))
                        ret->messages_limit = resource->limit;
                else if (!slice_ieq(resource->name, SLICE("STORAGE")))
                        return "[CANNOT] Only STORAGE and MESSAGE can be limited.";
                else if (resource->limit > (uint64_t)INT64_MAX / QUOTA_UNIT)
                        return "[CANNOT] The limit is too large.";
                else
                        ret->bytes_limit = resource->limit * QUOTA_UNIT;
        }
        return NULL;
}

static void set(struct imap_session *s, const struct imap_command *c, const char *root)
{
        struct store_quota limits = {};
        const char *problem;
        int r;

        if (!store_quota_settable(s->store)) {
                imap_no(s, c, "[NOPERM] Limits are set by the administrator.");
                return;
        }
        problem = limits_of(c, &limits);
        if (problem) {
                imap_no(s, c, "%s", problem);
                return;
        }
        r = store_quota_set(s->store, limits.bytes_limit, limits.messages_limit);
        if (r == 0)
                r = write_quota(s, root);
        if (r < 0)
                imap_fail(s, c, r, "SETQUOTA");
        else
                imap_done(s, c, "Setquota completed.");
}

void imap_exec_quota(struct imap_session *s, const struct imap_command *c)
{
        const char *root;

        if (!imap_has_quota(s->settings))
                imap_bad(s, c, "Error in IMAP command %s: Unknown command.", imap_command_type(c->id)->name);
        else if (c->id == IMAP_GETQUOTAROOT)
                get_root(s, c);
        else if (!store_quota_root(s->store, &root) || !slice_eq(c->quota.root, slice_of(root)))
                imap_no(s, c, "[NONEXISTENT] Quota root doesn't exist.");
        else if (c->id == IMAP_GETQUOTA)
                get(s, c, root);
        else
                set(s, c, root);
}

/* NOTIFY: annotations that others changed (RFC 5465 sections 5.6 and 5.7), by name alone as RFC 5464 section
 * 4.4.2 has it. */

#include <errno.h>

#include "base/hash.h"
#include "base/log.h"
#include "imap/notify_state.h"
#include "imap/quote.h"
#include "imap/reply.h"
#include "store/annotation.h"

/* What is remembered: of each annotation the hash of its value, its name and a NUL. */
enum { SEED = 0 };

static void remember(struct buf *to, const struct annotation *a)
{
        uint64_t hash = hash_bytes(a->value, SEED);
        buf_append(to, slice_make(&hash, sizeof(hash)));
        buf_append(to, a->name);
        buf_char(to, '\0');
}

/* The next one of those remembered. */
static bool next(struct slice *rest, uint64_t *ret_hash, struct slice *ret_name)
{
        if (rest->n <= sizeof(*ret_hash))
                return false;
        memcpy(ret_hash, rest->p, sizeof(*ret_hash));
        struct slice name = slice_from(*rest, sizeof(*ret_hash));
        *ret_name = slice_head(name, slice_find(name, '\0'));
        *rest = slice_from(name, ret_name->n + 1);
        return true;
}

static bool is_remembered(struct slice all, struct slice name, const uint64_t *hash)
{
        struct slice had_name;
        uint64_t had;
        while (next(&all, &had, &had_name))
                if (slice_eq(had_name, name) && (!hash || *hash == had))
                        return true;
        return false;
}

static void tell(struct imap_session *s, const char *mailbox, struct slice entry, bool *begun)
{
        _cleanup_(buf_free) struct buf b = {0};
        if (!*begun) {
                conn_puts(&s->conn, "* METADATA ");
                if (*mailbox)
                        imap_write_mailbox(s, mailbox);
                else
                        conn_puts(&s->conn, "\"\"");
        }
        *begun = true;
        buf_char(&b, ' ');
        quote_astring(&b, entry);
        conn_write(&s->conn, buf_slice(&b));
}

/* Those with another value, then those that are no more. */
static void tell_difference(struct imap_session *s, const char *mailbox, struct slice before,
                            struct slice now)
{
        struct slice rest = now, name;
        uint64_t hash;
        bool begun = false;
        while (next(&rest, &hash, &name))
                if (!is_remembered(before, name, &hash))
                        tell(s, mailbox, name, &begun);
        rest = before;
        while (next(&rest, &hash, &name))
                if (!is_remembered(now, name, NULL))
                        tell(s, mailbox, name, &begun);
        if (begun)
                conn_puts(&s->conn, "\r\n");
}

void notify_look_metadata(struct imap_session *s, const char *mailbox, struct notify_metadata *known,
                          bool silent)
{
        struct annotation *list;
        struct buf now = {0};
        size_t n;
        int r = store_annotations(s->store, mailbox, &s->arena, &list, &n);
        if (r < 0) {
                if (r != -ENOENT)
                        log_error("NOTIFY: annotations of \"%s\": %s", mailbox, store_error(s->store));
                return;
        }
        for (size_t i = 0; i < n; i++)
                remember(&now, &list[i]);
        if (known->set && !silent)
                tell_difference(s, mailbox, buf_slice(&known->text), buf_slice(&now));
        buf_free(&known->text);
        known->text = now;
        known->set = true;
}

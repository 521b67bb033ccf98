#include "pop3/uidl.h"

#include <errno.h>
#include <stdio.h>

#include "conf/expand.h"
#include "pop3/header_md5.h"

enum {
        TAIL = 1 +
               16 /* "." and what no other message of the maildrop has: UID and UIDVALIDITY in hexadecimal */
};

/* The head of an id with a tail that makes it the only one of its kind. */
static const char *with_tail(const struct uidl_source *s, const char *id, struct arena *arena)
{
        return arena_printf(arena, "%.*s.%08x%08x", UIDL_MAX - TAIL, id, s->uid, s->uidvalidity);
}

/* Within RFC 1939's characters and length. */
static const char *fit(const struct uidl_source *s, const char *id, struct arena *arena)
{
        struct slice whole = slice_of(id);
        bool fits = whole.n >= 1 && whole.n <= UIDL_MAX;
        for (size_t i = 0; i < whole.n && fits; i++)
                fits = whole.p[i] >= 0x21 && whole.p[i] <= 0x7e;
        if (fits)
                return id;
        char *out = arena_str(arena, whole);
        for (size_t i = 0; i < whole.n; i++)
                if (out[i] < 0x21 || out[i] > 0x7e)
                        out[i] = '_';
        return with_tail(s, out, arena);
}

/* A format with what only conf_expand() knows. */
static int by_expansion(const struct uidl_source *s, const char *format, struct arena *arena,
                        const char **ret, const char **ret_why)
{
        char uid[16], uidvalidity[16];
        snprintf(uid, sizeof(uid), "%u", s->uid);
        snprintf(uidvalidity, sizeof(uidvalidity), "%u", s->uidvalidity);
        const struct conf_variable variables[] = {
                {'u', "uid", uid, false},          {'v', "uidvalidity", uidvalidity, false},
                {'f', "filename", s->file, false}, {'g', "guid", s->guid, false},
                {'m', "md5", s->md5, false}, /* NULL: refused, as it is in Dovecot */
        };
        char *out;
        int r = conf_expand(arena, format, variables, ARRAY_LEN(variables), &out, ret_why);
        if (r == 0)
                *ret = out;
        return r;
}

static const char *by_parts(const struct uidl_source *s, const struct uidl_format *f, struct arena *arena)
{
        char *out = arena_alloc(arena, uidl_format_room(f, s) + 1);
        *uidl_format_write(f, s, out) = '\0';
        return out;
}

int uidl_make(const struct uidl_source *source, const struct uidl_format *format, struct arena *arena,
              const char **ret, const char **ret_why)
{
        const char *id = source->stored;
        bool odd = format->odd || (format->md5 && !source->md5);
        int r = 0;
        if (id && !*id)
                id = arena_str(arena, slice_of(source->file));
        else if (!id && !odd)
                id = by_parts(source, format, arena);
        else if (!id)
                r = by_expansion(source, format->text, arena, &id, ret_why);
        if (r < 0)
                return r;
        *ret = fit(source, id, arena);
        return 0;
}

struct slice uidl_of_header(struct slice message)
{
        struct slice rest = message, line;
        while (slice_split(&rest, '\n', &line)) {
                struct slice field = slice_trim(line);
                if (field.n == 0)
                        break; /* the end of the header */
                if (slice_istarts(line, SLICE("X-UIDL:")))
                        return slice_trim(slice_from(field, strlen("X-UIDL:")));
        }
        return SLICE_NULL;
}

static int reuse_header(struct uidl_names *n, struct mailbox *m, uint32_t seq, const char **ret)
{
        _cleanup_(message_text_release) struct message_text text = {0};
        int r = mailbox_read(m, seq, &text);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        struct slice id = uidl_of_header(text.raw);
        if (id.n)
                *ret = arena_str(n->arena, id);
        return 0;
}

/* Of a message in an mbox; "" when it is gone. */
static int find_md5(struct uidl_names *n, struct mailbox *m, uint32_t seq, const char **ret)
{
        struct mailbox_item item = {.kind = HEADER_MD5_KIND + n->md5_fields};
        if (mailbox_cached(m, seq, item.kind, &item.data) && item.data.n == HEADER_MD5_LEN) {
                *ret = arena_str(n->arena, item.data);
                return 0;
        }
        _cleanup_(message_text_release) struct message_text text = {0};
        int r = mailbox_read_head(m, seq, &text);
        if (r < 0) {
                *ret = "";
                return r == -ENOENT ? 0 : r;
        }
        char sum[HEADER_MD5_LEN];
        r = header_md5(text.raw, n->md5_fields, sum);
        if (r < 0)
                return r;
        item.data = slice_make(sum, sizeof(sum));
        mailbox_cache(m, seq, &item, 1);
        *ret = arena_str(n->arena, item.data);
        return 0;
}

bool uidl_is_stored(struct mailbox *m, uint32_t seq)
{
        return mailbox_pop3_uidl(m, seq).p;
}

int uidl_of_message(struct uidl_names *n, struct mailbox *m, uint32_t seq, const char **ret,
                    const char **ret_why)
{
        struct uidl_source source = {
                .uid = mailbox_message(m, seq).uid,
                .uidvalidity = mailbox_uidvalidity(m),
                .file = mailbox_base_name(m, seq),
        };
        struct slice stored = mailbox_pop3_uidl(m, seq);
        if (stored.p) /* an empty one counts */
                source.stored = arena_str(n->arena, stored);
        int r = 0;
        if (!source.stored && n->reuse_header)
                r = reuse_header(n, m, seq, &source.stored);
        source.guid = source.file;
        if (r == 0 && !source.stored && (n->format->guid || n->format->md5) && mailbox_is_mbox(m)) {
                r = find_md5(n, m, seq, &source.md5);
                source.guid = source.md5;
        }
        const char *id;
        if (r == 0)
                r = uidl_make(&source, n->format, n->arena, &id, ret_why);
        if (r < 0)
                return r;
        if (map_get(&n->taken, slice_of(id)))
                id = with_tail(&source, id, n->arena);
        map_put(&n->taken, slice_of(id), m);
        *ret = id;
        return 0;
}

void uidl_names_free(struct uidl_names *n)
{
        map_free(&n->taken);
}

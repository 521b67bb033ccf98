#include "pop3/header_md5.h"

#include <errno.h>
#include <gnutls/crypto.h>

#include "mime/header.h"

static bool is_among(const char *const *names, struct slice name)
{
        for (; *names; names++)
                if (slice_ieq(name, slice_of(*names)))
                        return true;
        return false;
}

/* Fields that change while the message stays the same. */
static bool is_servers(struct slice name)
{
        static const char *const names[] = {"Content-Length", "Status", "X-IMAP",   "X-IMAPbase",
                                            "X-Keywords",     "X-UID",  "X-Status", NULL};
        return is_among(names, name);
}

static bool is_wanted(struct slice name, enum settings_mbox_md5 fields, bool *seen_received)
{
        /* the first Received says what these do, and can be trusted more */
        static const char *const until_received[] = {"Date", "Message-ID", "Received", NULL};
        static const char *const always[] = {"Delivered-To", "X-Delivery-ID", NULL};
        if (fields == SETTINGS_MBOX_MD5_ALL)
                return !is_servers(name);
        bool wanted = is_among(always, name) || (!*seen_received && is_among(until_received, name));
        *seen_received |= slice_ieq(name, SLICE("Received"));
        return wanted;
}

/* Line by line, without their ends. */
static int add_lines(gnutls_hash_hd_t h, struct slice text)
{
        int r = 0;
        while (r == 0 && text.n) {
                size_t end = slice_find(text, '\n'), n = end;
                if (end < text.n && n && text.p[n - 1] == '\r')
                        n--;
                r = n ? gnutls_hash(h, text.p, n) : 0;
                text = slice_from(text, end + 1);
        }
        return r;
}

static int add_field(gnutls_hash_hd_t h, const struct header_field *field)
{
        struct slice value = field->name.n ? field->value : field->raw;
        if (field->name.n && value.n && (value.p[0] == ' ' || value.p[0] == '\t'))
                value = slice_from(value, 1);
        return add_lines(h, value);
}

int header_md5(struct slice message, enum settings_mbox_md5 fields, char ret[HEADER_MD5_LEN])
{
        static const char digits[] = "0123456789abcdef";
        unsigned char sum[HEADER_MD5_LEN / 2];
        gnutls_hash_hd_t h;
        if (gnutls_hash_init(&h, GNUTLS_DIG_MD5) < 0)
                return -ENOSYS;
        struct header_iter it = header_iter(message);
        struct header_field field;
        bool seen_received = false;
        int r = 0;
        it.everything = true;
        while (r == 0 && header_next(&it, &field))
                if (is_wanted(field.name, fields, &seen_received))
                        r = add_field(h, &field);
        gnutls_hash_deinit(h, sum);
        if (r < 0)
                return -ENOSYS;
        for (size_t i = 0; i < HEADER_MD5_LEN; i++)
                ret[i] = digits[i % 2 ? sum[i / 2] & 0xf : sum[i / 2] >> 4];
        return 0;
}

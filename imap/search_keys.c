#include "imap/search_keys.h"

#include <errno.h>

#include "imap/search_text.h"
#include "mime/encoded_word.h"

enum { ENTRY_HEAD = 1 + sizeof(uint32_t) };

int search_key_of(struct slice name)
{
        static const struct slice names[SEARCH_KEYS] = {
                [SEARCH_KEY_FROM] = SLICE("From"),       [SEARCH_KEY_TO] = SLICE("To"),
                [SEARCH_KEY_CC] = SLICE("Cc"),           [SEARCH_KEY_BCC] = SLICE("Bcc"),
                [SEARCH_KEY_SUBJECT] = SLICE("Subject"),
        };

        for (int i = 0; i < SEARCH_KEYS; i++)
                if (names[i].n == name.n && slice_ieq(name, names[i]))
                        return i;
        return -1;
}

static int write_entry(struct arena *a, int key, struct slice value, struct buf *to)
{
        size_t start = to->n;
        uint32_t size = 0;
        int r = buf_char(to, (char)key);

        if (r == 0)
                r = buf_append(to, slice_make(&size, sizeof(size)));
        if (r == 0)
                r = search_text_fold(encoded_word_decode(a, value), to);
        if (r < 0)
                return r;
        /* HEADER_MAX_BYTES and the longest decomposition keep it far from 4 GB */
        size = (uint32_t)(to->n - start - ENTRY_HEAD);
        memcpy(to->p + start + 1, &size, sizeof(size));
        return 0;
}

int search_keys_write(struct header_iter header, struct buf *to)
{
        _cleanup_(arena_free) struct arena a = {};
        struct header_field field;
        size_t start = to->n;
        int r = buf_char(to, 0);

        while (r == 0 && header_next(&header, &field)) {
                int key = search_key_of(field.name);

                if (key < 0)
                        continue;
                to->p[start] = (char)(to->p[start] | 1 << key);
                r = write_entry(&a, key, field.value, to);
        }
        return r;
}

int search_keys_next(struct slice item, enum search_key key, size_t *at, struct slice *ret)
{
        if (item.n == 0)
                return -EBADMSG;
        if (!(item.p[0] >> key & 1))
                return 0;
        if (*at == 0)
                *at = 1;
        while (*at < item.n) {
                uint32_t size;
                unsigned found = (unsigned char)item.p[*at];

                if (item.n - *at < ENTRY_HEAD)
                        return -EBADMSG;
                memcpy(&size, item.p + *at + 1, sizeof(size));
                *at += ENTRY_HEAD;
                if (size > item.n - *at)
                        return -EBADMSG;
                *at += size;
                if (found == (unsigned)key) {
                        *ret = slice_make(item.p + *at - size, size);
                        return 1;
                }
        }
        return 0;
}

int search_keys_match(struct slice item, enum search_key key, struct slice text)
{
        struct slice value;
        size_t at = 0;
        int r;

        while ((r = search_keys_next(item, key, &at, &value)) == 1)
                if (text.n == 0 || slice_find_slice(value, text) < value.n)
                        return 1;
        return r;
}

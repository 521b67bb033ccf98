#include "store/name.h"

#include <errno.h>

#include "base/utf7.h"
#include "base/utf8.h"
#include "mime/charset.h"

#define ESCAPED_BYTES "./\\~"

static int hex(char c)
{
        if (ascii_isdigit(c))
                return c - '0';
        c = ascii_lower(c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool level_ok(struct slice level, char separator)
{
        for (size_t i = 0; i < level.n; i++) {
                unsigned char c = (unsigned char)level.p[i];
                if (c < ' ' || c == 0x7f || c == (unsigned char)separator)
                        return false;
        }
        return level.n > 0 && utf8_valid(level);
}

static int level_to_disk(struct slice level, bool first, struct buf *to)
{
        _cleanup_(buf_free) struct buf escaped = BUF_BOUNDED(4 * NAME_MAX_BYTES);
        for (size_t i = 0; i < level.n; i++) {
                char c = level.p[i];
                if (c == '.' || c == '/' || c == '\\' || (c == '~' && first && i == 0))
                        buf_printf(&escaped, "\\%02x", (unsigned char)c);
                else
                        buf_char(&escaped, c);
        }
        return escaped.error ? -ENAMETOOLONG : utf7_from_utf8(to, buf_slice(&escaped));
}

int name_to_disk(char separator, struct slice name, struct buf *to)
{
        size_t start = to->n;
        for (bool first = true;; first = false) {
                size_t end = slice_find(name, separator);
                struct slice level = slice_head(name, end);
                if (!level_ok(level, separator))
                        return -EINVAL;
                int r = level_to_disk(level, first, to);
                if (r < 0)
                        return r;
                if (end == name.n)
                        break;
                buf_char(to, '.');
                name = slice_from(name, end + 1);
        }
        return to->error || to->n - start > NAME_MAX_BYTES ? -ENAMETOOLONG : 0;
}

/* What only looks like an escape, or stands for the separator, is text. */
static void unescape(struct slice text, char separator, struct buf *to)
{
        for (size_t i = 0; i < text.n; i++) {
                char c = text.p[i];
                if (c == '\\' && text.n - i > 2 && hex(text.p[i + 1]) >= 0 && hex(text.p[i + 2]) >= 0) {
                        char meant = (char)(hex(text.p[i + 1]) << 4 | hex(text.p[i + 2]));
                        if (meant && strchr(ESCAPED_BYTES, meant) && meant != separator) {
                                c = meant;
                                i += 2;
                        }
                }
                buf_char(to, c);
        }
}

/* Not mUTF-7, but not a broken one either: raw UTF-8, where '&' means nothing. */
static bool is_raw(struct slice level)
{
        bool ascii = true;
        for (size_t i = 0; i < level.n; i++)
                ascii &= (unsigned char)level.p[i] < 0x80;
        if (!ascii)
                return true;
        for (struct slice rest = level; slice_find(rest, '&') < rest.n;) {
                rest = slice_from(rest, slice_find(rest, '&') + 1);
                size_t n = 0;
                while (n < rest.n && (ascii_isalpha(rest.p[n]) || ascii_isdigit(rest.p[n]) ||
                                      rest.p[n] == '+' || rest.p[n] == ','))
                        n++;
                if (n < rest.n && rest.p[n] == '-')
                        return false;
        }
        return true;
}

int name_from_disk(char separator, struct slice disk, struct buf *to)
{
        for (;;) {
                size_t end = slice_find(disk, '.'), from = to->n;
                struct slice raw = slice_head(disk, end);
                _cleanup_(buf_free) struct buf level = BUF_BOUNDED(4 * NAME_MAX_BYTES);
                if (utf7_to_utf8(&level, raw) < 0) {
                        if (level.error || !is_raw(raw))
                                return -EINVAL;
                        level.n = 0;
                        buf_append(&level, raw);
                }
                unescape(buf_slice(&level), separator, to);
                if (level.error || to->error || !level_ok(slice_from(buf_slice(to), from), separator))
                        return -EINVAL;
                if (end == disk.n)
                        return 0;
                buf_char(to, separator);
                disk = slice_from(disk, end + 1);
        }
}

bool name_may_be_new(struct slice name)
{
        while (name.n) {
                uint32_t c = 0;
                size_t n = utf8_decode(name, &c);
                if (n == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029)
                        return false;
                name = slice_from(name, n);
        }
        return true;
}

bool name_same(struct slice a, struct slice b)
{
        _cleanup_(buf_free) struct buf x = {0}, y = {0};
        return slice_eq(a, b) ||
               (charset_nfc(a, &x) == 0 && charset_nfc(b, &y) == 0 && slice_eq(buf_slice(&x), buf_slice(&y)));
}

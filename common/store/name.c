#include "store/name.h"

#include <errno.h>

#include "base/utf7.h"
#include "base/utf8.h"
#include "mime/charset.h"

/* What servers keep beside the folders when CONTROL= or INDEX= is the root of the folders. A folder may be
 * called "dovecot.org". */
static const char *const own_files[] = {"dovecot.index",       "dovecot.list.index", "dovecot.mailbox.log",
                                        "dovecot-uidvalidity", "dovecot-acl",        "mailsession.",
                                        "mailsession-"};

enum { NAME_BUFFER = 4 * NAME_MAX_PATH /* of the longest name in UTF-8 or escaped */ };

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

bool name_is_reserved(const struct name_form *form, struct slice level)
{
        bool reserved = level.n == 0 || level.p[0] == '.' ||
                        (level.n > 5 && slice_ends(level, SLICE(".lock"))) ||
                        (form->reserved && slice_eq(level, slice_of(form->reserved)));
        for (size_t i = 0; !reserved && i < ARRAY_LEN(own_files); i++)
                reserved = slice_starts(level, slice_of(own_files[i]));
        return reserved;
}

/* A byte that no level has on disk as it is. */
static bool is_escaped(const struct name_form *form, char c)
{
        return c == '/' || c == '\\' || (c == '.' && form->level == '.');
}

static int level_to_disk(const struct name_form *form, struct slice level, bool first, struct buf *to)
{
        _cleanup_(buf_free) struct buf escaped = BUF_BOUNDED(NAME_BUFFER);
        size_t start = to->n;
        for (size_t i = 0; i < level.n; i++) {
                char c = level.p[i];
                if (is_escaped(form, c) || (c == '~' && first && i == 0))
                        buf_printf(&escaped, "\\%02x", (unsigned char)c);
                else
                        buf_char(&escaped, c);
        }
        int r = escaped.error ? -ENAMETOOLONG : utf7_from_utf8(to, buf_slice(&escaped));
        if (r < 0 || form->level == '.')
                return r;
        if (name_is_reserved(form, slice_from(buf_slice(to), start)))
                return -EINVAL;
        return to->n - start > NAME_MAX_LEVEL ? -ENAMETOOLONG : 0;
}

int name_to_disk(const struct name_form *form, struct slice name, struct buf *to)
{
        size_t start = to->n, levels = 1;
        for (;; levels++) {
                size_t end = slice_find(name, form->separator);
                struct slice level = slice_head(name, end);
                if (!level_ok(level, form->separator))
                        return -EINVAL;
                int r = level_to_disk(form, level, levels == 1, to);
                if (r < 0)
                        return r;
                if (end == name.n)
                        break;
                buf_char(to, form->level);
                name = slice_from(name, end + 1);
        }
        bool is_path = form->level == '/';
        return to->error || to->n - start > (is_path ? NAME_MAX_PATH : NAME_MAX_BYTES) ||
                               (is_path && levels > NAME_MAX_LEVELS)
                       ? -ENAMETOOLONG
                       : 0;
}

/* What only looks like an escape, or stands for the separator, is text. So is a dot that is the separator. */
static void unescape(const struct name_form *form, struct slice text, struct buf *to)
{
        for (size_t i = 0; i < text.n; i++) {
                char c = text.p[i];
                if (c == '\\' && text.n - i > 2 && hex(text.p[i + 1]) >= 0 && hex(text.p[i + 2]) >= 0) {
                        char meant = (char)(hex(text.p[i + 1]) << 4 | hex(text.p[i + 2]));
                        if ((is_escaped(form, meant) || meant == '~') && meant != form->separator) {
                                c = meant;
                                i += 2;
                        }
                }
                if (c == '.' && form->separator == '.')
                        buf_str(to, "\\2e");
                else
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

static int level_from_disk(const struct name_form *form, struct slice raw, struct buf *to)
{
        _cleanup_(buf_free) struct buf level = BUF_BOUNDED(NAME_BUFFER);
        size_t from = to->n;
        if (form->level == '/' && name_is_reserved(form, raw))
                return -EINVAL;
        if (utf7_to_utf8(&level, raw) < 0) {
                if (level.error || !is_raw(raw))
                        return -EINVAL;
                level.n = 0;
                buf_append(&level, raw);
        }
        unescape(form, buf_slice(&level), to);
        return level.error || to->error || !level_ok(slice_from(buf_slice(to), from), form->separator)
                       ? -EINVAL
                       : 0;
}

int name_from_disk(const struct name_form *form, struct slice disk, struct buf *to)
{
        for (;;) {
                size_t end = slice_find(disk, form->level);
                int r = level_from_disk(form, slice_head(disk, end), to);
                if (r < 0 || end == disk.n)
                        return r;
                buf_char(to, form->separator);
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

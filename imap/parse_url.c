#include "imap/parse_url.h"

#include <errno.h>

#include "base/number.h"
#include "base/utf8.h"
#include "imap/parse.h"

static int hex(char c)
{
        if (ascii_isdigit(c))
                return c - '0';
        c = ascii_lower(c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* bchar: what may stand in a mailbox or a section unescaped. */
static bool is_plain(char c)
{
        return ascii_isalpha(c) || ascii_isdigit(c) || (c && strchr("-._~!$'()*+,&=:@/", c));
}

/* Undoes %XX. No control character is of any use: -EINVAL. */
static int decode(struct arena *arena, struct slice in, struct slice *ret)
{
        char *to = arena_alloc(arena, in.n + 1);
        size_t n = 0;
        for (size_t i = 0; i < in.n; i++) {
                char c = in.p[i];
                if (c == '%' && in.n - i > 2 && hex(in.p[i + 1]) >= 0 && hex(in.p[i + 2]) >= 0) {
                        c = (char)(hex(in.p[i + 1]) << 4 | hex(in.p[i + 2]));
                        i += 2;
                } else if (!is_plain(c)) {
                        return -EINVAL;
                }
                if ((unsigned char)c < ' ' || c == 0x7f)
                        return -EINVAL;
                to[n++] = c;
        }
        *ret = slice_make(to, n);
        return 0;
}

/* ";NAME=" at the front: false when it is not there, and nothing is taken. */
static bool take_name(struct slice *rest, struct slice name)
{
        if (!slice_istarts(*rest, name))
                return false;
        *rest = slice_from(*rest, name.n);
        return true;
}

static int nz_number(struct slice s, uint32_t *ret)
{
        uint32_t n;
        if (slice_to_u32(s, &n) < 0 || n == 0)
                return -EINVAL;
        *ret = n;
        return 0;
}

/* What stands before the next "/;", which is taken with it. */
static struct slice take_segment(struct slice *rest)
{
        size_t n = slice_find_slice(*rest, SLICE("/;"));
        struct slice s = slice_head(*rest, n);
        *rest = slice_from(*rest, n + 1);
        return s;
}

static int parse_mailbox_ref(struct arena *arena, struct slice s, struct imap_url *url)
{
        size_t n = slice_find(s, ';');
        struct slice parameter = slice_from(s, n);
        if (parameter.n &&
            (!take_name(&parameter, SLICE(";UIDVALIDITY=")) || nz_number(parameter, &url->uidvalidity) < 0))
                return -EINVAL;
        int r = decode(arena, slice_head(s, n), &url->mailbox);
        if (r < 0 || url->mailbox.n == 0 || !utf8_valid(url->mailbox))
                return -EINVAL;
        if (slice_ieq(url->mailbox, SLICE("INBOX")))
                url->mailbox = SLICE("INBOX");
        return 0;
}

static int parse_section_of(struct arena *arena, struct slice s, struct imap_section *section)
{
        struct lexer l = {.arena = arena};
        if (decode(arena, s, &l.rest) < 0 || l.rest.n == 0)
                return -EINVAL;
        int r = parse_section_spec(&l, section);
        return r < 0 || l.rest.n ? -EINVAL : 0;
}

static int parse_range(struct slice s, struct imap_section *section)
{
        size_t dot = slice_find(s, '.');
        section->partial = true;
        section->count = UINT32_MAX;
        if (slice_to_u32(slice_head(s, dot), &section->offset) < 0)
                return -EINVAL;
        return dot < s.n ? nz_number(slice_from(s, dot + 1), &section->count) : 0;
}

int imap_url_parse(struct arena *arena, struct slice text, struct imap_url *ret)
{
        struct imap_url url = {.section = {.peek = true}};
        struct slice rest = text;
        if (!take_name(&rest, SLICE("/")) || slice_starts(rest, SLICE("/")))
                return -EINVAL; /* another server's, or relative to a folder: RFC 5092 section 7.2 forbids it
                                 */
        int r = parse_mailbox_ref(arena, take_segment(&rest), &url);
        struct slice s = take_segment(&rest);
        if (r < 0 || !take_name(&s, SLICE(";UID=")) || nz_number(s, &url.uid) < 0)
                return -EINVAL;
        s = take_segment(&rest);
        if (take_name(&s, SLICE(";SECTION="))) {
                r = parse_section_of(arena, s, &url.section);
                s = take_segment(&rest);
        }
        if (r == 0 && take_name(&s, SLICE(";PARTIAL="))) {
                r = parse_range(s, &url.section);
                s = take_segment(&rest);
        }
        if (r < 0 || s.n || rest.n)
                return -EINVAL;
        *ret = url;
        return 0;
}

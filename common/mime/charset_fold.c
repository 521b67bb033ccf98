#include "mime/charset.h"

#include <errno.h>
#include <stdlib.h>

#include "base/block.h"
#include "base/utf8.h"

#ifdef HAVE_UNISTRING
#include <unicase.h>
#include <uninorm.h>

static int append_nfc(struct slice utf8, struct buf *to)
{
        size_t n = 0;
        uint8_t *made = u8_normalize(UNINORM_NFC, (const uint8_t *)utf8.p, utf8.n, NULL, &n);
        if (!made)
                return -EINVAL;
        int r = buf_append(to, slice_make(made, n));
        free(made);
        return r;
}

/* Full decomposition, compatibility mappings included: RFC 5051 step 2(b). Unicode's chains are short. */
static int append_decomposed(struct buf *to, ucs4_t c, unsigned depth)
{
        ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
        int tag;
        int n = depth < 8 ? uc_decomposition(c, &tag, parts) : -1;
        if (n <= 0)
                return utf8_encode(to, c);
        for (int i = 0; i < n; i++) {
                int r = append_decomposed(to, parts[i], depth + 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int append_folded(struct buf *to, uint32_t c)
{
        return append_decomposed(to, uc_totitle(c), 0);
}
#else
/* Built without libunistring: letters beyond ASCII match in the case they are written in. */
static int append_folded(struct buf *to, uint32_t c)
{
        return utf8_encode(to, c);
}

static int append_nfc(struct slice utf8, struct buf *to)
{
        return buf_append(to, utf8);
}
#endif

/* Folds the ASCII at the start, and says how much that is. Mail is mostly that, and SEARCH reads all of it.
 */
static size_t fold_ascii(struct slice s, char *to)
{
        size_t n = 0;
        for (; s.n - n >= BLOCK; n += BLOCK) {
                block_t b;
                uint64_t half[2];
                memcpy(&b, s.p + n, BLOCK);
                memcpy(half, s.p + n, BLOCK);
                if ((half[0] | half[1]) & UINT64_C(0x8080808080808080))
                        break;
                b -= (block_t)((b >= 'a') & (b <= 'z')) & ('a' - 'A');
                memcpy(to + n, &b, BLOCK);
        }
        for (; n < s.n && (unsigned char)s.p[n] < 0x80; n++)
                to[n] = ascii_upper(s.p[n]);
        return n;
}

int charset_fold(struct slice utf8, struct buf *to)
{
        while (utf8.n) {
                char *p = buf_reserve(to, utf8.n);
                if (!p)
                        return to->error;
                size_t n = fold_ascii(utf8, p);
                to->n += n;
                utf8 = slice_from(utf8, n);
                while (utf8.n && (unsigned char)utf8.p[0] >= 0x80) {
                        uint32_t cp;
                        size_t len = utf8_decode(utf8, &cp);
                        int r = len ? append_folded(to, cp) : utf8_encode(to, 0xfffd);
                        if (r < 0)
                                return r;
                        utf8 = slice_from(utf8, len ? len : 1);
                }
        }
        return 0;
}

int charset_nfc(struct slice utf8, struct buf *to)
{
        size_t ascii = 0;
        while (ascii < utf8.n && (unsigned char)utf8.p[ascii] < 0x80)
                ascii++;
        if (ascii == utf8.n)
                return buf_append(to, utf8);
        return utf8_valid(utf8) ? append_nfc(utf8, to) : -EINVAL;
}

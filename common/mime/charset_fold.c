#include "mime/charset.h"

#include "base/utf8.h"

#ifdef HAVE_UNISTRING
#include <unicase.h>
#include <uninorm.h>

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
#endif

int charset_fold(struct slice utf8, struct buf *to)
{
        while (utf8.n) {
                size_t n = 0;
                while (n < utf8.n && (unsigned char)utf8.p[n] < 0x80)
                        n++;
                char *p = buf_reserve(to, n);
                if (!p)
                        return to->error;
                for (size_t i = 0; i < n; i++)
                        p[i] = ascii_upper(utf8.p[i]);
                to->n += n;
                utf8 = slice_from(utf8, n);
                if (utf8.n == 0)
                        break;
                uint32_t cp;
                size_t len = utf8_decode(utf8, &cp);
                int r = len ? append_folded(to, cp) : utf8_encode(to, 0xfffd);
                if (r < 0)
                        return r;
                utf8 = slice_from(utf8, len ? len : 1);
        }
        return 0;
}

/* The text of HTML: what comes out is valid UTF-8, no longer than what a reference can make of what went in,
 * has no blanks in a row, and does not depend on how the document is cut. */

#include <stdlib.h>

#include "base/utf8.h"
#include "mime/charset.h"
#include "mime/html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
        if (!ok)
                abort();
}

/* Cut into characters. */
static void convert_slowly(struct slice utf8, struct buf *to)
{
        struct html_text h = {0};
        uint32_t c;

        while (utf8.n) {
                size_t n = utf8_decode(utf8, &c);

                must(n > 0 && html_text_convert(&h, slice_head(utf8, n), to) == 0);
                utf8 = slice_from(utf8, n);
        }
        must(html_text_finish(&h, to) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(buf_free) struct buf utf8 = {0}, whole = {0}, cut = {0};
        struct html_text h = {0};

        must(charset_to_utf8(SLICE("utf-8"), slice_make(data, size), &utf8) == 0);
        must(html_text_convert(&h, buf_slice(&utf8), &whole) == 0);
        must(html_text_finish(&h, &whole) == 0);
        convert_slowly(buf_slice(&utf8), &cut);
        must(slice_eq(buf_slice(&whole), buf_slice(&cut)));
        must(utf8_valid(buf_slice(&whole)));
        must(whole.n <= utf8.n);
        must(slice_find_slice(buf_slice(&whole), SLICE("  ")) == whole.n);
        return 0;
}

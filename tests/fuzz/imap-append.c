/* What follows the mailbox of APPEND and REPLACE: any stretches give items in an order that an executor can
 * follow, or an error; and any URL that is taken names a message. Stretches are NUL-terminated. */

#include <stdlib.h>

#include "imap/parse_append.h"
#include "imap/parse_url.h"

static void check(bool ok)
{
        if (!ok)
                abort();
}

static void check_url(struct arena *arena, struct slice text)
{
        struct imap_url url;
        if (imap_url_parse(arena, text, &url) < 0)
                return;
        check(url.mailbox.n > 0 && url.uid > 0 && slice_find(url.mailbox, '\0') == url.mailbox.n);
        check(!url.section.partial || url.section.count > 0);
        for (size_t i = 0; i < url.section.part_n; i++)
                check(url.section.part[i] > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(arena_free) struct arena arena = {0};
        struct slice rest = slice_make(data, size), stretch = SLICE("");
        slice_split(&rest, '\0', &stretch);
        struct append_parse p = {.arena = &arena, .rest = stretch, .one = size % 2};
        struct append_item item = {.kind = APPEND_WHOLE};
        check_url(&arena, stretch);
        for (bool inside = false, some = false; append_parse_next(&p, &item) == 0;) {
                bool begins = item.kind == APPEND_MESSAGE;
                if (item.kind == APPEND_END) {
                        check(!inside && some && p.rest.n == 0);
                        return 0;
                }
                check(begins != inside);
                check(item.kind != APPEND_WHOLE || some);
                some = item.kind == APPEND_LITERAL || item.kind == APPEND_URL || (some && !begins);
                inside = item.kind != APPEND_WHOLE;
                if (item.kind == APPEND_URL)
                        check_url(&arena, item.url);
                if (item.kind != APPEND_LITERAL)
                        continue;
                check(p.rest.n == 0 && (!item.utf8 || item.binary));
                check(imap_literal_is_message(stretch, true));
                arena_reset(&arena);
                stretch = SLICE("");
                slice_split(&rest, '\0', &stretch);
                p.rest = stretch;
        }
        check(p.error && p.error[0] && strlen(p.error) < 256);
        return 0;
}

/* dovecot-uidlist, dovecot-keywords' neighbours in a folder: the list's text, file names, subscriptions,
 * GUIDs of an mbox. Whatever is read must come out the same when it is written and read again. */

#include <assert.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/filename.h"
#include "store/mbox_guid.h"
#include "store/subscriptions.h"
#include "store/uidlist_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Which of two files was delivered first. */
static int delivery_cmp(struct slice a, struct slice b)
{
        struct filename_order x = filename_order_of(a), y = filename_order_of(b);
        return filename_order_cmp(&x, &y);
}

static void check_line(unsigned version, struct slice text)
{
        struct uidlist_line l, again;
        if (uidlist_line_parse(version, text, &l) < 0)
                return;
        assert(l.uid > 0 && l.base.n > 0 && slice_find(l.base, '/') == l.base.n);
        _cleanup_(buf_free) struct buf b = {0};
        uidlist_line_format(&b, &l);
        assert(uidlist_line_parse(3, slice_head(buf_slice(&b), b.n - 1), &again) == 0);
        assert(again.uid == l.uid && slice_eq(again.base, l.base) && slice_eq(again.fields, l.fields));
        struct slice value;
        (void)uidlist_field(l.fields, 'W', &value);
        (void)uidlist_field(l.fields, 'P', &value);
}

static void check_guid(struct slice text)
{
        struct mbox_guid_line l, again;
        if (mbox_guid_parse(text, &l) < 0)
                return;
        assert(l.uid > 0 && uidlist_guid_fits(l.guid));
        _cleanup_(buf_free) struct buf b = {0};
        buf_printf(&b, "%u %.*s %.*s", l.uid, SLICE_ARG(l.hash), SLICE_ARG(l.guid));
        assert(mbox_guid_parse(buf_slice(&b), &again) == 0);
        assert(again.uid == l.uid && slice_eq(again.hash, l.hash) && slice_eq(again.guid, l.guid));
}

static void check_name(struct slice name)
{
        struct slice base, info;
        uint8_t flags, flags_again;
        uint32_t letters, letters_again;
        uint64_t n;
        _cleanup_(buf_free) struct buf b = {0};
        (void)filename_usable(name);
        filename_split(name, &base, &info);
        filename_info_parse(info, &flags, &letters);
        filename_info_format(&b, info, flags, letters);
        filename_info_parse(buf_slice(&b), &flags_again, &letters_again);
        assert(flags == flags_again && letters == letters_again);
        (void)filename_size(base, 'S', &n);
        (void)filename_size(base, 'W', &n);
        assert(delivery_cmp(name, name) == 0);
        struct slice half = slice_from(name, name.n / 2);
        int ab = delivery_cmp(name, half), ba = delivery_cmp(half, name);
        assert((ab < 0) == (ba > 0) && (ab == 0) == (ba == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct slice text = slice_make(data, size), rest = text, line;
        struct uidlist_header h = {.version = 3};
        if (slice_split(&rest, '\n', &line) && uidlist_header_parse(line, &h) == 0) {
                _cleanup_(buf_free) struct buf b = {0};
                uidlist_header_format(&b, h.uidvalidity, h.nextuid, "00112233445566778899aabbccddeeff",
                                      h.fields);
                struct uidlist_header again;
                assert(uidlist_header_parse(slice_head(buf_slice(&b), b.n - 1), &again) == 0);
                assert(again.uidvalidity == h.uidvalidity && again.nextuid == h.nextuid);
        }
        while (slice_split(&rest, '\n', &line)) {
                check_line(h.version, line);
                check_name(line);
                check_guid(line);
        }

        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(buf_free) struct buf on = {0}, off = {0};
        struct slice *names;
        size_t n;
        subscriptions_parse(text, '.', &a, &names, &n);
        subscriptions_edit(text, SLICE("a.b"), '.', true, &on);
        (void)!subscriptions_edit(text, SLICE("a.b"), '.', false, &off);
        /* subscribing once more changes nothing */
        buf_free(&off);
        assert(!subscriptions_edit(buf_slice(&on), SLICE("a.b"), '.', true, &off));
        return 0;
}

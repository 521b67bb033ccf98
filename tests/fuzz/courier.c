/* Courier's three texts, told apart by nothing: each parser gets the whole input. */

#include <assert.h>
#include <stdint.h>

#include "base/utf7.h"
#include "store/courier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_uids(struct slice text, struct arena *a)
{
        struct courier_uids u;
        if (courier_uids_parse(text, a, &u) < 0)
                return;
        uint32_t last = 0;
        assert(u.uidvalidity > 0 && u.nextuid > 0);
        for (size_t i = 0; i < u.n; i++) {
                assert(u.uids[i].uid > last && u.uids[i].uid < u.nextuid);
                assert(u.uids[i].base.n > 0 && slice_find(u.uids[i].base, '/') == u.uids[i].base.n);
                last = u.uids[i].uid;
        }
}

static void check_keywords(struct slice text, struct arena *a)
{
        struct courier_keywords *k;
        size_t n;
        courier_keywords_parse(text, a, &k, &n);
        for (size_t i = 0; i < n; i++) {
                assert(k[i].base.n > 0);
                for (size_t j = 0; j < k[i].n; j++)
                        assert(k[i].names[j].n > 0 && slice_find(k[i].names[j], '\n') == k[i].names[j].n);
        }
        struct slice base, line;
        uint64_t age;
        while (slice_split(&text, '\n', &line))
                if (courier_keywords_name(line, &base, &age) == 0)
                        assert(base.n > 0 && base.p[0] != '.' && slice_ends(line, base));
}

static void check_subscriptions(struct slice text, struct arena *a)
{
        struct slice *names;
        size_t n;
        courier_subscriptions_parse(text, a, &names, &n);
        for (size_t i = 0; i < n; i++) {
                struct buf utf8 = {0};
                assert(names[i].n > 0);
                assert(utf7_to_utf8(&utf8, names[i]) == 0);
                buf_free(&utf8);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct slice text = slice_make(data, size);
        check_uids(text, &a);
        check_keywords(text, &a);
        check_subscriptions(text, &a);
        return 0;
}

/* Quota rules, maildirsize, the file of annotations: each parser gets the whole input. */

#include <assert.h>
#include <stdint.h>

#include "store/annotation_text.h"
#include "store/maildirsize.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rules(struct slice text, struct arena *a)
{
        struct quota_root root = {0};
        struct quota_limits got;
        struct slice line;
        while (slice_split(&text, '\n', &line)) {
                const char *s = arena_str(a, line);
                struct quota_root other;
                (void)quota_root_parse(a, s, &other);
                (void)quota_rule_add(a, &root, s);
        }
        assert(root.rules_n <= QUOTA_RULES_MAX);
        if (quota_limits_for(&root, &root.limits, "INBOX", &got))
                assert(!got.bytes == !root.limits.bytes && !got.messages == !root.limits.messages);
}

static void check_maildirsize(struct slice text)
{
        _cleanup_(buf_free) struct buf out = {0};
        struct maildirsize m, again;
        if (maildirsize_parse(text, &m) < 0)
                return;
        assert(m.lines > 0);
        maildirsize_put(&out, &m);
        if (maildirsize_parse(buf_slice(&out), &again) == 0)
                assert(again.bytes == m.bytes && again.messages == m.messages &&
                       again.limits.bytes == m.limits.bytes && again.limits.messages == m.limits.messages);
}

static void check_annotations(struct slice text, struct arena *a)
{
        _cleanup_(buf_free) struct buf out = {0};
        struct annotation *list;
        size_t n;
        if (annotation_text_parse(text, a, &list, &n) < 0)
                return;
        assert(n <= ANNOTATIONS_MAX);
        for (size_t i = 0; i < n; i++)
                assert(annotation_find(list, n, list[i].name) == &list[i]);
        annotation_text_put(&out, list, n);
        assert(annotation_text_parse(buf_slice(&out), a, &list, &n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct slice text = slice_make(data, size);
        check_rules(text, &a);
        check_maildirsize(text);
        check_annotations(text, &a);
        return 0;
}

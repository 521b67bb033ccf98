/* Any bytes as a header, as what was kept of one, and as messages that refer to each other: SORT's keys can
 * be read back, and threads have every message once. */
#include <stdlib.h>

#include "base/utf8.h"
#include "imap/sort_keys.h"
#include "imap/thread_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool ok)
{
        if (!ok)
                abort();
}

static void check_keys(struct slice header)
{
        _cleanup_(buf_free) struct buf item = {};
        struct sort_keys keys;

        need(sort_keys_write(header_iter(header), &item) == 0);
        need(sort_keys_read(buf_slice(&item), &keys) == 0);
        for (size_t i = 0; i < SORT_TEXTS; i++)
                need(!memchr(keys.texts[i].p, '\0', keys.texts[i].n) &&
                     (keys.texts[i].n == SORT_TEXT_MAX || utf8_valid(keys.texts[i])));
        if (sort_keys_read(header, &keys) == 0 && sort_keys_references(&keys) > 0)
                sort_keys_reference(&keys, sort_keys_references(&keys) - 1);
}

struct count {
        size_t numbers;
        int depth;
};

static void put(void *context, struct slice text)
{
        struct count *c = context;

        for (size_t i = 0; i < text.n; i++) {
                c->depth += (text.p[i] == '(') - (text.p[i] == ')');
                c->numbers += ascii_isdigit(text.p[i]) && (i + 1 == text.n || !ascii_isdigit(text.p[i + 1]));
                need(c->depth > 0 || text.p[i] == ')');
        }
}

/* Four bytes a message: its id and two references, of 15 each, its subject and its date. */
static void check_threads(struct slice bytes, enum imap_thread algorithm)
{
        _cleanup_(thread_free) struct thread t = {};
        struct count count = {};
        uint32_t n, *roots;

        for (uint32_t number = 1; bytes.n >= 4; bytes = slice_from(bytes, 4)) {
                const unsigned char *b = (const unsigned char *)bytes.p;
                uint64_t refs[] = {b[0] >> 4, b[1] & 15};
                struct sort_keys keys = {.id = b[0] & 15,
                                         .references = slice_make(refs, b[1] >> 6 ? sizeof(refs) : 0)};
                struct thread_message m = {
                        .sent = b[2], .subject = b[3] & 3, .reply = b[3] >> 7, .number = number++};

                thread_add(&t, &m, algorithm == THREAD_ORDEREDSUBJECT ? NULL : &keys);
        }
        roots = thread_tree_make(&t, algorithm, &n);
        for (uint32_t i = 0; i < n; i++)
                thread_write(&t, roots[i], put, &count);
        free(roots);
        need(count.numbers == t.messages_n && count.depth == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct slice bytes = slice_make(data, size);

        check_keys(bytes);
        check_threads(bytes, THREAD_ORDEREDSUBJECT);
        check_threads(bytes, THREAD_REFERENCES);
        check_threads(bytes, THREAD_REFS);
        return 0;
}

/* The threads of THREAD (RFC 5256 section 3). Messages are written "id subject: references", one a line, in
 * the order of the mailbox; a line with a date in front, "@7", was sent then, else when its number says. */

#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "imap/thread_tree.h"

static void add_line(struct thread *t, enum imap_thread algorithm, uint32_t number, struct slice line)
{
        uint64_t refs[64];
        size_t n = 0;
        struct slice word, subject = SLICE("");
        struct thread_message m = {.number = number, .sent = number};
        struct sort_keys keys = {};

        if (slice_starts(line, SLICE("@"))) {
                m.sent = atoi(line.p + 1);
                line = slice_from(line, slice_find(line, ' ') + 1);
        }
        slice_split(&line, ' ', &word);
        keys.id = slice_eq(word, SLICE("-")) ? 0 : hash_bytes(word, 0);
        slice_split(&line, ':', &subject);
        m.reply = slice_starts(subject, SLICE("re "));
        if (m.reply)
                subject = slice_from(subject, 3);
        m.subject = subject.n ? hash_bytes(subject, 0) : 0;
        while (slice_split(&line, ' ', &word))
                if (word.n)
                        refs[n++] = hash_bytes(word, 0);
        keys.references = slice_make(refs, n * sizeof(*refs));
        thread_add(t, &m, algorithm == THREAD_ORDEREDSUBJECT ? NULL : &keys);
}

static void put(void *context, struct slice text)
{
        buf_append(context, text);
}

static void assert_threads(enum imap_thread algorithm, const char *messages, const char *want)
{
        _cleanup_(thread_free) struct thread t = {};
        _cleanup_(buf_free) struct buf got = {};
        struct slice rest = slice_of(messages), line;
        uint32_t number = 0, n, *roots;

        while (slice_split(&rest, '\n', &line))
                add_line(&t, algorithm, ++number, line);
        roots = thread_tree_make(&t, algorithm, &n);
        for (uint32_t i = 0; i < n; i++)
                thread_write(&t, roots[i], put, &got);
        free(roots);
        assert_slice_equal(buf_slice(&got), slice_of(want));
}

static void test_references(void **state)
{
        assert_threads(THREAD_REFERENCES, "", "");
        assert_threads(THREAD_REFERENCES, "a x:\nb y:\n", "(1)(2)");
        assert_threads(THREAD_REFERENCES, "a x:\nb re x: a\nc re x: a b\n", "(1 2 3)");
        assert_threads(THREAD_REFERENCES, "a x:\nb re x: a\nc re x: a\n", "(1 (2)(3))");
        /* the answer to one that comes later */
        assert_threads(THREAD_REFERENCES, "b re x: a\na x:\n", "(2 1)");
        /* a missing parent of two, of one, and between two */
        assert_threads(THREAD_REFERENCES, "a x: z\nb x: z\n", "((1)(2))");
        assert_threads(THREAD_REFERENCES, "a x: z\n", "(1)");
        assert_threads(THREAD_REFERENCES, "a x:\nc re x: a b\n", "(1 2)");
        assert_threads(THREAD_REFERENCES, "a x: y z\nb x: y w\n", "((1)(2))");
        /* dates */
        assert_threads(THREAD_REFERENCES, "@9 a x:\n@3 b y:\n@5 c re y: b\n@4 d re y: b\n", "(2 (4)(3))(1)");
        assert_threads(THREAD_REFERENCES, "@9 a x: z\n@3 b y:\n@2 c x: z\n", "((3)(1))(2)");
}

static void test_links(void **state)
{
        /* loops: of one with itself, of two, of three */
        assert_threads(THREAD_REFERENCES, "a x: a\n", "(1)");
        assert_threads(THREAD_REFERENCES, "a : b\nb : a\n", "(2 1)");
        assert_threads(THREAD_REFERENCES, "a : c\nb : a\nc : b\n", "(3 1 2)");
        /* a Message-ID that two have is the first one's; one without any */
        assert_threads(THREAD_REFERENCES, "a x:\na y:\nb z: a\n", "(1 3)(2)");
        assert_threads(THREAD_REFERENCES, "- x:\nb y:\n- z: b\n", "(1)(2 3)");
        /* a list cut short gives no other parent, and what a message says itself takes its place */
        assert_threads(THREAD_REFERENCES, "a :\nb : a\nc : b\nd : a c\n", "(1 2 3 4)");
        assert_threads(THREAD_REFERENCES, "d : a c\nc : b\nb : a\na :\n", "(4 3 2 1)");
        /* step 1.B: a message without references has no parent, whatever was said before it */
        assert_threads(THREAD_REFERENCES, "c : a b\nb :\na :\n", "(2 1)(3)");
        assert_threads(THREAD_REFERENCES, "b :\na :\nc : a b\n", "(2 1 3)");
}

static void test_subjects(void **state)
{
        assert_threads(THREAD_REFERENCES, "a x:\nb re x:\n", "(1 2)");
        assert_threads(THREAD_REFERENCES, "a re x:\nb x:\n", "(2 1)");
        assert_threads(THREAD_REFERENCES, "a x:\nb x:\n", "((1)(2))");
        assert_threads(THREAD_REFERENCES, "a re x:\nb re x:\n", "((1)(2))");
        assert_threads(THREAD_REFERENCES, "a x:\nb x:\nc re x:\nd x:\n", "((1)(2)(3)(4))");
        assert_threads(THREAD_REFERENCES, "a x:\nc re x:\nb x:\n", "((1 2)(3))");
        assert_threads(THREAD_REFERENCES, "a :\nb :\n", "(1)(2)");
        /* dummies: with dummies, with messages */
        assert_threads(THREAD_REFERENCES, "a x: z\nb x: z\nc x: y\nd x: y\n", "((1)(2)(3)(4))");
        assert_threads(THREAD_REFERENCES, "e x:\na x: z\nb x: z\n", "((1)(2)(3))");
        assert_threads(THREAD_REFERENCES, "e x:\nf re x: e\na x: z\nb x: z\ng y:\n", "((1 2)(3)(4))(5)");
        /* by links alone */
        assert_threads(THREAD_REFS, "a x:\nb re x:\n", "(1)(2)");
        assert_threads(THREAD_REFS, "a x:\nb y:\nc y: b\nd x: a\n", "(2 3)(1 4)");
        assert_threads(THREAD_REFS, "@5 a x: z\n@1 b x: z\n@3 c y:\n", "(3)((2)(1))");
}

static void test_ordered_subject(void **state)
{
        assert_threads(THREAD_ORDEREDSUBJECT, "", "");
        assert_threads(THREAD_ORDEREDSUBJECT, "a x:\nb y:\nc re x:\nd x:\n", "(1 (3)(4))(2)");
        assert_threads(THREAD_ORDEREDSUBJECT, "@4 a x:\n@2 b y:\n@1 c x:\n", "(3 1)(2)");
        assert_threads(THREAD_ORDEREDSUBJECT, "a :\nb y:\nc :\n", "(1 3)(2)");
        assert_threads(THREAD_ORDEREDSUBJECT, "@1 a x:\n@1 b y:\n@1 c x:\n", "(1 3)(2)");
}

/* A message and its parent must be told in this order; every message once. */
static void test_random(void **state)
{
        srand(3);
        for (int round = 0; round < 3000; round++) {
                _cleanup_(thread_free) struct thread t = {};
                _cleanup_(buf_free) struct buf got = {};
                enum imap_thread algorithm = (enum imap_thread)(rand() % 3);
                uint32_t n, *roots, count = (uint32_t)rand() % 12 + 1, seen = 0;
                int depth = 0;

                for (uint32_t i = 1; i <= count; i++) {
                        char line[100];
                        int at =
                                snprintf(line, sizeof(line), "@%d %c %s%c:", rand() % 5,
                                         "abcdefgh-"[rand() % 9], rand() % 2 ? "re " : "", "xyz"[rand() % 3]);

                        for (int refs = rand() % 4; refs > 0; refs--)
                                at += snprintf(line + at, sizeof(line) - (size_t)at, " %c",
                                               "abcdefgh"[rand() % 8]);
                        add_line(&t, algorithm, i, slice_of(line));
                }
                roots = thread_tree_make(&t, algorithm, &n);
                for (uint32_t i = 0; i < n; i++)
                        thread_write(&t, roots[i], put, &got);
                free(roots);
                for (const char *p = buf_cstr(&got); *p; p++) {
                        depth += (*p == '(') - (*p == ')');
                        assert_true(depth > 0 || *p == ')');
                        if (ascii_isdigit(*p)) {
                                seen |= UINT32_C(1) << strtoul(p, NULL, 10);
                                p += ascii_isdigit(p[1]);
                        }
                }
                assert_int_equal(depth, 0);
                assert_int_equal(seen, (UINT32_C(2) << count) - 2);
        }
}

/* A chain of replies as long as a folder: no recursion, no square. */
static void test_deep(void **state)
{
        enum { DEEP = 300000 };
        _cleanup_(thread_free) struct thread t = {};
        _cleanup_(buf_free) struct buf got = {};
        uint32_t n, *roots;

        for (uint32_t i = 1; i <= DEEP; i++) {
                struct thread_message m = {.number = i, .sent = i};
                uint64_t ref = i - 1;
                struct sort_keys keys = {.id = i, .references = slice_make(&ref, i > 1 ? sizeof(ref) : 0)};

                thread_add(&t, &m, &keys);
        }
        roots = thread_tree_make(&t, THREAD_REFERENCES, &n);
        assert_int_equal(n, 1);
        thread_write(&t, roots[0], put, &got);
        free(roots);
        assert_true(slice_starts(buf_slice(&got), SLICE("(1 2 3 4")));
        assert_true(slice_ends(buf_slice(&got), SLICE(" 299999 300000)")));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_references), cmocka_unit_test(test_links),
                cmocka_unit_test(test_subjects),   cmocka_unit_test(test_ordered_subject),
                cmocka_unit_test(test_random),     cmocka_unit_test(test_deep),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

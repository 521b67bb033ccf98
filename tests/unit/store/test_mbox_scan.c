#include <errno.h>
#include <stdio.h>

#include "base/fd.h"
#include "store/mailbox.h"
#include "store/mbox_scan.h"

#include "mbox_naive.h"
#include "unit.h"

#define FROM "From a@b.example Thu Nov  9 22:33:52 2023\n"

/* The messages of a text, with the invariants of all of them. */
struct found {
        struct mbox_message m[16];
        char head[16][256]; /* its beginning */
        size_t n;
        int r;
};

static void scan_pieces(struct slice text, size_t piece, bool unquote, struct found *ret)
{
        struct naive_file f = {text, piece, 0};
        struct mbox_source source = naive_source(&f);
        struct mbox_scan s;
        struct mbox_message m;
        uint64_t at = 0;
        mbox_scan_begin(&s, &source, 0, unquote);
        *ret = (struct found){0};
        while ((ret->r = mbox_scan_next(&s, &m)) > 0) {
                assert_true(ret->n < 16);
                assert_int_equal(m.offset, at);
                assert_true(m.from_n + m.head_n + m.body_n <= m.stored);
                assert_true(m.stored - m.from_n - m.head_n - m.body_n <= 2);
                assert_int_equal(m.size, naive_message_size(text, &m, unquote));
                assert_slice_equal(m.head, naive_part(text, at + m.from_n, m.head.n));
                assert_slice_equal(m.from, naive_part(text, at, m.from_n));
                at += m.stored;
                snprintf(ret->head[ret->n], sizeof(ret->head[0]), "%.*s", SLICE_ARG(m.head));
                ret->m[ret->n++] = m;
        }
        if (ret->r == 0)
                assert_int_equal(at, text.n);
        mbox_scan_end(&s);
}

/* Whatever the pieces are that the bytes come in. */
static void scan(struct slice text, struct found *ret)
{
        struct found small;
        scan_pieces(text, SIZE_MAX, false, ret);
        scan_pieces(text, 7, false, &small);
        assert_int_equal(small.n, ret->n);
        assert_int_equal(small.r, ret->r);
        for (size_t i = 0; i < ret->n; i++) {
                assert_int_equal(small.m[i].offset, ret->m[i].offset);
                assert_int_equal(small.m[i].body_n, ret->m[i].body_n);
                assert_string_equal(small.m[i].hash, ret->m[i].hash);
        }
}

static struct slice body(struct slice text, const struct mbox_message *m)
{
        return naive_part(text, m->offset + m->from_n + m->head_n, m->body_n);
}

static void expect_bodies(struct slice text, size_t n, const char *const *bodies)
{
        struct found f;
        scan(text, &f);
        assert_int_equal(f.r, 0);
        assert_int_equal(f.n, n);
        for (size_t i = 0; i < n; i++)
                assert_slice_equal(body(text, &f.m[i]), slice_of(bodies[i]));
}
#define EXPECT(text, ...)                                                                                    \
        expect_bodies(SLICE(text), sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),                   \
                      (const char *[]){__VA_ARGS__})

static void messages(void **state)
{
        struct found f;
        (void)state;
        EXPECT(FROM "Subject: x\n\nbody\n\n" FROM "Subject: y\n\n1\n2\n\n", "body\n", "1\n2\n");
        /* CRLF; missing empty lines; no final line end; no body; nothing at all */
        EXPECT("From a Thu Nov  9 22:33:52 2023\r\nS: x\r\n\r\nb\r\n\r\n" FROM "S: y\n\nc\n\n", "b\r\n",
               "c\n");
        EXPECT(FROM "S: x\n\nbody\n" FROM "S: y\n\nc", "body", "c");
        EXPECT("From a Thu Nov  9 22:33:52 2023\r\n\r\nb\r\n" FROM "\nc\r\n", "b", "c");
        EXPECT(FROM "S: x\n\n" FROM "S: y\n\n\n" FROM "S: z\n\n\n\n", "", "", "\n");
        EXPECT(FROM, "");
        EXPECT(FROM "\n", "");
        EXPECT(FROM "\nbody", "body");
        EXPECT("From a Thu Nov  9 22:33:52 2023", "");
        /* the one empty line is the header's, and counts; one that is missing does not */
        scan(SLICE(FROM "S: x\n\n" FROM "S: y\n" FROM "S: z\n\n\n"), &f);
        assert_int_equal(f.m[0].size, strlen("S: x\r\n\r\n"));
        assert_int_equal(f.m[1].size, strlen("S: y\r\n"));
        assert_int_equal(f.m[2].size, strlen("S: z\r\n\r\n"));
        /* line ends that change half way, a CR that is none */
        EXPECT(FROM "S: x\r\n\nb\r\nc\n\r\n" FROM "\r\nd\r\r\n\n", "b\r\nc\n", "d\r\r\n");
        /* a header without an end, ended by the next message or the file */
        EXPECT(FROM "S: x\n" FROM "S: y\n T: z", "", "");
        EXPECT(FROM "S: x\n\r" FROM "\n", "");
        scan(SLICE(""), &f);
        assert_int_equal(f.r, 0);
        assert_int_equal(f.n, 0);
}

static void text_that_is_no_beginning(void **state)
{
        (void)state;
        EXPECT(FROM "\nFrom here to there\nFrom  \nFrom\n>" FROM " " FROM
                    "xFrom a Thu Nov  9 22:33:52 2023\n",
               "From here to there\nFrom  \nFrom\n>" FROM " " FROM "xFrom a Thu Nov  9 22:33:52 2023");
        EXPECT(FROM "\nFFrom\nF\n\nF", "FFrom\nF\n\nF");
        /* a From_ line that is too long */
        char *text = NULL;
        assert_true(asprintf(&text, "%s\nFrom %0*d Thu Nov  9 22:33:52 2023\n", FROM, MBOX_FROM_MAX - 30, 1) >
                    0);
        struct found f;
        scan(slice_of(text), &f);
        assert_int_equal(f.n, 1);
        memmove(text + sizeof(FROM) + 5, text + sizeof(FROM) + 6, strlen(text + sizeof(FROM) + 5));
        scan(slice_of(text), &f);
        assert_int_equal(f.n, 2);
        assert_int_equal(f.m[1].from_n, MBOX_FROM_MAX);
        free(text);
}

static void no_mbox(void **state)
{
        static const char *const bad[] = {
                "x", "\n", ("\n" FROM "\n"), "Subject: x\n\nbody\n", "From me to you\n", ("\xff\xfe" FROM)};
        struct found f;
        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                scan(slice_of(bad[i]), &f);
                assert_int_equal(f.r, -EBADMSG);
                assert_int_equal(f.n, 0);
        }
}

static void content_length(void **state)
{
        (void)state;
        /* true: at the end, before a From_ line, with or without the empty line */
        EXPECT(FROM "Content-Length: 43\n\n" FROM "!", FROM "!");
        EXPECT(FROM "Content-Length: 44\n\n" FROM "!\n\n" FROM "\n", FROM "!\n", "");
        EXPECT(FROM "Content-Length: 43\n\n" FROM "\n" FROM "\nx\n", FROM, "x");
        EXPECT(FROM "Content-Length: 44\n\n" FROM "!\r\n" FROM "\nx\n", FROM "!", "x");
        EXPECT(FROM "Content-Length: 43\r\n\r\n" FROM "!\r\n" FROM "\nx\n", FROM "!", "x");
        EXPECT(FROM "Content-Length: 0\n\n" FROM "\nx\n", "", "x");
        EXPECT(FROM "Content-Length: 0\n\n\n" FROM "\nx\n", "", "x");
        EXPECT(FROM "Content-Length: 2\n\n\n\n\n" FROM "\nx\n", "\n\n", "x");
        /* the first that is a number counts */
        EXPECT(FROM "Content-Length: x\nContent-Length: 43\nContent-Length: 1\n\n" FROM "!", FROM "!");
        /* not true: too long, too short, in the middle of a line, no number */
        EXPECT(FROM "Content-Length: 200\n\nab\n\n" FROM "\nx\n", "ab\n", "x");
        EXPECT(FROM "Content-Length: 1\n\nab\n\n" FROM "\nx\n", "ab\n", "x");
        EXPECT(FROM "Content-Length: 1\n\nxFrom a Thu Nov  9 22:33:52 2023\n",
               "xFrom a Thu Nov  9 22:33:52 2023");
        EXPECT(FROM "Content-Length: 18446744073709551615\n\nab\n\n" FROM "\nx\n", "ab\n", "x");
        EXPECT(FROM "Content-Length: 99999999999999999999\n\nab\n", "ab");
        EXPECT(FROM "Content-Length: -1\n\nab\n", "ab");
        /* a header without an end has no body */
        EXPECT(FROM "Content-Length: 42\n" FROM "\n", "", "");
}

/* Bodies and lines around the size of the window, and Content-Length far beyond it. */
static void across_windows(void **state)
{
        (void)state;
        for (size_t n = 256 * 1024 - 130; n < 256 * 1024 + 20; n += 7)
                for (int crlf = 0; crlf < 2; crlf++) {
                        _cleanup_(buf_free) struct buf b = {0};
                        struct found f;
                        const char *eol = crlf ? "\r\n" : "\n";
                        buf_printf(&b, "%s\n", FROM);
                        while (b.n < n)
                                buf_printf(&b, "Fx%s", eol);
                        buf_printf(&b, "%s%s%s%s", eol, FROM, eol, "tail");
                        scan_pieces(buf_slice(&b), SIZE_MAX, false, &f);
                        assert_int_equal(f.n, 2);
                        assert_slice_equal(body(buf_slice(&b), &f.m[1]), SLICE("tail"));

                        b.n = 0;
                        buf_printf(&b, "%sContent-Length: %zu\n\n", FROM, 3 * n);
                        size_t at = b.n;
                        while (b.n < at + 3 * n)
                                buf_append(&b, slice_head(SLICE(FROM), at + 3 * n - b.n));
                        buf_printf(&b, "%s%s\ntail", eol, FROM);
                        scan_pieces(buf_slice(&b), SIZE_MAX, false, &f);
                        assert_int_equal(f.n, 2);
                        assert_int_equal(f.m[0].body_n, 3 * n);
                }
}

static void fields(void **state)
{
        struct found f;
        (void)state;
        static const char text[] =
                FROM "X-IMAPbase: 1700000000 0000000042 $Todo\n\tx y \nStatus: RO\nX-Status: AFTD\n"
                     "X-Keywords: $Todo y     \nX-UID: 12\nSubject: x\n\nbody\n\n" FROM
                     "x-imapBASE: 5 0000000006\nstatus : O\nX-UID: 99999999999\nX-UID: 0\nx-uid:7 \n\n\n" FROM
                     "X-IMAP: 5 0000000006\nX-Status: D\nX-Status: F\nX-Keywords: \nX-Keywords: no\n\n";
        scan(SLICE(text), &f);
        assert_int_equal(f.n, 3);
        const struct mbox_status *st = &f.m[0].status;
        assert_true(st->base && st->old && st->any && !st->pseudo);
        assert_int_equal(st->uidvalidity, 1700000000);
        assert_int_equal(st->last_uid, 42);
        assert_int_equal(st->uid, 12);
        assert_int_equal(st->flags, FLAG_ALL);
        st = &f.m[1].status;
        assert_true(!st->base && st->old && st->any);
        assert_int_equal(st->uid, 7);
        assert_int_equal(st->flags, 0);
        st = &f.m[2].status;
        assert_true(!st->base && !st->pseudo && !st->old && st->any);
        assert_int_equal(st->flags, FLAG_DELETED | FLAG_FLAGGED);
        assert_int_equal(f.m[0].size, sizeof("Subject: x\r\n\r\nbody\r\n") - 1);

        struct slice keywords = SLICE(" $Todo\r\n\tx  y "), name;
        static const char *const want[] = {"$Todo", "x", "y"};
        for (size_t i = 0; i < 3; i++) {
                assert_true(mbox_keyword(&keywords, &name));
                assert_slice_equal(name, slice_of(want[i]));
        }
        assert_false(mbox_keyword(&keywords, &name));
}

/* A sender's header may name so many that looking for each among all would not end. */
static void many_keywords(void **state)
{
        struct buf a = {0}, b = {0};
        (void)state;
        for (int i = 0; i < 200000; i++) {
                buf_printf(&a, " k%d", i);
                buf_printf(&b, "  k%d", i);
        }
        assert_true(mbox_keywords_same(buf_slice(&a), buf_slice(&b)));
        buf_str(&b, " more");
        assert_false(mbox_keywords_same(buf_slice(&a), buf_slice(&b)));
        assert_true(mbox_keywords_same(SLICE("x y"), SLICE("\ty \n x")));
        assert_false(mbox_keywords_same(SLICE("x y"), SLICE("x")));
        buf_free(&a);
        buf_free(&b);
}

static void one_status(const char *head, struct mbox_status *ret)
{
        *ret = mbox_status_of(slice_of(head));
}

static void bases(void **state)
{
        static const char *const bad[] = {"X-IMAPbase: 0 0000000001\n", "X-IMAPbase:\n",
                                          "X-IMAPbase: x 1\n",          "X-IMAPbase: 4294967296 1\n",
                                          "X-IMAPbase: 5 x\n",          "X-IMAPbase: 5 99999999999\n"};
        struct mbox_status st;
        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                one_status(bad[i], &st);
                assert_false(st.base);
        }
        one_status("X-IMAPbase: x\nX-IMAPbase: 0000000005 6\nX-IMAPbase: 7 8\n", &st);
        assert_true(st.base && st.uidvalidity == 5 && st.last_uid == 6 && !st.pseudo);
        one_status("X-IMAPbase: 5\n", &st);
        assert_true(st.base && st.uidvalidity == 5 && st.last_uid == 0);
        one_status("X-UID: 4294967295\n", &st);
        assert_int_equal(st.uid, UINT32_MAX);
        one_status("X-UID: 4294967296\n", &st);
        assert_int_equal(st.uid, 0);
}

#define INTERNAL                                                                                             \
        FROM "From: Mail System Internal Data <MAILER-DAEMON@h>\n"                                           \
             "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n"

static void pseudo(void **state)
{
        struct found f;
        (void)state;
        scan(SLICE(INTERNAL "X-IMAP: 1700000000 0000000003 x\nStatus: RO\n\ntext\n\n" INTERNAL
                            "X-IMAP: 1700000000 0000000003 x\n\ntext\n\n"),
             &f);
        assert_true(f.m[0].status.pseudo && f.m[0].status.base);
        assert_int_equal(f.m[0].status.uidvalidity, 1700000000);
        assert_false(f.m[1].status.pseudo || f.m[1].status.base);
        scan(SLICE(INTERNAL "Status: RO\n\ntext\n\n"), &f);
        assert_true(f.m[0].status.pseudo && !f.m[0].status.base);
        scan(SLICE(FROM "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n\n"), &f);
        assert_false(f.m[0].status.pseudo);
}

static void hash(void **state)
{
        struct found a, b;
        (void)state;
        scan(SLICE(FROM "S: x\nT: y\n\nbody\n"), &a);
        assert_int_equal(strlen(a.m[0].hash), MBOX_HASH_LEN);
        assert_int_equal(strspn(a.m[0].hash, "0123456789abcdef"), MBOX_HASH_LEN);
        assert_int_not_equal(strncmp(a.m[0].hash, a.m[0].hash + 16, 16), 0);
        /* not of line ends, metadata, the body */
        scan(SLICE("From a@b.example Thu Nov  9 22:33:52 2023\r\nX-UID: 5\r\nS: x\r\nStatus: R\n O\nT: "
                   "y\r\n\r\nother"),
             &b);
        assert_string_equal(a.m[0].hash, b.m[0].hash);
        /* nor of what mutt adds */
        scan(SLICE(FROM "S: x\nT: y\nX-UID: 7\nStatus: RO\nContent-Length: 5\nLines: 1\n\nbody\n"), &b);
        assert_string_equal(a.m[0].hash, b.m[0].hash);
        assert_int_equal(a.m[0].size, b.m[0].size);
        /* but of the From_ line and each field */
        scan(SLICE(FROM "S: x\nLines: 1\nT: y\nContent-Length: 5\n\nbody\n"), &b);
        assert_string_not_equal(a.m[0].hash, b.m[0].hash);
        scan(SLICE("From a@b.example Thu Nov  9 22:33:53 2023\nS: x\nT: y\n\nbody\n"), &b);
        assert_string_not_equal(a.m[0].hash, b.m[0].hash);
        scan(SLICE(FROM "S: x\nT: z\n\nbody\n"), &b);
        assert_string_not_equal(a.m[0].hash, b.m[0].hash);
}

static void nul_bytes(void **state)
{
        static const char text[] = FROM "S: \0x\nStatus: \0R\n\n\0\n\0From \0\n\n" FROM "\n\0";
        struct found f;
        (void)state;
        scan(SLICE(text), &f);
        assert_int_equal(f.n, 2);
        assert_int_equal(f.m[0].status.flags, FLAG_SEEN);
        assert_int_equal(f.m[0].body_n, 10);
        assert_int_equal(f.m[1].body_n, 1);
}

/* Of a header that is too long only whole fields are looked at; all of it is sent. */
static void long_headers(void **state)
{
        (void)state;
        _cleanup_(buf_free) struct buf b = {0};
        struct found f;
        buf_str(&b, FROM "X-UID: 7\n");
        for (int i = 0; b.n < 3 * MBOX_HEAD_MAX; i++)
                buf_printf(&b, "X-Field-%d: value\r\n folded\n", i);
        buf_str(&b, "Status: RO\n\nbody\n\n" FROM "\nnext\n");
        scan_pieces(buf_slice(&b), SIZE_MAX, false, &f);
        assert_int_equal(f.n, 2);
        assert_int_equal(f.m[0].status.uid, 7);
        assert_false(f.m[0].status.old);
        assert_true(f.m[0].head.n <= MBOX_HEAD_MAX && f.m[0].head.n > MBOX_HEAD_MAX - 64);
        assert_slice_equal(body(buf_slice(&b), &f.m[0]), SLICE("body\n"));

        /* one field that is too long: nothing is looked at */
        b.n = 0;
        buf_str(&b, FROM "S: ");
        for (int i = 0; b.n < 2 * MBOX_HEAD_MAX; i++)
                buf_printf(&b, "word%s", i % 50 ? " " : "\n ");
        buf_str(&b, "\nStatus: RO\n\nbody\n\n");
        scan_pieces(buf_slice(&b), 1000, false, &f);
        assert_int_equal(f.n, 1);
        assert_int_equal(f.m[0].head.n, 0);
        assert_slice_equal(body(buf_slice(&b), &f.m[0]), SLICE("body\n"));

        /* a header of one line without an end */
        b.n = 0;
        buf_str(&b, FROM);
        while (b.n < 3 * MBOX_HEAD_MAX)
                buf_str(&b, "xxxxxxxxxxxxxxxxxxxxxxxxx");
        scan_pieces(buf_slice(&b), SIZE_MAX, false, &f);
        assert_int_equal(f.n, 1);
        assert_int_equal(f.m[0].head_n, b.n - sizeof(FROM) + 1);
        assert_int_equal(f.m[0].size, f.m[0].head_n);
}

static void from_an_offset(void **state)
{
        static const char text[] =
                FROM "X-IMAPbase: 5 6\n\nbody\n\n" FROM "X-IMAPbase: 5 6\n\nmore\n\n" FROM "\n";
        struct naive_file file = {SLICE(text), 11, 0};
        struct mbox_source source = naive_source(&file);
        struct mbox_message m, head;
        struct mbox_scan s;
        struct found f;
        (void)state;
        scan(SLICE(text), &f);
        mbox_scan_begin(&s, &source, f.m[1].offset, false);
        assert_int_equal(mbox_scan_head(&s, &head), 1);
        assert_int_equal(mbox_scan_head(&s, &head), 1); /* again: it is the caller who goes on */
        assert_int_equal(head.offset, f.m[1].offset);
        assert_int_equal(head.head_n, f.m[1].head_n);
        assert_int_equal(head.stored, 0);
        assert_int_equal(head.size, 0);
        assert_string_equal(head.hash, f.m[1].hash);
        assert_false(head.status.base);
        assert_int_equal(mbox_scan_next(&s, &m), 1);
        assert_int_equal(m.stored, f.m[1].stored);
        /* back, and where no message is */
        s.at = 0;
        assert_int_equal(mbox_scan_next(&s, &m), 1);
        assert_true(m.status.base);
        s.at = 3;
        assert_int_equal(mbox_scan_next(&s, &m), -EBADMSG);
        file.error = -EIO;
        s.at = 0;
        mbox_scan_end(&s);
        mbox_scan_begin(&s, &source, 0, false);
        assert_int_equal(mbox_scan_next(&s, &m), -EIO);
        mbox_scan_end(&s);
        /* what is behind `end` is not looked at */
        file.error = 0;
        source.end = f.m[1].offset;
        mbox_scan_begin(&s, &source, 0, false);
        assert_int_equal(mbox_scan_next(&s, &m), 1);
        assert_int_equal(m.stored, f.m[0].stored);
        assert_int_equal(mbox_scan_next(&s, &m), 0);
        mbox_scan_end(&s);
}

static void from_lines(void **state)
{
        /* 9 November 2023, 22:33:52 in a place that is five hours behind: TZ below */
        enum { LOCAL = 1699587232, UTC = LOCAL - 5 * 3600 };
        static const struct {
                const char *line;
                int64_t date; /* 0: it is none */
        } lines[] = {
                {"From a@b Thu Nov  9 22:33:52 2023", LOCAL},
                {"From a@b  Thu Nov  9 22:33:52 2023\n", LOCAL},
                {"From a@b Thu Nov 09 22:33:52 2023\r\n", LOCAL},
                {"From a@b Thu Nov 9 22:33:52 2023", LOCAL},
                {"From a@b Thu Nov  9 22:33 2023", LOCAL - 52},
                {"From a@b\tThu Nov  9 22:33:52 2023", LOCAL},
                {"From - Thu Nov 09 22:33:52 2023", LOCAL},
                {"From  Thu Nov  9 22:33:52 2023", LOCAL},
                {"From MAILER-DAEMON Thu Nov  9 22:33:52 2023", LOCAL},
                {"From \"john doe\"@b.example Thu Nov  9 22:33:52 2023", LOCAL},
                {"From \"a \\\" b\"@b.example Thu Nov  9 22:33:52 2023", LOCAL},
                {"From a at b.example  Thu Nov  9 22:33:52 2023", LOCAL},
                {"From a Thu Nov  9 22:33:52 2023 remote from host", LOCAL},
                {"From a Thu Nov  9 22:33:52 2023 +0000", UTC},
                {"From a Thu Nov  9 22:33:52 2023 -0500", LOCAL},
                {"From a Thu Nov  9 22:33:52 2023 +0530", UTC - 19800},
                {"From a Thu Nov  9 22:33:52 +0100 2023", UTC - 3600},
                {"From a Thu Nov  9 22:33:52 GMT 2023", UTC},
                {"From a Thu Nov  9 22:33:52 2023 PST", UTC + 8 * 3600},
                {"From a Thu Nov  9 22:33:52 MET 2023 remote from host", LOCAL},
                {"From a Thu Nov  9 22:33 EST 2023", LOCAL - 52},
                {"From a thu nov  9 22:33:52 2023", LOCAL},
                {"From a Thu, 9 Nov 2023 22:33:52", LOCAL},
                {"From a Thu, 09 Nov 2023 22:33:52 +0000", UTC},
                {"From a", 0},
                {"From ", 0},
                {"From a@b Thu Nov  9", 0},
                {"From what I heard on Thu Nov  9 22:33:52 2023", 0},
                {"From a Thu Foo  9 22:33:52 2023", 0},
                {"From a Thu Nov 32 22:33:52 2023", 0},
                {"From a Thu Nov  0 22:33:52 2023", 0},
                {"From a Thu Nov  9 24:33:52 2023", 0},
                {"From a Thu Nov  9 22:60:52 2023", 0},
                {"From a Thu Nov  9 22:33:61 2023", 0},
                {"From a Thu Nov  9 22:33: 2023", 0},
                {"From a Thu Nov  9 22 2023", 0},
                {"From a Thu Nov  9 22:33:52:1 2023", 0},
                {"From a Thu Nov  9 22:33:52 23", 0},
                {"From a Thu Nov  9 22:33:52 20233", 0},
                {"From a 123 Nov  9 22:33:52 2023", 0},
                {"From a\nThu Nov  9 22:33:52 2023", 0},
                {"From: a Thu Nov  9 22:33:52 2023", 0},
                {"from a Thu Nov  9 22:33:52 2023", 0},
                {"From \"a Thu Nov  9 22:33:52 2023", 0},
        };
        time_t date;
        (void)state;
        setenv("TZ", "XXX5", 1);
        tzset();
        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                date = 0;
                if (mbox_is_from_line(slice_of(lines[i].line), &date) != (lines[i].date != 0) ||
                    date != lines[i].date)
                        fail_msg("%s: %jd, want %jd", lines[i].line, (intmax_t)date, (intmax_t)lines[i].date);
        }
}

static void unquoted(void **state)
{
        static const char text[] =
                FROM ">From: x\n>From x\n\n>From here\n>>From there\nx>From\n>>Fro\nFrom y\n>From ";
        struct found f;
        (void)state;
        for (size_t piece = 1; piece < sizeof(text); piece++) {
                scan_pieces(SLICE(text), piece, true, &f);
                assert_int_equal(f.n, 1);
        }
        struct found plain;
        scan(SLICE(text), &plain);
        assert_int_equal(plain.m[0].size - f.m[0].size, 3);
}

static void quoting(void **state)
{
        static const char *const texts[][2] = {
                {"From a\n", ">From a\n"},
                {">From a\nb\nFrom c", ">>From a\nb\n>From c"},
                {"From", "From"},
                {"\nFrom:\n>Fro\n>>>From \r\n From a\nxFrom b\n",
                 "\nFrom:\n>Fro\n>>>>From \r\n From a\nxFrom b\n"},
                {"FFrom a\n>F\n>", "FFrom a\n>F\n>"},
                {"", ""},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                for (size_t piece = 1; piece < 40; piece++)
                        for (unsigned unquote = 0; unquote < 2; unquote++) {
                                struct mbox_quote q = {.unquote = unquote};
                                _cleanup_(buf_free) struct buf b = {0};
                                struct slice in = slice_of(texts[i][unquote]);
                                for (; in.n; in = slice_from(in, piece))
                                        assert_int_equal(mbox_quote_push(&q, slice_head(in, piece), &b), 0);
                                assert_int_equal(mbox_quote_end(&q, &b), 0);
                                assert_slice_equal(buf_slice(&b), slice_of(texts[i][!unquote]));
                        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(messages),       cmocka_unit_test(text_that_is_no_beginning),
                cmocka_unit_test(no_mbox),        cmocka_unit_test(content_length),
                cmocka_unit_test(across_windows), cmocka_unit_test(fields),
                cmocka_unit_test(bases),          cmocka_unit_test(many_keywords),
                cmocka_unit_test(pseudo),         cmocka_unit_test(hash),
                cmocka_unit_test(nul_bytes),      cmocka_unit_test(long_headers),
                cmocka_unit_test(from_an_offset), cmocka_unit_test(from_lines),
                cmocka_unit_test(unquoted),       cmocka_unit_test(quoting),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

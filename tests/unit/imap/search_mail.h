/* For the tests of SEARCH: one message with a bit of everything, and a search made from a command as a client
 * sends it, asked of a message that is a text. */

#include <errno.h>
#include <stdlib.h>

#include "imap/search.h"
#include "imap/search_keys.h"
#include "mime/date.h"
#include "mime/header.h"

static const char mail[] = "From: \"Doe, Jane\" <jane@example.org>\r\n"
                           "To: =?utf-8?q?Fran=C3=A7ois?= <f@example.org>\r\n"
                           "Subject: =?iso-8859-1?q?caf=E9?=\r\n"
                           " au lait  twice\r\n"
                           "Date: Mon, 1 Jan 2001 23:30:00 -0800\r\n"
                           "X-Empty:\r\n"
                           "MIME-Version: 1.0\r\n"
                           "Content-Type: multipart/mixed; boundary=b\r\n"
                           "\r\n"
                           "preamble\r\n"
                           "--b\r\n"
                           "Content-Type: text/plain; charset=iso-8859-1\r\n"
                           "Content-Transfer-Encoding: quoted-printable\r\n"
                           "X-Part: parthdr\r\n"
                           "\r\n"
                           "a soft br=\r\neak, na=EFve\r\n"
                           "next Stra=DFe\r\n"
                           "--b\r\n"
                           "Content-Type: message/rfc822\r\n"
                           "\r\n"
                           "Subject: nestedsubject\r\n"
                           "Content-Type: text/html; charset=no-such-charset\r\n"
                           "Content-Transfer-Encoding: base64\r\n"
                           "\r\n"
                           "PGI+bmVzdGVkYm9keTwvYj4=\r\n"
                           "--b\r\n"
                           "Content-Type: application/octet-stream\r\n"
                           "\r\n"
                           "appdata\r\n"
                           "--b--\r\n"
                           "epilogue\r\n";

/* What was asked of a message, to prove what was not. */
struct asked {
        struct slice text;
        uint64_t size;
        time_t date;
        int error;
        struct buf keys;   /* search_keys_write() of the text, made when it is asked for */
        struct slice kept; /* given instead when kept.p is set */
        int sizes, dates, sents, headers, texts;
};

static int ask_size(void *context, uint64_t *ret)
{
        struct asked *a = context;
        a->sizes++;
        *ret = a->size;
        return a->error;
}

static int ask_date(void *context, time_t *ret)
{
        struct asked *a = context;
        a->dates++;
        *ret = a->date;
        return a->error;
}

static int ask_text(void *context, struct slice *ret)
{
        struct asked *a = context;
        a->texts++;
        *ret = a->text;
        return a->error;
}

static int ask_sent(void *context, int64_t *ret_day, bool *ret_valid)
{
        struct asked *a = context;
        struct header_field field;
        struct date date;

        a->sents++;
        *ret_valid = header_find(a->text, SLICE("Date"), &field) && date_parse(field.value, &date) == 0;
        if (*ret_valid)
                *ret_day = date_of_day(date.year, date.month, date.day) / 86400;
        return a->error;
}

static int ask_keys(void *context, struct slice *ret)
{
        struct asked *a = context;

        a->headers++;
        a->keys.n = 0;
        if (!a->kept.p)
                assert_int_equal(search_keys_write(header_iter(a->text), &a->keys), 0);
        *ret = a->kept.p ? a->kept : buf_slice(&a->keys);
        return a->error;
}

static int ask_header(void *context, struct slice *ret)
{
        struct asked *a = context;

        a->headers++;
        *ret = a->text;
        return a->error;
}

static int keyword(void *context, struct slice name, unsigned *ret_bit)
{
        if (!slice_ieq(name, SLICE("$Forwarded")))
                return -ENOENT;
        *ret_bit = 40;
        return 0;
}

static const struct search_folder folder = {.messages = 9, .last_uid = 90, .keyword = keyword};

/* What search_filter() says of this one message. */
static bool filter(const struct search *search, const struct search_message *m)
{
        struct message row = {.uid = m->uid,
                              .flags = {.system = m->flags & FLAG_ALL, .keywords = m->keywords},
                              .recent = m->flags & IMAP_FLAG_RECENT};

        return search_filter(search, m->seq, &row, 1) & 1;
}

/* Parses "SEARCH keys" and makes it. */
static int make(struct arena *arena, struct slice keys, struct search **ret)
{
        struct imap_command c;
        struct imap_parse_error error;
        struct slice bytes = slice_of(arena_printf(arena, "a SEARCH %.*s", SLICE_ARG(keys)));

        if (imap_command_parse(arena, bytes, 0, &c, &error) < 0)
                fail_msg("%.*s: %s", SLICE_ARG(keys), error.text);
        return search_make(arena, c.search.key, c.search.charset, &folder, ret);
}

static int match(const struct search_message *m, const char *keys)
{
        struct arena arena = {};
        struct search *search = NULL;
        int r;

        assert_int_equal(make(&arena, slice_of(keys), &search), 0);
        r = search_match(search, m);
        /* a second look is not different */
        assert_int_equal(search_match(search, m), r);
        /* the index rules nothing out that is found, and decides alone when it can */
        assert_false(r == 1 && !filter(search, m));
        assert_false(search_is_filter(search) && r != filter(search, m));
        search_free(&search);
        arena_free(&arena);
        return r;
}

static struct search_message message(struct asked *a)
{
        return (struct search_message){.seq = 5,
                                       .uid = 50,
                                       .size = ask_size,
                                       .internaldate = ask_date,
                                       .sent = ask_sent,
                                       .keys = ask_keys,
                                       .header = ask_header,
                                       .text = ask_text,
                                       .context = a};
}

__attribute__((unused)) static void assert_matches(struct slice text, const char *keys, int want)
{
        struct asked a = {.text = text, .size = text.n, .date = 982497600}; /* 2001-02-18 12:00 UTC */
        struct search_message m = message(&a);
        int got = match(&m, keys);

        buf_free(&a.keys);
        if (got != want)
                fail_msg("%s: %d", keys, got);
}

#define FINDS(keys)  assert_matches(SLICE(mail), keys, 1)
#define MISSES(keys) assert_matches(SLICE(mail), keys, 0)

/* For the tests of SEARCH: one message with a bit of everything, and a search made from a command as a client
 * sends it, asked of a message that is a text. */

#include <errno.h>
#include <stdlib.h>

#include "imap/search.h"

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
        int sizes, dates, texts;
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

static int keyword(void *context, struct slice name, unsigned *ret_bit)
{
        if (!slice_ieq(name, SLICE("$Forwarded")))
                return -ENOENT;
        *ret_bit = 40;
        return 0;
}

static const struct search_folder folder = {.messages = 9, .last_uid = 90, .keyword = keyword};

/* Parses "SEARCH keys" and makes it. */
static int make(struct arena *arena, struct slice keys, struct search **ret)
{
        struct imap_command c;
        struct imap_parse_error error;
        struct slice bytes = slice_of(arena_printf(arena, "a SEARCH %.*s", SLICE_ARG(keys)));

        if (imap_command_parse(arena, bytes, &c, &error) < 0)
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
                                       .text = ask_text,
                                       .context = a};
}

static void assert_matches(struct slice text, const char *keys, int want)
{
        struct asked a = {.text = text, .size = text.n, .date = 982497600}; /* 2001-02-18 12:00 UTC */
        struct search_message m = message(&a);
        int got = match(&m, keys);

        if (got != want)
                fail_msg("%s: %d", keys, got);
}

#define FINDS(keys)  assert_matches(SLICE(mail), keys, 1)
#define MISSES(keys) assert_matches(SLICE(mail), keys, 0)

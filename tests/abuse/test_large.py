#!/usr/bin/env python3
"""Commands that are right but huge: answered in full or refused, in bounded time and memory."""

import re

from common import MB, Host, ended, expect, joined, memory_limit, own_memory, put, run_tests

HEAD = b"Subject: s\nFrom: a@example.org\n"


def session_of(host, mailbox="all"):
    host.fill("kevin", mailbox)
    client, session = joined(host, "imap")
    client.select()
    return client, session


def done(client, session, plain=64 * MB):
    limit = memory_limit(session.pid, plain)
    most = max(client.most, own_memory(session.pid))
    expect(most < limit, "the session took %d MB, the limit here is %d MB" % (most // MB, limit // MB))
    client.alive()
    client.logout()
    ended(session)


def search(client, keys, word="OK"):
    found = client.answer(b"SEARCH " + keys, word)
    if word == "OK":
        expect(len(found) == 1 and re.fullmatch(rb"SEARCH( \d+)*", found[0]), "SEARCH: %r" % found)
        return [int(n) for n in found[0].split()[1:]]


def searches():
    with Host() as host:
        client, session = session_of(host)
        everything = search(client, b"ALL")
        expect(search(client, b" ".join([b"ALL"] * 1000)) == everything, "1,000 times ALL")
        expect(search(client, b" ".join([b"UID 1:*"] * 7000)) == everything, "7,000 times UID")
        expect(search(client, b"NOT " * 200 + b"ALL") == everything, "NOT 200 times")
        expect(search(client, b"OR SEEN " * 200 + b"ALL") == everything, "OR 200 deep")
        expect(search(client, b"(" * 200 + b"ALL" + b")" * 200) == everything, "200 parentheses")
        search(client, b" ".join(b"SUBJECT w%d" % i for i in range(1000)))
        search(client, b" ".join(b"HEADER X-%d v" % i for i in range(1000)))
        search(client, b" ".join(b"KEYWORD k%d" % i for i in range(1000)))
        search(client, b" ".join(b"NOT HEADER X-%d v" % i for i in range(1000)))
        for kind in (b"TEXT", b"BODY"):
            text = client.command(b"SEARCH " + b" ".join(kind + b" w%d" % i for i in range(1000)))[1]
            expect(text.startswith((b"OK", b"NO [LIMIT]")), "1,000 texts: %r" % text)
        search(client, b"TEXT " + b"x" * 60000)
        search(client, b"TEXT {60000+}\r\n" + b"x" * 60000)
        search(client, b"CHARSET UTF-8 TEXT {40000+}\r\n" + b"\xc3\x9f" * 20000)
        search(client, b"CHARSET UTF-8 TEXT {3+}\r\n\xff\xfe\xfd", "BAD")
        search(client, b"CHARSET " + b"x" * 5000 + b" ALL", "NO")
        search(client, b"UID " + b",".join(b"%d:%d" % (i, i + 1) for i in range(1, 20001, 3))[:60000].rsplit(b",", 1)[0])
        search(client, b"LARGER 4294967296", "BAD")
        search(client, b"SENTSINCE 99-Foo-99999", "BAD")
        done(client, session)


def needles_in_a_repetitive_haystack():
    """What makes naive searching slow."""
    with Host() as host:
        put(host, "1000.M1P1.host", HEAD + b"\n" + b"a" * (8 * MB))
        client, session = session_of(host, "empty")
        expect(search(client, b"TEXT \"" + b"a" * 30000 + b"b\"") == [], "not in there")
        expect(search(client, b"TEXT \"" + b"a" * 30000 + b"\"") == [1], "it is in there")
        expect(search(client, b"BODY " + b"ab" * 15000) == [], "not in there")
        done(client, session)


def sequence_sets():
    with Host() as host:
        client, session = session_of(host)
        ranges = b",".join(b"%d:%d" % (i % 15 + 1, 15 - i % 15) for i in range(10000))
        expect(len(client.answer(b"FETCH " + ranges + b" FLAGS", "OK")) == 15, "10,000 ranges")
        expect(len(client.answer(b"UID FETCH " + b",".join([b"1:*"] * 10000) + b" FLAGS", "OK")) == 15, "10,000 times all")
        expect(len(client.answer(b"UID FETCH 1:4294967295,4294967295:1 FLAGS", "OK")) == 15, "all UIDs")
        client.answer(b"UID FETCH " + b",".join(b"%d:4294967295" % (i + 1) for i in range(4000)) + b" FLAGS", "OK")
        client.answer(b"UID STORE " + b",".join([b"*:1"] * 10000) + b" +FLAGS.SILENT (\\Seen)", "OK")
        client.answer(b"UID COPY " + b",".join([b"1:3"] * 10000) + b" INBOX", "OK", r"COPYUID \d+ 1:3 16:18\]")
        for bad in (b"0", b"1:0", b"4294967296", b"1,,2", b",1", b"1,", b"1:2:3", b"-1", b"*:*:*", b"1;2", b"99", b"1" * 5000, b":",
                    b"1:" * 20000):
            client.answer(b"FETCH " + bad + b" FLAGS", "BAD")
            client.alive()
        done(client, session)


def fetches():
    with Host() as host:
        client, session = session_of(host)
        for n in (200, 1000):
            text = client.command(b"FETCH 5 (" + b" ".join(b"BODY.PEEK[]<%d.1>" % i for i in range(n)) + b")")[1]
            expect(text.startswith(b"OK" if n < 256 else (b"OK", b"BAD", b"NO")), "%d sections: %r" % (n, text))
        names = b" ".join(b"X-H%d" % i for i in range(1000))
        found = client.answer(b"FETCH 1:* (BODY.PEEK[HEADER.FIELDS (" + names + b")] BODY.PEEK[HEADER.FIELDS.NOT (" + names + b")])",
                              "OK")
        expect(len(found) == 15, "1,000 names")
        for text in (b"FETCH 1 (BODY.PEEK[" + b".".join([b"1"] * 100) + b"])", b"FETCH 1 BODY.PEEK[1.1.1.1.1.1.1.1.1.MIME]",
                     b"FETCH 1 BODY.PEEK[HEADER.FIELDS (\"\")]", b"FETCH 1 BODY.PEEK[HEADER.FIELDS ({3+}\r\na b)]",
                     b"FETCH 1 BODY.PEEK[HEADER.FIELDS (" + b"n" * 30000 + b")]", b"FETCH 1 BODY.PEEK[HEADER.FIELDS (\"a\\\"b]\")]"):
            text = client.command(text)[1]
            expect(text.startswith((b"OK", b"BAD", b"NO")), "%r" % text)
        for bad in (b"BODY[" + b".".join([b"1"] * 20000) + b"]", b"BODY[0]", b"BODY[1.0]", b"BODY[-1]", b"BODY[4294967296]", b"BODY[1.]",
                    b"BODY[.1]", b"BODY[HEADER.FIELDS ()]", b"BODY[HEADER.FIELDS (", b"BODY[HEADER", b"BODY[MIME]", b"BODY[]<", b"BODY[]<1",
                    b"BODY[]<1.0>", b"BODY[]<-1.1>", b"BODY[]<4294967296.1>", b"BODY[]<1.2.3>", b"()", b"(FLAGS", b"FLAGS)", b"NOSUCH",
                    b"BODY[HEADER.FIELDS (" + b"n " * 30000 + b")]", b"(" + b"FLAGS " * 10000 + b"FLAGS)"):
            client.answer(b"FETCH 1 " + bad, "BAD")
            client.alive()
        done(client, session)


def many_fields_and_many_names():
    with Host() as host:
        put(host, "1000.M1P1.host", b"".join(b"X-Q%d: v\n" % i for i in range(20000)) + b"\nx\n")
        client, session = session_of(host, "empty")
        names = b" ".join(b"X-R%d" % i for i in range(1000))
        found = client.answer(b"FETCH 1 (BODY.PEEK[HEADER.FIELDS (" + names + b")])", "OK")
        expect(len(found) == 1, "no answer")
        search(client, b" ".join(b"NOT HEADER X-R%d v" % i for i in range(300)))
        done(client, session)


def mailbox_names():
    with Host() as host:
        client, session = session_of(host, "folders")
        names = [b"x" * 10000, b"x." * 5000 + b"x", b"." * 10000, b"&" * 9999, b"&" + b"A" * 9998 + b"-", b"&AOk-" * 2000, b"x" * 255, b"x" * 256,
                 b"/" * 10000, b"a.b." * 60 + b"c", b"*" * 10000, b"INBOX." * 1600]
        for name in names:
            for command in (b"SELECT %s", b"EXAMINE %s", b"CREATE %s", b"DELETE %s", b"RENAME Sent %s", b"RENAME %s Sent", b"SUBSCRIBE %s",
                            b"UNSUBSCRIBE %s", b"STATUS %s (MESSAGES)", b"COPY 1 %s", b"APPEND %s {3+}\r\nabc"):
                untagged, text = client.command(command % (b'"' + name + b'"'))
                expect(len(text) < 2000, "%d bytes of answer" % len(text))
                client.alive()
        client.command(b"SELECT INBOX")
        done(client, session)


def list_patterns():
    with Host() as host:
        client, session = session_of(host, "folders")
        for name in ("a" * 200, "a" * 120 + "." + "a" * 100, ".".join(["a"] * 100)):
            client.answer('CREATE "%s"' % name, "OK")
        for pattern in (b"*a" * 100 + b"b", b"*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", b"%a" * 2000 + b"b", b"*%" * 5000, b"*" * 60000, b"%" * 60000,
                        b"%.%" * 20000, b"*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*b", b"x" * 60000, b"*x" * 30000):
            for command in (b"LIST", b"LSUB"):
                for text in (b'"" "%s"' % pattern, b'"%s" "*"' % pattern, b'"%s" "%s"' % (pattern[:20000], pattern[:20000])):
                    word = client.command(command + b" " + text)[1]
                    expect(word.startswith((b"OK", b"NO", b"BAD")), "%r" % word)
                client.alive()
        expect(len(client.answer('LIST "" "*%*%*%*%*%*"', "OK")) == len(client.answer('LIST "" "*"', "OK")), "wildcards")
        done(client, session)


def many_folders_and_flags():
    with Host() as host:
        client, session = session_of(host, "one")
        for i in range(0, 300, 50):
            client.flood(b"".join(b"c%d CREATE f%d\r\n" % (j, j) for j in range(i, i + 50)))
            for j in range(i, i + 50):
                client.finish_command("c%d" % j)
        expect(len(client.answer('LIST "" "*"', "OK")) == 301, "300 folders")
        answers = [client.command("STORE 1 +FLAGS (kw%d)" % i)[1] for i in range(80)]
        expect(all(a.startswith((b"OK", b"NO [LIMIT]")) for a in answers) and answers[0].startswith(b"OK"), "keywords: %r" % answers)
        client.answer("STORE 1 +FLAGS (" + " ".join("k" * 40 + str(i) for i in range(1000)) + ")", "BAD")
        client.command("STORE 1 +FLAGS (" + "k" * 5000 + ")")
        client.answer("STORE 1 FLAGS ()", "OK")
        client.command("ID (" + "\"a\" \"b\" " * 1000 + ")")
        client.command("ID (\"name\" \"" + "n" * 20000 + "\")")
        done(client, session)


run_tests([searches, needles_in_a_repetitive_haystack, sequence_sets, fetches, many_fields_and_many_names, mailbox_names, list_patterns,
           many_folders_and_flags])

#!/usr/bin/env python3
"""Lines and literals that no mail program sends, before and after the login, in the clear and under TLS."""

import random

from common import (
    MB, POP3_SESSION, SESSION, Host, ended, expect, joined, memory_limit, own_memory, run_tests)

LINES = 100000
BEFORE = r"imap-login: Disconnected: %s \(.*\): user=<[^>]*>.*, rip=127\.0\.0\.1, lip=127\.0\.0\.1, (secured|TLS).*session=<"
POP3_BEFORE = BEFORE.replace("imap", "pop3")


def both_ways(test):
    for tls in (False, True):
        with Host() as host:
            host.fill("kevin", "one")
            test(host, tls)


def bounded(client, session, plain=32 * MB):
    limit = memory_limit(session.pid, plain)
    most = max(client.most, own_memory(session.pid))
    expect(most < limit, "the session took %d MB, the limit here is %d MB" % (most // MB, limit // MB))


# --- IMAP


def imap_long_lines():
    def before(host, tls):
        client, session = joined(host, "imap", tls, login=False)
        client.answer(b"NOOP " + b"x" * 20000, "BAD", "too long")
        client.answer(b"LOGIN kevin " + b"x" * 20000, "BAD", "too long")
        client.alive()
        client.flood(b"a NOOP " + b"x" * MB)
        client.bye("Command too long")
        ended(session, BEFORE % "Too long command")

    def after(host, tls):
        client, session = joined(host, "imap", tls)
        for n in (65536, 65537, 3 * MB):
            client.flood(b"a SELECT " + b"x" * n + b"\r\n")
            client.finish_command("a")
        client.alive()
        client.answer(b"SELECT " + b"x" * 70000, "BAD", "too long")
        client.alive()
        bounded(client, session)
        client.logout()
        ended(session)

    both_ways(before)
    both_ways(after)


def imap_endless_line():
    """What is thrown away is bounded too: in the end the connection goes."""
    with Host() as host:
        client, session = joined(host, "imap")
        client.send(b"a NOOP ")
        block = b"x" * MB
        cut = False
        for _ in range(400):
            if not client.flood(block):
                cut = True
                break
        expect(cut, "400 MB of one line were taken")
        bounded(client, session)
        client.bye("too long")
        ended(session, SESSION + "Disconnected: Command too long")


def imap_literals():
    def before(host, tls):
        client, session = joined(host, "imap", tls, login=False)
        for mark in ("{5000}", "{4294967296}", "{99999999999999999999999999}", "{" + "9" * 100 + "}"):
            client.answer("LOGIN kevin " + mark, "BAD", "[Ll]iteral")
        client.answer(b"LOGIN kevin {5000+}\r\n" + b"x NOOP\r\n" * 625, "BAD", "[Ll]iteral")
        client.answer(b"APPEND INBOX {5000+}\r\n" + b"x NOOP\r\n" * 625, "BAD", "log in first")
        client.answer(b"APPEND INBOX (\\Bogus {24+}\r\n" + b"x NOOP\r\n" * 3, "BAD")
        client.alive()
        client.say("a LOGIN {99999999999999999999+}")
        client.bye("too long")
        ended(session, BEFORE % "Too long command")

    def after(host, tls):
        client, session = joined(host, "imap", tls)
        client.answer("SELECT {70000}", "BAD", "[Ll]iteral")
        client.answer(b"SELECT {70000+}\r\n" + b"x CREATE a\r\n" * 5833 + b"1234", "BAD", "[Ll]iteral")
        client.answer(b"SEARCH" + b" BODY {3+}\r\nabc" * 100, "BAD", "[Nn]o mailbox")
        client.answer(b"SEARCH" + b" BODY {60000+}\r\n" + b"y" * 60000 + b" OR {60000+}\r\n" + b"y" * 60000, "BAD")
        client.answer(b"SELECT" + (b" {60000+}\r\n" + b"y" * 60000) * 10, "BAD")
        client.alive()
        bounded(client, session)
        client.say("a SELECT {999999999999+}")
        client.bye("too long")
        ended(session, SESSION + "Disconnected: Command too long")

    both_ways(before)
    both_ways(after)


def imap_literals_are_never_commands():
    """Smuggling: whatever is wrong with a command, the content of its literal stays content."""
    evil = b"e1 CREATE evil\r\ne2 LOGOUT\r\n"
    mark = b"{%d+}\r\n" % len(evil)
    commands = [
        b"APPEND INBOX " + mark + evil,                     # wrong state before the login, good after it
        b"APPEND nowhere " + mark + evil,
        b"APPEND .. " + mark + evil,
        b"APPEND INBOX (\\Bogus) " + mark + evil,
        b"APPEND INBOX (((( " + mark + evil,
        b"APPEND INBOX () \"not a date\" " + mark + evil,
        b"APPEND INBOX () \"01-Jan-2020 00:00:00 +0000\" " + mark + evil + b" more",
        b"APPEND INBOX " + mark + evil + b" " + mark + evil,  # MULTIAPPEND is not there
        b"APPEND INBOX UTF8 (~" + mark + evil + b")",
        b"APPEND " + mark + evil + b" " + mark + evil,
        b"APPEND " + mark + evil,
        b"APPEND",
        b"NOSUCH " + mark + evil,
        b"NOSUCH " + mark + evil + b" x " + mark + evil,
        b"NOOP " + mark + evil,
        b"STORE 1 FLAGS " + mark + evil,
        b"FETCH 1 BODY[HEADER.FIELDS (" + mark + evil + b")]",
        b"SEARCH CHARSET nowhere TEXT " + mark + evil,
        b"UID NOSUCH " + mark + evil,
        b"IDLE " + mark + evil,
        b"LOGOUT " + mark + evil,
        b"STARTTLS " + mark + evil,
        b"LOGIN " + mark + evil + b" " + mark + evil,
        b"AUTHENTICATE PLAIN " + mark + evil,
        b"SELECT \"a\\\" " + mark + evil,
        b"ID (\"a\" " + mark + evil,
        b"\x00 " + mark + evil,
        b"LIST \"\" \x00" + mark + evil,
        b"x" * 70000 + mark + evil,
        b"APPEND INBOX " + b"x" * 70000 + mark + evil,
        b"APPEND INBOX\x00 " + mark + evil,
        b"ENABLE " + mark + evil,
        b"STATUS INBOX (" + mark + evil + b")",
    ]

    def run(host, tls):
        for login in (False, True):
            for start in range(0, len(commands), 10):  # fewer bad ones than end a connection
                client, session = joined(host, "imap", tls, login=login)
                for text in commands[start:start + 10]:
                    if not login and len(text) > 60000:
                        continue
                    if login and b"APPEND INBOX " + mark == text[:len(b"APPEND INBOX " + mark)] and text.endswith(evil):
                        client.command(text)
                        continue
                    client.send(b"s " + text + b"\r\nz NOOP\r\n")
                    answers = []
                    while True:
                        tag, what = client.response()
                        expect(tag in "*+sz", "an answer to %s after %r" % (tag, text[:80]))
                        answers.append((tag, what))
                        if tag == "z":
                            break
                    expect(what.startswith(b"OK"), "NOOP after %r: %r" % (text[:80], answers))
                    first = [w for t, w in answers if t == "s" or b"BAD" in w]
                    expect(len(first) == 1 and first[0].startswith((b"BAD", b"NO")),
                           "%r was answered %r" % (text[:80], answers))
                if login:
                    lists = client.answer('LIST "" *', "OK")
                    expect(not any(b"evil" in row for row in lists), "a literal was run: %r" % lists)
                client.logout()
                ended(session)

    both_ways(run)


def imap_nul_cr_lf():
    def run(host, tls):
        for login in (False, True):
            client, session = joined(host, "imap", tls, login=login)
            for text in (b"NO\0OP", b"NOOP\0", b"\0", b"LOGIN kevin {3+}\r\na\0b", b"SELECT \"IN\0BOX\"",
                         b"NOOP \0{5+}\r\nx LO\r"):
                client.send(b"n " + text + b"\r\n")
                tag, what = client.response()
                expect(tag in "*n" and what.startswith(b"BAD"), "%r: %s %r" % (text, tag, what))
            # a bare LF ends a line, as everywhere; a bare CR does not
            client.send(b"lf NOOP\n")
            expect(client.finish_command("lf")[1].startswith(b"OK"), "a bare LF")
            client.send(b"cr NOOP\rcr2 CREATE evil\r\n")
            tag, what = client.response()
            expect(what.startswith(b"BAD"), "a bare CR: %s %r" % (tag, what))
            client.send(b"q LOGIN \"a\rb\" \"c\r\n")
            expect(client.finish_command("q")[1].startswith(b"BAD"), "a line end in a quoted string")
            client.send(b"\r\n")
            expect(client.response()[1].startswith(b"BAD"), "an empty line")
            client.alive()
            client.send(b"\n" * 30 + b"\r" * 10)
            client.bye("[Tt]oo many")
            ended(session, SESSION + "Disconnected: Too many invalid commands" if login
                  else BEFORE % "Too many bad commands")

    both_ways(run)


def imap_parentheses():
    def run(host, tls):
        for login in (False, True):
            client, session = joined(host, "imap", tls, login=login)
            if login:
                client.select()
                for text in (b"SEARCH " + b"(" * 60000, b"SEARCH " + b"(" * 30000 + b"ALL" + b")" * 30000,
                             b"SEARCH " + b"NOT " * 15000 + b"ALL", b"SEARCH " + b"OR " * 20000 + b"ALL",
                             b"FETCH 1 " + b"(" * 60000, b"LIST (" + b"(" * 60000, b"STORE 1 FLAGS " + b"(" * 60000,
                             b"STATUS INBOX " + b"(" * 60000, b"ID " + b"(" * 60000):
                    client.answer(text, "BAD")
                client.flood(b"a SEARCH " + b"(" * 1000000 + b"\r\n")
                expect(client.finish_command("a")[1].startswith(b"BAD"), "a million parentheses")
                client.alive()
                bounded(client, session)
                client.logout()
                ended(session)
            else:
                client.answer(b"ID " + b"(" * 8000, "BAD")
                client.flood(b"a ID " + b"(" * 1000000 + b"\r\n")
                client.bye("too long")
                ended(session, BEFORE % "Too long command")

    both_ways(run)


def imap_many_commands_in_one_write():
    def run(host, tls):
        for login in (False, True):
            client, session = joined(host, "imap", tls, login=login)
            if login:
                client.select()
            data = b"".join(b"n%d NOOP\r\n" % i for i in range(LINES))
            expect(client.flood(data), "cut off")
            for i in range(LINES):
                expect(client.line().startswith(b"n%d OK " % i), "answer %d" % i)
            bounded(client, session)
            client.logout()
            ended(session)

    both_ways(run)


def imap_many_commands_and_no_reading():
    """All of them before anything is read: the server stops taking, holds little, and goes on when it is read from."""
    with Host() as host:
        host.fill("kevin", "one")
        client, session = joined(host, "imap")
        client.select()
        line = b"n FETCH 1 BODY.PEEK[]\r\n"
        sent = client.fill_pipes(line * LINES, again=True)
        expect(sent > len(line), "nothing was taken")
        bounded(client, session)
        client.flood(line[sent % len(line):])
        client.send(b"end LOGOUT\r\n")
        expect(b"\r\nend OK Logout completed.\r\n" in client.rest()[-100:], "it did not go on")
        ended(session, SESSION + "Disconnected: Logged out")


def imap_garbage():
    noise = random.Random(2)

    def run(host, tls):
        for login in (False, True):
            for data in (noise.randbytes(200000), bytes(range(256)) * 500, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 30,
                         b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 3000, b"\xff" * 300 + b"\r\n" * 30):
                client, session = joined(host, "imap", tls, login=login)
                whole = client.flood(data + b"\r\n" * 40)
                bounded(client, session)
                rest = client.rest().split(b"\r\n")
                # OpenSSL reads nothing more once a write has failed
                if whole or not tls:
                    expect(rest[-2:][0].startswith(b"* BYE "), "last words: %r" % rest[-2:])
                ended(session, SESSION + "Disconnected: " if login else "Disconnected.*rip=127")

    both_ways(run)


def imap_refused_names():
    """A NO is an answer to somebody who speaks IMAP, however many in a row."""
    with Host() as host:
        client, session = joined(host, "imap")
        client.answer("SUBSCRIBE gone", "OK")
        for _ in range(30):
            client.answer('SELECT "&bad-"', "NO", "mUTF-7")
            client.answer("SELECT gone", "NO", "doesn't exist")
        client.logout()
        ended(session)


def imap_idle_misuse():
    def run(host, tls):
        client, session = joined(host, "imap", tls)
        client.select()

        def idle(data, word):
            client.send(b"i IDLE\r\n" + data)
            text = client.finish_command("i")[1]
            expect(text.startswith(word), "IDLE and %r: %r" % (data[:60], text))

        idle(b"DONE\r\n", b"OK")
        idle(b"done\r\n", b"OK")
        idle(b"DONE\n", b"OK")
        idle(b"n NOOP\r\n", b"BAD")
        idle(b"\r\n", b"BAD")
        idle(b"DONE DONE\r\n", b"BAD")
        idle(b"DO\0NE\r\n", b"BAD")
        client.alive()
        client.answer("DONE", "BAD")
        # pipelined behind: both are run, in order
        client.send(b"i IDLE\r\nDONE\r\nn1 NOOP\r\nj IDLE\r\nDONE\r\nn2 NOOP\r\n")
        for tag in ("i", "n1", "j", "n2"):
            expect(client.finish_command(tag)[1].startswith(b"OK"), tag)
        tag = "t" * 5000
        client.send(tag.encode() + b" IDLE\r\nDONE\r\n")
        expect(client.finish_command(tag)[1].startswith(b"OK"), "a long tag")
        for _ in range(2000):
            client.send(b"i IDLE\r\nDONE\r\n")
        for _ in range(2000):
            client.finish_command("i")
        bounded(client, session)
        client.alive()
        # a command instead of DONE, with a literal: not one byte of it may run
        evil = b"e1 CREATE evil\r\ne2 CREATE evil2\r\n"
        for line in (b"s APPEND INBOX {%d+}\r\n" % len(evil), b"x" * 3000 + b"{%d+}\r\n" % len(evil),
                     b"x" * 100000 + b"{%d+}\r\n" % len(evil)):
            client.flood(b"i IDLE\r\n" + line + evil)  # it may be told to go before it has sent all
            expect(client.finish_command("i")[1].startswith(b"BAD"), "%r instead of DONE" % line[:30])
            client.bye("DONE")
            ended(session, SESSION + "Disconnected: No DONE after IDLE")
            client, session = joined(host, "imap", tls)
        lists = client.answer('LIST "" *', "OK")
        expect(not any(b"evil" in row for row in lists), "a literal behind IDLE was run: %r" % lists)
        client.logout()
        ended(session)

    both_ways(run)


def imap_authenticate_misuse():
    def run(host, tls):
        client, session = joined(host, "imap", tls, login=False)
        for line, like in ((b"*", "abort"), (b"!!!", "base64"), (b"x" * 9000, ""), (b"", ""), (b"AGtldmlu\0", ""),
                           (b"=", ""), (b"AGtldmluAHNlY3JldA", ""), (b"n NOOP", "")):
            client.send(b"a AUTHENTICATE PLAIN\r\n" + line + b"\r\n")
            text = client.finish_command("a")[1]
            expect(text.startswith((b"BAD", b"NO")), "%r: %r" % (line[:50], text))
        client.alive()
        client.login()
        client.logout()
        ended(session)

    both_ways(run)


# --- POP3


def pop3_long_lines():
    def run(host, tls):
        for login in (False, True):
            client, session = joined(host, "pop3", tls, login=login)
            client.answer(b"NOOP " + b"x" * 20000, "-ERR", "too long")
            client.flood(b"USER " + b"x" * 3 * MB + b"\r\n")
            expect(b"too long" in client.reply(), "3 MB of one line")
            client.answer("CAPA", "+OK")
            client.data()
            bounded(client, session)
            client.answer("QUIT", "+OK")
            ended(session)

    both_ways(run)


def pop3_nul_cr_lf():
    def run(host, tls):
        for login in (False, True):
            client, session = joined(host, "pop3", tls, login=login)
            for text in (b"NO\0OP", b"CA\0PA", b"\0", b"", b"QUIT\rQUIT", b"RETR 1\r1", b"\x80\xff", b"(" * 8000,
                         b"USER", b"PASS", b"APOP x y", b"AUTH !!! x", b"RETR", b"RETR 0", b"RETR -1", b"RETR 1 1",
                         b"RETR 99999999999999999999", b"TOP 1", b"TOP 1 -1"):
                client.answer(text, "-ERR")
            client.send(b"CAPA\n")
            client.ok()
            client.data()
            client.send(b"\n" * 30)
            client.bye("[Tt]oo many")
            ended(session, POP3_SESSION + "Disconnected: Too many bad commands" if login
                  else POP3_BEFORE % "Too many bad commands")

    both_ways(run)


def pop3_many_commands_in_one_write():
    def run(host, tls):
        for login in (False, True):
            client, session = joined(host, "pop3", tls, login=login)
            expect(client.flood(b"NOOP\r\n" * LINES), "cut off")
            for i in range(LINES):
                expect(client.line().startswith(b"+OK"), "answer %d" % i)
            bounded(client, session)
            client.answer("QUIT", "+OK")
            ended(session)

    both_ways(run)


def pop3_garbage():
    noise = random.Random(3)

    def run(host, tls):
        for login in (False, True):
            for data in (noise.randbytes(200000), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 30, b"\xff" * 300 + b"\r\n" * 30):
                client, session = joined(host, "pop3", tls, login=login)
                whole = client.flood(data + b"\r\n" * 40)
                if whole or not tls:
                    client.bye()
                else:
                    client.rest()
                ended(session, POP3_SESSION + "Disconnected: " if login else "Disconnected.*rip=127")

    both_ways(run)


run_tests([imap_long_lines, imap_endless_line, imap_literals, imap_literals_are_never_commands, imap_nul_cr_lf,
           imap_parentheses, imap_many_commands_in_one_write, imap_many_commands_and_no_reading, imap_garbage,
           imap_refused_names, imap_idle_misuse, imap_authenticate_misuse, pop3_long_lines, pop3_nul_cr_lf, pop3_many_commands_in_one_write,
           pop3_garbage])

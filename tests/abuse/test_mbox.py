#!/usr/bin/env python3
"""Spools that are no clean mboxes: what can be read is read, and changed without losing a byte of it; what is none is
refused and left as it is."""

import os
import shutil

from common import Host, ended, expect, joined, run_tests, same

FROM = b"From a@example.org Tue Nov 14 23:12:20 2023\n"
HEAD = b"From: a@example.org\nSubject: s\n"
ONE = FROM + HEAD + b"\none\n\n"
GB = 1 << 30

# name: (content, number of messages)
SPOOLS = {
    "one": (ONE, 1),
    "no empty line between": ((FROM + HEAD + b"\nx\n") * 3, 3),
    "no line end at the end": (ONE + FROM + HEAD + b"\nlast", 2),
    "no body": (FROM + HEAD, 1),
    "no header": (FROM, 1),
    "From_ lines only": (FROM * 50, 50),
    "a From_ line at the end": (ONE + FROM, 2),
    "a From_ line without an end": (ONE + FROM[:-1], 2),
    "CRLF": (ONE.replace(b"\n", b"\r\n") * 2, 2),
    "CRLF half way": (ONE + ONE.replace(b"\n", b"\r\n") + ONE, 3),
    "From in a body": (FROM + HEAD + b"\nFrom here on\n>From there\nFrom\nFrom: x\n\n" + ONE, 2),
    "a length that is true": (FROM + HEAD + b"Content-Length: %d\n\n" % (len(FROM) * 3) + FROM * 3 + b"\n" + ONE, 2),
    "a length that is not": (FROM + HEAD + b"Content-Length: 99999999999999999999\n\nx\n\n" + ONE, 2),
    "lengths of nothing": (FROM + HEAD + b"Content-Length: -1\nContent-Length:\nContent-Length: 0x7\n\nx\n\n", 1),
    "NULs": (FROM + HEAD + b"\n" + b"\0" * 5000 + b"\n\n" + ONE, 2),
    "NULs in the header": (FROM + b"Sub\0ject: \0\nStatus: \0R\n\nx\n\n" + ONE, 2),
    "all bytes": (FROM + HEAD + b"\n" + bytes(range(256)) * 20 + b"\n\n" + ONE, 2),
    "status of all kinds": (FROM + b"Status: ROXYZ\nX-Status: AFTD?\nX-Keywords: a b \xff c\nX-UID: 99999999999\nX-UID: 7\n"
                            b"Status:\nX-UID: -1\n" + HEAD + b"\nx\n\n" + ONE, 2),
    "a base that is none": (FROM + b"X-IMAPbase: 0 0\nX-UID: 5\n" + HEAD + b"\nx\n\n" + ONE, 2),
    "a base in the second": (ONE + FROM + b"X-IMAPbase: 1 99\nX-UID: 98\n" + HEAD + b"\nx\n\n", 2),
    "UIDs that go down": (FROM + b"X-IMAPbase: 77 0000000009\nX-UID: 9\n" + HEAD + b"\nx\n\n" + FROM + b"X-UID: 3\n" + HEAD +
                          b"\ny\n\n" + FROM + b"X-UID: 3\n" + HEAD + b"\nz\n\n", 3),
    "the highest UID": (FROM + b"X-IMAPbase: 77 4294967295\nX-UID: 4294967295\n" + HEAD + b"\nx\n\n" + ONE, 2),
    "a last UID that leaves none": (FROM + b"X-IMAPbase: 77 4294901758\nX-UID: 1\n" + HEAD + b"\nx\n\n" + ONE + ONE, 3),
    "a UID that leaves none": (FROM + b"X-IMAPbase: 77 0000000001\nX-UID: 1\n" + HEAD + b"\nx\n\n" +
                               FROM + b"X-UID: 4294901758\n" + HEAD + b"\ny\n\n" + ONE + ONE, 4),
    "a fold that does not end": (FROM + b"Subject: x\n" + b" y\n" * 20000 + b"\nx\n\n" + ONE, 2),
    "no field": (FROM + b"no field\n\nx\n\n" + ONE, 2),
    "a header of a megabyte": (FROM + b"Subject: " + b"z" * (1 << 20) + b"\nStatus: R\n\nx\n\n" + ONE, 2),
    "20,000 fields": (FROM + b"".join(b"X-%d: %d\n" % (i, i) for i in range(20000)) + b"\nx\n\n" + ONE, 2),
    "a line of a megabyte": (FROM + HEAD + b"\n" + b"x" * (1 << 20) + b"\n\n" + ONE, 2),
    "line ends": (FROM + HEAD + b"\n" * 5000 + ONE, 2),
    "the same twice": (ONE * 40, 40),
}

NONE = {
    "text": b"hello\n" * 100,
    "an empty line first": b"\n" + ONE,
    "NULs": b"\0" * 10000,
    "a header first": HEAD + b"\nx\n\n" + ONE,
    "From without a date": b"From me\n" + HEAD + b"\nx\n",
    "quoted": b">" + ONE,
}


def host_with(content=None):
    host = Host(settings="mail_location = mbox:~/mail:INBOX=~/spool\nmail_max_keyword_length = 50\n")
    host.__enter__()
    spool = os.path.join(host.home("kevin"), "spool")
    os.makedirs(os.path.join(host.home("kevin"), "mail"), exist_ok=True)
    if content is not None:
        with open(spool, "wb") as f:
            f.write(content)
    host.give(host.home("kevin"))
    return host, spool


def messages(client, n, what):
    found = client.fetch("1:* (UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE BODY.PEEK[])") if n else {}
    expect(len(found) == n, "%s: %d messages, expected %d" % (what, len(found), n))
    for seq, items in found.items():
        text = items["BODY[]"] or b""
        expect(len(text) == items["RFC822.SIZE"], "%s %d: size %d, got %d" % (what, seq, items["RFC822.SIZE"], len(text)))
    return [found[seq] for seq in sorted(found)]


def one_spool(name, content, n):
    host, spool = host_with(content)
    try:
        client, session = joined(host, "imap")
        expect(client.exists() == n, "%s: EXISTS" % name)
        first = messages(client, n, name)
        client.answer("STORE 1:* +FLAGS.SILENT (\\Flagged $Odd)", "OK")
        client.logout()
        ended(session)
        shutil.rmtree(os.path.join(host.home("kevin"), "mail", ".imap"))
        client, session = joined(host, "imap")
        client.select()
        again = messages(client, n, name + ", again")
        for a, b in zip(first, again):
            same(b["BODY[]"] or b"", a["BODY[]"] or b"", name + ", the text")
            for item in ("UID", "INTERNALDATE", "ENVELOPE"):
                expect(a[item] == b[item], "%s: %s was %r, is %r" % (name, item, a[item], b[item]))
            expect("\\Flagged" in b["FLAGS"], "%s: flags %r" % (name, b["FLAGS"]))
        client.logout()
        ended(session)
        pop3, session = joined(host, "pop3")
        for i, b in enumerate(again):
            text = b["BODY[]"] or b""
            got = pop3.many("RETR %d" % (i + 1))
            # POP3 ends each message with a line end; IMAP has no NULs
            same(got.replace(b"\0", b"\x80"), text if text.endswith(b"\r\n") or not text else text + b"\r\n", name + ", RETR")
        for i in range(0, n, 2):
            pop3.answer("DELE %d" % (i + 1), "+OK")
        pop3.answer("QUIT", "+OK")
        ended(session)
        client, session = joined(host, "imap")
        expect(client.exists() == n // 2, "%s: EXISTS after QUIT" % name)
        left = messages(client, n // 2, name + ", left")
        for a, b in zip(again[1::2], left):
            same(b["BODY[]"] or b"", a["BODY[]"] or b"", name + ", what is left")
            expect(a["UID"] == b["UID"], "%s: UID of what is left" % name)
        client.answer("STORE 1:* +FLAGS.SILENT (\\Deleted)" if n > 1 else "NOOP", "OK")
        client.answer("EXPUNGE", "OK")
        client.logout()
        ended(session)
        expect(os.path.getsize(spool) == 0, "%s: %d bytes are left of nothing" % (name, os.path.getsize(spool)))
    finally:
        host.__exit__(None, None, None)


def odd_spools():
    for name, (content, n) in SPOOLS.items():
        one_spool(name, content, n)


def what_is_no_mbox():
    for name, content in NONE.items():
        host, spool = host_with(content)
        try:
            before = os.stat(spool)
            client, session = joined(host, "imap")
            client.answer("SELECT INBOX", "NO")
            client.answer("STATUS INBOX (MESSAGES)", "NO")
            client.answer("APPEND INBOX {5+}\r\na: b\n", "NO")
            client.alive()
            session.wait_log(r"spool is no mbox: there is no \"From \" line at byte 0")
            client.logout()
            ended(session)
            with open(spool, "rb") as f:
                same(f.read(), content, name)
            after = os.stat(spool)
            expect(before.st_mtime_ns == after.st_mtime_ns, name + ": touched")
        finally:
            host.__exit__(None, None, None)


def what_is_no_file():
    for name in ("directory", "fifo", "link"):
        host, spool = host_with()
        secret = host.path("secret")
        try:
            with open(secret, "wb") as f:
                f.write(ONE)
            if name == "directory":
                os.mkdir(spool)
            elif name == "fifo":
                os.mkfifo(spool)
            elif name == "link":
                os.symlink(secret, os.path.join(host.home("kevin"), "mail", "link"))
            client, session = joined(host, "imap")
            mailbox = "link" if name == "link" else "INBOX"
            client.answer("SELECT " + mailbox, "NO")
            client.alive()
            client.logout()
            ended(session)
        finally:
            host.__exit__(None, None, None)


def two_gigabytes():
    """Offsets beyond 2^31, in a file with a hole."""
    host, spool = host_with()
    try:
        with open(spool, "wb") as f:
            f.write(FROM + HEAD + b"\n")
            f.seek(2 * GB + 5000)
            f.write(b"\n\n" + ONE + ONE)
        host.give(spool)
        client, session = joined(host, "imap")
        expect(client.exists() == 3, "EXISTS")
        found = client.fetch("1:3 (UID RFC822.SIZE)")
        expect(found[1]["RFC822.SIZE"] > 2 * GB, "size %d" % found[1]["RFC822.SIZE"])
        expect(client.fetch("3 BODY.PEEK[TEXT]")[3]["BODY[TEXT]"] == b"one\r\n", "the third")
        client.answer("STORE 1 +FLAGS.SILENT (\\Deleted)", "OK")
        client.answer("EXPUNGE", "OK")
        expect(client.fetch("2 BODY.PEEK[TEXT]")[2]["BODY[TEXT]"] == b"one\r\n", "the second")
        client.logout()
        ended(session)
        expect(os.path.getsize(spool) < 4096, "%d bytes" % os.path.getsize(spool))
    finally:
        host.__exit__(None, None, None)


run_tests([odd_spools, what_is_no_mbox, what_is_no_file, two_gigabytes])

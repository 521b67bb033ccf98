#!/usr/bin/env python3
"""What a FETCH says does not depend on whether it is known from an earlier one: the same answers from the messages, from
the cache, and when the cache was deleted; and what is known takes no message file."""

import contextlib
import glob
import imaplib
import os

from common import NAMES, Failed, fixtures, run_tests, same, serving

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "fuzz", "corpus")
NAMED = "From To Cc Bcc Subject Date Message-ID References In-Reply-To Reply-To Content-Type"
KNOWN = ["ENVELOPE", "BODY", "BODYSTRUCTURE", "FLAGS RFC822.SIZE INTERNALDATE UID", "ENVELOPE BODYSTRUCTURE RFC822.SIZE"] + [
    "BODY.PEEK[HEADER.FIELDS (%s)]%s" % what
    for what in ((NAMED, ""), ("Subject", ""), ("To from", "<0.20>"), (NAMED, "<7.100>"), ("List-Id", ""))]
READ = ["BODY.PEEK[]", "BODY.PEEK[HEADER.FIELDS.NOT (Subject)]"]
EXTRA = " X-Nobody-Has-This"


@contextlib.contextmanager
def session(ports):
    with imaplib.IMAP4("127.0.0.1", ports["imap"], timeout=60) as client:
        client.login("kevin", "secret")
        client.select("INBOX", readonly=True)
        yield client


def fetch(client, what, which="1:*"):
    kind, data = client.fetch(which, "(%s)" % what)
    if kind != "OK":
        raise Failed("FETCH %s: %r" % (what, data))
    return data


def answers(ports, commands):
    with session(ports) as client:
        return [fetch(client, what) for what in commands]


def corpus():
    """The messages of the fuzz corpora that are mail."""
    for folder in ("imap-message", "mime-parts", "header"):
        for path in sorted(glob.glob(os.path.join(CORPUS, folder, "*"))):
            with open(path, "rb") as message:
                yield message.read()


def add_corpus(host, largest=1 << 20):
    cur = os.path.join(host.maildir(), "cur")
    for number, message in enumerate(corpus()):
        if len(message) > largest:
            continue
        path = os.path.join(cur, "%d.M%dP1.corpus:2," % (fixtures.EPOCH + 1000 + number, number))
        with open(path, "wb") as out:
            out.write(message)
        os.utime(path, (fixtures.EPOCH, fixtures.EPOCH))
        host.give(path)


def forget(host):
    for path in glob.glob(os.path.join(host.maildir(), "mailsession.*")):
        os.unlink(path)


def equal(got, want, what):
    for command, a, b in zip(KNOWN + READ, got, want):
        if a != b:
            at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), -1)
            raise Failed("%s: %s: %.300r, expected %.300r" % (what, command, a[at], b[at]))


def cached_as_read():
    with serving("imap", mailbox=" ".join(NAMES)) as (host, ports):
        add_corpus(host)
        first = answers(ports, KNOWN + READ)
        if len(first[0]) < 40:
            raise Failed("%d messages" % len(first[0]))
        if not glob.glob(os.path.join(host.maildir(), "mailsession.cache")):
            raise Failed("nothing is kept")
        equal(answers(ports, KNOWN + READ), first, "from the cache")
        os.unlink(os.path.join(host.maildir(), "mailsession.cache"))
        equal(answers(ports, KNOWN + READ), first, "without the cache")
        forget(host)
        equal(answers(ports, reversed(KNOWN + READ))[::-1], first, "in another order")


def literals(data):
    return [item[1] for item in data if isinstance(item, tuple)]


def fields_as_read():
    """One more name, which is not among those that are kept, and the message itself is asked."""
    with serving("imap", mailbox=" ".join(NAMES)) as (host, ports):
        add_corpus(host)
        with session(ports) as client:
            for fields in (NAMED, "Subject", "to CC subject", "Content-Type MIME-Version", "Received From"):
                for partial in ("", "<0.10>", "<13.50>"):
                    what = "BODY.PEEK[HEADER.FIELDS (%s%s)]" + partial
                    for _ in range(2):
                        got = literals(fetch(client, what % (fields, "")))
                        want = literals(fetch(client, what % (fields, EXTRA)))
                        for number, (a, b) in enumerate(zip(got, want), 1):
                            same(a, b, "message %d, %s%s" % (number, fields, partial))


def known_takes_no_file():
    with serving("imap", mailbox=" ".join(NAMES)) as (host, ports):
        add_corpus(host, largest=1000)  # a large structure is not kept
        first = answers(ports, KNOWN)
        for path in glob.glob(os.path.join(host.maildir(), "cur", "*")):
            with open(path, "r+b") as out:
                out.truncate(0)
        equal(answers(ports, KNOWN), first, "with empty files")
        for path in glob.glob(os.path.join(host.maildir(), "cur", "*")):
            os.chmod(path, 0)
        equal(answers(ports, KNOWN), first, "with unreadable files")


def large_in_pieces():
    line = b"".join(b"%06d " % number for number in range(9)) + b"\n"
    part = b"".join(line[number % 50:] for number in range(50000))
    text = (b"Subject: large\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nshort\n--b\n"
            b"Content-Type: application/octet-stream\n\n" + part + b"\n--b--\n")
    with serving("imap", mailbox="empty") as (host, ports):
        path = os.path.join(host.maildir(), "cur", "%d.M1P1.large:2,S" % fixtures.EPOCH)
        with open(path, "wb") as out:
            out.write(text)
        host.give(path)
        with session(ports) as client:
            for section, whole in (("", text), ("TEXT", text.split(b"\n\n", 1)[1]), ("2", part)):
                whole = whole.replace(b"\n", b"\r\n")
                got, size = b"", 99991
                while len(got) % size == 0 and len(got) <= len(whole):
                    piece = fetch(client, "BODY.PEEK[%s]<%d.%d>" % (section, len(got), size))
                    if not literals(piece)[0]:
                        break
                    got += literals(piece)[0]
                same(got, whole, "BODY[%s]" % section)
                same(literals(fetch(client, "BODY.PEEK[%s]" % section))[0], whole, "BODY[%s] at once" % section)


if __name__ == "__main__":
    run_tests([cached_as_read, fields_as_read, known_takes_no_file, large_in_pieces])

#!/usr/bin/env python3
"""Dovecot and mailsession on the same Maildir: taking over, handing back, at the same time, and the same answers."""

import os
import re

from common import NAMES, Failed, Host, fixtures, run_tests
from dovecot import Dovecot, Ours

MAILBOX = " ".join(NAMES)


def facts(text):
    """UIDVALIDITY, UIDNEXT of a SELECT's answer."""
    return {key.decode(): int(value) for key, value in re.findall(rb"\[(UIDVALIDITY|UIDNEXT) (\d+)\]", text)}


def messages(server):
    """{uid: (flags, subject)} of the selected mailbox."""
    text = server.command("fetch 1:* (uid flags body.peek[header.fields (subject)])")
    found = {}
    for row in re.split(rb"\r\n(?=\* \d+ FETCH)", text):
        uid = re.search(rb"UID (\d+)", row)
        flags = re.search(rb"FLAGS \(([^)]*)\)", row)
        subject = re.search(rb"(?i)subject: ([^\r]*)", row)
        if uid and flags:
            found[int(uid[1])] = (frozenset(flags[1].split()) - {b"\\Recent"}, subject[1] if subject else b"")
    return found


def append(server, name):
    data = fixtures.wire(name)
    server.say(b"p append INBOX (\\Flagged appended) {%d+}\r\n" % len(data) + data + b"\r\n")
    return server.until("p ")


def same(a, b, what):
    if a != b:
        raise Failed("%s differ:\nDovecot %r\nours    %r" % (what, a, b))


def there_and_back():
    """Dovecot serves first, then we, then Dovecot, then we: no UID changes, nothing is lost."""
    with Host() as host:
        host.fill("kevin", MAILBOX)
        first = Ours(host)  # makes the host's Maildir belong to nobody, as every later session here
        first.finish()
        for name in ("dovecot-uidlist", "dovecot-keywords", "dovecot-uidvalidity"):
            if os.path.exists(os.path.join(host.maildir(), name)):
                os.unlink(os.path.join(host.maildir(), name))
        theirs = Dovecot(host, host.maildir())
        start = facts(theirs.command("select INBOX"))
        theirs.command("store 2 +flags (\\Answered todo $Forwarded)")
        theirs.command("store 3 +flags (\\Deleted)")
        theirs.command("expunge")
        append(theirs, "plain")
        before = messages(theirs)
        theirs.finish()
        ours = Ours(host)
        now = facts(ours.command("select INBOX"))
        same(start["UIDVALIDITY"], now["UIDVALIDITY"], "UIDVALIDITY")
        same(before, messages(ours), "messages")
        ours.command("store 4 +flags (\\Seen later)")
        ours.command("store 5 +flags (\\Deleted)")
        ours.command("expunge")
        append(ours, "utf8")
        after = messages(ours)
        next_uid = facts(ours.command("select INBOX"))["UIDNEXT"]
        ours.finish()
        theirs = Dovecot(host, host.maildir())
        text = theirs.command("select INBOX")
        same(facts(text)["UIDVALIDITY"], now["UIDVALIDITY"], "UIDVALIDITY back at Dovecot")
        same(messages(theirs), after, "messages back at Dovecot")
        same(facts(theirs.command("select INBOX"))["UIDNEXT"], next_uid, "UIDNEXT")
        theirs.finish()


def at_the_same_time():
    """Each sees what the other does, in a session that stays open."""
    with Host() as host:
        host.fill("kevin", MAILBOX)
        ours = Ours(host)
        ours.command("select INBOX")
        theirs = Dovecot(host, host.maildir())
        theirs.command("select INBOX")
        same(messages(theirs), messages(ours), "messages at the start")
        theirs.command("store 1 +flags (\\Flagged both)")
        ours.command("store 2 +flags (\\Answered mine)")
        for server in (ours, theirs):
            server.command("noop")
        same(messages(theirs), messages(ours), "messages after flags")
        append(theirs, "plain")
        append(ours, "utf8")
        theirs.command("store 3 +flags (\\Deleted)")
        theirs.command("expunge")
        ours.command("store 4 +flags (\\Deleted)")
        ours.command("expunge")
        for server in (ours, theirs, ours, theirs):
            server.command("noop")
        same(messages(theirs), messages(ours), "messages at the end")
        ours.finish()
        theirs.finish()


def folders_and_subscriptions():
    with Host() as host:
        host.fill("kevin", MAILBOX)
        ours = Ours(host)
        for text in ("create Work.2024", "create \"Entw&APw-rfe\"", "subscribe Work.2024", "subscribe \"Entw&APw-rfe\"",
                     "create Gone", "delete Gone", "copy 1:2 Work.2024"):
            ours.command("select INBOX") if text.startswith("copy") else None
            answer = ours.command(text)
            if b"d OK" not in answer:
                raise Failed("%s: %r" % (text, answer))
        theirs = Dovecot(host, host.maildir())

        def names(server, what):
            rows = re.findall(rb'\* (?:LIST|LSUB) \(([^)]*)\) "." ([^\r]*)', server.command(what + ' "" *'))
            return {name.strip(b'"'): b"\\HasChildren" in flags for flags, name in rows}

        same(names(theirs, "list"), names(ours, "list"), "folders")
        same(set(names(theirs, "lsub")), set(names(ours, "lsub")), "subscriptions")
        theirs.command("select Work.2024")
        ours.command("select Work.2024")
        same(messages(theirs), messages(ours), "copied messages")
        theirs.command("rename Work.2024 Done.2024")
        theirs.command("unsubscribe Work.2024")
        ours.command("unselect")
        same(names(theirs, "list"), names(ours, "list"), "folders after a rename")
        same(set(names(theirs, "lsub")), set(names(ours, "lsub")), "subscriptions after")
        ours.finish()
        theirs.finish()


ITEMS = ("uid rfc822.size internaldate", "envelope", "body", "bodystructure", "body.peek[]", "body.peek[header]",
         "body.peek[text]", "body.peek[1]", "body.peek[1.mime]", "body.peek[2]", "body.peek[1.1]", "body.peek[2.header]",
         "body.peek[2.text]", "body.peek[2.1]", "body.peek[header.fields (subject to x-none)]",
         "body.peek[header.fields.not (subject received)]", "body.peek[]<10.50>", "body.peek[text]<0.7>",
         "body.peek[1]<3.100000>", "rfc822.header")


# RFC 3501 section 6.4.5 numbers the parts of a multipart and of a message only; Dovecot gives a leaf again as its own part 1
DECIDED = {("alternative", "body.peek[1.1]"), ("alternative", "body.peek[2.1]"), ("attachment", "body.peek[1.1]"),
           ("attachment", "body.peek[2.1]"), ("nested", "body.peek[1.1]")}


def same_answers():
    """FETCH of everything, message by message."""
    with Host() as host:
        host.fill("kevin", MAILBOX)
        ours = Ours(host)
        ours.command("examine INBOX")
        theirs = Dovecot(host, host.maildir())
        theirs.command("examine INBOX")
        different = []
        for item in ITEMS:
            for number in range(1, len(NAMES) + 1):
                a, b = (server.command("fetch %d (%s)" % (number, item)) for server in (theirs, ours))
                a, b = (re.sub(rb"d OK.*", b"d OK", text) for text in (a, b))
                if a != b and (NAMES[number - 1], item) not in DECIDED:
                    different.append("%s %s:\n  Dovecot %r\n  ours    %r" % (NAMES[number - 1], item, a[-600:], b[-600:]))
        ours.finish()
        theirs.finish()
        if different:
            raise Failed("%d answers differ\n%s" % (len(different), "\n".join(different[:12])))


run_tests([there_and_back, at_the_same_time, folders_and_subscriptions, same_answers])

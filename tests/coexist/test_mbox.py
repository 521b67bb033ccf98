#!/usr/bin/env python3
"""Dovecot and mailsession take turns on one mbox, and have it open at the same time: UIDVALIDITY, UIDs, flags, keywords,
sizes, INTERNALDATE, ENVELOPE and the bytes are the same for both, whoever wrote last; also when only the mbox is left and
all indexes are gone."""

import os
import re
import shutil

from common import Failed, Host, facts, rows, run_tests, same
from dovecot import Dovecot, Ours
import fixtures
import formats

MAILBOX = "plain:S utf8:FS alternative:RS attachment nested:T eightbit:D longlines dots html:F quoted crlf mixed-ends"
ODD = "eightbit longlines headeronly nobody nolastline empty notmail nul plain"
ITEMS = ("flags", "rfc822.size", "internaldate", "envelope", "body.peek[]")
SETTINGS = {"MBOX_READ_LOCKS": "fcntl", "MBOX_WRITE_LOCKS": "fcntl dotlock"}


def theirs_of(host, protocol="imap", **settings):
    server = Dovecot(host, host.maildir(), protocol, MAIL_LOCATION=host.mail().location(), **{**SETTINGS, **settings})
    if protocol == "imap":  # the other one has no greeting
        server.until("* PREAUTH")
    return server


def ours_of(host):
    return Ours(host)


def select(server, folder="INBOX"):
    return facts(server.command("select " + folder))


def value(item, row):
    """What a FETCH answer says of an item."""
    if item == "flags":
        return frozenset(re.search(rb"FLAGS \(([^)]*)\)", row)[1].split()) - {b"\\Recent"}
    return re.sub(rb"^.*?(?i:%s) " % re.escape(item.replace(".peek", "").encode()), b"", row, flags=re.S)


def messages(server):
    """{uid: {item: value}}"""
    found = {}
    for item in ITEMS:
        text = server.command("fetch 1:* (uid %s)" % item)
        for _, row in rows(text[:text.rfind(b"\r\n", 0, -2)]):
            uid = int(re.search(rb"UID (\d+)", row)[1])
            row = re.sub(rb"UID \d+ ?", b"", row, count=1)
            found.setdefault(uid, {})[item] = value(item, row)
    return found


def agree(host, who, known, what):
    """The server that comes now sees what the one before saw."""
    server = who(host)
    try:
        same_state(known, state(server), what)
    finally:
        server.finish()


def same_messages(want, got, what):
    same(sorted(want), sorted(got), what + ": UIDs")
    for uid, items in want.items():
        same(items, got[uid], "%s: UID %d" % (what, uid))


def state(server):
    """What it says of the mailbox now."""
    return select(server), messages(server)


def same_state(want, got, what):
    same(want[0], got[0], what + ": SELECT")
    same_messages(want[1], got[1], what)


def append(server, name, flags, date, folder="INBOX"):
    data = fixtures.wire(name)
    server.say(b"p append %s (%s) \"%s\" {%d+}\r\n" % (folder.encode(), flags.encode(), date.encode(), len(data)) + data + b"\r\n")
    answer = server.until("p ")
    if b"p OK" not in answer:
        raise Failed("APPEND: %r" % answer)


def work(server, word):
    """Of everything something, with keywords named after the worker; the messages are those of MAILBOX or what became of
    them."""
    for text in ("store 1 +flags (\\Answered %s-a)" % word, "store 2 flags (%s-b $Forwarded)" % word,
                 "store 4 +flags (\\Flagged %s-a-name-for-which-more-room-is-needed %s-c)" % (word, word),
                 "store 1 +flags (%s-d %s-and-one-more-for-the-padding)" % (word, word),
                 "store 3,5 +flags (\\Deleted)", "expunge", "store 3 -flags (\\Seen)", "store 2 -flags ($Forwarded)"):
        answer = server.command(text)
        if b"d OK" not in answer:
            raise Failed("%s: %r" % (text, answer))
    append(server, "plain", "\\Seen %s-new" % word, " 5-Feb-2021 03:04:05 +0000")
    append(server, "crlf", "\\Draft", "31-Dec-2022 23:59:59 +0000")


def forget(host):
    """Nothing but the mbox is left."""
    shutil.rmtree(os.path.join(host.home("kevin"), "mail", ".imap"), ignore_errors=True)


def turns(order, lost):
    """Each finds what the one before left, and goes on with it."""
    with Host(format=formats.Mbox) as host:
        host.fill("kevin", MAILBOX)
        ours_of(host).finish()  # the host's files belong to nobody from now on, as every later session does
        forget(host)
        host.give = lambda path: None
        known = None
        for turn, who in enumerate(order):
            server = who(host)
            what = "turn %d, %s" % (turn + 1, "ours" if who is ours_of else "Dovecot")
            try:
                select(server)
                if known:
                    same_state(known, state(server), what)
                work(server, "k%d" % (turn % 3))  # 26 keywords are all there can be
                known = state(server)
            finally:
                server.finish()
            if lost:
                forget(host)


def dovecot_first():
    turns([theirs_of, ours_of, theirs_of, ours_of, theirs_of], lost=False)


def ours_first():
    turns([ours_of, theirs_of, ours_of, theirs_of, ours_of], lost=False)


def dovecot_first_without_indexes():
    turns([theirs_of, ours_of, theirs_of, ours_of, theirs_of], lost=True)


def ours_first_without_indexes():
    turns([ours_of, theirs_of, ours_of, theirs_of, ours_of], lost=True)


def only_looked_at():
    """Whoever reads a new mbox gives it its UIDs; the other one keeps them, though nothing was changed."""
    for first, second, mailbox in ((ours_of, theirs_of, MAILBOX), (theirs_of, ours_of, MAILBOX),
                                   (ours_of, theirs_of, ODD), (theirs_of, ours_of, ODD)):
        with Host(format=formats.Mbox) as host:
            host.fill("kevin", mailbox)
            server = ours_of(host)
            host.give = lambda path: None
            server.finish()
            server = first(host)
            known = state(server)
            server.finish()
            agree(host, second, known, "after a look")
            forget(host)
            agree(host, first, known, "after a look at the mbox alone")


def at_the_same_time():
    """Both have it open; each sees what the other, and what an MTA, does at the next NOOP."""
    with Host(format=formats.Mbox) as host:
        host.fill("kevin", MAILBOX)
        ours, give = ours_of(host), host.give
        host.give = lambda path: None
        theirs = theirs_of(host, MBOX_LAZY_WRITES="no")  # else flags are written at the end
        try:
            same(select(ours), select(theirs), "SELECT")
            same_messages(messages(theirs), messages(ours), "at the start")
            for round in range(3):
                theirs.command("store 1 +flags (\\Flagged d%d)" % round)
                ours.command("store 2 +flags (\\Answered o%d)" % round)
                again(host, theirs, ours, "flags, round %d" % round)
                host.mail().deliver("quoted", "", give)
                again(host, theirs, ours, "a delivery, round %d" % round)
                append(theirs, "plain", "both", " 1-Jan-2023 00:00:00 +0000")
                append(ours, "utf8", "\\Seen both", " 2-Jan-2023 00:00:00 +0000")
                again(host, theirs, ours, "APPEND, round %d" % round)
                for server in (theirs, ours):
                    server.command("store 3 +flags (\\Deleted)")
                    server.command("expunge")
                again(host, theirs, ours, "EXPUNGE, round %d" % round)
        finally:
            ours.finish()
            theirs.finish()


def again(host, theirs, ours, what):
    """Dovecot looks at whole seconds: a change in the second of the one before gets a later one."""
    path = host.mail().path("")
    os.utime(path, (0, os.stat(path).st_mtime + 1))
    for server in (ours, theirs, ours, theirs):
        server.command("noop")
    same_messages(messages(theirs), messages(ours), what)




def pop3_lists(server):
    found = []
    for text in ("LIST", "UIDL"):
        server.say(text)
        found += [line for line in server.until(".").split(b"\r\n") if re.match(rb"\d+ ", line)]
    return found


def pop3_quit(server):
    server.say("QUIT")
    if isinstance(server, Ours):
        server.until("+OK")
        server.session.finish()
    else:
        server.finish()


def pop3():
    """LIST and UIDL are the same of both, and what one has deleted is gone for the other."""
    with Host(format=formats.Mbox) as host:
        host.fill("kevin", MAILBOX)
        ours_of(host).finish()
        host.give = lambda path: None
        known, count = None, len(MAILBOX.split())
        for who in (lambda: Ours(host, "pop3"), lambda: theirs_of(host, "pop3")) * 2:
            server = who()
            lists = pop3_lists(server)
            if known:
                same(known, lists, "LIST and UIDL")
            same(2 * count, len(lists), "lines of LIST and UIDL")
            for number in (2, 4):
                server.say("DELE %d" % number)
                server.until("+OK")
            pop3_quit(server)
            count -= 2
            last = who()
            known = pop3_lists(last)
            pop3_quit(last)
            same(2 * count, len(known), "lines after QUIT")


TRACED = b"""From x@example.org  Tue May  2 10:00:00 2023
Return-Path: <x@example.org>
Delivered-To: kevin
Received:   from relay.example.org	
	by mail.example.org;  	
  Tue, 2 May 2023 10:00:00 +0000
Received: from a by b
Date: Tue, 2 May 2023 09:59:58 +0000
Message-Id :  <traced@example.org>
X-Delivery-ID:17
DATE:
Status: O
Content-Length: 5
X-Keywords: one
no field
Delivered-To: kevin@example.org

body

From x@example.org  Tue May  2 10:00:01 2023
message-id: <dated@example.org>
Date:	Tue, 2 May 2023 10:00:01 +0000
	and more
X-Status: A

Date: body

"""


def pop3_names():
    """Sums of headers as UIDLs: of Dovecot, of ours, and again when indexes are gone. Dovecot names two messages alike."""
    count = len((MAILBOX + " " + ODD).split()) + 2
    for template in ("%m", "%g", "%m-%v"):
        for fields in ("apop3d", "all"):
            with Host(format=formats.Mbox, settings="pop3_uidl_format = %s\nmbox_md5 = %s" % (template, fields)) as host:
                host.fill("kevin", MAILBOX + " " + ODD)
                with open(host.mail().path(""), "ab") as spool:
                    spool.write(TRACED)
                ours, theirs = lambda: Ours(host, "pop3"), lambda: theirs_of(host, "pop3", POP3_UIDL_FORMAT=template, MBOX_MD5=fields)
                known = None
                for who in (ours, theirs, ours, theirs):
                    server = who()
                    lists = pop3_lists(server)
                    pop3_quit(server)
                    host.give = lambda path: None
                    same(2 * count, len(lists), "lines of LIST and UIDL")
                    if who is ours:
                        same(count, len({line.split()[1] for line in lists[count:]}), "different ids")
                    lists = [re.sub(rb"\.[0-9a-f]{16}$", b"", line) for line in lists]
                    same(known or lists, lists, "LIST and UIDL with %s of %s" % (template, fields))
                    known = lists
                    if who is theirs and "%v" not in template:
                        forget(host)


run_tests([dovecot_first, ours_first, dovecot_first_without_indexes, ours_first_without_indexes, only_looked_at,
           at_the_same_time, pop3, pop3_names])

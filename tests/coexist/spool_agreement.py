"""When the stress of an mbox spool is over and all is quiet: the same messages for each program that looks, and in the file."""

import os
import re

from common import Failed, rows, same
from dovecot import Ours
from imap_client import Client

KEYWORDS = {"kwo0", "kwo1", "kwo2", "kwd0"}
FETCH = "fetch 1:* (uid flags body.peek[header.fields (x-id)])"


def everything(server, again=True):
    """{uid: (id, flags without Recent)}."""
    if again and b" OK " not in server.command("SELECT INBOX"):
        raise Failed("SELECT was refused")
    if not again:
        server.command("NOOP")
    answer, found = server.command(FETCH), {}
    for _, row in rows(answer):
        uid, flags = re.search(rb"UID (\d+)", row), re.search(rb"FLAGS \(([^)]*)\)", row)
        name = re.search(rb"(?i)\r\nx-id: ([^\r]*)", row)
        if not uid or not flags or not name:
            raise Failed("FETCH: %r" % row)
        found[int(uid[1])] = (name[1].decode(), frozenset(flags[1].decode().split()) - {"\\Recent"})
    return found


def read_all(ledger, host):
    """Every byte of every message is what was written."""
    server = Ours(host)
    server.command("SELECT INBOX")
    client = Client(server, "o all", ledger, True)
    client.folder, count = None, len(everything(server))
    for number in range(1, count + 1):
        _, answer = client.command("FETCH %d (BODY.PEEK[])" % number)
        found = re.search(rb"BODY\[\] \{(\d+)\}\r\n", answer)
        ledger.read("o all", answer[found.end():found.end() + int(found[1])])
    server.command("SELECT Other")
    names = [name for name in re.findall(rb"(?i)\r\nx-id: ([^\r]*)", server.command(FETCH))]
    for name in {*ledger.copied, *(name.decode() for name in names)}:
        same(ledger.copied[name], names.count(name.encode()), "copies of %s in Other" % name)
    server.finish()


def keywords_in_file(spool):
    """{id: keywords}; with it: each id is there once."""
    with open(spool, "rb") as lines:
        text = lines.read()
    ids = [found for found in re.finditer(rb"(?m)^X-Id: ([^\n]*)\n(?:[^\n]+\n)*", text)]
    keywords = {found[1].decode(): re.search(rb"\nX-Keywords:([^\n]*)\n", found[0]) for found in ids}
    same(len(ids), len(keywords), "headers in the file and names in them")
    return {name: frozenset(found[1].decode().split() if found else ()) for name, found in keywords.items()}


def agreement(host, spool, sessions, dovecot, programs):
    strict = [session for session in sessions if session.client.strict]
    for session in sessions:
        if session not in strict:
            session.client.server.finish()  # flags that it has not written yet
    ours = Ours(host)
    final = everything(ours)
    for session in strict:
        same(final, everything(session.client.server, False), "a fresh session of ours (expected) and %s" % session.who)
        session.client.server.finish()
    ours.finish()
    in_file = keywords_in_file(spool)
    same(sorted(name for name, _ in final.values()), sorted(in_file), "messages of ours (expected) and in the file")
    same({name: flags & KEYWORDS for name, flags in final.values()}, in_file, "keywords of ours (expected) and in the file")
    theirs = dovecot()
    same({uid: name for uid, (name, _) in final.items()}, {uid: name for uid, (name, _) in everything(theirs).items()},
         "ours (expected) and Dovecot, fresh,")
    theirs.finish()
    same(len(final), programs.count(), "messages for us (expected) and mutt")
    return final


def nothing_is_left(host, spool):
    left = [name for name in os.listdir(os.path.dirname(spool)) if name != os.path.basename(spool)]
    for directory, _, files in os.walk(host.home("kevin")):
        left += [os.path.join(directory, name) for name in files
                 if name.endswith(".lock") or "mailsession.rewrite" in name or "tmp" in name]
    same([], left, "files that are left")

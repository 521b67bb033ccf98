#!/usr/bin/env python3
"""Taking over from Courier: its imapd (unpacked, not installed) makes the files, then we must give
the same UIDs, UIDVALIDITY, keywords and subscriptions."""

import os
import re
import shutil
import subprocess

from common import Failed, Host, facts, fetch_all, run_tests, same, unpacked
from dovecot import Ours

PACKAGES = ("courier-imap", "courier-base", "courier-authlib", "libcourier-unicode4", "libgdbm6", "libidn12")
COUNT = 6
# Courier watches folders with gamin, whose server would have to be started: a library that says at once it is not there
NO_FAM = """int FAMErrno;
int FAMOpen(void *c) { (void)c; return -1; }
int FAMClose(void *c) { (void)c; return -1; }
int FAMNextEvent(void *c, void *e) { (void)c; (void)e; return -1; }
int FAMPending(void *c) { (void)c; return -1; }
int FAMMonitorDirectory(void *c, const char *n, void *r, void *d) { (void)c; (void)n; (void)r; (void)d; return -1; }
int FAMMonitorFile(void *c, const char *n, void *r, void *d) { (void)c; (void)n; (void)r; (void)d; return -1; }
int FAMCancelMonitor(void *c, void *r) { (void)c; (void)r; return -1; }
"""


def no_fam(host):
    folder = host.path("no-fam")
    if not os.path.isdir(folder):
        os.mkdir(folder)
        subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", os.path.join(folder, "libfam.so.0")],
                       input=NO_FAM.encode(), check=True)
    return folder


def courier(host, commands):
    """One session of Courier's imapd on kevin's Maildir, as its owner; returns what it said."""
    base = unpacked("courier", *PACKAGES)
    libraries = [no_fam(host), os.path.join(base, "usr/lib"), os.path.join(base, "usr/lib/x86_64-linux-gnu")]
    machine = subprocess.run(["gcc", "-print-multiarch"], capture_output=True, text=True).stdout.strip()
    if machine:
        libraries.append(os.path.join(base, "usr/lib", machine))
    env = {"LD_LIBRARY_PATH": ":".join(libraries), "AUTHENTICATED": "kevin", "TCPREMOTEIP": "127.0.0.1",
           "HOME": host.home("kevin"), "IMAP_KEYWORDS": "1", "IMAP_CAPABILITY": "IMAP4rev1 UIDPLUS NAMESPACE",
           "IMAP_USELOCKS": "1", "IMAP_ENHANCEDIDLE": "0", "PATH": "/usr/bin:/bin"}
    identity = {"user": host.uid, "group": host.gid, "extra_groups": []} if os.getuid() == 0 else {}
    lines = "".join("c%d %s\r\n" % pair for pair in enumerate(commands)).encode() + b"z LOGOUT\r\n"
    done = subprocess.run([os.path.join(base, "usr/bin/imapd"), "Maildir"], input=lines, env=env, cwd=host.home("kevin"),
                          capture_output=True, timeout=30, **identity)
    said = done.stdout
    for number, text in enumerate(commands):
        if not re.search(rb"(?m)^c%d OK" % number, said):
            raise Failed("Courier, %s: %s\n%s" % (text, said.decode(errors="replace"), done.stderr.decode(errors="replace")))
    return said


def deliver(host, count):
    maildir = host.maildir()
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(maildir, part), exist_ok=True)
    for number in range(1, count + 1):
        with open(os.path.join(maildir, "new", "%d.M%dP1.host" % (1700000000 + number, number)), "w") as out:
            out.write("X-Id: m%d\nSubject: m%d\n\nbody %d\n" % (number, number, number))


def preauth_owner(host):
    """The uid that Ours() runs as owns the Maildir from the start."""
    deliver(host, COUNT)
    ours = Ours(host)
    ours.finish()
    for name in os.listdir(host.maildir()):
        if name.startswith(("dovecot", "mailsession")):
            os.unlink(os.path.join(host.maildir(), name))


FETCH = "uid fetch 1:* (uid flags rfc822.size body.peek[header.fields (x-id)])"


def one_folder(server, name):
    """(UIDVALIDITY, UIDNEXT, {uid: (id, flags, size)}), whoever the server is."""
    text = server(["select " + name, FETCH])
    return facts(text)["UIDVALIDITY"], facts(text).get("UIDNEXT"), fetch_all(text)


def ours_for(host):
    def server(commands):
        session = Ours(host)
        text = b"".join(session.command(line) for line in commands)
        session.finish()
        return text
    return server


def courier_for(host):
    return lambda commands: courier(host, commands)


def prepared(host):
    preauth_owner(host)
    courier(host, ["select INBOX", "store 2 +flags (todo $Forwarded \\Flagged)", "store 3,5 +flags (todo)",
                   "store 3 +flags ($Forwarded)", "store 4 +flags (later)", "store 4 -flags (later)",
                   "store 1 +flags (\\Deleted)", "expunge", "create INBOX.Sent", "create INBOX.Work.2024",
                   "copy 1:3 INBOX.Sent", "copy 4:5 INBOX.Work.2024", "subscribe INBOX.Sent",
                   "subscribe INBOX.Work.2024", "subscribe INBOX", "subscribe INBOX.Gone"])
    courier(host, ["select INBOX", "copy 2 INBOX.Sent", "select INBOX.Sent", "store 2 +flags (\\Deleted)", "expunge",
                   "store 1 -flags (todo)"])


def uids_and_keywords():
    """The same UIDs, UIDVALIDITY and keywords in every folder, and new mail comes after what was there."""
    with Host() as host:
        prepared(host)
        before = {name: one_folder(courier_for(host), "INBOX" + name) for name in ("", ".Sent", ".Work.2024")}
        for name in before:
            next_uid = max(before[name][2]) + 1
            with open(os.path.join(host.maildir(), name, "courierimapuiddb")) as listed:
                head = listed.readline().split()
            validity, next_here, messages = one_folder(ours_for(host), name[1:] or "INBOX")
            same(before[name][0], validity, "UIDVALIDITY of INBOX" + name)
            same(before[name][2], messages, "messages of INBOX" + name)
            if next_here != int(head[2]) or next_here < next_uid:
                raise Failed("UIDNEXT of INBOX%s: %s, Courier's %s" % (name, next_here, head[2]))
        session = Ours(host)
        session.command("select INBOX")
        session.say(b"p append INBOX {20+}\r\nX-Id: new\r\n\r\nbody\r\n\r\n")
        answer = session.until("p ")
        if b"APPENDUID %d %d]" % (before[""][0], COUNT + 1) not in answer:
            raise Failed("APPEND after Courier: %r" % answer)
        session.command("store 1 +flags (todo)")
        session.finish()
        after = one_folder(ours_for(host), "INBOX")[2]
        if "todo" not in after[2][1] or after[COUNT + 1][0] != "new":
            raise Failed("after a STORE and an APPEND: %r" % after)


def uids_taken_over_by_two():
    """Two sessions open the folder at the same time: one list."""
    with Host() as host:
        prepared(host)
        before = one_folder(courier_for(host), "INBOX")
        sessions = [Ours(host) for _ in range(2)]
        for session in sessions:
            session.say("s select INBOX")
        for session in sessions:
            text = session.until("s ")
            same(before[0], facts(text)["UIDVALIDITY"], "UIDVALIDITY")
            same(before[2], fetch_all(session.command(FETCH)), "messages")
            session.finish()


def mail_that_courier_has_not_seen():
    """What came after Courier's last look gets the next UIDs; what it had and is gone is no message."""
    with Host() as host:
        prepared(host)
        before = one_folder(courier_for(host), "INBOX")[2]
        with open(os.path.join(host.maildir(), "new", "1800000000.M1P1.host"), "w") as out:
            out.write("X-Id: late\n\nbody\n")
        os.chown(os.path.join(host.maildir(), "new", "1800000000.M1P1.host"), host.uid, host.gid)
        cur = os.path.join(host.maildir(), "cur")
        os.unlink(os.path.join(cur, next(name for name in os.listdir(cur) if name.startswith("1700000003"))))
        after = one_folder(ours_for(host), "INBOX")[2]
        want = {uid: entry for uid, entry in before.items() if entry[0] != "m3"}
        want[COUNT + 1] = ("late", after.get(COUNT + 1, (0, frozenset(), 0))[1], after.get(COUNT + 1, (0, 0, 0))[2])
        same(want, after, "messages")


def subscriptions():
    """LSUB gives Courier's, and the first change keeps them."""
    with Host() as host:
        prepared(host)

        def names():
            session = Ours(host)
            rows = re.findall(rb'\* LSUB \([^)]*\) "." ([^\r]*)', session.command('lsub "" *'))
            session.finish()
            return sorted(row.strip(b'"').decode() for row in rows)

        same(["Gone", "INBOX", "Sent", "Work.2024"], names(), "subscriptions")
        session = Ours(host)
        session.command("unsubscribe Gone")
        session.command("subscribe Trash")
        session.finish()
        same(["INBOX", "Sent", "Trash", "Work.2024"], names(), "subscriptions after a change")


def broken_files():
    """Files of Courier's that make no sense: the folder opens as if they were not there."""
    with Host() as host:
        prepared(host)
        maildir = host.maildir()
        for garbage in (b"", b"\n", b"1 0 0\n", b"\xff" * 4096, b"1 5"):
            for name in os.listdir(maildir):
                if name.startswith(("dovecot", "mailsession")):
                    os.unlink(os.path.join(maildir, name))
            shutil.rmtree(os.path.join(maildir, "courierimapkeywords"))
            for name in ("courierimapuiddb", "courierimapkeywords", "courierimapsubscribed"):
                with open(os.path.join(maildir, name), "wb") as out:
                    out.write(garbage)
            ids = sorted(entry[0] for entry in one_folder(ours_for(host), "INBOX")[2].values())
            same(["m%d" % n for n in range(2, COUNT + 1)], ids, "messages beside broken files")
            os.unlink(os.path.join(maildir, "courierimapkeywords"))
            os.mkdir(os.path.join(maildir, "courierimapkeywords"))


run_tests([uids_and_keywords, uids_taken_over_by_two, mail_that_courier_has_not_seen, subscriptions, broken_files])

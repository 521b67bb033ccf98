#!/usr/bin/env python3
"""A disk that is full, a file system that turns read-only: a clear NO, nothing half done, and on it goes.

The disk is a small tmpfs in a mount namespace of this process."""

import contextlib
import ctypes
import os
import re
import resource
import subprocess

from common import (
    MB, POP3_SESSION, SESSION, Host, Skip, ended, expect, files, fixtures, joined, put, run_tests, same, tmp_is_empty, wire)

PLAIN = fixtures.MESSAGES["plain"]
LARGE = b"Subject: large\n\n" + b"0123456789abcdef" * (MB // 16)
FULL = "OVERQUOTA"


def own_mounts():
    if os.getuid() != 0:
        raise Skip("needs root to mount a small disk")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x20000) != 0:  # CLONE_NEWNS
        raise Skip("no mount namespace: " + os.strerror(ctypes.get_errno()))
    mount("--make-rprivate", "/")


def mount(*arguments):
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise Skip("mount: " + done.stderr.strip())


class Disk:
    """kevin's home as a disk of its own."""

    def __init__(self, host, megabytes=4):
        own_mounts()
        self.host, self.home = host, host.home("kevin")
        mount("-t", "tmpfs", "-o", "size=%dM,mode=700,uid=%d,gid=%d" % (megabytes, host.uid, host.gid), "tmpfs", self.home)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        subprocess.run(["umount", "-l", self.home])

    def fill(self):
        """Not one byte is left."""
        with open(os.path.join(self.home, "ballast"), "ab", 0) as out:
            with contextlib.suppress(OSError):
                while True:
                    out.write(b"x" * (1 << 16))

    def free(self):
        os.unlink(os.path.join(self.home, "ballast"))

    def read_only(self, on):
        mount("-o", "remount," + ("ro" if on else "rw"), self.home)


def text(data):
    return b"{%d+}\r\n%s" % (len(data), data)


def mails(host, folder=""):
    return len(files(host, folder)) + len(files(host, folder, "new"))


def full_disk_append():
    with Host() as host, Disk(host) as disk:
        host.fill("kevin", "plain dots:S@.Sent")
        for tls in (False, True):
            client, session = joined(host, "imap", tls)
            client.select()
            count = client.exists()
            disk.fill()
            for data in (LARGE, wire(PLAIN), b"x"):
                client.answer(b"APPEND INBOX (\\Seen) " + text(data), "NO", FULL)
                client.answer(b"APPEND Sent (\\Seen $New) " + text(data), "NO", FULL)
                client.say(b"s APPEND INBOX {%d}" % len(data))
                tag, what = client.response()
                if tag == "+":
                    client.send(data + b"\r\n")
                    what = client.finish_command("s")[1]
                expect(what.startswith(b"NO ") and FULL.encode() in what, "synchronising APPEND: %r" % what)
            tmp_is_empty(host)
            tmp_is_empty(host, ".Sent")
            expect(files(host, where="new") == [] and len(files(host)) == count, "something half done was kept")
            session.wait_log(SESSION + r"APPEND: \w+\(/.*\) failed: No space left on device")
            client.alive()
            same(client.fetch("1 BODY.PEEK[]")[1]["BODY[]"], wire(PLAIN), "reading on a full disk")
            disk.free()
            client.answer(b"APPEND INBOX (\\Seen) " + text(LARGE), "OK", "APPENDUID")
            same(client.fetch("%d BODY.PEEK[]" % (count + 1))[count + 1]["BODY[]"], wire(LARGE), "what was saved after all")
            client.logout()
            ended(session, SESSION + "Disconnected: Logged out")


def full_disk_copy():
    for links in ("yes", "no"):
        for command in ("COPY", "MOVE"):
            with Host(settings="maildir_copy_with_hardlinks = " + links) as host, Disk(host) as disk:
                host.fill("kevin", "plain dots:S@.Sent nested utf8")
                client, session = joined(host, "imap")
                client.select()
                before = files(host)
                disk.fill()
                answer = client.command(command + " 1:3 Sent")[1]
                tmp_is_empty(host, ".Sent")
                if answer.startswith(b"NO"):
                    expect(FULL.encode() in answer, "%s: %r" % (command, answer))
                    expect(mails(host, ".Sent") == 1 and files(host) == before, "something half done was kept")
                    session.wait_log(SESSION + command + ".*No space left on device")
                else:
                    expect(links == "yes", "copied to a full disk")
                    expect(mails(host, ".Sent") == 4, "copies are missing at once")
                client.alive()
                disk.free()
                if answer.startswith(b"NO"):
                    client.answer(command + " 1:3 Sent", "OK")
                expect(mails(host, ".Sent") == 4, "copies are missing")
                expect(client.exists("Sent") == 4, "copies are missing")
                client.logout()
                ended(session)


def full_disk_everything_else():
    """No file of ours is cut short by a full disk."""
    controls = ("dovecot-uidlist", "dovecot-keywords", "subscriptions")

    def contents(host):
        found = {}
        for name in controls:
            with open(os.path.join(host.maildir(), name), "rb") as f:
                found[name] = f.read()
        return found

    with Host() as host, Disk(host) as disk:
        host.fill("kevin", "plain dots:S@.Sent nested utf8")
        client, session = joined(host, "imap")
        client.answer("SUBSCRIBE Sent", "OK")
        client.select()
        client.answer("STORE 1 +FLAGS (work)", "OK")
        uids = {s: f["UID"] for s, f in client.fetch("1:* UID").items()}
        before = contents(host)
        # new mail that arrives without a byte to spare
        for i in range(3):
            put(host, "3000.M%dP1.host" % i, b"", where="new")
        disk.fill()
        for command in ("CREATE box", "CREATE a.b.c", "SUBSCRIBE box", "UNSUBSCRIBE Sent", "RENAME Sent Old", "DELETE Old",
                        "STORE 1 +FLAGS (another)", "STORE 1:3 +FLAGS (\\Seen \\Deleted)", "NOOP", "CHECK", "EXPUNGE",
                        "SELECT Sent", "STATUS INBOX (MESSAGES UIDNEXT)", "SELECT INBOX", "FETCH 1:* (UID FLAGS BODY[])"):
            answer = client.command(command)[1]
            expect(re.match(rb"OK|NO|BAD .*[Nn]o mailbox", answer), "%s: %r" % (command, answer))
            expect(b"SERVERBUG" not in answer and b"nternal" not in answer, "%s: %r" % (command, answer))
        client.logout()
        session.finish()
        after = contents(host)
        expect(before["dovecot-keywords"] == after["dovecot-keywords"] or after["dovecot-keywords"].startswith(
            before["dovecot-keywords"]), "keywords: %r" % after["dovecot-keywords"])
        expect(after["subscriptions"] in (before["subscriptions"], b""), "subscriptions: %r" % after["subscriptions"])
        expect(after["dovecot-uidlist"][:20].startswith(b"3 V"), "uidlist: %r" % after["dovecot-uidlist"][:50])
        for protocol in ("imap", "pop3"):
            client, session = joined(host, protocol, login=False)
            client.flood(b"a LOGIN kevin secret\r\nb SELECT INBOX\r\nc LOGOUT\r\n" if protocol == "imap" else
                         b"USER kevin\r\nPASS secret\r\nUIDL\r\nQUIT\r\n")
            client.rest()
            ended(session)
        disk.free()
        client, session = joined(host, "imap")
        client.select()
        now = {s: f["UID"] for s, f in client.fetch("1:* UID").items()}
        kept = [u for u in now.values() if u in uids.values()]
        expect(len(kept) + 3 <= len(now) or len(now) >= 3, "messages are missing: %r" % now)
        expect(sorted(now.values()) == list(now.values()) and len(set(now.values())) == len(now), "UIDs: %r" % now)
        client.answer("CREATE box2", "OK")
        client.logout()
        ended(session)


def full_disk_new_mail():
    """A UID that could not be written down is not told, or stays what it was told to be."""
    with Host() as host, Disk(host) as disk:
        host.fill("kevin", "plain dots utf8")
        client, session = joined(host, "imap")
        client.select()
        client.logout()
        ended(session)
        for i in range(200):
            put(host, "3000.M%dP1.host%s" % (i, "x" * 100), b"", where="new")
        disk.fill()
        told = {}
        for round in range(3):
            client, session = joined(host, "imap")
            answer = client.command("SELECT INBOX")[1]
            if answer.startswith(b"OK"):
                seen = client.exists()
                expect(seen in (3, 203), "%d messages" % seen)
                if seen == 3:
                    session.wait_log(SESSION + ".*No space left on device")
                for u in client.answer("FETCH 1:* (UID FLAGS BODY.PEEK[])", "OK"):
                    if isinstance(u, dict):
                        uid = u["fetch"]["UID"]
                        expect(told.setdefault(uid, u["fetch"]["BODY[]"]) == u["fetch"]["BODY[]"], "UID %d is another now" % uid)
            else:
                expect(FULL.encode() in answer, "SELECT: %r" % answer)
                session.wait_log(SESSION + ".*No space left on device")
            client.alive()
            client.logout()
            ended(session)
            client, session = joined(host, "pop3", login=False)
            client.flood(b"USER kevin\r\nPASS secret\r\nUIDL\r\nQUIT\r\n")
            rest = client.rest()
            # mail without a UID of its own is not shown yet
            expect(b"\r\n3 " in rest or re.search(rb"-ERR \[SYS/TEMP\].*disk is full", rest), "POP3: %r" % rest[:300])
            if b"\r\n203 " not in rest:
                session.wait_log(POP3_SESSION + ".*No space left on device")
            ended(session)
            if round == 1:
                disk.free()
        client, session = joined(host, "imap")
        expect(client.exists() == 203, "messages are missing")
        for u in client.fetch("1:* (UID BODY.PEEK[])").values():
            expect(told.setdefault(u["UID"], u["BODY[]"]) == u["BODY[]"], "UID %d is another now" % u["UID"])
        client.logout()
        ended(session)


def full_disk_pop3():
    """Mail can be fetched and deleted: that is what makes room."""
    with Host() as host, Disk(host) as disk:
        host.fill("kevin", "plain dots utf8")
        client, session = joined(host, "imap")
        client.select()
        client.logout()
        ended(session)
        disk.fill()
        client, session = joined(host, "pop3")
        client.many("UIDL")
        for n in (1, 2, 3):
            client.many("RETR %d" % n)
            client.answer("DELE %d" % n, "+OK")
        client.answer("QUIT", "+OK", "deleted")
        ended(session)
        expect(files(host) == [], "not deleted")


def full_disk_expunge():
    with Host() as host, Disk(host) as disk:
        host.fill("kevin", "plain dots utf8")
        client, session = joined(host, "imap")
        client.select()
        disk.fill()
        client.answer("STORE 1:* +FLAGS (\\Deleted)", "OK")
        client.answer("EXPUNGE", "OK")
        expect(files(host) == [], "not expunged")
        client.logout()
        ended(session)


MBOX = "mail_location = mbox:~/mail:INBOX=~/spool\n"


def fill_spool(host):
    spool = os.path.join(host.home("kevin"), "spool")
    os.makedirs(os.path.join(host.home("kevin"), "mail"), exist_ok=True)
    with open(spool, "wb") as f:
        f.write(b"From a@example.org Tue Nov 14 23:12:20 2023\n" + LARGE + b"\n")
    host.give(host.home("kevin"))


def full_disk_mbox():
    """Mail that is copied beside the mbox, where there is room, can be read."""
    with Host(settings=MBOX) as host, Disk(host) as disk:
        fill_spool(host)
        disk.fill()
        client, session = joined(host, "imap")
        client.select()
        same(client.fetch("1 BODY.PEEK[]")[1]["BODY[]"], wire(LARGE), "reading on a full disk")
        client.logout()
        ended(session)


def limited_files():
    """A limit for the size of files is no more than a full disk."""
    with Host(settings=MBOX) as host:
        fill_spool(host)
        was = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(LARGE) // 2, was[1]))
        try:
            client, session = joined(host, "imap")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, was)
        client.select()
        client.answer(b"APPEND INBOX " + text(LARGE), "NO")
        same(client.fetch("1 BODY.PEEK[]")[1]["BODY[]"], wire(LARGE), "the text")
        client.logout()
        ended(session, SESSION)


def read_only_disk():
    with Host() as host, Disk(host) as disk:
        host.fill("kevin", "plain dots:S@.Sent nested utf8")
        client, session = joined(host, "imap")
        client.select()
        client.answer("SUBSCRIBE Sent", "OK")
        # a folder that is open has its journal open for writing
        client.answer("UNSELECT", "OK")
        before = files(host)
        disk.read_only(True)
        client.select()
        refused = ("APPEND INBOX {5+}\r\na\r\nbc", "APPEND Sent (\\Seen) {5+}\r\na\r\nbc", "COPY 1 Sent", "MOVE 1 Sent", "CREATE box",
                   "DELETE Sent", "RENAME Sent Old", "SUBSCRIBE INBOX", "UNSUBSCRIBE Sent", "STORE 1 +FLAGS (\\Flagged)",
                   "STORE 1 +FLAGS (\\Deleted)")
        for command in refused:
            client.answer(command, "NO", "[Rr]ead-only|NOPERM")
        session.wait_log(SESSION + "APPEND.*Read-only file system")
        same(client.fetch("1 BODY[]")[1]["BODY[]"], wire(PLAIN), "reading from a read-only disk")
        client.command("EXPUNGE")
        client.answer('LIST "" *', "OK")
        client.command("SELECT Sent")
        client.command("SELECT INBOX")
        client.answer("NOOP", "OK")
        client.logout()
        ended(session)
        for protocol in ("imap", "pop3"):
            client, session = joined(host, protocol)
            if protocol == "imap":
                client.select()
                expect(len(client.fetch("1:* (FLAGS BODY[])")) == 3, "messages are missing")
                client.logout()
                ended(session)
            else:
                client.many("UIDL")
                client.many("RETR 1")
                client.answer("DELE 1", "+OK")
                client.answer("QUIT", "-ERR", "read-only")
                ended(session, POP3_SESSION + ".*Read-only file system")
        expect(files(host) == before, "files changed on a read-only disk?")
        disk.read_only(False)
        client, session = joined(host, "imap")
        client.select()
        client.answer(b"APPEND INBOX " + text(wire(PLAIN)), "OK", "APPENDUID")
        client.logout()
        ended(session)


def no_inodes():
    """Room for bytes but for no further file."""
    with Host() as host:
        own_mounts()
        mount("-t", "tmpfs", "-o", "size=4M,nr_inodes=40,mode=700,uid=%d,gid=%d" % (host.uid, host.gid), "tmpfs", host.home("kevin"))
        try:
            host.fill("kevin", "plain dots:S@.Sent")
            client, session = joined(host, "imap")
            client.select()
            count, answer = 0, b""
            while count < 60:
                answer = client.command(b"APPEND INBOX " + text(wire(PLAIN)))[1]
                if not answer.startswith(b"OK"):
                    break
                count += 1
            expect(answer.startswith(b"NO ") and FULL.encode() in answer, "%d messages: %r" % (count, answer))
            tmp_is_empty(host)
            client.answer("CREATE box", "NO", FULL)
            client.answer("STORE 1:5 +FLAGS (\\Deleted)", "OK")
            client.answer("EXPUNGE", "OK")
            client.answer(b"APPEND INBOX " + text(wire(PLAIN)), "OK")
            client.logout()
            ended(session)
        finally:
            subprocess.run(["umount", "-l", host.home("kevin")])


run_tests([full_disk_append, full_disk_copy, full_disk_everything_else, full_disk_new_mail,
           full_disk_pop3, full_disk_expunge, full_disk_mbox, limited_files, read_only_disk,
           no_inodes])

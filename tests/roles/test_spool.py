#!/usr/bin/env python3
"""A spool as Debian has it, root:mail 2775: a session locks its user's mbox there through mail_privileged_group, has that
group at no other time, and can do nothing else with it (spool.c)."""

import os
import socket
import subprocess

from common import Failed, Host, Line, Skip, build_directory, environment, expect, run_tests, status

MAIL = 54331  # a group that only the spool has
ATTEMPTS = 11


class Spool:
    def __init__(self, host, sticky=False):
        self.host = host
        self.directory = host.path("spool")
        os.mkdir(self.directory)
        os.chown(self.directory, 0, MAIL)
        os.chmod(self.directory, 0o2775)
        self.mbox("kevin", host.uid, 0o600)
        self.mbox("other", 0, 0o644)
        self.mbox("private", 0, 0o660)

    def mbox(self, name, uid, mode):
        with open(self.path(name), "w") as out:
            out.write("")
        os.chown(self.path(name), uid, MAIL)
        os.chmod(self.path(name), mode)

    def path(self, name):
        return os.path.join(self.directory, name)

    def names(self):
        return sorted(os.listdir(self.directory))


def run_session(spool, plan, at_stop=None, attempts=ATTEMPTS):
    """All lines that the session says, and its log."""
    host = spool.host
    program = os.path.join(build_directory(), "tests", "roles", "spool")
    client, server = socket.socketpair()
    with open(host.path("log"), "wb") as log:
        process = subprocess.Popen(
            [program, "-c", host.write_configuration()], stdin=server, stdout=server, stderr=log, cwd="/",
            env=environment(SPOOL_OWN=spool.path("kevin"), SPOOL_OTHER=spool.path("other"),
                            SPOOL_PRIVATE=spool.path("private"), SPOOL_PLAN=plan))
    server.close()
    line, lines = Line(client), []
    while True:
        text = line.read()
        if not text:
            break
        lines.append(text)
        if text.startswith("stop "):
            at_stop(process.pid, text[5:])
            line.say("")
    client.close()
    process.wait(20)
    with open(host.path("log")) as log:
        logged = log.read()
    bad = [text for text in lines if text.startswith("not ok")]
    expect(not bad and lines and lines[-1] == "end", "\n".join(bad or lines[-3:]) + "\n" + logged)
    expect(sum(text.startswith("ok session ") for text in lines) >= attempts, "too few attempts: %r" % lines)
    return lines


def needs_root():
    if os.getuid() != 0:
        raise Skip("needs root: the spool is another group's")


def privileged():
    needs_root()
    with Host(tls=False, settings="mail_privileged_group = %d\nmbox_read_locks = fcntl dotlock" % MAIL) as host:
        spool = Spool(host)
        # of a process that is dead: to be broken, which takes the group too
        with open(spool.path("kevin.lock"), "w") as out:
            out.write("999999999:" + socket.gethostname())
        seen = []

        def look(pid, where):
            seen.append(where)
            s = status(pid)
            expect(s["Gid"].split() == [str(g) for g in (host.gid, host.gid, MAIL, host.gid)], "%s: %s" % (where, s["Gid"]))
            expect(str(MAIL) not in s["Groups"].split(), "the group is among " + s["Groups"])
            expect(s["CapEff"] == "0" * 16 and s["NoNewPrivs"] == "1" and s["Seccomp"] == "2", repr(s))
            locked = where == "held"
            expect(spool.names() == ["kevin"] + ["kevin.lock"] * locked + ["other", "private"], "%s: %r" % (where, spool.names()))
            if locked:
                lock = os.stat(spool.path("kevin.lock"))
                expect((lock.st_uid, lock.st_gid) == (host.uid, MAIL), repr(lock))
                with open(spool.path("kevin.lock")) as text:
                    expect(text.read() == "%d:%s" % (pid, socket.gethostname()), "the lock is not the session's")

        run_session(spool, "locks", look)
        expect(seen == ["held", "released"] * 2, repr(seen))
        expect(spool.names() == ["kevin", "other", "private"], repr(spool.names()))


def without_it():
    needs_root()
    with Host(tls=False) as host:
        spool = Spool(host)
        said = [text for text in run_session(spool, "denied") if text.startswith("says ")][0]
        expect("mail_privileged_group = mail" in said and "uid 0, gid %d, mode 2775" % MAIL in said, said)
        expect(spool.names() == ["kevin", "other", "private"], repr(spool.names()))


def a_group_that_is_not_there():
    needs_root()
    with Host(tls=False, settings="mail_privileged_group = no-such-group") as host:
        spool = Spool(host)
        try:
            run_session(spool, "denied")
        except Failed:
            with open(host.path("log")) as log:
                expect("mail_privileged_group: no group 'no-such-group'" in log.read(), "the log does not say why")
            return
        raise Failed("it was served")


def roots_group():
    """Nobody is served with it."""
    needs_root()
    with Host(tls=False, settings="mail_privileged_group = 0") as host:
        spool = Spool(host)
        try:
            run_session(spool, "denied")
        except Failed:
            return
        raise Failed("it was served")


def a_missing_inbox():
    needs_root()
    with Host(tls=False) as host:
        spool = Spool(host)
        host.settings = "mail_privileged_group = %d\nmail_location = mbox:~/mail:INBOX=%s/%%u" % (MAIL, spool.directory)
        os.unlink(spool.path("kevin"))

        def look(pid, where):
            expect(set(status(pid)["Gid"].split()) == {str(host.gid), str(MAIL)}, status(pid)["Gid"])
            expect(("kevin.lock" in spool.names()) == (where == "held"), repr(spool.names()))

        run_session(spool, "missing", look, attempts=5)
        made = os.stat(spool.path("kevin"))
        expect((made.st_uid, made.st_gid, made.st_mode & 0o7777) == (host.uid, MAIL, 0o600), repr(made))
        expect(spool.names() == ["kevin", "other", "private"], repr(spool.names()))


def imap_works_there():
    """The session itself, with every change that needs the lock."""
    needs_root()
    with Host(tls=False) as host:
        spool = Spool(host)
        host.settings = "mail_privileged_group = %d\nmail_location = mbox:~/mail:INBOX=%s/%%u" % (MAIL, spool.directory)
        with open(spool.path("kevin"), "w") as out:
            for number in range(3):
                out.write("From a@example.org Sat Nov 21 10:11:3%d 2026\nSubject: %d\n\nText.\n\n" % (number, number))
        session = host.start("imap")
        line = Line(session.socket)
        line.until("* OK")
        for number, command in enumerate(["login kevin secret", "select INBOX", "store 1 +flags (\\Deleted \\Seen)",
                                          "copy 2 INBOX", "expunge", "logout"]):
            line.say("a%d %s" % (number, command))
            answer = line.until("a%d " % number)[-1]
            expect(answer.startswith("a%d OK" % number), answer + "\n" + session.log().decode())
        session.finish()
        with open(spool.path("kevin")) as text:
            subjects = [row for row in text.read().splitlines() if row.startswith("Subject: ")]
        expect(subjects == ["Subject: 1", "Subject: 2", "Subject: 1"], repr(subjects))
        expect(spool.names() == ["kevin", "other", "private"], repr(spool.names()))


def access_group():
    """mail_access_groups: an ordinary group of every session."""
    needs_root()
    with Host(tls=False, settings="mail_access_groups = %d" % MAIL) as host:
        spool = Spool(host)
        seen = []

        def look(pid, where):
            seen.append(where)
            s = status(pid)
            expect({int(g) for g in s["Groups"].split()} == {host.gid, MAIL}, s["Groups"])
            expect(set(s["Gid"].split()) == {str(host.gid)}, s["Gid"])
            expect(("kevin.lock" in spool.names()) == (where == "held"), repr(spool.names()))

        run_session(spool, "member", look, attempts=3)
        expect(seen == ["held", "released"], repr(seen))


run_tests([privileged, without_it, a_group_that_is_not_there, roots_group, a_missing_inbox, imap_works_there, access_group])

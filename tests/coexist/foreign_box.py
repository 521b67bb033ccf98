"""A Maildir that other programs change behind open sessions, and what every session must see of it then."""

import contextlib
import glob
import os
import re

from common import FETCH, Failed, Host, facts, fetch_all, same
from dovecot import Ours

COUNT = 12


class Box:
    """kevin's INBOX with COUNT messages, m1 has UID 1 and so on, and sessions that have it selected."""

    def __init__(self, host, sessions):
        self.host = host
        self.number = 0
        for part in ("cur", "new", "tmp"):
            os.makedirs(self.path(part))
        for _ in range(COUNT):
            self.deliver()
        self.host.give(host.home("kevin"))
        self.sessions = [Ours(host) for _ in range(max(sessions, 1))]
        host.give = lambda path: None
        self.validity = None
        for session in self.sessions:
            self.validity = facts(session.command("select INBOX"))["UIDVALIDITY"]
        self.sessions[0].command("store 1:3 +flags (\\Seen alpha)")
        self.sessions[0].command("store 2:4 +flags (\\Flagged beta)")
        for session in self.sessions:
            session.command("noop")
        if not sessions:
            self.close()

    def path(self, *parts):
        return os.path.join(self.host.maildir(), *parts)

    def close(self):
        for session in self.sessions:
            session.finish()
        self.sessions = []

    def deliver(self, where="new", info="", odd=""):
        """Returns the new id."""
        self.number += 1
        name = "m%d" % self.number
        base = "%d.M%dP1.host%s" % (1700000000 + self.number, self.number, odd)
        tmp = self.path("tmp", base)
        with open(tmp, "w") as out:
            out.write("X-Id: %s\nSubject: %s\n\nbody of %s\n" % (name, name, name))
        if os.getuid() == 0:
            os.chown(tmp, self.host.uid, self.host.gid)
        os.rename(tmp, self.path(where, base + info))
        return name

    def file(self, name):
        """The path of the file of an id."""
        base = "%d.M%sP1.host" % (1700000000 + int(name[1:]), name[1:])
        return next(path for part in ("cur", "new") for path in glob.glob(self.path(part, base + "*")))

    def seen(self, session):
        session.command("noop")
        return fetch_all(session.command(FETCH))

    def fresh(self):
        """(UIDVALIDITY, messages) of a new session."""
        session = Ours(self.host)
        text = session.command("select INBOX")
        if b"d OK" not in text:
            raise Failed("SELECT: %r\n%s" % (text, session.session.log().decode(errors="replace")))
        found = fetch_all(session.command(FETCH))
        session.finish()
        return facts(text)["UIDVALIDITY"], found

    def now(self):
        return self.seen(self.sessions[0]) if self.sessions else self.fresh()[1]

    def agree(self, want, what):
        """Every open session, and a fresh one, gives these messages."""
        for number, session in enumerate(self.sessions):
            same(want, self.seen(session), "%s: open session %d" % (what, number + 1))
        validity, found = self.fresh()
        same(self.validity, validity, what + ": UIDVALIDITY")
        same(want, found, what + ": a fresh session")

    def works(self, what):
        """A STORE and an APPEND succeed and are seen by all."""
        with contextlib.ExitStack() as stack:
            if self.sessions:
                actor = self.sessions[-1]
            else:
                actor = Ours(self.host)
                stack.callback(actor.finish)
                actor.command("select INBOX")
            before = self.seen(actor)
            self.number += 1
            name = "m%d" % self.number
            data = "X-Id: %s\r\n\r\nbody\r\n" % name
            for text in ("uid store %d +flags (gamma)" % max(before),
                         "append INBOX (\\Answered) {%d+}\r\n%s" % (len(data), data)):
                answer = actor.command(text)
                if b"d OK" not in answer:
                    raise Failed("%s: %s: %r" % (what, text.split("\r")[0], answer))
            uid, (old, flags, size) = max(before), before[max(before)]
            new_uid = int(re.search(rb"APPENDUID \d+ (\d+)", answer)[1])
            if new_uid <= uid:
                raise Failed("%s: APPEND got UID %d after %d" % (what, new_uid, uid))
            before[uid] = (old, flags | {"gamma"}, size)
            before[new_uid] = (name, frozenset({"\\Answered"}), len(data))
            same(before, self.seen(actor), what + ": after STORE and APPEND")
        self.agree(before, what + ": after STORE and APPEND")


@contextlib.contextmanager
def box(sessions):
    with Host() as host:
        made = Box(host, sessions)
        yield made
        made.close()


def expect_ids(found, names, what):
    same(sorted(names), sorted(name for name, _, _ in found.values()), what)


def with_sessions(test, count):
    def run():
        test(count)
    run.__name__ = test.__name__ + ("" if count == 1 else "_two")
    return run

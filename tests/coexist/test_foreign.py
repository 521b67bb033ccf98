#!/usr/bin/env python3
"""Another program changes the Maildir behind an open session, one thing at a time: the client sees it at the next NOOP, and
whatever happens to the files that we keep, it sees the same mail under the same UIDs. Each case with one and two sessions."""

import contextlib
import glob
import os
import random
import re
import select
import shutil

from common import FETCH, Failed, Host, facts, fetch_all, rows, run_tests, same
from dovecot import Dovecot, Ours

COUNT = 12
TICKS = 150  # quick changes by hand; some hundred in all
FLIPS = 40
CHANCE = random.Random(7)


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


def ids(found):
    return {name: uid for uid, (name, _, _) in found.items()}


# --- mail comes and goes


def delivery(sessions):
    """Into new/ and straight into cur/."""
    with box(sessions) as b:
        want = b.now()
        for where, info, flags in (("new", "", set()), ("cur", ":2,FS", {"\\Flagged", "\\Seen"}), ("cur", "", set()),
                                   ("cur", ":2,", set()), ("new", "", set())):
            name = b.deliver(where, info)
            want[max(want) + 1] = (name, frozenset(flags), 2 * len(name) + len("X-Id: \r\nSubject: \r\n\r\nbody of \r\n") + len(name))
            b.agree(want, "delivery to %s%s" % (where, info))
        b.works("delivery")


def odd_names(sessions):
    """Names that maildir(5) allows and nobody makes, and some that it does not."""
    with box(sessions) as b:
        want = b.now()
        for odd in (" with space", ",", ",S=x", ",S=18446744073709551616", ",S=5", ",W=7", ",S=1,S=2", "\\072\\057", "\u00fc",
                    "\ufffd\U0001f600", "=", "-", "!2,S", ".lock", "x" * 200, "\t", "\x7f", ",W=0,S=0", "#", " :"):
            where = CHANCE.choice(("new", "cur"))
            name = b.deliver(where, "", odd)
            found = b.now()
            want[max(want) + 1] = found.get(max(want) + 1)
            if want[max(want)] is None or want[max(want)][0] != name:
                raise Failed("%r in the name: %r" % (odd, found))
            b.agree(want, "%r in the name" % odd)
        b.works("odd names")


def flags_in_the_same_tick(sessions):
    """A rename right behind our last look is seen by the next one, every time."""
    with box(sessions) as b:
        views = [b.seen(session) for session in b.sessions]
        for turn in range(TICKS):
            uid = CHANCE.choice(sorted(views[0]))
            path = b.file(views[0][uid][0])
            letters = "".join(CHANCE.sample("DFRS", CHANCE.randrange(5)))
            info = ":2," + "".join(sorted(letters)) + "".join(c for c in path.partition(":2,")[2] if c.islower())
            os.rename(path, b.path("cur", os.path.basename(path).partition(":")[0] + info))
            for number, session in enumerate(b.sessions):
                answer = session.command("noop")
                told = {}
                for seq, row in rows(answer):
                    told[sorted(views[number])[seq - 1]] = frozenset(
                        re.search(rb"FLAGS \(([^)]*)\)", row)[1].decode().split()) - {"\\Recent"}
                for other, flags in told.items():
                    views[number][other] = (views[number][other][0], flags, views[number][other][2])
                have = "".join(letter for letter, flag in zip("DFRS", ("\\Draft", "\\Flagged", "\\Answered", "\\Seen"))
                               if flag in views[number][uid][1])
                if have != "".join(sorted(letters)):
                    raise Failed("change %d, session %d: UID %d has %s in its name, the client was told %r: %r" % (
                        turn, number + 1, uid, info, have, answer))
        b.agree(views[0], "after all")


def mail_in_the_same_tick(sessions):
    """Deliveries and removals right behind our last look."""
    with box(sessions) as b:
        names = ["m%d" % n for n in range(1, COUNT + 1)]
        for turn in range(TICKS // 2):
            if turn % 3 == 2:
                os.unlink(b.file(names.pop(CHANCE.randrange(len(names)))))
            else:
                names.append(b.deliver(("new", "cur")[turn % 2], ("", ":2,S")[turn % 2]))
            for number, session in enumerate(b.sessions):
                session.command("noop")
                found = fetch_all(session.command(FETCH))
                expect_ids(found, names, "change %d, session %d" % (turn, number + 1))
        b.agree(b.now(), "after all")


def one_file_deleted(sessions):
    with box(sessions) as b:
        want = b.now()
        os.unlink(b.file("m5"))
        del want[5]
        for session in b.sessions:
            answer = session.command("noop")
            if b"* 5 EXPUNGE" not in answer:
                raise Failed("a deleted file: %r" % answer)
        b.agree(want, "one file deleted")
        b.works("one file deleted")


def empty(b):
    for name in os.listdir(b.path("cur")):
        os.unlink(b.path("cur", name))


def cur_emptied(sessions):
    with box(sessions) as b:
        empty(b)
        b.agree({}, "cur/ emptied")
        name = b.deliver()
        found = b.now()
        same({COUNT + 1: name}, {uid: entry[0] for uid, entry in found.items()}, "the first message after that")
        b.works("cur/ emptied")


def backup_restored_unseen(sessions):
    """cur/ emptied and put back before anybody looked: nothing happened. The times are the old ones, as cp -a makes them."""
    for times in (False, True):
        with box(sessions) as b:
            want, backup = b.now(), saved(b)
            empty(b)
            put_back(b, backup, times)
            b.agree(want, "restored before anybody looked")
            b.works("restored")


def keep_owner(b, source, target):
    for name in os.listdir(source):
        shutil.copystat(os.path.join(source, name), os.path.join(target, name))
        if os.getuid() == 0:
            os.chown(os.path.join(target, name), b.host.uid, b.host.gid)


def saved(b):
    """A copy of cur/, with times and owners."""
    backup = b.host.path("backup")
    shutil.copytree(b.path("cur"), backup)
    keep_owner(b, b.path("cur"), backup)
    return backup


def put_back(b, backup, times):
    """times: that of the directory too."""
    for name in os.listdir(backup):
        shutil.copy2(os.path.join(backup, name), b.path("cur", name))
    keep_owner(b, backup, b.path("cur"))
    if times:
        shutil.copystat(backup, b.path("cur"))


def backup_restored_after_the_expunge(sessions):
    """All was told to be gone; what comes back is new mail, with its flags, whatever the times say."""
    for times in (False, True):
        with box(sessions) as b:
            before, backup = b.now(), saved(b)
            empty(b)
            b.agree({}, "cur/ emptied")
            put_back(b, backup, times)
            found = b.now()
            if min(found, default=0) <= COUNT:
                raise Failed("restored%s: %r" % (" with the old times" if times else "", found))
            same({name: (flags, size) for name, flags, size in before.values()},
                 {name: (flags, size) for name, flags, size in found.values()}, "restored messages")
            b.agree(found, "restored")
            b.works("restored")


def removal_with_the_old_time(sessions):
    """A message is removed and the directory's time put back: its ctime tells."""
    with box(sessions) as b:
        want = b.now()
        old = os.stat(b.path("cur"))
        os.unlink(b.file("m7"))
        os.utime(b.path("cur"), ns=(old.st_atime_ns, old.st_mtime_ns))
        del want[7]
        b.agree(want, "removed, old time")


# --- Dovecot's files


def append_by_another_server(sessions):
    """Another server appends as Dovecot does: lock, file, line, unlock. Who sees the file before its line waits."""
    with box(sessions) as b:
        want = b.now()
        for turn, where in enumerate(("cur", "new", "new, then cur", "cur", "new, then cur")):
            lock = b.path("dovecot-uidlist.lock")
            with open(lock, "x") as out:
                out.write("%d:%s" % (os.getpid(), os.uname().nodename))
            name = b.deliver(where[:3], ":2,S" if where == "cur" else "")
            for session in b.sessions:
                session.say("w noop")
            settled(b)
            base = os.path.basename(b.file(name)).partition(":")[0]
            if where == "new, then cur":
                os.rename(b.file(name), b.path("cur", base + ":2,S"))
            with open(b.path("dovecot-uidlist"), "a") as listed:
                listed.write("%d :%s\n" % (max(want) + 1 + turn % 2, base))
            os.unlink(lock)
            for session in b.sessions:
                session.until("w ")
            found = b.now()
            want[max(want) + 1 + turn % 2] = (name, frozenset(() if where == "new" else {"\\Seen"}), found[max(found)][2])
            b.agree(want, "another server's APPEND to " + where)
        b.works("another server's APPEND")


def settled(b):
    """Until every session sleeps: it waits for the lock."""
    for session in b.sessions:
        quiet = 0
        while quiet < 20:
            with open("/proc/%d/stat" % session.session.pid) as stat:
                quiet = quiet + 1 if stat.read().rpartition(")")[2].split()[0] == "S" else 0
            select.select([], [], [], 0.005)


def uidlist_deleted(sessions):
    """While it is open: the session knows the UIDs, and the list comes back."""
    with box(sessions) as b:
        want = b.now()
        os.unlink(b.path("dovecot-uidlist"))
        b.agree(want, "uidlist deleted")
        os.unlink(b.path("dovecot-uidlist")) if os.path.exists(b.path("dovecot-uidlist")) else None
        name = b.deliver()
        found = b.now()
        want[COUNT + 1] = found.get(COUNT + 1, (name, frozenset(), 0))
        b.agree(want, "uidlist deleted, and a delivery")
        b.works("uidlist deleted")


def uidlist_deleted_when_closed():
    """UIDVALIDITY is a higher one, or nothing changed at all."""
    with box(0) as b:
        validity, before = b.fresh()
        os.unlink(b.path("dovecot-uidlist"))
        b.validity, after = b.fresh()
        if b.validity < validity:
            raise Failed("UIDVALIDITY %d after %d" % (b.validity, validity))
        if b.validity == validity:
            same(before, after, "the same UIDVALIDITY")
        same({name: (flags, size) for name, flags, size in before.values()},
             {name: (flags, size) for name, flags, size in after.values()}, "messages")
        b.works("uidlist deleted while closed")


def uidlist_older(sessions):
    """A restored older list, while it is open: UIDs stay what they were."""
    with box(sessions) as b:
        shutil.copy2(b.path("dovecot-uidlist"), b.host.path("older"))
        for _ in range(4):
            b.deliver()
        want = b.now()
        b.agree(want, "before")
        restore(b, b.host.path("older"), "dovecot-uidlist")
        b.agree(want, "older uidlist")
        b.works("older uidlist")


def restore(b, source, name):
    shutil.copy2(source, b.path("restored"))
    if os.getuid() == 0:
        os.chown(b.path("restored"), b.host.uid, b.host.gid)
    os.rename(b.path("restored"), b.path(name))


def uidlist_older_when_closed():
    """What the older list has keeps its UIDs; the rest is there, once."""
    with box(0) as b:
        _, before = b.fresh()
        shutil.copy2(b.path("dovecot-uidlist"), b.host.path("older"))
        late = [b.deliver() for _ in range(4)]
        b.fresh()
        restore(b, b.host.path("older"), "dovecot-uidlist")
        b.validity, after = b.fresh()
        expect_ids(after, [name for name, _, _ in before.values()] + late, "messages")
        same(before, {uid: entry for uid, entry in after.items() if entry[0] not in late}, "those of the older list")
        b.works("older uidlist while closed")


def uidlist_garbage(sessions):
    """While it is open."""
    for text in (b"", b"garbage\n", b"3 V1 N1 G0\n", b"\0" * 4096):
        with box(sessions) as b:
            want = b.now()
            with open(b.host.path("garbage"), "wb") as out:
                out.write(text)
            restore(b, b.host.path("garbage"), "dovecot-uidlist")
            b.agree(want, "garbage %r as uidlist" % text[:12])
            b.works("garbage as uidlist")


def keywords_by_dovecot(sessions):
    """Dovecot gives letters to keywords; names follow, also when it writes the file anew."""
    with box(sessions) as b:
        want = b.now()
        theirs = Dovecot(b.host, b.host.maildir())
        theirs.command("select INBOX")
        theirs.command("store 6 +flags (delta epsilon)")
        theirs.command("store 7 +flags (alpha)")
        theirs.command("store 1:3 -flags (alpha)")
        theirs.finish()
        for uid, more in ((6, {"delta", "epsilon"}), (7, {"alpha"})):
            want[uid] = (want[uid][0], want[uid][1] | more, want[uid][2])
        for uid in (1, 2, 3):
            want[uid] = (want[uid][0], want[uid][1] - {"alpha"}, want[uid][2])
        b.agree(want, "keywords of Dovecot")
        b.works("keywords of Dovecot")


def another_maildir(sessions):
    """Another Maildir in the place: the open session gives no message of it under a UID of the old one."""
    with box(sessions) as b:
        before = b.now()
        os.rename(b.path(), b.host.home("kevin") + "/away")
        number = b.number
        b.number = 100
        for part in ("cur", "new", "tmp"):
            os.makedirs(b.path(part))
        for _ in range(3):
            b.deliver()
        if os.getuid() == 0:
            for directory, names, _ in os.walk(b.path()):
                os.chown(directory, b.host.uid, b.host.gid)
        for number, session in enumerate(b.sessions):
            session.say("d noop")
            text = until_end(session, "d ")
            if b"* BYE" not in text:
                session.say("e " + FETCH)
                text = until_end(session, "e ")
            for uid, entry in fetch_all(text).items():
                if before.get(uid, entry)[0] != entry[0] or entry[0] in ("m101", "m102", "m103"):
                    raise Failed("session %d gives %r as UID %d" % (number + 1, entry, uid))
        b.sessions, old = [], b.sessions
        b.validity, found = b.fresh()
        expect_ids(found, ["m101", "m102", "m103"], "the new Maildir")
        b.works("the new Maildir")
        for session in old:
            session.session.socket.close()


def until_end(session, start):
    """Up to the tagged line or the end of the connection."""
    with contextlib.suppress(Failed):
        return session.until(start)
    return session.rest


# --- our own files: they may vanish or break at any time


def own_files(b):
    return sorted(glob.glob(b.path("mailsession.*")))


def replace(path, content, by_rename, b):
    target = path + ".x" if by_rename else path
    with open(target, "wb" if by_rename else "r+b") as out:
        out.write(content)
        out.truncate(len(content))
    if by_rename:
        if os.getuid() == 0:
            os.chown(target, b.host.uid, b.host.gid)
        os.rename(target, path)


def damages():
    """(name, function of the content that gives the new one, or None)."""
    yield "empty", lambda data: b""
    yield "half", lambda data: data[:len(data) // 2]
    yield "garbage", lambda data: CHANCE.randbytes(len(data))
    yield "more garbage", lambda data: CHANCE.randbytes(8192)
    yield "garbage behind it", lambda data: data + CHANCE.randbytes(300)


def damage_each(b, by_rename, want):
    """Each file by itself, then all; the client sees no difference."""
    for name, change in damages():
        for victims in [[path] for path in own_files(b)] + [own_files(b)]:
            for path in victims:
                with open(path, "rb") as data:
                    content = data.read()
                replace(path, change(content), by_rename, b)
            b.agree(want, "%s: %s" % (name, ", ".join(map(os.path.basename, victims)) or "none"))
    for victims in [[path] for path in own_files(b)] + [own_files(b)]:
        for path in victims:
            if os.path.exists(path):
                os.unlink(path)
        b.agree(want, "deleted: " + ", ".join(map(os.path.basename, victims)))


def damage_when_open(sessions):
    with box(sessions) as b:
        b.deliver()
        damage_each(b, True, b.now())
        b.works("own files damaged")


def damage_when_closed():
    for by_rename in (True, False):
        with box(0) as b:
            b.deliver()
            damage_each(b, by_rename, b.now())
            b.works("own files damaged")


def flipped(b, by_rename, want):
    """One bit at a time, at places all over each file and always in its first bytes too."""
    for turn in range(FLIPS):
        for path in own_files(b):
            with open(path, "rb") as data:
                content = bytearray(data.read())
            if not content:
                continue
            at = turn if turn < 12 and turn < len(content) else CHANCE.randrange(len(content))
            content[at] ^= 1 << CHANCE.randrange(8)
            replace(path, bytes(content), by_rename, b)
            b.agree(want, "byte %d of %s flipped" % (at, os.path.basename(path)))
    b.works("bytes flipped")


def flips_when_open(sessions):
    with box(sessions) as b:
        b.deliver()
        flipped(b, True, b.now())


def flips_when_closed():
    for by_rename in (True, False):
        with box(0) as b:
            b.deliver()
            flipped(b, by_rename, b.now())


def with_sessions(test, count):
    def run():
        test(count)
    run.__name__ = test.__name__ + ("" if count == 1 else "_two")
    return run


OPEN = (append_by_another_server, delivery, odd_names, flags_in_the_same_tick, mail_in_the_same_tick, one_file_deleted, cur_emptied, backup_restored_unseen,
        backup_restored_after_the_expunge, removal_with_the_old_time, uidlist_deleted, uidlist_older, uidlist_garbage,
        keywords_by_dovecot, another_maildir, damage_when_open, flips_when_open)

if __name__ == "__main__":
    run_tests([with_sessions(test, count) for test in OPEN for count in (1, 2)] +
              [uidlist_deleted_when_closed, uidlist_older_when_closed, damage_when_closed, flips_when_closed])

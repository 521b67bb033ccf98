#!/usr/bin/env python3
"""Another program changes the mail of a Maildir behind an open session, one thing at a time: the client sees it at the next
NOOP. Each case with one and two sessions."""

import contextlib
import os
import random
import re
import select
import shutil

from common import FETCH, Failed, fetch_all, rows, run_tests, same
from dovecot import Dovecot
from foreign_box import COUNT, box, expect_ids, with_sessions

TICKS = 150  # quick changes by hand; some hundred in all
CHANCE = random.Random(7)


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


OPEN = (append_by_another_server, delivery, odd_names, flags_in_the_same_tick, mail_in_the_same_tick, one_file_deleted, cur_emptied,
        backup_restored_unseen, backup_restored_after_the_expunge, removal_with_the_old_time, keywords_by_dovecot, another_maildir)

if __name__ == "__main__":
    run_tests([with_sessions(test, count) for test in OPEN for count in (1, 2)])

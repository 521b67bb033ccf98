#!/usr/bin/env python3
"""The files that servers keep in a Maildir vanish, break, or come back older behind an open session: whatever happens to them,
the client sees the same mail under the same UIDs. Each case with one and two sessions."""

import glob
import os
import random
import shutil

from common import Failed, run_tests, same
from foreign_box import COUNT, box, expect_ids, with_sessions

FLIPS = 40
CHANCE = random.Random(7)


# --- dovecot-uidlist


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


OPEN = (uidlist_deleted, uidlist_older, uidlist_garbage, damage_when_open, flips_when_open)

if __name__ == "__main__":
    run_tests([with_sessions(test, count) for test in OPEN for count in (1, 2)] +
              [uidlist_deleted_when_closed, uidlist_older_when_closed, damage_when_closed, flips_when_closed])

"""What the coexistence tests share: answers as values, and one Maildir of messages that carry their own name."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "lib"))

from mailsession_test import Failed, Host, Skip, need, poll, run_tests  # noqa: E402,F401
from packages import unpacked  # noqa: E402,F401

FETCH = "fetch 1:* (uid flags rfc822.size body.peek[header.fields (x-id)])"


def facts(text):
    """UIDVALIDITY, UIDNEXT of a SELECT's answer."""
    return {key.decode(): int(value) for key, value in re.findall(rb"\[(UIDVALIDITY|UIDNEXT) (\d+)\]", text)}


def rows(text):
    """The FETCH answers in it: (sequence number, text)."""
    starts = [found for found in re.finditer(rb"(?m)^\* (\d+) FETCH ", text)]
    for found, after in zip(starts, starts[1:] + [None]):
        yield int(found[1]), text[found.start():after.start() if after else len(text)]


def fetch_all(text):
    """{uid: (id, flags without Recent, size)} of FETCH answers that have all of these."""
    found = {}
    for _, row in rows(text):
        uid, flags = re.search(rb"UID (\d+)", row), re.search(rb"FLAGS \(([^)]*)\)", row)
        size, name = re.search(rb"RFC822\.SIZE (\d+)", row), re.search(rb"(?i)\r\nx-id: ([^\r]*)", row)
        if uid and flags and size and name:
            found[int(uid[1])] = (name[1].decode(), frozenset(flags[1].decode().split()) - {"\\Recent"}, int(size[1]))
    return found


def same(want, got, what):
    if want == got:
        return
    if isinstance(want, dict) and isinstance(got, dict):
        keys = sorted(key for key in {*want, *got} if want.get(key) != got.get(key))
        raise Failed("%s differ:\n%s" % (what, "\n".join(
            "%r: expected %r, got %r" % (key, want.get(key), got.get(key)) for key in keys[:12])))
    raise Failed("%s: expected %r, got %r" % (what, want, got))

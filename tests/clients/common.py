"""What the client tests share: a host with accept loops, a command with a deadline, mailboxes as sets of bytes."""

import contextlib
import imaplib
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "lib"))

import fixtures  # noqa: E402,F401
import formats  # noqa: E402,F401
from mailsession_test import Failed, Host, Skip, certificate, client_context, need, run_tests  # noqa: E402,F401

# For clients that append what they have and do not enable UTF8=ACCEPT, so that bytes above 127 in a header are refused.
ANY_HEADER = "imap_capability = -UTF8=ACCEPT\n"

# what a client must get byte for byte; without the ones that have a NUL or nothing at all
NAMES = [name for name in fixtures.ALL if name not in ("empty",)]


@contextlib.contextmanager
def serving(*what, mailbox=None, settings=""):
    """Yields (host, ports): accept loops for what, of imap, imaps, pop3 and pop3s."""
    with Host(settings=settings) as host:
        if mailbox is not None:
            host.fill("kevin", mailbox)
        loops = {name: host.listen(name.removesuffix("s"), tls=name.endswith("s")) for name in what}
        host.cert = certificate(host.certificates)[0]
        yield host, {name: loop.port for name, loop in loops.items()}
        for loop in loops.values():
            loop.stop()


def command(host, *arguments, ok=(0,), env=None, seconds=60, stdin=None):
    """Runs a client; returns its output. The log of the server comes with a failure."""
    more = {"HOME": host.directory, "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC", "TERM": "xterm"}
    more.update(env or {})
    try:
        done = subprocess.run(arguments, capture_output=True, env=more, timeout=seconds, input=stdin, cwd=host.directory)
    except subprocess.TimeoutExpired as late:
        raise Failed("%s did not end in %d s\n%s\n%s" % (
            arguments[0], seconds, (late.stderr or b"").decode(errors="replace"), logs(host)))
    if done.returncode not in ok:
        raise Failed("%s: exit %d\n%s%s\n%s" % (
            " ".join(arguments), done.returncode, done.stdout[-2000:].decode(errors="replace"),
            done.stderr[-4000:].decode(errors="replace"), logs(host)))
    return done.stdout


def decoded(name):
    """A folder's name from the protocol's modified UTF-7 (RFC 3501 section 5.1.3)."""
    return re.sub("&([^-]*)-", lambda found: ("+%s-" % found[1].replace(",", "/")).encode().decode("utf-7") if found[1] else "&", name)


def fresh(host, port):
    """What a new session over TLS sees: {folder: [(UID, flags)]}."""
    found = {}
    with imaplib.IMAP4_SSL("localhost", port, ssl_context=client_context(host.cert), timeout=30) as client:
        client.login("kevin", "secret")
        for row in client.list()[1]:
            name = re.search(rb'\) (?:"."|NIL) "?(.*?)"?$', row)[1].decode()
            client.select('"%s"' % name, readonly=True)
            rows = client.uid("FETCH", "1:*", "(FLAGS)")[1]
            found[decoded(name)] = [
                (int(re.search(rb"UID (\d+)", text)[1]),
                 sorted(flag.decode() for flag in re.search(rb"FLAGS \(([^)]*)\)", text)[1].split() if flag != b"\\Recent"))
                for text in rows if text]
    return found


def logs(host):
    return "--- the server's log\n" + "".join(
        session.log().decode(errors="replace")[-4000:] for session in host.sessions)


def same(got, want, what):
    if got != want:
        at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
        raise Failed("%s: %d bytes, expected %d; they differ at %d: %r, expected %r" % (
            what, len(got), len(want), at, got[max(0, at - 20):at + 60], want[max(0, at - 20):at + 60]))


def lines(data):
    """Line ends do not count: how mail lies on a client's disk is the client's business."""
    return re.sub(rb"\r?\n", b"\n", data)


def maildir_messages(path):
    """The messages of a Maildir on disk."""
    found = []
    for folder in ("cur", "new"):
        directory = os.path.join(path, folder)
        for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
            with open(os.path.join(directory, name), "rb") as data:
                found.append(data.read())
    return found


def count_messages(path):
    """How many there are now, while a server works on them."""
    return sum(len(os.listdir(os.path.join(path, folder))) for folder in ("cur", "new") if os.path.isdir(os.path.join(path, folder)))


def same_sets(got, want, what):
    got, want = sorted(map(lines, got)), sorted(map(lines, want))
    if len(got) != len(want):
        raise Failed("%s: %d messages, expected %d" % (what, len(got), len(want)))
    for a, b in zip(got, want):
        same(a, b, what)

"""Runs a full-screen program on a terminal of its own."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from mailsession_test import Failed


def wait(pid):
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass  # whoever collects orphans was faster


def asked(when):
    """A pattern as a function."""
    return (lambda text: re.search(when, text)) if isinstance(when, bytes) else lambda text: when()


AGAIN = 2  # seconds


def run(command, env, seconds=30, dialogue=()):
    """Returns what the program wrote; Failed when it does not end in time. dialogue: pairs of when and keys. The keys are typed
    when the program has written the pattern since the keys before, or when the function says so. With a third element that
    is true they are typed again while nothing comes of it: some programs throw away what was typed before they ask."""
    todo, seen = [(asked(when), keys, *again) for when, keys, *again in dialogue], 0
    lost, typed = None, 0
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, env)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 132, 0, 0))
    end = time.monotonic() + seconds
    out = b""
    try:
        while time.monotonic() < end:
            if todo and todo[0][0](out[seen:]):
                seen, typed = len(out), time.monotonic()
                keys, *again = todo.pop(0)[1:]
                lost = keys if any(again) else None
                os.write(terminal, keys)
            elif lost and time.monotonic() > typed + AGAIN:
                typed = time.monotonic()
                os.write(terminal, lost)
            if not select.select([terminal], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(terminal, 1 << 16)
            except OSError:
                data = b""
            if not data:
                wait(pid)
                return out
            out += data
        os.kill(pid, signal.SIGKILL)
        wait(pid)
        raise Failed("%s did not end in %d s%s; its screen:\n%s" % (
            command[0], seconds, ", not typed: %r" % todo[0][1] if todo else "", out.decode(errors="replace")))
    finally:
        os.close(terminal)

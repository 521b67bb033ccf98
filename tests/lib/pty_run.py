"""Runs a full-screen program on a terminal of its own."""

import fcntl
import os
import pty
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


def run(command, env, seconds=30):
    """Returns what the program wrote; Failed when it does not end in time."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, env)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 132, 0, 0))
    end = time.monotonic() + seconds
    out = b""
    try:
        while time.monotonic() < end:
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
        raise Failed("%s did not end in %d s; its screen:\n%s" % (command[0], seconds, out.decode(errors="replace")))
    finally:
        os.close(terminal)

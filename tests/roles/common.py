"""What the role tests share."""

import os
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "lib"))

from mailsession_test import (  # noqa: E402,F401
    DEADLINE, Failed, Host, Skip, build_directory, certificate, client_context, environment, poll, run_tests)


def status(pid):
    """/proc/PID/status as a dictionary."""
    with open("/proc/%d/status" % pid) as lines:
        return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


def children(pid):
    """Processes whose parent is pid."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if int(status(int(name))["PPid"]) == pid:
                    found.append(int(name))
            except OSError:
                pass
    return found


class Line:
    """A client that reads lines."""

    def __init__(self, sock):
        self.socket = sock
        sock.settimeout(DEADLINE)

    def say(self, text):
        self.socket.sendall(text.encode() + b"\r\n")

    def read(self):
        line = b""
        while not line.endswith(b"\n"):
            byte = self.socket.recv(1)
            if not byte:
                break
            line += byte
        return line.decode(errors="replace").rstrip("\r\n")

    def until(self, start):
        got = []
        while True:
            line = self.read()
            got.append(line)
            if line.startswith(start):
                return got
            if line == "":
                raise Failed("no line starts with %r: %r" % (start, got))

    def tls(self, cert):
        self.socket = client_context(cert).wrap_socket(self.socket, server_hostname="localhost")
        return self


def connect(port):
    return Line(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE))


def expect(good, what):
    if not good:
        raise Failed(what)


def landlock_version():
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    return max(libc.syscall(444, None, 0, 1), 0)



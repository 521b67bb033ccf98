"""What the tests of units/, of the installation and of the manual share."""

import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "lib"))

from mailsession_test import (  # noqa: E402,F401
    DEADLINE, PROGRAMS, TREE, Failed, Host, Skip, build_directory, certificate, client_context, environment, need,
    own_network, poll, program, run_tests)

SERVICES = ("imap", "imaps", "pop3", "pop3s")
SERVER4, SERVER6 = "198.51.100.1", "2001:db8::1"
CLIENT4, CLIENT6 = "198.51.100.7", "2001:db8::7"


def source(*path):
    with open(os.path.join(TREE, *path)) as file:
        return file.read()


def built(*path):
    """A file that the build makes."""
    path = os.path.join(build_directory(), *path)
    if not os.path.exists(path):
        raise Skip(path + " is not built")
    return path


def run(*command, ok=(0,), seconds=60, **more):
    """Runs it and returns its output, both kinds together."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          timeout=seconds, text=True, errors="replace", **more)
    if ok is not None and done.returncode not in ok:
        raise Failed("%s: exit %d\n%s" % (" ".join(command), done.returncode, done.stdout[-4000:]))
    return done.stdout


def options_of_help(text):
    """Every option that --help shows."""
    return sorted(set(re.findall(r"(?<![\w-])(--?[a-zA-Z][a-z-]*)", text)))


class Client:
    """Says lines and reads to the end of an answer."""

    def __init__(self, sock):
        self.socket = sock
        sock.settimeout(DEADLINE)
        self.buffer = b""

    def until(self, regex):
        pattern = re.compile(regex, re.M | re.S)
        while not pattern.search(self.buffer):
            more = self.socket.recv(65536)
            if not more:
                raise Failed("the connection ended; no %r in %r" % (regex, self.buffer))
            self.buffer += more
        found = pattern.search(self.buffer)
        text, self.buffer = self.buffer[:found.end()], self.buffer[found.end():]
        return text

    def say(self, data, regex):
        self.socket.sendall(data)
        return self.until(regex)


def greet(session):
    client = Client(session.socket)
    client.until(rb"^(\* OK|\+OK)[^\r]*\r\n")
    return client


def log_in(client, protocol, user=b"kevin", password=b"secret"):
    """Returns whether the server says yes. The name goes as a literal, or in AUTH: it may have any byte."""
    if protocol == "imap":
        command = b"a login {%d+}\r\n%s {%d+}\r\n%s\r\n" % (len(user), user, len(password), password)
        return b"\r\na OK" in b"\r\n" + client.say(command, rb"^a [A-Z][^\r]*\r\n")
    import base64
    client.say(b"AUTH PLAIN\r\n", rb"^\+ ?\r\n")
    return client.say(base64.b64encode(b"\0" + user + b"\0" + password) + b"\r\n", rb"^[+-][^\r]*\r\n").startswith(b"+OK")


def log_out(client, protocol):
    client.say(b"b logout\r\n" if protocol == "imap" else b"quit\r\n", rb"^(b OK|\+OK)[^\r]*\r\n")

"""Debian's Dovecot, unpacked and not installed, as a preauthenticated imap or pop3 on a pipe: to compare answers with, and to
take turns on one Maildir; and our program with the same face."""

import os
import select
import socket
import subprocess

from mailsession_test import Failed
from packages import unpacked


def root():
    return unpacked("dovecot", "dovecot-core", "dovecot-imapd", "dovecot-pop3d")


class Dovecot:
    """One session for a Maildir, as the owner uid. say() writes; until() reads up to a line that starts so."""

    def __init__(self, host, maildir, protocol="imap", **settings):
        base = root()
        os.makedirs(host.path("dovecot"), exist_ok=True)
        os.chown(host.path("dovecot"), host.uid, host.gid)
        self.log_path = host.path("dovecot", "log")
        env = {"LD_LIBRARY_PATH": os.path.join(base, "usr/lib/dovecot"), "DOVECONF_ENV": "1", "PATH": "/usr/bin:/bin",
               "MAIL_UID": str(host.uid), "MAIL_GID": str(host.gid), "MAIL_LOCATION": "maildir:" + maildir, "SSL": "no",
               "BASE_DIR": host.path("dovecot"), "STATE_DIR": host.path("dovecot"), "MAIL_PLUGIN_DIR": "/nonexistent",
               "LOG_PATH": self.log_path, "FIRST_VALID_UID": "0", "FIRST_VALID_GID": "0", "RESTRICT_SETUID": "0",
               "USER": "nobody", "HOME": os.path.dirname(maildir), "TZ": "UTC"}
        env.update(settings)
        identity = {"user": host.uid, "group": host.gid, "extra_groups": host.groups} if os.getuid() == 0 else {}
        self.process = subprocess.Popen([os.path.join(base, "usr/lib/dovecot", protocol)], env=env, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", **identity)
        self.rest, self.seconds = b"", 15

    def patience(self, seconds):
        self.seconds = seconds

    def say(self, data):
        self.process.stdin.write(data if isinstance(data, bytes) else data.encode() + b"\r\n")
        self.process.stdin.flush()

    def read(self):
        if not select.select([self.process.stdout], [], [], self.seconds)[0]:
            raise Failed("Dovecot does not answer: %r" % self.rest)
        piece = os.read(self.process.stdout.fileno(), 65536)
        if not piece:
            raise Failed("Dovecot ended: %r\n%s" % (self.rest, self.log()))
        self.rest += piece

    def until(self, start):
        """All bytes up to and including the line that starts with `start` (after a line end)."""
        start = start if isinstance(start, bytes) else start.encode()
        while True:  # a line of its log, which ends in LF, may come before
            at = 0 if self.rest.startswith(start) else self.rest.find(b"\n" + start)
            if at >= 0:
                end = self.rest.find(b"\r\n", at + 1)
                if end >= 0:
                    got, self.rest = self.rest[:end + 2], self.rest[end + 2:]
                    return got
            self.read()

    def command(self, text, tag="d"):
        self.say("%s %s" % (tag, text))
        return self.until(tag + " ")

    def log(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, errors="replace") as lines:
            return lines.read()

    def finish(self):
        self.process.stdin.close()
        while self.process.stdout.read(65536):
            pass
        self.process.stdout.close()
        self.process.wait(15)
        complaints = [line for line in self.log().splitlines()
                      if "Error:" in line or "Warning:" in line or "Panic" in line or "Fatal" in line]
        if complaints:
            raise Failed("Dovecot complains:\n" + "\n".join(complaints))


class Ours:
    """The same face as Dovecot's, for imap-session --preauth."""

    def __init__(self, host, protocol="imap", user=None):
        self.session = host.start(protocol, connection="socketpair", preauth=True, user=user)
        self.patience(20)
        self.rest = b""
        self.until("* PREAUTH" if protocol == "imap" else "+OK")

    def patience(self, seconds):
        self.session.socket.settimeout(seconds)

    def say(self, data):
        self.session.socket.sendall(data if isinstance(data, bytes) else data.encode() + b"\r\n")

    def read(self):
        try:
            piece = self.session.socket.recv(65536)
        except socket.timeout:
            raise Failed("no answer: %r" % self.rest)
        if not piece:
            raise Failed("ended: %r\n%s" % (self.rest, self.session.log().decode()))
        self.rest += piece

    until = Dovecot.until
    command = Dovecot.command

    def finish(self):
        self.command("logout")
        self.session.finish()

#!/usr/bin/env python3
"""fetchmail: POP3 with UIDL and keep, POP3 over STLS, IMAP that empties the mailbox, IMAP that waits in IDLE."""

import os
import re
import signal
import subprocess
import sys

from common import Failed, command, fixtures, logs, maildir_messages, need, run_tests, same_sets, serving
from mailsession_test import environment, poll

# fetchmail has its own mind about mail without a header and about bytes that are no text
NAMES = ["plain", "utf8", "alternative", "attachment", "nested", "eightbit", "dots", "crlf"]
POLL = """
set no syslog
set postmaster "root"
set invisible
poll localhost protocol %s port %d %s
  user "kevin" password "secret" %s sslcertck sslcertfile "%s" no rewrite %s
  mda "%s %s %s"
"""
STORE = """
import os, sys
data = sys.stdin.buffer.read()
open(os.path.join(sys.argv[1], "%d-%d" % (len(os.listdir(sys.argv[1])), os.getpid())), "wb").write(data)
"""


def plain(messages):
    """Without what fetchmail takes out or puts in, and without the empty lines it may add at the end."""
    return [re.sub(rb"(?m)\A(?:(?:Return-Path|Received|Delivered-To):.*\n(?:[ \t].*\n)*)+", b"", message.replace(b"\r\n", b"\n"))
            .rstrip(b"\n") + b"\n" for message in messages]


class Fetchmail:
    def __init__(self, host, protocol, port, tls, option, uidl=""):
        need("fetchmail")
        self.host = host
        self.box = host.path("fetched")
        os.mkdir(self.box)
        with open(host.path("store.py"), "w") as out:
            out.write(STORE)
        self.rc = host.path("fetchmailrc")
        with open(self.rc, "w") as out:
            out.write(POLL % (protocol, port, uidl, tls, host.cert, option, sys.executable, host.path("store.py"), self.box))
        os.chmod(self.rc, 0o600)

    def arguments(self):
        return ["fetchmail", "-f", self.rc, "--idfile", self.host.path("ids"), "--pidfile", self.host.path("pid"),
                "--nodetach", "-v"]

    def run(self, ok=(0,)):
        command(self.host, *self.arguments(), ok=ok, env={"FETCHMAILHOME": self.host.directory})

    def fetched(self):
        found = []
        for name in sorted(os.listdir(self.box)):
            with open(os.path.join(self.box, name), "rb") as data:
                found.append(data.read())
        return found


def pop3(scheme, tls):
    with serving(scheme, mailbox=" ".join(NAMES)) as (host, ports):
        client = Fetchmail(host, "POP3", ports[scheme], tls, "keep", "uidl")
        client.run()
        want = plain([fixtures.MESSAGES[name] for name in NAMES])
        same_sets(plain(client.fetched()), want, "fetched")
        client.run(ok=(1,))  # 1: there was nothing new
        same_sets(plain(client.fetched()), want, "fetched again")
        if len(maildir_messages(host.maildir())) != len(NAMES):
            raise Failed("keep did not keep")


def pop3s_keep():
    pop3("pop3s", "ssl")


def pop3_stls_keep():
    pop3("pop3", "sslproto TLS1+")


def imap(scheme, tls):
    with serving(scheme, mailbox=" ".join(NAMES)) as (host, ports):
        client = Fetchmail(host, "IMAP", ports[scheme], tls, "no keep")
        client.run()
        same_sets(plain(client.fetched()), plain([fixtures.MESSAGES[name] for name in NAMES]), "fetched")
        if maildir_messages(host.maildir()):
            raise Failed("the mailbox is not empty")
        client.run(ok=(1,))


def imaps_empties():
    imap("imaps", "ssl")


def imap_starttls_empties():
    imap("imap", "sslproto TLS1+")


def imaps_idle():
    """What is delivered while it waits is fetched at once, and again."""
    with serving("imaps", mailbox="plain") as (host, ports):
        client = Fetchmail(host, "IMAP", ports["imaps"], "ssl", "idle no keep")
        said = host.path("said")
        with open(said, "wb") as out:
            waiting = subprocess.Popen(client.arguments(), stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=host.directory,
                                       env=environment(HOME=host.directory, FETCHMAILHOME=host.directory))

        def idles(times):
            with open(said, "rb") as text:
                return len(re.findall(rb"IMAP> A\d+ IDLE", text.read())) >= times

        def why():
            with open(said, "rb") as text:
                return text.read().decode(errors="replace") + logs(host)

        try:
            want = [fixtures.MESSAGES["plain"]]
            for number, name in enumerate(("dots", "utf8"), 1):
                poll(lambda: len(client.fetched()) == number and idles(number), why)
                fixtures.deliver(host.maildir(), name, "1700009999.N%d.host" % number)
                host.give(host.home("kevin"))
                want.append(fixtures.MESSAGES[name])
            poll(lambda: len(client.fetched()) == 3 and not maildir_messages(host.maildir()), why)
            same_sets(plain(client.fetched()), plain(want), "fetched")
        finally:
            waiting.send_signal(signal.SIGTERM)
            waiting.wait(10)


if __name__ == "__main__":
    run_tests([pop3s_keep, pop3_stls_keep, imaps_empties, imap_starttls_empties, imaps_idle])

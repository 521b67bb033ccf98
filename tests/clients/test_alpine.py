#!/usr/bin/env python3
"""alpine on a terminal: opens the inbox, reads a message, deletes one, saves one to a folder, expunges when it ends,
over TLS and after STARTTLS."""

import os

from common import Failed, count_messages, fixtures, fresh, logs, maildir_messages, need, run_tests, same_sets, serving
from mailsession_test import environment
import pty_run

MAILBOX = "plain utf8:S alternative dots"
SETTINGS = """
inbox-path={{localhost:{port}/user=kevin{how}}}INBOX
folder-collections="" {{localhost:{port}/user=kevin{how}}}[]
feature-list=quit-without-confirm,expunge-without-confirm,expunge-without-confirm-everywhere
default-fcc=""
postponed-folder=""
personal-name=Kevin
user-domain=example.com
last-version-used=9.99
"""


def driven(scheme, how):
    need("alpine")
    with serving("imap", "imaps", mailbox=MAILBOX) as (host, ports):
        with open(host.path("pinerc"), "w") as out:
            out.write(SETTINGS.format(port=ports[scheme], how=how))
        kept = os.path.join(host.maildir(), ".Kept")

        def saved():
            return count_messages(kept) == 1

        dialogue = [
            (rb"ENTER PASSWORD", b"secret\r"),
            (rb"next login", b"n"),
            (rb"Dots", b"\r"),  # the index: read the first new message
            (rb"noon", b"i"),
            (rb"Dots", b"j"),
            (rb"(?i)jump to", b"3\r"),
            (rb"Undelete", b"ds"),  # that one, and the next
            (rb"SAVE", b"Kept\r"),
            (rb"Create", b"y", True),
            (saved, b"q"),
        ]
        try:
            pty_run.run(["alpine", "-p", host.path("pinerc"), "-i"],
                        environment(HOME=host.directory, TERM="xterm", USER="kevin"), 20, dialogue)
        except Failed as reason:
            raise Failed("%s\n%s" % (reason, logs(host)))
        there = fresh(host, ports["imaps"])
        if there != {"INBOX": [(1, ["\\Seen"]), (2, ["\\Seen"])], "Kept": [(1, [])]}:
            raise Failed("there is %r" % there)
        same_sets(maildir_messages(host.maildir()), [fixtures.MESSAGES["plain"], fixtures.MESSAGES["utf8"]], "kept")
        same_sets(maildir_messages(os.path.join(host.maildir(), ".Kept")), [fixtures.MESSAGES["dots"]], "saved")


def imaps():
    driven("imaps", "/ssl/novalidate-cert")


def starttls():
    driven("imap", "/tls/novalidate-cert")


if __name__ == "__main__":
    run_tests([imaps, starttls])

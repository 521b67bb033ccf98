#!/usr/bin/env python3
"""aerc on a terminal: opens the inbox, flags, copies, moves, deletes and makes folders, over TLS."""

import os

from common import count_messages, Failed, fixtures, fresh, logs, maildir_messages, need, run_tests, same_sets, serving
from mailsession_test import environment
import pty_run

MAILBOX = "plain utf8:S alternative dots"
ACCOUNT = """
[test]
source = imaps://kevin:secret@localhost:{port}
default = INBOX
from = Kevin <kevin@example.com>
cache-headers = true
check-mail = 0
"""
# the newest message is in the first row
WANT = {"INBOX": [(1, ["\\Flagged"]), (3, [])], "Gr\u00fc\u00dfe": [(1, [])], "Kept": [(1, ["\\Seen"])]}


def imaps():
    need("aerc")
    with serving("imaps", mailbox=MAILBOX) as (host, ports):
        configuration = host.path("configuration", "aerc")
        os.makedirs(configuration)
        with open(os.path.join(configuration, "accounts.conf"), "w") as out:
            out.write(ACCOUNT.format(port=ports["imaps"]))
        os.chmod(os.path.join(configuration, "accounts.conf"), 0o600)

        def count(folder, number):
            return count_messages(os.path.join(host.maildir(), folder)) == number

        def aerc(*dialogue):
            try:
                pty_run.run(["aerc"], environment(
                    HOME=host.directory, TERM="xterm", XDG_CONFIG_HOME=host.path("configuration"), SSL_CERT_FILE=host.cert,
                    XDG_CACHE_HOME=host.path("cache"), XDG_DATA_HOME=host.path("data"), XDG_RUNTIME_DIR=host.path("run")),
                    20, dialogue)
            except Failed as reason:
                raise Failed("%s\n%s" % (reason, logs(host)))

        # what the screen says comes in pieces: the files tell when a command is done
        aerc((rb"Dots", ":select 0\r:copy -p Gr\u00fc\u00dfe\r".encode()),
             (lambda: count(".Gr&APwA3w-e", 1), b":select 3\r:flag\r:select 2\r:move -p Kept\r"),
             (lambda: count(".Kept", 1) and count("", 3), b":quit\r"))
        aerc((rb"Lunch", b":select 0\r:delete\r"), (lambda: count("", 2), b":quit\r"))
        there = fresh(host, ports["imaps"])
        if there != WANT:
            raise Failed("there is %r, expected %r" % (there, WANT))
        for folder, names in (("", ("plain", "alternative")), (".Gr&APwA3w-e", ("dots",)), (".Kept", ("utf8",))):
            same_sets(maildir_messages(os.path.join(host.maildir(), folder)), [fixtures.MESSAGES[name] for name in names],
                      folder or "INBOX")


if __name__ == "__main__":
    run_tests([imaps])

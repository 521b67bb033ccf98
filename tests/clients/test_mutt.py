#!/usr/bin/env python3
"""mutt in batch: copies a mailbox from the server to a local Maildir, and one message back."""

import os
import re

import common
from common import fixtures, logs, maildir_messages, need, run_tests, same_sets, serving
from mailsession_test import Failed, environment
from mutt import QUIET
import pty_run

NAMES = ["plain", "utf8", "alternative", "attachment", "nested", "dots", "crlf"]
SETTINGS = QUIET + """set ssl_force_tls = yes
set ssl_starttls = yes
set certificate_file = %s
set imap_user = kevin
set imap_pass = secret
set mbox_type = Maildir
set confirmcreate = no
set resolve = no
set timeout = 1
"""


def own(messages):
    """mutt adds Status lines and fixes Content-Length and Lines."""
    return [re.sub(rb"(?mi)^(Status|X-Status|Content-Length|Lines): .*\n", b"", common.lines(message)) for message in messages]


def mutt(host, folder, keys):
    need("mutt")
    rc = host.path("muttrc")
    with open(rc, "w") as out:
        out.write(SETTINGS % host.cert)
    try:
        pty_run.run(["mutt", "-n", "-F", rc, "-f", folder, "-e", 'push "%s"' % keys],
                    environment(HOME=host.directory, TERM="xterm"))
    except Failed as reason:
        raise Failed("%s\n%s" % (reason, logs(host)))


def copy_each(target):
    return "".join("%d<enter>C%s<enter>" % (number, target) for number in range(1, len(NAMES) + 1)) + "<quit>"


def copies(scheme):
    with serving(scheme, mailbox=" ".join(NAMES)) as (host, ports):
        url = "%s://127.0.0.1:%d/" % (scheme, ports[scheme])
        local = host.path("local")
        fixtures.make_folder(local)
        mutt(host, url + "INBOX", copy_each(local))
        same_sets(own(maildir_messages(local)), [fixtures.MESSAGES[name] for name in NAMES], "copied to the local folder")
        mutt(host, local, copy_each(url + "Back"))
        same_sets(own(maildir_messages(os.path.join(host.maildir(), ".Back"))),
                  [fixtures.MESSAGES[name] for name in NAMES], "copied back to the server")


def imaps():
    copies("imaps")


def imap_starttls():
    copies("imap")


if __name__ == "__main__":
    run_tests([imaps, imap_starttls])

#!/usr/bin/env python3
"""mbsync: 200 messages down, 200 up, and again without a change; bytes above 127 in a header go up when UTF8=ACCEPT is not
announced."""

import os
import re

from common import Failed, command, fixtures, maildir_messages, need, run_tests, same_sets, serving

COUNT = 200
CONFIGURATION = """
IMAPAccount far
Host localhost
Port %d
User kevin
Pass secret
SSLType %s
CertificateFile %s

IMAPStore far
Account far

MaildirStore near
Inbox %s/INBOX
SubFolders Maildir++

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
Sync All
SyncState *
"""


def own(messages):
    """Without the header that mbsync adds to what it uploads."""
    return [re.sub(rb"(?m)^X-TUID: .*\r?\n", b"", message) for message in messages]


def configured(host, scheme, kind, port):
    """Writes the configuration; returns the local store."""
    near = host.path("near")
    os.mkdir(near)
    with open(host.path("mbsyncrc"), "w") as out:
        out.write(CONFIGURATION % (port, kind, host.cert, near))
    return near


def both_ways(scheme, kind):
    need("mbsync")
    with serving(scheme) as (host, ports):
        far = fixtures.hundreds(host.maildir(), COUNT)
        host.give(host.home("kevin"))
        near = configured(host, scheme, kind, ports[scheme])

        def sync():
            command(host, "mbsync", "-c", host.path("mbsyncrc"), "-a", seconds=90)

        sync()
        same_sets(own(maildir_messages(near + "/INBOX")), far, "after the first sync, near")
        more = [message.replace(b"X-Number:", b"X-Near:") for message in far]
        for number, message in enumerate(more):
            fixtures.deliver(near + "/INBOX", message, "1700009999.N%d.near" % number)
        sync()
        same_sets(own(maildir_messages(host.maildir())), far + more, "after the second sync, far")
        names = sorted(os.listdir(host.maildir() + "/cur"))
        sync()
        same_sets(own(maildir_messages(near + "/INBOX")), far + more, "after the third sync, near")
        if sorted(os.listdir(host.maildir() + "/cur")) != names:
            raise Failed("a sync without changes changed the mailbox")


def imaps():
    both_ways("imaps", "IMAPS")


def starttls():
    both_ways("imap", "STARTTLS")


def eight_bit_headers():
    """RFC 6855 section 4 has us refuse them as long as UTF8=ACCEPT is announced and not enabled: mbsync does
    not know it, warns, and goes on with the next."""
    need("mbsync")
    messages = [b"Subject: %s\n\ntext\n" % subject.encode() for subject in ("plain", "Gr\u00fc\u00dfe", "more")]
    for settings, arrive in (("", [0, 2]), ("imap_capability = -UTF8=ACCEPT\n", [0, 1, 2])):
        with serving("imaps", mailbox="empty", settings=settings) as (host, ports):
            inbox = configured(host, "imaps", "IMAPS", ports["imaps"]) + "/INBOX"
            fixtures.make_folder(inbox)
            for number, message in enumerate(messages):
                fixtures.deliver(inbox, message, "1700009999.N%d.near" % number)
            command(host, "mbsync", "-c", host.path("mbsyncrc"), "-a", seconds=30)
            same_sets(own(maildir_messages(host.maildir())), [messages[number] for number in arrive], "after the sync, far")


if __name__ == "__main__":
    run_tests([imaps, starttls, eight_bit_headers])

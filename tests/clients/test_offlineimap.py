#!/usr/bin/env python3
"""offlineimap: a Maildir kept in step with the server both ways: new messages, flags, deletions, folders with letters beyond ASCII."""

import os

from common import Failed, command, fixtures, fresh, maildir_messages, need, run_tests, same_sets, serving

MAILBOX = "plain utf8:S alternative attachment:FS dots@.Gr&APwA3w-e utf8:S@.Gr&APwA3w-e.&ZeVnLIqe-"
CONFIGURATION = """
[general]
accounts = test
metadata = {dir}/metadata
ui = quiet

[Account test]
localrepository = near
remoterepository = far
utf8foldernames = yes

[Repository near]
type = Maildir
localfolders = {dir}/near
sync_deletes = yes

[Repository far]
type = IMAP
remotehost = localhost
remoteport = {port}
remoteuser = kevin
remotepass = secret
ssl = yes
sslcacertfile = {cert}
usecompression = {compression}
"""
UMLAUT, BELOW = "Gr\u00fc\u00dfe", "Gr\u00fc\u00dfe.\u65e5\u672c\u8a9e"


def files(folder):
    """{subject: (path, flags)} of a Maildir."""
    found = {}
    for part in ("cur", "new"):
        for name in os.listdir(os.path.join(folder, part)):
            path = os.path.join(folder, part, name)
            with open(path, "rb") as data:
                subject = next(line[9:].strip().decode() for line in data if line.startswith(b"Subject: "))
            found[subject] = (path, name.partition(":2,")[2])
    return found


def equal(got, want, what):
    if got != want:
        raise Failed("%s: %r, expected %r" % (what, got, want))


def flags(folder):
    return {subject: "".join(letter for letter in at[1] if letter.isupper()) for subject, at in files(folder).items()}


def relabel(folder, subject, letters):
    path = files(folder)[subject][0]
    name = os.path.basename(path).partition(":")[0]
    os.rename(path, os.path.join(folder, "cur", "%s:2,%s" % (name, letters)))


def both_ways(compression):
    need("offlineimap")
    with serving("imaps", mailbox=MAILBOX) as (host, ports):
        near, far = host.path("near"), host.maildir()
        with open(host.path("offlineimaprc"), "w") as out:
            out.write(CONFIGURATION.format(dir=host.directory, port=ports["imaps"], cert=host.cert, compression=compression))

        def sync():
            command(host, "offlineimap", "-c", host.path("offlineimaprc"), "-o", seconds=40)

        sync()
        equal(sorted(name for name in os.listdir(near)), sorted(["INBOX", UMLAUT, BELOW]), "folders near")
        for name, folder in (("INBOX", ""), (UMLAUT, ".Gr&APwA3w-e"), (BELOW, ".Gr&APwA3w-e.&ZeVnLIqe-")):
            same_sets(maildir_messages(os.path.join(near, name)), maildir_messages(os.path.join(far, folder)), name)
        equal(flags(near + "/INBOX"), flags(far), "flags near")

        # changes at both ends at once
        inbox = near + "/INBOX"
        os.unlink(files(inbox)["Lunch on Friday"][0])
        os.unlink(files(far)["Newsletter"][0])
        relabel(inbox, "Invoice 2023-11", "RS")
        relabel(far, "=?utf-8?q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=", "F")
        fixtures.deliver(inbox, b"Subject: from near\n\nfirst\n", "1700009999.N1.near")
        fixtures.deliver(os.path.join(near, UMLAUT), "crlf", "1700009999.N2.near")
        fixtures.deliver(far, b"Subject: from far\n\nsecond\n", "1700009999.N3.far")
        fixtures.make_folder(os.path.join(near, "B\u00fccher"))
        fixtures.deliver(os.path.join(near, "B\u00fccher"), "nested", "1700009999.N4.near")
        host.give(host.home("kevin"))
        sync()
        want = {"=?utf-8?q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=": "F", "Invoice 2023-11": "RS", "from near": "", "from far": ""}
        equal(flags(inbox), want, "near after the second sync")
        equal(flags(far), want, "far after the second sync")
        same_sets(maildir_messages(os.path.join(far, ".B&APw-cher")), [fixtures.MESSAGES["nested"]], "the new folder")
        equal(len(maildir_messages(os.path.join(far, ".Gr&APwA3w-e"))), 2, "messages in " + UMLAUT)
        before = fresh(host, ports["imaps"])
        equal({name: len(rows) for name, rows in before.items()}, {"INBOX": 4, UMLAUT: 2, BELOW: 1, "B\u00fccher": 1}, "a fresh session")
        sync()
        equal(fresh(host, ports["imaps"]), before, "after a sync without changes")
        equal(flags(inbox), want, "near after a sync without changes")


def compressed():
    both_ways("yes")


def plain():
    both_ways("no")


if __name__ == "__main__":
    run_tests([compressed, plain])

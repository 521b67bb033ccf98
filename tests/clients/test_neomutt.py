#!/usr/bin/env python3
"""neomutt with a header cache and CONDSTORE or QRESYNC: opened, changed by another while it was away, opened again: what it then
sees, and what its own changes did, are what a fresh session sees. (Debian's neomutt is built without COMPRESS.)"""

import imaplib
import os
import re

from common import Failed, client_context, fixtures, fresh, logs, maildir_messages, need, run_tests, serving
from mailsession_test import environment
from mutt import QUIET
import pty_run

SETTINGS = QUIET + """set ssl_force_tls = yes
set ssl_starttls = yes
set certificate_file = {cert}
set imap_user = kevin
set imap_pass = secret
set imap_qresync = {qresync}
set imap_condstore = yes
set imap_check_subscribed = no
set header_cache = {dir}/headers
set message_cachedir = {dir}/bodies
set mbox_type = Maildir
set confirmcreate = no
set resolve = no
set timeout = 1
set sort = threads
set auto_tag = yes
set folder = {dir}
set mark_old = no
"""
COUNT = 20
URL = "imaps://localhost:%d/%s"


def neomutt(host, folder, keys):
    """Runs it on a terminal; returns what it said to the server, as its own log has it."""
    log = host.path("debug0")
    if os.path.exists(log):
        os.unlink(log)
    try:
        pty_run.run(["neomutt", "-n", "-F", host.path("muttrc"), "-d", "2", "-l", host.path("debug"), "-f", folder, "-e", 'push "%s"' % keys],
                    environment(HOME=host.directory, TERM="xterm"))
    except Failed as reason:
        raise Failed("%s\n%s" % (reason, logs(host)))
    with open(log, errors="replace") as said:
        return "".join(line for line in said if "<2> mutt_socket_write" in line or re.match(r"a\d{4} ", line))


def wanted(text, pattern):
    if not re.search(pattern, text):
        raise Failed("neomutt never said %r:\n%s" % (pattern, text[-6000:]))


def subjects(folder):
    """{subject: flags} of a Maildir."""
    found = {}
    for part in ("cur", "new"):
        for name in os.listdir(os.path.join(folder, part)):
            with open(os.path.join(folder, part, name), "rb") as data:
                subject = re.search(rb"(?m)^Subject: (.*)$", data.read())[1].decode()
            found[subject] = "".join(sorted(set(name.partition(":2,")[2]) & set("FRS")))
    return found


def meanwhile(host, port):
    """What another client does: flags, an expunge, a new message."""
    with imaplib.IMAP4_SSL("localhost", port, ssl_context=client_context(host.cert), timeout=30) as client:
        client.login("kevin", "secret")
        client.select("INBOX")
        client.uid("STORE", "5:7", "+FLAGS.SILENT", "(\\Flagged)")
        client.uid("STORE", "8", "+FLAGS.SILENT", "(\\Seen \\Answered)")
        client.uid("STORE", "10:12", "+FLAGS.SILENT", "(\\Deleted)")
        client.expunge()
        client.append("INBOX", "(\\Seen)", None, b"Subject: while away\r\n\r\ntext\r\n")


def away(qresync):
    need("neomutt")
    with serving("imaps") as (host, ports):
        port = ports["imaps"]
        fixtures.hundreds(host.maildir(), COUNT)
        host.give(host.home("kevin"))
        os.mkdir(host.path("headers"))
        os.mkdir(host.path("bodies"))
        with open(host.path("muttrc"), "w") as out:
            out.write(SETTINGS.format(cert=host.cert, dir=host.directory, qresync=qresync))
        inbox = URL % (port, "INBOX")
        neomutt(host, inbox, "<quit>")
        meanwhile(host, port)

        # all that it sees now goes to a local folder; then it flags, deletes, and copies by itself
        local = host.path("local")
        fixtures.make_folder(local)
        said = neomutt(host, inbox, "<tag-pattern>~A<enter><copy-message>%s<enter><quit>" % local)
        if qresync == "yes":
            wanted(said, r"ENABLE QRESYNC")
            wanted(said, r"CHANGEDSINCE \d+ VANISHED")
        else:
            wanted(said, r"CHANGEDSINCE")
        want = {"Message %d" % number: "" for number in range(1, COUNT + 1) if not 10 <= number <= 12}
        want.update({"Message %d" % number: "F" for number in (5, 6, 7)})
        want.update({"Message 8": "RS", "while away": "S"})
        got = subjects(local)
        if got != want:
            raise Failed("neomutt sees %r, expected %r" % (got, want))

        neomutt(host, inbox, "<untag-pattern>~A<enter><tag-pattern>~F<enter><copy-message>%s<enter>" % (URL % (port, "Gr\u00fc\u00dfe"))
                + "<delete-pattern>~s while<enter><untag-pattern>~A<enter><tag-pattern>~R<enter><flag-message><quit>")
        there = fresh(host, port)
        if len(there["Gr\u00fc\u00dfe"]) != 3 or len(maildir_messages(os.path.join(host.maildir(), ".Gr&APwA3w-e"))) != 3:
            raise Failed("not all flagged messages were copied: %r" % there)
        if len(there["INBOX"]) != COUNT - 3 or len(maildir_messages(host.maildir())) != COUNT - 3:
            raise Failed("the deleted message is still there: %r" % there["INBOX"])


def qresync():
    away("yes")


def condstore():
    away("no")


if __name__ == "__main__":
    run_tests([qresync, condstore])

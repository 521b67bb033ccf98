"""One user's mboxes twice, one home for Dovecot's sessions (twin) and one for ours (kevin): what other programs do to both,
and whether the files say the same to each server."""

import functools
import os
import re
import shutil
import time

import fixtures
import formats
from dovecot import Dovecot, Ours
from imap_answer import Answer, View, without_recent
from mailsession_test import Failed

DELIVERED = fixtures.EPOCH + 1000000


class Others:
    """An MTA, and a plain mail program, that do the same to both users' mboxes."""

    def __init__(self, commands, host, flags):
        self.r = commands.r
        self.messages = commands.messages
        self.host = host
        self.flags = flags
        self.stamp = time.time() + 3600
        self.homes = [host.mail("twin"), host.mail("kevin")]

    def act(self):
        """What was done, if anything."""
        if self.r.random() > 0.2:
            return None
        folder = self.r.choice(["", "", ".Sent", ".a.b"])
        if not os.path.isfile(self.homes[0].path(folder)):
            return None
        skip = [mail.pseudo(folder) for mail in self.homes]
        counts = [mail.count(folder) - n for mail, n in zip(self.homes, skip)]
        if counts[0] != counts[1]:
            raise Failed("in the file %s of Dovecot are %d messages, in ours %d" % (folder, *counts))
        number = self.r.randint(0, counts[0]) if self.flags else 0
        message, flags = self.r.choice(self.messages), self.r.choice(["", "S", "FS", "T", "RD"])
        kind = self.r.choice(["flag", "flag" if number == 1 else "remove"]) if number else "deliver"  # base-gone
        if number and any(b"\nX-UID: " not in message for mail, n in zip(self.homes, skip)
                          for message in mail.messages(folder)[n:]):  # unwritten
            return None
        for mail, n in zip(self.homes, skip):
            if number == 0:
                mail.deliver(message, folder, self.host.give, DELIVERED)
            elif kind == "flag":
                mail.flag(n + number, flags, folder)
            else:
                mail.remove(n + number, folder)
        if number:  # Dovecot looks at whole seconds
            self.stamp += 1
            os.utime(self.homes[0].path(folder), (0, self.stamp))
        return "%s %s in %s" % (kind, "%d %s" % (number, flags) if number else message, folder or "INBOX")


def theirs_of(host, user="twin", protocol="imap", **settings):
    mbox = {} if host.format is formats.Maildir else {
        "NAMESPACE": "inbox", "NAMESPACE/INBOX/NAME": "inbox", "NAMESPACE/INBOX/SEPARATOR": ".", "NAMESPACE/INBOX/INBOX": "yes",
        "MBOX_READ_LOCKS": "fcntl", "MBOX_WRITE_LOCKS": "fcntl dotlock"}
    location = host.mail(user).location()
    if host.format is formats.MboxWithChildren:  # it looks for its index below the mbox
        location += ":INDEX=" + os.path.join(host.home(user), "index")
    server = Dovecot(host, host.maildir(user), protocol, MAIL_LOCATION=location, **mbox, **settings)
    if protocol == "imap":  # the other one has no greeting
        server.until("* PREAUTH")
    return server


def same_levels(host):
    """level"""
    mails = [os.path.join(host.home(user), "mail") for user in ("twin", "kevin")]
    for mail, other in zip(mails, reversed(mails)):
        for name in "New", "inbox", "Sent", "a":
            path = os.path.join(mail, name)
            if os.path.isdir(path) and not os.path.exists(os.path.join(other, name)) and not os.listdir(path):
                os.rmdir(path)


def contents(server, name, verb):
    """UIDVALIDITY, UIDNEXT and the messages, without \\Recent."""
    view = View()
    raw = server.command(verb + " " + name)
    answer = Answer(raw, b"d", view, False)
    rows = []
    if view.messages:
        answer = Answer(server.command("FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[])"), b"d", view, False)
        facts = answer.facts()
        without_recent(facts)
        rows = sorted(facts["fetch"].items())
    server.command("UNSELECT")
    return [re.findall(rb"\[(UIDVALIDITY|UIDNEXT) (\d+)\]", raw) if rows else [], rows]


def mailboxes(server):
    answer = Answer(server.command('LIST "" *'), b"d", View(), False)
    return ['"%s"' % row[3] for row in answer.rest if "\\noselect" not in row[1]]


def forget(host, user):
    """Nothing but the mboxes is left."""
    shutil.rmtree(os.path.join(host.home(user), "index"), ignore_errors=True)
    for directory, names, _ in os.walk(os.path.join(host.home(user), "mail")):
        if ".imap" in names:
            shutil.rmtree(os.path.join(directory, ".imap"))


def same_files(host):
    """What our sessions said is what Dovecot reads when there is no index any more; and from Dovecot's files both read the
    same. (Dovecot may write a message's UID and not that of one before it: its sessions then knew more than the file.)"""
    def ours_of(user):
        return Ours(host, user=user)

    def all_of(who, user, verb):
        server = who(user)
        found = {name: contents(server, name, verb) for name in mailboxes(server)}
        server.finish()
        forget(host, user)
        return found

    theirs = functools.partial(theirs_of, host)
    for user, before, after in ("kevin", (ours_of, "SELECT"), (theirs, "EXAMINE")), ("twin", (theirs, "EXAMINE"), (ours_of, "EXAMINE")):
        if user == "twin":
            all_of(theirs, user, "SELECT")
        want, got = all_of(before[0], user, before[1]), all_of(after[0], user, after[1])
        for name in want:
            if got[name] != want[name]:
                raise Failed("%s of %s read by the other:\n  before %.3000r\n  now    %.3000r" % (name, user, want[name], got[name]))

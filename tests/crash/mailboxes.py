"""The Maildirs of the scenarios. Message n is text(n); no two are alike."""

import glob
import os
import re

from common import fixtures

VALIDITY = 1600000000
KNOWN = re.compile(
    r"cur|new|tmp|maildirfolder|subscriptions|dovecot-(uidlist|keywords|uidvalidity(\.[0-9a-f]{8})?)|mailsession\..*|maildirsize|"
    # what a killed session was about to rename; the next one that writes replaces it
    r"(dovecot-(uidlist|keywords)|subscriptions)\.tmp|\..+")


UNENDED = 9003  # a message without a line end behind it: what an mbox has when its line end is taken for the empty line


def text(number):
    data = (b"From: Anna <anna@example.org>\nSubject: message %d\nX-Number: %d\n\n" % (number, number)
            + b"line of message %d\n" % number * (1 + number % 9))
    return data[:-1] if number == UNENDED else data


def wire(number):
    return text(number).replace(b"\n", b"\r\n")


def number_of(data):
    """The message's number, when it is whole."""
    m = re.search(rb"^X-Number: (\d+)\r?$", data, re.M)
    return int(m[1]) if m and data == wire(int(m[1])) else None


def base_name(number):
    return "%d.M%dP1.host,S=%d" % (fixtures.EPOCH + number, number, len(text(number)))


class Layout:
    """Lays out folders and remembers what is where and under which UID."""

    settings = ""

    def __init__(self, maildir):
        self.maildir, self.placements, self.folders, self.uids = maildir, {}, {"INBOX"}, {}
        self.location = "maildir:" + maildir
        fixtures.make_folder(maildir)

    def path(self, folder):
        return self.maildir if folder == "INBOX" else os.path.join(self.maildir, "." + folder)

    def folder(self, folder, messages, listed=True, dead=0, where="cur"):
        """messages: {number: letters of flags}. listed: with a dovecot-uidlist; dead: that many lines of messages
        that are gone."""
        names = {"S": "\\Seen", "F": "\\Flagged", "T": "\\Deleted", "R": "\\Answered", "a": "Old"}
        path = fixtures.make_folder(self.maildir, "" if folder == "INBOX" else "." + folder)
        self.folders.add(folder)
        rows = []
        for uid in range(1, dead + 1):
            rows.append("%d :%s" % (uid, base_name(500000 + uid)))
        for uid, (number, letters) in enumerate(sorted(messages.items()), 11 + dead):
            base = base_name(number)
            name = base if where == "new" else "%s:2,%s" % (base, letters)
            with open(os.path.join(path, where, name), "wb") as out:
                out.write(text(number))
            os.utime(out.name, (fixtures.EPOCH + number,) * 2)
            self.placements.setdefault(number, set()).add((folder, frozenset(names[x] for x in letters)))
            if listed:
                rows.append("%d :%s" % (uid, base))
                self.uids.setdefault(folder, {})[uid] = number
        if listed:
            with open(os.path.join(path, "dovecot-uidlist"), "w") as out:
                out.write("3 V%d N%d G%032x\n" % (VALIDITY, 11 + dead + len(messages), len(folder)))
                out.writelines(row + "\n" for row in rows)
            with open(os.path.join(path, "dovecot-keywords"), "w") as out:
                out.write("0 Old\n")
        return self

    def on_disk(self, folder):
        return on_disk(self.path(folder))

    def wrong(self, folder, numbers):
        """on_disk() sees all that there is to see."""

    def deliver(self, number):
        name = "%d.M%dP2.host" % (fixtures.EPOCH + number, number)
        with open(os.path.join(self.maildir, "tmp", name), "wb") as out:
            out.write(text(number))
        os.rename(out.name, os.path.join(self.maildir, "new", name))

    def forget(self):
        """The index is deleted, of all folders."""
        for folder in self.folders:
            for name in glob.glob(os.path.join(self.path(folder), "mailsession.*")):
                os.unlink(name)


def plain(maildir):
    return Layout(maildir).folder("INBOX", {n: "Sa" if n == 2 else "S" if n % 2 else "" for n in range(1, 9)}).folder(
        "Copies", {20: "", 21: "F"})


def arrived(maildir):
    """Eight messages that have UIDs, four that were delivered since."""
    return plain(maildir).folder("INBOX", {n: "" for n in range(31, 35)}, listed=False, where="new")


def unlisted(maildir):
    """As an import leaves it: no list, messages in cur/ and new/."""
    return Layout(maildir).folder("INBOX", {n: "S" for n in range(1, 7)}, listed=False).folder(
        "INBOX", {n: "" for n in range(31, 33)}, listed=False, where="new")


def decayed(maildir):
    """A list with more dead lines than living ones."""
    return Layout(maildir).folder("INBOX", {n: "S" for n in range(1, 9)}, dead=90).folder(
        "INBOX", {31: "", 32: ""}, listed=False, where="new")


def torn(maildir):
    """The last line of the list is not whole, and its message is gone."""
    layout = Layout(maildir).folder("INBOX", {n: "S" for n in range(1, 7)})
    with open(os.path.join(maildir, "dovecot-uidlist"), "a") as out:
        out.write("17 :170000")
    return layout


def many(maildir):
    return Layout(maildir).folder("INBOX", {n: "" for n in range(1, 61)})


def nested(maildir):
    return plain(maildir).folder("Work", {40: "S", 41: ""}).folder("Work.deep", {42: "F"})


def miscounted(maildir):
    """maildirsize says more than the scenario's limit, and has to be counted before that is believed."""
    layout = plain(maildir)
    with open(os.path.join(maildir, "maildirsize"), "w") as out:
        out.write("1000000S\n900000 10\n200000 2\n")
    return layout


def entered(maildir):
    """[bytes, messages] that maildirsize says; None when it is to be counted."""
    try:
        with open(os.path.join(maildir, "maildirsize")) as f:
            rows = f.read().split("\n")[1:-1]
        return [sum(int(number) for number in numbers) for numbers in zip(*(row.split(" ") for row in rows), strict=True)] or None
    except (FileNotFoundError, ValueError):
        return None


def held(maildir):
    """[bytes, messages] of all folders."""
    sizes = [os.path.getsize(os.path.join(top, name)) for top, _, names in os.walk(maildir)
             if os.path.basename(top) in ("cur", "new") for name in names]
    return [sum(sizes), len(sizes)]


def on_disk(path):
    """Looks at a folder as another server would: (uidvalidity, uidnext, {uid: number}) of dovecot-uidlist, and
    what is wrong with it, or None."""
    files = {}
    for where in ("cur", "new"):
        for name in os.listdir(os.path.join(path, where)):
            base = name.partition(":")[0]
            if base in files:
                return None, "two files are called " + base
            with open(os.path.join(path, where, name), "rb") as f:
                files[base] = number_of(f.read().replace(b"\n", b"\r\n"))
            if files[base] is None:
                return None, "%s/%s is not a whole message" % (where, name)
    with open(os.path.join(path, "dovecot-uidlist")) as f:
        head, *rows = f.read().split("\n")
    m = re.fullmatch(r"3 V(\d+) N(\d+) G[0-9a-f]{32}", head)
    if not m or rows[-1:] != [""]:
        return None, "dovecot-uidlist: %r ... %r" % (head, rows[-1:])
    uids, last = {}, 0
    for row in rows[:-1]:
        r = re.fullmatch(r"(\d+)( [A-Z][^ \n]*)* :([^\n]+)", row)
        if not r or int(r[1]) <= last:
            return None, "dovecot-uidlist: %r after %d" % (row, last)
        last = int(r[1])
        if r[3] in files:
            uids[last] = files.pop(r[3])
    if files:
        return None, "dovecot-uidlist lacks " + ", ".join(files)
    strange = [name for name in os.listdir(path) if not KNOWN.fullmatch(name)]
    return (int(m[1]), max(int(m[2]), last + 1), uids), "left behind: " + ", ".join(strange) if strange else None

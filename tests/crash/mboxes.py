"""The mboxes of the scenarios: an INBOX in a spool, folders as files below another directory; also beside Maildirs.
Messages are those of mailboxes.py, so that no two are alike."""

import fcntl
import mailbox
import os
import re

import mailboxes
from mailboxes import VALIDITY, number_of, text

BLOCK = 4096
FLAGS = (("S", "\\Seen"), ("F", "\\Flagged"), ("T", "\\Deleted"), ("R", "\\Answered"), ("a", "Old"))
FROM = b"From %s@example.org  Fri Nov 17 10:00:00 2023\n"
OURS = re.compile(rb"^(Status|X-Status|X-Keywords|X-UID|X-IMAPbase|Content-Length):([^\n]*)\n", re.M)
# what may lie beside an index
KNOWN = re.compile(r"annotations|dovecot-keywords(\.tmp|\.lock)?|mailsession\.(index|journal|cache|append|tmp)(\..*)?|"
                   r"mailsession-guids|dovecot-uidlist\.lock")


def head(letters, uid, base):
    """The fields of the mailbox, as Dovecot writes them."""
    lines = [b"X-IMAPbase: %d %010d Old" % base] if base else []
    lines += [b"Status: " + (b"R" if "S" in letters else b"") + b"O",
              b"X-Status: " + b"".join(m for x, m in (("R", b"A"), ("F", b"F"), ("T", b"D")) if x in letters),
              b"X-Keywords:" + (b" Old" if "a" in letters else b"") + b" " * 40, b"X-UID: %d" % uid]
    return b"\n".join(lines) + b"\n"


def stored(number, fields=b"", sender=b"anna"):
    header, _, body = text(number).partition(b"\n\n")
    return FROM % sender + header + b"\n" + fields + b"\n" + body + b"\n"


def number_in(data):
    """The message's number, when it is whole; Python leaves it its line end where it has no empty line behind it."""
    data = data.replace(b"\n", b"\r\n")
    return number_of(data) or number_of(data[:-2])


def opened(path):
    """The messages as Python's standard library finds them: [(text without our fields, {field: value})]."""
    found = []
    box = mailbox.mbox(path, create=False)
    for key in box.keys():
        data = box.get_bytes(key)
        header, _, body = data.partition(b"\n\n")
        fields = {m[1]: m[2].strip() for m in OURS.finditer(header + b"\n")}
        found.append((OURS.sub(b"", header + b"\n") + b"\n" + body, fields))
    box.close()
    return found


class Layout:
    """Lays out mboxes and remembers what is where and under which UID. leaf: DIRNAME=; apart: with CONTROL=."""

    settings = ""

    def __init__(self, top, leaf="", apart=False):
        self.top, self.placements, self.folders, self.uids = top, {}, {"INBOX"}, {}
        self.leaf, self.base = leaf, os.path.join(top, "control" if apart else "mail")
        for directory in ("mail", "spool", self.base):
            os.makedirs(os.path.join(top, directory), exist_ok=True)
        self.location = "mbox:%s/mail:INBOX=%s%s%s" % (
            top, self.path("INBOX"), leaf and ":DIRNAME=" + leaf, ":CONTROL=" + self.base if apart else "")
        self.folder("INBOX", {})

    def path(self, folder):
        if folder == "INBOX":
            return os.path.join(self.top, "spool/kevin")
        return os.path.join(self.top, "mail", folder, self.leaf).rstrip("/")

    def control(self, folder):
        """Where Dovecot has its index."""
        if self.leaf and not self.base.endswith("mail"):
            return os.path.join(self.base, folder)
        if self.leaf and folder != "INBOX":
            return os.path.join(self.base, folder, ".imap", self.leaf)
        above, name = os.path.split(folder)
        return os.path.join(self.base, above, ".imap", name)

    def read_by_others(self):
        """A location for Dovecot, which leaves nothing behind, and its folders' names here."""
        return self.location + ":INDEX=MEMORY", {f: f for f in self.folders}

    def folder(self, folder, messages, written=True, sender=b"anna"):
        """messages: {number: letters of flags}. written: with UIDs and flags; otherwise as they were delivered."""
        self.folders.add(folder)
        first = max(self.uids.get(folder, {10: 0})) + 1
        last = first + len(messages) - 1
        os.makedirs(os.path.dirname(self.path(folder)), exist_ok=True)
        with open(self.path(folder), "ab") as out:
            for uid, (number, letters) in enumerate(sorted(messages.items()), first):
                base = (VALIDITY, last) if written and uid == 11 else None
                out.write(stored(number, head(letters, uid, base) if written else b"", sender=sender if uid == first else b"anna"))
                names = frozenset(name for x, name in FLAGS if x in letters)
                self.placements.setdefault(number, set()).add((folder, names))
                if written:
                    self.uids.setdefault(folder, {})[uid] = number
        return self

    def known_by(self, folder, use=None):
        """What clients have said about it: it is subscribed, it has a comment and perhaps a special use."""
        os.makedirs(self.control(folder))
        self.settings = "imap_metadata = yes\n"
        comment = "about " + folder.replace("/", "-")
        with open(os.path.join(self.control(folder), "annotations"), "w") as out:
            out.write("annotations 1\n16 %d\n/private/comment\n%s\n" % (len(comment), comment))
        with open(os.path.join(self.base, ".subscriptions"), "a") as out:
            out.write(folder + "\n")
        self.placements["comment " + comment] = {(folder, frozenset())}
        self.placements["subscription " + folder] = {("", frozenset())}
        if use:
            with open(os.path.join(self.base, ".mailsession-special-use"), "a") as out:
                out.write("%s\t%s\n" % (folder, use))
            self.placements["use " + use] = {(folder, frozenset())}
        return self

    def make_again(self, folder, number):
        """Another program makes a folder that is not there, and puts a message into it. False: it cannot."""
        try:
            os.makedirs(os.path.dirname(self.path(folder)), exist_ok=True)
            with open(self.path(folder), "xb") as out:
                out.write(stored(number))
        except OSError:
            return False
        return True

    def is_half_rewritten(self):
        for folder in self.folders:
            if os.path.exists(os.path.join(self.control(folder), "mailsession.rewrite")):
                return True
            append = os.path.join(self.control(folder), "mailsession.append")
            if os.path.exists(append):
                with open(append, "rb") as f:
                    if f.read(1) not in (b"", b"\0"):
                        return True
        return False

    def deliver(self, number):
        """As Postfix's local does it, under both locks, when a lock file of the dead has grown old."""
        lock = self.path("INBOX") + ".lock"
        if os.path.exists(lock):
            os.unlink(lock)
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        with open(self.path("INBOX"), "ab") as out:
            fcntl.lockf(out, fcntl.LOCK_EX)
            out.write(stored(number))
        os.unlink(lock)

    def forget(self):
        """The index is deleted, of all folders."""
        for folder in self.folders:
            for name in ("index", "journal", "cache"):
                path = os.path.join(self.control(folder), "mailsession." + name)
                if os.path.exists(path):
                    os.unlink(path)

    def is_blank(self, folder):
        """All messages are gone, and there is no index: nothing is left that could tell of UIDs."""
        return os.path.getsize(self.path(folder)) == 0 and not os.path.exists(
            os.path.join(self.control(folder), "mailsession.index"))

    def wrong(self, folder, numbers):
        """None, or what another program finds wrong about a folder when a session of ours found these messages."""
        try:
            found = [number_in(data) or data for data, _ in opened(self.path(folder))]
        except OSError as error:
            return str(error)
        if sorted(map(str, found)) != sorted(map(str, numbers)):
            return "another program reads messages %r, ours are %r" % (found, sorted(numbers))
        return None

    def on_disk(self, folder):
        """(uidvalidity, uidnext, {uid: number}) of the file, and what is wrong with it or beside it, or None."""
        validity, following, uids = None, 0, {}
        for data, fields in opened(self.path(folder)):
            number = number_in(data)
            if number is None:
                return None, "not a whole message: %r" % data[:200]
            if validity is None:
                m = re.match(rb"(\d+) (\d+)", fields.get(b"X-IMAPbase", b""))
                if not m:
                    return None, "the first message has no X-IMAPbase"
                validity, following = int(m[1]), int(m[2]) + 1
            uid = int(fields.get(b"X-UID", b"0"))
            if uid <= max(uids, default=0):
                return None, "message %d has X-UID %d behind %r" % (number, uid, sorted(uids))
            uids[uid] = number
            length = int(fields.get(b"Content-Length", b"-1"))
            body = data.partition(b"\n\n")[2]
            if length not in (-1, len(body), len(body) - 1):
                return None, "Content-Length %d of message %d, which has %d" % (length, number, len(body))
        following = max([following, *(uid + 1 for uid in uids)])
        strange = [name for name in os.listdir(self.control(folder)) if not KNOWN.fullmatch(name)
                   and not os.path.isdir(os.path.join(self.control(folder), name))]
        strange += [name for name in os.listdir(os.path.dirname(self.path(folder))) if name.endswith(".lock")
                    and name[0] != "."]  # those of the next who writes it
        return (validity, following, uids), "left behind: " + ", ".join(strange) if strange else None


def plain(top, **how):
    return Layout(top, **how).folder("INBOX", {n: "Sa" if n == 2 else "S" if n % 2 else "" for n in range(1, 9)}).folder(
        "Copies", {20: "", 21: "F"})


def delivered(top):
    """Nothing of ours in it: UIDs are given, and every change makes headers longer."""
    return Layout(top).folder("INBOX", {n: "" for n in range(1, 5)}, written=False).folder("Copies", {20: "", 21: "F"})


def arrived(top):
    """Eight messages that have UIDs, four that were delivered since."""
    return plain(top).folder("INBOX", {n: "" for n in range(31, 35)}, written=False)


def straddling(top):
    """One message's flags are at the end of a block and at the beginning of the next."""
    messages = {n: "S" if n % 2 else "" for n in range(1, 13)}
    layout = Layout(top).folder("INBOX", messages)
    with open(layout.path("INBOX"), "rb") as f:
        # behind the letters: what a new one moves
        flags = [m.end() for m in re.finditer(rb"^X-Status: \w*\nX-K", f.read(), re.M)]
    os.unlink(layout.path("INBOX"))
    layout.uids.clear()
    before = min(-at % BLOCK for at in flags[1:])  # bytes that are missing; a From_ line has room for them
    return layout.folder("INBOX", messages, sender=b"a" * (before + len(b"anna")))


class Both:
    """INBOX of one format, and below "other/" folders of the other one."""

    def __init__(self, top, inbox, other, make_inbox, make_other):
        self.here, self.there = make_inbox(inbox(os.path.join(top, "here"))), make_other(other(os.path.join(top, "there")))
        self.location = self.here.location
        self.settings = ("namespace inbox {\n  inbox = yes\n  separator = /\n}\n"
                         "namespace other {\n  prefix = other/\n  separator = /\n  location = %s\n}\n" % self.there.location)
        there = {"other/" + f: f for f in self.there.folders - {"INBOX"}}
        self.which = {**{f: (self.here, f) for f in self.here.folders}, **{f: (self.there, there[f]) for f in there}}
        self.folders = set(self.which)
        self.uids = {f: layout.uids[g] for f, (layout, g) in self.which.items() if g in layout.uids}
        self.placements = dict(self.here.placements)
        for number, places in self.there.placements.items():
            self.placements.setdefault(number, set()).update(("other/" + f, flags) for f, flags in places)

    def of(self, call, folder, *more):
        layout, name = self.which[folder]
        return getattr(layout, call)(name, *more)

    def on_disk(self, folder):
        return self.of("on_disk", folder)

    def wrong(self, folder, numbers):
        return self.of("wrong", folder, numbers)

    def deliver(self, number):
        self.here.deliver(number)

    def forget(self):
        self.here.forget()
        self.there.forget()

    def is_blank(self, folder):
        return isinstance(self.here, Layout) and self.here.is_blank(folder)

    def mboxes(self):
        return self.here if isinstance(self.here, Layout) else self.there

    def is_half_rewritten(self):
        return self.mboxes().is_half_rewritten()

    def read_by_others(self):
        layout = self.mboxes()
        location, names = layout.read_by_others()
        return location, {name: f for f, (of, name) in self.which.items() if of is layout and name in names}


def some(layout):
    return layout.folder("INBOX", {n: "Sa" if n == 2 else "S" if n % 2 else "" for n in range(1, 9)})


def copies(layout):
    return layout.folder("Copies", {20: "", 21: "F"})


def out_of_mbox(top):
    return Both(top, Layout, mailboxes.Layout, some, copies)


def into_mbox(top):
    return Both(top, mailboxes.Layout, Layout, some, copies)


def tree(top, **how):
    """Folders with messages, one of them in a directory, known to clients."""
    layout = plain(top, **how).folder("Work", {40: "S", 41: "a"}).known_by("Work", "\\Drafts")
    return layout.folder("Top/deep", {42: "F", 43: ""}).known_by("Top/deep", "\\Sent")


def leaved(top):
    """The same with DIRNAME=: a folder with messages has another one below it."""
    return tree(top, leaf="mBoX").folder("Work/deep", {44: "", 45: "S"}).known_by("Work/deep", "\\Archive")


def apart(top):
    return tree(top, apart=True)


def leaved_apart(top):
    return tree(top, leaf="mBoX", apart=True).folder("Work/deep", {44: "", 45: "S"}).known_by("Work/deep", "\\Archive")

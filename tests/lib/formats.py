"""The formats that mail lies in, with one face, so that one test serves all of them: where the mail of a home is, what an
MTA does, what another program does to a message. Folders have the names of Maildir++: "" the INBOX, ".Sent", ".a.b"."""

import contextlib
import errno
import fcntl
import glob
import os
import re
import time

import fixtures

LOCK_SECONDS = 10.0
X_STATUS = {"R": "A", "F": "F", "D": "T", "T": "D"}  # Maildir's letters: D is a draft, T is deleted
METADATA = re.compile(rb"(?i)(?:X-)?Status:")
FROM = re.compile(rb"(?m)^From \S+ +(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) .*\n")


class Maildir:
    name = "maildir"
    settings = ""
    quota = "maildir"  # the backend that fits

    def __init__(self, home):
        self.home = home
        self.root = os.path.join(home, "Maildir")  # what paths in a session are relative to
        self.delivered = 0

    def location(self):
        return "maildir:" + self.root

    def build(self, mailbox):
        fixtures.build(mailbox, self.root)

    def folder(self, name):
        fixtures.make_folder(self.root, name)

    def deliver(self, message, folder, give):
        """As an MTA does it; give(path) hands files over to the user before they can be seen."""
        self.delivered += 1
        name = "%d.M%dP9.host" % (fixtures.EPOCH + 100000 + self.delivered, self.delivered)
        path = os.path.join(self.root, folder)
        temporary = os.path.join(path, "tmp", name)
        with open(temporary, "wb") as out:
            out.write(fixtures.MESSAGES[message])
        give(path)
        os.rename(temporary, os.path.join(path, "new", name))

    def _files(self, folder):
        """In the order of their delivery."""
        found = glob.glob(os.path.join(glob.escape(os.path.join(self.root, folder)), "[cn]*", "*"))
        return sorted(found, key=lambda path: [int(n) for n in re.findall(r"\d+", os.path.basename(path))[:2]])

    def count(self, folder):
        return len(self._files(folder))

    def remove(self, number, folder):
        os.unlink(self._files(folder)[number - 1])

    def flag(self, number, flags, folder):
        """Another reader sets just these flags, Maildir's letters."""
        path = self._files(folder)[number - 1]
        base = os.path.basename(path).split(":2,")[0]
        os.rename(path, os.path.join(self.root, folder, "cur", base + ":2," + flags))


class Mbox:
    """INBOX is the file `mbox` of the home, folders are below `mail`; the levels of names have a dot between, as those of a
    Maildir, so that a session need not care."""

    name = "mbox"
    quota = "count"
    leaf = ""  # with DIRNAME=: the file that a folder's mail is in
    settings = "namespace inbox {\n  separator = .\n  inbox = yes\n}\n"

    def __init__(self, home):
        self.home = home
        self.root = home

    def location(self):
        return "mbox:%s:INBOX=%s%s" % (os.path.join(self.home, "mail"), os.path.join(self.home, "mbox"),
                                       ":DIRNAME=" + self.leaf if self.leaf else "")

    def path(self, folder):
        if not folder:
            return os.path.join(self.home, "mbox")
        return os.path.join(self.home, "mail", *folder[1:].split("."), *([self.leaf] if self.leaf else []))

    def build(self, mailbox):
        os.makedirs(os.path.join(self.home, "mail"), mode=0o700)
        first = _dovecot_lines if mailbox == "dovecot" else {}
        for number, row in enumerate(fixtures.rows(mailbox), 1):
            self.folder(row.folder)
            with open(self.path(row.folder), "ab") as out:
                out.write(as_mbox(fixtures.MESSAGES[row.message], fixtures.EPOCH + 60 * number, status(row.flags),
                                  first.get(number, [])))

    def folder(self, name):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))

    def deliver(self, message, folder, give, when=None):
        path = self.path(folder)
        self.folder(folder)
        give(path)
        with locked(path) as file:
            file.seek(0, os.SEEK_END)
            file.write(as_mbox(fixtures.MESSAGES[message], when or time.time()))

    def _messages(self, data):
        starts = [found.start() for found in FROM.finditer(data)] + [len(data)]
        return [data[a:b] for a, b in zip(starts, starts[1:])]

    def messages(self, folder):
        with open(self.path(folder), "rb") as file:
            return self._messages(file.read())

    def count(self, folder):
        return len(self.messages(folder))

    def pseudo(self, folder):
        """How many of them are no mail: none or the first."""
        return int(any(b"\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER" in first for first in self.messages(folder)[:1]))

    def _change(self, number, folder, change):
        """As mutt does it: the file is locked, and written again from the message that changes on."""
        with locked(self.path(folder)) as file:
            messages = self._messages(file.read())
            at = sum(map(len, messages[:number - 1]))
            rest = b"".join([change(messages[number - 1])] + messages[number:])
            file.seek(at)
            file.write(rest)
            file.truncate(at + len(rest))

    def remove(self, number, folder):
        self._change(number, folder, lambda message: b"")

    def flag(self, number, flags, folder):
        def change(message):
            first, head, body = parts(message)
            lines = [line for line in head.splitlines(True) if not METADATA.match(line)]
            return first + b"".join(lines) + lines_of(status(flags)) + body
        self._change(number, folder, change)


class MboxWithChildren(Mbox):
    """A folder can have both messages and folders below it: it is a directory, its mail a file in there."""

    leaf = "mBoX"


# what Dovecot says in place of what fixtures.build() puts into its files: UIDs 11, 12, 20, the next is 30
_dovecot_lines = {1: ["X-IMAPbase: %d 29 $Forwarded Work" % fixtures.UIDVALIDITY, "X-UID: 11"],
                  2: ["X-Keywords: $Forwarded Work", "X-UID: 12"], 3: ["X-Keywords: $Forwarded", "X-UID: 20"]}


def status(flags):
    """Without the O of old messages: they are as new as those of a Maildir that no server has seen."""
    letters = "".join(X_STATUS[flag] for flag in flags if flag in X_STATUS)
    return (["Status: R"] if "S" in flags else []) + (["X-Status: " + letters] if letters else [])


def lines_of(lines):
    return "".join(line + "\n" for line in lines).encode()


def parts(message):
    """From_ line, header, and the rest from the empty line on."""
    start = message.find(b"\n") + 1
    end = re.search(rb"^\r?\n", message[start:], re.M)
    end = start + end.start() if end else len(message)
    return message[:start], message[start:end], message[end:]


def as_mbox(data, when, lines=(), first=()):
    """A message as an MTA appends it: a From_ line before it, its last line ended, an empty one behind it."""
    sender = "From anna@example.org %s\n" % time.strftime("%a %b %e %H:%M:%S %Y", time.gmtime(when))
    _, head, body = parts(b"\n" + data)
    if head and not head.endswith(b"\n"):
        head += b"\n"
    if body and not body.endswith(b"\n"):
        body += b"\n"
    return sender.encode() + lines_of(first) + head + lines_of(lines) + (body or b"\n") + b"\n"


@contextlib.contextmanager
def locked(path):
    """The file, open for reading and writing, under the locks of Debian's programs: fcntl, then the dotlock."""
    end = time.monotonic() + LOCK_SECONDS
    with open(path, "r+b") as file:
        while True:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.close(os.open(path + ".lock", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                break
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EEXIST) or time.monotonic() > end:
                    raise
                fcntl.lockf(file, fcntl.LOCK_UN)
                time.sleep(0.01)
        try:
            yield file
        finally:
            file.flush()
            os.unlink(path + ".lock")


def of(name, children=False):
    return {"maildir": Maildir, "mbox": MboxWithChildren if children else Mbox}[name]

"""What must be true of an mbox spool that many programs work on: who put which message there, who had it deleted on
purpose, what each kind of server called it, and whether what is read is what was written."""

import collections
import hashlib
import re

from common import Failed
from stress import Knowledge, shown

TAIL = 50
# a From_ line in a body: only Content-Length tells that it is text
FROM_LINE = "From somebody@example.org  Sat Jan  3 01:05:34 1998"
LIKE_A_MESSAGE = ("", FROM_LINE, "X-Status: F")
# fields in which mail programs keep what they know of a message
KEPT = re.compile(rb"(?m)^(?:Status|X-Status|X-Keywords|X-UID|X-IMAP|X-IMAPbase|Content-Length|Lines):.*\n(?:[ \t].*\n)*")


def digest(body):
    """Of a body, without the empty lines at its end and ">" before "From ": how messages are separated is each program's own."""
    return hashlib.sha1(re.sub(rb"(?m)^>From ", b"From ", body.replace(b"\r\n", b"\n").rstrip(b"\n"))).hexdigest()


def as_delivered(text):
    """A message as a client got it, without what mail programs add and how messages are separated."""
    head, _, body = text.replace(b"\r\n", b"\n").partition(b"\n\n")
    return KEPT.sub(b"", head + b"\n") + b"\n" + body.rstrip(b"\n")


def message(name, chance, quoted=()):
    """quoted: some have these lines, which a program without Content-Length would have to quote."""
    lines = ["line %d of %s %s" % (n, name, "x" * chance.randrange(60)) for n in range(chance.randrange(30))]
    if chance.random() < 0.04:
        lines *= 100
    if quoted and chance.random() < 0.3:
        lines[len(lines) // 2:0] = quoted
    body = "".join(line + "\n" for line in lines).encode()
    head = "X-Id: %s\nMessage-ID: <%s@example.org>\nSubject: %s\nFrom: a@example.org\nX-Sum: %s\n\n" % (
        name, name, name, digest(body))
    return head.encode() + body


class Ledger(Knowledge):
    """Servers are of a kind (the first letter of who speaks):
    sessions of a kind share an index, and with it UIDs that are not in the file yet."""

    def __init__(self, seconds, seed):
        super().__init__(seconds, seed)
        self.made = {}  # name: who, of the spool
        self.exact = {}  # name: what matches it as_delivered(), to the byte; where it is known
        self.doomed = {}  # name: who asked for its removal, from the moment before
        self.copied = collections.Counter()  # name: copies in Other
        self.flagged = set()  # what mutt was told to flag
        self.flags_stay = True
        self.flags = {}  # (name, keyword): whether it was acknowledged last
        self.validity = {}  # kind: UIDVALIDITY
        self.uids = collections.defaultdict(dict)  # kind: {uid: name}
        self.gone = collections.defaultdict(dict)  # kind: {uid: who was told}
        self.checked = collections.Counter()

    def fail(self, who, text, *about):
        with self.lock:
            self.note(who, "FAILED: " + text.splitlines()[0])
            self.failures.append("%s: %s" % (who, text))
            self.stop.set()

    def complaint(self, who, text):
        """When a spool has lost messages and got others since Dovecot looked at it, Dovecot first looks for the new ones where
        the old end was (mbox_dirty_syncs), says so, and reads all of it: also when nobody but Dovecot and a script work on it."""
        if "Next message unexpectedly corrupted in mbox file" in text:
            self.counts["Dovecot found itself lost"] += 1
        else:
            self.fail(who, "Dovecot: " + text)

    def history(self, *words):
        return shown(entry for entry in list(self.log) if any(word in entry[2] for word in words))

    def check(self):
        if self.failures:
            raise Failed("seed %s; %d failures\n%s\n--- the last operations%s" % (
                self.seed, len(self.failures), "\n".join(self.failures[:8]), shown(list(self.log)[-TAIL:])))

    # --- what is done

    def make(self, who, name, exact=None):
        with self.lock:
            self.note(who, "makes %s" % name)
            self.made[name] = who
            if exact:
                self.exact[name] = exact

    def doom(self, who, names):
        with self.lock:
            self.note(who, "dooms %s" % " ".join(sorted(names)))
            for name in names:
                self.doomed.setdefault(name, who)

    # --- what is said (the first five: imap_client.Client)

    def saw_validity(self, who, folder, value):
        with self.lock:
            if self.validity.setdefault(who[0], value) != value:
                self.fail(who, "UIDVALIDITY was %d, is %d" % (self.validity[who[0]], value))

    def saw(self, who, folder, uid, name):
        with self.lock:
            if name not in self.made:
                self.fail(who, "UID %d is %s, which nobody made" % (uid, name))
            before = self.uids[who[0]].setdefault(uid, name)
            if before != name:
                self.fail(who, "UID %d was %s, is %s%s" % (uid, before, name, self.history(before, name)))

    def told_gone(self, who, folder, uid):
        with self.lock:
            self.gone[who[0]].setdefault(uid, who)
            name = self.uids[who[0]].get(uid)
            if name is not None and name not in self.doomed:
                self.fail(who, "UID %d (%s) is expunged, and nobody asked for it%s" % (uid, name, self.history(name)))

    def read(self, who, text):
        """A whole message as a client got it: its name, or None when it is not what was written."""
        head, _, body = text.partition(b"\r\n\r\n")
        fields = collections.Counter(re.findall(rb"(?m)^([^:\s]+):", head))
        found = {field: re.search(rb"(?m)^" + field + rb": ([^\r\n]*)\r?$", head) for field in (b"X-Id", b"X-Sum", b"Message-ID")}
        with self.lock:
            self.checked[who[0]] += 1
            if not all(found.values()) or any(fields[field] != 1 for field in (*found, b"Subject", b"From")):
                self.fail(who, "a torn header: %r" % head[:600])
                return None
            name = found[b"X-Id"][1].decode()
            if found[b"Message-ID"][1].decode() != "<%s@example.org>" % name:
                self.fail(who, "a header of two messages: %r" % head[:600])
            if digest(body) != found[b"X-Sum"][1].decode():
                self.fail(who, "%s has a torn body of %d bytes: %r ... %r%s" % (
                    name, len(body), body[:100], body[-300:], self.history(name)))
            if name in self.exact and not self.exact[name].fullmatch(as_delivered(text)):
                self.fail(who, "%s is not as it was delivered: %r%s" % (name, text[:2000], self.history(name)))
            return name

    # --- in the end

    def check_final(self, messages):
        """messages: {uid: (name, flags)} of the spool."""
        with self.lock:
            present = collections.Counter(name for name, _ in messages.values())
            for name, times in present.items():
                if times > 1:
                    self.fail("end", "%s is there %d times%s" % (name, times, self.history(name)))
            for name, who in self.made.items():
                if name not in present and name not in self.doomed:
                    self.fail("end", "%s of %s is lost%s" % (name, who, self.history(name)))
            for uid, (name, flags) in messages.items():
                self.saw("o end", "INBOX", uid, name)
                if uid in self.gone["o"]:
                    self.fail("end", "UID %d (%s) is there, %s was told that it is gone" % (uid, name, self.gone["o"][uid]))
                if "\\Flagged" in flags and name not in self.flagged:
                    self.fail("end", "%s is flagged, and nobody did it" % name)
                for (which, keyword), on in self.flags.items():
                    if self.flags_stay and which == name and (keyword in flags) != on:
                        self.fail("end", "%s: %s is %s, acknowledged was the contrary%s" % (
                            name, keyword, "not set" if on else "set", self.history(name)))
            self.check_uids()

    def check_uids(self):
        """Ours give a message one UID, however often others rewrite the file."""
        have = collections.defaultdict(set)
        for uid, name in self.uids["o"].items():
            have[name].add(uid)
        for name, uids in have.items():
            if len(uids) > 1:
                self.fail("end", "%s had UIDs %s%s" % (name, sorted(uids), self.history(name)))

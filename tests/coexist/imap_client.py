"""An IMAP client that keeps the model every client must keep: which UID is at which sequence number. Whatever the server
says that does not fit is a violation."""

import re

from common import Failed


class Client:
    def __init__(self, server, name, world, strict):
        self.server, self.name, self.world = server, name, world
        self.strict = strict  # our own server
        self.folder = None
        self.read_only = False
        self.model = []  # by sequence number: UID, or None when it was not told yet
        self.quiet = False  # a command that must not tell of expunges (RFC 3501 section 7.4.1)
        self.tag = 0

    # --- reading

    def response(self):
        """One response with its literals."""
        at = 0
        while True:
            if at == 0 and self.server.rest.startswith(b"imap(") and b"\n" in self.server.rest:
                # Dovecot's log goes where its answers go
                complaint, self.server.rest = self.server.rest.split(b"\n", 1)
                self.world.complaint(self.name, complaint.decode(errors="replace"))
            end = self.server.rest.find(b"\r\n", at)
            literal = re.search(rb"\{(\d+)\}$", self.server.rest[at:end]) if end >= 0 else None
            if end >= 0 and not literal:
                got, self.server.rest = self.server.rest[:end + 2], self.server.rest[end + 2:]
                return got
            if literal and len(self.server.rest) >= end + 2 + int(literal[1]):
                at = end + 2 + int(literal[1])
                continue
            self.server.read()

    def untagged(self, line):
        number = re.match(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH|RECENT)", line)
        if line.startswith(b"* BYE"):
            raise Failed("%s: %r" % (self.name, line))
        if not number or self.folder is None:
            return
        seq, kind = int(number[1]), number[2]
        if kind == b"EXISTS":
            if seq < len(self.model):
                self.wrong("EXISTS %d after %d" % (seq, len(self.model)))
            self.model += [None] * (seq - len(self.model))
        elif kind == b"EXPUNGE":
            self.expunge(seq)
        elif kind == b"FETCH":
            self.fetched(seq, line)

    def expunge(self, seq):
        if self.quiet:
            self.wrong("EXPUNGE %d during a FETCH or STORE by sequence number" % seq)
        if not 1 <= seq <= len(self.model):
            self.wrong("EXPUNGE %d of %d" % (seq, len(self.model)))
            return
        uid = self.model.pop(seq - 1)
        if uid is not None:
            self.world.note(self.name, "told: %s UID %d expunged" % (self.folder, uid), (self.folder, uid))
            self.world.told_gone(self.name, self.folder, uid)

    def fetched(self, seq, line):
        if not 1 <= seq <= len(self.model):
            self.wrong("FETCH %d of %d" % (seq, len(self.model)))
            return
        uid = re.search(rb"[( ]UID (\d+)", line)
        if not uid:
            return
        uid = int(uid[1])
        if self.model[seq - 1] not in (None, uid):
            self.wrong("sequence number %d was UID %d, is %d" % (seq, self.model[seq - 1], uid), uid, self.model[seq - 1])
        self.model[seq - 1] = uid
        below = [u for u in self.model[:seq - 1] if u is not None]
        if below and below[-1] >= uid:
            self.wrong("UID %d comes after %d" % (uid, below[-1]), uid, below[-1])
        name = re.search(rb"(?i)\r\nx-id: ([^\r\n]*)\r?\n", line)
        if name:
            self.world.saw(self.name, self.folder, uid, name[1].decode())

    def wrong(self, text, *uids):
        self.world.fail(self.name, "%s: %s" % (self.folder, text), *((self.folder, uid) for uid in uids))

    # --- commands

    def send(self, text, data=None):
        self.tag += 1
        line = b"t%d %s" % (self.tag, text.encode())
        self.server.say(line + (b" {%d+}\r\n" % len(data) + data if data is not None else b"") + b"\r\n")

    def finish(self):
        """Reads up to the tagged answer: (OK or NO, all of it)."""
        lines = []
        while True:
            line = self.response()
            lines.append(line)
            if line.startswith(b"t%d " % self.tag):
                status = line.split(b" ", 2)[1].decode()
                if status == "BAD":
                    raise Failed("%s: %r" % (self.name, line))
                return status, b"".join(lines)
            self.untagged(line)

    def command(self, text, data=None, quiet=False):
        self.quiet = quiet
        self.send(text, data)
        answer = self.finish()
        self.quiet = False
        return answer

    def select(self, folder, read_only=False):
        self.folder, self.model = None, []
        self.send("%s %s" % ("EXAMINE" if read_only else "SELECT", folder))
        lines = []
        while True:
            line = self.response()
            lines.append(line)
            if line.startswith(b"t%d " % self.tag):
                break
        text = b"".join(lines)
        if b" OK " not in lines[-1]:
            raise Failed("%s: SELECT %s: %r" % (self.name, folder, lines[-1]))
        self.folder, self.read_only = folder, read_only
        self.world.saw_validity(self.name, folder, int(re.search(rb"UIDVALIDITY (\d+)", text)[1]))
        self.model = [None] * int(re.findall(rb"\* (\d+) EXISTS", text)[-1])
        return text

    def learn(self):
        """Fetches UID and id of what was not told yet."""
        if None not in self.model:
            return
        first = self.model.index(None) + 1
        self.command("FETCH %d:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (X-ID)])" % first, quiet=True)

    def close(self):
        self.command("CLOSE")
        self.folder, self.model = None, []

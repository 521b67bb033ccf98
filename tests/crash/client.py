"""A client for a program on two pipes: one command, one answer, never waiting for ever."""

import os
import re
import select
import time

ANSWER = 6.0  # seconds for one answer; a session that waits for a dead one's lock takes longer


class Gone(Exception):
    """The program has closed its end. lines: what came of an answer."""

    lines = ()


class Silent(Exception):
    """No answer in time."""


class Reply:
    """good: OK or +OK. lines: what came before the last line, literals in place. last: the last line."""

    def __init__(self, good, lines, last):
        self.good, self.lines, self.last = good, lines, last

    def rows(self):
        """(UID, flags, text) of the FETCH answers that have all three."""
        for line in self.lines:
            m = re.match(rb"\* \d+ FETCH \(", line)
            uid, flags = re.search(rb"UID (\d+)", line[:200]), re.search(rb"FLAGS \(([^)]*)\)", line[:400])
            body = re.search(rb"BODY\[\] \{(\d+)\}\r\n", line[:600])
            if m and uid and flags and body:
                names = {f for f in flags[1].decode().split() if f != "\\Recent"}
                yield int(uid[1]), frozenset(names), line[body.end():body.end() + int(body[1])]

    def number(self, regex):
        for line in [*self.lines, self.last]:
            m = re.search(regex, line)
            if m:
                return int(m[1])
        return None


class Client:
    def __init__(self, process):
        self.process, self.buffer, self.count = process, bytearray(), 0
        self.input, self.output = process.stdin.fileno(), process.stdout.fileno()

    def fill(self, end):
        left = end - time.monotonic()
        if left <= 0 or not select.select([self.output], [], [], left)[0]:
            raise Silent("no answer in %g s" % ANSWER)
        piece = os.read(self.output, 1 << 18)
        if not piece:
            raise Gone()
        self.buffer += piece

    def line(self, end=None):
        """One line without its end; a literal and what follows it are part of it."""
        end = end or time.monotonic() + ANSWER
        start = 0
        while True:
            at = self.buffer.find(b"\r\n", start)
            if at < 0:
                self.fill(end)
                continue
            literal = re.search(rb"\{(\d+)\}$", self.buffer[max(0, at - 24):at])
            if not literal:
                line = bytes(self.buffer[:at])
                del self.buffer[:at + 2]
                return line
            start = at + 2 + int(literal[1])
            while len(self.buffer) < start:
                self.fill(end)

    def send(self, data):
        try:
            os.write(self.input, data)
        except BrokenPipeError:
            raise Gone() from None


class Imap(Client):
    def greeting(self):
        return self.line().startswith((b"* PREAUTH", b"* OK"))

    def command(self, text):
        self.count += 1
        tag = b"t%d " % self.count
        self.send(tag + (text.encode() if isinstance(text, str) else text) + b"\r\n")
        lines, end = [], time.monotonic() + ANSWER
        while True:
            try:
                line = self.line(end)
            except Gone as gone:
                gone.lines = lines
                raise
            if line.startswith(tag):
                return Reply(line.startswith(tag + b"OK"), lines, line[len(tag):])
            lines.append(line)

    def logout(self):
        self.command("LOGOUT")


class Pop3(Client):
    MANY = ("UIDL", "LIST", "RETR", "TOP")

    def line(self, end=None):
        end = end or time.monotonic() + ANSWER
        while b"\r\n" not in self.buffer:
            self.fill(end)
        line, _, rest = bytes(self.buffer).partition(b"\r\n")
        self.buffer = bytearray(rest)
        return line

    def greeting(self):
        return self.line().startswith(b"+OK")

    def command(self, text):
        self.send(text.encode() + b"\r\n")
        last, lines = self.line(), []
        if last.startswith(b"+OK") and text.split()[0] in self.MANY:
            while not lines or lines[-1] != b".":
                lines.append(self.line())
        return Reply(last.startswith(b"+OK"), lines, last)

    def logout(self):
        self.command("QUIT")


CLIENT = {"imap": Imap, "pop3": Pop3}

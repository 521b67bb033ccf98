"""What an IMAP server answered to one command, parsed and put into a form in which two servers can be compared.

Parsing is also a check: ValueError for what a client could not follow (EXISTS that goes down, FETCH or EXPUNGE of a
message that is not there, a message whose UID changes)."""

import re

SPECIAL_USES = (b"\\all", b"\\archive", b"\\drafts", b"\\flagged", b"\\junk", b"\\sent", b"\\trash")  # of settings: left out


def lines(data):
    """Response lines as token lists. Literals stay in place."""
    found, at = [], 0
    while at < len(data):
        tokens, at = _line(data, at)
        found.append(tokens)
    return found


class Atom(bytes):
    """Not quoted."""


def _line(data, at):
    stack = [[]]
    while True:
        c = data[at:at + 1]
        if c in (b"\r", b""):
            return stack[0], at + 2
        if c == b" ":
            at += 1
        elif c == b"(":
            stack.append([])
            at += 1
        elif c == b")" and len(stack) > 1:
            stack[-2].append(stack.pop())
            at += 1
        elif c == b'"':
            end = at + 1
            while data[end:end + 1] not in (b'"', b""):
                end += 2 if data[end:end + 1] == b"\\" else 1
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", data[at + 1:end]))
            at = end + 1
        elif c == b"{":
            mark = re.compile(rb"\{(\d+)\}\r\n").match(data, at)
            stack[-1].append(data[mark.end():mark.end() + int(mark[1])])
            at = mark.end() + int(mark[1])
        else:
            # an atom; the brackets of BODY[HEADER.FIELDS (A B)]<0> and of [CODE x] belong to it
            end = re.compile(rb"(?:\[[^\]\r]*\]|[^ ()\r\[])+|.").match(data, at).end()
            stack[-1].append(Atom(data[at:end]))
            at = end


def code(tokens):
    """The response code of a status response as a list of words, in capitals but for flags."""
    if len(tokens) > 2 and tokens[2].startswith(b"["):
        return tokens[2].strip(b"[]").decode("latin-1").split()
    return []


def numbers(text):
    """A sequence set without "*", such as 1:3,7, as a list."""
    found = []
    for part in text.decode().split(","):
        first, _, last = part.partition(":")
        ends = int(first), int(last or first)
        found += range(min(ends), max(ends) + 1)
    return found


class View:
    """What a client knows of its mailbox: one stable number a message, in the order of sequence numbers."""

    def __init__(self):
        self.close()

    def close(self):
        self.messages, self.known, self.recent = [], 0, 0
        self.flags, self.uids = {}, {}  # of those messages whose flags and UID it was told
        self.keywords, self.permanent = None, None

    def exists(self, count):
        if count < len(self.messages):
            raise ValueError("EXISTS went down from %d to %d" % (len(self.messages), count))
        while len(self.messages) < count:
            self.known += 1
            self.messages.append(self.known)


def _bare(value):
    if isinstance(value, list):
        return tuple(_bare(item) for item in value)
    return "NIL" if isinstance(value, Atom) and value.upper() == b"NIL" else value.decode("latin-1")


def _flags(tokens):
    return tuple(sorted(word.decode().lower() for word in tokens))


class Answer:
    """tagged: status and code; the rest by kind. Sequence numbers are turned into the view's stable ones. unasked: FLAGS
    that say nothing new are left out."""

    def __init__(self, data, tag, view, unasked):
        self.raw = data
        self.tagged, self.fetch, self.expunged, self.rest = None, {}, [], []
        for tokens in lines(data):
            if tokens and tokens[0] == tag:
                self.tagged = (tokens[1].decode(), self._code(code(tokens), view))
            elif tokens and tokens[0] == b"*":
                self._untagged(tokens, view)
        for message, items in list(self.fetch.items()):
            if "FLAGS" in items:
                told, view.flags[message] = view.flags.get(message), items["FLAGS"]
                if set(items) <= {"FLAGS", "UID"} and told == items["FLAGS"] and unasked:
                    del self.fetch[message]  # nothing new
        self.count, self.recent = len(view.messages), view.recent
        self.keywords, self.permanent = view.keywords, view.permanent

    def _code(self, words, view):
        if not words:
            return ()
        name = words[0].upper()
        if name == "PERMANENTFLAGS":
            view.permanent = tuple(sorted(re.sub(r"[()]", " ", " ".join(words[1:])).lower().split()))
            return ()
        if name in ("UIDVALIDITY", "HIGHESTMODSEQ", "CAPABILITY", "CLOSED"):
            return ()
        if name in ("APPENDUID", "COPYUID"):
            return (name, *words[2:])
        return (name,) if name == "BADCHARSET" else (name, *words[1:])

    def _untagged(self, tokens, view):
        first = tokens[1] if len(tokens) > 1 else b""
        if first.isdigit() and len(tokens) > 2:
            number, what = int(first), tokens[2].upper()
            if what == b"EXISTS":
                view.exists(number)
            elif what == b"RECENT":
                view.recent = number
            elif what == b"EXPUNGE":
                if not 1 <= number <= len(view.messages):
                    raise ValueError("EXPUNGE of %d, but there are %d" % (number, len(view.messages)))
                self.expunged.append(view.messages.pop(number - 1))
            elif what == b"FETCH":
                if number > len(view.messages):
                    raise ValueError("FETCH of %d, but there are %d" % (number, len(view.messages)))
                self._fetch(view, view.messages[number - 1], tokens[3])
            return
        what = first.upper()
        if what == b"FLAGS":
            view.keywords = _flags(tokens[2])
        elif what == b"SEARCH":
            self.rest.append(("SEARCH", tuple(sorted(int(word) for word in tokens[2:]))))
        elif what in (b"LIST", b"LSUB"):
            attributes = [word for word in tokens[2] if word.lower() not in SPECIAL_USES + (b"\\marked", b"\\unmarked")]
            if b"\\noinferiors" in map(bytes.lower, attributes):
                attributes = [word for word in attributes if word.lower() != b"\\hasnochildren"]
            self.rest.append((what.decode(), _flags(attributes), _bare(tokens[3]), _bare(tokens[4])))
        elif what == b"STATUS":
            items = dict(zip((word.decode().upper() for word in tokens[3][::2]), map(int, tokens[3][1::2])))
            items.pop("UIDVALIDITY", None)
            self.rest.append(("STATUS", _bare(tokens[2]), tuple(sorted(items.items()))))
        elif what in (b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"):
            words = self._code(code(tokens), view)
            if words or what != b"OK":
                self.rest.append((what.decode(), words))
        elif what not in (b"CAPABILITY", b"ID", b"ENABLED"):
            self.rest.append((what.decode(), _bare(tokens[2:])))

    def _fetch(self, view, message, items):
        into = self.fetch.setdefault(message, {})
        for name, value in zip(items[::2], items[1::2]):
            name = re.sub(r'"', "", name.decode("latin-1").upper())
            into[name] = _flags(value) if name == "FLAGS" else _bare(value)
        if "UID" in into and view.uids.setdefault(message, into["UID"]) != into["UID"]:
            raise ValueError("a message of UID %s has UID %s now" % (view.uids[message], into["UID"]))

    def facts(self):
        """{name: value}, to be compared one by one."""
        return {"tagged": self.tagged, "fetch": self.fetch, "expunged": sorted(self.expunged),
                "rest": sorted(map(repr, self.rest)), "count": self.count, "recent": self.recent,
                "keywords": self.keywords, "permanent": self.permanent}


def without_recent(facts):
    """Facts of a mailbox where nobody compares who is told of new mail first."""
    facts["recent"] = 0
    for items in facts["fetch"].values():
        if "FLAGS" in items:
            items["FLAGS"] = tuple(word for word in items["FLAGS"] if word != "\\recent")
    facts["rest"] = [re.sub(r"\('RECENT', \d+\),? ?", "", row) for row in facts["rest"]]

"""Reads a recorded session (tests/sessions/README) into a Script: a header and steps. No I/O but the file."""

import base64
import dataclasses
import re

import fixtures

HEADERS = {"program", "format", "children", "mailbox", "settings", "user", "preauth", "tls", "remote", "connection", "exit", "log"}
STEP = re.compile(r"(?P<number>\d*)(?P<verb>[CS][+*.?!\\<{}\d]*|F|L):(?: (?P<text>.*)|)$")
WORD = re.compile(r"(?P<number>\d*)(?P<verb>open|close|half-close|eof|TLS|COMPRESS)(?: (?P<text>.*))?$")
ONLY = re.compile(r"\[(maildir|mbox)\] (.*)$")
FORMATS = ("maildir", "mbox")
MACRO = re.compile(r"\{\{(?!\{)(.*?)\}\}")
VERBS = {"C", "C+", "C\\", "C!", "C<", "S", "S*", "S?", "S...", "S\\", "S+", "S<", "S<.", "F", "L", "open", "close", "half-close",
         "eof", "TLS", "COMPRESS"}


class Mistake(Exception):
    """The file is not a session."""


@dataclasses.dataclass
class Step:
    line: int
    connection: int
    verb: str
    text: str
    times: int = 1
    format: str = ""  # of the one that it is for


@dataclasses.dataclass
class Script:
    path: str
    program: str = ""
    mailbox: str = "empty"
    formats: tuple = FORMATS
    reason: str = ""  # why it is not for all of them
    children: bool = False
    settings: str = ""
    users: dict = dataclasses.field(default_factory=dict)
    extra: dict = dataclasses.field(default_factory=dict)
    preauth: bool = False
    tls: str = ""
    remote: str = ""
    connection: str = ""
    exit: str = "0"
    logs: list = dataclasses.field(default_factory=list)
    steps: list = dataclasses.field(default_factory=list)


def unescape(text):
    r"""\r \n \t \0 \xHH \\ become bytes, the rest is UTF-8."""
    table = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}
    out = b""
    for piece in re.split(r"(\\x[0-9a-fA-F]{2}|\\.)", text):
        if piece.startswith("\\x"):
            out += bytes([int(piece[2:], 16)])
        elif piece.startswith("\\"):
            if piece[1] not in table:
                raise Mistake("no such escape: " + piece)
            out += table[piece[1]]
        else:
            out += piece.encode()
    return out


def expand(text, captured, escapes=False):
    """What a C line sends: {{=name}} {{size MESSAGE}} {{repeat N TEXT}} {{base64 TEXT}} are replaced."""
    plain = unescape if escapes else str.encode
    out = b""
    for index, piece in enumerate(MACRO.split(text)):
        if index % 2 == 0:
            out += plain(piece)
            continue
        word, _, rest = piece.partition(" ")
        if word.startswith("="):
            if word[1:] not in captured:
                raise Mistake("nothing was captured as " + word[1:])
            out += captured[word[1:]]
        elif word == "size":
            out += b"%d" % len(fixtures.wire(rest))
        elif word == "repeat":
            count, _, what = rest.partition(" ")
            out += unescape(what) * int(count)
        elif word == "base64":
            out += base64.b64encode(unescape(rest))
        else:
            raise Mistake("unknown macro {{%s}}" % piece)
    return out


def _words(words):
    """All these words, and none of those with a !, up to the next ]."""
    out = b""
    for word in words.split():
        negative = word.startswith("!")
        out += b"(?%s(?:[^\\]]*[ ])?%s(?:[ \\]]|$))" % (b"!" if negative else b"=", re.escape(word.lstrip("!").encode()))
    return out + b"[^\\]]*"


def _exactly(words, optional=""):
    """A parenthesised list of just these words in any order; the optional one may be there or not."""
    each = b"".join(b"(?=[^)]*[( ]%s[ )])" % re.escape(word.encode()) for word in words)
    word = b"[^ ()]+"
    if optional and optional not in words:
        word = b"(?!%s[ )])" % re.escape(optional.encode()) + word
        maybe = b"(?:%s )?" % re.escape(optional.encode())
        if not words:
            return b"\\((?:%s)?\\)" % re.escape(optional.encode())
        listed = maybe + word
        listed += (b"(?: %s)?" % re.escape(optional.encode()) + b" " + word) * (len(words) - 1)
        return b"(?=\\()" + each + b"\\(" + listed + b"(?: %s)?\\)" % re.escape(optional.encode())
    if not words:
        return b"\\(\\)"
    return b"(?=\\()" + each + b"\\(" + word + (b" " + word) * (len(words) - 1) + b"\\)"


def pattern(text, captured, escapes=False):
    """The regular expression of an S line; captured holds earlier {{name=...}} pieces."""
    out = b""
    for index, piece in enumerate(MACRO.split(text)):
        named = re.match(r"([a-z_]\w*)=(.*)$", piece)
        if index % 2 == 0:
            out += re.escape(unescape(piece) if escapes else piece.encode())
        elif piece.startswith("="):
            if piece[1:] not in captured:
                raise Mistake("nothing was captured as " + piece[1:])
            out += re.escape(captured[piece[1:]])
        elif piece.startswith("base64 "):
            out += re.escape(base64.b64encode(unescape(piece[7:])))
        elif piece.startswith("words "):
            out += _words(piece[6:])
        elif re.match(r"flags\b", piece):
            out += _exactly(piece.split()[1:], "\\Recent")
        elif re.match(r"list\b", piece):
            out += _exactly(piece.split()[1:])
        elif named:
            out += b"(?P<%s>%s)" % (named[1].encode(), named[2].encode())
        else:
            out += b"(?:" + piece.encode() + b")"
    try:
        return re.compile(out, re.S)
    except re.error as error:
        raise Mistake("not a pattern: %s" % error)


def _header(script, key, value):
    if key not in HEADERS:
        raise Mistake("unknown header " + key)
    if key == "user":
        name, _, rest = value.partition(" ")
        password, _, extra = rest.partition(" ")
        script.users[name] = password or "secret"
        if extra:
            script.extra[name] = extra
    elif key == "log":
        if not (len(value) > 2 and value[0] == value[-1] == "/"):
            raise Mistake("log: takes /a regular expression/")
        script.logs.append(value[1:-1])
    elif key == "format":
        name, because, script.reason = value.partition(", because ")
        if name not in FORMATS or not because:
            raise Mistake("format: takes a format and the reason: maildir, because ...")
        script.formats = (name,)
    elif key == "children":
        script.children = value == "yes"
    elif key == "preauth":
        script.preauth = value == "yes"
    elif key == "mailbox":
        fixtures.rows(value)
        script.mailbox = value
    else:
        setattr(script, key, value)


def _step(number, text):
    only = ONLY.match(text)
    if only:
        step = _step(number, only[2])
        step.format = only[1]
        return step
    found = STEP.match(text) or WORD.match(text)
    if not found:
        raise Mistake("neither a header nor a step: " + text)
    verb, times = found["verb"], 1
    repeated = re.match(r"S\{(\d+)\}$", verb)
    if repeated:
        verb, times = "S", int(repeated[1])
    if verb not in VERBS:
        raise Mistake("unknown verb " + verb)
    return Step(number, int(found["number"] or 1), verb, found["text"] or "", times)


def read(path):
    script = Script(path)
    in_header, in_settings = True, False
    with open(path, encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            text = line.rstrip("\n")
            try:
                if in_settings and text[:1] in (" ", "\t"):
                    script.settings += text + "\n"
                    continue
                in_settings = False
                if not text or text.startswith("#"):
                    continue
                key = re.match(r"([a-z]+):(?: +(.*)|)$", text)
                if in_header and key:
                    in_settings = key[1] == "settings"
                    _header(script, key[1], key[2] or "")
                    continue
                in_header = False
                script.steps.append(_step(number, text))
            except (Mistake, ValueError) as error:
                raise Mistake("%s:%d: %s" % (path, number, error))
    if script.program not in ("imap", "pop3"):
        raise Mistake("%s: program: must be imap or pop3" % path)
    if not script.steps:
        raise Mistake("%s: nothing happens" % path)
    if not script.users:
        script.users["kevin"] = "secret"
    script.connection = script.connection or ("socketpair" if script.preauth else "tcp")
    return script

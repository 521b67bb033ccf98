#!/usr/bin/env python3
"""SEARCH finds the same with nothing kept about the messages, while it fills the cache, and from the cache; and, with RETURN
and "$", in text of many charsets and encodings, what Dovecot finds, but for DECIDED."""

import base64
import quopri
import random
import re
import types

from common import Failed, Host, fixtures, run_tests
from dovecot import Dovecot, Ours
from imap_commands import Commands

# Where we differ from Dovecot on purpose; such messages and searches are not made here.
DECIDED = {
    "html": "of text/html the text is searched, not the tags: Dovecot finds words in tags, and none that tags cut",
    "partial-end": "PARTIAL -1:-100 (RFC 9394) is unknown to Dovecot 2.3",
}

SEEDS = range(1, 4)
SEARCHES = 60
MAILBOX = " ".join(name + flags for name in fixtures.ALL + ["nul"] for flags in ("", ":S", ":FS"))
HEADERS = ["HEADER Message-ID example", "HEADER List-Id \"\"", "HEADER X-Long word", "HEADER Date Nov", "HEADER Received \"\"",
           "HEADER To kevin HEADER X-Long word", "OR HEADER Subject lunch HEADER References zzz"]


def searches(seed):
    """SEARCH commands, the same for the same seed."""
    pair = types.SimpleNamespace(views=[types.SimpleNamespace(messages=list(range(len(MAILBOX.split()))))])
    commands = Commands(seed, None)
    chooser = random.Random(seed)
    for _ in range(SEARCHES):
        keys = [commands.key(pair) for _ in range(chooser.choice([1, 1, 2]))]
        if chooser.random() < 0.2:
            keys.append(chooser.choice(HEADERS))
        text = chooser.choice(["", "UID "]) + "SEARCH "
        yield (text + "CHARSET UTF-8 " + " ".join(keys)).encode()


def literals(command):
    """8-bit words go as literals."""
    made = b""
    for i, piece in enumerate(command.split(b'"')):
        if i % 2 == 0:
            made += piece
        elif max(piece, default=0) < 128:
            made += b'"' + piece + b'"'
        else:
            made += b"{%d+}\r\n" % len(piece) + piece
    return made


def ask(session, command):
    session.say(b"s " + command + b"\r\n")
    return session.until("s ")


def session_of(host):
    session = Ours(host)
    ask(session, b"EXAMINE INBOX")
    return session


def same_answers(seed):
    with Host() as kept, Host(settings="mail_location = maildir:~/Maildir:INDEX=MEMORY\n") as bare:
        for host in (kept, bare):
            host.fill("kevin", MAILBOX)
        first, found = session_of(kept), 0
        for command in map(literals, searches(seed)):
            without = session_of(bare)
            want = ask(without, command)
            without.finish()
            again = session_of(kept)
            answers = [ask(first, command), ask(first, command), ask(again, command)]
            again.finish()
            found += len(want.split())
            if answers != [want] * 3:
                raise Failed("%r: %r without a cache, then %r" % (command, want, answers))
        first.finish()
        if found < 10 * SEARCHES:
            raise Failed("the searches find too little to show anything: %d" % found)


WRITTEN = ["Gr\u00fc\u00dfe aus K\u00f6ln", "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440", "cr\u00e8me br\u00fbl\u00e9e", "plain words", "\u65e5\u672c\u8a9e\u306e\u624b\u7d19",
           "na\u00efve caf\u00e9 \u20ac 5", "lunch on Friday at noon"]
CHARSETS = ["utf-8", "iso-8859-1", "windows-1252", "koi8-r", "iso-8859-15", "windows-1251", "iso-2022-jp"]
ASKED = ["gr\u00fc\u00dfe", "K\u00d6LN", "\u043f\u0440\u0438\u0432\u0435\u0442", "BR\u00dbL\u00c9E", "words", "\u65e5\u672c", "caf\u00e9 \u20ac", "friday at", "nowhere", "na\u00cfve", "e"]
OPTIONS = ["MIN", "MAX", "COUNT", "ALL", "SAVE", "PARTIAL 2:5", "PARTIAL 7:100"]


def text_message(chooser, number):
    """A text in a charset that has its letters, in a random encoding, with a subject of the same kind."""
    fits = []
    while not fits:
        text = chooser.choice(WRITTEN)
        for charset in CHARSETS:
            try:
                fits.append((charset, text.encode(charset)))
            except UnicodeEncodeError:
                pass
    charset, body = chooser.choice(fits)
    encoding = chooser.choice(["base64", "quoted-printable", "8bit"])
    subject = "=?%s?b?%s?=" % (charset, base64.b64encode(body).decode())
    body += b"\n" + body + b" again\n"
    if encoding == "base64":
        body = base64.encodebytes(body)
    elif encoding == "quoted-printable":
        body = quopri.encodestring(body)
    return ("From: anna@example.org\nSubject: %s\nDate: %d Nov 2023 10:00:00 +0000\nMIME-Version: 1.0\n"
            "Content-Type: text/plain; charset=%s\nContent-Transfer-Encoding: %s\n\n"
            % (subject, number % 28 + 1, charset, encoding)).encode() + body


def extended(seed):
    """SEARCH with RETURN and sets, the same for the same seed."""
    chooser = random.Random(seed)
    for _ in range(120):
        def word():
            return '"%s"' % chooser.choice(ASKED)
        kinds = [lambda: "BODY " + word(), lambda: "SUBJECT " + word(), lambda: "$", lambda: "UID $", lambda: "NOT $",
                 lambda: "OLDER %d" % chooser.choice([1, 3600]), lambda: "YOUNGER %d" % chooser.choice([1, 4000000000]),
                 lambda: chooser.choice(["SEEN", "FLAGGED", "UNSEEN", "ALL"]), lambda: "SENTSINCE %d-Nov-2023" % chooser.randint(1, 28),
                 lambda: "%d:%d" % (chooser.randint(1, 30), chooser.randint(1, 60)), lambda: "OR BODY %s BODY %s" % (word(), word())]
        keys = " ".join(chooser.choice(kinds)() for _ in range(chooser.choice([1, 1, 2])))
        options = chooser.sample(OPTIONS, chooser.randint(0, 3))
        if sum(option.startswith(("ALL", "PARTIAL")) for option in options) > 1:
            options = ["COUNT"]
        wanted = "RETURN (%s) " % " ".join(options) if chooser.random() < 0.8 else ""
        yield "%sSEARCH %sCHARSET UTF-8 %s" % (chooser.choice(["", "UID "]), wanted, keys)


def numbers(text):
    """A sequence set as its numbers."""
    made = []
    for piece in text.split(","):
        low, _, high = piece.partition(":")
        made += range(int(low), int(high or low) + 1)
    return made


def data_of(raw):
    """What an answer says: the tagged word, and the results by name."""
    made = {}
    for line in raw.decode().split("\r\n"):
        if line.startswith("* SEARCH"):
            made["SEARCH"] = [int(n) for n in line.split()[2:]]
        elif line.startswith("* ESEARCH"):
            rest = line.split(")", 1)[1]
            made["UID"] = rest.startswith(" UID")
            for name, value in re.findall(r"(MIN|MAX|COUNT) (\d+)", rest):
                made[name] = int(value)
            for name, value in re.findall(r"(ALL|PARTIAL \([\d:]+) ([\d,:]+|NIL)", rest):
                made[name] = None if value == "NIL" else numbers(value)
        elif line.startswith("s "):
            made["tagged"] = line.split()[1]
    return made


def deliver(host, seed):
    chooser, folder = random.Random(seed), host.maildir()
    fixtures.make_folder(folder)
    for number in range(1, 61):
        fixtures.deliver(folder, text_message(chooser, number), "%d.M%dP1.host" % (fixtures.EPOCH + number, number),
                         fixtures.EPOCH + number)
    host.give(host.home("kevin"))


def as_dovecot(seed):
    with Host() as host, Host() as other:
        deliver(host, seed)
        deliver(other, seed)
        sessions = [Ours(host), Dovecot(other, other.maildir())]
        for session in sessions:
            ask(session, b"SELECT INBOX")
            ask(session, b"STORE 3:20 +FLAGS.SILENT (\\Seen)")
            ask(session, b"STORE 15:25,40 +FLAGS.SILENT (\\Flagged)")
        found = 0
        for command in extended(seed):
            ours, theirs = [data_of(ask(session, literals(command.encode()))) for session in sessions]
            found += len(ours)
            if ours != theirs:
                raise Failed("%s: %r, Dovecot: %r" % (command, ours, theirs))
        for session in sessions:
            session.finish()
        if found < 250:
            raise Failed("the searches find too little to show anything: %d" % found)


def one(seed):
    def test():
        same_answers(seed)
    test.__name__ = "seed_%d" % seed
    return test


def another(seed):
    def test():
        as_dovecot(seed)
    test.__name__ = "as_dovecot_%d" % seed
    return test


if __name__ == "__main__":
    run_tests([one(seed) for seed in SEEDS] + [another(seed) for seed in SEEDS])

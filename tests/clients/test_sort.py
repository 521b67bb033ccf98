#!/usr/bin/env python3
"""SORT and THREAD of some hundred random messages, real-looking and hostile: the same as Dovecot says, but for DECIDED; and the
same with nothing kept about the messages, while the cache is filled, and from the cache.

    tests/clients/test_sort.py seeds FIRST LAST     with these seeds
"""

import random
import re
import sys

from common import Failed, Host, fixtures, run_tests
from dovecot import Dovecot, Ours

SEEDS = range(1, 4)
MESSAGES = 250

# Where we differ on purpose; such messages are made for the test of the cache alone.
DECIDED = {
    "invalid-time": "a Date with a day and no valid time is that day at 00:00:00 (RFC 5256 section 2.2), Dovecot takes INTERNALDATE; "
                    "one before 1970 comes first, there it comes last",
    "domain-literal": "<a@[127.0.0.1]> is a msg-id (RFC 5322 section 3.6.4), Dovecot takes no notice of it",
    "nested-angle": "in <a@b <c@d> only <c@d> is one (section 3.6.4: no \"<\"), Dovecot takes all up to \">\"",
    "wide-letters": "\"\uff32\uff45:\" is no \"re\" (RFC 5256 section 5), Dovecot compares after the letters were decomposed",
    "several-fields": "the first address of a second To field when the first one has none, as in ENVELOPE (RFC 5957 section 4)",
    "unknown-charset": "an encoded word in a charset that nobody knows stays as it stands (RFC 2047 section 6.2); Dovecot takes its text",
    "not-utf-8": "bytes that are no character become U+FFFD; Dovecot leaves some out",
}

PEOPLE = ["anna@example.org", "Bert@example.com", "\"Zo\u00eb\" <zoe@example.org>", "=?utf-8?q?J=C3=BCrgen?= <juergen@example.de>",
          "kevin@example.com (Kevin)", "=?iso-8859-1?q?=C4nne?= <aenne@example.org>", "<nobody@example.org>", "\"B, C\" <bc@d.example>",
          "Anna Schmidt <anna@example.org>", "ANNA SCHMIDT <ANNA@example.net>", "bert+list@example.com, carl@example.com"]
GROUPS = ["Friends: anna@example.org, bert@example.com;", "undisclosed-recipients:;"]
SUBJECTS = ["Lunch", "lunch", "Caf\u00e9", "cafe", "CAF\u00c9", "", "Re", "a", "ab", "The quick brown fox jumps", "The quick brown fox sleeps",
            "=?utf-8?q?Caf=C3=A9?=", "=?utf-8?b?w4RwZmVs?=", "\u00c4pfel", "\u00e4pfel und Birnen", "\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2", "\u65e5\u672c\u8a9e", "[a]", "two  blanks",
            "x" * 300, "x" * 300 + "y"]
BEFORE = ["Re: ", "RE:", "re[2]: ", "Fwd: ", "FW: ", "[list] ", "[list] Re: ", "Re: [list] ", "[a] [b] ", "Re : ", "[fwd: ", "re", "[a "]
BEHIND = [" (fwd)", "(FWD)", " ", "]", " (fwd) (fwd)"]
ZONES = ["+0000", "+0100", "-0800", "GMT", "EST", ""]
DAYS = ["Mon, ", "", "Fri, "]

KEYS = ["ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO"]


def header(name, value):
    return b"%s: %s\n" % (name.encode(), value.encode())


class Writer:
    """Messages of a seed."""

    def __init__(self, seed, odd):
        self.random = random.Random(seed)
        self.odd = odd
        self.ids = []

    def subject(self):
        text = self.random.choice(SUBJECTS)
        if self.odd and self.random.random() < 0.1:
            text = "=?x-none?q?word?="
        while self.random.random() < 0.5:
            text = self.random.choice(BEFORE) + text
        while self.random.random() < 0.2:
            text += self.random.choice(BEHIND)
        if self.odd and self.random.random() < 0.1:
            text = "\uff32\uff45: " + text
        return text

    def date(self):
        day = "%s%d Nov 2023" % (self.random.choice(DAYS), self.random.randint(1, 28))
        time = "%02d:%02d:%02d" % (self.random.randint(0, 23), self.random.choice([0, 30]), self.random.choice([0, 0, 59]))
        if self.odd and self.random.random() < 0.1:
            time = self.random.choice(["25:00:00", "", "12"])
        return ("%s %s %s" % (day, time, self.random.choice(ZONES))).strip()

    def some_id(self):
        """A known Message-ID, or one that nobody has."""
        if self.ids and self.random.random() < 0.85:
            return self.random.choice(self.ids[-30:])
        return "<missing%d@example.org>" % self.random.randint(1, 12)

    def written(self, identity):
        """The same msg-id in another spelling."""
        if self.random.random() < 0.1:
            return re.sub("<([^@]*)@", '<"\\1"@', identity)
        return identity

    def references(self):
        known = [self.written(self.some_id()) for _ in range(self.random.choice([1, 1, 2, 3, 5]))]
        if self.odd and self.random.random() < 0.2:
            known.append(self.random.choice(["<a@[127.0.0.1]>", "<a@b <c@d>", "<>", "none"]))
        return self.random.choice([" ", "\n ", "\n\t", ""]).join(known)

    def message(self, number):
        chance, text = self.random.random, b""
        text += header("From", self.random.choice(PEOPLE)) if chance() < 0.95 else b""
        text += header("To", self.random.choice(PEOPLE + GROUPS)) if chance() < 0.9 else b""
        if self.odd and chance() < 0.2:
            text += header("To", self.random.choice(["", "second@example.org"]))
        text += header("Cc", self.random.choice(PEOPLE)) if chance() < 0.3 else b""
        text += header("Subject", self.subject()) if chance() < 0.95 else b""
        if self.odd and chance() < 0.1:
            text += b"Subject: \xff\xfe\x00word\n"
        text += header("Date", self.date()) if chance() < 0.95 else b""
        if chance() < 0.93:
            identity = "<%d.test@example.org>" % number
            if chance() < 0.05:
                identity = self.some_id()
            self.ids.append(identity)
            text += header("Message-ID", self.written(identity))
        if chance() < 0.6:
            text += header("References", self.references())
        if chance() < 0.4:
            text += header("In-Reply-To", self.random.choice(["", "Your message of Friday "]) + self.some_id())
        return text + b"\n" + b"word\n" * self.random.randint(0, 40)


def fill(host, seed, odd):
    writer, folder = Writer(seed, odd), host.maildir()
    fixtures.make_folder(folder)
    for number in range(1, MESSAGES + 1):
        fixtures.deliver(folder, writer.message(number), "%d.M%dP1.host" % (fixtures.EPOCH + number, number),
                         fixtures.EPOCH + writer.random.randint(0, 400) * 60)
    host.give(host.home("kevin"))


def commands(seed):
    """SORT by every key, by several, and THREAD in all three ways."""
    chooser, made = random.Random(seed), []
    for key in KEYS:
        made += ["SORT (%s) UTF-8 ALL" % key, "SORT (REVERSE %s) UTF-8 ALL" % key]
    for _ in range(20):
        keys = [chooser.choice(["", "REVERSE "]) + key for key in chooser.sample(KEYS, chooser.choice([2, 2, 3]))]
        made.append("SORT (%s) US-ASCII %s" % (" ".join(keys), chooser.choice(["ALL", "1:100", "SUBJECT lunch"])))
    for algorithm in ("ORDEREDSUBJECT", "REFERENCES", "REFS"):
        made += ["THREAD %s UTF-8 %s" % (algorithm, keys) for keys in ("ALL", "50:200", "NOT SUBJECT lunch", "SUBJECT nowhere")]
    return [chooser.choice(["", "UID "]) + text for text in made]


def answer(session, text):
    """The untagged line alone: how a command ends is each server's."""
    line = session.command(text, tag="s").split(b"\r\n")
    if len(line) != 3 or not line[1].startswith(b"s OK"):
        raise Failed("%s: %r" % (text, line))
    return line[0].rstrip().decode()


def ours(host):
    session = Ours(host)
    session.command("EXAMINE INBOX")
    return session


def like_dovecot(seed):
    with Host() as host, Host() as other:
        fill(host, seed, False)
        fill(other, seed, False)
        mine = ours(host)
        theirs = Dovecot(other, other.maildir())
        theirs.command("EXAMINE INBOX")
        for text in commands(seed):
            got, want = answer(mine, text), answer(theirs, text)
            if got != want:
                raise Failed("seed %d: %s\n  %s\nDovecot:\n  %s" % (seed, text, got, want))
        mine.finish()
        theirs.finish()


def like_without_cache(seed):
    with Host() as kept, Host(settings="mail_location = maildir:~/Maildir:INDEX=MEMORY\n") as bare:
        fill(kept, seed, True)
        fill(bare, seed, True)
        first = ours(kept)
        for text in random.Random(seed).sample(commands(seed), 12):
            without, again = ours(bare), ours(kept)
            want = answer(without, text)
            got = [answer(first, text), answer(first, text), answer(again, text)]
            without.finish()
            again.finish()
            if got != [want] * 3:
                raise Failed("seed %d: %s: %s without a cache, then %r" % (seed, text, want, got))
        first.finish()


def named(function, seed):
    def test():
        function(seed)
    test.__name__ = "%s_%d" % (function.__name__, seed)
    return test


if __name__ == "__main__":
    if sys.argv[1:2] == ["seeds"]:
        for number in range(int(sys.argv[2]), int(sys.argv[3]) + 1):
            like_dovecot(number)
            like_without_cache(number)
            print("ok seed %d" % number, flush=True)
    else:
        run_tests([named(function, seed) for seed in SEEDS for function in (like_dovecot, like_without_cache)])

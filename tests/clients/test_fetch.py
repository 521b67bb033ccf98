#!/usr/bin/env python3
"""ENVELOPE, BODYSTRUCTURE and sections of messages made at random, as Dovecot answers. What differs on purpose is in DECIDED."""

import os
import random
import re

from common import Failed, Host, fixtures, run_tests
from dovecot import Dovecot, Ours

SEEDS = [int(seed) for seed in os.environ.get("FETCH_SEEDS", "1 2 3 4").split()]
MESSAGES = 100

# What is not made or not compared, and why.
DECIDED = {
    "no type": "a Content-Type without a type and a subtype is text/plain; charset=us-ascii (RFC 2045 section 5.2); Dovecot: (\"\" \"\")",
    "no name": "a parameter without a name or a value is left out (RFC 2045 section 5.1); Dovecot: (\"\" \"\")",
    "leaf": "BODY[1.1] of a part that has no parts is empty (RFC 3501 section 6.4.5: it does not exist); Dovecot: BODY[1]",
    "end": "the line break before a boundary is the boundary's, behind a closing boundary too (RFC 2046 section 5.1.1); Dovecot "
           "counts it to a nested multipart",
    "blank": "the empty line behind a header is sent though the next line is a boundary (RFC 3501 section 6.4.5)",
    "digest": "a message in a multipart/digest ends before the line break of the boundary, and one in base64 is no message (RFC 2045 "
              "section 6.4); Dovecot has it the other way",
    "version": "Content-Transfer-Encoding counts without MIME-Version (RFC 2045 section 4 leaves it to us); Dovecot: only with it or "
               "with a Content-Type",
    "joined": "a parameter that was continued stands where it began; Dovecot: behind the others",
    "backslash": "a backslash outside of quotes: what such an address means is anybody's guess (RFC 5322 section 3.4)",
}

WORDS = ("report", "Kevin", "a.b", "Jos\u00e9", "x-y", "=?utf-8?q?caf=C3=A9?=", "=?iso-8859-1?B?6Q==?=", "100%", "caf\u00e9", "it's")
DOMAINS = ("example.org", "mail.example.com", "[192.0.2.1]", "localhost", "b\u00fccher.example")
TYPES = ("text/plain", "text/html", "Text/HTML", "application/octet-stream", "image/png", "text/plain;",
         "application/pdf", "audio/x-wav")
PARAMETERS = ("charset=utf-8", "charset=\"iso-8859-1\"", "name=\"a b.txt\"", "name=x", "format=flowed", "charset=us-ascii; delsp=yes",
              "name*=utf-8''caf%C3%A9.txt", "name*0=\"ab\"; name*1=\"cd\"", "x=\"a\\\"b\"", "name=\"=?utf-8?q?=C3=A9?=\"")
ENCODINGS = ("7bit", "8bit", "base64", "quoted-printable", "BINARY", "x-uuencode", "base64 (comment)")
DISPOSITIONS = ("inline", "attachment", "attachment; filename=x.txt", "attachment; filename=\"a b\"; size=3", "form-data;name=x")
LINES = ("Hello", "", "--", "From here", ".", "-- ", "caf\u00e9", "a=20b", "aGVsbG8=", "--b", "x" * 200)


class Maker:
    def __init__(self, chance):
        self.chance = chance

    def some(self, choice, most=3):
        return [self.chance.choice(choice) for _ in range(self.chance.randint(1, most))]

    def address(self):
        word, domain = self.chance.choice(WORDS), self.chance.choice(DOMAINS)
        local = self.chance.choice(("kevin", "a.b", "\"k v\"", "x+y"))
        return self.chance.choice((
            "%s@%s" % (local, domain), "%s <%s@%s>" % (word, local, domain), "\"%s, x\" <%s@%s>" % (word.replace("\"", "").replace("\\", ""), local, domain),
            "<%s@%s>" % (local, domain), "%s@%s (%s)" % (local, domain, word), "undisclosed-recipients:;",
            "list: %s@%s, b@c;" % (local, domain), "<@a,@b:%s@%s>" % (local, domain), word, "%s\r\n <%s@%s>" % (word, local, domain), "<>"))

    def fields(self):
        out = []
        for name in self.chance.sample(("From", "To", "Cc", "Bcc", "Reply-To", "Sender"), self.chance.randint(0, 5)):
            out.append("%s: %s" % (name, ", ".join(self.address() for _ in range(self.chance.randint(1, 3)))))
        if self.chance.random() < 0.8:
            out.append("Subject: " + self.chance.choice((" ", "\r\n ", "")).join(self.some(WORDS, 4)))
        if self.chance.random() < 0.7:
            out.append("Date: " + self.chance.choice(("Thu, 1 Feb 2024 10:00:00 +0100", "1 Feb 2024 10:00 GMT", "yesterday", "")))
        if self.chance.random() < 0.6:
            out.append("Message-ID: " + self.chance.choice(("<a@b>", "< a @ b >", "a@b", "<x>", "<a@b> (c)")))
        if self.chance.random() < 0.3:
            out.append("In-Reply-To: <a@b>" + self.chance.choice(("", " <c@d>", "\r\n <e@f>")))
        if self.chance.random() < 0.2:
            out.append("X-Odd" + self.chance.choice((": y", " : y", ":y", ":")))
        self.chance.shuffle(out)
        return out

    def mime_fields(self, type_line, encoding=None):
        out = [] if type_line is None else ["Content-Type: " + type_line]
        if encoding or self.chance.random() < 0.5:
            out.append("Content-Transfer-Encoding: " + (encoding or self.chance.choice(ENCODINGS)))
        if self.chance.random() < 0.3:
            out.append("Content-Disposition: " + self.chance.choice(DISPOSITIONS))
        if self.chance.random() < 0.2:
            out.append("Content-ID: <%s>" % self.chance.choice(("a@b", "x")))
        if self.chance.random() < 0.2:
            out.append("Content-Description: " + self.chance.choice(WORDS))
        if self.chance.random() < 0.1:
            out.append("Content-Language: " + self.chance.choice(("en", "en, de", "de-DE")))
        if self.chance.random() < 0.1:
            out.append("Content-Location: http://example.org/x")
        if self.chance.random() < 0.1:
            out.append("Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==")
        self.chance.shuffle(out)
        return out

    def parameters(self):
        made = self.chance.sample(PARAMETERS, self.chance.randint(1, 2))
        return made[:1] if any("*" in parameter for parameter in made) else made

    def body(self):
        return "\r\n".join(self.some(LINES, 6)) + self.chance.choice(("\r\n", "", "\r\n\r\n"))

    def part(self, depth=0, top=False):
        """Header lines without the empty one, and the body."""
        what = self.chance.random()
        if depth < 3 and what < 0.35:
            boundary = self.chance.choice(("b", "bb", "a b", "b1"))
            subtype = self.chance.choice(("mixed", "alternative", "Related", "x"))
            fields = self.mime_fields("multipart/%s; boundary=\"%s\"" % (subtype, boundary), self.chance.choice((None, "7bit")))
            text = self.chance.choice(("", "preamble\r\n", "\r\n"))
            for _ in range(self.chance.randint(0, 3)):
                inner, body = self.part(depth + 1)
                text += "--%s%s\r\n%s" % (boundary, self.chance.choice(("", " ", "")), "".join(line + "\r\n" for line in inner))
                text += "\r\n" + body + "\r\n"
            text += self.chance.choice(("--%s--\r\n" % boundary, "--%s--\r\nepilogue\r\n" % boundary, ""))
            return fields, text
        if depth < 3 and what < 0.45:
            return self.mime_fields("message/rfc822", "7bit"), self.message(depth + 1)
        kind = self.chance.choice(TYPES)
        parameters = self.parameters() if kind and not kind.endswith(";") and self.chance.random() < 0.6 else []
        line = "; ".join([kind] + parameters)
        return self.mime_fields(None if self.chance.random() < 0.2 else line), self.body()

    def message(self, depth=0):
        mime, body = self.part(depth, True)
        fields = self.fields() + mime
        if mime or self.chance.random() < 0.5:
            fields.append("MIME-Version: 1.0")
        return "".join(line + "\r\n" for line in fields) + self.chance.choice(("\r\n",) * 9 + ("",)) + body


def path_of(host, number):
    return "%s/cur/17000%05d.M1P1.host:2," % (host.maildir(), number)


def fill(host, seed):
    chance = random.Random(seed)
    maker = Maker(chance)
    fixtures.make_folder(host.maildir())
    for number in range(1, MESSAGES + 1):
        text = maker.message().encode(chance.choice(("utf-8", "utf-8", "latin-1")), "replace")
        if chance.random() < 0.7:
            text = text.replace(b"\r\n", b"\n")
        with open(path_of(host, number), "wb") as out:
            out.write(text or b"\n")


def tokens(answer):
    """Words, strings and parentheses: how a string is sent makes no difference."""
    out, at = [], 0
    while at < len(answer):
        literal = re.compile(rb"~?\{(\d+)\}\r\n").match(answer, at)
        quoted = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.S).match(answer, at)
        word = re.compile(rb"[^\s()\"{}]+").match(answer, at)
        if literal:
            at = literal.end() + int(literal[1])
            out.append((answer[literal.end():at],))
        elif quoted:
            at = quoted.end()
            out.append((re.sub(rb"\\(.)", rb"\1", quoted[1], flags=re.S),))
        elif word:
            at = word.end()
            out.append(word[0].upper())
        else:
            out.append(answer[at:at + 1])
            at += 1
    return [token for token in out if token not in (b" ", b"\r", b"\n")]


def ask(session, text):
    session.say(b"t9 " + text + b"\r\n")
    answer = session.until(b"t9 ")
    return answer[:answer.rindex(b"t9 ")], answer[answer.rindex(b"t9 "):].split()[1]


SECTIONS = ("BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BODY.PEEK[1]", "BODY.PEEK[1.MIME]", "BODY.PEEK[2]", "BODY.PEEK[2.MIME]",
            "BODY.PEEK[1.HEADER]", "BODY.PEEK[1.TEXT]", "BODY.PEEK[1.1]", "BODY.PEEK[1.2.MIME]", "BODY.PEEK[2.1.HEADER.FIELDS (To Subject)]",
            "BODY.PEEK[HEADER.FIELDS (From X-Odd Content-Type)]", "BODY.PEEK[HEADER.FIELDS.NOT (From Subject)]", "BODY.PEEK[]<3.20>",
            "BODY.PEEK[TEXT]<0.7>", "BODY.PEEK[3]", "BODY.PEEK[1.1.1]", "RFC822.HEADER", "RFC822.SIZE")


def same(ours, theirs):
    return ours[1] == theirs[1] and tokens(ours[0]) == tokens(theirs[0])


def text_of(answer):
    head = re.search(rb"\{(\d+)\}\r\n", answer[0])
    return answer[0][head.end():head.end() + int(head[1])] if head else b""


def is_decided(dovecot, seq, item, ours, theirs):
    mine, other = text_of(ours), text_of(theirs)
    if item.endswith(".MIME]"):  # blank
        return mine == other + b"\r\n"
    if mine + b"\r\n" == other and b"\r\n--" in mine:  # end
        return True
    parent = re.match(r"BODY\.PEEK\[([\d.]+)\.1\]$", item)  # leaf
    if not parent or mine:
        return False
    return text_of(ask(dovecot, ("FETCH %d (BODY.PEEK[%s])" % (seq, parent[1])).encode())) == other


def differences(seed):
    with Host() as host, Host() as other:
        for h in (host, other):
            fill(h, seed)
            h.give(h.home("kevin"))
        sessions = [Ours(host), Dovecot(other, other.maildir())]
        for session in sessions:
            ask(session, b"EXAMINE INBOX")
        for seq in range(1, MESSAGES + 1):
            for item in ("ENVELOPE", "BODYSTRUCTURE", "BODY") + SECTIONS:
                command = ("FETCH %d (%s)" % (seq, item)).encode()
                ours, theirs = [ask(session, command) for session in sessions]
                if same(ours, theirs) or is_decided(sessions[1], seq, item, ours, theirs):
                    continue
                yield item, seq, ours, theirs, path_of(host, seq)
        for session in sessions:
            session.finish()


def like_dovecot(seed):
    for item, seq, ours, theirs, path in differences(seed):
        with open(path, "rb") as file:
            raise Failed("%s of %d:\nours    %r\nDovecot %r\n%r" % (item, seq, ours, theirs, file.read()))


def named(seed):
    def run():
        like_dovecot(seed)
    run.__name__ = "seed_%d_as_dovecot" % seed
    return run


if __name__ == "__main__":
    run_tests([named(seed) for seed in SEEDS])

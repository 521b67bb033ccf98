"""The mailbox to measure with, as a Maildir or an mbox: the same bytes, names, dates and flags whenever it is made.

The mix is that of an old personal account: plain text, multipart/alternative, HTML alone, attachments; a tenth of the
subjects in encoded words; replies with References; ten years of dates; most of it read. The mean of a full-size message
is 10 kB. Words are made up from syllables, so nothing here comes from anybody's mail.
"""

import base64
import os
import quopri
import random
import re
import time
from email.utils import formatdate

VERSION = 3  # goes up when the bytes change: a cached mailbox of another version is not used
SEED = 20240229
FIRST = 1388534400  # 2014-01-01
SPAN = 10 * 365 * 86400
PHRASE = "the meeting about the blue bridge"  # in two bodies of a thousand
WORD = "invoice"  # in about one subject of fifty
NAME = "bertram"  # in about one sender of fifty
SINCE = "1-Jun-2023"  # the last twentieth or so is younger
LINK_FROM = 500000  # a mailbox of so many messages is hard links to POOL small texts, to fit a disk and an evening
POOL = 4000

_SYLLABLES = "ba be bo da de di do fa fe ga go ha he ka ke ki la le li lo ma me mi na ne no pa pe ra re ri ro sa se si so ta te ti to va ve wa we".split()
_SMALL = "the of and to in is it that for was on are with as be at one have this from by".split()


class Source:
    """What messages are put together from; made once."""

    def __init__(self, r):
        self.words = ["".join(r.choice(_SYLLABLES) for _ in range(r.randint(1, 4))) for _ in range(3000)]
        self.people = []
        for number in range(400):
            first = "".join(r.choice(_SYLLABLES) for _ in range(2)).capitalize()
            last = "".join(r.choice(_SYLLABLES) for _ in range(3)).capitalize()
            if number % 50 == 7:
                first = NAME.capitalize()
            self.people.append((first + " " + last, "%s.%s%d@%s.example" % (
                first.lower(), last.lower(), number, r.choice(self.words[:40]))))
        self.lines = []
        for _ in range(6000):
            line = ""
            while len(line) < 58:
                line += (r.choice(_SMALL) if r.random() < 0.5 else r.choice(self.words)) + " "
            self.lines.append(line.rstrip()[:76])
        umlauts = "äöüßéèñ"
        self.foreign = ["%s%s%s" % (r.choice(self.words), r.choice(umlauts), r.choice(self.words)) for _ in range(300)]
        # a megabyte of lines of 76 base64 characters
        self.base64 = base64.encodebytes(r.randbytes(768 * 1024)).decode().splitlines()

    def text(self, r, size):
        start = r.randrange(len(self.lines))
        count = max(1, size // 67)
        chosen = self.lines[start:start + count]
        while len(chosen) < count:
            chosen += self.lines[:count - len(chosen)]
        for at in range(r.randint(3, 9), len(chosen), 10):
            chosen[at] = ""
        return chosen

    def binary(self, r, size):
        start = r.randrange(len(self.base64) // 2)
        count = max(1, size // 77)
        return self.base64[start:start + count]


def _word(text, r):
    if r.random() < 0.5:
        return "=?utf-8?B?%s?=" % base64.b64encode(text.encode()).decode()
    return "=?iso-8859-1?Q?%s?=" % "".join(
        chr(c) if chr(c).isascii() and chr(c).isalnum() else "_" if c == 32 else "=%02X" % c for c in text.encode("latin-1"))


class Maker:
    """message(): (bytes, date, flags) of one message after the other."""

    def __init__(self, small=False):
        self.random = random.Random(SEED)
        self.source = Source(self.random)
        self.small = small
        self.recent = []
        self.number = 0

    def message(self, total):
        r, s = self.random, self.source
        n = self.number
        self.number += 1
        date = FIRST + int(SPAN * n / total) + r.randrange(600)
        subject, references, parent = self._subject(n)
        identity = "<%d.%08x@%s.example>" % (date, r.getrandbits(32), r.choice(s.words[:40]))
        self.recent.append((identity, references, subject))
        del self.recent[:-300]
        lines = self._header(n, date, identity, subject, references, parent)
        phrase = n % 500 == 3
        lines += self._body(n, phrase)
        lines.append("")
        flags = ""
        if r.random() < 0.95:
            flags = "S"
            if r.random() < 0.2:
                flags = "RS"
            if r.random() < 0.03:
                flags = "F" + flags
        return "\n".join(lines).encode(), date, flags

    def _subject(self, n):
        r, s = self.random, self.source
        if self.recent and r.random() < 0.45:
            parent, chain, subject = r.choice(self.recent)
            if not subject.startswith("Re: "):
                subject = "Re: " + subject
            return subject, (chain + [parent])[-12:], parent
        words = [r.choice(s.words) for _ in range(r.randint(2, 7))]
        if n % 50 == 11:
            words.insert(r.randrange(len(words)), WORD)
        if r.random() < 0.1:
            words = [_word(" ".join(words[:3] + [r.choice(s.foreign)]), r)] + words[4:]
        return " ".join(words)[:200], [], None

    def _header(self, n, date, identity, subject, references, parent):
        r, s = self.random, self.source
        sender, to = r.choice(s.people), r.choice(s.people)
        zone = r.choice((0, 0, 3600, 7200, -18000, -28800, 19800))
        stamp = time.strftime("%a, %d %b %Y %H:%M:%S ", time.gmtime(date + zone)) + "%s%02d%02d" % (
            "-" if zone < 0 else "+", abs(zone) // 3600, abs(zone) // 60 % 60)
        arrived = formatdate(date + 5)
        lines = ["Return-Path: <%s>" % sender[1],
                 "Delivered-To: kevin@home.example",
                 "Received: from mx%d.relay.example (mx%d.relay.example [192.0.2.%d])" % (n % 9, n % 9, n % 250 + 1),
                 "\tby mail.home.example (Postfix) with ESMTPS id %010X" % r.getrandbits(40),
                 "\tfor <kevin@home.example>; " + arrived]
        if not self.small:
            lines += ["Received: from out.%s (localhost [127.0.0.1])" % sender[1].split("@")[1],
                      "\tby mx%d.relay.example with ESMTP; %s" % (n % 9, arrived),
                      "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=%s; s=mail;" % sender[1].split("@")[1],
                      "\tt=%d; h=from:to:subject:date; bh=%s;" % (date, s.base64[n % 997][:44]),
                      "\tb=" + s.base64[n * 3 % 991], "\t " + s.base64[n * 5 % 983], "\t " + s.base64[n * 7 % 977]]
        name = sender[0] if r.random() > 0.05 else _word(sender[0] + " " + r.choice(s.foreign), r)
        lines += ["Message-ID: " + identity, "Date: " + stamp, "From: %s <%s>" % (name, sender[1]),
                  "To: Kevin <kevin@home.example>" + (", \"%s\" <%s>" % to if r.random() < 0.3 else "")]
        if r.random() < 0.25:
            others = [r.choice(s.people) for _ in range(r.randint(1, 4))]
            lines.append("Cc: " + ",\n\t".join("%s <%s>" % one for one in others))
        lines.append("Subject: " + subject)
        if parent:
            lines += ["In-Reply-To: " + parent, "References: " + "\n\t".join(references)]
        if n % 7 == 0:
            lines += ["List-Id: <list.%s.example>" % s.words[n % 40], "Precedence: list"]
        lines += ["MIME-Version: 1.0"]
        return lines

    def _plain(self, size, phrase):
        r, s = self.random, self.source
        text = s.text(r, size)
        if phrase:
            text.insert(len(text) // 2, PHRASE)
        kind = r.random()
        if kind < 0.6:
            return ["Content-Type: text/plain; charset=us-ascii", ""] + text
        text.insert(0, " ".join(r.choice(s.foreign) for _ in range(4)))
        if kind < 0.85:
            return ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", ""] + text
        if kind < 0.97 or phrase:
            encoded = quopri.encodestring("\n".join(text).encode()).decode()
            return ["Content-Type: text/plain; charset=\"utf-8\"", "Content-Transfer-Encoding: quoted-printable", "",
                    encoded]
        encoded = base64.encodebytes("\n".join(text).encode()).decode().rstrip("\n")
        return ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64", "", encoded]

    def _html(self, size):
        r, s = self.random, self.source
        text = s.text(r, size)
        html = ["<html><head><title>%s</title></head><body style=3D\"margin:0\">" % r.choice(s.words)]
        html += ["<p class=3Dx>%s</p>" % line if n % 3 == 0 else line + "=20" for n, line in enumerate(text)]
        html.append("</body></html>")
        return ["Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", ""] + html

    def _body(self, n, phrase):
        r, s = self.random, self.source
        if self.small:
            return self._plain(r.randint(100, 1200), phrase)
        kind = r.random()
        if kind < 0.55:
            return self._plain(min(60000, int(r.lognormvariate(7.4, 0.8))), phrase)
        boundary = "=_%012x" % r.getrandbits(48)
        if kind < 0.85:
            parts = [self._plain(r.randint(500, 4000), phrase), self._html(r.randint(3000, 14000))]
            return self._multipart("alternative", boundary, parts)
        if kind < 0.93:
            return self._html(r.randint(2000, 18000))
        alternative = self._multipart("alternative", boundary + "a", [
            self._plain(r.randint(300, 2000), phrase), self._html(r.randint(1000, 5000))])
        parts = [alternative]
        for number in range(r.choice((1, 1, 1, 2, 3))):
            kind, ending = r.choice((("application/pdf", "pdf"), ("image/jpeg", "jpg"), ("application/zip", "zip")))
            name = "%s-%d.%s" % (r.choice(s.words), number, ending)
            size = min(900000, int(r.lognormvariate(10.22, 0.75)))
            parts.append(["Content-Type: %s; name=\"%s\"" % (kind, name),
                          "Content-Disposition: attachment; filename=\"%s\"" % name,
                          "Content-Transfer-Encoding: base64", ""] + s.binary(r, size))
        return self._multipart("mixed", boundary, parts)

    @staticmethod
    def _multipart(subtype, boundary, parts):
        lines = ["Content-Type: multipart/%s; boundary=\"%s\"" % (subtype, boundary), "", "This is a multi-part message."]
        for part in parts:
            lines.append("--" + boundary)
            lines += part
        lines.append("--%s--" % boundary)
        return lines


def file_name(number, data, date, flags, sizes):
    """As Dovecot's delivery agent gives them; W= is the size with CRLF."""
    size = ",S=%d,W=%d" % (len(data), len(data) + data.count(b"\n") - data.count(b"\r\n")) if sizes else ""
    return "%d.M%06dP%d.mail%s:2,%s" % (date, number * 7919 % 1000000, 1000 + number % 30000, size, flags)


def make(path, count, sizes=True, crlf=False):
    """Writes the Maildir at path; returns the bytes of all messages. crlf: as some MTAs store them."""
    for name in ("", "cur", "new", "tmp"):
        os.makedirs(os.path.join(path, name), mode=0o700, exist_ok=True)
    cur = os.open(os.path.join(path, "cur"), os.O_RDONLY | os.O_DIRECTORY)
    linked = count >= LINK_FROM
    maker = Maker(small=linked)
    pool = []
    written = 0
    try:
        for number in range(count):
            if len(pool) == POOL:
                data, first = pool[number % POOL]
                date, flags = FIRST + int(SPAN * number / count), "S" if number % 20 else ""
                name = file_name(number, data, date, flags, sizes)
                os.link(first, name, src_dir_fd=cur, dst_dir_fd=cur)
                written += len(data)
                continue
            data, date, flags = maker.message(count)
            if crlf:
                data = data.replace(b"\n", b"\r\n")
            name = file_name(number, data, date, flags, sizes)
            out = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=cur)
            os.write(out, data)
            os.utime(out, (date, date))
            os.close(out)
            written += len(data)
            if linked:
                pool.append((data, name))
    finally:
        os.close(cur)
    return written


def status(flags):
    """The header fields that hold a message's flags in an mbox; what is new has none."""
    letters = "".join({"R": "A", "F": "F"}.get(flag, "") for flag in flags)
    return (b"Status: RO\n" if "S" in flags else b"") + (b"X-Status: %s\n" % letters.encode() if letters else b"")


def make_mbox(path, count):
    """Writes the same messages as an mbox without UIDs, as delivery and other programs leave it; returns its bytes."""
    maker = Maker()
    with open(path, "wb") as out:
        for _ in range(count):
            data, date, flags = maker.message(count)
            sender = re.match(rb"Return-Path: <([^>]*)>", data)[1]
            head, _, body = data.partition(b"\n\n")
            body = re.sub(rb"^(>*From )", rb">\1", body, flags=re.MULTILINE)
            out.write(b"From %s %s\n%s\n%s\n%s\n" % (sender, time.asctime(time.gmtime(date)).encode(), head, status(flags), body))
        return out.tell()

"""Messages and Maildirs to start from.

MESSAGES maps a name to the bytes as they lie on disk (lines end in LF, as an MTA stores them, unless the message
is about the other case). MAILBOXES maps a name to a list of rows; build() lays one out. Every name, date and flag
is fixed, so that a recorded session can quote sizes, dates and UIDs.
"""

import base64
import collections
import os
import re

# 2023-11-14 22:13:20 +0000; message n of a mailbox is n minutes younger
EPOCH = 1700000000
UIDVALIDITY = 1600000000


def _headers(subject, number, *more):
    return "".join(
        line + "\n"
        for line in (
            "Return-Path: <anna@example.org>",
            "From: Anna Schmidt <anna@example.org>",
            "To: Kevin <kevin@example.com>",
            "Subject: " + subject,
            "Date: Tue, 14 Nov 2023 23:%02d:20 +0100" % (12 + number),
            "Message-ID: <%d.test@example.org>" % number,
            *more,
        )
    )


def _b64(data):
    return base64.encodebytes(data).decode()


PLAIN = _headers("Lunch on Friday", 1) + "\nHello Kevin,\n\nlunch on Friday at noon?\n\nAnna\n"

UTF8 = (
    _headers(
        "=?utf-8?q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=",
        2,
        "Cc: =?utf-8?b?SsO8cmdlbiBNw7xsbGVy?= <juergen@example.net>, team: bert@example.net, carl@example.net;",
        "In-Reply-To: <1.test@example.org>",
        "References: <1.test@example.org>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    )
    + "\nSchöne Grüße aus Köln!\nПривет.\n"
)

ALTERNATIVE = (
    _headers(
        "Newsletter",
        3,
        "MIME-Version: 1.0",
        'Content-Type: multipart/alternative; boundary="alt-1"',
    )
    + """
This part is for old mail readers.
--alt-1
Content-Type: text/plain; charset=us-ascii

Plain words.
--alt-1
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable
Content-Language: de, en

<p>Sch=F6ne W=F6rter.</p>
--alt-1--
"""
)

ATTACHMENT = (
    _headers(
        "Invoice 2023-11",
        4,
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="mix_1"',
    )
    + """
--mix_1
Content-Type: text/plain; charset=utf-8
Content-Disposition: inline

The invoice is attached.

--mix_1
Content-Type: application/pdf; name="invoice.pdf"
Content-Disposition: attachment; filename="invoice.pdf"
Content-Transfer-Encoding: base64
Content-ID: <pdf1@example.org>
Content-Description: November's invoice
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==

%s
--mix_1--
"""
    % _b64(bytes(range(256)) * 2)
)

NESTED = (
    _headers(
        "Fwd: Lunch on Friday",
        5,
        "MIME-Version: 1.0",
        "Content-Type: multipart/mixed; boundary=outer",
    )
    + """
--outer
Content-Type: text/plain

See below.
--outer
Content-Type: message/rfc822
Content-Disposition: attachment

From: Bert <bert@example.net>
To: Anna <anna@example.org>
Subject: Inner subject
Date: Mon, 13 Nov 2023 10:00:00 +0000
Message-ID: <inner@example.net>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain

inner text
--inner
Content-Type: text/html

<b>inner html</b>
--inner--

--outer--
"""
)

EIGHTBIT = (_headers("Caf\xe9 and cr\xe8me", 6) + "\nCaf\xe9.\n").encode("latin-1")

LONGLINES = _headers("Long lines", 7, "X-Long: " + "word " * 400) + "\n" + "x" * 20000 + "\n" + "." + "y" * 998 + "\n"

DOTS = _headers("Dots", 8) + "\n.\n..\n.dot\nno dot\n...\n"

HTML = (
    _headers("Only HTML", 11, "MIME-Version: 1.0", "Content-Type: text/html; charset=iso-8859-1",
             "Content-Transfer-Encoding: quoted-printable")
    + "\n<html><head><style>p { color: red }</style></head><body><p>Gr=FC=DFe</p><p>&amp; mo<b>re</b></p></body></html>\n"
)

QUOTED = _headers("Re: quoted", 12) + "\nAnna wrote:\n> old words\n> more\n\nnew   words\n\n" + "and many more words, " * 30 + "\n"

MESSAGES = {
    "plain": PLAIN.encode(),
    "html": HTML.encode(),
    "quoted": QUOTED.encode(),
    "utf8": UTF8.encode(),
    "alternative": ALTERNATIVE.encode(),
    "attachment": ATTACHMENT.encode(),
    "nested": NESTED.encode(),
    "eightbit": EIGHTBIT,
    "longlines": LONGLINES.encode(),
    "dots": DOTS.encode(),
    "crlf": (_headers("Stored with CRLF", 9) + "\nLine one.\nLine two.\n").replace("\n", "\r\n").encode(),
    "mixed-ends": _headers("Mixed ends", 10).encode() + b"\nunix\nnet\r\nunix\r\rnet\r\n",
    "headeronly": _headers("Only a header", 11).encode(),
    "nobody": _headers("No body", 12).encode() + b"\n",
    "nolastline": _headers("No last newline", 13).encode() + b"\nends here",
    "empty": b"",
    "notmail": b"this is\nnot a mail\n\nat all\n",
    "nul": _headers("A NUL", 14).encode() + b"\nbefore\0after\n",
}

# one message of a mailbox: its message, maildir flags, folder ("" the inbox), new/ or cur/, sizes in its name
Row = collections.namedtuple("Row", "message flags folder new sizes", defaults=("S", "", False, True))

ALL = ["plain", "utf8", "alternative", "attachment", "nested", "eightbit", "longlines", "dots", "crlf", "mixed-ends",
       "headeronly", "nobody", "nolastline", "empty", "notmail"]

MAILBOXES = {
    "empty": [],
    "one": [Row("plain", "")],
    "two": [Row("plain", ""), Row("dots", "S")],
    "all": [Row(name, "") for name in ALL],
    "nosizes": [Row(name, "", sizes=False) for name in ALL],
    "flags": [
        Row("plain", ""),
        Row("utf8", "S"),
        Row("alternative", "RS"),
        Row("attachment", "FS"),
        Row("nested", "ST"),
        Row("eightbit", "DS"),
        Row("crlf", "", new=True),
        Row("dots", "", new=True),
    ],
    "folders": [
        Row("plain", ""),
        Row("utf8", "S", ".Sent"),
        Row("dots", "", ".a.b"),
        Row("crlf", "", ".a.b", new=True),
        Row("alternative", "S", ".Gr&APwA3w-e"),
    ],
    # left by Dovecot: see _dovecot_files()
    "dovecot": [Row("plain", "S"), Row("utf8", "FSab"), Row("dots", "a"), Row("crlf", "", new=True)],
}


def rows(text):
    """The rows of a named mailbox, or of an inline one: "plain utf8:S dots:FS@.Sent crlf:new"."""
    if text in MAILBOXES:
        return MAILBOXES[text]
    found = []
    for word in text.split():
        word, _, folder = word.partition("@")
        message, _, flags = word.partition(":")
        if message not in MESSAGES:
            raise ValueError("no mailbox or message is called " + message)
        found.append(Row(message, "" if flags == "new" else flags, folder, flags == "new"))
    return found


def wire(name):
    """The message as a client gets it: every line ends in CRLF, nothing else is touched."""
    return re.sub(rb"\r?\n", b"\r\n", MESSAGES[name])


def message_name(number, row):
    """The file name without the flags."""
    data = MESSAGES[row.message]
    sizes = ",S=%d,W=%d" % (len(data), len(wire(row.message))) if row.sizes else ""
    return "%d.M%dP1.host%s" % (EPOCH + 60 * number, number, sizes)


def deliver(maildir, message, name, seen_at=None):
    """What an MTA does: write into tmp/, move to new/."""
    data = MESSAGES[message] if isinstance(message, str) else message
    temporary = os.path.join(maildir, "tmp", name)
    with open(temporary, "wb") as out:
        out.write(data)
    if seen_at is not None:
        os.utime(temporary, (seen_at, seen_at))
    os.rename(temporary, os.path.join(maildir, "new", name))


def make_folder(maildir, folder=""):
    path = os.path.join(maildir, folder) if folder else maildir
    for part in ("", "cur", "new", "tmp"):
        os.makedirs(os.path.join(path, part), mode=0o700, exist_ok=True)
    if folder:
        open(os.path.join(path, "maildirfolder"), "a").close()
    return path


def _dovecot_files(maildir, names):
    """UIDs 11, 12, 20 for the three messages that Dovecot has seen, the next is 30; keywords a and b."""
    with open(os.path.join(maildir, "dovecot-uidlist"), "w") as out:
        out.write("3 V%d N30 G0123456789abcdef0123456789abcdef\n" % UIDVALIDITY)
        for uid, name in zip((11, 12, 20), names):
            out.write("%d :%s\n" % (uid, name))
    with open(os.path.join(maildir, "dovecot-keywords"), "w") as out:
        out.write("0 $Forwarded\n1 Work\n")


def build(mailbox, maildir):
    """Lays out a mailbox, as rows() takes it, at maildir."""
    make_folder(maildir)
    names = []
    for number, row in enumerate(rows(mailbox), 1):
        path = make_folder(maildir, row.folder)
        name = message_name(number, row)
        names.append(name)
        when = EPOCH + 60 * number
        deliver(path, row.message, name, when)
        if not row.new:
            os.rename(os.path.join(path, "new", name), os.path.join(path, "cur", "%s:2,%s" % (name, row.flags)))
    if mailbox == "dovecot":
        _dovecot_files(maildir, names)


def hundreds(maildir, count):
    """count small messages in the inbox, no two alike; returns their bytes."""
    make_folder(maildir)
    messages = []
    for number in range(1, count + 1):
        data = (_headers("Message %d" % number, number % 40) + "X-Number: %d\n\nbody %d\n%s" % (
            number, number, "line\n" * (number % 7))).encode()
        data = data.replace(b".test@", b".%d.test@" % number)
        messages.append(data)
        name = "%d.M%dP2.host,S=%d" % (EPOCH + number, number, len(data))
        deliver(maildir, data, name, EPOCH + number)
    return messages

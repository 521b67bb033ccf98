#!/usr/bin/env python3
"""MULTIAPPEND, CATENATE and BINARY as Dovecot has them: the same commands to both, the same messages afterwards, and the same
bytes of every part of many messages. What differs on purpose is in DECIDED."""

import email
import re

from common import Failed, Host, fixtures, run_tests
from dovecot import Dovecot, Ours

DECIDED = {
    "whole": "BINARY[] and BINARY of a multipart or a message: their own encoding changes nothing (RFC 3516 section 4.3, "
             "RFC 2045 section 6.4). Dovecot decodes the parts within and writes their headers anew. Not compared",
    "relative": "a URL without a mailbox is refused (RFC 5092 section 7.2), Dovecot takes the selected one",
    "literal8": "Dovecot sends all that is decoded as a literal8, ours only what has NULs (RFC 3516 section 4.3)",
    "unknown": "a message with an unknown encoding is left out of the answer, Dovecot says NIL; both end with UNKNOWN-CTE",
}


TAG = b"tagged9"


def literal(text, plus=b"+"):
    return b"{%d%s}\r\n%s" % (len(text), plus, text)


HELLO = b"Subject: hello\r\n\r\nHello\r\n"
BINARY = (b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: image/png\r\n"
          b"Content-Transfer-Encoding: binary\r\n\r\n\0\1\n\2\r\n--b\r\n\r\ntext\r\n--b--\r\n")
COMMANDS = [
    b"APPEND INBOX ~" + literal(BINARY),
    b"APPEND INBOX (\\Seen) " + literal(HELLO) + b" \"17-Jul-1996 02:44:25 +0000\" " + literal(HELLO * 2),
    b"APPEND INBOX " + literal(HELLO) + b" (\\Flagged) " + literal(b"\r\n") + b" " + literal(b"x"),
    b"APPEND INBOX " + literal(HELLO) + b" " + literal(b""),
    b"APPEND nothere " + literal(HELLO) + b" " + literal(HELLO),
    b"APPEND INBOX CATENATE (TEXT " + literal(HELLO) + b" TEXT " + literal(b"more\r\n") + b")",
    b"APPEND INBOX (\\Draft) CATENATE (URL /INBOX/;UID=1/;SECTION=HEADER TEXT " + literal(b"new text\r\n") + b")",
    b"APPEND INBOX CATENATE (URL \"/INBOX/;UID=2\")",
    b"APPEND INBOX CATENATE (URL /INBOX/;UID=2/;SECTION=TEXT URL /INBOX/;UID=1/;SECTION=1)",
    b"APPEND INBOX CATENATE (URL /INBOX/;UID=1/;PARTIAL=3.10 URL /INBOX/;UID=1/;PARTIAL=13)",
    b"APPEND INBOX CATENATE (URL \"/INBOX/;UID=1/;SECTION=HEADER.FIELDS%20(Subject)\")",
    b"APPEND INBOX CATENATE (URL /INBOX;UIDVALIDITY=1/;UID=1 TEXT " + literal(b"x") + b")",
    b"APPEND INBOX CATENATE (URL /nothere/;UID=1)",
    b"APPEND INBOX CATENATE (URL /INBOX/;UID=999)",
    b"APPEND INBOX CATENATE (TEXT " + literal(b"x") + b" URL imap://host/INBOX/;UID=1)",
    b"APPEND INBOX " + literal(HELLO) + b" CATENATE (TEXT " + literal(HELLO) + b") " + literal(HELLO),
]


def ask(session, command):
    session.say(TAG + b" " + command + b"\r\n")
    return session.until(TAG + b" ")


def status(answer):
    """OK, NO or BAD, and the code without numbers that are the mailbox's own."""
    last = answer.rstrip().rsplit(b"\r\n", 1)[-1]
    word = last.split(b" ")[1]
    code = re.search(rb"\[(BADURL|TRYCREATE|APPENDUID|UNKNOWN-CTE)(?: \d+ ([\d:,]+))?", last)
    return word, code and code[1], code and code[2]


def pair(host, other):
    return [Ours(host), Dovecot(other, other.maildir())]


def appended_alike():
    with Host() as host, Host() as other:
        for h in (host, other):
            h.fill("kevin", "plain dots")
        sessions = pair(host, other)
        for s in sessions:
            ask(s, b"SELECT INBOX")
        for command in COMMANDS:
            ours, theirs = [status(ask(s, command)) for s in sessions]
            if ours != theirs:
                raise Failed("%r: ours %r, Dovecot %r" % (command, ours, theirs))
        bodies = [re.findall(rb"BODY\[\] (.*?)\)\r\n(?=\* |tagged9 )", ask(s, b"FETCH 1:* (FLAGS BODY.PEEK[])"), re.S) for s in sessions]
        if bodies[0] != bodies[1] or len(bodies[0]) < 10:
            raise Failed("the messages differ: %r and %r" % tuple(bodies))
        for s in sessions:
            s.finish()


def leaves(message, path=()):
    """Numbers of the parts that are neither multiparts nor messages, nor within messages."""
    if not message.is_multipart():
        return [".".join(map(str, path or (1,)))]
    if message.get_content_maintype() != "multipart":
        return []
    return [n for i, part in enumerate(message.get_payload(), 1) for n in leaves(part, path + (i,))]


def decoded_alike():
    with Host() as host, Host() as other:
        names = " ".join(fixtures.ALL)
        for h in (host, other):
            h.fill("kevin", names)
        sessions = pair(host, other)
        for s in sessions:
            ask(s, b"EXAMINE INBOX")
        compared = 0
        for seq in range(1, len(fixtures.ALL) + 1):
            text = ask(sessions[0], b"FETCH %d BODY.PEEK[]" % seq)
            for part in leaves(email.message_from_bytes(text.partition(b"}\r\n")[2])):
                for item in ("BINARY.PEEK[%s]", "BINARY.SIZE[%s]", "BINARY.PEEK[%s]<3.20>"):
                    command = ("FETCH %d " % seq + item % part).encode()
                    ours, theirs = [ask(s, command) for s in sessions]
                    if status(ours)[:2] != status(theirs)[:2]:
                        raise Failed("%r: %r, Dovecot %r" % (command, ours, theirs))
                    ours, theirs = [re.sub(rb"(?m)^tagged9 (OK|NO).*\r\n", b"", a) for a in (ours, theirs)]
                    theirs = re.sub(rb" ~(\{\d+\}\r\n)", lambda m: b" " + m[1] if b"\0" not in theirs else m[0], theirs)
                    if ours != theirs and b"UNKNOWN-CTE" not in theirs:
                        raise Failed("%r: %r, Dovecot %r" % (command, ours, theirs))
                    compared += 1
        if compared < 40:
            raise Failed("only %d parts were compared" % compared)
        for s in sessions:
            s.finish()


if __name__ == "__main__":
    run_tests([appended_alike, decoded_alike])

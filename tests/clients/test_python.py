#!/usr/bin/env python3
"""Python's imaplib and poplib."""

import imaplib
import poplib

from common import ANY_HEADER, NAMES, Failed, fixtures, maildir_messages, run_tests, same, same_sets, serving
from mailsession_test import client_context

MAILBOX = " ".join(NAMES)
PLAIN_ENDS = [name for name in NAMES if name != "mixed-ends"]  # imaplib itself makes every line end in CRLF
poplib._MAXLINE = 1 << 20  # one of the messages has longer lines than poplib likes


def expect(answer, want="OK"):
    if answer[0] != want:
        raise Failed("answer %r, expected %s" % (answer, want))
    return answer[1]


def read_all(client):
    expect(client.select("INBOX", readonly=True))
    numbers = expect(client.search(None, "ALL"))[0].split()
    return [expect(client.fetch(number, "(BODY.PEEK[])"))[0][1] for number in numbers]


def imap_starttls():
    with serving("imap", mailbox=MAILBOX) as (host, ports):
        with imaplib.IMAP4("127.0.0.1", ports["imap"], timeout=20) as client:
            expect(client.starttls(client_context(host.cert)))
            expect(client.login("kevin", "secret"))
            for name, got in zip(NAMES, read_all(client)):
                same(got, fixtures.wire(name), name)


def imaps_everything():
    # imaplib knows UTF8=ACCEPT, but puts "UTF8 (" into the literal
    with serving("imaps", mailbox="empty", settings=ANY_HEADER) as (host, ports):
        context = client_context(host.cert)
        with imaplib.IMAP4_SSL("127.0.0.1", ports["imaps"], ssl_context=context, timeout=20) as client:
            expect(client.authenticate("PLAIN", lambda _: b"\0kevin\0secret"))
            for name in PLAIN_ENDS:
                expect(client.append("INBOX", r"(\Seen)", None, fixtures.wire(name)))
            for name, got in zip(PLAIN_ENDS, read_all(client)):
                same(got, fixtures.wire(name), name)
            expect(client.create("Archive.2023"))
            expect(client.subscribe("Archive.2023"))
            expect(client.select("INBOX"))
            expect(client.copy("1:3", "Archive.2023"))
            expect(client.uid("STORE", "1:3", "+FLAGS", r"(\Deleted)"))
            if len(expect(client.expunge())) != 3:
                raise Failed("EXPUNGE did not name three messages")
            expect(client.select("Archive.2023"))
            if expect(client.search(None, "SEEN"))[0].split() != [b"1", b"2", b"3"]:
                raise Failed("the copies lost their flags")
            expect(client.close())
        same_sets(maildir_messages(host.maildir()), [fixtures.wire(name) for name in PLAIN_ENDS[3:]], "INBOX")
        same_sets(maildir_messages(host.maildir() + "/.Archive.2023"), [fixtures.wire(name) for name in PLAIN_ENDS[:3]], "copies")


def retrieve_all(client):
    count = client.stat()[0]
    if count != len(NAMES):
        raise Failed("STAT says %d messages, expected %d" % (count, len(NAMES)))
    for number, name in enumerate(NAMES, 1):
        got = b"\r\n".join(client.retr(number)[1] + [b""])
        want = fixtures.wire(name)
        same(got, want if want.endswith(b"\r\n") else want + b"\r\n", name)


def pop3_starttls():
    with serving("pop3", mailbox=MAILBOX) as (host, ports):
        client = poplib.POP3("127.0.0.1", ports["pop3"], timeout=20)
        client.stls(client_context(host.cert))
        client.user("kevin")
        client.pass_("secret")
        retrieve_all(client)
        client.quit()


def pop3s_deletes():
    with serving("pop3s", mailbox=MAILBOX) as (host, ports):
        client = poplib.POP3_SSL("127.0.0.1", ports["pop3s"], context=client_context(host.cert), timeout=20)
        client.user("kevin")
        client.pass_("secret")
        retrieve_all(client)
        top = b"\r\n".join(client.top(1, 2)[1])
        same(top, b"\r\n".join(fixtures.wire("plain").split(b"\r\n")[:9]), "TOP 1 2")
        for number in range(2, len(NAMES) + 1):
            client.dele(number)
        client.quit()
        same_sets(maildir_messages(host.maildir()), [fixtures.wire(NAMES[0])], "what is left")


if __name__ == "__main__":
    run_tests([imap_starttls, imaps_everything, pop3_starttls, pop3s_deletes])

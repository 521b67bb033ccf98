#!/usr/bin/env python3
"""curl over imap and pop3, both with STARTTLS required, imaps and pop3s."""

from common import ANY_HEADER, NAMES, Failed, command, fixtures, maildir_messages, need, run_tests, same, same_sets, serving

MAILBOX = " ".join(NAMES)


def curl(host, *arguments, **more):
    need("curl")
    return command(host, "curl", "-sS", "--max-time", "30", "--cacert", host.cert, "--user", "kevin:secret", *arguments,
                   **more)


def imap_fetches(scheme, *options):
    with serving(scheme, mailbox=MAILBOX) as (host, ports):
        url = "%s://127.0.0.1:%d/" % (scheme, ports[scheme])
        for number, name in enumerate(NAMES, 1):
            same(curl(host, *options, url + "INBOX;UID=%d" % number), fixtures.wire(name), "UID %d" % number)
        listed = curl(host, *options, url)
        if b"INBOX" not in listed:
            raise Failed("LIST gave %r" % listed)
        found = curl(host, *options, url + "INBOX?SUBJECT%20invoice")
        same(found.strip(), b"* SEARCH 4", "SEARCH")
        part = curl(host, *options, url + "INBOX;UID=1;SECTION=TEXT")
        same(part, fixtures.wire("plain").split(b"\r\n\r\n", 1)[1], "SECTION=TEXT")


def imaps():
    imap_fetches("imaps")


def imap_starttls():
    imap_fetches("imap", "--ssl-reqd")


def pop3_fetches(scheme, *options):
    with serving(scheme, mailbox=MAILBOX) as (host, ports):
        url = "%s://127.0.0.1:%d/" % (scheme, ports[scheme])
        for number, name in enumerate(NAMES, 1):
            want = fixtures.wire(name)
            # POP3 has no message without an end of line
            want += b"" if want.endswith(b"\r\n") else b"\r\n"
            same(curl(host, *options, url + str(number)), want, "RETR %d" % number)
        listed = curl(host, *options, url).split(b"\r\n")
        want = [b"%d %d" % (number, len(fixtures.wire(name))) for number, name in enumerate(NAMES, 1)]
        sizes = [line for line in listed if line]
        for got, expected in zip(sizes, want):
            number = int(expected.split()[0])
            # a message without a last line end may be counted with the one that is sent
            if got != expected and NAMES[number - 1] != "nolastline":
                raise Failed("LIST says %r, expected %r" % (got, expected))


def pop3s():
    pop3_fetches("pop3s")


def pop3_starttls():
    pop3_fetches("pop3", "--ssl-reqd")


def append():
    with serving("imaps", mailbox="empty", settings=ANY_HEADER) as (host, ports):
        for name in NAMES:
            path = host.path(name)
            with open(path, "wb") as out:
                out.write(fixtures.wire(name))
            curl(host, "-T", path, "imaps://127.0.0.1:%d/INBOX" % ports["imaps"])
        same_sets(maildir_messages(host.maildir()), [fixtures.wire(name) for name in NAMES], "after APPEND")


def wrong_password():
    with serving("imaps", "pop3s", mailbox="one") as (host, ports):
        for scheme, port in ports.items():
            curl(host, "--user", "kevin:wrong", "%s://127.0.0.1:%d/" % (scheme, port), ok=(67,))


def unknown_authority():
    """A client that does not know the certificate goes away; the server goes on."""
    with serving("imaps", mailbox="one") as (host, ports):
        url = "imaps://127.0.0.1:%d/INBOX;UID=1" % ports["imaps"]
        command(host, "curl", "-sS", "--user", "kevin:secret", url, ok=(60,))
        same(curl(host, url), fixtures.wire("plain"), "UID 1")


if __name__ == "__main__":
    run_tests([imaps, imap_starttls, pop3s, pop3_starttls, append, wrong_password, unknown_authority])

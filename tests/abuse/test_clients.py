#!/usr/bin/env python3
"""Clients that do not read, do not talk, talk something else than TLS, go away, or come in crowds."""

import os
import socket
import time

from common import (
    MB, POP3_SESSION, SESSION, Client, Host, Imap, children, ended, expect, joined, memory_limit, own_memory, poll, put,
    run_tests)

TAIL = r".*rip=127\.0\.0\.1, lip=127\.0\.0\.1, (secured|TLS).*session=<\S+>$"


def connection(host, protocol, tls=False):
    session = host.start(protocol, tls=tls)
    return Client(session.socket), session


# --- silence


def silent_before_login():
    for protocol, words, client_says in (
            ("imap", "imap-login", b"* BYE Disconnected for inactivity.\r\n"),
            ("pop3", "pop3-login", b"-ERR Disconnected for inactivity.\r\n")):
        for tls in (False, True):
            for said in (b"", b"a NOO", b"\r" * 3):
                with Host(settings="login_timeout = 1 secs") as host:
                    client, session = joined(host, protocol, tls, login=False)
                    client.send(said)
                    rest = client.rest()
                    expect(rest == client_says, "last words: %r" % rest)
                    ended(session, words + r": Disconnected: Inactivity \(no auth attempts in [0-9]+ secs\): user=<>, " + TAIL[2:])


def silent_in_tls_handshake():
    for protocol in ("imap", "pop3"):
        for said in (b"", b"\x16\x03\x01\x02\x00\x01"):
            with Host(settings="login_timeout = 1 secs") as host:
                client, session = connection(host, protocol, tls=True)
                client.send(said)
                expect(client.rest() == b"", "something was said")
                ended(session, protocol + r"-login: Disconnected: Inactivity during TLS handshake \(no auth attempts in [0-9]+ secs\)"
                      ": user=<>, rip=127")


def silent_in_authenticate():
    with Host(settings="login_timeout = 1 secs") as host:
        client, session = joined(host, "imap", login=False)
        client.say("a AUTHENTICATE PLAIN")
        expect(client.rest() == b"+ \r\n* BYE Disconnected for inactivity.\r\n", "last words")
        ended(session, r"Disconnected: Inactivity \(no auth attempts in [0-9]+ secs\): user=<>, rip=127")
    with Host(settings="login_timeout = 1 secs") as host:
        client, session = joined(host, "pop3", login=False)
        client.say("AUTH PLAIN")
        expect(client.rest().endswith(b"-ERR Disconnected for inactivity.\r\n"), "last words")
        ended(session, r"Disconnected: Inactivity \(no auth attempts in [0-9]+ secs\): user=<>, rip=127")


def a_byte_now_and_then():
    """The minute before login is one minute, however it is spent."""
    for protocol in ("imap", "pop3"):
        with Host(settings="login_timeout = 2 secs") as host:
            client, session = joined(host, protocol, login=False)
            client.socket.settimeout(0.1)
            cut = False
            end = time.monotonic() + 20
            while not cut and time.monotonic() < end:
                try:
                    client.send(b"x")
                    cut = not client.socket.recv(4096).endswith(b"inactivity.\r\n") or True
                except TimeoutError:
                    pass
                except OSError:
                    cut = True
            expect(cut, "a slow client stays for ever")
            ended(session, "Disconnected: Inactivity ")


def silent_after_login():
    for tls in (False, True):
        for said, reason in ((b"", "Inactivity"), (b"a NOO", "Inactivity"), (b"a LOGIN {5}\r\nab", "Inactivity"),
                             (b"a APPEND INBOX {500}\r\nab", "Inactivity in APPEND"),
                             (b"a APPEND INBOX {500+}\r\nab", "Inactivity in APPEND"),
                             (b"a APPEND nowhere {500+}\r\nab", "Inactivity"), (b"a IDLE\r\n", "Inactivity"),
                             (b"a IDLE\r\nDON", "Inactivity")):
            with Host(settings="session_timeout = 1 secs") as host:
                host.fill("kevin", "one")
                client, session = joined(host, "imap", tls)
                client.send(said)
                rest = client.rest()
                expect(rest.endswith(b"* BYE Disconnected for inactivity.\r\n"), "%r: last words %r" % (said, rest))
                ended(session, SESSION + "Disconnected: " + reason + ".* in=")
                expect(os.listdir(host.maildir() + "/tmp") == [], "left in tmp/ after %r" % said)
        with Host(settings="session_timeout = 1 secs") as host:
            host.fill("kevin", "one")
            client, session = joined(host, "pop3", tls)
            client.answer("DELE 1", "+OK")
            expect(client.rest() == b"-ERR Disconnected for inactivity.\r\n", "last words")
            ended(session, POP3_SESSION + "Disconnected: Inactivity top=")
            expect(len(os.listdir(host.maildir() + "/cur")) == 1, "deleted without QUIT (RFC 1939 section 3)")


# --- not reading


def never_reads(protocol, tls, login):
    with Host() as host:
        put(host, "1000.M1P1.host", b"Subject: x\n\n" + (b"y" * 70 + b"\n") * 300000)  # 21 MB
        client, session = joined(host, protocol, tls, login=login)
        if login:
            request = b"a FETCH 1 BODY.PEEK[]\r\n" if protocol == "imap" else b"RETR 1\r\n"
            if protocol == "imap":
                client.select()
        else:
            request = b"a CAPABILITY\r\n" if protocol == "imap" else b"CAPA\r\n"
        client.fill_pipes(request * 1000)
        pids = [session.pid] + children(session.pid)
        before = [own_memory(pid) for pid in pids]
        poll_for = time.monotonic() + 1
        poll(lambda: time.monotonic() > poll_for, "time stands still")
        for pid, was in zip(pids, before):
            now = own_memory(pid)
            expect(now < memory_limit(pid, 24 * MB), "process holds %d MB for a client that does not read" % (now // MB))
            expect(now - was < 4 * MB, "it grows while nobody reads: %d to %d" % (was, now))
        expect(not session.ended(), "it did not wait")
        client.socket.close()
        if login:
            ended(session, (SESSION if protocol == "imap" else POP3_SESSION) + "Disconnected: Connection closed")
        else:
            ended(session, protocol + "-login: Disconnected: Connection closed.*rip=127")
        expect(not any(os.path.exists("/proc/%d" % pid) for pid in pids), "a process stays")


def never_reads_imap():
    for tls in (False, True):
        for login in (False, True):
            never_reads("imap", tls, login)


def never_reads_pop3():
    for tls in (False, True):
        for login in (False, True):
            never_reads("pop3", tls, login)


def reads_slowly():
    """A slow reader gets every byte."""
    with Host() as host:
        body = b"Subject: x\n\n" + b"0123456789abcdef\n" * 60000
        put(host, "1000.M1P1.host", body)
        for tls in (False, True):
            client, session = joined(host, "imap", tls)
            client.select()
            client.say("a FETCH 1 BODY.PEEK[]")
            got = b""
            while b"\na OK" not in got[-200:]:
                piece = client.socket.recv(2048)
                expect(piece, "cut off")
                got += piece
            expect(body.replace(b"\n", b"\r\n") in got, "not the message")
            client.socket.close()
            ended(session)


# --- going away


def goes_away():
    for protocol in ("imap", "pop3"):
        for tls in (False, True):
            for said in (b"", b"a", b"a LOGIN {5}\r\n", b"a AUTHENTICATE PLAIN\r\n", b"AUTH PLAIN\r\n"):
                with Host() as host:
                    client, session = joined(host, protocol, tls, login=False)
                    client.send(said)
                    client.socket.close()
                    ended(session, protocol + "-login: Disconnected: Connection closed.*" + TAIL)
            for said in (b"", b"a NOOP", b"a APPEND INBOX {100+}\r\nSubject: ha", b"a APPEND INBOX {10}\r\n", b"a IDLE\r\n",
                         b"a SELECT {30000+}\r\n", b"a FETCH 1 BODY[]\r\n", b"RETR 1\r\n"):
                with Host() as host:
                    host.fill("kevin", "one")
                    client, session = joined(host, protocol, tls)
                    client.send(said)
                    client.socket.close()
                    ended(session, (SESSION if protocol == "imap" else POP3_SESSION) + "Disconnected: Connection closed")
                    expect(os.listdir(host.maildir() + "/tmp") == [], "left in tmp/ after %r" % said)
                    expect(len(os.listdir(host.maildir() + "/cur")) == 1 and not os.listdir(host.maildir() + "/new"),
                           "half a message was kept")


# --- something else than TLS

HELLOS = (b"a login kevin secret\r\n", b"GET / HTTP/1.0\r\n\r\n", b"\0" * 1000, b"\xff" * 70000, os.urandom(5000),
          b"\x16\x03\x01\xff\xff" + b"x" * 65535, b"\x16\x03\x01\x00\x04\x01\xff\xff\xff" * 1000,
          b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"x" * 40, b"\x15\x03\x01\x00\x02\x02\x28", b"\x16\x03\x01\x00\x00" * 500)


def no_hello():
    for protocol in ("imap", "pop3"):
        with Host() as host:
            for data in HELLOS:
                client, session = connection(host, protocol, tls=True)
                client.flood(data)
                try:
                    client.socket.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                rest = client.rest()
                expect(b"OK" not in rest, "served to who speaks no TLS: %r" % rest)
                ended(session, protocol + r"-login: Disconnected: Connection closed: TLS handshake failed \(no auth attempts "
                      r"in \d+ secs\): user=<>, rip=127\.0\.0\.1, lip=127\.0\.0\.1.*, TLS handshaking: [^,]+, session=<\S+>$")


def no_hello_after_starttls():
    with Host() as host:
        for data in HELLOS:
            for protocol, command in (("imap", "a STARTTLS"), ("pop3", "STLS")):
                client, session = joined(host, protocol, login=False)
                client.say(command)
                expect(b"OK" in client.line(), "STARTTLS")
                client.flood(data)
                try:
                    client.socket.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                expect(b"OK" not in client.rest(), "served to who speaks no TLS")
                ended(session, protocol + "-login: Disconnected: Connection closed: TLS handshake failed.*rip=127")


def garbage_within_tls():
    """Broken records after the handshake end the connection, before and after the login."""
    for protocol in ("imap", "pop3"):
        for login in (False, True):
            for data in (b"\x17\x03\x03\x00\x30" + os.urandom(48), b"plain text\r\n" * 10, b"\x17\x03\x03\xff\xff" + b"x" * 70000):
                with Host() as host:
                    host.fill("kevin", "one")
                    client, session = joined(host, protocol, True, login=login)
                    raw = socket.socket(fileno=os.dup(client.socket.fileno()))
                    raw.sendall(data)
                    raw.settimeout(20)
                    try:
                        while raw.recv(65536):
                            pass
                    except ConnectionError:
                        pass
                    raw.close()
                    ended(session, "Disconnected: .*")


# --- crowds


def a_crowd_is_limited():
    with Host(settings="default_client_limit = 8\nmail_max_ip_connections = 0") as host:
        host.fill("kevin", "one")
        loop = host.listen("imap")
        socks, refused, most = [], 0, 0
        for _ in range(100):
            sock = socket.create_connection(("127.0.0.1", loop.port), timeout=20)
            socks.append(sock)
            most = max(most, len(children(loop.pid)))
        for sock in socks:
            line = Client(sock).line()
            refused += line.startswith(b"* BYE [UNAVAILABLE] Too many connections")
        expect(refused == 92, lambda: "%d of 100 were refused\n%s" % (refused, loop.log().decode()[-3000:]))
        expect(most <= 16, "%d processes" % most)
        loop.wait_log("Connection refused: Too many connections.*rip=127")
        for sock in socks:
            sock.close()
        poll(lambda: not children(loop.pid), "processes stay")
        client = Imap(socket.create_connection(("127.0.0.1", loop.port), timeout=20)).greeting().login()
        client.logout()
        loop.stop()


def connections_in_a_row():
    """What comes and goes at once leaves nothing behind."""
    with Host(settings="mail_max_ip_connections = 0") as host:
        for protocol in ("imap", "pop3"):
            loop = host.listen(protocol, tls=protocol == "imap")
            socket.create_connection(("127.0.0.1", loop.port), timeout=20).close()
            loop.wait_log("Disconnected")
            poll(lambda: not children(loop.pid), "processes stay")
            files = len(os.listdir("/proc/%d/fd" % loop.pid))
            for i in range(150):
                sock = socket.create_connection(("127.0.0.1", loop.port), timeout=20)
                if i % 3 == 0:
                    sock.sendall(b"garbage\r\n")
                if i % 3 == 1:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                sock.close()
            poll(lambda: not children(loop.pid) and len(os.listdir("/proc/%d/fd" % loop.pid)) == files,
                 "processes stay, or descriptors in the accept loop")
            expect(not loop.ended(), "the loop ended")
            loop.stop()


def too_many_failed_logins():
    for protocol in ("imap", "pop3"):
        with Host() as host:
            client, session = joined(host, protocol, login=False)
            client.flood(b"a LOGIN kevin wrong\r\n" * 50 if protocol == "imap" else b"USER kevin\r\nPASS wrong\r\n" * 50)
            rest = client.rest()
            expect(rest.count(b"Authentication failed") == 20, "%d passwords were tried" % rest.count(b"Authentication failed"))
            last = rest.split(b"\r\n")[-2]
            expect(last == {"imap": b"* BYE Too many failed logins.", "pop3": b"-ERR Too many failed logins."}[protocol],
                   "last words: %r" % last)
            ended(session, r"-login: Disconnected: Too many failed logins \(auth failed, 20 attempts in \d+ secs\): "
                  r"user=<kevin>, method=PLAIN, rip=127")
            expect(b"edge process" not in session.log(), "the log blames our own process")


run_tests([silent_before_login, silent_in_tls_handshake, silent_in_authenticate, a_byte_now_and_then, silent_after_login,
           never_reads_imap, never_reads_pop3, reads_slowly, goes_away, no_hello, no_hello_after_starttls,
           garbage_within_tls, a_crowd_is_limited, connections_in_a_row, too_many_failed_logins])

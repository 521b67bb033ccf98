#!/usr/bin/env python3
"""Where the log goes: the journal with its fields, stderr, never the client's socket."""

import ctypes
import os
import socket
import struct
import subprocess

from common import Host, Line, Skip, environment, expect, run_tests
from mailsession_test import program


def private_mounts():
    """Mounts of this process from now on are its own."""
    if os.getuid() != 0:
        raise Skip("needs root for a mount namespace")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x00020000) != 0:  # CLONE_NEWNS
        raise Skip("no mount namespace: " + os.strerror(ctypes.get_errno()))
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def fields(packet):
    """A datagram of the journal's native protocol."""
    found = {}
    while packet:
        line, _, rest = packet.partition(b"\n")
        key, equals, value = line.partition(b"=")
        if not equals:  # a value that holds a line end: its length first
            size = struct.unpack("<Q", rest[:8])[0]
            value, rest = rest[8:8 + size], rest[8 + size + 1:]
        found[key.decode()] = value.decode()
        packet = rest
    return found


def journal():
    private_mounts()
    os.makedirs("/run/systemd/journal", exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run/systemd/journal"], check=True)
    reader = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    reader.bind("/run/systemd/journal/socket")
    os.chmod("/run/systemd/journal/socket", 0o666)
    reader.settimeout(10)
    with Host() as host:
        host.fill("kevin", "plain")
        # the stream that systemd gives a service as stderr
        ours, stream = socket.socketpair()
        st = os.fstat(stream.fileno())
        client, server = socket.socketpair()
        process = subprocess.Popen(
            [program("imap"), "-c", host.write_configuration()], stdin=server, stdout=server, stderr=stream,
            env=environment(JOURNAL_STREAM="%d:%d" % (st.st_dev, st.st_ino)), cwd="/")
        server.close()
        stream.close()
        line = Line(client)
        line.until("* OK")
        line.say("a login kevin wrong")
        line.until("a NO")
        line.say("b login kevin secret")
        line.until("b OK")
        line.say("c logout")
        line.until("c OK")
        process.wait(10)
        rows = [fields(reader.recv(65536)) for _ in range(2)]
        for row in rows:
            expect(row["SYSLOG_IDENTIFIER"] == "mailsession" and row["PROTOCOL"] == "imap", repr(row))
            expect(row["PRIORITY"] == "6" and row["SYSLOG_FACILITY"] == "2", repr(row))
        expect(rows[0]["MAIL_USER"] == "kevin" and "CODE_FILE" not in rows[0], repr(rows[0]))
        expect(rows[0]["MESSAGE"].startswith("imap-login: Login: user=<kevin>"), repr(rows[0]))
        expect(rows[1]["MAIL_USER"] == "kevin" and "Logged out in=" in rows[1]["MESSAGE"], repr(rows[1]))
        expect(rows[0]["SESSION_ID"] == rows[1]["SESSION_ID"] and len(rows[0]["SESSION_ID"]) == 16, "session ids")
        ours.setblocking(False)
        try:
            expect(ours.recv(100) == b"", "stderr was written to as well")
        except BlockingIOError:
            pass


def inetd_client_sees_no_log():
    """inetd gives the client's socket as stderr too."""
    with Host() as host:
        host.fill("kevin", "plain")
        client, server = socket.socketpair()
        process = subprocess.Popen([program("imap"), "-c", host.write_configuration()], stdin=server, stdout=server,
                                   stderr=server, env=environment(), cwd="/")
        server.close()
        line = Line(client)
        expect(line.read().startswith("* OK ["), "greeting")
        line.say("a login kevin secret")
        expect(line.read().startswith("a OK ["), "login")
        line.say("b logout")
        expect(line.read() == "* BYE Logging out", "logout")
        expect(line.read() == "b OK Logout completed.", "logout")
        expect(line.read() == "", "something follows")
        process.wait(10)


def control_characters_stay_out():
    with Host(settings="auth_verbose = yes") as host:
        session = host.start("imap")
        line = Line(session.socket)
        line.until("* OK")
        line.say('a login {15+}\r\nx>, rip=6.6.6.6 y')
        line.until("a ")
        line.socket.close()
        session.wait_log("auth failed, 1 attempts")
        session.finish()
        log = session.log().decode()
        expect("user=<x?, rip=6.6.6.6>" in log, "a name can forge fields: " + log)
        expect(all(ord(c) >= 32 for c in log.replace("\n", "")), "control characters in the log")


run_tests([journal, inetd_client_sees_no_log, control_characters_stay_out])

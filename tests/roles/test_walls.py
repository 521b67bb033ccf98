#!/usr/bin/env python3
"""The real programs wear their walls: what /proc says of an edge and a session, and where the TLS key is not."""

import os
import re
import shutil
import socket
import subprocess

from common import (
    Host, Line, build_directory, Skip, certificate, children, connect, environment, expect, poll, run_tests, status)
from mailsession_test import program

GREETING = {"imap": "* OK", "pop3": "+OK"}
LOGIN = {"imap": (["a login kevin secret"], "a OK"), "pop3": (["user kevin", "pass secret"], "+OK Logged in")}


def only_child(pid):
    return poll(lambda: children(pid), "no edge process")[0]


def login(line, protocol):
    lines, answer = LOGIN[protocol]
    for text in lines:
        line.say(text)
    line.until(answer)


def check_walls(pid, what, uid):
    s = status(pid)
    expect(s["Seccomp"] == "2", "%s has no system call filter: %r" % (what, s["Seccomp"]))
    expect(s["NoNewPrivs"] == "1", what + " may gain privileges")
    if os.getuid() == 0:
        expect(s["Uid"].split() == [str(uid)] * 4, "%s runs as %s, not %d" % (what, s["Uid"], uid))
        for caps in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            expect(int(s[caps], 16) == 0, "%s has %s %s" % (what, caps, s[caps]))


def edge_and_session(protocol):
    with Host() as host:
        host.fill("kevin", "plain")
        session = host.start(protocol)
        line = Line(session.socket)
        line.until(GREETING[protocol])
        edge = only_child(session.pid)
        if os.getuid() == 0:
            import pwd
            check_walls(edge, "the edge", pwd.getpwnam("nobody").pw_uid)
            expect(os.path.basename(os.readlink("/proc/%d/root" % edge)) == "empty", "the edge is not in an empty root")
            expect(os.listdir("/proc/%d/root" % edge) == [], "the edge's root is not empty")
            expect(status(edge)["Groups"] == "", "the edge has groups")
        else:
            check_walls(edge, "the edge", os.getuid())
            # stdin, stdout, stderr, the monitor and the relay: nothing else
            expect(len(os.listdir("/proc/%d/fd" % edge)) <= 5, "the edge has descriptors: %r" % os.listdir("/proc/%d/fd" % edge))
        login(line, protocol)
        poll(lambda: not children(session.pid), "in the clear the edge must end after the login")
        check_walls(session.pid, "the session", host.uid)
        line.say("a logout" if protocol == "imap" else "quit")
        session.finish()


def imap_walls():
    edge_and_session("imap")


def pop3_walls():
    edge_and_session("pop3")


def memory_has(pid, needles):
    """Whether any needle is in the process's own (writable) memory."""
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for row in maps:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)", row)
            start, end = int(m[1], 16), int(m[2], 16)
            if not m[3].startswith("rw") or m[4].startswith("[v") or end - start > 1 << 30:
                continue
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except (OSError, OverflowError):
                continue
            if any(needle in data for needle in needles):
                return True
    return False


def secret_number(key):
    """The private scalar of an EC key, as bytes in both orders (GnuTLS keeps it as limbs)."""
    text = subprocess.run(["openssl", "ec", "-in", key, "-noout", "-text"], check=True, capture_output=True,
                          text=True).stdout
    digits = re.search(r"priv:\s*([0-9a-f:\s]+)pub:", text)[1]
    number = bytes.fromhex(re.sub(r"[^0-9a-f]", "", digits)).lstrip(b"\0")
    return [number, number[::-1]]


def key_is_not_with_the_mail():
    if os.getuid() != 0:
        raise Skip("needs root to look into other processes' memory")
    with Host() as host:
        host.fill("kevin", "plain")
        loop = host.listen("imap", tls=True)
        cert, key = certificate(host.certificates)
        needles = secret_number(key) + [line for line in open(key, "rb").read().split(b"\n")[1:3]]
        line = connect(loop.port).tls(cert)
        line.until("* OK")
        login(line, "imap")
        users = {status(pid)["Uid"].split()[0]: pid for pid in children(loop.pid)}
        session = users.pop(str(host.uid))
        edge = users.popitem()[1]
        expect(memory_has(loop.pid, needles), "the key is not even found where it must be: the test is blind")
        expect(memory_has(edge, needles), "the key is not found in the edge: the test is blind")
        expect(not memory_has(session, needles), "the session's memory holds the TLS key")
        line.say("a logout")
        line.until("a OK")
        line.socket.close()
        poll(lambda: not children(loop.pid), "the session stays")
        loop.stop()


def password_is_not_with_the_mail():
    if os.getuid() != 0:
        raise Skip("needs root to look into other processes' memory")
    secret = "correct-horse-battery-staple"
    with Host(users={"kevin": secret}) as host:
        host.fill("kevin", "plain")
        session = host.start("imap")
        line = Line(session.socket)
        line.until("* OK")
        line.say("a login kevin " + secret)
        line.until("a OK")
        expect(not memory_has(session.pid, [secret.encode()]), "the session's memory holds the password")
        line.say("b logout")
        session.finish()


def without_root_nothing_is_left_either():
    """Capabilities that a service manager gave to another uid than root's go; processes of that uid cannot look in."""
    if os.getuid() != 0 or not shutil.which("setpriv"):
        raise Skip("needs root and setpriv to give capabilities away")
    with Host() as host:
        host.fill("kevin", "plain")
        path = program("imap", host.uid, host.gid)
        client, server = socket.socketpair()
        with open(host.path("log"), "wb") as log:
            process = subprocess.Popen(
                ["setpriv", "--reuid", str(host.uid), "--regid", str(host.gid), "--clear-groups", "--inh-caps",
                 "+dac_read_search,+net_bind_service", "--ambient-caps", "+dac_read_search,+net_bind_service", path, "-c",
                 host.write_configuration()], stdin=server, stdout=server, stderr=log, env=environment(), cwd="/")
        server.close()
        line = Line(client)
        line.until("* OK")
        edge = only_child(process.pid)
        expect(int(status(process.pid)["CapEff"], 16), "no capabilities to begin with: the test is blind")
        check_walls(edge, "the edge", host.uid)
        expect(os.stat("/proc/%d/fd" % edge).st_uid == 0, "the edge can be looked into")
        login(line, "imap")
        check_walls(process.pid, "the session", host.uid)
        expect(os.stat("/proc/%d/fd" % process.pid).st_uid == 0, "the session can be looked into")
        line.say("b logout")
        line.until("b OK")
        process.wait(20)


def sanitized():
    with open(program("imap"), "rb") as binary:
        return b"__asan_init" in binary.read()


def shared_descriptors_are_not_kept():
    """Standard error is everybody's log, standard output may be; inetd's standard error is the client's socket."""
    if os.getuid() != 0:
        raise Skip("needs root to look into another user's process")
    plain = program("imap")
    if sanitized():  # their runtime keeps standard error
        plain = os.path.join(os.path.dirname(build_directory()), "clang", "imap", "imap-session")
        if not os.access(plain, os.X_OK):
            raise Skip("needs a build without sanitizers: " + plain)
    with Host(settings="log_path = syslog") as host:
        host.fill("kevin", "plain")
        for under_tls in (False, True):
            with socket.create_server(("127.0.0.1", 0)) as door:
                client = socket.create_connection(door.getsockname())
                server = door.accept()[0]
            process = subprocess.Popen([plain, "-c", host.write_configuration()], stdin=server, stdout=server,
                                       stderr=server, env=environment(), cwd="/")
            number = "socket:[%d]" % os.fstat(server.fileno()).st_ino
            server.close()
            line = Line(client)
            line.until("* OK")
            expect(os.readlink("/proc/%d/fd/2" % only_child(process.pid)) == "/dev/null", "standard error of the edge")
            if under_tls:
                line.say("a starttls")
                line.until("a OK")
                line.tls(certificate(host.certificates)[0])
            line.say("b login kevin secret")
            line.until("b OK")
            held = [fd for fd in os.listdir("/proc/%d/fd" % process.pid)
                    if os.readlink("/proc/%d/fd/%s" % (process.pid, fd)) == number]
            expect(sorted(held) == ([] if under_tls else ["0", "1"]), "the session holds %r" % held)
            line.say("c logout")
            line.until("c OK")
            line.socket.close()
            process.wait(20)


run_tests([without_root_nothing_is_left_either, shared_descriptors_are_not_kept, imap_walls, pop3_walls, key_is_not_with_the_mail, password_is_not_with_the_mail])

#!/usr/bin/env python3
"""Our units under a real systemd, and real connections: one service a connection, then the listener."""

import os
import signal
import socket
import sys
import time

from machine import CLIENT, KEVIN, SERVER, Machine
from common import DEADLINE, SERVICES, Client, Failed, Skip, client_context, log_in, log_out, poll, run_tests
import fixtures

PORTS = {"imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995}
WARNING = 4  # as a priority of the journal

_machine = Machine()
_problem = []


def expect(good, what):
    if not good:
        raise Failed(what() if callable(what) else what)


def machine(variant):
    """The machine, booted at the first call, with the sockets of the variant."""
    if _problem:
        raise _problem[0]
    if _machine.process is None:
        try:
            _machine.start()
        except Exception as problem:
            _problem.append(problem if isinstance(problem, Skip) else Skip("the machine did not start"))
            raise
    _machine.switch(variant)
    return _machine


# --- a client


def protocol_of(service):
    return service.removesuffix("s")


def secure(sock):
    return client_context(_machine.certificate).wrap_socket(sock, server_hostname="localhost")


def connect(service, server="127.0.0.1", source=None, seconds=DEADLINE):
    """A client that has read the greeting; greeting is what it said."""
    sock = socket.create_connection((server, PORTS[service]), seconds, (source, 0) if source else None)
    sock.settimeout(seconds)
    if service.endswith("s"):
        sock = secure(sock)
    client = Client(sock)
    client.greeting = client.until(rb"^(\* OK|\+OK)[^\r]*\r\n")
    return client


def enter(service, **where):
    """A client that is logged in."""
    client = connect(service, **where)
    expect(log_in(client, protocol_of(service)), "%s: no login" % service)
    return client


def noop(client, service):
    client.say(b"n noop\r\n" if protocol_of(service) == "imap" else b"noop\r\n", rb"^(n OK|\+OK)[^\r]*\r\n")


def read_message(client, service):
    message = fixtures.wire("plain")
    if protocol_of(service) == "imap":
        client.say(b"s select INBOX\r\n", rb"^s OK[^\r]*\r\n")
        text = client.say(b"f fetch 1 body.peek[]\r\n", rb"^f OK[^\r]*\r\n")
    else:
        text = client.say(b"retr 1\r\n", rb"^\.\r\n")
    expect(message in text, "%s: another message: %r" % (service, text))


def leave(client, service):
    log_out(client, protocol_of(service))
    client.socket.close()


def nobody(m, but=()):
    """Waits until none of our processes is left."""
    poll(lambda: not set(m.processes()) - set(but), lambda: "processes stay: %r" % m.processes())


def sessions(m, service, but=()):
    """Waits until what serves the one client is what it must be: kevin's process, and the edge when there is TLS."""
    account = int([row.split(":")[2] for row in open(m.path("etc/passwd")) if row.startswith("mailsession:")][0])
    wanted = sorted([KEVIN] + ([account] if service.endswith("s") else []))

    def uids():
        return {pid: row["Uid"].split() for pid, row in m.processes().items() if pid not in but}

    poll(lambda: sorted(int(row[0]) for row in uids().values()) == wanted, lambda: "%s: %r" % (service, uids()))
    for pid, row in m.processes().items():
        if pid in but:
            continue
        expect(len(set(row["Uid"].split() + row["Gid"].split())) == 1, "another id left: %r" % row)
        expect(int(row["CapPrm"], 16) == 0 and int(row["CapEff"], 16) == 0, "capabilities: %r" % row)
        expect(row["NoNewPrivs"] == "1" and row["Seccomp"] == "2", "no walls: %r" % row)
    return set(m.processes()) - set(but)


def every_service(m, but=lambda: ()):
    for service in SERVICES:
        client = enter(service)
        sessions(m, service, but())
        read_message(client, service)
        leave(client, service)
        nobody(m, but())


# --- one service a connection


def boots_with_the_sockets_open():
    m = machine("connection")
    for service in SERVICES:
        expect(m.unit("mailsession-%s.socket" % service, "ActiveState") == "active", service + " is not open")
    expect(not m.processes(), "a program runs before anybody connected")
    rows = [row for row in open(m.path("etc/passwd")) if row.startswith("mailsession:")]
    expect(len(rows) == 1, "the user mailsession: %r" % rows)
    m.command("test", "-d", "/run/mailsession/empty")


def each_connection_is_a_process_that_ends():
    every_service(machine("connection"))


def starttls_opens_the_door():
    m = machine("connection")
    far = {"server": SERVER, "source": CLIENT}
    client = connect("imap", **far)
    expect(not log_in(client, "imap"), "a password in clear text from another machine is taken")
    client.say(b"t starttls\r\n", rb"^t OK[^\r]*\r\n")
    client = Client(secure(client.socket))
    expect(log_in(client, "imap"), "no login after STARTTLS")
    sessions(m, "imaps")
    read_message(client, "imap")
    leave(client, "imap")
    client = connect("pop3", **far)
    expect(client.say(b"USER kevin\r\n", rb"^[+-][^\r]*\r\n").startswith(b"-ERR"), "USER in clear text")
    client.say(b"STLS\r\n", rb"^\+OK[^\r]*\r\n")
    client = Client(secure(client.socket))
    expect(log_in(client, "pop3"), "no login after STLS")
    read_message(client, "pop3")
    leave(client, "pop3")
    nobody(m)


def journal_has_the_fields():
    m = machine("connection")
    for service, where, address in (("imaps", {"server": SERVER, "source": CLIENT}, CLIENT),
                                    ("pop3", {"server": "::1"}, "::1")):
        client = enter(service, **where)
        protocol = protocol_of(service)
        match = ("SYSLOG_IDENTIFIER=mailsession", "MAIL_USER=kevin", "PROTOCOL=" + protocol,
                 "REMOTE_ADDRESS=" + address)
        start = protocol + "-login: Login: user=<kevin>, method=PLAIN, rip=" + address

        def logins():
            return [row for row in m.journal(*match) if row["MESSAGE"].startswith(start) and
                    row.get("_SYSTEMD_UNIT", "").startswith("mailsession-%s@" % service)]

        row = poll(logins, lambda: "no entry of %s has all of %s:\n%s" % (service, " ".join(match), "\n".join(
            "%s MAIL_USER=%s" % (row["MESSAGE"], row.get("MAIL_USER")) for row in m.journal(match[0]))))[-1]
        expect(row["PRIORITY"] == "6" and row["SYSLOG_FACILITY"] == "2" and len(row["SESSION_ID"]) == 16, repr(row))
        leave(client, service)
        poll(lambda: any("Logged out" in entry["MESSAGE"] for entry in m.journal("SESSION_ID=" + row["SESSION_ID"])),
             "no entry for the end of the session")
    nobody(m)


def who_does_not_log_in_has_to_leave():
    m = machine("connection")
    m.settings("login_timeout = 1 secs")
    try:
        for service in SERVICES:
            client = connect(service)
            while client.socket.recv(4096):
                pass
            nobody(m)
            client.socket.close()
        poll(lambda: sum("Disconnected: Inactivity" in row["MESSAGE"] for row in
                         m.journal("SYSLOG_IDENTIFIER=mailsession")) == len(SERVICES), "the log does not tell why")
    finally:
        m.settings("")


def settings_count_from_the_next_connection():
    m = machine("connection")
    m.settings("login_greeting = other words.")
    try:
        expect(b"other words." in connect("imap").greeting, "the old settings")
    finally:
        m.settings("")
    expect(b"other words." not in connect("imap").greeting, "the old settings again")
    nobody(m)


def many_connections_at_once():
    """More than systemd's own default limit of 64, and none of the sockets is closed for it."""
    m = machine("connection")
    clients = [connect("imap", seconds=30) for _ in range(70)]
    expect(len(m.processes()) == 140, "%d processes for 70 clients" % len(m.processes()))
    for client in clients:
        client.socket.close()
    nobody(m)
    expect(m.unit("mailsession-imap.socket", "ActiveState") == "active", "the socket is closed")
    poll(lambda: "mailsession-imap@" not in m.command("systemctl", "list-units", "--all", "--plain"),
         "units of ended connections stay in memory")


# --- one service that accepts


def main_pid(m, service):
    """The listener's process, by our number; None when it does not run."""
    inside = m.unit("mailsession-%s-listener.service" % service, "MainPID")
    found = [pid for pid, row in m.processes().items() if row["NSpid"].split()[-1] == inside]
    return found[0] if found else None


def listeners(m):
    return {pid for pid in (main_pid(m, service) for service in SERVICES) if pid}


def listener_starts_with_the_first_connection():
    m = machine("listener")
    for service in SERVICES:
        expect(m.unit("mailsession-%s-listener.socket" % service, "ActiveState") == "active", service + " is not open")
        expect(m.unit("mailsession-%s.socket" % service, "ActiveState") == "inactive", service + " is open twice")
    expect(not m.processes(), "a program runs before anybody connected")
    every_service(m, lambda: listeners(m))
    expect(len(listeners(m)) == len(SERVICES), "%d listeners" % len(listeners(m)))


def listener_lets_mail_be_changed():
    """Its sandbox must not close the homes to writing."""
    m = machine("listener")
    client = enter("imap")
    client.say(b"s select INBOX\r\n", rb"^s OK[^\r]*\r\n")
    client.say(b"f store 1 +flags (\\Flagged)\r\n", rb"^f OK[^\r]*\r\n")
    client.say(b"a append INBOX {6+}\r\na: b\r\n\r\n", rb"^a OK[^\r]*\r\n")
    leave(client, "imap")
    names = os.listdir(os.path.join(m.maildir(), "cur")) + os.listdir(os.path.join(m.maildir(), "new"))
    expect(len(names) == 3 and any(":2,F" in name for name in names), repr(names))
    for name in os.listdir(m.maildir()):
        expect(os.stat(os.path.join(m.maildir(), name)).st_uid == KEVIN, name + " is not the user's own")
    client = enter("pop3")
    client.say(b"dele 3\r\n", rb"^\+OK[^\r]*\r\n")
    leave(client, "pop3")


def systemd_complains_of_nothing():
    """Of neither variant; the tests that follow make it complain on purpose."""
    for variant in ("connection", "listener"):
        m = machine(variant)
        for service in SERVICES:
            leave(enter(service), service)
    rows = [row for row in m.journal("_PID=1") if "mailsession" in row["MESSAGE"] + row.get("UNIT", "")]
    expect(rows, "systemd does not log to the journal")
    rows = [row["MESSAGE"] for row in rows if int(row["PRIORITY"]) <= WARNING]
    expect(not rows, "\n".join(rows))


def survives(how):
    """A session goes on whatever happens to the listener, and the next connection finds another one."""
    m = machine("listener")
    client = enter("imaps")
    before = main_pid(m, "imaps")
    ours = sessions(m, "imaps", listeners(m))
    how(m, before)
    poll(lambda: before not in m.processes(), "the listener is still there")
    noop(client, "imaps")
    second = enter("imaps")
    after = main_pid(m, "imaps")
    expect(after and after != before, "the same listener")
    expect(ours <= set(m.processes()), "the session is served by others now")
    read_message(client, "imaps")
    leave(client, "imaps")
    leave(second, "imaps")
    nobody(m, listeners(m))


def restart_leaves_sessions():
    survives(lambda m, pid: m.command("systemctl", "restart", "mailsession-imaps-listener.service"))


def stop_leaves_sessions():
    survives(lambda m, pid: m.command("systemctl", "stop", "mailsession-imaps-listener.service"))


def crash_leaves_sessions():
    survives(lambda m, pid: os.kill(pid, signal.SIGKILL))


def settings_are_read_again():
    m = machine("listener")
    connect("imap").socket.close()
    before = main_pid(m, "imap")
    m.settings("login_greeting = other words.")
    try:
        poll(lambda: b"other words." in connect("imap").greeting, "the old settings stay in force")
        expect(main_pid(m, "imap") == before, "another listener")
    finally:
        m.settings("")


def errors_in_the_settings_do_not_close_the_socket():
    """A client that comes while the settings are broken waits, and is served once they are corrected."""
    m = machine("listener")
    unit = "mailsession-pop3-listener"
    m.command("systemctl", "stop", unit + ".service")
    m.settings("login_greting = hello.")
    try:
        sock = socket.create_connection(("127.0.0.1", PORTS["pop3"]), 20)
        poll(lambda: any("login_greting" in row["MESSAGE"] and "mailsession.conf" in row["MESSAGE"]
                         for row in m.journal("_SYSTEMD_UNIT=%s.service" % unit)),
             lambda: "the journal names no setting: %r" % m.journal("_SYSTEMD_UNIT=%s.service" % unit))
        for _ in range(6):  # systemd gives up after five within ten seconds, unless told otherwise
            m.command("systemctl", "start", unit + ".service", ok=(1,))
        expect(m.unit(unit + ".socket", "ActiveState") == "active", "the socket is closed")
    finally:
        m.settings("")
    client = Client(sock)
    sock.settimeout(20)
    client.until(rb"^\+OK[^\r]*\r\n")
    expect(log_in(client, "pop3"), "no login")
    leave(client, "pop3")


def quiet_listener_leaves_and_comes_back():
    m = machine("listener")
    m.settings("listen_idle_exit = 1 secs")
    try:
        m.command("systemctl", "stop", *["mailsession-%s-listener.service" % service for service in SERVICES])
        for _ in range(2):
            for service in SERVICES:
                client = enter(service)
                leave(client, service)
            nobody(m)
            for service in SERVICES:
                unit = "mailsession-%s-listener" % service
                poll(lambda: m.unit(unit + ".service", "ActiveState") == "inactive",
                     lambda: "%s is %s" % (unit, m.unit(unit + ".service", "ActiveState")))
                expect(m.unit(unit + ".service", "Result") == "success", unit + " counts as failed")
                expect(m.unit(unit + ".socket", "ActiveState") == "active", unit + ".socket is closed")
    finally:
        m.settings("")


def connected_clients_do_not_hold_up_the_shutdown():
    m = machine("listener")
    clients = [enter(service) for service in SERVICES]
    m.command("systemctl", "disable", "--now", "mailsession-imap-listener.socket")
    m.command("systemctl", "stop", "mailsession-imap-listener.service")
    m.command("systemctl", "start", "mailsession-imap.socket")
    clients += [enter("imap"), connect("imap")]
    started = time.monotonic()
    m.command("systemctl", "poweroff", ok=None)
    poll(lambda: m.process.poll() is not None, lambda: "still up:\n" + m.console(), 40)
    expect(time.monotonic() - started < 30, "the shutdown took %d s" % (time.monotonic() - started))
    for client in clients:
        client.socket.close()
    _problem.append(Skip("the machine is shut down"))


signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
try:
    run_tests([boots_with_the_sockets_open, each_connection_is_a_process_that_ends, starttls_opens_the_door,
               journal_has_the_fields, who_does_not_log_in_has_to_leave, settings_count_from_the_next_connection,
               many_connections_at_once, listener_starts_with_the_first_connection, listener_lets_mail_be_changed,
               systemd_complains_of_nothing, restart_leaves_sessions, stop_leaves_sessions, crash_leaves_sessions,
               settings_are_read_again,
               errors_in_the_settings_do_not_close_the_socket, quiet_listener_leaves_and_comes_back,
               connected_clients_do_not_hold_up_the_shutdown])
finally:
    _machine.stop()

#!/usr/bin/env python3
"""The files for inetd and xinetd, as those servers read them."""

import os
import re
import signal
import socket
import subprocess

from common import (
    SERVICES, Client, Failed, Host, Skip, built, certificate, client_context, environment, log_in, log_out, need, poll,
    program, run_tests)
from packages import unpacked  # noqa: E402


def free_ports(count):
    doors = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [door.getsockname()[1] for door in doors]
    for door in doors:
        door.close()
    return ports


def connect(port):
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=10)
    except ConnectionRefusedError:
        return None


def read_mail(host, service, port, log):
    """Logs in and out; the first connection waits for the server to be up."""
    sock = poll(lambda: connect(port), lambda: "nobody listens for %s:\n%s" % (service, log()))
    if service.endswith("s"):
        sock = client_context(certificate(host.certificates)[0]).wrap_socket(sock, server_hostname="localhost")
    with sock:
        client = Client(sock)
        client.until(rb"^(\* OK|\+OK)[^\r]*\r\n")
        protocol = service.removesuffix("s")
        if not log_in(client, protocol):
            raise Failed("%s: no login\n%s" % (service, log()))
        log_out(client, protocol)


def serve(host, command, ports, log_path):
    def log():
        with open(log_path) as text:
            return text.read()
    with open(log_path, "w") as out:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment(),
                                  start_new_session=True)
    try:
        for service, port in ports.items():
            read_mail(host, service, port, log)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def programs_and_ports(services):
    programs = {name: program(name) for name in ("imap", "pop3")}
    return programs, dict(zip(services, free_ports(len(services))))


def xinetd():
    need("xinetd")
    if os.getuid() != 0:
        raise Skip("needs root")
    with Host() as host:
        host.fill("kevin", "one")
        programs, ports = programs_and_ports(SERVICES)
        settings = host.write_configuration()
        with open(built("units", "xinetd.conf")) as file:
            text = file.read()

        def here(match):
            service, body = match.group(1), match.group(2)
            name = service.removesuffix("s")
            body = re.sub(r"(server +=) \S+", r"\1 " + programs[name], body)
            body = body.replace("IPv6", "IPv4")
            if "server_args" not in body:
                body += "        server_args = \n"
            body = re.sub(r"(server_args +=)(.*)", r"\1 -c %s -o log_path=syslog\2" % settings, body)
            return "service %s\n{\n        type = UNLISTED\n        port = %d\n        bind = 127.0.0.1\n%s}" % (
                service, ports[service], body)

        text, count = re.subn(r"^service (\w+)\n\{\n(.*?)^\}", here, text, flags=re.M | re.S)
        if count != 4:
            raise Failed("xinetd.conf has %d services" % count)
        with open(host.path("xinetd.conf"), "w") as out:
            out.write(text)
        serve(host, ["xinetd", "-dontfork", "-f", host.path("xinetd.conf"), "-pidfile", host.path("xinetd.pid"),
                     "-filelog", "/dev/stderr"], ports, host.path("xinetd.log"))


def inetd():
    """Also with "wait", where the program accepts by itself."""
    if os.getuid() != 0:
        raise Skip("needs root")
    # not installed: Debian starts it then
    name = os.path.join(unpacked("inetd", "inetutils-inetd"), "usr/sbin/inetutils-inetd")
    with Host() as host:
        host.fill("kevin", "one")
        programs, ports = programs_and_ports((*SERVICES, "imap-wait"))
        settings = host.write_configuration()
        with open(built("units", "inetd.conf")) as file:
            rows = [line.lstrip("#").split() for line in file if re.match(r"#?(imap|pop3)s? +stream", line)]
        if [row[0] for row in rows] != [*SERVICES, "imap"]:
            raise Failed("inetd.conf has %s" % rows)
        with open(host.path("inetd.conf"), "w") as out:
            for row, port in zip(rows, ports.values()):
                row[0] = "127.0.0.1:%d" % port
                row[5] = programs[row[6].removesuffix("-session")]
                row += ["-c", settings, "-o", "log_path=syslog", "-o", "listen_idle_exit=1s"]
                out.write(" ".join(row) + "\n")
        ports["imap"], ports_wait = ports["imap"], ports.pop("imap-wait")
        serve(host, [name, "-d", host.path("inetd.conf")], ports, host.path("inetd.log"))
        serve(host, [name, "-d", host.path("inetd.conf")], {"imap": ports_wait}, host.path("inetd.log"))
        host.no_process_stays()


if __name__ == "__main__":
    run_tests([xinetd, inetd])

#!/usr/bin/env python3
"""The systemd units: what systemd-analyze says of them, and what they promise."""

import configparser
import glob
import os
import pwd
import re
import shutil
import tempfile

from common import (
    SERVICES, Failed, Host, Skip, build_directory, built, certificate, client_context, log_in, log_out, need, program,
    Client, run, run_tests)

PORTS = {"imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995}


def parse(path):
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(path)
    return unit


def unit(name):
    return parse(built("units", name))


def every_service_has_its_units():
    for service in SERVICES:
        for socket, accept in ((unit("mailsession-%s.socket" % service), "yes"),
                               (unit("mailsession-%s-listener.socket" % service), "no")):
            if socket["Socket"]["ListenStream"] != str(PORTS[service]):
                raise Failed("%s listens on %s" % (service, socket["Socket"]["ListenStream"]))
            if socket["Socket"].get("Accept", "no") != accept:
                raise Failed("%s: Accept=%s expected" % (service, accept))
            if socket["Install"]["WantedBy"] != "sockets.target":
                raise Failed("%s cannot be enabled" % service)
        one = unit("mailsession-%s@.service" % service)["Service"]
        tls = service.endswith("s")
        command = "%s-session" % service.removesuffix("s") + (" --tls" if tls else "")
        if not one["ExecStart"].endswith("/" + command):
            raise Failed("%s@.service runs %s" % (service, one["ExecStart"]))
        if unit("mailsession-%s-listener.socket" % service)["Socket"]["FileDescriptorName"] != service:
            raise Failed("%s: the program cannot tell by the name of the socket what it serves" % service)


def sandbox_is_paid_once():
    """Each of these costs milliseconds a start, so none is in a unit that starts for every connection."""
    costly = re.compile(r"^(Protect|Private|Restrict|SystemCall|Capability|NoNew|Lock|Memory)\w*=", re.M)
    for service in SERVICES:
        with open(built("units", "mailsession-%s@.service" % service)) as text:
            found = costly.search(text.read())
        if found:
            raise Failed("%s@.service has %s" % (service, found.group()))
        with open(built("units", "mailsession-%s-listener.service" % service)) as text:
            if not costly.search(text.read()):
                raise Failed("%s-listener.service has no sandbox" % service)


def copies(directory):
    """The units with a program that is there; returns their paths."""
    for path in glob.glob(os.path.join(build_directory(), "units", "mailsession-*.s*")):
        with open(path) as text:
            content = re.sub(r"(ExecStart=-?)\S*/(\w+-session)", r"\1/bin/true /\2", text.read())
        with open(os.path.join(directory, os.path.basename(path)), "w") as out:
            out.write(content)
    found = sorted(glob.glob(os.path.join(directory, "*")))
    if len(found) != 16:
        raise Skip("the units are not built: %d" % len(found))
    return found


def systemd_finds_nothing_wrong():
    need("systemd-analyze")
    with tempfile.TemporaryDirectory() as directory:
        paths = copies(directory)
        said = run("systemd-analyze", "verify", "--man=no", *paths)
        if said.strip():
            raise Failed(said)
        # the test of the test
        with open(paths[0], "a") as out:
            out.write("\n[Socket]\nListenStraem=1\n[Service]\nProtectSistem=yes\n")
        if "Unknown key" not in run("systemd-analyze", "verify", "--man=no", *paths, ok=None):
            raise Failed("systemd-analyze verify does not see an unknown key")


def the_listener_is_well_shut_in():
    need("systemd-analyze")
    with tempfile.TemporaryDirectory() as directory:
        for path in copies(directory):
            if path.endswith("-listener.service"):
                # 4.9 of 10 is "OK"; it has to stay root, see everybody's mail and talk to the network
                run("systemd-analyze", "security", "--offline=true", "--threshold=49", path)


def capabilities_are_enough():
    """A listener with the unit's capabilities and nothing else serves a user in a private home."""
    need("setpriv")
    if os.getuid() != 0:
        raise Skip("needs root")
    wanted = unit("mailsession-imaps-listener.service")["Service"]["CapabilityBoundingSet"].split()
    names = ",".join("+" + name.removeprefix("CAP_").lower() for name in wanted)
    shell = ("exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=imaps exec setpriv --no-new-privs "
             "--inh-caps=-all --bounding-set=-all,%s \"$0\" \"$@\"" % names)
    with Host() as host:
        host.fill("kevin", "one")
        # what root may read only because of CAP_DAC_READ_SEARCH
        for path in (host.path("users"), certificate(host.certificates)[1]):
            os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
            os.chmod(path, 0o600)
        loop = listen_by(host, ("sh", "-c", shell), "imap")
        import socket
        with socket.create_connection(("127.0.0.1", loop.port)) as plain:
            context = client_context(certificate(host.certificates)[0])
            with context.wrap_socket(plain, server_hostname="localhost") as sock:
                client = Client(sock)
                client.until(rb"^\* OK[^\r]*\r\n")
                if not log_in(client, "imap"):
                    raise Failed("no login; the log:\n" + loop.log().decode())
                if b"1 EXISTS" not in client.say(b"s select INBOX\r\n", rb"^s [^\r]*\r\n"):
                    raise Failed("no mail; the log:\n" + loop.log().decode())
                log_out(client, "imap")
        loop.wait_log(r"Logged out")
        loop.stop()


def listen_by(host, prefix, protocol):
    import socket
    import subprocess
    from mailsession_test import Session
    door = socket.create_server(("127.0.0.1", 0))
    process, log = host._spawn(protocol, [], door, subprocess.DEVNULL, False, {}, prefix)
    session = Session(process, log, None)
    session.port = door.getsockname()[1]
    door.close()
    host.sessions.append(session)
    return session


def users_and_folders():
    """sysusers.d and tmpfiles.d, as the tools read them."""
    need("systemd-sysusers", "systemd-tmpfiles")
    if os.getuid() != 0:
        raise Skip("needs root")
    from common import TREE
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, "etc"))
        run("systemd-sysusers", "--root=" + root, os.path.join(TREE, "units", "mailsession.sysusers"))
        with open(os.path.join(root, "etc", "passwd")) as users:
            made = [line for line in users if line.startswith("mailsession:")]
        if len(made) != 1 or not made[0].rstrip().endswith("nologin"):
            raise Failed("passwd has %r" % made)
        # the tool knows the users of the root it works in
        shutil.copy("/etc/passwd", os.path.join(root, "etc", "passwd"))
        shutil.copy("/etc/group", os.path.join(root, "etc", "group"))
        run("systemd-tmpfiles", "--root=" + root, "--create", os.path.join(TREE, "units", "mailsession.tmpfiles"))
        for path, mode in (("run/mailsession", 0o755), ("run/mailsession/empty", 0o555)):
            if os.stat(os.path.join(root, path)).st_mode & 0o7777 != mode:
                raise Failed("%s has another mode" % path)


if __name__ == "__main__":
    run_tests([every_service_has_its_units, sandbox_is_paid_once, systemd_finds_nothing_wrong,
               the_listener_is_well_shut_in, capabilities_are_enough, users_and_folders])

#!/usr/bin/env python3
"""What README tells people to write works as it stands there."""

import glob
import os
import re
import subprocess

from common import (
    PROGRAMS, TREE, Failed, Host, Skip, build_directory, certificate, client_context, greet, log_in, log_out, need, program,
    run, run_tests, source)


def blocks():
    """The indented blocks."""
    return re.findall(r"(?:^ {7}.*\n|^\n(?= {7}))+", source("README"), re.M)


def block_with(word):
    found = [block for block in blocks() if word in block]
    if len(found) != 1:
        raise Failed("%d blocks have %s" % (len(found), word))
    return found[0]


class Readers(Host):
    """A host whose settings are README's, with the paths and the account of this test."""

    def configuration(self):
        text = block_with("passdb {") + block_with("ssl_cert =")
        changes = {
            "/etc/mailsession/users": self.path("virtual"),
            "/var/mail/vhosts": self.path("vhosts"),
            "uid=vmail gid=vmail": "uid=%d gid=%d" % (self.uid, self.gid),
            "/etc/letsencrypt/live/mail.example.com/fullchain.pem": certificate(self.certificates)[0],
            "/etc/letsencrypt/live/mail.example.com/privkey.pem": certificate(self.certificates)[1],
        }
        for old, new in changes.items():
            if old not in text:
                raise Failed("README's settings have no %s" % old)
            text = text.replace(old, new)
        return text + "base_dir = %s\nfirst_valid_uid = 1\n" % self.path("run")


def virtual_users():
    """The settings, the line for a user, and mail where Postfix puts it."""
    need("openssl")
    import fixtures
    with Readers() as host:
        os.mkdir(host.path("vhosts"), 0o700)
        fixtures.build("one", host.path("vhosts", "example.com", "kevin"))
        host.give(host.path("vhosts"))
        line = re.search(r"printf '%s:%s\\n' kevin@example.com .*", block_with("groupadd")).group()
        line = line.replace("openssl passwd -6", "openssl passwd -6 secret").replace("/etc/mailsession/users",
                                                                                     host.path("virtual"))
        run("sh", "-c", line)
        for protocol in PROGRAMS:
            session = host.start(protocol)
            client = greet(session)
            if not log_in(client, protocol, b"kevin@example.com"):
                raise Failed("%s: no login; the log:\n%s" % (protocol, session.log().decode()))
            said = client.say(b"s select INBOX\r\n", rb"^s [^\r]*\r\n") if protocol == "imap" else \
                client.say(b"stat\r\n", rb"^[+-][^\r]*\r\n")
            if b"1 EXISTS" not in said and not said.startswith(b"+OK 1 "):
                raise Failed("%s: %r; the log:\n%s" % (protocol, said, session.log().decode()))
            log_out(client, protocol)
            session.finish()


def build_options():
    """The line that configures the build."""
    need("meson")
    import tempfile
    command = re.search(r"meson setup build (.*)", source("README")).group(1)
    with tempfile.TemporaryDirectory() as directory:
        run("meson", "setup", directory, TREE, *command.split(), seconds=120)


def what_it_names_is_there():
    text = source("README")
    for name in set(re.findall(r"mailsession-[\w-]+\.socket", text)):
        if not os.path.exists(os.path.join(build_directory(), "units", name)):
            raise Failed("there is no unit " + name)
    table = source("common", "conf", "table.c")
    settings = set(re.findall(r"`(\w+) = ", text)) | {"disable_plaintext_auth", "login_trusted_networks", "first_valid_uid"}
    for name in settings - {"driver"}:
        if not re.search(r"\b%s\b" % name, table):
            raise Failed("there is no setting " + name)
    for package in source("units", "try").split('packages="')[1].split('"')[0].split():
        if package not in ("openssl", "curl") and package not in text:
            raise Failed("README does not install " + package)


def log_lines_are_ours():
    """Every text of the table is one that some source file can write."""
    sources = "".join(open(path).read() for folder in ("common", "imap", "pop3")
                      for path in glob.glob(os.path.join(TREE, folder, "**", "*.c"), recursive=True))
    sources = re.sub(r'"\s*\n\s*"', "", sources).replace('\\"', '"')
    table = source("README").split("in the log  ")[1].split("\n\n")[0].splitlines()[1:]
    if len(table) < 8:
        raise Failed("the table of log lines is not found")
    for row in table:
        text = row[2:57].strip()
        parts = [part.strip() for part in re.split(r"'?\bX\b'?|\bUID\b|'Y'\??|\"pam\"|\.\.\.|\b\d+\b|\(\.\.\.\)|open\(|failed: Permission denied", text)]
        for part in parts:
            if len(part) > 5 and part.strip("() =") not in sources:
                raise Failed("nothing writes %r of %r" % (part, text))


if __name__ == "__main__":
    run_tests([virtual_users, build_options, what_it_names_is_there, log_lines_are_ours])

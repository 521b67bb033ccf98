#!/usr/bin/env python3
"""Without a settings file the system's users are served, from shadow, in ~/Maildir."""

import socket
import subprocess

from common import Host, Line, environment, expect, run_tests, status
from accounts import GROUP, accounts
from mailsession_test import program


def session(host, commands):
    """All answers of a session without a settings file, and its log."""
    client, server = socket.socketpair()
    client.settimeout(20)
    with open(host.path("log"), "wb") as log:
        process = subprocess.Popen(
            [program("imap"), "-o", "base_dir=" + host.path("run"), "-o", "auth_failure_delay=0"], stdin=server,
            stdout=server, stderr=log, env=environment(), cwd="/")
    server.close()
    line = Line(client)
    line.until("* OK")
    for number, command in enumerate(commands):
        line.say("a%d %s" % (number, command))
    text = []
    while True:
        row = line.read()
        if not row:
            break
        text.append(row)
    process.wait(20)
    with open(host.path("log")) as log:
        return "\n".join(text), log.read()


def shadow_and_maildir():
    with Host() as host, accounts(host, host.home("kevin")):
        host.fill("kevin", "plain")
        text, log = session(host, ["login kevin wrong", "login nobody-here secret", "login locked secret", "login kevin secret",
                                   "select INBOX", "fetch 1 body.peek[header.fields (subject)]", "logout"])
        rows = text.splitlines()
        failures = [row.split(" ", 1)[1] for row in rows if row.startswith(("a0 ", "a1 ", "a2 "))]
        expect(failures == ["NO [AUTHENTICATIONFAILED] Authentication failed."] * 3, repr(failures))
        expect("a3 OK" in text and "* 1 EXISTS" in text and "Lunch on Friday" in text, text + log)
        expect("Login: user=<kevin>, method=PLAIN" in log, log)


def root_is_never_served():
    with Host() as host, accounts(host, host.home("kevin")):
        with open("/etc/shadow") as lines:
            hashed = [line.split(":")[1] for line in lines if line.startswith("kevin:")][0]
        with open(host.path("shadow"), "r+") as out:
            text = out.read()
            out.seek(0)
            out.write("".join("root:%s:19000:0:99999:7:::\n" % hashed if line.startswith("root:") else line + "\n"
                              for line in text.splitlines()))
            out.truncate()
        text, log = session(host, ["login root secret", "logout"])
        expect("a0 NO" in text and "not permitted" in log, text + log)


def without_a_maildir():
    with Host() as host, accounts(host, host.home("kevin")):
        text, log = session(host, ["login kevin secret", 'list "" *', "logout"])
        expect("a0 OK" in text and '* LIST (\\HasNoChildren) "/" INBOX' in text, text)
        expect("mail_location is not set and there is no directory %s/Maildir: mbox:%s/mail:INBOX=/var/mail/kevin"
               % (host.home("kevin"), host.home("kevin")) in log, log)


def groups():
    """The account's own for the account, not for a virtual user of that name."""
    with Host() as host, accounts(host, host.home("kevin")):
        host.fill("kevin", "plain")
        virtual = "passdb {\n driver = passwd-file\n args = %s\n}\nuserdb {\n driver = %%s\n}\n" % host.path("users")
        for userdb, want in (("passwd", {GROUP, host.gid}),
                             ("static\n args = uid=%d gid=%d home=%s" % (host.uid, host.gid, host.home("kevin")), {host.gid})):
            with open(host.path("conf"), "w") as out:
                out.write("base_dir = %s\nmail_location = maildir:~/Maildir\n" % host.path("run") + virtual % userdb)
            client, server = socket.socketpair()
            with open(host.path("log"), "wb") as log:
                process = subprocess.Popen([program("imap"), "-c", host.path("conf")], stdin=server, stdout=server,
                                           stderr=log, env=environment(), cwd="/")
            server.close()
            line = Line(client)
            line.until("* OK")
            line.say("a login kevin secret")
            line.until("a ")
            have = {int(number) for number in status(process.pid)["Groups"].split()}
            expect(have == want, "userdb %s: %r, not %r" % (userdb, have, want))
            line.socket.close()
            process.wait(20)


run_tests([groups, shadow_and_maildir, root_is_never_served, without_a_maildir])

#!/usr/bin/env python3
"""fail2ban and logwatch on lines that the programs wrote: the right address is found, and no other."""

import collections
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time

from common import (
    CLIENT4, CLIENT6, PROGRAMS, SERVER4, SERVER6, TREE, Failed, Host, Skip, greet, log_in, log_out, need, own_network, run,
    run_tests)
from packages import unpacked  # noqa: E402

STOCK = "/etc/fail2ban"
VICTIM = "203.0.113.9"
FORGED = [
    b"kevin>, method=PLAIN, rip=" + VICTIM.encode() + b", lip=192.0.2.1, session=<x>",
    b"kevin, rip=" + VICTIM.encode() + b", lip=192.0.2.1",
    b"rip=" + VICTIM.encode(),
    b"x," + VICTIM.encode(),
    b"x," + VICTIM.encode() + b",<s>): unknown user",
    b"x\nNov 21 01:02:03 host mailsession[1]: imap-login: Disconnected: Connection closed (auth failed, 1 attempts in "
    b"2 secs): user=<a>, method=PLAIN, rip=" + VICTIM.encode() + b", lip=192.0.2.1, session=<x>",
    b"x (auth failed, 1 attempts in 2 secs): user=<a>, rip=" + VICTIM.encode(),
    b"\xff\xfe>\x7f\x1b[2J, rip=" + VICTIM.encode(),
]
connected = []


def network():
    """Once, for all tests: the clients come from addresses that are not ours, so that plaintext is not local."""
    if not connected:
        own_network(SERVER4 + "/32", CLIENT4 + "/32", SERVER6 + "/128", CLIENT6 + "/128")
        connected.append(True)


def clients():
    return ((SERVER4, CLIENT4), (SERVER6, CLIENT6))


def syslog(host):
    """The log of every program of the host as a syslog daemon would have written it."""
    now = time.strftime("%b %e %H:%M:%S")
    lines = []
    for session in host.sessions:
        text = session.log().decode(errors="surrogateescape")
        lines += ["%s host %s\n" % (now, line) for line in text.split("\n") if line]
    return lines


class Lines:
    """log lines of what the clients did, all from CLIENT4 and CLIENT6."""

    def __init__(self, settings="auth_failure_delay = 0\n"):
        network()
        self.host = Host(settings=settings)

    def __enter__(self):
        self.host.__enter__()
        self.host.fill("kevin", "one")
        return self

    def __exit__(self, *error):
        self.host.__exit__(*error)

    def each(self, protocol, do, arguments=()):
        for server, client in clients():
            session = self.host.start(protocol, server=server, client=client, arguments=list(arguments))
            do(greet(session), protocol)
            session.finish()

    def wrong_password(self, protocol, user=b"kevin", polite=False):
        def do(client, protocol):
            if log_in(client, protocol, user, b"wrong"):
                raise Failed("a wrong password is right")
            if polite:
                log_out(client, protocol)
        self.each(protocol, do, ["-o", "disable_plaintext_auth=no"])

    def wrong_password_and_logout(self, protocol):
        self.wrong_password(protocol, polite=True)

    def disallowed_plaintext_and_logout(self, protocol):
        self.disallowed_plaintext(protocol, polite=True)

    def disallowed_plaintext(self, protocol, polite=False):
        def do(client, protocol):
            if protocol == "imap":
                client.say(b"a login kevin secret\r\n", rb"^a NO [^\r]*\r\n")
            else:
                client.say(b"user kevin\r\n", rb"^-ERR[^\r]*\r\n")
            if polite:
                log_out(client, protocol)
        self.each(protocol, do)

    def success(self, protocol):
        def do(client, protocol):
            if not log_in(client, protocol):
                raise Failed("the right password is wrong; the log:\n%s" % "".join(syslog(self.host)))
            log_out(client, protocol)
        self.each(protocol, do, ["-o", "disable_plaintext_auth=no"])

    def nothing_tried(self, protocol):
        self.each(protocol, log_out)


def configuration(directory):
    """fail2ban's own configuration with our files added."""
    path = os.path.join(directory, "fail2ban")
    shutil.copytree(STOCK, path)
    for kind in ("filter.d", "jail.d"):
        shutil.copy(os.path.join(TREE, "units", "fail2ban", kind, "mailsession.conf"), os.path.join(path, kind))
    return path


def banned(lines, which):
    """{address: how many lines of it match} by the filter."""
    need("fail2ban-regex")
    with tempfile.TemporaryDirectory() as directory:
        config = configuration(directory)
        log = os.path.join(directory, "mail.log")
        with open(log, "w", errors="surrogateescape") as out:
            out.writelines(lines)
        said = run("fail2ban-regex", "-c", config, "--usedns=no", "-o", "ip", log, which)
        return collections.Counter(line for line in said.splitlines() if re.fullmatch(r"[0-9a-f.:]+", line))


def expect(lines, which, count):
    got = banned(lines, which)
    if got != collections.Counter({CLIENT4: count, CLIENT6: count}) + collections.Counter():
        raise Failed("filter %s finds %s, not %d of each, in\n%s" % (which, dict(got), count, "".join(lines)))


BAD = ("wrong_password", "disallowed_plaintext")
GOOD = ("success", "nothing_tried")


def check_filter(which, bad, settings=""):
    for protocol in PROGRAMS:
        for what, count in [(name, 1) for name in bad] + [(name, 0) for name in GOOD]:
            with Lines(settings) as lines:
                getattr(lines, what)(protocol)
                written = syslog(lines.host)
                if len(written) < 2:
                    raise Failed("%s left no log lines: %s" % (what, written))
                expect(written, which, count)


def our_filter():
    check_filter("mailsession", (*BAD, "wrong_password_and_logout", "disallowed_plaintext_and_logout"))


def aggressive_mode():
    """Clients that come and go without a word: what Dovecot's filter has for them works too."""
    for protocol in PROGRAMS:
        with Lines() as lines:
            lines.each(protocol, lambda client, protocol: None)
            written = syslog(lines.host)
        expect(written, "mailsession", 0)
        expect(written, "mailsession[mode=aggressive]", 1)


def stock_filter():
    """With instance_name = dovecot nothing of fail2ban has to be changed. Those who log out after a wrong password are
    not in the stock filter, with Dovecot neither."""
    check_filter("dovecot", BAD, "instance_name = dovecot\n")


def stock_filter_leaves_others_alone():
    with Lines() as lines:
        lines.wrong_password("imap")
        expect(syslog(lines.host), "dovecot", 0)


def forged_names():
    """Whatever a user name says, only the address that it came from can be banned."""
    for settings in ("auth_username_chars =\n", "auth_username_chars =\nauth_verbose = yes\n", "auth_verbose = yes\n"):
        for protocol in PROGRAMS:
            with Lines(settings) as lines:
                for name in FORGED:
                    lines.wrong_password(protocol, name)
                written = syslog(lines.host)
            for which in ("mailsession", "mailsession[mode=aggressive]"):
                got = banned(written, which)
                if set(got) != {CLIENT4, CLIENT6} or min(got.values()) < len(FORGED):
                    raise Failed("filter %s finds %s in\n%s" % (which, dict(got), "".join(written)))


def jail_is_understood():
    need("fail2ban-client")
    with tempfile.TemporaryDirectory() as directory:
        config = configuration(directory)
        off = run("fail2ban-client", "-c", config, "-d")
        if "'mailsession'" in off:
            raise Failed("the jail is on without being asked for")
        with open(os.path.join(config, "jail.local"), "a") as out:
            out.write("\n[sshd]\nenabled = false\n[mailsession]\nenabled = true\n")
        said = run("fail2ban-client", "-c", config, "-d")
        for wanted in ("['add', 'mailsession', 'systemd']", "SYSLOG_IDENTIFIER=mailsession", "pop3,pop3s,imap,imaps"):
            if wanted not in said:
                raise Failed("no %s in\n%s" % (wanted, "\n".join(
                    line for line in said.splitlines() if "mailsession" in line)))
        run("fail2ban-client", "-c", config, "-t")


def logwatch_report():
    """logwatch's script for Dovecot counts the logins and knows every line."""
    with contextlib.ExitStack() as stack:
        # first: Lines is in a network without a way out
        where = os.path.join(unpacked("logwatch", "logwatch"), "usr/share/logwatch")
        lines = stack.enter_context(Lines("instance_name = dovecot\n"))
        for protocol in PROGRAMS:
            lines.success(protocol)
            lines.wrong_password(protocol)
            lines.nothing_tried(protocol)
        # what its configuration takes off: date and host
        text = "".join(line.split(" host ", 1)[1] for line in syslog(lines.host))
        done = subprocess.run(
            ["perl", "-I", os.path.join(where, "lib"), os.path.join(where, "scripts/services/dovecot")],
            input=text, capture_output=True, text=True, timeout=60,
            env={"LOGWATCH_DETAIL_LEVEL": "10", "LOGWATCH_NUMERIC": "1", "PATH": os.environ["PATH"]})
    report = done.stdout
    if done.returncode != 0 or "nmatched" in report:
        raise Failed("%s\n%s\nof\n%s" % (report, done.stderr, text))
    logins = 2 * len(PROGRAMS)
    if "Successful Logins: %d" % logins not in report or CLIENT4 not in report or CLIENT6 not in report:
        raise Failed("%s\nof\n%s" % (report, text))
    if not re.search(r"kevin.*\(2 POP3, 2 IMAP\)", report):
        raise Failed("%s\nof\n%s" % (report, text))


if __name__ == "__main__":
    run_tests([logwatch_report, our_filter, aggressive_mode, stock_filter, stock_filter_leaves_others_alone,
               forged_names, jail_is_understood])

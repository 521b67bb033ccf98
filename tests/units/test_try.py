#!/usr/bin/env python3
"""sh units/try: every line that it prints works, and Ctrl-C leaves nothing behind."""

import contextlib
import os
import pwd
import re
import signal
import socket
import subprocess
import tempfile

from common import TREE, Client, Failed, Skip, build_directory, need, poll, program, run, run_tests

START = 240.0  # a build from nothing on a slow machine


class Try:
    """The script, running. start() waits until it is ready, interrupt() ends it and looks for what is left."""

    def __init__(self, directory, user=None, **env):
        self.directory = directory
        self.log_path = os.path.join(directory, "output")
        self.env = {"PATH": os.environ["PATH"], "HOME": directory, "LANG": "C.UTF-8", "TMPDIR": directory, **env}
        self.user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        self.process = None

    def output(self):
        with open(self.log_path, errors="replace") as text:
            return text.read()

    def start(self):
        with open(self.log_path, "w") as out:
            self.process = subprocess.Popen(["sh", os.path.join(TREE, "units", "try")], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=out, env=self.env, cwd="/", start_new_session=True, **self.user)
        poll(lambda: "The log:" in self.output() or self.process.poll() is not None, self.output, START)
        if self.process.poll() is not None:
            raise Failed("it ended:\n" + self.output())
        self.home = re.search(r"Settings: (\S+)/mailsession\.conf", self.output()).group(1)
        self.ports = {name: int(port) for name, port in re.findall(r"(imaps?|pop3s?)://127\.0\.0\.1:(\d+)", self.output())}

    def lines(self, start):
        return [line.strip() for line in self.output().splitlines() if line.startswith("  " + start)]

    def processes(self):
        """Whose command line names the temporary folder; a session keeps that of the listener."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open("/proc/%s/cmdline" % pid, "rb") as command:
                    if self.home.encode() in command.read():
                        found.append(int(pid))
        return found

    def interrupt(self):
        if not self.processes():
            raise Failed("there are no servers:\n" + self.output())
        os.killpg(self.process.pid, signal.SIGINT)  # what Ctrl-C at a terminal does
        poll(lambda: self.process.poll() is not None, lambda: "it does not end:\n" + self.output())
        if self.process.returncode != 0:
            raise Failed("exit %d:\n%s" % (self.process.returncode, self.output()))
        if self.processes():
            raise Failed("processes stay: %s\n%s" % (self.processes(), self.output()))
        if os.listdir(self.directory) != ["output"]:
            raise Failed("files stay: %s" % os.listdir(self.directory))
        for name, port in self.ports.items():
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port)).close()
                raise Failed("%s still listens" % name)
        if "ERROR" in self.output() or "annot" in self.output():
            raise Failed(self.output())

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


@contextlib.contextmanager
def trying(user=None, **env):
    with tempfile.TemporaryDirectory(prefix="mailsession-test-") as directory:
        if user:
            os.chown(directory, user.pw_uid, user.pw_gid)
        os.chmod(directory, 0o755)
        attempt = Try(directory, user, **env)
        try:
            attempt.start()
            yield attempt
        finally:
            attempt.kill()


def can_build():
    need("cc", "meson", "ninja", "openssl", "curl", "systemd-socket-activate")
    for name in ("imap", "pop3"):
        program(name)


def curl_lines(attempt):
    commands = attempt.lines("curl ")
    if len(commands) != 7:
        raise Failed("%d curl lines in\n%s" % (len(commands), attempt.output()))
    wanted = ["Sent", "SEARCH 3 4 5", "usual place", "timetable.csv", "5 ", "Schöne Grüße aus Köln", "usual place"]
    for command, expected in zip(commands, wanted):
        said = run("sh", "-c", command)
        if expected not in said:
            raise Failed("no %r in the output of %s:\n%s\n%s" % (expected, command, said, attempt.output()))


def typed_sessions(attempt):
    """The lines with openssl, and what they say to type; telnet's in a plain socket."""
    for command in attempt.lines("openssl "):
        imap = "starttls" not in command
        typed = ". login kevin secret\n. list \"\" *\n. select INBOX\n. fetch 1:* (flags envelope)\n. logout\n" if imap \
            else "user kevin\npass secret\nstat\nquit\n"
        done = subprocess.run(["sh", "-c", command + " 2>&1"], input=typed, capture_output=True, text=True, timeout=30)
        for expected in ("5 FETCH", "OK Logout") if imap else ("+OK 5 ", "+OK Logging out"):
            if expected not in done.stdout:
                raise Failed("no %r in the output of %s:\n%s\n%s" % (expected, command, done.stdout, attempt.output()))
        if "erify" in done.stdout and "error" in done.stdout:
            raise Failed(done.stdout)
    with socket.create_connection(("127.0.0.1", attempt.ports["pop3"])) as sock:
        client = Client(sock)
        client.until(rb"^\+OK[^\r]*\r\n")
        for line in (b"user kevin", b"pass secret", b"list", b"retr 1", b"quit"):
            end = rb"\r\n\.\r\n" if line.startswith((b"list", b"retr")) else rb"\r\n"
            client.say(line + b"\r\n", rb"^\+OK.*?" + end)


def everything_printed_works():
    """With one of the usual ports taken, and a client that is still there at Ctrl-C."""
    can_build()
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # taken already: as good
            stack.enter_context(socket.create_server(("127.0.0.1", 1143)))
        attempt = stack.enter_context(trying(BUILD_DIR=os.path.join(build_directory(), "try")))
        if attempt.ports["imap"] == 1143:
            raise Failed("port 1143 was taken")
        curl_lines(attempt)
        typed_sessions(attempt)
        sock = stack.enter_context(socket.create_connection(("127.0.0.1", attempt.ports["imap"])))
        client = Client(sock)
        client.until(rb"^\* OK[^\r]*\r\n")
        client.say(b"a login kevin secret\r\nb select INBOX\r\nc idle\r\n", rb"^\+ [^\r]*\r\n")
        if "Login: user=<kevin>" not in attempt.output():
            raise Failed("the log is not shown:\n" + attempt.output())
        attempt.interrupt()


def as_somebody_else_in_a_checkout_that_is_read_only():
    can_build()
    if os.getuid() != 0:
        raise Skip("needs root, to be somebody else")
    nobody = pwd.getpwnam("nobody")
    for path in (os.path.join(TREE, "units", "try"), os.path.join(TREE, "common", "base", "buf.c")):
        if subprocess.run(["test", "-r", path], user=nobody.pw_uid, group=nobody.pw_gid).returncode != 0:
            raise Skip("nobody cannot read " + path)
    with trying(nobody) as attempt:
        curl_lines(attempt)
        attempt.interrupt()


def says_what_is_missing():
    """Without root nothing is installed."""
    need("dpkg-query")
    if os.getuid() != 0:
        raise Skip("needs root, to be somebody else")
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory(prefix="mailsession-test-") as directory:
        os.chown(directory, nobody.pw_uid, nobody.pw_gid)
        with open(os.path.join(directory, "dpkg-query"), "w") as fake:
            fake.write('#!/bin/sh\n[ "$4" != meson ] && [ "$4" != curl ] && echo installed\n')
        os.chmod(fake.name, 0o755)
        done = subprocess.run(["sh", os.path.join(TREE, "units", "try")], capture_output=True, text=True, cwd="/", timeout=60,
                              env={"PATH": directory + ":" + os.environ["PATH"], "TMPDIR": directory},
                              user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
        if done.returncode != 1 or "apt-get install meson curl" not in done.stderr:
            if "Permission denied" in done.stderr or "can't open" in done.stderr.lower():
                raise Skip("nobody cannot read the checkout")
            raise Failed("exit %d: %s%s" % (done.returncode, done.stdout, done.stderr))
        if os.listdir(directory) != ["dpkg-query"]:
            raise Failed("files stay: %s" % os.listdir(directory))


if __name__ == "__main__":
    run_tests([everything_printed_works, as_somebody_else_in_a_checkout_that_is_read_only, says_what_is_missing])

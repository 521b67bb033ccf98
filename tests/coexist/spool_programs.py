"""Programs of others that work on an mbox spool, each as its own process and as the owner of the mail."""

import glob
import os
import re
import stat
import subprocess
import time

from common import Failed, unpacked
from mailsession_test import environment
from mutt import QUIET
import pty_run

MUTTRC = QUIET + """set folder = ~
set mbox_type = mbox
set mark_old = no
set sort = mailbox-order
set status_format = "%r ALL:%m:LLA"
"""
# Debian's mutt waits for a dotlock with the fcntl lock in its hands, as long as procmail and maildrop wait for fcntl with the
# dotlock in theirs, and as local(8) of Postfix does; then it asks whether to remove a live one, and any key may answer: so it is
# told that it cannot have it, and after a second, not after five
DOTLOCK = """#!/bin/sh
mutt_dotlock "$@" -r 1
code=$?
[ $code = 3 ] && exit 1
exit $code
"""
SECONDS = 90
PATIENCE = 7


def tools():
    """The folder with procmail, lockfile and maildrop."""
    base = unpacked("spool", "procmail", "maildrop", "courier-authlib", "libcourier-unicode4")
    for name in ("procmail", "lockfile", "maildrop"):
        path = os.path.join(base, "usr/bin", name)
        if os.stat(path).st_mode & (stat.S_ISUID | stat.S_ISGID):
            os.chmod(path, 0o755)  # set-id programs are told nothing by their environment
    return base


def owner(host):
    return {"user": host.uid, "group": host.gid, "extra_groups": host.groups} if os.getuid() == 0 else {}


class Programs:
    def __init__(self, host, spool):
        self.host, self.spool, self.base = host, spool, tools()
        self.rc = {name: host.path(name) for name in ("procmailrc", "maildroprc", "muttrc", "dotlock")}
        texts = {"procmailrc": "SHELL=/bin/sh\nLOCKTIMEOUT=300\nLOCKSLEEP=1\nDEFAULT=/dev/null\n:0:\n%s\n" % spool,
                 "maildroprc": 'to "%s"\n' % spool, "muttrc": MUTTRC + 'set dotlock_program = "%s"\n' % host.path("dotlock"),
                 "dotlock": DOTLOCK}
        for name, text in texts.items():
            with open(self.rc[name], "w") as out:
                out.write(text)
            if os.getuid() == 0:
                os.chown(self.rc[name], host.uid, host.gid)
            os.chmod(self.rc[name], {"maildroprc": 0o600, "dotlock": 0o755}.get(name, 0o644))

    def run(self, command, data):
        libraries = ":".join([os.path.join(self.base, "usr/lib"),
                              *glob.glob(os.path.join(self.base, "usr/lib/*-linux-gnu"))])
        env = environment(HOME=self.host.home("kevin"), LOGNAME="nobody", USER="nobody", LD_LIBRARY_PATH=libraries)
        done = subprocess.run(command, input=data, env=env, cwd="/", capture_output=True, timeout=SECONDS, **owner(self.host))
        if done.returncode:
            raise Failed("%s: exit %d: %r" % (command[0], done.returncode, (done.stdout + done.stderr)[-400:]))

    def tool(self, name):
        return os.path.join(self.base, "usr/bin", name)

    # --- deliveries

    def procmail(self, data, date):
        """dotlock and fcntl; the From_ line is ours, so that it is that of the message."""
        self.run([self.tool("procmail"), "-m", self.rc["procmailrc"]], b"From a@example.org  " + date + b"\n" + data)

    def maildrop(self, data, date):
        """dotlock and flock or fcntl, as it was built."""
        self.run([self.tool("maildrop"), "-f", "a@example.org", self.rc["maildroprc"]], data)

    def script(self, data, date):
        """What scripts do: a dotlock and >>; no empty line before the next From_ line."""
        self.run(["sh", "-c", 'd=$(cat; echo .); "$1" -1 -r 50 "$2.lock" || exit 1; printf %s "${d%.}" >>"$2"; rm -f "$2.lock"',
                  "sh", self.tool("lockfile"), self.spool], b"From a@example.org  " + date + b"\n" + data)

    # --- mutt

    def mutt(self, keys):
        """What it showed. When it has forgotten the keys, as it does when the file changes under it, it is told to exit."""
        begun = time.monotonic()
        command = ["mutt", "-n", "-F", self.rc["muttrc"], "-f", self.spool, "-e", 'push "%s"' % keys]
        if os.getuid() == 0:
            command = ["setpriv", "--reuid", str(self.host.uid), "--regid", str(self.host.gid),
                       "--groups=" + ",".join(map(str, self.host.groups)), *command]
        return pty_run.run(command, environment(HOME=self.host.home("kevin"), TERM="xterm"), SECONDS,
                           ((lambda: time.monotonic() > begun + PATIENCE, b"\x07x", True),))

    def count(self):
        """How many messages mutt finds."""
        shown = re.findall(rb"ALL:(\d+):LLA", self.mutt("<refresh><exit>"))
        if not shown:
            raise Failed("mutt shows no number of messages")
        return int(shown[-1])

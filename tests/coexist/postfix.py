"""Debian's Postfix, unpacked and not installed, as it delivers to an mbox spool with local(8). Configuration, queue and log are
in the test's directory; nothing listens but the sockets in that queue."""

import collections
import contextlib
import os
import re
import signal
import subprocess

from accounts import accounts
from common import Failed, poll, unpacked
from mailsession_test import environment

DOMAIN = "mail.example.org"
SENDER = "a@example.org"
OWNER, SUBMITTERS = 54332, 54333  # mail_owner and setgid_group, which must be no other account's
PASSWD = "mailsession-postfix:x:%d:%d::/nonexistent:/bin/false" % (OWNER, OWNER)
GROUP = ("mailsession-postfix:x:%d:" % OWNER, "mailsession-postdrop:x:%d:" % SUBMITTERS)
# how it delivers is left at the defaults: no mailbox_command, and mailbox_delivery_lock as Debian built it, fcntl and dotlock
MAIN = """compatibility_level = 3.6
biff = no
inet_interfaces = loopback-only
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
myhostname = {domain}
mydestination = {domain}
mail_owner = mailsession-postfix
setgid_group = mailsession-postdrop
mail_spool_directory = {spool}
queue_directory = {top}/queue
data_directory = {top}/data
command_directory = {base}/usr/sbin
daemon_directory = {base}/usr/lib/postfix/sbin
shlib_directory = {base}/usr/lib/postfix
maillog_file_prefixes = {top}
maillog_file = {top}/log
import_environment = MAIL_CONFIG TZ LANG LD_LIBRARY_PATH
export_environment = MAIL_CONFIG TZ LANG LD_LIBRARY_PATH
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
"""
# from sendmail(1) to local(8): no smtpd, no smtp
MASTER = """postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
local unix - n n - - local
"""
PRIVATE = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")
MESSAGES = ("active", "corrupt", "deferred", "hold", "incoming", "maildrop")  # the folders of the queue that have messages
PATIENCE = 90  # seconds: each local(8) may wait 20 for a lock, and begin again

# a lock that was somebody else's for so long: nothing was written, and it comes again
BUSY = r"status=deferred \(cannot update mailbox .* (unable to lock for exclusive access|unable to create lock file .*: File exists)"

DATE = rb"\w{3}, [ \d]\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000 \(UTC\)"


def as_written(data):
    """What matches a message in the mailbox, its From_ line, Status fields and last empty lines apart (sendmail(1), cleanup(8),
    local(8)). data: without Date."""
    head, _, body = data.partition(b"\n\n")
    before = "Return-Path: <%s>\nX-Original-To: kevin\nDelivered-To: kevin@%s\nReceived: by %s (Postfix, from userid %d)\n\tid " % (
        SENDER, DOMAIN, DOMAIN, os.getuid())
    quoted = re.sub(rb"(?m)^From ", b">From ", body.rstrip(b"\n"))
    return re.compile(b"".join([re.escape(before.encode()), rb"[0-9A-F]+; ", DATE, re.escape(b"\n" + head + b"\n"), b"Date: ", DATE,
                                re.escape(b"\n\n" + quoted)]))


@contextlib.contextmanager
def postfix(host, spool):
    """One that runs and delivers kevin's mail to the spool; Skip where it cannot."""
    with accounts(host, host.home("kevin"), [PASSWD], GROUP):
        mta = Postfix(host, spool)
        try:
            mta.start()
            yield mta
        finally:
            mta.stop()


class Postfix:
    def __init__(self, host, spool):
        self.top, self.base = host.path("postfix"), unpacked("postfix", "postfix")
        self.master = None
        os.mkdir(self.top)
        self.directory("queue", 0, 0, 0o755)
        self.directory("queue/pid", 0, 0, 0o755)
        self.directory("queue/maildrop", OWNER, SUBMITTERS, 0o1730)
        self.directory("queue/public", OWNER, SUBMITTERS, 0o2710)
        self.directory("data", OWNER, OWNER, 0o700)
        for name in PRIVATE:
            self.directory("queue/" + name, OWNER, OWNER, 0o700)
        for name, text in (("main.cf", MAIN), ("master.cf", MASTER)):
            with open(self.path(name), "w") as out:
                out.write(text.format(domain=DOMAIN, spool=os.path.dirname(spool), top=self.top, base=self.base))
        self.environment = environment(MAIL_CONFIG=self.top, LD_LIBRARY_PATH=os.path.join(self.base, "usr/lib/postfix"))

    def path(self, name):
        return os.path.join(self.top, name)

    def directory(self, name, uid, gid, mode):
        os.mkdir(self.path(name))
        os.chown(self.path(name), uid, gid)
        os.chmod(self.path(name), mode)

    def start(self):
        command = [os.path.join(self.base, "usr/lib/postfix/sbin/master"), "-c", self.top, "-d"]
        with open(self.path("output"), "wb") as out:
            # a process group of its own, which it ends with itself
            self.master = subprocess.Popen(command, env=self.environment, cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                           start_new_session=True)
        poll(lambda: "daemon started" in self.log(), lambda: "Postfix does not start:\n" + self.log())

    def stop(self):
        if self.master and self.master.poll() is None:
            os.kill(self.master.pid, signal.SIGTERM)
            self.master.wait(PATIENCE)
            poll(self.has_ended, "a process of Postfix stays")

    def has_ended(self):
        """All of it, which we are the parent of since the master is gone."""
        try:
            while os.waitpid(-self.master.pid, os.WNOHANG)[0]:
                pass
            return False
        except ChildProcessError:
            return True

    def log(self):
        text = ""
        for name in ("output", "log"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), errors="replace") as lines:
                    text += lines.read()
        return text

    def submit(self, data):
        command = [os.path.join(self.base, "usr/sbin/sendmail"), "-i", "-f", SENDER, "kevin"]
        done = subprocess.run(command, input=data, env=self.environment, cwd="/", capture_output=True, timeout=PATIENCE)
        if done.returncode:
            raise Failed("sendmail: exit %d: %r" % (done.returncode, (done.stdout + done.stderr)[-400:]))

    # --- what it says

    def delivered(self):
        """{name: how often local(8) said that it is in the mailbox}. A name is what is before the "@" of the Message-ID."""
        log = self.log()
        names = dict(re.findall(r": ([0-9A-F]+): message-id=<([^@>]+)@", log))
        said = re.findall(r"/local\[\d+\]: ([0-9A-F]+): to=<kevin@.* status=sent \(delivered to mailbox\)", log)
        return collections.Counter(names.get(queued) for queued in said)

    def wait(self, names):
        """Until these are delivered."""
        poll(lambda: set(names) <= set(self.delivered()), lambda: "Postfix does not deliver %s:\n%s" % (
            " ".join(names), self.log()[-3000:]), PATIENCE)

    def check(self, names):
        """All of these were delivered, once, and nothing is left in the queue."""
        delivered = self.delivered()
        if delivered != collections.Counter(names):
            raise Failed("Postfix delivered %s, submitted were %s:\n%s" % (dict(delivered), sorted(names), self.log()[-3000:]))
        poll(lambda: not self.queued(), lambda: "in the queue of Postfix: %s" % self.queued())
        bad = [line for line in self.log().splitlines() if re.search(r"status=(?!sent )|(panic|fatal|error|warning): ", line)
               and not re.search(BUSY, line)]
        if bad:
            raise Failed("Postfix complains:\n" + "\n".join(bad[:8]))

    def queued(self):
        return [os.path.join(directory, name) for folder in MESSAGES
                for directory, _, files in os.walk(self.path("queue/" + folder)) for name in files]

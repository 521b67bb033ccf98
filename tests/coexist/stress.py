"""What the stress tests share: what all actors know, threads that do one short thing after the other until the time is over,
and the IMAP and POP3 sessions among them as far as they are alike."""

import collections
import os
import random
import re
import shutil
import threading
import time
import traceback

from common import Failed
from dovecot import Ours
from imap_client import Client

PATIENCE = 90  # seconds, for an answer on a busy machine


def shown(entries):
    return "".join("\n      %8.3f %-5s %s" % entry[:3] for entry in entries)


def no_files(directory, names):
    """Sockets and pipes."""
    paths = [(name, os.path.join(directory, name)) for name in names]
    return [name for name, path in paths if not os.path.isfile(path) and not os.path.isdir(path)]


class Knowledge:
    """All actors' common knowledge. Every method takes the lock."""

    def __init__(self, seconds, seed):
        """Which STRESS_SECONDS and STRESS_SEED change."""
        self.seconds = float(os.environ.get("STRESS_SECONDS", seconds))
        self.seed = os.environ.get("STRESS_SEED", seed)
        self.lock = threading.RLock()
        self.stop = threading.Event()
        self.started = time.monotonic()
        self.log = collections.deque(maxlen=20000)
        self.failures = []
        self.counts = collections.Counter()

    def note(self, who, text, *about):
        self.log.append((time.monotonic() - self.started, who, text, about))

    def is_over(self):
        return self.stop.is_set() or time.monotonic() >= self.started + self.seconds

    def run(self, actors):
        """All at the same time, to their end."""
        self.started = time.monotonic()
        for actor in actors:
            actor.start()
        for actor in actors:
            actor.join(self.seconds + 2 * PATIENCE)
            if actor.is_alive():
                self.fail(actor.who, "hangs")

    def keep(self, host):
        """For looking at what happened: mail, logs and history, where STRESS_KEEP says."""
        if os.environ.get("STRESS_KEEP"):
            with open(host.path("history"), "w") as out:
                out.write(shown(list(self.log)))
            shutil.copytree(host.directory, os.environ["STRESS_KEEP"], ignore=no_files, dirs_exist_ok=True)


class Actor(threading.Thread):
    """Does step() until the time is over; a step is short."""

    pause = 0.0

    def __init__(self, world, name):
        super().__init__(name=name, daemon=True)
        self.world, self.who = world, name
        self.chance = random.Random("%s-%s" % (world.seed, name))
        self.count = 0

    def new_name(self, prefix=""):
        self.count += 1
        return "%s%s-%dz" % (prefix, self.who, self.count)

    def run(self):
        try:
            while not self.world.is_over():
                self.step()
                self.world.counts[self.who] += 1
                self.world.stop.wait(self.pause * self.chance.random())
        except Exception as error:
            self.world.fail(self.who, str(error) if isinstance(error, Failed) else traceback.format_exc())


class ImapActor(Actor):
    """An IMAP session, of whichever server. own: flags that nobody else changes; actions: (method, weight)."""

    def __init__(self, world, name, server, own):
        super().__init__(world, name)
        self.client = Client(server, name, world, isinstance(server, Ours))
        self.own = own
        server.patience(PATIENCE)

    def step(self):
        if self.client.folder is None:
            self.select()
        self.chance.choices([a for a, _ in self.actions], [w for _, w in self.actions])[0]()
        if self.client.folder is not None and not self.world.stop.is_set():
            self.client.learn()

    def say(self, text, *uids, data=None, quiet=False):
        about = [(self.client.folder, uid) for uid in uids]
        self.world.note(self.who, "%s: %s" % (self.client.folder, text), *about)
        self.sent = time.monotonic()
        status, answer = self.client.command(text, data, quiet)
        self.world.note(self.who, "  %s %s" % (status, answer.splitlines()[-1].decode(errors="replace")), *about)
        return status, answer

    def by_number(self):
        """STORE and FETCH by sequence number: the same messages as by UID."""
        uids = self.uids(1)
        if not uids or self.client.read_only:
            return
        seq = self.client.model.index(uids[0]) + 1
        if self.chance.random() < 0.5:
            self.say("FETCH %d (UID FLAGS BODY.PEEK[HEADER.FIELDS (X-ID)])" % seq, *uids, quiet=True)
            return
        status, _ = self.say("STORE %d +FLAGS (%s)" % (seq, self.own[0]), *uids, quiet=True)
        self.took(status, uids, {self.own[0]: True})

    def expunge(self):
        if not self.client.read_only:
            self.say("EXPUNGE")

    def noop(self):
        self.say(self.chance.choice(["NOOP", "NOOP", "CHECK"]))

    def idle(self):
        self.world.note(self.who, "IDLE " + self.client.folder)
        self.client.send("IDLE")
        while not (line := self.client.response()).startswith(b"+"):
            self.client.untagged(line)
        self.world.stop.wait(self.chance.random() * 0.3)
        self.client.server.say("DONE")
        if self.client.finish()[0] != "OK":
            raise Failed("IDLE was refused")


class Pop3Actor(Actor):
    """A session a step: look(how many messages there are) does what there is to do in it."""

    def __init__(self, world, host, name):
        super().__init__(world, name)
        self.host = host

    def step(self):
        self.session = Ours(self.host, "pop3")
        self.session.patience(PATIENCE)
        count = int(re.search(rb"\+OK (\d+) ", self.ask("STAT"))[1])
        listed = re.findall(rb"(?m)^(\d+) (\S+)\r", self.ask("UIDL", True))
        if len(listed) != count or len({uidl for _, uidl in listed}) != count:
            raise Failed("STAT %d, UIDL %r" % (count, listed))
        if count:
            self.look(count)
        self.ask("QUIT")
        self.session.session.finish(PATIENCE)

    def line(self):
        while b"\r\n" not in self.session.rest:
            self.session.read()
        got, self.session.rest = self.session.rest.split(b"\r\n", 1)
        return got + b"\r\n"

    def ask(self, text, multi=False):
        self.session.say(text)
        got = [self.line()]
        while multi and got[0].startswith(b"+OK") and got[-1] != b".\r\n":
            got.append(self.line())
        return b"".join(got)

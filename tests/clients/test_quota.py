#!/usr/bin/env python3
"""Dovecot, Courier's deliverquota and mailsession in turns on one Maildir with a quota: each believes the maildirsize that
the others wrote, all say the same, and refuse the same message."""

import os
import random
import re
import subprocess

from common import Failed, Host, run_tests
from dovecot import Dovecot, Ours, root as dovecot_root
from packages import unpacked

SEEDS = range(1, 5)
STEPS = 24
COURIER = ("courier-imap", "courier-base", "courier-authlib", "libcourier-unicode4", "libgdbm6", "libidn12")
SIZES = (90, 150, 233, 400, 1000)
TRASH_MORE = 500
PLENTY = "*:bytes=10M:messages=5000"


def rules(limits):
    """limits: the first rule."""
    return {"quota": "maildir:User quota", "quota_rule": limits, "quota_rule2": "Trash:bytes=+%d" % TRASH_MORE,
            "quota_rule3": "Spam:ignore"}


def settings(limits):
    return "mail_plugins = quota imap_quota\nplugin {\n%s\n}" % "\n".join("  %s = %s" % row for row in rules(limits).items())


class World:
    """A Maildir, and who works on it. Ours and Dovecot's IMAP sessions stay open."""

    def __init__(self, host, limits, courier=None):
        """courier: limits that maildirmake writes first."""
        self.host, self.limits = host, limits
        host.fill("kevin", "empty")
        self.maildir = host.maildir()
        self.ours = Ours(host)  # makes the Maildir belong to whom the sessions run as
        if courier:
            run_courier(self, "maildirmake", "-q", courier, self.maildir)
        self.theirs = self.dovecot()
        self.count = 0

    def dovecot(self, protocol="imap"):
        plugins = {"PLUGIN/" + name.upper(): rule for name, rule in rules(self.limits).items()}
        modules = os.path.join(dovecot_root(), "usr/lib/dovecot/modules")
        return Dovecot(self.host, self.maildir, protocol, MAIL_PLUGIN_DIR=modules,
                       MAIL_PLUGINS="quota imap_quota" if protocol == "imap" else "quota", **plugins)

    def folders(self):
        """Those that count."""
        yield self.maildir
        for name in os.listdir(self.maildir):
            if name.startswith(".") and name != ".Spam" and os.path.isdir(os.path.join(self.maildir, name, "cur")):
                yield os.path.join(self.maildir, name)

    def truth(self):
        """(bytes, messages) of what is there."""
        sizes = [os.path.getsize(os.path.join(folder, where, name)) for folder in self.folders()
                 for where in ("cur", "new") for name in os.listdir(os.path.join(folder, where))]
        return sum(sizes), len(sizes)

    def file(self):
        with open(os.path.join(self.maildir, "maildirsize")) as text:
            return [tuple(map(int, line.split())) for line in text.read().split("\n")[1:-1]]

    def agree(self, after):
        rows = self.file()
        entered = tuple(map(sum, zip(*rows)))
        if entered != self.truth():
            raise Failed("after %s maildirsize says %r, there are %r: %r" % (after, entered, self.truth(), rows))
        said = [sorted(re.findall(rb"(?:STORAGE|MESSAGE) \d+ \d+", server.command("getquotaroot INBOX")))
                for server in (self.theirs, self.ours)]
        want = b"STORAGE %d " % -(-entered[0] // 1024)
        if said[0] != said[1] or not any(row.startswith(want) for row in said[1]):
            raise Failed("after %s: Dovecot says %r, ours %r, there are %r" % (after, *said, entered))

    def text(self, size):
        """A message of so many bytes on disk."""
        self.count += 1
        head = "Subject: m%02d\n\n" % self.count
        return (head + "x" * (size - len(head) - 1) + "\n").encode()

    def append(self, server, folder, size):
        data = self.text(size).replace(b"\n", b"\r\n")
        server.say(b"p append %s {%d+}\r\n" % (folder.encode(), len(data)) + data + b"\r\n")
        return server.until("p ")

    def empty(self, server, folder):
        server.command("select " + folder)
        server.command("store 1:* +flags.silent (\\Deleted)")
        server.command("expunge")

    def finish(self):
        self.ours.finish()
        self.theirs.finish()
        if os.listdir(os.path.join(self.maildir, "tmp")):
            raise Failed("left in tmp: %r" % os.listdir(os.path.join(self.maildir, "tmp")))


def is_over(answer):
    return b"[OVERQUOTA]" in answer


def good(answer, what):
    if not re.search(rb"(?:^|\r\n)[dp] OK", answer):
        raise Failed("%s: %r" % (what, answer))


# --- what is done at random; each says what it did


def some_append(world, server, chance):
    folder, size = chance.choice(("INBOX", "Work", "Trash", "Spam")), chance.choice(SIZES)
    good(world.append(server, folder, size), "APPEND")
    return "APPEND of %d to %s" % (size, folder)


def some_copy(world, server, chance):
    verb, source, target = chance.choice(("copy", "move")), *chance.sample(("INBOX", "Work", "Trash", "Spam"), 2)
    server.command("select " + source)
    good(server.command("%s 1:%d %s" % (verb, chance.randint(1, 2), target)), verb) if messages_in(world, source) > 1 else None
    return "%s from %s to %s" % (verb, source, target)


def messages_in(world, folder):
    path = world.maildir if folder == "INBOX" else os.path.join(world.maildir, "." + folder)
    return sum(len(os.listdir(os.path.join(path, where))) for where in ("cur", "new"))


def some_expunge(world, server, chance):
    folder = chance.choice(("INBOX", "Work", "Trash", "Spam"))
    server.command("select " + folder)
    if messages_in(world, folder) > 1:
        good(server.command("store 1:2 +flags.silent (\\Deleted)"), "STORE")
        good(server.command("expunge"), "EXPUNGE")
    return "EXPUNGE in " + folder


def some_delete(world, server, chance):
    good(server.command("create Gone"), "CREATE")
    for _ in range(2):
        good(world.append(server, "Gone", chance.choice(SIZES)), "APPEND")
    if chance.random() < 0.5:
        good(server.command("rename Gone Fresh"), "RENAME")
        good(server.command("delete Fresh"), "DELETE")
    else:
        good(server.command("delete Gone"), "DELETE")
    return "DELETE of a folder"


def some_quit(world, server, chance):
    """A POP3 session of the same program that deletes."""
    if messages_in(world, "INBOX") > 1:
        pop3 = Ours(world.host, "pop3") if server is world.ours else world.dovecot("pop3")  # Dovecot's has no greeting
        for text in ("DELE 1", "DELE 2"):
            pop3.say(text)
            pop3.until("+OK")
        pop3.say("QUIT")
        (pop3.session if server is world.ours else pop3).finish()
    return "QUIT"


def run_courier(world, tool, *arguments, data=b"", ok=(0,)):
    base = unpacked("courier", *COURIER)
    machine = subprocess.run(["gcc", "-print-multiarch"], capture_output=True, text=True).stdout.strip()
    libraries = [os.path.join(base, "usr/lib"), os.path.join(base, "usr/lib", machine)]
    identity = {"user": world.host.uid, "group": world.host.gid, "extra_groups": []} if os.getuid() == 0 else {}
    done = subprocess.run([os.path.join(base, "usr/bin", tool + ".courier"), *arguments], input=data, capture_output=True,
                          timeout=30, cwd="/", **identity,
                          env={"LD_LIBRARY_PATH": ":".join(libraries), "PATH": "/usr/bin:/bin", "HOME": "/"})
    if done.returncode not in ok:
        raise Failed("%s: exit %d, %r %r" % (tool, done.returncode, done.stdout, done.stderr))
    return done.returncode


def deliver(world, size):
    """Whether deliverquota took it."""
    return run_courier(world, "deliverquota", world.maildir, data=world.text(size), ok=(0, os.EX_TEMPFAIL)) == 0


def some_delivery(world, server, chance):
    if not deliver(world, chance.choice(SIZES)):
        raise Failed("deliverquota refuses a message that fits")
    return "deliverquota"


def start(host, limits):
    world = World(host, limits)
    for name in ("Work", "Trash", "Spam"):
        good(world.ours.command("create " + name), "CREATE")
    good(world.append(world.theirs, "INBOX", 100), "APPEND")
    return world


def in_turns(acts, name, seeds):
    def test():
        for seed in seeds:
            chance = random.Random(seed)
            with Host(settings=settings(PLENTY)) as host:
                world = start(host, PLENTY)
                done = []
                for _ in range(STEPS):
                    server = chance.choice((world.ours, world.theirs))
                    who = "ours" if server is world.ours else "Dovecot"
                    done.append("%s: %s" % (who, chance.choice(acts)(world, server, chance)))
                    world.agree("; ".join(done[-3:]) + " (seed %d)" % seed)
                # counted again by each, the same comes out
                for server in (world.ours, world.theirs):
                    os.unlink(os.path.join(world.maildir, "maildirsize"))
                    server.command("getquotaroot INBOX")
                    world.agree("a new count by " + ("ours" if server is world.ours else "Dovecot"))
                world.finish()
    test.__name__ = name
    return test


ACTS = (some_append, some_append, some_copy, some_copy, some_expunge, some_delete, some_quit)


LINES = 3  # of a message; each has a CR more on the wire, and both look at that before they take the bytes


def room(world, limit):
    return limit - world.truth()[0] - LINES


def last_message():
    """Both refuse one byte more than there is room for, and take what just fits; by the number of messages, too."""
    limit, most = 4000, 9
    limits = "*:bytes=%d:messages=%d" % (limit, most)
    with Host(settings=settings(limits)) as host:
        world = start(host, limits)
        pair = (world.ours, world.theirs)
        for turn in range(4):
            first, second = pair if turn % 2 else pair[::-1]
            good(world.append(second, "INBOX", 700 + turn), "APPEND")
            for server in pair:
                if not is_over(world.append(server, "Work", room(world, limit) + 1)):
                    raise Failed("%s takes a message that is too large by one byte" % type(server).__name__)
                world.agree("a refused message")
            good(world.append(first, "Work", room(world, limit)), "APPEND of just what fits")
            world.agree("a full quota")
            for server in pair:
                if not is_over(world.append(server, "INBOX", 100)):
                    raise Failed("%s takes a message that is over" % type(server).__name__)
                server.command("select INBOX")
                if not is_over(server.command("copy 1 Work")):
                    raise Failed("%s copies what is over" % type(server).__name__)
                good(server.command("copy 1 Spam"), "COPY to what does not count")
                if not is_over(world.append(server, "Trash", room(world, limit + TRASH_MORE) + 1)):
                    raise Failed("%s takes more than the rule for Trash adds" % type(server).__name__)
            good(world.append(second, "Trash", room(world, limit + TRASH_MORE)), "APPEND of just what the rule adds")
            world.agree("over the limit by a rule")
            for server in pair:
                server.command("select INBOX")
                good(server.command("copy 1 Spam"), "COPY to what does not count")
            for server, folder in zip((first, second, first), ("Work", "Trash", "INBOX")):
                world.empty(server, folder)
                world.agree("EXPUNGE of all")
        for turn in range(most):
            good(world.append(pair[turn % 2], "INBOX", 90), "APPEND")
        for server in pair:
            if not is_over(world.append(server, "INBOX", 90)):
                raise Failed("%s takes a message too many" % type(server).__name__)
        world.agree("the last message by number")
        world.finish()


def couriers_limits():
    """Limits that maildirmake -q wrote come before a rule for "?": all three refuse by them."""
    with Host(settings=settings("?:bytes=1M")) as host:
        world = World(host, "?:bytes=1M", courier="3000S,7C")
        pair = (world.ours, world.theirs)
        if not deliver(world, 900):
            raise Failed("deliverquota refuses a message that fits")
        world.agree("Courier's delivery")
        for server in pair:
            if not is_over(world.append(server, "INBOX", 2101)):
                raise Failed("%s does not keep Courier's limit" % type(server).__name__)
            good(world.append(server, "INBOX", 500), "APPEND")
            world.agree("APPEND")
        if deliver(world, 1500):
            raise Failed("deliverquota takes a message that is over")
        world.agree("a refused delivery")
        if not deliver(world, 900):
            raise Failed("deliverquota refuses a message that fits")
        world.agree("a delivery")
        for server in pair:
            if not is_over(world.append(server, "INBOX", 500)):
                raise Failed("%s does not keep Courier's limit" % type(server).__name__)
        with open(os.path.join(world.maildir, "maildirsize")) as text:
            if text.readline() != "3000S,7C\n":
                raise Failed("the limits have changed")
        world.finish()


run_tests([last_message, couriers_limits, in_turns(ACTS, "with_dovecot", SEEDS),
           in_turns(ACTS + (some_delivery, some_delivery), "with_courier_delivering", SEEDS)])

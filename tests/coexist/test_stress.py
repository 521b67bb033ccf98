#!/usr/bin/env python3
"""Dovecot, four IMAP sessions and a POP3 session of ours, mutt and a delivering process on one Maildir at the same time.

STRESS_SECONDS and STRESS_SEED change how long and which."""

import os
import re
import time

from common import FETCH, Failed, Host, fetch_all, rows, run_tests, same
from dovecot import Dovecot, Ours
from imap_answer import numbers
from mailsession_test import environment
from mutt import QUIET
import pty_run
from stress import Actor, ImapActor, Pop3Actor
from stress_world import FOLDERS, World

SECONDS = 18
SEED = "3"
MOST = 400  # messages in a folder; beyond it nothing is added
# none with a space: Dovecot 2.3 writes the name of a copy's original into its list, and cannot read that again
HOSTS = ("host", "a.long.host.example.org", "h\\072colon", "h\u00fcmlaut", "a=b", "x" * 120, "", "R\u20ac,Q=1")
MUTTRC = QUIET + """set mbox_type = Maildir
set mark_old = no
"""


def message(name, chance):
    lines = "\n".join("line %d of %s" % (n, name) for n in range(chance.randrange(30)))
    return ("X-Id: %s\nSubject: %s\nFrom: a@example.org\n\n%s\n" % (name, name, lines)).encode()


class Session(ImapActor):
    """Its keyword, and maybe a system flag, is changed by nobody else; messages whose id starts with x and its name have
    all flags from it."""

    pause = 0.02

    def __init__(self, world, name, server, flag=None):
        super().__init__(world, name, server, ["kw" + name] + ([flag] if flag else []))
        self.actions = ((self.store, 10), (self.replace, 3), (self.append, 4), (self.copy, 3), (self.move, 3),
                        (self.delete, 3), (self.expunge, 2), (self.bodies, 4), (self.noop, 5), (self.idle, 3),
                        (self.status, 3), (self.select, 2), (self.by_number, 3))

    def uids(self, most=4, mine=None):
        """Some that can be changed: not those of which another has all flags. mine: only those of which this one has."""
        ids = self.world.ids[self.client.folder]
        exclusive = "x" + self.who + "-"
        choice = [uid for uid in self.client.model if uid is not None and uid in ids and (
            ids[uid].startswith(exclusive) if mine else ids[uid].startswith(exclusive) or ids[uid][0] != "x")]
        return sorted(self.chance.sample(choice, min(len(choice), self.chance.randint(1, most))))

    def other(self):
        return self.chance.choice(FOLDERS)

    # --- actions

    def select(self):
        folder = self.other()
        if self.client.folder is not None and self.chance.random() < 0.5:
            self.world.note(self.who, "CLOSE " + self.client.folder)
            self.client.close()
        must = self.world.must_have(folder)
        read_only = self.chance.random() < 0.2
        self.world.note(self.who, "%s %s" % ("EXAMINE" if read_only else "SELECT", folder))
        self.client.select(folder, read_only)
        self.client.learn()
        for uid in must - set(self.client.model):
            if not self.world.is_doomed(folder, uid):
                self.world.fail(self.who, "SELECT %s does not give UID %d" % (folder, uid), (folder, uid))

    def store(self):
        uids = self.uids()
        if not uids or self.client.read_only:
            return
        on = self.chance.random() < 0.65
        flags = self.chance.sample(self.own, self.chance.randint(1, len(self.own)))
        status, _ = self.say("UID STORE %s %sFLAGS%s (%s)" % (
            ",".join(map(str, uids)), "+" if on else "-", self.chance.choice(["", ".SILENT"]), " ".join(flags)), *uids)
        self.took(status, uids, {flag: on for flag in flags})

    def took(self, status, uids, flags):
        if status == "OK":
            for uid in uids:
                self.world.flags_are(self.client.folder, uid, flags, self.sent)
        elif not any(self.world.is_doomed(self.client.folder, uid) for uid in uids):
            self.world.fail(self.who, "STORE was refused", *((self.client.folder, uid) for uid in uids))

    def replace(self):
        uids = self.uids(mine=True)
        if not uids or self.client.read_only:
            return
        all_flags = [*self.own, "\\Answered", "\\Draft", "\\Seen", "$Label"]
        flags = self.chance.sample(all_flags, self.chance.randint(0, 4))
        status, _ = self.say("UID STORE %s FLAGS (%s)" % (",".join(map(str, uids)), " ".join(flags)), *uids)
        self.took(status, uids, {flag: flag in flags for flag in all_flags})

    def append(self):
        folder, name = self.other(), self.new_name(self.chance.choice(["", "x"]))
        if len(self.world.ids[folder]) - len(self.world.gone[folder]) > MOST:
            return
        flags = self.chance.sample(self.own, self.chance.randint(0, len(self.own)))
        data = message(name, self.chance).replace(b"\n", b"\r\n")
        status, answer = self.say("APPEND %s (%s)" % (folder, " ".join(flags)), data=data)
        uid = re.search(rb"APPENDUID (\d+) (\d+)\]", answer)
        if status != "OK" or not uid:
            raise Failed("APPEND: %r" % answer)
        uid = int(uid[2])
        with self.world.lock:
            self.world.note(self.who, "appended %s as %s UID %d (%s)" % (name, folder, uid, flags), (folder, uid))
            self.world.made_instance(self.who, folder, uid, name)
            self.world.flags.update({(folder, uid, flag): flag in flags for flag in self.own})

    def transfer(self, verb, uids):
        source, target = self.client.folder, self.other()
        if verb == "MOVE" and target == source:
            return
        if len(self.world.ids[target]) - len(self.world.gone[target]) > MOST:
            return
        if verb == "MOVE":
            self.world.doom(source, uids, False)
        status, answer = self.say("UID %s %s %s" % (verb, ",".join(map(str, uids)), target), *uids)
        for found in re.finditer(rb"COPYUID (\d+) ([\d:,]+) ([\d:,]+)\]", answer):
            self.copied(verb, source, numbers(found[2]), target, numbers(found[3]))
        if status == "OK" and b"COPYUID" not in answer and not all(self.world.is_doomed(source, uid) for uid in uids):
            self.world.fail(self.who, "%s without COPYUID" % verb, *((source, uid) for uid in uids))

    def copied(self, verb, source, uids, target, copies):
        if len(uids) != len(copies):
            self.world.fail(self.who, "COPYUID %s %s" % (uids, copies))
        for uid, copy in zip(uids, copies):
            self.world.note(self.who, "%s: %s UID %d is %s UID %d" % (verb, source, uid, target, copy),
                            (source, uid), (target, copy))
            self.world.made_copy(self.who, source, uid, target, copy, self.own)
            if verb == "MOVE":
                self.world.told_gone(self.who, source, uid)

    def copy(self):
        uids = self.uids(3)
        if uids:
            self.transfer("COPY", uids)

    def move(self):
        uids = self.uids(3)
        if uids and not self.client.read_only:
            self.transfer("MOVE", uids)

    def delete(self):
        uids = self.uids(3)
        if not uids or self.client.read_only:
            return
        self.world.doom(self.client.folder, uids, True)
        self.say("UID STORE %s +FLAGS.SILENT (\\Deleted)" % ",".join(map(str, uids)), *uids)
        if self.chance.random() < 0.5:
            self.say("UID EXPUNGE " + ",".join(map(str, uids)), *uids)

    def bodies(self):
        uids = self.uids(8)
        if uids:
            _, answer = self.say("UID FETCH %s (UID RFC822.SIZE BODY.PEEK[])" % ",".join(map(str, uids)), *uids)
            for _, row in rows(answer):
                found = re.search(rb"UID (\d+)[^{]*\{\d+\}\r\nX-Id: ([^\r\n]*)\r?\n", row)
                if not found:
                    continue
                uid = int(found[1])
                self.world.saw(self.who, self.client.folder, uid, found[2].decode())
                if re.search(rb"[^\r]\n", row):
                    self.world.fail(self.who, "%s UID %d is sent without CRs: %r" % (self.client.folder, uid, row[:120]),
                                    (self.client.folder, uid))

    def status(self):
        folder = self.other()
        with self.world.lock:
            highest = max(self.world.acknowledged[folder], default=0)
        _, answer = self.say("STATUS %s (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)" % folder)
        self.world.saw_validity(self.who, folder, int(re.search(rb"UIDVALIDITY (\d+)", answer)[1]))
        uid_next = int(re.search(rb"UIDNEXT (\d+)", answer)[1])
        # Dovecot looks at whole seconds to see that a folder changed, and answers with what it knows
        if uid_next <= highest and self.client.strict:
            self.world.fail(self.who, "STATUS %s has UIDNEXT %d after UID %d" % (folder, uid_next, highest),
                            (folder, highest))


class Delivery(Actor):
    pause = 0.12

    def __init__(self, world, host):
        super().__init__(world, "dlv")
        self.host = host

    def step(self):
        folder, name = self.chance.choice(FOLDERS), self.new_name()
        if len(self.world.ids[folder]) - len(self.world.gone[folder]) > MOST:
            return
        where = self.host.maildir() if folder == "INBOX" else os.path.join(self.host.maildir(), "." + folder)
        data = message(name, self.chance)
        base = "%d.M%dP%d_%d.%s" % (time.time(), time.time_ns() // 1000 % 1000000, os.getpid(), self.count,
                                   self.chance.choice(HOSTS))
        sizes = self.chance.choice(("", "S", "SW", "W"))
        if sizes == "S":
            # with line ends of LF, Dovecot 2.3 copies such a file with a W= that is the same as the S=
            data = data.replace(b"\n", b"\r\n")
        base += (",S=%d" % len(data) if "S" in sizes else "") + (
            ",W=%d" % (len(data) + data.count(b"\n")) if "W" in sizes else "")
        tmp, new = (os.path.join(where, part, base) for part in ("tmp", "new"))
        with open(tmp, "wb") as out:
            out.write(data)
        if os.getuid() == 0:
            os.chown(tmp, self.host.uid, self.host.gid)
        self.world.note(self.who, "delivers %s to %s as %s" % (name, folder, base))
        with self.world.lock:
            self.world.made[folder, name] += 1
            self.world.delivered.add((folder, name))
        if self.chance.random() < 0.5:
            os.link(tmp, new)
            os.unlink(tmp)
        else:
            os.rename(tmp, new)


class Mutt(Actor):
    """Opens a folder, flags a message, writes that back, quits."""

    pause = 1.0

    def __init__(self, world, host):
        super().__init__(world, "mutt")
        self.host, self.rc = host, host.path("muttrc")
        with open(self.rc, "w") as out:
            out.write(MUTTRC)

    def step(self):
        folder = self.chance.choice(FOLDERS)
        where = self.host.maildir() if folder == "INBOX" else os.path.join(self.host.maildir(), "." + folder)
        with self.world.lock:
            names = sorted(set(self.world.ids[folder].values()) - self.world.flagged_ids)
            names = [name for name in names if name[0] != "x"]
            if not names:
                return
            name = self.chance.choice(names)
            self.world.flagged_ids.add(name)
            window = [folder, name, time.monotonic(), None]
            self.world.windows.append(window)
        self.world.note(self.who, "flags %s in %s" % (name, folder))
        keys = "<tag-pattern>~s %s<enter><tag-prefix-cond><flag-message><end-cond><sync-mailbox><quit>" % name
        try:
            pty_run.run(["mutt", "-n", "-F", self.rc, "-f", where, "-e", 'push "%s"' % keys],
                        environment(HOME=self.host.directory, TERM="xterm"), 5)
        except Failed:
            # it forgets the keys when a file went away under it, and waits for others
            self.world.counts["mutt gave up"] += 1
        window[3] = time.monotonic()
        self.world.note(self.who, "ends")


class Pop3(Pop3Actor):
    """Now and then: deletes one at QUIT."""

    pause = 1.5

    def look(self, count):
        number = self.chance.randint(1, count)
        name = re.search(rb"X-Id: ([^\r]*)\r", self.ask("TOP %d 0" % number, True))
        if name:
            name = name[1].decode()
            self.world.note(self.who, "deletes %s" % name)
            with self.world.lock:
                self.world.doomed_ids.add(("INBOX", name))
            self.ask("DELE %d" % number)


# --- the end: all agree


def everything(server, folder, again=True):
    if again:
        answer = server.command("SELECT " + folder)
        if b" OK " not in answer:
            raise Failed("SELECT %s: %r" % (folder, answer))
    else:
        server.command("NOOP")
    answer = server.command(FETCH)
    if answer.count(b" FETCH (") != len(fetch_all(answer)):
        raise Failed("FETCH of %s: %r" % (folder, answer[-600:]))
    return fetch_all(answer)


def status(server, folder):
    answer = server.command("STATUS %s (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)" % folder)
    return sorted(re.findall(rb"(MESSAGES|UIDNEXT|UIDVALIDITY|UNSEEN) (\d+)", answer))


def agreement(world, host, sessions):
    """What everybody gives when all is quiet: {folder: messages}."""
    final = {}
    ours, theirs = Ours(host), Dovecot(host, host.maildir())
    for folder in FOLDERS:
        final[folder] = everything(ours, folder)
        try:
            same(final[folder], everything(theirs, folder), "%s: ours (expected) and Dovecot, fresh," % folder)
            same(status(ours, folder), status(theirs, folder), "STATUS %s of ours (expected) and Dovecot" % folder)
            for session in sessions:
                if session.client.folder == folder:
                    same(final[folder], everything(session.client.server, folder, False),
                         "%s: a fresh session of ours (expected) and %s after NOOP" % (folder, session.who))
        except Failed as reason:
            world.fail("end", str(reason))
    for session in sessions:
        for folder in FOLDERS:
            try:
                same(final[folder], everything(session.client.server, folder),
                     "%s: a fresh session of ours (expected) and %s after SELECT" % (folder, session.who))
            except Failed as reason:
                world.fail("end", str(reason))
    ours.finish()
    return final, theirs


def stress():
    world = World(SECONDS, SEED)
    with Host() as host:
        host.fill("kevin", "plain")
        first = Ours(host)
        first.command("SELECT INBOX")
        first.command("STORE 1 +FLAGS (\\Deleted)")
        first.command("EXPUNGE")
        first.command("CREATE Other")
        first.finish()
        sessions = [Session(world, "o%d" % n, Ours(host), flag)
                    for n, flag in enumerate(("\\Draft", "\\Seen", None, None))]
        sessions += [Session(world, "d%d" % n, Dovecot(host, host.maildir()), flag)
                     for n, flag in enumerate(("\\Answered", None))]
        host.give = lambda path: None  # all is its owner's already, and it changes while it is walked
        actors = [*sessions, Delivery(world, host), Pop3(world, host, "pop3")]
        if os.access("/usr/bin/mutt", os.X_OK):
            actors.append(Mutt(world, host))
        world.run(actors)
        if world.real_failures():
            world.keep(host)
            world.report()
        final, theirs = agreement(world, host, sessions)
        if world.real_failures() or world.real_complaints():
            world.keep(host)
        if world.counts["mutt gave up"] and world.counts["mutt gave up"] == world.counts["mutt"]:
            world.fail("mutt", "never came to its end")
        world.check_final(final, host.maildir())
        for session in sessions:
            if session.client.strict:
                session.client.server.finish()
        theirs.finish()
        print("    %d steps: %s; %s messages in the end, UIDs up to %s" % (
            sum(world.counts.values()), dict(world.counts), [len(final[folder]) for folder in FOLDERS],
            [max(world.ids[folder], default=0) for folder in FOLDERS]), flush=True)


if __name__ == "__main__":
    run_tests([stress])

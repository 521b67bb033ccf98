#!/usr/bin/env python3
"""procmail, maildrop, scripts, mutt and Dovecot on one mbox spool, with IMAP and POP3 sessions of ours, at the same time.

STRESS_SECONDS and STRESS_SEED change how long and which."""

import os
import random
import re
import shutil
import threading
import time
import traceback

from common import Failed, Host, rows, run_tests, same
from dovecot import Dovecot, Ours
from imap_client import Client
from spool_ledger import Ledger, message
from spool_programs import Programs

SECONDS = float(os.environ.get("STRESS_SECONDS", "11"))
SEED = os.environ.get("STRESS_SEED", "5")
PATIENCE = 90
FIRST = 30  # in the beginning
TRIES = 4
MOST = 120  # messages in the spool; beyond it nothing is added
KEYWORDS = {"kwo0", "kwo1", "kwo2", "kwd0"}
FETCH = "fetch 1:* (uid flags body.peek[header.fields (x-id)])"


class Actor(threading.Thread):
    """Does step() until the time is over; a step is short."""

    pause = 0.0

    def __init__(self, ledger, name):
        super().__init__(name=name, daemon=True)
        self.ledger, self.who = ledger, name
        self.chance = random.Random("%s-%s" % (SEED, name))
        self.count = 0

    def new_message(self, quoted):
        self.count += 1
        name = "%s-%dz" % (self.who, self.count)
        return name, message(name, self.chance, quoted)

    def is_full(self):
        return len(self.ledger.made) - len(self.ledger.doomed) > MOST

    def run(self):
        try:
            while not self.ledger.stop.is_set() and time.monotonic() < self.ledger.started + SECONDS:
                self.step()
                self.ledger.counts[self.who] += 1
                self.ledger.stop.wait(self.pause * self.chance.random())
        except Exception as error:
            self.ledger.fail(self.who, str(error) if isinstance(error, Failed) else traceback.format_exc())


class Session(Actor):
    """An IMAP session, of whichever server, in the spool. Its keyword is changed by nobody else."""

    pause = 0.03

    def __init__(self, ledger, name, server):
        super().__init__(ledger, name)
        self.client = Client(server, name, ledger, isinstance(server, Ours))
        self.keyword = "kw" + name
        self.actions = [(self.store, 8), (self.append, 4), (self.delete, 1.2), (self.expunge, 1), (self.noop, 5), (self.idle, 3),
                        (self.select, 2), (self.by_number, 3)]
        # Dovecot remembers the size of a message that mutt writes again with Lines, and ends its session over it
        if self.client.strict:
            self.actions += [(self.bodies, 5), (self.copy, 2), (self.move, 1)]

    def step(self):
        if self.client.folder is None:
            self.select()
        self.chance.choices([a for a, _ in self.actions], [w for _, w in self.actions])[0]()
        if not self.ledger.stop.is_set():
            self.client.learn()

    def say(self, text, data=None, quiet=False):
        self.ledger.note(self.who, text)
        status, answer = self.client.command(text, data, quiet)
        self.ledger.note(self.who, "  %s %s" % (status, answer.splitlines()[-1].decode(errors="replace")))
        return status, answer

    def uids(self, most=3):
        known = [uid for uid in self.client.model if uid in self.ledger.uids[self.who[0]]]
        return sorted(self.chance.sample(known, min(len(known), self.chance.randint(1, most))))

    def names(self, uids):
        return [self.ledger.uids[self.who[0]][uid] for uid in uids]

    # --- actions

    def select(self):
        if self.client.folder is not None and self.chance.random() < 0.3:
            self.client.close()
        self.ledger.note(self.who, "SELECT")
        self.client.select("INBOX", self.chance.random() < 0.1)
        self.client.learn()

    def store(self):
        uids = self.uids()
        if not uids or self.client.read_only:
            return
        on = self.chance.random() < 0.7
        status, _ = self.say("UID STORE %s %sFLAGS (%s)" % (",".join(map(str, uids)), "+" if on else "-", self.keyword))
        self.took(status, uids, on)

    def took(self, status, uids, on):
        if status == "OK":
            with self.ledger.lock:
                self.ledger.flags.update({(name, self.keyword): on for name in self.names(uids)})
        elif not set(self.names(uids)) & set(self.ledger.doomed):
            raise Failed("STORE of %s was refused" % uids)

    def by_number(self):
        """STORE and FETCH by sequence number: the same messages as by UID."""
        uids = self.uids(1)
        if not uids or self.client.read_only:
            return
        seq = self.client.model.index(uids[0]) + 1
        if self.chance.random() < 0.5:
            self.say("FETCH %d (UID FLAGS BODY.PEEK[HEADER.FIELDS (X-ID)])" % seq, quiet=True)
            return
        status, _ = self.say("STORE %d +FLAGS (%s)" % (seq, self.keyword), quiet=True)
        self.took(status, uids, True)

    def append(self):
        if self.is_full():
            return
        name, data = self.new_message(True)
        self.ledger.make(self.who, name)
        status, answer = self.say("APPEND INBOX (%s)" % self.keyword, data=data.replace(b"\n", b"\r\n"))
        if status != "OK":
            raise Failed("APPEND: %r" % answer)
        with self.ledger.lock:
            self.ledger.flags[name, self.keyword] = True
            uid = re.search(rb"APPENDUID \d+ (\d+)\]", answer)
            if uid:
                self.ledger.saw(self.who, "INBOX", int(uid[1]), name)

    def delete(self):
        uids = self.uids()
        if not uids or self.client.read_only:
            return
        self.ledger.doom(self.who, self.names(uids))
        self.say("UID STORE %s +FLAGS.SILENT (\\Deleted)" % ",".join(map(str, uids)))
        if self.chance.random() < 0.7:
            self.say("UID EXPUNGE " + ",".join(map(str, uids)))

    def expunge(self):
        if not self.client.read_only:
            self.say("EXPUNGE")

    def bodies(self):
        uids = self.uids(6)
        if not uids:
            return
        _, answer = self.say("UID FETCH %s (UID BODY.PEEK[])" % ",".join(map(str, uids)))
        for found in re.finditer(rb"\* \d+ FETCH \([^{\r]*UID (\d+)[^{\r]*BODY\[\] \{(\d+)\}\r\n", answer):
            text = answer[found.end():found.end() + int(found[2])]
            if len(text) != int(found[2]):
                raise Failed("a literal of %d bytes has %d" % (int(found[2]), len(text)))
            name = self.ledger.read(self.who, text)
            if name:
                self.ledger.saw(self.who, "INBOX", int(found[1]), name)

    def noop(self):
        self.say(self.chance.choice(["NOOP", "NOOP", "CHECK"]))

    def idle(self):
        self.ledger.note(self.who, "IDLE")
        self.client.send("IDLE")
        while not (line := self.client.response()).startswith(b"+"):
            self.client.untagged(line)
        self.ledger.stop.wait(self.chance.random() * 0.3)
        self.client.server.say("DONE")
        if self.client.finish()[0] != "OK":
            raise Failed("IDLE was refused")

    def transfer(self, verb):
        uids = self.uids()
        if not uids or self.client.read_only:
            return
        if verb == "MOVE":
            self.ledger.doom(self.who, self.names(uids))
        status, answer = self.say("UID %s %s Other" % (verb, ",".join(map(str, uids))))
        if status != "OK" and not set(self.names(uids)) & set(self.ledger.doomed):
            raise Failed("%s of %s was refused: %r" % (verb, uids, answer))
        for found in re.finditer(rb"COPYUID \d+ ([\d:,]+) ([\d:,]+)\]", answer):
            with self.ledger.lock:
                self.ledger.copied.update(self.names(numbers(found[1])))

    def copy(self):
        self.transfer("COPY")

    def move(self):
        self.transfer("MOVE")


def numbers(text):
    """1:3,7 as a list."""
    found = []
    for part in text.decode().split(","):
        first, _, last = part.partition(":")
        found += range(int(first), int(last or first) + 1)
    return found


class Delivery(Actor):
    pause = 0.4

    def __init__(self, ledger, name, deliver):
        super().__init__(ledger, name)
        self.deliver = deliver

    def step(self):
        if self.is_full():
            return
        name, data = self.new_message(False)
        self.ledger.make(self.who, name)
        date = time.strftime("%a %b %e %H:%M:%S %Y", time.gmtime()).encode()
        self.deliver(data + (b"\n" if self.who != "script" else b""), date)
        self.ledger.note(self.who, "delivered %s" % name)


class Mutt(Actor):
    """Opens the spool, flags a message, deletes another, writes that back, quits."""

    pause = 1.0

    def __init__(self, ledger, programs):
        super().__init__(ledger, "mutt")
        self.programs = programs

    def step(self):
        with self.ledger.lock:
            names = sorted(set(self.ledger.uids["o"].values()) - set(self.ledger.doomed) - self.ledger.flagged)
        if len(names) < 4:
            return
        flag, delete = self.chance.sample(names, 2)
        with self.ledger.lock:
            self.ledger.flagged.add(flag)
        self.ledger.doom(self.who, [delete])
        self.ledger.note(self.who, "flags %s" % flag)
        tag = "<tag-pattern>~s ^%s$<enter><tag-prefix-cond><%s><end-cond><untag-pattern>.<enter>"
        keys = tag % (flag, "flag-message") + tag % (delete, "delete-message") + "<sync-mailbox><exit>"
        self.programs.mutt(keys)
        self.ledger.note(self.who, "ends")

    def has_written(self, spool):
        with open(spool, "rb") as lines:
            return b"\nLines: " in lines.read()


class Pop3(Actor):
    """Looks at all, reads some, deletes one at QUIT."""

    pause = 0.8

    def __init__(self, ledger, host, name):
        super().__init__(ledger, name)
        self.host = host

    def step(self):
        session = Ours(self.host, "pop3")
        session.session.socket.settimeout(PATIENCE)

        def line():
            while b"\r\n" not in session.rest:
                session.read()
            got, session.rest = session.rest.split(b"\r\n", 1)
            return got + b"\r\n"

        def ask(text, multi=False):
            session.say(text)
            got = [line()]
            while multi and got[0].startswith(b"+OK") and got[-1] != b".\r\n":
                got.append(line())
            return b"".join(got)

        count = int(re.search(rb"\+OK (\d+) ", ask("STAT"))[1])
        listed = re.findall(rb"(?m)^(\d+) (\S+)\r", ask("UIDL", True))
        if len(listed) != count or len({uidl for _, uidl in listed}) != count:
            raise Failed("STAT %d, UIDL %r" % (count, listed))
        numbers = self.chance.sample(range(1, count + 1), min(count, 3))
        for number in numbers:
            answer = ask("RETR %d" % number, True)
            if answer.startswith(b"-ERR"):
                self.ledger.note(self.who, "RETR: %r" % answer)
                continue
            text = re.sub(rb"(?m)^\.", b"", answer.split(b"\r\n", 1)[1][:-3])
            name = self.ledger.read(self.who, text)
            if name and number == numbers[0]:
                self.ledger.doom(self.who, [name])
                ask("DELE %d" % number)
        ask("QUIT")
        session.session.finish(PATIENCE)


# --- the end: all agree


def everything(server, again=True):
    """{uid: (id, flags without Recent)}."""
    if again and b" OK " not in server.command("SELECT INBOX"):
        raise Failed("SELECT was refused")
    if not again:
        server.command("NOOP")
    answer, found = server.command(FETCH), {}
    for _, row in rows(answer):
        uid, flags = re.search(rb"UID (\d+)", row), re.search(rb"FLAGS \(([^)]*)\)", row)
        name = re.search(rb"(?i)\r\nx-id: ([^\r]*)", row)
        if not uid or not flags or not name:
            raise Failed("FETCH: %r" % row)
        found[int(uid[1])] = (name[1].decode(), frozenset(flags[1].decode().split()) - {"\\Recent"})
    return found


def read_all(ledger, host):
    """Every byte of every message is what was written."""
    server = Ours(host)
    server.command("SELECT INBOX")
    client = Client(server, "o all", ledger, True)
    client.folder, count = None, len(everything(server))
    for number in range(1, count + 1):
        _, answer = client.command("FETCH %d (BODY.PEEK[])" % number)
        found = re.search(rb"BODY\[\] \{(\d+)\}\r\n", answer)
        ledger.read("o all", answer[found.end():found.end() + int(found[1])])
    server.command("SELECT Other")
    names = [name for name in re.findall(rb"(?i)\r\nx-id: ([^\r]*)", server.command(FETCH))]
    for name in {*ledger.copied, *(name.decode() for name in names)}:
        same(ledger.copied[name], names.count(name.encode()), "copies of %s in Other" % name)
    server.finish()


def keywords_in_file(spool):
    """{id: keywords}; with it: each id is there once."""
    with open(spool, "rb") as lines:
        text = lines.read()
    ids = [found for found in re.finditer(rb"(?m)^X-Id: ([^\n]*)\n(?:[^\n]+\n)*", text)]
    keywords = {found[1].decode(): re.search(rb"\nX-Keywords:([^\n]*)\n", found[0]) for found in ids}
    same(len(ids), len(keywords), "headers in the file and names in them")
    return {name: frozenset(found[1].decode().split() if found else ()) for name, found in keywords.items()}


def agreement(host, spool, sessions, dovecot, programs):
    strict = [session for session in sessions if session.client.strict]
    for session in sessions:
        if session not in strict:
            session.client.server.finish()  # flags that it has not written yet
    ours = Ours(host)
    final = everything(ours)
    for session in strict:
        same(final, everything(session.client.server, False), "a fresh session of ours (expected) and %s" % session.who)
        session.client.server.finish()
    ours.finish()
    in_file = keywords_in_file(spool)
    same(sorted(name for name, _ in final.values()), sorted(in_file), "messages of ours (expected) and in the file")
    same({name: flags & KEYWORDS for name, flags in final.values()}, in_file, "keywords of ours (expected) and in the file")
    theirs = dovecot()
    same({uid: name for uid, (name, _) in final.items()}, {uid: name for uid, (name, _) in everything(theirs).items()},
         "ours (expected) and Dovecot, fresh,")
    theirs.finish()
    same(len(final), programs.count(), "messages for us (expected) and mutt")
    return final


def nothing_is_left(host, spool):
    left = [name for name in os.listdir(os.path.dirname(spool)) if name != os.path.basename(spool)]
    for directory, _, files in os.walk(host.home("kevin")):
        left += [os.path.join(directory, name) for name in files
                 if name.endswith(".lock") or "mailsession.rewrite" in name or "tmp" in name]
    same([], left, "files that are left")


def prepare(ledger, host):
    """An mbox with messages; the programs that work on it, and what starts a Dovecot for it."""
    mail, spool = os.path.join(host.home("kevin"), "mail"), host.path("spool", "kevin")
    location = "mbox:%s:INBOX=%s" % (mail, spool)
    host.settings = "mail_location = " + location
    os.makedirs(mail)
    os.mkdir(host.path("spool"))
    open(spool, "w").close()
    first = Ours(host)  # whose user all is
    host.give(host.path("spool"))
    host.give = lambda path: None  # all is its owner's, and it changes while it is walked
    first.command("CREATE Other")
    # as long as there are messages UIDVALIDITY is in the file: of an empty one each server has its own
    for number in range(FIRST):
        name = "first-%dz" % number
        data = message(name, random.Random(SEED + name), True).replace(b"\n", b"\r\n")
        ledger.make("o", name)
        first.say(b"d APPEND INBOX {%d+}\r\n%s\r\n" % (len(data), data))
        first.until("d OK")
    first.finish()
    # Debian's Dovecot takes fcntl first, and keeps it while it waits for the dotlock that procmail and maildrop hold while they
    # wait for fcntl: alone with them it hangs for minutes. Ours has Debian's order, too, and gives back what it has.
    return spool, Programs(host, spool), lambda: Dovecot(host, mail, MAIL_LOCATION=location, MBOX_WRITE_LOCKS="dotlock fcntl")


def stress(with_dovecot):
    ledger = Ledger(SEED)
    # Dovecot writes flags that it has changed beside those that it remembers, and sees what others changed in place by the
    # second of the file's time: what was acknowledged meanwhile may be lost
    ledger.flags_stay = not with_dovecot
    with Host() as host:
        spool, programs, dovecot = prepare(ledger, host)
        sessions = [Session(ledger, "o%d" % n, Ours(host)) for n in range(3)]
        for session in sessions:
            session.client.server.session.socket.settimeout(PATIENCE)
        if with_dovecot:
            sessions.append(Session(ledger, "d0", dovecot()))
        mutt = Mutt(ledger, programs)
        actors = [*sessions, Pop3(ledger, host, "opop"), mutt, Delivery(ledger, "procmail", programs.procmail),
                  Delivery(ledger, "maildrop", programs.maildrop), Delivery(ledger, "script", programs.script)]
        ledger.started = time.monotonic()
        for actor in actors:
            actor.start()
        for actor in actors:
            actor.join(SECONDS + 2 * PATIENCE)
            if actor.is_alive():
                ledger.fail(actor.who, "hangs")
        try:
            ledger.check()
            for _ in range(TRIES):  # when it is quiet, too
                if not mutt.has_written(spool):
                    mutt.step()
            final = agreement(host, spool, sessions, dovecot, programs)
            nothing_is_left(host, spool)
            read_all(ledger, host)
            ledger.check_final(final)
            ledger.check()
            idle = [actor.who for actor in actors if not ledger.counts[actor.who]]
            if not mutt.has_written(spool):
                idle.append("mutt wrote nothing")
            if idle:
                raise Failed("did nothing: %s %s" % (idle, dict(ledger.counts)))
        except Failed:
            keep(host, ledger)
            raise
        keep(host, ledger)
        print("    %d steps: %s; %d messages made, %d left, UIDs up to %d; %d bodies read" % (
            sum(ledger.counts.values()), dict(ledger.counts), len(ledger.made), len(final), max(final, default=0),
            sum(ledger.checked.values())), flush=True)


def with_deliveries_and_mutt():
    stress(False)


def with_dovecot_too():
    stress(True)


def keep(host, ledger):
    """For looking at what happened: spool, folders, logs, where STRESS_KEEP says."""
    if os.environ.get("STRESS_KEEP"):
        with open(host.path("history"), "w") as out:
            out.write("".join("%8.3f %-5s %s\n" % entry for entry in ledger.log))
        shutil.copytree(host.directory, os.environ["STRESS_KEEP"], dirs_exist_ok=True)


if __name__ == "__main__":
    run_tests([with_deliveries_and_mutt, with_dovecot_too])

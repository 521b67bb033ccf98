#!/usr/bin/env python3
"""Postfix, procmail, maildrop, scripts, mutt and Dovecot on one mbox spool, with IMAP and POP3 sessions of ours, at the same time.

STRESS_SECONDS and STRESS_SEED change how long and which."""

import contextlib
import grp
import os
import random
import re
import time

from common import Failed, Host, Skip, run_tests
from dovecot import Dovecot, Ours
from imap_answer import numbers
from postfix import as_written, postfix
from spool_agreement import agreement, nothing_is_left, read_all
from spool_ledger import LIKE_A_MESSAGE, Ledger, message
from spool_programs import Programs
from stress import Actor, ImapActor, Pop3Actor

SECONDS = 11
SEED = "5"
FIRST = 30  # in the beginning
TRIES = 4
MOST = 120  # messages in the spool; beyond it nothing is added
# what is quoted, what is not because it is already, what is not because it is no From_ line
LIKE_POSTFIX_QUOTES = (*LIKE_A_MESSAGE, ">From you", "From", "from me")


def is_full(ledger):
    return len(ledger.made) - len(ledger.doomed) > MOST


def new_message(actor, quoted=()):
    name = actor.new_name()
    return name, message(name, actor.chance, quoted)


class Session(ImapActor):
    """In the spool. Its keyword is changed by nobody else."""

    pause = 0.03

    def __init__(self, world, name, server):
        super().__init__(world, name, server, ["kw" + name])
        self.actions = [(self.store, 8), (self.append, 4), (self.delete, 1.2), (self.expunge, 1), (self.noop, 5), (self.idle, 3),
                        (self.select, 2), (self.by_number, 3)]
        # Dovecot remembers the size of a message that mutt writes again with Lines, and ends its session over it
        if self.client.strict:
            self.actions += [(self.bodies, 5), (self.copy, 2), (self.move, 1)]

    def uids(self, most=3):
        known = [uid for uid in self.client.model if uid in self.world.uids[self.who[0]]]
        return sorted(self.chance.sample(known, min(len(known), self.chance.randint(1, most))))

    def names(self, uids):
        return [self.world.uids[self.who[0]][uid] for uid in uids]

    # --- actions

    def select(self):
        if self.client.folder is not None and self.chance.random() < 0.3:
            self.client.close()
        self.world.note(self.who, "SELECT")
        self.client.select("INBOX", self.chance.random() < 0.1)
        self.client.learn()

    def store(self):
        uids = self.uids()
        if not uids or self.client.read_only:
            return
        on = self.chance.random() < 0.7
        status, _ = self.say("UID STORE %s %sFLAGS (%s)" % (",".join(map(str, uids)), "+" if on else "-", self.own[0]))
        self.took(status, uids, {self.own[0]: on})

    def took(self, status, uids, flags):
        if status == "OK":
            with self.world.lock:
                self.world.flags.update({(name, flag): on for name in self.names(uids) for flag, on in flags.items()})
        elif not set(self.names(uids)) & set(self.world.doomed):
            raise Failed("STORE of %s was refused" % uids)

    def append(self):
        if is_full(self.world):
            return
        name, data = new_message(self, LIKE_A_MESSAGE)
        self.world.make(self.who, name)
        status, answer = self.say("APPEND INBOX (%s)" % self.own[0], data=data.replace(b"\n", b"\r\n"))
        if status != "OK":
            raise Failed("APPEND: %r" % answer)
        with self.world.lock:
            self.world.flags[name, self.own[0]] = True
            uid = re.search(rb"APPENDUID \d+ (\d+)\]", answer)
            if uid:
                self.world.saw(self.who, "INBOX", int(uid[1]), name)

    def delete(self):
        uids = self.uids()
        if not uids or self.client.read_only:
            return
        self.world.doom(self.who, self.names(uids))
        self.say("UID STORE %s +FLAGS.SILENT (\\Deleted)" % ",".join(map(str, uids)))
        if self.chance.random() < 0.7:
            self.say("UID EXPUNGE " + ",".join(map(str, uids)))

    def bodies(self):
        uids = self.uids(6)
        if not uids:
            return
        _, answer = self.say("UID FETCH %s (UID BODY.PEEK[])" % ",".join(map(str, uids)))
        for found in re.finditer(rb"\* \d+ FETCH \([^{\r]*UID (\d+)[^{\r]*BODY\[\] \{(\d+)\}\r\n", answer):
            text = answer[found.end():found.end() + int(found[2])]
            if len(text) != int(found[2]):
                raise Failed("a literal of %d bytes has %d" % (int(found[2]), len(text)))
            name = self.world.read(self.who, text)
            if name:
                self.world.saw(self.who, "INBOX", int(found[1]), name)

    def transfer(self, verb):
        uids = self.uids()
        if not uids or self.client.read_only:
            return
        if verb == "MOVE":
            self.world.doom(self.who, self.names(uids))
        status, answer = self.say("UID %s %s Other" % (verb, ",".join(map(str, uids))))
        if status != "OK" and not set(self.names(uids)) & set(self.world.doomed):
            raise Failed("%s of %s was refused: %r" % (verb, uids, answer))
        for found in re.finditer(rb"COPYUID \d+ ([\d:,]+) ([\d:,]+)\]", answer):
            with self.world.lock:
                self.world.copied.update(self.names(numbers(found[1])))

    def copy(self):
        self.transfer("COPY")

    def move(self):
        self.transfer("MOVE")


class Delivery(Actor):
    pause = 0.4

    def __init__(self, ledger, name, deliver):
        super().__init__(ledger, name)
        self.deliver = deliver

    def step(self):
        if is_full(self.world):
            return
        name, data = new_message(self)
        self.world.make(self.who, name)
        date = time.strftime("%a %b %e %H:%M:%S %Y", time.gmtime()).encode()
        self.deliver(data + (b"\n" if self.who != "script" else b""), date)
        self.world.note(self.who, "delivered %s" % name)


class PostfixDelivery(Actor):
    """Some messages at once, so that more than one local(8) has them in its hands; then it rests: it looks for a lock once a
    second, and keeps the dotlock while it waits for fcntl, which mutt has while that waits for the dotlock."""

    pause = 1.0

    def __init__(self, ledger, mta):
        super().__init__(ledger, "postfix")
        self.mta = mta

    def step(self):
        if is_full(self.world):
            return
        batch = dict(new_message(self, LIKE_POSTFIX_QUOTES) for _ in range(self.chance.randint(2, 6)))
        for name, data in batch.items():
            self.world.make(self.who, name, as_written(data))
            self.mta.submit(data)
        self.mta.wait(batch)
        self.world.note(self.who, "delivered " + " ".join(batch))


class Mutt(Actor):
    """Opens the spool, flags a message, deletes another, writes that back, quits."""

    pause = 1.0

    def __init__(self, ledger, programs):
        super().__init__(ledger, "mutt")
        self.programs = programs

    def step(self):
        with self.world.lock:
            names = sorted(set(self.world.uids["o"].values()) - set(self.world.doomed) - self.world.flagged)
        if len(names) < 4:
            return
        flag, delete = self.chance.sample(names, 2)
        with self.world.lock:
            self.world.flagged.add(flag)
        self.world.doom(self.who, [delete])
        self.world.note(self.who, "flags %s" % flag)
        # ^^: what is pushed is read as keys are written, and ^d is Ctrl-D
        tag = "<tag-pattern>~s ^^%s$<enter><tag-prefix-cond><%s><end-cond><untag-pattern>.<enter>"
        keys = tag % (flag, "flag-message") + tag % (delete, "delete-message") + "<sync-mailbox><exit>"
        self.programs.mutt(keys)
        self.world.note(self.who, "ends")

    def has_written(self, spool):
        with open(spool, "rb") as lines:
            return b"\nLines: " in lines.read()


class Pop3(Pop3Actor):
    """Reads some, deletes one at QUIT."""

    pause = 0.8

    def look(self, count):
        numbers = self.chance.sample(range(1, count + 1), min(count, 3))
        for number in numbers:
            answer = self.ask("RETR %d" % number, True)
            if answer.startswith(b"-ERR"):
                self.world.note(self.who, "RETR: %r" % answer)
                continue
            text = re.sub(rb"(?m)^\.", b"", answer.split(b"\r\n", 1)[1][:-3])
            name = self.world.read(self.who, text)
            if name and number == numbers[0]:
                self.world.doom(self.who, [name])
                self.ask("DELE %d" % number)


def prepare(ledger, host):
    """An mbox with messages; the programs that work on it, and what starts a Dovecot for it."""
    mail, spool = os.path.join(host.home("kevin"), "mail"), host.path("spool", "kevin")
    location = "mbox:%s:INBOX=%s" % (mail, spool)
    host.settings = "mail_location = " + location
    os.makedirs(mail)
    os.mkdir(host.path("spool"))
    open(spool, "w").close()
    if os.getuid() == 0:
        host.groups = [grp.getgrnam("mail").gr_gid]
    first = Ours(host)  # whose user all is
    as_debian_has_it(host, spool)
    host.give = lambda path: None  # all is its owner's, and it changes while it is walked
    first.command("CREATE Other")
    # as long as there are messages UIDVALIDITY is in the file: of an empty one each server has its own
    for number in range(FIRST):
        name = "first-%dz" % number
        data = message(name, random.Random(ledger.seed + name), LIKE_A_MESSAGE).replace(b"\n", b"\r\n")
        ledger.make("o", name)
        first.say(b"d APPEND INBOX {%d+}\r\n%s\r\n" % (len(data), data))
        first.until("d OK")
    first.finish()
    # Debian's Dovecot takes fcntl first, and keeps it while it waits for the dotlock that procmail and maildrop hold while they
    # wait for fcntl: alone with them it hangs for minutes. Ours has Debian's order, too, and gives back what it has.
    return spool, Programs(host, spool), lambda: Dovecot(host, mail, MAIL_LOCATION=location, MBOX_WRITE_LOCKS="dotlock fcntl")


def as_debian_has_it(host, spool):
    """root:mail 2775. What is set-gid mail there has that group here."""
    if os.getuid() == 0:
        directory = os.path.dirname(spool)
        os.chown(directory, 0, host.groups[0])
        os.chmod(directory, 0o2775)
        os.chown(spool, host.uid, host.groups[0])
    os.chmod(spool, 0o660)


def stress(with_dovecot):
    ledger, without = Ledger(SECONDS, SEED), None
    # Dovecot writes flags that it has changed beside those that it remembers, and sees what others changed in place by the
    # second of the file's time: what was acknowledged meanwhile may be lost
    ledger.flags_stay = not with_dovecot
    with Host() as host, contextlib.ExitStack() as stack:
        spool, programs, dovecot = prepare(ledger, host)
        sessions = [Session(ledger, "o%d" % n, Ours(host)) for n in range(3)]
        if with_dovecot:
            sessions.append(Session(ledger, "d0", dovecot()))
        mutt = Mutt(ledger, programs)
        actors = [*sessions, Pop3(ledger, host, "opop"), mutt, Delivery(ledger, "procmail", programs.procmail),
                  Delivery(ledger, "maildrop", programs.maildrop), Delivery(ledger, "script", programs.script)]
        try:
            mta = stack.enter_context(postfix(host, spool))
            actors.append(PostfixDelivery(ledger, mta))
        except Skip as reason:
            mta, without = None, reason
        try:
            ledger.run(actors)
            ledger.check()
            if mta:
                mta.check([name for name, who in ledger.made.items() if who == "postfix"])
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
        finally:
            ledger.keep(host)
        print("    %d steps: %s; %d messages made, %d left, UIDs up to %d; %d bodies read" % (
            sum(ledger.counts.values()), dict(ledger.counts), len(ledger.made), len(final), max(final, default=0),
            sum(ledger.checked.values())), flush=True)
    if without:
        raise Skip("all was well without Postfix: %s" % without)


def with_deliveries_and_mutt():
    stress(False)


def with_dovecot_too():
    stress(True)


if __name__ == "__main__":
    run_tests([with_deliveries_and_mutt, with_dovecot_too])

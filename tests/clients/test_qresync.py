#!/usr/bin/env python3
"""QRESYNC (RFC 7162 section 3.2.5): clients leave, one session and foreign programs go on with thousands of changes, and
whoever comes back is told exactly what changed and exactly what went, from the journal, and from the index after that was
made anew. What is exact says a model, made of the commands alone."""

import dataclasses
import os
import random
import re
import struct

from common import Failed, Host, run_tests
from dovecot import Ours

MESSAGES = 1200
FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Draft", "$Forwarded", "work")
SEED = 7162

FETCH = re.compile(r"\* (\d+) FETCH \(UID (\d+) MODSEQ \((\d+)\) FLAGS \(([^)]*)\)\)$")
VANISHED = re.compile(r"\* VANISHED \(EARLIER\) ([\d:,]+)$")


def ranges(uids):
    """A set as IMAP writes it."""
    pieces, uids = [], sorted(uids)
    for uid in uids:
        if pieces and pieces[-1][1] == uid - 1:
            pieces[-1][1] = uid
        else:
            pieces.append([uid, uid])
    return ",".join("%d:%d" % (low, high) if low < high else "%d" % low for low, high in pieces)


def numbers(text):
    for piece in text.split(","):
        low, _, high = piece.partition(":")
        yield from range(int(low), int(high or low) + 1)


def expect(what, want, got):
    if want != got:
        odd = sorted(set(want) ^ set(got)) or sorted(key for key in want if want[key] != got[key])
        raise Failed("%s: %d expected, %d told, first at %r" % (what, len(want), len(got), odd[:10]))


@dataclasses.dataclass
class Away:
    """A client that left: what it has, and after which change."""
    step: int
    validity: int
    modseq: int
    uids: list


class Folder:
    """The mailbox as it must be, and at which step each UID was last changed or went."""

    def __init__(self, host):
        self.host, self.rng = host, random.Random(SEED)
        self.flags, self.changed, self.gone, self.step = {}, {}, {}, 0
        self.stored = 0
        cur = host.maildir() + "/cur"
        for name in ("cur", "new", "tmp"):
            os.makedirs(host.maildir() + "/" + name)
        for number in range(1, MESSAGES + 1):
            with open("%s/%d.M%dP1.x:2," % (cur, 1600000000 + number, number), "w") as out:
                out.write("Subject: %d\n\nx\n" % number)
            self.flags[number], self.changed[number] = frozenset(), 0
        host.give(host.home("kevin"))
        self.worker = Ours(host)
        self.command("SELECT INBOX")

    def command(self, text):
        answer = self.worker.command(text).decode()
        if "\r\nd OK" not in "\r\n" + answer:
            raise Failed("%s: %s" % (text[:80], answer[-300:]))
        return answer

    def generation(self):
        """Of the index: another one when it was made anew."""
        with open(self.host.maildir() + "/mailsession.journal", "rb") as journal:
            return struct.unpack_from("=8sIIQ", journal.read(24))[3]

    # what one session does

    def pick(self, count):
        return self.rng.sample(sorted(self.flags), min(count, len(self.flags)))

    def set_flags(self, uid, flags):
        self.stored += self.flags[uid] != flags
        if self.flags[uid] != flags:
            self.flags[uid], self.changed[uid] = flags, self.step

    def store(self, count):
        uids, sign = self.pick(count), self.rng.choice(["+", "-", ""])
        flags = frozenset(self.rng.sample(FLAGS, self.rng.randint(1, 3)))
        self.step += 1
        self.command("UID STORE %s %sFLAGS.SILENT (%s)" % (ranges(uids), sign, " ".join(sorted(flags))))
        for uid in uids:
            had = self.flags[uid]
            self.set_flags(uid, {"+": had | flags, "-": had - flags, "": flags}[sign])

    def go(self, uid):
        del self.flags[uid], self.changed[uid]
        self.gone[uid] = self.step

    def expunge(self, count):
        first = self.rng.choice(sorted(self.flags))
        uids = {*self.pick(count // 2), *[uid for uid in range(first, first + count // 2) if uid in self.flags]}
        self.step += 1
        self.command("UID STORE %s +FLAGS.SILENT (\\Deleted)" % ranges(uids))
        self.command("UID EXPUNGE %s" % ranges(uids))
        for uid in uids:
            self.go(uid)

    def append(self, count):
        self.step += 1
        flags = [frozenset(self.rng.sample(FLAGS, 2)) for _ in range(count)]
        text = b"Subject: new\r\n\r\nx\r\n"
        self.worker.say(b"d APPEND INBOX" + b"".join(
            b" (%s) {%d+}\r\n%s" % (" ".join(sorted(each)).encode(), len(text), text) for each in flags) + b"\r\n")
        uids = re.search(r"APPENDUID \d+ ([\d:,]+)", self.worker.until("d ").decode())
        for uid, each in zip(numbers(uids[1]), flags, strict=True):
            self.flags[uid], self.changed[uid] = each, self.step

    def foreign(self, count):
        """Another program renames and removes files of the first messages."""
        cur = self.host.maildir() + "/cur/"
        self.step += 1
        for name in self.rng.sample([name for name in sorted(os.listdir(cur)) if name.endswith(tuple("2,SFRDab"))], count):
            uid = int(name.partition(".")[0]) - 1600000000
            if uid not in self.flags:
                continue
            if self.rng.random() < 0.3:
                os.unlink(cur + name)
                self.go(uid)
                continue
            base, _, letters = name.partition(":2,")
            letters = letters.replace("F", "") if "F" in letters else "".join(sorted(letters + "F"))
            os.rename(cur + name, cur + base + ":2," + letters)
            self.set_flags(uid, self.flags[uid] ^ {"\\Flagged"})
        self.command("NOOP")

    def work(self, rounds, count):
        for _ in range(rounds):
            self.store(count)
            if self.rng.random() < 0.4:
                self.expunge(count // 4)
            if self.rng.random() < 0.4:
                self.append(count // 6)
            if self.rng.random() < 0.2:
                self.foreign(6)

    # the clients

    def leave(self):
        client = Ours(self.host)
        client.command("ENABLE CONDSTORE")
        text = client.command("EXAMINE INBOX").decode()
        client.finish()
        return Away(self.step, int(re.search(r"UIDVALIDITY (\d+)", text)[1]), int(re.search(r"HIGHESTMODSEQ (\d+)", text)[1]),
                    sorted(self.flags))

    def back(self, away, more=""):
        """({UID: flags} of the FETCH answers, set of UIDs that vanished)."""
        client, fetched, vanished = Ours(self.host), {}, []
        client.command("ENABLE QRESYNC")
        lines = client.command("SELECT INBOX (QRESYNC (%d %d%s))" % (away.validity, away.modseq, more)).decode().split("\r\n")
        client.finish()
        highest = int(re.search(r"HIGHESTMODSEQ (\d+)", "\n".join(lines))[1])
        order = sorted(self.flags)
        for line in lines:
            found = FETCH.match(line)
            if found:
                uid, modseq = int(found[2]), int(found[3])
                if order[int(found[1]) - 1] != uid or uid in fetched or modseq > highest:
                    raise Failed("%s, of %d messages, highest %d" % (line, len(order), highest))
                fetched[uid] = frozenset(found[4].split()) - {"\\Recent"}
            elif VANISHED.match(line):
                vanished += numbers(VANISHED.match(line)[1])
            elif "FETCH" in line or "VANISHED" in line:
                raise Failed("not understood: " + line)
        if len(vanished) != len(set(vanished)):
            raise Failed("told twice to be gone: %r" % vanished)
        return fetched, set(vanished)

    def expect_back(self, away, what):
        changed = {uid: flags for uid, flags in self.flags.items() if self.changed[uid] > away.step}
        gone = {uid for uid, step in self.gone.items() if step > away.step}
        fetched, vanished = self.back(away)
        expect(what + ", changed", changed, fetched)
        expect(what + ", gone", gone, vanished)
        # with the UIDs that the client has, it is about these
        known = set(self.rng.sample(away.uids, len(away.uids) // 2))
        fetched, vanished = self.back(away, " " + ranges(known))
        expect(what + ", changed of known", {uid: changed[uid] for uid in known & set(changed)}, fetched)
        expect(what + ", gone of known", known & gone, vanished)
        # and with some numbers of messages too, nothing that the client has is left out (section 3.2.5.2)
        seqs = [len(away.uids) * part // 40 or 1 for part in range(40)]
        match = " %s (%s %s)" % (ranges(away.uids), ",".join(map(str, seqs)), ",".join(str(away.uids[seq - 1]) for seq in seqs))
        fetched, vanished = self.back(away, match)
        expect(what + ", gone of matched", set(away.uids) & gone, vanished)


def what_changed_and_what_went():
    with Host(settings="mail_fsync = never\n") as host:
        folder = Folder(host)
        generation = folder.generation()
        while folder.generation() == generation:  # an empty journal
            folder.store(500)
        early = folder.leave()
        folder.expect_back(early, "nothing")
        generation = folder.generation()
        folder.work(24, 40)
        if folder.generation() != generation:
            raise Failed("the index was made anew in the middle of the journal's turn")
        folder.expect_back(early, "from the journal")
        folder.expunge(8)  # the last that this one knows of
        later = folder.leave()
        seen = {generation}
        while len(seen) < 4:
            folder.work(3, 250)
            seen.add(folder.generation())
        late = folder.leave()
        folder.work(3, 20)
        for away, what in ((early, "early"), (later, "later"), (late, "late")):
            folder.expect_back(away, what + ", behind the journal")
        if folder.stored < 4000 or len(folder.gone) < 300 or max(folder.flags) < MESSAGES + 200:
            raise Failed("only %d flags, %d gone, UIDs up to %d" % (folder.stored, len(folder.gone), max(folder.flags)))
        # an index that is lost takes its history with it: too much is told, never too little
        for name in ("index", "journal"):
            os.unlink(host.maildir() + "/mailsession." + name)
        fetched, vanished = folder.back(early)
        expect("after the loss", folder.flags, fetched)
        expect("gone after the loss", {uid for uid in early.uids if uid in folder.gone}, vanished & set(early.uids))
        folder.worker.finish()


if __name__ == "__main__":
    run_tests([what_changed_and_what_went])

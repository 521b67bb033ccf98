#!/usr/bin/env python3
"""CONDSTORE and QRESYNC (RFC 7162): the same random commands to Dovecot and to us, each on its own copy of one Maildir, two
sessions each. Every answer must name the same messages with the same flags, but for DECIDED. MODSEQs are compared by their
order: after each command the folder's HIGHESTMODSEQ is asked for, and a value stands for the command it came with.

    tests/clients/test_condstore.py seeds FIRST LAST     with these seeds, the first difference of each
"""

import bisect
import random
import re
import sys

from common import Failed, Host, run_tests
from dovecot import Dovecot, Ours
import imap_answer

SEEDS = range(1, 11)
STEPS = 60

# Where we differ on purpose.
DECIDED = {
    "store-unchanged": "STORE is answered for every message it names (RFC 3501 section 6.4.6), Dovecot: for changed ones",
    "not-modseq": "SEARCH NOT MODSEQ of more than HIGHESTMODSEQ finds all (RFC 3501 section 6.4.4, NOT), Dovecot: nothing",
    "vanished-known": "Dovecot may name more as VANISHED (EARLIER) than went since (RFC 7162 section 5.1)",
    "uid-unasked": "a FETCH that no FETCH asked for has its UID too (RFC 3501 section 6.4.8, RFC 7162 section 3.2.4)",
}

MAILBOX = " ".join(["plain utf8:S alternative:RS attachment:FS nested:ST eightbit:DS plain crlf:F"] * 3)
FLAGS = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Deleted", "\\Draft", "work", "$Forwarded"]
THEIRS, OURS = 0, 1


def numbers(text):
    """A set of numbers as a sorted tuple."""
    found = set()
    for part in text.split(","):
        ends = sorted(map(int, part.split(":")))
        found.update(range(ends[0], ends[-1] + 1))
    return tuple(sorted(found))


class Facts:
    """What one answer said, by UIDs. `order`: a MODSEQ to the number of the command it came with; `view`: the client's UIDs by
    message number, "new" ones until it has asked."""

    def __init__(self, raw, tag, order, view):
        self.fetch, self.vanished, self.expunged, self.rest = {}, {}, [], {}
        self.modified, self.copied, self.status, self.highest = (), (), None, None
        self.order, self.view = order, view
        for tokens in imap_answer.lines(raw):
            if tokens and tokens[0] == tag:
                self._tagged(tokens)
            elif len(tokens) > 1:
                self._untagged(tokens)

    def _tagged(self, tokens):
        self.status = tokens[1].decode()
        words = imap_answer.code(tokens)
        if words[:1] == ["MODIFIED"]:
            self.modified = numbers(words[1])
        elif words[:1] == ["COPYUID"]:
            self.copied = tuple(words[2:])
        elif words[:1] == ["HIGHESTMODSEQ"]:
            self.highest = self.order(int(words[1]))

    def _untagged(self, tokens):
        first = tokens[1].upper()
        if first.isdigit() and tokens[2] == b"FETCH":
            self._fetch(self.view[int(first) - 1], tokens[3])
        elif first.isdigit() and tokens[2] == b"EXPUNGE":
            self.expunged.append(self.view.pop(int(first) - 1))
        elif first.isdigit() and tokens[2] == b"EXISTS":
            self.view += ["new %d" % n for n in range(len(self.view) + 1, int(first) + 1)]
        elif first == b"VANISHED":
            kind = "earlier" if isinstance(tokens[2], list) else "now"
            gone = numbers(tokens[-1].decode())
            if kind == "now":
                self.view[:] = [uid for uid in self.view if uid not in gone]
            self.vanished[kind] = tuple(sorted(set(self.vanished.get(kind, ()) + gone)))
        elif first in (b"SEARCH", b"ESEARCH"):
            self._search(tokens[2:])
        elif first == b"OK" and imap_answer.code(tokens)[:1] in (["HIGHESTMODSEQ"], ["MODIFIED"], ["NOMODSEQ"], ["UIDNEXT"]):
            words = imap_answer.code(tokens)
            self.rest[words[0]] = self.order(int(words[1])) if words[0] == "HIGHESTMODSEQ" else words[1:]
            self.copied = tuple(words[2:]) if words[0] == "COPYUID" else self.copied
        elif first == b"OK" and imap_answer.code(tokens)[:1] == ["COPYUID"]:
            self.copied = tuple(imap_answer.code(tokens)[2:])

    def _fetch(self, message, items):
        into = self.fetch.setdefault(message, {})
        for name, value in zip(items[::2], items[1::2]):
            name = name.decode().upper()
            if name == "FLAGS":
                into[name] = tuple(sorted({word.decode().lower() for word in value} - {"\\recent"}))
            else:
                into[name] = self.order(int(value[0])) if name == "MODSEQ" else value.decode()

    def _search(self, tokens):
        words = []
        for token in tokens:
            if isinstance(token, list):
                if token[0].upper() == b"MODSEQ":
                    words.append(("MODSEQ", self.order(int(token[1]))))
            elif words and words[-1] == "MODSEQ":
                words[-1] = ("MODSEQ", self.order(int(token)))
            else:
                words.append(token.decode())
        found = {}
        for name, value in zip(words, words[1:]):
            if name == "ALL":
                found["ALL"] = numbers(value)
        self.rest["SEARCH"] = (tuple(sorted(map(str, words))) if not found else
                               tuple(sorted(map(str, set(words) - {words[words.index("ALL") + 1]}))) + found["ALL"])

    def facts(self):
        return {"status": self.status, "fetch": self.fetch, "vanished": self.vanished, "expunged": sorted(self.expunged),
                "count": len(self.view),
                "modified": self.modified, "copied": self.copied, "highest": self.highest, "rest": self.rest}


class World:
    """Two sessions a server and one that only asks for STATUS."""

    def __init__(self, host, seed):
        self.random = random.Random(seed)
        self.qresync = seed % 2 == 0
        self.servers = [[Dovecot(host, host.maildir("twin")) for _ in range(3)], [Ours(host, user="kevin") for _ in range(3)]]
        for server in self.servers[THEIRS]:
            server.until("* PREAUTH")
        self.marks = [[], []]  # HIGHESTMODSEQ after each command
        self.uids = []  # what was there then
        self.history = []
        self.views = [[[], []], [[], []]]
        self.tag = 0
        for server in (side[2] for side in self.servers):
            server.command("SELECT INBOX")
            server.command("UNSELECT")
            server.command("CREATE Other")
        self.valid = [re.search(rb"UIDVALIDITY (\d+)", side[2].command("STATUS INBOX (UIDVALIDITY)"))[1].decode()
                      for side in self.servers]
        self.mark()
        for which in (0, 1):
            self.both(which, "ENABLE " + ("QRESYNC" if self.qresync else "CONDSTORE"))
            self.both(which, "SELECT INBOX")
            self.known(which)

    def mark(self):
        for marks, side in zip(self.marks, self.servers):
            marks.append(int(re.search(rb"HIGHESTMODSEQ (\d+)", side[2].command("STATUS INBOX (HIGHESTMODSEQ)"))[1]))

    def order(self, side):
        return lambda modseq: bisect.bisect_left(self.marks[side], modseq)

    def written(self, side, text):
        """@n@ is the HIGHESTMODSEQ after command n, @n+@ one more, @V@ the UIDVALIDITY."""
        text = text.replace("@V@", self.valid[side])
        text = re.sub(r"@(\d+)\+@", lambda found: str(self.marks[side][int(found[1])] + 1), text)
        return re.sub(r"@(\d+)@", lambda found: str(self.marks[side][int(found[1])]), text)

    def both(self, which, text):
        """The Facts of each server's session `which`."""
        self.tag += 1
        tag = "t%d." % self.tag
        if text.startswith(("SELECT", "EXAMINE")):
            for view in self.views:
                view[which].clear()
        self.history.append("%d: %s" % (which, text[:200]))
        raw = [side[which].command(self.written(n, text), tag) for n, side in enumerate(self.servers)]
        for n, side in enumerate(self.servers):
            if re.match(r"(UID )?(STORE|EXPUNGE|COPY|MOVE)|APPEND|CLOSE", text):
                self.marks[n].append(int(re.search(rb"HIGHESTMODSEQ (\d+)", side[2].command("STATUS INBOX (HIGHESTMODSEQ)"))[1]))
        self.uids += [self.uids[-1] if self.uids else []] * (len(self.marks[0]) - len(self.uids))
        said = [Facts(re.sub(rb"(?m)^imap\(nobody\).*\n", b"", one), tag.encode(), self.order(n), self.views[n][which]).facts()
                for n, one in enumerate(raw)]
        decided(*said, text, self)
        wrong = ["%s\n  Dovecot %.900r\n  ours    %.900r" % (key, said[0][key], said[1][key])
                 for key in said[0] if said[0][key] != said[1][key]]
        if wrong:
            raise Failed("%s\n  Dovecot said %.1500r\n  ours    said %.1500r" % ("\n".join(wrong), *raw))
        return said[OURS]

    def vanished(self, text):
        """What went since the MODSEQ of the command, of the UIDs that it names; nothing where numbers may show them."""
        since = re.search(r"@(\d+)@", text)
        named = re.search(r"@ ([\d,:]+)\)\)$", text) if "QRESYNC" in text else re.search(r"FETCH (\S+)", text)
        gone = set(self.uids[int(since[1])]) - set(self.uids[-1])
        if " (" in text.partition("@V@")[2]:
            return set()
        return gone & set(numbers(named[1])) if named and "*" not in named[1] else gone

    def known(self, which):
        """Asks for the UIDs of the session's mailbox."""
        found = sorted(map(int, self.both(which, "UID SEARCH ALL")["rest"].get("SEARCH", ())))
        for view in self.views:
            view[which][:] = found
        return found


def decided(a, b, text, world):
    """Takes the differences of DECIDED out of a, Dovecot's facts, and b, ours."""
    if "STORE" in text:  # store-unchanged
        a["fetch"] = {**b["fetch"], **a["fetch"]}
    since = re.search(r"NOT MODSEQ @(\d+)\+@", text)
    if since and world.marks[THEIRS][int(since[1])] == world.marks[THEIRS][-1]:  # not-modseq
        a["rest"] = b["rest"]
    earlier = [set(facts["vanished"].get("earlier", ())) for facts in (a, b)]
    if "(QRESYNC" in text or " VANISHED)" in text:  # vanished-known
        if not world.vanished(text) <= earlier[OURS]:
            raise Failed("%s: %s are missing" % (text, sorted(world.vanished(text) - earlier[OURS])))
        if earlier[OURS] < earlier[THEIRS]:
            a["vanished"] = b["vanished"]
    for message, items in b["fetch"].items():  # uid-unasked
        if "UID" in items and "UID" not in a["fetch"].get(message, "UID"):
            del items["UID"]


class Commands:
    def __init__(self, world, which, uids):
        self.world, self.r, self.which, self.uids = world, world.random, which, uids

    def set(self, uid):
        top = (max(self.uids) if uid else len(self.uids))
        one = lambda: self.r.randint(1, top)  # noqa: E731
        return ",".join("%d:%d" % tuple(sorted((one(), one()))) if self.r.random() < 0.4 else str(one())
                        for _ in range(self.r.choice([1, 1, 2, 3])))

    def since(self):
        """Of some command; more often of a late one."""
        last = len(self.world.marks[0]) - 1
        return "@%d@" % (self.r.randint(max(0, last - 6), last) if self.r.random() < 0.6 else self.r.randint(0, last))

    def uid(self):
        return self.r.choice(["", "UID "])

    def store(self):
        uid = self.uid()
        since = self.r.choice(["", " (UNCHANGEDSINCE %s)" % self.since()])
        flags = " ".join(sorted(set(self.r.sample(FLAGS, self.r.randint(1, 2)))))
        return "%sSTORE %s%s %sFLAGS%s (%s)" % (uid, self.set(uid), since, self.r.choice("+-+") if self.r.random() < 0.8 else "",
                                                self.r.choice(["", ".SILENT"]), flags)

    def fetch(self):
        uid = self.uid()
        vanished = " VANISHED" if uid and self.world.qresync and self.r.random() < 0.5 else ""
        return "%sFETCH %s (%s) (CHANGEDSINCE %s%s)" % (
            uid, self.r.choice(["1:*", self.set(uid)]), self.r.choice(["FLAGS", "UID FLAGS", "MODSEQ", "UID"]), self.since(), vanished)

    def fetch_all(self):
        return "FETCH 1:* (UID FLAGS MODSEQ)"

    def search(self):
        key = self.r.choice(["MODSEQ %s", 'MODSEQ "/flags/\\\\Draft" all %s', "NOT MODSEQ %s", "MODSEQ %s SEEN", "OR MODSEQ %s FLAGGED"])
        how = self.r.choice(["", "", "RETURN (ALL) ", "RETURN (MIN) ", "RETURN (MAX) ", "RETURN (MIN MAX) ", "RETURN (COUNT) "])
        # one command of Dovecot's may have several MODSEQs: not from the last of them on
        return "%sSEARCH %s%s" % (self.uid(), how, key % self.since().replace("@", "+@")[1:])

    def expunge(self):
        return self.r.choice(["EXPUNGE", "UID EXPUNGE " + self.set("UID ")])

    def copy(self):
        uid = self.uid()
        return "%s%s %s %s" % (uid, self.r.choice(["COPY", "COPY", "MOVE"]), self.set(uid), self.r.choice(["INBOX", "Other"]))

    def match(self, at):
        """Message numbers and UIDs of that time, or of now."""
        uids = self.world.uids[at] if self.r.random() < 0.7 else self.uids
        some = sorted(self.r.sample(range(len(uids)), min(len(uids), self.r.randint(1, 6))))
        return "%s %s" % (",".join(str(i + 1) for i in some), ",".join(str(uids[i]) for i in some))

    def resynchronise(self):
        since = self.since()
        at = int(since.strip("@"))
        known = self.r.choice(["", " 1:%d" % (max(self.uids)), " " + self.set("UID ")])
        match = " (%s)" % self.match(at) if known and self.r.random() < 0.5 and self.world.uids[at] else ""
        return "%s INBOX (QRESYNC (@V@ %s%s%s))" % (self.r.choice(["SELECT", "SELECT", "EXAMINE"]), since, known, match)

    def next(self):
        kinds = [self.store] * 6 + [self.fetch] * 4 + [self.search] * 3 + [self.expunge] * 2 + [self.copy] * 2 + [self.fetch_all]
        kinds += [self.resynchronise] * 3 if self.world.qresync else []
        return self.r.choice(kinds)()


def play(seed):
    with Host(users={"kevin": "secret", "twin": "secret"}) as host:
        for user in ("kevin", "twin"):
            host.fill(user, MAILBOX)
        Ours(host, user="kevin").finish()
        host.give(host.home("twin"))
        world = World(host, seed)
        try:
            for _ in range(STEPS):
                which = world.random.choice([0, 1])
                world.both(which, "NOOP")
                uids = world.known(which)
                world.uids[-1] = uids
                if len(uids) < 5:
                    break
                text = Commands(world, which, uids).next()
                world.both(which, text)
                if text.startswith("EXAMINE"):
                    world.both(which, "SELECT INBOX")
                world.known(which)
        except Failed as wrong:
            raise Failed("seed %d: %s\n  before:\n  %s" % (seed, wrong, "\n  ".join(world.history[-14:])))
        for server in world.servers[OURS]:
            server.finish()
        for server in world.servers[THEIRS]:
            server.finish()


def same_answers():
    for seed in SEEDS:
        play(seed)


if sys.argv[1:2] == ["seeds"]:
    for number in range(int(sys.argv[2]), int(sys.argv[3]) + 1):
        try:
            play(number)
            print("ok", number, flush=True)
        except Failed as wrong:
            print("not ok", wrong, flush=True)
elif __name__ == "__main__":
    run_tests([same_answers])

#!/usr/bin/env python3
"""The same random commands to Dovecot and to us, each on its own copy of one Maildir, or of the same mboxes; every answer
must be the same but for DECIDED. The seeds are fixed. For more of it:

    tests/clients/test_differential.py seeds maildir|mbox FIRST LAST     IMAP with these seeds, the first difference of each
"""

import os
import random
import re
import shutil
import sys

from common import Failed, Host, fixtures, formats, run_tests
from dovecot import Ours
from imap_answer import Answer, View, without_recent
from imap_commands import MESSAGES, THERE, Commands
from mbox_pair import Others, same_files, same_levels, theirs_of

SEEDS = range(1, 33)
MBOX_SEEDS = (1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12)
STEPS = 90

# Where we differ on purpose. "left out": such commands are not made here; the others are looked for in
# decided() and imap_answer.py.
DECIDED = {
    "texts": "the words behind OK, NO and BAD, the order of items and of folders, response codes but those of CODES",
    "mailboxid": "SELECT, EXAMINE and CREATE tell MAILBOXID (RFC 8474 section 4), which Dovecot 2.3 has not",
    "nomodseq": "Dovecot has no modification sequences for an mbox until somebody asks for them",
    "marked": "Dovecot takes \\Marked and \\UnMarked from the times of an mbox; \\HasNoChildren goes without saying "
              "where there is \\NoInferiors (RFC 5258 section 4)",
    "no-body": "left out: what has no body gets an empty line as its body when Dovecot saves it into an mbox",
    "base-gone": "left out: another program takes the first message of an mbox, and X-IMAPbase with it. Dovecot gives new "
                 "UIDs to all, ours keeps them",
    "unwritten": "left out: another program changes an mbox where a message has not its X-UID yet. Of its flags Dovecot takes no "
                 "notice, or takes it for one that went; of two that are the same nobody can say which one did",
    "level": "left out: directories without mail: Dovecot makes that of the new name although RENAME fails, and with DIRNAME "
             "takes away the one of the old name when it is empty",
    "slash": "left out: '/' in a level is escaped on disk; Dovecot refuses it without its plugin listescape",
    "special-use": "the default settings of ours name Drafts, Sent, Junk and Trash",
    "inbox-echo": "STATUS of inbox answers for INBOX: RFC 3501 section 5.1 makes them one name",
    "keyword-named": "Dovecot enters a keyword that SEARCH or STORE -FLAGS only names; ours when a message gets it",
    "store-unchanged": "STORE is answered for every message it names (RFC 3501 section 6.4.6), Dovecot: for changed ones",
    "uid-unasked": "a FETCH that a UID command did not ask for has its UID too (section 6.4.8)",
    "read-only": "STORE, EXPUNGE in a mailbox that is only examined: NO, not OK without effect (sections 6.4.3 and 6.4.6)",
    "leaf-part": "a part that is neither multipart nor message has no parts of its own (section 6.4.5)",
    "subscribe-missing": "a name that is not there can be subscribed: section 6.3.6 leaves it open, clients do it early",
    "recent-flagged": "\\Recent of mail saved with flags: Dovecot knows from its index, ours is to come. Half of the "
                      "seeds save without flags, and there \\Recent must be the same",
    "move-examined": "left out: Dovecot moves messages out of an examined mailbox",
    "beyond": "left out: a set with a number beyond the mailbox is BAD (section 9, seq-number), Dovecot cuts ranges",
    "sent-no-date": "left out: SENT keys and mail without Date, which Dovecot takes as of 1970",
    "keyword-twice": "left out: a STORE that names a keyword twice makes Dovecot forget the next one",
    "rename-inbox": "left out: Dovecot refuses it on Maildir; ours moves the messages (section 6.3.5)",
    "rename-taken": "left out: Dovecot renames a level without mail onto a mailbox that is there",
    "name-cut": "left out: LIST of a pattern that is not mUTF-7 is NO, Dovecot: OK and nothing",
    "panics": "not met by SEEDS: NOT (SINCE a SINCE b) finds nothing in Dovecot; COPY *,1:*, NOT 7:*,3:* and, of an mbox, any "
              "COPY can end it, and RENAME of a level to one below another is refused",
    "pop3-noise": "left out: an argument behind STAT or RSET is -ERR, Dovecot takes no notice of it",
    "pop3-seen": "Dovecot marks what was retrieved as \\Seen also when the client goes without QUIT",
}
CODES = ("APPENDUID", "COPYUID", "TRYCREATE", "READ-ONLY", "READ-WRITE")

BODILESS = ("headeronly", "nobody")
MAILBOX = ("plain utf8:S alternative:RS attachment:FS nested:ST eightbit:DS longlines crlf:new dots:new mixed-ends "
           "headeronly nobody nolastline plain:S@.Sent dots@.a.b crlf:new@.a.b alternative:S@.Gr&APwA3w-e")


class Pair:
    """One session at each server, and what its client knows."""

    def __init__(self, *servers):
        self.servers = servers
        self.views = [View() for _ in servers]
        self.selected = None
        self.read_only = False

    def ask(self, tag, data):
        """The Answer of each."""
        if data.split()[0] in (b"SELECT", b"EXAMINE", b"CLOSE", b"UNSELECT"):
            for view in self.views:
                view.close()
        answers = []
        for server, view in zip(self.servers, self.views):
            server.say(tag + b" " + data + b"\r\n")
            # Dovecot's complaints about its own index come on the same pipe
            raw = re.sub(rb"(?m)^imap\(nobody\).*\n", b"", server.until(tag + b" "))
            try:
                answers.append(Answer(raw, tag, view, b"FETCH" not in data))
            except ValueError as wrong:
                raise Failed("%r: %s: %r" % (data[:200], wrong, raw))
        self._follow(data, answers)
        return answers

    def _follow(self, data, answers):
        verb, _, name = data.partition(b" ")
        if verb in (b"SELECT", b"EXAMINE"):
            self.selected = name.decode().upper() if answers[0].tagged[0] == "OK" else None
            self.read_only = verb == b"EXAMINE"
        elif verb in (b"CLOSE", b"UNSELECT"):
            self.selected = None
        elif verb == b"SUBSCRIBE" and [answer.tagged[0] for answer in answers] == ["NO", "OK"]:
            self.servers[1].command("UN" + data.decode())  # subscribe-missing


def decided(a, b, data, pair, flagged):
    """Takes the differences of DECIDED out of a, Dovecot's facts, and b, ours."""
    verb = data.split(b" ")[1 if data.startswith(b"UID") else 0]
    for facts in (a, b):
        if flagged:  # recent-flagged
            without_recent(facts)
        status, words = facts["tagged"]
        facts["tagged"] = (status, words if words and words[0] in CODES else ())  # texts
        facts["rest"] = sorted(re.sub(r"^\('STATUS', 'inbox", "('STATUS', 'INBOX", row) for row in facts["rest"]
                               if "MAILBOXID" not in row and "NOMODSEQ" not in row)
    for key in ("keywords", "permanent"):
        if a[key] and b[key] and set(b[key]) <= set(a[key]):  # keyword-named
            a[key] = b[key]
    if verb == b"STORE":  # store-unchanged
        a["fetch"] = {**b["fetch"], **a["fetch"]}
    if pair.read_only and verb in (b"STORE", b"EXPUNGE") and b["tagged"][0] == "NO":  # read-only
        a["tagged"] = b["tagged"]
    if verb == b"SUBSCRIBE" and b["tagged"][0] == "OK":  # subscribe-missing
        a["tagged"] = b["tagged"]
    for message, items in b["fetch"].items():
        dovecots = a["fetch"].get(message, {})
        if "UID" not in dovecots:  # uid-unasked
            items.pop("UID", None)
        if items.get("BODY[2.1]") == "":  # leaf-part
            dovecots["BODY[2.1]"] = ""


def different(a, b):
    """What of them is."""
    if not isinstance(a, dict) or not isinstance(b, dict):
        return a, b
    pairs = {key: different(a.get(key), b.get(key)) for key in {**a, **b} if a.get(key) != b.get(key)}
    return tuple({key: pair[i] for key, pair in pairs.items()} for i in range(2))


def compare(data, answers, pair, flagged):
    a, b = (answer.facts() for answer in answers)
    decided(a, b, data, pair, flagged)
    wrong = ["%s\n  Dovecot %.600r\n  ours    %.600r" % (key, *different(a[key], b[key])) for key in a if a[key] != b[key]]
    if wrong:
        raise Failed("%r: %s\n  Dovecot said %.900r\n  ours    said %.900r" % (
            data[:200], "\n".join(wrong), answers[0].raw, answers[1].raw))


def step(pair, commands, tag, history):
    def ask(letter, data):
        history.append("%d: %s" % (commands.pairs.index(pair), data[:100].decode(errors="replace")))
        compare(data, pair.ask(letter + tag, data), pair, commands.flagged)

    if pair.selected:
        ask(b"n", b"NOOP")
        # who does not know the flags cannot see that a change of them was taken back, which only Dovecot tells
        if any(message not in pair.views[0].flags for message in pair.views[0].messages):
            ask(b"f", b"FETCH 1:* (UID FLAGS)")
    ask(b"t", commands.next(pair))


def play(seed, format):
    """Two sessions. Each looks (NOOP) before its command, so that the servers need not tell changes at the same time."""
    mbox = format is not formats.Maildir
    # as it comes Dovecot keeps changes of flags in its index until the mailbox is closed, and may miss those of others
    lazy = seed % 4 == 3
    # Dovecot knows no UTF8=ACCEPT, and refuses no header
    with Host(users={"kevin": "secret", "twin": "secret"}, format=format, settings="".join((
            "imap_capability = -UTF8=ACCEPT\n", format.settings, "" if lazy else "mbox_lazy_writes = no\n"))) as host:
        for user in ("kevin", "twin"):
            host.fill(user, " ".join(word for word in MAILBOX.split() if not mbox or word not in BODILESS))
        ours = [Ours(host, user="kevin") for _ in range(2)]
        host.give(host.home("twin"))
        theirs = [theirs_of(host, **({} if lazy else {"MBOX_LAZY_WRITES": "no", "MBOX_DIRTY_SYNCS": "no"})) for _ in range(2)]
        for server in (theirs[0], ours[0]):
            for name in THERE:  # which UIDs mail gets that nobody saw yet is left to a server
                server.command("SELECT " + name)
            server.command("UNSELECT")
        pairs = [Pair(*servers) for servers in zip(theirs, ours)]
        commands = Commands(seed, pairs, [name for name in MESSAGES if not mbox or name not in BODILESS])
        others = Others(commands, host, not lazy) if mbox else None
        history = []
        try:
            for number in range(STEPS):
                done = others and others.act()
                if done:
                    history.append(done)
                pair = commands.r.choice(pairs)
                step(pair, commands, b"%d." % number, history)
                if mbox:
                    same_levels(host)
            for server in theirs + ours:
                server.finish()
            if mbox:
                same_files(host)
        except Failed as wrong:
            raise Failed("seed %d step %d: %s\n  before:\n  %s" % (seed, number, wrong, "\n  ".join(history[-12:])))


def same_answers():
    for seed in SEEDS:
        play(seed, formats.Maildir)


def same_answers_mbox():
    for seed in MBOX_SEEDS:
        play(seed, formats.Mbox if seed % 2 else formats.MboxWithChildren)


def never_early():
    """Ours alone, nobody looks before a command: what is told stays consistent, EXPUNGE is never told in FETCH, STORE or
    SEARCH, and in the end all sessions see the same."""
    for seed in range(2, 12, 2):
        with Host() as host:
            host.fill("kevin", MAILBOX)
            pairs = [Pair(Ours(host)) for _ in range(3)]
            commands = Commands(seed, pairs)
            for number in range(STEPS * 2):
                pair = commands.r.choice(pairs)
                data = commands.next(pair)
                answer = pair.ask(b"t%d." % number, data)[0]
                if data.startswith((b"FETCH", b"STORE", b"SEARCH")) and answer.expunged:
                    raise Failed("seed %d: EXPUNGE in %r: %r" % (seed, data, answer.raw))
            seen = []
            for pair in pairs:
                pair.ask(b"s.", b"EXAMINE INBOX") if pair.selected != "INBOX" else pair.ask(b"s.", b"NOOP")
                answer = pair.ask(b"f.", b"UID FETCH 1:* (FLAGS)")[0]
                seen.append({items["UID"]: set(items["FLAGS"]) - {"\\recent"} for items in answer.fetch.values()})
                if len(seen[-1]) != answer.count or seen[-1] != seen[0]:
                    raise Failed("seed %d: sessions see different things:\n%r\n%r" % (seed, seen[0], seen[-1]))
            for pair in pairs:
                pair.servers[0].finish()


POP3 = ["STAT", "LIST", "UIDL", "NOOP", "RSET", "LIST %d", "UIDL %d", "RETR %d", "RETR %d", "DELE %d", "DELE %d", "TOP %d 0",
        "TOP %d 3", "TOP %d 99999999999", "LIST 0", "RETR 4294967296", "RETR x", "TOP %d", "DELE", "XYZ", "LAST", "LIST  %d",
        "retr %d", "UIDL %d x", "DELE -1", ""]


def pop3_line(server):
    while b"\r\n" not in server.rest:
        server.read()
    line, _, server.rest = server.rest.partition(b"\r\n")
    return line + b"\r\n"


def pop3_answer(server, command):
    """+OK or -ERR, the numbers and names behind it, and the lines that follow."""
    server.say(command)
    first, text = pop3_line(server), b""
    verb = command.upper().split(" ")[0]
    if first.startswith(b"+OK") and (verb in ("RETR", "TOP") or command in ("LIST", "UIDL")):
        while text != b".\r\n" and not text.endswith(b"\r\n.\r\n"):
            text += pop3_line(server)
    said = verb in ("STAT", "LIST", "UIDL") and first.startswith(b"+OK") and not text
    return first.split()[0], first.split()[1:] if said else [], text


def pop3_play(host, r, quits):
    """One session: random commands, then QUIT or not."""
    ours = Ours(host, "pop3", user="kevin")
    theirs = theirs_of(host, protocol="pop3")
    for _ in range(STEPS // 2):
        command = r.choice(POP3)
        command = command % r.randint(1, 16) if "%" in command else command
        a, b = (pop3_answer(server, command) for server in (theirs, ours))
        if a != b:
            raise Failed("%r:\n  Dovecot %.600r\n  ours    %.600r" % (command, a, b))
    for server in (theirs, ours) if quits else ():
        pop3_answer(server, "QUIT")
    ours.session.finish()
    theirs.finish()
    left = [{name if quits else name.partition(":")[0]  # pop3-seen
             for part in ("cur", "new") for name in os.listdir(os.path.join(host.maildir(user), part))}
            for user in ("twin", "kevin")]
    if left[0] != left[1]:
        raise Failed("what is left differs: Dovecot %r, ours %r" % (sorted(left[0] - left[1]), sorted(left[1] - left[0])))


def same_pop3():
    for seed in range(1, 7):
        with Host(users={"kevin": "secret", "twin": "secret"}) as host:
            host.fill("kevin", MAILBOX)
            first = Ours(host, user="kevin")
            first.command("SELECT INBOX")  # gives UIDs and UIDVALIDITY, the same for both
            first.finish()
            shutil.copytree(host.maildir("kevin"), host.maildir("twin"))
            host.give(host.home("twin"))
            r = random.Random(seed)
            try:
                for quits in (True, True, False):
                    pop3_play(host, r, quits)
            except Failed as wrong:
                raise Failed("seed %d: %s" % (seed, wrong))


FROM = b"From a@example.org Tue Nov 14 23:12:20 2023\n"
MAIL = FROM + b"From: a@example.org\nSubject: s\n"
ONE = MAIL + b"\none\n\n"
SPOOLS = {
    "CRLF": ONE.replace(b"\n", b"\r\n") * 2 + ONE,
    "no empty line between": (MAIL + b"\n.\n..x\n") * 3,
    "no line end at the end": ONE + MAIL + b"\nlast",
    "no body": MAIL,
    "From in a body": MAIL + b"\nFrom here on\n>From there\nFrom: x\n\n" + ONE,
    "a length that is true": MAIL + b"Content-Length: %d\n\n" % (len(FROM) * 3) + FROM * 3 + b"\n" + ONE,
    "a length that is not": MAIL + b"Content-Length: 99999\n\nx\n\n" + ONE,
    "pseudo message": FROM + b"From: Mail System Internal Data <MAILER-DAEMON@h>\n"
                      b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1600000000 0000000007\n\nx\n\n" + ONE * 2,
    "status": FROM + b"X-IMAPbase: 1600000000 0000000009\nX-UID: 9\nStatus: RO\nSubject: s\n\nx\n\n" + ONE,
}


def pop3_of_both(host, commands):
    servers = theirs_of(host, protocol="pop3"), Ours(host, "pop3", user="kevin")
    for command in commands:
        a, b = (pop3_answer(server, command) for server in servers)
        if a != b:
            raise Failed("%r:\n  Dovecot %.600r\n  ours    %.600r" % (command, a, b))
    for server in servers:
        server.say("QUIT")
    servers[0].finish()
    servers[1].until("+OK")
    servers[1].session.finish()


def same_pop3_mbox():
    """Odd spools; then what is left of them."""
    for name, spool in SPOOLS.items():
        with Host(users={"kevin": "secret", "twin": "secret"}, settings=formats.Mbox.settings, format=formats.Mbox) as host:
            for user in ("kevin", "twin"):
                os.makedirs(os.path.join(host.home(user), "mail"))
                with open(host.mail(user).path(""), "wb") as out:
                    out.write(spool)
                host.give(host.home(user))
            Ours(host, "pop3", user="kevin").session.finish()  # all is nobody's from now on, as every session is
            host.give(host.home("twin"))
            all_of = ["STAT", "LIST", "RETR 1", "RETR 2", "RETR 3", "TOP 1 0", "TOP 2 1"]
            try:
                # after that Dovecot ends with a panic when a message with a length went
                pop3_of_both(host, all_of + (["DELE 1"] if b"Content-Length" not in spool else []))
                pop3_of_both(host, all_of)
            except Failed as wrong:
                raise Failed("%s: %s" % (name, wrong))


def seeds(name, first, last):
    for seed in range(int(first), int(last) + 1):
        try:
            play(seed, formats.of(name, seed % 2 == 0))
            print("ok", seed, flush=True)
        except Failed as wrong:
            print("not ok", wrong, flush=True)


if sys.argv[1:2] == ["seeds"]:
    seeds(*sys.argv[2:5])
else:
    run_tests([same_answers, same_answers_mbox, never_early, same_pop3, same_pop3_mbox])

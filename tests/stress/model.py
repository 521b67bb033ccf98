"""A client that keeps a picture of one mailbox, made of nothing but what the server told it."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "lib"))

from dovecot import Ours  # noqa: E402
from mailsession_test import Failed  # noqa: E402

CATCH_UP_TRIES = 5  # others append and remove meanwhile
KINDS = {"plain": "", "condstore": "CONDSTORE", "qresync": "QRESYNC", "uidonly": "UIDONLY"}


def numbers(text):
    for piece in text.split(","):
        low, _, high = piece.partition(":")
        yield from range(int(low), int(high or low) + 1)


class Client:
    """uids and flags stand in the order of message numbers; None: told of by EXISTS and not asked for yet."""

    def __init__(self, host, kind):
        self.host, self.kind = host, kind
        self.uids, self.flags = [], {}
        self.validity = self.highest = 0
        self.connect()

    def connect(self):
        self.conn = Ours(self.host)
        self.tags = 0
        if KINDS[self.kind]:
            self.command("ENABLE " + KINDS[self.kind])
        if self.kind == "qresync" and self.highest:
            known, self.uids = self.uids, []
            self.before = [uid for uid in known if uid]
            answer = self.command("SELECT INBOX (QRESYNC (%d %d))" % (self.validity, self.highest))
            exists = int(re.findall(r"(?m)^\* (\d+) EXISTS", answer)[-1])
            self.uids = sorted(self.flags)
            if exists != len(self.uids):
                self.fail("after QRESYNC there are %d messages, the client knows %r" % (exists, self.uids))
            return
        old, since = dict(self.flags), self.highest
        self.uids, self.flags = [], {}
        self.command("SELECT INBOX")
        if self.kind == "condstore" and since:
            self.read_changed(old, since)
        else:
            self.catch_up()

    def read_changed(self, old, since):
        """RFC 7162 without QRESYNC: what is there, and flags of what changed."""
        self.uids = [int(uid) for uid in re.findall(r"\d+", re.search(r"(?m)^\* SEARCH(.*)$", self.command("UID SEARCH ALL"))[1])]
        self.flags = {uid: old[uid] for uid in self.uids if uid in old}
        self.command("UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d)" % since)
        missing = [uid for uid in self.uids if uid not in self.flags]
        if missing:
            self.fail("CHANGEDSINCE %d does not tell of %r" % (since, missing))

    def drop(self):
        self.conn.session.socket.close()
        self.conn.session.finish()

    def fail(self, text):
        raise Failed("%s: %s\n%s" % (self.kind, text, "\n".join(self.conn_log()[-60:])))

    def conn_log(self):
        return getattr(self, "talk", [])

    def say(self, text):
        self.tags += 1
        self.talk = self.conn_log() + ["C: " + text]
        self.conn.say("t%d %s" % (self.tags, text))

    def answer(self):
        text = self.conn.until("t%d " % self.tags).decode()
        self.fetched = self.code = 0
        for line in text.split("\r\n"):
            self.talk.append("S: " + line)
            self.take(line)
        # RFC 7162 section 6
        if self.code:
            self.highest = self.code
        elif self.fetched > self.highest:
            self.highest = self.fetched
        return text.replace("\r\n", "\n")

    def command(self, text):
        self.say(text)
        return self.answer()

    def take(self, line):
        code = re.search(r"\[(HIGHESTMODSEQ|UIDVALIDITY) (\d+)\]", line)
        if code and code[1] == "UIDVALIDITY":
            self.validity = int(code[2])
        elif code:
            self.code = int(code[2])
        found = re.match(r"\* (\d+) (EXISTS|EXPUNGE|FETCH|UIDFETCH)(.*)|\* VANISHED (\(EARLIER\) )?([\d:,]+)", line)
        if not found:
            return
        if found[5]:
            for uid in numbers(found[5]):
                self.vanish(uid, found[4])
        elif found[2] == "EXISTS":
            self.uids += [None] * (int(found[1]) - len(self.uids))
            if len(self.uids) != int(found[1]):
                self.fail("%s messages, the client knows %d" % (found[1], len(self.uids)))
        elif found[2] == "EXPUNGE":
            self.flags.pop(self.uids.pop(int(found[1]) - 1), None)
        else:
            self.take_fetch(int(found[1]), found[2] == "UIDFETCH", found[3])

    def vanish(self, uid, earlier):
        self.flags.pop(uid, None)
        if uid in self.uids:
            self.uids.remove(uid)
        elif not earlier:
            if None not in self.uids:
                self.fail("VANISHED of %d, which the client does not have" % uid)
            self.uids.remove(None)

    def take_fetch(self, number, by_uid, items):
        uid = re.search(r"\bUID (\d+)", items)
        modseq = re.search(r"\bMODSEQ \((\d+)\)", items)
        flags = re.search(r"\bFLAGS \(([^)]*)\)", items)
        if modseq:
            self.fetched = max(self.fetched, int(modseq[1]))
        if by_uid:
            key = number
            if key not in self.uids:
                if None not in self.uids:
                    self.fail("UIDFETCH of %d, which the client does not have" % key)
                self.uids[self.uids.index(None)] = key
        elif number <= len(self.uids):
            key = int(uid[1]) if uid else self.uids[number - 1]
            if self.uids[number - 1] not in (None, key):
                self.fail("message %d is %r, not %r" % (number, self.uids[number - 1], key))
            self.uids[number - 1] = key
        else:
            self.fail("message %d of %d" % (number, len(self.uids)))
        if flags and key:
            self.flags[key] = frozenset(flags[1].split()) - {"\\Recent"}

    def catch_up(self):
        """Asks for what EXISTS told of; a message that goes meanwhile is told of later."""
        if None in self.uids and self.kind == "uidonly":
            self.command("UID FETCH %d:* (FLAGS)" % (max([uid for uid in self.uids if uid], default=0) + 1))
        # a change of flags can tell of the last of them before the others are known
        for _ in range(CATCH_UP_TRIES):
            if None not in self.uids or self.kind != "uidonly":
                break
            self.command("UID FETCH 1:* (FLAGS)")
        else:
            self.fail("EXISTS told of %d messages that UID FETCH 1:* does not have" % self.uids.count(None))
        if None in self.uids:
            self.command("FETCH %d:%d (UID FLAGS)" % (self.uids.index(None) + 1, len(self.uids)))

    def picture(self):
        return {uid: self.flags.get(uid) for uid in self.uids}

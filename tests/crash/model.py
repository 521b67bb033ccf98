"""What may be in the mailbox.

A place is (folder, flags); a message's placement is the set of its places. A State says for each message which
placements are right, by its number (X-Number, which makes every message unlike any other), and which folders must and
which may be there. What a folder has besides messages, a special use or an annotation, is placed as they are, by its
name. A command's effect is a function of (number, placement) that gives the placement after it.
"""

import re

from imap_answer import numbers


class Step:
    """A command. effect: see above; whole: all of it happens or nothing (else each message for itself); folders:
    (made, removed); selects: the folder; target: where APPEND, COPY and MOVE put; appends: the messages' numbers;
    stages: what may have happened of a command that has several, each of them whole, as Effects;
    once: after a NO it cannot be said again; waits: it is about new mail, which a full disk may keep back."""

    def __init__(self, text, effect=None, whole=False, folders=((), ()), selects=None, target=None, appends=(),
                 stages=(), once=False, waits=False):
        self.text, self.effect, self.whole, self.folders = text, effect, whole, folders
        self.selects, self.target, self.appends, self.stages = selects, target, appends, stages
        self.once, self.waits = once, waits

    @property
    def is_about_folders(self):
        return str(self).startswith(("CREATE", "DELETE", "RENAME"))

    def __str__(self):
        text = self.text if isinstance(self.text, str) else self.text.decode("latin-1")
        return text.split("\r\n")[0]


class Effect:
    """Something like a Step that was done besides."""

    def __init__(self, effect, folders=((), ())):
        self.effect, self.folders = effect, folders


class State:
    def __init__(self, placements, folders):
        self.placements = {number: {frozenset(p)} for number, p in placements.items()}
        self.must, self.may = set(folders), set(folders)

    def copy(self):
        new = State({}, ())
        new.placements = {n: set(p) for n, p in self.placements.items()}
        new.must, new.may = set(self.must), set(self.may)
        return new

    def after(self, step):
        """When the command was said to have worked."""
        new = self.copy()
        if step.effect:
            for number, ways in new.placements.items():
                new.placements[number] = {frozenset(step.effect(number, p)) for p in ways}
        made, removed = map(set, step.folders)
        new.must, new.may = new.must - removed | made, new.may - removed | made
        return new

    def either(self, other):
        """When each message, each folder may be as here or as there."""
        new = self.copy()
        for number, ways in other.placements.items():
            new.placements[number] |= ways
        new.must, new.may = self.must & other.must, self.may | other.may
        return new

    def wrong(self, placements, folders):
        """None, or what is not right about what is there."""
        if not self.must <= folders <= self.may:
            return "folders %s, expected %s" % (sorted(folders), sorted(self.must))
        for number, ways in sorted(self.placements.items(), key=str):
            here = placements.get(number, frozenset())
            if here not in ways:
                return "message %s is %s, expected %s" % (number, show(here), " or ".join(sorted(map(show, ways))))
        return None


def show(placement):
    return " and ".join(sorted("in %s (%s)" % (f, " ".join(sorted(flags))) for f, flags in placement)) or "nowhere"


class Told:
    """What clients were told, which binds: UIDs, UIDVALIDITY and UIDNEXT of each folder."""

    def __init__(self):
        self.uids, self.validity, self.next = {}, {}, {}

    def forget(self, folder):
        """It could not be kept anywhere."""
        for known in (self.uids, self.validity, self.next):
            known.pop(folder, None)

    def uid(self, folder, uid, number):
        """None, or what is wrong."""
        known = self.uids.setdefault(folder, {})
        if known.setdefault(uid, number) != number:
            return "%s: UID %d was message %d and is message %d" % (folder, uid, known[uid], number)
        others = [u for u, n in known.items() if n == number and u != uid]
        if others:
            return "%s: message %d had UID %d and has %d" % (folder, number, others[0], uid)
        return None

    def validity_is(self, folder, value):
        known = self.validity.setdefault(folder, value)
        return None if known == value else "%s: UIDVALIDITY was %d and is %d" % (folder, known, value)

    def next_is(self, folder, value):
        known = self.next.get(folder, 0)
        self.next[folder] = max(known, value)
        return None if value >= known else "%s: UIDNEXT was %d and is %d" % (folder, known, value)


def listen(told, reply, selected, target, number_of, appended):
    """Takes in what an answer tells; gives None, or what is wrong about it."""
    wrong = []
    for line in [*reply.lines, reply.last]:
        m = re.search(rb"\[UIDVALIDITY (\d+)\]", line)
        if m:
            wrong.append(told.validity_is(selected, int(m[1])))
        m = re.search(rb"\[UIDNEXT (\d+)\]", line)
        if m:
            wrong.append(told.next_is(selected, int(m[1])))
        m = re.search(rb"\[APPENDUID (\d+) ([\d:,]+)\]", line)
        if m:
            wrong.append(told.validity_is(target, int(m[1])))
            if len(numbers(m[2])) != len(appended):
                wrong.append("%r for %d messages" % (m[0], len(appended)))
            wrong += [told.uid(target, uid, number) for uid, number in zip(numbers(m[2]), appended)]
        m = re.search(rb"\[COPYUID (\d+) ([\d:,]+) ([\d:,]+)\]", line)
        if m:
            wrong.append(told.validity_is(target, int(m[1])))
            for source, uid in zip(numbers(m[2]), numbers(m[3])):
                wrong.append(told.uid(target, uid, told.uids[selected][source]))
    for uid, _, text in reply.rows():
        number = number_of(text)
        wrong.append("an unknown message: %r" % text[:200] if number is None else told.uid(selected, uid, number))
    return next((w for w in wrong if w), None)

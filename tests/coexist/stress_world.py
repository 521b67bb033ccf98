"""What must be true of the stress, apart from who does it: the log of acknowledged operations and the checks against it."""

import collections
import os
import re
import time

from common import Failed
from stress import Knowledge, shown

FOLDERS = ("INBOX", "Other")
TAIL = 60


class World(Knowledge):
    """A violation ends the test.

    An instance is one message under one UID of one folder. It is doomed from the moment before anybody asks for its
    removal, and gone when a server has said that it is."""

    def __init__(self, seconds, seed):
        super().__init__(seconds, seed)
        self.complaints = []
        self.validity = {}
        self.ids = {folder: {} for folder in FOLDERS}  # uid: id
        self.first_seen = {folder: set() for folder in FOLDERS}
        self.made = collections.Counter()  # (folder, id): instances that were acknowledged
        self.delivered = set()  # (folder, id)
        self.acknowledged = {folder: {} for folder in FOLDERS}  # uid: when
        self.doomed = {folder: set() for folder in FOLDERS}
        self.deleted = {folder: set() for folder in FOLDERS}  # may have \\Deleted, and so may its copies
        self.doomed_ids = set()  # (folder, id): POP3 names no UIDs
        self.gone = {folder: {} for folder in FOLDERS}  # uid: who said so
        self.flags = {}  # (folder, uid, flag): whether it must be set; in the end
        self.flagged_ids = set()  # what mutt was told to flag
        self.windows = []  # [folder, id, begin, end] of each mutt

    def fail(self, who, text, *about):
        """about: (folder, uid) pairs whose history is of interest."""
        with self.lock:
            self.note(who, "FAILED: " + text.splitlines()[0], *about)
            self.failures.append((who, text, about))
            if not about:
                self.stop.set()

    def complaint(self, who, text):
        """Dovecot found something wrong in a file that we share. What follows from it may say more: the test goes on."""
        with self.lock:
            self.note(who, "Dovecot: " + text)
            folder = "Other" if "/.Other/" in text else "INBOX"
            about = [(folder, int(uid)) for pair in re.findall(r"\(uid (\d+) -> (\d+)\)", text) for uid in pair]
            about += [(folder, int(uid)) for uid in re.findall(r"\(old uid=(\d+),", text)]
            self.complaints.append((who, text, about))

    def reappeared(self):
        """Dovecot gives a copy the file name of its original where it can. When a message comes back to a folder in this
        way, another Dovecot, which has not noticed yet that it had gone, gives it a new UID ("Expunged message reappeared",
        "Duplicate file entry"). Dovecot alone does this too: nothing can be said of such messages. (folder, id) of them.
        The first UID of a complaint is that of the message which had gone: somebody must have asked for it."""
        return {(about[0][0], self.ids[about[0][0]].get(uid)) for _, text, about in self.complaints
                if about and ("Duplicate file entry" in text or "reappeared" in text) and self.is_doomed(*about[0])
                for _, uid in about}

    def real_complaints(self):
        """What Dovecot says that is not about itself."""
        return ["%s: Dovecot: %s%s" % (who, text, self.history(about)) for who, text, about in self.complaints
                if not ("reappeared" in text and about and self.is_doomed(*about[0])) and not
                (about and self.is_doomed(*about[0]) and about[-1][1] in self.acknowledged[about[-1][0]])]

    def real_failures(self):
        """Those that are not explained by what Dovecot says of itself."""
        excused, left = self.reappeared(), []
        for who, text, about in self.failures:
            if not about or not all((folder, self.ids[folder].get(uid)) in excused for folder, uid in about):
                history = self.history(about) if about else shown([entry for entry in list(self.log) if entry[1] == who][-12:])
                left.append("%s: %s%s" % (who, text, history if len(left) < 3 else ""))
        return left

    def history(self, about):
        wanted = set(about)
        names = {self.ids[folder].get(uid) for folder, uid in wanted if folder in self.ids} - {None}
        return shown([entry for entry in list(self.log) if wanted & set(entry[3]) or any(name in entry[2] for name in names)][-25:])

    def report(self):
        found = self.real_failures()
        raise Failed("seed %s; %d failures\n%s\n--- the last operations%s" % (
            self.seed, len(found), "\n".join(found[:8] + self.real_complaints()[:4]), shown(list(self.log)[-TAIL:])))

    # --- what sessions learn

    def saw_validity(self, who, folder, value):
        with self.lock:
            if self.validity.setdefault(folder, value) != value:
                self.fail(who, "UIDVALIDITY of %s was %d, is %d" % (folder, self.validity[folder], value))

    def saw(self, who, folder, uid, name):
        with self.lock:
            before = self.ids[folder].setdefault(uid, name)
            if before != name:
                self.fail(who, "%s UID %d was %s, is %s" % (folder, uid, before, name), (folder, uid))
            elif uid not in self.first_seen[folder]:
                self.first_seen[folder].add(uid)
                self.note(who, "sees %s UID %d: %s" % (folder, uid, name), (folder, uid))

    def made_instance(self, who, folder, uid, name):
        with self.lock:
            self.made[folder, name] += 1
            self.acknowledged[folder][uid] = time.monotonic()
            self.saw(who, folder, uid, name)

    def made_copy(self, who, source, uid, target, copy, own):
        """own: the flags that only this actor changes."""
        with self.lock:
            name = self.ids[source].get(uid)
            if name is None:
                self.fail(who, "copied UID %d of %s, which nobody had seen" % (uid, source), (source, uid))
                return
            if uid in self.deleted[source]:
                self.deleted[target].add(copy)
                self.doomed[target].add(copy)
            for flag in own:
                if (source, uid, flag) in self.flags:
                    self.flags[target, copy, flag] = self.flags[source, uid, flag]
            self.made_instance(who, target, copy, name)

    def flags_are(self, folder, uid, flags, sent):
        """An acknowledged STORE that was sent then. mutt writes back the letters that it saw when it opened the folder, so
        what was done to its message meanwhile may be lost: then nothing is known."""
        with self.lock:
            name = self.ids[folder].get(uid)
            lost = any(where == folder and which == name and (end is None or end >= sent)
                       for where, which, _, end in self.windows)
            for flag, on in flags.items():
                if lost:
                    self.flags.pop((folder, uid, flag), None)
                else:
                    self.flags[folder, uid, flag] = on

    def doom(self, folder, uids, by_flag):
        with self.lock:
            self.doomed[folder].update(uids)
            if by_flag:
                self.deleted[folder].update(uids)

    def is_doomed(self, folder, uid):
        return uid in self.doomed[folder] or (folder, self.ids[folder].get(uid)) in self.doomed_ids

    def told_gone(self, who, folder, uid):
        with self.lock:
            self.gone[folder].setdefault(uid, who)
            # a copy may be told to be there, and expunged, before its COPY is acknowledged: that is looked at in the end
            if uid in self.acknowledged[folder] and not self.is_doomed(folder, uid):
                self.fail(who, "%s UID %d (%s) is expunged, and nobody asked for it" % (
                    folder, uid, self.ids[folder].get(uid)), (folder, uid))

    def must_have(self, folder):
        """UIDs that a SELECT from now on has, unless they are doomed by then."""
        with self.lock:
            return {uid for uid in self.acknowledged[folder] if not self.is_doomed(folder, uid)}

    # --- in the end

    def check_final(self, final, maildir):
        """final: {folder: {uid: (id, flags, size)}}, what all servers agree on."""
        for folder, messages in final.items():
            for uid, (name, flags, _) in messages.items():
                self.saw("end", folder, uid, name)
                if uid in self.gone[folder]:
                    self.fail("end", "%s UID %d (%s) is there, but %s was told that it is gone" % (
                        folder, uid, name, self.gone[folder][uid]), (folder, uid))
                if "\\Flagged" in flags and name not in self.flagged_ids:
                    self.fail("end", "%s UID %d (%s) is flagged, and nobody did it" % (folder, uid, name), (folder, uid))
            for uid, who in self.gone[folder].items():
                if not self.is_doomed(folder, uid):
                    self.fail("end", "%s was told that %s UID %d (%s) is expunged, and nobody asked for it" % (
                        who, folder, uid, self.ids[folder].get(uid)), (folder, uid))
            for uid, name in self.ids[folder].items():
                if uid not in messages and not self.is_doomed(folder, uid):
                    self.fail("end", "%s UID %d (%s) is lost" % (folder, uid, name), (folder, uid))
            self.check_instances(folder, messages)
            self.check_files(folder, messages, maildir)
        for (folder, uid, flag), on in self.flags.items():
            if uid in final[folder] and (flag in final[folder][uid][1]) != on:
                self.fail("end", "%s UID %d (%s): %s is %s, acknowledged was %s" % (
                    folder, uid, final[folder][uid][0], flag, "set" if not on else "not set", "set" if on else "not set"),
                    (folder, uid))
        if self.real_failures() or self.real_complaints():
            self.report()

    def check_instances(self, folder, messages):
        present = {name for name, _, _ in messages.values()}
        for where, name in self.delivered:
            if where == folder and name not in present and name not in self.ids[folder].values() \
                    and (folder, name) not in self.doomed_ids:
                self.fail("end", "%s: %s was delivered and never seen" % (folder, name))
        uids = collections.defaultdict(list)
        for uid, name in self.ids[folder].items():
            uids[name].append(uid)
        for name, have in uids.items():
            if len(have) > self.made[folder, name]:
                self.fail("end", "%s: %s had UIDs %s, but was put there %d times" % (
                    folder, name, sorted(have), self.made[folder, name]), *((folder, uid) for uid in have))

    def check_files(self, folder, messages, maildir):
        where = maildir if folder == "INBOX" else os.path.join(maildir, "." + folder)
        files = [name for part in ("cur", "new") for name in os.listdir(os.path.join(where, part))]
        if len(files) != len(messages):
            self.fail("end", "%s has %d files and %d messages" % (folder, len(files), len(messages)))
        if os.listdir(os.path.join(where, "tmp")):
            self.fail("end", "%s/tmp has %s" % (folder, os.listdir(os.path.join(where, "tmp"))[:5]))

"""One point: a fresh mailbox, a session that is cut or hindered there, and then everything that must hold.

A failure is raised as Failed."""

import contextlib
import os
import pwd
import re
import shutil
import subprocess

import mailboxes
import mboxes
from client import CLIENT, Gone, Imap, Reply, Silent
from common import SANITIZER, Dovecot, Failed, Host, build_directory, environment, symbols
from model import Effect, State, Told, listen
from point import ROOM

EXIT_CUT = 100  # of cut.c
END = 10.0  # seconds for a program to end
READ_BY_OTHERS = ("Dovecot", "same name")  # after these Dovecot reads what there is in the end
TRASH = "..DOVECOT-TRASHED"  # of Maildirs: what is being deleted
LATE = 9001  # the message that the check appends
AGAIN = 9100  # and those behind it: of folders that another program has made again
# the one that comes before the check
DELIVERED = {"delivery": 9002, "tight delivery": mailboxes.UNENDED}


def need(good, what):
    if not good:
        raise Failed(what)


class Bench:
    """A place to run points in, one after the other."""

    def __init__(self):
        self.host = Host(tls=False).__enter__()
        account = pwd.getpwnam("nobody")
        self.uid = account.pw_uid
        self.host.uid, self.host.gid = account.pw_uid, account.pw_gid
        self.mail = self.host.maildir()
        # what is hindered runs with sanitizers; the rest, optimised where there is such a build, makes the number
        self.programs = {}
        for checked, build in ((True, build_directory()), (False, os.environ.get("BUILD_FAST") or build_directory())):
            for protocol in CLIENT:
                name = protocol + "-session"
                # a copy, as the mailbox's user may not come into a checkout
                self.programs[protocol, checked] = shutil.copy(
                    os.path.join(build, protocol, name), self.host.path("%s-%d" % (name, checked)))
        self.cut = os.path.join(build_directory(), "tests", "crash", "cut")
        self.report, self.log = self.host.path("report"), self.host.path("log")
        self.environment = environment(USER="nobody", LOGNAME="nobody", HOME=self.host.home("kevin"))
        self.started = []

    def prepare(self, scenario):
        shutil.rmtree(self.mail, ignore_errors=True)
        self.layout = scenario.lay(self.mail)
        self.host.give(self.host.home("kevin"))
        self.host.settings = "mail_location = %s\n%s%s" % (self.layout.location, self.layout.settings, scenario.settings)
        self.configuration = self.host.write_configuration()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.report)

    def start(self, protocol, point=None):
        """point: to trace it; number 0 counts only."""
        command = [self.programs[protocol, bool(point and point.hinders)], "-c", self.configuration, "--preauth"]
        identity = {"user": self.uid, "group": self.host.gid, "extra_groups": []}
        if point:
            where = ["-p", "%s:%d" % (point.kind, point.number), "-m", point.mode] if point.number else []
            command = [self.cut, "-d", self.mail, "-r", self.report, "-u", str(self.uid), *where, "--", *command]
            identity = {}
        with open(self.log, "wb") as stderr:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, cwd="/",
                                       env=self.environment, bufsize=0, **identity)
        self.started.append(process)
        return CLIENT[protocol](process)

    def end(self, client):
        """Closes and judges; returns the exit code."""
        client.process.stdin.close()
        client.process.stdout.close()
        try:
            code = client.process.wait(END)
        except subprocess.TimeoutExpired:
            raise Failed("the program does not end") from None
        with open(self.log, "rb") as f:
            log = f.read()
        need(not SANITIZER.search(log), "a sanitizer complains:\n" + symbols(log.decode(errors="replace")))
        need(code in (0, EXIT_CUT), "exit %d; its log:\n%s" % (code, log.decode(errors="replace")))
        return code

    def dovecot(self):
        """{folder: (UIDVALIDITY, {uid: (number, flags)})} as Dovecot reads the mboxes."""
        location, names = self.layout.read_by_others()
        server = Dovecot(self.host, self.mail, MAIL_LOCATION=location, MBOX_READ_LOCKS="fcntl", MBOX_WRITE_LOCKS="fcntl dotlock")
        self.started.append(server.process)
        client, found = Imap(server.process), {}
        try:
            need(client.greeting(), "Dovecot has no greeting")
            for name, folder in names.items():
                select = client.command("SELECT " + name)
                if not select.good:
                    continue  # it has been deleted
                fetch = client.command("FETCH 1:* (UID FLAGS BODY.PEEK[])") if select.number(rb"\* (\d+) EXISTS") else select
                found[folder] = select.number(rb"\[UIDVALIDITY (\d+)\]"), {
                    uid: (mboxes.number_in(text.replace(b"\r\n", b"\n")), flags) for uid, flags, text in fetch.rows()}
            client.logout()
        except (Gone, Silent):
            raise Failed("Dovecot does not answer:\n" + server.log()) from None
        server.finish()
        return found

    def clear(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
            process.stdin.close()
            process.stdout.close()
        self.started = []

    def calls(self):
        """[(kind, number, call)] of the report, and whether the point was met."""
        with open(self.report) as f:
            lines = [line.rstrip("\n").split(" ", 2) for line in f]
        return [(k, int(n), call) for k, n, call in (x for x in lines if x[0] in "rw")], any(x[0] == "cut" for x in lines)


class Run:
    """One scenario at one point."""

    def __init__(self, bench, scenario, point):
        self.bench, self.scenario, self.point = bench, scenario, point
        bench.prepare(scenario)
        layout = bench.layout
        placements = dict(layout.placements)
        for number in scenario.appended:
            placements.setdefault(number, frozenset())
        if point.between in DELIVERED:
            placements[DELIVERED[point.between]] = frozenset()
        self.states = [State(placements, layout.folders)]  # one of them must hold
        self.told = Told()
        for folder, uids in layout.uids.items():
            self.told.validity[folder] = mailboxes.VALIDITY
            self.told.next[folder] = max(uids) + 1
            self.told.uids[folder] = dict(uids)
        # of names that lead to other folders now and then: {folder: {(UIDVALIDITY, uid): number}}
        self.given = {f: {(mailboxes.VALIDITY, uid): n for uid, n in layout.uids.get(f, {}).items()} for f in scenario.moved}
        self.made = set()  # names that another program has used again
        self.seen = {}  # {folder: (UIDVALIDITY, {uid: (number, flags)})}, the last time
        self.identities = {}  # {folder: its MAILBOXID}, the last time
        self.unsure = None  # the step that may have happened or not
        self.selected = "INBOX"
        self.served = True  # False: the full disk kept the mailbox from being opened at all

    def met(self):
        return self.bench.calls()[1]

    def command(self, client, step):
        reply = client.command(step.text)
        if step.selects and reply.good:
            self.selected = step.selects
        wrong = listen(self.told, reply, self.selected, step.target, mailboxes.number_of, step.appends)
        need(not wrong, "%s: %s" % (step, wrong))
        return reply

    def acknowledged(self, step):
        self.states = [s.after(step) for s in self.states]

    def open_ended(self, step, whole):
        """Whether it happened is not known."""
        after = [s.after(step) for s in self.states]
        self.unsure = step
        reached = [[s.after(stage) for s in self.states] for stage in step.stages]
        if not whole:
            after = [a.either(b) for a, b in zip([self.states, *reached][-1], after)]
        if whole or step.stages:
            after = self.states + after
        self.states = sum(reached, after)

    def refused(self, step, reply):
        """The point's failure, told: with its reason; the client may try again."""
        need(self.met(), "%s: %r though nothing had failed yet" % (step, reply.last))
        if self.point.error in ROOM and self.point.kind == "w" and self.scenario.protocol == "imap":
            need(b"[OVERQUOTA]" in reply.last, "%s: %r does not say that the disk is full" % (step, reply.last))
        need(len(reply.last) > 6, "%s: refused without a reason: %r" % (step, reply.last))
        self.unsure = step
        if not step.whole:
            self.open_ended(step, False)
        else:
            self.states = sum(([s.after(stage) for s in self.states] for stage in step.stages), self.states)

    def play(self, client):
        """The scenario's commands; what is on its way when the program is cut may or may not happen."""
        hindered = self.point.hinders
        try:
            if not client.greeting():
                need(hindered and self.met(), "no greeting")
                return
        except Gone:
            need(self.met(), "no greeting")
            return
        for step in self.scenario.steps:
            try:
                reply = self.command(client, step)
            except Gone as gone:
                need(not hindered, "%s: the session ended" % step)
                wrong = listen(self.told, Reply(False, gone.lines, b""), self.selected, step.target, mailboxes.number_of, ())
                need(not wrong, "%s: %s" % (step, wrong))
                self.open_ended(step, step.whole)
                return
            except Silent:
                raise Failed("%s: no answer" % step) from None
            if reply.good and step.waits and self.point.lasting:
                self.open_ended(step, False)
                continue
            if reply.good:
                self.acknowledged(step)
                continue
            need(hindered, "%s: %r" % (step, reply.last))
            self.refused(step, reply)
            if self.scenario.protocol == "pop3":
                return
            if step.selects and self.point.lasting:
                self.served = False
                break
            if self.point.mode.startswith("fail") and not step.once:
                again = self.command(client, step)
                self.truthful(client, step, again)
                if again.good:
                    self.acknowledged(step)
        if hindered and self.scenario.protocol == "imap":
            self.still_serving(client)
        if self.scenario.protocol == "imap":
            with contextlib.suppress(Gone):
                client.logout()

    def listed(self, client):
        """{name: its attributes, in lower case} of folders and levels."""
        lines = client.command('LIST "" * RETURN (SPECIAL-USE)').lines
        return {line.split(b" ")[-1].decode().strip('"'): line.split(b")")[0].lower() for line in lines if line.startswith(b"* LIST")}

    def truthful(self, client, step, reply):
        """The second time it works, or what was wanted is so already."""
        if reply.good:
            return
        need(step.is_about_folders, "%s: the second time %r" % (step, reply.last))
        listed = self.listed(client)
        verb, name, *more = step.text.split()
        true = {"CREATE": name in listed,
                "DELETE": name not in listed or any(other.startswith(name + "/") for other in listed),
                "RENAME": name not in listed or (more[:1] and more[0] in listed)}
        need(true[verb], "%s: the second time %r, and there are %s" % (step, reply.last, sorted(listed)))

    def still_serving(self, client):
        """The same session goes on."""
        if not self.met():
            return  # it would meet the point here
        self.forget_blank()
        for text in ("NOOP", "SELECT INBOX", "FETCH 1:* (UID FLAGS BODY.PEEK[])"):
            if text.startswith("FETCH") and reply.number(rb"\* (\d+) EXISTS") == 0:
                return
            reply = client.command(text)
            # what was begun with an mbox cannot be finished: nobody may read it
            if (not self.served or (self.scenario.mbox and self.point.lasting)) and b"[OVERQUOTA]" in reply.last:
                return
            need(reply.good, "the session does not go on, %s: %r" % (text, reply.last))
        self.selected = "INBOX"
        wrong = listen(self.told, reply, "INBOX", None, mailboxes.number_of, ())
        need(not wrong, wrong)
        here = {number: (uid, flags) for uid, flags, number in (
            (u, f, mailboxes.number_of(t)) for u, f, t in reply.rows())}
        if self.point.lasting or not here:
            return
        number, (uid, _) = sorted(here.items())[0]
        reply = client.command("UID STORE %d +FLAGS (\\Draft)" % uid)
        need(reply.good, "the session does not go on, STORE: %r" % reply.last)

        def drafted(n, placement):
            return {(f, flags | {"\\Draft"} if n == number and f == "INBOX" else flags) for f, flags in placement}
        self.states = [s.after(Effect(drafted)) for s in self.states]

    def between(self):
        """What comes before the next session."""
        layout = self.bench.layout
        number = DELIVERED.get(self.point.between)
        if number:
            layout.deliver(number)
            self.acknowledged(Effect(lambda n, place: {("INBOX", frozenset())} if n == number else place))
        elif self.point.between == "no index":
            layout.forget()
        elif self.point.between == "same name":
            self.same_names()
        elif self.point.between == "Dovecot":
            # what is half rewritten is nobody's
            if not layout.is_half_rewritten():
                found = self.bench.dovecot()
                self.compare(found, sorted(found), True)
        self.forget_blank()

    def same_names(self):
        """Another program makes folders under the names that are free."""
        for number, name in enumerate(sorted(self.scenario.moved), AGAIN):
            if self.bench.layout.make_again(name, number):
                self.states = [s.copy() for s in self.states]
                for s in self.states:
                    s.placements[number] = {frozenset({(name, frozenset())})}
                self.acknowledged(Effect(None, ([name], [])))
                self.made.add(name)
        self.bench.host.give(self.bench.mail)

    def compare(self, found, folders, told=False):
        """Dovecot reads the same messages under the same UIDs. told: as clients were told, not as we see them."""
        for folder in folders:
            validity, rows = found[folder]
            if not rows:  # nothing in the file tells of UIDs then
                if not told:
                    need(not self.seen[folder][1], "%s: Dovecot reads nothing, we do %r" % (folder, self.seen[folder]))
                continue
            need(not told or validity == self.told.validity.get(folder, validity), "%s: Dovecot has UIDVALIDITY %d, told was %s" % (
                folder, validity, self.told.validity.get(folder)))
            for uid, (number, _) in rows.items():
                wrong = None if number is None or not told else self.told.uid(folder, uid, number)
                need(number is not None and not wrong, "Dovecot, %s UID %d: %s" % (folder, uid, wrong or "no whole message"))
            if not told:
                rows = {uid: row for uid, row in rows.items() if row[0] != LATE or folder == "INBOX"}
                need((validity, rows) == self.seen[folder], "%s: Dovecot reads %r, we do %r" % (
                    folder, (validity, rows), self.seen[folder]))

    def forget_blank(self):
        if self.scenario.mbox and self.bench.layout.is_blank("INBOX"):
            self.told.forget("INBOX")

    # --- afterwards

    def read(self, client, folder, fresh=False):
        """{number: flags} of a folder, selected then; everything a client is told there agrees. fresh: it was made now."""
        status = client.command("STATUS %s (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)" % folder)
        select = client.command("SELECT " + folder)
        need(status.good and select.good, "%s: %r %r" % (folder, status.last, select.last))
        for item, regex in (("MESSAGES", rb"\* (\d+) EXISTS"), ("UIDNEXT", rb"\[UIDNEXT (\d+)\]"),
                            ("UIDVALIDITY", rb"\[UIDVALIDITY (\d+)\]")):
            a, b = status.number(item.encode() + rb" (\d+)"), select.number(regex)
            need(a is not None and a == b, "%s: STATUS says %s %s, SELECT %s" % (folder, item, a, b))
        count = select.number(rb"\* (\d+) EXISTS")
        fetch = client.command("FETCH 1:* (UID FLAGS BODY.PEEK[])") if count else select
        rows = list(fetch.rows())
        need(fetch.good and len(rows) == count, "%s: FETCH gives %d of %d: %r" % (folder, len(rows), count, fetch.last))
        uids = [uid for uid, _, _ in rows]
        need(uids == sorted(set(uids)), "%s: UIDs %r" % (folder, uids))
        unseen = sum("\\Seen" not in flags for _, flags, _ in rows)
        need(status.number(rb"UNSEEN (\d+)") == unseen, "%s: STATUS counts other unseen messages than %d" % (folder, unseen))
        if folder not in self.scenario.moved:
            for reply in (select, fetch):
                wrong = listen(self.told, reply, folder, None, mailboxes.number_of, ())
                need(not wrong, wrong)
        found = {}
        for uid, flags, text in rows:
            number = mailboxes.number_of(text)
            need(number is not None, "%s: UID %d is no whole message: %r" % (folder, uid, text[:200]))
            need(number not in found, "%s: message %d is there twice" % (folder, number))
            found[number] = flags
        self.identities[folder] = re.search(rb"\[MAILBOXID \((.*?)\)\]", b"\n".join(select.lines))[1]
        validity = select.number(rb"\[UIDVALIDITY (\d+)\]")
        self.seen[folder] = validity, {uid: (mailboxes.number_of(text), flags) for uid, flags, text in rows}
        if folder in self.scenario.moved:
            self.named(folder, validity, {uid: n for uid, (n, _) in self.seen[folder][1].items()}, fresh)
        return found

    def named(self, folder, validity, uids, fresh):
        """Under a name no UID of one UIDVALIDITY is ever given to two messages, and it moves with the folder."""
        for uid, number in uids.items():
            was = self.given[folder].setdefault((validity, uid), number)
            need(was == number, "%s: UID %d of UIDVALIDITY %d was message %d and is message %d" % (
                folder, uid, validity, was, number))
        origin = self.scenario.origins.get(folder)
        if origin and not fresh and folder not in self.made:
            had = self.bench.layout.uids[origin]
            need(validity == mailboxes.VALIDITY, "%s: UIDVALIDITY was %d as %s and is %d" % (
                folder, mailboxes.VALIDITY, origin, validity))
            need(all(uids.get(uid, n) == n for uid, n in had.items()), "%s: UIDs are %r, as %s they were %r" % (
                folder, uids, origin, had))

    def besides(self, client, listed):
        """{what: its places} of special uses, annotations and subscriptions that the scenario is about."""
        known, found = {n for n in self.states[0].placements if isinstance(n, str)}, {}
        for name, attributes in listed.items():
            if name in self.made:
                continue  # a name's annotations and uses stay when another program makes it again
            for what in known:
                if what.startswith("use ") and what.partition(" ")[2].lower().encode() in attributes:
                    found.setdefault(what, set()).add((name, frozenset()))
            if any(what.startswith("comment") for what in known) and b"noselect" not in attributes:
                comment = re.search(rb'"(about [^"]*)"', b"".join(self.answer(client, "GETMETADATA %s /private/comment" % name).lines))
                if comment:
                    found.setdefault("comment " + comment[1].decode(), set()).add((name, frozenset()))
        for line in client.command('LSUB "" *').lines if known else ():
            found["subscription " + line.split(b" ")[-1].decode().strip('"')] = {("", frozenset())}
        return {what: places for what, places in found.items() if what in known}

    def look(self, client):
        """What is there, checked against what may be."""
        listed = self.listed(client)
        folders = {name for name, attributes in listed.items() if not re.search(rb"\\no(select|nexistent)", attributes)}
        placements = self.besides(client, listed)
        for folder in sorted(folders, key=lambda f: (f == "INBOX", f)):  # INBOX last: it stays selected
            for number, flags in self.read(client, folder).items():
                placements.setdefault(number, set()).add((folder, flags))
        need(len({self.identities[f] for f in folders}) == len(folders), "two folders have one MAILBOXID: %r" % self.identities)
        wrongs = [s.wrong({n: frozenset(p) for n, p in placements.items()}, folders) for s in self.states]
        need(None in wrongs, wrongs[-1])
        strange = [n for n in placements if n not in self.states[0].placements]
        need(not strange, "messages %r from nowhere" % strange)
        return folders, placements

    def agrees(self, folders, placements):
        """What other programs read is what we do."""
        for folder in set(folders) & self.bench.layout.folders:
            wrong = self.bench.layout.wrong(folder, [n for n, place in placements.items()
                                                     if isinstance(n, int) and folder in {f for f, _ in place}])
            need(not wrong, "%s: %s" % (folder, wrong))

    def work(self, client, folders, placements):
        """The next commands do what they should; returns what INBOX holds then."""
        here = {n: flags for n, place in placements.items() for f, flags in place if f == "INBOX"}
        if here:
            self.answer(client, "STORE 1:* +FLAGS.SILENT (\\Flagged Later)")
        append = "APPEND INBOX (\\Seen) {%d+}\r\n" % len(mailboxes.wire(LATE))
        reply = self.answer(client, append.encode() + mailboxes.wire(LATE))
        wrong = listen(self.told, reply, "INBOX", "INBOX", mailboxes.number_of, [LATE])
        need(not wrong, wrong)
        for folder in sorted(folders - {"INBOX"}):  # whatever lock is left anywhere must not stop anybody
            self.answer(client, b"APPEND %s {%d+}\r\n%s" % (
                folder.encode(), len(mailboxes.wire(LATE)), mailboxes.wire(LATE)))
        here = {n: flags | {"\\Flagged", "Later"} for n, flags in here.items()}
        first = min((uid, n) for uid, n in self.told.uids["INBOX"].items() if n in here or n == LATE)
        here[LATE] = frozenset({"\\Seen"})
        self.answer(client, "UID STORE %d +FLAGS (\\Deleted)" % first[0])
        self.answer(client, "EXPUNGE")
        self.answer(client, "NOOP")
        self.answer(client, "CREATE Afterwards")
        self.answer(client, "SUBSCRIBE Afterwards")
        return {n: flags for n, flags in here.items() if "\\Deleted" not in flags and n != first[1]}

    def names(self):
        """Whatever was left of a folder, its name can be used again, and nothing of the old one is found then."""
        client = self.bench.start("imap")
        need(client.greeting(), "the last session is refused")
        late = mailboxes.wire(LATE)
        for name in sorted(self.scenario.moved):
            listed = self.listed(client)
            if b"noselect" in listed.get(name, b"") and any(other.startswith(name + "/") for other in listed):
                continue  # a level for others
            if name in listed:
                self.answer(client, "DELETE " + name)
            self.answer(client, "CREATE " + name)
            self.given[name] = {key: number for key, number in self.given[name].items() if number != LATE}
            self.answer(client, b"APPEND %s {%d+}\r\n%s" % (name.encode(), len(late), late))
            need(self.read(client, name, True) == {LATE: frozenset()}, "%s, made again, has more than was put in" % name)
            here = [what for what, places in self.besides(client, self.listed(client)).items() if (name, frozenset()) in places]
            need(not here, "%s, made again, has %s" % (name, here))
            self.answer(client, "RENAME %s Elsewhere/%s" % (name, name.replace("/", "-")))
            self.answer(client, "DELETE Elsewhere/" + name.replace("/", "-"))
        client.logout()
        self.bench.end(client)

    def answer(self, client, text):
        reply = client.command(text)
        need(reply.good, "the next %s: %r" % (text.split()[0] if isinstance(text, str) else "APPEND", reply.last))
        return reply

    def quota(self):
        """maildirsize never says less than there is; uncut, it says what there is."""
        if "quota" not in self.scenario.settings:
            return
        says, held = mailboxes.entered(self.bench.mail), mailboxes.held(self.bench.mail)
        need(says is None or all(a >= b for a, b in zip(says, held)), "maildirsize says %r, there are %r" % (says, held))
        need(self.point.number or says == held, "uncut, maildirsize says %r, there are %r" % (says, held))

    def afterwards(self):
        self.quota()
        try:
            client = self.bench.start("imap")
            need(client.greeting(), "the next session is refused")
            folders, placements = self.look(client)
            self.agrees(folders, placements)
            if self.unsure and self.unsure.is_about_folders:
                reply = client.command(self.unsure.text)
                self.truthful(client, self.unsure, reply)
                if reply.good:
                    self.acknowledged(self.unsure)
                folders, placements = self.look(client)
            expected = self.work(client, folders, placements)
            client.logout()
            self.bench.end(client)
            client = self.bench.start("imap")
            need(client.greeting(), "the one after the next session is refused")
            found = self.read(client, "INBOX")
            need(found == expected, "after STORE, APPEND and EXPUNGE INBOX is %r, expected %r" % (found, expected))
            self.agrees(["INBOX"], {n: [("INBOX", None)] for n in found})
            client.logout()
            self.bench.end(client)
            if self.point.between in READ_BY_OTHERS:
                self.compare(self.bench.dovecot(), sorted(folders & set(self.bench.layout.read_by_others()[1].values())))
            if self.scenario.moved and self.scenario.mbox:
                self.names()
            need(not os.path.exists(os.path.join(self.bench.mail, TRASH)), "what was deleted is there still")
        except Silent:
            raise Failed("the next session hangs; its log:\n" + open(self.bench.log).read()) from None
        except Gone:
            raise Failed("the next session dies; its log:\n" + open(self.bench.log).read()) from None
        self.quota()
        for folder in sorted(folders & set(self.bench.layout.folders) - set(self.scenario.moved)):
            facts, wrong = self.bench.layout.on_disk(folder)
            need(not wrong, "%s: %s" % (folder, wrong))
            validity, _, uids = facts
            known = self.told.uids.get(folder, {})
            uids = {u: n for u, n in uids.items() if n != LATE or folder == "INBOX"}
            # in an mbox without messages there is none
            need(validity in (None, self.told.validity[folder]), "%s: the UIDVALIDITY on the disk is %s" % (folder, validity))
            need(all(known.get(u) == n for u, n in uids.items()), "%s: on the disk are UIDs %r, clients were told %r" % (
                folder, uids, known))

    def run(self):
        """Whether the point was met."""
        try:
            client = self.bench.start(self.scenario.protocol, self.point)
            try:
                self.play(client)
            except Silent:
                raise Failed("the session hangs; its log:\n" + open(self.bench.log).read()) from None
            except Gone:
                raise Failed("the session ends; its log:\n" + open(self.bench.log).read()) from None
            code = self.bench.end(client)
            _, met = self.bench.calls()
            if self.point.mode in ("kill", "after", "half"):
                need((code == EXIT_CUT) == met, "exit %d" % code)
            self.between()
            if self.point.lasting and not self.scenario.known:
                self.told.forget("INBOX")
            self.afterwards()
            return met
        finally:
            self.bench.clear()

"""What is done to a mailbox while it is cut. Each is small: every call of it is a point."""

import mailboxes
import mboxes
from mailboxes import wire
from model import Effect, Step


class Scenario:
    """appended: numbers of messages that come into being; moved: names of folders that come and go; origins: what they
    were before a RENAME, with the same UIDs; share: of the usual number of points, for what takes long. known: the UIDs are in the mbox at any time; otherwise they are lost with
    the index before the close, and on a full disk."""

    def __init__(self, name, lay, steps, protocol="imap", settings="", moved=(), origins=(), share=1, known=True):
        self.name, self.lay, self.steps, self.share, self.known = name, lay, steps, share, known
        self.protocol, self.settings, self.moved, self.origins = protocol, settings, moved, dict(origins)
        self.mbox = name.startswith("mbox-")
        self.appended = [number for s in self.steps for number in s.appends]


def in_inbox(numbers, change):
    """An effect on the flags of messages of INBOX."""
    def effect(number, placement):
        return {(f, change(flags) if f == "INBOX" and number in numbers else flags) for f, flags in placement}
    return effect


def store(which, item, numbers, command="STORE", waits=False):
    """which: as sent; numbers: the messages that this means."""
    op, _, flags = item.partition(" ")
    names = frozenset(flags.strip("()").split())
    change = {"+": lambda old: old | names, "-": lambda old: old - names}.get(op[0], lambda old: names)
    return Step("%s %s %s" % (command, which, item), in_inbox(numbers, change), waits=waits)


def select(folder="INBOX"):
    return Step("SELECT " + folder, selects=folder)


def append(folder, number, flags=""):
    names = frozenset(flags.split())
    text = b"APPEND %s (%s) \"17-Nov-2023 10:00:00 +0000\" {%d+}\r\n%s" % (
        folder.encode(), flags.encode(), len(wire(number)), wire(number))
    return Step(text, lambda n, p: p | {(folder, names)} if n == number else p, whole=True, target=folder, appends=[number])


def multiappend(folder, numbers, flags=""):
    """One APPEND of several messages (RFC 3502): all or nothing. The first is sent as literal8."""
    names = frozenset(flags.split())
    text = b"APPEND %s" % folder.encode()
    for i, number in enumerate(numbers):
        text += b" (%s) %s{%d+}\r\n%s" % (flags.encode(), b"" if i else b"~", len(wire(number)), wire(number))
    return Step(text, lambda n, p: p | {(folder, names)} if n in numbers else p, whole=True, target=folder, appends=numbers)


FIRST_LINE = len(wire(1).partition(b"\n")[0]) + 1  # it is the same in all messages


def catenated(number, uid):
    """Data for APPEND and REPLACE: the first line is that of another message of INBOX."""
    rest = wire(number)[FIRST_LINE:]
    half = len(rest) // 2
    return b"CATENATE (URL /INBOX/;UID=%d/;PARTIAL=0.%d TEXT {%d+}\r\n%s TEXT {%d+}\r\n%s)" % (
        uid, FIRST_LINE, half, rest[:half], len(rest) - half, rest[half:])


def catenate(folder, number, uid):
    return Step(b"APPEND %s %s" % (folder.encode(), catenated(number, uid)),
                lambda n, p: p | {(folder, frozenset())} if n == number else p, whole=True, target=folder, appends=[number])


def replace(which, old, folder, number, data=None):
    """The old message is in INBOX until the new one is where it belongs (RFC 8508); which: as sent."""
    data = data or b"{%d+}\r\n%s" % (len(wire(number)), wire(number))
    first = append(folder, number).effect

    def effect(n, placement):
        return {(f, x) for f, x in first(n, placement) if f != "INBOX" or n != old}
    return Step(b"%s %s %s" % (which.encode(), folder.encode(), data), effect, whole=True, stages=[Effect(first)],
                target=folder, appends=[number], once=True)


def copy(which, folder, numbers):
    """All or nothing, as save.h has it."""
    def effect(number, placement):
        return placement | {(folder, flags) for f, flags in placement if f == "INBOX" and number in numbers}
    return Step("COPY %s %s" % (which, folder), effect, whole=True, target=folder)


def move(which, folder, numbers):
    """Each message is here or there; never in both, or a client that asks again would have it twice."""
    def effect(number, placement):
        return {(folder if f == "INBOX" and number in numbers else f, flags) for f, flags in placement}
    return Step("MOVE %s %s" % (which, folder), effect, target=folder)


def remove(text, numbers=None, flag="\\Deleted"):
    """What is \\Deleted in INBOX, of that perhaps just some; POP3 has no flag."""
    def effect(number, placement):
        return {(f, flags) for f, flags in placement
                if f != "INBOX" or (flag and flag not in flags) or (numbers and number not in numbers)}
    return Step(text, effect, once=text == "CLOSE")


def renamed(old, new):
    def effect(number, placement):
        return {(new + f[len(old):] if f == old or f.startswith((old + ".", old + "/")) else f, flags) for f, flags in placement}
    return effect


def create(name, use=None):
    """Its use is given to it when it is there."""
    what = "use " + use if use else None
    return Step("CREATE " + name + (" (USE (%s))" % use if use else ""), lambda n, p: {(name, frozenset())} if n == what else p,
                folders=([name], []), appends=[what] if use else ())


def subscribe(name):
    what = "subscription " + name
    return Step("SUBSCRIBE " + name, lambda n, p: {("", frozenset())} if n == what else p, appends=[what])


def delete(name, selectable=True):
    """A directory is none that could be selected."""
    return Step("DELETE " + name, lambda n, p: {(f, x) for f, x in p if f != name}, whole=True,
                folders=([], [name] if selectable else []))


def rename(old, new, folders):
    """folders: the old one and those below it, as far as they can be selected."""
    return Step("RENAME %s %s" % (old, new), renamed(old, new), whole=True, folders=([new + f[len(old):] for f in folders], folders))


def rename_inbox(new):
    """INBOX stays (RFC 9051 section 6.3.6). The folder is made, gets copies, then the messages leave INBOX."""
    made = ([new], [])

    def copied(number, placement):
        return placement | {(new, flags) for f, flags in placement if f == "INBOX"}

    def effect(number, placement):
        return {(new if f == "INBOX" else f, flags) for f, flags in placement}
    return Step("RENAME INBOX " + new, effect, whole=True, folders=made,
                stages=[Effect(None, made), Effect(copied, made), Effect(effect, made)])


def copied_and_removed(which, folder, numbers, whole=True):
    """MOVE with an mbox: all are copied, then all are removed (perhaps behind a NO, when that had begun); from a Maildir
    one after the other, by UID: the second time numbers are others."""
    moved = move(which, folder, numbers).effect
    return Step("%s %s %s" % ("MOVE" if whole else "UID MOVE", which, folder), moved, whole=whole,
                stages=[Effect(copy(which, folder, numbers).effect)] + [Effect(moved)] * whole, target=folder)


QUOTA = "mail_plugins = quota imap_quota\nplugin {\n  quota = maildir:User quota\n  quota_rule = *:bytes=1000000\n}"
FETCH = Step("FETCH 1:* (UID FLAGS BODY.PEEK[])")
INBOX = range(1, 9)  # what mailboxes.plain() has there
DELETED = [store("1:3,6", "+FLAGS (\\Deleted)", (1, 2, 3, 6))]


def expunge(which, numbers):
    return [select(), store(which, "+FLAGS.SILENT (\\Deleted)", numbers), remove("EXPUNGE"), Step("NOOP")]


SCENARIOS = [
    Scenario("append", mailboxes.plain, [
        select(), append("INBOX", 101), append("INBOX", 102, "\\Seen"), append("INBOX", 103, "\\Flagged Fresh"),
        append("Copies", 104, "Old"), Step("NOOP")]),
    Scenario("multiappend", mailboxes.plain, [
        select(), multiappend("INBOX", [111, 112, 113], "\\Seen Fresh"), multiappend("Copies", [114, 115]), Step("NOOP")]),
    Scenario("catenate", mailboxes.plain, [
        select(), catenate("INBOX", 116, 11), catenate("Copies", 117, 12), Step("NOOP")]),
    Scenario("replace", mailboxes.plain, [
        select(), replace("REPLACE 2", 2, "INBOX", 118), replace("UID REPLACE 13", 3, "Copies", 119),
        replace("UID REPLACE 14", 4, "INBOX", 120, catenated(120, 11)), Step("NOOP")]),
    Scenario("copy", mailboxes.plain, [
        select(), copy("1:3", "Copies", (1, 2, 3)), copy("5", "Copies", (5,)), append("Copies", 105)]),
    Scenario("move", mailboxes.plain, [
        select(), move("1:3", "Copies", (1, 2, 3)), Step("NOOP"), move("1", "Copies", (4,))]),
    Scenario("store", mailboxes.plain, [
        select(), store("1:5", "+FLAGS (\\Answered)", range(1, 6)), store("2:7", "+FLAGS (Fresh \\Seen)", range(2, 8)),
        store("3:4", "FLAGS.SILENT (Other)", (3, 4)), store("1:8", "-FLAGS (\\Seen Old)", INBOX)]),
    Scenario("store-synced", mailboxes.plain, [
        select(), store("1:3", "+FLAGS (\\Answered Fresh)", (1, 2, 3))], settings="mail_fsync = always"),
    Scenario("expunge", mailboxes.plain, [select(), *DELETED, remove("EXPUNGE"), Step("NOOP")]),
    Scenario("uid-expunge", mailboxes.plain, [
        select(), *DELETED, remove("UID EXPUNGE 11:12", (1, 2)), Step("NOOP")]),
    Scenario("close", mailboxes.plain, [select(), *DELETED, remove("CLOSE")]),
    Scenario("arrival", mailboxes.arrived, [
        Step("STATUS INBOX (MESSAGES UIDNEXT)"), select(), FETCH, store("6:8", "+FLAGS (Fresh)", (6, 7, 8)),
        store("19:22", "+FLAGS (Fresh)", range(31, 35), "UID STORE", waits=True)]),
    Scenario("no-list", mailboxes.unlisted, [select(), FETCH, append("INBOX", 106)]),
    Scenario("list-torn", mailboxes.torn, [append("INBOX", 107), select(), FETCH]),
    Scenario("list-rewritten", mailboxes.decayed, [select(), FETCH]),
    Scenario("pop3", mailboxes.arrived, [
        Step("STAT"), Step("UIDL"), Step("RETR 2"), Step("DELE 1"), Step("DELE 3"), Step("DELE 9"),
        remove("QUIT", (1, 3, 31), None)], protocol="pop3"),
    Scenario("folders", mailboxes.nested, [
        Step("CREATE Fresh", folders=(["Fresh"], [])),
        Step("RENAME Work Job", renamed("Work", "Job"), folders=(["Job", "Job.deep"], ["Work", "Work.deep"])),
        Step("DELETE Copies", lambda n, p: {(f, x) for f, x in p if f != "Copies"}, folders=([], ["Copies"])),
        Step("SUBSCRIBE Fresh")], moved=("Work", "Work.deep", "Job", "Job.deep", "Fresh")),
    Scenario("quota", mailboxes.miscounted, [
        select(), append("INBOX", 131), copy("1:2", "Copies", (1, 2)), move("4", "Copies", (4,)),
        store("1:3", "+FLAGS (\\Deleted)", (1, 2, 3)), remove("EXPUNGE"), append("INBOX", 132),
        Step("GETQUOTAROOT INBOX")], settings=QUOTA),
    Scenario("quota-rename", mailboxes.nested, [
        append("Work", 133), Step("RENAME Work Job", renamed("Work", "Job"), folders=(["Job", "Job.deep"], ["Work", "Work.deep"])),
        Step("DELETE Copies", lambda n, p: {(f, x) for f, x in p if f != "Copies"}, folders=([], ["Copies"]))],
        settings=QUOTA, moved=("Work", "Work.deep", "Job", "Job.deep"), share=0.5),
    Scenario("rotation", mailboxes.many, [
        select(), *(store("1:*", "%sFLAGS.SILENT (\\Flagged \\Answered)" % "+-"[i % 2], range(1, 61)) for i in range(40)),
        store("2:59", "+FLAGS.SILENT (Fresh)", range(2, 60)), remove("EXPUNGE")], share=0.3),

    Scenario("mbox-append", mboxes.plain, [
        select(), append("INBOX", 101), append("INBOX", 102, "\\Seen"), append("INBOX", 103, "\\Flagged Fresh"),
        append("Copies", 104, "Old"), Step("NOOP")]),
    Scenario("mbox-append-first", mboxes.delivered, [append("INBOX", 101), append("Copies", 104, "Old")]),
    Scenario("mbox-multiappend", mboxes.plain, [
        select(), multiappend("INBOX", [111, 112, 113], "\\Seen Fresh"), multiappend("Copies", [114, 115]), Step("NOOP")]),
    Scenario("mbox-copy", mboxes.plain, [select(), copy("1:3", "Copies", (1, 2, 3)), append("Copies", 105)]),
    Scenario("mbox-move", mboxes.plain, [select(), copied_and_removed("1:3", "Copies", (1, 2, 3)), Step("NOOP")]),
    Scenario("mbox-store", mboxes.plain, [
        select(), store("1:5", "+FLAGS (\\Answered)", range(1, 6)), store("3:4", "FLAGS.SILENT (Other)", (3, 4)),
        store("1:8", "-FLAGS (\\Seen Old)", INBOX)]),
    Scenario("mbox-store-grows", mboxes.delivered, [
        select(), store("2", "+FLAGS (\\Answered)", (2,)), store("1:4", "+FLAGS (Fresh \\Seen)", range(1, 5))], known=False),
    Scenario("mbox-store-block", mboxes.straddling, [select(), store("1:*", "+FLAGS (\\Answered)", range(1, 13))]),
    Scenario("mbox-expunge-first", mboxes.plain, expunge("1", (1,))),
    Scenario("mbox-expunge-middle", mboxes.plain, expunge("3,5:6", (3, 5, 6))),
    Scenario("mbox-expunge-last", mboxes.plain, expunge("8", (8,))),
    Scenario("mbox-expunge-appended", mboxes.plain, [
        select(), append("INBOX", 101), append("INBOX", 102, "\\Deleted"), remove("EXPUNGE"), Step("NOOP")]),
    Scenario("mbox-expunge-all", mboxes.plain, expunge("1:8", INBOX)),
    Scenario("mbox-lazy", mboxes.delivered, [select(), FETCH, Step("CLOSE")], known=False),
    Scenario("mbox-pop3", mboxes.arrived, [
        Step("STAT"), Step("UIDL"), Step("RETR 2"), Step("DELE 1"), Step("DELE 3"), Step("DELE 9"),
        remove("QUIT", (1, 3, 31), None)], protocol="pop3"),
    Scenario("mbox-create", mboxes.plain, [
        create("a/b/c"), create("a/uses", "\\Drafts"), subscribe("a/b/c"), create("a/b/d")],
        moved=("a/b/c", "a/b/d", "a/uses")),
    Scenario("mbox-create-dirname", mboxes.leaved_apart, [create("Work/deep/a", "\\Junk"), create("a/b"), create("a")],
             moved=("a", "a/b", "Work/deep/a"), share=0.5),
    Scenario("mbox-delete", mboxes.tree, [
        select(), delete("Work"), delete("Top/deep"), delete("Top", False)], moved=("Work", "Top/deep")),
    Scenario("mbox-delete-dirname", mboxes.leaved, [delete("Work"), delete("Work/deep"), delete("Top/deep")],
             moved=("Work", "Work/deep", "Top/deep"), share=0.5),
    Scenario("mbox-delete-control", mboxes.apart, [delete("Work"), delete("Top/deep"), delete("Top", False)],
             moved=("Work", "Top/deep"), share=0.5),
    Scenario("mbox-rename", mboxes.tree, [
        Step("STATUS Work (MESSAGES)"), rename("Work", "Job/new", ["Work"]), rename("Top", "Else", ["Top/deep"])],
        moved=("Work", "Job/new", "Top/deep", "Else/deep"), origins={"Job/new": "Work", "Else/deep": "Top/deep"}),
    Scenario("mbox-rename-dirname", mboxes.leaved, [rename("Work", "Job/new", ["Work", "Work/deep"])],
             moved=("Work", "Work/deep", "Job/new", "Job/new/deep"), origins={"Job/new": "Work", "Job/new/deep": "Work/deep"}),
    Scenario("mbox-rename-control", mboxes.leaved_apart, [rename("Work", "Job/new", ["Work", "Work/deep"])],
             moved=("Work", "Work/deep", "Job/new", "Job/new/deep"), origins={"Job/new": "Work", "Job/new/deep": "Work/deep"}),
    Scenario("mbox-rename-inbox", mboxes.plain, [select(), rename_inbox("Old")], moved=("Old",)),

    Scenario("mbox-out-copy", mboxes.out_of_mbox, [
        select(), copy("1:3", "other/Copies", (1, 2, 3)), append("other/Copies", 105)], share=0.5),
    Scenario("mbox-out-move", mboxes.out_of_mbox, [
        select(), copied_and_removed("1:3", "other/Copies", (1, 2, 3)), Step("NOOP")], share=0.5),
    Scenario("mbox-in-copy", mboxes.into_mbox, [
        select(), copy("1:3", "other/Copies", (1, 2, 3)), append("other/Copies", 105)], share=0.5),
    Scenario("mbox-in-move", mboxes.into_mbox, [
        select(), copied_and_removed("11:13", "other/Copies", (1, 2, 3), False), Step("NOOP")], share=0.5),
]

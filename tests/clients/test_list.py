#!/usr/bin/env python3
"""LIST, LSUB and STATUS of Dovecot and of ours over the same folders, in several arrangements of namespaces: the same answers
but for DECIDED. Each arrangement gets some hundred commands, made from its names with a fixed seed."""

import os
import random
import re

from common import Failed, Host, run_tests
from dovecot import Dovecot, Ours

# Where we differ on purpose; taken out by decided().
DECIDED = {
    "texts": "the words behind OK, NO and BAD; the order of folders and of attributes (RFC 3501 section 7.2.2 has none)",
    "marked": "\\Marked and \\UnMarked are guesses: RFC 3501 section 7.2.2 has neither when it is not feasible to tell. "
              "The times of an mbox, which Dovecot goes by, change with every flag that is set, by a delivery and a session",
    "unasked": "\\HasChildren, \\HasNoChildren and special uses are told in every LIST (RFC 5258 section 4, RFC 6154 section "
               "2), Dovecot leaves them out when RETURN does not ask for them",
    "childinfo": "a folder that is not selected has CHILDINFO when some selected one below it is not told (RFC 5258 section "
                 "3.5); Dovecot tells only the nearest of those that several patterns match",
    "not-asked": "Dovecot adds CHILDINFO of SPECIAL-USE for parents of such folders, which RFC 5258 section 3.5 forbids",
    "hidden": "a hidden namespace has the special uses of the folders that it shows, Dovecot's has none; INBOX has no "
              "children there, which Dovecot tells one way in one LIST and the other way in another",
    "level": "a directory of mboxes that has a subscribed one in it has \\HasChildren; Dovecot says \\HasNoChildren when it "
             "tells CHILDINFO and none of the patterns matches what is in it",
    "quoted": "\"CHILDINFO\" is an astring (RFC 5258 section 6): in quotes, as all examples are; Dovecot: an atom",
}

FOLDERS = ["Sent", "a", "a.b", "a.b.c", "x.y.z", "Gr&APwA3w-e", "Gr&APwA3w-e.k", "b", "b.INBOX", "Archive.2020.01", "ab", "A"]
SUBSCRIBED = ["INBOX", "a.b", "x.y.z", "b", "gone", "gone2.deep", "Gr&APwA3w-e.k", "Archive.2020.01"]

INBOX = {"inbox": "yes", "separator": ".", "prefix": ""}
ARRANGEMENTS = {
    "plain": [("inbox", INBOX)],
    "slash": [("inbox", dict(INBOX, separator="/"))],
    "courier": [("inbox", dict(INBOX, prefix="INBOX."))],
    "compat": [("inbox", dict(INBOX, separator="/")),
               ("compat", {"inbox": "no", "prefix": "INBOX.", "separator": ".", "hidden": "yes", "list": "no",
                           "alias_for": ""})],
}
# Folders of mbox, by mail_location. What STATUS says of them is not this test's matter.
MBOX = {
    "mbox": "mbox:~/mail",
    "mbox-dirname": "mbox:~/mail:DIRNAME=mBoX:INDEX=~/index:CONTROL=~/control",
}
COMMANDS = 150


def settings_text(spaces):
    lines = []
    for name, values in spaces:
        lines.append("namespace %s {" % name)
        lines += ["  %s = %s" % item for item in values.items()]
        if name == "inbox":
            lines += ["  mailbox Sent {", "    special_use = \\Sent", "  }"]
        lines.append("}")
    return "\n".join(lines) + "\n"


def settings_env(spaces):
    env = {"NAMESPACE": " ".join(name for name, _ in spaces)}
    for name, values in spaces:
        for key, value in dict(values, name=name).items():
            env["NAMESPACE/%s/%s" % (name.upper(), key.upper())] = value
        if name == "inbox":
            env["NAMESPACE/INBOX/MAILBOX"] = "Sent"
            env["NAMESPACE/INBOX/MAILBOX/SENT/NAME"] = "Sent"
            env["NAMESPACE/INBOX/MAILBOX/SENT/SPECIAL_USE"] = "\\Sent"
    return env


def words(text):
    """The atoms, strings and parentheses of a line."""
    return re.findall(r'"(?:[^"\\]|\\.)*"|[()]|[^\s()"]+', text)


def rows(answer):
    """[(LIST, attributes, separator, name, extended data)] and the rest of the lines."""
    found, rest = [], []
    for line in answer.decode().split("\r\n")[:-1]:
        match = re.match(r'\* (LIST|LSUB|XLIST) \(([^)]*)\) ("[^"]*"|NIL) (.*)$', line)
        if not match:
            rest.append(re.sub(r"^(\S+ (?:OK|NO|BAD)).*", r"\1", line))
            continue
        name, *data = words(match[4])
        found.append((match[1], frozenset(word.lower() for word in match[2].split()), match[3], name.strip('"'), tuple(data)))
    return found, rest


class Maker:
    """Commands about these names."""

    def __init__(self, seed, spaces, status=True):
        self.r = random.Random(seed)
        self.returns = [None, [], ["CHILDREN"], ["SUBSCRIBED"], ["SUBSCRIBED", "CHILDREN"], ["SPECIAL-USE"]]
        if status:
            self.returns += [["STATUS (MESSAGES UNSEEN)"], ["CHILDREN", "STATUS (UIDNEXT)", "SUBSCRIBED"]]
        self.spaces = [values for _, values in spaces]

    def name(self):
        space = self.r.choice(self.spaces)
        name = self.r.choice(FOLDERS + SUBSCRIBED).replace(".", space["separator"])
        return name if name == "INBOX" else space["prefix"] + name

    def pattern(self):
        r, name = self.r, self.name()
        kind = r.randrange(8)
        if kind == 0:
            return r.choice(["*", "%"])
        if kind == 1:
            return name
        if kind == 2:
            return self.r.choice(self.spaces)["prefix"] + r.choice(["*", "%"])
        at = r.randrange(len(name) + 1)
        while name[:at].count("&") != name[:at].count("-"):
            at -= 1
        if kind == 3:
            return name[:at] + r.choice(["*", "%"])
        if kind == 4:
            return r.choice(["*", "%"]) + (name[at:] if "&" not in name else "")
        if kind == 5:
            return name.rpartition(self.spaces[0]["separator"])[0] + self.spaces[0]["separator"] + "%"
        if kind == 6:
            return "%" + self.spaces[0]["separator"] + "%"
        return name.lower()

    def command(self):
        r = self.r
        verb = r.choice(["LIST", "LIST", "LIST", "LSUB"])
        reference = r.choice(["", "", "", self.spaces[0]["prefix"], "a" + self.spaces[0]["separator"]])
        if verb == "LSUB" or r.random() < 0.3:
            return '%s "%s" "%s"' % (verb, reference, self.pattern())
        select = r.choice([None, None, [], ["SUBSCRIBED"], ["SUBSCRIBED", "RECURSIVEMATCH"], ["REMOTE"],
                           ["SUBSCRIBED", "REMOTE"], ["RECURSIVEMATCH"], ["SPECIAL-USE"]])
        patterns = [self.pattern() for _ in range(r.choice([1, 1, 2, 3]))]
        returns = r.choice(self.returns)
        text = "LIST "
        if select is not None:
            text += "(%s) " % " ".join(select)
        text += '"%s" ' % reference
        text += "(%s)" % " ".join('"%s"' % p for p in patterns) if len(patterns) > 1 else '"%s"' % patterns[0]
        if returns is not None:
            text += " RETURN (%s)" % " ".join(returns)
        return text


UNASKED = {"\\haschildren", "\\hasnochildren", "\\sent"}


def decided(theirs, ours):
    """Takes the differences of DECIDED out of the rows."""
    told = {name: attributes for _, attributes, _, name, _ in theirs}

    def redundant(row):
        """childinfo, hidden"""
        _, attributes, separator, name, data = row
        return (name == "INBOX.Sent" and "\\sent" in attributes and name not in told) or data and name not in told and any(
            other.startswith(name + separator.strip('"')) and more for _, _, _, other, more in theirs)

    def ready(row):
        verb, attributes, separator, name, data = row
        attributes -= {"\\marked", "\\unmarked"}
        if (name, separator) == ("INBOX", '"/"'):
            attributes -= UNASKED
        if data and "\\noselect" in attributes:
            attributes -= {"\\haschildren", "\\hasnochildren"}
        if row in ours:
            attributes -= UNASKED - told.get(name, frozenset())
        data = " ".join(word.strip('"') for word in data).replace("( CHILDINFO ( SPECIAL-USE ) )", "")
        return verb, sorted(attributes), separator, name, data.strip()

    return sorted(map(ready, theirs)), sorted(map(ready, (row for row in ours if not redundant(row))))


def compare(text, theirs, ours):
    (a, a_rest), (b, b_rest) = rows(theirs), rows(ours)
    a, b = decided(a, b)
    if a != b or sorted(a_rest) != sorted(b_rest):
        raise Failed("%s\n  Dovecot %s\n  ours    %s" % (
            text, "\n          ".join(theirs.decode().split("\r\n")), "\n          ".join(ours.decode().split("\r\n"))))


def play(name):
    spaces = ARRANGEMENTS[name]
    with Host(users={"kevin": "secret", "twin": "secret"}, settings=settings_text(spaces)) as host:
        host.fill("kevin", "plain utf8:S dots@.a.b crlf:S@.Sent")
        host.fill("twin", "plain utf8:S dots@.a.b crlf:S@.Sent")
        for user in ("kevin", "twin"):
            for folder in FOLDERS:
                for sub in ("cur", "new", "tmp"):
                    os.makedirs(os.path.join(host.maildir(user), "." + folder, sub), exist_ok=True)
            with open(os.path.join(host.maildir(user), "subscriptions"), "w") as out:
                out.write("".join(line + "\n" for line in SUBSCRIBED))
        ours = Ours(host, user="kevin")
        for user in ("kevin", "twin"):
            host.give(host.home(user))
        theirs = Dovecot(host, host.maildir("twin"), **settings_env(spaces))
        theirs.until("* PREAUTH")
        compare_all(Maker(name, spaces), theirs, ours)


def compare_all(maker, theirs, ours):
    wrong = []
    for number in range(COMMANDS):
        text = maker.command()
        tag = "t%d" % number
        answers = [server.command(text, tag) for server in (theirs, ours)]
        try:
            compare(text, *answers)
        except Failed as difference:
            wrong.append(str(difference))
    ours.finish()
    if wrong:
        raise Failed("%d of %d differ:\n%s" % (len(wrong), COMMANDS, "\n".join(wrong[:6])))


def fill_mbox(home, dirname):
    """The same names; without DIRNAME those that have others below them are directories only."""
    for folder in FOLDERS:
        path = os.path.join(home, "mail", *folder.split("."))
        if dirname:
            os.makedirs(path, exist_ok=True)
            open(os.path.join(path, dirname), "a").close()
        elif any(other.startswith(folder + ".") for other in FOLDERS):
            os.makedirs(path, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "a").close()
    open(os.path.join(home, "mail", "inbox"), "a").close()
    control = os.path.join(home, "control" if dirname else "mail")
    os.makedirs(control, exist_ok=True)
    with open(os.path.join(control, ".subscriptions"), "w") as out:
        out.write("".join(line.replace(".", "/") + "\n" for line in SUBSCRIBED))


def play_mbox(name, dirname=None):
    spaces = [("inbox", dict(INBOX, separator="/"))]
    text = "mail_location = %s\n" % MBOX[name] + settings_text(spaces)
    with Host(users={"kevin": "secret", "twin": "secret"}, settings=text) as host:
        for user in ("kevin", "twin"):
            fill_mbox(host.home(user), dirname)
        ours = Ours(host, user="kevin")
        for user in ("kevin", "twin"):
            host.give(host.home(user))
        theirs = Dovecot(host, host.maildir("twin"), MAIL_LOCATION=MBOX[name], **settings_env(spaces))
        theirs.until("* PREAUTH")
        compare_all(Maker(name, spaces, status=False), theirs, ours)


def plain():
    play("plain")


def slash():
    play("slash")


def courier():
    play("courier")


def compat():
    play("compat")


def mbox():
    play_mbox("mbox")


def mbox_dirname():
    play_mbox("mbox-dirname", "mBoX")


run_tests([plain, slash, courier, compat, mbox, mbox_dirname])

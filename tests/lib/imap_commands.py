"""Random IMAP commands, the same for the same seed: what mail programs send and what they could."""

import random

import fixtures

THERE = ["INBOX", "Sent", "a.b", '"Gr&APwA3w-e"']
FOLDERS = THERE + ["a", "New", "New.one", "New.two.three", "inbox", '"two words"', "Missing", "inbox.sub"]
ITEMS = ["FLAGS", "UID", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY", "BODYSTRUCTURE", "RFC822", "RFC822.HEADER",
         "RFC822.TEXT", "BODY[]", "BODY[TEXT]", "BODY[1]<3.10>"]
ITEMS += ["BODY.PEEK[%s" % section for section in (
    "]", "HEADER]", "1]", "2]", "2.1]", "2.2]", "9]", "1.MIME]", "2.HEADER]", "2.TEXT]", "HEADER.FIELDS (Subject X-None)]",
    "HEADER.FIELDS.NOT (Subject)]", "]<0.20>", "TEXT]<5.1000000>", "]<999999.10>", 'HEADER.FIELDS (SUBJECT "to")]<2.9>')]
FLAGS = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "\\seen", "work", "WORK", "$Forwarded", "NonJunk", "k.1"]
FLAG_KEYS = "ALL ANSWERED DELETED DRAFT FLAGGED SEEN UNSEEN UNANSWERED UNDELETED UNDRAFT UNFLAGGED".split()
DATE_KEYS = "BEFORE ON SINCE SENTBEFORE SENTON SENTSINCE".split()
DATES = ["14-Nov-2023", "15-Nov-2023", "1-Jan-2020", '"13-Nov-2023"', "01-Feb-2024"]
WORDS = ["lunch", "LUNCH", "Schmidt", '"friday at noon"', "inner", '""', '"Köln"', '"Wörter"', "kevin", "example.org", "ends",
         "zzz", '"noon?"', '"crème"', '"Привет"']
STAMPS = ['"14-Nov-2023 23:30:00 +0100"', '" 1-Feb-2024 00:30:00 +0200"', '"31-Dec-2019 23:59:59 -0800"',
          '"14-Nov-2023 00:00:00 +0000"']
MESSAGES = ["plain", "utf8", "dots", "nested", "crlf", "nobody", "headeronly", "eightbit"]
PATTERNS = ["*", "%", "a.%", "%.%", "*.*", "inbox", "INBOX", "N%", "*e*", '""', "%b", "Gr&APwA3w-e", "a", "in%", "INBOX*",
            "two*", "New.%", "%.two.%"]


class Commands:
    """Random ones. Each method gives one, without the tag."""

    def __init__(self, seed, pairs, messages=MESSAGES):
        self.r = random.Random(seed)
        self.pairs = pairs
        self.messages = messages
        self.renamed = 0
        self.flagged = seed % 2 == 0  # save with flags: then \Recent is not compared

    def number(self, count, uid):
        n = count + (10 if uid else 0)
        if self.r.random() < 0.08:
            return "*"
        return str(self.r.randint(1, max(n, 1)))

    def set(self, pair, uid):
        count = len(pair.views[0].messages)
        if not uid and self.r.random() < 0.03:
            return str(count + 1)

        def one():
            a = self.number(count, uid)
            return a if self.r.random() < 0.5 else "%s:%s" % (a, self.r.choice(["*", self.number(count, uid)]))
        return ",".join(one() for _ in range(self.r.choice([1, 1, 1, 2, 3])))

    def uid(self):
        return self.r.choice(["", "", "UID "])

    def folder(self):
        return self.r.choice(FOLDERS)

    def flags(self):
        return " ".join({flag.lower(): flag for flag in self.r.sample(FLAGS, self.r.randint(0, 3))}.values())

    def key(self, pair, depth=0):
        r = self.r
        kinds = [
            lambda: r.choice(FLAG_KEYS + ([] if self.flagged else ["NEW", "OLD", "RECENT"])),
            lambda: self.set(pair, False),
            lambda: "UID " + self.set(pair, True),
            lambda: r.choice(["KEYWORD ", "UNKEYWORD "]) + r.choice(["work", "nonjunk", "$Forwarded", "never"]),
            lambda: "%s %s" % (r.choice(DATE_KEYS), r.choice(DATES)),
            lambda: r.choice(["LARGER ", "SMALLER "]) + r.choice(["0", "300", "400", "500", "2000", "100000"]),
            lambda: "%s %s" % (r.choice(["SUBJECT", "FROM", "TO", "CC", "BCC"]), r.choice(WORDS)),
            lambda: "HEADER %s %s" % (r.choice(["Subject", "message-id", "X-None", "Content-Type"]), r.choice(WORDS)),
            lambda: r.choice(["BODY ", "TEXT "]) + r.choice(WORDS),
        ]
        if depth < 3:
            kinds += [
                lambda: "NOT " + self.key(pair, depth + 1),
                lambda: "OR %s %s" % (self.key(pair, depth + 1), self.key(pair, depth + 1)),
                lambda: "(%s)" % " ".join(self.key(pair, depth + 1) for _ in range(r.randint(1, 3))),
            ]
        return r.choice(kinds)()

    def select(self, pair):
        return self.r.choice(["SELECT ", "SELECT ", "EXAMINE "]) + self.r.choice(THERE * 3 + FOLDERS)

    def fetch(self, pair):
        uid = self.uid()
        what = "(%s)" % " ".join(self.r.sample(ITEMS, self.r.randint(1, 4)))
        return "%sFETCH %s %s" % (uid, self.set(pair, uid), self.r.choice([what] * 5 + ["ALL", "FAST", "FULL"]))

    def store(self, pair):
        uid = self.uid()
        return "%sSTORE %s %sFLAGS%s (%s)" % (uid, self.set(pair, uid), self.r.choice(["", "+", "-", "+"]),
                                              self.r.choice(["", "", ".SILENT"]), self.flags())

    def search(self, pair):
        keys = " ".join(self.key(pair) for _ in range(self.r.randint(1, 3)))
        return "%sSEARCH %s%s" % (self.uid(), self.r.choice(["CHARSET UTF-8 ", ""]), keys)

    def copy(self, pair):
        uid = self.uid()
        verb = self.r.choice(["COPY", "COPY", "COPY" if pair.read_only else "MOVE"])
        return "%s%s %s %s" % (uid, verb, self.set(pair, uid), self.folder())

    def expunge(self, pair):
        return self.r.choice(["EXPUNGE", "UID EXPUNGE " + self.set(pair, True)])

    def append(self, pair):
        data = fixtures.wire(self.r.choice(self.messages))
        flags = "(%s) " % self.flags() if self.flagged and self.r.random() < 0.6 else ""
        head = "APPEND %s %s%s {%d+}\r\n" % (self.folder(), flags, self.r.choice(STAMPS), len(data))
        return head.encode() + data

    def list(self, pair):
        reference = self.r.choice(['""', '""', '""', "a.", "New", "INBOX", "New."])
        return "%s %s %s" % (self.r.choice(["LIST", "LIST", "LSUB"]), reference, self.r.choice(PATTERNS))

    def status(self, pair):
        items = self.r.sample(["MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN"], self.r.randint(1, 5))
        return "STATUS %s (%s)" % (self.folder(), " ".join(items))

    def manage(self, pair):
        r = self.r
        # who deletes or renames what another session has selected ends that session, here and there
        free = [name for name in FOLDERS if not any(p.selected and p.selected.startswith(name.upper()) for p in self.pairs)]
        self.renamed += 1
        return r.choice([
            "CREATE " + r.choice(FOLDERS + ["New.", "x..y", ".x"]),
            "DELETE " + r.choice(free),
            "RENAME %s %s" % (r.choice([name for name in free if name.upper() != "INBOX"]),
                              r.choice(["New.%d", "Moved%d", "inbox.%d", "Sent.%d"]) % self.renamed),
            "RENAME %s Sent" % r.choice([name for name in free if name in THERE[1:]] or ["Missing"]),
            "SUBSCRIBE " + self.folder(),
            "UNSUBSCRIBE " + self.folder(),
        ])

    def other(self, pair):
        return self.r.choice(["NOOP", "CHECK", "CLOSE", "UNSELECT"])

    def next(self, pair):
        anywhere = [self.append, self.list, self.status, self.manage]
        kinds = anywhere + [self.select] * 4
        if pair.selected:
            kinds = anywhere + [self.append, self.status, self.select, self.other] + [self.expunge] * 2 + \
                [self.fetch] * 6 + [self.store] * 5 + [self.search] * 5 + [self.copy] * (3 if self.flagged else 0)
        text = self.r.choice(kinds)(pair)
        return text if isinstance(text, bytes) else text.encode()

"""What is measured. Each row is a function of a server that yields figures, one a repetition; the least counts: what
else the machine does can only add. The limits and the figures of other servers are those the project started from."""

import collections
import re
import time

import corpus
from client import Imap, Pop3, Refused
from meter import private_dirty
from servers import PASSWORD, USER



class NotServed(Exception):
    """The server has no such thing; nothing is wrong."""


Figure = collections.namedtuple("Figure", "cpu wall")  # ms
# unit: cpu and wall count CPU ms or wall ms, kB memory; limit: of ours, at 100,000 messages; anchors: Dovecot, Courier, Cyrus
Row = collections.namedtuple("Row", "name run unit limit anchors", defaults=("cpu", None, (None, None, None)))

TICK = 2.2  # s: a directory whose time stamp is younger may have changed again without a trace, so servers look again
ENOUGH = 8.0  # s of wall time after which a row is not repeated


class Shape:
    """What depends on the number of messages and on how exactly it is wanted."""

    def __init__(self, messages, repetitions, connections, hurry=False):
        self.messages = messages
        self.repetitions = repetitions
        self.connections = connections
        self.tick = 0 if hurry else TICK
        self.second_look = 0.05 if hurry else 1.0  # s: some servers look at a delivery again, later

    def first(self, wanted):
        """A range of the first messages, of at most a half."""
        return min(wanted, max(1, self.messages // 2))


def timed(server, action, times=1):
    before = server.group.settle()
    start = time.monotonic()
    action()
    wall = (time.monotonic() - start) * 1000
    return Figure((server.group.settle() - before) / times, wall / times)


def repeated(shape, once):
    start = time.monotonic()
    for _ in range(shape.repetitions):
        yield once()
        if time.monotonic() - start > ENOUGH:
            return


def login(server, tls=False):
    return Imap(server.tls_port if tls else server.port, tls).login(USER, PASSWORD)


def select(server):
    session = login(server)
    session.command("SELECT INBOX")
    return session


def connections(one):
    """A row of whole connections."""
    def run(server, shape):
        one(server)  # processes that stay are there
        return repeated(shape, lambda: timed(server, lambda: [one(server) for _ in range(shape.connections)],
                                             shape.connections))
    return run


def greet(server):
    Imap(server.port).close()


def greet_exec(server):
    if not server.exec_port:
        raise NotServed("has no such form")
    Imap(server.exec_port).close()


def log_in_and_out(server):
    login(server).logout()


def log_in_and_out_tls(server):
    if not server.tls_port:
        raise NotServed("TLS is not set up")
    login(server, True).logout()


def log_in_and_select(server):
    select(server).logout()


def resynchronise(changes=0):
    """What a client with a cache does each time it comes back (RFC 7162 section 3.2.5): so many messages have other flags."""
    def run(server, shape):
        session = login(server)
        needs(session, "QRESYNC")
        answer = session.command("SELECT INBOX (CONDSTORE)", keep=True)
        known = [int(re.search(rb"%s (\d+)" % word, answer)[1]) for word in (b"UIDVALIDITY", b"HIGHESTMODSEQ")]
        for sign in "+-" if changes else "":
            session.command("STORE 1:%d %sFLAGS.SILENT (\\Answered)" % (shape.first(changes), sign))
        session.logout()

        def one(server):
            session = login(server)
            session.command("ENABLE QRESYNC")
            session.command("SELECT INBOX (QRESYNC (%d %d))" % (known[0], known[1]))
            session.logout()
        return connections(one)(server, shape)
    return run


def memory(tls=False, selected=False):
    def run(server, shape):
        if not server.sessions_are_processes or (tls and not server.tls_port):
            raise NotServed("its processes are not of one session")
        log_in_and_out(server)
        for _ in range(min(2, shape.repetitions)):
            server.group.settle(0.1)
            before = set(server.group.pids())
            session = login(server, tls)
            if selected:
                session.command("SELECT INBOX")
            server.group.settle(0.1)
            yield Figure(private_dirty(set(server.group.pids()) - before), None)
            session.logout()
    return run


def select_cold(server, shape):
    def once():
        if not server.forget():
            raise NotServed("has no index to forget")
        session = login(server)
        figure = timed(server, lambda: session.command("SELECT INBOX"))
        session.logout()
        return figure
    return repeated(shape, once)


def status(server, shape):
    session = login(server)
    text = "STATUS INBOX (MESSAGES UNSEEN UIDNEXT)"
    session.command(text)
    start = time.monotonic()
    session.command(text)
    times = max(1, min(50, int(1 / (time.monotonic() - start))))
    yield from repeated(shape, lambda: timed(server, lambda: [session.command(text) for _ in range(times)], times))
    session.logout()


def needs(session, capability):
    if capability and capability.encode() not in session.command("CAPABILITY", keep=True).upper():
        raise NotServed("no " + capability)


def command(text, first=False, capability=None, count=0, once_only=False, again=False):
    """A command in a session of its own that has selected INBOX: after the caches were removed (first), or after it was
    done once; once_only: as it comes, after whatever rows were before, which cannot be repeated;
    again: after it was done once in the same session."""
    def run(server, shape):
        full = text.replace("@", str(shape.first(count)))

        def once(measured=True):
            if first and not server.forget():
                raise NotServed("has no index to forget")
            session = select(server)
            try:
                needs(session, capability)
                if not measured:
                    session.command(full)
                    return None
                if again:
                    session.command(full)
                return timed(server, lambda: session.command(full))
            finally:
                session.logout()

        if once_only:
            return [once()]
        if not first:
            start = time.monotonic()
            once(False)
            if time.monotonic() - start < 0.5:
                once(False)  # what a server learns from the first time it may write down the second time
        return repeated(shape, once)
    return run


def store(server, shape):
    def once():
        session = select(server)
        figure = timed(server, lambda: session.command("STORE 1:* +FLAGS.SILENT (\\Flagged)"))
        session.command("STORE 1:* -FLAGS.SILENT (\\Flagged)")
        session.logout()
        return figure
    return repeated(shape, once)


def copy(wanted):
    def run(server, shape):
        for number in range(min(2, shape.repetitions)):
            session = select(server)
            folder = server.folder("copy%d" % number)
            session.command("CREATE " + folder)
            yield timed(server, lambda: session.command("COPY 1:%d %s" % (shape.first(wanted), folder)))
            session.logout()
    return run


def expunge(server, shape):
    """Of all that copy(10000) has put into a folder."""
    for number in range(min(2, shape.repetitions)):
        session = login(server)
        session.command("SELECT " + server.folder("copy%d" % number))
        session.command("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        time.sleep(shape.tick)
        yield timed(server, lambda: session.command("EXPUNGE"))
        session.logout()


def append(folder):
    """To a folder of its own, or to INBOX with all that is in it."""
    return lambda server, shape: append_to(server, shape, "INBOX" if folder == "INBOX" else server.folder(folder))


def append_to(server, shape, folder):
    text = b"From: a@b.example\r\nTo: c@d.example\r\nSubject: four thousand bytes\r\nMessage-ID: <%d@b.example>\r\n\r\n"
    line = b"A line of plain words, of which there are enough to fill four kB.\r\n"
    session = login(server)
    if folder != "INBOX":
        session.command("CREATE " + folder)
    number = [0]

    def one():
        number[0] += 1
        data = text % number[0]
        session.append(folder, data + line * ((4096 - len(data)) // len(line)))

    one()
    yield from repeated(shape, lambda: timed(server, lambda: [one() for _ in range(shape.connections)], shape.connections))
    session.logout()
    time.sleep(shape.tick)


def pop3(server):
    if not server.pop3_port:
        raise NotServed("no POP3")
    return Pop3(server.pop3_port).login(USER, PASSWORD)


def pop3_lists(server, shape):
    def once():
        session = pop3(server)
        session.command("STAT")
        session.command("LIST", lines=True)
        session.command("UIDL", lines=True)
        session.quit()
    once()
    return repeated(shape, lambda: timed(server, once))


def pop3_retr(wanted):
    def run(server, shape):
        def once():
            session = pop3(server)
            for number in range(1, shape.first(wanted) + 1):
                session.command("RETR %d" % number, lines=True)
            session.quit()
        once()  # what was new is seen now: its files are not renamed again
        return repeated(shape, lambda: timed(server, once))
    return run


FIELDS = "FETCH 1:@ (BODY.PEEK[HEADER.FIELDS (From To Subject Date)])"
ROWS = [
    Row("connect + greeting", connections(greet), "cpu", 0.8, (6.2, 2.5, 1.1)),
    Row("connect + greeting, exec", connections(greet_exec), "cpu", 3.5),
    Row("login + logout", connections(log_in_and_out), "cpu", 4, (13.5, 10.9, 2.0)),
    Row("login + logout, TLS", connections(log_in_and_out_tls), "cpu", 6, (17.9, 26.8, 4.9)),
    Row("idle session, private dirty", memory(), "kB", 150, (1619, 22267, None)),
    Row("idle session, INBOX selected", memory(selected=True), "kB"),
    Row("idle session over TLS, all processes", memory(tls=True), "kB", 400, (2596, None, None)),
    Row("SELECT, no index yet", select_cold, "cpu", 150, (269, 2532, None)),
    Row("login + SELECT, warm", connections(log_in_and_select), "cpu", 5, (15.9, 595, 13.4)),
    Row("login + SELECT QRESYNC, nothing changed", resynchronise()),
    Row("login + SELECT QRESYNC, 1000 changes", resynchronise(1000)),
    Row("STATUS (MESSAGES UNSEEN UIDNEXT)", status, "cpu", 0.2, (0.28, 629, 12.8)),
    Row("FETCH 1:* (FLAGS)", command("FETCH 1:* (FLAGS)"), "cpu", 15, (63, 48, 51)),
    Row("FETCH 1:* (UID FLAGS SIZE INTERNALDATE)", command("FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE)"), "cpu", 60,
        (256, 3511, 206)),
    Row("FETCH 1:* (ENVELOPE), first", command("FETCH 1:* (ENVELOPE)", first=True), "cpu", 2000, (7624, 4145, 212)),
    Row("FETCH 1:* (ENVELOPE)", command("FETCH 1:* (ENVELOPE)"), "cpu", 60, (828, 4830, 212)),
    Row("FETCH 1:* (BODYSTRUCTURE)", command("FETCH 1:* (BODYSTRUCTURE)"), "cpu", 40, (154, 3408, 172)),
    Row("FETCH 1:20000 HEADER.FIELDS (4 of them)", command(FIELDS, count=20000), "cpu", 30, (66, 907, 574)),
    Row("SEARCH UNSEEN", command("SEARCH UNSEEN"), "cpu", 1.5, (5.8, 22, 16)),
    Row("SEARCH SUBJECT word", command("SEARCH SUBJECT " + corpus.WORD), "cpu", 25, (246, 9447, 458)),
    Row("SEARCH FROM word", command("SEARCH FROM " + corpus.NAME), "cpu", 25, (246, 9447, 458)),
    Row("SEARCH SENTSINCE", command("SEARCH SENTSINCE " + corpus.SINCE), "cpu", 8, (75, 6184, 29)),
    Row("SEARCH BODY phrase", command('SEARCH BODY "%s"' % corpus.PHRASE), "cpu", 2000, (8297, 22691, 13966)),
    Row("SORT (REVERSE DATE)", command("SORT (REVERSE DATE) UTF-8 ALL", capability="SORT"), "cpu", 20, (137, 6977, 55)),
    Row("SORT (SUBJECT), first", command("SORT (SUBJECT) UTF-8 ALL", capability="SORT", once_only=True), "cpu", 80,
        (420, 8084, 496)),
    Row("SORT (SUBJECT)", command("SORT (SUBJECT) UTF-8 ALL", capability="SORT"), "cpu"),
    Row("THREAD REFERENCES, first", command("THREAD REFERENCES UTF-8 ALL", capability="THREAD=REFERENCES", once_only=True),
        "cpu", 200, (1578, 12032, 778)),
    Row("THREAD REFERENCES", command("THREAD REFERENCES UTF-8 ALL", capability="THREAD=REFERENCES"), "cpu"),
    Row("FETCH 1:5000 (BODY.PEEK[])", command("FETCH 1:@ (BODY.PEEK[])", count=5000)),
    Row("FETCH 1:5000 (BODY.PEEK[]), again", command("FETCH 1:@ (BODY.PEEK[])", count=5000, again=True), "cpu", 50,
        (78, 349, 153)),
    Row("STORE 1:* +FLAGS.SILENT", store, "cpu", 500, (1171, 1517, 715)),
    Row("COPY 1:10000", copy(10000), "cpu", 150, (490, 1427, 290)),
    Row("EXPUNGE 10000", expunge, "cpu", 79, (79, 99, 159)),
    Row("APPEND 4 kB, durable", append("appended"), "wall", 7.2, (7.2, 1.8, 2.0)),
    Row("APPEND 4 kB, to INBOX", append("INBOX"), "wall"),
    Row("POP3 STAT+LIST+UIDL", pop3_lists, "cpu", 20, (330, 702, None)),
    Row("POP3 RETR 3000", pop3_retr(3000), "cpu", 100, (334, 451, None)),
]


def least(figures):
    """The least CPU time and the least wall time of the repetitions."""
    figures = list(figures)
    if not figures:
        return None
    walls = [one.wall for one in figures if one.wall is not None]
    return Figure(min(one.cpu for one in figures), min(walls) if walls else None)


def measure(row, server, shape):
    """(a Figure, or None where the server does not do it; what went wrong, or None)."""
    try:
        return least(row.run(server, shape)), None
    except NotServed:
        return None, None
    except (Refused, OSError) as why:
        return None, "%s, %s: %s" % (server.title, row.name, str(why).strip()[:300])

"""The rows of an mbox: what reads a whole spool, what must not, and what changes it."""

import fcntl
import os
import time

import corpus
from operations import (Row, append, command, connections, copy, log_in_and_select, login, memory, pop3_lists, pop3_retr,
                        repeated, select, store, timed)

DELIVERY = (b"From a@b.example Mon Jan  1 00:00:00 2024\nReceived: by mail.home.example\nMessage-ID: <%d@b.example>\n"
            b"From: a@b.example\nTo: kevin@home.example\nSubject: delivered\n\nA line of a new message.\n\n")


def deliver(server):
    """As Postfix's local does it on Debian: fcntl, then the dotlock."""
    with open(server.mbox, "ab") as spool:
        fcntl.lockf(spool, fcntl.LOCK_EX)
        lock = os.open(server.mbox + ".lock", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        try:
            spool.write(DELIVERY % time.monotonic_ns())
            spool.flush()
        finally:
            os.close(lock)
            os.unlink(server.mbox + ".lock")


def select_timed(server):
    session = login(server)
    figure = timed(server, lambda: session.command("SELECT INBOX"))
    session.logout()
    return figure


def as_delivered(server):
    """A spool that no server has written to, and nothing is kept of; it is on the disk, which has nothing else to do then."""
    server.restore()
    with open(server.mbox, "rb+") as spool:
        os.fsync(spool.fileno())


def select_untouched(server, shape):
    for _ in range(min(2, shape.repetitions)):
        as_delivered(server)
        yield select_timed(server)


def close_untouched(server, shape):
    """UIDs are written."""
    for _ in range(min(2, shape.repetitions)):
        as_delivered(server)
        session = select(server)
        yield timed(server, lambda: session.command("CLOSE"))
        session.logout()
    select(server).logout()


def select_no_index(server, shape):
    def once():
        server.forget()
        return select_timed(server)
    return repeated(shape, once)


def select_delivered(server, shape):
    def once():
        select(server).logout()
        time.sleep(shape.tick)
        deliver(server)
        return select_timed(server)
    return repeated(shape, once)


def next_select(server, shape):
    """The one after that: what was put off."""
    def once():
        select(server).logout()
        time.sleep(shape.tick)
        deliver(server)
        select(server).logout()
        return select_timed(server)
    return repeated(shape, once)


def whole_session(text):
    """A command and what its session writes when it ends: servers put off writing to an mbox."""
    def run(server, shape):
        def once():
            session = select(server)
            def work():
                session.command(text)
                session.command("CLOSE")
            figure = timed(server, work)
            session.logout()
            return figure
        return repeated(shape, once)
    return run


def store_and_close(server, shape):
    plus, minus = (whole_session("STORE 1:* %sFLAGS.SILENT (\\Flagged)" % sign) for sign in "+-")
    figures = []
    for figure in plus(server, shape):
        figures.append(figure)
        next(iter(minus(server, shape)))
    return figures


def expunge(last, count):
    """The first or the last messages that are left; up to the answer, and what the session writes when it ends."""
    def run(server, shape):
        def once():
            session = login(server)
            answer = session.command("SELECT INBOX", keep=True)
            there = int(answer.partition(b" EXISTS")[0].rpartition(b"* ")[2])
            first = there - count + 1 if last else 1
            session.command("STORE %d:%d +FLAGS.SILENT (\\Deleted)" % (first, first + count - 1))

            def work():
                session.command("EXPUNGE")
                session.command("CLOSE")
            figure = timed(server, work)
            session.logout()
            return figure
        return repeated(shape, once)
    return run


ROWS = [
    Row("SELECT, as delivered", select_untouched),
    Row("CLOSE behind it, UIDs are written", close_untouched),
    Row("SELECT, no index yet", select_no_index),
    Row("login + SELECT, warm", connections(log_in_and_select)),
    Row("idle session, INBOX selected", memory(selected=True), "kB"),
    Row("SELECT, one delivery", select_delivered),
    Row("SELECT after that", next_select),
    Row("FETCH 1:* (FLAGS)", command("FETCH 1:* (FLAGS)")),
    Row("FETCH 1:* (UID FLAGS SIZE INTERNALDATE)", command("FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE)")),
    Row("FETCH 1:* (ENVELOPE), first", command("FETCH 1:* (ENVELOPE)", first=True)),
    Row("FETCH 1:* (ENVELOPE)", command("FETCH 1:* (ENVELOPE)")),
    Row("FETCH 1:5000 (BODY.PEEK[])", command("FETCH 1:@ (BODY.PEEK[])", count=5000)),
    Row("SEARCH SUBJECT word", command("SEARCH SUBJECT " + corpus.WORD)),
    Row("SEARCH BODY phrase", command('SEARCH BODY "%s"' % corpus.PHRASE)),
    Row("STORE 1:* +FLAGS.SILENT", store),
    Row("STORE 1:* +FLAGS.SILENT, CLOSE", store_and_close),
    Row("COPY 1:1000", copy(1000)),
    Row("APPEND 4 kB", append("appended")),
    Row("APPEND 4 kB, durable", append("durable"), "wall"),
    Row("APPEND 4 kB, to INBOX", append("INBOX")),
    Row("POP3 STAT+LIST+UIDL", pop3_lists),
    Row("POP3 RETR 1000", pop3_retr(1000)),
    Row("EXPUNGE of the last 10, CLOSE", expunge(True, 10), "wall"),
    Row("EXPUNGE of the first, CLOSE", expunge(False, 1), "wall"),
]

"""What must not grow with the mailbox: the same few operations at two sizes or more."""

import os
import time

from client import Pop3
from operations import (Figure, NotServed, Row, connections, log_in_and_select, login, memory, repeated, resynchronise, select,
                        status, timed)
from servers import PASSWORD, UID, USER

GROWTH = 1.5  # what the largest may cost, in what the smallest costs


def select_warm(server, shape):
    def once():
        session = login(server)
        figure = timed(server, lambda: session.command("SELECT INBOX"))
        session.logout()
        return figure
    once()
    return repeated(shape, once)


def fetch_last(server, shape):
    def once():
        session = select(server)
        figure = timed(server, lambda: session.command(
            "FETCH %d:* (UID FLAGS RFC822.SIZE ENVELOPE)" % max(1, shape.messages - 49)))
        session.logout()
        return figure
    once()
    return repeated(shape, once)


def idle_wake_up(server, shape):
    """From a delivery to the EXISTS and until the server is quiet again."""
    if not server.maildir:
        raise NotServed("no Maildir to deliver to")
    session = select(server)
    session.idle()
    made = []

    def deliver():
        made.append(0)
        name = "%d.M%dP%d.delivery" % (time.time(), len(made), os.getpid())
        at = os.path.join(server.maildir, "tmp", name)
        with open(at, "w") as out:
            out.write("From: a@b.example\nSubject: new %d\n\nnew\n" % len(made))
        os.chown(at, UID, UID)
        os.rename(at, os.path.join(server.maildir, "new", name))

    def once():
        server.group.settle(shape.second_look)
        deliver()
        start = time.monotonic()
        before = server.group.usage()
        session.wait_for(b"EXISTS")
        wall = (time.monotonic() - start) * 1000
        return Figure(server.group.settle(shape.second_look) - before, wall)

    once()
    yield from repeated(shape, once)
    session.done()
    session.logout()


def pop3_login(server, shape):
    """PASS, whose answer has the number of messages."""
    def once():
        session = pop3_greeting(server)
        session.command("USER " + USER)
        figure = timed(server, lambda: session.command("PASS " + PASSWORD))
        session.quit()
        return figure
    once()
    return repeated(shape, once)


def pop3_greeting(server):
    if not server.pop3_port:
        raise NotServed("no POP3")
    return Pop3(server.pop3_port)


ROWS = [
    Row("SELECT, warm", select_warm),
    Row("login + SELECT, warm", connections(log_in_and_select)),
    Row("login + SELECT QRESYNC, nothing changed", resynchronise()),
    Row("STATUS (MESSAGES UNSEEN UIDNEXT)", status),
    Row("FETCH of the last 50", fetch_last),
    Row("POP3 login", pop3_login),
    Row("idle session, INBOX selected", memory(selected=True), "kB"),
    Row("IDLE wake-up", idle_wake_up),
]

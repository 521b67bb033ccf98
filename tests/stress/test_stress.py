#!/usr/bin/env python3
"""Sessions of four kinds and foreign programs change one mailbox at random, two at a time: at the end the picture that each
client made of its answers is what a fresh session sees. STRESS_SEED and STRESS_SECONDS choose another run; a failure names
its seed."""

import os
import random
import time

from model import Client
from mailsession_test import Failed, Host, run_tests

SECONDS = float(os.environ.get("STRESS_SECONDS", "40"))
FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$one", "two")
MESSAGES = 60  # about so many stay
EACH = 25      # steps between two comparisons


def some(rng, client):
    """A few messages as the client names them: a set, and their UIDs."""
    known = [(number, uid) for number, uid in enumerate(client.uids, 1) if uid]
    chosen = rng.sample(known, min(len(known), rng.randint(1, 6)))
    by_uid = client.kind == "uidonly" or rng.random() < 0.5
    if not chosen:
        return None, None, False
    return ",".join(str(uid if by_uid else number) for number, uid in chosen), [uid for _, uid in chosen], by_uid


def store(rng, client):
    chosen, uids, by_uid = some(rng, client)
    if not chosen:
        return "NOOP"
    sign, silent = rng.choice(["+", "-", ""]), rng.random() < 0.4
    flags = rng.sample(FLAGS, rng.randint(1, 3))
    since = ""
    if client.kind != "plain" and client.highest and rng.random() < 0.3:
        since, silent = " (UNCHANGEDSINCE %d)" % client.highest, False
    if silent:  # what only the client knows
        for uid in uids:
            had = client.flags.get(uid, frozenset())
            client.flags[uid] = {"+": had | set(flags), "-": had - set(flags), "": frozenset(flags)}[sign]
    return "%sSTORE %s%s %sFLAGS%s (%s)" % ("UID " if by_uid else "", chosen, since, sign, ".SILENT" if silent else "",
                                            " ".join(flags))


def copy(rng, client):
    chosen, _, by_uid = some(rng, client)
    word = rng.choice(["COPY", "MOVE"])
    target = rng.choice(["INBOX", "Other"]) if len(client.uids) < MESSAGES else "Other"
    return "%s%s %s %s" % ("UID " if by_uid else "", word, chosen, target) if chosen else "NOOP"


def append(rng, client):
    text = "Subject: %d\r\n\r\nx\r\n" % rng.randrange(10 ** 9)
    return "APPEND INBOX (%s) {%d+}\r\n%s" % (rng.choice(FLAGS), len(text), text)


def expunge(rng, client):
    if rng.random() < 0.5 and any(client.uids):
        return "UID EXPUNGE %d:%d" % (min(filter(None, client.uids)), max(filter(None, client.uids)) - rng.randint(0, 3) or 1)
    return "EXPUNGE"


COMMANDS = [store] * 6 + [copy, append, expunge] + [lambda rng, client: "NOOP"] * 2


def foreign(rng, host, number):
    """A delivery, or another program that renames or removes a file."""
    maildir, what = host.maildir(), rng.random()
    files = sorted(os.listdir(maildir + "/cur"))
    if what < 0.4 and len(files) < MESSAGES:
        path = maildir + "/tmp/%d.M%dP1.x" % (1700000000 + number, number)
        with open(path, "w") as out:
            out.write("Subject: %d\n\nx\n" % number)
        host.give(path)
        os.rename(path, maildir + "/new/" + os.path.basename(path))
    elif files:
        name = rng.choice(files)
        try:
            if what < 0.5:
                os.unlink(maildir + "/cur/" + name)
            else:
                new = name.partition(":")[0] + ":2," + "".join(sorted(rng.sample("DFRST", rng.randint(0, 3))))
                os.rename(maildir + "/cur/" + name, maildir + "/cur/" + new)
        except FileNotFoundError:
            pass


def compare(clients, host):
    fresh = Client(host, "plain")
    truth = fresh.picture()
    fresh.conn.finish()
    for client in clients:
        client.command("NOOP")
        client.catch_up()
        if client.picture() != truth:
            client.fail("the client has\n%r\na fresh session\n%r" % (sorted(client.picture().items()), sorted(truth.items())))


def step(rng, host, clients, number):
    """Two commands at once, something foreign in between; then the answers."""
    busy = rng.sample(clients, rng.randint(1, 2))
    for client in busy:
        client.say(rng.choice(COMMANDS)(rng, client))
    if rng.random() < 0.3:
        foreign(rng, host, number)
    for client in busy:
        client.answer()
        client.catch_up()
    if rng.random() < 0.1:
        client = rng.choice(clients)
        # of a message whose UID it does not know, QRESYNC does not tell again: HIGHESTMODSEQ told of it
        if None not in client.uids:
            client.drop()
            client.connect()


def pictures_agree():
    seed = int(os.environ.get("STRESS_SEED", "1"))
    rng, end, number = random.Random(seed), time.monotonic() + SECONDS, 0
    with Host() as host:
        host.fill("kevin", " ".join(["plain"] * 12))
        clients = []
        try:
            clients += [Client(host, kind) for kind in ("plain", "condstore", "qresync", "uidonly", "qresync")]
            clients[0].command("CREATE Other")
            while time.monotonic() < end:
                number += 1
                step(rng, host, clients, number)
                if number % EACH == 0:
                    compare(clients, host)
            compare(clients, host)
            for client in clients:
                client.conn.finish()
        except Failed as reason:
            raise Failed("seed %d, step %d: %s" % (seed, number, reason))


if __name__ == "__main__":
    run_tests([pictures_agree])

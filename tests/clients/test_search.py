#!/usr/bin/env python3
"""SEARCH finds the same with nothing kept about the messages, while it fills the cache, and from the cache."""

import random
import types

from common import Failed, Host, fixtures, run_tests
from dovecot import Ours
from imap_commands import Commands

SEEDS = range(1, 4)
SEARCHES = 60
MAILBOX = " ".join(name + flags for name in fixtures.ALL + ["nul"] for flags in ("", ":S", ":FS"))
HEADERS = ["HEADER Message-ID example", "HEADER List-Id \"\"", "HEADER X-Long word", "HEADER Date Nov", "HEADER Received \"\"",
           "HEADER To kevin HEADER X-Long word", "OR HEADER Subject lunch HEADER References zzz"]


def searches(seed):
    """SEARCH commands, the same for the same seed."""
    pair = types.SimpleNamespace(views=[types.SimpleNamespace(messages=list(range(len(MAILBOX.split()))))])
    commands = Commands(seed, None)
    chooser = random.Random(seed)
    for _ in range(SEARCHES):
        keys = [commands.key(pair) for _ in range(chooser.choice([1, 1, 2]))]
        if chooser.random() < 0.2:
            keys.append(chooser.choice(HEADERS))
        text = chooser.choice(["", "UID "]) + "SEARCH "
        yield (text + "CHARSET UTF-8 " + " ".join(keys)).encode()


def literals(command):
    """8-bit words go as literals."""
    made = b""
    for i, piece in enumerate(command.split(b'"')):
        if i % 2 == 0:
            made += piece
        elif max(piece, default=0) < 128:
            made += b'"' + piece + b'"'
        else:
            made += b"{%d+}\r\n" % len(piece) + piece
    return made


def ask(session, command):
    session.say(b"s " + command + b"\r\n")
    return session.until("s ")


def session_of(host):
    session = Ours(host)
    ask(session, b"EXAMINE INBOX")
    return session


def same_answers(seed):
    with Host() as kept, Host(settings="mail_location = maildir:~/Maildir:INDEX=MEMORY\n") as bare:
        for host in (kept, bare):
            host.fill("kevin", MAILBOX)
        first, found = session_of(kept), 0
        for command in map(literals, searches(seed)):
            without = session_of(bare)
            want = ask(without, command)
            without.finish()
            again = session_of(kept)
            answers = [ask(first, command), ask(first, command), ask(again, command)]
            again.finish()
            found += len(want.split())
            if answers != [want] * 3:
                raise Failed("%r: %r without a cache, then %r" % (command, want, answers))
        first.finish()
        if found < 10 * SEARCHES:
            raise Failed("the searches find too little to show anything: %d" % found)


def one(seed):
    def test():
        same_answers(seed)
    test.__name__ = "seed_%d" % seed
    return test


if __name__ == "__main__":
    run_tests([one(seed) for seed in SEEDS])

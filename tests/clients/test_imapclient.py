#!/usr/bin/env python3
"""Perl's Mail::IMAPClient: SORT, THREAD, quota, UIDPLUS, MOVE, IDLE, folders with letters beyond ASCII,
compressed."""

import os

from common import Failed, command, fresh, maildir_messages, need, run_tests, serving
from mailsession_test import TREE

MAILBOX = "plain utf8:S alternative attachment nested dots"
SETTINGS = """
mail_plugins = quota imap_quota
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=10M
}
"""
WANT = {
    "INBOX": [(1, ["Work"]), (2, ["\\Flagged"]), (3, [])],
    "Gr\u00fc\u00dfe": [(1, ["Work", "\\Seen"]), (2, []), (3, ["\\Seen"]), (4, []), (5, []), (6, [])],
    "Gr\u00fc\u00dfe.\u65e5\u672c\u8a9e": [],
    "with two blanks": [(1, [])],
}


def a_day():
    need("perl")
    with serving("imaps", mailbox=MAILBOX, settings=SETTINGS) as (host, ports):
        command(host, "perl", os.path.join(TREE, "tests", "clients", "imapclient.pl"), str(ports["imaps"]), host.cert)
        there = fresh(host, ports["imaps"])
        if there != WANT:
            raise Failed("there is %r, expected %r" % (there, WANT))
        for name, rows in WANT.items():
            folder = "" if name == "INBOX" else "." + name.encode("utf-7").decode().replace("+", "&").replace("/", ",")
            if len(maildir_messages(os.path.join(host.maildir(), folder))) != len(rows):
                raise Failed("%s does not hold %d messages on disk" % (name, len(rows)))


if __name__ == "__main__":
    run_tests([a_day])

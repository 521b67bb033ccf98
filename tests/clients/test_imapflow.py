#!/usr/bin/env python3
"""imapflow, of npm: folders with special uses and status in one LIST, APPEND, SEARCH, MOVE, what IDLE tells, QRESYNC after a time
away, all compressed; or as a plain IMAP4rev1 client; what it saw at the end is what a fresh session sees and what lies on the disk."""

import json
import os
import shutil
import subprocess

from common import Failed, command, fresh, maildir_messages, need, run_tests, serving
from mailsession_test import TREE, build_directory

SOURCE = os.path.join(TREE, "tests", "clients", "imapflow")
MAILBOX = "plain utf8:S alternative dots utf8:S@.Sent"
SETTINGS = """
mail_plugins = quota imap_quota
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=10M
}
namespace inbox {
  inbox = yes
  mailbox Drafts {
    auto = create
    special_use = \\Drafts
  }
  mailbox Sent {
    auto = create
    special_use = \\Sent
  }
  mailbox Trash {
    auto = create
    special_use = \\Trash
  }
  mailbox Archive {
    auto = create
    special_use = \\Archive
  }
}
"""


def installed():
    """The folder with imapflow and what it needs, as the lock file has them; fetched once for a build folder."""
    need("node", "npm")
    target = os.path.join(build_directory(), "npm", "imapflow")
    with open(os.path.join(SOURCE, "package-lock.json"), "rb") as wanted:
        lock = wanted.read()
    done = os.path.join(target, "package-lock.json")
    if os.path.exists(done) and open(done, "rb").read() == lock:
        return target
    shutil.rmtree(target, ignore_errors=True)
    fetching = target + ".new"
    shutil.rmtree(fetching, ignore_errors=True)
    os.makedirs(fetching)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(SOURCE, name), fetching)
    ended = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=fetching, capture_output=True,
                           text=True, timeout=300, stdin=subprocess.DEVNULL)
    if ended.returncode:
        raise Failed("npm ci: " + ended.stderr[-2000:])
    os.rename(fetching, target)
    return target


def a_day(scheme, kind):
    folder = installed()
    with serving("imap", "imaps", mailbox=MAILBOX, settings=SETTINGS) as (host, ports):
        out = command(host, "node", os.path.join(SOURCE, "drive.js"), folder, str(ports[scheme]), host.cert, kind)
        told = {name: [(uid, sorted(flags)) for uid, flags in rows] for name, rows in json.loads(out).items()}
        there = fresh(host, ports["imaps"])
        if told != there:
            raise Failed("imapflow saw %r, a fresh session sees %r" % (told, there))
        counts = {"": 3, ".Gr&APwA3w-e": 1, ".Archive": 1, ".Drafts": 1, ".Sent": 1, ".Trash": 0}
        for name, count in counts.items():
            if len(maildir_messages(os.path.join(host.maildir(), name))) != count:
                raise Failed("%s does not hold %d messages" % (name or "INBOX", count))


def all_extensions():
    a_day("imaps", "all")


def few_extensions():
    a_day("imap", "few")


if __name__ == "__main__":
    run_tests([all_extensions, few_extensions])

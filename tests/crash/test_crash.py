#!/usr/bin/env python3
"""Cuts and hinders the programs at the system calls that touch the mailbox; see README here."""

import collections
import errno
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

from common import Failed, build_directory, environment
from harness import Bench, Run
from mboxes import BLOCK
from point import Point
from scenarios import SCENARIOS

SEED = 1
JOBS = 2
ENOUGH = 8  # failures after which a scenario is given up; ALL in the environment: never
# modes, the calls that they are for, how many points of a scenario are run at most, what follows (by turns)
PLAN = (
    ("kill", "w", 56, ("",)),
    ("after", "last", 1, ("",)),
    ("half", "put", 16, ("",)),
    ("short", "put", 8, ("",)),
    ("fail:%d" % errno.ENOSPC, "room", 22, ("",)),
    ("fail:%d" % errno.EIO, "w", 26, ("",)),
    ("full:%d" % errno.EDQUOT, "room", 18, ("",)),
    ("part:%d" % errno.ENOSPC, "put", 10, ("",)),
    ("kill", "r", 6, ("",)),
    ("fail:%d" % errno.EIO, "r", 16, ("",)),
)
MBOX_PLAN = (
    ("kill", "w", 30, ("",)),
    ("kill", "w", 32, ("delivery", "no index", "tight delivery", "Dovecot")),
    ("kill", "w", 24, ("same name",)),
    ("after", "last", 1, ("no index",)),
    ("half", "put", 6, ("", "delivery")),
    ("short", "put", 3, ("",)),
    ("fail:%d" % errno.ENOSPC, "room", 8, ("", "delivery")),
    ("fail:%d" % errno.EIO, "w", 12, ("", "tight delivery")),
    ("full:%d" % errno.EDQUOT, "room", 6, ("", "delivery")),
    ("part:%d" % errno.ENOSPC, "put", 4, ("",)),
    ("kill", "r", 2, ("",)),
    ("fail:%d" % errno.EIO, "r", 6, ("",)),
)
PUTS = ("write", "writev", "pwrite64", "pwritev", "pwritev2", "copy_file_range", "sendfile")
# need no room
FREE = ("unlink", "unlinkat", "rmdir", "fchmod", "fchmodat", "chmod", "fchown", "fchownat", "chown", "ftruncate", "truncate")
COUNT = Point("w", 0, "count")


def kind_of(call):
    """Calls that are alike: the same on files that differ only in numbers and flags."""
    return re.sub(r":2,\w*", "", re.sub(r"[\d.]+", "0", call))


def sample(points, most, chance):
    """At most so many: first one of each kind, then another of each, and so on, so that a thousand renames do not
    hide one rotation."""
    if len(points) <= most or "EVERY" in os.environ:
        return points
    kinds = collections.defaultdict(list)
    for point in points:
        kinds[kind_of(point.call)].append(point)
    for alike in kinds.values():
        chance.shuffle(alike)
    chosen = []
    for rank in range(max(map(len, kinds.values()))):
        row = [alike[rank] for alike in kinds.values() if rank < len(alike)]
        chosen += chance.sample(row, min(len(row), most - len(chosen)))
    return chosen


DONE = bytes(8)  # what the journal of an append begins with when it is done


def in_place(calls):
    """Numbers of the calls that write into an mbox without a journal, within one block of the file, which the kernel
    writes whole or not at all; and of those that say that an append is done."""
    found, journal = set(), False
    for kind, number, call in calls:
        name, _, path = call.partition(" ")
        if path.endswith("/mailsession.rewrite") and kind == "w":
            journal = not name.startswith("unlink")
        elif name.startswith("rename") and "mailsession.rewrite" in path:
            journal = True
        at, _, n = path.rpartition(" ")[2].partition("+")
        if name == "pwrite64" and "/mailsession.append " in path and at == "0":
            journal = int(n) > len(DONE)
            if not journal:
                found.add(number)
        if name == "pwrite64" and not journal and "/mailsession." not in path:
            if int(at) // BLOCK == (int(at) + int(n) - 1) // BLOCK:
                found.add(number)
    return found


def plan(calls, scenario, chance):
    """(points to run, how many there are)."""
    chosen, there = [], 0
    whole = in_place(calls) if scenario.mbox else ()
    for mode, which, most, between in MBOX_PLAN if scenario.mbox else PLAN:
        points = [Point(k, n, mode, call) for k, n, call in calls
                  if k == ("r" if which == "r" else "w")
                  and (which != "put" or call.split()[0] in PUTS)
                  # the few bytes of a lock's owner are written or they are not
                  and (mode != "half" or ".lock" not in call)
                  and (not mode.startswith(("half", "part")) or n not in whole)
                  and (which != "room" or call.split()[0] not in FREE)]
        if which == "last":  # the state after any other call is the one before the next
            points = points[-1:]
        there += len(points)
        points = sample(points, max(1, int(most * scenario.share)), chance)
        if not scenario.known and mode != "after":
            between = [b for b in between if b not in ("no index", "Dovecot")]
        if scenario.moved:
            between = [b for b in between if b != "tight delivery"]  # it would be copied, with a line end then
        elif "same name" in between:
            continue
        for i, point in enumerate(points):
            point.between = between[i % len(between)]
        chosen += points
    return chosen, there


bench = None
given_up = multiprocessing.Value("b", 0)


def work(task):
    """In a process of its own: (point, whether it was met, what is wrong or None, the calls when just counting)."""
    global bench
    if bench is None:
        bench = Bench()
    name, point = task
    if given_up.value:
        return point, False, None, None
    scenario = next(s for s in SCENARIOS if s.name == name)
    try:
        run = Run(bench, scenario, point)
        met = run.run()
        return point, met, None, bench.calls()[0] if not point.number else None
    except Failed as error:
        # when time plays a part the call is another one than when they were counted
        point.call = next((call for k, n, call in bench.calls()[0] if (k, n) == (point.kind, point.number)), "not met")
        return point, True, str(error), None


def judge(scenario, pool):
    chance = random.Random(SEED)
    given_up.value = 0
    _, _, wrong, calls = pool.apply(work, ((scenario.name, COUNT),))
    if wrong:
        raise Failed("uncut: " + wrong)
    points, there = plan(calls, scenario, chance)
    failures, met = [], 0
    for point, reached, wrong, _ in pool.imap_unordered(work, [(scenario.name, p) for p in points]):
        met += reached
        if wrong:
            failures.append("%s: %s" % (point, wrong.strip()))
            given_up.value = len(failures) >= ENOUGH and "ALL" not in os.environ
    ran = "%d points of %d" % (met, there)
    if failures:
        raise Failed("%s, %d failed%s:\n%s" % (ran, len(failures), ", given up" if given_up.value else "",
                                                "\n".join(sorted(failures))))
    return ran


def why_not():
    """None, or why nothing can be traced here."""
    cut = os.path.join(build_directory(), "tests", "crash", "cut")
    if os.getuid() != 0:
        return "needs root to trace programs that are sandboxed"
    for path in (cut, *(os.path.join(build_directory(), p, p + "-session") for p in ("imap", "pop3"))):
        if not os.access(path, os.X_OK):
            return path + " is not built"
    done = subprocess.run([cut, "-d", "/nowhere", "-r", "/dev/null", "--", "/bin/true"], capture_output=True, text=True,
                          env=environment())
    return done.stderr.strip() or "cut: exit %d" % done.returncode if done.returncode else None


def leave(number, _):
    """By way of what cleans up."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(1)


def main():
    wanted = sys.argv[1:]
    reason = why_not()
    if reason:
        print("skip crash: " + reason)
        return 0
    signal.signal(signal.SIGTERM, leave)
    # no wait for a disk: a kill loses nothing that was written
    shm = "/dev/shm" if os.path.isdir("/dev/shm") and "TMPDIR" not in os.environ else None
    with tempfile.TemporaryDirectory(prefix="mailsession-crash-", dir=shm, ignore_cleanup_errors=True) as directory:
        os.chmod(directory, 0o755)
        tempfile.tempdir = directory
        return run(wanted)


def run(wanted):
    failed = False
    with multiprocessing.Pool(JOBS, signal.signal, (signal.SIGTERM, signal.SIG_DFL)) as pool:
        for scenario in SCENARIOS:
            name = "crash/" + scenario.name
            if wanted and not any(word in name for word in wanted):
                continue
            started = time.monotonic()
            try:
                print("ok %s %s (%.1f s)" % (name, judge(scenario, pool), time.monotonic() - started), flush=True)
            except Failed as reason:
                failed = True
                print("not ok %s: %s" % (name, str(reason).replace("\n", "\n    ")), flush=True)
        pool.close()
        pool.join()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

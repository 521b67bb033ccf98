#!/usr/bin/env python3
"""The benchmark runs: every row that is served has a figure, the table and the chart come out. How fast is not judged here."""

import hashlib
import json
import mailbox
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "lib"), HERE]

import corpus
import meter
from mailsession_test import Failed, Skip, build_directory, program, run_tests

MAY_BE_MISSING = ("SORT", "THREAD")  # extensions: "-" while they are not announced


def bench(directory, *more):
    if os.getuid() != 0:
        raise Skip("needs root: the servers change to the owner of the mail")
    program("imap"), program("pop3")
    done = subprocess.run(["sh", os.path.join(HERE, "run"), "--smoke", "--build", build_directory(), "--cache",
                           os.path.join(directory, "cache"), "--out", os.path.join(directory, "out"), *more],
                          capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Failed("exit %d\n%s%s" % (done.returncode, done.stdout, done.stderr))
    left = os.listdir(os.path.join(directory, "cache"))
    if any(name.startswith("run-") for name in left):
        raise Failed("left behind: %r" % left)
    return done.stdout


def read(directory, name):
    with open(os.path.join(directory, "out", name)) as text:
        return text.read()


def figures_of(name, rows_least, bars_least, *more):
    servers = ["mailsession"]
    if os.path.isdir(os.path.join(build_directory(), "packages", "dovecot")):
        servers.append("dovecot")  # unpacked by another test: cheap
    with tempfile.TemporaryDirectory(prefix="mailsession-bench-") as directory:
        os.chmod(directory, 0o755)
        table = bench(directory, "--servers", ",".join(servers), *more)
        rows = json.loads(read(directory, name + ".json"))
        if len(rows) < rows_least:
            raise Failed("only %d rows" % len(rows))
        for row in rows:
            if row["row"] not in table or row["row"] not in read(directory, name + ".txt"):
                raise Failed("not in the table: " + row["row"])
            for server in servers:
                figure = row["figures"][server]
                if figure and (figure["cpu"] > 0 or row["unit"] == "kB"):
                    continue
                if server == "dovecot" and "exec" in row["row"] or row["row"].startswith(MAY_BE_MISSING):
                    continue
                raise Failed("%s: %s has no figure: %r" % (row["row"], server, figure))
        chart = xml.etree.ElementTree.fromstring(read(directory, name + ".svg"))
        bars = len(chart.findall("{http://www.w3.org/2000/svg}rect")) - 1
        if bars < (bars_least if "dovecot" in servers else 0):
            raise Failed("the chart has %d bars" % bars)


def every_row_has_a_figure():
    figures_of("bench", 25, 20)


def every_row_of_an_mbox_has_a_figure():
    figures_of("mbox", 24, 20, "--mbox")


def the_table_of_two_sizes():
    with tempfile.TemporaryDirectory(prefix="mailsession-bench-") as directory:
        os.chmod(directory, 0o755)
        bench(directory, "--servers", "mailsession", "--scale", "50,200")
        lines = [line for line in read(directory, "scale.txt").splitlines() if " mailsession " in line]
        if len(lines) != 8 or any(" - " in line for line in lines):
            raise Failed("\n".join(lines))


def the_mailbox_is_the_same_every_time():
    with tempfile.TemporaryDirectory(prefix="mailsession-bench-") as directory:
        found = []
        for name in ("one", "two"):
            path = os.path.join(directory, name)
            total = corpus.make(path, 200)
            digest = hashlib.sha256()
            for file in sorted(os.listdir(os.path.join(path, "cur"))):
                with open(os.path.join(path, "cur", file), "rb") as message:
                    data = message.read()
                size = ",S=%d,W=%d:2," % (len(data), len(data) + data.count(b"\n"))
                if size not in file or not data.endswith(b"\n") or b"\r" in data:
                    raise Failed("%s has %d bytes" % (file, len(data)))
                total -= len(data)
                digest.update(file.encode() + data)
            found.append((digest.hexdigest(), total))
        if found[0] != found[1] or found[0][1] != 0:
            raise Failed("two mailboxes differ: %r" % found)


def the_mbox_has_the_same_messages():
    with tempfile.TemporaryDirectory(prefix="mailsession-bench-") as directory:
        path = os.path.join(directory, "mbox")
        total = corpus.make_mbox(path, 200)
        found = mailbox.mbox(path, create=False)
        maker = corpus.Maker()
        if len(found) != 200 or os.path.getsize(path) != total:
            raise Failed("%d messages, %d bytes" % (len(found), total))
        for number in range(200):
            data, _, flags = maker.message(200)
            text = found.get_bytes(number).replace(b"\n>From ", b"\nFrom ")
            letters = "".join({"S": "R", "R": "A"}.get(flag, flag) for flag in flags)
            if sorted(found[number].get_flags().replace("O", "")) != sorted(letters):
                raise Failed("message %d: flags %r, not %r" % (number, found[number].get_flags(), letters))
            if re.sub(rb"(?m)^(X-)?Status: .*\n", b"", text).rstrip(b"\n") != data.rstrip(b"\n"):
                raise Failed("message %d is another" % number)


def the_group_counts_what_runs_in_it():
    if os.getuid() != 0:
        raise Skip("needs root for a control group")
    group = meter.Group("test")
    try:
        if not group.path:
            raise Skip("no control group can be made here")
        busy = "x = 0\nwhile x < 2000000: x += 1"
        subprocess.run([sys.executable, "-c", busy], check=True)
        if group.usage() > 1:
            raise Failed("counts what is not in it: %g ms" % group.usage())
        subprocess.run([sys.executable, "-c", busy], check=True, preexec_fn=group.enter)
        if group.settle() < 10:
            raise Failed("does not count what is in it: %g ms" % group.usage())
    finally:
        group.close()


run_tests([the_mailbox_is_the_same_every_time, the_group_counts_what_runs_in_it, the_mbox_has_the_same_messages, every_row_has_a_figure,
           every_row_of_an_mbox_has_a_figure, the_table_of_two_sizes])

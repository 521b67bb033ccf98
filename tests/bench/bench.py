"""The one command: see README beside it, or --help."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(TREE, "tests", "lib")]

import corpus  # noqa: E402
import mbox  # noqa: E402
import operations  # noqa: E402
import report  # noqa: E402
import scale  # noqa: E402
import servers  # noqa: E402
from mailsession_test import Skip  # noqa: E402

CACHE = "/var/tmp/mailsession-bench"
SMOKE = 300  # messages


def options():
    parser = argparse.ArgumentParser(prog="tests/bench/run", description="Measures mailsession beside other servers.")
    parser.add_argument("--servers", default="mailsession,dovecot", help="of mailsession, dovecot, courier, cyrus")
    parser.add_argument("--messages", type=int, default=100000)
    parser.add_argument("--mbox", action="store_true", help="the same messages in one mbox, and its own rows")
    parser.add_argument("--scale", metavar="N,N", help="the table of what must not grow, at these sizes")
    parser.add_argument("--repetitions", type=int, default=5, help="at most; long rows are repeated less")
    parser.add_argument("--only", metavar="WORD,WORD", help="only rows whose name holds one of these")
    parser.add_argument("--cache", default=CACHE, help="where mailboxes, packages and the build stay (%(default)s)")
    parser.add_argument("--build", help="programs that are built already, instead of a release build")
    parser.add_argument("--without-sizes", action="store_true", help="file names without ,S= and ,W=")
    parser.add_argument("--crlf", action="store_true", help="messages are stored with CRLF")
    parser.add_argument("--out", default=".", help="where bench.svg, bench.txt and bench.json go (%(default)s)")
    parser.add_argument("--plain", action="store_true", help="print the table as the README has it")
    parser.add_argument("--smoke", action="store_true", help="a few seconds with %d messages" % SMOKE)
    arguments = parser.parse_args()
    if arguments.mbox and (arguments.scale or arguments.without_sizes or arguments.crlf):
        parser.error("--scale, --without-sizes and --crlf are for Maildir")
    return arguments


def say(text):
    print(text, file=sys.stderr, flush=True)


def release_build(cache):
    """A build folder for this checkout; brought up to date."""
    folder = os.path.join(cache, "build" + TREE.replace("/", "-"))
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        shutil.rmtree(folder, ignore_errors=True)
        quietly("meson", "setup", folder, TREE, "--buildtype=release", "-Dtests=disabled")
    quietly("ninja", "-C", folder)
    return folder


def quietly(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit("%s\n%s\n%s" % (" ".join(command), done.stdout[-4000:], done.stderr[-2000:]))


def mailbox(cache, count, sizes, crlf):
    """The path of the mailbox all copies are made from; made once."""
    if count >= corpus.LINK_FROM:
        return None  # made in each place, see Server.fill()
    path = os.path.join(cache, "mail-%d-%d%s%s" % (corpus.VERSION, count, "" if sizes else "-without-sizes",
                                                   "-crlf" if crlf else ""))
    if not os.path.isdir(path):
        start = time.monotonic()
        shutil.rmtree(path + ".new", ignore_errors=True)
        written = corpus.make(path + ".new", count, sizes, crlf)
        os.rename(path + ".new", path)
        say("made %d messages, %.0f MB, in %.0f s" % (count, written / 1e6, time.monotonic() - start))
    return path


def spool(cache, count):
    """The same as an mbox."""
    path = os.path.join(cache, "mbox-%d-%d" % (corpus.VERSION, count))
    if not os.path.exists(path):
        written = corpus.make_mbox(path + ".new", count)
        os.rename(path + ".new", path)
        say("made an mbox of %d messages, %.0f MB" % (count, written / 1e6))
    return path


def read_all(path):
    """Has every message in the page cache."""
    for directory, _, files in os.walk(path):
        for name in files:
            with open(os.path.join(directory, name), "rb", 0) as message:
                while message.read(1 << 20):
                    pass


def make_server(name, directory, build):
    if name == "mailsession":
        return servers.Mailsession(directory, build)
    if name == "dovecot":
        return servers.Dovecot(directory)
    if name in ("courier", "cyrus"):
        import foreign
        return foreign.Courier(directory) if name == "courier" else foreign.Cyrus(directory)
    sys.exit("no server is called " + name)


class Run:
    """Servers with mailboxes of one size, from start to stop."""

    def __init__(self, arguments, build, count):
        self.arguments, self.build, self.count = arguments, build, count
        self.servers = []

    def __enter__(self):
        cache = self.arguments.cache
        self.directory = tempfile.mkdtemp(prefix="run-", dir=cache)
        os.chmod(self.directory, 0o755)
        how = {"sizes": not self.arguments.without_sizes, "crlf": self.arguments.crlf}
        source = spool(cache, self.count) if self.arguments.mbox else mailbox(cache, self.count, **how)
        try:
            for name in self.arguments.servers.split(","):
                server = make_server(name, self.directory, self.build)
                self.servers.append(server)
                if self.arguments.mbox:
                    server.fill_mbox(source, self.count)
                else:
                    server.fill(source, self.count, **how)
                server.start()
            os.sync()
            for server in self.servers:
                if server.store():
                    read_all(server.store())
            time.sleep(shape_of(self.arguments, self.count).tick)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        for server in self.servers:
            server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def rows(self, rows, shape):
        """Every row at every server, one server after the other; yields (row, figures), and prints what went wrong."""
        only = self.arguments.only.lower().split(",") if self.arguments.only else None
        for row in rows:
            if only and not any(word in row.name.lower() for word in only):
                continue
            figures = {}
            for server in self.servers:
                figures[server.name], wrong = operations.measure(row, server, shape)
                if wrong:
                    say("FAILED " + wrong)
                    self.failed = True
            say("%-40s %s" % (row.name, "  ".join("%s %s" % (name, report.number(report.main_figure(row, figure)))
                                                 for name, figure in figures.items())))
            yield row, figures

    failed = False


def shape_of(arguments, count):
    if arguments.smoke:
        return operations.Shape(count, 1, 2, hurry=True)
    return operations.Shape(count, arguments.repetitions, 20)


def operations_run(arguments, build):
    count, name = arguments.messages, "mbox" if arguments.mbox else "bench"
    with Run(arguments, build, count) as run:
        note = " The messages are links to %d texts." % corpus.POOL if count >= corpus.LINK_FROM and not arguments.mbox else ""
        kind = "messages in one mbox" if arguments.mbox else "messages"
        result = report.Result(run.servers, shape_of(arguments, count), run.servers[0].group.how(), note, kind)
        result.rows += run.rows(mbox.ROWS if arguments.mbox else operations.ROWS, result.shape)
        failed = run.failed
        os.makedirs(arguments.out, exist_ok=True)  # now: to remove the mailboxes takes minutes on a slow disk
        for ending, text in ((".svg", result.chart()), (".txt", result.plain()), (".json", as_json(result.rows))):
            with open(os.path.join(arguments.out, name + ending), "w") as out:
                out.write(text)
        print(result.plain() if arguments.plain else result.table(), flush=True)
    return failed


def as_json(rows):
    return json.dumps([{"row": row.name, "unit": row.unit, "limit": row.limit,
                        "figures": {name: figure and figure._asdict() for name, figure in figures.items()}}
                       for row, figures in rows], indent=1) + "\n"


def scale_run(arguments, build):
    sizes = sorted(int(word) for word in arguments.scale.split(","))
    results, failed, ran = {}, False, []
    for size in sizes:
        with Run(arguments, build, size) as run:
            say("--- %d messages" % size)
            results[size] = list(run.rows(scale.ROWS, shape_of(arguments, size)))
            failed, ran = failed or run.failed, run.servers
    text = report.scale_table(sizes, ran, results, scale.GROWTH)
    if sizes[-1] >= corpus.LINK_FROM:
        text += "\nMailboxes of %d messages and more are links to %d small texts; Dovecot has 4 GB of memory then." % (corpus.LINK_FROM, corpus.POOL)
    os.makedirs(arguments.out, exist_ok=True)
    with open(os.path.join(arguments.out, "scale.txt"), "w") as out:
        out.write(text + "\n")
    print(text)
    return failed


def interrupted(*_):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # a second one must not stop the cleaning up
    sys.exit(1)


def main():
    arguments = options()
    if os.getuid() != 0:
        sys.exit("The servers change to the owner of the mail, and control groups are made: that needs root.")
    if arguments.smoke:
        arguments.messages = SMOKE
    os.makedirs(arguments.cache, exist_ok=True)
    os.chmod(arguments.cache, 0o755)  # whoever owns the mail must get to it
    os.environ.setdefault("BUILD", arguments.cache)  # where packages are unpacked
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, interrupted)
    build = arguments.build or ("mailsession" in arguments.servers and release_build(arguments.cache))
    try:
        failed = scale_run(arguments, build) if arguments.scale else operations_run(arguments, build)
    except Skip as why:
        sys.exit(str(why))
    sys.exit(1 if failed else 0)


main()

"""What every test outside the unit tests uses: the built programs, a throw-away host for them, results.

    with Host(users={"kevin": "secret"}) as host:
        host.fill("kevin", "one")
        session = host.start("imap", connection="tcp")
        session.socket.recv(...)
        session.finish()

A Host is a temporary directory with homes, a passwd-file, a configuration and certificates. Whatever it started is
ended with it. Nothing here sleeps for a fixed time: every wait is a poll with a deadline.
"""

import atexit
import contextlib
import ctypes
import os
import pwd
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback

import formats

DEADLINE = 10.0  # seconds for anything that is expected to happen
PROGRAMS = ("imap", "pop3")
SANITIZER = re.compile(
    rb"ERROR: (Address|Leak|Memory)Sanitizer|runtime error:|AddressSanitizer:DEADLYSIGNAL|"
    rb"stack smashing detected|double free|malloc\(\)|corrupted size"
)
TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Failed(Exception):
    """The program did not do what the test expects."""


class Skip(Exception):
    """The test cannot run here; the text says why."""


def poll(condition, what, seconds=DEADLINE):
    """Waits until condition() is true and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise Failed("gave up after %g s: %s" % (seconds, what() if callable(what) else what))
        select.select([], [], [], 0.01)


# --- the built programs


def build_directory():
    return os.environ.get("BUILD") or os.path.join(TREE, "build-tests", "gcc")


def _reachable(path, uid, gid):
    """Whether somebody else may execute path: a checkout below /root cannot be entered by the test's users."""
    if os.getuid() != 0:
        return os.access(path, os.X_OK)
    return subprocess.run(["test", "-x", path], user=uid, group=gid, extra_groups=[]).returncode == 0


def program(protocol, uid=None, gid=None):
    """The path of imap-session or pop3-session; a copy where the given user cannot reach the original."""
    name = protocol + "-session"
    build = build_directory()
    for path in (os.path.join(build, protocol, name), os.path.join(build, name)):
        if os.access(path, os.X_OK):
            break
    else:
        raise Skip("%s is not built in %s (set BUILD)" % (name, build))
    if uid is None or _reachable(path, uid, gid):
        return path
    copies = tempfile.mkdtemp(prefix="mailsession-bin-")
    atexit.register(shutil.rmtree, copies, ignore_errors=True)
    os.chmod(copies, 0o755)
    return shutil.copy(path, os.path.join(copies, name))


def environment(**more):
    """Clean, with the sanitizers told to be loud. A sandboxed process cannot look for leaks: that needs ptrace."""
    env = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:abort_on_error=1",
    }
    env.update(more)
    return env


# --- certificates


def certificate(directory, kind="ec", name="localhost"):
    """A self-signed certificate for name and 127.0.0.1; returns (certificate, key)."""
    cert = os.path.join(directory, "%s-%s.pem" % (name, kind))
    key = os.path.join(directory, "%s-%s.key" % (name, kind))
    if not os.path.exists(key):
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] if kind == "ec" else ["-newkey", "rsa:2048"]
        subprocess.run(
            ["openssl", "req", "-x509", "-nodes", *new, "-keyout", key, "-out", cert, "-days", "2", "-subj",
             "/CN=" + name, "-addext", "subjectAltName=DNS:%s,IP:127.0.0.1" % name],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        os.chmod(key, 0o600)
    return cert, key


# --- processes

_children = {}  # pid: wait status, of everything that ended, orphans of our programs included


def adopt_orphans():
    """Makes this process the parent of orphaned descendants, so that none can end unseen or stay behind."""
    ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def _reap():
    """Returns whether any child is left."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True
        _children[pid] = status


def _describe(status):
    code = os.waitstatus_to_exitcode(status)
    return "exit %d" % code if code >= 0 else "killed by " + signal.Signals(-code).name


def own_network(*addresses):
    """Puts this process in a network of its own where the loopback and the given addresses are up."""
    if os.getuid() != 0:
        raise Skip("needs root for a network namespace")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000) != 0:  # CLONE_NEWNET
        raise Skip("no network namespace: " + os.strerror(ctypes.get_errno()))
    if not shutil.which("ip"):
        raise Skip("ip (iproute2) is missing")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in addresses:
        subprocess.run(["ip", "addr", "add", address, "dev", "lo"], check=True)


def symbols(log):
    """Names and lines for the addresses of a sanitizer's report: in its sandbox the program cannot find them."""
    def name(found):
        path, offset = found.groups()
        if not os.path.exists(path) or not shutil.which("addr2line"):
            return found[0]
        answer = subprocess.run(["addr2line", "-fse", path, offset], capture_output=True, text=True).stdout.split()
        return " ".join(answer) if answer and answer[0] != "??" else found[0]
    return re.sub(r"\((/[^()\s]*)\+(0x[0-9a-f]+)\)", name, log)


class Session:
    """One started program. socket is the test's end of the connection; None for an accept loop."""

    def __init__(self, process, log, sock, allowed_exit=(0,)):
        self.process = process
        self.pid = process.pid
        self.log_path = log
        self.socket = sock
        self.allowed_exit = allowed_exit

    def log(self):
        with open(self.log_path, "rb") as lines:
            return lines.read()

    def wait_log(self, regex, seconds=DEADLINE):
        """Waits for a log line that matches and returns the match."""
        pattern = re.compile(regex.encode() if isinstance(regex, str) else regex, re.M)
        return poll(lambda: pattern.search(self.log()),
                    lambda: "no log line matches %r in:\n%s" % (regex, self.log().decode(errors="replace")), seconds)

    def ended(self):
        _reap()
        return self.pid in _children

    def signal(self, number):
        if not self.ended():
            os.kill(self.pid, number)

    def finish(self, seconds=DEADLINE):
        """Closes the client's end, waits for the exit and judges exit and log."""
        if self.socket is not None:
            self.socket.close()
        poll(self.ended, lambda: "%s is still running; its log:\n%s" % (
            self.process.args[0], self.log().decode(errors="replace")), seconds)
        self.process.returncode = 0
        self.check_log()
        status = _children[self.pid]
        code = os.waitstatus_to_exitcode(status)
        if self.allowed_exit is not None and code not in self.allowed_exit:
            raise Failed("%s: %s; its log:\n%s" % (
                os.path.basename(self.process.args[0]), _describe(status), self.log().decode(errors="replace")))

    def stop(self, seconds=DEADLINE):
        """Ends an accept loop as its service manager would."""
        self.signal(signal.SIGTERM)
        self.allowed_exit = (0, -signal.SIGTERM)
        self.finish(seconds)

    def check_log(self):
        log = self.log()
        if SANITIZER.search(log):
            raise Failed("a sanitizer or the C library complains:\n" + symbols(log.decode(errors="replace")))


class Host:
    """users: {name: password}; settings: lines of configuration that come after (and so override) the usual ones; extra:
    {name: fields} of the passwd-file's last column; format: a class of formats.py."""

    def __init__(self, users=None, settings="", certificates=None, tls=True, extra=None, format=formats.Maildir):
        self.format = format
        self.extra = extra or {}
        self.users = {"kevin": "secret"} if users is None else users
        self.settings = settings
        self.sessions = []
        self.tls = tls
        self.kind = "ec"
        self._certificates = certificates
        self._stack = contextlib.ExitStack()
        root = os.getuid() == 0
        # a uid of our own, so that process limits of one test do not meet those of another
        self.uid = 20000 + os.getpid() % 20000 if root else os.getuid()
        self.gid = self.uid if root else os.getgid()
        self.groups = []  # more of them, for preauthenticated sessions

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="mailsession-")
        self._stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        self._stack.callback(self._end)
        os.chmod(self.directory, 0o755)
        os.mkdir(self.path("run"), 0o755)
        os.mkdir(self.path("home"), 0o755)
        self.certificates = self._certificates or self.directory
        with open(self.path("users"), "w") as out:
            for name, password in self.users.items():
                home = self.home(name)
                os.mkdir(home, 0o700)
                os.chown(home, self.uid, self.gid)
                out.write("%s:{PLAIN}%s:%d:%d::%s::%s\n"
                          % (name, password, self.uid, self.gid, home, self.extra.get(name, "")))
        return self

    def __exit__(self, *error):
        self._stack.close()

    def _end(self):
        for session in self.sessions:
            if session.socket is not None:
                session.socket.close()
            if not session.ended():
                os.kill(session.pid, signal.SIGKILL)
                poll(session.ended, "a killed program stays")
            session.process.returncode = 0

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def home(self, user):
        return self.path("home", user)

    def mail(self, user="kevin"):
        """The user's mail, in the host's format."""
        return self.format(self.home(user))

    def maildir(self, user="kevin"):
        return os.path.join(self.home(user), "Maildir")

    def give(self, path):
        """Makes everything at path the users' own."""
        if os.getuid() != 0:
            return
        os.chown(path, self.uid, self.gid)
        for directory, names, files in os.walk(path):
            for name in names + files:
                try:
                    os.lchown(os.path.join(directory, name), self.uid, self.gid)
                except FileNotFoundError:
                    pass  # a lock that a session had for a moment

    def fill(self, user, mailbox):
        self.mail(user).build(mailbox)
        self.give(self.home(user))

    def configuration(self):
        lines = [
            "mail_location = " + self.format("~").location(),
            "" if "mail_location" in self.settings else self.format.settings,
            "base_dir = " + self.path("run"),
            "auth_failure_delay = 0",
            "passdb {\n  driver = passwd-file\n  args = %s\n}" % self.path("users"),
            "userdb {\n  driver = passwd-file\n  args = %s\n}" % self.path("users"),
        ]
        if self.tls:
            lines += ["ssl_cert = <%s" % certificate(self.certificates, self.kind)[0],
                      "ssl_key = <%s" % certificate(self.certificates, self.kind)[1]]
        return "\n".join(lines) + "\n" + self.settings + "\n"

    def write_configuration(self):
        path = self.path("mailsession.conf")
        text = self.configuration()
        if not os.path.exists(path) or open(path).read() != text:
            with open(path + ".new", "w") as out:
                out.write(text)
            os.rename(path + ".new", path)
        return path

    def _spawn(self, protocol, arguments, stdin, stdout, preauth, env, prefix=()):
        identity = {}
        more = dict(env)
        uid, gid = None, None
        if preauth and os.getuid() == 0:
            # mail is served to the calling user: nobody is one that every system knows
            account = pwd.getpwnam("nobody")
            uid, gid = account.pw_uid, account.pw_gid
            identity = {"user": uid, "group": gid, "extra_groups": self.groups}
            more.update(USER="nobody", LOGNAME="nobody", HOME=self.home(next(iter(self.users))))
        command = [*prefix, program(protocol, uid, gid), "-c", self.write_configuration(), *arguments]
        log = self.path("log-%d" % len(self.sessions))
        with open(log, "wb") as stderr:
            process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr, cwd="/",
                                       env=environment(**more), **identity)
        return process, log

    def start(self, protocol, connection="tcp", tls=False, preauth=False, arguments=(), server="127.0.0.1",
              client=None, user=None):
        """One connection, one program. connection: tcp, socketpair or pipe."""
        arguments = list(arguments) + (["--tls"] if tls else [])
        if preauth:
            user = user or next(iter(self.users))
            if os.getuid() == 0:
                account = pwd.getpwnam("nobody")
                self.uid, self.gid = account.pw_uid, account.pw_gid
                self.give(self.home(user))
            if not any("mail_location" in argument for argument in arguments) and "mail_location" not in self.settings:
                arguments += ["-o", "mail_location=" + self.mail(user).location()]
            arguments.append("--preauth")
        if connection == "pipe":
            mine = PipePair()
            theirs = (mine.their_in, mine.their_out)
        elif connection == "socketpair":
            mine, end = socket.socketpair()
            theirs = (end, end)
        else:
            with socket.create_server((server, 0), family=socket.AF_INET6 if ":" in server else socket.AF_INET) as door:
                mine = socket.create_connection(door.getsockname()[:2], timeout=DEADLINE,
                                                source_address=(client, 0) if client else None)
                end = door.accept()[0]
            theirs = (end, end)
        try:
            process, log = self._spawn(protocol, arguments, *theirs, preauth, {})
        finally:
            for end in set(theirs):
                end.close()
        session = Session(process, log, mine)
        self.sessions.append(session)
        return session

    def listen(self, protocol, tls=False, arguments=(), server="127.0.0.1", how="stdin"):
        """An accept loop; the returned session has .port. how: stdin, or systemd for LISTEN_FDS."""
        door = socket.create_server((server, 0), family=socket.AF_INET6 if ":" in server else socket.AF_INET, backlog=64)
        arguments = list(arguments) + (["--tls"] if tls else [])
        try:
            if how == "stdin":
                process, log = self._spawn(protocol, arguments, door, subprocess.DEVNULL, False, {})
            else:
                # what systemd does: the socket is fd 3 and LISTEN_PID is the process itself
                shell = 'exec 3<&0 </dev/null; LISTEN_PID=$$ exec "$@"'
                process, log = self._spawn(protocol, arguments, door, subprocess.DEVNULL, False,
                                           {"LISTEN_FDS": "1"}, ("sh", "-c", shell, "sh"))
        finally:
            port = door.getsockname()[1]
            door.close()
        session = Session(process, log, None)
        session.port = port
        self.sessions.append(session)
        return session

    def no_process_stays(self, seconds=DEADLINE):
        """With adopt_orphans(): every process that a program left behind has ended, and not by a crash."""
        poll(lambda: not _reap(), "a process of the session stays behind", seconds)
        for pid, status in _children.items():
            code = os.waitstatus_to_exitcode(status)
            if code < 0 and -code not in (signal.SIGTERM, signal.SIGKILL):
                raise Failed("process %d of the session: %s" % (pid, _describe(status)))


class PipePair:
    """Two pipes that look like a socket, for a program under ssh or inetd's pipe."""

    def __init__(self):
        near, far = os.pipe(), os.pipe()
        self.their_in, self._out = os.fdopen(near[0], "rb", 0), near[1]
        self._in, self.their_out = far[0], os.fdopen(far[1], "wb", 0)
        self._timeout = None

    def settimeout(self, seconds):
        self._timeout = seconds

    def setblocking(self, blocking):
        os.set_blocking(self._in, blocking)
        os.set_blocking(self._out, blocking)

    def readable(self):
        return self._in

    def writable(self):
        return self._out

    def send(self, data):
        return os.write(self._out, data)

    def recv(self, size):
        return os.read(self._in, size)

    def shutdown(self, how):
        if self._out is not None:
            os.close(self._out)
            self._out = None

    def close(self):
        self.shutdown(socket.SHUT_WR)
        if self._in is not None:
            os.close(self._in)
            self._in = None


def client_context(cert):
    """TLS as a careful client does it: the one certificate is trusted, the name is checked."""
    context = ssl.create_default_context(cafile=cert)
    return context


# --- results: the protocol that tests/run reads


def run_tests(tests):
    """Runs the functions (those whose name holds an argument of the command line) and prints a line for each."""
    wanted = sys.argv[1:]
    prefix = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    failed = 0
    adopt_orphans()
    for test in tests:
        name = prefix + "/" + test.__name__
        if wanted and not any(word in name for word in wanted):
            continue
        try:
            test()
            print("ok " + name, flush=True)
        except Skip as reason:
            print("skip %s: %s" % (name, reason), flush=True)
        except Failed as reason:
            failed += 1
            print("not ok %s: %s" % (name, str(reason).replace("\n", "\n    ")), flush=True)
        except Exception:
            failed += 1
            print("not ok %s: %s" % (name, traceback.format_exc().replace("\n", "\n    ")), flush=True)
    sys.exit(1 if failed else 0)


def need(*commands):
    for command in commands:
        if not shutil.which(command):
            raise Skip(command + " is not installed")

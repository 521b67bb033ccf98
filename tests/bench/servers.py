"""The servers, each with a user, a mailbox of its own and a control group; listening on the loopback only."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import corpus
from mailsession_test import Skip, certificate, environment
from meter import Group
from packages import unpacked

HERE = os.path.dirname(os.path.abspath(__file__))
UID = 20000  # owns the mail; no account is needed for it
USER, PASSWORD = "kevin", "a-long-secret"
START = 20.0  # s for a server to answer


def password_hash():
    done = subprocess.run(["openssl", "passwd", "-6", "-salt", "mailsessionbench", PASSWORD], check=True,
                          capture_output=True, text=True)
    return done.stdout.strip()


def own(path):
    """Everything at path belongs to UID."""
    os.chown(path, UID, UID)
    for directory, names, files in os.walk(path):
        for name in names + files:
            os.lchown(os.path.join(directory, name), UID, UID)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as door:
        return door.getsockname()[1]


class Server:
    """name, title; port, tls_port, pop3_port (None: not served); group. maildir is None where the store is another."""

    tls_port = pop3_port = exec_port = None
    maildir = mbox = None
    caches = ()  # starts of names: what forget() removes from the mailbox
    sessions_are_processes = True

    def __init__(self, directory):
        self.directory = os.path.join(directory, self.name)
        os.makedirs(self.directory, mode=0o755)
        self.group = Group(self.name)
        self.processes = []

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def users(self):
        """A passwd-file of one user, whose home is below our directory."""
        os.makedirs(self.path("home"), mode=0o755, exist_ok=True)
        os.chown(self.path("home"), UID, UID)
        with open(self.path("users"), "w") as out:
            out.write("%s:{SHA512-CRYPT}%s:%d:%d::%s::\n" % (USER, password_hash(), UID, UID, self.path("home")))
        os.chmod(self.path("users"), 0o644)
        return self.path("users")

    def fill(self, source, count, **how):
        """Its own copy of the mailbox at source; of one that is links, the same links again."""
        self.maildir, self.count = self.path("home", "Maildir"), count
        self.location = "maildir:~/Maildir"
        self.users()
        if count >= corpus.LINK_FROM:
            corpus.make(self.maildir, count, **how)
        else:
            subprocess.run(["cp", "-a", source, self.maildir], check=True)
        own(self.maildir)

    def fill_mbox(self, source, count):
        """The same of an mbox: INBOX alone in a directory, folders in ~/mail, and there the index."""
        self.mbox, self.source, self.count = self.path("home", "spool", USER), source, count
        self.location = "mbox:~/mail:INBOX=" + self.mbox
        self.users()
        for name in ("spool", "mail"):
            os.makedirs(self.path("home", name), mode=0o700)
        self.restore()
        own(self.path("home"))

    def restore(self):
        """INBOX is as it was, and nothing is kept of it."""
        shutil.copyfile(self.source, self.mbox)
        os.chown(self.mbox, UID, UID)
        os.chmod(self.mbox, 0o600)
        self.forget()

    def store(self):
        """Where the mail is and what is kept beside it; None: in a form of its own."""
        return self.path("home") if self.mbox else self.maildir

    def spawn(self, command, stdin=subprocess.DEVNULL, env=None):
        with open(self.path("log-stderr"), "ab") as log:
            process = subprocess.Popen(command, stdin=stdin, stdout=log, stderr=log, cwd="/", env=env or environment(),
                                       preexec_fn=self.group.enter)
        self.group.started(process.pid)
        self.processes.append(process)
        return process

    def wait(self):
        end = time.monotonic() + START
        for port in (self.port, self.pop3_port):
            while port:
                try:
                    with socket.create_connection(("127.0.0.1", port), timeout=START) as line:
                        if line.recv(10):
                            break
                except OSError:
                    pass
                if time.monotonic() > end or any(one.poll() for one in self.processes):
                    raise Skip("%s does not start:\n%s" % (self.title, self.log()[-2000:]))
                time.sleep(0.05)

    def log(self):
        text = ""
        for name in ("log-stderr", "log"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), errors="replace") as lines:
                    text += lines.read()
        return text

    def forget(self):
        """Removes what the server keeps beside the mail, so that it has to look again. False: it has no such files."""
        beside = self.path("home", "mail", ".imap", "INBOX") if self.mbox else self.maildir
        if not self.caches or not beside:
            return False
        for name in os.listdir(beside) if os.path.isdir(beside) else ():
            if name.startswith(self.caches):
                path = os.path.join(beside, name)
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        return True

    def folder(self, name):
        return name

    def stop(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.group.pids():
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            end = time.monotonic() + 3
            while time.monotonic() < end and self.alive():
                time.sleep(0.02)
        for process in self.processes:
            process.wait()
        self.group.close()

    def alive(self):
        for process in self.processes:
            process.poll()
        return bool(self.group.pids()) if self.group.path else any(one.returncode is None for one in self.processes)


class Mailsession(Server):
    name = title = "mailsession"
    caches = ("mailsession.", "dovecot.index")

    def __init__(self, directory, build):
        super().__init__(directory)
        self.build = build

    def configuration(self):
        cert, key = certificate(self.directory)
        with open(self.path("mailsession.conf"), "w") as out:
            out.write("mail_location = %s\nbase_dir = %s\nlisten_idle_exit = 1 hours\n"
                      "passdb {\n  driver = passwd-file\n  args = %s\n}\nuserdb {\n  driver = passwd-file\n  args = %s\n}\n"
                      "ssl_cert = <%s\nssl_key = <%s\n" % (self.location, self.path("run"), *[self.path("users")] * 2, cert, key))
        os.makedirs(self.path("run"), mode=0o755, exist_ok=True)
        return self.path("mailsession.conf")

    def start(self):
        configuration = self.configuration()
        self.port = self._listen("imap", configuration)
        self.tls_port = self._listen("imap", configuration, "--tls")
        self.pop3_port = self._listen("pop3", configuration)
        self.exec_port = self._listen("imap", configuration, before=[sys.executable, "-IS", os.path.join(HERE, "inetd.py")])
        self.wait()

    def _listen(self, protocol, configuration, *arguments, before=()):
        program = os.path.join(self.build, protocol, protocol + "-session")
        with socket.create_server(("127.0.0.1", 0), backlog=64) as door:
            self.spawn([*before, program, "-c", configuration, *arguments], door)
            return door.getsockname()[1]


# A package's /usr over the system's, for one process tree only. What is executed for each connection is bound from where
# it lies, so that no layered file system is in the way of what is measured.
LAYERED = """set -e
new=$(mktemp -d)
trap 'rmdir "$new"' EXIT
mount -t tmpfs tmpfs "$new"
mkdir "$new/usr"
mount -t overlay overlay -o "lowerdir=$1/usr:/usr" "$new/usr"
for folder in $2; do
        from=/usr/$folder
        [ -d "$1/usr/$folder" ] && from=$1/usr/$folder
        mount --bind "$from" "$new/usr/$folder"
done
mount --rbind "$new/usr" /usr
umount -l "$new"
rmdir "$new"
trap - EXIT
shift 2
exec "$@"
"""


def layered(package, folders, command):
    """The command line that runs command where the unpacked package seems to be installed."""
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", LAYERED, "sh", package, folders, *command]


class Dovecot(Server):
    name, title = "dovecot", "Dovecot"
    caches = ("dovecot.index", "mailsession.")

    def start(self):
        package = unpacked("dovecot", "dovecot-core", "dovecot-imapd", "dovecot-pop3d")
        self.port, self.tls_port, self.pop3_port = free_port(), free_port(), free_port()
        cert, key = certificate(self.directory)
        with open(self.path("dovecot.conf"), "w") as out:
            out.write(DOVECOT % {"dir": self.directory, "users": self.path("users"), "cert": cert, "key": key, "location": self.location,
                                 "imap": self.port, "imaps": self.tls_port, "pop3": self.pop3_port})
            if self.count >= corpus.LINK_FROM:
                out.write("default_vsz_limit = 4 G\n")  # the default 256 MB are too few for its list of UIDs
        triplet = os.path.basename(os.path.dirname(shutil.which("sh") and _libc()))
        self.spawn(layered(package, "lib/dovecot lib/" + triplet, ["/usr/sbin/dovecot", "-F", "-c", self.path("dovecot.conf")]))
        self.wait()


def _libc():
    """The path of the C library, for the name of the folder it is in."""
    with open("/proc/self/maps") as lines:
        for line in lines:
            if "/libc.so" in line or "/libc-" in line:
                return line.split()[-1]
    raise Skip("no libc.so is mapped")


# Settings are the defaults but for places, ports, users and the one passdb.
DOVECOT = """base_dir = %(dir)s/run
state_dir = %(dir)s/state
log_path = %(dir)s/log
listen = 127.0.0.1
protocols = imap pop3
default_internal_user = daemon
default_internal_group = daemon
default_login_user = nobody
ssl_cert = <%(cert)s
ssl_key = <%(key)s
mail_location = %(location)s
service imap-login {
  inet_listener imap {
    port = %(imap)d
  }
  inet_listener imaps {
    port = %(imaps)d
  }
}
service pop3-login {
  inet_listener pop3 {
    port = %(pop3)d
  }
  inet_listener pop3s {
    port = 0
  }
}
passdb {
  driver = passwd-file
  args = %(users)s
}
userdb {
  driver = passwd-file
  args = %(users)s
}
"""

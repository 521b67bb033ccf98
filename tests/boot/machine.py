"""A small Debian of the test's own, with systemd as PID 1 and our release build in it.

The tree and the release build are made once and kept in the folder "boot" beside the other builds. A Machine boots a
throw-away layer over the tree in systemd-nspawn, with a network of its own, which this process joins. All mounts
are private to this process: they are gone when it is, whatever happens.
"""

import ctypes
import fcntl
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "units"))

from common import (  # noqa: E402
    SERVICES, TREE, Failed, Skip, build_directory, certificate, environment, need, poll)
import fixtures  # noqa: E402

# the programs' libraries, and systemd; the C library is essential and there anyway
PACKAGES = ("systemd", "systemd-sysv", "libgnutls30", "libcrypt1", "libunistring2", "zlib1g")
RELEASE = "bookworm"
KEVIN = 1000
SERVER, CLIENT = "198.51.100.1", "198.51.100.7"
BOOT_SECONDS = 60
CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


def must(*command, seconds=60, problem=Failed, **more):
    """Runs it; returns what it says. That it does not work is a problem of the given kind."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                              timeout=seconds, text=True, errors="replace", **more)
    except subprocess.TimeoutExpired:
        raise problem("%s: not done after %d s" % (" ".join(command), seconds)) from None
    if done.returncode != 0:
        raise problem("%s: exit %d\n%s" % (" ".join(command), done.returncode, done.stdout[-3000:].strip()))
    return done.stdout


# --- what is kept


def apt_sources():
    """This machine's own sources of the release."""
    found = []
    for path in ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*"))]:
        if path.endswith((".list", ".sources")) and os.path.isfile(path):
            with open(path) as lines:
                text = "".join(line for line in lines if not line.startswith("#"))
            if re.search(r"(?<![\w-])%s(?![\w-])" % RELEASE, text):
                found.append(path)
    if not found:
        raise Skip("/etc/apt names no source for " + RELEASE)
    return found


def make_tree(folder):
    """The installed packages and nothing of ours."""
    tree = os.path.join(folder, "tree")
    wanted = " ".join((RELEASE, *PACKAGES))
    mark = tree + ".packages"
    if os.path.isdir(tree) and os.path.exists(mark) and open(mark).read() == wanted:
        return tree
    need("mmdebstrap")
    for old in (tree, tree + ".new"):
        if os.path.exists(old):
            shutil.rmtree(old)
    leave_out = ["--dpkgopt=path-exclude=/usr/share/%s/*" % name for name in ("doc", "man", "locale")]
    must("mmdebstrap", "--mode=root", "--variant=essential", "--include=" + ",".join(PACKAGES), *leave_out, RELEASE,
         tree + ".new", *apt_sources(), seconds=180, problem=Skip)
    os.rename(tree + ".new", tree)
    with open(mark, "w") as out:
        out.write(wanted)
    return tree


def make_release(folder):
    """What a distribution would build."""
    build = os.path.join(folder, "release")
    if not os.path.exists(os.path.join(build, "build.ninja")):
        shutil.rmtree(build, ignore_errors=True)
        must("meson", "setup", build, TREE, "--prefix=/usr", "--sysconfdir=/etc", "--buildtype=release",
             "-Dtests=disabled", seconds=120)
    must("ninja", "-C", build, seconds=240)
    return build


def prepare():
    folder = os.path.join(os.path.dirname(os.path.abspath(build_directory())), "boot")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return folder, make_tree(folder), make_release(folder)


# --- the machine


def system_call(result, what):
    if result != 0:
        raise Skip("%s: %s" % (what, os.strerror(ctypes.get_errno())))


def mount(kind, source, target, options="mode=0755"):
    os.makedirs(target, exist_ok=True)
    must("mount", "-t", kind, "-o", options, source, target, problem=Skip)


def own_control_group():
    """A control group below this process's, in the unified hierarchy: that is how systemd tells its services."""
    root = "/sys/fs/cgroup"
    if not os.path.exists(os.path.join(root, "cgroup.procs")):
        mount("cgroup2", "none", root, "defaults")
    with open("/proc/self/cgroup") as lines:
        ours = [line.rstrip("\n")[len("0::/"):] for line in lines if line.startswith("0::/")]
    group = os.path.join(root, ours[0] if ours else "", "mailsession-boot-%d" % os.getpid())
    try:
        os.mkdir(group)
    except OSError as error:
        raise Skip("no control group of its own: %s" % error)
    return group


class Machine:
    """start() boots it. root is its file system, seen from here."""

    def __init__(self):
        self.process = None
        self.leader = None
        self.group = None
        self.variant = "connection"

    def start(self):
        if os.getuid() != 0:
            raise Skip("needs root")
        need("systemd-nspawn", "nsenter", "ip", "openssl", "meson", "ninja")
        folder, tree, release = prepare()
        system_call(libc.unshare(CLONE_NEWNS), "no mount namespace")
        must("mount", "--make-rprivate", "/", problem=Skip)
        mount("tmpfs", "none", "/run")  # systemd-nspawn keeps books there
        layers = os.path.join(folder, "layers")
        mount("tmpfs", "none", layers)
        self.root = os.path.join(layers, "root")
        for name in ("upper", "work", "certificates"):
            os.mkdir(os.path.join(layers, name))
        mount("overlay", "none", self.root, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work" % (tree, layers, layers))
        self.log = os.path.join(layers, "console")
        self.certificate, self.key = certificate(os.path.join(layers, "certificates"))
        self.install(release)
        self.group = own_control_group()
        self.boot()

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def maildir(self):
        return self.path("home/kevin/Maildir")

    def install(self, release):
        """As an administrator does it, up to the first boot."""
        must("meson", "install", "--no-rebuild", "-C", release, env={**os.environ, "DESTDIR": self.root})
        hashed = must("openssl", "passwd", "-6", "secret").strip()
        for name, row in (("passwd", "kevin:x:%d:%d:Kevin:/home/kevin:/bin/sh" % (KEVIN, KEVIN)),
                          ("group", "kevin:x:%d:" % KEVIN), ("shadow", "kevin:%s:19000:0:99999:7:::" % hashed)):
            with open(self.path("etc", name), "a") as out:
                out.write(row + "\n")
        home = self.path("home/kevin")
        os.mkdir(home, 0o700)
        fixtures.build("two", self.maildir())
        must("chown", "-R", "%d:%d" % (KEVIN, KEVIN), home)
        shutil.copy(self.certificate, self.path("etc/mailsession/cert.pem"))
        shutil.copy(self.key, self.path("etc/mailsession/key.pem"))
        self.settings("")
        for service in SERVICES:
            must("systemctl", "--root=" + self.root, "enable", "mailsession-%s.socket" % service)

    def settings(self, more):
        """Writes the settings file. Everything that is not about TLS is as it comes: the system's users, ~/Maildir."""
        path = self.path("etc/mailsession/mailsession.conf")
        with open(path + ".new", "w") as out:
            out.write("ssl_cert = </etc/mailsession/cert.pem\nssl_key = </etc/mailsession/key.pem\n%s\n" % more)
        os.rename(path + ".new", path)

    def _before_nspawn(self):
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        with open(os.path.join(self.group, "cgroup.procs"), "w") as out:
            out.write("0")

    def boot(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--directory=" + self.root, "--boot", "--register=no", "--keep-unit",
                 "--private-network", "--link-journal=no", "--machine=mailsession", "--console=pipe"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(), preexec_fn=self._before_nspawn)
        self.leader = poll(self._find_leader, lambda: "no container:\n" + self.console(), BOOT_SECONDS)
        poll(lambda: self.command("systemctl", "is-system-running", ok=None).strip() in ("running", "degraded"),
             lambda: "systemd does not finish booting:\n" + self.console(), BOOT_SECONDS)
        with open("/proc/%d/ns/net" % self.leader) as network:
            system_call(libc.setns(network.fileno(), CLONE_NEWNET), "cannot join the container's network")
        for address in (SERVER, CLIENT):
            must("ip", "addr", "add", address + "/32", "dev", "lo")

    def _find_leader(self):
        """The container's PID 1, by our number: nspawn's child whose processes are counted from 1."""
        if self.process.poll() is not None:
            raise Skip("systemd-nspawn does not work here:\n" + self.console())
        for pid in pids():
            try:
                with open("/proc/%d/status" % pid) as lines:
                    state = dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)
            except OSError:
                continue
            if (state["PPid"], state["Name"]) == (str(self.process.pid), "systemd") and state["NSpid"].endswith("\t1"):
                return pid
        return None

    def console(self):
        with open(self.log, errors="replace") as log:
            return log.read()[-3000:]

    def command(self, *command, ok=(0,), seconds=30):
        """Runs a command in the container and returns its standard output."""
        done = subprocess.run(["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--", *command],
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds, text=True,
                              errors="replace", env=environment(SYSTEMD_PAGER=""))
        if ok is not None and done.returncode not in ok:
            raise Failed("%s: exit %d\n%s%s" % (" ".join(command), done.returncode, done.stdout, done.stderr))
        return done.stdout

    def unit(self, name, what):
        return self.command("systemctl", "show", "-P", what, name).strip()

    def journal(self, *match):
        """Entries as dictionaries, oldest first."""
        rows = self.command("journalctl", "--no-pager", "--output=json", *match).splitlines()
        return [json.loads(row) for row in rows if row.startswith("{")]

    def processes(self, *programs):
        """{pid: /proc/PID/status} of our programs in the container, or of the given ones."""
        programs = programs or ("imap-session", "pop3-session")
        namespace = os.readlink("/proc/%d/ns/pid" % self.leader)
        found = {}
        for pid in pids():
            try:
                if os.readlink("/proc/%d/ns/pid" % pid) != namespace:
                    continue
                if os.path.basename(os.readlink("/proc/%d/exe" % pid)).removesuffix(" (deleted)") not in programs:
                    continue
                with open("/proc/%d/status" % pid) as lines:
                    found[pid] = dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)
            except OSError:
                pass  # it ended meanwhile
        return found

    def switch(self, variant):
        """connection: one service a connection; listener: one service that accepts them all."""
        if self.variant == variant:
            return
        names = {"connection": ["mailsession-%s.socket" % service for service in SERVICES],
                 "listener": ["mailsession-%s-listener.socket" % service for service in SERVICES]}
        self.command("systemctl", "disable", "--now", *names[self.variant])
        self.command("systemctl", "enable", "--now", *names[variant])
        self.variant = variant

    def stop(self):
        """Ends what is left of it, the hard way."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.group is None:
            return
        kill = os.path.join(self.group, "cgroup.kill")
        if os.path.exists(kill):
            with open(kill, "w") as out:
                out.write("1")
        poll(self._remove_group, "the container's control groups stay")

    def _remove_group(self):
        if self.process is not None:
            self.process.poll()
        for folder, _, _ in os.walk(self.group, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                return False
        self.group = None
        return True


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]

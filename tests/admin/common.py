"""What the tests of the admin tool share."""

import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "lib"))

import fixtures  # noqa: E402,F401
from accounts import accounts  # noqa: E402,F401
from mailsession_test import (  # noqa: E402,F401
    SANITIZER, TREE, Failed, Host, Skip, build_directory, certificate, environment, need, run_tests, symbols)


def tool():
    path = os.path.join(build_directory(), "common", "admin", "mailsession")
    if not os.access(path, os.X_OK):
        raise Skip("mailsession is not built in %s (set BUILD)" % build_directory())
    return path


class Answer:
    """What the tool said: code, out, err."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode(errors="replace")
        self.err = done.stderr.decode(errors="replace")
        if SANITIZER.search(done.stderr):
            raise Failed("a sanitizer complains:\n" + symbols(self.err))

    def __str__(self):
        return "exit %d\n%s%s" % (self.code, self.out, self.err)

    def want(self, code, *lines):
        """The exit code, and each of these lines among those of standard output."""
        have = self.out.splitlines()
        for line in lines:
            if line not in have:
                raise Failed("no line %r in %s" % (line, self))
        if self.code != code:
            raise Failed("not exit %d: %s" % (code, self))
        return self

    def without(self, *texts):
        for text in texts:
            if text in self.out + self.err:
                raise Failed("%r is in %s" % (text, self))
        return self

    def problems(self):
        return [line.removeprefix("problem: ") for line in self.out.splitlines() if line.startswith("problem: ")]


def mailsession(*arguments, stdin=b"", **more):
    return Answer(subprocess.run([tool(), *arguments], input=stdin, capture_output=True, timeout=60, cwd="/",
                                 env=environment(), **more))


def ask(host, verb, *arguments, **more):
    """With the host's settings."""
    return mailsession(verb, "-c", host.write_configuration(), *arguments, **more)


def one_problem(answer, regex):
    """The only problem that was told is this one."""
    found = answer.want(1).problems()
    if len(found) != 1 or not re.search(regex, found[0]):
        raise Failed("the problems are not just %r: %s" % (regex, answer))


def sha512(password):
    need("openssl")
    return subprocess.run(["openssl", "passwd", "-6", password], check=True, capture_output=True,
                          text=True).stdout.strip()


class Virtual(Host):
    """Virtual users in a passwd-file, with a hash each; one uid for all of their mail, in vhosts/DOMAIN/NAME."""

    def __init__(self, users=None, settings="", fields=None):
        super().__init__(users={}, settings=settings, tls=False)
        self.virtual = users or {"kevin@example.com": "secret"}
        self.fields = fields or {}

    def __enter__(self):
        super().__enter__()
        self.hashes = {name: sha512(password) for name, password in self.virtual.items()}
        with open(self.path("virtual"), "w") as out:
            for name, hashed in self.hashes.items():
                out.write("%s:%s::::::%s\n" % (name, hashed, self.fields.get(name, "")))
        os.mkdir(self.path("vhosts"), 0o700)
        self.give(self.path("vhosts"))
        return self

    def configuration(self):
        return (
            "mail_location = maildir:%(vhosts)s/%%d/%%n\nfirst_valid_uid = 1\n"
            "passdb {\n  driver = passwd-file\n  args = scheme=SHA512-CRYPT username_format=%%u %(file)s\n}\n"
            "userdb {\n  driver = static\n  args = uid=%(uid)d gid=%(gid)d home=%(vhosts)s/%%d/%%n\n}\n" % {
                "vhosts": self.path("vhosts"), "file": self.path("virtual"), "uid": self.uid, "gid": self.gid}
        ) + self.settings


def owner(path):
    """As the tool says it."""
    import grp
    import pwd
    st = os.stat(path)
    try:
        user = pwd.getpwuid(st.st_uid).pw_name
    except KeyError:
        user = str(st.st_uid)
    try:
        group = grp.getgrgid(st.st_gid).gr_name
    except KeyError:
        group = str(st.st_gid)
    return user + ":" + group


def number(value, name):
    return "%d (%s)" % (value, name) if not name.isdigit() else name


def state(path):
    """Everything that a change would show in."""
    found = {}
    for folder, directories, files in os.walk(path):
        for name in [""] + directories + files:
            full = os.path.join(folder, name)
            st = os.lstat(full)
            found[full] = (st.st_mode, st.st_size, st.st_mtime_ns, st.st_ctime_ns, st.st_nlink)
    return found


def deliver(path, when, text=b"From: a@example.com\n\nhello\n"):
    """A message in a Maildir whose name says when it came."""
    for name in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(path, name), exist_ok=True)
    with open(os.path.join(path, "new", "%d.M1P1.host" % when), "wb") as out:
        out.write(text)


def spool(path, when):
    """An mbox that was last written to then."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(b"From a@example.com Sat Nov 21 10:20:03 2026\nFrom: a@example.com\n\nhello\n\n")
    os.utime(path, (when, when))

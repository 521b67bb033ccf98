#!/usr/bin/env python3
"""meson install puts everything where an administrator looks for it, and what it puts there works."""

import os
import re
import stat
import subprocess
import tempfile

from common import PROGRAMS, SERVICES, Failed, Skip, build_directory, need, run, run_tests

EXPECTED = {
    "sbin": ["imap-session", "pop3-session", "mailsession"],
    "etc/mailsession": ["mailsession.conf.example"],
    "etc/fail2ban/filter.d": ["mailsession.conf"],
    "etc/fail2ban/jail.d": ["mailsession.conf"],
    "share/man/man8": ["imap-session.8", "pop3-session.8", "mailsession.8"],
    "share/man/man5": ["mailsession.conf.5"],
    "share/doc/mailsession": ["README", "LICENSE", "inetd.conf", "xinetd.conf"],
}
UNITS = [name % service for service in SERVICES for name in (
    "mailsession-%s.socket", "mailsession-%s@.service", "mailsession-%s-listener.socket",
    "mailsession-%s-listener.service")]


def options():
    """Those of the build that say where things go."""
    import json
    need("meson")
    said = run("meson", "introspect", "--buildoptions", build_directory())
    return {option["name"]: option["value"] for option in json.loads(said)}


class Installed:
    def __enter__(self):
        build = build_directory()
        for name in PROGRAMS:
            if not os.path.exists(os.path.join(build, name, name + "-session")):
                raise Skip("%s-session is not built" % name)
        self._directory = tempfile.TemporaryDirectory()
        self.root = self._directory.name
        os.chmod(self.root, 0o755)
        run("meson", "install", "--no-rebuild", "--quiet", "-C", build, "--destdir", self.root, seconds=120)
        self.prefix = self.root + options()["prefix"]
        self.files = {os.path.relpath(os.path.join(folder, name), self.root)
                      for folder, _, names in os.walk(self.root) for name in names}
        return self

    def __exit__(self, *error):
        self._directory.cleanup()

    def find(self, name):
        found = [path for path in self.files if os.path.basename(path) == name]
        if len(found) != 1:
            raise Failed("%s is installed %d times: %s" % (name, len(found), found))
        return os.path.join(self.root, found[0])


def everything_is_there():
    with Installed() as tree:
        if options()["sysconfdir"] != "etc":
            raise Skip("configured with its own folders")
        for folder, names in EXPECTED.items():
            for name in names:
                if not os.path.exists(os.path.join(tree.prefix, folder, name)):
                    raise Failed("no %s in %s; there are\n%s" % (name, folder, "\n".join(sorted(tree.files))))
        for name in UNITS:
            tree.find(name)
        for folder in ("sysusers.d", "tmpfiles.d"):
            if not any(path.endswith(folder + "/mailsession.conf") for path in tree.files):
                raise Failed("nothing in " + folder)
        for path in tree.files:
            if os.stat(os.path.join(tree.root, path)).st_mode & (stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID):
                raise Failed("%s has a mode that nobody asked for" % path)


def units_run_what_is_installed():
    with Installed() as tree:
        for name in UNITS:
            with open(tree.find(name)) as text:
                content = text.read()
            if "@" in content.replace("@.service", "").replace("@system-service", "").replace("@i", ""):
                raise Failed("%s has a word that was not replaced" % name)
            for line in content.splitlines():
                if line.startswith("ExecStart="):
                    command = line.split("=", 1)[1].lstrip("-").split()[0]
                    if not os.access(tree.root + command, os.X_OK):
                        raise Failed("%s starts %s, which is not there" % (name, command))


def program_says_who_it_is():
    with Installed() as tree:
        version = options_version()
        for name in PROGRAMS:
            path = os.path.join(tree.prefix, "sbin", name + "-session")
            said = run(path, "--version")
            if said != "%s-session %s\n" % (name, version):
                raise Failed("--version says %r" % said)
            said = run(path, "--help")
            if not said.startswith("usage: %s-session " % name) or "/mailsession/mailsession.conf" not in said:
                raise Failed("--help says %r" % said)
            for wrong in (["--nonsense"], ["-c"], ["word"]):
                done = subprocess.run([path, *wrong], capture_output=True, stdin=subprocess.DEVNULL)
                if done.returncode != 64 or not done.stderr:
                    raise Failed("%s: exit %d, %r" % (wrong, done.returncode, done.stderr))


def options_version():
    import json
    return json.loads(run("meson", "introspect", "--projectinfo", build_directory()))["version"]


def example_is_accepted():
    """As it is, and with every line that is commented out in force."""
    with Installed() as tree, tempfile.TemporaryDirectory() as directory:
        with open(tree.find("mailsession.conf.example")) as file:
            example = file.read()
        # words behind "# " are words; behind "#" or "#  " it is a line to switch on
        lines = [line if re.match(r"# \S", line) else line.removeprefix("#") for line in example.splitlines()]
        lines = [line for line in lines if "/etc/ssl/" not in line]
        for text, exit_code in ((example, 0), ("\n".join(lines), 0), (example + "nonsense = 1\n", 78)):
            path = os.path.join(directory, "mailsession.conf")
            with open(path, "w") as out:
                out.write(text)
            for name in PROGRAMS:
                # the client is gone already: only the settings are read
                done = subprocess.run([os.path.join(tree.prefix, "sbin", name + "-session"), "-c", path,
                                       "-o", "base_dir=" + directory],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
                if done.returncode != exit_code or (exit_code and b"nonsense" not in done.stderr):
                    raise Failed("exit %d: %s" % (done.returncode, done.stderr.decode()))


if __name__ == "__main__":
    run_tests([everything_is_there, units_run_what_is_installed, program_says_who_it_is, example_is_accepted])

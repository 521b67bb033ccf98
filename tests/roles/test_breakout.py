#!/usr/bin/env python3
"""An edge and a session that try to get out of their roles (breakout.c), as root and without."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile

from common import Host, Skip, build_directory, environment, expect, landlock_version, run_tests


def break_out(as_root):
    breakout = os.path.join(build_directory(), "tests", "roles", "breakout")
    if not os.access(breakout, os.X_OK):
        raise Skip("breakout is not built in " + build_directory())
    if as_root and os.getuid() != 0:
        raise Skip("needs root: the uid changes")
    with Host(users={"kevin": "secret", "other": "secret"}, tls=False) as host:
        identity = {}
        if not as_root and os.getuid() == 0:
            account = pwd.getpwnam("nobody")
            host.uid, host.gid = account.pw_uid, account.pw_gid
            identity = {"user": host.uid, "group": host.gid, "extra_groups": []}
        host.fill("kevin", "plain")
        # readable for everybody by its mode: only the walls keep it from a session of the same uid
        other = os.path.join(host.directory, "other-mail")
        with open(other, "w") as out:
            out.write("private\n")
        os.chmod(other, 0o600 if as_root else 0o644)
        users = host.path("users")
        with open(users, "w") as out:
            out.write("kevin:{PLAIN}secret:%d:%d::%s::\n" % (host.uid, host.gid, host.home("kevin")))
        host.give(host.path("run"))
        own = os.path.join(host.maildir(), "cur", os.listdir(os.path.join(host.maildir(), "cur"))[0])
        if not as_root:
            copies = tempfile.mkdtemp(dir=host.directory)
            os.chmod(copies, 0o755)
            breakout = shutil.copy(breakout, copies)
        client, server = socket.socketpair()
        with open(host.path("log"), "wb") as log:
            process = subprocess.Popen([breakout, "-c", host.write_configuration()], stdin=server, stdout=server,
                                       stderr=log, env=environment(BREAKOUT_OWN=own, BREAKOUT_OTHER=other), cwd="/",
                                       **identity)
        server.close()
        client.settimeout(20)
        text = b""
        while True:
            piece = client.recv(65536)
            if not piece:
                break
            text += piece
        process.wait(20)
        lines = text.decode().splitlines()
        log = open(host.path("log")).read()
        bad = [line for line in lines if not line.startswith("ok ") and line != "end"]
        if not as_root and landlock_version() < 2:
            raise Skip("the kernel has no landlock: without root nothing else guards the files")
        expect(not bad and lines and lines[-1] == "end", "\n".join(bad or lines[-3:]) + "\n" + log)
        expect(sum(line.startswith("ok edge ") for line in lines) >= 17, "too few attempts of the edge: %r" % lines)
        expect(sum(line.startswith("ok session ") for line in lines) >= 17, "too few attempts of the session")


def from_root():
    break_out(True)


def without_root():
    break_out(False)


run_tests([from_root, without_root])

"""Accounts of the system that are there for one test alone."""

import contextlib
import ctypes
import os
import shutil
import subprocess

from mailsession_test import Skip

GROUP = 54321


@contextlib.contextmanager
def accounts(host, home, passwd=(), group=()):
    """Replaces the account databases by ones with kevin, and the lines given, in them, for this process and its children
    alone."""
    if os.getuid() != 0:
        raise Skip("needs root: shadow is read and the uid changes")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x00020000) != 0:  # CLONE_NEWNS
        raise Skip("no mount namespace: " + os.strerror(ctypes.get_errno()))
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    hashed = subprocess.run(["openssl", "passwd", "-6", "secret"], check=True, capture_output=True, text=True).stdout.strip()
    for name, more in (("passwd", ["kevin:x:%d:%d:Kevin:%s:/bin/false" % (host.uid, host.gid, home), *passwd]),
                       ("group", ["kevins:x:%d:kevin" % GROUP, *group]),
                       ("shadow", ["kevin:%s:19000:0:99999:7:::" % hashed, "locked:!:19000:0:99999:7:::"])):
        copy = host.path(name)
        shutil.copy("/etc/" + name, copy)
        with open(copy, "a") as out:
            out.writelines(line + "\n" for line in more)
        os.chmod(copy, 0o600 if name == "shadow" else 0o644)
        subprocess.run(["mount", "--bind", copy, "/etc/" + name], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "/etc/passwd", "/etc/group", "/etc/shadow"], check=True)

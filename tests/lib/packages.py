"""Debian packages that are unpacked for a test and not installed: servers that would start themselves, or would be in each
other's way. Everything else is installed by tests/run."""

import fcntl
import glob
import os
import shutil
import subprocess
import tempfile

from mailsession_test import Skip, build_directory


def unpacked(name, *packages):
    """The folder where they are, fetched once for a build directory, whoever asks first."""
    target = os.path.join(build_directory(), "packages", name)
    if os.path.isdir(target):
        return target
    if os.getuid() != 0 or not shutil.which("apt-get"):
        raise Skip("the package %s is not there, and only root can fetch it with apt-get" % packages[0])
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(target):
            _fetch(target, packages)
    return target


def _fetch(target, packages):
    with tempfile.TemporaryDirectory() as work:
        fetch = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *packages]
        done = subprocess.run(fetch, cwd=work, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            subprocess.run(["apt-get", "-q", "update"], capture_output=True, stdin=subprocess.DEVNULL)
            done = subprocess.run(fetch, cwd=work, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise Skip("apt-get download: " + done.stderr.strip()[-300:])
        tree = tempfile.mkdtemp(dir=os.path.dirname(target))
        for package in glob.glob(os.path.join(work, "*.deb")):
            subprocess.run(["dpkg", "-x", package, tree], check=True)
        os.chmod(tree, 0o755)
        os.rename(tree, target)

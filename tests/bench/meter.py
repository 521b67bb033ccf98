"""CPU time of a control group, private memory of its processes."""

import os
import time

V1 = ("/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup/cpu,cpuacct")
V2 = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
QUIET = 0.02  # s without CPU time: what follows an answer (a process that ends, a cache that is written) is over
PATIENCE = 10.0  # s to wait for that


def _own_v2(root):
    """The folder of this process below root: where a group of ours may be made when root's own may not be used."""
    with open("/proc/self/cgroup") as lines:
        for line in lines:
            if line.startswith("0::"):
                return os.path.join(root, line[3:].strip().lstrip("/"))
    return root


class Group:
    """A control group of our own. usage() is its CPU time in ms; how() says how that is known."""

    def __init__(self, name):
        name = "mailsession-bench-%d-%s" % (os.getpid(), name)
        self.path = self.counter = None
        self.processes = []
        for root in V1:
            self._try(os.path.join(root, name), "cpuacct.usage", root)
        for root in V2:
            for above in (root, _own_v2(root)):
                self._try(os.path.join(above, name), "cpu.stat", above)

    def _try(self, path, counter, root):
        if self.path or not os.path.exists(os.path.join(root, counter)):
            return
        try:
            os.mkdir(path)
        except OSError:
            return
        self.path, self.counter = path, os.path.join(path, counter)
        try:
            self.usage()
        except (OSError, KeyError):
            self.close()
            self.path = None

    def how(self):
        if not self.path:
            return "utime+stime of the processes in /proc, in ticks of 10 ms (no control group could be made)"
        return "control group v1, cpuacct.usage" if self.counter.endswith("usage") else "control group v2, cpu.stat"

    def enter(self):
        """In a child before exec: all it starts stays in the group."""
        if self.path:
            with open(os.path.join(self.path, "cgroup.procs"), "w") as out:
                out.write("0")

    def usage(self):
        if not self.path:
            return self._ticks()
        with open(self.counter) as text:
            if self.counter.endswith("cpuacct.usage"):
                return int(text.read()) / 1e6
            return int(dict(line.split() for line in text)["usage_usec"]) / 1e3

    def pids(self):
        if not self.path:
            return self._tree()
        with open(os.path.join(self.path, "cgroup.procs")) as lines:
            return [int(line) for line in lines]

    def started(self, pid):
        """A process that was started into the group; needed where there is no control group."""
        self.processes.append(pid)

    def _tree(self):
        found, todo = [], list(self.processes)
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                with open("/proc/%d/task/%d/children" % (pid, pid)) as text:
                    todo += [int(word) for word in text.read().split()]
            except OSError:
                pass
        return found

    def _ticks(self):
        ticks = 0
        for pid in self._tree():
            try:
                with open("/proc/%d/stat" % pid) as text:
                    ticks += sum(int(word) for word in text.read().rpartition(")")[2].split()[11:15])
            except OSError:
                pass
        return ticks * 1000 / os.sysconf("SC_CLK_TCK")

    def settle(self, quiet=QUIET):
        """Waits until the group has used no CPU for a while; returns the usage then."""
        end = time.monotonic() + PATIENCE
        last, since = self.usage(), time.monotonic()
        while time.monotonic() < end:
            time.sleep(0.003)
            now = self.usage()
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since >= quiet:
                break
        return last

    def close(self):
        if self.path and os.path.isdir(self.path):
            for _ in range(200):
                try:
                    os.rmdir(self.path)
                    return
                except OSError:
                    time.sleep(0.02)


def private_dirty(pids):
    """kB that only these processes have and that are not on disk: what a session costs."""
    total = 0
    for pid in pids:
        try:
            with open("/proc/%d/smaps_rollup" % pid) as lines:
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))
        except OSError:
            pass
    return total

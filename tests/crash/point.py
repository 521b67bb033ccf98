"""Where a session is cut or hindered, and what follows."""

import errno

ROOM = (errno.ENOSPC, errno.EDQUOT)


class Point:
    """kind: r or w; number: the call's, 0 for none; mode: as cut.c has it; call: its line, for the report; between: what
    happens before the next session: "delivery", "tight delivery" (without an empty line behind it), "no index",
    "Dovecot" (reads it), "same name" (other programs make folders where some were)."""

    def __init__(self, kind, number, mode, call="", between=""):
        self.kind, self.number, self.mode, self.call, self.between = kind, number, mode, call, between

    @property
    def hinders(self):
        """The program goes on."""
        return self.mode.startswith(("fail", "full", "part", "short"))

    @property
    def lasting(self):
        """The disk stays full."""
        return self.mode.startswith(("full", "part"))

    @property
    def error(self):
        return int(self.mode.partition(":")[2] or 0)

    def __str__(self):
        what = "%s:%s" % (self.mode.partition(":")[0], errno.errorcode[self.error]) if self.error else self.mode
        return "%s at %s%d (%s)%s" % (what, self.kind, self.number, self.call, self.between and ", then " + self.between)

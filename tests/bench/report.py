"""The table for a terminal, the same for the README, and the chart."""

import datetime
import math
import os
import platform


def machine():
    name = platform.machine()
    try:
        with open("/proc/cpuinfo") as lines:
            name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return "%s, %d cores, Linux %s" % (name, os.cpu_count(), platform.release().split("-")[0])


def today():
    return datetime.date.today().isoformat()


def number(value):
    if value is None:
        return "-"
    if value >= 100:
        return "%.0f" % value
    return "%.1f" % value if value >= 10 else "%.2f" % value


def ratio(value):
    if value is None:
        return "-"
    return "%.1f" % value if value >= 10 else "%.2f" % value if value >= 0.1 else "%.3f" % value


def main_figure(row, figure):
    """The one that the row is about."""
    if figure is None:
        return None
    return figure.wall if row.unit == "wall" else figure.cpu


def over(a, b):
    return a / b if a is not None and b else None


def columns(lines):
    """Lists of cells, the first to the left and the others to the right."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) if at == 0 else cell.rjust(width)
                               for at, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines)


class Result:
    """rows: [(Row, {server's name: Figure or None})]."""

    def __init__(self, servers, shape, how, note="", kind="messages"):
        self.names = [server.name for server in servers]
        self.titles = {server.name: server.title for server in servers}
        self.shape = shape
        self.how = how
        self.note = note
        self.kind = kind
        self.rows = []

    def value(self, row, figures, name):
        return main_figure(row, figures.get(name))

    def ratio(self, row, figures):
        return over(self.value(row, figures, "mailsession"), self.value(row, figures, "dovecot"))

    @staticmethod
    def limit_ratio(row):
        """What the ratio to Dovecot may be, from the figures the project started with."""
        return over(row.limit, row.anchors[0])

    def verdict(self, row, figures):
        """kept: by the ratio, because machines differ; or by the figure, where no Dovecot ran beside. figure: only by that."""
        ours, limit = self.value(row, figures, "mailsession"), row.limit
        if ours is None or limit is None or (self.shape.messages != 100000 and "connect" not in row.name):
            return ""
        mine, allowed = self.ratio(row, figures), self.limit_ratio(row)
        if mine is None or not allowed:
            return "kept" if ours <= limit else "over"
        return "kept" if mine <= allowed * 1.005 else "figure" if ours <= limit else "over"

    def heading(self):
        return "%s %s, %s. %s" % ("{:,}".format(self.shape.messages), self.kind, machine(), today())

    def table(self):
        unit = {"cpu": "", "wall": " (wall ms)", "kB": " (kB)"}
        lines = [["operation"] + [self.titles[name] for name in self.names] + ["ratio", "at most", "limit", ""]
                 + ["wall " + name[:4] for name in self.names]]
        for row, figures in self.rows:
            walls = [number(figures[name].wall if figures[name] else None) for name in self.names]
            lines.append([row.name + unit[row.unit]] + [number(self.value(row, figures, name)) for name in self.names]
                         + [ratio(self.ratio(row, figures)), ratio(self.limit_ratio(row)), number(row.limit),
                            self.verdict(row, figures)] + walls)
        kept = [self.verdict(row, figures) for row, figures in self.rows]
        judged = len([one for one in kept if one])
        end = ["", "limits kept: %d of %d, %d more by the figure only" % (kept.count("kept"), judged, kept.count("figure"))]
        return "\n".join([
            self.heading(),
            "Server CPU in ms (%s) unless said; the least of %d repetitions; wall in ms." % (self.how, self.shape.repetitions),
            "ratio: ours to Dovecot's; at most: what that ratio may be; limit: the figure it comes from, on the machine of",
            "that time." + self.note, "", columns(lines), *(end if judged else [])])

    def plain(self):
        """For the README: what a reader wants, no more."""
        lines = [["operation"] + [self.titles[name] for name in self.names]]
        if "dovecot" in self.names and "mailsession" in self.names:
            lines[0].append("ours/Dovecot")
        unit = {"cpu": "", "wall": ", wall ms", "kB": ", kB"}
        for row, figures in self.rows:
            line = [row.name + unit[row.unit]] + [number(self.value(row, figures, name)) for name in self.names]
            if len(lines[0]) > len(line):
                line.append(ratio(self.ratio(row, figures)))
            lines.append(line)
        return "%s\nCPU ms of the server unless said; `sh tests/bench/run`.%s\n\n%s\n" % (
            self.heading(), self.note, "\n".join("  " + line for line in columns(lines).splitlines()))

    def chart(self):
        """Bars of ours to Dovecot's, on a logarithmic scale; a mark where the limit is."""
        shown = [(row, self.ratio(row, figures), self.value(row, figures, "mailsession"),
                  self.value(row, figures, "dovecot")) for row, figures in self.rows]
        shown = [one for one in shown if one[1]]
        unit = {"cpu": "", "wall": ", wall", "kB": ", kB"}
        return bars("mailsession / Dovecot: " + self.heading(), [
            (row.name + unit[row.unit], value, self.limit_ratio(row), "%s  (%s : %s)" % (ratio(value), number(ours), number(theirs)))
            for row, value, ours, theirs in shown])


def scale_table(sizes, servers, results, growth):
    """results: {size: [(Row, figures)]}. A line a row and server; the last column is largest to smallest."""
    lines = [["operation", "server"] + ["{:,}".format(size) for size in sizes] + ["ratio", ""]]
    for at, (row, _) in enumerate(results[sizes[0]]):
        for server in servers:
            values = [main_figure(row, results[size][at][1].get(server.name)) for size in sizes]
            grown = over(values[-1], values[0])
            verdict = "" if grown is None or server.name != "mailsession" else "kept" if grown <= growth else "over"
            lines.append([row.name + (" (kB)" if row.unit == "kB" else ""), server.title]
                         + [number(value) for value in values] + [ratio(grown), verdict])
    return "\n".join(["Scale: server CPU in ms unless said; ratio of the largest mailbox to the smallest, at most %g. %s. %s" % (
        growth, machine(), today()), "", columns(lines)])


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")


def bars(title, rows):
    """An SVG of (name, value, limit or None, label)."""
    left, width, high, top = 290, 560, 20, 60
    values = [value for _, value, limit, _ in rows for value in (value, limit) if value] + [1]
    low = math.floor(math.log10(min(values)) - 0.01)
    above = math.ceil(math.log10(max(values)) + 0.01)

    def x(value):
        return left + width * (math.log10(value) - low) / (above - low)

    bottom = top + high * len(rows)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">' % (
        left + width + 170, bottom + 50),
        '<rect width="100%" height="100%" fill="white"/>',
        '<text x="10" y="22" font-size="14" font-weight="bold">%s</text>' % escaped(title)]
    for power in range(low, above + 1):
        at = x(10.0 ** power)
        out.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ccc"/>' % (at, top - 6, at, bottom))
        out.append('<text x="%.1f" y="%d" text-anchor="middle" fill="#666">%g</text>' % (at, top - 12, 10.0 ** power))
    for at, (name, value, limit, label) in enumerate(rows):
        y = top + high * at
        begin, end = sorted((x(1), x(value)))
        colour = "#c0392b" if limit and value > limit * 1.005 else "#2e7d4f"
        out.append('<text x="%d" y="%d" text-anchor="end">%s</text>' % (left - 8, y + 14, escaped(name)))
        out.append('<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>' % (begin, y + 3, max(1, end - begin),
                                                                                  high - 6, colour))
        if limit:
            out.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="black" stroke-width="2"/>' % (
                x(limit), y + 1, x(limit), y + high - 1))
        out.append('<text x="%d" y="%d" fill="#333">%s</text>' % (left + width + 8, y + 14, label))
    out.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#333"/>' % (x(1), top - 6, x(1), bottom))
    out.append('<text x="%d" y="%d" fill="#333">Server CPU unless said; left of 1 ours is less. Black mark: the limit. '
               "Red: over it.</text>" % (left, bottom + 24))
    return "\n".join(out + ["</svg>", ""])

"""What the abuse tests share: clients that read strictly, memory of a session while it works, hosts of one user."""

import contextlib
import os
import re
import select
import socket
import ssl
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "lib"))

import fixtures  # noqa: E402,F401
from mailsession_test import (  # noqa: E402,F401
    DEADLINE, Failed, Host, Skip, certificate, client_context, need, poll, run_tests)

PATIENCE = 60.0  # seconds for one answer: against hangs, not a measure of speed; the programs are sanitized
MB = 1 << 20
SESSION = r"imap\(kevin\)<\d+><[^>]+>: "
POP3_SESSION = r"pop3\(kevin\)<\d+><[^>]+>: "
LOGIN_LOG = r"Login: user=<kevin>, method=PLAIN, rip=127\.0\.0\.1, lip=127\.0\.0\.1, mpid=\d+, (secured|TLS), session=<"


def expect(good, what):
    if not good:
        raise Failed(what() if callable(what) else what)


def same(got, want, what):
    if got != want:
        at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
        raise Failed("%s: %d, expected %d; they differ at %d: %r, expected %r" % (
            what, len(got), len(want), at, got[max(0, at - 20):at + 60], want[max(0, at - 20):at + 60]))


def wire(data):
    """A message as clients get it: every LF as CRLF."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", data)


# --- processes


def status(pid):
    """/proc/PID/status as a dictionary; empty when the process is gone."""
    try:
        with open("/proc/%d/status" % pid) as lines:
            return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}
    except OSError:
        return {}


def children(pid):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and status(int(name)).get("PPid") == str(pid):
            found.append(int(name))
    return found


def own_memory(pid):
    """Bytes of memory that are the process's own: pages of mapped message files are not among them."""
    return int(status(pid).get("RssAnon", "0 kB").split()[0]) * 1024


def memory_limit(pid, plain):
    """`plain` bytes for a plain build; under a sanitizer its quarantine, shadow and red zones come on top."""
    sanitized = int(status(pid).get("VmSize", "0 kB").split()[0]) > 1 << 30
    return 3 * plain + 400 * MB if sanitized else plain


# --- clients


class Gone(Failed):
    """The connection ended where more was expected."""


class Client:
    """A connection whose answers are read exactly; nothing here waits for ever."""

    def __init__(self, sock):
        self.socket = sock
        sock.settimeout(PATIENCE)
        self.buffer = bytearray()
        self.most = 0  # bytes of the session's own memory, as watch() saw it

    def watch(self, pid):
        """Looks at the memory of a process as long as it lives."""
        def look():
            while status(pid):
                self.most = max(self.most, own_memory(pid))
                time.sleep(0.005)
        threading.Thread(target=look, daemon=True).start()

    def tls(self, cert):
        self.socket = client_context(cert).wrap_socket(self.socket, server_hostname="localhost")
        return self

    def send(self, data):
        self.socket.sendall(data)

    def say(self, text):
        self.send((text.encode() if isinstance(text, str) else text) + b"\r\n")

    def fill(self):
        try:
            piece = self.socket.recv(1 << 18)
        except TimeoutError:
            raise Failed("no answer in %g s; so far %r" % (PATIENCE, bytes(self.buffer[-200:])))
        except (ConnectionError, OSError) as error:
            raise Gone("connection lost (%s); unread %r" % (error, bytes(self.buffer[-200:])))
        if not piece:
            raise Gone("connection closed; unread %r" % bytes(self.buffer[-200:]))
        self.buffer += piece

    def take(self, n):
        while len(self.buffer) < n:
            self.fill()
        data = bytes(self.buffer[:n])
        del self.buffer[:n]
        return data

    def line(self):
        """The next line without its end, which must be CRLF."""
        looked = 0
        while True:
            at = self.buffer.find(b"\n", looked)
            if at >= 0:
                break
            looked = len(self.buffer)
            self.fill()
        line = self.take(at + 1)
        expect(line.endswith(b"\r\n") and b"\r" not in line[:-2], lambda: "bad line end in %r" % line[-200:])
        return line[:-2]

    def rest(self):
        """Everything up to the end of the connection."""
        while True:
            try:
                self.fill()
            except Gone:
                data = bytes(self.buffer)
                self.buffer.clear()
                return data

    def flood(self, data):
        """Sends in pieces while reading, as a client that never waits; returns when all is sent or it was cut off."""
        self.socket.setblocking(False)
        try:
            at = 0
            end = time.monotonic() + PATIENCE
            while at < len(data) and time.monotonic() < end:
                readable, writable, _ = select.select([self.socket], [self.socket], [], 1)
                if readable:
                    with contextlib.suppress(ssl.SSLWantReadError):
                        piece = self.socket.recv(1 << 18)
                        if not piece:
                            return False
                        self.buffer += piece
                if writable:
                    with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                        at += self.socket.send(data[at:at + (1 << 18)])
            return at == len(data)
        except OSError:  # TLS has its own
            return False
        finally:
            self.socket.settimeout(PATIENCE)

    def fill_pipes(self, data, again=True):
        """Sends data, over and over, until the server takes nothing more; reads nothing. Returns the bytes sent."""
        blocked = (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError)
        self.socket.setblocking(False)
        sent, at, idle = 0, 0, 0
        while idle < 50:
            try:
                n = self.socket.send(data[at:at + (1 << 16)])
                at, sent, idle = at + n, sent + n, 0
                if at == len(data) and not again:
                    break
                at %= len(data)
            except blocked:
                idle += 1
                select.select([], [], [], 0.02)
        self.socket.settimeout(PATIENCE)
        return sent


# --- IMAP, read as RFC 3501 section 9 writes it


class Atom(str):
    pass


class Literal(bytes):
    pass


class Quoted(bytes):
    pass


class Strict:
    """Takes one response apart; text is the bytes of its first line, more lines come from the client."""

    def __init__(self, client, text):
        self.client, self.text, self.at = client, text, 0

    def fail(self, what):
        raise Failed("malformed response, %s at %d: %r" % (what, self.at, self.text[max(0, self.at - 60):self.at + 60]))

    def peek(self):
        return self.text[self.at:self.at + 1]

    def need(self, text):
        if self.text[self.at:self.at + len(text)] != text:
            self.fail("expected %r" % text)
        self.at += len(text)

    def match(self, pattern, what):
        m = re.compile(pattern).match(self.text, self.at)
        if not m:
            self.fail("expected " + what)
        self.at = m.end()
        return m

    def quoted(self):
        m = self.match(rb'"((?:[^"\\\r\n\0\x80-\xff]|\\["\\])*)"', "a quoted string")
        return Quoted(re.sub(rb"\\(.)", rb"\1", m[1]))

    def literal(self):
        n = int(self.match(rb"\{(\d+)\}$", "a literal at the end of a line")[1])
        data = Literal(self.client.take(n))
        self.text, self.at = self.client.line(), 0
        return data

    def value(self, depth=0):
        """Iterative in width, recursive in depth, which a server must bound."""
        if depth > 1000:
            self.fail("too deep")
        c = self.peek()
        if c == b'"':
            return self.quoted()
        if c == b"{":
            return self.literal()
        if c == b"(":
            return self.list(depth)
        word = self.match(rb'[^(){ %*"\]\x00-\x1f\x7f-\xff]+\]?', "an atom")[0].decode()
        return None if word == "NIL" else int(word) if word.isdigit() else Atom(word)

    def list(self, depth=0):
        self.need(b"(")
        items = []
        if self.peek() != b")":
            items.append(self.value(depth + 1))
            while self.peek() != b")":
                # bodies of a multipart and addresses of a list stand without a space (RFC 3501 section 9)
                if not (self.peek() == b"(" and isinstance(items[-1], list)):
                    self.need(b" ")
                items.append(self.value(depth + 1))
        self.at += 1
        return items

    def end(self):
        if self.at != len(self.text):
            self.fail("expected the end")

    def fetch(self):
        """{item name: value} of "(...)"."""
        found = {}
        self.need(b"(")
        while True:
            name = self.match(rb"(BODY(?:\.PEEK)?\[)|[A-Z][A-Z0-9.]*", "the name of an item")
            name, is_section = name[0].decode(), name[1] is not None
            if is_section:
                name += self.section_end()
            self.need(b" ")
            if name == "FLAGS":
                value = [m.decode() for m in self.match(rb"\(([^()\r\n]*)\)", "flags")[1].split()]
            else:
                value = self.value()
            if name in found:
                self.fail("twice " + name)
            found[name] = value
            if self.peek() != b" ":
                break
            self.at += 1
        self.need(b")")
        self.end()
        return found

    def section_end(self):
        out = ""
        while self.peek() != b"]":
            if self.peek() in b'"{' and self.peek():
                out += self.value().decode("latin-1")
            else:
                out += self.match(rb"[A-Z0-9a-z.() _-]|[^\]\"{\x00-\x1f]", "a section")[0].decode("latin-1")
        self.at += 1
        return out + "]" + self.match(rb"(<\d+>)?", "an origin")[0].decode()


class Imap(Client):
    count = 0

    def response(self):
        """(tag or "*", what). what: {"seq":, "fetch":} for FETCH, else the text as bytes, checked to be text."""
        line = self.line()
        m = re.fullmatch(rb"\* (\d+) FETCH (.*)", line, re.S)
        if m:
            return "*", {"seq": int(m[1]), "fetch": Strict(self, m[2]).fetch()}
        if re.match(rb"\* (LIST|LSUB|STATUS) ", line):
            text = line
            while re.search(rb"\{\d+\}$", line):
                data = self.take(int(re.search(rb"\{(\d+)\}$", line)[1]))
                line = self.line()
                text += b"\r\n" + data + line
            return "*", text[2:]
        expect(re.fullmatch(rb"[\x20-\x7e\t]+", line), lambda: "not text: %r" % line[:300])
        tag, _, text = line.partition(b" ")
        return tag.decode(), text

    def greeting(self):
        tag, text = self.response()
        expect(tag == "*" and text.startswith((b"OK ", b"PREAUTH ")), "greeting: %r" % text)
        return self

    def finish_command(self, tag):
        """(list of untagged, text of the tagged answer)."""
        untagged = []
        while True:
            got, what = self.response()
            if got == tag:
                expect(re.match(rb"(OK|NO|BAD) ", what), "tagged answer %r" % what)
                return untagged, what
            expect(got in "*+", "unexpected tag: %s %r" % (got, what))
            untagged.append(what)

    def command(self, text):
        Imap.count += 1
        tag = "t%d" % Imap.count
        self.send(tag.encode() + b" " + (text.encode() if isinstance(text, str) else text) + b"\r\n")
        return self.finish_command(tag)

    def answer(self, text, word, like=""):
        """The command must be answered with word (OK, NO, BAD) and text that matches; returns the untagged."""
        untagged, what = self.command(text)
        expect(what.decode().startswith(word + " ") and re.search(like, what.decode()),
               lambda: "%r: expected %s %s, got %r" % (text[:200], word, like, what))
        return untagged

    def fetch(self, what):
        """{seq: {item: value}} of FETCH what."""
        found = {}
        for u in self.answer("FETCH " + what, "OK"):
            if isinstance(u, dict):
                found.setdefault(u["seq"], {}).update(u["fetch"])
        return found

    def login(self):
        self.answer("LOGIN kevin secret", "OK", "Logged in")
        return self

    def select(self, mailbox="INBOX"):
        return self.answer("SELECT " + mailbox, "OK")

    def exists(self, mailbox="INBOX"):
        for u in self.select(mailbox):
            m = re.fullmatch(rb"(\d+) EXISTS", u)
            if m:
                return int(m[1])
        raise Failed("no EXISTS")

    def alive(self):
        """Still in step, and serving."""
        self.answer("NOOP", "OK", "NOOP completed")

    def bye(self, like=""):
        """What comes must be BYE and the end."""
        while True:
            tag, text = self.response()
            if text.startswith(b"BYE "):
                expect(tag == "*" and re.search(like, text.decode()), "BYE says %r, expected %r" % (text, like))
                break
        rest = self.rest()
        expect(rest == b"", "more after BYE: %r" % rest[:200])

    def logout(self):
        self.answer("LOGOUT", "OK", "Logout completed")
        expect(self.rest() == b"", "more after LOGOUT")


class Pop3(Client):
    def greeting(self):
        self.ok()
        return self

    def reply(self):
        line = self.line()
        expect(re.fullmatch(rb"(\+OK|-ERR)( [\x20-\x7e]*)?", line), "not a reply: %r" % line[:200])
        return line

    def ok(self):
        line = self.reply()
        expect(line.startswith(b"+OK"), "expected +OK, got %r" % line)
        return line

    def answer(self, text, word, like=""):
        self.say(text)
        line = self.reply().decode()
        expect(line.startswith(word) and re.search(like, line),
               lambda: "%r: expected %s %s, got %r" % (text[:100], word, like, line))
        return line

    def data(self):
        """The lines of a multi-line answer, unstuffed, as bytes."""
        while True:
            at = 0 if self.buffer.startswith(b".\r\n") else self.buffer.find(b"\r\n.\r\n")
            if at >= 0:
                break
            self.fill()
        if self.buffer.startswith(b".\r\n"):
            self.take(3)
            return b""
        data = self.take(at + 2)
        self.take(3)
        data = data[1:] if data.startswith(b".") else data
        return data.replace(b"\r\n.", b"\r\n")

    def many(self, text):
        self.answer(text, "+OK")
        return self.data()

    def login(self):
        self.answer("USER kevin", "+OK")
        self.answer("PASS secret", r"+OK", "Logged in")
        return self

    def alive(self):
        self.answer("NOOP", "+OK")

    def bye(self, like=""):
        last = b""
        rest = self.rest().split(b"\r\n")
        expect(len(rest) >= 2 and rest[-1] == b"", "no last line: %r" % rest[-2:])
        last = rest[-2].decode(errors="replace")
        expect(last.startswith("-ERR ") and re.search(like, last), "expected -ERR %s at the end: %r" % (like, last))


CLIENT = {"imap": Imap, "pop3": Pop3}


def joined(host, protocol, tls=False, login=True, **more):
    """(client, session): connected, greeted and, unless told otherwise, logged in."""
    session = host.start(protocol, tls=tls, **more)
    client = CLIENT[protocol](session.socket)
    if tls:
        client.tls(certificate(host.certificates)[0])
        session.socket = client.socket
    client.greeting()
    if login:
        client.login()
        session.wait_log(LOGIN_LOG)
        client.watch(session.pid)
    return client, session


def ended(session, *logs):
    """The program has ended well and its log has these lines."""
    session.finish(PATIENCE)
    for regex in logs:
        session.wait_log(regex)


def put(host, name, data, folder="", where="cur"):
    """A message file of any name, delivered to kevin."""
    path = fixtures.make_folder(host.maildir(), folder)
    full = os.path.join(os.fsencode(path), where.encode(), os.fsencode(name))
    with open(full, "wb") as out:
        out.write(data)
    host.give(host.home("kevin"))
    return os.fsdecode(full)


def files(host, folder="", where="cur"):
    return sorted(os.listdir(os.path.join(os.fsencode(host.maildir()), os.fsencode(folder), where.encode())))


def tmp_is_empty(host, folder=""):
    expect(files(host, folder, "tmp") == [], lambda: "left in tmp/: %r" % files(host, folder, "tmp"))

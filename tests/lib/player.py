"""Plays a Script against a program: connections, lines, files."""

import fcntl
import glob
import os
import re
import select
import socket
import ssl
import time
import zlib

import fixtures
import formats
import script
import mailsession_test
from mailsession_test import DEADLINE, Failed, Host, Skip, certificate, client_context, own_network, poll

SHOWN = 12  # lines of the conversation that a failure quotes
CONTEXT_BYTES = 300


def show(data):
    text = data if len(data) <= CONTEXT_BYTES else data[:CONTEXT_BYTES] + b"... (%d bytes)" % len(data)
    return text.decode("utf-8", "backslashreplace").replace("\r", "\\r").replace("\n", "\\n").replace("\0", "\\0")


class Connection:
    """The client's end: a bounded wait for every byte, and input is read while output is stuck."""

    def __init__(self, session, sock):
        self.session = session
        self.socket = sock
        self.buffer = bytearray()
        self.ended = False
        self.closed = False
        self.packer = self.unpacker = None
        self.socket.setblocking(False)

    def handshake(self, context, name):
        self.socket.settimeout(DEADLINE)
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=name)
        except (OSError, ValueError) as error:
            raise Failed("TLS handshake: %s" % error)
        self.socket.setblocking(False)
        if self.session.socket is not None:
            self.session.socket = self.socket

    def compress(self):
        self.packer = zlib.compressobj(wbits=-15)
        self.unpacker = zlib.decompressobj(wbits=-15)
        self.buffer = bytearray(self.unpacker.decompress(bytes(self.buffer)))

    def _descriptors(self):
        if hasattr(self.socket, "readable"):
            return self.socket.readable(), self.socket.writable()
        return self.socket, self.socket

    def _receive(self):
        """Takes what has arrived; True when there was something or the end."""
        try:
            data = self.socket.recv(1 << 16)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except (ConnectionResetError, ssl.SSLError):
            data = b""
        if data:
            try:
                self.buffer += self.unpacker.decompress(data) if self.unpacker else data
            except zlib.error as error:
                raise Failed("what the server sent is not compressed: %s" % error)
        else:
            self.ended = True
        return True

    def fill(self, end, what):
        """Waits for more input; False at its end."""
        reader = self._descriptors()[0]
        while not self.ended:
            if self._receive():
                return not self.ended
            left = end - time.monotonic()
            if left <= 0:
                raise Failed("nothing more came in %g s while waiting for %s" % (DEADLINE, what))
            select.select([reader], [], [], min(left, 1))
        return False

    def send(self, data, packed=True):
        if self.packer and packed:
            data = self.packer.compress(data) + self.packer.flush(zlib.Z_SYNC_FLUSH)
        end = time.monotonic() + DEADLINE
        view = memoryview(data)
        reader, writer = self._descriptors()
        while view:
            try:
                view = view[self.socket.send(view[:1 << 16]):]
                continue
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            except (BrokenPipeError, ConnectionResetError):
                return  # the server has closed: what it said before is for the next steps to judge
            if not self.ended:
                self._receive()
            if time.monotonic() > end:
                raise Failed("the server does not take its input")
            select.select([] if self.ended else [reader], [writer], [], 0.1)

    def line(self):
        end = time.monotonic() + DEADLINE
        while True:
            at = self.buffer.find(b"\n")
            if at >= 0:
                break
            if not self.fill(end, "a line; so far: " + show(bytes(self.buffer))):
                raise Failed("the connection ended; unfinished: \"%s\"" % show(bytes(self.buffer)))
        line = bytes(self.buffer[:at + 1])
        del self.buffer[:at + 1]
        return line

    def take(self, size):
        end = time.monotonic() + DEADLINE
        while len(self.buffer) < size:
            if not self.fill(end, "%d bytes" % size):
                break
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def half_close(self):
        raw = self.socket
        try:
            # under TLS the plain end is enough: what counts is what the server still says
            if isinstance(raw, ssl.SSLSocket):
                socket.socket.shutdown(raw, socket.SHUT_WR)
            else:
                raw.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def rest(self):
        end = time.monotonic() + DEADLINE
        while self.fill(end, "the end of the connection"):
            pass
        return bytes(self.buffer)


class Player:
    def __init__(self, steps, certificates, out=None, format="maildir"):
        self.script = steps
        self.format = formats.of(format, steps.children)
        self.out = out
        self.captured = {}
        self.connections = {}
        self.locks = {}  # {path: the open file whose lock is held}
        self.conversation = []
        self.listener = None
        self.certificates = certificates
        self.step = None

    # --- the conversation

    def note(self, who, step, data):
        line = "%d%s %s" % (step.connection, who, show(data))
        self.conversation.append(line)
        if self.out:
            print(line, file=self.out, flush=True)

    def open(self, number):
        if number in self.connections:
            return self.connections[number]
        text = self.script
        if text.connection == "listen":
            self.listener = self.listener or self.host.listen(text.program, tls=bool(text.tls), server=self.address)
            sock = socket.create_connection((self.address, self.listener.port), timeout=DEADLINE,
                                            source_address=(text.remote, 0) if text.remote else None)
            session = self.listener
        else:
            session = self.host.start(text.program, text.connection, bool(text.tls), text.preauth, server=self.address,
                                      client=text.remote or None)
            session.allowed_exit = None if text.exit == "any" else (int(text.exit),)
            sock = session.socket
        connection = self.connections[number] = Connection(session, sock)
        if text.tls:
            connection.handshake(self.context(), "localhost")
        return connection

    def context(self):
        return client_context(certificate(self.certificates, self.host.kind)[0])

    def match(self, step, line, text):
        wanted = script.pattern(text, self.captured, escapes=step.verb == "S\\")
        found = wanted.fullmatch(line[:-2]) if line.endswith(b"\r\n") else None
        if found:
            self.captured.update((key, value or b"") for key, value in found.groupdict().items())
        return found

    def expect(self, step):
        connection = self.open(step.connection)
        for _ in range(step.times):
            line = connection.line()
            self.note("S:", step, line)
            if not self.match(step, line, step.text):
                raise Failed("expected: %s\ngot:      %s" % (step.text, self.said(line)))

    @staticmethod
    def said(line):
        return show(line[:-2]) if line.endswith(b"\r\n") else show(line) + "   (the line does not end in CRLF)"

    def expect_maybe(self, step):
        """Takes the next line if it matches; the line that must follow tells that it did not come."""
        connection = self.open(step.connection)
        line = connection.line()
        if self.match(step, line, step.text):
            self.note("S:", step, line)
        else:
            connection.buffer[:0] = line

    def expect_later(self, step):
        connection = self.open(step.connection)
        while True:
            try:
                line = connection.line()
            except Failed as reason:
                raise Failed("expected, sooner or later: %s\n%s" % (step.text, reason))
            self.note("S:", step, line)
            if self.match(step, line, step.text):
                return

    def expect_any_order(self, steps):
        connection = self.open(steps[0].connection)
        left = list(steps)
        while left:
            line = connection.line()
            self.note("S:", steps[0], line)
            for step in left:
                if self.match(step, line, step.text):
                    left.remove(step)
                    break
            else:
                raise Failed("expected one of:\n  %s\ngot:\n  %s" % (
                    "\n  ".join(step.text for step in left), self.said(line)))

    def expect_bytes(self, step, want):
        got = self.open(step.connection).take(len(want))
        self.note("S<", step, got)
        if got != want:
            at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
            raise Failed("expected %d bytes, they differ at %d (got %d)\nexpected: ...%s\ngot:      ...%s" % (
                len(want), at, len(got), show(want[max(0, at - 20):at + 60]), show(got[max(0, at - 20):at + 60])))

    def say(self, step, data, packed=True):
        self.note("C:", step, data)
        self.open(step.connection).send(data, packed)

    # --- one step

    def play_step(self, step):
        text = step.text
        if step.verb == "C":
            self.say(step, script.expand(text, self.captured) + b"\r\n")
        elif step.verb == "C+":
            self.say(step, script.expand(text, self.captured))
        elif step.verb == "C\\":
            self.say(step, script.expand(text, self.captured, escapes=True))
        elif step.verb == "C!":
            self.say(step, script.expand(text, self.captured, escapes=True), packed=False)
        elif step.verb == "C<":
            self.say(step, fixtures.wire(text))
        elif step.verb in ("S", "S\\"):
            self.expect(step)
        elif step.verb == "S?":
            self.expect_maybe(step)
        elif step.verb == "S...":
            self.expect_later(step)
        elif step.verb == "S+":
            self.expect_bytes(step, script.unescape(text))
        elif step.verb == "S<":
            self.expect_bytes(step, fixtures.wire(text))
        elif step.verb == "S<.":
            self.expect_bytes(step, dotted(fixtures.wire(text)))
        elif step.verb == "F":
            self.files(text)
        elif step.verb == "L":
            self.wait_log(text)
        elif step.verb == "open":
            self.open(step.connection)
        elif step.verb == "TLS":
            connection = self.open(step.connection)
            if connection.buffer:
                raise Failed("the server said more before the handshake: " + show(bytes(connection.buffer)))
            connection.handshake(self.context(), text or "localhost")
        elif step.verb == "COMPRESS":
            self.open(step.connection).compress()
        elif step.verb == "half-close":
            self.open(step.connection).half_close()
        elif step.verb == "close":
            self.close(step.connection)
        elif step.verb == "eof":
            left = self.open(step.connection).rest()
            if left:
                raise Failed("expected the end of the connection, got: " + show(left))

    def close(self, number):
        connection = self.connections.pop(number)
        connection.socket.close()
        if connection.session is not self.listener:
            connection.session.finish()

    # --- files

    def find(self, pattern):
        return sorted(glob.glob(os.path.join(glob.escape(self.mail.root), pattern), include_hidden=True))

    def tree(self):
        found = []
        for directory, names, files in os.walk(self.mail.root):
            found += [os.path.relpath(os.path.join(directory, name), self.mail.root) for name in files]
        return "the files are:\n  " + "\n  ".join(sorted(found))

    def files(self, text):
        verb, *words = text.split(" ")
        operation = getattr(self, "file_" + verb.replace("-", "_"), None)
        if not operation:
            raise script.Mistake("no file operation is called " + verb)
        try:
            operation(*words)
        except (TypeError, KeyError, OSError) as error:
            raise script.Mistake("F: %s: %s" % (text, error))
        self.host.give(self.mail.home)

    def file_exists(self, pattern):
        poll(lambda: self.find(pattern), lambda: "no %s; %s" % (pattern, self.tree()), 5)

    def file_missing(self, pattern):
        poll(lambda: not self.find(pattern), lambda: "%s is there; %s" % (pattern, self.tree()), 5)

    def file_count(self, pattern, count):
        poll(lambda: len(self.find(pattern)) == int(count),
             lambda: "%d times %s; %s" % (len(self.find(pattern)), pattern, self.tree()), 5)

    def file_has(self, path, *words):
        """A line of the file matches the pattern."""
        wanted = script.pattern(" ".join(words), self.captured)

        def there():
            found = self.find(path)
            return found and any(wanted.fullmatch(line) for line in self.read(found[0]).splitlines())
        poll(there, lambda: "no such line in %s:\n%s" % (
            path, show(self.read(self.find(path)[0])) if self.find(path) else self.tree()), 5)

    @staticmethod
    def read(path):
        with open(path, "rb") as data:
            return data.read()

    def file_same(self, pattern, message):
        """The one file that matches holds the message, its lines ending either way."""
        found = self.find(pattern)
        if len(found) != 1:
            raise Failed("%d files match %s; %s" % (len(found), pattern, self.tree()))
        if re.sub(rb"\r?\n", b"\r\n", self.read(found[0])) != fixtures.wire(message):
            raise Failed("%s is not the message %s" % (found[0], message))

    def file_deliver(self, message, folder=""):
        self.mail.deliver(message, folder, self.host.give)

    def file_messages(self, count, folder=""):
        poll(lambda: self.mail.count(folder) == int(count),
             lambda: "%d messages; %s" % (self.mail.count(folder), self.tree()), 5)

    def file_flag(self, number, flags, folder=""):
        self.mail.flag(int(number), flags, folder)

    def file_remove(self, number, folder=""):
        self.mail.remove(int(number), folder)

    def file_rename(self, path, target):
        os.rename(os.path.join(self.mail.root, path), os.path.join(self.mail.root, target))

    def file_unlink(self, pattern):
        for path in self.find(pattern):
            os.unlink(path)

    def file_lock(self, path):
        file = self.locks[path] = open(os.path.join(self.mail.root, path), "r+b")
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def file_unlock(self, path):
        self.locks.pop(path).close()

    def file_mkdir(self, path):
        os.makedirs(os.path.join(self.mail.root, path), 0o700)

    def file_folder(self, name):
        self.mail.folder(name)

    def file_chmod(self, mode, pattern):
        for path in self.find(pattern):
            os.chmod(path, int(mode, 8))

    def file_write(self, path, *words):
        with open(os.path.join(self.mail.root, path), "wb") as out:
            out.write(script.expand(" ".join(words), self.captured, escapes=True))

    # --- the whole

    def logs(self):
        return b"".join(session.log() for session in self.host.sessions)

    def wait_log(self, text):
        if not (len(text) > 2 and text[0] == text[-1] == "/"):
            raise script.Mistake("L: takes /a regular expression/")
        wanted = re.compile(text[1:-1].encode(), re.M)
        poll(lambda: wanted.search(self.logs()), lambda: "no log line matches %s; the log:\n%s" % (
            text, self.logs().decode(errors="replace") or "(empty)"))

    def play(self):
        text = self.script
        self.address = "127.0.0.1"
        if text.remote:
            self.address = "2001:db8::1" if ":" in text.remote else "192.0.2.1"
            own_network(self.address, text.remote)
        settings = text.settings
        with Host(text.users, "", self.certificates, tls=not text.preauth, extra=text.extra,
                  format=self.format) as self.host:
            self.host.kind = "rsa" if text.tls == "rsa" else "ec"
            settings = re.sub(r"\{\{location (\S+)\}\}", lambda found: self.format(found[1]).location(), settings)
            settings = settings.replace("{{quota}}", self.format.quota)
            self.host.settings = settings.replace("{{dir}}", self.host.directory).replace(
                "{{uid}}", str(self.host.uid)).replace("{{gid}}", str(self.host.gid))
            user = next(iter(text.users))
            self.mail = self.host.mail(user)
            for name in text.users:
                self.host.fill(name, text.mailbox if name == user else "empty")
            try:
                self.play_steps()
            except Failed as reason:
                raise Failed(self.report(reason))
            except script.Mistake as reason:
                raise Failed("%s:%d: %s" % (text.path, self.step.line if self.step else 0, reason))
            finally:
                for path in list(self.locks):
                    self.file_unlock(path)

    def play_steps(self):
        steps = [step for step in self.script.steps if step.format in ("", self.format.name)]
        while steps:
            self.step = steps.pop(0)
            if self.step.verb != "S*":
                self.play_step(self.step)
                continue
            group = [self.step]
            while steps and steps[0].verb == "S*" and steps[0].connection == self.step.connection:
                group.append(steps.pop(0))
            self.expect_any_order(group)
        self.finish()

    def finish(self):
        for number, connection in list(self.connections.items()):
            connection.half_close()
            left = connection.rest()
            if left:
                raise Failed("connection %d: the server said more than the session expects:\n%s" % (number, show(left)))
            self.close(number)
        if self.listener:
            self.listener.stop()
        self.host.no_process_stays()
        for session in self.host.sessions:
            session.check_log()
        for wanted in self.script.logs:
            self.wait_log("/%s/" % wanted)

    def report(self, reason):
        log = mailsession_test.symbols(self.logs().decode(errors="replace").strip())
        return "%s:%d: %s\n--- the last of the conversation\n%s%s" % (
            self.script.path, self.step.line, reason, "\n".join(self.conversation[-SHOWN:]),
            "\n--- the log\n" + log[:4000] if log and log not in str(reason) else "")


def dotted(data):
    """The message as POP3 sends it (RFC 1939, 3): stuffed, ended, and its last line complete."""
    if data and not data.endswith(b"\r\n"):
        data += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", data) + b".\r\n"

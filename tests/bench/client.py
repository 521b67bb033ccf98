"""The least client: it reads fast, keeps nothing and knows when an answer is over."""

import socket
import ssl

TIMEOUT = 600
BUFFER = 1 << 20
TAIL = 4096  # longest last line of an answer


class Refused(Exception):
    """The server does not do it; the text is its answer."""


class Connection:
    def __init__(self, port, tls=False):
        plain = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = plain
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.socket = context.wrap_socket(plain)
        self.room = bytearray(BUFFER)
        self.rest = b""

    def send(self, data):
        self.socket.sendall(data)

    def piece(self):
        """The next bytes, without a copy; they hold until the next call."""
        got = self.socket.recv_into(self.room)
        if got == 0:
            raise Refused("the server closed the connection")
        return memoryview(self.room)[:got]

    def line(self):
        while b"\r\n" not in self.rest:
            self.rest += bytes(self.piece())
        line, _, self.rest = self.rest.partition(b"\r\n")
        return line

    def close(self):
        self.socket.close()


class Imap(Connection):
    def __init__(self, port, tls=False):
        super().__init__(port, tls)
        self.number = 0
        self.greeting = self.line()

    def login(self, user, password):
        self.command("LOGIN %s %s" % (user, password))
        return self

    def command(self, text, keep=False):
        """Sends, reads to the end of the answer. Returns its bytes with keep, else their number."""
        return self.answer(self._say(text), keep)

    def _say(self, text):
        self.number += 1
        tag = b"zq%d" % self.number
        self.send(tag + b" " + text.encode() + b"\r\n")
        return tag

    def answer(self, tag, keep=False):
        size, kept, tail = 0, [], b"\r\n"
        want = b"\r\n" + tag + b" "
        while True:
            piece = self.piece()
            size += len(piece)
            if keep:
                kept.append(bytes(piece))
            tail = (tail + bytes(piece[-TAIL:]))[-TAIL:]
            if tail.endswith(b"\r\n"):
                at = tail.rfind(want)
                if at >= 0 and tail.find(b"\r\n", at + 2) == len(tail) - 2:
                    break
        last = tail[at + len(want):-2]
        if not last.startswith(b"OK"):
            raise Refused(last.decode(errors="replace"))
        return b"".join(kept) if keep else size

    def append(self, mailbox, data, flags="", date=None):
        tag = self._say("APPEND %s (%s)%s {%d}" % (mailbox, flags, ' "%s"' % date if date else "", len(data)))
        line = self.line()
        if not line.startswith(b"+"):
            raise Refused(line.decode(errors="replace"))
        self.send(data + b"\r\n")
        self.answer(tag)

    def idle(self):
        self._say("IDLE")
        line = self.line()
        if not line.startswith(b"+"):
            raise Refused(line.decode(errors="replace"))

    def wait_for(self, word):
        while word not in self.line():
            pass

    def done(self):
        self.send(b"DONE\r\n")
        self.wait_for(b"zq%d OK" % self.number)

    def logout(self):
        try:
            self.command("LOGOUT")
        finally:
            self.close()


class Pop3(Connection):
    def __init__(self, port):
        super().__init__(port)
        self.line()

    def login(self, user, password):
        self.command("USER " + user)
        self.command("PASS " + password)
        return self

    def command(self, text, lines=False):
        self.send(text.encode() + b"\r\n")
        tail, first = b"", b""
        while True:
            piece = self.piece()
            if len(first) < 3:
                first += bytes(piece[:3])
            tail = (tail + bytes(piece[-8:]))[-8:]
            if first[:3] == b"-ER":
                raise Refused(bytes(piece).decode(errors="replace"))
            if tail.endswith(b"\r\n.\r\n" if lines else b"\r\n"):
                return

    def quit(self):
        self.command("QUIT")
        self.close()

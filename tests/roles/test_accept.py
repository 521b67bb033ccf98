#!/usr/bin/env python3
"""The accept loop: limits, quiet exit, settings and certificates read again, crashes."""

import os
import signal
import socket
import ssl
import subprocess
import time

from common import (
    Host, Line, Skip, certificate, children, client_context, connect, environment, expect, poll, run_tests)
from mailsession_test import own_network, program


PAIR = 2  # processes of a connection before login: edge and monitor


def refused(port, words):
    line = connect(port)
    text = line.read()
    line.socket.close()
    expect(text.startswith("* BYE") and words in text, "expected a refusal with %r, got %r" % (words, text))


def greeted(port):
    line = connect(port)
    text = line.read()
    expect(text.startswith("* OK"), "expected a greeting, got %r" % text)
    return line


def limit(setting, words):
    with Host(settings=setting + " = 2") as host:
        loop = host.listen("imap")
        first, second = greeted(loop.port), greeted(loop.port)
        refused(loop.port, words)
        loop.wait_log("Connection refused: " + words)
        first.socket.close()
        poll(lambda: len(children(loop.pid)) == PAIR, "the connection that was closed still counts")
        third = greeted(loop.port)
        for line in (second, third):
            line.socket.close()
        poll(lambda: not children(loop.pid), "sessions stay")
        loop.stop()


def total_limit():
    limit("default_client_limit", "Too many connections, try again later")


def source_limit():
    limit("mail_max_ip_connections", "Too many connections from your address")


def an_ipv6_network_is_one_source():
    own_network("2001:db8::1/64", "2001:db8::2/64", "2001:db8:0:1::2/64")
    with Host(settings="mail_max_ip_connections = 2") as host:
        loop = host.listen("imap", server="2001:db8::1")

        def connect_from(address):
            return Line(socket.create_connection(("2001:db8::1", loop.port), timeout=10, source_address=(address, 0)))

        lines = [connect_from(address) for address in ("2001:db8::1", "2001:db8::2")]
        for line in lines:
            line.until("* OK")
        expect("Too many connections" in connect_from("2001:db8::2").read(), "a third from the same network is served")
        connect_from("2001:db8:0:1::2").until("* OK")
        loop.stop()


def leaves_after_a_quiet_spell():
    with Host(settings="listen_idle_exit = 1 secs") as host:
        loop = host.listen("imap", how="systemd")
        line = greeted(loop.port)
        line.say("a logout")
        line.until("a OK")
        loop.finish()


def stays_while_somebody_is_there():
    with Host(settings="listen_idle_exit = 1 secs") as host:
        loop = host.listen("imap")
        line = greeted(loop.port)
        # the spell is over when the log of a later connection's end is a second old; the first is still served
        greeted(loop.port).socket.close()
        poll(lambda: len(children(loop.pid)) == PAIR, "the second session stays")
        end = time.monotonic() + 1.5
        poll(lambda: time.monotonic() > end, "time stands still")
        expect(not loop.ended(), "the loop left although a client is there")
        line.say("a noop")
        line.until("a OK")
        line.say("b logout")
        line.until("b OK")
        loop.finish()


def settings_are_read_again():
    with Host(settings="login_greeting = one ready.") as host:
        loop = host.listen("imap")

        def greeting():
            line = connect(loop.port)
            text = line.read()
            line.socket.close()
            return text

        expect("one ready." in greeting(), "first greeting")
        host.settings = "login_greeting = two is ready."
        host.write_configuration()
        poll(lambda: "two is ready." in greeting(), "the change is not seen")
        host.settings = "login_greting = three ready."
        host.write_configuration()
        loop_log = poll(lambda: greeting() and b"login_greting" in loop.log() and loop.log(), "no error in the log")
        expect(b"the settings that were read before stay in force" in loop_log, loop_log.decode())
        expect("two is ready." in greeting(), "a bad edit must not take effect")
        for bad in ("passdb {\n  driver = no-such\n}", "default_login_user = root" if os.getuid() == 0 else "x"):
            before = len(loop.log())
            host.settings = "login_greeting = four is ready.\n" + bad
            host.write_configuration()
            poll(lambda: greeting() and len(loop.log()) > before + 300, "no error in the log")
            expect("two is ready." in greeting(), "a bad edit must not take effect: " + bad)
        loop.stop()


def certificates_are_read_again():
    with Host() as host:
        loop = host.listen("imap", tls=True)
        cert, key = certificate(host.certificates)

        def served():
            line = connect(loop.port)
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            with context.wrap_socket(line.socket) as tls:
                return tls.getpeercert(True)

        first = served()
        # half of a renewal: the certificate is another one, its key is not there yet
        with open(cert, "rb") as old, open(key, "rb") as old_key:
            pair = old.read(), old_key.read()
        for path in (cert, key):
            os.unlink(path)
        certificate(host.certificates)
        with open(cert, "rb") as new, open(key, "rb") as new_key:
            renewed = new.read(), new_key.read()
        os.unlink(cert), os.unlink(key)
        for path, data in ((cert, renewed[0]), (key, pair[1])):
            with open(path + ".new", "wb") as out:
                out.write(data)
            os.rename(path + ".new", path)
        poll(lambda: served() == first and b"stay in force" in loop.log(), "the mismatch is not noticed, or takes TLS away")
        with open(key + ".new", "wb") as out:
            out.write(renewed[1])
        os.rename(key + ".new", key)
        second = poll(lambda: served() != first and served(), "the new certificate is not served")
        want = subprocess.run(["openssl", "x509", "-in", cert, "-outform", "der"], check=True,
                              capture_output=True).stdout
        expect(second == want, "another certificate than the one in the file")
        loop.stop()


def crashes_count_against_their_source():
    with Host() as host:
        loop = host.listen("imap")
        for _ in range(5):
            line = greeted(loop.port)
            child = children(loop.pid)[0]
            os.kill(child, signal.SIGSYS)  # the sanitizers catch SIGSEGV
            poll(lambda: not children(loop.pid), "a crashed session stays")
            line.socket.close()
        loop.wait_log(r"was ended by signal \d+ .rip=127.0.0.1, 5 in a row")
        refused(loop.port, "paused after errors")
        loop.stop()


def pipelined_before_tls_is_never_run():
    with Host() as host:
        host.fill("kevin", "plain")
        loop = host.listen("imap")
        line = greeted(loop.port)
        cert = certificate(host.certificates)[0]
        line.socket.sendall(b"a starttls\r\nb noop\r\nc login kevin secret\r\n")
        line.until("a OK")
        tls = client_context(cert).wrap_socket(line.socket, server_hostname="localhost")
        tls.sendall(b"d logout\r\n")
        text = b""
        while True:
            piece = tls.recv(4096)
            if not piece:
                break
            text += piece
        expect(b"d OK" in text and b"b OK" not in text and b"c OK" not in text, "ran what came before TLS: %r" % text)
        loop.stop()


def garbage_instead_of_a_hello():
    with Host() as host:
        loop = host.listen("imap", tls=True)
        line = connect(loop.port)
        line.socket.sendall(b"a login kevin secret\r\n")
        while line.socket.recv(4096):
            pass
        loop.wait_log("TLS handshak")
        loop.stop()


def resumption_works_across_processes():
    with Host() as host:
        cert = certificate(host.certificates)[0]
        saved = host.path("session")
        for version in ("-tls1_2", "-tls1_3"):
            for protocol, greeting in (("imap", b"* OK"), ("pop3", b"+OK")):
                # each connection is a process of its own; the second protocol is even another program
                loop = host.listen(protocol, tls=True)
                have = os.path.exists(saved)
                done = subprocess.run(
                    ["openssl", "s_client", version, "-connect", "127.0.0.1:%d" % loop.port, "-CAfile", cert, "-ign_eof",
                     *(["-sess_in", saved] if have else []), "-sess_out", saved],
                    input=b"a logout\r\nquit\r\n", capture_output=True, timeout=20)
                expect(greeting in done.stdout, "no greeting: %r" % done.stdout[-500:])
                expect((b"\nReused, " in done.stdout) == have, "%s %s: reused is not %s" % (version, protocol, have))
                loop.stop()
            os.unlink(saved)


def name_in_the_log_survives_new_settings():
    """Freed memory is overwritten here: what still points to the old settings shows."""
    with Host(settings="instance_name = post-office") as host:
        env = environment(MALLOC_PERTURB_="165")
        env["ASAN_OPTIONS"] += ":max_free_fill_size=1000000"
        with socket.create_server(("127.0.0.1", 0)) as door, open(host.path("log"), "wb") as log:
            port = door.getsockname()[1]
            process = subprocess.Popen([program("imap"), "-c", host.write_configuration()], stdin=door,
                                       stdout=subprocess.DEVNULL, stderr=log, env=env, cwd="/")

        def reread():
            greeted(port).socket.close()
            with open(host.path("log"), "rb") as lines:
                return [line for line in lines if b"were read again" in line]

        try:
            greeted(port).socket.close()
            host.settings += "\nlogin_greeting = two ready."
            host.write_configuration()
            line = poll(reread, "the change is not seen")[0]
            expect(line.startswith(b"post-office["), repr(line))
        finally:
            process.terminate()
            process.wait(20)


def nobody_but_the_loop_has_the_listening_socket():
    """inetd's wait: it is standard input, output and error."""
    with Host() as host:
        host.fill("kevin", "plain")
        with socket.create_server(("127.0.0.1", 0)) as door:
            port, number = door.getsockname()[1], os.fstat(door.fileno()).st_ino
            process = subprocess.Popen([program("imap"), "-c", host.write_configuration()], stdin=door, stdout=door,
                                       stderr=door, env=environment(), cwd="/")
        try:
            line = greeted(port)
            line.say("a login kevin secret")
            line.until("a OK")
            other = greeted(port)
            for pid in children(process.pid):
                held = [fd for fd in os.listdir("/proc/%d/fd" % pid)
                        if os.readlink("/proc/%d/fd/%s" % (pid, fd)) == "socket:[%d]" % number]
                expect(not held, "process %d holds the listening socket: %r" % (pid, held))
            for one in (line, other):
                one.socket.close()
        finally:
            process.terminate()
            process.wait(20)


def a_relay_counts_until_it_ends():
    with Host(settings="default_client_limit = 1") as host:
        host.fill("kevin", "plain")
        with open(os.path.join(host.maildir(), "cur", "1700009999.large:2,S"), "wb") as out:
            out.write(b"Subject: large\n\n" + b"0123456789abcdef\n" * 1000000)
        host.give(host.maildir())
        loop = host.listen("imap")
        line = greeted(loop.port)
        line.say("a starttls")
        line.until("a OK")
        line.tls(certificate(host.certificates)[0])
        line.say("b login kevin secret")
        line.until("b OK")
        line.say("c select INBOX")
        line.until("c OK")
        line.say("d fetch 1:* body.peek[]")  # and reads no more
        session = max(children(loop.pid))
        # not only for the relay, which waits for nobody yet: until both stand still
        poll(standing_still(children(loop.pid)), "the session does not wait for its client")
        os.kill(session, signal.SIGKILL)
        poll(lambda: len(children(loop.pid)) == 1, "the session stays")
        refused(loop.port, "Too many connections")
        line.socket.close()
        poll(lambda: not children(loop.pid), "the relay stays")
        greeted(loop.port).socket.close()
        loop.stop()


def waits_in_poll(pid):
    with open("/proc/%d/wchan" % pid) as wchan:
        return "poll" in wchan.read()


def standing_still(pids):
    """Whether all of them wait, and none has run since the last time this was asked."""
    seen = []

    def switches(pid):
        with open("/proc/%d/status" % pid) as status:
            return [line for line in status if "ctxt_switches" in line]

    def check():
        now = [switches(pid) for pid in pids]
        still = bool(seen) and seen[-1] == now and all(waits_in_poll(pid) for pid in pids)
        seen.append(now)
        return still

    return check


def a_loop_takes_a_new_ticket_key_every_day():
    with Host() as host:
        maker = host.listen("imap", tls=True)
        connect(maker.port).socket.close()
        key = host.path("run", "ticket.key")
        first = poll(lambda: os.path.exists(key) and open(key, "rb").read(), "no ticket key")
        maker.stop()
        soon = time.time() - 24 * 3600 + 3
        os.utime(key, (soon, soon))
        loop = host.listen("imap", tls=True)

        def now():
            connect(loop.port).socket.close()
            return open(key, "rb").read()

        expect(now() == first, "a key that is young enough is not used")
        poll(lambda: now() != first, "the loop keeps an old key")
        loop.stop()


def who_talks_without_end_is_sent_away():
    """Neither a client that always has another command, nor one that does not read the answers, outstays login_timeout."""
    for protocol, command in (("imap", b"a noop\r\n"), ("pop3", b"noop\r\n"), ("pop3", b"x" * 1000)):
        with Host(settings="login_timeout = 1 secs") as host:
            session = host.start(protocol)
            session.socket.setblocking(False)
            end = time.monotonic() + 10
            while not session.ended():
                expect(time.monotonic() < end, "%s: still served" % protocol)
                try:
                    session.socket.send(command * 5000)
                except BlockingIOError:
                    pass
                except OSError:
                    break
                try:
                    while command != b"a noop\r\n" and session.socket.recv(1 << 20):
                        pass
                except OSError:
                    pass
            session.allowed_exit = None
            session.finish()


def root_talks_to_no_client():
    if os.getuid() != 0:
        raise Skip("needs root")
    with Host(settings="default_login_user = root") as host:
        session = host.start("imap")
        session.allowed_exit = (78,)
        session.finish()
        expect(b"default_login_user" in session.log(), "no word of it")
    with Host() as host:
        os.mkdir(host.path("run", "empty"))
        os.chown(host.path("run", "empty"), 65534, 65534)
        session = host.start("imap")
        session.allowed_exit = (78,)
        session.finish()
        expect(b"base_dir" in session.log(), "no word of it")


run_tests([name_in_the_log_survives_new_settings, nobody_but_the_loop_has_the_listening_socket,
           a_relay_counts_until_it_ends, a_loop_takes_a_new_ticket_key_every_day, who_talks_without_end_is_sent_away,
           root_talks_to_no_client, total_limit, source_limit, leaves_after_a_quiet_spell, stays_while_somebody_is_there, settings_are_read_again,
           certificates_are_read_again, crashes_count_against_their_source, pipelined_before_tls_is_never_run,
           garbage_instead_of_a_hello, resumption_works_across_processes,
           # last: this process is in a network of its own from there on
           an_ipv6_network_is_one_source])

#!/usr/bin/env python3
"""TLS: versions, kinds of certificate, names, what is announced before and after, what is required."""

import os
import socket
import ssl
import subprocess

from common import Host, Line, certificate, connect, expect, run_tests


def handshake(port, name="localhost", **wanted):
    """(certificate in DER, version, cipher) of a connection, whatever the certificate says."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for key, value in wanted.items():
        if key == "ciphers":
            context.set_ciphers(value)
        else:
            setattr(context, key, value)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname=name) as tls:
            expect(tls.recv(100).startswith((b"* OK", b"+OK")), "no greeting under TLS")
            return tls.getpeercert(True), tls.version(), tls.cipher()[0]


def der(path):
    return subprocess.run(["openssl", "x509", "-in", path, "-outform", "der"], check=True, capture_output=True).stdout


def versions():
    with Host() as host:
        loop = host.listen("imap", tls=True)
        one_two = {"minimum_version": ssl.TLSVersion.TLSv1_2, "maximum_version": ssl.TLSVersion.TLSv1_2}
        expect(handshake(loop.port, **one_two)[1] == "TLSv1.2", "TLS 1.2")
        expect(handshake(loop.port)[1] == "TLSv1.3", "TLS 1.3")
        loop.stop()
    with Host(settings="ssl_min_protocol = TLSv1.3") as host:
        loop = host.listen("imap", tls=True)
        try:
            handshake(loop.port, **one_two)
            expect(False, "TLS 1.2 although TLS 1.3 is the minimum")
        except (ssl.SSLError, ConnectionError):
            pass
        loop.wait_log("TLS handshak")
        loop.stop()


def chains_of_both_kinds():
    with Host() as host:
        ec, rsa = certificate(host.directory, "ec"), certificate(host.directory, "rsa")
        host.settings = "ssl_alt_cert = <%s\nssl_alt_key = <%s" % rsa
        loop = host.listen("imap", tls=True)
        only = {"maximum_version": ssl.TLSVersion.TLSv1_2}
        expect(handshake(loop.port, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256", **only)[0] == der(ec[0]), "the EC chain")
        expect(handshake(loop.port, ciphers="ECDHE-RSA-AES128-GCM-SHA256", **only)[0] == der(rsa[0]), "the RSA chain")
        loop.stop()


def names():
    with Host() as host:
        own = certificate(host.directory)
        one = certificate(host.directory, name="mail.example.org")
        wild = certificate(host.directory, name="wild.example.net")
        exact = certificate(host.directory, name="exact.example.net")
        host.settings = (
            "local_name mail.example.org {\n  ssl_cert = <%s\n  ssl_key = <%s\n}\n"
            "local_name \"imap.example.org *.example.net\" {\n  ssl_cert = <%s\n  ssl_key = <%s\n}\n"
            "local_name exact.example.net {\n  ssl_cert = <%s\n  ssl_key = <%s\n}\n" % (*one, *wild, *exact))
        loop = host.listen("imap", tls=True)
        for name, want in (("mail.example.org", one), ("MAIL.example.ORG", one), ("a.example.net", wild),
                           ("imap.example.org", wild), ("exact.example.net", exact),
                           ("a.b.example.net", own), ("other.example.org", own), (None, own)):
            expect(handshake(loop.port, name)[0] == der(want[0]), "the certificate for %s" % name)
        loop.stop()


def by_local_address():
    """One process a connection: the certificate may depend on the address that was called."""
    with Host() as host:
        one = certificate(host.directory, name="mail.example.org")
        host.settings = "local 127.0.0.1 {\n  ssl_cert = <%s\n  ssl_key = <%s\n}\n" % one
        session = host.start("imap", tls=True)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        session.socket = context.wrap_socket(session.socket)
        expect(session.socket.getpeercert(True) == der(one[0]), "the certificate for the address")
        session.finish()


def capabilities(line, tag):
    line.say(tag + " capability")
    return line.until(tag + " OK")[0].split()


def imap_capabilities_change():
    with Host(settings="ssl = required") as host:
        host.fill("kevin", "plain")
        loop = host.listen("imap")
        line = connect(loop.port)
        line.until("* OK")
        before = capabilities(line, "a")
        expect("STARTTLS" in before, "STARTTLS is not announced: %r" % before)
        expect("UIDPLUS" not in before, "announced before login: %r" % before)
        line.say("b starttls")
        line.until("b OK")
        line.tls(certificate(host.certificates)[0])
        under = capabilities(line, "c")
        expect("STARTTLS" not in under and "AUTH=PLAIN" in under and "LOGINDISABLED" not in under, repr(under))
        line.say("d starttls")
        line.until("d BAD")
        line.say("e login kevin secret")
        after = line.until("e OK")[0]
        expect("UIDPLUS" in after and "AUTH=" not in after and "STARTTLS" not in after, after)
        line.say("f logout")
        line.until("f OK")
        loop.wait_log(r"imap-login: Login: user=<kevin>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=\d+, TLS, session=<")
        loop.stop()


def pop3_capabilities_change():
    with Host() as host:
        host.fill("kevin", "plain")
        loop = host.listen("pop3")
        line = connect(loop.port)
        line.until("+OK")
        line.say("capa")
        before = line.until(".")
        expect("STLS" in before, repr(before))
        line.say("stls")
        line.until("+OK")
        line.tls(certificate(host.certificates)[0])
        line.say("capa")
        under = line.until(".")
        expect("STLS" not in under and any(row.startswith("SASL ") and "PLAIN" in row for row in under), repr(under))
        line.say("user kevin")
        line.until("+OK")
        line.say("pass secret")
        line.until("+OK Logged in.")
        line.say("quit")
        line.until("+OK Logging out")
        loop.stop()


def without_a_certificate():
    with Host(tls=False) as host:
        session = host.start("imap")
        line = Line(session.socket)
        greeting = line.until("* OK")[0]
        expect("STARTTLS" not in greeting, "STARTTLS without a certificate")
        line.say("a starttls")
        line.until("a BAD")
        line.say("b logout")
        session.finish()


def a_wrong_key_is_told():
    with Host() as host:
        cert = certificate(host.directory)[0]
        other = certificate(host.directory, name="other.example")[1]
        host.settings = "ssl_cert = <%s\nssl_key = <%s" % (cert, other)
        session = host.start("imap", tls=True)
        session.wait_log("TLS is not available: ssl_cert .* with ssl_key ")
        session.finish()


def a_key_that_cannot_be_read_is_told():
    with Host() as host:
        host.settings = "ssl_key = <%s" % host.path("missing.key")
        session = host.start("imap")
        session.wait_log("missing.key")
        session.allowed_exit = None
        session.finish()
        expect(not os.path.exists(host.path("missing.key")), "made a key")


run_tests([versions, chains_of_both_kinds, names, by_local_address, imap_capabilities_change, pop3_capabilities_change,
           without_a_certificate, a_wrong_key_is_told, a_key_that_cannot_be_read_is_told])

#!/usr/bin/env python3
"""Messages that are not mail: every answer is well formed and true, in bounded time and memory."""

import re

from common import (
    MB, Host, Literal, Quoted, ended, expect, joined, memory_limit, put, run_tests, same, wire)

HEAD = b"From: a@example.org\nTo: kevin@example.com\nSubject: odd\nDate: Tue, 14 Nov 2023 23:12:20 +0100\n"


def nested(levels, kind):
    """MIME in MIME in MIME."""
    out = [HEAD]
    for i in range(levels):
        if kind == "rfc822":
            out.append(b"Content-Type: message/rfc822\n\nSubject: level %d\n" % i)
        else:
            out.append(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i))
    return b"".join(out) + b"\nthe bottom\n"


def parts(count, boundary=b"x"):
    return (HEAD + b"Content-Type: multipart/mixed; boundary=\"" + boundary + b"\"\n\n" +
            (b"--" + boundary + b"\nContent-Type: text/plain\n\ntext\n") * count + b"--" + boundary + b"--\n")


SMALL = {
    "empty": b"",
    "no header end": b"Subject: that is all",
    "header without last line end": HEAD[:-1],
    "header only": HEAD,
    "one LF": b"\n",
    "one CRLF": b"\r\n",
    "one CR": b"\r",
    "CRs": b"\r" * 1000 + b"\n" + b"\r\r\n" * 1000,
    "LFs": b"\n" * 5000,
    "dots": b".\n..\n.\r\n\n.\n.",
    "dots only": b".",
    "dot lines": HEAD + b"\n" + b".\n" * 1000,
    "body of NULs": HEAD + b"\n" + b"\0" * 5000,
    "NULs": b"\0" * 5000,
    "NULs in the header": b"Subject: a\0b\nFrom: \0 <\0@\0>\nTo: \"\0\" <x@y>\n\0\nContent-Type: te\0xt/plain; a=\"\0\"\n\nx\n",
    "all bytes": bytes(range(256)) * 40,
    "all bytes as header": b"".join(b"Subject" + bytes([c]) + b": x" + bytes([c]) + b"\n" for c in range(256) if c != 10) + b"\nx",
    "8 bit in every field": re.sub(rb"o", b"\xf6\xff", HEAD) + b"Content-Type: te\xfft/pl\xe4in; ch\xe4r=\"\xfc\"\n\n\xff\n",
    "quotes that do not end": b"From: \"a\nTo: <b@c\nCc: (((\nSubject: \"x\\\nContent-Type: text/plain; charset=\"u\nMessage-ID: <\n\nx\n",
    "backslashes": b"From: \"" + b"\\" * 999 + b"\" <a\\@b\\>\nSubject: " + b"\\\"" * 400 + b"\nContent-Type: a/b; c=\"\\\\\\\"\"\n\nx\n",
    "colons": b":\n: \n::\n:a: b\n \n\t\nno colon\n\nx\n",
    "folding": b"Subject:\n" + b" x\n" * 3000 + b"To:\n \n \n a@b\n\nx\n",
    "From line": b"From anna@example.org Tue Nov 14 23:12:20 2023\n>From x\n" + HEAD + b"\nx\n",
    "empty groups": b"To: a:;, b:;;;, :;, <>, <@>, @, ,,,, \"\" <>, a b c <d>, <<<<a@b>>>>\nFrom: ;\nCc: :\n\nx\n",
    "long date": b"Date: " + b"9" * 3000 + b"\nFrom: x\n\nx\n",
    "empty boundary": HEAD + b"Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nx\n----\n",
    "no boundary": HEAD + b"Content-Type: multipart/mixed\n\n--x\n\nx\n--x--\n",
    "boundary never seen": HEAD + b"Content-Type: multipart/mixed; boundary=q\n\nx\n",
    "boundary ends first": HEAD + b"Content-Type: multipart/mixed; boundary=q\n\n--q--\n--q\n\nx\n",
    "digest": HEAD + b"Content-Type: multipart/digest; boundary=q\n\n--q\n\nSubject: in\n\nx\n--q\n--q\n\n--q--\n",
    "rfc822 in base64": HEAD + b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoK\n",
    "rfc822 of nothing": HEAD + b"Content-Type: message/rfc822\n\n",
    "boundary at the end": HEAD + b"Content-Type: multipart/mixed; boundary=q\n\n--q\n--q",
    "two content types": HEAD + b"Content-Type: text/html\nContent-Type: multipart/mixed; boundary=q\n\n--q\n\nx\n--q--\n",
    "types of nothing": HEAD + b"Content-Type: /\nContent-Disposition: ;\nContent-Language: ,,,\nContent-Location:\nContent-ID:\n"
                        b"Content-Description:\nContent-MD5:\nContent-Transfer-Encoding:\n\nx\n",
    "parameters": HEAD + b"Content-Type: text/plain; " + b"a=b; " * 500 + b"=; ;;; x*=utf-8''%ff%; y*0=a; y*2=c; y*1*=%; z*99999999999=1\n\nx\n",
    "uuencoded nonsense": HEAD + b"Content-Transfer-Encoding: base64\n\n" + b"!@#$%^&*()====A===\n" * 200,
    "broken quoted-printable": HEAD + b"Content-Transfer-Encoding: quoted-printable\n\n=\n==\n=4\n=G1=" + b"=" * 900,
    "charset that is none": HEAD + b"Content-Type: text/plain; charset=\"../../../../etc/passwd\"\n\n\xff\xfe\n",
    "utf-7 and utf-16": HEAD + b"Content-Type: text/plain; charset=utf-16\n\n\xff\xfe\xd8\xd8\xd8" + b"\xdc" * 99,
    "encoded words": b"Subject: " + b"=?utf-8?b?////?= =?x?q?=?= =?utf-8?q?=0d=0aEvil:_x?= =????= " * 90 + b"\n\nx\n",
}

BIG = {
    "a line of 50 MB": lambda: b"x" * (50 * MB),
    "a body line of 50 MB": lambda: HEAD + b"\n" + b"y" * (50 * MB),
    "a header field of 20 MB": lambda: b"Subject: " + b"z" * (20 * MB) + b"\n\nx\n",
    "a folded field of 20 MB": lambda: b"To: a@b" + b",\n c@d" * (3 * MB) + b"\n\nx\n",
    "20 MB of line ends": lambda: HEAD + b"\n" * (20 * MB),
    "1,000 multiparts": lambda: nested(1000, "multipart"),
    "1,000 messages": lambda: nested(1000, "rfc822"),
    "20,000 messages": lambda: nested(20000, "rfc822"),
    "100,000 header lines": lambda: b"".join(b"X-%d: %d\n" % (i, i) for i in range(100000)) + b"\nx\n",
    "100,000 subjects": lambda: b"Subject: x\n" * 100000 + b"\nx\n",
    "100,000 content types": lambda: b"Content-Type: text/plain; a=b\n" * 100000 + b"\nx\n",
    "100,000 parts": lambda: parts(100000),
    "100,000 delimiters": lambda: HEAD + b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n" * 100000,
    "long boundary nearly met": lambda: HEAD + b"Content-Type: multipart/mixed; boundary=" + b"b" * 200 + b"\n\n" +
                                        (b"--" + b"b" * 199 + b"\n") * 50000,
    "100,000 addresses": lambda: b"To: " + b", ".join(b"u%d <u%d@example.org>" % (i, i) for i in range(100000)) + b"\n\nx\n",
    "a million parentheses": lambda: b"To: " + b"(" * 1000000 + b" a@b\nFrom: <" + b"<" * 100000 + b"\n\nx\n",
    "100,000 parameters": lambda: HEAD + b"Content-Type: text/plain" + b"".join(b"; p%d=v" % i for i in range(100000)) + b"\n\nx\n",
    "100,000 pieces of a parameter": lambda: HEAD + b"Content-Type: text/plain" + b"".join(
        b"; p*%d=v" % i for i in range(100000)) + b"\n\nx\n",
    "100,000 encoded words": lambda: b"Subject:" + b"\n =?utf-8?b?w6k=?=" * 100000 + b"\n\nx\n",
}


# --- the grammar of RFC 3501 section 9, on what common.Strict took apart


def is_nstring(v):
    return v is None or isinstance(v, (Quoted, Literal))


def check_addresses(v):
    if v is None:
        return
    expect(isinstance(v, list) and v, "addresses: %r" % (v,))
    for a in v:
        expect(isinstance(a, list) and len(a) == 4 and all(map(is_nstring, a)), "an address: %r" % (a,))


def check_envelope(v):
    expect(isinstance(v, list) and len(v) == 10, "an envelope of %d" % len(v))
    for i in (0, 1, 8, 9):
        expect(is_nstring(v[i]), "envelope %d: %r" % (i, v[i]))
    for i in range(2, 8):
        check_addresses(v[i])


def check_params(v):
    if v is None:
        return
    expect(isinstance(v, list) and v and len(v) % 2 == 0, "parameters: %r" % (v,))
    expect(all(isinstance(x, (Quoted, Literal)) for x in v), "parameters: %r" % (v,))


def check_extension(v):
    """Behind body-fld-md5 or the parameters: disposition, language, location."""
    expect(len(v) <= 3, "more extension data than is defined")
    if len(v) > 0 and v[0] is not None:
        expect(len(v[0]) == 2 and isinstance(v[0][0], (Quoted, Literal)), "disposition %r" % (v[0],))
        check_params(v[0][1])
    if len(v) > 1:
        expect(is_nstring(v[1]) or (isinstance(v[1], list) and v[1] and all(isinstance(x, (Quoted, Literal)) for x in v[1])),
               "language %r" % (v[1],))
    if len(v) > 2:
        expect(is_nstring(v[2]), "location %r" % (v[2],))


def check_body(v, extended, depth=0):
    expect(isinstance(v, list) and v, "a body: %r" % (v,))
    if isinstance(v[0], list):
        n = 0
        while n < len(v) and isinstance(v[n], list):
            check_body(v[n], extended, depth + 1)
            n += 1
        expect(n < len(v) and isinstance(v[n], (Quoted, Literal)), "a multipart without subtype")
        rest = v[n + 1:]
        expect(extended or not rest, "extension data in BODY")
        if rest:
            check_params(rest[0])
            check_extension(rest[1:])
        return
    expect(len(v) >= 7 and all(isinstance(v[i], (Quoted, Literal)) for i in (0, 1, 5)), "a part: %r" % (v[:7],))
    check_params(v[2])
    expect(is_nstring(v[3]) and is_nstring(v[4]) and isinstance(v[6], int), "a part: %r" % (v[:7],))
    at = 7
    kind, subtype = v[0].lower(), v[1].lower()
    if kind == b"message" and subtype == b"rfc822":
        check_envelope(v[7])
        check_body(v[8], extended, depth + 1)
        at = 9
    if kind == b"text" or at == 9:
        expect(at < len(v) and isinstance(v[at], int), "no line count: %r" % (v[:3],))
        at += 1
    expect(extended or at == len(v), "extension data in BODY: %r" % (v[at:],))
    if at < len(v):
        expect(is_nstring(v[at]), "MD5 %r" % (v[at],))
        check_extension(v[at + 1:])


ITEMS = ("FLAGS UID INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE BODY.PEEK[] BODY.PEEK[TEXT] BODY.PEEK[HEADER] "
         "BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)] BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT FROM)] BODY.PEEK[1] BODY.PEEK[1.MIME] "
         "BODY.PEEK[1.2.3.4.5] BODY.PEEK[4294967295] BODY.PEEK[]<3.5> BODY.PEEK[TEXT]<4294967295.1> BODY.PEEK[]<4294967295.4294967295> "
         "RFC822.HEADER")


def literal(data):
    """As IMAP sends it: a literal cannot hold NULs (RFC 3501 section 9, CHAR8)."""
    return wire(data).replace(b"\0", b"\x80")


def check_message(found, data, name):
    want = literal(data)
    size = found["RFC822.SIZE"]
    expect(size == len(found["BODY[]"]), "%s: RFC822.SIZE %d, BODY[] has %d" % (name, size, len(found["BODY[]"])))
    same(found["BODY[]"], want, name + ": BODY[]")
    same(found["BODY[HEADER]"] + found["BODY[TEXT]"], want, name + ": header and text")
    same(found["RFC822.HEADER"], found["BODY[HEADER]"], name + ": RFC822.HEADER")
    same(found["BODY[]<3>"], want[3:8], name + ": BODY[]<3.5>")
    expect(not found["BODY[]<4294967295>"] and not found["BODY[TEXT]<4294967295>"], "bytes beyond the end")
    check_envelope(found["ENVELOPE"])
    check_body(found["BODY"], False)
    check_body(found["BODYSTRUCTURE"], True)


def named(i, data, sizes):
    return "%d.M%dP1.host%s" % (1000 + i, i, ",S=%d,W=%d" % (len(data), len(wire(data))) if sizes else "")


def imap_small():
    for sizes in (True, False):
        with Host() as host:
            for i, data in enumerate(SMALL.values()):
                put(host, named(i, data, sizes), data)
            client, session = joined(host, "imap")
            expect(client.exists() == len(SMALL), "messages are missing")
            for seq, (name, data) in enumerate(SMALL.items(), 1):
                found = client.fetch("%d (%s)" % (seq, ITEMS))
                check_message(found[seq], data, name)
            for keys in ("TEXT kevin", "BODY \"the bottom\"", "HEADER SUBJECT x", "SUBJECT odd", "TO kevin", "SENTON 14-Nov-2023",
                         "LARGER 100 TEXT a TEXT b TEXT c", "NOT TEXT zzzz", "HEADER X-NONE \"\"", "TEXT \"\"", "BODY \"\""):
                found = client.answer("SEARCH " + keys, "OK")
                expect(len(found) == 1 and re.fullmatch(rb"SEARCH( \d+)*", found[0]), "SEARCH %s: %r" % (keys, found))
            everything = client.fetch("1:* (%s)" % ITEMS)
            for seq, (name, data) in enumerate(SMALL.items(), 1):
                check_message(everything[seq], data, name)
            client.answer("COPY 1:* INBOX", "OK", "COPYUID")
            expect(client.exists() == 2 * len(SMALL), "copies are missing")
            for seq, (name, data) in enumerate(SMALL.items(), 1):
                same(client.fetch("%d BODY[]" % (seq + len(SMALL)))[seq + len(SMALL)]["BODY[]"], literal(data), "copy of " + name)
            client.logout()
            ended(session)


def imap_appended():
    """What a client appends comes back as it was, line ends apart."""
    with Host(settings="imap_capability = -UTF8=ACCEPT\n") as host:
        host.fill("kevin", "empty")
        client, session = joined(host, "imap")
        client.select()
        n = 0
        for name, data in SMALL.items():
            text = b"APPEND INBOX {%d+}\r\n%s" % (len(data), data)
            if not data:
                client.answer(text, "NO")
                continue
            client.answer(text, "OK", "APPENDUID")
            n += 1
            found = client.fetch("%d (%s)" % (n, ITEMS))[n]
            # a CR before a CRLF stays what it is; LF becomes CRLF
            check_message(found, data, name)
        client.logout()
        ended(session)


def imap_big():
    for name, make in BIG.items():
        data = make()
        with Host() as host:
            put(host, named(1, data, False), data)
            client, session = joined(host, "imap")
            client.select()
            check_message(client.fetch("1 (%s)" % ITEMS)[1], data, name)
            for keys in ("TEXT zzzznot", "BODY zzzznot", "SUBJECT zzzznot", "HEADER X-99999 zzzznot", "NOT SENTON 14-Nov-2023"):
                found = client.answer("SEARCH " + keys, "OK")
                expect(len(found) == 1 and re.fullmatch(rb"SEARCH( 1)?", found[0]), "SEARCH %s: %r" % (keys, found))
            limit = memory_limit(session.pid, 32 * MB)
            expect(client.most < limit, "%s: %d MB, the limit is %d MB" % (name, client.most // MB, limit // MB))
            client.logout()
            ended(session)


def pop3_all():
    everything = dict(SMALL)
    everything.update((name, make()) for name, make in BIG.items() if "50 MB" in name or "100,000" in name)
    for sizes in (True, False):
        with Host() as host:
            for i, data in enumerate(everything.values()):
                put(host, named(i, data, sizes), data)
            client, session = joined(host, "pop3")
            listed = dict(map(int, row.split()) for row in client.many("LIST").split(b"\r\n")[:-1])
            total = int(client.answer("STAT", "+OK").split()[2])
            expect(sum(listed.values()) == total, "STAT and LIST differ")
            for n, (name, data) in enumerate(everything.items(), 1):
                want = wire(data)
                expect(listed[n] == len(want), "%s: LIST says %d, it has %d" % (name, listed[n], len(want)))
                expect(client.answer("LIST %d" % n, "+OK").split()[2] == str(len(want)), "LIST n")
                said = int(re.fullmatch(r"\+OK (\d+) octets", client.answer("RETR %d" % n, "+OK"))[1])
                got = client.data()
                expect(said == len(want), "%s: RETR says %d" % (name, said))
                # the line end that the protocol needs before the dot is no part of the message
                same(got, want if not want or want.endswith(b"\n") else want + b"\r\n", name + ": RETR")
                head = client.many("TOP %d 0" % n)
                expect(got.startswith(head) or want + b"\r\n" == head, "%s: TOP 0 is %r" % (name, head[:200]))
                same(client.many("TOP %d 4294967295" % n), got, name + ": TOP of everything")
            limit = memory_limit(session.pid, 64 * MB)
            expect(client.most < limit, "%d MB" % (client.most // MB))
            client.answer("QUIT", "+OK")
            ended(session)


def sizes_that_lie():
    """S= and W= in a name are a promise of whoever delivered; a client must not be led astray by a broken one."""
    data = SMALL["dot lines"]
    for lie in (",S=1,W=1", ",S=99999999,W=99999999", ",S=18446744073709551616,W=18446744073709551615", ",S=-1,W=", ",W=0",
                ",S=%d,W=%d" % (len(data), len(data))):
        with Host() as host:
            put(host, "1000.M1P1.host" + lie, data)
            client, session = joined(host, "imap")
            client.select()
            found = client.fetch("1 (RFC822.SIZE BODY.PEEK[])")[1]
            same(found["BODY[]"], wire(data), "BODY[] with " + lie)
            again = client.fetch("1 (RFC822.SIZE BODY.PEEK[])")[1]
            expect(again["RFC822.SIZE"] == len(wire(data)), "%s: RFC822.SIZE %d and then %d, it has %d" % (
                lie, found["RFC822.SIZE"], again["RFC822.SIZE"], len(wire(data))))
            expect(found["RFC822.SIZE"] == len(wire(data)), "%s: RFC822.SIZE %d next to BODY[] of %d" % (
                lie, found["RFC822.SIZE"], len(wire(data))))
            client.logout()
            ended(session)
            client, session = joined(host, "pop3")
            said = int(client.answer("RETR 1", "+OK").split()[1])
            same(client.data(), wire(data), "RETR with " + lie)
            expect(said == len(wire(data)), "%s: RETR says %d, it has %d" % (lie, said, len(wire(data))))
            client.answer("QUIT", "+OK")
            ended(session)


run_tests([imap_small, imap_appended, imap_big, pop3_all, sizes_that_lie])

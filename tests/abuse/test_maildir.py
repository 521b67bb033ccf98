#!/usr/bin/env python3
"""Maildirs that are not as they should be: names, kinds of files, permissions, and what happens to one in use."""

import os
import re
import shutil
import signal

from common import (
    MB, POP3_SESSION, SESSION, Failed, Gone, Host, ended, expect, files, fixtures, joined, put, run_tests, same, wire)

PLAIN = fixtures.MESSAGES["plain"]
SECRET = b"Subject: of somebody else\n\ntop secret\n"


def uidlist_is_sound(host, folder=""):
    with open(os.path.join(host.maildir(), folder, "dovecot-uidlist"), "rb") as lines:
        rows = lines.read().split(b"\n")
    expect(re.fullmatch(rb"3 (?=.*V\d+)(?=.*N\d+)[^\n]*", rows[0]), "uidlist header %r" % rows[0])
    expect(rows[-1] == b"", "uidlist has no last line end")
    last = 0
    for row in rows[1:-1]:
        m = re.fullmatch(rb"(\d+)( [A-Z][^ \n]*)* :[^\n]+", row)
        expect(m and int(m[1]) > last, "uidlist row %r" % row)
        last = int(m[1])


def odd_names():
    """What can be a message is one and is served whole; the rest is left alone, and nothing is lost."""
    longest = "1000.M9P1.host" + "x" * 300
    served = {  # name: where
        "no numbers at all": "cur", "1000.M1P1.host:2,": "cur", "1000.M2P1.host:2,SSSS": "cur",
        "1000.M3P1.host:2,\x01\x7f!": "cur", "1000.M4P1.host:1,S": "cur", "1000.M5P1.host:3,": "cur", "1000.M6P1.host:": "cur",
        b"1000.M7P1.h\xf6st\xff\xfe:2,S": "cur", " spaces  in it : 2, ": "cur", longest[:252] + ":2,": "cur",
        longest[:255]: "new", longest[:100] + "y" * 155: "new", "a,S=,W=,S=x": "cur", "%s%n%d": "cur", "\"quoted\\": "new",
        "1000.M8P1.h\x01\x02\x1bst": "new", "tab\there": "new", "~": "new", "-rf": "new", "(NIL)": "new", "*": "new",
    }
    left = {"with\na line feed:2,S": "cur", "with\ra carriage return": "new", ".hidden": "cur", ":2,S": "cur", ".nfs0001": "new",
            "\n": "new", "1000 :x\n7 :forged": "new"}
    with Host() as host:
        for i, (name, where) in enumerate(list(served.items()) + list(left.items())):
            put(host, name, b"Subject: n%d\n\nbody %d\n" % (i, i), where=where)
        for where in ("cur", "new"):
            directory = os.path.join(host.maildir(), where)
            secret = host.path("secret")
            with open(secret, "wb") as out:
                out.write(SECRET)
            os.chmod(secret, 0o644)
            os.mkdir(os.path.join(directory, "1000.dir:2,S"))
            os.mkfifo(os.path.join(directory, "1000.fifo:2,S"))
            os.symlink(secret, os.path.join(directory, "1000.link:2,S"))
            os.symlink("nowhere", os.path.join(directory, "1000.dangling"))
            os.symlink("1000.loop", os.path.join(directory, "1000.loop"))
            os.symlink(".", os.path.join(directory, "1000.dot"))
        host.give(host.home("kevin"))
        before = len(files(host)) + len(files(host, where="new"))
        uids = {}
        for round in range(2):
            client, session = joined(host, "imap")
            count = client.exists()
            expect(count == len(served), lambda: "%d messages, expected %d: %r %r" % (
                count, len(served), files(host), files(host, where="new")))
            found = client.fetch("1:* (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[])")
            texts = {item["BODY[]"]: item["UID"] for item in found.values()}
            want = {b"Subject: n%d\r\n\r\nbody %d\r\n" % (i, i) for i in range(len(served))}
            expect(set(texts) == want, "not the messages: %r" % (set(texts) ^ want))
            expect(not uids or uids == texts, "UIDs changed")
            uids = texts
            uidlist_is_sound(host)
            if round == 0:
                client.answer("SEARCH TEXT secret", "OK")
                # a name that is as long as can be cannot take flags: said, not lost
                for seq in range(1, count + 1):
                    client.command("STORE %d +FLAGS (\\Flagged \\Seen work)" % seq)
            client.alive()
            client.logout()
            ended(session)
            expect(len(files(host)) + len(files(host, where="new")) == before, "a file went")
        client, session = joined(host, "pop3")
        expect(client.answer("STAT", "+OK").split()[1] == str(len(served)), "POP3 counts otherwise")
        rows = client.many("UIDL").split(b"\r\n")[:-1]
        expect(len({row.split()[1] for row in rows}) == len(served), "UIDLs are not unique")
        for n in range(1, len(served) + 1):
            client.answer("RETR %d" % n, "+OK")
            expect(client.data() in want, "not the message")
        client.answer("QUIT", "+OK")
        ended(session)
        client, session = joined(host, "imap")
        client.select()
        client.logout()
        ended(session)


def two_files_of_one_name():
    with Host() as host:
        put(host, "1000.M1P1.host:2,S", PLAIN)
        put(host, "1000.M1P1.host:2,F", PLAIN + b"other\n")
        put(host, "1000.M1P1.host", PLAIN + b"third\n", where="new")
        client, session = joined(host, "imap")
        client.select()
        client.fetch("1:* (UID FLAGS BODY.PEEK[])")
        client.alive()
        client.logout()
        ended(session)
        texts = set()
        for where in ("cur", "new"):
            for name in files(host, where=where):
                with open(os.path.join(os.fsencode(host.maildir()), where.encode(), name), "rb") as f:
                    texts.add(f.read())
        expect(len(texts) == 3, "one of three messages is gone")
        uidlist_is_sound(host)


def broken_control_files():
    """uidlist, keywords and subscriptions full of rubbish: mail is served, and the client hears no lie."""
    rubbish = [b"", b"\n", b"\0" * 5000, b"x" * 100000, b"3 V1 N99999999999999999999\n" + b"1 :a\n", b"3 V0 N0\n",
               b"3 V1 N2\n7 :1000.M1P1.host\n5 :x\n5 :x\n0 :y\n-1 :z\n99999999999 :q\n", b"4 V1 N2\n", b"3\n", b"3 V1",
               b"3 V4294967295 N4294967295\n4294967294 :1000.M1P1.host\n", b"3 V1 N2\n1 :" + b"n" * 70000 + b"\n"]
    for text in rubbish:
        for name in ("dovecot-uidlist", "dovecot-keywords", "subscriptions"):
            with Host() as host:
                put(host, "1000.M1P1.host:2,S", PLAIN)
                with open(os.path.join(host.maildir(), name), "wb") as out:
                    out.write(text)
                host.give(host.home("kevin"))
                for protocol in ("imap", "pop3"):
                    client, session = joined(host, protocol, login=False)
                    if protocol == "imap":
                        client.login()
                        answer = client.command("SELECT INBOX")[1]
                        if answer.startswith(b"OK"):
                            found = client.fetch("1:* (UID FLAGS BODY.PEEK[])")
                            expect(len(found) == 1 and found[1]["BODY[]"] == wire(PLAIN) and 0 < found[1]["UID"] < 1 << 32,
                                   "%s of %r: %r" % (name, text[:40], found))
                            client.command("STORE 1 +FLAGS (\\Flagged work)")
                        else:
                            session.wait_log(SESSION + ".*" + name)
                        client.command('LSUB "" *')
                        client.command("SUBSCRIBE INBOX")
                        client.alive()
                        client.logout()
                    else:
                        client.say("USER kevin")
                        client.ok()
                        client.say("PASS secret")
                        if client.reply().startswith(b"+OK"):
                            client.many("UIDL")
                            client.answer("QUIT", "+OK")
                    ended(session)
                expect(len(files(host)) + len(files(host, where="new")) == 1, "the message is gone")


def unreadable_message():
    for sizes in (False, True):
        with Host() as host:
            host.fill("kevin", "plain dots plain" if sizes else "plain dots plain")
            victim = [f for f in files(host) if b"M2P1" in f][0]
            path = os.path.join(os.fsencode(host.maildir()), b"cur", victim)
            if not sizes:
                bare = os.path.join(os.path.dirname(path), b"1700000120.M2P1.host:2,")
                os.rename(path, bare)
                path = bare
            os.chmod(path, 0)
            client, session = joined(host, "imap")
            expect(client.exists() == 3, "it is missing")
            untagged = client.answer("FETCH 1:* (FLAGS BODY[])", "NO", "[Pp]ermission denied")
            seqs = {u["seq"] for u in untagged if isinstance(u, dict) and "BODY[]" in u["fetch"]}
            expect(seqs == {1, 3}, "the others must be served: %r" % seqs)
            log = r"open\(.*/cur/.*M2P1.*\) failed: Permission denied \(euid=\d+\(kevin\) egid=\d+ missing \+r perm"
            session.wait_log(SESSION + "FETCH.*" + log)
            client.answer("SEARCH TEXT Lunch", "NO", "could not be read")
            session.wait_log(SESSION + "SEARCH.*" + log)
            client.answer("FETCH 1:* (FLAGS UID)", "OK")
            client.command("COPY 1:2 INBOX")
            client.alive()
            client.logout()
            ended(session, SESSION + "Disconnected: Logged out")
            client, session = joined(host, "pop3")
            client.say("RETR 2")
            expect(re.match(rb"-ERR \[SYS/PERM\].*permission denied", client.reply()), "RETR of what cannot be read")
            session.wait_log(POP3_SESSION + ".*" + log)
            client.many("RETR 1")
            client.answer("QUIT", "+OK")
            ended(session)
            expect(os.path.exists(path) or any(b"M2P1" in f for f in files(host)), "it went")


def unreadable_folders():
    for what in ("", "cur", "new", "tmp"):
        with Host() as host:
            host.fill("kevin", "folders")
            path = os.path.join(host.maildir(), ".Sent", what)
            client, session = joined(host, "imap")
            os.chmod(path, 0)
            refused = what in ("", "cur", "new")
            untagged, text = client.command("SELECT Sent")
            if refused:
                expect(re.match(rb"NO .*[Pp]ermission denied", text), "SELECT: %r" % text)
                session.wait_log(SESSION + r".*failed: Permission denied \(euid=\d+\(kevin\) egid=\d+ missing \+[rwx] perm: .*Sent")
                expect(client.command("STATUS Sent (MESSAGES)")[1].startswith(b"NO "), "STATUS")
            if what in ("", "tmp"):
                expect(re.match(rb"NO .*[Pp]ermission denied", client.command(b"APPEND Sent {5+}\r\na\r\nb\r")[1]), "APPEND")
            client.answer('LIST "" *', "OK")
            client.select()
            os.chmod(path, 0o700)
            client.select("Sent")
            client.logout()
            ended(session)
    for where in ("Maildir", ""):
        with Host() as host:
            host.fill("kevin", "one")
            path = os.path.join(host.home("kevin"), where)
            os.chmod(path, 0)
            for protocol in ("imap", "pop3"):
                client, session = joined(host, protocol, login=False)
                if protocol == "imap":
                    client.send(b"a LOGIN kevin secret\r\nb SELECT INBOX\r\nc LOGOUT\r\n")
                else:
                    client.send(b"USER kevin\r\nPASS secret\r\nQUIT\r\n")
                rest = client.rest()
                expect(re.search(rb"(NO|-ERR) .*permission denied", rest, re.I), "%s: %r" % (where, rest))
                ended(session, r"(imap|pop3)\(kevin\)<\d+><[^>]+>: .*[Pp]ermission denied.*missing \+")
            os.chmod(path, 0o700)
            expect(len(files(host)) == 1, "the message is gone")


COMMANDS = ("NOOP", "CHECK", "FETCH 1 (FLAGS UID)", "FETCH 1 (RFC822.SIZE BODY[])", "FETCH 1:* ENVELOPE",
            "STORE 1 +FLAGS (\\Deleted)", "STORE 1 +FLAGS (newkeyword)", "COPY 1 INBOX", "COPY 1 box", "MOVE 1 INBOX",
            "SEARCH TEXT x", "SEARCH SINCE 1-Jan-2020", "EXPUNGE", "APPEND box {5+}\r\na\r\nbc", "APPEND INBOX {5+}\r\na\r\nbc",
            "CLOSE", "UNSELECT", "IDLE\r\nDONE", "STATUS box (MESSAGES)", "SELECT box", "SELECT INBOX", "CREATE box",
            "DELETE box", "RENAME box box2", "LIST \"\" *")


def folder_goes(change, word):
    for command in COMMANDS:
        with Host() as host:
            host.fill("kevin", "plain dots:S@.box plain@.box nested@.box")
            box = os.path.join(host.maildir(), ".box")
            client, session = joined(host, "imap")
            expect(client.exists("box") == 3, "three")
            change(host, box)
            said_bye = False
            try:
                untagged, text = client.command(command)
                said_bye = any(isinstance(u, bytes) and u.startswith(b"BYE") for u in untagged)
                if not said_bye:
                    for again in ("NOOP", "NOOP", "FETCH 1 BODY.PEEK[]"):
                        client.command(again)
                    client.logout()
            except Gone:
                said_bye = True
            except Failed as why:
                if "BYE" not in str(why):
                    raise Failed("%s while the folder %s: %s" % (command.split("\r")[0], word, why))
                said_bye = True
            ended(session, SESSION + "Disconnected: ")
            if said_bye:
                session.wait_log(SESSION + "(.*failed: |.*deleted or replaced)")
            expect(len(files(host)) >= 1, "the INBOX lost mail by %r" % command)


def selected_folder_vanishes():
    folder_goes(lambda host, box: shutil.rmtree(box), "vanishes")


def selected_folder_is_replaced():
    def replace(host, box):
        os.rename(box, box + ".away")
        for i in range(5):
            put(host, "2000.M%dP9.host:2,S" % i, b"Subject: another\n\nx\n", folder=".box")

    folder_goes(replace, "is replaced")


def selected_folder_loses_a_part():
    for part in ("cur", "new", "tmp", "dovecot-uidlist"):
        def remove(host, box):
            path = os.path.join(box, part)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        folder_goes(remove, "loses " + part)


def selected_folder_becomes_unreadable():
    folder_goes(lambda host, box: os.chmod(box, 0), "becomes unreadable")
    folder_goes(lambda host, box: os.chmod(box + "/cur", 0), "becomes unreadable")


def folder_is_a_file_or_a_link():
    with Host() as host:
        host.fill("kevin", "one")
        for name in (".file", ".cur"):
            with open(os.path.join(host.maildir(), name), "wb") as out:
                out.write(b"x")
        os.mkfifo(os.path.join(host.maildir(), ".fifo"))
        os.symlink("/etc", os.path.join(host.maildir(), ".etc"))
        os.symlink(".", os.path.join(host.maildir(), ".self"))
        os.symlink("nowhere", os.path.join(host.maildir(), ".dangling"))
        for name in (b".bad\xff\xfename", b".line\nfeed", b".&bad-", b".." + b"x" * 200, b".a..b", b".", b"..."):
            try:
                os.mkdir(os.path.join(os.fsencode(host.maildir()), name))
            except FileExistsError:
                pass
        host.give(host.home("kevin"))
        client, session = joined(host, "imap")
        for pattern in ("*", "%", "etc*"):
            client.answer('LIST "" "%s"' % pattern, "OK")
        for name in ("file", "fifo", "etc", "self", "dangling", "cur", "self.self.self.file", "../../etc", "..", ".", "/etc/passwd",
                     "INBOX/../x", "a/b", "~root", "#news", "box&AAo-x", "box&ZeVnLIqe", "&Jjo!", "\xe9"):
            for command in ("SELECT", "STATUS", "DELETE", "SUBSCRIBE", "EXAMINE", "CREATE"):
                text = '%s "%s"%s' % (command, name, " (MESSAGES)" if command == "STATUS" else "")
                word = client.command(text.encode("latin-1"))[1]
                if command == "SELECT" and name in ("etc", "file", "fifo", "dangling", "../../etc", "/etc/passwd", ".."):
                    expect(not word.startswith(b"OK"), "%s gives %r" % (text, word))
        client.alive()
        client.logout()
        ended(session)
        expect(os.path.isdir("/etc") and os.path.exists("/etc/passwd"), "oh")


def truncated_while_read():
    """A file that another program cuts short while it is being sent ends the session, with the cause in the log."""
    for protocol in ("imap", "pop3"):
        for tls in (False, True):
            for data in (b"Subject: x\n\n" + b"line of text\n" * 2000000, b"Subject: x\r\n\r\n" + b"line of text\r\n" * 2000000,
                         b"Subject: x\n\n" + b"x" * 26 * MB):
                with Host() as host:
                    path = put(host, "1000.M1P1.host,S=%d,W=%d:2,S" % (len(data), len(wire(data))), data)
                    client, session = joined(host, protocol, tls)
                    if protocol == "imap":
                        client.select()
                    client.say("a FETCH 1 BODY.PEEK[]" if protocol == "imap" else "RETR 1")
                    client.take(100000)
                    os.truncate(path, 0)
                    rest = client.rest()
                    expect(b"a OK" not in rest and not rest.endswith(b"\r\n.\r\n"), "the rest of the message was made up")
                    session.allowed_exit = (0, 74)
                    ended(session, (SESSION if protocol == "imap" else POP3_SESSION) +
                          "a message file was cut short by another program while it was being read")
                    expect(session.process.returncode != -signal.SIGBUS, "a crash")


run_tests([odd_names, two_files_of_one_name, broken_control_files, unreadable_message, unreadable_folders,
           selected_folder_vanishes, selected_folder_is_replaced, selected_folder_loses_a_part,
           selected_folder_becomes_unreadable, folder_is_a_file_or_a_link, truncated_while_read])

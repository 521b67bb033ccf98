#!/usr/bin/env python3
"""mailsession auth: which database answered and how, and who the user is."""

import os
import sys

from common import (
    TREE, Failed, Host, Skip, Virtual, accounts, ask, environment, mailsession, number, owner, run_tests, tool)

import pty_run  # noqa: E402


def virtual_user():
    """A passwd-file with SHA512-CRYPT: the whole answer, and nothing of the hash."""
    with Virtual(settings="mail_plugins = quota\nplugin {\n  quota = maildir:User quota\n"
                          "  quota_rule = *:storage=1G:messages=100000\n}\n") as host:
        answer = ask(host, "auth", "Kevin@Example.COM", stdin=b"secret\n").want(0)
        user, group = owner(host.path("vhosts")).split(":")
        home = host.path("vhosts", "example.com", "kevin")
        want = (
            "passdb passwd-file, {file} line 1, SHA512-CRYPT: the password is right\n"
            "userdb static: found\n"
            "  fields:  uid={uid} gid={gid} home={home}\n"
            "Authentication succeeded.\n"
            "user:      kevin@example.com\n"
            "uid:       {user}\n"
            "gid:       {group}\n"
            "home:      {home}\n"
            "mail:      maildir:{vhosts}/%d/%n (mail_location)\n"
            "quota:     User quota: 1073741824 bytes, 100000 messages\n").format(
                file=host.path("virtual"), uid=host.uid, gid=host.gid, user=number(host.uid, user),
                group=number(host.gid, group), home=home, vhosts=host.path("vhosts"))
        if answer.out != want or answer.err:
            raise Failed("not\n%s: %s" % (want, answer))
        answer.without(host.hashes["kevin@example.com"][3:], "secret")
        if os.listdir(host.path("vhosts")):
            raise Failed("it made something: %s" % os.listdir(host.path("vhosts")))


def failures():
    with Virtual() as host:
        where = "passdb passwd-file, %s line 1, SHA512-CRYPT: " % host.path("virtual")
        ask(host, "auth", "kevin@example.com", stdin=b"wrong\n").want(
            1, where + "Password mismatch", "Authentication failed: Password mismatch").without("wrong")
        ask(host, "auth", "anna@example.com", stdin=b"secret\n").want(
            1, "passdb passwd-file: unknown user", "Authentication failed: unknown user")
        ask(host, "auth", "../kevin", stdin=b"secret\n").want(
            1, "Authentication failed: Username character disallowed by auth_username_chars: 0x2f")
        ask(host, "auth", "kevin@example.com", stdin=b"\n").want(1, "Authentication failed: Password is empty")
        answer = ask(host, "auth", "kevin@example.com", stdin=b"").want(1)
        if answer.out or "no password: the input ended" not in answer.err:
            raise Failed(str(answer))
        os.unlink(host.path("virtual"))
        answer = ask(host, "auth", "kevin@example.com", stdin=b"secret\n").want(1)
        if "Authentication impossible: open(" not in answer.out or "No such file" not in answer.out:
            raise Failed(str(answer))


def several_databases():
    """In their order, each with its word; and the names they have."""
    with Virtual(users={"anna": "first"}) as host:
        with open(host.path("more"), "w") as out:
            out.write("kevin:{PLAIN}secret\nanna:{PLAIN}second\n")
        with open(host.path("denied"), "w") as out:
            out.write("eve:\n")
        host.settings = ("passdb extra {\n  driver = passwd-file\n  args = %s\n}\n"
                         "passdb {\n  driver = passwd-file\n  deny = yes\n  args = %s\n}\n" % (
                             host.path("more"), host.path("denied")))
        answer = ask(host, "auth", "anna", stdin=b"second\n").want(0)
        if [line for line in answer.out.splitlines() if line.startswith("passdb ")] != [
                "passdb passwd-file, %s line 1, SHA512-CRYPT: Password mismatch" % host.path("virtual"),
                "passdb passwd-file (extra), %s line 2, PLAIN: the password is right" % host.path("more")]:
            raise Failed(str(answer))
        denied = ask(host, "auth", "eve", stdin=b"x\n").want(1, "Authentication failed: User found from deny passdb")
        if len([line for line in denied.out.splitlines() if line.startswith("passdb ")]) != 1:
            raise Failed(str(denied))


def fields():
    """Those that keep somebody out, and those of the userdb."""
    with Virtual(users={"gone": "secret", "net": "secret"},
                 fields={"gone": "nologin=y reason=moved host=mail2.example.org",
                         "net": "allow_nets=192.0.2.0/24 userdb_quota_rule=*:storage=1M"}) as host:
        ask(host, "auth", "gone", stdin=b"secret\n").want(
            1, "  fields:  nologin=y reason=moved host=mail2.example.org",
            "passdb passwd-file, %s line 1, SHA512-CRYPT: nologin is set" % host.path("virtual"))
        refused = ask(host, "auth", "gone", stdin=b"secret\n")
        if "Authentication refused: " not in refused.out or "moved" not in refused.out.split("the client is told: ")[1]:
            raise Failed(str(refused))
        ask(host, "auth", "gone", stdin=b"wrong\n").want(1, "Authentication failed: Password mismatch")
        ask(host, "auth", "net", stdin=b"secret\n").want(
            1, "Authentication failed: allow_nets check failed: the client is not in 192.0.2.0/24")
        ask(host, "auth", "-r", "192.0.2.9", "net", stdin=b"secret\n").want(
            0, "Authentication succeeded.", "  fields:  allow_nets=192.0.2.0/24 userdb_quota_rule=*:storage=1M")
        ask(host, "auth", "-r", "198.51.100.9", "net", stdin=b"secret\n").want(1)


def of_a_protocol():
    with Virtual(settings="protocol pop3 {\n  mail_location = maildir:~/pop3\n}\n") as host:
        ask(host, "auth", "kevin@example.com", "-s", "pop3", stdin=b"secret\n").want(
            0, "mail:      maildir:~/pop3 (mail_location)")
        ask(host, "auth", "kevin@example.com", stdin=b"secret\n").want(
            0, "mail:      maildir:%s/%%d/%%n (mail_location)" % host.path("vhosts"))


def without_password():
    with Virtual() as host:
        answer = ask(host, "auth", "-n", "kevin@example.com", stdin=b"").want(
            0, "userdb static: found", "user:      kevin@example.com")
        answer.without("passdb", "Authentication")
    with Host(tls=False) as host:
        ask(host, "auth", "-n", "nobody-here").want(
            1, "userdb passwd-file: unknown user", "Lookup failed: unknown user: no userdb knows the user")
        ask(host, "auth", "-n", "kevin").want(0, "home:      " + host.home("kevin"),
                                              "mail:      maildir:~/Maildir (mail_location)", "quota:     none")


def on_a_terminal():
    """It asks, and shows nothing of what is typed."""
    with Virtual() as host:
        shown = pty_run.run([tool(), "auth", "-c", host.write_configuration(), "kevin@example.com"], environment(),
                            dialogue=[(rb"Password: ", b"secret\r")])
        if b"Authentication succeeded." not in shown or b"secret" in shown:
            raise Failed("the terminal shows %r" % shown)


def interrupted():
    """Ctrl-C at the question ends it, and the terminal has its echo again."""
    with Virtual() as host:
        line = '"$0" auth -c "$1" kevin@example.com; stty -a | tr ";" "\\n" | grep -o " -*echo " ; echo end'
        shown = pty_run.run(["sh", "-c", "trap : INT; " + line, tool(), host.write_configuration()], environment(),
                            dialogue=[(rb"Password: ", b"\x03")])
        if b"Interrupted system call" not in shown or b" echo " not in shown or b"-echo " in shown:
            raise Failed("the terminal shows %r" % shown)


def system_user():
    """shadow and passwd, the defaults; and who is not permitted."""
    with Host(tls=False) as host, accounts(host, host.home("kevin")):
        os.mkdir(host.path("home", "kevin", "Maildir"))
        host.give(host.home("kevin"))
        path = host.path("conf")
        with open(path, "w") as out:
            out.write("mail_debug = no\n")
        answer = mailsession("auth", "-c", path, "kevin", stdin=b"secret\n").want(
            0, "passdb shadow, shadow, CRYPT, sha512crypt: the password is right", "userdb passwd: found",
            "uid:       %d (kevin)" % host.uid, "home:      " + host.home("kevin"))
        answer.without("$6$")
        mailsession("auth", "-c", path, "kevin", stdin=b"wrong\n").want(1, "Authentication failed: Password mismatch")
        mailsession("auth", "-c", path, "locked", stdin=b"secret\n").want(
            1, "Authentication failed: no usable password (shadow: empty or locked)")
        mailsession("auth", "-c", path, "-n", "root").want(
            1, "Lookup refused: Mail access for users with UID 0 not permitted (see first_valid_uid in config file, uid "
               "from userdb lookup).; the client is told: Mail access is not permitted for this account.")


def not_root():
    """It says what needs root."""
    if os.getuid() != 0:
        more = {}
    else:
        more = {"user": 65534, "group": 65534, "extra_groups": []}
    with Host(tls=False) as host:
        path = host.path("conf")
        with open(path, "w") as out:
            out.write("mail_debug = no\n")
        try:
            answer = mailsession("auth", "-c", path, "nobody", stdin=b"x\n", **more)
        except PermissionError:
            raise Skip("nobody cannot reach " + tool())
        answer.want(1)
        if "reading the system's passwords takes root" not in answer.out:
            raise Failed(str(answer))


def mistakes():
    for arguments in ((), ("nonsense",), ("auth",), ("check",), ("auth", "a", "b"), ("config", "word"), ("check", "-x", "a"),
                      ("auth", "-s", "smtp", "a"), ("auth", "-r", "here", "a"), ("config", "-n"), ("auth", "-c")):
        answer = mailsession(*arguments)
        if answer.code != 2 or not answer.err or answer.out:
            raise Failed("%s: %s" % (arguments, answer))
    help_text = mailsession("--help").want(0).out
    for verb in ("config", "check", "auth"):
        if "mailsession %s " % verb not in help_text:
            raise Failed(help_text)
    if not mailsession("--version").want(0).out.startswith("mailsession "):
        raise Failed("--version")
    with Host(tls=False, settings="passdb {\n  driver = pam\n}\n") as host:
        answer = ask(host, "auth", "kevin", stdin=b"x\n").want(1)
        if 'driver "pam" is not served yet' not in answer.err:
            raise Failed(str(answer))


if __name__ == "__main__":
    run_tests([virtual_user, failures, several_databases, fields, of_a_protocol, without_password, on_a_terminal, interrupted,
               system_user, not_root, mistakes])

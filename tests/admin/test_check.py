#!/usr/bin/env python3
"""mailsession check: where the mail is, who may read it, whether it arrives there; and it changes nothing."""

import contextlib
import os
import re
import subprocess

from common import (
    TREE, Failed, Host, Skip, Virtual, accounts, ask, deliver, mailsession, number, one_problem, owner, run_tests, spool,
    state, tool)

OLD, NEW, NEWEST = 1700000000, 1710000000, 1720000000
OLD_TEXT, NEW_TEXT = "2023-11-14 22:13:20", "2024-03-09 16:00:00"
FINE = "No problem was found."


def need_root():
    if os.getuid() != 0:
        raise Skip("needs root: files belong to others")


@contextlib.contextmanager
def system(host, settings=""):
    """kevin is an account of the system, and the spool is this test's own. Yields the settings file."""
    with accounts(host, host.home("kevin")):
        os.makedirs("/var/mail", exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/var/mail"], check=True)
        try:
            with open(host.path("conf"), "w") as out:
                out.write("passdb {\n  driver = shadow\n}\nuserdb {\n  driver = passwd\n}\n" + settings)
            yield host.path("conf")
        finally:
            subprocess.run(["umount", "/var/mail"], check=True)


def the_whole_answer():
    """Line by line, and nothing was touched."""
    with Virtual() as host:
        maildir = host.path("vhosts", "example.com", "kevin")
        deliver(maildir, OLD)
        os.rename(os.path.join(maildir, "new", "%d.M1P1.host" % OLD), os.path.join(maildir, "cur", "%d.M1P1.host:2,S" % OLD))
        deliver(maildir, NEW)
        host.give(host.path("vhosts"))
        before = state(host.path("vhosts"))
        answer = ask(host, "check", "Kevin@example.com")
        user, group = owner(maildir).split(":")
        want = ["userdb static: found", "  fields:  uid=%d gid=%d home=%s" % (host.uid, host.gid, maildir),
                "user:      kevin@example.com", "uid:       " + number(host.uid, user), "gid:       " + number(host.gid, group),
                "home:      " + maildir, "mail:      maildir:%s/%%d/%%n (mail_location)" % host.path("vhosts"),
                "format:    Maildir"]
        parts = ["/"]
        for part in maildir.split("/")[1:]:
            parts.append(os.path.join(parts[-1], part))
        label = "path:      "
        for part in parts:
            mode = subprocess.run(["stat", "-c", "%A", part], capture_output=True, text=True).stdout.strip()
            want.append("%s%s %s %s" % (label, mode, owner(part), part))
            label = " " * len(label)
        want += ['namespace: inbox, prefix "", maildir:' + maildir, "messages:  2, 1 of them in new/; newest " + NEW_TEXT, FINE]
        if answer.out.splitlines() != want or answer.code or answer.err:
            raise Failed("not\n%s\n: %s" % ("\n".join(want), answer))
        if state(host.path("vhosts")) != before:
            raise Failed("it changed something")


def first_login():
    """Nothing is there yet, and nothing is made."""
    with Host(tls=False) as host:
        ask(host, "check", "kevin").want(0, "messages:  none: %s is made at the first login" % host.maildir(), FINE)
        if os.listdir(host.home("kevin")):
            raise Failed("it made %s" % os.listdir(host.home("kevin")))


def unreadable():
    """The home, the Maildir, one of its folders: each problem names who lacks what, and where."""
    need_root()
    with Host(tls=False) as host:
        deliver(host.maildir(), OLD)
        host.give(host.home("kevin"))
        uid = r"permit it to uid %d, whom" % host.uid
        os.chown(host.home("kevin"), 0, 0)
        os.chmod(host.home("kevin"), 0o700)
        one_problem(ask(host, "check", "kevin"), r"^open\(%s\) failed: Permission denied .*missing \+x perm: %s, dir owned by "
                    r"0:0 mode=0700\); %s" % (host.maildir(), host.home("kevin"), uid))
        os.chown(host.home("kevin"), host.uid, host.gid)
        for below, mode, regex in (("", 0o600, r"missing \+x perm: %s,"), ("cur", 0o300, r"^open\(%s\).*missing \+r perm"),
                                   ("new", 0o500, r"^write\(%s/\).*missing \+w perm"),
                                   ("tmp", 0o500, r"^write\(%s/\).*missing \+w perm")):
            path = os.path.join(host.maildir(), below).rstrip("/")
            os.chmod(path, mode)
            one_problem(ask(host, "check", "kevin"), regex % path + ".*" + uid)
            os.chmod(path, 0o700)
        ask(host, "check", "kevin").want(0, FINE)
        # a Maildir that nobody may make
        subprocess.run(["rm", "-r", host.maildir()], check=True)
        os.chown(host.home("kevin"), 0, 0)
        os.chmod(host.home("kevin"), 0o755)
        one_problem(ask(host, "check", "kevin"), r"^mkdir\(%s\) failed: .*missing \+w perm: %s," % (
            host.maildir(), host.home("kevin")))


def delivered_to_the_spool():
    """The classic: Postfix writes /var/mail/kevin while the server reads ~/Maildir. As the manual shows it."""
    with Host(tls=False) as host, system(host, "mail_location = maildir:~/Maildir\n") as conf:
        deliver(host.maildir(), OLD)
        spool("/var/mail/kevin", NEW)
        host.give(host.home("kevin"))
        host.give("/var/mail/kevin")
        before = state("/var/mail"), state(host.home("kevin"))
        answer = mailsession("check", "-c", conf, "kevin").want(
            1, "uid:       %d (kevin)" % host.uid, "elsewhere: /var/mail/kevin: %d bytes, changed %s" % (
                os.path.getsize("/var/mail/kevin"), NEW_TEXT))
        one_problem(answer, r"^mail arrives in /var/mail/kevin, and %s is served; let Postfix deliver there: postconf -e "
                    r"'home_mailbox = Maildir/'; or serve the other place: "
                    r"mail_location = mbox:~/mail:INBOX=/var/mail/%%u$" % host.maildir())
        if (state("/var/mail"), state(host.home("kevin"))) != before:
            raise Failed("it changed something")
        manual_is_right(answer)
        # what was moved over long ago is told, and is no problem
        spool("/var/mail/kevin", OLD - 1)
        answer = mailsession("check", "-c", conf, "kevin").want(0, FINE)
        if not re.search("^elsewhere: /var/mail/kevin: .*, not newer$", answer.out, re.M):
            raise Failed(str(answer))
        open("/var/mail/kevin", "w").close()
        mailsession("check", "-c", conf, "kevin").want(0, FINE).without("elsewhere")


def manual_is_right(answer):
    """The example has the lines of the answer, label by label, and its last words."""
    with open(os.path.join(TREE, "common", "admin", "mailsession.8")) as page:
        example = page.read().replace("\\-", "-").split("# mailsession check kevin\n")[1].split(".fi")[0]

    def labels(text):
        return re.findall(r"^(userdb passwd|  fields|\w+):", text, re.M)
    if labels(example) != labels(answer.out):
        raise Failed("the manual has %s, the answer %s" % (labels(example), labels(answer.out)))
    shown = " ".join(example.split("problem: ")[1].split())
    if re.sub(r"/\S*/Maildir,? ", "M ", shown) != re.sub(r"/\S*/Maildir,? ", "M ", answer.problems()[0]):
        raise Failed("the manual has %r, the answer %r" % (shown, answer.problems()[0]))


def delivered_to_the_maildir():
    """The other way round, from one Maildir to another and from the spool."""
    with Host(tls=False) as host, system(host, "mail_location = maildir:~/Old\n") as conf:
        deliver(host.path("home", "kevin", "Old"), OLD)
        deliver(host.maildir(), NEW)
        host.give(host.home("kevin"))
        one_problem(mailsession("check", "-c", conf, "kevin").want(
            1, "elsewhere: %s: 1 messages, newest %s" % (host.maildir(), NEW_TEXT)),
            r"^mail arrives in %s, and %s/Old is served; let Postfix deliver there: postconf -e 'home_mailbox = Old/'; or serve "
            r"the other place: mail_location = maildir:~/Maildir$" % (host.maildir(), host.home("kevin")))
        with open(conf, "a") as out:
            out.write("mail_location = mbox:~/mail:INBOX=/var/mail/%u\n")
        spool("/var/mail/kevin", OLD)
        host.give("/var/mail/kevin")
        one_problem(mailsession("check", "-c", conf, "kevin").want(
            1, "format:    mbox", "messages:  1; %d bytes, changed %s" % (os.path.getsize("/var/mail/kevin"), OLD_TEXT)),
            r"^mail arrives in %s, and /var/mail/kevin is served; let Postfix deliver there: postconf -e 'home_mailbox ='; or "
            r"serve the other place: mail_location = maildir:~/Maildir$" % host.maildir())
        os.unlink("/var/mail/kevin")
        answer = mailsession("check", "-c", conf, "kevin").want(1, "messages:  none: there is no /var/mail/kevin yet")
        one_problem(answer, "mail arrives in " + host.maildir())


def an_mbox():
    """Served from the spool: counted, not touched; what is no mbox; what cannot be changed."""
    with Host(tls=False) as host, system(host) as conf:
        host.give(host.home("kevin"))
        spool("/var/mail/kevin", NEW)
        with open("/var/mail/kevin", "ab") as out:
            out.write(open("/var/mail/kevin", "rb").read() * 2)
        os.utime("/var/mail/kevin", (OLD, NEW))
        host.give("/var/mail/kevin")
        before = os.stat("/var/mail/kevin")
        mailsession("check", "-c", conf, "kevin").want(
            0, "messages:  3; %d bytes, changed %s" % (before.st_size, NEW_TEXT), FINE,
            "mail:      mail_location is not set and there is no directory %s: mbox:%s/mail:INBOX=/var/mail/kevin" % (
                host.maildir(), host.home("kevin")))
        after = os.stat("/var/mail/kevin")
        if (after.st_atime_ns, after.st_mtime_ns, after.st_ctime_ns) != (
                before.st_atime_ns, before.st_mtime_ns, before.st_ctime_ns):
            raise Failed("its times changed: who looks for new mail by them finds none")
        os.chmod("/var/mail/kevin", 0o400)
        one_problem(mailsession("check", "-c", conf, "kevin"), "^/var/mail/kevin cannot be changed: Permission denied; permit")
        os.chmod("/var/mail/kevin", 0o600)
        with open("/var/mail/kevin", "w") as out:
            out.write("no mail at all\n")
        one_problem(mailsession("check", "-c", conf, "kevin"), "^/var/mail/kevin is no mbox: ")
        os.unlink("/var/mail/kevin")
        os.mkdir("/var/mail/kevin")
        one_problem(mailsession("check", "-c", conf, "kevin"), "^/var/mail/kevin is no file")


def lock_files():
    """A spool that is its group's, as Debian has it: without mail_privileged_group no lock file can be made."""
    with Host(tls=False) as host, system(host, "first_valid_gid = 1\n") as conf:
        host.give(host.home("kevin"))
        spool("/var/mail/kevin", NEW)
        host.give("/var/mail/kevin")
        os.chown("/var/mail", 0, 8)
        os.chmod("/var/mail", 0o2775)
        one_problem(mailsession("check", "-c", conf, "kevin"), r"^/var/mail/kevin.lock cannot be made: /var/mail is drwxrwsr-x "
                    r"root:mail; set mail_privileged_group = mail$")
        with open(conf, "a") as out:
            out.write("mail_privileged_group = mail\n")
        mailsession("check", "-c", conf, "kevin").want(
            0, FINE, "locks:     of an mbox that is read: fcntl; written: fcntl, dotlock",
            "           /var/mail/kevin.lock can be made, as the group mail",
            "folders:   none: %s/mail is made at the first login" % host.home("kevin"))
        os.chmod("/var/mail", 0o1777)
        mailsession("check", "-c", conf, "kevin").want(0, FINE, "           /var/mail/kevin.lock can be made")
        os.unlink("/var/mail/kevin")
        os.chmod("/var/mail", 0o755)
        one_problem(mailsession("check", "-c", conf, "kevin"), r"^/var/mail/kevin.lock cannot be made: .*permit it to uid %d" %
                    host.uid)
        with open(conf, "a") as out:
            out.write("mbox_write_locks = fcntl\n")
        mailsession("check", "-c", conf, "kevin").want(
            0, FINE, "locks:     of an mbox that is read: fcntl; written: fcntl").without("kevin.lock")


def namespaces():
    """Each with its place; a root that is a file, that nobody can make, that is another's."""
    need_root()
    inbox = "mail_location = mbox:~/mail:INBOX=~/inbox\nmbox_write_locks = fcntl\nnamespace inbox {\n  inbox = yes\n}\n"
    second = "namespace old {\n  prefix = Old/\n  separator = /\n  location = maildir:~/away/old\n}\n"
    with Host(tls=False, settings=inbox + second) as host:
        home = host.home("kevin")
        spool(os.path.join(home, "inbox"), OLD)
        host.give(home)
        lines = ['namespace: inbox, prefix "", mbox:%s/mail:INBOX=%s/inbox' % (home, home),
                 '           old, prefix "Old/", maildir:%s/away/old' % home]
        ask(host, "check", "kevin").want(
            0, FINE, *lines, "locks:     of an mbox that is read: fcntl; written: fcntl",
            "folders:   none: %s/mail is made at the first login" % home,
            "folders:   none: %s/away/old is made at the first login" % home)
        os.mkdir(os.path.join(home, "away"), 0o755)  # root's
        one_problem(ask(host, "check", "kevin"), r"^mkdir\(%s/away/old\) failed: Permission denied" % home)
        host.give(os.path.join(home, "away"))
        os.mkdir(os.path.join(home, "mail"), 0o700)
        one_problem(ask(host, "check", "kevin"), r"^open\(%s/mail\) failed: Permission denied .*permit it to uid" % home)
        os.rmdir(os.path.join(home, "mail"))
        spool(os.path.join(home, "mail"), OLD)
        host.give(os.path.join(home, "mail"))
        one_problem(ask(host, "check", "kevin"), r"^%s/mail is a file, and the folders would be in it" % home)


def no_maildir_but_a_file():
    with Host(tls=False) as host:
        spool(host.maildir(), OLD)
        host.give(host.home("kevin"))
        one_problem(ask(host, "check", "kevin"), "^%s is a file and no Maildir" % host.maildir())


def virtual_users_have_no_postconf():
    """Mail in ~/mbox of a user whose uid is not an account's: where to deliver is said, not Postfix's line."""
    with Virtual() as host:
        maildir = host.path("vhosts", "example.com", "kevin")
        deliver(maildir, OLD)
        spool(os.path.join(maildir, "mbox"), NEW)
        host.give(host.path("vhosts"))
        answer = ask(host, "check", "kevin@example.com")
        one_problem(answer, r"^mail arrives in %s/mbox, and %s is served; let the mail server deliver into %s/;" % (
            (maildir,) * 3))
        answer.without("home_mailbox")


def one_place_with_two_names():
    """/var/spool/mail is a link to /var/mail, as on Debian: told once. ~/mbox linked to the spool as well."""
    with Host(tls=False) as host, system(host, "mail_location = maildir:~/Maildir\n") as conf:
        deliver(host.maildir(), OLD)
        spool("/var/mail/kevin", NEW)
        os.symlink("/var/mail/kevin", os.path.join(host.home("kevin"), "mbox"))
        host.give(host.home("kevin"))
        one_problem(mailsession("check", "-c", conf, "kevin"), "^mail arrives in /var/mail/kevin")


def not_a_user():
    with Host(tls=False) as host:
        one_problem(ask(host, "check", "anna"), "^unknown user: no userdb knows the user$")
    with Host(tls=False, settings="first_valid_uid = 70000\n") as host:
        one_problem(ask(host, "check", "kevin"), r"^Mail access for users with UID %d not permitted \(see first_valid_uid" %
                    host.uid)
    with Virtual(settings="") as host:
        with open(host.path("conf"), "w") as out:
            out.write("passdb {\n driver = passwd-file\n args = %s\n}\nuserdb {\n driver = prefetch\n}\n" % host.path("virtual"))
        one_problem(mailsession("check", "-c", host.path("conf"), "kevin@example.com"), "at a login only: try mailsession auth")


def not_root():
    """Who is not root sees the own mail only, and is told so."""
    need_root()
    with Host(tls=False) as host:
        deliver(host.maildir(), OLD)
        host.give(host.home("kevin"))
        os.chmod(host.write_configuration(), 0o644)
        for uid, right in ((host.uid, True), (host.uid + 1, False)):
            try:
                answer = ask(host, "check", "kevin", user=uid, group=host.gid, extra_groups=[])
            except PermissionError:
                raise Skip("a user cannot reach " + tool())
            if right:
                answer.want(0, FINE)
            else:
                one_problem(answer, "cannot become uid %d .*only root can serve several system users" % host.uid)


def hostile_names():
    """Nothing that is printed reaches the terminal as a command."""
    with Host(tls=False) as host:
        home = host.path("home", "kevin\x1b[31m\x07")
        os.mkdir(home)
        deliver(os.path.join(home, "Maildir"), OLD)
        host.give(home)
        with open(host.path("users"), "w") as out:
            out.write("kevin:{PLAIN}secret:%d:%d::%s::\n" % (host.uid, host.gid, home))
        answer = ask(host, "check", "kevin").want(0, "home:      " + home.replace("\x1b", "?").replace("\x07", "?"))
        answer.without("\x1b", "\x07")
        # links of a user lead nowhere
        os.rename(os.path.join(home, "Maildir", "cur"), os.path.join(home, "away"))
        os.symlink("/etc", os.path.join(home, "Maildir", "cur"))
        answer = ask(host, "check", "kevin")
        if not re.search("^open\\(.*/cur\\) failed", answer.problems()[0]):
            raise Failed(str(answer))


def other_settings():
    """Who said where the mail is: a namespace, the userdb; and what cannot be understood."""
    with Host(tls=False, extra={"kevin": "userdb_mail=maildir:~/Own"}) as host:
        host.settings = ""
        ask(host, "check", "kevin").want(0, "mail:      maildir:~/Own (the userdb says so)")
        host.settings = "namespace inbox {\n  inbox = yes\n  location = maildir:~/Space\n}\n"
        ask(host, "check", "kevin").want(0, "mail:      maildir:~/Space (namespace inbox)")
        host.settings = "namespace inbox {\n  inbox = yes\n  location = dbox:~/Space\n}\n"
        one_problem(ask(host, "check", "kevin"), "^mail_location: dbox:~/Space does not begin with maildir:")


if __name__ == "__main__":
    run_tests([the_whole_answer, first_login, unreadable, delivered_to_the_spool, delivered_to_the_maildir, an_mbox, lock_files,
               namespaces, no_maildir_but_a_file, virtual_users_have_no_postconf, one_place_with_two_names, not_a_user,
               not_root, hostile_names, other_settings])

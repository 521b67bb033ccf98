#!/usr/bin/env python3
"""mailsession config: what it prints is what counts, and can be read as a settings file again."""

import glob
import os
import re

from common import TREE, Failed, Host, Skip, ask, certificate, mailsession, run_tests, tool

SHOWN = """\
mail_location = maildir:~/Mail
passdb {
  driver = passwd-file
  args = /etc/users
}
userdb {
  driver = passwd
}
"""
BLOCKS = """\
protocol imap {
  mail_plugins = quota imap_quota
  remote 192.0.2.0/24 {
    ssl = no
  }
}
local_name "a.example b.example" {
  login_greeting = "# hello"
}
"""


def write(host, name, text):
    with open(host.path(name), "wb") as out:
        out.write(text if isinstance(text, bytes) else text.encode())
    return host.path(name)


def settings_of(answer):
    """Without the comment on top."""
    first, rest = answer.out.split("\n", 1)
    if not re.match(r"# mailsession \S+: ", first):
        raise Failed("the first line is %r" % first)
    return rest


def what_differs():
    """From the defaults: of all that is in the file, and of what is not there too (namespaces, databases)."""
    with Host() as host:
        path = write(host, "one", "mail_location=maildir:~/Mail  # words\nssl = yes\n" + SHOWN.split("\n", 1)[1] + BLOCKS)
        answer = mailsession("config", "-c", path).want(0)
        if answer.out.splitlines()[0].split(": ")[1] != path or answer.err:
            raise Failed(str(answer))
        text = settings_of(answer)
        namespace = text[text.index("namespace inbox {"):text.index("passdb {")]
        if text.replace(namespace, "") != SHOWN + BLOCKS or "special_use = \\Sent" not in namespace:
            raise Failed("it prints\n" + text)


def all_of_them():
    with Host() as host:
        path = write(host, "one", SHOWN + BLOCKS)
        answer = mailsession("config", "-a", "-c", path).want(
            0, "mail_location = maildir:~/Mail", "ssl = yes", "first_valid_uid = 500", "auth_failure_delay = 2 secs",
            "    ssl = no")
        with open(os.path.join(TREE, "common", "conf", "table.c")) as table:
            names = re.findall(r"^        (?:ROW|FLAGGED|CHOICE|WORDS)\((?:CONF_\w+, )?(\w+),", table.read(), re.M)
        missing = [name for name in names if not re.search(r"^ *%s =" % (name if name != "auto_create" else "auto"),
                                                           answer.out, re.M)]
        # of mailbox { } and passdb { } there are some in any output
        if len(names) < 80 or missing:
            raise Failed("%d names; not printed: %s" % (len(names), missing))


def secrets():
    with Host() as host:
        path = write(host, "one", "ssl_key_password = geheim\npassdb {\n driver = static\n args = password=geheim\n}\n")
        hidden = mailsession("config", "-c", path).want(
            0, "ssl_key_password = # hidden, use -P to show it", "  args = # hidden, use -P to show it")
        hidden.without("geheim")
        mailsession("config", "-a", "-c", path).want(0).without("geheim")
        mailsession("config", "-P", "-c", path).want(0, "ssl_key_password = geheim", "  args = password=geheim")
        # who reads the output without the secrets lets nobody in
        again = mailsession("config", "-P", "-c", write(host, "two", hidden.out)).want(1, "  driver = static")
        again.without("  args =")


def mistakes():
    with Host() as host:
        path = write(host, "one", "ssl_crt = x\nlogin_timeout = soon\n")
        answer = mailsession("config", "-c", path).want(1)
        for text in ("mailsession: %s:1: unknown setting 'ssl_crt', did you mean 'ssl_cert'?" % path,
                     "mailsession: %s:2: login_timeout: expected a time" % path, "nobody is served until"):
            if text not in answer.err:
                raise Failed("no %r in %s" % (text, answer))
        if answer.out:
            raise Failed("it prints settings: %s" % answer)
        answer = mailsession("config", "-c", host.path("none")).want(1)
        if "none: cannot read: No such file or directory" not in answer.err:
            raise Failed(str(answer))
        unserved = mailsession("config", "-c", write(host, "pam", "passdb {\n  driver = pam\n}\n")).want(1, "  driver = pam")
        if 'passdb pam: driver "pam" is not served yet' not in unserved.err or "nobody is served until" not in unserved.err:
            raise Failed(str(unserved))
        warned = mailsession("config", "-c", write(host, "two", "mail_nfs_storage = yes\n")).want(0)
        if "two:1: warning: 'mail_nfs_storage' is known to Dovecot" not in warned.err:
            raise Failed(str(warned))


def by_anybody():
    """Without a settings file, and without privileges."""
    default = re.search(r"default: (\S+)\)", mailsession("--help").out).group(1)
    if os.path.exists(default):
        raise Skip("there is a " + default)
    more = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
    try:
        answer = mailsession("config", **more)
    except PermissionError:
        raise Skip("nobody cannot reach " + tool())
    answer.want(0, "namespace inbox {", "  driver = shadow", "  driver = passwd")
    if not answer.out.startswith("# mailsession ") or "no settings file" not in answer.out.splitlines()[0]:
        raise Failed(str(answer))


# --- every sample there is


def sessions():
    """What the recorded sessions set."""
    for path in glob.glob(os.path.join(TREE, "tests", "sessions", "**", "*.session"), recursive=True):
        with open(path, encoding="utf-8") as file:
            found = re.search(r"^settings:\n((?:[ \t]+.*\n|\n(?=[ \t]))+)", file.read(), re.M)
        if found:
            yield os.path.basename(path), found[1].encode()


def literals():
    """The settings that the unit tests have as C strings: real ones, of Debian and of tutorials."""
    with open(os.path.join(TREE, "tests", "unit", "conf", "test_real.c"), encoding="utf-8") as source:
        for name, body in re.findall(r'static const char (\w+)\[\] =\s*((?:"(?:[^"\\]|\\.)*"\s*)+);', source.read()):
            pieces = re.findall(r'"((?:[^"\\]|\\.)*)"', body)
            yield name, "".join(pieces).encode().decode("unicode_escape").encode("latin-1")


def corpus():
    for path in sorted(glob.glob(os.path.join(TREE, "tests", "fuzz", "corpus", "settings", "*"))):
        with open(path, "rb") as file:
            yield "corpus/" + os.path.basename(path), file.read()


def documents():
    with open(os.path.join(TREE, "common", "conf", "example.conf"), encoding="utf-8") as file:
        example = file.read()
    yield "example", example.encode()
    lines = [line if re.match(r"# \S", line) else line.removeprefix("#") for line in example.splitlines()]
    yield "example, all of it", "\n".join(lines).encode()
    with open(os.path.join(TREE, "README"), encoding="utf-8") as file:
        blocks = re.findall(r"(?:^ {7}.*\n|^\n(?= {7}))+", file.read(), re.M)
    yield "README", "".join(block for block in blocks if re.search(r"^ +(passdb \{|plugin \{|ssl_cert =)", block, re.M)).encode()


def warnings(answer):
    """Without where they are about."""
    return {line.split(": ", 2)[-1] for line in answer.err.splitlines()}


def round_trip():
    """Printed, read and printed again: the same, for all samples that can be read at all."""
    loaded = {}
    with Host() as host:
        cert, key = certificate(host.certificates)
        for source in (sessions, literals, corpus, documents):
            for name, text in source():
                text = re.sub(rb"(cert|ca) *= *</[^\s]+", rb"\1 = <" + cert.encode(), text)
                text = re.sub(rb"key *= *</[^\s]+", b"key = <" + key.encode(), text)
                text = text.replace(b"{{dir}}", host.directory.encode())
                text = text.replace(b"{{uid}}", b"%d" % host.uid).replace(b"{{gid}}", b"%d" % host.gid)
                path = write(host, "sample", text)
                whole = mailsession("config", "-a", "-P", "-c", path)
                if not whole.out:
                    if not whole.code or not whole.err:
                        raise Failed("%s: %s" % (name, whole))
                    continue
                loaded[source] = loaded.get(source, 0) + 1
                for printed in (whole, mailsession("config", "-P", "-c", path)):
                    again = mailsession("config", "-a", "-P", "-c", write(host, "again", printed.out)).want(whole.code)
                    if settings_of(again) != settings_of(whole):
                        raise Failed("%s: first\n%s\nthen\n%s" % (name, whole.out, again.out))
                    if not warnings(again) <= warnings(whole):
                        raise Failed("%s: printed settings are complained about: %s" % (name, again.err))
    few = {source.__name__: loaded.get(source, 0) for source, least in
           ((sessions, 30), (literals, 3), (corpus, 10), (documents, 3)) if loaded.get(source, 0) < least}
    if few:
        raise Failed("too few samples could be read: %s" % few)


if __name__ == "__main__":
    run_tests([what_differs, all_of_them, secrets, mistakes, by_anybody, round_trip])

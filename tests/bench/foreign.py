"""Courier and Cyrus from Debian's packages, in a mount namespace where they seem to be installed."""

import os
import shutil
import stat
import time

from client import Imap
from mailsession_test import certificate
from packages import unpacked
from servers import PASSWORD, UID, USER, Server, free_port, layered, password_hash

COURIER = ("courier-imap", "courier-pop", "courier-base", "courier-authlib", "courier-authdaemon",
           "courier-authlib-userdb", "libcourier-unicode4", "libgamin0", "gamin", "libgdbm6", "libidn12", "libltdl7")
CYRUS = ("cyrus-imapd", "cyrus-pop3d", "cyrus-common", "sasl2-bin", "libsasl2-2", "libsasl2-modules",
         "libsasl2-modules-db", "libclamav12", "libtfm1", "libical3", "libjansson4", "libpq5", "libxapian30", "libzephyr4",
         "libhesiod0", "libpcre3", "libwrap0", "libicu72", "libldap-2.5-0", "libxml2", "libcom-err2", "libkrb5-3")
BATCH = 500  # messages of one APPEND


def package_tree(name, packages):
    """Unpacked, with what Debian has in /lib where the merged /usr has it."""
    tree = unpacked(name, *packages)
    if os.path.isdir(os.path.join(tree, "lib")):
        shutil.copytree(os.path.join(tree, "lib"), os.path.join(tree, "usr", "lib"), symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(os.path.join(tree, "lib"))
    return tree


class Packaged(Server):
    """Runs self.script() where the package is installed; /etc may be written to there, /run is empty."""

    def begin(self, tree, folders, script):
        for name in ("etc", "etc-work"):
            os.makedirs(self.path(name), exist_ok=True)
        with open(self.path("start"), "w") as out:
            out.write("set -e\nmount -t tmpfs tmpfs /run\n"
                      "mount -t overlay overlay -o 'lowerdir=%s/etc:/etc,upperdir=%s,workdir=%s' /etc\n" % (
                          tree, self.path("etc"), self.path("etc-work")) + script)
        self.spawn(layered(tree, folders, ["sh", self.path("start")]))


class Courier(Packaged):
    name, title = "courier", "Courier"
    caches = ("courierimapuiddb", "courierpop3dsizelist")

    def start(self):
        tree = package_tree("courier", COURIER)
        self.port, self.tls_port, self.pop3_port = free_port(), free_port(), free_port()
        cert, key = certificate(self.directory)
        with open(self.path("both.pem"), "w") as out:
            for name in (key, cert):
                with open(name) as text:
                    out.write(text.read())
        self.begin(tree, "lib/courier", COURIER_START % {
            "dir": self.directory, "uid": UID, "user": USER, "hash": password_hash(), "home": self.path("home"),
            "imap": self.port, "imaps": self.tls_port, "pop3": self.pop3_port})
        self.wait()

    def folder(self, name):
        return "INBOX." + name


COURIER_START = """
echo 'courier:x:20001:20001::/var/lib/courier:/usr/sbin/nologin' >>/etc/passwd
echo 'courier:x:20001:' >>/etc/group
echo '%(user)s:x:%(uid)d:%(uid)d::%(home)s:/bin/sh' >>/etc/passwd  # gamin wants a name
mkdir -p /run/courier/authdaemon
chown -R courier:courier /run/courier
chown courier '%(dir)s/both.pem'
chmod 600 '%(dir)s/both.pem'
printf '%%s\\tuid=%(uid)d|gid=%(uid)d|home=%(home)s|shell=/bin/sh|systempw=%%s\\n' '%(user)s' '%(hash)s' >/etc/courier/userdb
chmod 600 /etc/courier/userdb
makeuserdb
sed -i 's/^authmodulelist=.*/authmodulelist="authuserdb"/' /etc/courier/authdaemonrc
(
        set -a
        . /etc/courier/authdaemonrc
        exec /usr/lib/courier/courier-authlib/authdaemond
) &
set -a
. /etc/courier/imapd-ssl
. /etc/courier/imapd
TLS_CERTFILE='%(dir)s/both.pem' TLS_CACHEFILE= TLS_DHPARAMS=
tcpd="/usr/sbin/couriertcpd -address=127.0.0.1 -maxprocs=$MAXDAEMONS -maxperip=100 $TCPDOPTS"
imap='/usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir'
IMAP_TLS=1 $tcpd %(imaps)d $COURIERTLS -server -tcpd -user=courier $imap &
$tcpd %(imap)d $imap &
. /etc/courier/pop3d
$tcpd %(pop3)d /usr/lib/courier/courier/courierpop3login /usr/lib/courier/courier/courierpop3d Maildir &
wait
"""


class Cyrus(Packaged):
    """It keeps its own store, which is filled by APPEND. Its processes serve one connection after the other."""

    name, title = "cyrus", "Cyrus"
    sessions_are_processes = False

    def fill(self, source, count, **how):
        self.source = source

    def start(self):
        tree = package_tree("cyrus", CYRUS)
        self.port, self.tls_port, self.pop3_port = free_port(), free_port(), free_port()
        cert, key = certificate(self.directory)
        with open(self.path("imapd.conf"), "w") as out:
            out.write(CYRUS_IMAPD % {"dir": self.directory, "cert": cert, "key": key})
        with open(self.path("cyrus.conf"), "w") as out:
            out.write(CYRUS_CONF % {"imap": self.port, "imaps": self.tls_port, "pop3": self.pop3_port})
        self.begin(tree, "lib/cyrus", CYRUS_START % {"dir": self.directory, "user": USER, "uid": UID, "password": PASSWORD,
                                                   "cert": cert, "key": key})
        self.wait()
        self._append_all()

    def _append_all(self):
        session = Imap(self.port).login(USER, PASSWORD)
        cur = os.path.join(self.source, "cur")
        names = sorted(os.listdir(cur))
        for at in range(0, len(names), BATCH):
            pieces = [b"zz APPEND INBOX"]
            for name in names[at:at + BATCH]:
                path = os.path.join(cur, name)
                with open(path, "rb") as message:
                    data = message.read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
                    date = os.fstat(message.fileno())[stat.ST_MTIME]
                letters = name.rpartition(",")[2]
                flags = " ".join(flag for letter, flag in (("S", "\\Seen"), ("R", "\\Answered"), ("F", "\\Flagged"))
                                 if letter in letters)
                when = time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(date))
                pieces.append(b' (%s) "%s" {%d+}\r\n%s' % (flags.encode(), when.encode(), len(data), data))
            session.send(b"".join(pieces) + b"\r\n")
            session.answer(b"zz")
        session.logout()

    def folder(self, name):
        return "INBOX." + name


CYRUS_START = """
echo 'cyrus:x:20002:8::/var/spool/cyrus:/usr/sbin/nologin' >>/etc/passwd
echo '%(user)s:x:%(uid)d:%(uid)d::/nonexistent:/bin/sh' >>/etc/passwd
mkdir -p '%(dir)s/store' '%(dir)s/spool' /run/cyrus/socket
printf '%%s' '%(password)s' | saslpasswd2 -p -c -f '%(dir)s/sasldb2' '%(user)s'
chown -R cyrus '%(dir)s/store' '%(dir)s/spool' '%(dir)s/sasldb2' '%(cert)s' '%(key)s' /run/cyrus
cp '%(dir)s/imapd.conf' '%(dir)s/cyrus.conf' /etc/
exec /usr/lib/cyrus/bin/master -p /run/cyrus/master.pid
"""

# Debian's, but for places, TLS and what serves other protocols
CYRUS_IMAPD = """configdirectory: %(dir)s/store
proc_path: /run/cyrus/proc
mboxname_lockpath: /run/cyrus/lock
defaultpartition: default
partition-default: %(dir)s/spool
altnamespace: no
unixhierarchysep: no
popminpoll: 0
autocreate_quota: 0
umask: 077
hashimapspool: true
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: %(dir)s/sasldb2
sasl_auto_transition: no
idlesocket: /run/cyrus/socket/idle
tls_server_cert: %(cert)s
tls_server_key: %(key)s
"""
CYRUS_CONF = """START {
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -r"
  idled cmd="idled"
}
SERVICES {
  imap cmd="imapd -U 30" listen="127.0.0.1:%(imap)d" prefork=0 maxchild=100
  imaps cmd="imapd -s -U 30" listen="127.0.0.1:%(imaps)d" prefork=0 maxchild=100
  pop3 cmd="pop3d -U 30" listen="127.0.0.1:%(pop3)d" prefork=0 maxchild=50
}
EVENTS {
}
"""

"""What inetd or systemd's Accept=yes does, and no more: a program for each connection. inetd.py PROGRAM ARGUMENT...; the
listening socket is standard input."""

import os
import signal
import socket
import sys

signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
door = socket.socket(fileno=os.dup(0))
while True:
    line = door.accept()[0]
    actions = [(os.POSIX_SPAWN_DUP2, line.fileno(), 0), (os.POSIX_SPAWN_DUP2, line.fileno(), 1)]
    os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=actions, setsigdef=[signal.SIGCHLD])
    line.close()

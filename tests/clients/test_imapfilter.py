#!/usr/bin/env python3
"""imapfilter: searches by header, body, flag and size; moves, copies, flags and deletes what it found; files what comes while
it waits in IDLE. Over TLS and after STARTTLS."""

import os
import signal
import subprocess

from common import Failed, command, fixtures, fresh, logs, maildir_messages, need, run_tests, serving
from mailsession_test import environment, poll

MAILBOX = "plain utf8:S alternative attachment nested eightbit dots crlf"
PROGRAM = """
options.timeout = 20
options.create = true
options.subscribe = true
options.expunge = true
options.certificates = true
options.charset = 'UTF-8'
options.truststore = '{cert}'
options.starttls = true

local account = IMAP {{ server = 'localhost', port = {port}, username = 'kevin', password = 'secret'{ssl} }}

local function count(name, got, want)
    if #got ~= want then error(name .. ': ' .. #got .. ' messages, expected ' .. want) end
    return got
end

local inbox = account.INBOX
local exist, recent, unseen, uidnext = inbox:check_status()
if exist ~= 8 or unseen ~= 7 or uidnext ~= 9 then error('STATUS: ' .. exist .. ' ' .. unseen .. ' ' .. uidnext) end

count('all', inbox:select_all(), 8)
count('seen', inbox:is_seen(), 1)
count('subject', inbox:contain_subject('lunch'), 2)
count('body', inbox:contain_body('noon'), 1)
count('larger', inbox:is_larger(600), {larger})
count('both', inbox:is_unseen() * inbox:contain_from('anna'), 7)
count('either', inbox:is_seen() + inbox:contain_subject('newsletter'), 2)
count('pattern', inbox:match_subject('^Invoice [0-9-]+$'), 1)
count('in UTF-8', inbox:contain_subject('gr\u00fc\u00dfe'), 1)
count('old', inbox:is_older(30), 8)

account:create_mailbox('Work/Bills')
inbox:contain_subject('invoice'):move_messages(account['Work/Bills'])
inbox:contain_subject('lunch'):copy_messages(account['Gr\u00fc\u00dfe'])
inbox:contain_subject('newsletter'):delete_messages()
inbox:contain_subject('dots'):mark_flagged()
inbox:is_flagged():add_flags({{ 'Work' }})
count('keyword', inbox:has_keyword('Work'), 1)
count('left', inbox:select_all(), 6)

local folders = account:list_all('', '*')
local found = {{}}
for _, name in ipairs(folders) do found[name] = true end
for _, name in ipairs({{ 'INBOX', 'Work/Bills', 'Gr\u00fc\u00dfe' }}) do
    if not found[name] then error('LIST has no ' .. name .. ' but ' .. table.concat(folders, ', ')) end
end
account:rename_mailbox('Work/Bills', 'Bills')
"""
WANT = {
    "INBOX": [(1, []), (2, ["\\Seen"]), (5, []), (6, []), (7, ["Work", "\\Flagged"]), (8, [])],
    "Bills": [(1, [])],
    "Gr\u00fc\u00dfe": [(1, []), (2, [])],
}


def filters(scheme, ssl):
    need("imapfilter")
    with serving("imap", "imaps", mailbox=MAILBOX) as (host, ports):
        port = ports[scheme]
        with open(host.path("config.lua"), "w", encoding="utf-8") as out:
            larger = sum(len(fixtures.wire(row.split(":")[0])) > 600 for row in MAILBOX.split())
            out.write(PROGRAM.format(port=port, cert=host.cert, ssl=ssl, larger=larger))
        os.mkdir(host.path(".imapfilter"))
        command(host, "imapfilter", "-c", host.path("config.lua"), "-t", host.cert, seconds=30)
        there = fresh(host, ports["imaps"])
        if there != WANT:
            raise Failed("there is %r, expected %r" % (there, WANT))
        for name, rows in ((".Gr&APwA3w-e", 2), (".Bills", 1), ("", 6)):
            if len(maildir_messages(os.path.join(host.maildir(), name))) != rows:
                raise Failed("%s does not hold %d messages on disk" % (name or "INBOX", rows))


WAITING = """
while true do
    account.INBOX:is_unseen():move_messages(account.Filed)
    io.open('{idles}', 'a'):write('.'):close()
    account.INBOX:enter_idle()
end
"""


def idle():
    need("imapfilter")
    with serving("imaps") as (host, ports):
        fixtures.make_folder(host.maildir())
        host.give(host.home("kevin"))
        os.mkdir(host.path(".imapfilter"))
        text = PROGRAM.partition("local function")[0] + WAITING
        with open(host.path("config.lua"), "w", encoding="utf-8") as out:
            out.write(text.format(port=ports["imaps"], cert=host.cert, ssl=", ssl = 'auto'", idles=host.path("idles")))
        with open(host.path("said"), "wb") as out:
            waiting = subprocess.Popen(["imapfilter", "-c", host.path("config.lua"), "-t", host.cert], stdout=out, stderr=out,
                                       stdin=subprocess.DEVNULL, cwd=host.directory, env=environment(HOME=host.directory))

        filed = os.path.join(host.maildir(), ".Filed")

        def idles(times):
            return os.path.exists(host.path("idles")) and os.path.getsize(host.path("idles")) >= times

        def why():
            with open(host.path("said"), "rb") as said:
                return said.read().decode(errors="replace") + logs(host)

        try:
            for number, name in enumerate(("dots", "utf8"), 1):
                poll(lambda: idles(number), why)
                fixtures.deliver(host.maildir(), name, "1700009999.N%d.host" % number)
                host.give(host.maildir())
                poll(lambda: len(maildir_messages(filed)) == number and not maildir_messages(host.maildir()), why)
        finally:
            waiting.send_signal(signal.SIGTERM)
            waiting.wait(10)
        if fresh(host, ports["imaps"]) != {"INBOX": [], "Filed": [(1, []), (2, [])]}:
            raise Failed("there is %r" % fresh(host, ports["imaps"]))


def imaps():
    filters("imaps", ", ssl = 'auto'")


def starttls():
    filters("imap", "")


if __name__ == "__main__":
    run_tests([imaps, starttls, idle])

#!/usr/bin/env python3
"""imapfilter: searches by header, body, flag and size; moves, copies, flags and deletes what it found; waits in IDLE."""

import os

from common import Failed, command, fresh, maildir_messages, need, run_tests, serving

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
count('body', inbox:contain_body('noon'), {noon})
count('larger', inbox:is_larger(600), {larger})
count('both', inbox:is_unseen() * inbox:contain_from('anna'), 7)
count('either', inbox:is_seen() + inbox:contain_subject('newsletter'), 2)
count('pattern', inbox:match_subject('^Invoice [0-9-]+$'), 1)
count('in UTF-8', inbox:contain_subject('gr\\195\\188\\195\\159e'), 1)
count('old', inbox:is_older(30), 8)

account:create_mailbox('Work/Bills')
inbox:contain_subject('invoice'):move_messages(account['Work/Bills'])
inbox:contain_subject('lunch'):copy_messages(account['Gr\\195\\188\\195\\159e'])
inbox:contain_subject('newsletter'):delete_messages()
inbox:contain_subject('dots'):mark_flagged()
inbox:is_flagged():add_flags({{ 'Work' }})
count('keyword', inbox:has_keyword('Work'), 1)
count('left', inbox:select_all(), 6)

local folders = account:list_all()
local found = {{}}
for _, name in ipairs(folders) do found[name] = true end
for _, name in ipairs({{ 'INBOX', 'Work/Bills' }}) do
    if not found[name] then error('LIST has no ' .. name) end
end
local _, subscribed = account:list_subscribed()
account:rename_mailbox('Work/Bills', 'Bills')
"""


def filters(scheme, ssl):
    need("imapfilter")
    with serving(scheme, mailbox=MAILBOX) as (host, ports):
        port = ports[scheme]
        with open(host.path("config.lua"), "w") as out:
            out.write(PROGRAM.format(port=port, cert=host.cert, ssl=ssl, noon=2, larger=3))
        os.mkdir(host.path(".imapfilter"))
        with open(host.path("debug"), "w"):
            pass
        command(host, "imapfilter", "-c", host.path("config.lua"), "-t", host.cert, seconds=30)
        print(fresh(host, port))


def imaps():
    filters("imaps", ", ssl = 'auto'")


def starttls():
    filters("imap", "")


if __name__ == "__main__":
    run_tests([imaps, starttls])

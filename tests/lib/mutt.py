"""What every test that drives mutt or neomutt tells it: no question, no waiting for new mail or for a key."""

QUIET = """set header_cache =
set confirmappend = no
set copy = no
set move = no
set delete = yes
set quit = yes
set wait_key = no
set mail_check = 0
"""

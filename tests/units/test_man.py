#!/usr/bin/env python3
"""The manual pages: no warnings, and they know every option."""

import os
import re

from common import PROGRAMS, TREE, Failed, built, environment, need, options_of_help, program, run, run_tests


ADMIN_PAGE = os.path.join(TREE, "common", "admin", "mailsession.8")


def pages():
    return [os.path.join(TREE, name, name + "-session.8") for name in PROGRAMS] + [
        ADMIN_PAGE, built("common", "conf", "mailsession.conf.5")]


def formatted(page):
    return re.sub(".\b", "", run("groff", "-man", "-Tutf8", "-P-c", "-P-b", "-P-u", page))


def no_warnings():
    need("man", "groff")
    for page in pages():
        if os.path.getsize(page) == 0:
            raise Failed(page + " is empty")
        said = run("groff", "-man", "-Tutf8", "-ww", "-z", page)
        said += run("sh", "-c", 'MANROFFSEQ= exec man --warnings -l -Tutf8 -Z "$0" >/dev/null', page,
                    env=environment(LC_ALL="C.UTF-8", MANWIDTH="100"))
        if said:
            raise Failed(said)


def every_option():
    need("groff")
    tools = [(program(name), os.path.join(TREE, name, name + "-session.8")) for name in PROGRAMS]
    for path, page in tools + [(built("common", "admin", "mailsession"), ADMIN_PAGE)]:
        options = options_of_help(run(path, "--help"))
        if len(options) < 6:
            raise Failed("only %s in the help text" % options)
        text = formatted(page).replace("\N{HYPHEN}\n", "")
        for option in options:
            if not re.search(r"^ +%s\b" % re.escape(option), text, re.M):
                raise Failed("%s says nothing of %s" % (page, option))


def both_of_one_shape():
    headings = []
    for name in PROGRAMS:
        with open(os.path.join(TREE, name, name + "-session.8")) as page:
            headings.append(re.findall(r"^\.SH (.*)", page.read(), re.M))
    if headings[0] != headings[1]:
        raise Failed("the headings differ: %s and %s" % tuple(headings))


if __name__ == "__main__":
    run_tests([no_warnings, every_option, both_of_one_shape])

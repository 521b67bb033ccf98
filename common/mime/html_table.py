#!/usr/bin/env python3
"""Writes the names of HTML 4's characters as a C table, sorted; Python's html.entities is the source, and HTML 5's code
points where it has others."""

import html.entities


def main():
    names = dict.fromkeys(html.entities.name2codepoint)
    names['apos'] = None
    print('/* Made by html_table.py. */')
    print('static const struct {\n        char name[9];\n        uint16_t code_point;\n} characters[] = {')
    for name in sorted(names):
        print('        {"%s", 0x%04x},' % (name, ord(html.entities.html5[name + ';'])))
    print('};')


if __name__ == '__main__':
    main()

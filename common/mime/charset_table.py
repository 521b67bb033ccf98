#!/usr/bin/env python3
"""Writes the built-in single-byte charsets as C tables: code points of the bytes 128 to 255, 0 where there is none.

Python's codecs are the source; the names are compared lower-case without '-', '_' and what follows a colon."""

CHARSETS = {
    'latin_1': 'iso88591 latin1 l1 cp819 ibm819',
    'cp1250': 'windows1250 cp1250 xcp1250',
    'cp1251': 'windows1251 cp1251 xcp1251',
    'cp1252': 'windows1252 cp1252 xcp1252 xansi',
    'cp1253': 'windows1253 cp1253',
    'cp1254': 'windows1254 cp1254',
    'cp1255': 'windows1255 cp1255',
    'cp1256': 'windows1256 cp1256',
    'cp1257': 'windows1257 cp1257',
    'cp1258': 'windows1258 cp1258',
    'iso8859_2': 'iso88592 latin2 l2',
    'iso8859_3': 'iso88593 latin3 l3',
    'iso8859_4': 'iso88594 latin4 l4',
    'iso8859_5': 'iso88595 cyrillic',
    'iso8859_6': 'iso88596 arabic iso88596i iso88596e',
    'iso8859_7': 'iso88597 greek',
    'iso8859_8': 'iso88598 hebrew iso88598i iso88598e',
    'iso8859_9': 'iso88599 latin5 l5',
    'iso8859_10': 'iso885910 latin6 l6',
    'iso8859_11': 'iso885911',
    'iso8859_13': 'iso885913 latin7',
    'iso8859_14': 'iso885914 latin8',
    'iso8859_15': 'iso885915 latin9',
    'iso8859_16': 'iso885916 latin10',
    'koi8_r': 'koi8r koi8',
    'koi8_u': 'koi8u',
    'cp437': 'ibm437 cp437',
    'cp850': 'ibm850 cp850',
    'cp852': 'ibm852 cp852',
    'cp855': 'ibm855 cp855',
    'cp858': 'ibm858 cp858 ibm00858',
    'cp866': 'ibm866 cp866',
    'cp874': 'windows874 cp874',
    'tis_620': 'tis620',
    'mac_roman': 'macintosh macroman xmacroman',
    'mac_cyrillic': 'maccyrillic xmaccyrillic',
}


def code_point(codec, byte):
    try:
        return ord(bytes([byte]).decode(codec))
    except UnicodeDecodeError:
        return 0


def main():
    print('/* Made by charset_table.py. */')
    print('static const uint16_t single_byte[][128] = {')
    for codec in CHARSETS:
        values = ', '.join('0x%04x' % code_point(codec, b) for b in range(128, 256))
        print('        {%s}, /* %s */' % (values, codec))
    print('};')
    print('static const struct {\n        const char *name;\n        unsigned table;\n} single_byte_names[] = {')
    for index, names in enumerate(CHARSETS.values()):
        for name in names.split():
            print('        {"%s", %d},' % (name, index))
    print('};')


main()

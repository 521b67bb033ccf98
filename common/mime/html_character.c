#include "mime/html.h"

#include <stdlib.h>

#include "mime/html_table.h"

/* A slice and the NUL-terminated name that a row begins with. */
static int compare_name(const void *key, const void *row)
{
        const struct slice *name = key;
        int r = strncmp(name->p, row, name->n);

        return r == 0 && ((const char *)row)[name->n] != '\0' ? -1 : r;
}

/* 0: no such name. */
static uint32_t character_named(struct slice name)
{
        const typeof(characters[0]) *row = NULL;

        if (name.n > 0 && name.n < sizeof(characters[0].name))
                row = bsearch(&name, characters, ARRAY_LEN(characters), sizeof(characters[0]), compare_name);
        return row ? row->code_point : 0;
}

/* "#233", "#xe9"; 0: it is none. */
static uint32_t character_numbered(struct slice name)
{
        /* what bytes 128 to 159 are in Windows-1252, as browsers read such references */
        static const uint16_t windows[] = {
                0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
                0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
                0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178,
        };
        bool hex = name.n > 1 && (name.p[1] == 'x' || name.p[1] == 'X');
        uint32_t n = 0, base = hex ? 16 : 10;

        for (size_t i = hex ? 2 : 1; i < name.n; i++) {
                char c = ascii_lower(name.p[i]);
                uint32_t digit = ascii_isdigit(c) ? (uint32_t)(c - '0') : (uint32_t)(c - 'a') + 10;

                if (digit >= base)
                        return 0;
                n = MIN(n * base + digit, UINT32_C(0x110000));
        }
        if (name.n < (hex ? 3u : 2u))
                return 0;
        if (n >= 0x80 && n < 0xa0)
                return windows[n - 0x80];
        return n == 0 || n >= 0x110000 || (n >= 0xd800 && n < 0xe000) ? 0xfffd : n;
}

uint32_t html_character(struct slice name)
{
        return name.n > 0 && name.p[0] == '#' ? character_numbered(name) : character_named(name);
}

#ifndef BASE_SLICE_H
#define BASE_SLICE_H

/* A slice is a view of bytes somebody else owns; it may hold NULs and is not terminated.
 * The empty slice has n == 0, whatever p is. */

#include <string.h>

#include "base/macro.h"

struct slice {
        const char *p;
        size_t n;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_ARG(s)   (int)(s).n, (s).p /* for "%.*s" */
#define SLICE_NULL     ((struct slice){NULL, 0})

static inline struct slice slice_of(const char *cstr)
{
        return (struct slice){cstr, cstr ? strlen(cstr) : 0};
}

static inline struct slice slice_make(const void *p, size_t n)
{
        return (struct slice){p, n};
}

/* From offset to the end; an offset past the end gives the empty slice. */
static inline struct slice slice_from(struct slice s, size_t offset)
{
        if (offset > s.n)
                offset = s.n;
        return (struct slice){s.p ? s.p + offset : NULL, s.n - offset};
}

/* At most n bytes from the start. */
static inline struct slice slice_head(struct slice s, size_t n)
{
        return (struct slice){s.p, n < s.n ? n : s.n};
}

bool slice_eq(struct slice a, struct slice b);
/* ASCII case-insensitive. */
bool slice_ieq(struct slice a, struct slice b);
bool slice_starts(struct slice s, struct slice prefix);
bool slice_istarts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
/* memcmp order, shorter first. */
int slice_cmp(struct slice a, struct slice b);

/* Offset of the first c (or last), or s.n when there is none. */
size_t slice_find(struct slice s, char c);
size_t slice_rfind(struct slice s, char c);
size_t slice_count(struct slice s, char c);
/* Offset of the first occurrence of needle, or s.n. The empty needle is found at 0. */
size_t slice_find_slice(struct slice s, struct slice needle);

/* Without leading and trailing spaces, tabs, CR and LF. */
struct slice slice_trim(struct slice s);

/* Takes the part before the next sep (and eats the sep). False when *rest was empty. */
bool slice_split(struct slice *rest, char sep, struct slice *ret_part);

/* ASCII only, whatever the locale. */
static inline char ascii_lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
static inline char ascii_upper(char c)
{
        return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}
static inline bool ascii_isdigit(char c)
{
        return c >= '0' && c <= '9';
}
static inline bool ascii_isalpha(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

#endif

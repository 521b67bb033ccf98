#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static void (*fail_hook)(void);

void alloc_set_fail_hook(void (*hook)(void))
{
        fail_hook = hook;
}

static void *checked(void *p)
{
        if (p)
                return p;
        void (*hook)(void) = fail_hook;
        fail_hook = NULL;
        if (hook)
                hook();
        _exit(EX_OSERR);
}

void *xmalloc(size_t size)
{
        return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
        return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
        return checked(realloc(p, size ? size : 1));
}

char *xstrdup(const char *s)
{
        return checked(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
        char *p = xmalloc(n + 1);
        if (n)
                memcpy(p, s, n);
        p[n] = '\0';
        return p;
}

char *xasprintf(const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        char *s = NULL;
        int r = vasprintf(&s, fmt, ap);
        va_end(ap);
        return checked(r < 0 ? NULL : s);
}

void free_p(void *p)
{
        free(*(void **)p);
}

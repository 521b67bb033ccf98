#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

/* Allocation that never returns NULL: a process that meets its memory limit tells its client (the hook), logs
 * and exits. Everything a client controls is bounded elsewhere by a named limit, so this is a last resort
 * that costs one session. */

#include <stddef.h>

#include "base/macro.h"

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n); /* exactly n bytes, terminated */
char *xasprintf(const char *fmt, ...) _printf_(1, 2);

/* Called once, before the process exits for want of memory; must not allocate. */
void alloc_set_fail_hook(void (*hook)(void));

/* Cleanup helper for char * and friends: free(*(void **)p). */
void free_p(void *p);

#endif

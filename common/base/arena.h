#ifndef BASE_ARENA_H
#define BASE_ARENA_H

/* Memory with one lifetime: everything allocated from an arena is freed at once by arena_reset() or
 * arena_free(). One arena lives as long as the session, another as long as one command. */

#include "base/macro.h"
#include "base/slice.h"

struct arena {
        struct arena_block *block; /* newest first */
        size_t used;               /* bytes handed out since the last reset */
};

/* Never NULL; zeroed; aligned for any type. */
void *arena_alloc(struct arena *a, size_t size);
#define arena_new(a, type)          ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, count) ((type *)arena_alloc_array((a), (count), sizeof(type)))
void *arena_alloc_array(struct arena *a, size_t count, size_t size);

/* Copies; the result is NUL-terminated beyond its n bytes. */
struct slice arena_slice(struct arena *a, struct slice s);
char *arena_str(struct arena *a, struct slice s);
char *arena_printf(struct arena *a, const char *fmt, ...) _printf_(2, 3);

/* Forgets everything but keeps one block for the next use. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);
/* As arena_free(), overwriting the content first. */
void arena_wipe(struct arena *a);

#endif

#ifndef STORE_ERROR_H
#define STORE_ERROR_H

/* The text behind store_error(). */

#include "base/buf.h"
#include "store/store.h"

/* Keeps "call(path) failed: why" and returns r, which is -errno. Without permission it also tells the ids,
 * the permission that is missing and on what, in Dovecot's words. */
int error_set(struct store *s, int r, const char *call, const char *path);
/* As error_set() for dir "/" name; name may be empty. */
int error_set_at(struct store *s, int r, const char *call, const char *dir, const char *name);
/* Keeps a text of its own. */
int error_text(struct store *s, int r, const char *fmt, ...) _printf_(3, 4);

#endif

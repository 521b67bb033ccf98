#ifndef STORE_UIDVALIDITY_H
#define STORE_UIDVALIDITY_H

/* A UIDVALIDITY that no folder of this user had before. Dovecot keeps the last one it gave in
 * `dovecot-uidvalidity` (8 hex digits) and, as the file that is renamed to take the next number, in the name
 * of `dovecot-uidvalidity.<8 hex digits>`; both are kept the same way here. */

#include "store/perm.h"

/* At least the time. The files lie in the directory `dirfd`; when they cannot be written, it is the time
 * alone. */
uint32_t uidvalidity_next(int dirfd, const struct perm *perm);

#endif

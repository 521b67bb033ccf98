#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills from getrandom(2); ends the process when the kernel cannot. */
void random_bytes(void *to, size_t n);
uint32_t random_u32(void);

#endif

#ifndef BASE_MACRO_H
#define BASE_MACRO_H

/* The few macros every file uses. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Runs f(&variable) when the variable goes out of scope. */
#define _cleanup_(f) __attribute__((cleanup(f)))

/* Gives the pointer (or descriptor) on to a new owner and forgets it here. */
#define TAKE_PTR(p)                                                                                          \
        ({                                                                                                   \
                __typeof__(p) *take_ = &(p);                                                                 \
                __typeof__(p) taken_ = *take_;                                                               \
                *take_ = NULL;                                                                               \
                taken_;                                                                                      \
        })
#define TAKE_FD(fd)                                                                                          \
        ({                                                                                                   \
                int *take_ = &(fd);                                                                          \
                int taken_ = *take_;                                                                         \
                *take_ = -1;                                                                                 \
                taken_;                                                                                      \
        })

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)    ((a) < (b) ? (a) : (b))
#define MAX(a, b)    ((a) > (b) ? (a) : (b))

#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
#define _noreturn_          __attribute__((noreturn))
#define _unused_            __attribute__((unused))

#endif

#ifndef STORE_CHANGE_LOG_H
#define STORE_CHANGE_LOG_H

/* The operations of a transaction as bytes, for change_log.c, which notes them, and change_apply.c. */

#include <stddef.h>

#include "store/index.h"

enum op {
        OP_ADD = 1,
        OP_SET = 2,
        OP_FLAGS = 3,
        OP_EXPUNGE = 4,
        OP_CLAIM = 5,
        OP_TRUTH = 6,
        OP_SIZE = 7,
        OP_NOTE = 8,
        OP_CACHE = 9,
        OP_FIELDS = 10,
        OP_INTENT = 11,
        OP_MODSEQ = 12,
        OP_SUM = 13,
};

struct op_head {
        uint16_t type, zero;
        uint32_t size; /* of what follows, without padding to 8 */
};

struct op_add {
        struct record record; /* name, hash and cache are of no meaning */
        uint16_t base_n, fields_n, info_n, zero;
};

struct op_set {
        uint32_t uid;
        uint16_t in_new, info_n;
};

struct op_flags {
        struct index_flags flags;
        uint16_t zero;
        uint32_t ranges_n;
};

struct op_range {
        uint32_t low, high;
};

struct op_size {
        uint32_t uid, counted;
        uint64_t size;
        int64_t date;
};

struct op_note {
        uint64_t note;
        uint32_t uid, zero;
};

struct op_cache {
        uint64_t id;
        uint32_t uid, offset;
};

struct op_fields {
        uint32_t uid;
        uint16_t fields_n, zero;
};

struct op_sum {
        struct index_counts counts;
        uint64_t modseq; /* as in struct index_head */
        uint32_t nextuid, zero;
};

/* What is missing to a multiple of 8 behind n bytes. */
static inline size_t op_padding(size_t n)
{
        return -n & 7;
}

#endif

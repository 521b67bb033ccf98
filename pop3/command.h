#ifndef POP3_COMMAND_H
#define POP3_COMMAND_H

/* One line of a client becomes a typed command. Pure: no I/O, nothing is allocated, slices point into the
 * line. RFC 1939; CAPA: RFC 2449; AUTH: RFC 5034; STLS: RFC 2595. */

#include "base/slice.h"

enum {
        /* AUTH with an initial response in base 64 holds three texts of SASL_TEXT_MAX bytes and its own name;
         * everything else fits the 255 bytes of RFC 2449 section 4 */
        POP3_LINE_MAX = 8 * 1024,
};

enum pop3_command_id {
        POP3_AUTH,
        POP3_CAPA,
        POP3_DELE,
        POP3_LAST,
        POP3_LIST,
        POP3_NOOP,
        POP3_PASS,
        POP3_QUIT,
        POP3_RETR,
        POP3_RSET,
        POP3_STAT,
        POP3_STLS,
        POP3_TOP,
        POP3_UIDL,
        POP3_USER,
        POP3_COMMAND_COUNT,
};

/* RFC 1939 section 3. */
enum {
        POP3_AUTHORIZATION = 1 << 0,
        POP3_TRANSACTION = 1 << 1,
};

struct pop3_command {
        enum pop3_command_id id;
        uint32_t message; /* LIST, UIDL: 0 when none was named; RETR, DELE, TOP */
        bool has_message;
        uint64_t lines;         /* TOP */
        struct slice text;      /* USER: the name; PASS: the password, spaces and all */
        struct slice mechanism; /* AUTH; empty: none was named */
        bool has_initial; /* AUTH: "=" stands for an initial response that is empty (RFC 5034 section 4) */
        struct slice initial; /* still in base 64 */
};

/* Why a line was refused: "text" followed by "detail", which is a part of the line, printable and short. */
struct pop3_error {
        const char *text;
        struct slice detail;
};

/* 0; -EINVAL with *ret_error: no command, one that the state does not have, or wrong arguments. The message
 * number is any number of 32 bits, 0 too: whether there is such a message is the session's matter. */
int pop3_command_parse(struct slice line, unsigned state, struct pop3_command *ret,
                       struct pop3_error *ret_error);

#endif

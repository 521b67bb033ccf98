#ifndef PRIV_MESSAGE_H
#define PRIV_MESSAGE_H

/* What the edge and the monitor say to each other, over a SOCK_SEQPACKET pair: one packet a message, a type
 * and length-checked byte fields, no memory images, no descriptors. The table in message.c says who may send
 * which, with how many fields of which length; a packet that does not fit is -EPROTO and ends the connection.
 */

#include "base/buf.h"

enum role_message_type {
        /* edge to monitor */
        ROLE_LOGIN = 1, /* mechanism, authzid, user, password, "tls" or "" */
        ROLE_HAND_OVER, /* tag, unread input, TLS description or "" */
        ROLE_QUIT,      /* reason, TLS description or "", note for the log or "", what to say
                           instead of the number of attempts or "" */
        /* monitor to edge */
        ROLE_LOGIN_RESULT, /* one digit (enum edge_login), text or "" */
};

enum { ROLE_FIELDS_MAX = 5, ROLE_MESSAGE_MAX = 96 * 1024 };

struct role_message {
        enum role_message_type type;
        struct slice field[ROLE_FIELDS_MAX]; /* views into the buffer it was received in */
};

enum role_sender { SENT_BY_EDGE, SENT_BY_MONITOR };

/* 0; -EMSGSIZE when a field is longer than its type allows; -EPIPE; -errno. */
int role_send(int fd, const struct role_message *m);

/* Waits for one message of `from` in `in` (emptied first; it may hold a password: wipe it). 0; -EPIPE when
 * the other end is gone; -EPROTO when the packet is none of its messages; -errno. */
int role_receive(int fd, enum role_sender from, struct buf *in, struct role_message *ret);

/* The pure half of role_receive(). */
int role_decode(struct slice packet, enum role_sender from, struct role_message *ret);

#endif

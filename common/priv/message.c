#include "priv/message.h"

#include <errno.h>
#include <sys/socket.h>

enum {
        SHORT_FIELD = 512,
        CREDENTIAL_FIELD = 1024, /* SASL_TEXT_MAX */
        INPUT_FIELD = 64 * 1024, /* CONN_INPUT_MAX: what the edge can have read ahead */
};

static const struct {
        enum role_message_type type;
        enum role_sender from;
        unsigned fields;
        uint32_t max[ROLE_FIELDS_MAX];
} table[] = {
        {ROLE_LOGIN, SENT_BY_EDGE, 5, {SHORT_FIELD, CREDENTIAL_FIELD, CREDENTIAL_FIELD, CREDENTIAL_FIELD, 3}},
        {ROLE_HAND_OVER, SENT_BY_EDGE, 3, {8 * 1024, INPUT_FIELD, SHORT_FIELD}},
        {ROLE_QUIT, SENT_BY_EDGE, 4, {SHORT_FIELD, SHORT_FIELD, SHORT_FIELD, SHORT_FIELD}},
        {ROLE_LOGIN_RESULT, SENT_BY_MONITOR, 2, {1, SHORT_FIELD}},
};

/* On the wire: the type, then for each field its length and its bytes; numbers in the host's order. */
static void put_u32(struct buf *b, uint32_t v)
{
        buf_append(b, slice_make(&v, sizeof(v)));
}

static bool take_u32(struct slice *s, uint32_t *ret)
{
        if (s->n < sizeof(*ret))
                return false;
        memcpy(ret, s->p, sizeof(*ret));
        *s = slice_from(*s, sizeof(*ret));
        return true;
}

static int row_of(uint32_t type)
{
        for (size_t i = 0; i < ARRAY_LEN(table); i++)
                if (table[i].type == type)
                        return (int)i;
        return -1;
}

int role_send(int fd, const struct role_message *m)
{
        _cleanup_(buf_wipe) struct buf b = BUF_BOUNDED(ROLE_MESSAGE_MAX);
        int row = row_of(m->type);
        if (row < 0)
                return -EINVAL;
        put_u32(&b, m->type);
        for (unsigned i = 0; i < table[row].fields; i++) {
                if (m->field[i].n > table[row].max[i])
                        return -EMSGSIZE;
                put_u32(&b, (uint32_t)m->field[i].n);
                buf_append(&b, m->field[i]);
        }
        if (b.error)
                return -EMSGSIZE;
        for (;;) {
                if (send(fd, b.p, b.n, MSG_NOSIGNAL) >= 0)
                        return 0;
                if (errno != EINTR)
                        return errno == ECONNRESET ? -EPIPE : -errno;
        }
}

int role_decode(struct slice packet, enum role_sender from, struct role_message *ret)
{
        struct role_message m = {0};
        uint32_t type;
        int row = take_u32(&packet, &type) ? row_of(type) : -1;
        if (row < 0 || table[row].from != from)
                return -EPROTO;
        m.type = table[row].type;
        for (unsigned i = 0; i < table[row].fields; i++) {
                uint32_t n;
                if (!take_u32(&packet, &n) || n > table[row].max[i] || n > packet.n)
                        return -EPROTO;
                m.field[i] = slice_head(packet, n);
                packet = slice_from(packet, n);
        }
        if (packet.n)
                return -EPROTO;
        *ret = m;
        return 0;
}

/* recv() over interruptions; 0 is a peer that is gone. */
static ssize_t receive(int fd, void *to, size_t n, int flags)
{
        for (;;) {
                ssize_t r = recv(fd, to, n, flags);
                if (r >= 0)
                        return r ? r : -EPIPE;
                if (errno != EINTR)
                        return errno == ECONNRESET ? -EPIPE : -errno;
        }
}

int role_receive(int fd, enum role_sender from, struct buf *in, struct role_message *ret)
{
        buf_wipe(in);
        /* its size first: the monitor becomes a session, and what it touches of the largest message's room
         * would stay its */
        ssize_t n = receive(fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
        if (n < 0)
                return (int)n;
        if (n > ROLE_MESSAGE_MAX)
                return -EPROTO;
        n = receive(fd, buf_reserve(in, (size_t)n), (size_t)n, MSG_TRUNC);
        if (n < 0)
                return (int)n;
        in->n = (size_t)n;
        return role_decode(buf_slice(in), from, ret);
}

#include "auth/sasl.h"

/* PLAIN is at most authzid NUL user NUL password. */
enum { PLAIN_MAX = 3 * SASL_TEXT_MAX + 2 };

enum { STEP_START, STEP_RESPONSE, STEP_PASSWORD, STEP_DONE };

static const struct sasl_mechanism mechanisms[] = {
        {"PLAIN", true},
        {"LOGIN", true},
};

static bool is_plain(const struct sasl *s)
{
        return s->mechanism == &mechanisms[0];
}

const struct sasl_mechanism *sasl_mechanism_at(size_t i)
{
        return i < ARRAY_LEN(mechanisms) ? &mechanisms[i] : NULL;
}

const struct sasl_mechanism *sasl_mechanism(struct slice name, const struct settings_list *enabled)
{
        for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
                if (!slice_ieq(name, slice_of(mechanisms[i].name)))
                        continue;
                for (size_t j = 0; j < enabled->count; j++)
                        if (slice_ieq(name, slice_of(enabled->items[j])))
                                return &mechanisms[i];
        }
        return NULL;
}

void sasl_init(struct sasl *s, const struct sasl_mechanism *mechanism)
{
        *s = (struct sasl){
                .mechanism = mechanism,
                .step = STEP_START,
                .user = BUF_BOUNDED(SASL_TEXT_MAX),
                .secret = BUF_BOUNDED(PLAIN_MAX),
        };
}

/* authzid NUL user NUL password, as RFC 4616 section 2 has it. */
static bool plain_parse(struct slice message, struct sasl_credentials *ret)
{
        size_t first = slice_find(message, '\0');
        if (first == message.n)
                return false;
        struct slice rest = slice_from(message, first + 1);
        size_t second = slice_find(rest, '\0');
        if (second == rest.n)
                return false;
        struct sasl_credentials c = {
                .authzid = slice_head(message, first),
                .user = slice_head(rest, second),
                .password = slice_from(rest, second + 1),
        };
        if (slice_find(c.password, '\0') != c.password.n || c.authzid.n > SASL_TEXT_MAX ||
            c.user.n > SASL_TEXT_MAX || c.password.n > SASL_TEXT_MAX)
                return false;
        *ret = c;
        return true;
}

static enum sasl_result plain_step(struct sasl *s, bool has_response, struct slice response,
                                   struct slice *ret_challenge)
{
        if (!has_response && s->step == STEP_START) {
                s->step = STEP_RESPONSE;
                *ret_challenge = SLICE_NULL;
                return SASL_CONTINUE;
        }
        struct sasl_credentials ignored;
        if (!has_response || !plain_parse(response, &ignored) || buf_append(&s->secret, response) < 0)
                return SASL_INVALID;
        s->step = STEP_DONE;
        return SASL_DONE;
}

/* Where each response of LOGIN goes. */
static bool login_keep(struct buf *to, struct slice response)
{
        return response.n <= SASL_TEXT_MAX && slice_find(response, '\0') == response.n &&
               buf_append(to, response) == 0;
}

static enum sasl_result login_step(struct sasl *s, bool has_response, struct slice response,
                                   struct slice *ret_challenge)
{
        /* an empty initial response asks for the prompt, as no response does */
        if (s->step == STEP_START && response.n == 0) {
                s->step = STEP_RESPONSE;
                *ret_challenge = SLICE("Username:");
                return SASL_CONTINUE;
        }
        if (!has_response)
                return SASL_INVALID;
        if (s->step != STEP_PASSWORD) {
                if (!login_keep(&s->user, response))
                        return SASL_INVALID;
                s->step = STEP_PASSWORD;
                *ret_challenge = SLICE("Password:");
                return SASL_CONTINUE;
        }
        if (!login_keep(&s->secret, response))
                return SASL_INVALID;
        s->step = STEP_DONE;
        return SASL_DONE;
}

enum sasl_result sasl_step(struct sasl *s, bool has_response, struct slice response,
                           struct slice *ret_challenge)
{
        if (s->step == STEP_DONE)
                return SASL_INVALID;
        if (!has_response)
                response = SLICE_NULL;
        return is_plain(s) ? plain_step(s, has_response, response, ret_challenge)
                           : login_step(s, has_response, response, ret_challenge);
}

struct sasl_credentials sasl_credentials(const struct sasl *s)
{
        struct sasl_credentials c = {0};
        if (s->step != STEP_DONE)
                return c;
        if (is_plain(s))
                plain_parse(buf_slice(&s->secret), &c);
        else
                c = (struct sasl_credentials){.user = buf_slice(&s->user), .password = buf_slice(&s->secret)};
        return c;
}

void sasl_free(struct sasl *s)
{
        buf_wipe(&s->user);
        buf_wipe(&s->secret);
        s->step = STEP_START;
}

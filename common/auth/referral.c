#include "auth/referral.h"

#include "base/number.h"

/* RFC 5092's iserver has what RFC 3986 allows in a host; what would end it, or the response code, is refused.
 */
static bool is_host(const char *host)
{
        for (const char *p = host; *p; p++)
                if (!ascii_isalpha(*p) && !ascii_isdigit(*p) && !strchr(".-_:[]", *p))
                        return false;
        return *host;
}

static bool is_port(const char *port)
{
        uint32_t number;
        return slice_to_u32(slice_of(port), &number) == 0 && number > 0 && number <= UINT16_MAX;
}

/* RFC 3986 unreserved characters as they are, all others as %HH. */
static void append_escaped(struct buf *to, const char *user)
{
        for (const char *p = user; *p; p++) {
                if (ascii_isalpha(*p) || ascii_isdigit(*p) || strchr("-._~", *p))
                        buf_char(to, *p);
                else
                        buf_printf(to, "%%%02X", (unsigned char)*p);
        }
}

/* One line of printable text that does not begin with a response code. */
static bool is_text(const char *text)
{
        for (const char *p = text; *p; p++)
                if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
                        return false;
        return *text && *text != '[';
}

const char *referral_text(const struct auth_call *c, const struct auth_fields *f, const char **ret_error)
{
        _cleanup_(buf_free) struct buf text = {0};
        if (f->reason && !is_text(f->reason)) {
                *ret_error = "the field \"reason\" is no line of text";
                return NULL;
        }
        if (!f->host || strcmp(c->request->service, "imap") != 0)
                return f->reason ? f->reason : "This account may not log in.";
        if (!is_host(f->host) || (f->port && !is_port(f->port))) {
                *ret_error = "the fields \"host\" and \"port\" do not name a server";
                return NULL;
        }
        buf_str(&text, "[REFERRAL imap://");
        append_escaped(&text, f->destuser && *f->destuser ? f->destuser : c->user);
        buf_printf(&text, ";AUTH=*@%s%s%s/] %s", f->host, f->port ? ":" : "", f->port ? f->port : "",
                   f->reason ? f->reason : "Try this server instead.");
        return arena_str(c->arena, buf_slice(&text));
}

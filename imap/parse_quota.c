/* GETQUOTA and SETQUOTA (RFC 9208 section 7). GETQUOTAROOT has a mailbox alone. */

#include "base/number.h"
#include "imap/parse.h"

int parse_getquota(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        return r < 0 ? r : lexer_astring(l, &c->quota.root);
}

static int parse_resource(struct lexer *l, struct imap_command *c)
{
        struct imap_resource resource = {0};
        int r = lexer_atom(l, &resource.name);
        if (r == 0)
                r = lexer_space(l);
        if (r == 0)
                r = lexer_number64(l, &resource.limit);
        if (r < 0)
                return r;
        if (c->quota.n == PARSE_RESOURCES_MAX)
                return lexer_fail(l, "Too many resources");
        c->quota.resources = lexer_grow(l, c->quota.resources, c->quota.n, sizeof(*c->quota.resources));
        c->quota.resources[c->quota.n++] = resource;
        return 0;
}

int parse_setquota(struct lexer *l, struct imap_command *c)
{
        int r = parse_getquota(l, c);
        if (r == 0)
                r = lexer_space(l);
        if (r == 0)
                r = lexer_list_start(l);
        if (r < 0)
                return r;
        bool end = lexer_take(l, ')');
        while (r == 0 && !end) {
                r = parse_resource(l, c);
                if (r == 0)
                        r = lexer_list_next(l, &end);
        }
        return r;
}

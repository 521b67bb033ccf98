#include "auth/fields.h"

#include <errno.h>

enum kind {
        KIND_PASSDB,
        KIND_USERDB,
        KIND_USERDB_LATER, /* expanded by who uses it, when the home is known */
        KIND_REFUSED,      /* passing over it would serve the wrong mail, or serve it with fewer walls */
};

static const struct field {
        const char *name;
        enum kind kind;
        bool userdb; /* only among a userdb's fields */
        size_t offset;
} fields[] = {
#define AT(member) offsetof(struct auth_fields, member)
        {"password", KIND_PASSDB, false, AT(password)},
        {"nopassword", KIND_PASSDB, false, AT(nopassword)},
        {"nologin", KIND_PASSDB, false, AT(nologin)},
        {"reason", KIND_PASSDB, false, AT(reason)},
        {"host", KIND_PASSDB, false, AT(host)},
        {"port", KIND_PASSDB, false, AT(port)},
        {"destuser", KIND_PASSDB, false, AT(destuser)},
        {"allow_nets", KIND_PASSDB, false, AT(allow_nets)},
        {"user", KIND_REFUSED, false, 0},
        {"proxy", KIND_REFUSED, false, 0},
        {"proxy_maybe", KIND_REFUSED, false, 0},
        {"uid", KIND_USERDB, true, AT(uid)},
        {"gid", KIND_USERDB, true, AT(gid)},
        {"home", KIND_USERDB, true, AT(home)},
        {"mail", KIND_USERDB_LATER, true, AT(mail)},
        {"mail_location", KIND_USERDB_LATER, true, AT(mail)},
        {"quota_rule", KIND_USERDB_LATER, true, AT(quota_rule[0])},
        {"quota_rule2", KIND_USERDB_LATER, true, AT(quota_rule[1])},
        {"quota_rule3", KIND_USERDB_LATER, true, AT(quota_rule[2])},
        {"quota_rule4", KIND_USERDB_LATER, true, AT(quota_rule[3])},
        {"quota_rule5", KIND_USERDB_LATER, true, AT(quota_rule[4])},
        {"quota_rule6", KIND_USERDB_LATER, true, AT(quota_rule[5])},
        {"quota_rule7", KIND_USERDB_LATER, true, AT(quota_rule[6])},
        {"quota_rule8", KIND_USERDB_LATER, true, AT(quota_rule[7])},
        {"quota_rule9", KIND_USERDB_LATER, true, AT(quota_rule[8])},
        {"user", KIND_REFUSED, true, 0},
        {"chroot", KIND_REFUSED, true, 0},
        {"mail_chroot", KIND_REFUSED, true, 0},
#undef AT
};

bool fields_next(struct slice *rest, struct slice *ret_name, struct slice *ret_value)
{
        struct slice word = SLICE_NULL;
        while (word.n == 0)
                if (!slice_split(rest, ' ', &word))
                        return false;
        size_t at = slice_find(word, '=');
        *ret_name = slice_head(word, at);
        *ret_value = slice_from(word, at + 1);
        return true;
}

bool fields_yes(const char *value)
{
        struct slice v = slice_of(value);
        return value && !slice_ieq(v, SLICE("n")) && !slice_ieq(v, SLICE("no"));
}

const char *fields_text(struct arena *arena, const struct auth_fields *f, bool of_userdb)
{
        _cleanup_(buf_free) struct buf b = {0};
        for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
                const char *value;
                if (fields[i].kind == KIND_REFUSED ||
                    fields[i].offset == offsetof(struct auth_fields, password))
                        continue;
                memcpy(&value, (const char *)f + fields[i].offset, sizeof(value));
                bool same = i > 0 && fields[i - 1].userdb && fields[i].offset == fields[i - 1].offset;
                if (value && !same)
                        buf_printf(&b, "%s%s%s=%s", b.n ? " " : "",
                                   fields[i].userdb && !of_userdb ? "userdb_" : "", fields[i].name, value);
        }
        return arena_str(arena, buf_slice(&b));
}

static const struct field *find_field(struct slice name, bool userdb)
{
        for (size_t i = 0; i < ARRAY_LEN(fields); i++)
                if (fields[i].userdb == userdb && slice_ieq(name, slice_of(fields[i].name)))
                        return &fields[i];
        return NULL;
}

static int apply(const struct auth_call *c, const struct field *f, struct slice value, struct auth_fields *to,
                 const char **ret_error)
{
        if (f->kind == KIND_REFUSED) {
                *ret_error = arena_printf(c->arena, "the field \"%s\" is not served", f->name);
                return -EINVAL;
        }
        to->has_userdb |= f->userdb;
        const char **slot = (const char **)(void *)((char *)to + f->offset);
        if (*slot)
                return 0;
        const char *text = arena_str(c->arena, value), *why;
        if (f->kind == KIND_USERDB_LATER || !strchr(text, '%')) {
                *slot = text;
                return 0;
        }
        if (call_expand(c, text, slot, &why) < 0) {
                *ret_error = arena_printf(c->arena, "field %s: %s", f->name, why);
                return -EINVAL;
        }
        return 0;
}

int fields_apply(const struct auth_call *c, const char *text, enum fields_of of, struct auth_fields *to,
                 const char **ret_error)
{
        struct slice rest = slice_of(text), name, value;
        while (fields_next(&rest, &name, &value)) {
                bool prefixed = slice_istarts(name, SLICE("userdb_"));
                bool userdb = of == FIELDS_USERDB || prefixed;
                if (prefixed)
                        name = slice_from(name, strlen("userdb_"));
                if (of == FIELDS_USERDB_OF_ENTRY && !prefixed)
                        continue;
                const struct field *f = find_field(name, userdb);
                int r = f ? apply(c, f, value, to, ret_error) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

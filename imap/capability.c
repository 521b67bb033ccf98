#include "imap/capability.h"

#include "auth/sasl.h"

enum when { ALWAYS, AFTER_LOGIN };

/* Larger files fail in many clients. */
#define APPEND_MAX_SIZE (UINT64_C(2) << 30)

static bool has_plugin(const struct settings *s, const char *name)
{
        for (size_t i = 0; i < s->mail_plugins.count; i++)
                if (strcmp(s->mail_plugins.items[i], name) == 0)
                        return true;
        return false;
}

bool imap_has_quota(const struct settings *s)
{
        return has_plugin(s, "quota") && has_plugin(s, "imap_quota") && *s->quota;
}

static bool has_quotaset(const struct settings *s)
{
        return imap_has_quota(s) && *s->quota_set;
}

static bool has_metadata(const struct settings *s)
{
        return s->imap_metadata;
}

/* Only what is done. IMAP4rev1 first: old clients look there. (A longer name would move all comments.) */
/* clang-format off */
static const struct {
        const char *name;
        enum when when;
        bool (*on)(const struct settings *); /* NULL: always */
} capabilities[] = {
        {"IMAP4rev1", ALWAYS},
        {"SASL-IR", ALWAYS},                  /* RFC 4959 */
        {"ID", ALWAYS},                       /* RFC 2971 */
        {"ENABLE", ALWAYS},                   /* RFC 5161 */
        {"IDLE", ALWAYS},                     /* RFC 2177 */
        {"LITERAL+", ALWAYS},                 /* RFC 7888 */
        {"NAMESPACE", AFTER_LOGIN},           /* RFC 2342 */
        {"CHILDREN", AFTER_LOGIN},            /* RFC 3348 */
        {"UNSELECT", AFTER_LOGIN},            /* RFC 3691 */
        {"UIDPLUS", AFTER_LOGIN},             /* RFC 4315 */
        {"MOVE", AFTER_LOGIN},                /* RFC 6851 */
        {"SPECIAL-USE", AFTER_LOGIN},         /* RFC 6154 */
        {"LIST-EXTENDED", AFTER_LOGIN},       /* RFC 5258 */
        {"LIST-STATUS", AFTER_LOGIN},         /* RFC 5819 */
        {"LIST-MYRIGHTS", AFTER_LOGIN},       /* RFC 8440 */
        {"CREATE-SPECIAL-USE", AFTER_LOGIN},  /* RFC 6154 */
        {"STATUS=SIZE", AFTER_LOGIN},         /* RFC 8438 */
        {"XLIST", AFTER_LOGIN},               /* Gmail's, before RFC 6154 */
        {"CONDSTORE", AFTER_LOGIN},           /* RFC 7162 */
        {"QRESYNC", AFTER_LOGIN},             /* RFC 7162 */
        {"UIDONLY", AFTER_LOGIN},             /* RFC 9586 */
        {"ESEARCH", AFTER_LOGIN},             /* RFC 4731 */
        {"SEARCHRES", AFTER_LOGIN},           /* RFC 5182 */
        {"PARTIAL", AFTER_LOGIN},             /* RFC 9394 */
        {"WITHIN", AFTER_LOGIN},              /* RFC 5032 */
        {"CONTEXT=SEARCH", AFTER_LOGIN},      /* RFC 5267 */
        {"MULTISEARCH", AFTER_LOGIN},         /* RFC 7377 */
        {"SEARCH=FUZZY", AFTER_LOGIN},        /* RFC 6203 */
        {"SORT", AFTER_LOGIN},                /* RFC 5256 */
        {"SORT=DISPLAY", AFTER_LOGIN},        /* RFC 5957 */
        {"ESORT", AFTER_LOGIN},               /* RFC 5267 */
        {"THREAD=ORDEREDSUBJECT", AFTER_LOGIN}, /* RFC 5256 */
        {"THREAD=REFERENCES", AFTER_LOGIN},   /* RFC 5256 */
        {"THREAD=REFS", AFTER_LOGIN},         /* Dovecot's: references alone */
#ifdef HAVE_UNISTRING
        {"I18NLEVEL=1", AFTER_LOGIN},         /* RFC 5255: letters beyond ASCII are folded, too */
#endif
        {"COMPRESS=DEFLATE", AFTER_LOGIN},    /* RFC 4978 */
        {"MULTIAPPEND", AFTER_LOGIN},         /* RFC 3502 */
        {"CATENATE", AFTER_LOGIN},            /* RFC 4469 */
        {"URL-PARTIAL", AFTER_LOGIN},         /* RFC 5550 */
        {"REPLACE", AFTER_LOGIN},             /* RFC 8508 */
        {"BINARY", AFTER_LOGIN},              /* RFC 3516 */
        {"QUOTA", AFTER_LOGIN, imap_has_quota}, /* RFC 9208, as the next three */
        {"QUOTA=RES-STORAGE", AFTER_LOGIN, imap_has_quota},
        {"QUOTA=RES-MESSAGE", AFTER_LOGIN, imap_has_quota},
        {"QUOTASET", AFTER_LOGIN, has_quotaset},
        {"METADATA", AFTER_LOGIN, has_metadata}, /* RFC 5464 */
        {"METADATA-SERVER", AFTER_LOGIN, has_metadata},
        {"LIST-METADATA", AFTER_LOGIN, has_metadata}, /* RFC 9590 */
};
/* clang-format on */

uint64_t imap_append_limit(const struct settings *settings)
{
        return APPEND_MAX_SIZE;
}

static void write_login_methods(struct conn *c, const struct imap_capability_state *state)
{
        const struct sasl_mechanism *m;
        if (state->can_start_tls)
                conn_puts(c, " STARTTLS");
        if (!state->plaintext_allowed)
                conn_puts(c, " LOGINDISABLED");
        for (size_t i = 0; (m = sasl_mechanism_at(i)); i++)
                if (sasl_mechanism(slice_of(m->name), &state->settings->auth_mechanisms) &&
                    (state->plaintext_allowed || !m->plaintext))
                        conn_printf(c, " AUTH=%s", m->name);
}

void imap_write_capabilities(struct conn *c, const struct imap_capability_state *state)
{
        struct slice setting = slice_trim(slice_of(state->settings->imap_capability));
        bool adds = slice_starts(setting, SLICE("+"));
        if (setting.n && !adds) {
                conn_write(c, setting);
        } else {
                const char *space = "";
                for (size_t i = 0; i < ARRAY_LEN(capabilities); i++) {
                        if (capabilities[i].when == AFTER_LOGIN && !state->logged_in)
                                continue;
                        if (capabilities[i].on && !capabilities[i].on(state->settings))
                                continue;
                        conn_printf(c, "%s%s", space, capabilities[i].name);
                        space = " ";
                }
                if (state->logged_in) /* RFC 7889: the same in all mailboxes */
                        conn_printf(c, " APPENDLIMIT=%llu",
                                    (unsigned long long)imap_append_limit(state->settings));
                struct slice more = slice_trim(slice_from(setting, 1));
                if (more.n)
                        conn_printf(c, " %.*s", SLICE_ARG(more));
        }
        /* how to log in is never the setting's business */
        if (!state->logged_in)
                write_login_methods(c, state);
}

/* The next word of the setting, or text in quotes. */
static bool next_word(struct slice *rest, struct slice *ret, bool *ret_quoted)
{
        *rest = slice_trim(*rest);
        if (rest->n == 0)
                return false;
        *ret_quoted = rest->p[0] == '"';
        if (*ret_quoted)
                *rest = slice_from(*rest, 1);
        size_t n = slice_find(*rest, *ret_quoted ? '"' : ' ');
        *ret = slice_head(*rest, n);
        *rest = slice_from(*rest, n + 1);
        return true;
}

static void write_quoted(struct conn *c, struct slice s)
{
        conn_puts(c, "\"");
        for (size_t i = 0; i < s.n; i++) {
                if (s.p[i] == '"' || s.p[i] == '\\')
                        conn_puts(c, "\\");
                conn_write(c, slice_make(s.p + i, 1));
        }
        conn_puts(c, "\"");
}

static void write_id_value(struct conn *c, struct slice key, struct slice value, bool quoted)
{
        bool own = !quoted && slice_eq(value, SLICE("*"));
        if (own && slice_ieq(key, SLICE("name")))
                conn_puts(c, "\"mailsession\"");
        else if (own && slice_ieq(key, SLICE("version")))
                conn_puts(c, "\"" MAILSESSION_VERSION "\"");
        else if (own)
                conn_puts(c, "NIL");
        else
                write_quoted(c, value);
}

void imap_write_id(struct conn *c, const struct settings *settings)
{
        struct slice rest = slice_trim(slice_of(settings->imap_id_send)), key, value;
        bool quoted;
        if (rest.n == 0)
                rest = SLICE("name *");
        conn_puts(c, "* ID (");
        for (const char *space = ""; next_word(&rest, &key, &quoted); space = " ") {
                if (!next_word(&rest, &value, &quoted)) {
                        value = SLICE("*");
                        quoted = false;
                }
                conn_puts(c, space);
                write_quoted(c, key);
                conn_puts(c, " ");
                write_id_value(c, key, value, quoted);
        }
        conn_puts(c, ")\r\n");
}

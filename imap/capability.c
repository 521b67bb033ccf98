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

static bool has_progress(const struct settings *s)
{
        return s->imap_progress_interval > 0;
}

/* Only what is done. IMAP4rev1 first: old clients look there. (A longer name would move all comments.) */
/* clang-format off */
static const struct capability {
        const char *name;
        enum when when;
        bool (*on)(const struct settings *); /* NULL: always */
        uint64_t (*value)(const struct settings *settings); /* stands behind it, with "=" */
} capabilities[] = {
        {"IMAP4rev1", ALWAYS},
        {"IMAP4rev2", ALWAYS},                /* RFC 9051 */
        {"SASL-IR", ALWAYS},                  /* RFC 4959 */
        {"LOGIN-REFERRALS", ALWAYS},          /* RFC 2221 */
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
        {"UTF8=ACCEPT", AFTER_LOGIN},         /* RFC 6855 */
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
        {"OBJECTID", AFTER_LOGIN},            /* RFC 8474 */
        {"SAVEDATE", AFTER_LOGIN},            /* RFC 8514 */
        {"PREVIEW", AFTER_LOGIN},             /* RFC 8970 */
        {"NOTIFY", AFTER_LOGIN},              /* RFC 5465 */
        {"INPROGRESS", AFTER_LOGIN, has_progress}, /* RFC 9585 */
        {"APPENDLIMIT", AFTER_LOGIN, .value = imap_append_limit}, /* RFC 7889: the same in all mailboxes */
};
/* clang-format on */

uint64_t imap_append_limit(const struct settings *settings)
{
        uint64_t own = settings->quota_max_mail_size;
        return own ? MIN(own, APPEND_MAX_SIZE) : APPEND_MAX_SIZE;
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

/* The words of a setting: "+A" and "A" add, "-A" removes. */
static bool next_word(struct slice *rest, char *ret_sign, struct slice *ret)
{
        do {
                if (!slice_split(rest, ' ', ret))
                        return false;
        } while (ret->n == 0);
        *ret_sign = ret->p[0] == '-' ? '-' : '+';
        if (ret->p[0] == '-' || ret->p[0] == '+')
                *ret = slice_from(*ret, 1);
        return true;
}

static bool has_word(struct slice words, char sign, struct slice name)
{
        struct slice word;
        char found;
        while (next_word(&words, &found, &word))
                if (found == sign && slice_ieq(word, name))
                        return true;
        return false;
}

static const struct capability *find(struct slice name)
{
        for (size_t i = 0; i < ARRAY_LEN(capabilities); i++)
                if (slice_ieq(name, slice_of(capabilities[i].name)))
                        return &capabilities[i];
        return NULL;
}

static bool is_whole_list(struct slice setting)
{
        return setting.n > 0 && setting.p[0] != '+' && setting.p[0] != '-';
}

/* `own` is the name's row, NULL: it has none. */
static bool is_announced(const struct imap_capability_state *state, struct slice name,
                         const struct capability *own)
{
        struct slice setting = slice_trim(slice_of(state->settings->imap_capability));
        if (has_word(state->client_words, '-', name) || has_word(setting, '-', name))
                return false;
        if (has_word(setting, '+', name))
                return true;
        return own && !is_whole_list(setting) && (own->when == ALWAYS || state->logged_in) &&
               (!own->on || own->on(state->settings));
}

bool imap_is_announced(const struct imap_capability_state *state, struct slice name)
{
        return is_announced(state, name, find(name));
}

void imap_write_capabilities(struct conn *c, const struct imap_capability_state *state)
{
        struct slice setting = slice_trim(slice_of(state->settings->imap_capability)), word;
        bool whole = is_whole_list(setting);
        const char *space = "";
        char sign;
        for (size_t i = 0; i < ARRAY_LEN(capabilities) && !whole; i++) {
                if (!is_announced(state, slice_of(capabilities[i].name), &capabilities[i]))
                        continue;
                conn_printf(c, "%s%s", space, capabilities[i].name);
                if (capabilities[i].value)
                        conn_printf(c, "=%llu", (unsigned long long)capabilities[i].value(state->settings));
                space = " ";
        }
        while (next_word(&setting, &sign, &word)) {
                if (!imap_is_announced(state, word) || (!whole && find(word)))
                        continue;
                conn_printf(c, "%s%.*s", space, SLICE_ARG(word));
                space = " ";
        }
        /* how to log in is never the setting's business */
        if (!state->logged_in)
                write_login_methods(c, state);
}

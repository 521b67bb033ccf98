#include "imap/id.h"

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

/* "*" at the end stands for any text. */
static bool matches(struct slice pattern, struct slice name)
{
        if (slice_ends(pattern, SLICE("*")))
                return slice_istarts(name, slice_head(pattern, pattern.n - 1));
        return slice_ieq(pattern, name);
}

struct slice imap_id_capability(const struct settings *settings, struct slice name)
{
        struct slice rest = slice_of(settings->imap_id_capability), entry, pattern;
        bool quoted;
        while (slice_split(&rest, ',', &entry))
                if (next_word(&entry, &pattern, &quoted) && matches(pattern, name))
                        return entry;
        return SLICE_NULL;
}

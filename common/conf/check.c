#include "conf/check.h"

#include <errno.h>

#include "conf/foreign.h"
#include "conf/net.h"
#include "conf/quota.h"
#include "conf/value.h"

/* A password or a list kept in a file of its own; keys and certificates are not read here. */
enum { FILE_VALUE_MAX = 64 * 1024 };

static const char *const served[] = {"imap", "pop3"};
static const char *const plugins[] = {"quota", "imap_quota"};
static const char *const filters[] = {"protocol", "local_name", "local", "remote"};

static bool is_one_of(const char *const *words, size_t count, const char *word)
{
        for (size_t i = 0; i < count; i++)
                if (strcmp(words[i], word) == 0)
                        return true;
        return false;
}

bool check_is_filter(const struct conf_node *n)
{
        return n->is_section && is_one_of(filters, ARRAY_LEN(filters), n->name);
}

bool check_is_served(const struct conf_node *n)
{
        return check_is_filter(n) && (strcmp(n->name, "protocol") != 0 || n->value[0] == '!' ||
                                      is_one_of(served, ARRAY_LEN(served), n->value));
}

/* The section of the table that a node of the tree is; filters are the top level. NULL: not known. */
static const struct conf_section *section_of(const struct conf_node *n)
{
        if (!n->parent || check_is_filter(n))
                return &conf_sections[0];
        const struct conf_section *parent = section_of(n->parent);
        return parent ? table_section(parent, n->name) : NULL;
}

const char *check_default_of(const struct conf_node *section, const char *key)
{
        for (const struct conf_node *n = section; n; n = n->parent) {
                const struct conf_section *in = section_of(n);
                const struct conf_setting *s = in ? table_setting(in, key) : NULL;
                if (s)
                        return s->initial;
        }
        return foreign_setting(&conf_sections[0], key) ? "" : NULL;
}

static void unknown(struct conf_reader *r, const struct conf_section *in, const struct conf_node *n,
                    const char *what)
{
        const char *place = in->name ? arena_printf(r->arena, " in %s { }", in->name) : "";
        for (size_t i = 0; i < conf_section_count && !n->is_section; i++)
                if (table_setting(&conf_sections[i], n->name)) {
                        if (conf_sections[i].name)
                                message_error(r->messages, n->at,
                                              "unknown setting '%s'%s: it belongs in %s { }", n->name, place,
                                              conf_sections[i].name);
                        else
                                message_error(r->messages, n->at,
                                              "unknown setting '%s'%s: it belongs outside all sections",
                                              n->name, place);
                        return;
                }
        struct message_nearest near = {.typed = n->name};
        for (size_t i = 0; i < in->count && !n->is_section; i++)
                if (in->settings[i].type != CONF_HEADING)
                        message_offer(&near, in->settings[i].name);
        for (size_t i = 1; i < conf_section_count && n->is_section; i++)
                if (conf_sections[i].parent == in)
                        message_offer(&near, conf_sections[i].name);
        for (size_t i = 0; i < ARRAY_LEN(filters) && n->is_section && !in->name; i++)
                message_offer(&near, filters[i]);
        if (near.name)
                message_error(r->messages, n->at, "unknown %s '%s'%s, did you mean '%s'?", what, n->name,
                              place, near.name);
        else
                message_error(r->messages, n->at, "unknown %s '%s'%s", what, n->name, place);
}

/* Puts the file's first line in place of its path. */
static bool take_file(struct conf_reader *r, struct conf_node *n)
{
        _cleanup_(buf_wipe) struct buf text = BUF_BOUNDED(FILE_VALUE_MAX);
        reader_watch(r, n->value);
        int error = r->io->read(r->io->context, n->value, &text);
        if (error < 0) {
                message_error(r->messages, n->at, "%s: cannot read %s: %s", n->name, n->value,
                              strerror(-error));
                return false;
        }
        if (memchr(text.p ? text.p : "", '\0', text.n)) {
                message_error(r->messages, n->at, "%s: %s is not text", n->name, n->value);
                return false;
        }
        struct slice line = slice_trim(buf_slice(&text));
        n->value = arena_str(r->arena, slice_trim(slice_head(line, slice_find(line, '\n'))));
        n->is_file = false;
        return true;
}

/* A key or certificate is only looked for: who cannot read it may still not need it. */
static void watch_file(struct conf_reader *r, const struct conf_node *n)
{
        struct conf_identity found;
        int error = r->io->identify(r->io->context, n->value, &found);
        reader_watch(r, n->value);
        if (error == 0 && !found.exists)
                message_error(r->messages, n->at, "%s: there is no file %s", n->name, n->value);
}

static void check_protocols(struct conf_reader *r, const struct conf_node *n,
                            const struct settings_list *list)
{
        for (size_t i = 0; i < list->count; i++) {
                const char *word = list->items[i];
                if (is_one_of(served, ARRAY_LEN(served), word))
                        continue;
                if (foreign_protocol(word))
                        message_warning(r->messages, n->at, "protocol '%s' is not served here", word);
                else
                        message_error(r->messages, n->at, "protocols: unknown protocol '%s'", word);
        }
}

static void check_networks(struct conf_reader *r, const struct conf_node *n, const struct settings_list *list)
{
        struct conf_net net;
        for (size_t i = 0; i < list->count; i++)
                if (conf_net_parse(slice_of(list->items[i]), &net) < 0)
                        message_error(r->messages, n->at, "%s: '%s' is no address or network", n->name,
                                      list->items[i]);
}

static void check_plugins(struct conf_reader *r, const struct conf_node *n, const struct settings_list *list)
{
        for (size_t i = 0; i < list->count; i++)
                if (!is_one_of(plugins, ARRAY_LEN(plugins), list->items[i]))
                        message_warning(r->messages, n->at, "mail_plugins: '%s' has no effect here",
                                        list->items[i]);
}

static void check_quota(struct conf_reader *r, const struct conf_node *n)
{
        _cleanup_(arena_free) struct arena scratch = {0};
        struct quota_root root = {0};
        const char *why = NULL;
        if (strcmp(n->name, "quota") == 0)
                why = quota_root_parse(&scratch, n->value, &root);
        else if (strncmp(n->name, "quota_rule", strlen("quota_rule")) == 0 && n->value[0])
                why = quota_rule_add(&scratch, &root, n->value);
        else if (strcmp(n->name, "quota_set") == 0 && n->value[0] && strcmp(n->value, "maildirsize") != 0)
                why = "only maildirsize is served";
        if (why)
                message_error(r->messages, n->at, "%s: %s", n->name, why);
}

/* A second root would leave limits unobserved that somebody counts on. */
static void foreign_plugin_setting(struct conf_reader *r, const struct conf_node *n)
{
        if (strcmp(n->name, "quota2") == 0)
                message_error(r->messages, n->at, "quota2: only one quota root is served");
        else
                message_warning(r->messages, n->at, "'%s' in plugin { } has no effect here", n->name);
}

static bool differs_from_default(const struct conf_setting *s, const struct conf_section *in,
                                 const void *parsed)
{
        _cleanup_(arena_free) struct arena scratch = {0};
        _cleanup_(buf_free) struct buf now = {0}, initial = {0};
        void *defaults = arena_alloc(&scratch, in->size);
        value_parse(s, s->initial, false, &scratch, defaults);
        value_format(s, parsed, &now);
        value_format(s, defaults, &initial);
        return !slice_eq(buf_slice(&now), buf_slice(&initial));
}

static void check_setting(struct conf_reader *r, const struct conf_section *in, struct conf_node *n)
{
        const struct conf_setting *s = table_setting(in, n->name);
        if (!s) {
                if (in->flat)
                        foreign_plugin_setting(r, n);
                else if (foreign_setting(in, n->name))
                        message_warning(r->messages, n->at, "'%s' is known to Dovecot and has no effect here",
                                        n->name);
                else
                        unknown(r, in, n, "setting");
                return;
        }
        if (n->is_file && s->type == CONF_FILE)
                watch_file(r, n);
        else if (n->is_file && !take_file(r, n))
                return;
        _cleanup_(arena_free) struct arena scratch = {0};
        char *parsed = arena_alloc(&scratch, in->size);
        const char *why = value_parse(s, n->value, n->is_file, &scratch, parsed);
        const struct settings_list *list = (const void *)(parsed + s->offset);
        if (!why && (s->flags & CONF_NOT_YET) && differs_from_default(s, in, parsed))
                message_warning(r->messages, n->at, "'%s' has no effect yet", n->name);
        if (why)
                message_error(r->messages, n->at, "%s: %s", n->name, why);
        else if (strcmp(n->name, "protocols") == 0)
                check_protocols(r, n, list);
        else if (strcmp(n->name, "mail_plugins") == 0)
                check_plugins(r, n, list);
        else if (in->flat)
                check_quota(r, n);
        else if (s->type == CONF_LIST && slice_ends(slice_of(n->name), SLICE("_networks")))
                check_networks(r, n, list);
}

/* False: its contents are not for us. */
static bool check_filter(struct conf_reader *r, const struct conf_section *in, const struct conf_node *n)
{
        struct conf_net net;
        if (n->parent->parent && !check_is_filter(n->parent)) {
                message_error(r->messages, n->at, "%s { } cannot be inside %s { }", n->name, in->name);
                return false;
        }
        if (strcmp(n->name, "protocol") == 0) {
                const char *name = n->value + (n->value[0] == '!');
                if (is_one_of(served, ARRAY_LEN(served), name) || (name > n->value && foreign_protocol(name)))
                        return true;
                if (foreign_protocol(name))
                        message_warning(r->messages, n->at, "protocol '%s' is not served here", name);
                else
                        message_error(r->messages, n->at, "protocol: unknown protocol '%s'", name);
                return false;
        }
        if (n->value[0] == '\0')
                message_error(r->messages, n->at, "%s needs a name: %s NAME {", n->name, n->name);
        else if (strcmp(n->name, "local_name") != 0 && conf_net_parse(slice_of(n->value), &net) < 0)
                message_error(r->messages, n->at, "%s: '%s' is no address or network", n->name, n->value);
        return true;
}

static void check_section(struct conf_reader *r, struct conf_node *section, const struct conf_section *in)
{
        for (struct conf_node *n = section->children; n; n = n->next) {
                if (!n->is_section) {
                        check_setting(r, in, n);
                } else if (check_is_filter(n)) {
                        if (check_filter(r, in, n))
                                check_section(r, n, in);
                } else if (table_section(in, n->name)) {
                        check_section(r, n, table_section(in, n->name));
                } else if (foreign_section(in, n->name)) {
                        message_warning(r->messages, n->at,
                                        "%s { } is known to Dovecot and has no effect here", n->name);
                } else {
                        unknown(r, in, n, "section");
                }
        }
}

void check_tree(struct conf_reader *r, struct conf_node *root)
{
        check_section(r, root, &conf_sections[0]);
}

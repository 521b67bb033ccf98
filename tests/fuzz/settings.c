/* The settings reader: the input is a settings file, or several behind each other, each after a line "\f
 * name". What loads must resolve for any connection, print, load again from what was printed, and expand. */

#include <errno.h>
#include <stdlib.h>

#include "conf/conf.h"
#include "conf/expand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An input beyond this finds nothing new. */
enum { INPUT_MAX = 64 * 1024 };

struct files {
        struct slice input;
};

/* The part of the input that begins with "\f<name>\n"; the empty name: the part before the first \f. */
static bool find_part(const struct files *f, struct slice name, struct slice *ret)
{
        struct slice rest = f->input, part;
        if (!slice_split(&rest, '\f', &part))
                return false;
        *ret = part;
        if (name.n == 0)
                return true;
        while (slice_split(&rest, '\f', &part)) {
                size_t line = slice_find(part, '\n');
                if (slice_eq(slice_head(part, line), name)) {
                        *ret = slice_from(part, line + 1);
                        return true;
                }
        }
        return false;
}

static struct slice name_of(const char *path)
{
        struct slice s = slice_of(path);
        return slice_eq(s, SLICE("/m/main"))   ? SLICE_NULL
               : slice_starts(s, SLICE("/m/")) ? slice_from(s, 3)
                                               : s;
}

static int part_read(void *context, const char *path, struct buf *to)
{
        struct slice part;
        return find_part(context, name_of(path), &part) ? buf_append(to, part) : -ENOENT;
}

static int part_glob(void *context, const char *pattern, struct buf *to)
{
        struct slice part;
        if (name_of(pattern).n == 0 || !find_part(context, name_of(pattern), &part))
                return -ENOENT;
        return buf_append(to, slice_make(pattern, strlen(pattern) + 1));
}

static int part_identify(void *context, const char *path, struct conf_identity *ret)
{
        struct slice part;
        *ret = (struct conf_identity){.exists = find_part(context, name_of(path), &part)};
        return 0;
}

static void check(bool ok)
{
        if (!ok)
                abort();
}

static void use(const struct conf *c, const struct conf_filter *filter, struct arena *a, struct buf *printed)
{
        struct settings s;
        check(conf_resolve(c, filter, a, &s) == 0);
        for (size_t i = 0; i < s.namespace_count; i++)
                check(s.namespaces[i].separator && s.namespaces[i].name);
        conf_print(&s, CONF_PRINT_ALL | CONF_PRINT_SECRETS, printed);
        char *expanded;
        const char *why = NULL;
        const struct conf_variables v = {.user = "user@example.org", .home = "/h", .uid = 1, .gid = 1};
        if (conf_expand_user(a, s.mail_location, &v, &expanded, &why) < 0)
                check(why != NULL);
}

static const struct conf_filter clients[] = {{0}, {"imap", "imap.example.org", "192.0.2.1", "2001:db8::1"}};

/* What was printed, loaded again, is the same for these clients. */
static void check_printed(struct files *files, const struct conf_io *io, struct arena *a)
{
        _cleanup_(buf_free) struct buf text = {0}, messages = {0};
        const struct conf_source source = {.path = "/m/main"};
        struct conf *c, *printed;
        if (conf_load_from(&source, io, a, &c, &messages) < 0)
                return;
        conf_print_file(c, CONF_PRINT_ALL | CONF_PRINT_SECRETS, &text);
        struct slice s = buf_slice(&text);
        if (slice_find(s, '\f') < s.n || slice_find(s, '<') < s.n)
                return; /* names of files that are not there any more */
        files->input = s;
        check(conf_load_from(&source, io, a, &printed, &messages) == 0);
        for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
                _cleanup_(buf_free) struct buf before = {0}, after = {0};
                use(c, &clients[i], a, &before);
                use(printed, &clients[i], a, &after);
                check(slice_eq(buf_slice(&before), buf_slice(&after)));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size > INPUT_MAX)
                return 0;
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(buf_free) struct buf messages = {0}, text = {0};
        struct files files = {.input = slice_make(data, size)};
        struct conf_io io = {part_read, part_glob, part_identify, &files};
        static const char *const overrides[] = {"namespace/inbox/separator=/"};
        const struct conf_source source = {.path = "/m/main", .overrides = overrides, .override_count = 1};
        struct conf *c = NULL;
        int error = conf_load_from(&source, &io, &a, &c, &messages);
        check((error == 0) == (c != NULL));
        check(error == 0 || messages.n > 0);
        if (error == 0)
                check(!conf_changed(c));
        for (size_t i = 0; error == 0 && i < ARRAY_LEN(clients); i++)
                use(c, &clients[i], &a, &text);
        check_printed(&files, &io, &a);
        return 0;
}

#ifndef TESTS_UNIT_CONF_MEMORY_H
#define TESTS_UNIT_CONF_MEMORY_H

/* Settings files in memory, for the tests of conf. */

#include <errno.h>
#include <fnmatch.h>

#include "../unit.h"

#include "conf/conf.h"

struct memory_file {
        const char *path;
        const char *text; /* NULL ends the list */
};

static const struct memory_file *memory_find(void *context, const char *path)
{
        for (const struct memory_file *f = context; f->path; f++)
                if (strcmp(f->path, path) == 0)
                        return f;
        return NULL;
}

static int memory_read(void *context, const char *path, struct buf *to)
{
        const struct memory_file *f = memory_find(context, path);
        return f ? buf_str(to, f->text) : -ENOENT;
}

static int memory_glob(void *context, const char *pattern, struct buf *to)
{
        size_t before = to->n;
        for (const struct memory_file *f = context; f->path; f++)
                if (fnmatch(pattern, f->path, FNM_PATHNAME) == 0)
                        buf_append(to, slice_make(f->path, strlen(f->path) + 1));
        return to->n > before ? 0 : -ENOENT;
}

static int memory_identify(void *context, const char *path, struct conf_identity *ret)
{
        const struct memory_file *f = memory_find(context, path);
        *ret = (struct conf_identity){.exists = f, .size = f ? (int64_t)strlen(f->text) : 0};
        return 0;
}

#define MEMORY_IO(files)                                                                                     \
        ((struct conf_io){memory_read, memory_glob, memory_identify, (void *)(uintptr_t)(files)})

/* One load and what came of it. */
struct loaded {
        struct arena arena;
        struct buf messages;
        struct conf *conf;
        struct conf_io io;
        int error;
};

static void loaded_free(struct loaded *l)
{
        arena_free(&l->arena);
        buf_free(&l->messages);
}

/* The first file is the one to load. `override` may be NULL. */
static void loaded_files(struct loaded *l, const struct memory_file *files, const char *override)
{
        const char *const overrides[] = {override};
        struct conf_source source = {files[0].path, overrides, override != NULL};
        *l = (struct loaded){.io = MEMORY_IO(files)};
        l->error = conf_load_from(&source, &l->io, &l->arena, &l->conf, &l->messages);
}

_unused_ static const char *messages_of(const struct memory_file *files, char *to, size_t size)
{
        _cleanup_(loaded_free) struct loaded l;
        loaded_files(&l, files, NULL);
        size_t n = MIN(size - 1, l.messages.n);
        if (n)
                memcpy(to, l.messages.p, n);
        to[n] = '\0';
        return to;
}

/* Loads one text as "/etc/m/m.conf" and compares all messages. */
#define assert_messages(text, want)                                                                          \
        do {                                                                                                 \
                char got_[4096];                                                                             \
                const struct memory_file files_[] = {{"/etc/m/m.conf", text}, {0}};                          \
                assert_string_equal(messages_of(files_, got_, sizeof(got_)), want);                          \
        } while (0)

/* The settings of a text without any messages. */
_unused_ static void settings_of(struct loaded *l, const char *text, const char *override,
                                 const struct conf_filter *filter, struct settings *ret)
{
        const struct memory_file files[] = {{"/etc/m/m.conf", text}, {0}};
        loaded_files(l, files, override);
        if (l->error < 0 || l->messages.n > 0)
                fail_msg("%s", buf_cstr(&l->messages));
        l->io.context = NULL;
        assert_int_equal(conf_resolve(l->conf, filter, &l->arena, ret), 0);
}

#endif

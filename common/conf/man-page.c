/* Writes the manual of the settings: the introduction of the file named as argument, with @SETTINGS@ and
 * @FOREIGN@ on lines of their own replaced by what the table has. Runs at build time. */

#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "conf/foreign.h"
#include "conf/table.h"

/* Text for troff: a backslash, and a dot or quote at the start of a line, would be commands. */
static void put_text(const char *s)
{
        if (*s == '.' || *s == '\'')
                fputs("\\&", stdout);
        for (; *s; s++) {
                if (*s == '\\')
                        fputs("\\e", stdout);
                else if (*s == '-')
                        fputs("\\-", stdout);
                else
                        putchar(*s);
        }
}

static const char *type_name(enum conf_type type)
{
        static const char *const names[] = {
                [CONF_BOOL] = "yes or no",      [CONF_UINT] = "number", [CONF_SIZE] = "size",
                [CONF_TIME] = "time",           [CONF_STRING] = "text", [CONF_LIST] = "list",
                [CONF_FILE] = "text or </path",
        };
        return names[type];
}

static void put_setting(const struct conf_setting *s)
{
        printf(".TP\n.B ");
        put_text(s->name);
        printf(" \\fR(");
        if (s->words) {
                fputs(s->type == CONF_LIST ? "list of " : "", stdout);
                for (size_t i = 0; s->words[i]; i++) {
                        fputs(i ? ", " : "", stdout);
                        put_text(s->words[i]);
                }
        } else {
                put_text(type_name(s->type));
        }
        fputs(s->initial[0] ? "; default: " : "; not set by default", stdout);
        put_text(s->initial);
        printf(")\n");
        put_text(s->doc);
        printf("%s\n", s->flags & CONF_NOT_YET ? "\nAccepted, but without effect so far." : "");
}

static void put_settings(void)
{
        for (size_t i = 0; i < conf_section_count; i++) {
                const struct conf_section *section = &conf_sections[i];
                if (section->name) {
                        printf(".SS ");
                        put_text(section->name);
                        printf(" { }\n");
                        put_text(section->doc);
                        printf("\n");
                }
                for (size_t j = 0; j < section->count; j++) {
                        if (section->settings[j].type == CONF_HEADING)
                                printf(".SS %s\n", section->settings[j].name);
                        else
                                put_setting(&section->settings[j]);
                }
        }
}

static void put_foreign(void)
{
        const char *name;
        for (size_t i = 0; (name = foreign_name(i)); i++) {
                fputs(i ? ",\n" : "", stdout);
                put_text(name);
        }
        printf(".\n");
}

int main(int argc, char **argv)
{
        _cleanup_(buf_free) struct buf text = {0};
        if (argc != 2 || file_read(argv[1], &text) < 0) {
                fprintf(stderr, "usage: %s INTRODUCTION > MANUAL\n", argv[0]);
                return EXIT_FAILURE;
        }
        struct slice rest = buf_slice(&text), line;
        while (slice_split(&rest, '\n', &line)) {
                if (slice_eq(line, SLICE("@SETTINGS@")))
                        put_settings();
                else if (slice_eq(line, SLICE("@FOREIGN@")))
                        put_foreign();
                else
                        printf("%.*s\n", SLICE_ARG(line));
        }
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

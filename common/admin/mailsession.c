/* mailsession: what an administrator asks. The verbs are in config.c, check.c and auth.c. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/log.h"
#include "conf/net.h"
#include "priv/options.h"

static const struct verb {
        const char *name;
        int (*run)(struct admin *a);
        const char *options; /* for getopt() */
        bool operand;        /* USER */
        const char *synopsis, *does;
} verbs[] = {
        {"config", admin_config, "c:aP", false, "[-a] [-P] [-c FILE]",
         "the settings that count, those that are not the default; -a all of them"},
        {"check", admin_check, "c:s:r:", true, "[-s PROTOCOL] [-r ADDRESS] [-c FILE] USER",
         "where a user's mail is, who may read it, and whether it is delivered there"},
        {"auth", admin_auth, "c:s:r:n", true, "[-n] [-s PROTOCOL] [-r ADDRESS] [-c FILE] USER",
         "try a password, as at a login; -n only look the user up"},
};

static void print_help(FILE *to)
{
        fputs("usage: mailsession VERB [OPTION]... [USER]\n\n", to);
        for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
                fprintf(to, "  mailsession %s %s\n      %s\n", verbs[i].name, verbs[i].synopsis,
                        verbs[i].does);
        fputs("\n"
              "  -c FILE      read settings from FILE (default: " MAILSESSION_SYSCONFDIR
              "/mailsession.conf)\n"
              "  -P           show passwords that are in the settings\n"
              "  -s PROTOCOL  as a client of imap (the default) or pop3\n"
              "  -r ADDRESS   as a client from this address\n"
              "  --help       this text\n"
              "  --version    the version\n\n"
              "check and auth need root for users of the system. See mailsession(8).\n",
              to);
}

static bool is_served(const char *protocol)
{
        return strcmp(protocol, "imap") == 0 || strcmp(protocol, "pop3") == 0;
}

static bool is_address(const char *text)
{
        struct conf_ip ip;
        return conf_ip_parse(slice_of(text), &ip) == 0;
}

/* False, and told, when the command line is wrong. */
static bool take_options(const struct verb *v, int argc, char **argv, struct admin *a)
{
        for (int c; (c = getopt(argc, argv, v->options)) != -1;) {
                switch (c) {
                case 'a':
                        a->all = true;
                        break;
                case 'c':
                        a->file = optarg;
                        break;
                case 'n':
                        a->no_password = true;
                        break;
                case 'P':
                        a->secrets = true;
                        break;
                case 'r':
                        a->remote_ip = optarg;
                        break;
                case 's':
                        a->service = optarg;
                        break;
                default:
                        return false;
                }
        }
        if (!is_served(a->service))
                fprintf(stderr, "mailsession: -s: there are imap and pop3, not '%s'\n", a->service);
        else if (a->remote_ip && !is_address(a->remote_ip))
                fprintf(stderr, "mailsession: -r: '%s' is no address\n", a->remote_ip);
        else if (argc - optind != (v->operand ? 1 : 0))
                fprintf(stderr, "usage: mailsession %s %s\n", v->name, v->synopsis);
        else {
                a->user = v->operand ? argv[optind] : NULL;
                return true;
        }
        return false;
}

static void print_messages(struct slice messages)
{
        struct slice line;
        while (slice_split(&messages, '\n', &line))
                fprintf(stderr, "mailsession: %.*s\n", SLICE_ARG(line));
}

static int load(struct admin *a)
{
        if (!a->file)
                a->file = options_default_file();
        const struct conf_source source = {.path = a->file};
        const struct conf_filter client = {.protocol = a->service, .remote_ip = a->remote_ip};
        _cleanup_(buf_free) struct buf messages = {0};
        int r = conf_load(&source, a->arena, &a->conf, &messages);
        if (r == 0)
                r = conf_resolve(a->conf, &client, a->arena, &a->settings);
        a->unserved = r == 0 && auth_check_settings(&a->settings, &messages) < 0;
        print_messages(buf_slice(&messages));
        return r;
}

static int run(const struct verb *v, int argc, char **argv)
{
        _cleanup_(arena_free) struct arena arena = {0};
        struct admin a = {.arena = &arena, .service = "imap"};
        if (!take_options(v, argc, argv, &a))
                return ADMIN_USAGE;
        bool loaded = load(&a) == 0;
        if (!loaded || a.unserved)
                fputs("mailsession: the settings have errors: nobody is served until they are corrected\n",
                      stderr);
        if (!loaded || (a.unserved && v->operand))
                return ADMIN_PROBLEM;
        int status = v->run(&a);
        return fflush(stdout) == 0 && !a.unserved ? status : ADMIN_PROBLEM;
}

int main(int argc, char **argv)
{
        const char *word = argc > 1 ? argv[1] : "";
        log_open("mailsession", LOG_TO_STDERR);
        if (strcmp(word, "--version") == 0) {
                printf("mailsession %s\n", MAILSESSION_VERSION);
                return ADMIN_FINE;
        }
        if (strcmp(word, "--help") == 0) {
                print_help(stdout);
                return ADMIN_FINE;
        }
        for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
                if (strcmp(word, verbs[i].name) == 0) {
                        argv[1] = argv[0]; /* for getopt()'s words */
                        return run(&verbs[i], argc - 1, argv + 1);
                }
        if (*word)
                fprintf(stderr, "mailsession: there is no verb '%s'\n\n", word);
        print_help(stderr);
        return ADMIN_USAGE;
}

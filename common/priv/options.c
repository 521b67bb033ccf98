#include "priv/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "auth/auth.h"

#define DEFAULT_FILE MAILSESSION_SYSCONFDIR "/mailsession.conf"

static void print_help(const struct protocol *p)
{
        printf("usage: %s [-c FILE] [-o KEY=VALUE]... [--tls] [--preauth]\n"
               "\n"
               "Serves one connection on standard input and output, or accepts connections when standard\n"
               "input (or a socket that systemd passes) is a listening socket. See %s(8).\n"
               "\n"
               "  -c FILE        read settings from FILE (default: %s)\n"
               "  -o KEY=VALUE   override a setting; sections as section/name/key=value\n"
               "  --tls          the connection starts with TLS (port %u does by itself)\n"
               "  --preauth      no login: serve the user who calls; never on a network socket\n"
               "  --help         this text\n"
               "  --version      the version\n",
               p->program, p->program, DEFAULT_FILE, p->tls_port);
}

bool options_parse(const struct protocol *p, int argc, char **argv, struct options *ret, int *ret_status)
{
        static const struct option names[] = {{"tls", no_argument, NULL, 't'},
                                              {"preauth", no_argument, NULL, 'p'},
                                              {"help", no_argument, NULL, 'h'},
                                              {"version", no_argument, NULL, 'V'},
                                              {NULL, 0, NULL, 0}};
        *ret_status = EXIT_SUCCESS;
        for (int c; (c = getopt_long(argc, argv, "c:o:", names, NULL)) != -1;) {
                switch (c) {
                case 'c':
                        ret->file = optarg;
                        break;
                case 'o':
                        if (ret->override_count == OVERRIDES_MAX) {
                                fprintf(stderr, "%s: more than %d -o options\n", p->program, OVERRIDES_MAX);
                                *ret_status = EX_USAGE;
                                return false;
                        }
                        ret->overrides[ret->override_count++] = optarg;
                        break;
                case 't':
                        ret->tls = true;
                        break;
                case 'p':
                        ret->preauth = true;
                        break;
                case 'h':
                        print_help(p);
                        return false;
                case 'V':
                        printf("%s %s\n", p->program, MAILSESSION_VERSION);
                        return false;
                default:
                        *ret_status = EX_USAGE;
                        return false;
                }
        }
        if (optind < argc) {
                fprintf(stderr, "%s: unexpected argument '%s'\n", p->program, argv[optind]);
                *ret_status = EX_USAGE;
                return false;
        }
        return true;
}

const char *options_default_file(void)
{
        return access(DEFAULT_FILE, F_OK) == 0 ? DEFAULT_FILE : NULL;
}

int options_load(const struct options *o, struct arena *arena, struct conf **ret)
{
        const char *file = o->file ? o->file : options_default_file();
        struct conf_source source = {file, o->overrides, o->override_count};
        _cleanup_(buf_free) struct buf messages = {0};
        int r = conf_load(&source, arena, ret, &messages);
        struct slice rest = buf_slice(&messages), line;
        while (slice_split(&rest, '\n', &line))
                log_msg(r < 0 ? LOG_ERR : LOG_WARNING, "%.*s", SLICE_ARG(line));
        return r;
}

bool options_check_auth(const struct settings *settings)
{
        _cleanup_(buf_free) struct buf messages = {0};
        int r = auth_check_settings(settings, &messages);
        struct slice rest = buf_slice(&messages), line;
        while (slice_split(&rest, '\n', &line))
                log_msg(r < 0 ? LOG_ERR : LOG_WARNING, "%.*s", SLICE_ARG(line));
        return r == 0;
}

enum log_target options_log_target(const char *log_path)
{
        if (strcmp(log_path, "syslog") == 0)
                return LOG_TO_SYSLOG;
        return strcmp(log_path, "/dev/stderr") == 0 ? LOG_TO_STDERR : LOG_TO_AUTO;
}

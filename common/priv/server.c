#include "priv/server.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "wire/tls.h"

enum { NOBODY = 65534 };

int server_take_settings(struct server *s, const struct conf *conf)
{
        struct conf_filter filter = {.protocol = s->protocol->name};
        int r = conf_resolve(conf, &filter, s->arena, &s->settings);
        if (r == 0)
                s->conf = conf;
        return r;
}

void server_load_tls(struct server *s, const struct settings *settings)
{
        const char *why = "";
        bool has_cert = settings->ssl_cert.path[0] || settings->ssl_cert.text[0];
        s->without_tls = settings->ssl == SETTINGS_SSL_NO || !has_cert;
        int r = tls_context_load(s->conf, settings, s->arena, &s->tls_context, &why);
        if (r < 0 && (has_cert || settings->ssl == SETTINGS_SSL_REQUIRED))
                log_error("TLS is not available: %s", why);
        if (s->tls_context)
                tls_context_share_tickets(s->tls_context, settings->base_dir);
}

void server_try_tls(struct server *s, bool all)
{
        const char *why = "";
        if (s->tls_context && tls_context_check(s->tls_context, all, s->arena, &why) < 0) {
                log_error("TLS is not available: %s", why);
                tls_context_free(&s->tls_context);
        }
}

void server_check_tls(struct server *s)
{
        if (!s->tls_context)
                return;
        pid_t pid = fork();
        if (pid == 0) {
                server_try_tls(s, true);
                _exit(s->tls_context ? EXIT_SUCCESS : EXIT_FAILURE);
        }
        int status = -1;
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
                tls_context_free(&s->tls_context);
}

/* A system account is in the file; getpwnam() would load name services into every process that is forked from
 * here. */
static void find_account(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
        FILE *f = fopen("/etc/passwd", "re");
        if (!f)
                return;
        for (struct passwd *p; (p = fgetpwent(f));) {
                if (strcmp(p->pw_name, name) != 0)
                        continue;
                *ret_uid = p->pw_uid;
                *ret_gid = p->pw_gid;
                break;
        }
        fclose(f);
}

/* Nobody but root can put anything where the edge's root is. */
static int check_root(const char *path)
{
        struct stat st;
        if (lstat(path, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) && st.st_uid == 0 && !(st.st_mode & 022) ? 0 : -EPERM;
}

int server_prepare_edge(struct server *s)
{
        const struct settings *settings = &s->settings;
        s->edge_uid = s->edge_gid = NOBODY;
        find_account(settings->default_login_user, &s->edge_uid, &s->edge_gid);
        s->edge_root = arena_printf(s->arena, "%s/empty", settings->base_dir);
        if (geteuid() != 0)
                return 0;
        if (s->edge_uid == 0 || s->edge_gid == 0) {
                log_error("default_login_user: %s is root or of its group: it talks to clients nobody knows",
                          settings->default_login_user);
                return -EPERM;
        }
        int r = dir_make_all(AT_FDCWD, settings->base_dir, 0755);
        if (r == 0)
                r = dir_make_all(AT_FDCWD, s->edge_root, 0555);
        if (r == 0)
                r = check_root(s->edge_root);
        if (r < 0)
                log_error("base_dir: cannot make %s: %s", s->edge_root,
                          r == -EPERM ? "something is there that others than root may change" : strerror(-r));
        return r;
}

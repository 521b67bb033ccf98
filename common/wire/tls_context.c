#include "wire/tls_context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "conf/conf.h"

enum {
        PEM_MAX = 1024 * 1024,           /* a chain or key file */
        TICKET_KEY_MAX_AGE = 24 * 60 * 60, /* seconds; GnuTLS itself derives a fresh key every few hours from it */
};

struct name_credentials {
        const char *name; /* lower case; "*.example.org" */
        gnutls_certificate_credentials_t credentials;
};

struct tls_context {
        gnutls_certificate_credentials_t credentials;
        gnutls_priority_t priority;
        struct name_credentials *names;
        size_t names_n;
        gnutls_datum_t ticket_key; /* data == NULL: no tickets */
};

void tls_context_free(struct tls_context **cp)
{
        struct tls_context *c = *cp;
        if (!c)
                return;
        if (c->credentials)
                gnutls_certificate_free_credentials(c->credentials);
        for (size_t i = 0; i < c->names_n; i++)
                gnutls_certificate_free_credentials(c->names[i].credentials);
        if (c->priority)
                gnutls_priority_deinit(c->priority);
        if (c->ticket_key.data) {
                explicit_bzero(c->ticket_key.data, c->ticket_key.size);
                gnutls_free(c->ticket_key.data);
        }
        free(c->names);
        free(c);
        *cp = NULL;
}

static const char *file_label(const struct settings_file *f)
{
        return f->path[0] ? f->path : "(text in the settings)";
}

/* One chain and its key into one set of credentials. */
static int load_pair(struct arena *arena, const struct settings_file *cert, const struct settings_file *key,
                     const struct settings_file *password, gnutls_certificate_credentials_t to,
                     const char **ret_error)
{
        _cleanup_(buf_free) struct buf cert_pem = BUF_BOUNDED(PEM_MAX);
        _cleanup_(buf_wipe) struct buf key_pem = BUF_BOUNDED(PEM_MAX);
        _cleanup_(buf_wipe) struct buf secret = BUF_BOUNDED(1024);
        int r = conf_file_read(cert, &cert_pem);
        if (r < 0) {
                *ret_error = arena_printf(arena, "ssl_cert: cannot read %s: %s", file_label(cert), strerror(-r));
                return r;
        }
        r = conf_file_read(key, &key_pem);
        if (r < 0) {
                *ret_error = arena_printf(arena, "ssl_key: cannot read %s: %s", file_label(key), strerror(-r));
                return r;
        }
        r = conf_file_read(password, &secret);
        if (r < 0) {
                *ret_error = arena_printf(arena, "ssl_key_password: cannot read %s: %s", file_label(password),
                                          strerror(-r));
                return r;
        }
        while (secret.n && (secret.p[secret.n - 1] == '\n' || secret.p[secret.n - 1] == '\r'))
                secret.n--;
        gnutls_datum_t c = {(unsigned char *)cert_pem.p, (unsigned)cert_pem.n};
        gnutls_datum_t k = {(unsigned char *)key_pem.p, (unsigned)key_pem.n};
        int g = gnutls_certificate_set_x509_key_mem2(to, &c, &k, GNUTLS_X509_FMT_PEM,
                                                     secret.n ? buf_cstr(&secret) : NULL, 0);
        if (g < 0) {
                *ret_error = arena_printf(arena, "ssl_cert %s with ssl_key %s: %s", file_label(cert), file_label(key),
                                          gnutls_strerror(g));
                return -EINVAL;
        }
        return 0;
}

static int load_credentials(struct arena *arena, const struct settings *s, gnutls_certificate_credentials_t *ret,
                            const char **ret_error)
{
        gnutls_certificate_credentials_t c;
        if (gnutls_certificate_allocate_credentials(&c) != 0)
                return -ENOMEM;
        int r = load_pair(arena, &s->ssl_cert, &s->ssl_key, &s->ssl_key_password, c, ret_error);
        /* a second chain of the other kind (RSA beside EC): GnuTLS takes the one the client can verify */
        if (r == 0 && (s->ssl_alt_cert.path[0] || s->ssl_alt_cert.text[0]))
                r = load_pair(arena, &s->ssl_alt_cert, &s->ssl_alt_key, &s->ssl_key_password, c, ret_error);
        if (r < 0) {
                gnutls_certificate_free_credentials(c);
                return r;
        }
        *ret = c;
        return 0;
}

/* GnuTLS' priority string for the settings. A cipher list in OpenSSL's language has no meaning here and is left to
 * NORMAL, which is as strict; one in GnuTLS' own language is taken as it is. */
static const char *priority_string(struct arena *arena, const struct settings *s)
{
        static const char *const ours[] = {"NORMAL", "SECURE", "PFS", "PERFORMANCE", "SUITE", "@", "NONE"};
        const char *base = "NORMAL:-RSA";
        for (size_t i = 0; i < ARRAY_LEN(ours); i++)
                if (slice_starts(slice_of(s->ssl_cipher_list), slice_of(ours[i])))
                        base = s->ssl_cipher_list;
        static const char *const versions[] = {
                [SETTINGS_TLS_ANY] = "",
                [SETTINGS_TLS_1_0] = ":-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:+VERS-TLS1.1:+VERS-TLS1.0",
                [SETTINGS_TLS_1_1] = ":-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:+VERS-TLS1.1",
                [SETTINGS_TLS_1_2] = ":-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2",
                [SETTINGS_TLS_1_3] = ":-VERS-ALL:+VERS-TLS1.3",
        };
        return arena_printf(arena, "%s%s%s", base, versions[s->ssl_min_protocol],
                            s->ssl_prefer_server_ciphers ? ":%SERVER_PRECEDENCE" : "");
}

static int load_names(const struct conf *conf, struct arena *arena, struct tls_context *c, const char **ret_error)
{
        size_t n;
        const char *const *names = conf_local_names(conf, arena, &n);
        c->names = xcalloc(n, sizeof(*c->names));
        for (size_t i = 0; i < n; i++) {
                struct settings s;
                struct conf_filter filter = {.local_name = names[i]};
                int r = conf_resolve(conf, &filter, arena, &s);
                if (r == 0)
                        r = load_credentials(arena, &s, &c->names[c->names_n].credentials, ret_error);
                if (r < 0)
                        return r;
                c->names[c->names_n++].name = xstrdup(names[i]);
        }
        return 0;
}

int tls_context_load(const struct conf *conf, const struct settings *s, struct arena *arena,
                     struct tls_context **ret, const char **ret_error)
{
        if (s->ssl == SETTINGS_SSL_NO) {
                *ret = NULL;
                return 0;
        }
        if (!s->ssl_cert.path[0] && !s->ssl_cert.text[0]) {
                *ret_error = "ssl_cert is not set";
                return -ENOENT;
        }
        _cleanup_(tls_context_free) struct tls_context *c = xcalloc(1, sizeof(*c));
        int r = load_credentials(arena, s, &c->credentials, ret_error);
        if (r == 0)
                r = load_names(conf, arena, c, ret_error);
        if (r < 0)
                return r;
        const char *priority = priority_string(arena, s), *at;
        if (gnutls_priority_init(&c->priority, priority, &at) != 0) {
                *ret_error = arena_printf(arena, "ssl_cipher_list: GnuTLS does not understand \"%s\"", at);
                return -EINVAL;
        }
        *ret = TAKE_PTR(c);
        return 0;
}

static bool name_matches(const char *pattern, struct slice name)
{
        struct slice p = slice_of(pattern);
        if (slice_starts(p, SLICE("*."))) {
                size_t dot = slice_find(name, '.');
                return dot > 0 && slice_ieq(slice_from(name, dot), slice_from(p, 1));
        }
        return slice_ieq(p, name);
}

gnutls_certificate_credentials_t tls_context_credentials_for(struct tls_context *c, struct slice name)
{
        for (size_t i = 0; i < c->names_n; i++)
                if (name_matches(c->names[i].name, name))
                        return c->names[i].credentials;
        return NULL;
}

void tls_context_apply(struct tls_context *c, gnutls_session_t session)
{
        gnutls_priority_set(session, c->priority);
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, c->credentials);
        if (c->ticket_key.data)
                gnutls_session_ticket_enable_server(session, &c->ticket_key);
}

/* The shared key, if it is ours alone, whole and young enough. */
static int read_ticket_key(int dirfd, gnutls_datum_t *key)
{
        _cleanup_(fd_close_p) int fd = openat(dirfd, "ticket.key", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) || st.st_size != (off_t)key->size ||
            time(NULL) - st.st_mtime > TICKET_KEY_MAX_AGE)
                return -ESTALE;
        return fd_read_all(fd, key->data, key->size) == (ssize_t)key->size ? 0 : -EIO;
}

void tls_context_share_tickets(struct tls_context *c, const char *dir)
{
        _cleanup_(fd_close_p) int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        gnutls_datum_t key;
        if (dirfd < 0 || gnutls_session_ticket_key_generate(&key) != 0)
                return;
        if (read_ticket_key(dirfd, &key) < 0) {
                /* two processes may write at once: the last one's key stays, so read it back */
                struct slice bytes = {(const char *)key.data, key.size};
                if (file_replace_at(dirfd, "ticket.key", bytes, 0600, false) < 0 || read_ticket_key(dirfd, &key) < 0) {
                        explicit_bzero(key.data, key.size);
                        gnutls_free(key.data);
                        return;
                }
        }
        c->ticket_key = key;
}

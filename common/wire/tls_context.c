#include "wire/tls_context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "conf/conf.h"

enum {
        PEM_MAX = 1024 * 1024, /* a chain or key file */
        TICKET_KEY_SIZE = 64,  /* what gnutls_session_ticket_key_generate() makes */
        TICKET_KEY_MAX_AGE =
                24 * 60 * 60, /* seconds; GnuTLS itself derives a fresh key every few hours from it */
};

/* The files of one chain and key, byte for byte, in memory of their own that a fork can leave out. They
 * become GnuTLS' objects only in the edge that needs them: its heap would keep traces of keys even after
 * freeing them. */
struct pair {
        const char *name; /* of the local_name section; "" for the default one */
        void *map;
        size_t map_size;
        struct slice cert, key, alt_cert, alt_key, password;
        const char *cert_label, *key_label;
        gnutls_certificate_credentials_t credentials; /* NULL until first used */
};

struct tls_context {
        struct pair *pairs; /* the default one first */
        size_t pairs_n;
        gnutls_priority_t priority;
        struct {
                unsigned char *data; /* a mapping; NULL: no tickets */
                size_t size;
                time_t until; /* then there is a new one */
        } ticket_key;
};

static void *secret_map(size_t size)
{
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                return NULL;
        madvise(p, size, MADV_DONTDUMP);
        return p;
}

void tls_context_free(struct tls_context **cp)
{
        struct tls_context *c = *cp;
        if (!c)
                return;
        for (size_t i = 0; i < c->pairs_n; i++) {
                struct pair *p = &c->pairs[i];
                if (p->credentials)
                        gnutls_certificate_free_credentials(p->credentials);
                if (p->map)
                        munmap(p->map, p->map_size);
        }
        if (c->priority)
                gnutls_priority_deinit(c->priority);
        if (c->ticket_key.data)
                munmap(c->ticket_key.data, c->ticket_key.size);
        free(c->pairs);
        free(c);
        *cp = NULL;
}

void tls_context_hide(struct tls_context *c, bool from_children)
{
        int advice = from_children ? MADV_DONTFORK : MADV_DOFORK;
        for (size_t i = 0; c && i < c->pairs_n; i++)
                madvise(c->pairs[i].map, c->pairs[i].map_size, advice);
        if (c && c->ticket_key.data)
                madvise(c->ticket_key.data, c->ticket_key.size, advice);
}

static const char *file_label(const struct settings_file *f)
{
        return f->path[0] ? f->path : "(text in the settings)";
}

/* How many bytes a file setting has. */
static int file_size(const struct settings_file *f, size_t *ret)
{
        struct stat st;
        if (!f->path[0]) {
                *ret = strlen(f->text);
                return 0;
        }
        if (stat(f->path, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size > PEM_MAX)
                return -EFBIG;
        *ret = (size_t)st.st_size;
        return 0;
}

/* Reads at most n bytes of it to `to`: straight from the file, no copy stays anywhere else. */
static int file_to(const struct settings_file *f, char *to, size_t n, struct slice *ret)
{
        if (!f->path[0]) {
                memcpy(to, f->text, n);
                *ret = slice_make(to, n);
                return 0;
        }
        _cleanup_(fd_close_p) int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        ssize_t got = fd_read_all(fd, to, n);
        if (got < 0)
                return (int)got;
        *ret = slice_make(to, (size_t)got);
        return 0;
}

static int read_pair(struct arena *arena, const struct settings *s, struct pair *p, const char **ret_error)
{
        const struct {
                const char *setting;
                const struct settings_file *file;
                struct slice *to;
        } files[] = {{"ssl_cert", &s->ssl_cert, &p->cert},
                     {"ssl_key", &s->ssl_key, &p->key},
                     {"ssl_alt_cert", &s->ssl_alt_cert, &p->alt_cert},
                     {"ssl_alt_key", &s->ssl_alt_key, &p->alt_key},
                     {"ssl_key_password", &s->ssl_key_password, &p->password}};
        size_t sizes[ARRAY_LEN(files)] = {0}, at = 0;
        int r = 0;
        size_t i;
        for (i = 0; r == 0 && i < ARRAY_LEN(files); i++) {
                r = file_size(files[i].file, &sizes[i]);
                p->map_size += r == 0 ? sizes[i] + 1 : 0; /* a NUL behind each: the password is a string */
        }
        if (r == 0 && !(p->map = secret_map(p->map_size)))
                r = -ENOMEM;
        for (size_t k = 0; r == 0 && k < ARRAY_LEN(files); k++) {
                r = file_to(files[k].file, (char *)p->map + at, sizes[k], files[k].to);
                at += sizes[k] + 1;
                i = k + 1;
        }
        if (r < 0)
                *ret_error = arena_printf(arena, "%s: cannot read %s: %s", files[i - 1].setting,
                                          file_label(files[i - 1].file), strerror(-r));
        /* the line end of a password's file is not part of it */
        while (r == 0 && p->password.n && strchr("\r\n", p->password.p[p->password.n - 1]))
                ((char *)p->map)[(size_t)(p->password.p - (char *)p->map) + --p->password.n] = '\0';
        p->cert_label = file_label(&s->ssl_cert);
        p->key_label = file_label(&s->ssl_key);
        return r;
}

static gnutls_datum_t datum(struct slice s)
{
        union {
                const char *in;
                unsigned char *out;
        } p = {.in = s.p};
        return (gnutls_datum_t){p.out, (unsigned)s.n};
}

static int add_key(gnutls_certificate_credentials_t to, struct slice cert, struct slice key,
                   struct slice password)
{
        gnutls_datum_t c = datum(cert), k = datum(key);
        int g = gnutls_certificate_set_x509_key_mem2(to, &c, &k, GNUTLS_X509_FMT_PEM,
                                                     password.n ? password.p : NULL, 0);
        return g < 0 ? g : 0;
}

/* GnuTLS' form of a pair, made when it is first needed. 0 or GnuTLS' error. */
static int parse_pair(struct pair *p)
{
        gnutls_certificate_credentials_t c;
        if (p->credentials)
                return 0;
        int g = gnutls_certificate_allocate_credentials(&c);
        if (g < 0)
                return g;
        g = add_key(c, p->cert, p->key, p->password);
        /* a second chain of the other kind (RSA beside EC): GnuTLS takes the one the client can verify */
        if (g == 0 && p->alt_cert.n)
                g = add_key(c, p->alt_cert, p->alt_key, p->password);
        if (g < 0)
                gnutls_certificate_free_credentials(c);
        else
                p->credentials = c;
        return g;
}

int tls_context_check(struct tls_context *c, bool all, struct arena *arena, const char **ret_error)
{
        for (size_t i = 0; i < (all ? c->pairs_n : 1); i++) {
                int g = parse_pair(&c->pairs[i]);
                if (g < 0) {
                        *ret_error =
                                arena_printf(arena, "ssl_cert %s with ssl_key %s: %s", c->pairs[i].cert_label,
                                             c->pairs[i].key_label, gnutls_strerror(g));
                        return -EINVAL;
                }
        }
        return 0;
}

/* GnuTLS' priority string for the settings. A cipher list in OpenSSL's language has no meaning here and is
 * left to NORMAL, which is as strict; one in GnuTLS' own language is taken as it is. */
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

/* The settings' own pair and those of the local_name sections. */
static int read_pairs(const struct conf *conf, const struct settings *own, struct arena *arena,
                      struct tls_context *c, const char **ret_error)
{
        size_t n;
        const char *const *names = conf_local_names(conf, arena, &n);
        c->pairs = xcalloc(n + 1, sizeof(*c->pairs));
        for (size_t i = 0; i <= n; i++) {
                struct settings s = *own;
                struct pair *p = &c->pairs[c->pairs_n++];
                p->name = i == 0 ? "" : names[i - 1];
                struct conf_filter filter = {.local_name = p->name};
                int r = i == 0 ? 0 : conf_resolve(conf, &filter, arena, &s);
                if (r == 0)
                        r = read_pair(arena, &s, p, ret_error);
                if (r < 0)
                        return r;
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
        int r = read_pairs(conf, s, arena, c, ret_error);
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

/* "*.example.org" for mail.example.org. */
static bool wildcard_matches(const char *pattern, struct slice name)
{
        size_t dot = slice_find(name, '.');
        return slice_starts(slice_of(pattern), SLICE("*.")) && dot > 0 &&
               slice_ieq(slice_from(name, dot), slice_from(slice_of(pattern), 1));
}

gnutls_certificate_credentials_t tls_context_credentials_for(struct tls_context *c, struct slice name)
{
        struct pair *found = NULL;
        for (size_t i = 1; i < c->pairs_n; i++) {
                struct pair *p = &c->pairs[i];
                bool exact = slice_ieq(slice_of(p->name), name);
                if (exact || (!found && wildcard_matches(p->name, name)))
                        found = p;
                if (exact)
                        break;
        }
        return found && parse_pair(found) == 0 ? found->credentials : NULL;
}

int tls_context_apply(struct tls_context *c, gnutls_session_t session)
{
        int g = parse_pair(&c->pairs[0]);
        if (g < 0)
                return g;
        gnutls_priority_set(session, c->priority);
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, c->pairs[0].credentials);
        gnutls_datum_t key = {c->ticket_key.data, (unsigned)c->ticket_key.size};
        return key.data ? gnutls_session_ticket_enable_server(session, &key) : 0;
}

/* The shared key, if it is ours alone, whole and young enough. */
static int read_ticket_key(int dirfd, unsigned char *to, size_t size, time_t *ret_until)
{
        _cleanup_(fd_close_p) int fd =
                openat(dirfd, "ticket.key", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) ||
            st.st_size != (off_t)size || time(NULL) - st.st_mtime > TICKET_KEY_MAX_AGE)
                return -ESTALE;
        if (fd_read_all(fd, to, size) != (ssize_t)size)
                return -EIO;
        /* a time to come is a clock that was wrong: the age counts from now */
        *ret_until = MIN(st.st_mtime, time(NULL)) + TICKET_KEY_MAX_AGE;
        return 0;
}

static int make_ticket_key(int dirfd)
{
        gnutls_datum_t key;
        if (gnutls_session_ticket_key_generate(&key) != 0)
                return -EIO;
        int r = key.size == TICKET_KEY_SIZE
                        ? file_replace_at(dirfd, "ticket.key", slice_make(key.data, key.size), 0600, false)
                        : -EINVAL;
        explicit_bzero(key.data, key.size);
        gnutls_free(key.data);
        return r;
}

void tls_context_share_tickets(struct tls_context *c, const char *dir)
{
        if (c->ticket_key.data && time(NULL) <= c->ticket_key.until)
                return;
        _cleanup_(fd_close_p) int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        unsigned char *key = dirfd < 0 ? NULL : secret_map(TICKET_KEY_SIZE);
        if (!key)
                return;
        /* two processes may make one at once: the last one's stays, so what was made is read back */
        time_t until;
        if (read_ticket_key(dirfd, key, TICKET_KEY_SIZE, &until) < 0 &&
            (make_ticket_key(dirfd) < 0 || read_ticket_key(dirfd, key, TICKET_KEY_SIZE, &until) < 0)) {
                munmap(key, TICKET_KEY_SIZE);
                return;
        }
        if (c->ticket_key.data)
                munmap(c->ticket_key.data, c->ticket_key.size);
        c->ticket_key.data = key;
        c->ticket_key.until = until;
        c->ticket_key.size = TICKET_KEY_SIZE;
}

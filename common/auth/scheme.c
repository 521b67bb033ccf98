#include "auth/scheme.h"

#include <crypt.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/number.h"

enum {
        DIGEST_MAX = 64,           /* SHA-512 */
        SALT_MAX = 256,            /* longer than any tool makes */
        STORED_MAX = 4096,         /* decoded data: a clear text password of SASL_TEXT_MAX bytes fits */
        ITERATIONS_MAX = 10000000, /* some seconds of PBKDF2; more is a slip of the pen */
};

enum encoding { ENCODING_AUTO, ENCODING_NONE, ENCODING_BASE64, ENCODING_HEX };

struct scheme {
        const char *name;
        enum scheme_result (*verify)(const struct scheme *s, struct slice data, struct slice password);
        enum encoding
                encoding; /* of the data without a suffix; AUTO: base 64, or hex when that fits the digest */
        gnutls_digest_algorithm_t digest;
        gnutls_mac_algorithm_t mac;
        bool salted; /* the salt follows the digest */
};

static enum scheme_result same(const void *a, const void *b, size_t n)
{
        return gnutls_memcmp(a, b, n) == 0 ? SCHEME_MATCH : SCHEME_MISMATCH;
}

static enum scheme_result verify_plain(const struct scheme *s, struct slice data, struct slice password)
{
        /* the length may be told by the time it takes, the content not */
        return data.n == password.n ? same(data.p, password.p, data.n) : SCHEME_MISMATCH;
}

static enum scheme_result verify_crypt(const struct scheme *s, struct slice data, struct slice password)
{
        /* crypt() wants strings and refuses what is longer */
        if (memchr(data.p, '\0', data.n))
                return SCHEME_INVALID;
        if (memchr(password.p, '\0', password.n) || password.n >= CRYPT_MAX_PASSPHRASE_SIZE)
                return SCHEME_MISMATCH;
        struct crypt_data *crypt_data = xcalloc(1, sizeof(*crypt_data));
        char *setting = xstrndup(data.p, data.n);
        char *phrase = xstrndup(password.p, password.n);
        const char *hash = crypt_r(phrase, setting, crypt_data);
        enum scheme_result r = SCHEME_INVALID;
        if (hash && hash[0] != '*')
                r = strlen(hash) == data.n ? same(hash, data.p, data.n) : SCHEME_MISMATCH;
        explicit_bzero(phrase, password.n);
        explicit_bzero(setting, data.n);
        explicit_bzero(crypt_data, sizeof(*crypt_data));
        free(phrase);
        free(setting);
        free(crypt_data);
        return r;
}

static enum scheme_result verify_digest(const struct scheme *s, struct slice data, struct slice password)
{
        size_t size = gnutls_hash_get_len(s->digest);
        if (data.n < size || (!s->salted && data.n != size) || data.n - size > SALT_MAX)
                return SCHEME_INVALID;
        struct slice salt = slice_from(data, size);
        gnutls_hash_hd_t h;
        if (gnutls_hash_init(&h, s->digest) < 0)
                return SCHEME_INVALID;
        uint8_t got[DIGEST_MAX];
        int r = gnutls_hash(h, password.p, password.n);
        if (r >= 0 && salt.n)
                r = gnutls_hash(h, salt.p, salt.n);
        gnutls_hash_deinit(h, got);
        return r < 0 ? SCHEME_INVALID : same(got, data.p, size);
}

static int parse_iterations(struct slice s, unsigned *ret)
{
        uint32_t n;
        if (slice_to_u32(s, &n) < 0 || n == 0 || n > ITERATIONS_MAX)
                return -EINVAL;
        *ret = n;
        return 0;
}

static int pbkdf2(gnutls_mac_algorithm_t mac, struct slice password, struct slice salt, unsigned iterations,
                  uint8_t *out, size_t n)
{
        gnutls_datum_t key = {xmalloc(password.n + 1), (unsigned)password.n};
        memcpy(key.data, password.p, password.n);
        gnutls_datum_t salted = {xmalloc(salt.n + 1), (unsigned)salt.n};
        memcpy(salted.data, salt.p, salt.n);
        int r = gnutls_pbkdf2(mac, &key, &salted, iterations, out, n);
        explicit_bzero(key.data, key.size);
        free(key.data);
        free(salted.data);
        return r < 0 ? -EINVAL : 0;
}

static int hex_decode(struct buf *to, struct slice s)
{
        uint64_t byte;
        if (s.n % 2)
                return -EINVAL;
        for (size_t i = 0; i < s.n; i += 2)
                if (slice_hex_to_u64(slice_make(s.p + i, 2), &byte) < 0 || buf_char(to, (char)byte) < 0)
                        return -EINVAL;
        return 0;
}

/* $1$salt$iterations$hexadecimal */
static enum scheme_result verify_pbkdf2(const struct scheme *s, struct slice data, struct slice password)
{
        struct slice rest = data, none, version, salt, count;
        unsigned iterations;
        if (!slice_split(&rest, '$', &none) || none.n || !slice_split(&rest, '$', &version) ||
            !slice_eq(version, SLICE("1")) || !slice_split(&rest, '$', &salt) || salt.n == 0 ||
            salt.n > SALT_MAX || !slice_split(&rest, '$', &count) || parse_iterations(count, &iterations) < 0)
                return SCHEME_INVALID;
        _cleanup_(buf_free) struct buf want = BUF_BOUNDED(DIGEST_MAX);
        if (hex_decode(&want, rest) < 0 || want.n != gnutls_hash_get_len(s->digest))
                return SCHEME_INVALID;
        uint8_t got[DIGEST_MAX];
        if (pbkdf2(s->mac, password, salt, iterations, got, want.n) < 0)
                return SCHEME_INVALID;
        return same(got, want.p, want.n);
}

/* iterations,salt,StoredKey,ServerKey, the last three in base 64; StoredKey = H(HMAC(SaltedPassword, "Client
 * Key")) (RFC 5802 section 3). */
static enum scheme_result verify_scram(const struct scheme *s, struct slice data, struct slice password)
{
        struct slice rest = data, count, salt64, stored64;
        unsigned iterations;
        if (!slice_split(&rest, ',', &count) || parse_iterations(count, &iterations) < 0 ||
            !slice_split(&rest, ',', &salt64) || !slice_split(&rest, ',', &stored64))
                return SCHEME_INVALID;
        _cleanup_(buf_free) struct buf salt = BUF_BOUNDED(SALT_MAX);
        _cleanup_(buf_free) struct buf stored = BUF_BOUNDED(DIGEST_MAX);
        size_t size = gnutls_hash_get_len(s->digest);
        if (base64_decode(&salt, salt64) < 0 || salt.n == 0 || base64_decode(&stored, stored64) < 0 ||
            stored.n != size)
                return SCHEME_INVALID;
        uint8_t salted[DIGEST_MAX], client[DIGEST_MAX], got[DIGEST_MAX];
        struct slice label = SLICE("Client Key");
        bool ok = pbkdf2(s->mac, password, buf_slice(&salt), iterations, salted, size) == 0 &&
                  gnutls_hmac_fast(s->mac, salted, size, label.p, label.n, client) >= 0 &&
                  gnutls_hash_fast(s->digest, client, size, got) >= 0;
        explicit_bzero(salted, sizeof(salted));
        explicit_bzero(client, sizeof(client));
        return ok ? same(got, stored.p, size) : SCHEME_INVALID;
}

#define CRYPT_ROW(name)                                                                                      \
        {                                                                                                    \
                name, verify_crypt, ENCODING_NONE, 0, 0, false                                               \
        }
#define DIGEST_ROW(name, digest, is_salted)                                                                  \
        {                                                                                                    \
                name, verify_digest, ENCODING_AUTO, digest, 0, is_salted                                     \
        }
static const struct scheme schemes[] = {
        {"PLAIN", verify_plain, ENCODING_NONE, 0, 0, false},
        {"CLEARTEXT", verify_plain, ENCODING_NONE, 0, 0, false},
        {"CLEAR", verify_plain, ENCODING_NONE, 0, 0, false},
        /* whatever crypt(3) of this system knows; the other names only say what to expect */
        CRYPT_ROW("CRYPT"),
        CRYPT_ROW("DES-CRYPT"),
        CRYPT_ROW("MD5-CRYPT"),
        CRYPT_ROW("SHA256-CRYPT"),
        CRYPT_ROW("SHA512-CRYPT"),
        CRYPT_ROW("BLF-CRYPT"),
        CRYPT_ROW("YESCRYPT"),
        DIGEST_ROW("PLAIN-MD5", GNUTLS_DIG_MD5, false),
        DIGEST_ROW("LDAP-MD5", GNUTLS_DIG_MD5, false),
        DIGEST_ROW("SMD5", GNUTLS_DIG_MD5, true),
        DIGEST_ROW("SHA", GNUTLS_DIG_SHA1, false),
        DIGEST_ROW("SHA1", GNUTLS_DIG_SHA1, false),
        DIGEST_ROW("SSHA", GNUTLS_DIG_SHA1, true),
        DIGEST_ROW("SHA256", GNUTLS_DIG_SHA256, false),
        DIGEST_ROW("SSHA256", GNUTLS_DIG_SHA256, true),
        DIGEST_ROW("SHA512", GNUTLS_DIG_SHA512, false),
        DIGEST_ROW("SSHA512", GNUTLS_DIG_SHA512, true),
        {"PBKDF2", verify_pbkdf2, ENCODING_NONE, GNUTLS_DIG_SHA1, GNUTLS_MAC_SHA1, false},
        {"SCRAM-SHA-1", verify_scram, ENCODING_NONE, GNUTLS_DIG_SHA1, GNUTLS_MAC_SHA1, false},
        {"SCRAM-SHA-256", verify_scram, ENCODING_NONE, GNUTLS_DIG_SHA256, GNUTLS_MAC_SHA256, false},
};

static const struct scheme *find_scheme(struct slice name)
{
        for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
                if (slice_ieq(name, slice_of(schemes[i].name)))
                        return &schemes[i];
        return NULL;
}

/* Takes "{NAME.encoding}" apart. */
struct stored {
        struct slice name;
        enum encoding encoding; /* AUTO: the scheme's own */
        struct slice data;
};

static bool take_suffix(struct slice *name, struct slice suffix)
{
        if (name->n < suffix.n || !slice_ieq(slice_from(*name, name->n - suffix.n), suffix))
                return false;
        name->n -= suffix.n;
        return true;
}

static struct stored split_stored(struct slice s, const char *default_scheme)
{
        struct stored r = {slice_of(default_scheme), ENCODING_AUTO, s};
        size_t end = slice_find(s, '}');
        if (s.n && s.p[0] == '{' && end < s.n) {
                r.name = slice_make(s.p + 1, end - 1);
                r.data = slice_from(s, end + 1);
        }
        if (take_suffix(&r.name, SLICE(".b64")) || take_suffix(&r.name, SLICE(".base64")))
                r.encoding = ENCODING_BASE64;
        else if (take_suffix(&r.name, SLICE(".hex")))
                r.encoding = ENCODING_HEX;
        /* an old name for two things */
        if (slice_ieq(r.name, SLICE("MD5")))
                r.name = slice_starts(r.data, SLICE("$1$")) ? SLICE("MD5-CRYPT") : SLICE("LDAP-MD5");
        return r;
}

static enum encoding encoding_of(const struct scheme *scheme, const struct stored *stored)
{
        if (stored->encoding != ENCODING_AUTO)
                return stored->encoding;
        if (scheme->encoding != ENCODING_AUTO)
                return scheme->encoding;
        bool hex = !scheme->salted && stored->data.n == 2 * (size_t)gnutls_hash_get_len(scheme->digest);
        return hex ? ENCODING_HEX : ENCODING_BASE64;
}

enum scheme_result scheme_verify(struct slice stored, const char *default_scheme, struct slice password)
{
        struct stored s = split_stored(stored, default_scheme);
        const struct scheme *scheme = find_scheme(s.name);
        if (!scheme)
                return SCHEME_UNKNOWN;
        if (s.data.n == 0 || password.n == 0)
                return SCHEME_MISMATCH;
        _cleanup_(buf_wipe) struct buf decoded = BUF_BOUNDED(STORED_MAX);
        switch (encoding_of(scheme, &s)) {
        case ENCODING_HEX:
                if (hex_decode(&decoded, s.data) < 0)
                        return SCHEME_INVALID;
                return scheme->verify(scheme, buf_slice(&decoded), password);
        case ENCODING_BASE64:
                if (base64_decode(&decoded, s.data) < 0)
                        return SCHEME_INVALID;
                return scheme->verify(scheme, buf_slice(&decoded), password);
        default:
                return scheme->verify(scheme, s.data, password);
        }
}

struct slice scheme_name(struct slice stored, const char *default_scheme)
{
        return split_stored(stored, default_scheme).name;
}

/* crypt(5) */
static const struct {
        const char *prefix, *method;
} crypt_methods[] = {
        {"$y$", "yescrypt"},    {"$gy$", "gost-yescrypt"}, {"$7$", "scrypt"},      {"$2y$", "bcrypt"},
        {"$2b$", "bcrypt"},     {"$2a$", "bcrypt"},        {"$6$", "sha512crypt"}, {"$5$", "sha256crypt"},
        {"$sha1", "sha1crypt"}, {"$md5", "SunMD5"},        {"$1$", "md5crypt"},
};

void scheme_describe(struct slice stored, const char *default_scheme, struct buf *to)
{
        struct stored s = split_stored(stored, default_scheme);
        buf_append(to, s.name);
        for (size_t i = 0; i < ARRAY_LEN(crypt_methods) && slice_ieq(s.name, SLICE("CRYPT")); i++)
                if (slice_starts(s.data, slice_of(crypt_methods[i].prefix))) {
                        buf_printf(to, ", %s", crypt_methods[i].method);
                        return;
                }
}

bool scheme_known(const char *name)
{
        return find_scheme(split_stored(SLICE_NULL, name).name) != NULL;
}

bool scheme_usable(struct slice stored, const char *default_scheme)
{
        struct stored s = split_stored(stored, default_scheme);
        const struct scheme *scheme = find_scheme(s.name);
        if (!scheme || s.data.n == 0)
                return scheme == NULL && s.data.n > 0; /* an unknown scheme is to be told, not hidden */
        return scheme->verify != verify_crypt || s.encoding != ENCODING_AUTO || !strchr("!*", s.data.p[0]);
}

int scheme_sample(struct buf *to)
{
        char setting[CRYPT_GENSALT_OUTPUT_SIZE];
        if (!crypt_gensalt_rn(NULL, 0, NULL, 0, setting, sizeof(setting)))
                return errno ? -errno : -EINVAL;
        return buf_str(to, setting);
}

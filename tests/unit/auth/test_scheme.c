#include "../unit.h"

#include "auth/scheme.h"

/* Hashes of "Sésame 1", made by Dovecot 2.3's doveadm pw and by mkpasswd. */
static const char *const good[] = {
        "{PLAIN}Sésame 1",
        "{plain}Sésame 1",
        "{CLEARTEXT}Sésame 1",
        "{PLAIN.B64}U8Opc2FtZSAx",
        "{PLAIN.hex}53c3a973616d652031",
        "{CRYPT}$2y$05$Lf2UY83xTInLaoaqgFsV7ega53bHjnZAwdEI2UTCLHcTk5tT2V9T6",
        "{DES-CRYPT}WfeRd/LJ6FH5s",
        "{MD5-CRYPT}$1$IN/XV3d9$hfoYI9Ij5qsfAcWtbis3x.",
        "{MD5}$1$cAL4dT9O$aGlzA8r0O1lRTvktNFpZ8.",
        "{MD5}xdbg02XyGSqu+DpQxN14gw==",
        "{SHA256-CRYPT}$5$9uVxG4ZiyB59kign$SH.kHZXiGp62TkZsvt4xDoOFqubdBT8erquvCqDwmiD",
        "{SHA512-CRYPT}$6$bofAkI77k8Lz5IS1$SOr7UlNwZ5cG199GIZhPK/"
        "cUGss2MThcdtvWwAK1Pc2YgTIN/S3d1EMAzYQi131sGxsl91fl9tIvh/PkwxDKg1",
        "{SHA512-CRYPT.B64}"
        "JDYkakRsc1M2SjJvS3ZGVE5udSQ3NzFRMzZ4cno2OGdnenB6YUFPMWZyVXlrVHVxbjlSV1doMGc2aC9Uc0ZzMll5UW"
        "xrRlhjT3EyRDhYc1ppSExxSUpDOU5NbzRhMWxSZjBxM1BMMmhwLw==",
        "{BLF-CRYPT}$2y$05$7ablR/2OiXpSeKZKcxwNHuyxLjDhge3Em.XhP.KOOchZh.uynWS5y",
        "{YESCRYPT}$y$j9T$sMjtGttQ7MKqApZReYFmq/$2pr2we8a.2tZOXMC/GzxHk9W4y38nyhpX596CrrHHJ5",
        "{CRYPT}$gy$j9T$A8Gis3.BlHaJX0p3X6FXk/$ltAbvPMlac4fdCjKA7iMGZV30.kHZFnml2W4T7olql7",
        "$2b$05$eRFSpXWip0eqVoX7MeefA.9dlOtBboGo2/qG44ESObS40Rq8VTpOy", /* CRYPT by default */
        "_J9..JPOVwSQ.rcVfrhk",
        "{PLAIN-MD5}c5d6e0d365f2192aaef83a50c4dd7883",
        "{LDAP-MD5}xdbg02XyGSqu+DpQxN14gw==",
        "{SMD5}ID8+Jen3/novr50lJQ0Fth5w1JY=",
        "{SHA}e6/8BwqVmQjZIi3pCfYaz6cj71c=",
        "{SHA1}e6/8BwqVmQjZIi3pCfYaz6cj71c=",
        "{SSHA}guKJ9cZXAfYcRRgbdGS+liw8uVMYm3V0",
        "{SSHA.HEX}9ea09fc60049600ac0381990d7b585cae47bad5b9a572243",
        "{SHA256}4NFCci2JNpDBYuIbbcGmN+FVsBXAogulTACjbCpCnPo=",
        "{SHA256.HEX}e0d142722d893690c162e21b6dc1a637e155b015c0a20ba54c00a36c2a429cfa",
        "{SHA256}e0d142722d893690c162e21b6dc1a637e155b015c0a20ba54c00a36c2a429cfa",
        "{SSHA256}fdFnjm70K92ZpIofc0TcP2tQK0RxoB5k4dzWMdjXUsqvR0w2",
        "{SHA512}dS9dmOnkHXwgGD/A2zPwq2pqqWK+s/ss9lqO3w1DPT4bCnVTwgixyQSA+1lxnTDVxPWsKmpcEJv/p+SaGX+QqQ==",
        "{SSHA512}zxfxPSkysRpeZeSV3v0n1Dkc7r8KgLVHPc5fedvAXUO375iGqd/"
        "7TEA5D7fyPeSb0kaRdhrQ0H7puQpCVDxlUisuXjA=",
        "{PBKDF2}$1$VgIt1iCmwa0GHDv9$5000$28634e78a8995cb04daee042f4cdd4eba09481c5",
        "{SCRAM-SHA-1}4096,YUm+MvTBR+QUyvrVGbKvww==,1qUXKLJK8IcWwLiDtMq+4VSFinw=,"
        "0MB8KwO3eVneIafEZt88tTgat40=",
        "{SCRAM-SHA-256}4096,teBoAnDE2Zlli0BG7/WPuw==,Oiv7vL0CxSZbmFvcFVr5I6PChr1/jA8F0bWb5uoHlKI=,"
        "TO/+mL7RUr0yaq1Iqvnp3YljvvjKmuS+gFtgvY9wuDY=",
};

static void test_match(void **state)
{
        for (size_t i = 0; i < ARRAY_LEN(good); i++) {
                struct slice stored = slice_of(good[i]);
                if (scheme_verify(stored, "CRYPT", SLICE("Sésame 1")) != SCHEME_MATCH)
                        fail_msg("%s does not match", good[i]);
                if (scheme_verify(stored, "CRYPT", SLICE("sésame 1")) != SCHEME_MISMATCH)
                        fail_msg("%s does not tell another password", good[i]);
                assert_int_equal(scheme_verify(stored, "CRYPT", SLICE("")), SCHEME_MISMATCH);
                assert_true(scheme_usable(stored, "CRYPT"));
        }
}

static void test_default_scheme(void **state)
{
        assert_int_equal(scheme_verify(SLICE("secret"), "PLAIN", SLICE("secret")), SCHEME_MATCH);
        assert_int_equal(scheme_verify(SLICE("7365637265742031"), "PLAIN.hex", SLICE("secret 1")),
                         SCHEME_MATCH);
        /* an opening brace alone names no scheme */
        assert_int_equal(scheme_verify(SLICE("{secret"), "PLAIN", SLICE("{secret")), SCHEME_MATCH);
}

static void test_unknown(void **state)
{
        struct slice stored = SLICE("{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$aGFzaA");
        assert_int_equal(scheme_verify(stored, "CRYPT", SLICE("x")), SCHEME_UNKNOWN);
        assert_slice_equal(scheme_name(stored, "CRYPT"), SLICE("ARGON2ID"));
        assert_slice_equal(scheme_name(SLICE("abc"), "CRYPT"), SLICE("CRYPT"));
        /* not taken for an account without a password: the administrator must hear of it */
        assert_true(scheme_usable(stored, "CRYPT"));
        assert_true(scheme_known("ssha.b64"));
        assert_false(scheme_known("ARGON2ID"));
        assert_false(scheme_known(""));
}

static void test_invalid(void **state)
{
        static const char *const bad[] = {
                "{SHA}not base 64",
                "{SHA}e6/8BwqVmQjZIi3pCfYaz6cj7w==", /* too short */
                "{SSHA}guKJ9cZX",
                "{SHA256.hex}zz",
                "{SHA256.hex}e0d",
                "{CRYPT}$9$nothing",
                "{CRYPT}x",
                "{PBKDF2}$1$salt$0$28634e78a8995cb04daee042f4cdd4eba09481c5",
                "{PBKDF2}$1$salt$99999999999$28634e78a8995cb04daee042f4cdd4eba09481c5",
                "{PBKDF2}$2$salt$1$28634e78a8995cb04daee042f4cdd4eba09481c5",
                "{PBKDF2}$1$salt$1$28634e",
                "{PBKDF2}",
                "{SCRAM-SHA-1}4096,YUm+MvTBR+QUyvrVGbKvww==",
                "{SCRAM-SHA-1}4096,,1qUXKLJK8IcWwLiDtMq+4VSFinw=,x",
                "{SCRAM-SHA-256}4096,teBoAnDE2Zlli0BG7/WPuw==,1qUXKLJK8IcWwLiDtMq+4VSFinw=,x",
        };
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                enum scheme_result r = scheme_verify(slice_of(bad[i]), "CRYPT", SLICE("Sésame 1"));
                if (!strcmp(bad[i], "{PBKDF2}"))
                        assert_int_equal(r, SCHEME_MISMATCH); /* no password set */
                else if (r != SCHEME_INVALID)
                        fail_msg("%s: %d", bad[i], r);
        }
        /* a setting without a hash is what a mistaken tool might leave: nothing matches it */
        assert_int_equal(scheme_verify(SLICE("{CRYPT}$6$salt$"), "CRYPT", SLICE("x")), SCHEME_MISMATCH);
}

static void test_bytes(void **state)
{
        /* what crypt() would cut off must not match */
        assert_int_equal(scheme_verify(SLICE("{DES-CRYPT}WfeRd/LJ6FH5s"), "CRYPT", SLICE("Sésame 1\0more")),
                         SCHEME_MISMATCH);
        static char huge[600];
        memset(huge, 'x', sizeof(huge));
        assert_int_equal(scheme_verify(slice_of(good[5]), "CRYPT", slice_make(huge, sizeof(huge))),
                         SCHEME_MISMATCH);
        assert_int_equal(scheme_verify(SLICE("{CRYPT}$6$a\0b"), "CRYPT", SLICE("x")), SCHEME_INVALID);
}

static void test_usable(void **state)
{
        static const char *const locked[] = {"",         "!",       "*",      "!!", "!$6$salt$hash",
                                             "{CRYPT}!", "{CRYPT}", "{PLAIN}"};
        for (size_t i = 0; i < ARRAY_LEN(locked); i++)
                assert_false(scheme_usable(slice_of(locked[i]), "CRYPT"));
        assert_true(scheme_usable(SLICE("!"), "PLAIN"));
        assert_true(scheme_usable(SLICE("{PLAIN}*"), "CRYPT"));
}

static void test_sample(void **state)
{
        _cleanup_(buf_free) struct buf b = {0};
        assert_int_equal(scheme_sample(&b), 0);
        assert_true(scheme_usable(buf_slice(&b), "CRYPT"));
        assert_int_equal(scheme_verify(buf_slice(&b), "CRYPT", SLICE("x")), SCHEME_MISMATCH);
}

/* The method, and nothing that is anybody's secret. */
static void test_describe(void **state)
{
        static const char *const rows[][2] = {
                {"{PLAIN}$6$geheim", "PLAIN"},           {"{SHA512-CRYPT}$6$salt$hash", "SHA512-CRYPT"},
                {"$6$salt$hash", "CRYPT, sha512crypt"},  {"$y$j9T$salt$hash", "CRYPT, yescrypt"},
                {"{CRYPT}$2y$05$salt", "CRYPT, bcrypt"}, {"WfeRd/LJ6FH5s", "CRYPT"},
                {"{MD5}$1$salt$hash", "MD5-CRYPT"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                _cleanup_(buf_free) struct buf b = {0};
                scheme_describe(slice_of(rows[i][0]), "CRYPT", &b);
                assert_string_equal(buf_cstr(&b), rows[i][1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_match),   cmocka_unit_test(test_default_scheme),
                cmocka_unit_test(test_unknown), cmocka_unit_test(test_invalid),
                cmocka_unit_test(test_bytes),   cmocka_unit_test(test_usable),
                cmocka_unit_test(test_sample),  cmocka_unit_test(test_describe),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

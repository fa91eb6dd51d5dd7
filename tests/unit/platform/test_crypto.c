/* Published vectors, so that a mistake on both sides cannot hide: RFC 4231 (HMAC), 6238 (TOTP), 7515 A.1 and 7519 (HS256), 8037 A.4 (EdDSA), 8032 (Ed25519). */
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/check.h"
#include "base/codec.h"
#include "platform/crypto.h"

static struct str unhex(struct arena *a, const char *hex)
{
    struct str out = {0};
    assert_int_equal(codec_unhex(a, str_from(hex), &out), ERR_OK);
    return out;
}

static void sha256_and_hmac_match_published_vectors(void **state)
{
    UNUSED(state);
    ARENA_AUTO a = arena_new(0);
    char hex[65];
    crypto_sha256_hex(STR("abc"), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    uint8_t mac[32];
    crypto_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), mac);
    struct str want = unhex(a, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_memory_equal(mac, want.p, 32);
    char key[131]; /* RFC 4231 case 6: a key longer than a block */
    memset(key, 0xaa, sizeof(key));
    crypto_hmac_sha256((struct str){key, sizeof(key)},
                       STR("Test Using Larger Than Block-Size Key - Hash Key First"), mac);
    want = unhex(a, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_memory_equal(mac, want.p, 32);
}

static void tokens_are_43_characters_and_differ(void **state)
{
    UNUSED(state);
    ARENA_AUTO a = arena_new(0);
    struct str one = crypto_token(a);
    struct str two = crypto_token(a);
    assert_int_equal(one.len, 43);
    assert_false(str_eq(one, two));
}

static void totp_matches_rfc_6238(void **state)
{
    UNUSED(state);
    static const struct {
        int64_t at_s;
        uint32_t code; /* the RFC prints 8 digits; the last 6 */
    } rows[] = {{59, 287082},       {1111111109, 81804},  {1111111111, 50471},
                {1234567890, 5924}, {2000000000, 279037}, {20000000000, 353130}};
    struct str seed = STR("12345678901234567890");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(crypto_totp(seed, rows[i].at_s * 1000), rows[i].code);
    }
}

static void totp_code_works_once_and_one_step_either_side(void **state)
{
    UNUSED(state);
    struct str seed = STR("12345678901234567890");
    struct str code = STR("081804"); /* of 1111111109 s, step 37037036 */
    int64_t at = 1111111109LL * 1000;
    int64_t step = 0;
    assert_true(crypto_totp_verify(seed, code, at, 0, &step));
    assert_int_equal(step, 37037036);
    assert_false(crypto_totp_verify(seed, code, at, step, &step)); /* used */
    assert_true(crypto_totp_verify(seed, code, at + 30000, 0, &step));
    assert_true(crypto_totp_verify(seed, code, at - 30000, 0, &step));
    assert_false(crypto_totp_verify(seed, code, at + 60000, 0, &step));
    assert_false(crypto_totp_verify(seed, code, at - 60000, 0, &step));
    assert_false(crypto_totp_verify(seed, STR("81804"), at, 0, &step));
    assert_false(crypto_totp_verify(seed, STR("081805"), at, 0, &step));
}

static void password_hash_is_argon2id_salted_and_verifies(void **state)
{
    UNUSED(state);
    char one[128];
    char two[128];
    assert_int_equal(crypto_password_hash(STR("correct horse battery"), one), ERR_OK);
    assert_int_equal(crypto_password_hash(STR("correct horse battery"), two), ERR_OK);
    assert_true(str_starts(str_from(one), STR("$argon2id$v=19$m=65536,t=2,p=1$")));
    assert_string_not_equal(one, two);
    assert_true(crypto_password_verify(one, STR("correct horse battery")));
    assert_false(crypto_password_verify(one, STR("correct horse batterz")));
    assert_false(crypto_password_verify("not a hash", STR("correct horse battery")));
    assert_false(crypto_password_needs_rehash(one));
    assert_true(crypto_password_needs_rehash("$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$"
                                             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
}

static void sealed_bytes_open_only_under_the_same_key_and_context(void **state)
{
    UNUSED(state);
    ARENA_AUTO a = arena_new(0);
    uint8_t key[32] = {1};
    uint8_t other[32] = {2};
    struct str sealed = crypto_seal(a, key, STR("totp:7"), STR("seed"));
    struct str plain = {0};
    assert_int_equal(crypto_open(a, key, STR("totp:7"), sealed, &plain), ERR_OK);
    assert_true(str_eq_cstr(plain, "seed"));
    assert_int_equal(crypto_open(a, key, STR("totp:8"), sealed, &plain), ERR_DENIED);
    assert_int_equal(crypto_open(a, other, STR("totp:7"), sealed, &plain), ERR_DENIED);
    assert_int_equal(crypto_open(a, key, STR("totp:7"), str_sub(sealed, 0, sealed.len - 1), &plain),
                     ERR_DENIED);
    assert_int_equal(crypto_open(a, key, STR("totp:7"), STR("short"), &plain), ERR_INVALID);
}

/* ---- JWT ---- */

#define RFC7515_TOKEN                                                                              \
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"                                                     \
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnV" \
    "lfQ"                                                                                          \
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define RFC7515_KEY                                                                                \
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"

static struct str hs256_key(struct arena *a)
{
    struct str key = {0};
    assert_int_equal(codec_unbase64url(a, STR(RFC7515_KEY), &key), ERR_OK);
    return key;
}

static void jwt_hs256_matches_rfc_7515(void **state)
{
    UNUSED(state);
    ARENA_AUTO a = arena_new(0);
    struct str claims = {0};
    struct str kid = {0};
    assert_int_equal(
        crypto_jwt_verify(a, JWT_HS256, hs256_key(a), STR(RFC7515_TOKEN), &claims, &kid), ERR_OK);
    assert_true(str_eq_cstr(
        claims,
        "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"));
    assert_int_equal(kid.len, 0);
}

static void jwt_eddsa_key_of_rfc_8032_verifies_rfc_8037_signature(void **state)
{
    UNUSED(state);
    ARENA_AUTO a = arena_new(0);
    struct str key = unhex(
        a,
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"); /* RFC 8032 test 1, RFC 8037 A.1 */
    struct str claims = {0};
    struct str kid = {0};
    assert_int_equal(
        crypto_jwt_verify(a, JWT_EDDSA, key,
                          STR("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_"
                              "MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6"
                              "dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"),
                          &claims, &kid),
        ERR_OK);
    assert_true(str_eq_cstr(claims, "Example of Ed25519 signing"));
    struct str other = unhex(
        a,
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"); /* RFC 8032 test 2 */
    assert_int_equal(
        crypto_jwt_verify(a, JWT_EDDSA, other,
                          STR("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_"
                              "MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6"
                              "dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"),
                          &claims, &kid),
        ERR_DENIED);
}

/* A token with this header, correctly signed by HS256 whatever the header says. */
static struct str with_header(struct arena *a, struct str key, const char *header,
                              const char *payload)
{
    struct str h = codec_base64url(a, header, strlen(header));
    struct str p = codec_base64url(a, payload, strlen(payload));
    struct str text = str_printf(a, STR_FMT "." STR_FMT, STR_ARG(h), STR_ARG(p));
    uint8_t mac[32];
    crypto_hmac_sha256(key, text, mac);
    struct str s = codec_base64url(a, mac, sizeof(mac));
    return str_printf(a, STR_FMT "." STR_FMT, STR_ARG(text), STR_ARG(s));
}

static void jwt_refuses_everything_else(void **state)
{
    UNUSED(state);
    ARENA_AUTO a = arena_new(0);
    struct str key = hs256_key(a);
    struct str claims = {0};
    static const struct {
        const char *name, *header;
        enum err want;
    } headers[] = {
        {"good", "{\"alg\":\"HS256\",\"kid\":\"k1\"}", ERR_OK},
        {"alg none", "{\"alg\":\"none\"}", ERR_PROTOCOL},
        {"alg None", "{\"alg\":\"None\"}", ERR_PROTOCOL},
        {"alg in lower case", "{\"alg\":\"hs256\"}", ERR_PROTOCOL},
        {"other hash", "{\"alg\":\"HS512\"}", ERR_PROTOCOL},
        {"public key algorithm", "{\"alg\":\"EdDSA\"}", ERR_PROTOCOL},
        {"no alg", "{\"typ\":\"JWT\"}", ERR_INVALID},
        {"alg not text", "{\"alg\":256}", ERR_INVALID},
        {"crit", "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", ERR_INVALID},
        {"b64", "{\"alg\":\"HS256\",\"b64\":false}", ERR_INVALID},
        {"encrypted", "{\"alg\":\"HS256\",\"typ\":\"JWE\"}", ERR_INVALID},
        {"not an object", "[]", ERR_INVALID},
        {"not JSON", "alg=HS256", ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        struct str kid = {0};
        enum err got = crypto_jwt_verify(
            a, JWT_HS256, key, with_header(a, key, headers[i].header, "{}"), &claims, &kid);
        if (got != headers[i].want) {
            fail_msg("%s: %s", headers[i].name, err_name(got));
        }
    }
    struct str good = crypto_jwt_sign_hs256(a, key, STR("{\"sub\":\"1\"}"));
    struct str kid = {0};
    assert_int_equal(crypto_jwt_verify(a, JWT_HS256, key, good, &claims, &kid), ERR_OK);
    assert_int_equal(crypto_jwt_verify(a, JWT_HS256, STR("0123456789abcdef"), good, &claims, &kid),
                     ERR_DENIED);
    assert_int_equal(crypto_jwt_verify(a, JWT_HS256, STR(""), good, &claims, &kid), ERR_DENIED);
    assert_int_equal(
        crypto_jwt_verify(a, JWT_HS256, key, str_sub(good, 0, good.len - 1), &claims, &kid),
        ERR_INVALID);
    assert_int_equal(crypto_jwt_verify(a, JWT_HS256, key, str_printf(a, STR_FMT ".", STR_ARG(good)),
                                       &claims, &kid),
                     ERR_INVALID);
    assert_int_equal(crypto_jwt_verify(a, JWT_HS256, key, str_printf(a, STR_FMT "=", STR_ARG(good)),
                                       &claims, &kid),
                     ERR_INVALID);
    assert_int_equal(crypto_jwt_verify(a, JWT_HS256, key, STR(""), &claims, &kid), ERR_INVALID);
    assert_int_equal(crypto_jwt_verify(a, JWT_HS256, key, STR(".."), &claims, &kid), ERR_INVALID);
    /* every single flipped character of the signed text is noticed */
    for (size_t i = 0; i < good.len; i++) {
        struct str bad = str_dup(a, good);
        ((char *)(uintptr_t)bad.p)[i] = bad.p[i] == 'A' ? 'B' : 'A';
        assert_int_not_equal(crypto_jwt_verify(a, JWT_HS256, key, bad, &claims, &kid), ERR_OK);
    }
    char *big = arena_alloc(a, CRYPTO_JWT_MAX + 10);
    memset(big, 'a', CRYPTO_JWT_MAX + 9);
    assert_int_equal(
        crypto_jwt_verify(a, JWT_HS256, key, (struct str){big, CRYPTO_JWT_MAX + 9}, &claims, &kid),
        ERR_INVALID);
}

static void a_hs256_token_made_with_the_public_key_is_refused(void **state)
{
    UNUSED(state);
    ARENA_AUTO a = arena_new(0);
    struct str public_key =
        unhex(a, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    struct str claims = {0};
    struct str kid = {0};
    struct str forged = crypto_jwt_sign_hs256(a, public_key, STR("{\"sub\":\"victim\"}"));
    assert_int_equal(crypto_jwt_verify(a, JWT_EDDSA, public_key, forged, &claims, &kid),
                     ERR_PROTOCOL);
    struct str relabelled =
        with_header(a, public_key, "{\"alg\":\"EdDSA\"}", "{\"sub\":\"victim\"}");
    assert_int_equal(crypto_jwt_verify(a, JWT_EDDSA, public_key, relabelled, &claims, &kid),
                     ERR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_and_hmac_match_published_vectors),
        cmocka_unit_test(tokens_are_43_characters_and_differ),
        cmocka_unit_test(totp_matches_rfc_6238),
        cmocka_unit_test(totp_code_works_once_and_one_step_either_side),
        cmocka_unit_test(password_hash_is_argon2id_salted_and_verifies),
        cmocka_unit_test(sealed_bytes_open_only_under_the_same_key_and_context),
        cmocka_unit_test(jwt_hs256_matches_rfc_7515),
        cmocka_unit_test(jwt_eddsa_key_of_rfc_8032_verifies_rfc_8037_signature),
        cmocka_unit_test(jwt_refuses_everything_else),
        cmocka_unit_test(a_hs256_token_made_with_the_public_key_is_refused),
    };
    return crypto_init() == ERR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
